/*
 * The cells that one step touches, in memory: what each gains, until the step's end writes them in key order.
 *
 * Memory is kept from step to step. One thread. Dimensions are copied into the table's arena.
 */
#ifndef METERD_AGGREGATOR_CELL_TABLE_H
#define METERD_AGGREGATOR_CELL_TABLE_H

#include "meterd/catalog/catalog.h"
#include "meterd/core/arena.h"
#include "meterd/store/rollups.h"

struct mtr_cell_change {
    struct mtr_cell_key key;
    union {
        mtr_int128 value_e12; /* gain of what adds up */
        struct {
            int64_t end_us; /* of the cell; 0: not placed yet */
            const struct mtr_opening *opening; /* counter: before its first reading; NULL: nothing */
        } list; /* of what is read from one list over all hours */
    };          /* min, max and last read their members, and have neither */
    const struct mtr_meter *meter; /* borrowed for the step */
    int64_t count;                 /* gain of events */
    uint64_t seq_first; /* above seq_last: no event of the cell's own, but the reading before it changed */
    uint64_t seq_last;
};

struct mtr_cell_slot {
    uint32_t hash;
    uint32_t index; /* in changes, from 1; 0 is free */
};

struct mtr_cell_table {
    struct mtr_cell_change *changes;
    uint32_t count;
    uint32_t capacity;
    struct mtr_cell_slot *slots; /* a power of two, at least twice the capacity */
    uint32_t slot_count;
    struct mtr_arena arena;
};

/* A step ends early when it touches this many cells. */
enum { MTR_CELL_TABLE_COUNT_SOFT_MAX = 1 << 20 };

void cell_table_init(struct mtr_cell_table *table);
void cell_table_release(struct mtr_cell_table *table);
void cell_table_reset(struct mtr_cell_table *table);

/* Where a cell's row is found, until a row is added. */
struct mtr_cell_lookup {
    uint32_t hash;
    uint32_t slot;
    struct mtr_cell_change *change; /* NULL: it has no row yet */
};
/* MTR_ENOMEM. */
int cell_table_look(struct mtr_cell_table *table, const struct mtr_cell_key *key,
                    struct mtr_cell_lookup *out) MTR_MUST_USE;
/* Makes the row of one that has none, and finds it. MTR_ENOMEM. */
int cell_table_add(struct mtr_cell_table *table, const struct mtr_cell_key *key,
                   const struct mtr_meter *meter, struct mtr_cell_lookup *found) MTR_MUST_USE;
/* The row of that cell, made when it is new. Borrowed until the next call. MTR_ENOMEM. */
int cell_table_find(struct mtr_cell_table *table, const struct mtr_cell_key *key,
                    const struct mtr_meter *meter, struct mtr_cell_change **out) MTR_MUST_USE;

/* Of two struct mtr_cell_change, for qsort: by their keys, as the store has them. */
int cell_table_compare(const void *a, const void *b);
/* Does the meter's value add up, so that a gain says it all? */
bool cell_table_adds_up(const struct mtr_meter *meter);
/* Lists over all hours, by their keys: the store's, or as a question has them. */
struct cell_lists {
    int (*point_before)(void *context, const struct mtr_cell_key *list, int64_t time_us,
                        struct mtr_point *out);
    int (*points)(void *context, const struct mtr_cell_key *list, struct mtr_hour within,
                  mtr_rollups_on_point on_point, void *hook_context);
    void *context;
};
struct cell_lists cell_lists_of_store(struct mtr_rollups_txn *txn);
/* The value of a cell whose members are of one list over all hours, and do not add up. */
int cell_table_read_list(const struct cell_lists *lists, const struct mtr_cell_change *change,
                         struct mtr_quantity *out) MTR_MUST_USE;

/* The day that a cell's row of the feed is of. */
uint32_t cell_table_day(int64_t start_us);

/* Merges all rows into the store, in key order, with their days in the feed: each row of it under a number
 * of its own, counted on from *change, so that a reader may stop after any row. MTR_EOVERFLOW: a cell's
 * sum leaves its range; nothing may be committed then. */
int cell_table_write(struct mtr_cell_table *table, struct mtr_rollups_txn *txn, uint64_t *change,
                     struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
