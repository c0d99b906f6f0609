/*
 * A slice of use through its parts, up to the curve that makes an amount of it; and a line through those that
 * change its amount.
 */
#include "lib/tariff/part/part.h"
#include "lib/tariff/price/pricer.h"
#include "meterd/share/work_limit.h"

int price_slice(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    int rc = mtr_work_goes_on() ? MTR_OK : MTR_ETIMEDOUT;
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

int price_adjust(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    int rc = MTR_OK;
    if (!work->component->has_parts) return MTR_OK;
    for (const struct tariff_part *const *part = tariff_line_parts; !rc && work->due && *part; part++)
        rc = (*part)->apply_to_line(pricer, work);
    return rc;
}

bool price_adjusts(const struct mtr_component *component)
{
    for (uint32_t i = 0; i < TARIFF_PART_COUNT; i++)
        if (component->parts[i] && tariff_keyed_parts[i]->apply_to_line) return true;
    return false;
}
