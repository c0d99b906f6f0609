/*
 * Graduated: each unit at the price of the tier it falls in.
 */
#include "lib/tariff/curve/tiers.h"

static void lint_graduated(const struct mtr_node *node, struct mtr_component *component,
                           struct mtr_diagnostics *findings)
{
    struct tariff_tiers *tiers = component->curve_data;
    tariff_lint_tiers(node, tiers, (struct tariff_tier_keys){"unit", "flat"}, findings);
    tariff_sum_tiers(tiers);
}

const struct tariff_curve tariff_curve_graduated = {
    .row = {.name = "graduated", TARIFF_TIER_LIST(tariff_tier_rows),
            .doc = "curve: each unit at the price of the tier it falls in"},
    .has_flats = true,
    .weighs_by_time = true,
    .has_units = true,
    .read = tariff_read_tiers,
    .lint = lint_graduated,
    .lint_scope = tariff_lint_tier_scope,
    .price = tariff_price_graduated,
    .borders = tariff_border_tiers,
};
