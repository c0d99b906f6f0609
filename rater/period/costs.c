/*
 * Two sides of the same use: what the seller pays for it, laid beside what the customer pays.
 *
 * Invariants: the costs of all lines add up to the price under the cost tariff: nothing is dropped where the
 * customer has no such line. A cost part lies within one part of the customer's, or where there is none.
 * Memory from the caller's arena.
 */
#include <string.h>

#include "rater/period/cost_match.h"
#include "rater/period/price.h"

/* The customer's part around a moment, or NULL. */
static const struct mtr_billing_part *part_around(const struct mtr_billing_period *period, int64_t time_us)
{
    for (uint32_t i = 0; i < period->part_count; i++)
        if (period->parts[i].start_us <= time_us && time_us < period->parts[i].end_us)
            return &period->parts[i];
    return NULL;
}

static struct rater_cost_key *list_keys(const struct mtr_period_price *side,
                                        const struct mtr_billing_period *period, struct mtr_arena *arena)
{
    struct rater_cost_key *keys = mtr_arena_calloc(arena, (size_t)side->line_count + 1, sizeof(*keys));
    for (uint32_t i = 0; keys && i < side->line_count; i++) {
        const struct mtr_charge_line *line = &side->lines[i].identity;
        const struct mtr_billing_part *around = part_around(period, line->part_start_us);
        MTR_ASSERT(!around || line->part_end_us <= around->end_us);
        keys[i] = (struct rater_cost_key){around ? around->start_us : line->part_start_us, line->component,
                                          line->kind, line->dimensions, i};
    }
    return keys;
}

static void widen_range(struct mtr_period_line *line, const struct mtr_period_line *cost)
{
    if (!cost->seq_first) return;
    if (!line->seq_first || cost->seq_first < line->seq_first) line->seq_first = cost->seq_first;
    if (cost->seq_last > line->seq_last) line->seq_last = cost->seq_last;
}

/* A line that the customer does not have: the cost's, at no charge, in the customer's part. */
static void start_line(const struct mtr_billing_period *period, const struct mtr_period_line *cost,
                       struct mtr_period_line *out)
{
    const struct mtr_billing_part *around = part_around(period, cost->identity.part_start_us);
    *out = *cost;
    if (around) {
        out->identity.part_start_us = around->start_us;
        out->identity.part_end_us = around->end_us;
    }
    out->amount = (struct mtr_money){0};
    out->quantity = (struct mtr_quantity){0};
    out->pricing = NULL; /* nothing needs no price of a unit, and no rate; the cost's are in its trace */
    out->exchange = NULL;
    out->has_cost = true;
}

static int on_cost(void *context, uint32_t cost, uint32_t charged, bool first)
{
    struct mtr_period_price *price = context;
    const struct mtr_period_line *from = &price->costs->lines[cost];
    MTR_ASSERT(cost < price->costs->line_count && !from->has_cost); /* what it costs has itself no cost */
    if (charged != UINT32_MAX)
        return mtr_money_add(price->lines[charged].cost, from->amount, &price->lines[charged].cost);
    if (first) start_line(&price->period, from, &price->lines[price->line_count++]);
    struct mtr_period_line *line = &price->lines[price->line_count - 1];
    widen_range(line, from);
    int rc = mtr_quantity_add(line->quantity, from->quantity, &line->quantity);
    return rc ? rc : mtr_money_add(line->cost, from->amount, &line->cost);
}

/* The costs of all lines are the price under the cost tariff: nothing is dropped, nothing counted twice. */
static int check_costs(const struct mtr_period_price *price)
{
    struct mtr_money laid = {0}, priced = {0};
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < price->line_count; i++)
        rc = mtr_money_add(laid, price->lines[i].cost, &laid);
    for (uint32_t i = 0; !rc && i < price->costs->line_count; i++)
        rc = mtr_money_add(priced, price->costs->lines[i].amount, &priced);
    MTR_ASSERT(rc || laid.e18 == priced.e18);
    return rc;
}

int rater_join_costs(struct mtr_period_price *price, struct mtr_arena *arena)
{
    const uint32_t charged_count = price->line_count, cost_count = price->costs->line_count;
    struct mtr_period_line *lines =
        mtr_arena_calloc(arena, (size_t)charged_count + cost_count + 1, sizeof(*lines));
    struct rater_cost_key *charged = list_keys(price, &price->period, arena),
                          *costs = list_keys(price->costs, &price->period, arena);
    if (!lines || !charged || !costs) return MTR_ENOMEM;
    if (charged_count) memcpy(lines, price->lines, charged_count * sizeof(*lines));
    for (uint32_t i = 0; i < charged_count; i++)
        lines[i].has_cost = true;
    price->lines = lines;
    int rc = rater_match_costs(charged, charged_count, costs, cost_count, on_cost, price);
    MTR_ASSERT(price->line_count >= charged_count && price->line_count <= charged_count + cost_count);
    return rc ? rc : check_costs(price);
}
