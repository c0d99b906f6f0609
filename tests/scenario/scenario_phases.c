/*
 * The phases of all subscriptions, as the bill goes through them, and use that none of them charges.
 */
#include "scenario/scenario.h"

const struct mtr_subscription *scenario_phase_at(const struct scenario *scenario, uint32_t index)
{
    const struct mtr_catalog *catalog = scenario->stores.catalog;
    for (uint32_t i = 1; i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(catalog, i);
        const uint32_t count = mtr_subscription_phase_count(subscription);
        if (index < count) return mtr_subscription_phase(subscription, index);
        index -= count;
    }
    return NULL;
}

bool scenario_goes_before(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    return a->number < b->number || (a->number == b->number && a->start_us < b->start_us);
}

int64_t scenario_contract_phase_us(const struct mtr_subscription *subscription)
{
    const struct mtr_subscription *first = subscription;
    while (first->phase_index > 0) {
        const struct mtr_subscription *before = mtr_subscription_phase(first, first->phase_index - 1);
        if (before->tariff != first->tariff || !mtr_str_equal(before->customer, first->customer)) break;
        first = before;
    }
    return first->start_us;
}

/* Is there live usage of the subscription and meter in [from, to)? */
static bool is_used(const struct naive *naive, const struct mtr_subscription *subscription, uint32_t meter,
                    int64_t from_us, int64_t to_us)
{
    for (uint32_t i = 0; i < naive->use_count; i++) {
        const struct naive_use *use = &naive->uses[i];
        if (use->subscription->number == subscription->number && use->meter->number == meter &&
            !use->void_seq && use->start_us >= from_us && use->start_us < to_us)
            return true;
    }
    return false;
}

uint32_t scenario_count_stray(const struct scenario *scenario, const struct naive *naive,
                              const struct mtr_subscription *subscription)
{
    uint32_t count = 0;
    for (uint32_t m = 1; m <= mtr_catalog_count(scenario->stores.catalog, MTR_KIND_METER); m++) {
        count += is_used(naive, subscription, m, INT64_MIN, subscription->start_us);
        count += is_used(naive, subscription, m, mtr_subscription_ends_us(subscription), INT64_MAX);
        for (uint32_t i = 0; i < mtr_subscription_phase_count(subscription); i++) {
            const struct mtr_subscription *phase = mtr_subscription_phase(subscription, i);
            int64_t priced_us = scenario_version_start(phase, &phase->tariff->versions[0]);
            if (priced_us > phase->end_us) priced_us = phase->end_us;
            if (!phase->trial_stops && priced_us > phase->start_us)
                count += is_used(naive, phase, m, phase->trial_end_us, priced_us);
        }
    }
    return count;
}
