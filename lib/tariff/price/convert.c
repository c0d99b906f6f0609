/*
 * Conversion of the meter's quantity into the unit that is priced, and its rounding: one multiplication, one
 * division, rounded once. It is the quantity of the whole line that is rounded, never that of an event.
 */
#include "lib/tariff/price/parts.h"

#include <stdio.h>

static int trace_convert(struct mtr_pricer *pricer, const struct mtr_convert *convert,
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

int price_convert(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    static const struct mtr_quantity one = {(mtr_int128)1000000000000};
    const struct mtr_convert *convert = &work->component->convert;
    struct mtr_quantity before = work->billed, after;
    if (!convert->given) return MTR_OK;
    unsigned digits = convert->has_step ? 0 : convert->digits;
    int rc = mtr_quantity_scale(before, convert->numerator, convert->denominator, digits, convert->rounding,
                                &after);
    if (!rc && convert->has_step)
        rc = mtr_quantity_scale(after, convert->step, one, MTR_QUANTITY_DIGITS, MTR_ROUND_HALF_EVEN, &after);
    if (rc) return rc;
    work->billed = after;
    return pricer->with_trace ? trace_convert(pricer, convert, before, after) : MTR_OK;
}
