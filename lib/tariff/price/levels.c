/*
 * Levels: what a time-weighted meter stood at, each level priced by the curve without its flats and weighted
 * by the share of the whole period for which it held; the flats of all tiers that the greatest level entered
 * are due once. Free units are of every moment.
 *
 * So a seat that is there for half of a month costs half of what its tier asks for it: the amount is the mean
 * of the curve over time. Products are added first and divided by the period once, so a level that is told in
 * two pieces costs what it does in one.
 */
#include "lib/tariff/price/pricer.h"

#include <inttypes.h>
#include <stdio.h>

#include "meterd/core/time.h"


static int64_t period_us(const struct mtr_pricer *pricer)
{
    return pricer->input->period.end_us - pricer->input->period.start_us;
}

static int64_t held_us(const struct mtr_price_slice *slice)
{
    MTR_ASSERT(slice->time_us <= slice->until_us);
    return slice->until_us - slice->time_us;
}

/* The mean over the whole period of all levels, or of the earlier ones. */
static int mean(const struct mtr_pricer *pricer, const struct mtr_line_work *work, bool of_earlier,
                struct mtr_quantity *out)
{
    struct mtr_exact sum = mtr_exact_zero();
    struct mtr_money rounded;
    for (uint32_t i = 0; i < work->slice_count; i++) {
        const struct mtr_price_slice *slice = &work->slices[i];
        if (of_earlier && !slice->is_earlier) continue;
        int rc =
            mtr_exact_add(sum, mtr_exact_product(slice->quantity, (struct mtr_money){held_us(slice)}), &sum);
        if (rc) return rc;
    }
    /* microseconds stand as 10^-18, and are divided by as many 10^-18: one */
    const struct mtr_quantity whole = {(mtr_int128)period_us(pricer)};
    int rc = mtr_exact_scale(sum, (struct mtr_quantity){(mtr_int128)1000000 * MTR_QUANTITY(1).e12}, whole,
                             MTR_ROUND_HALF_EVEN, &sum);
    if (!rc) rc = mtr_exact_round(sum, MTR_QUANTITY_DIGITS, MTR_ROUND_HALF_EVEN, &rounded, NULL);
    if (!rc) *out = (struct mtr_quantity){rounded.e18 / 1000000};
    return rc;
}

int price_mean_level(const struct mtr_pricer *pricer, const struct mtr_line_work *work,
                     struct mtr_quantity *out)
{
    struct mtr_quantity all, earlier;
    int rc = mean(pricer, work, false, &all);
    if (!rc) rc = mean(pricer, work, true, &earlier);
    return rc ? rc : mtr_quantity_sub(all, earlier, out);
}

static int trace_share(struct mtr_pricer *pricer, int64_t held, struct mtr_exact before)
{
    char input[MTR_DECIMAL_TEXT_BYTES + 64], output[MTR_DECIMAL_TEXT_BYTES], amount[MTR_DECIMAL_TEXT_BYTES];
    const int64_t whole = period_us(pricer);
    const bool seconds = held % MTR_US_PER_SECOND == 0;
    struct mtr_exact after;
    int rc = mtr_exact_scale(before, (struct mtr_quantity){held}, (struct mtr_quantity){whole},
                             MTR_ROUND_HALF_EVEN, &after);
    if (rc) return rc;
    mtr_exact_format(before, amount);
    mtr_exact_format(after, output);
    snprintf(input, sizeof(input), "%s × %" PRId64 " ÷ %" PRId64 "%s", amount,
             seconds ? held / MTR_US_PER_SECOND : held, seconds ? whole / MTR_US_PER_SECOND : whole,
             seconds ? " s" : " us");
    return price_trace(pricer, price_next_line(pricer), "share of the period", input, output);
}

/* Adds price × microseconds. */
static int add_level(struct mtr_pricer *pricer, struct mtr_line_work *work,
                     const struct mtr_price_slice *slice, struct mtr_exact *sum)
{
    struct mtr_exact product;
    work->billed = slice->quantity;
    price_refill_free_units(work);
    int rc = price_slice(pricer, work);
    if (!rc && pricer->with_trace) rc = trace_share(pricer, held_us(slice), work->line.exact);
    if (!rc)
        rc = mtr_exact_scale(work->line.exact,
                             (struct mtr_quantity){(mtr_int128)held_us(slice) * MTR_QUANTITY(1).e12},
                             MTR_QUANTITY(1), MTR_ROUND_HALF_EVEN, &product);
    return rc ? rc : mtr_exact_add(*sum, product, sum);
}

/* The curve at a level with its flats, less without. */
static int flats_of(struct mtr_pricer *pricer, struct mtr_line_work *work, struct mtr_quantity level,
                    struct mtr_exact *out)
{
    const bool with_trace = pricer->with_trace;
    struct mtr_exact with = mtr_exact_zero();
    pricer->with_trace = false;
    work->billed = level;
    price_refill_free_units(work);
    work->without_flats = false;
    int rc = price_slice(pricer, work);
    with = work->line.exact;
    work->billed = level;
    work->without_flats = true;
    if (!rc) rc = price_slice(pricer, work);
    if (!rc) rc = mtr_exact_sub(with, work->line.exact, out);
    pricer->with_trace = with_trace;
    if (rc || !with_trace || mtr_exact_compare(*out, mtr_exact_zero()) == 0) return rc;
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(level, input);
    mtr_exact_format(*out, output);
    return price_trace(pricer, price_next_line(pricer), "flats of the greatest level", input, output);
}

int price_levels(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    struct mtr_exact sum = mtr_exact_zero(), flats = mtr_exact_zero();
    struct mtr_quantity greatest = {0};
    int rc = MTR_OK;
    work->without_flats = true;
    for (uint32_t i = 0; !rc && i < work->slice_count; i++) {
        const struct mtr_price_slice *slice = &work->slices[i];
        if ((work->of_earlier && !slice->is_earlier) || held_us(slice) == 0) continue;
        if (mtr_quantity_compare(slice->quantity, greatest) > 0) greatest = slice->quantity;
        rc = add_level(pricer, work, slice, &sum);
    }
    const struct mtr_quantity whole = {(mtr_int128)period_us(pricer) * MTR_QUANTITY(1).e12};
    if (!rc) rc = mtr_exact_scale(sum, MTR_QUANTITY(1), whole, MTR_ROUND_HALF_EVEN, &sum);
    if (!rc) rc = flats_of(pricer, work, greatest, &flats);
    if (!rc) rc = mtr_exact_add(sum, flats, &work->line.exact);
    work->line.has_unit_price = false;
    work->without_flats = false;
    return rc;
}
