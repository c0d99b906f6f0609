/*
 * Stairsteps: one amount for the step that the quantity reaches. They are volume tiers of flats.
 */
#include "lib/tariff/curve/tiers.h"

static const struct mtr_field rows[] = {
    TARIFF_BOUND_ROWS("step"),
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, flat),
     PRESENT(tariff_tier_fields, has_flat), .required = true, .doc = "what any quantity on this step costs"},
    {0},
};

static void lint_stairstep(const struct mtr_node *node, struct mtr_component *component,
                           struct mtr_diagnostics *findings)
{
    const struct tariff_tiers *tiers = component->curve_data;
    size_t errors_before = findings->errors;
    tariff_lint_tiers(node, tiers, (struct tariff_tier_keys){NULL, "amount"}, findings);
    if (findings->errors == errors_before) tariff_lint_cliffs(node, tiers, "stairstep", findings);
}

const struct tariff_curve tariff_curve_stairstep = {
    .row = {.name = "stairstep", TARIFF_TIER_LIST(rows),
            .doc = "curve: one amount for the step that the quantity reaches"},
    .has_flats = true,
    .has_units = true,
    .read = tariff_read_tiers,
    .lint = lint_stairstep,
    .price = tariff_price_volume,
    .borders = tariff_border_tiers,
};
