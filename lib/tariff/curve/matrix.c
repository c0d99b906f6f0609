/*
 * Matrices: the curve is chosen by the line's dimensions. Each row is a curve of its own, read and linted as
 * one, in a component that is the whole one otherwise.
 *
 * The first row that matches applies; the last has no `match` and is the default. A row that only ever sees
 * what a row above it has taken is an error.
 */
#include "lib/tariff/curve/curve.h"

#include "lib/tariff/report.h"

static int read_value(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_str *out,
                      struct mtr_diagnostics *findings)
{
    char canonical[MTR_DECIMAL_TEXT_BYTES];
    struct mtr_decimal number;
    struct mtr_str text = node->text;
    if (node->kind == MTR_NODE_NULL || node->kind >= MTR_NODE_LIST) {
        tariff_error(findings, node, "match", "must be a text, number, true or false, or a list of them");
        return MTR_OK;
    }
    if (node->kind == MTR_NODE_NUMBER &&
        mtr_decimal_parse(text, &number) == MTR_OK) /* as events have them: canonical */
        text = (struct mtr_str){canonical, (size_t)mtr_decimal_format(number, canonical)};
    return mtr_arena_copy(arena, text, out);
}

static bool is_grouped_by(const struct mtr_component *component, struct mtr_str name)
{
    for (uint32_t i = 0; i < component->group_by_count; i++)
        if (mtr_str_equal(component->group_by[i], name)) return true;
    return false;
}

static int read_match(const struct mtr_node *node, const struct mtr_component *component,
                      struct mtr_arena *arena, struct mtr_match *out, struct mtr_diagnostics *findings)
{
    const bool is_list = node->kind == MTR_NODE_LIST;
    const uint32_t count = is_list ? node->child_count : 1;
    if (count == 0 || count > MTR_TARIFF_MATCH_VALUES_MAX)
        tariff_error(findings, node, "match", "must have 1 to 1000 values");
    if (!is_grouped_by(component, node->key))
        mtr_diagnostics_addf(
            findings, MTR_SEVERITY_ERROR, node->key_line, node->key_column, "match",
            "the component does not `group_by` the dimension `%.*s`, so its lines do not have it",
            MTR_STR_ARGS(node->key));
    int rc = mtr_arena_copy(arena, node->key, &out->dimension);
    if (rc) return rc;
    out->values = mtr_arena_calloc(arena, (size_t)count + 1, sizeof(*out->values));
    if (!out->values) return MTR_ENOMEM;
    out->value_count = count;
    for (uint32_t i = 0; i < count && !rc; i++)
        rc = read_value(is_list ? &node->children[i] : node, arena, &out->values[i], findings);
    return rc;
}

static int read_matches(const struct mtr_node *node, const struct mtr_component *component, bool is_last,
                        struct mtr_arena *arena, struct mtr_matrix_row *out, struct mtr_diagnostics *findings)
{
    const struct mtr_node *match = mtr_node_get(node, "match");
    if (!match && is_last) return MTR_OK;
    if (!match) {
        tariff_error(findings, node, "match",
                     "is missing: without it no line ever reaches the rows below this one");
        return MTR_OK;
    }
    if (match->kind != MTR_NODE_MAP || match->child_count == 0) {
        tariff_error(findings, match, "match", "must be a map of dimensions and their values");
        return MTR_OK;
    }
    if (is_last)
        tariff_error(findings, match, "match",
                     "the last row is for all other lines: add a row without `match`");
    out->matches = mtr_arena_calloc(arena, match->child_count, sizeof(*out->matches));
    if (!out->matches) return MTR_ENOMEM;
    out->match_count = match->child_count;
    for (uint32_t i = 0; i < match->child_count; i++) {
        int rc = read_match(&match->children[i], component, arena, &out->matches[i], findings);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int read_row_curve(const struct mtr_node *node, const struct tariff_component_fields *fields,
                          const struct mtr_component *component, struct mtr_arena *arena,
                          struct mtr_component *out, struct mtr_diagnostics *findings)
{
    const struct tariff_curve *curve = tariff_lint_row_curve(node, fields, findings);
    if (!curve) return MTR_OK;
    *out = *component;
    out->matrix = NULL;
    out->matrix_count = 0;
    out->curve = tariff_curve_kind(curve);
    if (component->tier_by_input && out->curve != MTR_CURVE_VOLUME)
        tariff_error(findings, node, "tier_by", "chooses a tier of `volume`, and this row has another curve");
    int rc = curve->read(arena, fields, out);
    if (rc) return rc;
    curve->lint(mtr_node_get(node, curve->name), out, findings);
    tariff_lint_scope(node, out, findings);
    return MTR_OK;
}

static bool has_value(const struct mtr_match *match, struct mtr_str value)
{
    for (uint32_t i = 0; i < match->value_count; i++)
        if (mtr_str_equal(match->values[i], value)) return true;
    return false;
}

/* Whether every line that the row matches has a value of this dimension that `above` names. */
static bool is_within(const struct mtr_matrix_row *row, const struct mtr_match *above)
{
    for (uint32_t i = 0; i < row->match_count; i++) {
        const struct mtr_match *match = &row->matches[i];
        if (!mtr_str_equal(match->dimension, above->dimension)) continue;
        for (uint32_t j = 0; j < match->value_count; j++)
            if (!has_value(above, match->values[j])) return false;
        return true;
    }
    return false;
}

static void lint_reach(const struct mtr_node *list, const struct mtr_component *component,
                       struct mtr_diagnostics *findings)
{
    for (uint32_t i = 1; i + 1 < component->matrix_count; i++) {
        for (uint32_t above = 0; above < i; above++) {
            const struct mtr_matrix_row *taken = &component->matrix[above];
            uint32_t within = 0;
            while (within < taken->match_count && is_within(&component->matrix[i], &taken->matches[within]))
                within++;
            if (within < taken->match_count) continue;
            mtr_diagnostics_addf(
                findings, MTR_SEVERITY_ERROR, list->children[i].line, list->children[i].column, "matrix",
                "is never reached: the row of line %u matches all of it", list->children[above].line);
            break;
        }
    }
}

int tariff_read_matrix(const struct mtr_node *node, const struct tariff_component_fields *fields,
                           struct mtr_arena *arena, struct mtr_component *component,
                           struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = mtr_node_get(node, "matrix");
    const struct tariff_component_fields *rows = fields->matrix.items;
    const uint32_t count = fields->matrix.count;
    size_t errors_before = findings->errors;
    struct mtr_matrix_row *out = mtr_arena_calloc(arena, count, sizeof(*out));
    if (!out) return MTR_ENOMEM;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < count && !rc; i++) {
        rc = read_matches(&list->children[i], component, i + 1 == count, arena, &out[i], findings);
        if (!rc)
            rc = read_row_curve(&list->children[i], &rows[i], component, arena, &out[i].component, findings);
    }
    component->matrix = out;
    component->matrix_count = count;
    if (!rc && findings->errors == errors_before) lint_reach(list, component, findings);
    return rc;
}

/* Its rows are read when everything around the curve is: each is the whole component. */
static int read_nothing(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                        struct mtr_component *out)
{
    (void)arena;
    (void)fields;
    (void)out;
    return MTR_OK;
}

static void lint_nothing(const struct mtr_node *node, struct mtr_component *component,
                         struct mtr_diagnostics *findings)
{
    (void)node;
    (void)component;
    (void)findings;
}

const struct tariff_curve mtr_tariff_curve_matrix = {TARIFF_CURVE_KEY(matrix), .read = read_nothing,
                                                     .lint = lint_nothing};
