/*
 * Package: whole packages of so many units. How a started one counts is a rounding, away from zero on both
 * sides unless it says otherwise; `none` bills its share: the product is made first and divided once.
 */
#include "lib/tariff/curve/curve.h"

#include <stdio.h>

#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

struct package {
    struct mtr_quantity size;
    struct mtr_money price;
    int rounding; /* of started packages: 0 by their share, else 1 + enum mtr_rounding */
};

_Static_assert(MTR_ROUND_HALF_EVEN == 0 && MTR_ROUND_FLOOR == 5,
               "roundings are in the order of enum mtr_rounding, one later");
static const char *const roundings[] = {"none", "half_even", "half_up", "up",
                                        "down", "ceiling",   "floor",   NULL};

static const struct mtr_field rows[] = {
    {.name = "size", .type = MTR_FIELD_QUANTITY, AT(package, size), .required = true,
     .doc = "units in a package"},
    {.name = "price", .type = MTR_FIELD_MONEY, AT(package, price), .required = true,
     .doc = "price of a package"},
    {.name = "rounding", .type = MTR_FIELD_ENUM, AT(package, rounding), .choices = roundings,
     .default_text = "up",
     .doc = "how a started package counts: up bills it whole, down not at all, none its share"},
    {0},
};

static void lint_package(const struct mtr_node *node, struct mtr_component *component,
                         struct mtr_diagnostics *findings)
{
    const struct package *package = component->curve_data;
    if (package->size.e12 <= 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NOT_POSITIVE, tariff_place(node, "size"),
                      "package.size", "must be more than 0");
    if (package->price.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, node, "package",
                      "is negative: it pays the customer");
}

static int trace_share(struct mtr_pricer *pricer, const struct mtr_line_work *work)
{
    const struct package *package = work->priced->curve_data;
    char count[MTR_DECIMAL_TEXT_BYTES], size[MTR_DECIMAL_TEXT_BYTES], unit[MTR_DECIMAL_TEXT_BYTES],
        output[MTR_DECIMAL_TEXT_BYTES];
    char input[4 * MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(work->billed, count);
    mtr_quantity_format(package->size, size);
    mtr_money_format(package->price, unit);
    mtr_exact_format(work->line.exact, output);
    snprintf(input, sizeof(input), "%s × %s ÷ %s", count, unit, size);
    return price_trace(pricer, price_next_line(pricer), "package", input, output);
}

static int price_share(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct package *package = work->priced->curve_data;
    int rc = mtr_exact_scale(mtr_exact_product(work->billed, package->price), MTR_QUANTITY(1), package->size,
                             MTR_ROUND_HALF_EVEN, &work->line.exact);
    return rc || !pricer->with_trace ? rc : trace_share(pricer, work);
}

static int price_package(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct package *package = work->priced->curve_data;
    struct mtr_price_product product = {.row_count = 1, .unit = package->price};
    if (package->rounding == 0) return price_share(pricer, work);
    int rc = price_blocks_of(pricer, "packages", work->billed, package->size,
                             (enum mtr_rounding)(package->rounding - 1), &product.quantity);
    return rc ? rc : price_add_product(pricer, work, &product);
}

const struct tariff_curve tariff_curve_package = {
    .row = {.name = "package", .type = MTR_FIELD_MAP, .own_size = sizeof(struct package),
            .fields = rows, .doc = "curve: whole packages"},
    .has_units = true,
    .lint = lint_package,
    .price = price_package,
};
