/*
 * Per unit: one price for every unit.
 */
#include "lib/tariff/curve/curve.h"
#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

struct per_unit {
    struct mtr_money unit;
};

static void lint_per_unit(const struct mtr_node *node, struct mtr_component *component,
                          struct mtr_diagnostics *findings)
{
    const struct per_unit *price = component->curve_data;
    if (price->unit.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, node, "per_unit",
                      "is negative: it pays the customer");
}

static int price_per_unit(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct per_unit *price = work->priced->curve_data;
    const struct mtr_price_product product = {
        .row_count = 1, .quantity = work->billed, .unit = price->unit};
    work->line.has_unit_price = true;
    work->line.unit_price = price->unit;
    return price_add_product(pricer, work, &product);
}

const struct tariff_curve tariff_curve_per_unit = {
    .row = {.name = "per_unit", .type = MTR_FIELD_MONEY, AT(per_unit, unit),
            .own_size = sizeof(struct per_unit), .doc = "curve: one price for every unit"},
    .weighs_by_time = true,
    .has_units = true,
    .lint = lint_per_unit,
    .price = price_per_unit,
};
