/*
 * What a subscription begins with of a meter; see subscription.h. Pure; linked in link_openings.c.
 */
#include "meterd/catalog/meter.h"
#include "meterd/catalog/subscription.h"

const struct mtr_opening *mtr_subscription_opening(const struct mtr_subscription *subscription,
                                                   uint32_t meter, struct mtr_str dimensions)
{
    const struct mtr_subscription *first = mtr_subscription_phase(subscription, 0);
    for (uint32_t i = 0; i < first->opening_count; i++)
        if (first->openings[i].meter->number == meter &&
            mtr_str_equal(first->openings[i].dimensions, dimensions))
            return &first->openings[i];
    return NULL;
}
