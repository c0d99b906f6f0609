/*
 * Inside of slicing: its state, and the measures that need more than one running value. Private to rater/.
 */
#ifndef METERD_RATER_MEASURE_SLICING_STATE_H
#define METERD_RATER_MEASURE_SLICING_STATE_H

#include "meterd/core/byte_set.h"
#include "meterd/rater/slicing.h"

struct rater_window {
    int64_t start_us;
    struct mtr_quantity sum;
    struct mtr_quantity before; /* what of it lies before the part */
};

/* A stretch of the group's uses that is measured by itself. */
struct rater_slice {
    uint32_t group;
    int64_t start_us, end_us;
    bool live, live_before;             /* it has uses of the part, of before */
    struct mtr_quantity value, before;  /* measured up to now; up to the part's start */
    int64_t time_us;                    /* last: of the value */
    uint64_t seq;
    struct rater_window *windows; /* percentile: those with uses, ascending */
    uint32_t window_count, window_capacity;
};

struct rater_change {
    int64_t time_us;
    struct mtr_quantity change;
};

struct rater_group_state {
    uint32_t newest; /* number + 1 of its newest slice; 0: none */
    struct rater_change *changes;
    uint32_t change_count, change_capacity;
};

struct rater_slice_row {
    struct mtr_usage_row row;
    uint64_t seq;
};

struct mtr_slicing {
    struct mtr_slicing_rule rule;
    struct mtr_arena *arena;
    struct mtr_byte_set dimensions;
    struct mtr_byte_set members;
    struct rater_group_state *groups;
    uint32_t group_capacity;
    struct rater_slice *slices;
    uint32_t slice_count, slice_capacity;
    struct rater_slice_row *rows;
    uint32_t row_count, row_capacity;
    struct mtr_slicing_mark *marks;
    uint32_t mark_count, mark_capacity;
};

/* The slice of the component's scope that holds a moment: a local hour, a local day, or all of the rule's
 * time. Calendar masks look at cells, so that what they choose from is told apart by cell whatever the
 * scope. */
struct mtr_period rater_slice_at(const struct mtr_slicing_rule *rule, int64_t time_us);

int rater_add_row(struct mtr_slicing *slicing, uint32_t group, const struct mtr_usage_row *row,
                  uint64_t seq) MTR_MUST_USE;

/* An error out of range becomes a mark, where the rule marks them; others stay. */
int rater_mark_range(struct mtr_slicing *slicing, const struct mtr_slicing_mark *mark, int rc) MTR_MUST_USE;

/* The nearest-rank percentile of `count` windows' sums and so many zeros that there are `total`. Sorts the
 * windows. */
struct mtr_quantity rater_percentile(struct rater_window *windows, uint32_t count, uint64_t total,
                                     struct mtr_quantity percentile);
/* How many windows of the rule's meter have a part of [from, until) in which it was not retired. They are
 * counted from the beginning of each local hour. */
uint64_t rater_window_count(const struct mtr_slicing_rule *rule, int64_t from_us, int64_t until_us);
/* Of the window that holds time_us. */
int64_t rater_window_start(const struct mtr_slicing_rule *rule, int64_t time_us);

/* Rows of a group's level. */
int rater_measure_level(struct mtr_slicing *slicing, uint32_t group) MTR_MUST_USE;

#endif
