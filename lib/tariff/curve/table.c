/*
 * The curves by index, and which of them a component, or a row of a matrix, has.
 */
#include "lib/tariff/curve/table.h"

#include <stdio.h>

#include "lib/tariff/curve/curve.h"

#define ADDRESS(key) [tariff_index_##key] = &tariff_curve_##key,
const struct tariff_curve *const tariff_curves[TARIFF_CURVE_COUNT] = {TARIFF_CURVES(ADDRESS)};

const char *mtr_curve_name_at(unsigned index)
{
    return index < TARIFF_CURVE_COUNT ? tariff_curves[index]->row.name : NULL;
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
