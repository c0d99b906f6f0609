/*
 * Sums of accounts; see drafted_accounts.h.
 */
#include "daemon/query/drafted_accounts.h"

static struct query_kept_account *find(struct query_drafted_accounts *accounts,
                                       const struct mtr_subscription *subscription,
                                       const struct mtr_period *whole)
{
    for (uint32_t i = 0; i < QUERY_ACCOUNTS_KEPT_MAX; i++) {
        struct query_kept_account *kept = &accounts->kept[i];
        if (kept->peers == subscription->peers && kept->start_us == whole->start_us) return kept;
    }
    return NULL;
}

struct adding {
    struct query_drafted_accounts *accounts;
    struct query_account_sums *sums;
};

static int on_period(void *context, const struct mtr_subscription *subscription, struct mtr_period period)
{
    const struct adding *adding = context;
    struct query_drafted_accounts *accounts = adding->accounts;
    const int64_t name_us = mtr_billing_period_name(subscription, period.start_us);
    int rc = MTR_OK;
    if (accounts->charges)
        rc = mtr_account_charged(accounts->charges, subscription, name_us, &adding->sums->charged);
    return rc ? rc
              : accounts->add_drafted(accounts->context, subscription, name_us, &adding->sums->drafted);
}

int query_account_before(struct query_drafted_accounts *accounts, const struct mtr_subscription *subscription,
                         const struct mtr_period *whole, struct query_account_sums *out)
{
    struct query_kept_account *kept = find(accounts, subscription, whole);
    struct query_kept_account now = {.peers = subscription->peers, .start_us = whole->start_us};
    struct adding adding = {accounts, &now.sums};
    if (!kept) {
        kept = &accounts->kept[accounts->next];
        accounts->next = (accounts->next + 1) % QUERY_ACCOUNTS_KEPT_MAX;
    } else if (kept->count <= subscription->peer_index) {
        now = *kept;
    }
    accounts->looked += subscription->peer_index - now.count;
    int rc = mtr_account_walk(subscription, whole, now.count, subscription->peer_index, on_period, &adding);
    if (rc) return rc;
    now.count = subscription->peer_index;
    *kept = now;
    *out = now.sums;
    return MTR_OK;
}

void query_account_changed(struct query_drafted_accounts *accounts,
                           const struct mtr_subscription *subscription, const struct mtr_period *whole)
{
    struct query_kept_account *kept = find(accounts, subscription, whole);
    if (kept && kept->count > subscription->peer_index) *kept = (struct query_kept_account){.peers = NULL};
}
