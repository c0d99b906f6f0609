/*
 * The charges store as the ledger of a rating: what was drawn and emitted before. Without a store nothing
 * was.
 */
#include "meterd/rater/billing_period.h"

static int draw_before(void *context, struct mtr_charge_draw *draw)
{
    return context ? mtr_charges_draw_before(context, draw) : MTR_ENOTFOUND;
}

struct adding {
    struct mtr_charges_txn *charges;
    struct mtr_money *sum;
};

static int on_period(void *context, const struct mtr_subscription *subscription, struct mtr_period period)
{
    const struct adding *adding = context;
    return mtr_account_charged(adding->charges, subscription,
                               mtr_billing_period_name(subscription, period.start_us), adding->sum);
}

static int add_account(void *context, const struct mtr_subscription *subscription,
                       const struct mtr_period *whole, struct mtr_money *sum)
{
    struct adding adding = {context, sum};
    if (!context) return MTR_OK;
    return mtr_account_walk(subscription, whole, 0, subscription->peer_index, on_period, &adding);
}

const struct mtr_draw_ledger mtr_ledger_of_charges = {.draw_before = draw_before, .account = add_account};
