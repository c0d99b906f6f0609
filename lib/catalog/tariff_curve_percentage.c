/*
 * Shares of an amount of money: percentage, graduated_percentage, and dynamic, where the meter's quantity is the price already.
 *
 * A rate in percent becomes a unit price a hundredth of it, exactly: all three are priced by the curves that there are.
 */
#include "lib/catalog/tariff_curve.h"

#include "lib/catalog/tariff_report.h"

enum { PERCENT = 100 };

const struct mtr_field mtr_tariff_percentage_rows[] = {
    {.name = "rate", .type = MTR_FIELD_MONEY, AT(tariff_percentage_fields, rate), .required = true, .doc = "percent of the amount"},
    {.name = "fixed", .type = MTR_FIELD_MONEY, AT(tariff_percentage_fields, fixed), .doc = "due once on top when there is an amount"},
    {0},
};

const struct mtr_field mtr_tariff_percentage_tier_rows[] = {
    {.name = "up_to", .type = MTR_FIELD_QUANTITY, AT(tariff_tier_fields, up_to), PRESENT(tariff_tier_fields, has_up_to),
     .doc = "upper bound of the tier, an amount that belongs to it; the last tier has none"},
    {.name = "rate", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, unit), PRESENT(tariff_tier_fields, has_unit),
     .doc = "percent of what falls in this tier"},
    {.name = "flat", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, flat), PRESENT(tariff_tier_fields, has_flat),
     .doc = "amount due once when the amount enters the tier"},
    {0},
};

const struct mtr_field mtr_tariff_dynamic_rows[] = {
    {.name = "multiplier", .type = MTR_FIELD_MONEY, AT(tariff_dynamic_fields, multiplier), .default_text = "1",
     .doc = "factor on the amount: 1.15 adds 15 percent, 0.01 turns cents into units"},
    {0},
};

/* The rate is kept in the tier until it is linted: only a rate that can be divided exactly is right. */
static void divide_rate(const struct mtr_node *node, struct mtr_tier *tier, struct mtr_diagnostics *findings)
{
    if (tier->unit.e18 % PERCENT) tariff_error(findings, tariff_place(node, "rate"), "rate", "has more than 16 digits after the point");
    tier->unit.e18 /= PERCENT;
}

static int read_percentage(struct mtr_arena *arena, const struct tariff_component_fields *fields, struct mtr_component *out)
{
    return mtr_tariff_read_single_tier(arena, fields->percentage.rate, fields->percentage.fixed, out);
}

static void lint_percentage(const struct mtr_node *node, struct mtr_component *component, struct mtr_diagnostics *findings)
{
    struct mtr_tier *tier = &component->tiers[0];
    if (tier->unit.e18 < 0) tariff_warning(findings, tariff_place(node, "rate"), "rate", "is negative: it pays the customer");
    if (tier->flat.e18 < 0) tariff_warning(findings, tariff_place(node, "fixed"), "fixed", "is negative: it pays the customer");
    divide_rate(node, tier, findings);
}

static int read_graduated_percentage(struct mtr_arena *arena, const struct tariff_component_fields *fields, struct mtr_component *out)
{
    return mtr_tariff_read_tiers(arena, &fields->graduated_percentage, out);
}

static void lint_graduated_percentage(const struct mtr_node *node, struct mtr_component *component, struct mtr_diagnostics *findings)
{
    mtr_tariff_lint_tiers(node, component, (struct tariff_tier_keys){"rate", "flat"}, findings);
    for (uint32_t i = 0; i < component->tier_count; i++) divide_rate(&node->children[i], &component->tiers[i], findings);
}

static int read_dynamic(struct mtr_arena *arena, const struct tariff_component_fields *fields, struct mtr_component *out)
{
    return mtr_tariff_read_single_tier(arena, fields->dynamic.multiplier, (struct mtr_money){0}, out);
}

static void lint_dynamic(const struct mtr_node *node, struct mtr_component *component, struct mtr_diagnostics *findings)
{
    if (component->tiers[0].unit.e18 < 0)
        tariff_warning(findings, tariff_place(node, "multiplier"), "multiplier", "is negative: it pays the customer");
}

const struct tariff_curve mtr_tariff_curve_percentage = {TARIFF_CURVE_KEY(percentage), .read = read_percentage, .lint = lint_percentage};
const struct tariff_curve mtr_tariff_curve_graduated_percentage = {
    TARIFF_CURVE_KEY(graduated_percentage), .has_flats = true, .read = read_graduated_percentage, .lint = lint_graduated_percentage};
const struct tariff_curve mtr_tariff_curve_dynamic = {TARIFF_CURVE_KEY(dynamic), .read = read_dynamic, .lint = lint_dynamic};
