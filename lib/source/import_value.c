/*
 * One value of a mapping: what of a row it is, and how its text is read.
 */
#include <string.h>

#include "lib/source/import_reading.h"
#include "meterd/core/time.h"

int import_add_column(struct import_reading *reading, const struct mtr_node *node, struct mtr_str name,
                      int32_t *column)
{
    for (uint32_t i = 0; i < reading->column_count; i++)
        if (mtr_str_equal(reading->columns[i], name)) {
            *column = (int32_t)i;
            return MTR_OK;
        }
    if (name.size == 0) return row_fault(node, reading->diagnostic, "a column's name is missing");
    if (reading->column_count == MTR_IMPORT_COLUMNS_MAX)
        return row_fault(node, reading->diagnostic, "more than 256 columns are used");
    reading->column_nodes[reading->column_count] = node;
    int rc = mtr_arena_copy(reading->arena, name, &reading->columns[reading->column_count]);
    if (!rc) *column = (int32_t)reading->column_count++;
    return rc;
}

/* The parts of one value, until they are counted. */
struct parts {
    struct mtr_import_part items[MTR_IMPORT_PARTS_MAX];
    uint32_t count;
};

static int add_part(struct import_reading *reading, const struct mtr_node *node, struct parts *parts,
                    struct mtr_str text, bool is_column)
{
    if (parts->count == MTR_IMPORT_PARTS_MAX)
        return row_fault(node, reading->diagnostic, "more than 32 parts");
    struct mtr_import_part *part = &parts->items[parts->count++];
    *part = (struct mtr_import_part){.column = -1};
    return is_column ? import_add_column(reading, node, text, &part->column)
                     : mtr_arena_copy(reading->arena, text, &part->literal);
}

static int keep_parts(struct import_reading *reading, const struct parts *parts,
                      struct mtr_import_value *value)
{
    struct mtr_import_part *kept = mtr_arena_calloc(reading->arena, (size_t)parts->count + 1, sizeof(*kept));
    if (!kept) return MTR_ENOMEM;
    memcpy(kept, parts->items, parts->count * sizeof(*kept));
    value->parts = kept;
    value->part_count = parts->count;
    return MTR_OK;
}

/* "{a}/{b}": literals and columns in turn. */
static int parse_template(struct import_reading *reading, const struct mtr_node *node, struct parts *parts)
{
    const char *p = node->text.data, *end = p + node->text.size;
    while (p < end) {
        bool is_column = *p == '{';
        const char *stop = memchr(p, is_column ? '}' : '{', (size_t)(end - p));
        if (is_column && !stop) return row_fault(node, reading->diagnostic, "'{' without '}'");
        if (!stop) stop = end;
        if (is_column) p++;
        int rc = add_part(reading, node, parts, (struct mtr_str){p, (size_t)(stop - p)}, is_column);
        if (rc) return rc;
        p = is_column ? stop + 1 : stop;
    }
    return MTR_OK;
}

static int parse_scalar(struct import_reading *reading, const struct mtr_node *node,
                        struct mtr_import_value *value)
{
    const struct mtr_str text = node->text;
    struct parts parts = {.count = 0};
    int rc;
    if (text.size == 0)
        return row_fault(node, reading->diagnostic,
                         "a column, '=constant', '{template}' or {hash: [columns]} is expected");
    if (text.data[0] == '=')
        rc = add_part(reading, node, &parts, (struct mtr_str){text.data + 1, text.size - 1}, false);
    else if (memchr(text.data, '{', text.size)) rc = parse_template(reading, node, &parts);
    else rc = add_part(reading, node, &parts, text, true);
    return rc ? rc : keep_parts(reading, &parts, value);
}

static int parse_hash(struct import_reading *reading, const struct mtr_node *list,
                      struct mtr_import_value *value)
{
    struct parts parts = {.count = 0};
    if (list->kind != MTR_NODE_LIST || list->child_count == 0)
        return row_fault(list, reading->diagnostic, "hash is a list of columns");
    value->kind = MTR_IMPORT_HASH;
    for (uint32_t i = 0; i < list->child_count; i++) {
        int rc = add_part(reading, &list->children[i], &parts, list->children[i].text, true);
        if (rc) return rc;
    }
    return keep_parts(reading, &parts, value);
}

int import_read_hash(struct import_reading *reading, const struct mtr_node *list, struct mtr_str field,
                     struct mtr_import_value *value)
{
    *value = (struct mtr_import_value){.decimal = '.', .field = field};
    return parse_hash(reading, list, value);
}

static int parse_flag(struct import_reading *reading, const struct mtr_node *node, bool *out)
{
    *out = node->truth;
    return node->kind == MTR_NODE_BOOL ? MTR_OK
                                       : row_fault(node, reading->diagnostic, "true or false is expected");
}

static int parse_type(struct import_reading *reading, const struct mtr_node *as,
                      struct mtr_import_value *value)
{
    static const char *const types[] = {"text", "number", NULL};
    if (!row_is_known(as->text, types))
        return row_fault_of_word(as, "", as->text, types, reading->diagnostic);
    value->type = mtr_str_equal(as->text, MTR_STR("text")) ? MTR_IMPORT_TEXT : MTR_IMPORT_NUMBER;
    return MTR_OK;
}

/* ---- numbers ---- */

static int parse_decimal(struct import_reading *reading, const struct mtr_node *node,
                         struct mtr_import_value *value)
{
    if (node->text.size != 1 || !memchr(".,", node->text.data[0], 2))
        return row_fault(node, reading->diagnostic,
                         "the sign before a number's fraction is \".\" or \",\"");
    value->decimal = node->text.data[0];
    return MTR_OK;
}

static int parse_scale(struct import_reading *reading, const struct mtr_node *node,
                       struct mtr_import_value *value)
{
    value->has_scale = true;
    return mtr_decimal_parse(node->text, &value->scale)
               ? row_fault(node, reading->diagnostic,
                           "a number is expected, as \"0.01\": what is read is multiplied by it")
               : MTR_OK;
}

static int parse_mode(struct import_reading *reading, const struct mtr_node *node,
                      struct mtr_import_value *value)
{
    const char *modes[MTR_ROUND_FLOOR + 2] = {NULL};
    for (int mode = MTR_ROUND_HALF_EVEN; mode <= MTR_ROUND_FLOOR; mode++) {
        modes[mode] = mtr_rounding_name((enum mtr_rounding)mode);
        if (!mtr_str_equal(node->text, mtr_str_from(modes[mode]))) continue;
        value->round_mode = (enum mtr_rounding)mode;
        return MTR_OK;
    }
    return row_fault_of_word(node, "", node->text, modes, reading->diagnostic);
}

static int parse_round(struct import_reading *reading, const struct mtr_node *node,
                       struct mtr_import_value *value)
{
    static const char *const keys[] = {"digits", "mode", NULL};
    const struct mtr_node *digits = mtr_node_get(node, "digits"), *mode = mtr_node_get(node, "mode");
    uint64_t count;
    int rc = node->kind == MTR_NODE_MAP ? row_check_keys(node, keys, reading->diagnostic) : MTR_OK;
    if (rc) return rc;
    if (!digits)
        return row_fault(node, reading->diagnostic, "{digits: 9, mode: half_even} is expected");
    if (!mtr_str_to_u64(digits->text, &count) || count > MTR_QUANTITY_DIGITS)
        return row_fault(digits, reading->diagnostic, "0 to 12 digits behind the point are kept");
    value->has_round = true;
    value->round_digits = (unsigned)count;
    return mode ? parse_mode(reading, mode, value) : MTR_OK;
}

static int parse_before(struct import_reading *reading, const struct mtr_node *node)
{
    int64_t before_us = MTR_COUNTER_BEFORE_US;
    const bool is_list = node && (node->kind == MTR_NODE_MAP || node->kind == MTR_NODE_LIST);
    if (is_list || (node && (mtr_duration_parse(node->text, &before_us) || before_us <= 0 ||
                             before_us > 31 * MTR_US_PER_DAY)))
        return row_fault(node, reading->diagnostic,
                         "a duration up to 31 days is expected: in which a counter has a sample, as 1h");
    reading->map->counter_before_us = mtr_time_later(reading->map->counter_before_us, before_us);
    return MTR_OK;
}

/* {series: [instance, device], before: 1h}: the columns that tell one counter from another. */
static int parse_counter(struct import_reading *reading, const struct mtr_node *node,
                         struct mtr_import_value *value)
{
    static const char *const keys[] = {"series", "before", NULL};
    const struct mtr_node *series = mtr_node_get(node, "series");
    int32_t columns[MTR_IMPORT_PARTS_MAX];
    int rc = node->kind == MTR_NODE_MAP ? row_check_keys(node, keys, reading->diagnostic) : MTR_OK;
    if (!rc) rc = parse_before(reading, mtr_node_get(node, "before"));
    if (rc) return rc;
    if (!series || series->kind != MTR_NODE_LIST || series->child_count > MTR_IMPORT_PARTS_MAX)
        return row_fault(node, reading->diagnostic,
                         "{series: [columns]} is expected: up to 32 that tell one counter from another");
    for (uint32_t i = 0; !rc && i < series->child_count; i++)
        rc = import_add_column(reading, &series->children[i], series->children[i].text, &columns[i]);
    int32_t *kept = rc ? NULL : mtr_arena_calloc(reading->arena, (size_t)series->child_count + 1,
                                                 sizeof(*kept));
    if (!kept) return rc ? rc : MTR_ENOMEM;
    memcpy(kept, columns, series->child_count * sizeof(*kept));
    value->is_counter = true;
    value->series = kept;
    value->series_count = series->child_count;
    return MTR_OK;
}

/* ---- {column: C, …} and {hash: […], …} ---- */

static const char *const value_keys[] = {"column", "path", "as",       "decimal", "scale",
                                         "round",  "hash", "multiset", NULL,      NULL};
static const char *const source_value_keys[] = {"column", "path", "as",       "decimal", "scale",
                                                "round",  "hash", "multiset", "counter", NULL};

static int parse_member(struct import_reading *reading, const struct mtr_node *node,
                        struct mtr_import_value *value)
{
    const struct mtr_str key = node->key;
    if (mtr_str_equal(key, MTR_STR("hash"))) return parse_hash(reading, node, value);
    if (mtr_str_equal(key, MTR_STR("multiset"))) return parse_flag(reading, node, &value->multiset);
    if (mtr_str_equal(key, MTR_STR("as"))) return parse_type(reading, node, value);
    if (mtr_str_equal(key, MTR_STR("decimal"))) return parse_decimal(reading, node, value);
    if (mtr_str_equal(key, MTR_STR("scale"))) return parse_scale(reading, node, value);
    if (mtr_str_equal(key, MTR_STR("round"))) return parse_round(reading, node, value);
    if (mtr_str_equal(key, MTR_STR("counter"))) return parse_counter(reading, node, value);
    return parse_scalar(reading, node, value);
}

/* What is right elsewhere is not unknown here. */
static int check_place(struct import_reading *reading, const struct mtr_node *node)
{
    const struct mtr_node *counter = mtr_node_get(node, "counter");
    const struct mtr_node *multiset = mtr_node_get(node, "multiset");
    if (counter && !reading->source)
        return row_fault(counter, reading->diagnostic,
                         "is only in a source's document (`meterd import --source`): differences are taken "
                         "of samples that are kept");
    if (multiset && node->child_count == 1)
        return row_fault(multiset, reading->diagnostic,
                         "alone is only in a source's document, as `identity: {multiset: true}`: name "
                         "columns, as {hash: [columns], multiset: true}");
    return MTR_OK;
}

static int parse_map(struct import_reading *reading, const struct mtr_node *node,
                     struct mtr_import_value *value)
{
    const bool has_column = mtr_node_get(node, "column"), has_path = mtr_node_get(node, "path"),
               has_hash = mtr_node_get(node, "hash");
    int rc = check_place(reading, node);
    if (!rc) rc = row_check_keys(node, reading->source ? source_value_keys : value_keys, reading->diagnostic);
    if (rc) return rc;
    if (has_column + has_path + has_hash != 1)
        return row_fault(node, reading->diagnostic,
                         "{hash: [columns]} or {column: C, as: text} is expected");
    for (uint32_t i = 0; i < node->child_count; i++) {
        rc = parse_member(reading, &node->children[i], value);
        if (rc) return rc;
    }
    if (value->multiset && value->kind != MTR_IMPORT_HASH)
        return row_fault(node, reading->diagnostic, "multiset is of {hash: [columns]} alone");
    const bool is_counted =
        value->decimal != '.' || value->has_scale || value->has_round || value->is_counter;
    if (is_counted && value->type == MTR_IMPORT_TEXT)
        return row_fault(node, reading->diagnostic,
                         value->is_counter
                             ? "decimal, scale, round and counter are of numbers, not of `as: text`"
                             : "decimal, scale and round are of numbers, not of `as: text`");
    if (is_counted) value->type = MTR_IMPORT_NUMBER;
    return MTR_OK;
}

int import_read_value(struct import_reading *reading, const struct mtr_node *node, struct mtr_str field,
                      struct mtr_import_value *value)
{
    *value = (struct mtr_import_value){.kind = MTR_IMPORT_PARTS, .decimal = '.'};
    int rc = mtr_arena_copy(reading->arena, field, &value->field);
    if (rc) return rc;
    if (node->kind == MTR_NODE_LIST)
        return row_fault(node, reading->diagnostic, "one value is expected, not a list");
    return node->kind == MTR_NODE_MAP ? parse_map(reading, node, value) : parse_scalar(reading, node, value);
}
