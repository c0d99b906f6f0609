/*
 * Quotas of dimension values, from the contract (catalog/meter.h): events are asked for in the order of the
 * log, and the first so many values of a subject and meter count.
 */
#include "scenario/scenario.h"

enum { NAIVE_VALUES_MAX = 4096 };

bool scenario_naive_admits(struct scenario *scenario, struct naive *naive, const struct naive_use *use)
{
    uint64_t others = 0;
    if (use->meter->dimension_values_max >= NAIVE_VALUES_MAX) return true; /* it has no quota to speak of */
    for (uint32_t i = 0; i < naive->values_count; i++) {
        const struct naive_values *values = &naive->values[i];
        if (values->meter != use->meter ||
            !mtr_str_equal(values->subscription->subject, use->subscription->subject))
            continue;
        if (mtr_str_equal(values->dimensions, use->dimensions)) return true;
        others++;
    }
    if (others == use->meter->dimension_values_max) return false;
    if (!naive->values) naive->values = scenario_alloc(scenario, NAIVE_VALUES_MAX, sizeof(*naive->values));
    CHECK(scenario, naive->values_count < NAIVE_VALUES_MAX, "too many values");
    naive->values[naive->values_count++] =
        (struct naive_values){use->subscription, use->meter, use->dimensions};
    return true;
}
