/*
 * The instants at which a subscription's cells are cut; see meterd/catalog/cell.h.
 *
 * What begins with a local hour needs no cut. What lies outside of the term has no effect, and gives none.
 */
#include <stdlib.h>

#include "lib/catalog/snapshot.h"
#include "meterd/catalog/cell.h"
#include "meterd/core/limits.h"

struct cuts {
    const struct mtr_subscription *subscription; /* the phase at hand */
    struct mtr_arena *arena;
    int64_t *items;
    uint32_t count, capacity;
};

static int add(struct cuts *cuts, int64_t time_us)
{
    const struct mtr_subscription *subscription = cuts->subscription;
    const bool in_term = subscription->start_us <= time_us && time_us <= subscription->end_us;
    if (!in_term || time_us < 0 || time_us >= MTR_TIME_US_MAX) return MTR_OK;
    if (mtr_zone_hour(subscription->zone, time_us).start_us == time_us) return MTR_OK;
    if (cuts->count == 2 * MTR_SUBSCRIPTION_CUTS_MAX) return MTR_ELIMIT; /* some may be the same */
    int rc = mtr_arena_make_room(cuts->arena, (void **)&cuts->items, cuts->count, &cuts->capacity,
                                 sizeof(*cuts->items));
    if (!rc) cuts->items[cuts->count++] = time_us;
    return rc;
}

static int add_versions(struct cuts *cuts, const struct mtr_tariff_document *tariff)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && tariff && i < tariff->version_count; i++)
        rc = add(cuts, mtr_tariff_version_start(&tariff->versions[i], cuts->subscription->zone));
    return rc;
}

static int compare_instants(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int add_phase(struct cuts *cuts, const struct mtr_subscription *phase)
{
    const int64_t bounds_us[] = {phase->start_us, phase->trial_end_us, phase->free_until_us,
                                 phase->charged_until_us, phase->end_us};
    int rc = MTR_OK;
    cuts->subscription = phase;
    for (size_t i = 0; !rc && i < sizeof(bounds_us) / sizeof(*bounds_us); i++) rc = add(cuts, bounds_us[i]);
    if (!rc) rc = add_versions(cuts, phase->tariff);
    if (!rc) rc = add_versions(cuts, phase->trial_tariff);
    return rc ? rc : add_versions(cuts, phase->cost_tariff);
}

int mtr_subscription_find_cuts(struct mtr_subscription *subscription, struct mtr_arena *arena)
{
    struct cuts cuts = {.arena = arena};
    for (uint32_t i = 0; i < mtr_subscription_phase_count(subscription); i++) {
        int rc = add_phase(&cuts, mtr_subscription_phase(subscription, i));
        if (rc) return rc;
    }
    if (cuts.count > 1) qsort(cuts.items, cuts.count, sizeof(*cuts.items), compare_instants);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < cuts.count; i++)
        if (kept == 0 || cuts.items[kept - 1] != cuts.items[i]) cuts.items[kept++] = cuts.items[i];
    if (kept > MTR_SUBSCRIPTION_CUTS_MAX) return MTR_ELIMIT;
    subscription->cuts_us = cuts.items;
    subscription->cut_count = kept;
    return MTR_OK;
}

int catalog_find_cuts(struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_SUBSCRIPTION]; i++) {
        struct mtr_subscription *subscription = &catalog->subscriptions[i];
        int rc = mtr_subscription_find_cuts(subscription, &catalog->arena);
        for (uint32_t k = 1; !rc && k < mtr_subscription_phase_count(subscription); k++) {
            struct mtr_subscription *phase =
                catalog_own_phase(catalog, mtr_subscription_phase(subscription, k));
            phase->cuts_us = subscription->cuts_us;
            phase->cut_count = subscription->cut_count;
        }
        if (rc == MTR_ELIMIT)
            record_fail(catalog->records[MTR_KIND_SUBSCRIPTION][i], MTR_FINDING_CATALOG_SUBSCRIPTION_INSTANTS,
                        "tariff", findings,
                        "has more than %d instants inside an hour at which a version, its trial or its term "
                        "begins or ends: let versions begin at full hours",
                        MTR_SUBSCRIPTION_CUTS_MAX);
        else if (rc)
            return rc;
    }
    return MTR_OK;
}
