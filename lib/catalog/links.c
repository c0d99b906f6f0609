/*
 * What links subscriptions to one another and to their own past, once a snapshot's references are resolved.
 *
 * Peers: a customer's subscriptions of one tariff, where that tariff counts across them. One array for all,
 * by (tariff, customer, number); each subscription has its stretch of it.
 *
 * Carrying: a subscription carries something from period to period where a level goes on into the next one,
 * or a position counts from the start of the term. Looked at once for each tariff, all of its versions and
 * overrides together.
 */
#include "lib/catalog/snapshot.h"

#include <stdlib.h>

static int compare_peers(const void *a, const void *b)
{
    const struct mtr_subscription *x = *(const struct mtr_subscription *const *)a,
                                  *y = *(const struct mtr_subscription *const *)b;
    if (x->tariff != y->tariff) return x->tariff < y->tariff ? -1 : 1;
    const int order = mtr_str_compare(x->customer, y->customer);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static bool are_peers(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    return a->tariff == b->tariff && mtr_str_equal(a->customer, b->customer);
}

int catalog_link_peers(struct mtr_catalog *catalog)
{
    const struct mtr_subscription **peers = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_SUBSCRIPTION]; i++) {
        const struct mtr_subscription *subscription = &catalog->subscriptions[i];
        if (!subscription->tariff ||
            (!subscription->tariff->across_customer && !subscription->tariff->has_account))
            continue;
        if (!peers)
            peers = mtr_arena_calloc(&catalog->arena, catalog->counts[MTR_KIND_SUBSCRIPTION], sizeof(*peers));
        if (!peers) return MTR_ENOMEM;
        peers[count++] = subscription;
    }
    if (count > 1) qsort(peers, count, sizeof(struct mtr_subscription *), compare_peers);
    for (uint32_t first = 0, next; first < count; first = next) {
        for (next = first + 1; next < count && are_peers(peers[first], peers[next]); next++) {
        }
        for (uint32_t i = first; i < next; i++) {
            struct mtr_subscription *subscription = &catalog->subscriptions[peers[i]->number - 1];
            subscription->peers = peers + first;
            subscription->peer_count = next - first;
            subscription->peer_index = i - first;
        }
    }
    return MTR_OK;
}

static bool component_carries(const struct mtr_catalog *catalog, const struct mtr_component *component)
{
    for (uint32_t i = 0; i < component->input_count; i++) {
        const struct mtr_meter *meter = mtr_catalog_find_meter(catalog, component->inputs[i]);
        if (meter && meter->aggregation == MTR_TIME_WEIGHTED) return true;
    }
    return component->scope == MTR_CURVE_SCOPE_TERM;
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
