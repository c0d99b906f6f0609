/*
 * The pools that a billing period can draw on, their balances, and the ledger of what was drawn. Private to
 * the rater.
 *
 * A grant is one filling of a pool: an allowance of one billing period, what a trial frees, or a prepaid
 * credit. The grants of a period are those of its own versions (of one key the first part's), what the
 * periods before it roll over, its trial's, and the credits that overlap it. What is granted stays granted
 * when a later version does without it.
 *
 * The sum of a term is kept as a grant is, though nothing is granted: each of its periods has a row with what
 * it came to, and what those before it did. So late use of one corrects those behind it in the same chain.
 *
 * Periods draw on a grant in the order of (period name, subscription number). A draw knows what those before
 * it drew when it was made; when that changes, the next one's period is marked dirty, and so on: a correction
 * flows forward, one period at a rating.
 */
#ifndef METERD_RATER_PERIOD_GRANTS_H
#define METERD_RATER_PERIOD_GRANTS_H

#include "rater/period/parts.h"

/* rater_billing_period_at, and the grants of that period, not drawn on yet; they are part of its inputs. */
int rater_open_period(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                      int64_t name_us, struct mtr_billing_period *period,
                      struct mtr_grants *grants) MTR_MUST_USE;

/* The sum of the term that the part lies in; NULL: it has no limits of one, or is of costs, which have none.
 * */
const struct mtr_grant *rater_find_term(const struct mtr_period_price *priced, uint32_t part);

/* Takes off what the periods before this one drew. */
int rater_read_balances(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                        const struct mtr_billing_period *period, struct mtr_grants *grants) MTR_MUST_USE;

/* The pools of one part: of `prices`, those before index are of the period's earlier parts; of those under
 * another tariff the draws are taken off here, of the others the price function knows them. */
int rater_part_pools(const struct mtr_period_price *priced, uint32_t index, struct mtr_arena *arena,
                     struct mtr_price_input *input) MTR_MUST_USE;

/* Fills what each grant was drawn on by all parts of the period. */
int rater_sum_draws(struct mtr_period_price *priced) MTR_MUST_USE;

#endif
