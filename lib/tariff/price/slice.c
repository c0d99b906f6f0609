/*
 * One slice of use through its parts: conversion, free units, what pools give, and the curve.
 */
#include "lib/tariff/curve/curve.h"
#include "lib/tariff/price/parts.h"

typedef int slice_part(struct mtr_pricer *pricer, struct mtr_line_work *work);

int price_free_units(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->component;
    const struct mtr_quantity before = work->billed;
    if (!component->has_free_units || before.e12 <= 0 || work->free_left.e12 == 0) return MTR_OK;
    const struct mtr_quantity used =
        mtr_quantity_compare(before, work->free_left) < 0 ? before : work->free_left;
    int rc = mtr_quantity_sub(before, used, &work->billed);
    if (!rc && component->scope != MTR_SLICE_BY_LEVEL)
        rc = mtr_quantity_sub(work->free_left, used, &work->free_left);
    if (rc || !pricer->with_trace) return rc;
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(before, input);
    mtr_quantity_format(work->billed, output);
    return price_trace(pricer, price_next_line(pricer), "free units", input, output);
}

static int price_curve(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    work->line.exact = mtr_exact_zero();
    return work->priced->curve->price(pricer, work);
}

/* The published order (docs/pricing.md). */
static slice_part *const slice_parts[] = {price_convert, price_free_units, price_draw_slice,
                                          price_curve};

int price_slice(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    int rc = MTR_OK;
    work->line.has_unit_price = false;
    for (size_t i = 0; !rc && i < sizeof(slice_parts) / sizeof(slice_parts[0]); i++)
        rc = slice_parts[i](pricer, work);
    return rc;
}
