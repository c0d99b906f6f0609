/*
 * Balances of pools: what was granted, what billing periods drew of it, what is left.
 *
 * Reads the charges store's ledger, which holds what was rated: a balance is that of the usage known when the
 * last period was rated.
 */
#ifndef METERD_QUERY_BALANCE_H
#define METERD_QUERY_BALANCE_H

#include "meterd/catalog/catalog.h"
#include "meterd/core/arena.h"
#include "meterd/store/charges.h"

/* Of units: quantities; of money: amounts. granted = drawn + balance + expired, unless a credit was made
 * smaller than what was drawn. */
struct mtr_balance {
    struct mtr_str key;              /* of the pool */
    struct mtr_str grant;            /* "grant=2026-01-01", "credit=2026-03-01", as its lines have it */
    const struct mtr_credit *credit; /* NULL: an allowance */
    bool of_money;
    struct mtr_str currency;         /* of money */
    uint32_t priority;
    int64_t expires_us;               /* INT64_MAX: never */
    struct mtr_quantity quantity_granted, quantity_drawn, quantity_balance, quantity_expired;
    struct mtr_money amount_granted, amount_drawn, amount_balance, amount_expired;
};

/* Whose balances, and when. */
struct mtr_balance_question {
    const struct mtr_catalog *catalog;
    const struct mtr_subscription *subscription;
    int64_t time_us;
};

/* The allowances that the billing period of that time can draw on, and all credits of the subscription and
 * its customer. Allocates from the arena; rows are borrowed during the hook. A hook's result other than 0
 * stops and is returned. */
typedef int (*mtr_on_balance)(void *context, const struct mtr_balance *balance);
int mtr_rater_balances(struct mtr_charges_txn *charges, const struct mtr_balance_question *question,
                       struct mtr_arena *arena, mtr_on_balance on_balance, void *context) MTR_MUST_USE;

#endif
