/*
 * Cuts that a change of the catalog adds, against what was folded: a cell is folded again from the log range
 * that it names (recut.h), so where that part of the log is gone it can be cut no more, and the change is
 * refused. A cut that a change takes away needs nothing: cells that are finer than they have to be hold the
 * same use.
 */
#include "aggregator/fold.h"
#include "meterd/catalog/store.h"
#include "meterd/core/time.h"

enum { REFUSED_MAX = 16 }; /* findings of one change: the first ones say enough */

struct checking {
    struct mtr_aggregator *aggregator;
    const struct mtr_catalog *before, *after;
    struct mtr_diagnostics *findings;
    uint64_t log_first_seq;
    uint32_t refused;
};

static bool has_cut(const struct mtr_subscription *subscription, int64_t time_us)
{
    for (uint32_t i = 0; i < subscription->cut_count; i++)
        if (subscription->cuts_us[i] == time_us) return true;
    return false;
}

static bool begins_version(const struct mtr_tariff_document *tariff, const struct mtr_zone *zone,
                           int64_t time_us)
{
    for (uint32_t i = 0; tariff && i < tariff->version_count; i++)
        if (mtr_tariff_version_start(&tariff->versions[i], zone) == time_us) return true;
    return false;
}

/* The tariff of a phase of which a version begins there; NULL: none. */
static const struct mtr_tariff_document *find_tariff(const struct mtr_subscription *subscription,
                                                     int64_t time_us)
{
    for (uint32_t i = 0; i < mtr_subscription_phase_count(subscription); i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(subscription, i);
        const struct mtr_tariff_document *const tariffs[] = {phase->tariff, phase->trial_tariff,
                                                             phase->cost_tariff};
        for (size_t k = 0; k < sizeof(tariffs) / sizeof(*tariffs); k++)
            if (begins_version(tariffs[k], phase->zone, time_us)) return tariffs[k];
    }
    return NULL;
}

/* What of the subscription's document says that instant. */
static const char *field_of(const struct mtr_subscription *subscription, int64_t time_us)
{
    if (time_us == mtr_subscription_begun_us(subscription)) return "start";
    if (time_us == mtr_subscription_ends_us(subscription)) return "end";
    return mtr_subscription_at(subscription, time_us)->start_us == time_us ? "changes" : "trial";
}

/* At the document that says so: a tariff whose version begins there, or the subscription. */
static void refuse(struct checking *checking, const struct mtr_subscription *subscription, int64_t time_us)
{
    const struct mtr_tariff_document *tariff = find_tariff(subscription, time_us);
    char time[MTR_TIME_TEXT_BYTES];
    mtr_time_format_offset(time_us, mtr_zone_at(subscription->zone, time_us).offset_s, time);
    const struct mtr_catalog_place place = {tariff ? MTR_KIND_TARIFF : MTR_KIND_SUBSCRIPTION,
                                            tariff ? tariff->number : subscription->number,
                                            tariff ? "versions" : field_of(subscription, time_us)};
    mtr_catalog_fail(checking->after, MTR_FINDING_CATALOG_CHANGE_LOG_GONE, &place, checking->findings,
                     "usage of the hour of %s of subscription `%.*s` can be divided there no more, since the "
                     "log no longer has its events: take a full hour",
                     time, MTR_STR_ARGS(subscription->key));
    checking->refused++;
}

static int check_cut(struct checking *checking, const struct mtr_subscription *subscription, int64_t time_us)
{
    const struct mtr_hour hour = mtr_zone_hour(subscription->zone, time_us);
    const struct mtr_service *service = subscription->service;
    struct fold_log_range range = FOLD_NO_LOG_RANGE;
    const struct mtr_meter *meter;
    int rc = MTR_OK;
    for (uint32_t position = 0;
         !rc && (meter = mtr_catalog_next_meter(checking->after, service, &position)) != NULL;) {
        const struct mtr_cell_range cells = {subscription->number, meter->number, hour.start_us, hour.end_us};
        rc = fold_find_log_range(checking->aggregator, &cells, &range);
    }
    if (!rc && range.seq_first < checking->log_first_seq) refuse(checking, subscription, time_us);
    return rc;
}

int fold_check_cuts(struct mtr_aggregator *aggregator, const struct mtr_catalog *before,
                    const struct mtr_catalog *after, struct mtr_diagnostics *findings)
{
    struct checking checking = {aggregator, before, after, findings, .log_first_seq = UINT64_MAX};
    int rc = fold_read_block(aggregator, 1);
    if (!rc) checking.log_first_seq = aggregator->block.first_seq;
    if (rc == MTR_ENOTFOUND) rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(before, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *known = mtr_catalog_subscription(before, i),
                                      *subscription = mtr_catalog_subscription(after, i);
        for (uint32_t k = 0; !rc && subscription && known && k < subscription->cut_count; k++) {
            if (checking.refused == REFUSED_MAX) return MTR_OK;
            if (!has_cut(known, subscription->cuts_us[k]))
                rc = check_cut(&checking, subscription, subscription->cuts_us[k]);
        }
    }
    return rc;
}
