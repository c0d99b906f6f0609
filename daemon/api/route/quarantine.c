/*
 * GET /v1/quarantine: events that are kept and not counted.
 *
 * An event may have a row for each meter: a page, and a piece of an answer, ends between events only. Which
 * source it was a row of is said by the event in the log: with `source` a call looks at a bounded number of
 * them, and `next_after` is where the next one goes on, also when nothing was found.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"

#include "meterd/catalog/catalog.h"
#include "meterd/store/log_carried.h"
#include "meterd/store/rollups.h"

enum { LOOKED_AT_MAX = 1 << 16 };

struct quarantine {
    uint64_t limit, listed, looked_at;
    uint64_t after;        /* the last event that was looked at whole, or is at hand */
    bool is_wanted;        /* that event */
    struct api_rows *rows; /* of a piece */
    const struct mtr_source *source; /* NULL: whoever sent it */
    /* Of a piece, with a source: the block that was read last. */
    struct mtr_log_reader *reader;
    struct mtr_block_header block;
    const struct mtr_event *events;
};

static const struct mtr_json_member members[] = {
    {MTR_MEMBER(mtr_quarantined_event, seq), .type = MTR_MEMBER_U64, .doc = "its place in the log"},
    {MTR_MEMBER(mtr_quarantined_event, reason), .type = MTR_MEMBER_TEXT, .doc = "why, in a word"},
    {MTR_MEMBER(mtr_quarantined_event, text), .type = MTR_MEMBER_TEXT, .doc = "why, in a sentence"},
    {0},
};
static const struct mtr_shape row_shape = {.name = "QuarantinedEvent", .members = members};

/* What retention has removed is nobody's any more. */
static int find_event(struct quarantine *quarantine, uint64_t seq, const struct mtr_event **out)
{
    struct mtr_diagnostic diagnostic;
    struct mtr_block_header *block = &quarantine->block;
    *out = NULL;
    if (!block->count || seq < block->first_seq || seq - block->first_seq >= block->count) {
        int rc = mtr_log_read_kept(quarantine->reader, seq, block, &quarantine->events, &diagnostic);
        if (rc) block->count = 0;
        if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    }
    if (seq >= block->first_seq) *out = &quarantine->events[seq - block->first_seq];
    return MTR_OK;
}

static int look_at(struct quarantine *quarantine, uint64_t seq)
{
    const struct mtr_str own = MTR_STR(MTR_EVENT_SOURCE_OWN);
    const struct mtr_source *source = quarantine->source;
    const struct mtr_event *event;
    quarantine->is_wanted = !source;
    if (!source) return MTR_OK;
    quarantine->looked_at++;
    int rc = find_event(quarantine, seq, &event);
    if (rc || !event || !mtr_str_starts_with(event->source, own)) return rc;
    const struct mtr_str key = {event->source.data + own.size, event->source.size - own.size};
    quarantine->is_wanted =
        mtr_str_equal(key, source->key) && mtr_str_equal(event->vendor, source->vendor);
    return MTR_OK;
}

static int on_quarantined(void *context, const struct mtr_quarantined_event *event)
{
    struct quarantine *quarantine = context;
    if (event->seq != quarantine->after) {
        if (api_rows_full(quarantine->rows)) return API_STOP;
        if (quarantine->listed >= quarantine->limit || quarantine->looked_at == LOOKED_AT_MAX) {
            api_rows_end(quarantine->rows, quarantine->after, true);
            return API_STOP;
        }
        int rc = look_at(quarantine, event->seq);
        if (rc) return rc;
    }
    quarantine->after = event->seq;
    if (!quarantine->is_wanted) return MTR_OK;
    quarantine->listed++;
    return api_row(quarantine->rows, event);
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct quarantine *quarantine = call->state;
    struct mtr_rollups_txn *txn = NULL;
    quarantine->rows = rows;
    quarantine->reader = NULL;
    quarantine->block.count = 0;
    int rc = quarantine->source ? mtr_log_reader_attach(call->host->log, &quarantine->reader) : MTR_OK;
    if (!rc) rc = mtr_rollups_begin(call->host->rollups, false, &txn);
    if (!rc) rc = mtr_rollups_walk_quarantined(txn, quarantine->after, on_quarantined, quarantine);
    if (txn) mtr_rollups_abort(txn);
    mtr_log_reader_close(quarantine->reader);
    if (!rc) api_rows_end(rows, quarantine->after, false);
    return rc == API_STOP ? MTR_OK : rc;
}

static bool begin(struct api_call *call)
{
    struct quarantine *quarantine = api_allocate(call, sizeof(*quarantine));
    if (!quarantine) return false;
    quarantine->after = api_u64(call, "after");
    quarantine->limit = api_u64(call, "limit");
    call->state = quarantine;
    const struct mtr_str key = api_text(call, "source");
    if (!key.size) return true;
    quarantine->source = mtr_catalog_find_source(call->catalog, key);
    if (!quarantine->source) api_unknown(call, MTR_KIND_SOURCE, key);
    return quarantine->source != NULL;
}

static const struct api_parameter parameters[] = {
    {"after", API_INTEGER, .max = UINT64_MAX, .doc = "events with a greater sequence number"},
    {"limit", API_INTEGER, .min = 1, .max = 10000, .default_text = "100",
     .doc = "no further event once there are this many rows"},
    {"source", API_TEXT, .doc = "only rows of this source (key), as long as the log has them"},
    {0},
};

static const struct api_list list = {
    .name = "Quarantine",
    .member = "events",
    .row = &row_shape,
    .failure = "the rollups cannot be read",
    .begin = begin,
    .fill = fill,
};

const struct api_route api_list_quarantine = {
    .method = MTR_HTTP_GET,
    .path = "/v1/quarantine",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "listQuarantine",
    .summary = "Events that are kept and not counted, with the reason",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};
