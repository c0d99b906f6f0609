/*
 * Graduated percentage: each part of an amount of money at the rate of the tier it falls in. A rate in
 * percent becomes a unit price, so it is priced as graduated tiers.
 */
#include "lib/tariff/curve/rate.h"
#include "lib/tariff/curve/tiers.h"

static const struct mtr_field rows[] = {
    TARIFF_BOUND_ROWS("tier"),
    {.name = "rate", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, unit),
     PRESENT(tariff_tier_fields, has_unit), .doc = "percent of what falls in this tier"},
    {.name = "flat", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, flat),
     PRESENT(tariff_tier_fields, has_flat), .doc = "amount due once when the amount enters the tier"},
    {.name = "cap", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, cap),
     PRESENT(tariff_tier_fields, has_cap), .doc = "greatest amount of this tier, its flat included"},
    {0},
};

static void lint_graduated_percentage(const struct mtr_node *node, struct mtr_component *component,
                                      struct mtr_diagnostics *findings)
{
    struct tariff_tiers *tiers = component->curve_data;
    tariff_lint_tiers(node, tiers, (struct tariff_tier_keys){"rate", "flat"}, findings);
    for (uint32_t i = 0; i < tiers->count; i++)
        tariff_divide_rate(&node->children[i], &tiers->items[i].unit, findings);
    tariff_sum_tiers(tiers);
}

const struct tariff_curve tariff_curve_graduated_percentage = {
    .row = {.name = "graduated_percentage", TARIFF_TIER_LIST(rows),
            .doc = "curve: each part of an amount of money at the rate of the tier it falls in"},
    .has_flats = true,
    .read = tariff_read_tiers,
    .lint = lint_graduated_percentage,
    .lint_scope = tariff_lint_tier_scope,
    .price = tariff_price_graduated,
    .borders = tariff_border_tiers,
};
