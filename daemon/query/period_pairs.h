/*
 * The billing periods of a subscription under two catalogs beside one another. Two are the same one where
 * they have the same name in the charges store: what is charged of one is a difference to what was. Where
 * only one of the catalogs has a period of that name, it stands alone: after a start, an end, a change or a
 * billing rule that moves. Private to daemon/query/.
 */
#ifndef METERD_DAEMON_QUERY_PERIOD_PAIRS_H
#define METERD_DAEMON_QUERY_PERIOD_PAIRS_H

#include "meterd/catalog/catalog.h"

struct query_period {
    const struct mtr_subscription *phase; /* NULL: there is none */
    int64_t start_us, end_us;             /* in the subscription's term */
};

struct query_period_pair {
    int64_t name_us; /* of both */
    struct query_period stored, draft;
};

struct query_period_pairs {
    struct query_period_walk {
        const struct mtr_subscription *subscription; /* NULL: the catalog has none */
        int64_t at_us;
        struct query_period next; /* phase NULL: none is left */
    } stored, draft;
    int64_t until_us;
};

/* Those that hold from_us or begin behind it, and begin before until_us. One of the subscriptions may be
 * NULL. */
void query_pairs_begin(struct query_period_pairs *pairs, const struct mtr_subscription *stored,
                       const struct mtr_subscription *draft, struct mtr_period within);
/* In their order. False: there are no more. */
bool query_pairs_next(struct query_period_pairs *pairs, struct query_period_pair *out);

#endif
