/*
 * Which use is another's: where a subject has several subscriptions of a service, an event is of the last
 * that begins at its time or before. By other starts than the fold has given use out by, cells hold what is
 * another's by now. Here the hours of these are found, for whoever folds or counts them again.
 */
#include "aggregator/fold.h"

#include <xxhash.h>

#include "meterd/core/limits.h"
#include "meterd/core/time.h"

#define STARTS_PREFIX "starts/"

bool fold_find_run(const struct mtr_subscription *subscription, struct fold_run *run)
{
    const struct mtr_subscription *const *all = subscription->same_subject;
    const uint32_t count = subscription->same_subject_count;
    uint32_t first = 0, next;
    if (!count) return false;
    while (all[first]->service != subscription->service) first++;
    for (next = first; next < count; next++)
        if (all[next]->service != subscription->service) break;
    *run = (struct fold_run){all + first, next - first};
    return run->count > 1;
}

uint32_t fold_run_number(const struct fold_run *run)
{
    uint32_t lowest = run->terms[0]->number;
    for (uint32_t i = 1; i < run->count; i++)
        if (run->terms[i]->number < lowest) lowest = run->terms[i]->number;
    return lowest;
}

/* ---- by which starts ---- */

static uint64_t hash_starts(const struct fold_run *run)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < run->count; i++) {
        const int64_t numbers[] = {run->terms[i]->number, run->terms[i]->start_us};
        hash = XXH3_64bits_withSeed(numbers, sizeof(numbers), hash);
    }
    return hash;
}

int fold_is_given_out_otherwise(struct mtr_rollups_txn *txn, const struct fold_run *run, bool *out)
{
    const struct mtr_fact_name name = fact_number(STARTS_PREFIX, fold_run_number(run));
    struct mtr_str value;
    *out = true;
    int rc = mtr_rollups_get_fact(txn, (struct mtr_str){name.data, name.size}, &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (value.size < 8) return MTR_ECORRUPT;
    *out = fact_read_u64(value.data) != hash_starts(run);
    return MTR_OK;
}

int fold_note_starts(struct mtr_aggregator *aggregator, const struct fold_run *run)
{
    const struct mtr_fact_name name = fact_number(STARTS_PREFIX, fold_run_number(run));
    return fact_put_u64(aggregator, &name, hash_starts(run), NULL);
}

/* ---- which hours ---- */

struct finding {
    const struct mtr_subscription *subscription;
    struct fold_stray *stray;
};

static int on_stray_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    const struct finding *finding = context;
    const struct mtr_hour hour = mtr_zone_hour(finding->subscription->zone, key->start_us);
    (void)cell;
    finding->stray->from_us = mtr_time_sooner(finding->stray->from_us, hour.start_us);
    finding->stray->to_us = mtr_time_later(finding->stray->to_us, hour.end_us);
    return MTR_OK;
}

/* Cells of the i-th that hold use of a time at which it is another's: the hours of both borders, too, where
 * they lie inside. */
static int find_stray_of(struct mtr_rollups_txn *txn, const struct fold_run *run, uint32_t i,
                         const struct mtr_meter *meter, struct fold_stray *stray)
{
    const struct mtr_subscription *subscription = run->terms[i];
    struct finding finding = {subscription, stray};
    const struct mtr_cell_range before = {subscription->number, meter->number, MTR_CELL_ALL_HOURS + 1,
                                          subscription->start_us};
    int rc = MTR_OK;
    if (i > 0) rc = mtr_rollups_walk_cells(txn, &before, on_stray_cell, &finding);
    if (rc || i + 1 == run->count) return rc;
    const int64_t next_us = run->terms[i + 1]->start_us;
    const struct mtr_cell_range after = {subscription->number, meter->number,
                                         mtr_zone_hour(subscription->zone, next_us).start_us, INT64_MAX};
    return mtr_rollups_walk_cells(txn, &after, on_stray_cell, &finding);
}

/* What is spread may reach from a stray hour into those behind it. */
int fold_find_stray(struct mtr_rollups_txn *txn, const struct fold_run *run, const struct mtr_meter *meter,
                    struct fold_stray *out)
{
    *out = FOLD_NO_STRAY;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < run->count; i++) rc = find_stray_of(txn, run, i, meter, out);
    if (fold_is_any_stray(out) && meter->spread_over.size)
        out->to_us += MTR_SPREAD_S_MAX * MTR_US_PER_SECOND;
    return rc;
}

struct mtr_hour fold_stray_hours(const struct fold_stray *stray, const struct mtr_subscription *subscription)
{
    MTR_ASSERT(fold_is_any_stray(stray));
    return (struct mtr_hour){mtr_zone_hour(subscription->zone, stray->from_us).start_us,
                             mtr_zone_hour(subscription->zone, stray->to_us - 1).end_us};
}
