/*
 * Levels: what a time-weighted meter stood at, each level priced by the curve without its flats and weighted by the share of the whole period
 * for which it held; the flats of all tiers that the greatest level entered are due once. Free units are of every moment.
 *
 * So a seat that is there for half of a month costs half of what its tier asks for it: the amount is the mean of the curve over time.
 */
#include "rater/price_parts.h"

#include <inttypes.h>
#include <stdio.h>

#include "meterd/core/time.h"

static int trace_share(struct mtr_pricer *pricer, int64_t held_us, int64_t whole_us, struct mtr_exact before, struct mtr_exact after)
{
    char input[MTR_DECIMAL_TEXT_BYTES + 64], output[MTR_DECIMAL_TEXT_BYTES], amount[MTR_DECIMAL_TEXT_BYTES];
    mtr_exact_format(before, amount);
    mtr_exact_format(after, output);
    const bool seconds = held_us % MTR_US_PER_SECOND == 0;
    snprintf(input, sizeof(input), "%s × %" PRId64 " ÷ %" PRId64 "%s", amount, seconds ? held_us / MTR_US_PER_SECOND : held_us,
             seconds ? whole_us / MTR_US_PER_SECOND : whole_us, seconds ? " s" : " us");
    return mtr_price_trace(pricer, mtr_price_next_line(pricer), "share of the period", input, output);
}

static int add_level(struct mtr_pricer *pricer, struct mtr_line_work *work, const struct mtr_price_slice *slice, struct mtr_exact *sum)
{
    const struct mtr_period *period = &pricer->input->period;
    const int64_t held_us = slice->until_us - slice->time_us, whole_us = (period->end_s - period->start_s) * MTR_US_PER_SECOND;
    struct mtr_exact share;
    work->billed = slice->quantity;
    work->free_left = work->component->free_units;
    int rc = mtr_price_slice(pricer, work);
    if (!rc)
        rc = mtr_exact_scale(work->line.exact, (struct mtr_quantity){held_us}, (struct mtr_quantity){whole_us}, MTR_ROUND_HALF_EVEN, &share);
    if (!rc && pricer->with_trace) rc = trace_share(pricer, held_us, whole_us, work->line.exact, share);
    return rc ? rc : mtr_exact_add(*sum, share, sum);
}

/* The curve at a level with its flats, less without. */
static int flats_of(struct mtr_pricer *pricer, struct mtr_line_work *work, struct mtr_quantity level, struct mtr_exact *out)
{
    const bool with_trace = pricer->with_trace;
    struct mtr_exact with = mtr_exact_zero();
    pricer->with_trace = false;
    work->billed = level;
    work->free_left = work->component->free_units;
    work->without_flats = false;
    int rc = mtr_price_slice(pricer, work);
    with = work->line.exact;
    work->billed = level;
    work->without_flats = true;
    if (!rc) rc = mtr_price_slice(pricer, work);
    if (!rc) rc = mtr_exact_sub(with, work->line.exact, out);
    pricer->with_trace = with_trace;
    if (rc || !with_trace || mtr_exact_compare(*out, mtr_exact_zero()) == 0) return rc;
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(level, input);
    mtr_exact_format(*out, output);
    return mtr_price_trace(pricer, mtr_price_next_line(pricer), "flats of the greatest level", input, output);
}

int mtr_price_levels(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    struct mtr_exact sum = mtr_exact_zero(), flats = mtr_exact_zero();
    struct mtr_quantity greatest = {0};
    int rc = MTR_OK;
    work->without_flats = true;
    for (uint32_t i = 0; !rc && i < work->slice_count; i++) {
        const struct mtr_price_slice *slice = &work->slices[i];
        if (work->of_earlier && !slice->is_earlier) continue;
        if (mtr_quantity_compare(slice->quantity, greatest) > 0) greatest = slice->quantity;
        rc = add_level(pricer, work, slice, &sum);
    }
    if (!rc) rc = flats_of(pricer, work, greatest, &flats);
    if (!rc) rc = mtr_exact_add(sum, flats, &work->line.exact);
    work->line.has_unit_price = false;
    work->without_flats = false;
    return rc;
}
