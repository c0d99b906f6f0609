/*
 * Scopes: what goes with the slices of use that a curve applies to.
 */
#include "lib/tariff/curve/curve.h"

#include "lib/tariff/report.h"

/* A level's price must be a rate that can be weighted by time, and flats that are due once. */
void tariff_lint_scope(const struct mtr_node *node, const struct mtr_component *component,
                       struct mtr_diagnostics *findings)
{
    const struct tariff_curve *curve = component->curve;
    const bool whole = tariff_is_whole(component->scope);
    if (component->scope == MTR_CURVE_SCOPE_LEVEL && !curve->weighs_by_time)
        tariff_report(findings, MTR_FINDING_TARIFF_SCOPE_WRONG, tariff_place(node, "scope"), "scope",
                      "a level is weighted by time: price it per_unit, graduated or volume");
    if (component->flat_at_zero && component->scope != MTR_CURVE_SCOPE_PERIOD &&
        component->scope != MTR_CURVE_SCOPE_LEVEL)
        tariff_report(findings, MTR_FINDING_TARIFF_SCOPE_WRONG, tariff_place(node, "flat_at_zero"),
                      "flat_at_zero", "what is due without use is due once per period: remove the scope");
    if (curve->lint_scope) curve->lint_scope(node, component, findings);
    if (component->scope == MTR_CURVE_SCOPE_LEVEL && component->weight_count)
        tariff_report(findings, MTR_FINDING_TARIFF_SCOPE_WRONG, tariff_place(node, "weights"), "weights",
                      "do not apply to levels: take a component with `when` for each price");
    if (component->has_side_input && curve->takes_tier_by && !whole)
        tariff_report(findings, MTR_FINDING_TARIFF_SCOPE_WRONG, tariff_place(node, "scope"), "scope",
                      "tier_by chooses one tier for the whole line: it needs scope period or term");
    if (component->across_customer && component->scope != MTR_CURVE_SCOPE_PERIOD)
        tariff_report(findings, MTR_FINDING_TARIFF_SCOPE_WRONG, tariff_place(node, "across"), "across",
                      "the use of several subscriptions adds up over the period: it needs scope period");
    if (component->across_customer && (component->flat_at_zero || curve->without_use))
        tariff_report(
            findings, MTR_FINDING_TARIFF_ACROSS_WITHOUT_USE, tariff_place(node, "across"), "across",
            "what is due without use is due for each subscription: write it as a component of its own");
}
