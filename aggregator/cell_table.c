/*
 * Open addressing with linear probing over an array of rows; see cell_table.h. A vendor chooses the
 * dimensions of his events and so could look for collisions; what that costs is bounded by the number of
 * cells of one step.
 */
#include "aggregator/cell_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "aggregator/event_quantity.h"

enum { CAPACITY_FIRST = 1024, ARENA_CHUNK_BYTES = 1 << 16 };
#define ARENA_BYTES_MAX ((size_t)1 << 32)

void cell_table_init(struct mtr_cell_table *table)
{
    *table = (struct mtr_cell_table){0};
    mtr_arena_init(&table->arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
}

void cell_table_release(struct mtr_cell_table *table)
{
    free(table->changes);
    free(table->slots);
    mtr_arena_release(&table->arena);
    cell_table_init(table);
}

void cell_table_reset(struct mtr_cell_table *table)
{
    if (table->count) memset(table->slots, 0, (size_t)table->slot_count * sizeof(*table->slots));
    table->count = 0;
    mtr_arena_reset(&table->arena);
}

static uint32_t hash_key(const struct mtr_cell_key *key)
{
    uint64_t numbers = (uint64_t)key->subscription << 32 | key->meter;
    uint64_t hash =
        (numbers ^ (uint64_t)key->start_us * UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xD6E8FEB86659FD93);
    if (key->dimensions.size) hash ^= XXH3_64bits(key->dimensions.data, key->dimensions.size);
    return (uint32_t)(hash ^ hash >> 32);
}

static bool same_key(const struct mtr_cell_key *a, const struct mtr_cell_key *b)
{
    return a->subscription == b->subscription && a->meter == b->meter && a->start_us == b->start_us &&
           mtr_str_equal(a->dimensions, b->dimensions);
}

static int grow(struct mtr_cell_table *table)
{
    uint32_t capacity = table->capacity ? table->capacity * 2 : CAPACITY_FIRST;
    uint32_t slot_count = capacity * 2;
    struct mtr_cell_slot *slots = calloc(slot_count, sizeof(*slots));
    struct mtr_cell_change *changes =
        slots ? realloc(table->changes, (size_t)capacity * sizeof(*changes)) : NULL;
    if (!changes) {
        free(slots);
        return MTR_ENOMEM;
    }
    MTR_ASSERT(table->count < capacity && (slot_count & (slot_count - 1)) == 0); /* masks find a slot */
    for (uint32_t i = 0; i < table->slot_count; i++) {
        if (!table->slots[i].index) continue;
        uint32_t at = table->slots[i].hash & (slot_count - 1);
        while (slots[at].index) at = (at + 1) & (slot_count - 1);
        slots[at] = table->slots[i];
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    table->changes = changes;
    table->capacity = capacity;
    return MTR_OK;
}

int cell_table_look(struct mtr_cell_table *table, const struct mtr_cell_key *key, struct mtr_cell_lookup *out)
{
    const uint32_t hash = hash_key(key);
    if (table->count == table->capacity) {
        int rc = grow(table);
        if (rc) return rc;
    }
    uint32_t at = hash & (table->slot_count - 1);
    for (; table->slots[at].index; at = (at + 1) & (table->slot_count - 1)) {
        struct mtr_cell_change *change = &table->changes[table->slots[at].index - 1];
        if (table->slots[at].hash != hash || !same_key(&change->key, key)) continue;
        *out = (struct mtr_cell_lookup){hash, at, change};
        return MTR_OK;
    }
    *out = (struct mtr_cell_lookup){hash, at, NULL};
    return MTR_OK;
}

int cell_table_add(struct mtr_cell_table *table, const struct mtr_cell_key *key,
                   const struct mtr_meter *meter, struct mtr_cell_lookup *found)
{
    struct mtr_cell_change row = {.key = *key, .meter = meter, .seq_first = UINT64_MAX};
    MTR_ASSERT(!table->slots[found->slot].index && table->count < table->capacity); /* as it was looked up */
    if (key->dimensions.size) {
        int rc = mtr_arena_copy(&table->arena, key->dimensions, &row.key.dimensions);
        if (rc) return rc;
    }
    table->changes[table->count++] = row;
    table->slots[found->slot] = (struct mtr_cell_slot){found->hash, table->count};
    MTR_ASSERT(table->count <= table->capacity && table->count < table->slot_count); /* every probe ends */
    found->change = &table->changes[table->count - 1];
    return MTR_OK;
}

int cell_table_find(struct mtr_cell_table *table, const struct mtr_cell_key *key,
                    const struct mtr_meter *meter, struct mtr_cell_change **out)
{
    struct mtr_cell_lookup found;
    int rc = cell_table_look(table, key, &found);
    if (!rc && !found.change) rc = cell_table_add(table, key, meter, &found);
    if (!rc) *out = found.change;
    return rc;
}

int cell_table_compare(const void *a, const void *b)
{
    const struct mtr_cell_key *x = &((const struct mtr_cell_change *)a)->key,
                              *y = &((const struct mtr_cell_change *)b)->key;
    if (x->subscription != y->subscription) return x->subscription < y->subscription ? -1 : 1;
    if (x->meter != y->meter) return x->meter < y->meter ? -1 : 1;
    if (x->start_us != y->start_us) return x->start_us < y->start_us ? -1 : 1;
    return mtr_str_compare(x->dimensions, y->dimensions);
}

bool cell_table_adds_up(const struct mtr_meter *meter)
{
    switch (meter->aggregation) {
    case MTR_SUM:
    case MTR_COUNT:
    case MTR_UNIQUE:
    case MTR_PERCENTILE: return true;
    case MTR_TIME_WEIGHTED: return meter->reports_changes;
    case MTR_MIN:
    case MTR_MAX:
    case MTR_LAST:
    case MTR_COUNTER_INCREASE: return false;
    }
    MTR_ASSERT(!"known aggregation");
    return false;
}

static int stored_point_before(void *context, const struct mtr_cell_key *list, int64_t time_us,
                               struct mtr_point *out)
{
    return mtr_rollups_point_before(context, list, time_us, out);
}

static int walk_stored_points(void *context, const struct mtr_cell_key *list, struct mtr_hour within,
                              mtr_rollups_on_point on_point, void *hook_context)
{
    return mtr_rollups_walk_points(context, list, within.start_us, within.end_us, on_point, hook_context);
}

struct cell_lists cell_lists_of_store(struct mtr_rollups_txn *txn)
{
    return (struct cell_lists){stored_point_before, walk_stored_points, txn};
}

/* The last level within the cell; 0 without any. */
static int read_level(const struct cell_lists *lists, const struct mtr_cell_change *change,
                      struct mtr_quantity *out)
{
    struct mtr_cell_key list = change->key;
    struct mtr_point point;
    out->e12 = 0;
    list.start_us = MTR_CELL_ALL_HOURS;
    int rc = lists->point_before(lists->context, &list, change->list.end_us, &point);
    if (!rc && point.time_us >= change->key.start_us) *out = point.quantity;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

struct increase {
    bool has_before;
    struct mtr_quantity before; /* the reading before the next */
    struct mtr_quantity sum;
};

static int on_reading(void *context, const struct mtr_point *reading)
{
    struct increase *increase = context;
    struct mtr_quantity gain;
    int rc = MTR_OK;
    if (increase->has_before) {
        rc = mtr_meter_gain(increase->before, reading->quantity, &gain);
        if (!rc) rc = mtr_quantity_add(increase->sum, gain, &increase->sum);
    }
    increase->has_before = true;
    increase->before = reading->quantity;
    return rc;
}

/* What a counter grew by up to the readings within the cell, each from the one before it; the first reading
 * of all says only where the counter stands. */
static int read_increase(const struct cell_lists *lists, const struct mtr_cell_change *change,
                         struct mtr_quantity *out)
{
    struct mtr_cell_key list = change->key;
    struct mtr_point point;
    struct increase increase = {.has_before = false};
    list.start_us = MTR_CELL_ALL_HOURS;
    MTR_ASSERT(change->key.start_us < change->list.end_us);
    const struct mtr_hour within = {change->key.start_us, change->list.end_us};
    int rc = lists->point_before(lists->context, &list, within.start_us, &point);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    increase.has_before = !rc || change->list.opening;
    if (increase.has_before) increase.before = rc ? change->list.opening->value : point.quantity;
    rc = lists->points(lists->context, &list, within, on_reading, &increase);
    if (!rc) *out = increase.sum;
    return rc;
}

int cell_table_read_list(const struct cell_lists *lists, const struct mtr_cell_change *change,
                         struct mtr_quantity *out)
{
    MTR_ASSERT(mtr_meter_has_one_list(change->meter) && !cell_table_adds_up(change->meter));
    return change->meter->aggregation == MTR_COUNTER_INCREASE ? read_increase(lists, change, out)
                                                              : read_level(lists, change, out);
}

/* What does not add up, from the cell's members or its list; 0 without any. */
static int read_member_value(struct mtr_rollups_txn *txn, const struct mtr_cell_change *change,
                             struct mtr_quantity *out)
{
    struct mtr_member member;
    const struct cell_lists lists = cell_lists_of_store(txn);
    if (mtr_meter_has_one_list(change->meter)) return cell_table_read_list(&lists, change, out);
    out->e12 = 0;
    int rc = change->meter->aggregation == MTR_MIN
                 ? mtr_rollups_first_member(txn, &change->key, &member)
                 : mtr_rollups_last_member(txn, &change->key, &member);
    if (!rc) *out = event_quantity_of_member(member.member);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int merge(struct mtr_rollups_txn *txn, const struct mtr_cell_change *change, uint64_t number)
{
    struct mtr_cell cell = {.seq_first = UINT64_MAX};
    const bool is_followed = change->seq_first > change->seq_last; /* what is before the cell has changed */
    MTR_ASSERT(number > 0);
    MTR_ASSERT(!is_followed || (change->count == 0 && !cell_table_adds_up(change->meter)));
    int rc = mtr_rollups_get_cell(txn, &change->key, &cell);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (rc && is_followed) return MTR_OK; /* it has gone with its readings */
    if (change->count < 0 && cell.count < (uint64_t)-change->count) return MTR_ECORRUPT;
    if (change->count > 0 && cell.count > UINT64_MAX - (uint64_t)change->count) return MTR_ECORRUPT;
    cell.count += (uint64_t)change->count;
    if (change->seq_first < cell.seq_first) cell.seq_first = change->seq_first;
    if (change->seq_last > cell.seq_last) cell.seq_last = change->seq_last;
    cell.change = number;
    rc = cell_table_adds_up(change->meter)
             ? mtr_quantity_add(cell.value, (struct mtr_quantity){change->value_e12}, &cell.value)
             : read_member_value(txn, change, &cell.value);
    return rc ? rc : mtr_rollups_put_cell(txn, &change->key, &cell);
}

uint32_t cell_table_day(int64_t start_us)
{
    /* Events are from 1970 on; a zone's first hour may begin a little before. */
    MTR_ASSERT(start_us > -MTR_US_PER_DAY);
    return start_us < 0 ? 0 : (uint32_t)(start_us / MTR_US_PER_DAY);
}

int cell_table_write(struct mtr_cell_table *table, struct mtr_rollups_txn *txn, uint64_t *change,
                     struct mtr_diagnostic *diagnostic)
{
    struct mtr_feed_row row = {0};
    if (table->count == 0) return MTR_OK;
    qsort(table->changes, table->count, sizeof(*table->changes), cell_table_compare);
    memset(table->slots, 0, (size_t)table->slot_count * sizeof(*table->slots)); /* rows have moved */
    for (uint32_t i = 0; i < table->count; i++) {
        const struct mtr_cell_key *key = &table->changes[i].key;
        int rc = MTR_OK;
        /* Each cell once: of two rows the second would be added to what the first has become. */
        MTR_ASSERT(i == 0 || cell_table_compare(&table->changes[i - 1], &table->changes[i]) < 0);
        const uint32_t day = cell_table_day(key->start_us);
        if (row.change == 0 || row.subscription != key->subscription || row.day != day) {
            row = (struct mtr_feed_row){++*change, key->subscription, day};
            rc = mtr_rollups_put_feed(txn, &row);
        }
        if (!rc) rc = merge(txn, &table->changes[i], row.change);
        if (rc) {
            char start[MTR_TIME_TEXT_BYTES];
            mtr_time_format(key->start_us, start);
            mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL,
                               "cannot write the cell of subscription %" PRIu32 ", meter %" PRIu32
                               ", at %s: %s",
                               key->subscription, key->meter, start, mtr_error_text(rc));
            return rc;
        }
    }
    return MTR_OK;
}
