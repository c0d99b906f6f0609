/*
 * The sums of a range, taken out of its price, and those of all others, put beside it. Private to the rater;
 * ranges are gone through by line_sums.h.
 *
 * Lines of use count as they are before caps, apart from the minimums of lines, which stand behind them and
 * are cut first. What lines do to pools of units is kept as a function of what these hold, so that it can be
 * said before it is known what the ranges before have left.
 */
#ifndef METERD_RATER_RANGE_SUMS_H
#define METERD_RATER_RANGE_SUMS_H

#include "rater/line_sums.h"

/* Of sums that have an arena and their coupling: of that period, and no range yet. */
int rater_begin_ranges(struct rater_line_sums *sums, const struct mtr_billing_period *period) MTR_MUST_USE;
/* Behind those that there are; of sums that are not known yet. */
int rater_add_range(struct rater_line_sums *sums, const struct mtr_dimensions_range *lines) MTR_MUST_USE;
/* What the range came to before is forgotten. */
int rater_note_range(struct rater_line_sums *sums, uint32_t range,
                     const struct mtr_period_price *priced) MTR_MUST_USE;
/* Makes sums->rest of what the other ranges come to. */
int rater_sum_others(struct rater_line_sums *sums, const struct mtr_billing_period *period,
                     uint32_t range) MTR_MUST_USE;

#endif
