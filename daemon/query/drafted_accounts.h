/*
 * What the subscriptions of an account come to, one after the other, as they were charged and as a draft has
 * them. Sums are kept, so that who comes behind another in the same billing period adds one. Private to
 * daemon/query/.
 */
#ifndef METERD_DAEMON_QUERY_DRAFTED_ACCOUNTS_H
#define METERD_DAEMON_QUERY_DRAFTED_ACCOUNTS_H

#include "meterd/rater/billing_period.h"

enum { QUERY_ACCOUNTS_KEPT_MAX = 64 };

struct query_account_sums {
    struct mtr_money charged, drafted;
};

/* Adds what a period comes to under the draft; what it was charged, where the draft leaves it as it is. */
typedef int (*query_add_drafted)(void *context, const struct mtr_subscription *subscription, int64_t name_us,
                                 struct mtr_money *sum);

struct query_drafted_accounts {
    struct mtr_charges_txn *charges; /* borrowed; NULL: nothing was charged */
    query_add_drafted add_drafted;
    void *context;
    struct query_kept_account {
        const struct mtr_subscription *const *peers; /* NULL: none */
        int64_t start_us;                            /* of the whole billing period */
        uint32_t count;                              /* of the peers that are in the sums */
        struct query_account_sums sums;
    } kept[QUERY_ACCOUNTS_KEPT_MAX];
    uint32_t next;   /* whose place is taken */
    uint64_t looked; /* how many were looked at so far */
};

/* What those before it come to in that whole billing period. */
int query_account_before(struct query_drafted_accounts *accounts, const struct mtr_subscription *subscription,
                         const struct mtr_period *whole, struct query_account_sums *out) MTR_MUST_USE;
/* What it comes to in that period is another by now. */
void query_account_changed(struct query_drafted_accounts *accounts,
                           const struct mtr_subscription *subscription, const struct mtr_period *whole);

#endif
