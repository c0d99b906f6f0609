/*
 * What the lines of one range come to, and those of all others together: see range_sums.h.
 */
#include "rater/range_sums.h"

#include <string.h>

#include "rater/period/price.h"

static bool is_minimum_of_line(const struct mtr_price_line *line)
{
    return line->dimensions.size && mtr_str_equal(line->kind, MTR_STR("minimum"));
}

/* Made of use, or due without: what limits add is made again wherever the sums are looked at. */
static bool counts(const struct mtr_price_line *line)
{
    return is_minimum_of_line(line) || mtr_str_equal(line->kind, MTR_STR("usage")) ||
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

/* To one of the sums of its component. */
static int add_line(const struct mtr_price_line *line, bool keeps_exact, const struct rater_summed *of,
                    struct rater_line_sum *sums)
{
    struct mtr_exact exact;
    struct mtr_money amount;
    int rc = uncut(line, &exact, &amount);
    if (rc) return rc;
    const bool is_below =
        keeps_exact ? mtr_exact_compare(exact, mtr_exact_zero()) < 0 : amount.e18 < 0;
    struct rater_line_sum *sum = &sums[of->first + (is_below ? MTR_PRICE_BELOW : MTR_PRICE_ABOVE)];
    if (is_minimum_of_line(line)) {
        MTR_ASSERT(line->minimum_of < of->minimum_count);
        sum = &sums[of->first + MTR_PRICE_SIGNS + line->minimum_of];
    }
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
    uint32_t first; /* component of the part at hand, among all */
};

/* What the range's lines do to pools; as it was kept before, or it has changed. */
static int keep_drawings(struct rater_line_sums *sums, const struct mtr_price_drawings *now,
                         struct mtr_price_drawings *kept)
{
    const size_t bytes = now->count * sizeof(*now->pools);
    if (!now->count) return MTR_OK;
    if (!kept->count) kept->pools = mtr_arena_calloc(&sums->arena, now->count, sizeof(*now->pools));
    if (!kept->pools) return MTR_ENOMEM;
    MTR_ASSERT(!kept->count || kept->count == now->count); /* pools come and go with a catalog */
    kept->count = now->count;
    sums->changed = sums->changed || memcmp(kept->pools, now->pools, bytes) != 0;
    memcpy(kept->pools, now->pools, bytes);
    return MTR_OK;
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
        rc = add_line(line, is_exact, &adding->sums->components[adding->first + component],
                      adding->range->sums);
    }
    for (uint32_t i = 0; !rc && price->drawings && i < version->component_count; i++)
        rc = keep_drawings(adding->sums, &price->drawings[i], &adding->range->drawings[adding->first + i]);
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

int rater_add_range(struct rater_line_sums *sums, const struct mtr_dimensions_range *lines)
{
    int rc = mtr_arena_make_room(&sums->arena, (void **)&sums->ranges, sums->count, &sums->capacity,
                                 sizeof(*sums->ranges));
    if (rc) return rc;
    struct rater_range_sums *range = &sums->ranges[sums->count++];
    *range = (struct rater_range_sums){.until = MTR_STR(""), .has_until = lines->has_until};
    range->sums = mtr_arena_calloc(&sums->arena, (size_t)sums->sum_count + 1, sizeof(*range->sums));
    range->drawings =
        mtr_arena_calloc(&sums->arena, (size_t)sums->component_count + 1, sizeof(*range->drawings));
    if (!range->sums || !range->drawings) return MTR_ENOMEM;
    rc = mtr_arena_copy(&sums->arena, lines->from, &range->from);
    return rc || !lines->has_until ? rc : mtr_arena_copy(&sums->arena, lines->until, &range->until);
}

int rater_note_range(struct rater_line_sums *sums, uint32_t range, const struct mtr_period_price *priced)
{
    struct adding adding = {sums, &sums->ranges[range], 0};
    memset(adding.range->sums, 0, sums->sum_count * sizeof(*adding.range->sums));
    int rc = add_side(&adding, priced);
    return rc ? rc : add_side(&adding, priced->costs);
}

/* ---- the others ---- */

/* The sums of a component of that part. Minimums of lines come with the last part. */
static int begin_component(struct rater_line_sums *sums, const struct mtr_billing_part *part, uint32_t index,
                           const struct mtr_component *component, struct mtr_price_rest *rest)
{
    struct rater_summed *summed = &sums->components[sums->component_count++];
    const bool is_last = index + 1 == part->first + part->count;
    *summed = (struct rater_summed){.first = sums->sum_count};
    if (is_last && mtr_component_has(component, "line_minimum"))
        summed->minimum_count = index - part->first + 1;
    sums->sum_count += MTR_PRICE_SIGNS + summed->minimum_count;
    rest->minimum_count = summed->minimum_count;
    const size_t count = (size_t)summed->minimum_count + 1;
    rest->before.minimums = mtr_arena_calloc(&sums->arena, count, sizeof(*rest->before.minimums));
    rest->behind.minimums = mtr_arena_calloc(&sums->arena, count, sizeof(*rest->behind.minimums));
    return rest->before.minimums && rest->behind.minimums ? MTR_OK : MTR_ENOMEM;
}

static int begin_parts(struct rater_line_sums *sums, const struct mtr_billing_part *parts, uint32_t count,
                       struct mtr_price_rest ***out)
{
    struct mtr_price_rest **rests = *out = mtr_arena_calloc(&sums->arena, (size_t)count + 1, sizeof(*rests));
    int rc = rests ? MTR_OK : MTR_ENOMEM;
    for (uint32_t i = 0; !rc && i < count; i++) {
        const struct mtr_tariff_version *version = parts[i].version;
        rests[i] = mtr_arena_calloc(&sums->arena, (size_t)version->component_count + 1, sizeof(**rests));
        if (!rests[i]) return MTR_ENOMEM;
        for (uint32_t j = 0; !rc && j < version->component_count; j++)
            rc = begin_component(sums, &parts[i], i, &version->components[j], &rests[i][j]);
    }
    return rc;
}

static uint32_t count_components(const struct mtr_billing_part *parts, uint32_t count)
{
    uint32_t components = 0;
    for (uint32_t i = 0; i < count; i++) components += parts[i].version->component_count;
    return components;
}

int rater_begin_ranges(struct rater_line_sums *sums, const struct mtr_billing_period *period)
{
    const size_t count = (size_t)count_components(period->parts, period->part_count) +
                         count_components(period->costs, period->cost_count);
    sums->inputs = period->inputs;
    sums->components = mtr_arena_calloc(&sums->arena, count + 1, sizeof(*sums->components));
    if (!sums->components) return MTR_ENOMEM;
    int rc = begin_parts(sums, period->parts, period->part_count, &sums->rest.parts);
    if (!rc) rc = begin_parts(sums, period->costs, period->cost_count, &sums->rest.costs);
    MTR_ASSERT(rc || sums->component_count == count);
    return rc;
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

static int join_drawings(struct rater_line_sums *sums, const struct mtr_price_drawings *of_range,
                         struct mtr_price_drawings *drawings)
{
    if (of_range->count && !drawings->pools)
        drawings->pools = mtr_arena_calloc(&sums->arena, of_range->count, sizeof(*drawings->pools));
    if (of_range->count && !drawings->pools) return MTR_ENOMEM;
    return mtr_price_join_drawings(drawings, of_range);
}

/* A component's lines of one more range, which is behind those that are there: `index` among those of all
 * parts. */
static int add_others(struct rater_line_sums *sums, const struct rater_range_sums *range, uint32_t index,
                      struct mtr_str key, struct mtr_price_others *others)
{
    const struct rater_summed *summed = &sums->components[index];
    const struct rater_line_sum *own = &range->sums[summed->first];
    const bool has_lines = sums->coupling.adds_up || sums->coupling.cuts; /* else they are not looked at */
    int rc = join_drawings(sums, &range->drawings[index], &others->drawings);
    for (uint32_t i = 0; !rc && has_lines && i < MTR_PRICE_SIGNS; i++)
        rc = add_sum(&others->lines[i], key, sums->coupling.cuts, &own[i]);
    for (uint32_t i = 0; !rc && has_lines && i < summed->minimum_count; i++)
        rc = add_sum(&others->minimums[i], key, sums->coupling.cuts, &own[MTR_PRICE_SIGNS + i]);
    return rc;
}

/* Lines of kind "", and no pools. */
static void clear_others(const struct mtr_price_rest *rest, struct mtr_price_others *others)
{
    memset(others->lines, 0, sizeof(others->lines));
    memset(others->minimums, 0, rest->minimum_count * sizeof(*others->minimums));
    if (others->drawings.count)
        memset(others->drawings.pools, 0, others->drawings.count * sizeof(*others->drawings.pools));
    others->drawings.count = 0;
}

static int make_rest(struct rater_line_sums *sums, uint32_t index, uint32_t own, struct mtr_str key,
                     struct mtr_price_rest *rest)
{
    int rc = MTR_OK;
    clear_others(rest, &rest->before);
    clear_others(rest, &rest->behind);
    for (uint32_t i = 0; !rc && i < sums->count; i++)
        if (i != own)
            rc = add_others(sums, &sums->ranges[i], index, key, i < own ? &rest->before : &rest->behind);
    return rc;
}

static int make_rests(struct rater_line_sums *sums, const struct mtr_billing_part *parts,
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
