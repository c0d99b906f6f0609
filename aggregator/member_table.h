/*
 * Members of cells in memory, by the rows of a cell table.
 *
 *   add, add … ─┬─▶ write          a step of the fold: into the store, each once, beside one another
 *               └─▶ sort ──▶ find  cells that are counted again for a question (recounting.h)
 *
 * All memory is the arena's, whose maximum bounds the table. One thread.
 */
#ifndef METERD_AGGREGATOR_MEMBER_TABLE_H
#define METERD_AGGREGATOR_MEMBER_TABLE_H

#include "aggregator/cell_table.h"

struct member_row {
    uint32_t cell; /* its row in the cell table */
    struct mtr_str member;
    int64_t count; /* events that gave it, less those that were taken back */
};

struct member_table {
    struct mtr_arena *arena; /* borrowed; set by whoever makes the table, everything else zero */
    struct member_row *rows;
    uint32_t count, capacity;
    uint32_t cell_count; /* above every row's cell */
};

/* So many events more of that member, or less. The member is copied. MTR_ENOMEM, MTR_ELIMIT. */
int member_table_add(struct member_table *table, uint32_t cell, struct mtr_str member,
                     int64_t count) MTR_MUST_USE;
/* From here on each member of a cell stands once, by (cell, member), and those of no event are gone.
 * MTR_ECORRUPT: one was taken back that had never come. MTR_ENOMEM. */
int member_table_sort(struct member_table *table) MTR_MUST_USE;
/* Puts all into the store and forgets them, with what else the arena holds. A unique meter's rows gain as
 * members come and go. MTR_ECORRUPT: one was taken back that the store does not have. MTR_ENOMEM. */
int member_table_write(struct member_table *table, struct mtr_cell_table *cells,
                       struct mtr_rollups_txn *txn) MTR_MUST_USE;
/* The members of a cell, in their order; how many in *count. After sort. */
const struct member_row *member_table_find(const struct member_table *table, uint32_t cell, uint32_t *count);

#endif
