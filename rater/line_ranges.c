/*
 * Line ranges: see line_ranges.h. What a range holds is found by rater/period/lines.c.
 */
#include "rater/line_ranges.h"

#include <string.h>

#include "rater/period/gather.h"
#include "rater/period/grants.h"

/* At once: so many that the pages that their charges touch stay far below what one transaction can hold, and
 * that few are tried in vain. */
enum { LINES_MAX = 8192, BYTES_PER_LINE = 32 << 10, ARENA_CHUNK_BYTES = 4096 };

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
    mtr_arena_init(&ranges->arena, ARENA_CHUNK_BYTES, SIZE_MAX);
}

void rater_end_lines(struct rater_line_ranges *ranges)
{
    mtr_arena_release(&ranges->arena);
}

void rater_go_on_with_lines(struct rater_line_ranges *ranges, struct mtr_str from)
{
    MTR_ASSERT(from.size <= sizeof(ranges->from));
    memcpy(ranges->from, from.data, from.size);
    ranges->lines = (struct mtr_dimensions_range){.from = {ranges->from, from.size}};
    ranges->in_ranges = true;
}

/* ---- the sums of the others ---- */

static struct mtr_price_line **begin_sums(struct mtr_arena *arena, const struct mtr_billing_part *parts,
                                          uint32_t count)
{
    struct mtr_price_line **sums = mtr_arena_calloc(arena, (size_t)count + 1, sizeof(*sums));
    for (uint32_t i = 0; sums && i < count; i++) {
        sums[i] = mtr_arena_calloc(arena, (size_t)parts[i].version->component_count + 1, sizeof(**sums));
        if (!sums[i]) return NULL;
    }
    return sums;
}

static int add_line(const struct mtr_tariff_version *version, const struct mtr_price_line *line,
                    struct mtr_price_line *sums)
{
    uint32_t index = 0;
    while (index < version->component_count &&
           !mtr_str_equal(version->components[index].key, line->component))
        index++;
    MTR_ASSERT(index < version->component_count); /* lines with dimensions are of a component */
    struct mtr_price_line *sum = &sums[index];
    if (!sum->kind.size)
        *sum = (struct mtr_price_line){.component = version->components[index].key,
                                       .dimensions = MTR_STR(""),
                                       .kind = MTR_STR("rest"),
                                       .exact = mtr_exact_zero(),
                                       .cut = mtr_exact_zero(),
                                       .tariff_cut = mtr_exact_zero(),
                                       .is_rest = true};
    MTR_ASSERT(!line->is_cut); /* caps keep lines together */
    int rc = mtr_exact_add(sum->exact, line->exact, &sum->exact);
    if (!rc) rc = mtr_money_add(sum->amount, line->amount, &sum->amount);
    return rc;
}

static int add_side(const struct mtr_period_price *price, struct mtr_price_line **sums)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < price->period.part_count; i++) {
        const struct mtr_price *part = &price->parts[i].price;
        for (uint32_t j = 0; !rc && j < part->line_count; j++)
            if (rater_range_holds_line(price->only, part->lines[j].kind, part->lines[j].dimensions))
                rc = add_line(price->period.parts[i].version, &part->lines[j], sums[i]);
    }
    return rc;
}

static int price_others(struct rater_line_ranges *ranges, struct mtr_rating *others,
                        struct mtr_dimensions_range *lines, char until[MTR_DIMENSIONS_BYTES_MAX])
{
    struct mtr_billing_period period;
    struct mtr_grants grants;
    struct mtr_period_price price;
    mtr_arena_reset(others->arena);
    others->lines = others->only = NULL;
    int rc = rater_open_period(others, ranges->subscription, ranges->start_us, &period, &grants);
    if (!rc)
        rc = mtr_billing_period_cut(others, ranges->subscription, &period, *ranges->count_max, lines, until);
    if (rc) return rc;
    mtr_arena_reset(others->arena);
    others->lines = others->only = lines;
    rc = mtr_billing_period_price(others, ranges->subscription, ranges->start_us, &price);
    if (!rc) rc = add_side(&price, ranges->rest.parts);
    return rc || !price.costs ? rc : add_side(price.costs, ranges->rest.costs);
}

/* Prices all ranges behind the first. */
static int sum_others(struct rater_line_ranges *ranges, const struct mtr_rating *rating,
                      const struct mtr_billing_period *period)
{
    struct mtr_rating others = *rating;
    struct mtr_dimensions_range lines = ranges->lines;
    char from[MTR_DIMENSIONS_BYTES_MAX], until[MTR_DIMENSIONS_BYTES_MAX];
    int rc = MTR_OK;
    mtr_arena_reset(&ranges->arena);
    ranges->rest.parts = begin_sums(&ranges->arena, period->parts, period->part_count);
    ranges->rest.costs = begin_sums(&ranges->arena, period->costs, period->cost_count);
    if (!ranges->rest.parts || !ranges->rest.costs) return MTR_ENOMEM;
    while (!rc && lines.has_until) {
        memcpy(from, lines.until.data, lines.until.size);
        lines = (struct mtr_dimensions_range){.from = {from, lines.until.size}};
        rc = price_others(ranges, &others, &lines, until);
    }
    return rc;
}

/* ---- ranges ---- */

static int take_range(struct rater_line_ranges *ranges, struct mtr_rating *rating,
                      const struct mtr_billing_period *period, bool adds_up)
{
    int rc = mtr_billing_period_cut(rating, ranges->subscription, period, *ranges->count_max, &ranges->lines,
                                    ranges->until);
    const bool is_first = ranges->lines.from.size == 0;
    if (!rc && adds_up && is_first && !ranges->couples) {
        rc = sum_others(ranges, rating, period);
        rating->rest = &ranges->rest;
    }
    mtr_arena_reset(rating->arena);
    rating->only = &ranges->lines;
    if (!ranges->couples) rating->lines = rating->only;
    return rc;
}

int rater_take_lines(struct rater_line_ranges *ranges, struct mtr_rating *rating)
{
    struct mtr_billing_period period;
    struct mtr_grants grants;
    bool adds_up;
    mtr_arena_reset(rating->arena);
    rating->only = rating->lines = NULL;
    rating->rest = NULL;
    rating->lines_max = 0;
    int rc = rater_open_period(rating, ranges->subscription, ranges->start_us, &period, &grants);
    if (rc) return rc;
    ranges->couples = mtr_billing_period_couples(&period, &grants, &adds_up);
    if (ranges->in_ranges) return take_range(ranges, rating, &period, adds_up);
    rating->lines_max = *ranges->count_max;
    return MTR_OK;
}

bool rater_fewer_need_less(const struct rater_line_ranges *ranges)
{
    if (!ranges->in_ranges) return true;
    return !ranges->couples && *ranges->count_max > 1; /* else as many are priced as before */
}

bool rater_takes_fewer(struct rater_line_ranges *ranges, const struct mtr_rating *rating, int rc)
{
    const bool too_many = rc == MTR_ENOMEM || (rc == MTR_ELIMIT && !ranges->in_ranges);
    MTR_ASSERT(rating->only == (ranges->in_ranges ? &ranges->lines : NULL) || !rating->only);
    if (!too_many || !rater_fewer_need_less(ranges)) return false;
    if (ranges->in_ranges) *ranges->count_max /= 2;
    ranges->in_ranges = true;
    return true;
}

bool rater_next_lines(struct rater_line_ranges *ranges)
{
    if (!ranges->in_ranges || !ranges->lines.has_until) return false;
    rater_go_on_with_lines(ranges, ranges->lines.until);
    return true;
}
