/*
 * GET /v1/sources/windows: the ledger of a source's windows, from a time on.
 */
#include <string.h>

#include "daemon/api/rows.h"
#include "daemon/api/routes.h"

#include "meterd/catalog/catalog.h"
#include "meterd/core/time.h"
#include "meterd/store/ledger.h"

struct windows {
    const struct mtr_source *source;
    uint64_t limit, listed;
    int64_t from_us;
    bool is_behind; /* the row of `each` that begins at from_us: it is listed, or was asked for */
    char each[MTR_LEDGER_EACH_BYTES_MAX];
    size_t each_bytes;
    bool more;
    struct api_rows *rows;
};

struct window_row {
    struct mtr_str each;
    int64_t start, end;
    const char *state;
    struct mtr_str problem, proof;
    bool has_each, has_problem, was_read, has_sequences;
    uint64_t reading, rows, refused, repeated, changes, seq_first, seq_last;
    uint32_t readings;
    int64_t first_read_at, last_read_at, noted_at;
};

static const char *state_choice(unsigned index)
{
    return index < MTR_WINDOW_STATE_COUNT ? mtr_window_state_name((enum mtr_window_state)index) : NULL;
}

#define ROW(field) MTR_MEMBER(window_row, field)
static const struct mtr_json_member members[] = {
    {ROW(each), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(window_row, has_each),
     .doc = "which of for_each it was asked for"},
    {ROW(start), .type = MTR_MEMBER_TIME, .doc = "of the window"},
    {ROW(end), .type = MTR_MEMBER_TIME, .doc = "exclusive"},
    {ROW(state), .type = MTR_MEMBER_WORD, .choice = state_choice, .doc = "what its readings have come to"},
    {ROW(problem), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(window_row, has_problem),
     .doc = "why it is incomplete or suspect, or stands as it is: a sentence"},
    {ROW(proof), .type = MTR_MEMBER_TEXT,
     .doc = "what showed that its last good reading is whole: of count, sum, flag (of the document's "
            "`complete`), agree (equal readings); none: that its pages ended well"},
    {ROW(readings), .type = MTR_MEMBER_U32,
     .doc = "how many of it were taken; of others `state` and `problem` tell"},
    {ROW(rows), .type = MTR_MEMBER_U64, .doc = "that it has"},
    {ROW(refused), .type = MTR_MEMBER_U64, .doc = "of them, in quarantine"},
    {ROW(repeated), .type = MTR_MEMBER_U64,
     .doc = "rows of its last good reading that were equal to another one: such are counted once"},
    {ROW(changes), .type = MTR_MEMBER_U64, .doc = "rows that were new, changed or gone, in all readings"},
    {ROW(first_read_at), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(window_row, was_read),
     .doc = "when the first reading that was taken began"},
    {ROW(last_read_at), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(window_row, was_read),
     .doc = "when the last that was taken did"},
    {ROW(noted_at), .type = MTR_MEMBER_TIME, .doc = "when the last reading began that left a receipt"},
    {ROW(reading), .type = MTR_MEMBER_U64, .doc = "number of the one that wrote to the log last"},
    {ROW(seq_first), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK, MTR_PRESENT(window_row, has_sequences),
     .doc = "of what its readings wrote to the log"},
    {ROW(seq_last), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK, MTR_PRESENT(window_row, has_sequences),
     .doc = "the same"},
    {0},
};
#undef ROW
static const struct mtr_shape row_shape = {.name = "SourceWindow", .members = members};

static int write_window(struct windows *windows, struct mtr_str each, const struct mtr_ledger_window *window)
{
    static const char cut[] = "retention has removed what the log had of its rows: it stands as it is";
    char proofs[MTR_PROOFS_TEXT_BYTES];
    const struct mtr_str proof = mtr_proofs_text(window->proofs, proofs);
    const bool is_cut = window->is_cut && !window->problem.size;
    const struct window_row row = {.each = each,
                                   .start = window->start_us,
                                   .end = window->end_us,
                                   .state = mtr_window_state_name(window->state),
                                   .problem = is_cut ? mtr_str_from(cut) : window->problem,
                                   .proof = proof.size ? proof : MTR_STR("none"),
                                   .has_each = each.size > 0,
                                   .has_problem = is_cut || window->problem.size > 0,
                                   .was_read = window->readings > 0,
                                   .has_sequences = window->seq_first > 0,
                                   .reading = window->reading,
                                   .rows = window->rows,
                                   .refused = window->refused,
                                   .repeated = window->repeated,
                                   .changes = window->changes,
                                   .seq_first = window->seq_first,
                                   .seq_last = window->seq_last,
                                   .readings = window->readings,
                                   .first_read_at = window->first_us,
                                   .last_read_at = window->last_us,
                                   .noted_at = window->noted_us};
    return api_row(windows->rows, &row);
}

static void go_behind(struct windows *windows, struct mtr_str each, int64_t start_us)
{
    MTR_ASSERT(each.size <= sizeof(windows->each));
    if (each.size) memcpy(windows->each, each.data, each.size);
    windows->each_bytes = each.size;
    windows->from_us = start_us;
    windows->is_behind = true;
}

static int on_window(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    struct windows *windows = context;
    if (windows->listed == windows->limit) {
        windows->more = true;
        return API_STOP;
    }
    if (api_rows_full(windows->rows)) return API_STOP;
    go_behind(windows, each, window->start_us);
    windows->listed++;
    return write_window(windows, each, window);
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct windows *windows = call->state;
    struct mtr_ledger_txn *txn;
    char each[MTR_LEDGER_EACH_BYTES_MAX]; /* the walk's own: rows go on */
    memcpy(each, windows->each, windows->each_bytes);
    const struct mtr_strand strand = {
        windows->source->vendor, windows->source->key, {each, windows->each_bytes}};
    windows->rows = rows;
    int rc = mtr_ledger_begin(call->host->ledger, false, &txn);
    if (rc) return rc;
    rc = windows->is_behind
             ? mtr_ledger_walk_windows_behind(txn, &strand, windows->from_us, on_window, windows)
             : mtr_ledger_walk_windows(txn, &strand, windows->from_us, on_window, windows);
    mtr_ledger_abort(txn);
    if (!rc || windows->more) api_rows_end(rows, 0, windows->more);
    return rc == API_STOP ? MTR_OK : rc;
}

/* False: after answering a problem. */
static bool begin_behind(struct api_call *call, struct windows *windows)
{
    const struct mtr_str each = api_text(call, "after_each");
    const int64_t after_us = api_time_us(call, "after", INT64_MIN);
    if (each.size > MTR_LEDGER_EACH_BYTES_MAX || (each.size && after_us == INT64_MIN)) {
        api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_VALUE,
                    "after_each: `each` of a row, beside `after`, its `start`");
        return false;
    }
    if (after_us != INT64_MIN && after_us >= windows->from_us) go_behind(windows, each, after_us);
    return true;
}

static bool begin(struct api_call *call)
{
    struct windows *windows = api_allocate(call, sizeof(*windows));
    if (!windows) return false;
    const struct mtr_str key = api_text(call, "source");
    windows->source = mtr_catalog_find_source(call->catalog, key);
    windows->limit = api_u64(call, "limit");
    windows->from_us = api_time_us(call, "from", INT64_MIN);
    call->state = windows;
    if (!begin_behind(call, windows)) return false;
    if (windows->source) return true;
    api_unknown(call, MTR_KIND_SOURCE, key);
    return false;
}

static const struct api_parameter parameters[] = {
    {"source", API_TEXT, .doc = "key of the source; it must be given"},
    {"from", API_TIME, .doc = "windows that begin at this time or later"},
    {"after", API_TIME,
     .doc = "go on behind the window that begins at this time: `start` of the last row where has_more"},
    {"after_each", API_TEXT, .doc = "beside `after`: `each` of that row, where it has one"},
    {"limit", API_INTEGER, .min = 1, .max = 100000, .default_text = "1000", .doc = "at most so many rows"},
    {0},
};

static const struct api_list list = {
    .name = "SourceWindows",
    .member = "windows",
    .row = &row_shape,
    .pages = API_CUT,
    .failure = "the ledger of windows cannot be read",
    .begin = begin,
    .fill = fill,
};

const struct api_route api_list_windows = {
    .method = MTR_HTTP_GET,
    .path = "/v1/sources/windows",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "listSourceWindows",
    .summary = "The windows of a source: what was read of each, and what that proved",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};
