/*
 * Which billing periods a draft can price otherwise: those whose inputs are others, or that one of the
 * catalogs alone has. Private to daemon/query/.
 */
#ifndef METERD_DAEMON_QUERY_CHANGED_INPUTS_H
#define METERD_DAEMON_QUERY_CHANGED_INPUTS_H

#include "daemon/query/period_pairs.h"
#include "daemon/query/settled_periods.h"

/* Is the period another one under the draft, but for use and balances? Of the catalogs of the two sides. */
int query_inputs_differ(const struct query_settling *stored, const struct query_settling *draft,
                        const struct query_period_pair *pair, bool *out) MTR_MUST_USE;

/* Do later periods find what earlier ones leave of a pool, or come to in a term? Of all its phases. */
bool query_carries_draws(const struct mtr_catalog *catalog,
                         const struct mtr_subscription *subscription) MTR_MUST_USE;

#endif
