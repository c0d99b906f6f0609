/*
 * Tiers: read from their fields, and linted for gaps, overlaps, what is never reached, and cliffs where more
 * use costs less. Their price: tiers_price.c.
 */
#include "lib/tariff/curve/tiers.h"

#include <stdio.h>

#include "lib/tariff/report.h"

const struct mtr_field tariff_tier_rows[] = {
    TARIFF_BOUND_ROWS("tier"),
    {.name = "unit", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, unit),
     PRESENT(tariff_tier_fields, has_unit), .doc = "price of one unit in this tier"},
    {.name = "flat", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, flat),
     PRESENT(tariff_tier_fields, has_flat), .doc = "amount due once when use enters the tier"},
    {.name = "cap", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, cap),
     PRESENT(tariff_tier_fields, has_cap), .doc = "greatest amount of this tier, its flat included"},
    {0},
};

static void lint_bound(const struct mtr_node *node, const struct tariff_tiers *tiers, uint32_t i,
                       struct mtr_diagnostics *findings)
{
    const struct tariff_tier *tier = &tiers->items[i];
    const char *key = tier->bound.is_below ? "below" : "up_to";
    const struct mtr_node *place = tariff_place(node, key);
    char bound[MTR_DECIMAL_TEXT_BYTES], last[MTR_DECIMAL_TEXT_BYTES];
    bool is_last = i + 1 == tiers->count;
    if (tier->open_ended) {
        if (!is_last)
            tariff_report(findings, MTR_FINDING_TARIFF_TIERS_UNREACHABLE, place, key,
                          "is missing: without it no use ever reaches the tiers below this one");
        return;
    }
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_CONFLICT, node,
                  mtr_node_get(node, "up_to") && mtr_node_get(node, "below"), "below",
                  "stands instead of up_to: a tier has one bound, remove one of them");
    mtr_quantity_format(tier->bound.at, bound);
    if (tier->bound.at.e12 <= 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NOT_POSITIVE, place, key,
                      "must be more than 0: a tier that ends there is never reached");
    else if (i > 0 && !tiers->items[i - 1].open_ended &&
             mtr_quantity_compare(tier->bound.at, tiers->items[i - 1].bound.at) <= 0) {
        mtr_quantity_format(tiers->items[i - 1].bound.at, last);
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_TIERS_OVERLAP, place->line, place->column, key,
                             "%s overlaps the tier before, which goes up to %s: bounds must ascend, or this "
                             "tier is never reached",
                             bound, last);
    }
    if (is_last)
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_TIERS_GAP, place->line, place->column, key,
                             "use %s %s has no price: leave `%s` out of the last tier",
                             tier->bound.is_below ? "from" : "above", bound, key);
}

static void lint_prices(const struct mtr_node *node, const struct tariff_tier *tier,
                        struct tariff_tier_keys keys, struct mtr_diagnostics *findings)
{
    bool has_price =
        (keys.unit && mtr_node_get(node, keys.unit)) || (keys.flat && mtr_node_get(node, keys.flat));
    if (!has_price && keys.unit && keys.flat)
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_PRICE_MISSING, node->line, node->column, "tiers",
                             "has no price: write `%s`, `%s` or both", keys.unit, keys.flat);
    if (tier->unit.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, tariff_place(node, keys.unit), keys.unit,
                      "is negative: use pays the customer");
    if (tier->flat.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, tariff_place(node, keys.flat), keys.flat,
                      "is negative: use pays the customer");
    if (tier->has_cap && tier->cap.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NEGATIVE, tariff_place(node, "cap"), "cap",
                      "must not be negative");
    if (tier->has_cap && mtr_money_compare(tier->flat, tier->cap) > 0)
        tariff_report(findings, MTR_FINDING_TARIFF_LIMITS_CROSSED, tariff_place(node, "cap"), "cap",
                      "is less than the tier's flat: no use could ever pay it");
}

/* What `quantity` costs when the volume curve has reached the tier. False when it does not fit. */
static bool tier_cost(const struct tariff_tier *tier, struct mtr_quantity quantity, struct mtr_exact *out)
{
    const struct mtr_exact cap = mtr_exact_from_money(tier->cap);
    if (mtr_exact_add(mtr_exact_product(quantity, tier->unit), mtr_exact_from_money(tier->flat), out))
        return false;
    if (tier->has_cap && mtr_exact_compare(*out, cap) > 0) *out = cap;
    return true;
}

/* The quantity at which the tier costs as much as `cost`, if its price rises and the number fits. */
static bool break_even(const struct tariff_tier *tier, struct mtr_exact cost,
                       char text[MTR_DECIMAL_TEXT_BYTES])
{
    struct mtr_exact above;
    struct mtr_money money;
    struct mtr_quantity quantity;
    if (tier->unit.e18 <= 0 ||
        (tier->has_cap && mtr_exact_compare(mtr_exact_from_money(tier->cap), cost) < 0))
        return false;
    if (mtr_exact_sub(cost, mtr_exact_from_money(tier->flat), &above)) return false;
    if (mtr_exact_round(above, MTR_MONEY_DIGITS, MTR_ROUND_UP, &money, NULL)) return false;
    /* both of 10^-18: as quantities their quotient is the same number */
    struct mtr_quantity dividend = {money.e18}, divisor = {tier->unit.e18};
    if (mtr_quantity_scale(dividend, MTR_QUANTITY(1), divisor, MTR_QUANTITY_DIGITS, MTR_ROUND_UP, &quantity))
        return false;
    mtr_quantity_format(quantity, text);
    return true;
}

static void lint_cliff(const struct mtr_node *node, const struct tariff_tier *tier,
                       const struct tariff_tier *next, const char *curve, struct mtr_diagnostics *findings)
{
    struct mtr_exact at_bound, above_bound;
    char bound[MTR_DECIMAL_TEXT_BYTES], until[MTR_DECIMAL_TEXT_BYTES], cost[MTR_DECIMAL_TEXT_BYTES],
        less[MTR_DECIMAL_TEXT_BYTES], where[3 * MTR_DECIMAL_TEXT_BYTES];
    if (!tier_cost(tier, tier->bound.at, &at_bound) || !tier_cost(next, tier->bound.at, &above_bound)) return;
    if (mtr_exact_compare(above_bound, at_bound) >= 0) return;
    mtr_quantity_format(tier->bound.at, bound);
    mtr_exact_format(at_bound, cost);
    mtr_exact_format(above_bound, less);
    if (break_even(next, at_bound, until)) snprintf(where, sizeof(where), "between %s and %s", bound, until);
    else snprintf(where, sizeof(where), "%s %s", tier->bound.is_below ? "from" : "above", bound);
    mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_PRICE_FALLS, node->line, node->column, curve,
                         tier->bound.is_below
                             ? "more use costs less %s: just below %s it costs %s, and there the price falls "
                               "to %s"
                             : "more use costs less %s: %s costs %s, and just above it the price falls to %s",
                         where, bound, cost, less);
}

void tariff_lint_tiers(const struct mtr_node *list, const struct tariff_tiers *tiers,
                       struct tariff_tier_keys keys, struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < tiers->count; i++) {
        lint_bound(&list->children[i], tiers, i, findings);
        lint_prices(&list->children[i], &tiers->items[i], keys, findings);
    }
}

void tariff_lint_cliffs(const struct mtr_node *list, const struct tariff_tiers *tiers, const char *curve,
                        struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i + 1 < tiers->count; i++)
        lint_cliff(&list->children[i + 1], &tiers->items[i], &tiers->items[i + 1], curve, findings);
}

void tariff_lint_tier_scope(const struct mtr_node *node, const struct mtr_component *component,
                            struct mtr_diagnostics *findings)
{
    const struct tariff_tiers *tiers = component->curve_data;
    for (uint32_t i = 0; i < tiers->count && component->scope == MTR_CURVE_SCOPE_LEVEL; i++)
        if (tiers->items[i].has_cap)
            tariff_report(findings, MTR_FINDING_TARIFF_SCOPE_WRONG, tariff_place(node, "scope"), "scope",
                          "the cap of a tier cannot be weighted by time: write a cap of the component");
}

int tariff_read_tiers(struct mtr_arena *arena, const void *fields, struct mtr_component *out)
{
    const struct mtr_list *list = &((const struct tariff_tier_list *)fields)->tiers;
    const struct tariff_tier_fields *from = list->items;
    struct tariff_tiers *tiers = mtr_arena_calloc(arena, 1, sizeof(*tiers));
    if (!tiers) return MTR_ENOMEM;
    tiers->items = mtr_arena_calloc(arena, list->count, sizeof(*tiers->items));
    if (!tiers->items) return MTR_ENOMEM;
    tiers->count = list->count;
    for (uint32_t i = 0; i < list->count; i++)
        tiers->items[i] = (struct tariff_tier){.open_ended = !from[i].has_up_to && !from[i].has_below,
                                               .bound = {from[i].has_below ? from[i].below : from[i].up_to,
                                                         from[i].has_below},
                                               .unit = from[i].unit,
                                               .flat = from[i].flat,
                                               .has_cap = from[i].has_cap,
                                               .cap = from[i].cap};
    out->curve_data = tiers;
    return MTR_OK;
}

/* Adds a full tier's cost, at most its cap. */
static bool add_full_tier(const struct tariff_tier *tier, struct mtr_quantity width, struct mtr_money flat,
                          struct mtr_exact *sum)
{
    const struct mtr_exact cap = mtr_exact_from_money(tier->cap);
    struct mtr_exact cost;
    if (mtr_exact_add(mtr_exact_product(width, tier->unit), mtr_exact_from_money(flat), &cost)) return false;
    if (tier->has_cap && mtr_exact_compare(cost, cap) > 0) cost = cap;
    return !mtr_exact_add(*sum, cost, sum);
}

void tariff_sum_tiers(struct tariff_tiers *tiers)
{
    struct mtr_exact sum = mtr_exact_zero(), without_flats = mtr_exact_zero();
    struct mtr_quantity lower = {0}, width;
    for (uint32_t i = 0; i < tiers->count; i++) {
        struct tariff_tier *tier = &tiers->items[i];
        tier->below = sum;
        tier->below_without_flats = without_flats;
        if (tier->open_ended) break;
        if (mtr_quantity_sub(tier->bound.at, lower, &width)) return;
        if (!add_full_tier(tier, width, tier->flat, &sum) ||
            !add_full_tier(tier, width, (struct mtr_money){0}, &without_flats))
            return;
        lower = tier->bound.at;
    }
    tiers->are_summed = true;
}
