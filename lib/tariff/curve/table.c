/*
 * The curves by index: all that a component may have.
 */
#include "lib/tariff/curve/table.h"

#include "lib/tariff/curve/curve.h"

#define ADDRESS(key) [tariff_index_##key] = &tariff_curve_##key,
const struct tariff_curve *const tariff_curves[TARIFF_CURVE_COUNT] = {TARIFF_CURVES(ADDRESS)};
const struct tariff_curve_set tariff_curves_of_components = {tariff_curves, TARIFF_CURVE_COUNT, "components"};

const char *mtr_curve_name_at(unsigned index)
{
    return index < TARIFF_CURVE_COUNT ? tariff_curves[index]->row.name : NULL;
}
