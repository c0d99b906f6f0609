/*
 * What each event, hour or day costs at least and at most, whatever its curve: a connect fee and its steps
 * together, say. It applies to what the curve made of the slice, before slices are added up.
 *
 * A slice of which nothing is billed costs nothing, and has no bounds; negative use is priced without them,
 * as it is without flats.
 */
#include "lib/tariff/curve/slice_bounds.h"
#include "lib/tariff/part/part.h"
#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

static const struct mtr_field rows[] = {
    {.name = "minimum", .type = MTR_FIELD_MONEY, AT(tariff_slice_bounds, minimum),
     PRESENT(tariff_slice_bounds, has_minimum),
     .doc = "least amount of an event, hour or day of which something is billed"},
    {.name = "maximum", .type = MTR_FIELD_MONEY, AT(tariff_slice_bounds, maximum),
     PRESENT(tariff_slice_bounds, has_maximum), .doc = "greatest amount of an event, hour or day"},
    {0},
};

static void lint_each(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                      struct mtr_component *component, struct mtr_diagnostics *findings)
{
    const struct tariff_slice_bounds *bounds = TARIFF_PART_OF(component, each);
    const struct mtr_node *own = mtr_node_get(node, "each");
    (void)tariff;
    if (component->scope != MTR_CURVE_SCOPE_EVENT && component->scope != MTR_CURVE_SCOPE_HOUR &&
        component->scope != MTR_CURVE_SCOPE_DAY)
        tariff_report(findings, MTR_FINDING_TARIFF_SCOPE_WRONG, own, "each",
                      "bounds each event, hour or day: write `scope: event`, `hour` or `day` too; a period "
                      "has cap and minimum");
    if (!bounds->has_minimum && !bounds->has_maximum)
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_EMPTY, own, "each",
                      "bounds nothing: write `minimum`, `maximum` or both");
    tariff_lint_slice_bounds(own, bounds, findings);
}

static int apply_each(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct tariff_slice_bounds *bounds = TARIFF_PART_OF(work->component, each);
    return bounds && work->billed.e12 > 0 ? price_bound_slice(pricer, work, bounds) : MTR_OK;
}

const struct tariff_part tariff_part_each = {
    .row = {.name = "each", .type = MTR_FIELD_MAP, .own_size = sizeof(struct tariff_slice_bounds),
            .fields = rows, .doc = "bounds of what each event, hour or day costs, as the scope has them"},
    .lint = lint_each,
    .apply_to_slice = apply_each,
};
