/*
 * Peers: a customer's subscriptions of one tariff, where that tariff counts across them. One array for all,
 * by (tariff, customer, number); each subscription has its stretch of it.
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
