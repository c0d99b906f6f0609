/*
 * Percentiles over windows of equal length, the empty ones counted as zero until the meter is retired:
 * bandwidth by the 95th of 5-minute sums. Pure.
 */
#include "rater/measure/slicing_state.h"

#include <stdlib.h>

#include "meterd/catalog/cell.h"

static int compare_sums(const void *a, const void *b)
{
    return mtr_quantity_compare(((const struct rater_window *)a)->sum, ((const struct rater_window *)b)->sum);
}

/* ceil(total × percentile ÷ 100), from 1 on. total has at most 40 bits and the percentile 47. */
static uint64_t rank_of(uint64_t total, struct mtr_quantity percentile)
{
    const mtr_uint128 hundred = (mtr_uint128)100 * 1000000000000;
    MTR_ASSERT(percentile.e12 > 0 && (mtr_uint128)percentile.e12 <= hundred && total < UINT64_C(1) << 40);
    return (uint64_t)(((mtr_uint128)total * (mtr_uint128)percentile.e12 + hundred - 1) / hundred);
}

struct mtr_quantity rater_percentile(struct rater_window *windows, uint32_t count, uint64_t total,
                                     struct mtr_quantity percentile)
{
    if (count > total) total = count;
    if (total == 0) return (struct mtr_quantity){0};
    if (count) qsort(windows, count, sizeof(*windows), compare_sums);
    const uint64_t zeros = total - count, rank = rank_of(total, percentile);
    MTR_ASSERT(rank >= 1 && rank <= total); /* a rank is one of the windows */
    uint32_t negative = 0;
    while (negative < count && windows[negative].sum.e12 < 0)
        negative++;
    if (rank <= negative) return windows[rank - 1].sum;
    if (rank <= negative + zeros) return (struct mtr_quantity){0};
    return windows[rank - zeros - 1].sum;
}

static int64_t ceiling_of(int64_t value, int64_t divisor)
{
    return (value + divisor - 1) / divisor;
}

uint64_t rater_window_count(const struct mtr_slicing_rule *rule, int64_t from_us, int64_t until_us)
{
    const int64_t window_us = rule->meter->window_us;
    uint64_t count = 0;
    until_us = mtr_time_sooner(until_us, mtr_meter_retired_us(rule->meter));
    while (from_us < until_us) {
        const struct mtr_hour hour = mtr_zone_hour(rule->zone, from_us);
        const int64_t end_us = mtr_time_sooner(hour.end_us, until_us);
        count += (uint64_t)(ceiling_of(end_us - hour.start_us, window_us) -
                            (from_us - hour.start_us) / window_us);
        from_us = hour.end_us;
    }
    return count;
}

int64_t rater_window_start(const struct mtr_slicing_rule *rule, int64_t time_us)
{
    const struct mtr_hour hour = mtr_zone_hour(rule->zone, time_us);
    return mtr_cell_of_length(&hour, rule->meter->window_us, time_us).start_us;
}
