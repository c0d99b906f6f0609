/*
 * Sums of line ranges: see line_sums.h.
 */
#include "rater/line_sums.h"

#include <string.h>

#include "rater/period/gather.h"
#include "rater/period/grants.h"
#include "rater/period/parts.h"
#include "rater/period/price.h"

/* Ranges that are priced in one transaction of the rater: about as long as one takes to be emitted. */
enum { ARENA_CHUNK_BYTES = 4096, RANGES_AT_ONCE = 8 };

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
    return sums->subscription == summing->subscription->number && sums->start_us == summing->start_us;
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
        if (!sums->coupling.key && rater_range_of(sums, summing->goes_on) == sums->count) continue;
        sums->used = ++kept->used;
        return sums;
    }
    return NULL;
}

bool rater_are_summing(const struct rater_sums_kept *kept, uint32_t subscription, int64_t start_us)
{
    for (unsigned i = 0; i < RATER_SUMS_KEPT_MAX; i++)
        if (kept->items[i].subscription == subscription && kept->items[i].start_us == start_us &&
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
    sums->start_us = summing->start_us;
    sums->used = ++kept->used;
    sums->coupling = summing->coupling;
    return sums;
}

/* ---- the sums of a range ---- */

/* Made of use, or due without: what limits add is made again wherever the sums are looked at. */
static bool counts(const struct mtr_price_line *line)
{
    const bool is_of_line = line->dimensions.size && mtr_str_equal(line->kind, MTR_STR("minimum"));
    return is_of_line || mtr_str_equal(line->kind, MTR_STR("usage")) ||
           mtr_str_equal(line->kind, MTR_STR("recurring"));
}

/* A range is priced without the others first, so that its caps took too little off. */
static int uncut(const struct mtr_price_line *line, struct mtr_exact *exact, struct mtr_money *amount)
{
    struct mtr_exact cut, sum;
    *exact = line->exact;
    *amount = line->amount;
    if (!line->is_cut) return MTR_OK;
    int rc = mtr_exact_add(line->cut, line->tariff_cut, &cut);
    if (!rc) rc = mtr_exact_add(line->exact, cut, exact);
    if (!rc) rc = mtr_exact_add(mtr_exact_from_money(line->amount), cut, &sum);
    return rc ? rc : mtr_exact_round(sum, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN, amount, NULL);
}

static int add_line(const struct mtr_price_line *line, bool keeps_exact,
                    struct rater_line_sum sums[MTR_PRICE_SIGNS])
{
    struct mtr_exact exact;
    struct mtr_money amount;
    int rc = uncut(line, &exact, &amount);
    if (rc) return rc;
    const bool is_below =
        keeps_exact ? mtr_exact_compare(exact, mtr_exact_zero()) < 0 : amount.e18 < 0;
    struct rater_line_sum *sum = &sums[is_below ? MTR_PRICE_BELOW : MTR_PRICE_ABOVE];
    if (!sum->any) *sum = (struct rater_line_sum){.any = true, .exact = mtr_exact_zero()};
    rc = mtr_exact_add(sum->exact, exact, &sum->exact);
    return rc ? rc : mtr_money_add(sum->amount, amount, &sum->amount);
}

/* Lines of components stand in the order of the version. */
static uint32_t component_of(const struct mtr_tariff_version *version, const struct mtr_price_line *line,
                             uint32_t from)
{
    while (from < version->component_count && !mtr_str_equal(version->components[from].key, line->component))
        from++;
    MTR_ASSERT(from < version->component_count);
    return from;
}

/* Limits measure exact amounts where totals are rounded, or lines converted. */
static bool keeps_exact(const struct mtr_part_price *part)
{
    const struct mtr_price_input *input = &part->input;
    return input->tariff->round_total || input->exchange || input->version->pricing.name.size;
}

struct adding {
    struct rater_line_sums *sums;
    struct rater_range_sums *range;
    uint32_t first;       /* component of the part at hand, among all */
    uint32_t parts_known; /* draws of so many are right: all that is asked for in them is known */
};

/* Lines of use are in the order of their texts, by which they are cut and draw; so must be those of all
 * ranges. */
static void follow(struct adding *adding, uint32_t component, const struct mtr_price_line *line)
{
    struct mtr_str *last = &adding->sums->last[component];
    struct mtr_tariff_coupling *coupling = &adding->sums->coupling;
    if (!mtr_str_equal(line->kind, MTR_STR("usage")) || !line->dimensions.size) return;
    if (last->size && mtr_str_compare(*last, line->dimensions) >= 0) {
        if (coupling->cuts) coupling->key = "cap, over values with spaces or signs";
        if (coupling->draws)
            coupling->key = "allowances and credits of units, over values with spaces or signs";
    }
    *last = line->dimensions;
}

static void add_asked(struct adding *adding, const struct mtr_price *price, uint32_t part,
                      uint32_t component_count)
{
    if (!price->asked) return;
    memcpy(&adding->range->asked[adding->first], price->asked, component_count * sizeof(*price->asked));
    if (price->gives_back && part <= adding->parts_known)
        adding->sums->coupling.key = "allowances and credits of units, which are given back";
}

static int add_part(struct adding *adding, const struct mtr_period_price *priced, uint32_t part)
{
    const struct mtr_tariff_version *version = priced->period.parts[part].version;
    const struct mtr_price *price = &priced->parts[part].price;
    const bool is_exact = keeps_exact(&priced->parts[part]);
    uint32_t component = 0;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < price->line_count; i++) {
        const struct mtr_price_line *line = &price->lines[i];
        if (!counts(line)) continue;
        component = component_of(version, line, component);
        const uint32_t index = adding->first + component;
        rc = add_line(line, is_exact, &adding->range->sums[(size_t)MTR_PRICE_SIGNS * index]);
        follow(adding, index, line);
    }
    add_asked(adding, price, part, version->component_count);
    adding->first += version->component_count;
    return rc;
}

static int add_side(struct adding *adding, const struct mtr_period_price *priced)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && priced && i < priced->period.part_count; i++)
        rc = add_part(adding, priced, i);
    return rc;
}

/* The texts of the last lines stand in a price, which goes. */
static int keep_last(struct rater_line_sums *sums)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < sums->component_count; i++)
        rc = mtr_arena_copy(&sums->arena, sums->last[i], &sums->last[i]);
    return rc;
}

static int add_range(struct rater_line_sums *sums, const struct mtr_dimensions_range *lines)
{
    int rc = mtr_arena_make_room(&sums->arena, (void **)&sums->ranges, sums->count, &sums->capacity,
                                 sizeof(*sums->ranges));
    if (rc) return rc;
    const size_t count = (size_t)sums->component_count + 1;
    struct rater_range_sums *range = &sums->ranges[sums->count++];
    *range = (struct rater_range_sums){.until = MTR_STR(""), .has_until = lines->has_until};
    range->sums = mtr_arena_calloc(&sums->arena, MTR_PRICE_SIGNS * count, sizeof(*range->sums));
    range->asked = mtr_arena_calloc(&sums->arena, count, sizeof(*range->asked));
    if (!range->sums || !range->asked) return MTR_ENOMEM;
    rc = mtr_arena_copy(&sums->arena, lines->from, &range->from);
    return rc || !lines->has_until ? rc : mtr_arena_copy(&sums->arena, lines->until, &range->until);
}

/* What the range came to before is forgotten. */
static int note_price(struct rater_line_sums *sums, uint32_t range, uint32_t parts_known,
                      const struct mtr_period_price *priced)
{
    struct adding adding = {sums, &sums->ranges[range], 0, parts_known};
    memset(adding.range->sums, 0,
           (size_t)MTR_PRICE_SIGNS * sums->component_count * sizeof(*adding.range->sums));
    int rc = add_side(&adding, priced);
    if (!rc) rc = add_side(&adding, priced->costs);
    return rc ? rc : keep_last(sums);
}

/* ---- the others ---- */

static struct mtr_price_rest **begin_rests(struct mtr_arena *arena, const struct mtr_billing_part *parts,
                                           uint32_t count)
{
    struct mtr_price_rest **rests = mtr_arena_calloc(arena, (size_t)count + 1, sizeof(*rests));
    for (uint32_t i = 0; rests && i < count; i++) {
        rests[i] = mtr_arena_calloc(arena, (size_t)parts[i].version->component_count + 1, sizeof(**rests));
        if (!rests[i]) return NULL;
    }
    return rests;
}

static uint32_t count_components(const struct mtr_billing_part *parts, uint32_t count)
{
    uint32_t components = 0;
    for (uint32_t i = 0; i < count; i++) components += parts[i].version->component_count;
    return components;
}

static int begin(struct rater_line_sums *sums, const struct mtr_billing_period *period)
{
    sums->inputs = period->inputs;
    sums->component_count = count_components(period->parts, period->part_count) +
                            count_components(period->costs, period->cost_count);
    sums->last = mtr_arena_calloc(&sums->arena, (size_t)sums->component_count + 1, sizeof(*sums->last));
    sums->rest.parts = begin_rests(&sums->arena, period->parts, period->part_count);
    sums->rest.costs = begin_rests(&sums->arena, period->costs, period->cost_count);
    return sums->last && sums->rest.parts && sums->rest.costs ? MTR_OK : MTR_ENOMEM;
}

static int add_sum(struct mtr_price_line *line, struct mtr_str component, bool is_cut,
                   const struct rater_line_sum *sum)
{
    if (!sum->any) return MTR_OK;
    if (!line->kind.size)
        *line = (struct mtr_price_line){.component = component,
                                        .dimensions = MTR_STR(""),
                                        .kind = MTR_STR("rest"),
                                        .exact = mtr_exact_zero(),
                                        .cut = mtr_exact_zero(),
                                        .tariff_cut = mtr_exact_zero(),
                                        .is_rest = true,
                                        .is_cut = is_cut};
    int rc = mtr_exact_add(line->exact, sum->exact, &line->exact);
    return rc ? rc : mtr_money_add(line->amount, sum->amount, &line->amount);
}

/* Of one component: `index` among those of all parts. */
static int make_rest(const struct rater_line_sums *sums, uint32_t index, uint32_t own, struct mtr_str key,
                     struct mtr_price_rest *rest)
{
    const bool has_lines = sums->coupling.adds_up || sums->coupling.cuts; /* else they are not looked at */
    int rc = MTR_OK;
    *rest = (struct mtr_price_rest){0};
    for (uint32_t i = 0; !rc && i < sums->count; i++) {
        const struct rater_range_sums *range = &sums->ranges[i];
        struct mtr_price_line *lines = i < own ? rest->before : rest->behind;
        struct mtr_quantity *asked = i < own ? &rest->asked_before : &rest->asked_behind;
        if (i == own) continue;
        rc = mtr_quantity_add(*asked, range->asked[index], asked);
        for (unsigned sign = 0; !rc && has_lines && sign < MTR_PRICE_SIGNS; sign++)
            rc = add_sum(&lines[sign], key, sums->coupling.cuts,
                         &range->sums[(size_t)MTR_PRICE_SIGNS * index + sign]);
    }
    return rc;
}

static int make_rests(const struct rater_line_sums *sums, const struct mtr_billing_part *parts,
                      uint32_t count, uint32_t own, uint32_t *first, struct mtr_price_rest **rests)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_tariff_version *version = parts[i].version;
        for (uint32_t j = 0; !rc && j < version->component_count; j++)
            rc = make_rest(sums, *first + j, own, version->components[j].key, &rests[i][j]);
        *first += version->component_count;
    }
    return rc;
}

int rater_sum_others(struct rater_line_sums *sums, const struct mtr_billing_period *period, uint32_t range)
{
    uint32_t first = 0;
    int rc = make_rests(sums, period->parts, period->part_count, range, &first, sums->rest.parts);
    if (!rc) rc = make_rests(sums, period->costs, period->cost_count, range, &first, sums->rest.costs);
    MTR_ASSERT(rc || first == sums->component_count);
    const bool has_total = sums->has_charged && range == 0; /* the first lines have what it is rounded by */
    sums->rest.charged_parts = has_total ? sums->charged_parts : NULL;
    sums->rest.charged_costs = has_total ? sums->charged_costs : NULL;
    return rc;
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
    others->lines = others->only = NULL;
    int rc = rater_open_period(others, summing->subscription, summing->start_us, &period, &grants);
    if (!rc)
        rc = mtr_billing_period_cut(others, summing->subscription, &period, summing->count_max, lines, until);
    if (rc || mtr_str_compare(lines->from, next) >= 0) return rc;
    if (lines->has_until && mtr_str_compare(lines->until, next) <= 0) return MTR_OK;
    memcpy(until, next.data, next.size);
    lines->until = (struct mtr_str){until, next.size};
    lines->has_until = true;
    return MTR_OK;
}

static int price_range(const struct rater_summing *summing, struct mtr_rating *others,
                       const struct mtr_dimensions_range *lines, struct mtr_period_price *out)
{
    mtr_arena_reset(others->arena);
    others->lines = others->only = lines;
    return mtr_billing_period_price(others, summing->subscription, summing->start_us, out);
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
    if (!rc) rc = add_range(sums, &lines);
    if (!rc) rc = note_price(sums, sums->count - 1, 0, &priced);
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
    int rc = rater_open_period(others, summing->subscription, summing->start_us, &period, &grants);
    if (!rc) rc = rater_sum_others(sums, &period, range);
    others->rest = &sums->rest;
    sums->lines = (struct mtr_dimensions_range){of->from, of->has_until, of->until};
    return rc ? rc : price_range(summing, others, &sums->lines, out);
}

static int draw_next(struct rater_line_sums *sums, const struct rater_summing *summing,
                     struct mtr_rating *others)
{
    struct mtr_period_price priced;
    if (sums->range == 0) memset(sums->last, 0, sums->component_count * sizeof(*sums->last));
    int rc = price_again(sums, summing, others, sums->range, &priced);
    return rc ? rc : note_price(sums, sums->range++, sums->look, &priced);
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
    if (!rc) rc = add_charged(&priced, sums->charged_parts);
    return rc ? rc : add_charged(priced.costs, sums->charged_costs);
}

/* ---- looks at all ranges ---- */

/* What lines draw in a part is known with the units that all ask for in it, and these with what they drew in
 * the parts before: a look at all makes one part right, and one more the amounts where they count. A cut line
 * is rounded anew, so that sums do not tell what a rounded total leaves: a last look is at what the ranges
 * behind the first, which has that, are charged with. */
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
    sums->look++;
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
    int rc = rater_open_period(others, summing->subscription, summing->start_us, &period, &grants);
    if (!rc) rc = begin(sums, &period);
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
    for (unsigned i = 0; !rc && !sums->is_whole && i < RANGES_AT_ONCE; i++) {
        rc = look_on(sums, summing, &others);
        sums->is_whole = sums->is_whole || sums->coupling.key;
    }
    if (rc) release(sums);
    else *out = sums;
    return rc || sums->is_whole ? rc : RATER_GOES_ON;
}
