/*
 * Line ranges: see line_ranges.h. What a range holds is found by rater/period/lines.c.
 */
#include "rater/line_ranges.h"

#include <string.h>

#include "rater/period/gather.h"
#include "rater/period/grants.h"
#include "rater/range_sums.h"

/* At once: so many that the pages that their charges touch stay far below what one transaction can hold, and
 * that few are tried in vain. */
enum { LINES_MAX = 8192, BYTES_PER_LINE = 32 << 10 };

uint32_t rater_lines_at_once(uint64_t memory_bytes_max)
{
    const uint64_t count = memory_bytes_max / BYTES_PER_LINE;
    return count > LINES_MAX ? LINES_MAX : count ? (uint32_t)count : 1;
}

void rater_begin_lines(struct rater_line_ranges *ranges, const struct mtr_subscription *subscription,
                       int64_t name_us, uint32_t *count_max, struct rater_sums_kept *kept)
{
    MTR_ASSERT(*count_max > 0);
    ranges->subscription = subscription;
    ranges->name_us = name_us;
    ranges->count_max = count_max;
    ranges->kept = kept;
    ranges->was_marked = false;
    ranges->in_ranges = rater_are_summing(kept, subscription->number, name_us);
    ranges->lines = (struct mtr_dimensions_range){.from = MTR_STR("")};
}

void rater_go_on_with_lines(struct rater_line_ranges *ranges, struct mtr_str from)
{
    MTR_ASSERT(from.size <= sizeof(ranges->from));
    memcpy(ranges->from, from.data, from.size);
    ranges->lines = (struct mtr_dimensions_range){.from = {ranges->from, from.size}};
    ranges->in_ranges = true;
}

static struct rater_summing summing_of(const struct rater_line_ranges *ranges, struct mtr_hash128 inputs)
{
    return (struct rater_summing){.subscription = ranges->subscription,
                                  .name_us = ranges->name_us,
                                  .count_max = *ranges->count_max,
                                  .inputs = inputs,
                                  .goes_on = ranges->lines.from,
                                  .coupling = ranges->coupling};
}

/* The range with the sums of the others. */
static int take_with_sums(struct rater_line_ranges *ranges, struct mtr_rating *rating,
                          const struct mtr_billing_period *period)
{
    const struct rater_summing summing = summing_of(ranges, period->inputs);
    struct mtr_billing_period again;
    struct mtr_grants grants;
    const bool begins = ranges->lines.from.size == 0; /* a rating takes in what is known where it begins */
    struct rater_line_sums *sums = begins ? NULL : rater_find_sums(ranges->kept, &summing);
    int rc = sums ? MTR_OK : rater_make_sums(ranges->kept, &summing, rating, &sums);
    if (rc) return rc;
    const uint32_t index = rater_range_of(sums, ranges->lines.from);
    const struct rater_range_sums *range = &sums->ranges[index];
    MTR_ASSERT(index < sums->count);
    memcpy(ranges->until, range->until.data, range->until.size);
    ranges->lines.until = (struct mtr_str){ranges->until, range->until.size};
    ranges->lines.has_until = range->has_until;
    ranges->was_marked = sums->was_marked;
    mtr_arena_reset(rating->arena);
    rc = rater_open_period(rating, ranges->subscription, ranges->name_us, &again, &grants);
    if (!rc) rc = rater_sum_others(sums, &again, index);
    rating->rest = &sums->rest;
    return rc;
}

static int cut_lines(struct rater_line_ranges *ranges, struct mtr_rating *rating)
{
    struct mtr_billing_period period;
    struct mtr_grants grants;
    mtr_arena_reset(rating->arena);
    int rc = rater_open_period(rating, ranges->subscription, ranges->name_us, &period, &grants);
    return rc ? rc
              : mtr_billing_period_cut(rating, ranges->subscription, &period, *ranges->count_max,
                                       &ranges->lines, ranges->until);
}

static int take_range(struct rater_line_ranges *ranges, struct mtr_rating *rating,
                      const struct mtr_billing_period *period)
{
    const struct mtr_tariff_coupling coupling = ranges->coupling;
    const bool is_first = ranges->lines.from.size == 0;
    int rc = MTR_OK;
    if (coupling.cuts || coupling.draws || (coupling.adds_up && is_first))
        rc = take_with_sums(ranges, rating, period);
    if (!rc && !rating->rest) rc = cut_lines(ranges, rating);
    mtr_arena_reset(rating->arena);
    rating->lines = &ranges->lines;
    return rc;
}

int rater_take_lines(struct rater_line_ranges *ranges, struct mtr_rating *rating)
{
    struct mtr_billing_period period;
    struct mtr_grants grants;
    mtr_arena_reset(rating->arena);
    rating->lines = NULL;
    rating->rest = NULL;
    rating->lines_max = 0;
    int rc = rater_open_period(rating, ranges->subscription, ranges->name_us, &period, &grants);
    if (rc) return rc;
    ranges->coupling = mtr_billing_period_couples(&period, &grants);
    if (ranges->in_ranges) return take_range(ranges, rating, &period);
    rating->lines_max = *ranges->count_max;
    return MTR_OK;
}

bool rater_fewer_need_less(const struct rater_line_ranges *ranges)
{
    return !ranges->in_ranges || *ranges->count_max > 1;
}

static void drop_sums(const struct rater_line_ranges *ranges)
{
    const struct rater_summing summing = summing_of(ranges, (struct mtr_hash128){0});
    rater_drop_sums(ranges->kept, &summing);
}

bool rater_takes_fewer(struct rater_line_ranges *ranges, int rc)
{
    const bool too_many = rc == MTR_ENOMEM || (rc == MTR_ELIMIT && !ranges->in_ranges);
    if (!too_many || !rater_fewer_need_less(ranges)) return false;
    if (ranges->in_ranges) {
        *ranges->count_max /= 2;
        drop_sums(ranges);
    }
    ranges->in_ranges = true;
    return true;
}

bool rater_next_lines(struct rater_line_ranges *ranges)
{
    if (!ranges->in_ranges || !ranges->lines.has_until) return false;
    rater_go_on_with_lines(ranges, ranges->lines.until);
    return true;
}

void rater_end_lines(struct rater_line_ranges *ranges)
{
    const bool goes_on = ranges->in_ranges && ranges->lines.has_until;
    if (!goes_on || !(ranges->coupling.cuts || ranges->coupling.draws)) drop_sums(ranges);
}
