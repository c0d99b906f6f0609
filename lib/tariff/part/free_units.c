/*
 * Free units: what of a line's use costs nothing. They are of the line: its slices use them up in order of
 * time; of levels, which are weighted by time, they are of every moment. Negative use neither takes nor gives
 * back any.
 */
#include "lib/tariff/part/part.h"
#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

struct free_units {
    struct mtr_quantity quantity;
};

static void lint_free_units(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                            struct mtr_component *component, struct mtr_diagnostics *findings)
{
    const struct free_units *own = TARIFF_PART_OF(component, free_units);
    (void)tariff;
    if (own->quantity.e12 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NEGATIVE, tariff_place(node, "free_units"),
                      "free_units", "must not be negative");
}

void price_refill_free_units(struct mtr_line_work *work)
{
    const struct free_units *own = TARIFF_PART_OF(work->component, free_units);
    work->free_left = own ? own->quantity : (struct mtr_quantity){0};
}

static int apply_free_units(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_quantity before = work->billed;
    if (before.e12 <= 0 || work->free_left.e12 == 0) return MTR_OK;
    const struct mtr_quantity used =
        mtr_quantity_compare(before, work->free_left) < 0 ? before : work->free_left;
    int rc = mtr_quantity_sub(before, used, &work->billed);
    if (!rc && work->component->scope != MTR_CURVE_SCOPE_LEVEL)
        rc = mtr_quantity_sub(work->free_left, used, &work->free_left);
    if (rc || !pricer->with_trace) return rc;
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(before, input);
    mtr_quantity_format(work->billed, output);
    return price_trace(pricer, price_next_line(pricer), "free units", input, output);
}

static int take_back_free_units(const void *own, struct mtr_quantity *quantity)
{
    return mtr_quantity_add(*quantity, ((const struct free_units *)own)->quantity, quantity);
}

const struct tariff_part tariff_part_free_units = {
    .row = {.name = "free_units", .type = MTR_FIELD_QUANTITY, AT(free_units, quantity),
            .own_size = sizeof(struct free_units), .doc = "units of each line that are not priced"},
    .lint = lint_free_units,
    .apply_to_slice = apply_free_units,
    .take_back = take_back_free_units,
    .has_border = true,
};
