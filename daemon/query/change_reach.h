/*
 * What a change of the catalog can reach of a subscription, and whether it says from when on. Told by
 * pointers, since a draft shares what it leaves as it is: a subscription that is not touched costs some
 * nanoseconds. Private to daemon/query/.
 */
#ifndef METERD_DAEMON_QUERY_CHANGE_REACH_H
#define METERD_DAEMON_QUERY_CHANGE_REACH_H

#include "meterd/catalog/catalog.h"

struct query_change {
    const struct mtr_catalog *catalog, *draft_catalog;
    const struct mtr_subscription *stored, *draft; /* one subscription's first phases in them; stored NULL: it
                                                      is new */
    bool is_held; /* then: events wait for it */
};

struct query_reach {
    int64_t from_us; /* periods that end before are out of reach; INT64_MAX: nothing is reached */
    bool dated;      /* whoever wrote the change said from when it holds */
};

/* Does the subject's usage go from one of its subscriptions to another? Each start is where it does. */
bool query_hands_over(const struct query_change *change);

/* One that is new is reached where it takes usage over, or events wait for it. */
struct query_reach query_reach_of(const struct query_change *change);

#endif
