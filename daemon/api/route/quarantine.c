/*
 * GET /v1/quarantine: events that are kept and not counted.
 *
 * An event may have a row for each meter: a page, and a piece of an answer, ends between events only.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"

#include "meterd/store/rollups.h"

struct quarantine {
    uint64_t limit, listed;
    uint64_t after;        /* the last event that is listed whole, or at hand */
    struct api_rows *rows; /* of a piece */
};

static const struct mtr_json_member members[] = {
    {MTR_MEMBER(mtr_quarantined_event, seq), .type = MTR_MEMBER_U64, .doc = "its place in the log"},
    {MTR_MEMBER(mtr_quarantined_event, reason), .type = MTR_MEMBER_TEXT, .doc = "why, in a word"},
    {MTR_MEMBER(mtr_quarantined_event, text), .type = MTR_MEMBER_TEXT, .doc = "why, in a sentence"},
    {0},
};
static const struct mtr_shape row_shape = {.name = "QuarantinedEvent", .members = members};

static int on_quarantined(void *context, const struct mtr_quarantined_event *event)
{
    struct quarantine *quarantine = context;
    if (event->seq != quarantine->after) {
        if (api_rows_full(quarantine->rows)) return API_STOP;
        if (quarantine->listed >= quarantine->limit) {
            api_rows_end(quarantine->rows, quarantine->after, true);
            return API_STOP;
        }
    }
    quarantine->listed++;
    quarantine->after = event->seq;
    return api_row(quarantine->rows, event);
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct quarantine *quarantine = call->state;
    struct mtr_rollups_txn *txn = NULL;
    quarantine->rows = rows;
    int rc = mtr_rollups_begin(call->host->rollups, false, &txn);
    if (!rc) rc = mtr_rollups_walk_quarantined(txn, quarantine->after, on_quarantined, quarantine);
    if (txn) mtr_rollups_abort(txn);
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
    return true;
}

static const struct api_parameter parameters[] = {
    {"after", API_INTEGER, .max = UINT64_MAX, .doc = "events with a greater sequence number"},
    {"limit", API_INTEGER, .min = 1, .max = 10000, .default_text = "100",
     .doc = "no further event once there are this many rows"},
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
