/*
 * Marking: a period is to be rated, and from when on.
 *
 * Invariants: a mark opens the period if it is new, and never moves the close of one that exists; a period
 * that is marked keeps its time of rating, so that marks that keep coming cannot put it off. Whoever finds
 * that a price may have changed (feed, scan, timers, the ledger, an account) marks; only rate.c rates.
 */
#include "meterd/core/time.h"
#include "rater/period/parts.h"
#include "rater/step.h"

int64_t rater_close_due(const struct mtr_rater_options *options, int64_t end_us)
{
    return end_us + options->grace_us;
}

bool mtr_rater_is_over(const struct mtr_charge_period *period, int64_t grace_us, int64_t watermark_us)
{
    const int64_t end_us = period->end_us;
    const bool was_over = period->status == MTR_PERIOD_FINAL && end_us <= period->closed_us;
    return was_over || watermark_us >= end_us + grace_us;
}

int rater_mark_again(struct rater_step *step, struct mtr_charge_period *period)
{
    const int64_t draft_every_us = step->rater->options.draft_every_us;
    int64_t due_us = step->now_us;
    rater_sums_marked(&step->rater->sums, period->subscription, period->start_us);
    if (period->dirty) return MTR_OK;
    period->dirty = true;
    /* A rating of the future is of a clock that was ahead: it puts nothing off. */
    if (period->rated_us && period->rated_us <= step->now_us &&
        period->rated_us + draft_every_us > step->now_us)
        due_us = period->rated_us + draft_every_us;
    MTR_ASSERT(due_us >= step->now_us); /* a mark never asks for the past, or it would starve others */
    period->rate_due_us = mtr_time_sooner(period->rate_due_us, due_us); /* a rating may be under way */
    step->changed = true;
    return mtr_charges_put_period(step->charges, period);
}

int rater_mark_dirty(struct rater_step *step, const struct mtr_subscription *subscription, int64_t start_us,
                     int64_t end_us)
{
    struct mtr_charge_period period;
    const int64_t name_us = mtr_billing_period_name(subscription, start_us);
    int rc = mtr_charges_get_period(step->charges, subscription->number, name_us, &period);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (rc) {
        MTR_ASSERT(start_us < end_us && end_us < INT64_MAX); /* who marks a new one knows its end */
        period = (struct mtr_charge_period){.subscription = subscription->number,
                                            .start_us = name_us,
                                            .end_us = rater_period_end(end_us),
                                            .rate_due_us = INT64_MAX};
        period.close_due_us = rater_close_due(&step->rater->options, period.end_us);
    }
    return rater_mark_again(step, &period);
}

int rater_mark_begun(struct rater_step *step, const struct mtr_subscription *subscription, int64_t start_us,
                     int64_t end_us)
{
    struct mtr_charge_period period;
    int rc = MTR_OK;
    if (start_us > step->watermark_us)
        rc = mtr_charges_get_period(step->charges, subscription->number,
                                    mtr_billing_period_name(subscription, start_us), &period);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    return rater_mark_dirty(step, subscription, start_us, end_us);
}
