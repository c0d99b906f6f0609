/*
 * Pools of units: what of a line's use an allowance or a prepaid quantity covers, before the curve sees it.
 *
 * Invariants: a pool never goes below zero; what lines draw in all parts of a period is what they would draw
 * of the whole: use that a later part takes back is given back, to the pool that was drawn last. What a line
 * drew in earlier parts is known from their prices. The slices of a line use up in order of time what the
 * line draws.
 */
#include "lib/tariff/part/part.h"
#include "lib/tariff/price/pricer.h"

#include <stdio.h>
#include <stdlib.h>

/* The order in which pools are drawn; 0 for two grants that cannot be told apart. */
static int compare_grants(const struct mtr_price_pool *a, const struct mtr_price_pool *b)
{
    if (a->priority != b->priority) return a->priority < b->priority ? -1 : 1;
    if (a->expires_us != b->expires_us) return a->expires_us < b->expires_us ? -1 : 1;
    int order = mtr_str_compare(a->key, b->key);
    return order ? order : mtr_str_compare(a->grant, b->grant);
}

static int compare_states(const void *a, const void *b)
{
    return compare_grants(((const struct mtr_price_pool_state *)a)->pool,
                          ((const struct mtr_price_pool_state *)b)->pool);
}

static bool is_of(const struct mtr_price_draw *draw, const struct mtr_price_pool *pool)
{
    return mtr_str_equal(draw->key, pool->key) && mtr_str_equal(draw->grant, pool->grant);
}

static int add_draws(const struct mtr_price *price, struct mtr_price_range range,
                     const struct mtr_price_pool *pool, struct mtr_quantity *sum)
{
    int rc = MTR_OK;
    for (uint32_t i = range.from; !rc && i < range.to; i++)
        if (is_of(&price->draws[i], pool)) rc = mtr_quantity_add(*sum, price->draws[i].quantity, sum);
    return rc;
}

/* What earlier parts drew of a pool of units. */
static int sum_earlier(const struct mtr_pricer *pricer, const struct mtr_price_pool *pool,
                       struct mtr_quantity *out)
{
    const struct mtr_price_input *input = pricer->input;
    int rc = MTR_OK;
    *out = (struct mtr_quantity){0};
    for (uint32_t i = 0; !rc && i < input->earlier_count; i++)
        rc = add_draws(input->earlier[i], (struct mtr_price_range){0, input->earlier[i]->draw_count}, pool,
                       out);
    return rc;
}

/* ---- what a line drew in earlier parts ---- */

static bool is_by_component(const struct mtr_price_draw *draw, struct mtr_str component)
{
    return !draw->of_money && mtr_str_equal(draw->component, component);
}

/* Draws are made component by component: those of one stand together, in the order of its lines. */
static struct mtr_price_range find_component(const struct mtr_price *price, struct mtr_str component)
{
    struct mtr_price_range range = {0};
    while (range.from < price->draw_count && !is_by_component(&price->draws[range.from], component))
        range.from++;
    range.to = range.from;
    while (range.to < price->draw_count && is_by_component(&price->draws[range.to], component)) range.to++;
    return range;
}

/* The draws of one line among those of its component. */
static struct mtr_price_range find_line(const struct mtr_price *price, struct mtr_price_range of_component,
                                        struct mtr_str dimensions)
{
    struct mtr_price_range range = of_component;
    while (range.from < range.to) {
        const uint32_t middle = range.from + (range.to - range.from) / 2;
        if (mtr_str_compare(price->draws[middle].dimensions, dimensions) < 0) range.from = middle + 1;
        else range.to = middle;
    }
    while (range.to < of_component.to && mtr_str_equal(price->draws[range.to].dimensions, dimensions))
        range.to++;
    return range;
}

static int sum_of_line(struct mtr_pricer *pricer, const struct mtr_price_pool *pool,
                       const struct mtr_price_line *line, struct mtr_quantity *out)
{
    const struct mtr_price_input *input = pricer->input;
    const bool is_at_hand = mtr_str_equal(pricer->drawn_by, line->component);
    int rc = MTR_OK;
    *out = (struct mtr_quantity){0};
    pricer->drawn_by = line->component;
    for (uint32_t i = 0; !rc && i < input->earlier_count; i++) {
        const struct mtr_price *price = input->earlier[i];
        if (!is_at_hand) pricer->drawn[i] = find_component(price, line->component);
        rc = add_draws(price, find_line(price, pricer->drawn[i], line->dimensions), pool, out);
    }
    return rc;
}

/* ---- pools ---- */

int price_open_pools(struct mtr_pricer *pricer)
{
    const struct mtr_price_input *input = pricer->input;
    pricer->pools = mtr_arena_calloc(pricer->arena, input->pool_count, sizeof(*pricer->pools));
    pricer->drawn = mtr_arena_calloc(pricer->arena, (size_t)input->earlier_count + 1, sizeof(*pricer->drawn));
    pricer->price.drawings = mtr_arena_calloc(pricer->arena, (size_t)input->version->component_count + 1,
                                              sizeof(*pricer->price.drawings));
    if (!pricer->pools || !pricer->drawn || !pricer->price.drawings) return MTR_ENOMEM;
    pricer->pool_count = input->pool_count;
    for (uint32_t i = 0; i < input->pool_count; i++) {
        struct mtr_price_pool_state *state = &pricer->pools[i];
        struct mtr_quantity drawn;
        state->pool = &input->pools[i];
        MTR_ASSERT(state->pool->quantity.e12 >= 0 && state->pool->amount.e18 >= 0);
        int rc = sum_earlier(pricer, state->pool, &drawn);
        if (!rc) rc = mtr_quantity_sub(state->pool->quantity, drawn, &state->left);
        if (rc) return rc;
    }
    qsort(pricer->pools, pricer->pool_count, sizeof(*pricer->pools), compare_states);
    return MTR_OK;
}

bool price_pool_covers(const struct mtr_price_pool *pool, struct mtr_str component)
{
    for (uint32_t i = 0; i < pool->component_count; i++)
        if (mtr_str_equal(pool->components[i], component)) return true;
    return pool->component_count == 0;
}

bool price_pools_give(struct mtr_pricer *pricer, const struct mtr_component *component)
{
    bool any = false;
    for (uint32_t i = 0; i < pricer->pool_count; i++) {
        const struct mtr_price_pool *pool = pricer->pools[i].pool;
        const bool is_of_meter =
            !pool->meter.size || mtr_schema_may_be_same_name(pool->meter, component->meter);
        pricer->pools[i].gives = !pool->of_money && mtr_component_has_units(component) &&
                                 price_pool_covers(pool, component->key) && is_of_meter;
        any = any || pricer->pools[i].gives;
    }
    return any;
}

static struct mtr_quantity lesser(struct mtr_quantity a, struct mtr_quantity b)
{
    return mtr_quantity_compare(a, b) < 0 ? a : b;
}

/* What the line drew in earlier parts: of the use that this part goes on from, so never more than that is. */
static int recall(struct mtr_pricer *pricer, const struct mtr_line_work *work, struct mtr_quantity before,
                  struct mtr_quantity *drawn)
{
    *drawn = (struct mtr_quantity){0};
    for (uint32_t i = 0; i < pricer->pool_count; i++) {
        struct mtr_price_pool_state *state = &pricer->pools[i];
        state->own = (struct mtr_quantity){0};
        if (!state->gives) continue;
        int rc = sum_of_line(pricer, state->pool, &work->line, &state->before);
        if (rc) return rc;
        state->before = lesser(state->before, (struct mtr_quantity){before.e12 - drawn->e12});
        drawn->e12 += state->before.e12;
    }
    return MTR_OK;
}

static int record(struct mtr_pricer *pricer, struct mtr_str component, struct mtr_str dimensions,
                  struct mtr_price_pool_state *state)
{
    const struct mtr_price_draw draw = {.key = state->pool->key,
                                        .grant = state->pool->grant,
                                        .component = component,
                                        .dimensions = dimensions,
                                        .quantity = state->own};
    int rc = mtr_quantity_sub(state->left, state->own, &state->left);
    if (!rc) rc = mtr_quantity_add(state->drawn, state->own, &state->drawn);
    return rc ? rc : price_add_draw(pricer, &draw);
}

/* From the first pool on, as much as each has. */
static void draw_units(struct mtr_pricer *pricer, struct mtr_quantity units)
{
    for (uint32_t i = 0; i < pricer->pool_count && units.e12 > 0; i++) {
        struct mtr_price_pool_state *state = &pricer->pools[i];
        if (!state->gives || state->left.e12 <= 0) continue;
        state->own = lesser(state->left, units);
        units.e12 -= state->own.e12;
    }
}

static int record_all(struct mtr_pricer *pricer, struct mtr_str component, struct mtr_str dimensions)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < pricer->pool_count; i++)
        if (pricer->pools[i].gives) rc = record(pricer, component, dimensions, &pricer->pools[i]);
    return rc;
}

/* ---- what lines do to pools, whatever these hold ---- */

static const struct mtr_quantity no_units;

/* max(max(S − asked, least) − behind.asked, behind.least) */
static int join(struct mtr_price_drawing *drawing, struct mtr_price_drawing behind)
{
    struct mtr_quantity least;
    int rc = mtr_quantity_add(drawing->asked, behind.asked, &drawing->asked);
    if (!rc) rc = mtr_quantity_sub(drawing->least, behind.asked, &least);
    if (!rc) drawing->least = mtr_quantity_compare(least, behind.least) > 0 ? least : behind.least;
    return rc;
}

int mtr_price_join_drawings(struct mtr_price_drawings *drawings, const struct mtr_price_drawings *behind)
{
    int rc = MTR_OK;
    if (!drawings->count) drawings->count = behind->count; /* as there were none */
    MTR_ASSERT(!behind->count || drawings->count == behind->count);
    for (uint32_t i = 0; !rc && i < behind->count; i++) rc = join(&drawings->pools[i], behind->pools[i]);
    return rc;
}

/* How many pools give to the line. */
static uint32_t count_giving(const struct mtr_pricer *pricer)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < pricer->pool_count; i++) count += pricer->pools[i].gives;
    return count;
}

/* Of a line that asks for `units`, or gives `own` back to each pool. */
static int note_drawing(struct mtr_pricer *pricer, struct mtr_quantity units)
{
    struct mtr_price_drawings *drawings =
        &pricer->price.drawings[pricer->component - pricer->input->version->components];
    struct mtr_quantity back = no_units;
    uint32_t index = 0;
    int rc = MTR_OK;
    if (!drawings->count) {
        drawings->count = count_giving(pricer);
        drawings->pools = mtr_arena_calloc(pricer->arena, drawings->count, sizeof(*drawings->pools));
    }
    if (!drawings->pools) return MTR_ENOMEM;
    for (uint32_t i = 0; !rc && i < pricer->pool_count; i++) {
        if (!pricer->pools[i].gives) continue;
        rc = mtr_quantity_sub(back, pricer->pools[i].own, &back);
        const struct mtr_price_drawing drawing = {units.e12 < 0 ? (struct mtr_quantity){-back.e12} : units,
                                                  units.e12 < 0 ? back : no_units};
        MTR_ASSERT(index < drawings->count);
        if (!rc) rc = join(&drawings->pools[index++], drawing);
    }
    return rc;
}

/* ---- drawing ---- */

int price_choose_draws(struct mtr_pricer *pricer, const struct mtr_line_work *work, struct mtr_quantity units,
                       struct mtr_quantity before)
{
    struct mtr_quantity drawn, rest = {0};
    int rc = recall(pricer, work, before, &drawn);
    if (!rc) rc = mtr_quantity_sub(units, drawn, &rest);
    const struct mtr_quantity asked = rest;
    for (uint32_t i = pricer->pool_count; !rc && i > 0 && rest.e12 < 0; i--) {
        struct mtr_price_pool_state *state = &pricer->pools[i - 1];
        if (!state->gives) continue;
        state->own.e12 = -lesser(state->before, (struct mtr_quantity){-rest.e12}).e12;
        rest.e12 -= state->own.e12;
    }
    if (!rc) rc = note_drawing(pricer, asked);
    if (rc) return rc;
    draw_units(pricer, rest);
    return record_all(pricer, work->line.component, work->line.dimensions);
}

/* Of what pools hold behind lines that are priced apart, what these draw. Where it is not known yet what all
 * of them drew in the parts before (their sums are being made), they may seem to give back more than that:
 * nobody does. */
static int take_of_others(struct mtr_pricer *pricer, const struct mtr_price_drawings *drawings,
                          const struct mtr_price_line *others)
{
    struct mtr_quantity before = no_units, behind = no_units;
    uint32_t index = 0;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < pricer->pool_count; i++) {
        struct mtr_price_pool_state *state = &pricer->pools[i];
        struct mtr_quantity last = behind, held = no_units, drawn;
        if (!state->gives) continue;
        MTR_ASSERT(index < drawings->count);
        const struct mtr_price_drawing *drawing = &drawings->pools[index++];
        rc = mtr_quantity_add(before, state->left, &before);
        if (!rc) rc = mtr_quantity_sub(before, drawing->asked, &behind);
        if (!rc && mtr_quantity_compare(behind, drawing->least) < 0) behind = drawing->least;
        if (!rc) rc = mtr_quantity_sub(behind, last, &held);
        if (!rc) rc = mtr_quantity_sub(state->left, held, &state->own);
        if (!rc) rc = sum_of_line(pricer, state->pool, others, &drawn);
        if (!rc && state->own.e12 < -drawn.e12) state->own.e12 = -drawn.e12;
    }
    MTR_ASSERT(rc || index == drawings->count);
    return rc;
}

int price_draw_of_others(struct mtr_pricer *pricer, const struct mtr_component *component,
                         const struct mtr_price_drawings *drawings, bool is_behind)
{
    /* before and behind the texts of all lines, which are UTF-8: draws are looked for by bisection */
    const struct mtr_price_line others = {.component = component->key,
                                          .dimensions = is_behind ? MTR_STR("\xFF") : MTR_STR("")};
    if (!drawings->count || !price_pools_give(pricer, component)) return MTR_OK;
    int rc = take_of_others(pricer, drawings, &others);
    return rc ? rc : record_all(pricer, others.component, others.dimensions);
}

int price_refill_draws(struct mtr_pricer *pricer, const struct mtr_line_work *work)
{
    for (uint32_t i = 0; i < pricer->pool_count; i++) {
        struct mtr_price_pool_state *state = &pricer->pools[i];
        if (!state->gives) continue;
        state->line_left = state->before;
        int rc = work->of_earlier ? MTR_OK : mtr_quantity_add(state->before, state->own, &state->line_left);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int trace_draw(struct mtr_pricer *pricer, const struct mtr_price_pool *pool,
                      struct mtr_quantity before, struct mtr_quantity after)
{
    char name[MTR_DECIMAL_TEXT_BYTES + 128], input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    snprintf(name, sizeof(name), "drawn from %.*s, %.*s", MTR_STR_ARGS(pool->key), MTR_STR_ARGS(pool->grant));
    mtr_quantity_format(before, input);
    mtr_quantity_format(after, output);
    return price_trace(pricer, price_next_line(pricer), name, input, output);
}

static int draw_slice(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    for (uint32_t i = 0; i < pricer->pool_count && work->billed.e12 > 0; i++) {
        struct mtr_price_pool_state *state = &pricer->pools[i];
        if (!state->gives || state->line_left.e12 <= 0) continue;
        const struct mtr_quantity before = work->billed, used = lesser(before, state->line_left);
        work->billed.e12 -= used.e12;
        state->line_left.e12 -= used.e12;
        int rc = pricer->with_trace ? trace_draw(pricer, state->pool, before, work->billed) : MTR_OK;
        if (rc) return rc;
    }
    return MTR_OK;
}

int price_add_draw(struct mtr_pricer *pricer, const struct mtr_price_draw *draw)
{
    struct mtr_price *price = &pricer->price;
    if (!draw->quantity.e12 && !draw->amount.e18) return MTR_OK;
    int rc = mtr_arena_make_room(pricer->arena, (void **)&price->draws, price->draw_count,
                                 &pricer->draw_capacity, sizeof(*draw));
    if (rc) return rc;
    price->draws[price->draw_count++] = *draw;
    return MTR_OK;
}

/* A line without an amount: it tells how many units the part drew. */
static int add_draw_line(struct mtr_pricer *pricer, const struct mtr_price_pool_state *state)
{
    const struct mtr_price_line line = {.component = state->pool->key,
                                        .dimensions = state->pool->grant,
                                        .kind = MTR_STR("draw"),
                                        .quantity = state->drawn};
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    int rc = price_add_line(pricer, &line);
    if (rc || !pricer->with_trace) return rc;
    mtr_quantity_format((struct mtr_quantity){state->left.e12 + state->drawn.e12}, input);
    mtr_quantity_format(state->left, output);
    return price_trace(pricer, pricer->price.line_count - 1, "balance", input, output);
}

static int draw_lines(struct mtr_pricer *pricer)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < pricer->pool_count; i++)
        if (pricer->pools[i].drawn.e12) rc = add_draw_line(pricer, &pricer->pools[i]);
    return rc;
}

const struct tariff_part tariff_part_allowances = {.apply_to_slice = draw_slice,
                                                   .apply_to_tariff = draw_lines};
