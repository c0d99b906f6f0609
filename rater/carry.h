/*
 * Which subscriptions carry something from period to period, so that a late change of one period may change the price of those after it.
 * Private to the rater.
 */
#ifndef METERD_LIB_RATER_CARRY_H
#define METERD_LIB_RATER_CARRY_H

#include <stdbool.h>

#include "meterd/catalog/catalog.h"

/* True where a level goes on into the next period, or a component counts its position from the start of the term. */
bool rater_carries(const struct mtr_catalog *catalog, const struct mtr_subscription *subscription);

#endif
