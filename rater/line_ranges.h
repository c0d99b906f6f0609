/*
 * Pricing a period in one go or, where it has more lines than that takes, line range by line range. Private
 * to the rater.
 *
 *   do {
 *       rc = rater_take_lines(&ranges, &rating);           the arena is empty, rating says which lines
 *       if (!rc) rc = price, compare …
 *   } while (rater_takes_fewer(&ranges, &rating, rc));     too many for the memory: again with fewer
 *
 * Where something is made of what all lines come to (a minimum, credits, a rounded total), the first range
 * has it, with the sums of all others; where a cap cuts the last lines, or each draws what those before it
 * left, each range is priced with the sums of those before it and behind it (line_sums.h).
 */
#ifndef METERD_RATER_LINE_RANGES_H
#define METERD_RATER_LINE_RANGES_H

#include "meterd/rater/billing_period.h"
#include "rater/line_sums.h"

struct rater_line_ranges {
    const struct mtr_subscription *subscription;
    int64_t name_us;
    uint32_t *count_max; /* lines of a component at once; halved where they need more memory */
    struct mtr_tariff_coupling coupling;
    bool in_ranges; /* else all at once */
    struct rater_sums_kept *kept;
    bool was_marked; /* the period was, while the sums were made that its lines are priced with */
    struct mtr_dimensions_range lines; /* in ranges: these */
    char from[MTR_DIMENSIONS_BYTES_MAX], until[MTR_DIMENSIONS_BYTES_MAX];
};

/* How many lines of a component are taken at once with so much memory. */
uint32_t rater_lines_at_once(uint64_t memory_bytes_max);

/* All lines, until that proves too many. */
void rater_begin_lines(struct rater_line_ranges *ranges, const struct mtr_subscription *subscription,
                       int64_t name_us, uint32_t *count_max, struct rater_sums_kept *kept);
void rater_end_lines(struct rater_line_ranges *ranges);
/* In ranges, from the line of those values on. */
void rater_go_on_with_lines(struct rater_line_ranges *ranges, struct mtr_str from);
/* The arena is reset. RATER_GOES_ON: they wait for sums of all lines; some of these were made, and the next
 * call makes more, in this transaction or another. Errors: those of reading use and, for sums, of pricing. */
int rater_take_lines(struct rater_line_ranges *ranges, struct mtr_rating *rating) MTR_MUST_USE;
/* Would what is taken with fewer lines at once need less memory? One line would not. */
bool rater_fewer_need_less(const struct rater_line_ranges *ranges);
bool rater_takes_fewer(struct rater_line_ranges *ranges, int rc);
/* There are lines behind those that were taken: then these are next. */
bool rater_next_lines(struct rater_line_ranges *ranges);

#endif
