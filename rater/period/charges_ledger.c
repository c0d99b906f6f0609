/*
 * The charges store as the ledger of a rating: what was drawn and emitted before. Without a store nothing
 * was.
 */
#include "rater/period/account.h"

static int draw_before(void *context, struct mtr_charge_draw *draw)
{
    return context ? mtr_charges_draw_before(context, draw) : MTR_ENOTFOUND;
}

static int add_account(void *context, const struct mtr_subscription *subscription, int64_t start_s,
                       struct mtr_money *sum)
{
    return context ? rater_account_charged(context, subscription, start_s, sum) : MTR_OK;
}

const struct mtr_draw_ledger mtr_ledger_of_charges = {.draw_before = draw_before, .account = add_account};
