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

enum { GROUP_KEY_BYTES = 2048, MEMBER_KEY_BYTES = 1024 };

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

/* The window of a cell, cut at from and to. */
struct mtr_period usage_window_of(struct mtr_usage_run *run, int64_t hour_s)
{
    const struct mtr_usage_query *query = run->query;
    struct mtr_period window = run->window;
    if (hour_s >= window.start_s && hour_s < window.end_s) return window;
    if (query->window == MTR_WINDOW_TOTAL) {
        return (struct mtr_period){run->from_s, run->to_s};
    } else if (query->window == MTR_WINDOW_HOUR) {
        struct mtr_hour hour = mtr_zone_hour(run->zone, hour_s);
        window = (struct mtr_period){hour.start_s, hour.end_s};
    } else {
        struct mtr_period_rule rule = {query->window == MTR_WINDOW_DAY ? MTR_PERIOD_DAY : MTR_PERIOD_MONTH,
                                       INT64_MIN, run->zone};
        window = mtr_period_at(&rule, hour_s);
    }
    if (window.start_s < run->from_s) window.start_s = run->from_s;
    if (window.end_s > run->to_s) window.end_s = run->to_s;
    run->window = window;
    return window;
}

struct mtr_str usage_dimension_at(struct mtr_str dimensions, int32_t position)
{
    const char *at = dimensions.data;
    size_t left = dimensions.size;
    for (; position >= 0; position--) {
        const char *end = left ? memchr(at, MTR_USAGE_DIMENSION_END, left) : NULL;
        if (!end) break;
        if (position == 0) return (struct mtr_str){at, (size_t)(end - at)};
        left -= (size_t)(end - at) + 1;
        at = end + 1;
    }
    return (struct mtr_str){NULL, 0};
}

struct key_writer {
    char bytes[GROUP_KEY_BYTES];
    size_t size;
};

static void key_u64(struct key_writer *key, uint64_t value)
{
    for (int shift = 56; shift >= 0; shift -= 8) key->bytes[key->size++] = (char)(value >> shift);
}

static int key_text(struct key_writer *key, struct mtr_str text)
{
    if (key->size + text.size + 1 > sizeof(key->bytes)) return MTR_ELIMIT;
    if (text.size) memcpy(key->bytes + key->size, text.data, text.size);
    key->size += text.size;
    key->bytes[key->size++] = MTR_USAGE_DIMENSION_END;
    return MTR_OK;
}

/* Order of the key is the order of the answer. */
static int write_key(const struct mtr_usage_run *run, const struct mtr_cell_key *cell,
                     struct mtr_period window, struct key_writer *key)
{
    const struct mtr_usage_query *query = run->query;
    int rc = MTR_OK;
    key->size = 0;
    /* A total is one row, also when its dates begin at other instants in other zones; the row shows those
     * of the first. */
    if (query->window == MTR_WINDOW_TOTAL) window = (struct mtr_period){query->from_s, query->to_s};
    key_u64(key, (uint64_t)window.start_s ^ UINT64_C(1) << 63);
    key_u64(key, (uint64_t)window.end_s);
    key_u64(key, query->by_subscription ? run->subscription->number : 0);
    if (query->by_customer && !query->by_subscription) rc = key_text(key, run->subscription->customer);
    key_u64(key, run->meter->number);
    for (uint32_t i = 0; !rc && i < query->dimension_count; i++)
        rc = key_text(key, usage_dimension_at(cell->dimensions, run->positions[i]));
    return rc;
}

static int fill_row(const struct mtr_usage_run *run, const struct mtr_cell_key *cell,
                    struct mtr_period window, struct mtr_usage_result_row *row)
{
    const struct mtr_usage_query *query = run->query;
    row->subscription = query->by_subscription ? run->subscription : NULL;
    if (query->by_customer || query->by_subscription) row->customer = run->subscription->customer;
    row->service = run->meter->service;
    row->meter = run->meter;
    row->start_s = window.start_s;
    row->end_s = window.end_s;
    row->offset_s = mtr_zone_at(run->zone, window.start_s).offset_s;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < query->dimension_count; i++) {
        struct mtr_str value = usage_dimension_at(cell->dimensions, run->positions[i]);
        if (value.size) rc = mtr_arena_copy(run->arena, value, &row->dimension_values[i]);
    }
    return rc;
}

int usage_find_group(struct mtr_usage_run *run, const struct mtr_cell_key *cell,
                         struct mtr_usage_group **out, uint32_t *number)
{
    struct key_writer key;
    bool is_new;
    struct mtr_period window = usage_window_of(run, cell->hour_s);
    int rc = write_key(run, cell, window, &key);
    if (!rc) rc = mtr_byte_set_add(&run->keys, (struct mtr_str){key.bytes, key.size}, number, &is_new);
    if (rc) return rc;
    if (run->keys.count > run->query->rows_max) return MTR_ELIMIT;
    rc = mtr_arena_make_room(run->arena, (void **)&run->groups, *number, &run->group_capacity,
                             sizeof(*run->groups));
    if (rc) return rc;
    *out = &run->groups[*number];
    return is_new ? fill_row(run, cell, window, &(*out)->row) : MTR_OK;
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
    return mtr_rollups_walk_cells(run->txn, run->subscription->number, meter->number, run->from_s, run->to_s,
                                  on_cell, run);
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
    for (uint32_t i = 0; i < count; i++) order[i] = (struct ordered){run->keys.keys[i], i};
    qsort(order, count, sizeof(*order), compare_ordered);
    for (uint32_t i = 0; i < count; i++) out->rows[i] = run->groups[order[i].number].row;
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
