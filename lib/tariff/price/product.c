/*
 * What curves are made of: a quantity times a price, and a quantity in whole blocks. Exact, and traced.
 */
#include "lib/tariff/price/pricer.h"

#include <stdio.h>

enum { STEP_TEXT_BYTES = 4 * MTR_DECIMAL_TEXT_BYTES };

static int trace_product(struct mtr_pricer *pricer, const char *part, const struct mtr_price_product *product,
                         struct mtr_exact result)
{
    char count[MTR_DECIMAL_TEXT_BYTES], unit[MTR_DECIMAL_TEXT_BYTES], flat[MTR_DECIMAL_TEXT_BYTES],
        output[MTR_DECIMAL_TEXT_BYTES];
    char input[STEP_TEXT_BYTES], name[64];
    mtr_quantity_format(product->quantity, count);
    mtr_money_format(product->unit, unit);
    mtr_money_format(product->flat, flat);
    mtr_exact_format(result, output);
    if (product->flat.e18 && !product->unit.e18)
        snprintf(input, sizeof(input), "%s", count); /* the amount is the flat, whatever the quantity */
    else if (product->flat.e18)
        snprintf(input, sizeof(input), "%s × %s + %s", count, unit, flat);
    else
        snprintf(input, sizeof(input), "%s × %s", count, unit);
    if (product->row_count > 1)
        snprintf(name, sizeof(name), "%s, tier %u of %u", part, product->row + 1, product->row_count);
    else
        snprintf(name, sizeof(name), "%s", part);
    return price_trace(pricer, price_next_line(pricer), name, input, output);
}

int price_add_product(struct mtr_pricer *pricer, struct mtr_line_work *work,
                      const struct mtr_price_product *product)
{
    struct mtr_exact amount = mtr_exact_product(product->quantity, product->unit);
    int rc = MTR_OK;
    if (product->flat.e18) rc = mtr_exact_add(amount, mtr_exact_from_money(product->flat), &amount);
    if (!rc) rc = mtr_exact_add(work->line.exact, amount, &work->line.exact);
    if (rc || !pricer->with_trace) return rc;
    return trace_product(pricer, mtr_component_curve_name(work->priced), product, amount);
}

int price_blocks_of(struct mtr_pricer *pricer, const char *part, struct mtr_quantity quantity,
                    struct mtr_quantity size, enum mtr_rounding rounding, struct mtr_quantity *out)
{
    char count[MTR_DECIMAL_TEXT_BYTES], block[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES],
        input[STEP_TEXT_BYTES];
    int rc = mtr_quantity_blocks(quantity, size, rounding, out);
    if (rc || !pricer->with_trace) return rc;
    mtr_quantity_format(quantity, count);
    mtr_quantity_format(size, block);
    mtr_quantity_format(*out, output);
    snprintf(input, sizeof(input), "%s ÷ %s, rounded %s", count, block, mtr_rounding_name(rounding));
    return price_trace(pricer, price_next_line(pricer), part, input, output);
}
