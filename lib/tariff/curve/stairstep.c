/*
 * Stairsteps: one amount for the step that the quantity reaches. They are volume tiers of flats.
 */
#include "lib/tariff/curve/curve.h"

const struct mtr_field mtr_tariff_step_rows[] = {
    {.name = "up_to", .type = MTR_FIELD_QUANTITY, AT(tariff_tier_fields, up_to),
     PRESENT(tariff_tier_fields, has_up_to),
     .doc = "upper bound of the step, which belongs to it; the last step has none"},
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, flat),
     PRESENT(tariff_tier_fields, has_flat), .required = true, .doc = "what any quantity on this step costs"},
    {0},
};

static int read_stairstep(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                          struct mtr_component *out)
{
    return tariff_read_tiers(arena, &fields->stairstep, out);
}

static void lint_stairstep(const struct mtr_node *node, struct mtr_component *component,
                           struct mtr_diagnostics *findings)
{
    size_t errors_before = findings->errors;
    tariff_lint_tiers(node, component, (struct tariff_tier_keys){NULL, "amount"}, findings);
    if (findings->errors == errors_before) tariff_lint_cliffs(node, component, findings);
}

const struct tariff_curve mtr_tariff_curve_stairstep = {
    TARIFF_CURVE_KEY(stairstep), .has_flats = true, .read = read_stairstep, .lint = lint_stairstep};
