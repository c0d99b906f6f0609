/*
 * Rollups of before there were quotas of dimension values (quota.c): what they counted stays counted, however
 * many values it has.
 *
 *   the store is opened ──▶ a fact: not counted up to the sequence at which the fold stood
 *        ──▶ all of that is folded, held events and meters that catch up included; what comes behind is held
 *        ──▶ the values of its cells are counted; where there are more than the quota, a fact allows so many
 *
 * Allowances are what log and catalog do not say. So rollups that are folded again for those in place take
 * them over first.
 */
#include "aggregator/fold.h"

#define UNCOUNTED MTR_STR(MTR_FACT_UNCOUNTED)

struct counting {
    struct mtr_aggregator *aggregator;
    struct mtr_values_of of;
};

/* What has a cell was counted. */
static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    const struct counting *counting = context;
    (void)cell;
    if (!key->dimensions.size) return MTR_ECORRUPT; /* the meter has some */
    int rc = mtr_rollups_admit_values(counting->aggregator->txn, &counting->of, key->dimensions);
    return rc == MTR_EEXISTS ? MTR_OK : rc;
}

static int count_cells(struct mtr_aggregator *aggregator, const struct mtr_subscription *subscription,
                       const struct mtr_meter *meter)
{
    const struct mtr_cell_range all = {subscription->number, meter->number, INT64_MIN, INT64_MAX};
    struct counting counting = {aggregator,
                                {mtr_subscription_first_number(subscription), meter->number}};
    return mtr_rollups_walk_cells(aggregator->txn, &all, on_cell, &counting);
}

static int allow(struct mtr_aggregator *aggregator, const struct mtr_subscription *subscription,
                 const struct mtr_meter *meter)
{
    struct fold_quota quota;
    int rc = fold_find_quota(aggregator, subscription, meter, &quota);
    if (rc || quota.count.admitted <= quota.values_max) return rc;
    const struct mtr_fact_name fact = fact_numbers(MTR_FACT_ALLOWED, quota.of.owner, quota.of.meter);
    return fact_put_u64(aggregator, &fact, quota.count.admitted, NULL);
}

typedef int (*pair_hook)(struct mtr_aggregator *aggregator, const struct mtr_subscription *subscription,
                       const struct mtr_meter *meter);

/* Of all subscriptions and meters with dimensions that they can have usage of. */
static int walk_pairs(struct mtr_aggregator *aggregator, pair_hook on_pair)
{
    const struct mtr_catalog *catalog = aggregator->catalog;
    const uint32_t meters = mtr_catalog_count(catalog, MTR_KIND_METER),
                   subscriptions = mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION);
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= subscriptions; i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(catalog, i);
        for (uint32_t k = 1; !rc && subscription && k <= meters; k++) {
            const struct mtr_meter *meter = mtr_catalog_meter(catalog, k);
            if (meter && meter->service == subscription->service && meter->group_by_count)
                rc = on_pair(aggregator, subscription, meter);
        }
    }
    return rc;
}

int fold_count_values(struct mtr_aggregator *aggregator, uint64_t next_seq)
{
    struct mtr_str value;
    aggregator->uncounted_seq = 0;
    int rc = mtr_rollups_get_fact(aggregator->txn, UNCOUNTED, &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (value.size != 8) return MTR_ECORRUPT;
    const uint64_t uncounted_seq = fact_read_u64(value.data);
    if (next_seq < uncounted_seq || aggregator->releasing || aggregator->catch_up_count) {
        aggregator->uncounted_seq = uncounted_seq;
        return MTR_OK;
    }
    rc = walk_pairs(aggregator, count_cells);
    if (!rc) rc = walk_pairs(aggregator, allow);
    aggregator->state_changed = true;
    return rc ? rc : mtr_rollups_delete_fact(aggregator->txn, UNCOUNTED);
}

/* ---- for rollups that are folded again ---- */

static int on_fact(void *context, struct mtr_str name, struct mtr_str value)
{
    return mtr_rollups_put_fact(context, name, value);
}

int mtr_aggregator_take_over(struct mtr_rollups *rollups, struct mtr_rollups *before)
{
    struct mtr_rollups_txn *from = NULL, *to = NULL;
    int rc = mtr_rollups_begin(before, false, &from);
    if (!rc) rc = mtr_rollups_begin(rollups, true, &to);
    if (!rc) rc = mtr_rollups_walk_facts(from, UNCOUNTED, on_fact, to);
    if (!rc) rc = mtr_rollups_walk_facts(from, MTR_STR(MTR_FACT_ALLOWED), on_fact, to);
    mtr_rollups_abort(from);
    if (!rc) return mtr_rollups_commit(to);
    mtr_rollups_abort(to);
    return rc;
}
