/*
 * Conversion of the meter's quantity into the unit that is priced, and its rounding: one multiplication, one
 * division, rounded once. It is the quantity of the whole line that is rounded, never that of an event.
 */
#include "lib/tariff/part/part.h"

#include <stdio.h>

#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"


struct convert_fields {
    bool has_multiply, has_divide, has_digits, has_step;
    struct mtr_quantity multiply, divide, step;
    uint64_t digits;
    int rounding;
};

/* Quantity × numerator ÷ denominator, then rounded to whole multiples of `step`, or to `digits`. */
struct convert {
    bool has_step;
    struct mtr_quantity numerator, denominator; /* denominator: with has_step that of the number of steps */
    struct mtr_quantity step;
    unsigned digits;
    enum mtr_rounding rounding;
};

static const struct mtr_field rows[] = {
    {.name = "multiply", .type = MTR_FIELD_QUANTITY, AT(convert_fields, multiply),
     PRESENT(convert_fields, has_multiply), .doc = "factor on the meter's quantity"},
    {.name = "divide", .type = MTR_FIELD_QUANTITY, AT(convert_fields, divide),
     PRESENT(convert_fields, has_divide),
     .doc = "what the quantity is divided by, as 1000000000 from bytes to GB"},
    {.name = "rounding", .type = MTR_FIELD_ENUM, AT(convert_fields, rounding),
     .choices = mtr_tariff_rounding_modes, .default_text = "half_even",
     .doc = "how the quantity of the period is rounded, once"},
    {.name = "digits", .type = MTR_FIELD_U64, AT(convert_fields, digits),
     PRESENT(convert_fields, has_digits), .min = 0, .max = MTR_QUANTITY_DIGITS,
     .doc = "fraction digits that it is rounded to; 12 unless given"},
    {.name = "step", .type = MTR_FIELD_QUANTITY, AT(convert_fields, step),
     PRESENT(convert_fields, has_step),
     .doc = "instead of digits: whole multiples of this, as 100 or 0.25"},
    {0},
};

static int read_convert(struct mtr_arena *arena, const void *fields, void **out)
{
    const struct convert_fields *from = fields;
    struct convert *convert = mtr_arena_calloc(arena, 1, sizeof(*convert));
    if (!convert) return MTR_ENOMEM;
    *convert = (struct convert){
        .has_step = from->has_step,
        .numerator = from->has_multiply ? from->multiply : MTR_QUANTITY(1),
        .denominator = from->has_divide ? from->divide : MTR_QUANTITY(1),
        .step = from->step,
        .digits = from->has_digits ? (unsigned)from->digits : MTR_QUANTITY_DIGITS,
        .rounding = (enum mtr_rounding)from->rounding,
    };
    *out = convert;
    return MTR_OK;
}

static void check_positive(const struct mtr_node *node, const char *key, struct mtr_quantity value,
                           struct mtr_diagnostics *findings)
{
    if (value.e12 <= 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NOT_POSITIVE, tariff_place(node, key), key,
                      "must be more than 0");
}

static void lint_convert(const struct mtr_node *component_node, const struct mtr_tariff_document *tariff,
                         struct mtr_component *component, struct mtr_diagnostics *findings)
{
    struct convert *convert = TARIFF_PART_OF(component, convert);
    const struct mtr_node *node = mtr_node_get(component_node, "convert");
    size_t errors_before = findings->errors;
    (void)tariff;
    check_positive(node, "multiply", convert->numerator, findings);
    check_positive(node, "divide", convert->denominator, findings);
    if (!convert->has_step) return;
    check_positive(node, "step", convert->step, findings);
    if (mtr_node_get(node, "digits"))
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_CONFLICT, tariff_place(node, "step"), "step",
                      "stands instead of digits: remove one of them");
    if (findings->errors > errors_before) return;
    /* steps are counted by one division: its divisor must be a number that can be held */
    struct mtr_quantity up = {0}, down = {0};
    const struct mtr_quantity divide = convert->denominator, step = convert->step;
    if (mtr_quantity_scale(divide, step, MTR_QUANTITY(1), MTR_QUANTITY_DIGITS, MTR_ROUND_UP, &up) ||
        mtr_quantity_scale(divide, step, MTR_QUANTITY(1), MTR_QUANTITY_DIGITS, MTR_ROUND_DOWN, &down) ||
        mtr_quantity_compare(up, down) != 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_RANGE, tariff_place(node, "step"), "step",
                      "times `divide` has more than 12 digits after the point or is too large");
    convert->denominator = up;
}

static int trace_convert(struct mtr_pricer *pricer, const struct convert *convert,
                         struct mtr_quantity before, struct mtr_quantity after)
{
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES], step[MTR_DECIMAL_TEXT_BYTES],
        name[2 * MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(before, input);
    mtr_quantity_format(after, output);
    mtr_quantity_format(convert->step, step);
    const char *mode = mtr_rounding_name(convert->rounding);
    if (convert->has_step) snprintf(name, sizeof(name), "convert, round %s to steps of %s", mode, step);
    else snprintf(name, sizeof(name), "convert, round %s to %u digits", mode, convert->digits);
    return price_trace(pricer, price_next_line(pricer), name, input, output);
}

static int apply_convert(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct convert *convert = TARIFF_PART_OF(work->component, convert);
    struct mtr_quantity before = work->billed, after;
    if (!convert) return MTR_OK;
    unsigned digits = convert->has_step ? 0 : convert->digits;
    int rc = mtr_quantity_scale(before, convert->numerator, convert->denominator, digits, convert->rounding,
                                &after);
    if (!rc && convert->has_step)
        rc = mtr_quantity_scale(after, convert->step, MTR_QUANTITY(1), MTR_QUANTITY_DIGITS,
                                MTR_ROUND_HALF_EVEN, &after);
    if (rc) return rc;
    work->billed = after;
    return pricer->with_trace ? trace_convert(pricer, convert, before, after) : MTR_OK;
}

/* Up to the next quantity that reaches it. */
static int take_back_convert(const void *own, struct mtr_quantity *quantity)
{
    const struct convert *convert = own;
    int rc = MTR_OK;
    if (convert->has_step)
        rc = mtr_quantity_scale(*quantity, MTR_QUANTITY(1), convert->step, MTR_QUANTITY_DIGITS, MTR_ROUND_UP,
                                quantity);
    if (rc) return rc;
    return mtr_quantity_scale(*quantity, convert->denominator, convert->numerator, MTR_QUANTITY_DIGITS,
                              MTR_ROUND_UP, quantity);
}

const struct tariff_part tariff_part_convert = {
    .row = {.name = "convert", .type = MTR_FIELD_MAP, .own_size = sizeof(struct convert_fields),
            .fields = rows, .doc = "other units, and rounding of the quantity, before anything else"},
    .read = read_convert,
    .lint = lint_convert,
    .apply_to_slice = apply_convert,
    .take_back = take_back_convert,
};
