/*
 * The ledger of draws as a draft would have it: what is charged, with the draws of periods that were priced
 * under the draft in the place of theirs. Periods of all subscriptions that draw on the same grants, in any
 * order: a period that finds another balance than it was priced with is told, and is to be priced again, as
 * the rater does it (docs/decisions/0170-draws-are-a-chain.md). Private to daemon/query/.
 *
 *   begin ──▶ price under the balances below, note ──▶ … until nobody is told
 */
#ifndef METERD_DAEMON_QUERY_DRAFTED_DRAWS_H
#define METERD_DAEMON_QUERY_DRAFTED_DRAWS_H

#include "meterd/rater/billing_period.h"

struct query_drafted_grant; /* private */

struct query_drafted_draws {
    struct mtr_charges_txn *charges; /* borrowed; NULL: nothing was charged */
    struct mtr_arena *arena;         /* borrowed: holds all of it */
    struct query_drafted_grant *grants;
    uint32_t count, capacity;
    uint32_t *slots; /* a hash index of the grants: their place + 1 */
    uint32_t slot_count;
};

/* The period of that name counts with another balance than it was priced with, or charged. */
typedef int (*query_on_drawing)(void *context, uint32_t subscription, int64_t name_us);

/* What was noted is forgotten. The arena was reset. */
void query_drafted_begin(struct query_drafted_draws *draws, struct mtr_charges_txn *charges,
                         struct mtr_arena *arena);
/* What the period of that name draws by this price, in the place of what it drew as it was charged or by an
 * earlier price. Errors: the store's, MTR_ENOMEM, and what the hook says when that is not 0. */
int query_drafted_note(struct query_drafted_draws *draws, uint32_t subscription, int64_t name_us,
                       const struct mtr_period_price *price, query_on_drawing on_drawing,
                       void *context) MTR_MUST_USE;
/* As draw_before of a ledger (billing_period.h). */
int query_drafted_before(struct query_drafted_draws *draws, struct mtr_charge_draw *draw) MTR_MUST_USE;

#endif
