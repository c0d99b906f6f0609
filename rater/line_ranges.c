/*
 * Line ranges: see line_ranges.h. What a range holds is found by rater/period/lines.c.
 */
#include "rater/line_ranges.h"

#include <string.h>

#include "rater/period/grants.h"

/* At once: so many that the pages that their charges touch stay far below what one transaction can hold, and
 * that few are tried in vain. */
enum { LINES_MAX = 16384, BYTES_PER_LINE = 8192 };

uint32_t rater_lines_at_once(uint64_t memory_bytes_max)
{
    const uint64_t count = memory_bytes_max / BYTES_PER_LINE;
    return count > LINES_MAX ? LINES_MAX : count ? (uint32_t)count : 1;
}

void rater_begin_lines(struct rater_line_ranges *ranges, const struct mtr_subscription *subscription,
                       int64_t start_us, uint32_t *count_max)
{
    MTR_ASSERT(*count_max > 0);
    ranges->subscription = subscription;
    ranges->start_us = start_us;
    ranges->count_max = count_max;
    ranges->couples = NULL;
    ranges->in_ranges = false;
    ranges->lines = (struct mtr_dimensions_range){.from = MTR_STR("")};
}

void rater_go_on_with_lines(struct rater_line_ranges *ranges, struct mtr_str from)
{
    MTR_ASSERT(from.size <= sizeof(ranges->from));
    memcpy(ranges->from, from.data, from.size);
    ranges->lines = (struct mtr_dimensions_range){.from = {ranges->from, from.size}};
    ranges->in_ranges = true;
}

int rater_take_lines(struct rater_line_ranges *ranges, struct mtr_rating *rating)
{
    struct mtr_billing_period period;
    struct mtr_grants grants;
    mtr_arena_reset(rating->arena);
    rating->lines = NULL;
    rating->lines_max = 0;
    int rc = rater_open_period(rating, ranges->subscription, ranges->start_us, &period, &grants);
    if (rc) return rc;
    ranges->couples = mtr_billing_period_couples(&period, &grants);
    if (!ranges->in_ranges) {
        rating->lines_max = ranges->couples ? 0 : *ranges->count_max;
        return MTR_OK;
    }
    if (ranges->couples) return MTR_ELIMIT; /* since the rating began */
    rc = mtr_billing_period_cut(rating, ranges->subscription, &period, *ranges->count_max, &ranges->lines,
                                ranges->until);
    mtr_arena_reset(rating->arena);
    rating->lines = &ranges->lines;
    return rc;
}

bool rater_takes_fewer(struct rater_line_ranges *ranges, const struct mtr_rating *rating, int rc)
{
    const bool too_many = rc == MTR_ENOMEM || (rc == MTR_ELIMIT && !ranges->in_ranges);
    if (!too_many || ranges->couples) return false;
    if (!ranges->in_ranges) {
        ranges->in_ranges = true;
        return true;
    }
    MTR_ASSERT(rating->lines == &ranges->lines || !rating->lines);
    if (*ranges->count_max == 1) return false; /* one line alone */
    *ranges->count_max /= 2;
    return true;
}

bool rater_next_lines(struct rater_line_ranges *ranges)
{
    if (!ranges->in_ranges || !ranges->lines.has_until) return false;
    rater_go_on_with_lines(ranges, ranges->lines.until);
    return true;
}
