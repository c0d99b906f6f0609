/*
 * Turns of an account's subscriptions: see account_turns.h.
 */
#include "rater/account_turns.h"

/* Those of its peers [from, until) in the billing period that holds that time. */
static int walk(const struct mtr_subscription *subscription, int64_t start_us, uint32_t from, uint32_t until,
                mtr_on_account_period on_period, void *context)
{
    const struct mtr_period whole = mtr_period_at(&subscription->billing, start_us);
    MTR_ASSERT(whole.start_us <= start_us && start_us < whole.end_us);
    return mtr_account_walk(subscription, &whole, from, until, on_period, context);
}

static int walk_behind(const struct mtr_subscription *subscription, int64_t start_us,
                       mtr_on_account_period on_period, void *context)
{
    return walk(subscription, start_us, subscription->peer_index + 1, subscription->peer_count, on_period,
                context);
}

static int mark(void *context, const struct mtr_subscription *subscription, struct mtr_period period)
{
    return rater_mark_begun(context, subscription, period.start_us, period.end_us);
}

int rater_account_changed(struct rater_step *step, const struct mtr_subscription *subscription,
                          int64_t start_us)
{
    return walk_behind(subscription, start_us, mark, step);
}

/* ---- waiting ---- */

/* Sums are made in the transactions before the first that emits. */
static bool is_under_way(const struct rater_step *step, const struct mtr_charge_period *period, bool is_begun)
{
    const bool is_due = period->rate_due_us <= step->now_us || period->close_due_us <= step->watermark_us;
    const bool is_summed = rater_are_summing(&step->rater->sums, period->subscription, period->start_us);
    return !period->problem && is_due && (is_begun || is_summed);
}

struct looking {
    struct rater_step *step;
    bool waits;
};

static int look(void *context, const struct mtr_subscription *subscription, struct mtr_period period)
{
    struct looking *looking = context;
    struct mtr_charges_txn *charges = looking->step->charges;
    const int64_t name_us = mtr_billing_period_name(subscription, period.start_us);
    struct mtr_charge_progress progress;
    struct mtr_charge_period stored;
    int rc = mtr_charges_get_period(charges, subscription->number, name_us, &stored);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    rc = mtr_charges_get_progress(charges, subscription->number, name_us, &progress);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    looking->waits = looking->waits || is_under_way(looking->step, &stored, rc == MTR_OK);
    return MTR_OK;
}

int rater_account_waits(struct rater_step *step, const struct mtr_subscription *subscription,
                        int64_t name_us, bool *waits)
{
    struct looking looking = {step, false};
    struct mtr_charge_progress own;
    *waits = false;
    int rc = walk(subscription, name_us, 0, subscription->peer_index, look, &looking);
    if (rc || !looking.waits) return rc;
    rc = mtr_charges_get_progress(step->charges, subscription->number, name_us, &own);
    *waits = rc == MTR_ENOTFOUND;
    return *waits ? MTR_OK : rc;
}

static int call(void *context, const struct mtr_subscription *subscription, struct mtr_period period)
{
    struct rater_step *step = context;
    struct mtr_charge_period stored;
    int rc = mtr_charges_get_period(step->charges, subscription->number,
                                    mtr_billing_period_name(subscription, period.start_us), &stored);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (stored.rate_due_us <= step->now_us || stored.rate_due_us > step->now_us + RATER_ACCOUNT_WAIT_US)
        return MTR_OK;
    stored.rate_due_us = step->now_us;
    return mtr_charges_put_period(step->charges, &stored);
}

int rater_account_rated(struct rater_step *step, const struct mtr_subscription *subscription,
                        int64_t start_us)
{
    return walk_behind(subscription, start_us, call, step);
}
