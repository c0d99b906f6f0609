/*
 * What goes on from period to period; see carry.h. Pure.
 */
#include "rater/carry.h"

#include "meterd/rater/slicing.h"

static bool component_carries(const struct mtr_catalog *catalog, const struct mtr_component *component)
{
    for (uint32_t i = 0; i < component->input_count; i++)
        if (mtr_slicing_is_level(mtr_catalog_find_meter(catalog, component->inputs[i]))) return true;
    return component->scope == MTR_SLICE_BY_TERM;
}

static bool tariff_carries(const struct mtr_catalog *catalog, const struct mtr_subscription *subscription,
                           const struct mtr_tariff_document *tariff)
{
    for (uint32_t i = 0; tariff && i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version = mtr_tariff_version_for(&tariff->versions[i], subscription->key, subscription->customer);
        for (uint32_t j = 0; j < version->component_count; j++)
            if (component_carries(catalog, &version->components[j])) return true;
    }
    return false;
}

bool rater_carries(const struct mtr_catalog *catalog, const struct mtr_subscription *subscription)
{
    return tariff_carries(catalog, subscription, subscription->tariff) || tariff_carries(catalog, subscription, subscription->trial_tariff) ||
           tariff_carries(catalog, subscription, subscription->cost_tariff);
}
