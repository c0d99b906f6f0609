/*
 * GET /v1/status: where the pipeline stands.
 */
#include "daemon/api/api.h"
#include "daemon/api/routes.h"

#include "meterd/store/charges.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

struct status_row {
    const char *version;
    int64_t started_at;
    bool ready, has_counts;
    struct catalog_status {
        uint64_t version;
    } catalog;
    struct log_status {
        uint64_t last_seq;
    } log;
    struct aggregator_status {
        bool has_counts;
        uint64_t next_seq;
        bool idle;
        int64_t watermark;
        struct quotas_status {
            uint64_t full, held;
        } dimension_quotas;
    } aggregator;
    struct rater_status {
        bool idle;
        bool waits_for_fold;
        bool has_counts;
        uint64_t last_charge, epoch;
        struct waiting_status {
            uint64_t missing_rate, out_of_range, too_large, other, incomplete_source;
        } waiting;
    } rater;
};

static const struct mtr_json_member catalog_members[] = {
    {MTR_MEMBER(catalog_status, version), .type = MTR_MEMBER_U64, .doc = "grows with every change"},
    {0},
};
static const struct mtr_json_member log_members[] = {
    {MTR_MEMBER(log_status, last_seq), .type = MTR_MEMBER_U64, .doc = "of the last event that is stored"},
    {0},
};
static const struct mtr_json_member quotas_members[] = {
    {MTR_MEMBER(quotas_status, full), .type = MTR_MEMBER_U64,
     .doc = "subjects and meters with more values of dimensions than the meter counts"},
    {MTR_MEMBER(quotas_status, held), .type = MTR_MEMBER_U64, .doc = "events that they hold"},
    {0},
};
static const struct mtr_shape quotas_shape = {.members = quotas_members};
static const struct mtr_json_member aggregator_members[] = {
    {MTR_MEMBER(aggregator_status, next_seq), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK,
     MTR_PRESENT(aggregator_status, has_counts), .doc = "of the next event to fold"},
    {MTR_MEMBER(aggregator_status, idle), .type = MTR_MEMBER_BOOL,
     .doc = "all that was stored is folded, with this catalog"},
    {MTR_MEMBER(aggregator_status, watermark), .type = MTR_MEMBER_TIME, .doc = "how far time has come"},
    {MTR_MEMBER(aggregator_status, dimension_quotas), .type = MTR_MEMBER_MAP, .shape = &quotas_shape,
     .presence = MTR_MAY_LACK, MTR_PRESENT(aggregator_status, has_counts),
     .doc = "events that wait until a meter's dimension_values_max is raised: GET /v1/held lists them"},
    {0},
};
static const struct mtr_json_member waiting_members[] = {
    {MTR_MEMBER(waiting_status, missing_rate), .type = MTR_MEMBER_U64, .doc = "for a rate of exchange"},
    {MTR_MEMBER(waiting_status, out_of_range), .type = MTR_MEMBER_U64, .doc = "a number is out of range"},
    {MTR_MEMBER(waiting_status, too_large), .type = MTR_MEMBER_U64, .doc = "more than may be held at once"},
    {MTR_MEMBER(waiting_status, other), .type = MTR_MEMBER_U64},
    {MTR_MEMBER(waiting_status, incomplete_source), .type = MTR_MEMBER_U64,
     .doc = "over, and closed when the windows of a source are complete (`holds_close`)"},
    {0},
};
static const struct mtr_shape waiting_shape = {.members = waiting_members};
static const struct mtr_json_member rater_members[] = {
    {MTR_MEMBER(rater_status, idle), .type = MTR_MEMBER_BOOL, .doc = "all that was folded is rated"},
    {MTR_MEMBER(rater_status, waits_for_fold), .type = MTR_MEMBER_BOOL,
     .doc = "the rollups are made again: nothing is rated until they have all that the log had at the start"},
    {MTR_MEMBER(rater_status, last_charge), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK,
     MTR_PRESENT(rater_status, has_counts),
     .doc = "number of the last charge that may be told; 0: none"},
    {MTR_MEMBER(rater_status, epoch), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK,
     MTR_PRESENT(rater_status, has_counts),
     .doc = "behind which its charges are numbered since the stores were put back from a copy; 0: they never "
            "were"},
    {MTR_MEMBER(rater_status, waiting), .type = MTR_MEMBER_MAP, .shape = &waiting_shape,
     .presence = MTR_MAY_LACK, MTR_PRESENT(rater_status, has_counts),
     .doc = "billing periods that cannot be rated, or closed, by reason: GET /v1/charges/waiting has the "
            "sentences"},
    {0},
};
static const struct mtr_shape catalog_shape = {.members = catalog_members},
                              log_shape = {.members = log_members},
                              aggregator_shape = {.members = aggregator_members},
                              rater_shape = {.members = rater_members};

#define ROW(field) MTR_MEMBER(status_row, field)
static const struct mtr_json_member members[] = {
    {ROW(version), .type = MTR_MEMBER_WORD, .doc = "of meterd"},
    {ROW(started_at), .type = MTR_MEMBER_TIME, .doc = "when the process began"},
    {ROW(ready), .type = MTR_MEMBER_BOOL, .doc = "events are accepted"},
    {ROW(catalog), .type = MTR_MEMBER_MAP, .shape = &catalog_shape, .presence = MTR_MAY_LACK,
     MTR_PRESENT(status_row, has_counts)},
    {ROW(log), .type = MTR_MEMBER_MAP, .shape = &log_shape, .presence = MTR_MAY_LACK,
     MTR_PRESENT(status_row, has_counts), .doc = "counts of all vendors: not for a vendor's key"},
    {ROW(aggregator), .type = MTR_MEMBER_MAP, .shape = &aggregator_shape},
    {ROW(rater), .type = MTR_MEMBER_MAP, .shape = &rater_shape},
    {0},
};
static const struct mtr_shape status_shape = {.name = "Status", .members = members};

static int look_at_charges(struct mtr_charges *charges, struct waiting_status *out, uint64_t *epoch)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charges_epoch running = {.number = 0};
    uint64_t counts[MTR_WAITING_REASON_COUNT] = {0};
    int rc = mtr_charges_begin(charges, false, &txn);
    if (!rc) rc = mtr_charges_count_waiting(txn, counts);
    if (!rc) rc = mtr_charges_get_epoch(txn, &running);
    *epoch = running.number;
    mtr_charges_abort(txn);
    *out = (struct waiting_status){.missing_rate = counts[MTR_WAITING_RATE],
                                   .out_of_range = counts[MTR_WAITING_RANGE],
                                   .too_large = counts[MTR_WAITING_SIZE],
                                   .other = counts[MTR_WAITING_OTHER],
                                   .incomplete_source = counts[MTR_WAITING_SOURCE]};
    return rc;
}

static void get_status(struct api_call *call)
{
    const struct mtr_api_host *host = call->host;
    const uint64_t version = mtr_catalog_version(call->catalog);
    struct mtr_rollups_txn *txn = NULL;
    struct status_row row = {.version = METERD_VERSION,
                             .started_at = host->started_us,
                             .ready = host->is_ready(host->context),
                             .catalog = {version},
                             .log = {mtr_log_last_seq(host->log)}};
    uint64_t change;
    /* Counts of all vendors tell one what the others sell. */
    row.has_counts = row.aggregator.has_counts = row.rater.has_counts = !call->credential->vendor;
    const struct mtr_progress progress = host->progress(host->context);
    int rc = mtr_rollups_begin(host->rollups, false, &txn);
    if (!rc) rc = mtr_rollups_get_cursor(txn, &row.aggregator.next_seq, &row.aggregator.watermark, &change);
    struct mtr_beyond_sum beyond = {0, 0};
    if (!rc) rc = mtr_rollups_sum_beyond(txn, &beyond);
    row.aggregator.dimension_quotas = (struct quotas_status){beyond.full, beyond.events};
    if (txn) mtr_rollups_abort(txn);
    if (!rc) rc = look_at_charges(host->charges, &row.rater.waiting, &row.rater.epoch);
    if (rc) {
        api_error(call, rc, "the stores cannot be read");
        return;
    }
    row.rater.waits_for_fold = progress.rating_waits;
    if (host->handed_out) row.rater.last_charge = host->handed_out(host->context);
    if (progress.next_seq) row.aggregator.next_seq = progress.next_seq;
    row.aggregator.idle = progress.aggregator_idle && progress.aggregator_catalog_version >= version;
    row.rater.idle = row.aggregator.idle && progress.rater_idle &&
                     progress.rater_catalog_version >= version && progress.rated_folds == progress.folds;
    api_answer(call, &row);
}

const struct api_route api_get_status = {
    .method = MTR_HTTP_GET,
    .path = "/v1/status",
    .scope = MTR_SCOPE_QUERY,
    .operation = "getStatus",
    .summary = "Where each stage stands",
    .answer = &status_shape,
    .handle = get_status,
};
