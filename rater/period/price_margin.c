/*
 * The seller's cost beside the lines of one price.
 */
#include <string.h>

#include "rater/period/cost_match.h"
#include "meterd/tariff/price.h"

static struct rater_cost_key *list_keys(const struct mtr_price *price, struct mtr_arena *arena)
{
    struct rater_cost_key *keys = mtr_arena_calloc(arena, (size_t)price->line_count + 1, sizeof(*keys));
    for (uint32_t i = 0; keys && i < price->line_count; i++)
        keys[i] = (struct rater_cost_key){0, price->lines[i].component, price->lines[i].kind,
                                          price->lines[i].dimensions, i};
    return keys;
}

struct joining {
    struct mtr_price *price;
    const struct mtr_price *costs;
};

static int on_cost(void *context, uint32_t cost, uint32_t charged, bool first)
{
    struct joining *joining = context;
    struct mtr_price *price = joining->price;
    const struct mtr_price_line *from = &joining->costs->lines[cost];
    MTR_ASSERT(charged != UINT32_MAX || first); /* a price has one line of each identity */
    if (first) {
        charged = price->line_count++;
        price->lines[charged] = (struct mtr_price_line){.component = from->component,
                                                        .dimensions = from->dimensions,
                                                        .kind = from->kind,
                                                        .quantity = from->quantity,
                                                        .has_cost = true};
    }
    return mtr_money_add(price->lines[charged].cost, from->amount, &price->lines[charged].cost);
}

int mtr_price_join_costs(struct mtr_price *price, const struct mtr_price *costs, struct mtr_arena *arena)
{
    struct joining joining = {price, costs};
    const uint32_t charged_count = price->line_count;
    struct mtr_price_line *lines =
        mtr_arena_calloc(arena, (size_t)charged_count + costs->line_count + 1, sizeof(*lines));
    struct rater_cost_key *charged = list_keys(price, arena), *keys = list_keys(costs, arena);
    if (!lines || !charged || !keys) return MTR_ENOMEM;
    if (charged_count) memcpy(lines, price->lines, charged_count * sizeof(*lines));
    for (uint32_t i = 0; i < charged_count; i++) lines[i].has_cost = true;
    price->lines = lines;
    price->has_cost = true;
    int rc = rater_match_costs(charged, charged_count, keys, costs->line_count, on_cost, &joining);
    return rc ? rc : mtr_money_add(price->cost, costs->total, &price->cost);
}
