/*
 * What goes on from period to period; see carry.h. Pure.
 */
#include "rater/carry.h"

#include "meterd/rater/slicing.h"

static bool component_carries(const struct mtr_catalog *catalog, const struct mtr_component *component)
{
    if (!component->meter.size) return false;
    return component->scope == MTR_SLICE_BY_TERM || mtr_slicing_is_level(mtr_catalog_find_meter(catalog, component->meter));
}

bool rater_carries(const struct mtr_catalog *catalog, const struct mtr_subscription *subscription)
{
    const struct mtr_tariff_document *tariff = subscription->tariff;
    for (uint32_t i = 0; i < tariff->version_count; i++)
        for (uint32_t j = 0; j < tariff->versions[i].component_count; j++)
            if (component_carries(catalog, &tariff->versions[i].components[j])) return true;
    return false;
}
