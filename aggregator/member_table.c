/*
 * Members of cells in memory; see member_table.h.
 */
#include "aggregator/member_table.h"

#include <stdlib.h>

int member_table_add(struct member_table *table, uint32_t cell, struct mtr_str member, int sign)
{
    struct member_row row = {.cell = cell, .count = sign};
    int rc = mtr_arena_make_room(table->arena, (void **)&table->rows, table->count, &table->capacity,
                                 sizeof(row));
    if (!rc) rc = mtr_arena_copy(table->arena, member, &row.member);
    if (!rc) table->rows[table->count++] = row;
    return rc;
}

static int compare_rows(const void *a, const void *b)
{
    const struct member_row *x = a, *y = b;
    if (x->cell != y->cell) return x->cell < y->cell ? -1 : 1;
    return mtr_str_compare(x->member, y->member);
}

int member_table_sort(struct member_table *table)
{
    uint32_t kept = 0;
    if (table->count > 1) qsort(table->rows, table->count, sizeof(*table->rows), compare_rows);
    for (uint32_t i = 0, next; i < table->count; i = next) {
        struct member_row row = table->rows[i];
        for (next = i + 1; next < table->count && compare_rows(&row, &table->rows[next]) == 0; next++)
            row.count += table->rows[next].count;
        if (row.count < 0) return MTR_ECORRUPT;
        if (row.count > 0) table->rows[kept++] = row;
    }
    table->count = kept;
    return MTR_OK;
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
