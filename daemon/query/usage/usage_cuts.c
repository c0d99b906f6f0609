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
    int64_t base_us[2];   /* from and to, where they lie inside an hour */
    uint32_t base_count;
    struct mtr_hour hour; /* looked at last */
};

static int add(struct cutting *cutting, int64_t time_us)
{
    int rc = mtr_arena_make_room(&cutting->run->cuts, (void **)&cutting->cuts_us, cutting->count,
                                 &cutting->capacity, sizeof(*cutting->cuts_us));
    if (!rc) cutting->cuts_us[cutting->count++] = time_us;
    return rc;
}

static void find_base(struct cutting *cutting)
{
    const struct mtr_usage_run *run = cutting->run;
    const int64_t times_us[2] = {run->from_us, run->to_us};
    const bool given[2] = {run->query->from_is_given, run->query->to_is_given};
    for (int i = 0; i < 2; i++) {
        if (!given[i] || times_us[i] <= mtr_time_later(run->term.start_us, 0) ||
            times_us[i] >= mtr_time_sooner(run->term.end_us, MTR_TIME_US_MAX))
            continue;
        if (mtr_zone_hour(run->subscription->zone, times_us[i]).start_us != times_us[i])
            cutting->base_us[cutting->base_count++] = times_us[i];
    }
}

static int begin(struct cutting *cutting)
{
    int rc = MTR_OK;
    cutting->count = 0;
    for (uint32_t i = 0; !rc && i < cutting->base_count; i++) rc = add(cutting, cutting->base_us[i]);
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
    const struct mtr_period in_term = usage_in_term(run);
    const int64_t until_us =
        mtr_time_sooner(in_term.end_us, run->watermark_us + MTR_SPREAD_S_MAX * MTR_US_PER_SECOND);
    return !same_hours(run->zone, subscription->zone, mtr_time_later(in_term.start_us, 0), until_us);
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

/* Ascending, each once. */
static void sort_cuts(struct cutting *cutting)
{
    uint32_t kept = 0;
    if (cutting->count > 1)
        qsort(cutting->cuts_us, cutting->count, sizeof(*cutting->cuts_us), compare_instants);
    for (uint32_t i = 0; i < cutting->count; i++)
        if (!kept || cutting->cuts_us[kept - 1] != cutting->cuts_us[i])
            cutting->cuts_us[kept++] = cutting->cuts_us[i];
    cutting->count = kept;
}

/* Is one of the ascending cuts inside that hour? */
static bool is_cut(const struct cutting *cutting, uint32_t count, const struct mtr_hour *hour)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (cutting->cuts_us[middle] < hour->start_us) low = middle + 1;
        else high = middle;
    }
    return low < count && cutting->cuts_us[low] < hour->end_us;
}

/* In hours that are counted again, what the subscription's own cells are cut at. Its other hours are as the
 * store has them, also where they wait to be folded again. */
static int add_own(struct cutting *cutting)
{
    const struct mtr_subscription *subscription = cutting->run->subscription;
    const uint32_t count = cutting->count;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < subscription->cut_count; i++) {
        const struct mtr_hour hour = mtr_zone_hour(subscription->zone, subscription->cuts_us[i]);
        if (is_cut(cutting, count, &hour)) rc = add(cutting, subscription->cuts_us[i]);
    }
    return rc;
}

static int ask(struct cutting *cutting, const struct mtr_meter *meter)
{
    if (!cutting->count) return MTR_OK;
    sort_cuts(cutting);
    int rc = add_own(cutting);
    if (rc) return rc;
    sort_cuts(cutting);
    int64_t *cuts_us = mtr_arena_alloc(&cutting->run->cuts, cutting->count * sizeof(*cuts_us));
    if (!cuts_us) return MTR_ENOMEM;
    memcpy(cuts_us, cutting->cuts_us, cutting->count * sizeof(*cuts_us));
    const struct mtr_recount_request request = {.subscription = cutting->run->subscription,
                                                .meter = meter,
                                                .cuts_us = cuts_us,
                                                .cut_count = cutting->count};
    return mtr_recount_ask(cutting->run->recount, &request);
}

static int add_windows(struct cutting *cutting, const struct mtr_meter *meter)
{
    struct mtr_usage_run *run = cutting->run;
    const struct mtr_subscription *subscription = run->subscription;
    const struct mtr_period in_term = usage_in_term(run);
    const struct mtr_cell_range cells = {subscription->number, meter->number,
                                         mtr_zone_hour(subscription->zone, in_term.start_us).start_us,
                                         in_term.end_us};
    cutting->hour = (struct mtr_hour){INT64_MIN, INT64_MIN};
    run->window = (struct mtr_period){0, 0};
    return mtr_rollups_walk_cells(run->txn, &cells, on_cell, cutting);
}

int usage_ask_cuts(struct mtr_usage_run *run, const struct mtr_catalog *catalog)
{
    struct cutting cutting = {.run = run};
    const bool has_windows = cuts_at_windows(run);
    int rc = MTR_OK;
    find_base(&cutting);
    if (!cutting.base_count && !has_windows) return MTR_OK;
    for (uint32_t m = 1; !rc && m <= mtr_catalog_count(catalog, MTR_KIND_METER); m++) {
        const struct mtr_meter *meter = mtr_catalog_meter(catalog, m);
        if (!usage_wants_meter(run, meter)) continue;
        rc = begin(&cutting);
        if (!rc && has_windows) rc = add_windows(&cutting, meter);
        if (!rc) rc = ask(&cutting, meter);
    }
    return rc;
}
