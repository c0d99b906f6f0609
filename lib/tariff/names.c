/*
 * The words of the language for what the model has as numbers, each list in the order of its enum.
 */
#include "lib/tariff/fields.h"

const char *const mtr_tariff_rounding_modes[] = {"half_even", "half_up", "up", "down",
                                                 "ceiling",   "floor",   NULL};
const char *const mtr_tariff_prorates[] = {"none", "day", "second", NULL};
const char *const mtr_tariff_scopes[] = {"period", "event", "hour", "day", "term", "level", NULL};
const char *const mtr_tariff_exchange_days[] = {"period_end", "usage_day", "charge_day", "order", NULL};

_Static_assert(MTR_ROUND_HALF_EVEN == 0 && MTR_ROUND_FLOOR == 5,
               "mtr_tariff_rounding_modes are in the order of enum mtr_rounding");
_Static_assert(MTR_PRORATE_NONE == 0 && MTR_PRORATE_SECOND == 2,
               "mtr_tariff_prorates is in the order of enum mtr_prorate");
_Static_assert(MTR_CURVE_SCOPE_PERIOD == 0 && MTR_CURVE_SCOPE_LEVEL == 5,
               "mtr_tariff_scopes are in the order of enum mtr_curve_scope");
_Static_assert(MTR_EXCHANGE_AT_PERIOD_END == 0 && MTR_EXCHANGE_AT_ORDER == 3,
               "mtr_tariff_exchange_days are in the order of enum mtr_exchange_at");

const char *mtr_curve_scope_name(enum mtr_curve_scope scope)
{
    MTR_ASSERT((unsigned)scope <= MTR_CURVE_SCOPE_LEVEL);
    return mtr_tariff_scopes[scope];
}

const char *mtr_exchange_at_name(enum mtr_exchange_at at)
{
    MTR_ASSERT((unsigned)at <= MTR_EXCHANGE_AT_ORDER);
    return mtr_tariff_exchange_days[at];
}
