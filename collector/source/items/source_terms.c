/*
 * Terms of subscriptions, put together by their start.
 */
#include "meterd/collector/source_terms.h"

#include "meterd/core/time.h"

/* Those of its subject and service, by start. */
static const struct mtr_subscription *next_of_subject(const struct mtr_subscription *subscription,
                                                      uint32_t *position)
{
    if (!subscription->same_subject_count) return (*position)++ ? NULL : subscription;
    while (*position < subscription->same_subject_count) {
        const struct mtr_subscription *other = subscription->same_subject[(*position)++];
        if (other->service == subscription->service) return other;
    }
    return NULL;
}

uint32_t mtr_source_terms(const struct mtr_subscription *subscription, int64_t behind_us,
                          struct mtr_plan_term terms[MTR_SOURCE_TERMS_MAX])
{
    const struct mtr_subscription *one;
    uint32_t count = 0, position = 0;
    while ((one = next_of_subject(subscription, &position))) {
        const int64_t from_us = mtr_subscription_begun_us(one), end_us = mtr_subscription_ends_us(one);
        const int64_t until_us = end_us < INT64_MAX - behind_us ? end_us + behind_us : INT64_MAX;
        struct mtr_plan_term *last = count ? &terms[count - 1] : NULL;
        if (from_us >= end_us) continue;
        if (last && (from_us <= last->until_us || count == MTR_SOURCE_TERMS_MAX))
            last->until_us = mtr_time_later(last->until_us, until_us);
        else
            terms[count++] = (struct mtr_plan_term){from_us, until_us};
    }
    if (!count) terms[count++] = (struct mtr_plan_term){INT64_MIN, INT64_MIN}; /* it never is */
    return count;
}

enum mtr_source_part mtr_source_part_of(const struct mtr_subscription *subscription,
                                        const struct mtr_window *window)
{
    const struct mtr_subscription *one;
    int64_t covered_us = window->from_us;
    uint32_t position = 0;
    bool has_some = false;
    while ((one = next_of_subject(subscription, &position))) {
        const int64_t from_us = mtr_subscription_begun_us(one), end_us = mtr_subscription_ends_us(one);
        has_some = has_some || (from_us < window->to_us && window->from_us < end_us);
        if (from_us <= covered_us) covered_us = mtr_time_later(covered_us, end_us);
    }
    if (covered_us >= window->to_us) return MTR_SOURCE_PART_ALL;
    return has_some ? MTR_SOURCE_PART_SOME : MTR_SOURCE_PART_NONE;
}

const struct mtr_subscription *mtr_source_subscription_at(const struct mtr_subscription *subscription,
                                                          const struct mtr_window *window)
{
    const struct mtr_subscription *one, *found = NULL;
    uint32_t position = 0;
    while ((one = next_of_subject(subscription, &position)))
        if (!found || mtr_subscription_begun_us(one) < window->to_us) found = one;
    return mtr_subscription_at(found ? found : subscription, window->from_us);
}
