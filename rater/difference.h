/*
 * Differences: the price of a period against what was emitted of it. Private to the rater.
 */
#ifndef METERD_RATER_DIFFERENCE_H
#define METERD_RATER_DIFFERENCE_H

#include "rater/period/price.h"

/* One line whose price differs from what was emitted (or which is made final): its state before, and what
 * it should be. */
struct rater_difference {
    struct mtr_charge_line line;               /* state before; text in the arena */
    bool has_vanished;
    int64_t period_start_us; /* of a line that vanished: as its charges say it */
    const struct mtr_pricing_currency *pricing; /* NULL: none, or the line vanished */
    const struct mtr_price_exchange *exchange;  /* the same */
    struct mtr_exact exact; /* with one of them: what the line is in what it is priced in */
    struct mtr_quantity quantity;
    struct mtr_quantity quantity_delta;
    struct mtr_money amount; /* the difference */
    struct mtr_money emitted_after;
    bool has_cost;         /* of the line, now or before */
    struct mtr_money cost; /* the difference */
    struct mtr_money cost_after;
    struct mtr_money margin; /* amount − cost: the difference, and the line's */
    struct mtr_money margin_after;
    uint64_t seq_first;
    uint64_t seq_last;
};

struct rater_differences {
    struct rater_difference *items; /* lines in the price's order, then those that vanished */
    uint32_t count;
};

/* Does this difference turn the line into one that costs the seller more than the customer pays? */
bool rater_turns_to_loss(const struct rater_difference *difference);

/* Reads only. With every_line a line without a difference is listed too (closing); else only lines that
 * differ in amount, cost or quantity. */
int rater_compare(struct mtr_charges_txn *charges, const struct mtr_period_price *price, bool every_line,
                  struct mtr_arena *arena, struct rater_differences *out) MTR_MUST_USE;

#endif
