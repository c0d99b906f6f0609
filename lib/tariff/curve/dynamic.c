/*
 * Dynamic: the meter's quantity is the price already, times a multiplier. With `units` a second meter counts
 * the units that the amount is asked for; without any, the amount may be free.
 */
#include "lib/tariff/curve/curve.h"
#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

struct dynamic {
    struct mtr_money multiplier;
    bool has_units;
    struct mtr_str units; /* a meter */
    int zero_units;       /* an amount without units: 0 is billed, 1 costs nothing */
};

static const char *const zero_units_choices[] = {"bill", "skip", NULL};

static const struct mtr_field rows[] = {
    {.name = "multiplier", .type = MTR_FIELD_MONEY, AT(dynamic, multiplier), .default_text = "1",
     .is_factor = true,
     .doc = "factor on the amount: 1.15 adds 15 percent, 0.01 turns cents into units"},
    {.name = "units", .type = MTR_FIELD_KEY, AT(dynamic, units), PRESENT(dynamic, has_units),
     .doc = "meter of the units that the amount is asked for"},
    {.name = "zero_units", .type = MTR_FIELD_ENUM, AT(dynamic, zero_units),
     .choices = zero_units_choices, .default_text = "bill",
     .doc = "an amount without units is billed, or not"},
    {0},
};

static struct mtr_str side_meter(const void *fields)
{
    const struct dynamic *dynamic = fields;
    return dynamic->has_units ? dynamic->units : MTR_STR("");
}

static void lint_dynamic(const struct mtr_node *node, struct mtr_component *component,
                         struct mtr_diagnostics *findings)
{
    const struct dynamic *dynamic = component->curve_data;
    const struct mtr_node *units = mtr_node_get(node, "units"),
                          *zero_units = mtr_node_get(node, "zero_units");
    if (dynamic->multiplier.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, tariff_place(node, "multiplier"),
                      "multiplier", "is negative: it pays the customer");
    if (units && !component->has_side_input)
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, units, "units",
                      "is a second meter of the component, which a row of a matrix cannot have");
    if (zero_units && !units)
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_REQUIRED, zero_units, "zero_units",
                      "needs the meter of the units: write `units` too");
}

static void lint_scope(const struct mtr_node *node, const struct mtr_component *component,
                       struct mtr_diagnostics *findings)
{
    if (component->has_side_input && !tariff_is_whole(component->scope))
        tariff_report(findings, MTR_FINDING_TARIFF_SCOPE_WRONG, tariff_place(node, "scope"), "scope",
                      "`units` are those of the whole line: they need scope period or term");
}

static int price_dynamic(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct dynamic *dynamic = work->priced->curve_data;
    const struct mtr_price_product product = {
        .row_count = 1, .quantity = work->billed, .unit = dynamic->multiplier};
    if (dynamic->zero_units == 0 || price_input_quantity(work, 1).e12 != 0) {
        work->line.has_unit_price = true;
        work->line.unit_price = dynamic->multiplier;
        return price_add_product(pricer, work, &product);
    }
    if (!pricer->with_trace) return MTR_OK;
    char amount[MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(work->billed, amount);
    return price_trace(pricer, price_next_line(pricer), "dynamic, no units", amount, "0");
}

const struct tariff_curve tariff_curve_dynamic = {
    .row = {.name = "dynamic", .type = MTR_FIELD_MAP, .own_size = sizeof(struct dynamic),
            .fields = rows, .doc = "curve: the meter's quantity is the price already, times a multiplier"},
    .side_meter = side_meter,
    .lint = lint_dynamic,
    .lint_scope = lint_scope,
    .price = price_dynamic,
};
