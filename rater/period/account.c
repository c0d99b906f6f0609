/*
 * The account of a customer: subscriptions of one tariff in the order of their numbers. Each counts what
 * those before it were charged, so a change goes from the first to the last and ends there.
 */
#include "rater/period/account.h"

#include "rater/period/parts.h"

enum { FOUND = 1 };

static bool has_account(const struct mtr_subscription *subscription)
{
    return subscription->peer_count && subscription->tariff->has_account;
}

/* Has the subscription that whole billing period, and is charged in it? Then *start_us and *end_us are its
 * own part of it. */
static bool find_period(const struct mtr_subscription *subscription, const struct mtr_period *whole,
                        int64_t *start_us, int64_t *end_us)
{
    const struct mtr_period own = mtr_period_at(&subscription->billing, whole->start_us);
    *start_us = whole->start_us > subscription->start_us ? whole->start_us : subscription->start_us;
    *end_us = whole->end_us < subscription->end_us ? whole->end_us : subscription->end_us;
    const bool is_charged =
        rater_first_charged(subscription) < *end_us && *start_us < rater_charged_until(subscription);
    return own.start_us == whole->start_us && own.end_us == whole->end_us && *start_us < *end_us &&
           is_charged;
}

/* A trial under another tariff is in no account: what comes behind it is. Which tariff a line was charged
 * under last says nothing, since one that comes to the same under another is not charged again. What a total
 * is rounded by depends on what credits paid of it, and these do not count; nor does what the limits of a
 * term add, which come later. */
static bool counts(const struct mtr_charge_line *line, const struct mtr_subscription *subscription)
{
    const bool in_trial = line->part_start_us < subscription->trial_end_us;
    return (!in_trial || subscription->trial_tariff == subscription->tariff) &&
           !mtr_str_starts_with(line->component, MTR_STR("tariff.term.")) &&
           !mtr_str_equal(line->kind, MTR_STR("credit")) && !mtr_str_equal(line->kind, MTR_STR("rounding"));
}

int mtr_account_walk(const struct mtr_subscription *subscription, const struct mtr_period *whole,
                     uint32_t from, uint32_t until, mtr_on_account_period on_period, void *context)
{
    int rc = MTR_OK;
    if (!has_account(subscription) || whole->start_us >= whole->end_us) return MTR_OK;
    for (uint32_t i = from; !rc && i < until; i++) {
        const struct mtr_subscription *peer = subscription->peers[i];
        struct mtr_period own;
        if (i == subscription->peer_index || !find_period(peer, whole, &own.start_us, &own.end_us)) continue;
        /* Each counts those before it, so that a change ends at the last. */
        MTR_ASSERT((i < subscription->peer_index) ==
                   (peer->number < subscription->number ||
                    (peer->number == subscription->number && peer->start_us < subscription->start_us)));
        rc = on_period(context, peer, own);
    }
    return rc;
}

static int on_any(void *context, const struct mtr_subscription *subscription, struct mtr_period period)
{
    (void)context, (void)subscription, (void)period;
    return FOUND;
}

int rater_account(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                  const struct mtr_period *whole, struct mtr_money *before, bool *continues)
{
    struct mtr_money sum = {0};
    int rc = MTR_OK;
    if (has_account(subscription) && subscription->peer_index && whole->start_us < whole->end_us)
        rc = rating->ledger->account(rating->ledger_context, subscription, whole, &sum);
    if (rc) return rc;
    *before = sum;
    *continues = mtr_account_walk(subscription, whole, subscription->peer_index + 1, subscription->peer_count,
                                  on_any, NULL) == FOUND;
    return MTR_OK;
}

struct adding {
    const struct mtr_subscription *subscription;
    struct mtr_money *sum;
};

static int on_line(void *context, const struct mtr_charge_line *line)
{
    const struct adding *adding = context;
    if (!counts(line, adding->subscription)) return MTR_OK;
    return mtr_money_add(*adding->sum, line->emitted, adding->sum);
}

int mtr_account_charged(struct mtr_charges_txn *charges, const struct mtr_subscription *subscription,
                        int64_t name_us, struct mtr_money *sum)
{
    struct adding adding = {subscription, sum};
    return mtr_charges_walk_lines(charges, subscription->number, name_us, on_line, &adding);
}

int mtr_period_price_account(const struct mtr_period_price *price, struct mtr_money *out)
{
    int rc = MTR_OK;
    *out = (struct mtr_money){0};
    for (uint32_t i = 0; !rc && i < price->line_count; i++)
        if (counts(&price->lines[i].identity, price->subscription))
            rc = mtr_money_add(*out, price->lines[i].amount, out);
    return rc;
}
