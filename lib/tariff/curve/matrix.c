/*
 * Matrices: the curve is chosen by the line's dimensions. Each row is a curve of its own, read and linted as
 * one, in a component that is the whole one otherwise.
 *
 * The first row that matches applies; the last has no `match` and is the default. A row that only ever sees
 * what a row above it has taken is an error. Values are compared as they are written in the line's
 * dimensions, where a ',', '=' or '\' in a value has a '\' before it.
 */
#include "lib/tariff/curve/curve.h"

#include <stdio.h>
#include <string.h>

#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

struct row_fields {
    const struct mtr_node *match; /* borrowed from the document; read from its node */
    void *curves[TARIFF_CURVE_OF_LINES_COUNT];
};

struct matrix_fields {
    struct mtr_list rows; /* of row_fields */
};

/* One dimension of a row. */
struct match {
    struct mtr_str dimension;
    struct mtr_str *values; /* any of them */
    uint32_t value_count;
};

/* A row's component is the whole one with the row's curve in place of the matrix. */
struct matrix_row {
    struct match *matches; /* all of them */
    uint32_t match_count;  /* 0: the default, and the last */
    struct mtr_component component;
};

struct matrix {
    struct matrix_row *rows; /* the last matches everything */
    uint32_t row_count;
};

#define ROW(key) TARIFF_CURVE_ROW(row_fields, key),
static const struct mtr_field row_rows[] = {
    {.name = "match", .type = MTR_FIELD_NODE, AT(row_fields, match),
     .doc = "dimension: value or list of values; the row is for lines that have all of them"},
    TARIFF_CURVES_OF_LINES(ROW)
    {0},
};

/* ---- reading ---- */

static int read_value(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_str *out,
                      struct mtr_diagnostics *findings)
{
    char canonical[MTR_DECIMAL_TEXT_BYTES];
    struct mtr_decimal number;
    struct mtr_str text = node->text;
    if (node->kind == MTR_NODE_NULL || node->kind >= MTR_NODE_LIST) {
        tariff_report(findings, MTR_FINDING_TARIFF_MATRIX_MATCH, node, "match",
                      "must be a text, number, true or false, or a list of them");
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

static struct mtr_str dimension_at(const void *context, unsigned i)
{
    const struct mtr_component *component = context;
    return i < component->group_by_count ? component->group_by[i] : (struct mtr_str){NULL, 0};
}

static int read_match(const struct mtr_node *node, const struct mtr_component *component,
                      struct mtr_arena *arena, struct match *out, struct mtr_diagnostics *findings)
{
    const bool is_list = node->kind == MTR_NODE_LIST;
    const uint32_t count = is_list ? node->child_count : 1;
    if (count == 0 || count > MTR_TARIFF_MATCH_VALUES_MAX)
        tariff_report(findings, MTR_FINDING_TARIFF_MATRIX_MATCH, node, "match", "must have 1 to 1000 values");
    char meant[MTR_MEANT_BYTES];
    if (!is_grouped_by(component, node->key))
        mtr_diagnostics_addf(
            findings, MTR_FINDING_TARIFF_MATRIX_DIMENSION, node->key_line, node->key_column, "match",
            "the component does not `group_by` the dimension `%.*s%s`, so its lines do not have it%s",
            MTR_STR_QUOTED(node->key), mtr_str_meant(node->key, dimension_at, component, meant));
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
                        struct mtr_arena *arena, struct matrix_row *out, struct mtr_diagnostics *findings)
{
    const struct mtr_node *match = mtr_node_get(node, "match");
    if (!match && is_last) return MTR_OK;
    if (!match) {
        tariff_report(findings, MTR_FINDING_TARIFF_TIERS_UNREACHABLE, node, "match",
                      "is missing: without it no line ever reaches the rows below this one");
        return MTR_OK;
    }
    if (match->kind != MTR_NODE_MAP || match->child_count == 0) {
        tariff_report(findings, MTR_FINDING_TARIFF_MATRIX_MATCH, match, "match",
                      "must be a map of dimensions and their values");
        return MTR_OK;
    }
    if (is_last)
        tariff_report(findings, MTR_FINDING_TARIFF_TIERS_GAP, match, "match",
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

static int read_row_curve(const struct mtr_node *node, const struct row_fields *fields,
                          const struct mtr_component *component, struct mtr_arena *arena,
                          struct mtr_component *out, struct mtr_diagnostics *findings)
{
    const struct tariff_given_curve given =
        tariff_one_curve(node, &tariff_curves_of_lines, fields->curves, findings);
    if (!given.curve) return MTR_OK;
    *out = *component;
    if (component->has_side_input && !given.curve->takes_tier_by)
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, "tier_by",
                      "chooses a tier of `volume`, and this row has another curve");
    int rc = tariff_read_curve(node, given, arena, out, findings);
    if (!rc) tariff_lint_scope(node, out, findings);
    return rc;
}

/* ---- findings ---- */

static bool has_value(const struct match *match, struct mtr_str value)
{
    for (uint32_t i = 0; i < match->value_count; i++)
        if (mtr_str_equal(match->values[i], value)) return true;
    return false;
}

/* Whether every line that the row matches has a value of this dimension that `above` names. */
static bool is_within(const struct matrix_row *row, const struct match *above)
{
    for (uint32_t i = 0; i < row->match_count; i++) {
        const struct match *match = &row->matches[i];
        if (!mtr_str_equal(match->dimension, above->dimension)) continue;
        for (uint32_t j = 0; j < match->value_count; j++)
            if (!has_value(above, match->values[j])) return false;
        return true;
    }
    return false;
}

static void lint_reach(const struct mtr_node *list, const struct matrix *matrix,
                       struct mtr_diagnostics *findings)
{
    for (uint32_t i = 1; i + 1 < matrix->row_count; i++) {
        for (uint32_t above = 0; above < i; above++) {
            const struct matrix_row *taken = &matrix->rows[above];
            uint32_t within = 0;
            while (within < taken->match_count && is_within(&matrix->rows[i], &taken->matches[within]))
                within++;
            if (within < taken->match_count) continue;
            mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_TIERS_UNREACHABLE, list->children[i].line,
                                 list->children[i].column, "matrix",
                                 "is never reached: the row of line %u matches all of it",
                                 list->children[above].line);
            break;
        }
    }
}

static int read_rows(const struct mtr_node *node, const void *fields, struct mtr_arena *arena,
                     struct mtr_component *component, struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = mtr_node_get(node, "matrix");
    const struct mtr_list *from = &((const struct matrix_fields *)fields)->rows;
    const struct row_fields *rows = from->items;
    size_t errors_before = findings->errors;
    struct matrix *matrix = component->curve_data;
    int rc = MTR_OK;
    matrix->rows = mtr_arena_calloc(arena, from->count, sizeof(*matrix->rows));
    if (!matrix->rows) return MTR_ENOMEM;
    for (uint32_t i = 0; i < from->count && !rc; i++) {
        struct matrix_row *row = &matrix->rows[i];
        rc = read_matches(&list->children[i], component, i + 1 == from->count, arena, row, findings);
        if (!rc)
            rc = read_row_curve(&list->children[i], &rows[i], component, arena, &row->component, findings);
    }
    matrix->row_count = from->count;
    if (!rc && findings->errors == errors_before) lint_reach(list, matrix, findings);
    return rc;
}

/* Its rows are read when everything around the curve is: each is the whole component. */
static int read_matrix(struct mtr_arena *arena, const void *fields, struct mtr_component *out)
{
    (void)fields;
    out->curve_data = mtr_arena_calloc(arena, 1, sizeof(struct matrix));
    return out->curve_data ? MTR_OK : MTR_ENOMEM;
}

static void lint_beside(const struct mtr_node *node, const struct tariff_component_fields *fields,
                        struct mtr_diagnostics *findings)
{
    tariff_forbid(findings, MTR_FINDING_TARIFF_MATRIX_DIMENSION, node, !fields->has_group_by, "matrix",
                  "chooses by dimensions: name them with `group_by`, so that each line has them");
}

/* ---- choosing the row of a line ---- */

/* What stands behind "name=" in the dimensions, up to the ',' that ends it; false when the line does not
 * have the dimension. */
static bool find_dimension(struct mtr_str dimensions, struct mtr_str name, struct mtr_str *out)
{
    const char *at = dimensions.data, *end = at + dimensions.size;
    while (at < end) {
        const char *equals = memchr(at, '=', (size_t)(end - at));
        if (!equals) return false;
        const char *stop = equals + 1;
        while (stop < end && *stop != ',') stop += *stop == '\\' && stop + 1 < end ? 2 : 1;
        *out = (struct mtr_str){equals + 1, (size_t)(stop - equals - 1)};
        if (mtr_str_equal((struct mtr_str){at, (size_t)(equals - at)}, name)) return true;
        at = stop + 1;
    }
    return false;
}

static bool is_value(struct mtr_str escaped, struct mtr_str value)
{
    size_t at = 0;
    for (size_t i = 0; i < value.size; i++, at++) {
        if (at + 1 < escaped.size && escaped.data[at] == '\\') at++;
        if (at >= escaped.size || escaped.data[at] != value.data[i]) return false;
    }
    return at == escaped.size;
}

static bool matches_one(const struct match *match, struct mtr_str dimensions)
{
    struct mtr_str escaped;
    if (!find_dimension(dimensions, match->dimension, &escaped)) return false;
    for (uint32_t i = 0; i < match->value_count; i++)
        if (is_value(escaped, match->values[i])) return true;
    return false;
}

static bool matches(const struct matrix_row *row, struct mtr_str dimensions)
{
    for (uint32_t i = 0; i < row->match_count; i++)
        if (!matches_one(&row->matches[i], dimensions)) return false;
    return true;
}

/* Index of the first row that matches. */
static uint32_t find_row(const struct matrix *matrix, struct mtr_str dimensions)
{
    uint32_t row = 0;
    while (!matches(&matrix->rows[row], dimensions)) {
        row++;
        MTR_ASSERT(row < matrix->row_count); /* the last row matches everything */
    }
    return row;
}

static const struct mtr_component *row_at(const struct mtr_component *component, uint32_t index)
{
    const struct matrix *matrix = component->curve_data;
    return index < matrix->row_count ? &matrix->rows[index].component : NULL;
}

const struct mtr_component *mtr_price_select(const struct mtr_component *component, struct mtr_str dimensions)
{
    const struct matrix *matrix = component->curve_data;
    if (component->curve != &tariff_curve_matrix) return component;
    return &matrix->rows[find_row(matrix, dimensions)].component;
}

static int trace_row(struct mtr_pricer *pricer, const struct matrix *matrix, uint32_t row,
                     struct mtr_str dimensions)
{
    enum { SHOWN_MAX = 256 };
    char name[64], input[SHOWN_MAX + 1];
    snprintf(name, sizeof(name), "matrix, row %u of %u", row + 1, matrix->row_count);
    snprintf(input, sizeof(input), "%.*s", (int)(dimensions.size < SHOWN_MAX ? dimensions.size : SHOWN_MAX),
             dimensions.data ? dimensions.data : "");
    return price_trace(pricer, price_next_line(pricer), name, input,
                       mtr_component_curve_name(&matrix->rows[row].component));
}

static int select_row(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct matrix *matrix = work->component->curve_data;
    const uint32_t row = find_row(matrix, work->line.dimensions);
    work->priced = &matrix->rows[row].component;
    return pricer->with_trace ? trace_row(pricer, matrix, row, work->line.dimensions) : MTR_OK;
}

const struct tariff_curve tariff_curve_matrix = {
    .row = {.name = "matrix", .type = MTR_FIELD_LIST, AT(matrix_fields, rows),
            .own_size = sizeof(struct matrix_fields), .min = 1, .max = MTR_TARIFF_MATRIX_MAX,
            .fields = row_rows, .item_size = sizeof(struct row_fields),
            .doc = "curve: the curve of the first row that matches the line's dimensions; the last row has "
                   "no match and is the default"},
    .takes_tier_by = true,
    .weighs_by_time = true, /* its rows are asked, too */
    .has_units = true,
    .read = read_matrix,
    .lint_beside = lint_beside,
    .read_rows = read_rows,
    .row_at = row_at,
    .select = select_row,
};
