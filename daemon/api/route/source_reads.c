/*
 * /v1/sources/{key}/reads: windows of a source that are read because somebody asks, and how far that is.
 */
#include "daemon/api/routes.h"
#include "daemon/api/rows.h"
#include "daemon/api/route/source/source_bill.h"
#include "daemon/api/route/source_counts.h"
#include "daemon/api/route/source_row.h"

#include "meterd/catalog/catalog.h"
#include "meterd/collector/poller.h"
#include "meterd/core/time.h"
#include "meterd/source/window.h"

enum { WINDOWS_COUNTED_MAX = 100000 };

/* ---- what is asked ---- */

struct wish {
    int64_t from, to;
    struct mtr_str each;
    bool has_to, has_each, dry_run, has_dry_run;
};

#define BODY(field) MTR_MEMBER(wish, field)
static const struct mtr_json_member wish_members[] = {
    {BODY(from), .type = MTR_MEMBER_TIME, .doc = "from the window that holds this time …"},
    {BODY(to), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(wish, has_to),
     .doc = "… to the last one that begins before this; unless given, that window alone"},
    {BODY(each), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(wish, has_each),
     .doc = "of this one of for_each; unless given, of all"},
    {BODY(dry_run), .type = MTR_MEMBER_BOOL, .presence = MTR_MAY_LACK, MTR_PRESENT(wish, has_dry_run),
     .doc = "the vendor is asked, and nothing is stored; `tried` says what would be"},
    {0},
};
#undef BODY
static const struct mtr_shape wish_shape = {.name = "SourceReadsOrder", .members = wish_members};

static bool read_time(struct api_call *call, const struct mtr_node *root, const char *name, int64_t *out)
{
    const struct mtr_str text = mtr_node_text(root, name);
    if (text.size && !mtr_time_parse_date(text, out)) return true;
    api_problem(call, 400, MTR_FINDING_REQUEST_BODY, "%s: write a time or a date", name);
    return false;
}

/* The text is in the call's arena. False after answering 400. */
static bool read_wish(struct api_call *call, struct wish *out)
{
    struct mtr_document *document = api_body(call);
    if (!document) return false;
    const struct mtr_node *root = mtr_document_root(document);
    *out = (struct wish){0};
    out->dry_run = mtr_str_equal(mtr_node_text(root, "dry_run"), MTR_STR("true"));
    out->has_to = mtr_node_get(root, "to") != NULL;
    bool is_well = read_time(call, root, "from", &out->from) &&
                   (!out->has_to || read_time(call, root, "to", &out->to));
    if (is_well && !out->has_to) out->to = out->from + 1; /* an instant of it */
    if (is_well && mtr_arena_copy(&call->arena, mtr_node_text(root, "each"), &out->each)) {
        api_error(call, MTR_ENOMEM, "the order cannot be read");
        is_well = false;
    }
    mtr_document_close(document);
    return is_well;
}

/* ---- what is answered ---- */

struct tried_row {
    struct mtr_str each, problem, quantity, quantity_before;
    int64_t start, end;
    bool has_each, open, taken, unchanged, has_problem, has_alarm, has_quantity, had_quantity;
    const char *alarm;
    struct mtr_reading_counts counts;
};

#define ROW(field) MTR_MEMBER(tried_row, field)
static const struct mtr_json_member tried_members[] = {
    {ROW(each), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(tried_row, has_each),
     .doc = "which of for_each"},
    {ROW(start), .type = MTR_MEMBER_TIME, .doc = "of the window"},
    {ROW(end), .type = MTR_MEMBER_TIME, .doc = "exclusive"},
    {ROW(open), .type = MTR_MEMBER_BOOL, .doc = "the window is not over yet"},
    {ROW(taken), .type = MTR_MEMBER_BOOL, .doc = "its rows would be what the window has"},
    {ROW(unchanged), .type = MTR_MEMBER_BOOL, .doc = "the vendor says that nothing is new"},
    {ROW(alarm), .type = MTR_MEMBER_WORD, .choice = source_alarm_choice, .presence = MTR_MAY_LACK,
     MTR_PRESENT(tried_row, has_alarm), .doc = "that there would be"},
    {ROW(problem), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(tried_row, has_problem),
     .doc = "why it would not be taken"},
    SOURCE_COUNTS(tried_row),
    {ROW(quantity), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(tried_row, has_quantity),
     .doc = "sum of the number that the guard watches, of all rows, in the vendor's units"},
    {ROW(quantity_before), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK,
     MTR_PRESENT(tried_row, had_quantity), .doc = "the same, as the window was read last"},
    {0},
};
#undef ROW
static const struct mtr_shape tried_shape = {.name = "SourceTried", .members = tried_members};

struct reads_row {
    struct mtr_str source;
    struct mtr_list tried;
    struct source_bill_row bill;
    struct mtr_str problem;
    int64_t again_at;
    bool has_windows, dry_run, waits, has_tried, has_bill, file_waits;
    uint64_t windows, rows, refused;
    uint32_t left, taken, failed, called_off;
};

#define ROW(field) MTR_MEMBER(reads_row, field)
static const struct mtr_json_member row_members[] = {
    {ROW(source), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(windows), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK, MTR_PRESENT(reads_row, has_windows),
     .doc = "how many are to be read, where it was just asked for and they can be counted"},
    {ROW(left), .type = MTR_MEMBER_U32,
     .doc = "requests of for_each that still have such windows; 0: all is done"},
    {ROW(taken), .type = MTR_MEMBER_U32, .doc = "windows whose reading is in the log"},
    {ROW(failed), .type = MTR_MEMBER_U32, .doc = "windows whose reading is not; an alarm says why"},
    {ROW(refused), .type = MTR_MEMBER_U64,
     .doc = "rows of the windows that were taken: in quarantine, with their reason"},
    {ROW(called_off), .type = MTR_MEMBER_U32,
     .doc = "requests of for_each whose other windows were called off"},
    {ROW(rows), .type = MTR_MEMBER_U64, .doc = "rows of the source that were read since the daemon started"},
    {ROW(again_at), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(reads_row, waits),
     .doc = "after a failure: when a window that is left is tried again"},
    {ROW(problem), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(reads_row, waits),
     .doc = "the same: what the last try came to"},
    {ROW(file_waits), .type = MTR_MEMBER_BOOL,
     .doc = "a file that was given, or a replay, waits until readings that are under way have ended"},
    {ROW(dry_run), .type = MTR_MEMBER_BOOL, .doc = "taken and failed are what would be; nothing is stored"},
    {ROW(tried), .type = MTR_MEMBER_LIST, .shape = &tried_shape, .item_size = sizeof(struct tried_row),
     .presence = MTR_MAY_LACK, MTR_PRESENT(reads_row, has_tried),
     .doc = "of a dry run that is done: each window"},
    {ROW(bill), .type = MTR_MEMBER_MAP, .shape = &source_bill_shape, .presence = MTR_MAY_LACK,
     MTR_PRESENT(reads_row, has_bill), .doc = "the same: what the windows that would be taken would bill"},
    {0},
};
#undef ROW
static const struct mtr_shape row_shape = {.name = "SourceReads", .members = row_members};

static struct reads_row row_of(struct api_call *call, const struct mtr_source *source, struct mtr_str each)
{
    const struct mtr_api_host *host = call->host;
    const struct mtr_strand strand = {source->vendor, source->key, each};
    struct mtr_source_status status = {0};
    struct mtr_poller_asked asked = {0};
    (void)!host->source_status(host->context, source, &status);
    (void)!host->source_reads(host->context, &strand, &asked);
    struct mtr_str problem = {NULL, 0};
    const bool waits = asked.again_us && !mtr_arena_copy(&call->arena, mtr_str_from(asked.problem), &problem);
    return (struct reads_row){.source = source->key,
                              .left = asked.left,
                              .taken = asked.taken,
                              .failed = asked.failed,
                              .refused = asked.refused,
                              .called_off = asked.called_off,
                              .file_waits = asked.has_file,
                              .dry_run = asked.is_trial,
                              .waits = waits,
                              .again_at = asked.again_us,
                              .problem = problem,
                              .has_tried = asked.is_trial && !asked.left,
                              .rows = status.rows};
}

/* Texts are copied into the call's arena. */
static int tried_row_of(struct api_call *call, const struct mtr_poller_tried *tried, struct tried_row *out)
{
    *out = (struct tried_row){.start = tried->window.from_us,
                              .end = tried->window.to_us,
                              .has_each = tried->each[0],
                              .open = tried->is_draft,
                              .taken = tried->is_taken,
                              .unchanged = tried->is_unchanged,
                              .has_problem = tried->text[0],
                              .has_alarm = tried->alarm != MTR_ALARM_NONE,
                              .alarm = mtr_alarm_name(tried->alarm),
                              .counts = tried->counts,
                              .has_quantity = tried->quantity[0],
                              .had_quantity = tried->quantity_before[0]};
    int rc = mtr_arena_copy(&call->arena, mtr_str_from(tried->each), &out->each);
    if (!rc) rc = mtr_arena_copy(&call->arena, mtr_str_from(tried->quantity), &out->quantity);
    if (!rc) rc = mtr_arena_copy(&call->arena, mtr_str_from(tried->quantity_before), &out->quantity_before);
    return rc ? rc : mtr_arena_copy(&call->arena, mtr_str_from(tried->text), &out->problem);
}

static int add_tried(struct api_call *call, const struct mtr_source *source, struct reads_row *row)
{
    const struct mtr_strand strand = {source->vendor, source->key, {NULL, 0}};
    struct mtr_poller_tried tried;
    int rc = MTR_OK;
    if (!row->has_tried) return MTR_OK;
    struct tried_row *rows = mtr_arena_calloc(&call->arena, MTR_POLLER_TRIED_MAX, sizeof(*rows));
    if (!rows) return MTR_ENOMEM;
    row->tried.items = rows;
    while (!rc && call->host->source_tried(call->host->context, &strand, row->tried.count, &tried))
        rc = tried_row_of(call, &tried, &rows[row->tried.count++]);
    return rc;
}

static int add_bill(struct api_call *call, const struct mtr_source *source, struct reads_row *row)
{
    const struct mtr_strand strand = {source->vendor, source->key, {NULL, 0}};
    if (!row->has_tried || !call->host->source_dry_rows) return MTR_OK;
    struct mtr_dry_rows *rows = call->host->source_dry_rows(call->host->context, &strand);
    row->has_bill = rows != NULL;
    return rows ? source_bill(call, rows, &row->bill) : MTR_OK;
}

/* Those of one request, which are returned, times the requests. */
static uint64_t count_windows(struct api_call *call, const struct mtr_source *source,
                              const struct wish *wish, struct reads_row *row)
{
    struct mtr_source_status status = {0};
    const int64_t now_us = call->now_us;
    const int64_t to_us = wish->to < now_us ? wish->to : now_us;
    uint64_t count = 0;
    if (!call->host->source_status(call->host->context, source, &status)) return 1;
    const struct mtr_source_window *rule = &source->window;
    const int64_t from_us = rule->has_start
                                ? mtr_time_later(wish->from, mtr_window_at(rule, rule->start_us).from_us)
                                : wish->from;
    struct mtr_window window = mtr_window_at(rule, from_us);
    for (; window.from_us < to_us && count < WINDOWS_COUNTED_MAX; count++)
        window = mtr_window_next(rule, &window);
    row->has_windows = count < WINDOWS_COUNTED_MAX;
    row->windows = count * (wish->each.size ? 1 : status.strands);
    return count;
}

/* False after answering. */
static bool check_windows(struct api_call *call, const struct mtr_source *source, const struct wish *wish)
{
    struct reads_row row = {0};
    if (source->window.length == MTR_LENGTH_CURSOR) return true; /* it is refused as what it is */
    const uint64_t of_one = count_windows(call, source, wish, &row);
    if (!of_one && wish->from < wish->to)
        api_problem(call, 400, MTR_FINDING_REQUEST_BODY,
                    "no window of it has begun there: `from` is in the future, or `to` before its "
                    "`window.start`");
    else if (wish->dry_run && row.windows > MTR_POLLER_TRIED_MAX)
        api_problem(call, 400, MTR_FINDING_REQUEST_BODY,
                    "a dry run is of at most %d windows: name fewer, or one of for_each",
                    (int)MTR_POLLER_TRIED_MAX);
    else
        return true;
    return false;
}

static void order(struct api_call *call)
{
    struct wish wish;
    const char *fault = "";
    const struct mtr_source *source = source_of_path(call);
    if (!source || !read_wish(call, &wish) || !check_windows(call, source, &wish)) return;
    const struct mtr_strand strand = {source->vendor, source->key, wish.each};
    const struct mtr_window range = {wish.from, wish.to};
    int rc = call->host->read_source(call->host->context, &strand, range, wish.dry_run, &fault);
    if (rc == MTR_EINVALID) {
        api_problem(call, 400, MTR_FINDING_REQUEST_BODY, "%s", fault);
    } else if (rc == MTR_EAGAIN || rc == MTR_ENOTFOUND) {
        api_problem(call, 503, MTR_FINDING_REQUEST_BUSY, "%s", fault);
    } else if (rc) {
        api_error(call, rc, "the windows cannot be asked for");
    } else {
        struct reads_row row = row_of(call, source, wish.each);
        row.has_tried = false;
        (void)count_windows(call, source, &wish, &row);
        api_answer(call, &row);
    }
}

static void tell(struct api_call *call)
{
    const struct mtr_source *source = source_of_path(call);
    if (!source) return;
    struct reads_row row = row_of(call, source, api_text(call, "each"));
    int rc = add_tried(call, source, &row);
    if (!rc) rc = add_bill(call, source, &row);
    if (rc)
        api_error(call, rc, "what was tried cannot be told");
    else
        api_answer(call, &row);
}

const struct api_route api_order_reads = {
    .method = MTR_HTTP_POST,
    .path = "/v1/sources/{key}/reads",
    .scope = MTR_SCOPE_ADMIN,
    .act = API_SECURITY_ADMIN_ACT,
    .operation = "orderSourceReads",
    .summary = "Reads windows of a source now, whatever its schedule says: also settled ones",
    .request = &wish_shape,
    .answer = &row_shape,
    .handle = order,
};

static const struct api_parameter parameters[] = {
    {"each", API_TEXT, .doc = "of this one of for_each; unless given, of all"},
    {0},
};

const struct api_route api_get_reads = {
    .method = MTR_HTTP_GET,
    .path = "/v1/sources/{key}/reads",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "getSourceReads",
    .summary = "How far the windows are that were asked for last",
    .parameters = parameters,
    .answer = &row_shape,
    .handle = tell,
};

/* ---- called off ---- */

struct called_off_row {
    struct mtr_str source;
    uint32_t requests;
    bool file;
};

#define ROW(field) MTR_MEMBER(called_off_row, field)
static const struct mtr_json_member called_off_members[] = {
    {ROW(source), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(requests), .type = MTR_MEMBER_U32,
     .doc = "requests of for_each whose windows are not read any more"},
    {ROW(file), .type = MTR_MEMBER_BOOL, .doc = "a file, or a replay, had not been begun, and is not read"},
    {0},
};
#undef ROW
static const struct mtr_shape called_off_shape = {.name = "SourceCalledOff", .members = called_off_members};

static void call_off(struct api_call *call)
{
    const struct mtr_source *source = source_of_path(call);
    if (!source) return;
    const struct mtr_strand strand = {source->vendor, source->key, api_text(call, "each")};
    const bool is_file = api_flag(call, "file");
    const uint32_t count = call->host->call_off_source(call->host->context, &strand, is_file);
    const struct called_off_row row = {
        .source = source->key, .requests = is_file ? 0 : count, .file = is_file && count};
    api_answer(call, &row);
}

static const struct api_parameter called_off_parameters[] = {
    {"each", API_TEXT, .doc = "of this one of for_each; unless given, of all"},
    {"file", API_BOOLEAN, .doc = "the file that waits, or the replay, and no window that was asked for"},
    {0},
};

const struct api_route api_call_off_reads = {
    .method = MTR_HTTP_DELETE,
    .path = "/v1/sources/{key}/reads",
    .scope = MTR_SCOPE_ADMIN,
    .act = API_SECURITY_ADMIN_ACT,
    .operation = "callOffSourceReads",
    .summary = "Calls off what was asked for and has not begun; a reading under way ends, and counts",
    .parameters = called_off_parameters,
    .answer = &called_off_shape,
    .handle = call_off,
};
