/*
 * What the cells of a fold world must add up to, found event by event and without the fold's help.
 */
#ifndef METERD_TESTS_SUPPORT_FOLD_MODEL_H
#define METERD_TESTS_SUPPORT_FOLD_MODEL_H

#include "meterd/catalog/cell.h"
#include "tests/support/fold_world.h"

/* Σ of cells' counts = events that match a meter and can count, less the voided ones: found without the
 * fold's help but for event_quantity's refusals, which the golden cases cover. */
static inline int on_count(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    (void)key;
    *(uint64_t *)context += cell->count;
    return MTR_OK;
}

static inline bool is_voided(uint64_t seq)
{
    for (uint64_t v = seq; v < log_in_memory.count; v++)
        if (log_in_memory.events[v].event.disposition == MTR_DISPOSITION_VOID &&
            log_in_memory.events[v].event.target_seq == seq)
            return true;
    return false;
}

static inline const struct mtr_property *property_of(const struct world_event *row, const char *name)
{
    for (uint32_t i = 0; i < row->event.property_count; i++)
        if (mtr_str_equal(row->properties[i].name, mtr_str_from(name))) return &row->properties[i];
    return NULL;
}

/* Cells that an event over a length touches. */
static inline uint64_t cells_of(const struct mtr_subscription *subscription, const struct world_event *row,
                         const struct mtr_meter *meter)
{
    struct mtr_quantity length;
    const struct mtr_property *property = property_of(row, "length");
    uint64_t cells = 1;
    if (!property || mtr_quantity_from_decimal(property->number, &length) || length.e12 < 0) return 0;
    const int64_t end_us = row->event.time_us + (int64_t)(length.e12 / 1000000);
    struct mtr_cell_bounds cell = mtr_cell_at(subscription, meter, row->event.time_us);
    for (; cell.end_us < end_us; cells++) cell = mtr_cell_at(subscription, meter, cell.end_us);
    return cells;
}

/* In how many cells. */
static inline uint64_t counts_for(const struct mtr_subscription *subscription, const struct world_event *row,
                           const struct mtr_meter *meter)
{
    const struct mtr_property *value = property_of(row, "value"), *region = property_of(row, "region");
    if (meter->filter_count && (!region || !mtr_str_equal(region->text, MTR_STR("eu")))) return 0;
    if (meter->aggregation == MTR_COUNT) return 1;
    if (!value) return 0;
    /* of the texts, those that are numbers */
    const bool is_number = value->kind == MTR_PROPERTY_NUMBER || value->text.data[0] == '4';
    if (meter->aggregation != MTR_UNIQUE && !is_number) return 0;
    return meter->spread_over.size ? cells_of(subscription, row, meter) : 1;
}

/* Is it the last of its subject that has begun by then, or the first of all before that? */
static inline bool has_use_at(const struct mtr_subscription *subscription, int64_t time_us)
{
    const bool has_begun = subscription->start_us <= time_us;
    for (uint32_t i = 0; i < world.subscription_count; i++) {
        const struct mtr_subscription *other = &world.subscriptions[i];
        if (other == subscription || other->service != subscription->service ||
            !mtr_str_equal(other->subject, subscription->subject))
            continue;
        const bool other_has_begun = other->start_us <= time_us;
        if (has_begun ? other_has_begun && other->start_us > subscription->start_us
                      : other_has_begun || other->start_us < subscription->start_us)
            return false;
    }
    return true;
}

/* The values that a meter counts for a subject, at the subject's first subscription: the first of the log. */
enum { MODEL_REGIONS_MAX = 8 };
static struct counted_values {
    struct mtr_str regions[MODEL_REGIONS_MAX];
    uint64_t count;
} counted_values[WORLD_SUBSCRIPTIONS_MAX][WORLD_METERS_MAX];

/* With what was counted before there were quotas. */
static inline uint64_t values_max(struct mtr_rollups_txn *txn, uint32_t owner, const struct mtr_meter *meter)
{
    char name[sizeof(MTR_FACT_ALLOWED) - 1 + 8] = MTR_FACT_ALLOWED "\0\0\0\0\0\0\0";
    struct mtr_str value;
    uint64_t allowed = 0;
    name[sizeof(name) - 5] = (char)owner;
    name[sizeof(name) - 1] = (char)meter->number;
    if (!mtr_rollups_get_fact(txn, (struct mtr_str){name, sizeof(name)}, &value))
        allowed = (unsigned char)value.data[value.size - 1];
    return allowed > meter->dimension_values_max ? allowed : meter->dimension_values_max;
}

static inline bool is_within_quota(struct mtr_rollups_txn *txn, const struct mtr_subscription *subscription,
                                   const struct world_event *row, const struct mtr_meter *meter)
{
    const struct mtr_property *property = property_of(row, "region");
    const struct mtr_str region = property ? property->text : MTR_STR("");
    uint32_t first = 0;
    if (!meter->group_by_count) return true;
    while (!mtr_str_equal(world.subscriptions[first].subject, subscription->subject) ||
           world.subscriptions[first].service != subscription->service)
        first++;
    struct counted_values *values = &counted_values[first][meter->number - 1];
    for (uint64_t i = 0; i < values->count; i++)
        if (mtr_str_equal(values->regions[i], region)) return true;
    if (values->count == values_max(txn, first + 1, meter)) return false;
    assert_true(values->count < MODEL_REGIONS_MAX);
    values->regions[values->count++] = region;
    return true;
}

/* *beyond: how many meters hold, event by event. */
static inline uint64_t expected_count(struct mtr_rollups_txn *txn, uint64_t *beyond)
{
    uint64_t count = 0;
    *beyond = 0;
    memset(counted_values, 0, sizeof(counted_values));
    for (uint64_t seq = 1; seq <= log_in_memory.count; seq++) {
        const struct world_event *row = &log_in_memory.events[seq - 1];
        if (row->event.disposition != MTR_DISPOSITION_NORMAL) continue;
        for (uint32_t s = 0; s < world.subscription_count; s++) {
            const struct mtr_subscription *subscription = &world.subscriptions[s];
            if (!mtr_str_equal(subscription->subject, row->event.subject)) continue;
            if (!mtr_str_equal(subscription->service->vendor->key, row->event.vendor)) continue;
            if (!has_use_at(subscription, row->event.time_us)) continue;
            for (uint32_t m = 0; m < world.meter_count; m++) {
                const struct mtr_meter *meter = &world.meters[m];
                if (world.is_deleted[m] || meter->service != subscription->service ||
                    !mtr_str_equal(meter->event_type, row->event.type) ||
                    row->event.time_us >= mtr_meter_retired_us(meter))
                    continue;
                const uint64_t cells = counts_for(subscription, row, meter);
                if (!cells) continue;
                if (!is_within_quota(txn, subscription, row, meter)) *beyond += 1;
                else if (!is_voided(seq)) count += cells;
            }
        }
    }
    return count;
}

#endif
