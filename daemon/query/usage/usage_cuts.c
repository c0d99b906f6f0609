/*
 * Where a usage query cuts hours of its subscriptions: at from and to where they were given, and where
 * windows of the query's own zone begin inside them (India at :30 to a subscription in UTC). What is not cut
 * in the store is counted again (meterd/aggregator/recount.h).
 *
 * Windows of a subscription's own zone begin with its hours, and cut nothing. Of another zone's only those
 * count that lie in an hour with cells.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/query/usage/usage_run.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

struct cutting {
    struct mtr_usage_run *run;
    int64_t *cuts_us; /* in the run's arena of cuts */
    uint32_t count, capacity;
    uint32_t base_count;  /* of every meter */
    struct mtr_hour hour; /* looked at last */
};

static int add(struct cutting *cutting, int64_t time_us)
{
    int rc = mtr_arena_make_room(&cutting->run->cuts, (void **)&cutting->cuts_us, cutting->count,
                                 &cutting->capacity, sizeof(*cutting->cuts_us));
    if (!rc) cutting->cuts_us[cutting->count++] = time_us;
    return rc;
}

static int add_inside_hour(struct cutting *cutting, int64_t time_us)
{
    const struct mtr_zone *zone = cutting->run->subscription->zone;
    if (time_us <= 0 || time_us >= MTR_TIME_US_MAX) return MTR_OK;
    return mtr_zone_hour(zone, time_us).start_us == time_us ? MTR_OK : add(cutting, time_us);
}

/* From and to, and what the subscription's own cells are cut at. */
static int add_base(struct cutting *cutting)
{
    const struct mtr_usage_run *run = cutting->run;
    const struct mtr_subscription *subscription = run->subscription;
    int rc = MTR_OK;
    if (run->query->from_is_given) rc = add_inside_hour(cutting, run->from_us);
    if (!rc && run->query->to_is_given) rc = add_inside_hour(cutting, run->to_us);
    for (uint32_t i = 0; !rc && i < subscription->cut_count; i++) rc = add(cutting, subscription->cuts_us[i]);
    cutting->base_count = cutting->count;
    return rc;
}

/* Do hours of both zones begin at the same instants, all over [from, to)? */
static bool same_hours(const struct mtr_zone *a, const struct mtr_zone *b, int64_t from_us, int64_t to_us)
{
    for (int64_t at_us = from_us; at_us < to_us;) {
        const struct mtr_zone_span x = mtr_zone_at(a, at_us), y = mtr_zone_at(b, at_us);
        if ((x.offset_s - y.offset_s) % 3600 != 0) return false;
        at_us = mtr_time_sooner(x.end_us, y.end_us);
    }
    return true;
}

static bool cuts_at_windows(const struct mtr_usage_run *run)
{
    const struct mtr_subscription *subscription = run->subscription;
    if (!run->query->zone || run->query->window == MTR_WINDOW_TOTAL) return false;
    const int64_t until_us =
        mtr_time_sooner(run->to_us, run->watermark_us + MTR_SPREAD_S_MAX * MTR_US_PER_SECOND);
    return !same_hours(run->zone, subscription->zone, mtr_time_later(run->from_us, 0), until_us);
}

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct cutting *cutting = context;
    struct mtr_usage_run *run = cutting->run;
    (void)cell;
    if (key->start_us < cutting->hour.end_us) return MTR_OK;
    cutting->hour = mtr_zone_hour(run->subscription->zone, key->start_us);
    int64_t at_us = mtr_time_later(cutting->hour.start_us, run->from_us);
    int rc = MTR_OK;
    while (!rc && at_us < run->to_us) {
        at_us = usage_window_of(run, at_us).end_us;
        if (at_us >= cutting->hour.end_us || at_us == run->to_us) break;
        rc = add(cutting, at_us);
    }
    return rc;
}

static int compare_instants(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int ask(struct cutting *cutting, const struct mtr_meter *meter)
{
    uint32_t kept = 0;
    if (!cutting->count) return MTR_OK;
    int64_t *cuts_us = mtr_arena_alloc(&cutting->run->cuts, cutting->count * sizeof(*cuts_us));
    if (!cuts_us) return MTR_ENOMEM;
    memcpy(cuts_us, cutting->cuts_us, cutting->count * sizeof(*cuts_us));
    qsort(cuts_us, cutting->count, sizeof(*cuts_us), compare_instants);
    for (uint32_t i = 0; i < cutting->count; i++)
        if (!kept || cuts_us[kept - 1] != cuts_us[i]) cuts_us[kept++] = cuts_us[i];
    const struct mtr_recount_request request = {.subscription = cutting->run->subscription,
                                                .meter = meter,
                                                .cuts_us = cuts_us,
                                                .cut_count = kept};
    return mtr_recount_ask(cutting->run->recount, &request);
}

static int ask_with_windows(struct cutting *cutting, const struct mtr_meter *meter)
{
    struct mtr_usage_run *run = cutting->run;
    const struct mtr_subscription *subscription = run->subscription;
    const struct mtr_cell_range cells = {subscription->number, meter->number,
                                         mtr_zone_hour(subscription->zone, run->from_us).start_us,
                                         run->to_us};
    cutting->count = cutting->base_count;
    cutting->hour = (struct mtr_hour){INT64_MIN, INT64_MIN};
    run->window = (struct mtr_period){0, 0};
    int rc = mtr_rollups_walk_cells(run->txn, &cells, on_cell, cutting);
    return rc ? rc : ask(cutting, meter);
}

int usage_ask_cuts(struct mtr_usage_run *run, const struct mtr_catalog *catalog)
{
    struct cutting cutting = {.run = run};
    const bool has_windows = cuts_at_windows(run);
    int rc = add_base(&cutting);
    if (rc || (!cutting.count && !has_windows)) return rc;
    for (uint32_t m = 1; !rc && m <= mtr_catalog_count(catalog, MTR_KIND_METER); m++) {
        const struct mtr_meter *meter = mtr_catalog_meter(catalog, m);
        if (!usage_wants_meter(run, meter)) continue;
        rc = has_windows ? ask_with_windows(&cutting, meter) : ask(&cutting, meter);
    }
    return rc;
}
