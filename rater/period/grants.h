/*
 * The pools that a billing period can draw on, their balances, and the ledger of what was drawn. Private to
 * the rater.
 *
 * A grant is one filling of a pool: an allowance of one billing period, what a trial frees, or a prepaid
 * credit. The grants of a period are those of its own versions (of one key the first part's), what the
 * periods before it roll over, its trial's, and the credits that overlap it. What is granted stays granted
 * when a later version does without it.
 *
 * Periods draw on a grant in the order of (period start, subscription number). A draw knows what those before
 * it drew when it was made; when that changes, the next one's period is marked dirty, and so on: a correction
 * flows forward, one period at a rating.
 */
#ifndef METERD_RATER_PERIOD_GRANTS_H
#define METERD_RATER_PERIOD_GRANTS_H

#include "meterd/tariff/price.h"
#include "meterd/store/charges.h"
#include "rater/period/billing_period.h"

struct mtr_grant {
    struct mtr_price_pool pool; /* its balance is the period's */
    struct mtr_hash128 id;
    const struct mtr_credit *credit; /* NULL: an allowance */
    struct mtr_str currency;         /* of money */
    mtr_int128 granted;              /* of units 10^-12, of money 10^-18 */
    mtr_int128 before;               /* drawn before this period */
    uint32_t part;                   /* the first part of the period that has it */
};

struct mtr_grants {
    struct mtr_grant *items;
    uint32_t count;
};

/* rater_billing_period_at, and the grants of that period, not drawn on yet; they are part of its inputs. From
 * the arena. */
int rater_open_period(const struct mtr_catalog *catalog, const struct mtr_subscription *subscription,
                    int64_t start_s, struct mtr_arena *arena, struct mtr_billing_period *period,
                    struct mtr_grants *grants) MTR_MUST_USE;

/* The same, with all credits of the subscription and its customer, whether the period can draw on them or
 * not; inputs without meaning. */
int rater_find_balances(const struct mtr_catalog *catalog, const struct mtr_subscription *subscription,
                        int64_t start_s, struct mtr_arena *arena, struct mtr_billing_period *period,
                        struct mtr_grants *grants) MTR_MUST_USE;

/* Takes off what the periods before this one drew. */
int rater_read_balances(struct mtr_charges_txn *charges, const struct mtr_subscription *subscription,
                        const struct mtr_billing_period *period, struct mtr_grants *grants) MTR_MUST_USE;

/* The pools of one part: of `prices`, those before index are of the period's earlier parts; of those under
 * another tariff the draws are taken off here, of the others the price function knows them. */
int rater_part_pools(const struct mtr_grants *grants, const struct mtr_billing_period *period, uint32_t index,
                     const struct mtr_price *const *prices, struct mtr_arena *arena,
                     struct mtr_price_input *input) MTR_MUST_USE;

/* What all parts of a period drew of a grant. */
int rater_sum_draws(const struct mtr_grant *grant, const struct mtr_price *const *prices, uint32_t count,
                    mtr_int128 *out) MTR_MUST_USE;

#endif
