/*
 * Volume: all units at the price of the tier that the whole quantity reaches, or that of another meter
 * (`tier_by`).
 */
#include "lib/tariff/curve/tiers.h"

static void lint_volume(const struct mtr_node *node, struct mtr_component *component,
                        struct mtr_diagnostics *findings)
{
    const struct tariff_tiers *tiers = component->curve_data;
    size_t errors_before = findings->errors;
    tariff_lint_tiers(node, tiers, (struct tariff_tier_keys){"unit", "flat"}, findings);
    if (findings->errors == errors_before) tariff_lint_cliffs(node, tiers, "volume", findings);
}

const struct tariff_curve tariff_curve_volume = {
    .row = {.name = "volume", TARIFF_TIER_LIST(tariff_tier_rows),
            .doc = "curve: all units at the price of the tier that the whole quantity reaches"},
    .has_flats = true,
    .takes_tier_by = true,
    .weighs_by_time = true,
    .has_units = true,
    .read = tariff_read_tiers,
    .lint = lint_volume,
    .lint_scope = tariff_lint_tier_scope,
    .price = tariff_price_volume,
    .borders = tariff_border_tiers,
};
