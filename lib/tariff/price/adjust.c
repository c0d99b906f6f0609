/*
 * Discount and markups on what the curve came to, each line by itself; the discount first, then the markups
 * in their order, each on what those before it come to (a partner price chain). A share, or a fixed amount
 * per line that a discount never takes below zero.
 */
#include "lib/tariff/price/parts.h"

#include <stdio.h>

static int share_of(const struct mtr_adjustment *adjustment, struct mtr_exact before, struct mtr_exact *out)
{
    static const struct mtr_quantity whole = {(mtr_int128)100000000000000};
    const mtr_int128 percent_e12 =
        adjustment->is_discount ? -adjustment->percent.e12 : adjustment->percent.e12;
    return mtr_exact_scale(before, (struct mtr_quantity){whole.e12 + percent_e12}, whole, MTR_ROUND_HALF_EVEN,
                           out);
}

/* A credit stays as it is: an amount off is for lines that cost something. */
static int fixed_amount(const struct mtr_adjustment *adjustment, struct mtr_exact before,
                        struct mtr_exact *out)
{
    const struct mtr_exact amount = mtr_exact_from_money(adjustment->amount);
    if (!adjustment->is_discount) return mtr_exact_add(before, amount, out);
    *out = before;
    if (mtr_exact_compare(before, mtr_exact_zero()) <= 0) return MTR_OK;
    int rc = mtr_exact_sub(before, amount, out);
    if (!rc && mtr_exact_compare(*out, mtr_exact_zero()) < 0) *out = mtr_exact_zero();
    return rc;
}

static int trace_adjustment(struct mtr_pricer *pricer, const struct mtr_adjustment *adjustment,
                            struct mtr_exact before, struct mtr_exact after)
{
    enum { PARTY_SHOWN_MAX = 64 };
    char measure[MTR_DECIMAL_TEXT_BYTES], name[MTR_DECIMAL_TEXT_BYTES + PARTY_SHOWN_MAX + 32];
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    const int party_size =
        adjustment->party.size < PARTY_SHOWN_MAX ? (int)adjustment->party.size : PARTY_SHOWN_MAX;
    if (adjustment->has_amount) mtr_money_format(adjustment->amount, measure);
    else mtr_quantity_format(adjustment->percent, measure);
    mtr_exact_format(before, input);
    mtr_exact_format(after, output);
    snprintf(name, sizeof(name), "%s %s%s%s%.*s", adjustment->is_discount ? "discount" : "markup", measure,
             adjustment->has_amount ? "" : " %", party_size ? ", " : "", party_size, adjustment->party.data);
    return price_trace(pricer, price_next_line(pricer), name, input, output);
}

bool price_adjusts(const struct mtr_component *component)
{
    return component->adjustment_count > 0;
}

int price_adjust(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->component;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && work->due && i < component->adjustment_count; i++) {
        const struct mtr_adjustment *adjustment = &component->adjustments[i];
        const struct mtr_exact before = work->line.exact;
        if (adjustment->has_amount && !price_makes_line(work))
            continue; /* use that came to nothing has no line to have it */
        rc = adjustment->has_amount ? fixed_amount(adjustment, before, &work->line.exact)
                                    : share_of(adjustment, before, &work->line.exact);
        work->line.has_unit_price = false;
        if (!rc && pricer->with_trace) rc = trace_adjustment(pricer, adjustment, before, work->line.exact);
    }
    return rc;
}
