/*
 * Discount and markup in percent on what the curve came to, each line by itself; the discount first.
 */
#include "rater/price_parts.h"

#include <stdio.h>

/* The line times (100 + percent) ÷ 100. */
static int adjust(struct mtr_pricer *pricer, struct mtr_line_work *work, const char *part, struct mtr_quantity percent, bool less)
{
    static const struct mtr_quantity whole = {(mtr_int128)100000000000000};
    struct mtr_quantity rest = {less ? whole.e12 - percent.e12 : whole.e12 + percent.e12};
    struct mtr_exact before = work->line.exact;
    int rc = mtr_exact_scale(before, rest, whole, MTR_ROUND_HALF_EVEN, &work->line.exact);
    work->line.has_unit_price = false;
    if (rc || !pricer->with_trace) return rc;
    char count[MTR_DECIMAL_TEXT_BYTES], name[MTR_DECIMAL_TEXT_BYTES + 32], input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(percent, count);
    mtr_exact_format(before, input);
    mtr_exact_format(work->line.exact, output);
    snprintf(name, sizeof(name), "%s %s %%", part, count);
    return mtr_price_trace(pricer, mtr_price_next_line(pricer), name, input, output);
}

int mtr_price_adjust(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->component;
    int rc = MTR_OK;
    if (!work->due) return MTR_OK;
    if (component->has_discount) rc = adjust(pricer, work, "discount", component->discount, true);
    if (!rc && component->has_markup) rc = adjust(pricer, work, "markup", component->markup, false);
    return rc;
}
