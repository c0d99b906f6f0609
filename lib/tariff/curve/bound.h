/*
 * An upper bound of a tier or step, and whom it belongs to: `up_to` is the last quantity of its own tier,
 * `below` the first one of the tier above. Private to lib/tariff.
 */
#ifndef METERD_LIB_TARIFF_CURVE_BOUND_H
#define METERD_LIB_TARIFF_CURVE_BOUND_H

#include <stdbool.h>

#include "meterd/core/decimal.h"

struct tariff_bound {
    struct mtr_quantity at;
    bool is_below; /* `at` itself is beyond it */
};

static inline bool tariff_bound_holds(struct tariff_bound bound, struct mtr_quantity quantity)
{
    const int order = mtr_quantity_compare(quantity, bound.at);
    return order < 0 || (order == 0 && !bound.is_below);
}

/* Does whatever one of them holds fit the other, too? */
static inline bool tariff_bound_within(struct tariff_bound bound, struct tariff_bound other)
{
    return bound.is_below ? mtr_quantity_compare(bound.at, other.at) <= 0
                          : tariff_bound_holds(other, bound.at);
}

#endif
