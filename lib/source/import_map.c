/*
 * Reading the mapping document. Every name of a column becomes an index once, so that a row costs no search.
 * Pure; one thread.
 */
#include "meterd/source/import_map.h"

#include <stdio.h>
#include <string.h>

#include "lib/source/row_fault.h"
#include "meterd/core/csv.h"
#include "meterd/core/document.h"

enum { ARENA_CHUNK_BYTES = 4096, ARENA_BYTES_MAX = 4 << 20 };

/* The index of a column's name; a new name is added. */
static int add_column(struct mtr_import_map *map, const struct mtr_node *node, struct mtr_str name,
                      int32_t *column, struct mtr_diagnostic *diagnostic)
{
    for (uint32_t i = 0; i < map->column_count; i++)
        if (mtr_str_equal(map->columns[i], name)) {
            *column = (int32_t)i;
            return MTR_OK;
        }
    if (name.size == 0) return row_fault(node, diagnostic, "a column's name is missing");
    if (map->column_count == MTR_IMPORT_COLUMNS_MAX)
        return row_fault(node, diagnostic, "more than 256 columns are used");
    int rc = mtr_arena_copy(&map->arena, name, &map->columns[map->column_count]);
    if (!rc) *column = (int32_t)map->column_count++;
    return rc;
}

static int add_part(struct mtr_import_map *map, const struct mtr_node *node, struct mtr_import_value *value,
                    struct mtr_str text, bool is_column, struct mtr_diagnostic *diagnostic)
{
    if (value->part_count == MTR_IMPORT_PARTS_MAX) return row_fault(node, diagnostic, "more than 32 parts");
    struct mtr_import_part *part = &value->parts[value->part_count++];
    part->column = -1;
    return is_column ? add_column(map, node, text, &part->column, diagnostic)
                     : mtr_arena_copy(&map->arena, text, &part->literal);
}

/* "{a}/{b}": literals and columns in turn. */
static int parse_template(struct mtr_import_map *map, const struct mtr_node *node,
                          struct mtr_import_value *value, struct mtr_diagnostic *diagnostic)
{
    const char *p = node->text.data, *end = p + node->text.size;
    while (p < end) {
        bool is_column = *p == '{';
        const char *stop = memchr(p, is_column ? '}' : '{', (size_t)(end - p));
        if (is_column && !stop) return row_fault(node, diagnostic, "'{' without '}'");
        if (!stop) stop = end;
        if (is_column) p++;
        int rc = add_part(map, node, value, (struct mtr_str){p, (size_t)(stop - p)}, is_column, diagnostic);
        if (rc) return rc;
        p = is_column ? stop + 1 : stop;
    }
    return MTR_OK;
}

static int parse_flag(const struct mtr_node *node, bool *out, struct mtr_diagnostic *diagnostic)
{
    *out = node->truth;
    return node->kind == MTR_NODE_BOOL ? MTR_OK : row_fault(node, diagnostic, "true or false is expected");
}

static int parse_hash(struct mtr_import_map *map, const struct mtr_node *list, struct mtr_import_value *value,
                      struct mtr_diagnostic *diagnostic)
{
    if (list->kind != MTR_NODE_LIST || list->child_count == 0)
        return row_fault(list, diagnostic, "hash is a list of columns");
    value->kind = MTR_IMPORT_HASH;
    for (uint32_t i = 0; i < list->child_count; i++) {
        int rc = add_part(map, &list->children[i], value, list->children[i].text, true, diagnostic);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int parse_type(const struct mtr_node *as, struct mtr_import_value *value,
                      struct mtr_diagnostic *diagnostic)
{
    static const char *const types[] = {"text", "number", NULL};
    if (!row_is_known(as->text, types)) return row_fault_of_word(as, "", as->text, types, diagnostic);
    value->type = mtr_str_equal(as->text, MTR_STR("text")) ? MTR_IMPORT_TEXT : MTR_IMPORT_NUMBER;
    return MTR_OK;
}

/* ---- numbers ---- */

static int parse_decimal(const struct mtr_node *node, struct mtr_import_value *value,
                         struct mtr_diagnostic *diagnostic)
{
    if (node->text.size != 1 || !memchr(".,", node->text.data[0], 2))
        return row_fault(node, diagnostic, "the sign before a number's fraction is \".\" or \",\"");
    value->decimal = node->text.data[0];
    return MTR_OK;
}

static int parse_scale(const struct mtr_node *node, struct mtr_import_value *value,
                       struct mtr_diagnostic *diagnostic)
{
    value->has_scale = true;
    return mtr_decimal_parse(node->text, &value->scale)
               ? row_fault(node, diagnostic,
                     "a number is expected, as \"0.01\": what is read is multiplied by it")
               : MTR_OK;
}

static int parse_mode(const struct mtr_node *node, struct mtr_import_value *value,
                      struct mtr_diagnostic *diagnostic)
{
    const char *modes[MTR_ROUND_FLOOR + 2] = {NULL};
    for (int mode = MTR_ROUND_HALF_EVEN; mode <= MTR_ROUND_FLOOR; mode++) {
        modes[mode] = mtr_rounding_name((enum mtr_rounding)mode);
        if (!mtr_str_equal(node->text, mtr_str_from(modes[mode]))) continue;
        value->round_mode = (enum mtr_rounding)mode;
        return MTR_OK;
    }
    return row_fault_of_word(node, "", node->text, modes, diagnostic);
}

static int parse_round(const struct mtr_node *node, struct mtr_import_value *value,
                       struct mtr_diagnostic *diagnostic)
{
    static const char *const keys[] = {"digits", "mode", NULL};
    const struct mtr_node *digits = mtr_node_get(node, "digits"), *mode = mtr_node_get(node, "mode");
    uint64_t count;
    int rc = node->kind == MTR_NODE_MAP ? row_check_keys(node, keys, diagnostic) : MTR_OK;
    if (rc) return rc;
    if (!digits)
        return row_fault(node, diagnostic, "{digits: 9, mode: half_even} is expected");
    if (!mtr_str_to_u64(digits->text, &count) || count > MTR_QUANTITY_DIGITS)
        return row_fault(digits, diagnostic, "0 to 12 digits behind the point are kept");
    value->has_round = true;
    value->round_digits = (unsigned)count;
    return mode ? parse_mode(mode, value, diagnostic) : MTR_OK;
}

static int parse_scalar(struct mtr_import_map *map, const struct mtr_node *node,
                        struct mtr_import_value *value, struct mtr_diagnostic *diagnostic)
{
    struct mtr_str text = node->text;
    if (text.size == 0)
        return row_fault(node, diagnostic,
                     "a column, '=constant', '{template}' or {hash: [columns]} is expected");
    if (text.data[0] == '=')
        return add_part(map, node, value, (struct mtr_str){text.data + 1, text.size - 1}, false, diagnostic);
    if (memchr(text.data, '{', text.size)) return parse_template(map, node, value, diagnostic);
    return add_part(map, node, value, text, true, diagnostic);
}

static const char *const value_keys[] = {"column", "path",  "as",   "decimal",
                                         "scale",  "round", "hash", "multiset", NULL};
/* Also of a value: what stands beside a time's `format` and `zone` is checked where they are. */
static const char *const time_keys[] = {"column", "path",  "format", "zone",     "as", "decimal",
                                        "scale",  "round", "hash",   "multiset", NULL};
static const char *const keys[] = {"id",   "source", "type", "subject", "time",      "time_format",
                                   "data", "skip",   "null", "format",  "delimiter", NULL};

/* Of {column: C, …} and {hash: […], …}. */
static int parse_value_member(struct mtr_import_map *map, const struct mtr_node *node,
                              struct mtr_import_value *value, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_str key = node->key;
    if (mtr_str_equal(key, MTR_STR("hash"))) return parse_hash(map, node, value, diagnostic);
    if (mtr_str_equal(key, MTR_STR("multiset"))) return parse_flag(node, &value->multiset, diagnostic);
    if (mtr_str_equal(key, MTR_STR("as"))) return parse_type(node, value, diagnostic);
    if (mtr_str_equal(key, MTR_STR("decimal"))) return parse_decimal(node, value, diagnostic);
    if (mtr_str_equal(key, MTR_STR("scale"))) return parse_scale(node, value, diagnostic);
    if (mtr_str_equal(key, MTR_STR("round"))) return parse_round(node, value, diagnostic);
    if (mtr_str_equal(key, MTR_STR("column")) || mtr_str_equal(key, MTR_STR("path")))
        return parse_scalar(map, node, value, diagnostic);
    return row_fault_of_key(node, value_keys, diagnostic);
}

static int parse_value_map(struct mtr_import_map *map, const struct mtr_node *node,
                           struct mtr_import_value *value, struct mtr_diagnostic *diagnostic)
{
    const bool has_column = mtr_node_get(node, "column"), has_path = mtr_node_get(node, "path"),
               has_hash = mtr_node_get(node, "hash");
    int rc = row_check_keys(node, value_keys, diagnostic);
    if (rc) return rc;
    if (has_column + has_path + has_hash != 1)
        return row_fault(node, diagnostic, "{hash: [columns]} or {column: C, as: text} is expected");
    for (uint32_t i = 0; i < node->child_count; i++) {
        rc = parse_value_member(map, &node->children[i], value, diagnostic);
        if (rc) return rc;
    }
    if (value->multiset && value->kind != MTR_IMPORT_HASH)
        return row_fault(node, diagnostic, "multiset is of {hash: [columns]} alone");
    const bool is_counted = value->decimal != '.' || value->has_scale || value->has_round;
    if (is_counted && value->type == MTR_IMPORT_TEXT)
        return row_fault(node, diagnostic, "decimal, scale and round are of numbers, not of `as: text`");
    if (is_counted) value->type = MTR_IMPORT_NUMBER;
    return MTR_OK;
}

static int parse_value(struct mtr_import_map *map, const struct mtr_node *node, struct mtr_str field,
                       struct mtr_import_value *value, struct mtr_diagnostic *diagnostic)
{
    *value = (struct mtr_import_value){.kind = MTR_IMPORT_PARTS, .decimal = '.'};
    int rc = mtr_arena_copy(&map->arena, field, &value->field);
    if (rc) return rc;
    if (node->kind == MTR_NODE_LIST) return row_fault(node, diagnostic, "one value is expected, not a list");
    return node->kind == MTR_NODE_MAP ? parse_value_map(map, node, value, diagnostic)
                                      : parse_scalar(map, node, value, diagnostic);
}

static int add_data(struct mtr_import_map *map, const struct mtr_node *node, struct mtr_str name,
                    struct mtr_diagnostic *diagnostic)
{
    char field[sizeof("data.") + MTR_PROPERTY_NAME_BYTES_MAX];
    if (name.size == 0 || name.size > MTR_PROPERTY_NAME_BYTES_MAX)
        return row_fault(node, diagnostic, "a property's name has 1 to 64 bytes");
    if (map->data_count == MTR_EVENT_PROPERTIES_MAX)
        return row_fault(node, diagnostic, "more than 64 properties");
    snprintf(field, sizeof(field), "data.%.*s", MTR_STR_ARGS(name));
    for (uint32_t i = 0; i < map->data_count; i++)
        if (mtr_str_equal(map->data[i].field, mtr_str_from(field)))
            return row_fault(node, diagnostic, "this property is mapped twice");
    return parse_value(map, node, mtr_str_from(field), &map->data[map->data_count++], diagnostic);
}

static int parse_data(struct mtr_import_map *map, const struct mtr_node *node,
                      struct mtr_diagnostic *diagnostic)
{
    if (node->kind != MTR_NODE_MAP)
        return row_fault(node, diagnostic, "a map of property to column is expected");
    for (uint32_t i = 0; i < node->child_count; i++) {
        int rc = add_data(map, &node->children[i], node->children[i].key, diagnostic);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int add_skip(struct mtr_import_map *map, const struct mtr_node *node, int32_t column,
                    struct mtr_diagnostic *diagnostic)
{
    if (map->skip_count == MTR_IMPORT_SKIPS_MAX)
        return row_fault(node, diagnostic, "more than 64 values to skip");
    struct mtr_import_skip *skip = &map->skips[map->skip_count++];
    skip->column = column;
    return mtr_arena_copy(&map->arena, node->text, &skip->value);
}

static int parse_skip(struct mtr_import_map *map, const struct mtr_node *node,
                      struct mtr_diagnostic *diagnostic)
{
    if (node->kind != MTR_NODE_MAP)
        return row_fault(node, diagnostic, "a map of column to value is expected");
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct mtr_node *values = &node->children[i];
        int32_t column;
        int rc = add_column(map, values, values->key, &column, diagnostic);
        if (!rc && values->kind != MTR_NODE_LIST) rc = add_skip(map, values, column, diagnostic);
        for (uint32_t j = 0; !rc && values->kind == MTR_NODE_LIST && j < values->child_count; j++)
            rc = add_skip(map, &values->children[j], column, diagnostic);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int parse_nulls(struct mtr_import_map *map, const struct mtr_node *node,
                       struct mtr_diagnostic *diagnostic)
{
    const struct mtr_node *values = node->kind == MTR_NODE_LIST ? node->children : node;
    uint32_t count = node->kind == MTR_NODE_LIST ? node->child_count : 1;
    if (count > MTR_IMPORT_NULLS_MAX) return row_fault(node, diagnostic, "more than 16 texts");
    for (; map->null_count < count; map->null_count++) {
        int rc = mtr_arena_copy(&map->arena, values[map->null_count].text, &map->nulls[map->null_count]);
        if (rc) return rc;
    }
    return MTR_OK;
}

/* ---- times ---- */

static int parse_time_format(struct mtr_import_map *map, const struct mtr_node *node,
                             struct mtr_diagnostic *diagnostic)
{
    const char *what;
    map->has_time_format = true;
    int rc = mtr_time_pattern_make(node->text, map->zone, &map->time_pattern, &what);
    return rc ? row_fault(node, diagnostic, what) : MTR_OK;
}

static int parse_zone(struct mtr_import_map *map, const struct mtr_node *node,
                      struct mtr_diagnostic *diagnostic)
{
    int rc = mtr_zone_open(node->text, &map->zone);
    map->time_pattern.zone = map->zone;
    if (rc == MTR_EINVALID || rc == MTR_ENOTFOUND)
        return row_fault(node, diagnostic, "a time zone is expected, as Europe/Berlin");
    return rc;
}

/* {column: C, format: F, zone: Z}; anything else is a value. */
static int parse_time(struct mtr_import_map *map, const struct mtr_node *node,
                      struct mtr_diagnostic *diagnostic)
{
    const struct mtr_node *column = mtr_node_get(node, "column"), *path = mtr_node_get(node, "path"),
                          *format = mtr_node_get(node, "format"), *zone = mtr_node_get(node, "zone");
    int rc = node->kind == MTR_NODE_MAP ? row_check_keys(node, time_keys, diagnostic) : MTR_OK;
    if (rc) return rc;
    if (node->kind != MTR_NODE_MAP || (!format && !zone))
        return parse_value(map, node, node->key, &map->time, diagnostic);
    const uint32_t known = (column != NULL) + (path != NULL) + (format != NULL) + (zone != NULL);
    if (known != node->child_count || (column != NULL) == (path != NULL))
        return row_fault(node, diagnostic, "{column: C, format: F, zone: Z} is expected");
    if (map->zone || map->time.kind != MTR_IMPORT_ABSENT)
        return row_fault(node, diagnostic, "this time is mapped twice");
    rc = zone ? parse_zone(map, zone, diagnostic) : MTR_OK;
    if (!rc && format) rc = parse_time_format(map, format, diagnostic);
    return rc ? rc : parse_value(map, column ? column : path, node->key, &map->time, diagnostic);
}

/* ---- the file ---- */

static int parse_member(struct mtr_import_map *map, const struct mtr_node *node,
                        struct mtr_diagnostic *diagnostic)
{
    const struct mtr_str key = node->key, prefix = MTR_STR("data.");
    if (mtr_str_equal(key, MTR_STR("id"))) return parse_value(map, node, key, &map->id, diagnostic);
    if (mtr_str_equal(key, MTR_STR("source"))) return parse_value(map, node, key, &map->source, diagnostic);
    if (mtr_str_equal(key, MTR_STR("type"))) return parse_value(map, node, key, &map->type, diagnostic);
    if (mtr_str_equal(key, MTR_STR("subject"))) return parse_value(map, node, key, &map->subject, diagnostic);
    if (mtr_str_equal(key, MTR_STR("time"))) return parse_time(map, node, diagnostic);
    if (mtr_str_equal(key, MTR_STR("data"))) return parse_data(map, node, diagnostic);
    if (mtr_str_equal(key, MTR_STR("skip"))) return parse_skip(map, node, diagnostic);
    if (mtr_str_equal(key, MTR_STR("null"))) return parse_nulls(map, node, diagnostic);
    if (mtr_str_equal(key, MTR_STR("time_format"))) return parse_time_format(map, node, diagnostic);
    if (mtr_str_starts_with(key, prefix))
        return add_data(map, node, (struct mtr_str){key.data + prefix.size, key.size - prefix.size},
                        diagnostic);
    if (mtr_str_equal(key, MTR_STR("format")))
        return mtr_row_format_parse(node, &map->arena, &map->format, diagnostic);
    if (mtr_str_equal(key, MTR_STR("delimiter")))
        return row_delimiter_parse(node, &map->format, diagnostic);
    return row_fault_of_key(node, keys, diagnostic);
}

static bool are_numbers(const struct mtr_import_map *map)
{
    uint64_t number;
    for (uint32_t i = 0; i < map->column_count; i++)
        if (!mtr_str_to_u64(map->columns[i], &number) || !number || number > MTR_CSV_CELLS_MAX) return false;
    return map->column_count > 0;
}

void mtr_import_map_set_format(struct mtr_import_map *map, const struct mtr_row_format *format)
{
    map->format = *format;
    if (format->kind == MTR_ROWS_PROMETHEUS && !map->has_time_format)
        map->time_pattern.form = MTR_TIME_UNIX_S;
}

static int parse_root(struct mtr_import_map *map, const struct mtr_node *root,
                      struct mtr_diagnostic *diagnostic)
{
    if (root->kind != MTR_NODE_MAP)
        return row_fault(root, diagnostic, "a mapping is a map of fields to columns");
    for (uint32_t i = 0; i < root->child_count; i++) {
        int rc = parse_member(map, &root->children[i], diagnostic);
        if (rc) return rc;
    }
    if (map->id.kind == MTR_IMPORT_ABSENT)
        return row_fault(root, diagnostic, "id is missing: name a column, a template or {hash: [columns]}");
    if (map->type.kind == MTR_IMPORT_ABSENT) return row_fault(root, diagnostic, "type is missing");
    if (map->subject.kind == MTR_IMPORT_ABSENT) return row_fault(root, diagnostic, "subject is missing");
    mtr_import_map_set_format(map, &map->format);
    map->columns_are_numbers = are_numbers(map);
    if (map->format.header == MTR_ROWS_NO_HEADER && !map->columns_are_numbers)
        return row_fault(root, diagnostic, "without a header columns are named by their numbers, from 1 on");
    return MTR_OK;
}

int mtr_import_map_parse(struct mtr_str text, struct mtr_import_map *map, struct mtr_diagnostic *diagnostic)
{
    struct mtr_document *document;
    *map = (struct mtr_import_map){.format = mtr_row_format_default(),
                                    .time_pattern = {.form = MTR_TIME_RFC3339}};
    mtr_arena_init(&map->arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
    int rc = mtr_document_parse(text, &document, diagnostic);
    if (rc) return rc;
    rc = parse_root(map, mtr_document_root(document), diagnostic);
    if (rc == MTR_ENOMEM)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_IMPORT_MAP, 1, 1, "", "the mapping is too large");
    mtr_document_close(document);
    return rc;
}

void mtr_import_map_release(struct mtr_import_map *map)
{
    mtr_arena_release(&map->arena);
    mtr_zone_close(map->zone);
    map->zone = NULL;
}
