/*
 * Bounds of a slice, checked and applied.
 */
#include "lib/tariff/curve/slice_bounds.h"

#include <stdio.h>

#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

void tariff_lint_slice_bounds(const struct mtr_node *node, const struct tariff_slice_bounds *bounds,
                              struct mtr_diagnostics *findings)
{
    if (bounds->minimum.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NEGATIVE, tariff_place(node, "minimum"), "minimum",
                      "must not be negative");
    if (bounds->maximum.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NEGATIVE, tariff_place(node, "maximum"), "maximum",
                      "must not be negative");
    if (bounds->has_minimum && bounds->has_maximum && mtr_money_compare(bounds->minimum, bounds->maximum) > 0)
        tariff_report(findings, MTR_FINDING_TARIFF_LIMITS_CROSSED, tariff_place(node, "minimum"), "minimum",
                      "is more than the maximum");
}

int price_bound_slice(struct mtr_pricer *pricer, struct mtr_line_work *work,
                      const struct tariff_slice_bounds *bounds)
{
    const struct mtr_exact before = work->line.exact, least = mtr_exact_from_money(bounds->minimum),
                           greatest = mtr_exact_from_money(bounds->maximum);
    const char *bound = NULL;
    char name[64];
    if (bounds->has_minimum && mtr_exact_compare(before, least) < 0) {
        work->line.exact = least;
        bound = "minimum";
    } else if (bounds->has_maximum && mtr_exact_compare(before, greatest) > 0) {
        work->line.exact = greatest;
        bound = "maximum";
    }
    if (!bound) return MTR_OK;
    work->line.has_unit_price = false;
    snprintf(name, sizeof(name), "%s of the %s", bound, mtr_curve_scope_name(work->component->scope));
    return price_trace_exact(pricer, price_next_line(pricer), name, before, work->line.exact);
}
