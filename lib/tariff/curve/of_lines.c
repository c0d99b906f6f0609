/*
 * The curves of lines by index: those that may stand in a row of a matrix, which is a curve itself.
 */
#include "lib/tariff/curve/curve.h"

#define ADDRESS(key) [tariff_index_##key] = &tariff_curve_##key,
static const struct tariff_curve *const curves[TARIFF_CURVE_OF_LINES_COUNT] = {
    TARIFF_CURVES_OF_LINES(ADDRESS)};

const struct tariff_curve_set tariff_curves_of_lines = {curves, TARIFF_CURVE_OF_LINES_COUNT, "matrix"};
