/*
 * The table of rows: two byte sets and an array, in the caller's arena. Halving copies what stays into a
 * fresh arena and lets the old one go.
 *
 * Invariants:
 *   1  Every key of the table is less than the cut, and the cut never grows.
 *   2  Once has_cut, a key that the counter holds is not in the table, and the other way round; together they
 *      are all keys seen.
 */
#include "daemon/query/usage/usage_table.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { COUNTER_SLOTS_MIN = 1 << 12, MEMBER_HEAD_BYTES = 8 };

struct ordered {
    struct mtr_str key;
    uint32_t number;
};

void usage_table_init(struct usage_table *table, struct mtr_arena *arena, size_t bytes_max)
{
    *table = (struct usage_table){.arena = arena, .bytes_max = bytes_max};
    table->keys.arena = table->members.arena = arena;
}

void usage_table_release(struct usage_table *table)
{
    free(table->counter.slots);
    table->counter = (struct usage_counter){0};
}

void usage_group_add(struct usage_group *group, struct mtr_quantity quantity)
{
    mtr_int128 *sum = &group->row.quantity.e12;
    if (__builtin_add_overflow(*sum, quantity.e12, sum)) group->carried += quantity.e12 > 0 ? 1 : -1;
}

/* ---- the counter ---- */

static void place(struct usage_counter *counter, uint64_t hash)
{
    uint64_t at = hash & (counter->slot_count - 1);
    while (counter->slots[at] && counter->slots[at] != hash) at = (at + 1) & (counter->slot_count - 1);
    counter->count += counter->slots[at] == 0;
    counter->slots[at] = hash;
}

/* Two keys of one hash count once: of a million keys that happens once in a hundred million queries, and lets
 * one row more through. */
static int count_key(struct usage_counter *counter, struct mtr_str key)
{
    if (counter->count >= counter->slot_count / 4 * 3) {
        struct usage_counter grown = {.slot_count =
                                          counter->slot_count ? counter->slot_count * 2 : COUNTER_SLOTS_MIN};
        grown.slots = calloc(grown.slot_count, sizeof(*grown.slots));
        if (!grown.slots) return MTR_ENOMEM;
        for (uint64_t i = 0; i < counter->slot_count; i++)
            if (counter->slots[i]) place(&grown, counter->slots[i]);
        free(counter->slots);
        *counter = grown;
    }
    const uint64_t hash = XXH3_64bits(key.data, key.size);
    place(counter, hash ? hash : 1);
    return MTR_OK;
}

static int check_count(const struct usage_table *table)
{
    return table->counts && table->keys.count + table->counter.count > table->rows_max ? MTR_ELIMIT : MTR_OK;
}

/* ---- rows ---- */

int usage_table_find(struct usage_table *table, struct mtr_str key, uint32_t *number, bool *is_new)
{
    *number = UINT32_MAX;
    *is_new = false;
    if (table->has_cut && mtr_str_compare(key, (struct mtr_str){table->cut, table->cut_size}) >= 0) {
        int rc = table->counts ? count_key(&table->counter, key) : MTR_OK;
        return rc ? rc : check_count(table);
    }
    int rc = mtr_byte_set_add(&table->keys, key, number, is_new);
    if (rc || !*is_new) return rc;
    rc = mtr_arena_make_room(table->arena, (void **)&table->groups, *number, &table->capacity,
                             sizeof(*table->groups));
    if (!rc) table->groups[*number] = (struct usage_group){.has_value = false};
    return rc ? rc : check_count(table);
}

int usage_table_add_member(struct usage_table *table, uint32_t group, uint32_t subscription,
                           struct mtr_str member, bool *is_new)
{
    char key[MTR_USAGE_KEY_BYTES_MAX];
    uint32_t number;
    if (member.size > sizeof(key) - MEMBER_HEAD_BYTES) return MTR_ECORRUPT;
    memcpy(key, &group, 4);
    memcpy(key + 4, &subscription, 4);
    memcpy(key + MEMBER_HEAD_BYTES, member.data, member.size);
    return mtr_byte_set_add(&table->members, (struct mtr_str){key, MEMBER_HEAD_BYTES + member.size}, &number,
                            is_new);
}

bool usage_table_is_over(const struct usage_table *table)
{
    return table->arena->bytes_total > table->bytes_max && table->keys.count > 1;
}

static int compare_ordered(const void *a, const void *b)
{
    return mtr_str_compare(((const struct ordered *)a)->key, ((const struct ordered *)b)->key);
}

/* Numbers by key. The caller frees them. */
static struct ordered *order_keys(const struct usage_table *table)
{
    struct ordered *order = calloc((size_t)table->keys.count + 1, sizeof(*order));
    for (uint32_t i = 0; order && i < table->keys.count; i++)
        order[i] = (struct ordered){table->keys.keys[i], i};
    if (order) qsort(order, table->keys.count, sizeof(*order), compare_ordered);
    return order;
}

static int copy_group(const struct usage_group *from, struct mtr_arena *arena, struct usage_group *to)
{
    int rc = MTR_OK;
    *to = *from;
    for (uint32_t i = 0; !rc && i < MTR_USAGE_DIMENSIONS_MAX; i++)
        if (from->row.dimension_values[i].size)
            rc = mtr_arena_copy(arena, from->row.dimension_values[i], &to->row.dimension_values[i]);
    if (!rc && from->last_member.size) rc = mtr_arena_copy(arena, from->last_member, &to->last_member);
    return rc;
}

/* fresh is an empty table in an arena of its own; kept[old number] is the new number, or UINT32_MAX. */
static int copy_kept(const struct usage_table *table, const struct ordered *order, uint32_t count,
                     struct usage_table *fresh, uint32_t *kept)
{
    int rc = MTR_OK;
    uint32_t number;
    bool is_new;
    for (uint32_t i = 0; !rc && i < count; i++) {
        rc = usage_table_find(fresh, order[i].key, &number, &is_new);
        if (!rc) rc = copy_group(&table->groups[order[i].number], fresh->arena, &fresh->groups[number]);
        if (!rc) kept[order[i].number] = number;
    }
    for (uint32_t i = 0; !rc && i < table->members.count; i++) {
        const struct mtr_str member = table->members.keys[i];
        uint32_t group, subscription;
        memcpy(&group, member.data, 4);
        memcpy(&subscription, member.data + 4, 4);
        if (kept[group] == UINT32_MAX) continue;
        const struct mtr_str text = {member.data + MEMBER_HEAD_BYTES, member.size - MEMBER_HEAD_BYTES};
        rc = usage_table_add_member(fresh, kept[group], subscription, text, &is_new);
    }
    return rc;
}

/* From `first` on the keys are counted and go. */
static int cut_off(struct usage_table *table, const struct ordered *order, uint32_t first)
{
    int rc = MTR_OK;
    const struct mtr_str cut = order[first].key;
    MTR_ASSERT(!table->has_cut || mtr_str_compare(cut, (struct mtr_str){table->cut, table->cut_size}) < 0);
    for (uint32_t i = first; !rc && table->counts && i < table->keys.count; i++)
        rc = count_key(&table->counter, order[i].key);
    memcpy(table->cut, cut.data, cut.size);
    table->cut_size = cut.size;
    table->has_cut = true;
    return rc;
}

int usage_table_halve(struct usage_table *table)
{
    struct mtr_arena arena;
    struct usage_table fresh;
    const uint32_t count = (table->keys.count + 1) / 2;
    struct ordered *order = order_keys(table);
    uint32_t *kept = malloc(sizeof(*kept) * table->keys.count);
    mtr_arena_init(&arena, table->arena->chunk_bytes, table->arena->bytes_max);
    usage_table_init(&fresh, &arena, table->bytes_max);
    int rc = order && kept ? MTR_OK : MTR_ENOMEM;
    for (uint32_t i = 0; !rc && i < table->keys.count; i++) kept[i] = UINT32_MAX;
    if (!rc) rc = copy_kept(table, order, count, &fresh, kept);
    if (!rc) rc = cut_off(table, order, count);
    free(kept);
    free(order);
    if (rc) {
        mtr_arena_release(&arena);
        return rc;
    }
    mtr_arena_release(table->arena);
    *table->arena = arena;
    table->keys = fresh.keys;
    table->members = fresh.members;
    table->keys.arena = table->members.arena = table->arena;
    table->groups = fresh.groups;
    table->capacity = fresh.capacity;
    /* What few rows count may alone be more than the bound: then the next halving waits for twice as much. */
    if (table->bytes_max < arena.bytes_total) table->bytes_max = 2 * arena.bytes_total;
    return MTR_OK;
}

int usage_table_sort(struct usage_table *table, struct mtr_usage_result *out)
{
    const size_t count = table->keys.count;
    struct ordered *order = order_keys(table);
    struct mtr_str *keys = mtr_arena_calloc(table->arena, count + 1, sizeof(*keys));
    struct mtr_usage_result_row *rows = mtr_arena_calloc(table->arena, count + 1, sizeof(*rows));
    int rc = order && keys && rows ? MTR_OK : MTR_ENOMEM;
    for (size_t i = 0; !rc && i < count; i++) {
        keys[i] = order[i].key;
        const struct usage_group *group = &table->groups[order[i].number];
        rows[i] = group->row;
        rows[i].is_out_of_range = group->row.is_out_of_range || group->carried;
    }
    free(order);
    *out = (struct mtr_usage_result){
        .rows = rows, .row_count = (uint32_t)count, .keys = keys, .is_last = !table->has_cut};
    return rc;
}
