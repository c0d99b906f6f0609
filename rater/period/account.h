/*
 * Account limits: what the customer's other subscriptions of the tariff come to in the same billing period.
 * Private to the rater.
 */
#ifndef METERD_RATER_PERIOD_ACCOUNT_H
#define METERD_RATER_PERIOD_ACCOUNT_H

#include "meterd/rater/billing_period.h"

/* *before: the emitted lines of the subscriptions before this one, under the same tariff and in the same
 * whole billing period, credits apart. *continues: a subscription after it has that period, too, and is
 * charged in it. Both are nothing where the tariff has no account limits; without charges nothing comes
 * before. Who is in a trial of its own for all of the period is not in the account. */
int rater_account(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                  const struct mtr_period *whole, struct mtr_money *before, bool *continues) MTR_MUST_USE;

#endif
