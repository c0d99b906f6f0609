/*
 * What can be done with any curve, by its flags and hooks.
 */
#include "lib/tariff/curve/curve.h"

const char *mtr_component_curve_name(const struct mtr_component *component)
{
    return component->curve->row.name;
}

bool mtr_component_is_fee(const struct mtr_component *component)
{
    return component->curve->without_use;
}

bool mtr_component_has_units(const struct mtr_component *component)
{
    const struct tariff_curve *curve = component->curve; /* NULL: there is an error that says so */
    const struct mtr_component *row;
    for (uint32_t i = 0; curve && curve->row_at && (row = curve->row_at(component, i)); i++)
        if (!mtr_component_has_units(row)) return false;
    const bool of_period = component->scope != MTR_SLICE_BY_TERM && component->scope != MTR_SLICE_BY_LEVEL;
    return (!curve || curve->has_units) && of_period && !component->across_customer;
}

int tariff_read_curve(const struct mtr_node *node, struct tariff_given_curve given, struct mtr_arena *arena,
                      struct mtr_component *out, struct mtr_diagnostics *findings)
{
    const struct tariff_curve *curve = given.curve;
    out->curve = curve;
    out->curve_data = given.fields;
    int rc = curve->read ? curve->read(arena, given.fields, out) : MTR_OK;
    if (!rc && curve->lint) curve->lint(mtr_node_get(node, curve->row.name), out, findings);
    return rc;
}
