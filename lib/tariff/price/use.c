/*
 * The amount of a line from its use: each slice through its parts and the curve, their sum through the parts
 * of the line; then the same of the use before this part, which is taken off.
 *
 * The trace shows the steps of all use, and what was taken off as one step. Of many slices the first
 * TRACED_SLICES are shown one by one.
 */
#include "lib/tariff/price/pricer.h"

#include <stdio.h>

#include "meterd/core/time.h"

enum { TRACED_SLICES = 100 };

static int trace_slice(struct mtr_pricer *pricer, const struct mtr_line_work *work,
                       const struct mtr_price_slice *slice)
{
    char when[MTR_TIME_TEXT_BYTES], quantity[MTR_DECIMAL_TEXT_BYTES];
    mtr_time_format(slice->time_us, when);
    mtr_quantity_format(work->billed, quantity);
    return price_trace(pricer, price_next_line(pricer), mtr_curve_scope_name(work->component->scope), when,
                       quantity);
}

static int trace_rest(struct mtr_pricer *pricer, const struct mtr_line_work *work, struct mtr_exact rest)
{
    char name[64], output[MTR_DECIMAL_TEXT_BYTES];
    uint32_t count = work->slice_count - TRACED_SLICES;
    snprintf(name, sizeof(name), "%s, %u more", mtr_curve_scope_name(work->component->scope), count);
    mtr_exact_format(rest, output);
    return price_trace(pricer, price_next_line(pricer), name, "", output);
}

/* One price for all that is billed, over all slices. */
static void join_unit_price(const struct mtr_line_work *work, uint32_t index, bool *has,
                            struct mtr_money *unit_price)
{
    if (index == 0) *unit_price = work->line.unit_price;
    *has = (index == 0 || *has) && work->line.has_unit_price &&
           mtr_money_compare(*unit_price, work->line.unit_price) == 0;
}

/* Most lines have one slice. */
static int price_single(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    price_refill_free_units(work);
    work->free_part = (struct mtr_price_free_part){0};
    work->billed = work->of_earlier ? work->slices[0].earlier : work->slices[0].quantity;
    return price_slice(pricer, work);
}

static int price_all_slices(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const bool with_trace = pricer->with_trace;
    struct mtr_exact sum = mtr_exact_zero(), rest = mtr_exact_zero();
    struct mtr_money unit_price = {0};
    bool has_unit_price = false;
    uint32_t priced = 0;
    int rc = MTR_OK;
    price_refill_free_units(work);
    work->free_part = (struct mtr_price_free_part){0};
    for (uint32_t i = 0; !rc && i < work->slice_count; i++) {
        const struct mtr_price_slice *slice = &work->slices[i];
        if (work->of_earlier && !slice->is_earlier && !work->flat_was_due) continue;
        work->billed = work->of_earlier ? slice->earlier : slice->quantity;
        pricer->with_trace = with_trace && i < TRACED_SLICES;
        if (pricer->with_trace && work->slice_count > 1) rc = trace_slice(pricer, work, slice);
        if (!rc) rc = price_slice(pricer, work);
        if (!rc) rc = mtr_exact_add(sum, work->line.exact, &sum);
        if (!rc && i >= TRACED_SLICES) rc = mtr_exact_add(rest, work->line.exact, &rest);
        join_unit_price(work, priced++, &has_unit_price, &unit_price);
    }
    pricer->with_trace = with_trace;
    work->line.exact = sum;
    work->line.has_unit_price = has_unit_price;
    work->line.unit_price = unit_price;
    if (rc || !with_trace || work->slice_count <= TRACED_SLICES) return rc;
    return trace_rest(pricer, work, rest);
}

static int price_pass(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    int rc = price_refill_draws(pricer, work);
    if (rc) return rc;
    rc = work->component->scope == MTR_CURVE_SCOPE_LEVEL ? price_levels(pricer, work)
         : work->slice_count == 1                     ? price_single(pricer, work)
                                                      : price_all_slices(pricer, work);
    return rc ? rc : price_adjust(pricer, work);
}

static bool has_earlier(const struct mtr_line_work *work)
{
    for (uint32_t i = 0; i < work->slice_count; i++)
        if (work->slices[i].is_earlier) return true;
    return work->flat_was_due;
}

static int take_off_earlier(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const bool with_trace = pricer->with_trace;
    const struct mtr_price_line whole = work->line;
    pricer->with_trace = false;
    work->of_earlier = true;
    int rc = price_pass(pricer, work);
    const struct mtr_price_line earlier = work->line;
    pricer->with_trace = with_trace;
    work->line = whole;
    work->line.has_unit_price = whole.has_unit_price && earlier.has_unit_price &&
                                mtr_money_compare(whole.unit_price, earlier.unit_price) == 0;
    if (!rc) rc = mtr_exact_sub(whole.exact, earlier.exact, &work->line.exact);
    if (rc || !with_trace) return rc;
    char name[MTR_DECIMAL_TEXT_BYTES + 32], input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES],
        less[MTR_DECIMAL_TEXT_BYTES];
    mtr_exact_format(whole.exact, input);
    mtr_exact_format(earlier.exact, less);
    mtr_exact_format(work->line.exact, output);
    snprintf(name, sizeof(name), "less the use before this part: %s", less);
    return price_trace(pricer, price_next_line(pricer), name, input, output);
}

/* What would be billed of the line, or of its earlier use, had it no pools. */
static int count_units(struct mtr_pricer *pricer, struct mtr_line_work *work, bool of_earlier,
                       struct mtr_quantity *out)
{
    const bool with_trace = pricer->with_trace;
    int rc = MTR_OK;
    *out = (struct mtr_quantity){0};
    pricer->with_trace = false;
    price_refill_free_units(work);
    for (uint32_t i = 0; !rc && i < work->slice_count; i++) {
        work->billed = of_earlier ? work->slices[i].earlier : work->slices[i].quantity;
        rc = price_units_of_slice(pricer, work);
        if (!rc && work->billed.e12 > 0) rc = mtr_quantity_add(*out, work->billed, out);
    }
    pricer->with_trace = with_trace;
    return rc;
}

static int choose_draws(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    struct mtr_quantity units, before;
    if (!price_pools_give(pricer, work->component)) return MTR_OK;
    int rc = count_units(pricer, work, false, &units);
    if (!rc) rc = count_units(pricer, work, true, &before);
    return rc ? rc : price_choose_draws(pricer, work, units, before);
}

int price_use(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    int rc = choose_draws(pricer, work);
    if (!rc) rc = price_pass(pricer, work);
    return rc || !has_earlier(work) ? rc : take_off_earlier(pricer, work);
}
