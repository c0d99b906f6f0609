/*
 * Turns of an account: each subscription counts what those before it were charged in the same billing period,
 * so what one is charged marks those behind it, and one waits while another before it is rated line range by
 * line range. Private to the rater.
 */
#ifndef METERD_RATER_ACCOUNT_TURNS_H
#define METERD_RATER_ACCOUNT_TURNS_H

#include "rater/step.h"

/* Is the rating of a subscription before this one under way, line range by line range, in the billing period
 * that holds that time? Then what was emitted of it is neither of before nor of now, and this one does not
 * begin: its period is due again when that one ends, or RATER_ACCOUNT_WAIT_US later. One that is stuck with a
 * problem keeps nobody, and what has begun goes on. */
#define RATER_ACCOUNT_WAIT_US (10 * MTR_US_PER_SECOND)
int rater_account_waits(struct rater_step *step, const struct mtr_subscription *subscription,
                        int64_t name_us, bool *waits) MTR_MUST_USE;
/* Such a rating has ended: those that wait for it are due. */
int rater_account_rated(struct rater_step *step, const struct mtr_subscription *subscription,
                        int64_t start_us) MTR_MUST_USE;

/* What was emitted of this subscription's period has changed: the periods of those after it are to be
 * rated again. */
int rater_account_changed(struct rater_step *step, const struct mtr_subscription *subscription,
                          int64_t start_us) MTR_MUST_USE;

#endif
