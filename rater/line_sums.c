/*
 * Sums of line ranges: see line_sums.h.
 */
#include "rater/line_sums.h"

#include <string.h>

#include "rater/period/gather.h"
#include "rater/period/grants.h"
#include "rater/period/parts.h"
#include "rater/period/price.h"
#include "rater/range_sums.h"

/* Ranges that are priced in one transaction of the rater, and cells behind which it ends: about as long as
 * one range takes to be emitted. */
enum { ARENA_CHUNK_BYTES = 4096, RANGES_AT_ONCE = 8, CELLS_AT_ONCE = 500000 };

/* ---- those that are kept ---- */

static void release(struct rater_line_sums *sums)
{
    if (sums->subscription) mtr_arena_release(&sums->arena);
    *sums = (struct rater_line_sums){0};
}

void rater_release_sums(struct rater_sums_kept *kept)
{
    for (unsigned i = 0; i < RATER_SUMS_KEPT_MAX; i++) release(&kept->items[i]);
}

static bool is_of(const struct rater_line_sums *sums, const struct rater_summing *summing)
{
    return sums->subscription == summing->subscription->number && sums->name_us == summing->name_us;
}

void rater_drop_sums(struct rater_sums_kept *kept, const struct rater_summing *summing)
{
    for (unsigned i = 0; i < RATER_SUMS_KEPT_MAX; i++)
        if (is_of(&kept->items[i], summing)) release(&kept->items[i]);
}

uint32_t rater_range_of(const struct rater_line_sums *sums, struct mtr_str from)
{
    uint32_t range = 0;
    while (range < sums->count && !mtr_str_equal(sums->ranges[range].from, from)) range++;
    return range;
}

static bool is_same(struct mtr_hash128 a, struct mtr_hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

struct rater_line_sums *rater_find_sums(struct rater_sums_kept *kept, const struct rater_summing *summing)
{
    for (unsigned i = 0; i < RATER_SUMS_KEPT_MAX; i++) {
        struct rater_line_sums *sums = &kept->items[i];
        if (!is_of(sums, summing) || !sums->is_whole || !is_same(sums->inputs, summing->inputs)) continue;
        if (rater_range_of(sums, summing->goes_on) == sums->count) continue;
        sums->used = ++kept->used;
        return sums;
    }
    return NULL;
}

bool rater_are_summing(const struct rater_sums_kept *kept, uint32_t subscription, int64_t name_us)
{
    for (unsigned i = 0; i < RATER_SUMS_KEPT_MAX; i++)
        if (kept->items[i].subscription == subscription && kept->items[i].name_us == name_us &&
            !kept->items[i].is_whole)
            return true;
    return false;
}

static struct rater_line_sums *make_room(struct rater_sums_kept *kept, const struct rater_summing *summing)
{
    struct rater_line_sums *sums = &kept->items[0];
    rater_drop_sums(kept, summing);
    for (unsigned i = 1; i < RATER_SUMS_KEPT_MAX; i++)
        if (kept->items[i].used < sums->used) sums = &kept->items[i];
    release(sums);
    mtr_arena_init(&sums->arena, ARENA_CHUNK_BYTES, SIZE_MAX); /* some 100 bytes for a range's component */
    sums->subscription = summing->subscription->number;
    sums->name_us = summing->name_us;
    sums->used = ++kept->used;
    sums->coupling = summing->coupling;
    return sums;
}

/* ---- pricing ---- */

/* The range that begins at lines->from. */
static int cut_range(const struct rater_summing *summing, struct mtr_rating *others,
                     struct mtr_dimensions_range *lines, char until[MTR_DIMENSIONS_BYTES_MAX])
{
    struct mtr_billing_period period;
    struct mtr_grants grants;
    const struct mtr_str next = summing->goes_on;
    mtr_arena_reset(others->arena);
    others->lines = NULL;
    int rc = rater_open_period(others, summing->subscription, summing->name_us, &period, &grants);
    if (!rc)
        rc = mtr_billing_period_cut(others, summing->subscription, &period, summing->count_max, lines, until);
    if (rc || mtr_dimensions_compare(lines->from, next) >= 0) return rc;
    if (lines->has_until && mtr_dimensions_compare(lines->until, next) <= 0) return MTR_OK;
    memcpy(until, next.data, next.size);
    lines->until = (struct mtr_str){until, next.size};
    lines->has_until = true;
    return MTR_OK;
}

static int price_range(const struct rater_summing *summing, struct mtr_rating *others,
                       const struct mtr_dimensions_range *lines, struct mtr_period_price *out)
{
    mtr_arena_reset(others->arena);
    others->lines = lines;
    int rc = mtr_billing_period_price(others, summing->subscription, summing->name_us, out);
    const bool too_many = !rc && out->line_count > RATER_LINES_AT_ONCE && summing->count_max > 1;
    return too_many ? MTR_ENOMEM : rc;
}

/* The next range, behind those that were cut. */
static int sum_next(struct rater_line_sums *sums, const struct rater_summing *summing,
                    struct mtr_rating *others)
{
    struct mtr_dimensions_range lines = {.from = MTR_STR("")};
    char until[MTR_DIMENSIONS_BYTES_MAX];
    struct mtr_period_price priced;
    if (sums->count > 0) lines.from = sums->ranges[sums->count - 1].until;
    int rc = cut_range(summing, others, &lines, until);
    if (!rc) rc = price_range(summing, others, &lines, &priced);
    if (!rc) rc = rater_add_range(sums, &lines);
    if (!rc) rc = rater_note_range(sums, sums->count - 1, &priced);
    if (!rc) sums->cells += priced.cell_count;
    if (!lines.has_until) sums->range = sums->count;
    return rc;
}

/* With what is known of the others. */
static int price_again(struct rater_line_sums *sums, const struct rater_summing *summing,
                       struct mtr_rating *others, uint32_t range, struct mtr_period_price *out)
{
    const struct rater_range_sums *of = &sums->ranges[range];
    struct mtr_billing_period period;
    struct mtr_grants grants;
    mtr_arena_reset(others->arena);
    int rc = rater_open_period(others, summing->subscription, summing->name_us, &period, &grants);
    if (!rc) rc = rater_sum_others(sums, &period, range);
    others->rest = &sums->rest;
    sums->lines = (struct mtr_dimensions_range){of->from, of->has_until, of->until};
    return rc ? rc : price_range(summing, others, &sums->lines, out);
}

static int draw_next(struct rater_line_sums *sums, const struct rater_summing *summing,
                     struct mtr_rating *others)
{
    struct mtr_period_price priced;
    int rc = price_again(sums, summing, others, sums->range, &priced);
    if (!rc) sums->cells += priced.cell_count;
    return rc ? rc : rater_note_range(sums, sums->range++, &priced);
}

static bool rounds_totals(const struct mtr_billing_part *parts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (parts[i].tariff->round_total) return true;
    return false;
}

/* What the lines of a range are charged with, by part. */
static int add_charged(const struct mtr_period_price *priced, struct mtr_money *charged)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; priced && i < priced->period.part_count; i++) {
        const struct mtr_price *price = &priced->parts[i].price;
        for (uint32_t j = 0; !rc && j < price->line_count; j++)
            if (rater_is_asked_for(priced, &price->lines[j]))
                rc = mtr_money_add(charged[i], price->lines[j].amount, &charged[i]);
    }
    return rc;
}

static int charge_next(struct rater_line_sums *sums, const struct rater_summing *summing,
                       struct mtr_rating *others)
{
    struct mtr_period_price priced;
    if (sums->range == 0 && ++sums->range == sums->count) return MTR_OK; /* the first has the total */
    int rc = price_again(sums, summing, others, sums->range++, &priced);
    if (!rc) sums->cells += priced.cell_count;
    if (!rc) rc = add_charged(&priced, sums->charged_parts);
    return rc ? rc : add_charged(priced.costs, sums->charged_costs);
}

/* ---- looks at all ranges ---- */

/* What lines draw in a part is known with what all do to its pools, and that with what they drew in the parts
 * before: a look at all makes one part right, and one more the amounts where they count. Most parts are right
 * at once, as long as pools have enough and when they have nothing: a look that changes nothing was the last.
 * A cut line is rounded anew, so that sums do not tell what a rounded total leaves: a last look is at what
 * the ranges behind the first, which has that, are charged with. */
static int plan(struct rater_line_sums *sums, const struct mtr_billing_period *period)
{
    const struct mtr_tariff_coupling *coupling = &sums->coupling;
    const bool rounds = rounds_totals(period->parts, period->part_count) ||
                        rounds_totals(period->costs, period->cost_count);
    sums->looks = coupling->draws ? period->part_count + (coupling->adds_up || coupling->cuts) : 1;
    if (!rounds || !coupling->cuts) return MTR_OK;
    sums->charged_parts = mtr_arena_calloc(&sums->arena, (size_t)period->part_count + 1,
                                           sizeof(*sums->charged_parts));
    sums->charged_costs = mtr_arena_calloc(&sums->arena, (size_t)period->cost_count + 1,
                                           sizeof(*sums->charged_costs));
    return sums->charged_parts && sums->charged_costs ? MTR_OK : MTR_ENOMEM;
}

static int look_on(struct rater_line_sums *sums, const struct rater_summing *summing,
                   struct mtr_rating *others)
{
    const bool charges = sums->look == sums->looks;
    int rc = sums->look == 0 ? sum_next(sums, summing, others)
             : charges       ? charge_next(sums, summing, others)
                             : draw_next(sums, summing, others);
    if (rc || sums->range < sums->count) return rc;
    sums->range = 0;
    if (++sums->look > 1 && sums->look < sums->looks && !sums->changed) sums->looks = sums->look;
    sums->changed = false;
    sums->is_whole = sums->look == sums->looks + (sums->charged_parts != NULL);
    sums->has_charged = charges;
    return MTR_OK;
}

static int begin_sums(struct rater_sums_kept *kept, const struct rater_summing *summing,
                      struct mtr_rating *others, struct rater_line_sums **out)
{
    struct mtr_billing_period period;
    struct mtr_grants grants;
    struct rater_line_sums *sums = *out = make_room(kept, summing);
    mtr_arena_reset(others->arena);
    int rc = rater_open_period(others, summing->subscription, summing->name_us, &period, &grants);
    if (!rc) rc = rater_begin_ranges(sums, &period);
    if (!rc) rc = plan(sums, &period);
    sums->closing = others->closing;
    return rc ? rc : mtr_arena_copy(&sums->arena, summing->goes_on, &sums->goes_on);
}

static struct rater_line_sums *find_begun(struct rater_sums_kept *kept, const struct rater_summing *summing,
                                          const struct mtr_rating *rating)
{
    for (unsigned i = 0; i < RATER_SUMS_KEPT_MAX; i++) {
        struct rater_line_sums *sums = &kept->items[i];
        if (is_of(sums, summing) && !sums->is_whole && is_same(sums->inputs, summing->inputs) &&
            sums->closing == rating->closing && mtr_str_equal(sums->goes_on, summing->goes_on))
            return sums;
    }
    return NULL;
}

int rater_make_sums(struct rater_sums_kept *kept, const struct rater_summing *summing,
                    const struct mtr_rating *rating, struct rater_line_sums **out)
{
    struct mtr_rating others = *rating;
    struct rater_line_sums *sums = find_begun(kept, summing, rating);
    int rc = MTR_OK;
    others.rest = NULL;
    if (!sums) rc = begin_sums(kept, summing, &others, &sums);
    if (!rc) sums->cells = 0;
    for (unsigned i = 0; !rc && !sums->is_whole && i < RANGES_AT_ONCE && sums->cells < CELLS_AT_ONCE; i++)
        rc = look_on(sums, summing, &others);
    if (rc) release(sums);
    else *out = sums;
    return rc || sums->is_whole ? rc : RATER_GOES_ON;
}
