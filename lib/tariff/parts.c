/*
 * The parts around the curve: conversion and rounding of the quantity, and commitment. Their rows, their
 * reading and their findings.
 */
#include "lib/tariff/fields.h"

#include "lib/tariff/report.h"

static const struct mtr_quantity one = {(mtr_int128)1000000000000};

const struct mtr_field mtr_tariff_convert_rows[] = {
    {.name = "multiply", .type = MTR_FIELD_QUANTITY, AT(tariff_convert_fields, multiply),
     PRESENT(tariff_convert_fields, has_multiply), .doc = "factor on the meter's quantity"},
    {.name = "divide", .type = MTR_FIELD_QUANTITY, AT(tariff_convert_fields, divide),
     PRESENT(tariff_convert_fields, has_divide),
     .doc = "what the quantity is divided by, as 1000000000 from bytes to GB"},
    {.name = "rounding", .type = MTR_FIELD_ENUM, AT(tariff_convert_fields, rounding),
     .choices = mtr_tariff_rounding_modes, .default_text = "half_even",
     .doc = "how the quantity of the period is rounded, once"},
    {.name = "digits", .type = MTR_FIELD_U64, AT(tariff_convert_fields, digits),
     PRESENT(tariff_convert_fields, has_digits), .min = 0, .max = MTR_QUANTITY_DIGITS,
     .doc = "fraction digits that it is rounded to; 12 unless given"},
    {.name = "step", .type = MTR_FIELD_QUANTITY, AT(tariff_convert_fields, step),
     PRESENT(tariff_convert_fields, has_step),
     .doc = "instead of digits: whole multiples of this, as 100 or 0.25"},
    {0},
};

const struct mtr_field mtr_tariff_commitment_rows[] = {
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(tariff_commitment_fields, amount), .required = true,
     .doc = "committed for a whole period"},
    {.name = "overage", .type = MTR_FIELD_QUANTITY, AT(tariff_commitment_fields, overage),
     .default_text = "1", .doc = "factor on what goes beyond the commitment"},
    {.name = "true_up", .type = MTR_FIELD_BOOL, AT(tariff_commitment_fields, true_up), .default_text = "true",
     .doc = "what is missing is due when the period closes; false: only the overage counts"},
    {.name = "prorate", .type = MTR_FIELD_ENUM, AT(tariff_commitment_fields, prorate),
     .choices = mtr_tariff_prorates, .default_text = "none",
     .doc = "share of the amount in a period that the subscription runs through in part"},
    {0},
};

static void check_positive(const struct mtr_node *node, const char *key, struct mtr_quantity value,
                           struct mtr_diagnostics *findings)
{
    if (value.e12 <= 0) tariff_error(findings, tariff_place(node, key), key, "must be more than 0");
}

void tariff_read_convert(const struct mtr_node *component, const struct tariff_component_fields *fields,
                         struct mtr_component *out, struct mtr_diagnostics *findings)
{
    const struct tariff_convert_fields *from = &fields->convert;
    const struct mtr_node *node = mtr_node_get(component, "convert");
    size_t errors_before = findings->errors;
    if (!fields->has_convert) return;
    out->convert = (struct mtr_convert){
        .given = true,
        .has_step = from->has_step,
        .numerator = from->has_multiply ? from->multiply : one,
        .denominator = from->has_divide ? from->divide : one,
        .step = from->step,
        .digits = from->has_digits ? (unsigned)from->digits : MTR_QUANTITY_DIGITS,
        .rounding = (enum mtr_rounding)from->rounding,
    };
    check_positive(node, "multiply", out->convert.numerator, findings);
    check_positive(node, "divide", out->convert.denominator, findings);
    if (from->has_step) check_positive(node, "step", from->step, findings);
    if (from->has_step && from->has_digits)
        tariff_error(findings, tariff_place(node, "step"), "step",
                     "stands instead of digits: remove one of them");
    if (!from->has_step || findings->errors > errors_before) return;
    /* steps are counted by one division: its divisor must be a number that can be held */
    struct mtr_quantity up = {0}, down = {0};
    struct mtr_quantity divide = out->convert.denominator;
    if (mtr_quantity_scale(divide, from->step, one, MTR_QUANTITY_DIGITS, MTR_ROUND_UP, &up) ||
        mtr_quantity_scale(divide, from->step, one, MTR_QUANTITY_DIGITS, MTR_ROUND_DOWN, &down) ||
        mtr_quantity_compare(up, down) != 0)
        tariff_error(findings, tariff_place(node, "step"), "step",
                     "times `divide` has more than 12 digits after the point or is too large");
    out->convert.denominator = up;
}

struct mtr_commitment tariff_read_commitment(const struct mtr_node *node,
                                             const struct tariff_commitment_fields *fields,
                                             struct mtr_diagnostics *findings)
{
    if (fields->overage.e12 < 0)
        tariff_error(findings, tariff_place(node, "overage"), "commitment.overage", "must not be negative");
    if (!fields->true_up && fields->overage.e12 == one.e12)
        tariff_warning(findings, node, "commitment",
                       "changes nothing: it has neither an overage factor nor a true-up");
    return (struct mtr_commitment){
        .given = true,
        .true_up = fields->true_up,
        .amount = fields->amount,
        .overage = fields->overage,
        .prorate = (enum mtr_prorate)fields->prorate,
    };
}
