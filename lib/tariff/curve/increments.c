/*
 * Increments: a connect fee, then use in started steps, with other steps and prices from given quantities on
 * (60+1 seconds).
 *
 * What lies between one row's `from` and the next counts in started steps of that row, at its price per so
 * many units. Rows are whole steps apart (the linter sees to it), so only the last step that use reaches is
 * rounded up. The connect fee is due once with any use. Negative use counts in steps of the first row,
 * without the fee.
 */
#include "lib/tariff/curve/curve.h"

#include <stdio.h>

#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"


/* From here on use counts in steps; `price` buys `per` units. */
struct increment {
    struct mtr_quantity from; /* the first is 0; each a whole number of the steps before it away */
    struct mtr_money price;
    struct mtr_quantity per, step; /* > 0 */
};

struct increments {
    struct mtr_money connect; /* due once when there is use */
    struct mtr_list steps;    /* of struct increment */
};

static const struct mtr_field step_rows[] = {
    {.name = "from", .type = MTR_FIELD_QUANTITY, AT(increment, from), .default_text = "0",
     .doc = "quantity from which this row holds; the first row begins at 0"},
    {.name = "price", .type = MTR_FIELD_MONEY, AT(increment, price), .required = true,
     .doc = "price of `per` units"},
    {.name = "per", .type = MTR_FIELD_QUANTITY, AT(increment, per), .default_text = "1",
     .doc = "units that the price buys"},
    {.name = "step", .type = MTR_FIELD_QUANTITY, AT(increment, step), .default_text = "1",
     .doc = "units that use is rounded up to"},
    {0},
};

static const struct mtr_field rows[] = {
    {.name = "connect", .type = MTR_FIELD_MONEY, AT(increments, connect),
     .doc = "due once when there is use"},
    {.name = "steps", .type = MTR_FIELD_LIST, AT(increments, steps), .required = true, .min = 1,
     .max = MTR_TARIFF_TIERS_MAX, .fields = step_rows, .item_size = sizeof(struct increment),
     .doc = "ascending by from"},
    {0},
};

/* ---- findings ---- */

static void lint_from(const struct mtr_node *row, const struct increment *before,
                      const struct increment *increment, struct mtr_diagnostics *findings)
{
    const struct mtr_node *place = tariff_place(row, "from");
    if (!before) {
        if (increment->from.e12)
            tariff_report(findings, MTR_FINDING_TARIFF_TIERS_GAP, place, "from",
                          "the first row begins at 0: use below it has no price");
        return;
    }
    if (mtr_quantity_compare(increment->from, before->from) <= 0) {
        tariff_report(findings, MTR_FINDING_TARIFF_TIERS_UNREACHABLE, place, "from",
                      "must be more than that of the row before, which would never be reached");
        return;
    }
    bool whole = before->step.e12 <= 0 || (increment->from.e12 - before->from.e12) % before->step.e12 == 0;
    if (!whole)
        tariff_report(findings, MTR_FINDING_TARIFF_INCREMENTS_STEPS, place, "from",
                      "must be a whole number of the steps of the row before away from it");
}

static void lint_increments(const struct mtr_node *node, struct mtr_component *component,
                            struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = mtr_node_get(node, "steps");
    const struct increments *increments = component->curve_data;
    const struct increment *steps = increments->steps.items;
    if (increments->connect.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, tariff_place(node, "connect"), "connect",
                      "is negative: use pays the customer");
    for (uint32_t i = 0; i < increments->steps.count; i++) {
        const struct increment *increment = &steps[i];
        const struct mtr_node *row = &list->children[i];
        if (increment->per.e12 <= 0)
            tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NOT_POSITIVE, tariff_place(row, "per"), "per",
                          "must be more than 0");
        if (increment->step.e12 <= 0)
            tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NOT_POSITIVE, tariff_place(row, "step"), "step",
                          "must be more than 0");
        if (increment->price.e18 < 0)
            tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, tariff_place(row, "price"), "price",
                          "is negative: use pays the customer");
        if (increment->from.e12 < 0)
            tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NEGATIVE, tariff_place(row, "from"), "from",
                          "must not be negative");
        else lint_from(row, i ? increment - 1 : NULL, increment, findings);
    }
}

/* ---- price ---- */

static int trace_steps(struct mtr_pricer *pricer, uint32_t row, const struct increment *increment,
                       struct mtr_quantity billed, struct mtr_exact amount)
{
    char count[MTR_DECIMAL_TEXT_BYTES], price[MTR_DECIMAL_TEXT_BYTES], per[MTR_DECIMAL_TEXT_BYTES],
        output[MTR_DECIMAL_TEXT_BYTES];
    char name[64], input[4 * MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(billed, count);
    mtr_money_format(increment->price, price);
    mtr_quantity_format(increment->per, per);
    mtr_exact_format(amount, output);
    snprintf(name, sizeof(name), "increments, row %u", row + 1);
    snprintf(input, sizeof(input), "%s × %s ÷ %s", count, price, per);
    return price_trace(pricer, price_next_line(pricer), name, input, output);
}

static int add_steps(struct mtr_pricer *pricer, struct mtr_line_work *work, uint32_t row,
                     struct mtr_quantity quantity)
{
    const struct increments *increments = work->priced->curve_data;
    const struct increment *increment = (const struct increment *)increments->steps.items + row;
    struct mtr_quantity steps, billed;
    struct mtr_exact amount;
    int rc = price_blocks_of(pricer, "steps", quantity, increment->step, MTR_ROUND_UP, &steps);
    if (!rc)
        rc = mtr_quantity_scale(steps, increment->step, MTR_QUANTITY(1), MTR_QUANTITY_DIGITS,
                                MTR_ROUND_HALF_EVEN, &billed);
    if (!rc)
        rc = mtr_exact_scale(mtr_exact_product(billed, increment->price), MTR_QUANTITY(1), increment->per,
                             MTR_ROUND_HALF_EVEN, &amount);
    if (!rc) rc = mtr_exact_add(work->line.exact, amount, &work->line.exact);
    if (!rc && pricer->with_trace) rc = trace_steps(pricer, row, increment, billed, amount);
    return rc;
}

static int add_connect(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_money connect = ((const struct increments *)work->priced->curve_data)->connect;
    char fee[MTR_DECIMAL_TEXT_BYTES];
    if (!connect.e18) return MTR_OK;
    int rc = mtr_exact_add(work->line.exact, mtr_exact_from_money(connect), &work->line.exact);
    if (rc || !pricer->with_trace) return rc;
    mtr_money_format(connect, fee);
    return price_trace(pricer, price_next_line(pricer), "connect", "1", fee);
}

static int price_increments(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct increments *increments = work->priced->curve_data;
    const struct increment *steps = increments->steps.items;
    struct mtr_quantity use = work->billed;
    if (use.e12 <= 0) return add_steps(pricer, work, 0, use);
    int rc = add_connect(pricer, work);
    for (uint32_t i = 0; !rc && i < increments->steps.count; i++) {
        struct mtr_quantity from = steps[i].from, to = use, width;
        if (mtr_quantity_compare(use, from) <= 0) break;
        if (i + 1 < increments->steps.count &&
            mtr_quantity_compare(steps[i + 1].from, use) < 0)
            to = steps[i + 1].from;
        rc = mtr_quantity_sub(to, from, &width);
        if (!rc) rc = add_steps(pricer, work, i, width);
    }
    return rc;
}

static void add_borders(const struct mtr_component *component, struct tariff_borders *borders)
{
    const struct increments *increments = component->curve_data;
    const struct increment *steps = increments->steps.items;
    for (uint32_t i = 1; i < increments->steps.count; i++) price_add_border(borders, steps[i].from);
}

const struct tariff_curve tariff_curve_increments = {
    .row = {.name = "increments", .type = MTR_FIELD_MAP, .own_size = sizeof(struct increments),
            .fields = rows, .doc = "curve: a connect fee, then started steps, as 60+1 seconds"},
    .has_units = true,
    .lint = lint_increments,
    .price = price_increments,
    .borders = add_borders,
};
