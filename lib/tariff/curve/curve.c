/*
 * What can be done with any curve, by its flags and hooks.
 */
#include "lib/tariff/curve/curve.h"

#include <stdio.h>

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
    const bool of_period =
        component->scope != MTR_CURVE_SCOPE_TERM && component->scope != MTR_CURVE_SCOPE_LEVEL;
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

/* "per_unit, graduated, … or recurring" */
static void list_curves(const struct tariff_curve_set *set, char *out, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < set->count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s",
                                 i == 0               ? ""
                                 : i + 1 < set->count ? ", "
                                                      : " or ",
                                 set->curves[i]->row.name);
}

struct tariff_given_curve tariff_one_curve(const struct mtr_node *node, const struct tariff_curve_set *set,
                                           void *const *fields, struct mtr_diagnostics *findings)
{
    struct tariff_given_curve given = {0};
    char names[256];
    unsigned given_count = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        if (!fields[i]) continue;
        given = (struct tariff_given_curve){set->curves[i], fields[i]};
        given_count++;
    }
    if (given_count == 1) return given;
    list_curves(set, names, sizeof(names));
    mtr_diagnostics_addf(
        findings, given_count ? MTR_FINDING_TARIFF_PRICE_SEVERAL : MTR_FINDING_TARIFF_PRICE_MISSING,
        node->line, node->column, set->holder,
        given_count ? "has more than one of %s: split it in two" : "has no price: write one of %s", names);
    return (struct tariff_given_curve){0};
}
