/*
 * Balances of the pools of a subscription; see balance.h. Pure reading.
 */
#include "meterd/query/balance.h"

#include "meterd/rater/billing_period.h"

/* All that any period drew. */
static int sum_drawn(struct mtr_charges_txn *charges, const struct mtr_grant *grant, mtr_int128 *out)
{
    struct mtr_charge_draw last = {
        .grant = grant->id, .period_start_us = INT64_MAX, .subscription = UINT32_MAX};
    int rc = mtr_charges_draw_before(charges, &last);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    *out = rc ? 0 : last.before + last.drawn;
    return MTR_OK;
}

static struct mtr_balance make_balance(const struct mtr_grant *grant, mtr_int128 drawn, int64_t time_us)
{
    const struct mtr_price_pool *pool = &grant->pool;
    const mtr_int128 left = grant->granted > drawn ? grant->granted - drawn : 0;
    const bool is_expired = pool->expires_us <= time_us;
    const mtr_int128 balance = is_expired ? 0 : left, expired = is_expired ? left : 0;
    struct mtr_balance out = {
        .key = pool->key,
        .grant = pool->grant,
        .credit = grant->credit,
        .of_money = pool->of_money,
        .currency = grant->currency,
        .priority = pool->priority,
        .expires_us = pool->expires_us,
    };
    if (pool->of_money) {
        out.amount_granted.e18 = grant->granted;
        out.amount_drawn.e18 = drawn;
        out.amount_balance.e18 = balance;
        out.amount_expired.e18 = expired;
    } else {
        out.quantity_granted.e12 = grant->granted;
        out.quantity_drawn.e12 = drawn;
        out.quantity_balance.e12 = balance;
        out.quantity_expired.e12 = expired;
    }
    return out;
}

int mtr_rater_balances(struct mtr_charges_txn *charges, const struct mtr_balance_question *question,
                       struct mtr_arena *arena, mtr_on_balance on_balance, void *context)
{
    const int64_t time_us = question->time_us;
    const struct mtr_subscription *subscription = mtr_subscription_at(question->subscription, time_us);
    const struct mtr_rating rating = {.catalog = question->catalog, .arena = arena};
    struct mtr_grants grants;
    int64_t period_start_us = time_us, end_us;
    if (time_us >= subscription->start_us && time_us < subscription->end_us)
        period_start_us = mtr_billing_period_start(subscription, time_us, &end_us);
    int rc = mtr_billing_period_grants(
        &rating, subscription, mtr_billing_period_name(subscription, period_start_us), &grants);
    for (uint32_t i = 0; !rc && i < grants.count; i++) {
        mtr_int128 drawn;
        rc = sum_drawn(charges, &grants.items[i], &drawn);
        if (rc) break;
        const struct mtr_balance balance = make_balance(&grants.items[i], drawn, time_us);
        rc = on_balance(context, &balance);
    }
    return rc;
}
