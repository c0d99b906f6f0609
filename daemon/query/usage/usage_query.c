/*
 * Usage for analysts. Each step is one pass over the cells of the chosen subscriptions and meters, adding up
 * the next rows in order that the table (usage_table.h) has room for. Meters whose quantity is not in their
 * cells alone (levels, percentiles) are measured in usage_measure.c.
 */
#include "meterd/query/usage_query.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/query/usage/usage_run.h"
#include "meterd/core/limits.h"

bool mtr_usage_window_from_name(struct mtr_str name, enum mtr_usage_window *out)
{
    static const char *const names[] = {"hour", "day", "month", "total"};
    for (int i = 0; i < 4; i++) {
        if (!mtr_str_equal(name, mtr_str_from(names[i]))) continue;
        *out = (enum mtr_usage_window)i;
        return true;
    }
    return false;
}

static int on_member(void *context, const struct mtr_member *member)
{
    struct mtr_usage_run *run = context;
    bool is_new;
    int rc = usage_table_add_member(&run->table, run->member_group, run->subscription->number, member->member,
                                    &is_new);
    if (rc || !is_new) return rc;
    usage_group_add(&run->table.groups[run->member_group], MTR_QUANTITY(1));
    return MTR_OK;
}

/* Of two last values the later hour's counts; within one hour the cells' greatest members decide. */
static int take_last(struct mtr_usage_run *run, struct usage_group *group, const struct mtr_cell_key *key,
                     const struct mtr_cell *cell)
{
    struct mtr_member member = {0};
    int rc = mtr_rollups_last_member(run->txn, key, &member);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    bool later =
        !group->has_value || key->start_us > group->last_hour_us ||
        (key->start_us == group->last_hour_us && mtr_str_compare(member.member, group->last_member) > 0);
    if (!later) return MTR_OK;
    group->last_hour_us = key->start_us;
    group->row.quantity = cell->value;
    return mtr_arena_copy(run->table.arena, member.member, &group->last_member);
}

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct mtr_usage_run *run = context;
    struct usage_group *group;
    uint32_t number;
    if (cell->count == 0) return MTR_OK;
    int rc = usage_find_group(run, key, &group, &number);
    if (rc || !group) return rc;
    struct mtr_quantity *quantity = &group->row.quantity;
    int order = mtr_quantity_compare(cell->value, *quantity);
    switch (run->meter->aggregation) {
    case MTR_SUM:
    case MTR_COUNT: usage_group_add(group, cell->value); break;
    case MTR_COUNTER_INCREASE:
        usage_group_add(group, cell->value);
        rc = usage_note_readings(run, key, &group->row);
        break;
    case MTR_MIN:
        if (!group->has_value || order < 0) *quantity = cell->value;
        break;
    case MTR_MAX:
        if (!group->has_value || order > 0) *quantity = cell->value;
        break;
    case MTR_LAST: rc = take_last(run, group, key, cell); break;
    case MTR_UNIQUE:
        run->member_group = number;
        rc = mtr_rollups_walk_members(run->txn, key, on_member, run);
        break;
    case MTR_TIME_WEIGHTED:
    case MTR_PERCENTILE: MTR_ASSERT(!"measured by its points or windows"); break;
    }
    group->has_value = true;
    group->row.events += cell->count;
    return rc;
}

static bool wants_subscription(const struct mtr_usage_query *query,
                               const struct mtr_subscription *subscription)
{
    if (!subscription) return false;
    if (query->subscription.size && !mtr_str_equal(query->subscription, subscription->key)) return false;
    if (query->customer.size && !mtr_subscription_is_of_customer(subscription, query->customer)) return false;
    return !query->vendor.size || mtr_str_equal(query->vendor, subscription->service->vendor->key);
}

static int walk_meter(struct mtr_usage_run *run, const struct mtr_meter *meter)
{
    const struct mtr_usage_query *query = run->query;
    run->meter = meter;
    for (uint32_t i = 0; i < query->dimension_count; i++) {
        run->positions[i] = -1;
        for (uint32_t j = 0; j < meter->group_by_count; j++)
            if (mtr_str_equal(query->dimensions[i], meter->group_by[j])) run->positions[i] = (int32_t)j;
    }
    if (meter->aggregation == MTR_TIME_WEIGHTED || meter->aggregation == MTR_PERCENTILE)
        return usage_measure(run);
    const struct mtr_period hours = usage_range(run);
    const struct mtr_cell_range range = {run->subscription->number, meter->number, hours.start_us,
                                         hours.end_us};
    return mtr_rollups_walk_cells(run->txn, &range, on_cell, run);
}

static int64_t instant_of(const struct mtr_zone *zone, int64_t time_us, bool is_date)
{
    return is_date ? mtr_zone_midnight(zone, time_us / MTR_US_PER_DAY) : time_us;
}

static int walk_meters(struct mtr_usage_run *run, const struct mtr_catalog *catalog)
{
    const struct mtr_usage_query *query = run->query;
    const uint32_t meters = mtr_catalog_count(catalog, MTR_KIND_METER);
    int rc = MTR_OK;
    run->window = (struct mtr_period){0, 0};
    for (uint32_t m = 1; !rc && m <= meters; m++) {
        const struct mtr_meter *meter = mtr_catalog_meter(catalog, m);
        if (!meter || meter->service != run->subscription->service) continue;
        if (query->meter.size && !mtr_str_equal(query->meter, meter->key)) continue;
        rc = walk_meter(run, meter);
    }
    return rc;
}

/* Each phase by itself where customers are told apart: use is of the customer of its time. What lies before
 * the first phase or behind the last is of that one. */
static int walk_phases(struct mtr_usage_run *run, const struct mtr_subscription *subscription,
                       const struct mtr_catalog *catalog)
{
    const struct mtr_usage_query *query = run->query;
    const uint32_t count = mtr_subscription_phase_count(subscription);
    const int64_t from_us = run->from_us, to_us = run->to_us;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < count; i++) {
        run->subscription = mtr_subscription_phase(subscription, i);
        if (query->customer.size && !mtr_str_equal(query->customer, run->subscription->customer)) continue;
        run->from_us = i ? mtr_time_later(from_us, run->subscription->start_us) : from_us;
        run->to_us = i + 1 < count ? mtr_time_sooner(to_us, run->subscription->end_us) : to_us;
        run->windows_zone = NULL; /* they are cut at from and to */
        if (run->from_us < run->to_us) rc = walk_meters(run, catalog);
    }
    run->windows_zone = NULL;
    return rc;
}

static int walk(struct mtr_usage_run *run, const struct mtr_catalog *catalog)
{
    const struct mtr_usage_query *query = run->query;
    const bool by_customer = query->customer.size || (query->by_customer && !query->by_subscription);
    int rc = MTR_OK;
    for (uint32_t s = 1; !rc && s <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); s++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(catalog, s);
        if (!wants_subscription(query, subscription)) continue;
        run->subscription = subscription;
        run->zone = query->zone ? query->zone : subscription->zone;
        run->from_us = instant_of(run->zone, query->from_us, query->from_is_date);
        run->to_us = instant_of(run->zone, query->to_us, query->to_is_date);
        rc = by_customer && subscription->phases ? walk_phases(run, subscription, catalog)
                                                 : walk_meters(run, catalog);
    }
    return rc;
}

int mtr_usage_query_next(const struct mtr_usage_query *query, struct mtr_rollups_txn *txn,
                         const struct mtr_catalog *catalog, const struct mtr_usage_position *position,
                         struct mtr_arena *arena, struct mtr_usage_result *out)
{
    enum { CHUNK_BYTES = 16 << 10, SCRATCH_BYTES_MAX = 512 << 20 };
    struct mtr_usage_run run = {.query = query, .txn = txn, .position = position};
    uint64_t next_seq, change;
    MTR_ASSERT(!position->is_done);
    usage_table_init(&run.table, arena, query->table_bytes_max);
    run.table.rows_max = query->rows_max;
    run.table.counts = !position->is_begun;
    mtr_arena_init(&run.scratch, CHUNK_BYTES, SCRATCH_BYTES_MAX);
    mtr_arena_init(&run.times, CHUNK_BYTES, SCRATCH_BYTES_MAX);
    int rc = mtr_rollups_get_cursor(txn, &next_seq, &run.watermark_us, &change);
    if (!rc) rc = walk(&run, catalog);
    if (!rc) rc = usage_table_sort(&run.table, out);
    usage_table_release(&run.table);
    mtr_arena_release(&run.scratch);
    mtr_arena_release(&run.times);
    return rc;
}

void mtr_usage_move_behind(struct mtr_usage_position *position, const struct mtr_usage_result *result,
                           uint32_t taken)
{
    MTR_ASSERT(taken <= result->row_count && (taken > 0 || result->row_count == 0));
    position->is_begun = true;
    position->is_done = result->is_last && taken == result->row_count;
    if (!taken) return;
    const struct mtr_str key = result->keys[taken - 1];
    memcpy(position->key, key.data, key.size);
    position->key_size = key.size;
}
