/*
 * Shares of an amount of money: percentage, graduated_percentage, and dynamic, where the meter's quantity is
 * the price already.
 *
 * Bounds and free parts of a percentage are of each event, so they need `scope: event`.
 *
 * A rate in percent becomes a unit price a hundredth of it, exactly: all three are priced by the curves that
 * there are.
 */
#include "lib/tariff/curve/curve.h"

#include "lib/tariff/report.h"

enum { PERCENT = 100 };

const struct mtr_field mtr_tariff_percentage_rows[] = {
    {.name = "rate", .type = MTR_FIELD_MONEY, AT(tariff_percentage_fields, rate), .required = true,
     .doc = "percent of the amount"},
    {.name = "fixed", .type = MTR_FIELD_MONEY, AT(tariff_percentage_fields, fixed),
     .doc = "due on top, once when there is an amount; with scope event for each"},
    {.name = "minimum", .type = MTR_FIELD_MONEY, AT(tariff_percentage_fields, minimum),
     PRESENT(tariff_percentage_fields, has_minimum),
     .doc = "with scope event: least price of one, the fixed part included"},
    {.name = "maximum", .type = MTR_FIELD_MONEY, AT(tariff_percentage_fields, maximum),
     PRESENT(tariff_percentage_fields, has_maximum), .doc = "with scope event: greatest price of one"},
    {.name = "free_events", .type = MTR_FIELD_U64, AT(tariff_percentage_fields, free_events),
     PRESENT(tariff_percentage_fields, has_free_events), .min = 0, .max = INT64_MAX,
     .doc = "with scope event: how many are free, the first ones of the period"},
    {.name = "free_amount", .type = MTR_FIELD_QUANTITY, AT(tariff_percentage_fields, free_amount),
     PRESENT(tariff_percentage_fields, has_free_amount),
     .doc = "with scope event: the first amounts of the period are free, up to this sum"},
    {0},
};

const struct mtr_field mtr_tariff_percentage_tier_rows[] = {
    {.name = "up_to", .type = MTR_FIELD_QUANTITY, AT(tariff_tier_fields, up_to),
     PRESENT(tariff_tier_fields, has_up_to),
     .doc = "upper bound of the tier, an amount that belongs to it; the last tier has none"},
    {.name = "rate", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, unit),
     PRESENT(tariff_tier_fields, has_unit), .doc = "percent of what falls in this tier"},
    {.name = "flat", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, flat),
     PRESENT(tariff_tier_fields, has_flat), .doc = "amount due once when the amount enters the tier"},
    {.name = "cap", .type = MTR_FIELD_MONEY, AT(tariff_tier_fields, cap),
     PRESENT(tariff_tier_fields, has_cap), .doc = "greatest amount of this tier, its flat included"},
    {0},
};

static const char *const zero_units_choices[] = {"bill", "skip", NULL};

const struct mtr_field mtr_tariff_dynamic_rows[] = {
    {.name = "multiplier", .type = MTR_FIELD_MONEY, AT(tariff_dynamic_fields, multiplier),
     .default_text = "1", .doc = "factor on the amount: 1.15 adds 15 percent, 0.01 turns cents into units"},
    {.name = "units", .type = MTR_FIELD_KEY, AT(tariff_dynamic_fields, units),
     PRESENT(tariff_dynamic_fields, has_units), .doc = "meter of the units that the amount is asked for"},
    {.name = "zero_units", .type = MTR_FIELD_ENUM, AT(tariff_dynamic_fields, zero_units),
     PRESENT(tariff_dynamic_fields, has_zero_units), .choices = zero_units_choices, .default_text = "bill",
     .doc = "an amount without units is billed, or not"},
    {0},
};

/* The rate is kept in the tier until it is linted: only a rate that can be divided exactly is right. */
static void divide_rate(const struct mtr_node *node, struct mtr_tier *tier, struct mtr_diagnostics *findings)
{
    if (tier->unit.e18 % PERCENT)
        tariff_error(findings, tariff_place(node, "rate"), "rate", "has more than 16 digits after the point");
    tier->unit.e18 /= PERCENT;
}

static int read_percentage(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                           struct mtr_component *out)
{
    const struct tariff_percentage_fields *from = &fields->percentage;
    out->percentage = (struct mtr_percentage_events){
        .has_minimum = from->has_minimum,
        .has_maximum = from->has_maximum,
        .has_free_events = from->has_free_events,
        .has_free_amount = from->has_free_amount,
        .minimum = from->minimum,
        .maximum = from->maximum,
        .free_events = from->free_events,
        .free_amount = from->free_amount,
    };
    return tariff_read_single_tier(arena, from->rate, from->fixed, out);
}

static void lint_events(const struct mtr_node *node, const struct mtr_component *component,
                        struct mtr_diagnostics *findings)
{
    static const char *const keys[] = {"minimum", "maximum", "free_events", "free_amount"};
    const struct mtr_percentage_events *events = &component->percentage;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && component->scope != MTR_SLICE_BY_EVENT; i++)
        if (mtr_node_get(node, keys[i]))
            tariff_error(findings, mtr_node_get(node, keys[i]), keys[i],
                         "is of each event: write `scope: event` too");
    if (events->minimum.e18 < 0)
        tariff_error(findings, tariff_place(node, "minimum"), "minimum", "must not be negative");
    if (events->maximum.e18 < 0)
        tariff_error(findings, tariff_place(node, "maximum"), "maximum", "must not be negative");
    if (events->has_minimum && events->has_maximum && mtr_money_compare(events->minimum, events->maximum) > 0)
        tariff_error(findings, tariff_place(node, "minimum"), "minimum", "is more than the maximum");
    if (events->free_amount.e12 < 0)
        tariff_error(findings, tariff_place(node, "free_amount"), "free_amount", "must not be negative");
    if (component->has_free_units && (events->has_free_events || events->has_free_amount))
        tariff_error(findings, tariff_place(node, events->has_free_amount ? "free_amount" : "free_events"),
                     "percentage", "stands instead of free_units: remove one of them");
}

static void lint_percentage(const struct mtr_node *node, struct mtr_component *component,
                            struct mtr_diagnostics *findings)
{
    struct mtr_tier *tier = &component->tiers[0];
    if (tier->unit.e18 < 0)
        tariff_warning(findings, tariff_place(node, "rate"), "rate", "is negative: it pays the customer");
    if (tier->flat.e18 < 0)
        tariff_warning(findings, tariff_place(node, "fixed"), "fixed", "is negative: it pays the customer");
    divide_rate(node, tier, findings);
    lint_events(node, component, findings);
}

static int read_graduated_percentage(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                                     struct mtr_component *out)
{
    return tariff_read_tiers(arena, &fields->graduated_percentage, out);
}

static void lint_graduated_percentage(const struct mtr_node *node, struct mtr_component *component,
                                      struct mtr_diagnostics *findings)
{
    tariff_lint_tiers(node, component, (struct tariff_tier_keys){"rate", "flat"}, findings);
    for (uint32_t i = 0; i < component->tier_count; i++)
        divide_rate(&node->children[i], &component->tiers[i], findings);
    tariff_sum_tiers(component);
}

static int read_dynamic(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                        struct mtr_component *out)
{
    out->zero_units_are_free = fields->dynamic.zero_units == 1;
    return tariff_read_single_tier(arena, fields->dynamic.multiplier, (struct mtr_money){0}, out);
}

static void lint_dynamic(const struct mtr_node *node, struct mtr_component *component,
                         struct mtr_diagnostics *findings)
{
    if (component->tiers[0].unit.e18 < 0)
        tariff_warning(findings, tariff_place(node, "multiplier"), "multiplier",
                       "is negative: it pays the customer");
    const struct mtr_node *units = mtr_node_get(node, "units"),
                          *zero_units = mtr_node_get(node, "zero_units");
    if (units && !component->units_input)
        tariff_error(findings, units, "units",
                     "is a second meter of the component, which a row of a matrix cannot have");
    if (zero_units && !units)
        tariff_error(findings, zero_units, "zero_units", "needs the meter of the units: write `units` too");
}

const struct tariff_curve mtr_tariff_curve_percentage = {TARIFF_CURVE_KEY(percentage),
                                                         .read = read_percentage, .lint = lint_percentage};
const struct tariff_curve mtr_tariff_curve_graduated_percentage = {
    TARIFF_CURVE_KEY(graduated_percentage), .has_flats = true, .read = read_graduated_percentage,
    .lint = lint_graduated_percentage};
const struct tariff_curve mtr_tariff_curve_dynamic = {TARIFF_CURVE_KEY(dynamic), .read = read_dynamic,
                                                      .lint = lint_dynamic};
