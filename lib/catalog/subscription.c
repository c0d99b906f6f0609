/*
 * What there is to ask of a subscription: its phases, and where they begin and end.
 */
#include "meterd/catalog/subscription.h"

#include "meterd/core/error.h"

uint32_t mtr_subscription_phase_count(const struct mtr_subscription *subscription)
{
    return subscription->phases ? subscription->phase_count : 1;
}

const struct mtr_subscription *mtr_subscription_phase(const struct mtr_subscription *subscription,
                                                      uint32_t index)
{
    MTR_ASSERT(index < mtr_subscription_phase_count(subscription));
    return subscription->phases ? subscription->phases[index] : subscription;
}

const struct mtr_subscription *mtr_subscription_at(const struct mtr_subscription *subscription,
                                                   int64_t time_us)
{
    uint32_t last = mtr_subscription_phase_count(subscription) - 1;
    while (last > 0 && subscription->phases[last]->start_us > time_us) last--;
    return mtr_subscription_phase(subscription, last);
}

int64_t mtr_subscription_ends_us(const struct mtr_subscription *subscription)
{
    return mtr_subscription_phase(subscription, mtr_subscription_phase_count(subscription) - 1)->end_us;
}

int64_t mtr_subscription_begun_us(const struct mtr_subscription *subscription)
{
    return mtr_subscription_phase(subscription, 0)->start_us;
}

bool mtr_subscription_is_of_customer(const struct mtr_subscription *subscription, struct mtr_str customer)
{
    for (uint32_t i = 0; i < mtr_subscription_phase_count(subscription); i++)
        if (mtr_str_equal(mtr_subscription_phase(subscription, i)->customer, customer)) return true;
    return false;
}
