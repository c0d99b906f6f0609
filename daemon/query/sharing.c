/*
 * Groups by what is shared; see sharing.h. A disjoint-set forest of subscriptions and credits, of which the
 * lowest number of a set is its root.
 */
#include "daemon/query/sharing.h"

#include <stdlib.h>

struct joining {
    struct query_sharing *sharing;
    const struct mtr_catalog *catalog;
    uint32_t *parent; /* subscriptions by number, credits behind them */
};

static uint32_t root_of(uint32_t *parent, uint32_t node)
{
    while (parent[node] != node) {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    return node;
}

static void join(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = root_of(parent, a);
    b = root_of(parent, b);
    if (a < b) parent[b] = a;
    else parent[a] = b;
}

static void join_phase(const struct joining *joining, const struct mtr_subscription *phase)
{
    const struct mtr_catalog *catalog = joining->catalog;
    const struct mtr_credit *credit;
    if (phase->peer_count > 1) join(joining->parent, phase->number, phase->peers[0]->number);
    if (!mtr_catalog_count(catalog, MTR_KIND_CREDIT)) return;
    for (uint32_t position = 0; (credit = mtr_catalog_next_credit(catalog, phase, &position)) != NULL;)
        join(joining->parent, phase->number, joining->sharing->count + credit->number);
}

static void join_all(const struct joining *joining)
{
    for (uint32_t i = 1; i <= mtr_catalog_count(joining->catalog, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(joining->catalog, i);
        for (uint32_t k = 0; subscription && k < mtr_subscription_phase_count(subscription); k++)
            join_phase(joining, mtr_subscription_phase(subscription, k));
    }
}

/* Each set as a list: whoever stands behind its root. */
static void make_lists(struct query_sharing *sharing, uint32_t *parent)
{
    for (uint32_t i = sharing->count; i >= 1; i--) {
        const uint32_t root = root_of(parent, i);
        sharing->first[i] = root;
        if (root == i) continue;
        sharing->next[i] = sharing->next[root];
        sharing->next[root] = i;
    }
}

static uint32_t count_of(const struct mtr_catalog *stored, const struct mtr_catalog *draft,
                         enum mtr_catalog_kind kind)
{
    const uint32_t a = mtr_catalog_count(stored, kind), b = mtr_catalog_count(draft, kind);
    return a > b ? a : b;
}

int query_sharing_open(struct query_sharing *sharing, const struct mtr_catalog *stored,
                       const struct mtr_catalog *draft)
{
    const uint32_t count = count_of(stored, draft, MTR_KIND_SUBSCRIPTION),
                   credits = count_of(stored, draft, MTR_KIND_CREDIT);
    uint32_t *parent = calloc((size_t)count + credits + 1, sizeof(*parent));
    *sharing = (struct query_sharing){.first = calloc((size_t)count + 1, sizeof(uint32_t)),
                                      .next = calloc((size_t)count + 1, sizeof(uint32_t)),
                                      .count = count};
    if (!parent || !sharing->first || !sharing->next) {
        free(parent);
        return MTR_ENOMEM;
    }
    for (uint32_t i = 0; i <= count + credits; i++) parent[i] = i;
    join_all(&(struct joining){sharing, stored, parent});
    join_all(&(struct joining){sharing, draft, parent});
    make_lists(sharing, parent);
    free(parent);
    return MTR_OK;
}

void query_sharing_close(struct query_sharing *sharing)
{
    free(sharing->first);
    free(sharing->next);
    *sharing = (struct query_sharing){.first = NULL};
}
