/*
 * Increments: what lies between one row's `from` and the next counts in started steps of that row, at its
 * price per so many units. Rows are whole steps apart (the linter sees to it), so only the last step that use
 * reaches is rounded up. The connect fee is due once with any use. Negative use counts in steps of the first
 * row, without the fee.
 */
#include "lib/tariff/price/parts.h"

#include <stdio.h>

static const struct mtr_quantity one = {(mtr_int128)1000000000000};

static int trace_steps(struct mtr_pricer *pricer, uint32_t row, const struct mtr_increment *increment,
                       struct mtr_quantity billed, struct mtr_exact amount)
{
    char count[MTR_DECIMAL_TEXT_BYTES], price[MTR_DECIMAL_TEXT_BYTES], per[MTR_DECIMAL_TEXT_BYTES],
        output[MTR_DECIMAL_TEXT_BYTES];
    char name[64], input[4 * MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(billed, count);
    mtr_money_format(increment->price, price);
    mtr_quantity_format(increment->per, per);
    mtr_exact_format(amount, output);
    snprintf(name, sizeof(name), "increments, row %u", row + 1);
    snprintf(input, sizeof(input), "%s × %s ÷ %s", count, price, per);
    return price_trace(pricer, price_next_line(pricer), name, input, output);
}

static int add_steps(struct mtr_pricer *pricer, struct mtr_line_work *work, uint32_t row,
                     struct mtr_quantity quantity)
{
    const struct mtr_increment *increment = &work->curve->increments[row];
    struct mtr_quantity steps, billed;
    struct mtr_exact amount;
    int rc = price_blocks_of(pricer, "steps", quantity, increment->step, MTR_ROUND_UP, &steps);
    if (!rc)
        rc = mtr_quantity_scale(steps, increment->step, one, MTR_QUANTITY_DIGITS, MTR_ROUND_HALF_EVEN,
                                &billed);
    if (!rc)
        rc = mtr_exact_scale(mtr_exact_product(billed, increment->price), one, increment->per,
                             MTR_ROUND_HALF_EVEN, &amount);
    if (!rc) rc = mtr_exact_add(work->line.exact, amount, &work->line.exact);
    if (!rc && pricer->with_trace) rc = trace_steps(pricer, row, increment, billed, amount);
    return rc;
}

static int add_connect(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    struct mtr_money connect = work->curve->connect;
    char fee[MTR_DECIMAL_TEXT_BYTES];
    if (!connect.e18) return MTR_OK;
    int rc = mtr_exact_add(work->line.exact, mtr_exact_from_money(connect), &work->line.exact);
    if (rc || !pricer->with_trace) return rc;
    mtr_money_format(connect, fee);
    return price_trace(pricer, price_next_line(pricer), "connect", "1", fee);
}

int price_increments(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->curve;
    struct mtr_quantity use = work->billed;
    if (use.e12 <= 0) return add_steps(pricer, work, 0, use);
    int rc = add_connect(pricer, work);
    for (uint32_t i = 0; !rc && i < component->increment_count; i++) {
        struct mtr_quantity from = component->increments[i].from, to = use, width;
        if (mtr_quantity_compare(use, from) <= 0) break;
        if (i + 1 < component->increment_count &&
            mtr_quantity_compare(component->increments[i + 1].from, use) < 0)
            to = component->increments[i + 1].from;
        rc = mtr_quantity_sub(to, from, &width);
        if (!rc) rc = add_steps(pricer, work, i, width);
    }
    return rc;
}
