/*
 * Increments: a connect fee, then use in started steps, with other steps and prices from given quantities on
 * (60+1 seconds).
 */
#include "lib/tariff/curve/curve.h"

#include "lib/tariff/report.h"

static const struct mtr_field step_rows[] = {
    {.name = "from", .type = MTR_FIELD_QUANTITY, AT(tariff_increment_fields, from), .default_text = "0",
     .doc = "quantity from which this row holds; the first row begins at 0"},
    {.name = "price", .type = MTR_FIELD_MONEY, AT(tariff_increment_fields, price), .required = true,
     .doc = "price of `per` units"},
    {.name = "per", .type = MTR_FIELD_QUANTITY, AT(tariff_increment_fields, per), .default_text = "1",
     .doc = "units that the price buys"},
    {.name = "step", .type = MTR_FIELD_QUANTITY, AT(tariff_increment_fields, step), .default_text = "1",
     .doc = "units that use is rounded up to"},
    {0},
};

const struct mtr_field mtr_tariff_increments_rows[] = {
    {.name = "connect", .type = MTR_FIELD_MONEY, AT(tariff_increments_fields, connect),
     .doc = "due once when there is use"},
    {.name = "steps", .type = MTR_FIELD_LIST, AT(tariff_increments_fields, steps), .required = true, .min = 1,
     .max = MTR_TARIFF_TIERS_MAX, .fields = step_rows, .item_size = sizeof(struct tariff_increment_fields),
     .doc = "ascending by from"},
    {0},
};

static int read_increments(struct mtr_arena *arena, const struct tariff_component_fields *component,
                           struct mtr_component *out)
{
    const struct tariff_increments_fields *fields = &component->increments;
    const struct tariff_increment_fields *steps = fields->steps.items;
    out->connect = fields->connect;
    out->increments = mtr_arena_calloc(arena, fields->steps.count, sizeof(*out->increments));
    if (!out->increments) return MTR_ENOMEM;
    out->increment_count = fields->steps.count;
    for (uint32_t i = 0; i < fields->steps.count; i++)
        out->increments[i] = (struct mtr_increment){
            .from = steps[i].from, .price = steps[i].price, .per = steps[i].per, .step = steps[i].step};
    return MTR_OK;
}

static void lint_from(const struct mtr_node *row, const struct mtr_increment *before,
                      const struct mtr_increment *increment, struct mtr_diagnostics *findings)
{
    const struct mtr_node *place = tariff_place(row, "from");
    if (!before) {
        if (increment->from.e12)
            tariff_error(findings, place, "from", "the first row begins at 0: use below it has no price");
        return;
    }
    if (mtr_quantity_compare(increment->from, before->from) <= 0) {
        tariff_error(findings, place, "from",
                     "must be more than that of the row before, which would never be reached");
        return;
    }
    bool whole = before->step.e12 <= 0 || (increment->from.e12 - before->from.e12) % before->step.e12 == 0;
    if (!whole)
        tariff_error(findings, place, "from",
                     "must be a whole number of the steps of the row before away from it");
}

static void lint_increments(const struct mtr_node *node, struct mtr_component *component,
                            struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = mtr_node_get(node, "steps");
    if (component->connect.e18 < 0)
        tariff_warning(findings, tariff_place(node, "connect"), "connect",
                       "is negative: use pays the customer");
    for (uint32_t i = 0; i < component->increment_count; i++) {
        const struct mtr_increment *increment = &component->increments[i];
        const struct mtr_node *row = &list->children[i];
        if (increment->per.e12 <= 0)
            tariff_error(findings, tariff_place(row, "per"), "per", "must be more than 0");
        if (increment->step.e12 <= 0)
            tariff_error(findings, tariff_place(row, "step"), "step", "must be more than 0");
        if (increment->price.e18 < 0)
            tariff_warning(findings, tariff_place(row, "price"), "price",
                           "is negative: use pays the customer");
        if (increment->from.e12 < 0)
            tariff_error(findings, tariff_place(row, "from"), "from", "must not be negative");
        else lint_from(row, i ? increment - 1 : NULL, increment, findings);
    }
}

const struct tariff_curve mtr_tariff_curve_increments = {TARIFF_CURVE_KEY(increments),
                                                         .read = read_increments, .lint = lint_increments};
