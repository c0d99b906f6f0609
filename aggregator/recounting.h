/*
 * A recount from the inside (meterd/aggregator/recount.h): recount_plan.c finds hours and log ranges,
 * recount.c counts, recount_cells.c reads. Private to aggregator/.
 *
 * It counts with the pieces of a step of the fold, over a read transaction: cells gather in the cell table,
 * members in memory, and nothing is written.
 */
#ifndef METERD_AGGREGATOR_RECOUNTING_H
#define METERD_AGGREGATOR_RECOUNTING_H

#include "aggregator/fold.h"
#include "aggregator/member_table.h"
#include "meterd/aggregator/recount.h"

/* What the events of a mark come to, however its cells are cut. Sums go round at the ends of their range:
 * they are only compared. */
struct recount_total {
    uint64_t events;
    mtr_uint128 value_e12;
};

/* Hours of one subscription and meter whose cells are counted again. */
struct recount_mark {
    const struct mtr_subscription *subscription;
    const struct mtr_meter *meter; /* of the catalog in force */
    const int64_t *cuts_us;
    uint32_t cut_count;
    struct mtr_hour *hours; /* ascending */
    uint32_t hour_count, hour_capacity;
    struct recount_total stored, counted;
};

/* Part of the log that some of these cells name; the hour is for people. */
struct recount_range {
    struct fold_log_range log;
    const struct mtr_subscription *subscription;
    int64_t hour_us;
};

struct mtr_recount {
    struct mtr_recount_options options;
    struct mtr_rollups_txn *txn;
    const struct mtr_catalog *catalog;
    struct mtr_arena arena;     /* of one question */
    bool is_full;               /* more was asked for than there is room for */
    struct recount_mark *marks; /* by (subscription, meter) once they are counted */
    uint32_t mark_count, mark_capacity;
    struct recount_range *ranges;
    uint32_t range_count, range_capacity;
    struct mtr_aggregator *fold; /* NULL: nothing was counted yet */
    struct mtr_subscription cut; /* of the mark that was found last: its subscription, cut as asked */
    const struct recount_mark *cut_of;
    struct member_table members;
    const struct mtr_cell_change **cells; /* counted, by key */
    struct mtr_cell *values;              /* of `cells` */
    uint32_t cell_count;
};

/* NULL: the store has its cells. */
const struct recount_mark *recount_find_mark(const struct mtr_recount *recount, uint32_t subscription,
                                             uint32_t meter);

#endif
