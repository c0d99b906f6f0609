/*
 * What a subscription's earlier periods draw more under a draft than they drew, so that those behind them are
 * priced with the balances that they will have. For periods in their order. Private to daemon/query/.
 *
 *   begin ──▶ price under the ledger below, note ──▶ …
 */
#ifndef METERD_DAEMON_QUERY_CHAINED_DRAWS_H
#define METERD_DAEMON_QUERY_CHAINED_DRAWS_H

#include "meterd/rater/billing_period.h"

enum { QUERY_DRAWS_MAX = 256 };

struct query_draws {
    struct mtr_charges_txn *charges; /* borrowed */
    struct query_draw {
        struct mtr_hash128 grant;
        bool of_term;
        mtr_int128 more; /* than 0, or less: of units 10^-12, of money 10^-18 */
    } items[QUERY_DRAWS_MAX];
    uint32_t count;
};

void query_draws_begin(struct query_draws *draws, struct mtr_charges_txn *charges);
/* Both prices of one period. False: more grants differ than there is room for. */
bool query_draws_note(struct query_draws *draws, const struct mtr_period_price *stored,
                      const struct mtr_period_price *draft);
/* Does a period behind those that were noted find other balances? */
bool query_draws_differ(const struct query_draws *draws);

extern const struct mtr_draw_ledger query_ledger_of_draws; /* context: struct query_draws */

#endif
