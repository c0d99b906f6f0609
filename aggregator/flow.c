/*
 * What meters hold beyond their quotas of dimension values (quota.c) flows in the order of the log, as far as
 * the quotas go by now.
 *
 *   a quota is raised (fold_plan_flows), an event is held while there is room (quota.c)
 *       ──▶ a fact flow/… ──▶ flow_some, a chunk at a time, from the first event on ──▶ it goes
 *
 * Only once no release and no catch-up is left: what they give may come before what is held.
 */
#include "aggregator/fold.h"

#include <string.h>

enum { STOP = 1 };

/* Its room by the catalog in force. */
static int find_room(struct mtr_aggregator *aggregator, const struct mtr_values_of *of,
                     struct fold_quota *out)
{
    const struct mtr_subscription *owner = mtr_catalog_subscription(aggregator->catalog, of->owner);
    const struct mtr_meter *meter = mtr_catalog_meter(aggregator->catalog, of->meter);
    if (!owner || !meter) return MTR_ECORRUPT; /* what holds events is not deleted */
    return fold_find_quota(aggregator, owner, meter, out);
}

int fold_plan_flows(struct mtr_aggregator *aggregator)
{
    struct mtr_values_of of = {0, 0};
    int rc;
    if (aggregator->flow_version == mtr_catalog_version(aggregator->catalog)) return MTR_OK;
    while (!(rc = mtr_rollups_next_full(aggregator->txn, &of))) {
        struct fold_quota quota;
        rc = find_room(aggregator, &of, &quota);
        if (!rc && fold_has_room(&quota)) rc = fold_begin_flow(aggregator, &of);
        if (rc) return rc;
    }
    if (rc != MTR_ENOTFOUND) return rc;
    aggregator->flow_version = mtr_catalog_version(aggregator->catalog);
    return MTR_OK;
}

struct flow {
    bool found;
    struct mtr_values_of of;
    uint64_t after_seq;
};

static int on_flow(void *context, struct mtr_str name, struct mtr_str value)
{
    struct flow *flow = context;
    const size_t prefix = sizeof(MTR_FACT_FLOW) - 1;
    if (name.size != prefix + 8 || value.size != 8) return MTR_ECORRUPT;
    const uint64_t of = fact_read_u64(name.data + prefix);
    *flow = (struct flow){true, {(uint32_t)(of >> 32), (uint32_t)of}, fact_read_u64(value.data)};
    return flow->of.owner && flow->of.meter ? STOP : MTR_ECORRUPT;
}

static int flow_event(struct mtr_aggregator *aggregator, const struct mtr_values_of *of,
                      const struct mtr_event *event, uint64_t seq)
{
    enum event_counts counts;
    struct mtr_effect effect = {.subscription = fold_find_subscription(aggregator, event),
                                .meter = mtr_catalog_meter(aggregator->catalog, of->meter),
                                .sign = 1,
                                .way = FOLD_FLOWED,
                                .by_seq = seq};
    if (!effect.subscription || !effect.meter ||
        mtr_subscription_first_number(effect.subscription) != of->owner)
        return MTR_ECORRUPT;
    int rc = fold_offer(aggregator, &effect, event, seq, &counts);
    if (rc || counts == EVENT_IS_BEYOND) return rc;
    rc = mtr_rollups_delete_beyond(aggregator->txn, of, seq);
    if (rc) return rc;
    rc = mtr_rollups_get_voided(aggregator->txn, seq, &effect.by_seq);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    effect.sign = -1;
    return fold_apply(aggregator, &effect, event, seq);
}

static int flow_one(struct mtr_aggregator *aggregator, const struct mtr_values_of *of, uint64_t seq)
{
    const struct mtr_event *event;
    uint64_t void_seq;
    int rc = fold_read(aggregator, seq, &event);
    aggregator->state_changed = true;
    if (!rc) return flow_event(aggregator, of, event, seq);
    if (rc != MTR_ENOTFOUND) return rc;
    rc = mtr_rollups_delete_beyond(aggregator->txn, of, seq);
    if (rc) return rc;
    rc = mtr_rollups_get_voided(aggregator->txn, seq, &void_seq);
    if (rc != MTR_ENOTFOUND) return rc; /* of what was taken back it would have come to nothing */
    return fold_quarantine(aggregator, seq, of->meter, "expired",
                           "it left the log before the meter's quota of dimension values was raised");
}

/* All has flowed, or the quota is full. */
static int end_flow(struct mtr_aggregator *aggregator, const struct mtr_values_of *of,
                    const struct mtr_fact_name *fact)
{
    struct fold_quota quota;
    int rc = find_room(aggregator, of, &quota);
    if (rc) return rc;
    if (quota.count.held && fold_has_room(&quota)) return MTR_ECORRUPT; /* it has another number of rows */
    return fact_delete(aggregator, fact);
}

/* One chunk of what one meter holds. */
static int flow_some(struct mtr_aggregator *aggregator, struct flow *flow)
{
    const struct mtr_fact_name fact = fact_numbers(MTR_FACT_FLOW, flow->of.owner, flow->of.meter);
    while (aggregator->budget > 0 && aggregator->cells.count < MTR_CELL_TABLE_COUNT_SOFT_MAX) {
        uint64_t seq = flow->after_seq + 1;
        int rc = mtr_rollups_next_beyond(aggregator->txn, &flow->of, &seq);
        if (rc == MTR_ENOTFOUND) return end_flow(aggregator, &flow->of, &fact);
        if (!rc) rc = flow_one(aggregator, &flow->of, seq);
        if (rc) return rc;
        flow->after_seq = seq;
        aggregator->budget--;
        aggregator->events++;
    }
    return fact_put_u64(aggregator, &fact, flow->after_seq, NULL);
}

int fold_flow(struct mtr_aggregator *aggregator)
{
    if (aggregator->releasing || aggregator->catch_up_count || aggregator->uncounted_seq)
        return MTR_OK; /* what they give may come before */
    while (aggregator->flowing && aggregator->budget > 0 &&
           aggregator->cells.count < MTR_CELL_TABLE_COUNT_SOFT_MAX) {
        struct flow flow = {.found = false};
        int rc = mtr_rollups_walk_facts(aggregator->txn, MTR_STR(MTR_FACT_FLOW), on_flow, &flow);
        if (rc < 0) return rc;
        aggregator->flowing = flow.found;
        if (flow.found) rc = flow_some(aggregator, &flow);
        if (rc < 0) return rc;
    }
    return MTR_OK;
}
