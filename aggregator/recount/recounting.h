/*
 * A recount from the inside (meterd/aggregator/recount.h): recount_plan.c finds hours and log ranges,
 * recount.c counts, recount_assumed.c adds what is assumed, recount_cells.c and recount_lists.c read. Private
 * to aggregator/recount/.
 *
 * It counts with the pieces of a step of the fold, over a read transaction: cells gather in the cell table,
 * members in memory, and nothing is written.
 */
#ifndef METERD_AGGREGATOR_RECOUNT_RECOUNTING_H
#define METERD_AGGREGATOR_RECOUNT_RECOUNTING_H

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
    struct mtr_hour *hours; /* ascending; one may be many */
    uint32_t hour_count, hour_capacity;
    struct mtr_hour moved; /* one of them: its use changes hands, and lists are counted, too. Empty: none */
    bool was_held;         /* that is all of it, which waits for the subscription */
    bool is_assumed;       /* of what is assumed: the store's cells, and what that adds to them */
    struct recount_total stored, counted;
};
static inline bool recount_is_moved(const struct recount_mark *mark)
{
    return mark && mark->moved.start_us < mark->moved.end_us;
}

/* Part of the log that some of these cells name; the hour is for people. */
struct recount_range {
    struct fold_log_range log;
    const struct mtr_subscription *subscription;
    int64_t hour_us;
    bool is_moved; /* its use changes hands */
    bool was_held; /* what has left the log of it counts no more */
};

/* A cell of the store whose value is another, since the reading before it is. */
struct recount_followed {
    struct mtr_cell_key key;
    struct mtr_quantity value;
};

struct mtr_recount {
    struct mtr_recount_options options;
    struct mtr_rollups_txn *txn;
    const struct mtr_catalog *catalog, *owners;
    struct mtr_arena arena;     /* of one question */
    bool is_full;               /* more was asked for than there is room for */
    uint64_t looked_at;         /* events, by all counts so far */
    struct recount_mark *marks; /* by (subscription, meter) once they are counted */
    uint32_t mark_count, mark_capacity;
    const struct mtr_assumed_event *assumed; /* borrowed */
    uint32_t assumed_count;
    struct recount_range *ranges;
    uint32_t range_count, range_capacity;
    struct mtr_aggregator *fold; /* NULL: nothing was counted yet */
    struct mtr_subscription cut; /* of the mark that was found last: its subscription, cut as asked */
    const struct recount_mark *cut_of;
    struct member_table members;
    const struct mtr_cell_change **cells; /* counted, by key */
    struct mtr_cell *values;              /* of `cells` */
    uint32_t cell_count;
    const struct mtr_cell_change **lists; /* those of all hours among them, by (subscription, meter), and
                                             then as the store has them: by size, and by bytes */
    uint32_t list_count;
    struct recount_followed *followed; /* by key */
    uint32_t followed_count, followed_capacity;
};

int recount_add_hour(struct mtr_recount *recount, struct recount_mark *mark,
                     const struct mtr_hour *hour) MTR_MUST_USE; /* recount_plan.c */
int recount_add_mark(struct mtr_recount *recount, const struct recount_mark *mark) MTR_MUST_USE;
/* Memory of the question so far. */
static inline size_t recount_bytes_of(const struct mtr_recount *recount)
{
    const struct mtr_cell_table *cells = &recount->fold->cells;
    return recount->arena.bytes_total + cells->arena.bytes_total + cells->capacity * sizeof(*cells->changes) +
           cells->slot_count * sizeof(*cells->slots);
}
/* Whose it is, by the starts of the question: the phase that has it. */
static inline const struct mtr_subscription *recount_find_owner(const struct mtr_recount *recount,
                                                                const struct mtr_event *event)
{
    const struct mtr_event_address address = {event->vendor, event->subject, event->type, event->time_us};
    return mtr_catalog_find_subject(recount->owners, &address);
}
/* The store's cells of the marks of what is assumed, and that on top of them. (recount_assumed.c) */
int recount_count_assumed(struct mtr_recount *recount) MTR_MUST_USE;
/* NULL: the store has its cells. (recount_cells.c) */
struct recount_mark *recount_find_mark(const struct mtr_recount *recount, uint32_t subscription,
                                       uint32_t meter);
/* Members of a cell or list that was counted; NULL: it was not, or has none. (recount_cells.c) */
const struct member_row *recount_find_members(const struct mtr_recount *recount,
                                              const struct mtr_cell_key *key, uint32_t *count);
int recount_compare_followed(const void *a, const void *b);
/* Lists as the question has them, for values of cells. (recount_lists.c) */
struct cell_lists recount_lists_of(const struct mtr_recount *recount);
int recount_sort_lists(struct mtr_recount *recount) MTR_MUST_USE;
/* Finds what follows use that changed hands; once cells and lists are counted. */
int recount_follow(struct mtr_recount *recount) MTR_MUST_USE;

#endif
