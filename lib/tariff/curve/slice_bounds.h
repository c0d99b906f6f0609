/*
 * Bounds of a slice: the least and the greatest that one event, hour or day costs. They are written beside
 * any curve (`each`), or in a percentage of events, which knows what is free. Private to lib/tariff.
 */
#ifndef METERD_LIB_TARIFF_CURVE_SLICE_BOUNDS_H
#define METERD_LIB_TARIFF_CURVE_SLICE_BOUNDS_H

#include <stdbool.h>

#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/document.h"

struct mtr_pricer;
struct mtr_line_work;

struct tariff_slice_bounds {
    bool has_minimum, has_maximum;
    struct mtr_money minimum, maximum;
};

/* `node` is the map that has them. */
void tariff_lint_slice_bounds(const struct mtr_node *node, const struct tariff_slice_bounds *bounds,
                              struct mtr_diagnostics *findings);
/* Brings what the slice costs (work->line.exact) within them, traced. */
int price_bound_slice(struct mtr_pricer *pricer, struct mtr_line_work *work,
                      const struct tariff_slice_bounds *bounds) MTR_MUST_USE;

#endif
