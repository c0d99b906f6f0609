/*
 * The stored lines of a line range. Private to the rater.
 *
 * A period that is rated range by range has its lines in order in the charges store (mtr_charges_put_place):
 * each range reads its own, and not all that there are. The first such rating puts those in order that were
 * there before. The place of a line is the values of its dimensions, as ranges are.
 */
#ifndef METERD_RATER_LINE_ORDER_H
#define METERD_RATER_LINE_ORDER_H

#include "meterd/store/charges.h"
#include "meterd/store/rollups.h"

/* Puts the period's stored lines in order, of which there is none yet. Errors abort the transaction. */
int rater_order_lines(struct mtr_charges_txn *charges, uint32_t subscription,
                      int64_t period_start_us) MTR_MUST_USE;
/* Of a line that put_line has stored. */
int rater_put_in_order(struct mtr_charges_txn *charges, const struct mtr_charge_line *line) MTR_MUST_USE;
/* MTR_ENOTFOUND: it is missing there. */
int rater_is_in_order(struct mtr_charges_txn *charges, const struct mtr_charge_line *line) MTR_MUST_USE;

/* The lines of the range, NULL: all; of a period that has no order yet by looking at each. */
int rater_walk_stored_lines(struct mtr_charges_txn *charges, uint32_t subscription, int64_t period_start_us,
                            const struct mtr_dimensions_range *range, mtr_charges_on_line on_line,
                            void *context) MTR_MUST_USE;

#endif
