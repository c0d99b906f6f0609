/*
 * /v1/sources/{key}/reads: windows of a source that are read because somebody asks, and how far that is.
 */
#include "daemon/api/routes.h"
#include "daemon/api/rows.h"

#include "meterd/catalog/catalog.h"
#include "meterd/collector/poller.h"
#include "meterd/core/time.h"
#include "meterd/net/loop.h"
#include "meterd/source/window.h"

enum { WINDOWS_COUNTED_MAX = 100000 };

/* ---- what is asked ---- */

struct wish {
    int64_t from, to;
    struct mtr_str each;
    bool has_each;
};

#define BODY(field) MTR_MEMBER(wish, field)
static const struct mtr_json_member wish_members[] = {
    {BODY(from), .type = MTR_MEMBER_TIME, .doc = "from the window that holds this time …"},
    {BODY(to), .type = MTR_MEMBER_TIME, .doc = "… to the last one that begins before this"},
    {BODY(each), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(wish, has_each),
     .doc = "of this one of for_each; unless given, of all"},
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
    bool is_well = read_time(call, root, "from", &out->from) && read_time(call, root, "to", &out->to);
    if (is_well && mtr_arena_copy(&call->arena, mtr_node_text(root, "each"), &out->each)) {
        api_error(call, MTR_ENOMEM, "the order cannot be read");
        is_well = false;
    }
    mtr_document_close(document);
    return is_well;
}

/* ---- what is answered ---- */

struct reads_row {
    struct mtr_str source;
    bool has_windows;
    uint64_t windows, rows;
    uint32_t left, taken, failed;
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
    {ROW(rows), .type = MTR_MEMBER_U64, .doc = "rows of the source that were read since the daemon started"},
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
    return (struct reads_row){.source = source->key,
                              .left = asked.left,
                              .taken = asked.taken,
                              .failed = asked.failed,
                              .rows = status.rows};
}

/* Those of one request, times the requests. */
static void count_windows(struct api_call *call, const struct mtr_source *source, const struct wish *wish,
                          struct reads_row *row)
{
    struct mtr_source_status status = {0};
    const int64_t now_us = mtr_clock_wall_us();
    const int64_t to_us = wish->to < now_us ? wish->to : now_us;
    uint64_t count = 0;
    if (!call->host->source_status(call->host->context, source, &status)) return;
    const struct mtr_source_window *rule = &source->window;
    const int64_t from_us = rule->has_start
                                ? mtr_time_later(wish->from, mtr_window_at(rule, rule->start_us).from_us)
                                : wish->from;
    struct mtr_window window = mtr_window_at(rule, from_us);
    for (; window.from_us < to_us && count < WINDOWS_COUNTED_MAX; count++)
        window = mtr_window_next(rule, &window);
    row->has_windows = count < WINDOWS_COUNTED_MAX;
    row->windows = count * (wish->each.size ? 1 : status.strands);
}

static const struct mtr_source *find_source(struct api_call *call)
{
    const struct mtr_str key = call->path_parameters[0];
    const struct mtr_source *source = mtr_catalog_find_source(call->catalog, key);
    if (!source) api_unknown(call, MTR_KIND_SOURCE, key);
    return source;
}

static void order(struct api_call *call)
{
    struct wish wish;
    const char *fault = "";
    const struct mtr_source *source = find_source(call);
    if (!source || !read_wish(call, &wish)) return;
    const struct mtr_strand strand = {source->vendor, source->key, wish.each};
    int rc = call->host->read_source(call->host->context, &strand, wish.from, wish.to, &fault);
    if (rc == MTR_EINVALID) {
        api_problem(call, 400, MTR_FINDING_REQUEST_BODY, "%s", fault);
    } else if (rc == MTR_EAGAIN || rc == MTR_ENOTFOUND) {
        api_problem(call, 503, MTR_FINDING_REQUEST_BUSY, "%s", fault);
    } else if (rc) {
        api_error(call, rc, "the windows cannot be asked for");
    } else {
        struct reads_row row = row_of(call, source, wish.each);
        count_windows(call, source, &wish, &row);
        api_answer(call, &row);
    }
}

static void tell(struct api_call *call)
{
    const struct mtr_source *source = find_source(call);
    if (!source) return;
    const struct reads_row row = row_of(call, source, api_text(call, "each"));
    api_answer(call, &row);
}

const struct api_route api_order_reads = {
    .method = MTR_HTTP_POST,
    .path = "/v1/sources/{key}/reads",
    .scope = MTR_SCOPE_ADMIN,
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
