/*
 * What a subscription's earlier periods draw more of grants than was charged, so that those behind them are
 * priced with the balances that they will have. For periods in their order. Private to daemon/query/.
 *
 *   begin ──▶ price under the ledger below, note ──▶ …
 */
#ifndef METERD_DAEMON_QUERY_CHAINED_DRAWS_H
#define METERD_DAEMON_QUERY_CHAINED_DRAWS_H

#include "meterd/rater/billing_period.h"

enum { QUERY_DRAWS_MAX = 256 };

struct query_draws {
    struct mtr_charges_txn *charges; /* borrowed; NULL: nothing was charged */
    struct query_draw {
        struct mtr_hash128 grant;
        bool of_term;
        int64_t expires_us; /* no period that begins there or later draws on it */
        mtr_int128 more;    /* than was charged, or less: of units 10^-12, of money 10^-18 */
    } items[QUERY_DRAWS_MAX];
    uint32_t count;
    bool is_full; /* more grants differ than there is room for: later balances may be others */
};

void query_draws_begin(struct query_draws *draws, struct mtr_charges_txn *charges);
/* What the period of that name draws by this price, in the place of what it drew as it was charged; NULL:
 * there is no such period. Errors: the store's. */
int query_draws_note(struct query_draws *draws, uint32_t subscription, int64_t start_s,
                     const struct mtr_period_price *price) MTR_MUST_USE;
/* Does it count with what other subscriptions drew of a credit, or were charged under an account's limits? */
bool query_counts_others(const struct mtr_period_price *price);
/* Does a period behind those that were noted find other balances? */
bool query_draws_differ(const struct query_draws *draws);

extern const struct mtr_draw_ledger query_ledger_of_draws; /* context: struct query_draws */

#endif
