/*
 * The curve at its place among the parts: it makes the amount of a slice.
 */
#include "lib/tariff/curve/curve.h"
#include "lib/tariff/part/part.h"
#include "lib/tariff/price/pricer.h"

static int apply_curve(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    work->line.exact = mtr_exact_zero();
    return work->priced->curve->price(pricer, work);
}

const struct tariff_part tariff_part_curve = {.apply_to_slice = apply_curve};
