/*
 * The curves by index, and what can be said of any of them by its flags.
 */
#include "lib/tariff/curve/curve.h"

#include <stdio.h>

#include "lib/tariff/report.h"

#define ADDRESS(key) [tariff_index_##key] = &tariff_curve_##key,
const struct tariff_curve *const tariff_curves[TARIFF_CURVE_COUNT] = {TARIFF_CURVES(ADDRESS)};

const char *mtr_curve_name_at(unsigned index)
{
    return index < TARIFF_CURVE_COUNT ? tariff_curves[index]->row.name : NULL;
}

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

/* "per_unit, graduated, … or recurring" */
static void list_curves(uint32_t count, char *out, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s",
                                 i == 0          ? ""
                                 : i + 1 < count ? ", "
                                                 : " or ",
                                 tariff_curves[i]->row.name);
}

struct tariff_given_curve tariff_one_curve(const struct mtr_node *node, void *const *curves,
                                           uint32_t count, struct mtr_diagnostics *findings)
{
    struct tariff_given_curve given = {0};
    char names[256];
    unsigned given_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!curves[i]) continue;
        given = (struct tariff_given_curve){tariff_curves[i], curves[i]};
        given_count++;
    }
    if (given_count == 1) return given;
    list_curves(count, names, sizeof(names));
    mtr_diagnostics_addf(
        findings, MTR_SEVERITY_ERROR, node->line, node->column,
        count < TARIFF_CURVE_COUNT ? "matrix" : "components",
        given_count ? "has more than one of %s: split it in two" : "has no price: write one of %s", names);
    return (struct tariff_given_curve){0};
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
