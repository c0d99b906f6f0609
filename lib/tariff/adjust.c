/*
 * Discounts and markups: their rows, their reading and their findings.
 */
#include "lib/tariff/fields.h"

#include "lib/tariff/report.h"

static const mtr_int128 whole_e12 = (mtr_int128)100 * 1000000000000;

const struct mtr_field mtr_tariff_discount_rows[] = {
    {.name = "percent", .type = MTR_FIELD_QUANTITY, AT(tariff_adjust_fields, percent),
     PRESENT(tariff_adjust_fields, has_percent), .doc = "0 to 100"},
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(tariff_adjust_fields, amount),
     PRESENT(tariff_adjust_fields, has_amount),
     .doc = "instead of percent: off each line, which it never takes below zero"},
    {0},
};

const struct mtr_field mtr_tariff_markup_rows[] = {
    {.name = "party", .type = MTR_FIELD_TEXT, AT(tariff_adjust_fields, party), .min = 1, .max = 64,
     .doc = "who adds it, in a chain of partners"},
    {.name = "percent", .type = MTR_FIELD_QUANTITY, AT(tariff_adjust_fields, percent),
     PRESENT(tariff_adjust_fields, has_percent), .doc = "0 or more"},
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(tariff_adjust_fields, amount),
     PRESENT(tariff_adjust_fields, has_amount), .doc = "instead of percent: on top of each line"},
    {0},
};

static void check_measure(const struct mtr_node *node, const struct tariff_adjust_fields *fields,
                          bool is_discount, struct mtr_diagnostics *findings)
{
    const struct mtr_node *percent = tariff_place(node, "percent");
    if (fields->has_percent == fields->has_amount)
        tariff_error(findings, node, is_discount ? "discount" : "markup",
                     "takes `percent` or `amount`, one of them");
    if (fields->has_amount && fields->amount.e18 < 0)
        tariff_error(findings, tariff_place(node, "amount"), "amount", "must not be negative");
    if (!fields->has_percent) return;
    if (is_discount && (fields->percent.e12 < 0 || fields->percent.e12 > whole_e12))
        tariff_error(findings, percent, "discount.percent", "must be from 0 to 100");
    if (!is_discount && fields->percent.e12 < 0)
        tariff_error(findings, percent, "markup.percent", "must not be negative: write a discount");
    if (!is_discount && fields->percent.e12 > 10000 * whole_e12)
        tariff_error(findings, percent, "markup.percent", "must be at most 1000000");
}

static void add(const struct mtr_node *node, const struct tariff_adjust_fields *fields, bool is_discount,
                struct mtr_component *out, struct mtr_diagnostics *findings)
{
    check_measure(node, fields, is_discount, findings);
    out->adjustments[out->adjustment_count++] = (struct mtr_adjustment){
        .is_discount = is_discount,
        .has_amount = fields->has_amount,
        .percent = fields->percent,
        .amount = fields->amount,
        .party = fields->party,
    };
}

/* A fee may be charged in shares, each a line. */
static void forbid_amounts(const struct mtr_node *node, const struct tariff_component_fields *fields,
                           struct mtr_diagnostics *findings)
{
    const struct tariff_adjust_fields *markups = fields->markup.items;
    bool has_amount = fields->has_discount && fields->discount.has_amount;
    for (uint32_t i = 0; i < fields->markup.count; i++) has_amount = has_amount || markups[i].has_amount;
    if (has_amount)
        tariff_error(findings, node, "recurring",
                     "a recurring fee takes discounts and markups in percent: change its amount instead");
}

int tariff_read_adjust(const struct mtr_node *node, const struct tariff_component_fields *fields,
                           struct mtr_arena *arena, struct mtr_component *out,
                           struct mtr_diagnostics *findings)
{
    const struct mtr_node *markup = mtr_node_get(node, "markup");
    const struct tariff_adjust_fields *markups = fields->markup.items;
    out->adjustments = mtr_arena_calloc(arena, (size_t)fields->markup.count + 1, sizeof(*out->adjustments));
    if (!out->adjustments) return MTR_ENOMEM;
    if (mtr_component_is_fee(out)) forbid_amounts(node, fields, findings);
    if (fields->has_discount) add(mtr_node_get(node, "discount"), &fields->discount, true, out, findings);
    for (uint32_t i = 0; i < fields->markup.count; i++)
        add(markup->kind == MTR_NODE_LIST ? &markup->children[i] : markup, &markups[i], false, out, findings);
    return MTR_OK;
}
