/*
 * The filter of a meter: a map of properties, each with a value, a list of values, or a map of what it is
 * compared with.
 *
 *   filter: {kind: api, tier: [gold, 2], seconds: {gt: 15, lte: 3600}, region: {not: [eu]}}
 */
#include "lib/catalog/kind/filters.h"

#include "meterd/core/limits.h"

enum { FILTERS_MAX = 16, FILTER_VALUES_MAX = 256 };

struct comparison_fields {
    const struct mtr_node *gt, *gte, *lt, *lte, *in, *not_in;
};

static const struct mtr_field rows[] = {
    {MTR_ROW(comparison_fields, gt), .type = MTR_FIELD_NODE, .doc = "it is a number above this"},
    {MTR_ROW(comparison_fields, gte), .type = MTR_FIELD_NODE, .doc = "it is a number not below this"},
    {MTR_ROW(comparison_fields, lt), .type = MTR_FIELD_NODE, .doc = "it is a number below this"},
    {MTR_ROW(comparison_fields, lte), .type = MTR_FIELD_NODE, .doc = "it is a number not above this"},
    {MTR_ROW(comparison_fields, in), .type = MTR_FIELD_NODE, .doc = "it is one of these"},
    {.name = "not", MTR_ROW_AT(comparison_fields, not_in), .type = MTR_FIELD_NODE,
     .doc = "it is none of these"},
    {0},
};

static int fail_at(const struct mtr_node *node, struct mtr_diagnostics *findings, const char *text)
{
    mtr_diagnostics_addf(findings, MTR_FINDING_CATALOG_METER_FILTER, node->line, node->column, "filter", "%s",
                         text);
    return MTR_EINVALID;
}

/* Numbers are compared with events by value, so they are kept in canonical form. */
static int decode_value(struct mtr_record *record, const struct mtr_node *node, struct mtr_str *out,
                        struct mtr_diagnostics *findings)
{
    char canonical[MTR_DECIMAL_TEXT_BYTES];
    struct mtr_decimal number;
    struct mtr_str text = node->text;
    if (node->kind == MTR_NODE_NULL || node->kind >= MTR_NODE_LIST)
        return fail_at(node, findings, "a text, number, true or false is expected");
    if (node->kind == MTR_NODE_NUMBER) {
        if (mtr_decimal_parse(text, &number))
            return fail_at(node, findings, "the number has too many digits");
        text = (struct mtr_str){canonical, (size_t)mtr_decimal_format(number, canonical)};
    }
    return mtr_arena_copy(&record->arena, text, out);
}

/* One value, or a list. */
static int decode_values(struct mtr_record *record, const struct mtr_node *node, struct mtr_str **values,
                         uint32_t *value_count, struct mtr_diagnostics *findings)
{
    const bool is_list = node->kind == MTR_NODE_LIST;
    const uint32_t count = is_list ? node->child_count : 1;
    int rc = MTR_OK;
    if (count == 0 || count > FILTER_VALUES_MAX)
        return fail_at(node, findings, "1 to 256 values are expected");
    *values = mtr_arena_calloc(&record->arena, count, sizeof(**values));
    if (!*values) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count && !rc; i++)
        rc = decode_value(record, is_list ? &node->children[i] : node, &(*values)[i], findings);
    *value_count = count;
    return rc;
}

/* Either of two, which say nearly the same. */
static int decode_bound(const struct mtr_node *exclusive, const struct mtr_node *inclusive,
                        struct mtr_bound *out, struct mtr_diagnostics *findings)
{
    const struct mtr_node *node = inclusive ? inclusive : exclusive;
    char sentence[MTR_NUMBER_FAULT_BYTES];
    if (!node) return MTR_OK;
    if (inclusive && exclusive)
        return fail_at(node, findings, "one bound on each side is enough: gt or gte, lt or lte");
    if (node->kind != MTR_NODE_NUMBER && node->kind != MTR_NODE_STRING)
        return fail_at(node, findings, "a number is expected, not a list or a map");
    *out = (struct mtr_bound){.given = true, .inclusive = inclusive != NULL};
    if (mtr_decimal_parse(node->text, &out->at) == MTR_OK) return MTR_OK;
    mtr_number_fault(node->text, sentence);
    return fail_at(node, findings, sentence);
}

static int check_order(const struct mtr_node *node, const struct mtr_filter *filter,
                       struct mtr_diagnostics *findings)
{
    const struct mtr_bound *above = &filter->above, *below = &filter->below;
    if (!above->given || !below->given) return MTR_OK;
    const int order = mtr_decimal_compare(above->at, below->at);
    if (order < 0 || (order == 0 && above->inclusive && below->inclusive)) return MTR_OK;
    return fail_at(node, findings, "nothing lies between these bounds");
}

static int decode_comparisons(struct mtr_record *record, const struct mtr_node *node, struct mtr_filter *out,
                              struct mtr_diagnostics *findings)
{
    struct comparison_fields f = {0};
    if (!node->child_count) return fail_at(node, findings, "gt, gte, lt, lte, in or not is expected");
    int rc = mtr_schema_decode(rows, node, &record->arena, &f, findings);
    if (!rc) rc = decode_bound(f.gt, f.gte, &out->above, findings);
    if (!rc) rc = decode_bound(f.lt, f.lte, &out->below, findings);
    if (!rc) rc = check_order(node, out, findings);
    if (!rc && f.in) rc = decode_values(record, f.in, &out->values, &out->value_count, findings);
    if (!rc && f.not_in)
        rc = decode_values(record, f.not_in, &out->excluded, &out->excluded_count, findings);
    return rc;
}

static int decode_filter(struct mtr_record *record, const struct mtr_node *node, struct mtr_filter *out,
                         struct mtr_diagnostics *findings)
{
    if (node->key.size > MTR_PROPERTY_NAME_BYTES_MAX)
        return fail_at(node, findings, "the name of a property has at most 64 bytes");
    int rc = mtr_arena_copy(&record->arena, node->key, &out->property);
    if (rc) return rc;
    return node->kind == MTR_NODE_MAP
               ? decode_comparisons(record, node, out, findings)
               : decode_values(record, node, &out->values, &out->value_count, findings);
}

int filters_decode(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    struct mtr_meter_fields *f = &record->fields.meter;
    const struct mtr_node *node = f->filter_node;
    f->filter_node = NULL;
    if (!node) return MTR_OK;
    if (node->kind != MTR_NODE_MAP) return fail_at(node, findings, "a map of property: value is expected");
    if (node->child_count > FILTERS_MAX) return fail_at(node, findings, "at most 16 properties are allowed");
    f->filters = mtr_arena_calloc(&record->arena, node->child_count, sizeof(*f->filters));
    if (!f->filters) return MTR_ENOMEM;
    f->filter_count = node->child_count;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < node->child_count && !rc; i++)
        rc = decode_filter(record, &node->children[i], &f->filters[i], findings);
    return rc;
}

bool filters_same_texts(const struct mtr_str *a, uint32_t a_count, const struct mtr_str *b, uint32_t b_count)
{
    if (a_count != b_count) return false;
    for (uint32_t i = 0; i < a_count; i++)
        if (!mtr_str_equal(a[i], b[i])) return false;
    return true;
}

static bool same_bounds(const struct mtr_bound *a, const struct mtr_bound *b)
{
    return a->given == b->given && a->inclusive == b->inclusive && !mtr_decimal_compare(a->at, b->at);
}

bool filters_equal(const struct mtr_meter_fields *a, const struct mtr_meter_fields *b)
{
    if (a->filter_count != b->filter_count) return false;
    for (uint32_t i = 0; i < a->filter_count; i++) {
        const struct mtr_filter *x = &a->filters[i], *y = &b->filters[i];
        if (!mtr_str_equal(x->property, y->property) ||
            !filters_same_texts(x->values, x->value_count, y->values, y->value_count) ||
            !filters_same_texts(x->excluded, x->excluded_count, y->excluded, y->excluded_count) ||
            !same_bounds(&x->above, &y->above) || !same_bounds(&x->below, &y->below))
            return false;
    }
    return true;
}
