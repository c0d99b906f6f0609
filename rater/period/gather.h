/*
 * Usage of one part of a period: cells, kept events and levels of every component's meter, made into slices
 * by the component's scope and group_by. Private to the rater.
 */
#ifndef METERD_RATER_PERIOD_GATHER_H
#define METERD_RATER_PERIOD_GATHER_H

#include "meterd/core/limits.h"
#include "meterd/rater/billing_period.h"

enum {
    RATER_DIMENSIONS_BYTES_MAX =
        MTR_METER_GROUP_BY_MAX * (MTR_PROPERTY_NAME_BYTES_MAX + 2) + 2 * MTR_DIMENSIONS_BYTES_MAX
};
_Static_assert((int)RATER_DIMENSIONS_BYTES_MAX == (int)MTR_LINE_DIMENSIONS_BYTES_MAX, "as lines are kept");

/* The log range of what one line of the part was made of; also of a line whose events were all taken back.
 * 0 – 0: of nothing in the part. */
struct rater_group {
    uint32_t component;
    struct mtr_str dimensions;
    uint64_t seq_first;
    uint64_t seq_last;
};

struct rater_usage {
    struct rater_group *groups; /* by (component, dimensions) */
    uint32_t group_count;
    struct mtr_usage_row *rows; /* by component and input, then dimensions, time, sequence */
    uint32_t row_count;
    uint64_t cell_count;             /* walked, and points */
    const struct mtr_meter **meters; /* by component: of its first input; NULL: none */
};

/* Use of one part of the period: its own rows, and rows of what the period (with scope term: the
 * subscription) used before it, unless a version since then says `reset`. From the arena. Errors:
 * MTR_ENOMEM (the arena's limit too), MTR_EOVERFLOW, and the store's; *component is then whose use it is. */
int rater_gather(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                 const struct mtr_billing_period *period, uint32_t part, uint32_t *component,
                 const struct rater_usage **out) MTR_MUST_USE;

/* The group of that component and dimensions, or NULL. */
const struct rater_group *rater_find_group(const struct rater_usage *usage, uint32_t component,
                                           struct mtr_str dimensions);

/* Where a line stands among those of its period: at the values of its dimensions, each ended by 0x1F, and
 * those of pools with the first. Borrows `place`. */
struct mtr_str rater_line_place(struct mtr_str kind, struct mtr_str dimensions,
                                char place[RATER_DIMENSIONS_BYTES_MAX]);
/* Is its place in the range? */
bool rater_range_holds_line(const struct mtr_dimensions_range *range, struct mtr_str kind,
                            struct mtr_str dimensions);

#endif
