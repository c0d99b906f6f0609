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

enum {
    CHUNK_BYTES = 16 << 10,
    SCRATCH_BYTES_MAX = 512 << 20,
    /* Of hours that are counted again: by a call without steps, and by one of them. */
    CALL_EVENTS_MAX = 200000,
    CALL_RECOUNT_BYTES_MAX = 8 << 20,
    STEP_EVENTS_MAX = 20000000,
    STEP_RECOUNT_BYTES_MAX = 512 << 20,
};

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
    int rc = mtr_recount_last_member(run->recount, key, &member);
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
    case MTR_COUNTER_INCREASE: rc = usage_add_readings(run, key, cell, group); break;
    case MTR_MIN:
        if (!group->has_value || order < 0) *quantity = cell->value;
        break;
    case MTR_MAX:
        if (!group->has_value || order > 0) *quantity = cell->value;
        break;
    case MTR_LAST: rc = take_last(run, group, key, cell); break;
    case MTR_UNIQUE:
        run->member_group = number;
        rc = mtr_recount_walk_members(run->recount, key, on_member, run);
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
    int rc = usage_begin_readings(run);
    return rc ? rc : mtr_recount_walk_cells(run->recount, &range, on_cell, run);
}

static int64_t instant_of(const struct mtr_zone *zone, int64_t time_us, bool is_date)
{
    return is_date ? mtr_zone_midnight(zone, time_us / MTR_US_PER_DAY) : time_us;
}

static int walk_meters(struct mtr_usage_run *run, const struct mtr_catalog *catalog)
{
    const struct mtr_period in_term = usage_in_term(run);
    int rc = MTR_OK;
    run->window = (struct mtr_period){0, 0};
    if (in_term.start_us >= in_term.end_us) return MTR_OK;
    for (uint32_t m = 1; !rc && m <= mtr_catalog_count(catalog, MTR_KIND_METER); m++) {
        const struct mtr_meter *meter = mtr_catalog_meter(catalog, m);
        if (usage_wants_meter(run, meter)) rc = walk_meter(run, meter);
    }
    return rc;
}

/* Each phase by itself where customers are told apart: use is of the customer of its time. */
static int walk_phases(struct mtr_usage_run *run, const struct mtr_catalog *catalog)
{
    const struct mtr_usage_query *query = run->query;
    const struct mtr_subscription *subscription = run->subscription;
    const uint32_t count = mtr_subscription_phase_count(subscription);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < count; i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(subscription, i);
        if (query->customer.size && !mtr_str_equal(query->customer, phase->customer)) continue;
        run->subscription = phase;
        run->term = (struct mtr_period){phase->start_us, phase->end_us};
        rc = walk_meters(run, catalog);
    }
    return rc;
}

static int walk_use(struct mtr_usage_run *run, const struct mtr_catalog *catalog)
{
    const struct mtr_usage_query *query = run->query;
    const bool by_customer = query->customer.size || (query->by_customer && !query->by_subscription);
    return by_customer && run->subscription->phases ? walk_phases(run, catalog) : walk_meters(run, catalog);
}

static int walk(struct mtr_usage_run *run, const struct mtr_catalog *catalog,
                int (*on_subscription)(struct mtr_usage_run *run, const struct mtr_catalog *catalog))
{
    const struct mtr_usage_query *query = run->query;
    int rc = MTR_OK;
    for (uint32_t s = 1; !rc && s <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); s++) {
        run->subscription = mtr_catalog_subscription(catalog, s);
        if (!wants_subscription(query, run->subscription)) continue;
        run->zone = query->zone ? query->zone : run->subscription->zone;
        run->from_us = instant_of(run->zone, query->from_us, query->from_is_date);
        run->to_us = instant_of(run->zone, query->to_us, query->to_is_date);
        run->term = (struct mtr_period){mtr_subscription_begun_us(run->subscription),
                                        mtr_subscription_ends_us(run->subscription)};
        rc = on_subscription(run, catalog);
    }
    return rc;
}

/* Hours that the query cuts, of all its subscriptions at once: the log is read once for all of them. */
static int cut_hours(struct mtr_usage_run *run, const struct mtr_catalog *catalog,
                     struct mtr_diagnostic *refusal)
{
    struct mtr_diagnostic diagnostic = {.text = ""};
    mtr_recount_begin(run->recount, run->txn, catalog, catalog);
    int rc = walk(run, catalog, usage_ask_cuts);
    if (!rc) rc = mtr_recount_count(run->recount, &diagnostic);
    if (rc == MTR_ELIMIT && !run->query->in_steps) return MTR_EFULL; /* a step has more room for it */
    if (rc == MTR_EMISSING || rc == MTR_EAGAIN || rc == MTR_ELIMIT) *refusal = diagnostic;
    return rc;
}

static int run_step(struct mtr_usage_run *run, const struct mtr_usage_sources *sources,
                    struct mtr_usage_result *out)
{
    const bool in_steps = run->query->in_steps;
    const struct mtr_recount_options recount = {
        .reader = sources->reader,
        .events_max = in_steps ? STEP_EVENTS_MAX : CALL_EVENTS_MAX,
        .bytes_max = in_steps ? STEP_RECOUNT_BYTES_MAX : CALL_RECOUNT_BYTES_MAX,
    };
    uint64_t next_seq, change;
    int rc = mtr_rollups_get_cursor(run->txn, &next_seq, &run->watermark_us, &change);
    if (!rc) rc = mtr_recount_open(&recount, &run->recount);
    if (!rc) rc = cut_hours(run, sources->catalog, &out->refusal);
    if (!rc) rc = walk(run, sources->catalog, walk_use);
    if (!rc) rc = usage_table_sort(&run->table, out);
    mtr_recount_close(run->recount);
    return rc;
}

int mtr_usage_query_next(const struct mtr_usage_query *query, const struct mtr_usage_sources *sources,
                         const struct mtr_usage_position *position, struct mtr_arena *arena,
                         struct mtr_usage_result *out)
{
    struct mtr_usage_run run = {.query = query, .txn = sources->txn, .position = position};
    MTR_ASSERT(!position->is_done);
    *out = (struct mtr_usage_result){.rows = NULL};
    usage_table_init(&run.table, arena, query->table_bytes_max);
    run.table.rows_max = query->rows_max;
    run.table.counts = !position->is_begun;
    mtr_arena_init(&run.scratch, CHUNK_BYTES, SCRATCH_BYTES_MAX);
    mtr_arena_init(&run.times, CHUNK_BYTES, SCRATCH_BYTES_MAX);
    mtr_arena_init(&run.cuts, CHUNK_BYTES, SCRATCH_BYTES_MAX);
    int rc = run_step(&run, sources, out);
    usage_table_release(&run.table);
    mtr_arena_release(&run.scratch);
    mtr_arena_release(&run.times);
    mtr_arena_release(&run.cuts);
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
