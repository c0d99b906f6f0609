/*
 * One slice of use through its parts, up to the curve that makes an amount of it.
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

int price_slice(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    int rc = MTR_OK;
    work->line.has_unit_price = false;
    for (const struct tariff_part *const *part = tariff_slice_parts; !rc && *part; part++)
        rc = (*part)->apply_to_slice(pricer, work);
    return rc;
}

int price_units_of_slice(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    int rc = MTR_OK;
    for (const struct tariff_part *const *part = tariff_slice_parts;
         !rc && *part != &tariff_part_allowances; part++)
        rc = (*part)->apply_to_slice(pricer, work);
    return rc;
}
