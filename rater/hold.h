/*
 * Periods that wait with their closing for the sources that feed them (`holds_close` of a source).
 *
 *   end ─── grace ──▶ is a window that overlaps the period not complete?
 *                        │ yes: it stays open, with drafts as before, and is looked at again
 *                        │ no, or at_most behind the end: it closes
 *
 * A source feeds the subscriptions of its vendor, one of `for_each: subscription` those of its service, each
 * by requests of its own. A source that is disabled holds nothing. All is decided by watermark, ledger and
 * rollups of the step, so the same stores give the same closing.
 */
#ifndef METERD_RATER_HOLD_H
#define METERD_RATER_HOLD_H

#include "rater/step.h"

#define RATER_HOLD_LOOK_US (INT64_C(60) * MTR_US_PER_SECOND) /* or draft_every, if that is shorter */

enum rater_hold_state {
    RATER_HOLD_NONE,   /* it may close */
    RATER_HOLD_WAITS,  /* not yet */
    RATER_HOLD_EXPIRED /* it closes, though windows are not complete */
};

struct rater_hold {
    enum rater_hold_state state;
    int64_t until_us; /* WAITS: it closes then, whatever the windows are; by the watermark */
    char text[320];   /* which window; empty: NONE */
};

/* Of a period that is over by its grace and was not closed yet; of others NONE. */
int rater_hold_find(struct rater_step *step, const struct mtr_subscription *subscription,
                    const struct mtr_charge_period *period, struct rater_hold *out) MTR_MUST_USE;
/* It waits: it is told why, and looked at again. */
int rater_hold_keep(struct rater_step *step, struct mtr_charge_period *period,
                    const struct rater_hold *hold) MTR_MUST_USE;
/* When a period that waits is looked at again, by the watermark. */
int64_t rater_hold_look_us(const struct rater_step *step, const struct rater_hold *hold);

/* It has closed, though windows are not complete: the step's result tells. */
void rater_hold_tell_expired(struct rater_step *step, const struct mtr_subscription *subscription,
                             const struct mtr_charge_period *period, const struct rater_hold *hold);

/* Ends the step's transaction of the ledger. */
void rater_hold_end(struct rater_step *step);

#endif
