/*
 * Usage for analysts. One pass over the cells of the chosen subscriptions and meters; groups live in a byte
 * set of the arena. Meters whose quantity is not in their cells alone (levels, percentiles) are measured in
 * usage_measure.c.
 */
#include "meterd/query/usage_query.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/query/usage_run.h"
#include "meterd/core/limits.h"

enum { MEMBER_KEY_BYTES = 1024 };

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
    char key[MEMBER_KEY_BYTES];
    uint32_t number;
    bool is_new;
    if (member->member.size > sizeof(key) - 8) return MTR_ECORRUPT;
    memcpy(key, &run->member_group, 4);
    memcpy(key + 4, &run->subscription->number, 4);
    memcpy(key + 8, member->member.data, member->member.size);
    int rc =
        mtr_byte_set_add(&run->members, (struct mtr_str){key, 8 + member->member.size}, &number, &is_new);
    if (rc || !is_new) return rc;
    struct mtr_quantity one, *quantity = &run->groups[run->member_group].row.quantity;
    rc = mtr_quantity_from_i64(1, &one);
    return rc ? rc : mtr_quantity_add(*quantity, one, quantity);
}

/* Of two last values the later hour's counts; within one hour the cells' greatest members decide. */
static int take_last(struct mtr_usage_run *run, struct mtr_usage_group *group, const struct mtr_cell_key *key,
                     const struct mtr_cell *cell)
{
    struct mtr_member member = {0};
    int rc = mtr_rollups_last_member(run->txn, key, &member);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    bool later =
        !group->has_value || key->hour_s > group->last_hour_s ||
        (key->hour_s == group->last_hour_s && mtr_str_compare(member.member, group->last_member) > 0);
    if (!later) return MTR_OK;
    group->last_hour_s = key->hour_s;
    group->row.quantity = cell->value;
    return mtr_arena_copy(run->arena, member.member, &group->last_member);
}

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct mtr_usage_run *run = context;
    struct mtr_usage_group *group;
    uint32_t number;
    if (cell->count == 0) return MTR_OK;
    int rc = usage_find_group(run, key, &group, &number);
    if (rc) return rc;
    struct mtr_quantity *quantity = &group->row.quantity;
    int order = mtr_quantity_compare(cell->value, *quantity);
    switch (run->meter->aggregation) {
    case MTR_SUM:
    case MTR_COUNT: rc = mtr_quantity_add(*quantity, cell->value, quantity); break;
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
    if (query->customer.size && !mtr_str_equal(query->customer, subscription->customer)) return false;
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
    /* A cell belongs to the hour it starts in: the one that holds `from` counts only when it starts there. */
    const struct mtr_cell_range range = {run->subscription->number, meter->number, run->from_s, run->to_s};
    return mtr_rollups_walk_cells(run->txn, &range, on_cell, run);
}

static int64_t instant_of(const struct mtr_zone *zone, int64_t time_s, bool is_date)
{
    return is_date ? mtr_zone_from_civil(zone, mtr_civil_from_s(time_s)) : time_s;
}

static int walk(struct mtr_usage_run *run, const struct mtr_catalog *catalog)
{
    const struct mtr_usage_query *query = run->query;
    uint32_t subscriptions = mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION),
             meters = mtr_catalog_count(catalog, MTR_KIND_METER);
    int rc = MTR_OK;
    for (uint32_t s = 1; !rc && s <= subscriptions; s++) {
        run->subscription = mtr_catalog_subscription(catalog, s);
        if (!wants_subscription(query, run->subscription)) continue;
        run->zone = query->zone ? query->zone : run->subscription->zone;
        run->from_s = instant_of(run->zone, query->from_s, query->from_is_date);
        run->to_s = instant_of(run->zone, query->to_s, query->to_is_date);
        run->window = (struct mtr_period){0, 0};
        for (uint32_t m = 1; !rc && m <= meters; m++) {
            const struct mtr_meter *meter = mtr_catalog_meter(catalog, m);
            if (!meter || meter->service != run->subscription->service) continue;
            if (query->meter.size && !mtr_str_equal(query->meter, meter->key)) continue;
            rc = walk_meter(run, meter);
        }
    }
    return rc;
}

struct ordered {
    struct mtr_str key;
    uint32_t number;
};

static int compare_ordered(const void *a, const void *b)
{
    return mtr_str_compare(((const struct ordered *)a)->key, ((const struct ordered *)b)->key);
}

static int sort_rows(const struct mtr_usage_run *run, struct mtr_usage_result *out)
{
    uint32_t count = run->keys.count;
    struct ordered *order = mtr_arena_calloc(run->arena, (size_t)count + 1, sizeof(*order));
    out->rows = mtr_arena_calloc(run->arena, (size_t)count + 1, sizeof(*out->rows));
    if (!order || !out->rows) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count; i++)
        order[i] = (struct ordered){run->keys.keys[i], i};
    qsort(order, count, sizeof(*order), compare_ordered);
    for (uint32_t i = 0; i < count; i++)
        out->rows[i] = run->groups[order[i].number].row;
    out->row_count = count;
    return MTR_OK;
}

int mtr_usage_query_run(const struct mtr_usage_query *query, struct mtr_rollups_txn *txn,
                        const struct mtr_catalog *catalog, struct mtr_arena *arena,
                        struct mtr_usage_result *out)
{
    struct mtr_usage_run run = {
        .query = query, .txn = txn, .arena = arena, .keys = {.arena = arena}, .members = {.arena = arena}};
    uint64_t next_seq, change;
    int rc = mtr_rollups_get_cursor(txn, &next_seq, &run.watermark_us, &change);
    if (!rc) rc = walk(&run, catalog);
    return rc ? rc : sort_rows(&run, out);
}
