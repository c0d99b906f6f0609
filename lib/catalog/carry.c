/*
 * Which subscriptions carry something from period to period: a level that goes on into the next one, or a
 * position that counts from the start of the term. Looked at once for each tariff of a snapshot, all of its
 * versions and overrides together.
 */
#include "lib/catalog/snapshot.h"

static bool component_carries(const struct mtr_catalog *catalog, const struct mtr_component *component)
{
    for (uint32_t i = 0; i < component->input_count; i++) {
        const struct mtr_meter *meter = mtr_catalog_find_meter(catalog, component->inputs[i]);
        if (meter && meter->aggregation == MTR_TIME_WEIGHTED) return true;
    }
    return component->scope == MTR_SLICE_BY_TERM;
}

static bool version_carries(const struct mtr_catalog *catalog, const struct mtr_tariff_version *version)
{
    for (uint32_t i = 0; i < version->component_count; i++)
        if (component_carries(catalog, &version->components[i])) return true;
    for (uint32_t i = 0; i < version->override_count; i++)
        if (version_carries(catalog, &version->overrides[i].version)) return true;
    return false;
}

int catalog_note_carrying(struct mtr_catalog *catalog)
{
    const uint32_t tariff_count = catalog->counts[MTR_KIND_TARIFF];
    bool *carries = mtr_arena_calloc(&catalog->arena, (size_t)tariff_count + 1,
                                     sizeof(*carries)); /* by number; 0: none */
    if (!carries) return MTR_ENOMEM;
    for (uint32_t i = 0; i < tariff_count; i++) {
        const struct mtr_tariff_document *tariff = &catalog->records[MTR_KIND_TARIFF][i]->fields.tariff;
        for (uint32_t v = 0; v < tariff->version_count && !carries[i + 1]; v++)
            carries[i + 1] = version_carries(catalog, &tariff->versions[v]);
    }
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_SUBSCRIPTION]; i++) {
        struct mtr_subscription *subscription = &catalog->subscriptions[i];
        const struct mtr_tariff_document *const tariffs[] = {subscription->tariff, subscription->trial_tariff,
                                                             subscription->cost_tariff};
        for (size_t k = 0; k < sizeof(tariffs) / sizeof(*tariffs); k++)
            if (tariffs[k]) subscription->carries = subscription->carries || carries[tariffs[k]->number];
    }
    return MTR_OK;
}
