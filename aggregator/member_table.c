/*
 * Members of cells in memory; see member_table.h.
 */
#include "aggregator/member_table.h"

#include <stdlib.h>

int member_table_add(struct member_table *table, uint32_t cell, struct mtr_str member, int64_t count)
{
    struct member_row row = {.cell = cell, .count = count};
    int rc = mtr_arena_make_room(table->arena, (void **)&table->rows, table->count, &table->capacity,
                                 sizeof(row));
    if (!rc) rc = mtr_arena_copy(table->arena, member, &row.member);
    if (rc) return rc;
    table->rows[table->count++] = row;
    if (cell >= table->cell_count) table->cell_count = cell + 1;
    return MTR_OK;
}

static int compare_members(const void *a, const void *b)
{
    const struct member_row *x = a, *y = b;
    return mtr_str_compare(x->member, y->member);
}

/* By cell: counted, not compared. */
static int group(struct member_table *table)
{
    uint32_t *next = mtr_arena_calloc(table->arena, (size_t)table->cell_count + 1, sizeof(*next));
    struct member_row *rows = mtr_arena_alloc(table->arena, table->count * sizeof(*rows));
    if (!next || !rows) return MTR_ENOMEM;
    for (uint32_t i = 0; i < table->count; i++) next[table->rows[i].cell + 1]++;
    for (uint32_t cell = 1; cell < table->cell_count; cell++) next[cell] += next[cell - 1];
    for (uint32_t i = 0; i < table->count; i++) rows[next[table->rows[i].cell]++] = table->rows[i];
    table->rows = rows;
    table->capacity = table->count;
    return MTR_OK;
}

/* Of one cell, from there on: sorted, each once, without those that came as often as they went; kept from
 * *kept on. Returns where the next cell's begin. */
static uint32_t join_cell(struct member_table *table, uint32_t from, uint32_t *kept)
{
    struct member_row *rows = table->rows;
    const uint32_t cell = rows[from].cell;
    uint32_t to = from + 1;
    while (to < table->count && rows[to].cell == cell) to++;
    if (to - from > 1) qsort(rows + from, to - from, sizeof(*rows), compare_members);
    for (uint32_t i = from, next; i < to; i = next) {
        struct member_row row = rows[i];
        for (next = i + 1; next < to && mtr_str_equal(row.member, rows[next].member); next++)
            row.count += rows[next].count;
        if (row.count) rows[(*kept)++] = row;
    }
    return to;
}

static int join(struct member_table *table)
{
    uint32_t kept = 0;
    int rc = table->count ? group(table) : MTR_OK;
    if (rc) return rc;
    for (uint32_t i = 0; i < table->count;) i = join_cell(table, i, &kept);
    table->count = kept;
    return MTR_OK;
}

int member_table_sort(struct member_table *table)
{
    int rc = join(table);
    if (rc) return rc;
    for (uint32_t i = 0; i < table->count; i++)
        if (table->rows[i].count < 0) return MTR_ECORRUPT;
    return MTR_OK;
}

static int write_row(const struct member_row *row, struct mtr_cell_change *cell, struct mtr_rollups_txn *txn)
{
    uint64_t after;
    int rc = mtr_rollups_add_member(txn, &cell->key, row->member, row->count, &after);
    if (rc || cell->meter->aggregation != MTR_UNIQUE) return rc;
    const bool is_there = after > 0, was_there = after != (uint64_t)row->count;
    cell->value_e12 += MTR_QUANTITY(is_there - was_there).e12;
    return MTR_OK;
}

int member_table_write(struct member_table *table, struct mtr_cell_table *cells, struct mtr_rollups_txn *txn)
{
    int rc = join(table);
    for (uint32_t i = 0; !rc && i < table->count; i++) {
        const struct member_row *row = &table->rows[i];
        MTR_ASSERT(row->cell < cells->count);
        rc = write_row(row, &cells->changes[row->cell], txn);
    }
    mtr_arena_reset(table->arena);
    *table = (struct member_table){.arena = table->arena};
    return rc == MTR_EINVALID ? MTR_ECORRUPT : rc;
}

const struct member_row *member_table_find(const struct member_table *table, uint32_t cell, uint32_t *count)
{
    uint32_t low = 0, high = table->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (table->rows[middle].cell < cell) low = middle + 1;
        else high = middle;
    }
    for (*count = 0; low + *count < table->count && table->rows[low + *count].cell == cell;) ++*count;
    return *count ? &table->rows[low] : NULL;
}
