/*
 * Which subscriptions share something under one of two catalogs, so that a price of one may depend on those
 * of the others: a credit of their customer, or one that goes from one to the other; limits of an account, or
 * tiers that count across it. Each is in one group, alone in most. Private to daemon/query/.
 */
#ifndef METERD_DAEMON_QUERY_SHARING_H
#define METERD_DAEMON_QUERY_SHARING_H

#include "meterd/catalog/catalog.h"

struct query_sharing {
    uint32_t *first; /* by number: the lowest of its group; */
    uint32_t *next;  /* the next higher one of it; 0: none */
    uint32_t count;
};

/* Some milliseconds with 100,000 subscriptions, some tens where they have credits. MTR_ENOMEM. */
int query_sharing_open(struct query_sharing *sharing, const struct mtr_catalog *stored,
                       const struct mtr_catalog *draft) MTR_MUST_USE;
void query_sharing_close(struct query_sharing *sharing); /* also one that is all zero */

#endif
