/*
 * Reading the mapping document. Every name of a column becomes an index once, so that a row costs no search.
 * Pure; one thread.
 */
#include "meterd/source/import_map.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/csv.h"
#include "meterd/core/document.h"
#include "meterd/source/encoding.h"

enum { ARENA_CHUNK_BYTES = 4096, ARENA_BYTES_MAX = 4 << 20 };

static int fault(const struct mtr_node *node, struct mtr_diagnostic *diagnostic, const char *what)
{
    char field[64];
    snprintf(field, sizeof(field), "%.*s", node->key.size < 60 ? (int)node->key.size : 60,
             node->key.size ? node->key.data : "");
    mtr_diagnostic_set(diagnostic, MTR_FINDING_IMPORT_MAP, node->line, node->column, field, "%s", what);
    return MTR_EINVALID;
}

/* What is none of the words that are known here, which end with NULL: says which are, and the nearest. */
static int fault_of_word(const struct mtr_node *node, const char *what, struct mtr_str word,
                         const char *const *known, struct mtr_diagnostic *diagnostic)
{
    char sentence[MTR_FINDING_TEXT_BYTES], meant[MTR_MEANT_BYTES];
    size_t used = (size_t)snprintf(sentence, sizeof(sentence), "%s", what);
    for (size_t i = 0; known[i] && used < sizeof(sentence); i++)
        used += (size_t)snprintf(sentence + used, sizeof(sentence) - used, "%s%s",
                                 i == 0 ? "" : known[i + 1] ? ", " : " or ", known[i]);
    MTR_ASSERT(used < sizeof(sentence));
    snprintf(sentence + used, sizeof(sentence) - used, " is expected%s",
             mtr_str_meant_of(word, known, meant));
    return fault(node, diagnostic, sentence);
}

static int fault_of_key(const struct mtr_node *node, const char *const *known,
                        struct mtr_diagnostic *diagnostic)
{
    return fault_of_word(node, "unknown key: ", node->key, known, diagnostic);
}

static bool is_known(struct mtr_str word, const char *const *known)
{
    for (; *known; known++)
        if (mtr_str_equal(word, mtr_str_from(*known))) return true;
    return false;
}

/* MTR_EINVALID when the map has a key that is not known. */
static int check_keys(const struct mtr_node *map, const char *const *known, struct mtr_diagnostic *diagnostic)
{
    for (uint32_t i = 0; i < map->child_count; i++)
        if (!is_known(map->children[i].key, known))
            return fault_of_key(&map->children[i], known, diagnostic);
    return MTR_OK;
}

/* The index of a column's name; a new name is added. */
static int add_column(struct mtr_import_map *map, const struct mtr_node *node, struct mtr_str name,
                      int32_t *column, struct mtr_diagnostic *diagnostic)
{
    for (uint32_t i = 0; i < map->column_count; i++)
        if (mtr_str_equal(map->columns[i], name)) {
            *column = (int32_t)i;
            return MTR_OK;
        }
    if (name.size == 0) return fault(node, diagnostic, "a column's name is missing");
    if (map->column_count == MTR_IMPORT_COLUMNS_MAX)
        return fault(node, diagnostic, "more than 256 columns are used");
    int rc = mtr_arena_copy(&map->arena, name, &map->columns[map->column_count]);
    if (!rc) *column = (int32_t)map->column_count++;
    return rc;
}

static int add_part(struct mtr_import_map *map, const struct mtr_node *node, struct mtr_import_value *value,
                    struct mtr_str text, bool is_column, struct mtr_diagnostic *diagnostic)
{
    if (value->part_count == MTR_IMPORT_PARTS_MAX) return fault(node, diagnostic, "more than 32 parts");
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
        if (is_column && !stop) return fault(node, diagnostic, "'{' without '}'");
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
    return node->kind == MTR_NODE_BOOL ? MTR_OK : fault(node, diagnostic, "true or false is expected");
}

static int parse_hash(struct mtr_import_map *map, const struct mtr_node *list, struct mtr_import_value *value,
                      struct mtr_diagnostic *diagnostic)
{
    if (list->kind != MTR_NODE_LIST || list->child_count == 0)
        return fault(list, diagnostic, "hash is a list of columns");
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
    if (!is_known(as->text, types)) return fault_of_word(as, "", as->text, types, diagnostic);
    value->type = mtr_str_equal(as->text, MTR_STR("text")) ? MTR_IMPORT_TEXT : MTR_IMPORT_NUMBER;
    return MTR_OK;
}

/* ---- numbers ---- */

static int parse_decimal(const struct mtr_node *node, struct mtr_import_value *value,
                         struct mtr_diagnostic *diagnostic)
{
    if (node->text.size != 1 || !memchr(".,", node->text.data[0], 2))
        return fault(node, diagnostic, "the sign before a number's fraction is \".\" or \",\"");
    value->decimal = node->text.data[0];
    return MTR_OK;
}

static int parse_scale(const struct mtr_node *node, struct mtr_import_value *value,
                       struct mtr_diagnostic *diagnostic)
{
    value->has_scale = true;
    return mtr_decimal_parse(node->text, &value->scale)
               ? fault(node, diagnostic,
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
    return fault_of_word(node, "", node->text, modes, diagnostic);
}

static int parse_round(const struct mtr_node *node, struct mtr_import_value *value,
                       struct mtr_diagnostic *diagnostic)
{
    static const char *const keys[] = {"digits", "mode", NULL};
    const struct mtr_node *digits = mtr_node_get(node, "digits"), *mode = mtr_node_get(node, "mode");
    uint64_t count;
    int rc = node->kind == MTR_NODE_MAP ? check_keys(node, keys, diagnostic) : MTR_OK;
    if (rc) return rc;
    if (!digits)
        return fault(node, diagnostic, "{digits: 9, mode: half_even} is expected");
    if (!mtr_str_to_u64(digits->text, &count) || count > MTR_QUANTITY_DIGITS)
        return fault(digits, diagnostic, "0 to 12 digits behind the point are kept");
    value->has_round = true;
    value->round_digits = (unsigned)count;
    return mode ? parse_mode(mode, value, diagnostic) : MTR_OK;
}

static int parse_scalar(struct mtr_import_map *map, const struct mtr_node *node,
                        struct mtr_import_value *value, struct mtr_diagnostic *diagnostic)
{
    struct mtr_str text = node->text;
    if (text.size == 0)
        return fault(node, diagnostic,
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
static const char *const csv_keys[] = {"delimiter", "header", "encoding", "entry", NULL};
static const char *const ndjson_keys[] = {"encoding", "entry", NULL};
static const char *const formats[] = {"csv", "ndjson", NULL};
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
    return fault_of_key(node, value_keys, diagnostic);
}

static int parse_value_map(struct mtr_import_map *map, const struct mtr_node *node,
                           struct mtr_import_value *value, struct mtr_diagnostic *diagnostic)
{
    const bool has_column = mtr_node_get(node, "column"), has_path = mtr_node_get(node, "path"),
               has_hash = mtr_node_get(node, "hash");
    int rc = check_keys(node, value_keys, diagnostic);
    if (rc) return rc;
    if (has_column + has_path + has_hash != 1)
        return fault(node, diagnostic, "{hash: [columns]} or {column: C, as: text} is expected");
    for (uint32_t i = 0; i < node->child_count; i++) {
        rc = parse_value_member(map, &node->children[i], value, diagnostic);
        if (rc) return rc;
    }
    if (value->multiset && value->kind != MTR_IMPORT_HASH)
        return fault(node, diagnostic, "multiset is of {hash: [columns]} alone");
    const bool is_counted = value->decimal != '.' || value->has_scale || value->has_round;
    if (is_counted && value->type == MTR_IMPORT_TEXT)
        return fault(node, diagnostic, "decimal, scale and round are of numbers, not of `as: text`");
    if (is_counted) value->type = MTR_IMPORT_NUMBER;
    return MTR_OK;
}

static int parse_value(struct mtr_import_map *map, const struct mtr_node *node, struct mtr_str field,
                       struct mtr_import_value *value, struct mtr_diagnostic *diagnostic)
{
    *value = (struct mtr_import_value){.kind = MTR_IMPORT_PARTS, .decimal = '.'};
    int rc = mtr_arena_copy(&map->arena, field, &value->field);
    if (rc) return rc;
    if (node->kind == MTR_NODE_LIST) return fault(node, diagnostic, "one value is expected, not a list");
    return node->kind == MTR_NODE_MAP ? parse_value_map(map, node, value, diagnostic)
                                      : parse_scalar(map, node, value, diagnostic);
}

static int add_data(struct mtr_import_map *map, const struct mtr_node *node, struct mtr_str name,
                    struct mtr_diagnostic *diagnostic)
{
    char field[sizeof("data.") + MTR_PROPERTY_NAME_BYTES_MAX];
    if (name.size == 0 || name.size > MTR_PROPERTY_NAME_BYTES_MAX)
        return fault(node, diagnostic, "a property's name has 1 to 64 bytes");
    if (map->data_count == MTR_EVENT_PROPERTIES_MAX)
        return fault(node, diagnostic, "more than 64 properties");
    snprintf(field, sizeof(field), "data.%.*s", MTR_STR_ARGS(name));
    for (uint32_t i = 0; i < map->data_count; i++)
        if (mtr_str_equal(map->data[i].field, mtr_str_from(field)))
            return fault(node, diagnostic, "this property is mapped twice");
    return parse_value(map, node, mtr_str_from(field), &map->data[map->data_count++], diagnostic);
}

static int parse_data(struct mtr_import_map *map, const struct mtr_node *node,
                      struct mtr_diagnostic *diagnostic)
{
    if (node->kind != MTR_NODE_MAP) return fault(node, diagnostic, "a map of property to column is expected");
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
        return fault(node, diagnostic, "more than 64 values to skip");
    struct mtr_import_skip *skip = &map->skips[map->skip_count++];
    skip->column = column;
    return mtr_arena_copy(&map->arena, node->text, &skip->value);
}

static int parse_skip(struct mtr_import_map *map, const struct mtr_node *node,
                      struct mtr_diagnostic *diagnostic)
{
    if (node->kind != MTR_NODE_MAP) return fault(node, diagnostic, "a map of column to value is expected");
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
    if (count > MTR_IMPORT_NULLS_MAX) return fault(node, diagnostic, "more than 16 texts");
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
    int rc = mtr_time_pattern_make(node->text, map->zone, &map->time_pattern, &what);
    return rc ? fault(node, diagnostic, what) : MTR_OK;
}

static int parse_zone(struct mtr_import_map *map, const struct mtr_node *node,
                      struct mtr_diagnostic *diagnostic)
{
    int rc = mtr_zone_open(node->text, &map->zone);
    map->time_pattern.zone = map->zone;
    if (rc == MTR_EINVALID || rc == MTR_ENOTFOUND)
        return fault(node, diagnostic, "a time zone is expected, as Europe/Berlin");
    return rc;
}

/* {column: C, format: F, zone: Z}; anything else is a value. */
static int parse_time(struct mtr_import_map *map, const struct mtr_node *node,
                      struct mtr_diagnostic *diagnostic)
{
    const struct mtr_node *column = mtr_node_get(node, "column"), *path = mtr_node_get(node, "path"),
                          *format = mtr_node_get(node, "format"), *zone = mtr_node_get(node, "zone");
    int rc = node->kind == MTR_NODE_MAP ? check_keys(node, time_keys, diagnostic) : MTR_OK;
    if (rc) return rc;
    if (node->kind != MTR_NODE_MAP || (!format && !zone))
        return parse_value(map, node, node->key, &map->time, diagnostic);
    const uint32_t known = (column != NULL) + (path != NULL) + (format != NULL) + (zone != NULL);
    if (known != node->child_count || (column != NULL) == (path != NULL))
        return fault(node, diagnostic, "{column: C, format: F, zone: Z} is expected");
    if (map->zone || map->time.kind != MTR_IMPORT_ABSENT)
        return fault(node, diagnostic, "this time is mapped twice");
    rc = zone ? parse_zone(map, zone, diagnostic) : MTR_OK;
    if (!rc && format) rc = parse_time_format(map, format, diagnostic);
    return rc ? rc : parse_value(map, column ? column : path, node->key, &map->time, diagnostic);
}

/* ---- the file ---- */

static int parse_delimiter(struct mtr_import_map *map, const struct mtr_node *node,
                           struct mtr_diagnostic *diagnostic)
{
    if (node->text.size != 1 || memchr("\"\r\n", node->text.data[0], 3))
        return fault(node, diagnostic, "one character is expected");
    map->delimiter = node->text.data[0];
    return MTR_OK;
}

static int parse_header(struct mtr_import_map *map, const struct mtr_node *node,
                        struct mtr_diagnostic *diagnostic)
{
    bool has_header;
    int rc = parse_flag(node, &has_header, diagnostic);
    map->header = has_header ? MTR_IMPORT_HEADER_GIVEN : MTR_IMPORT_NO_HEADER;
    return rc;
}

static int parse_encoding(struct mtr_import_map *map, const struct mtr_node *node,
                          struct mtr_diagnostic *diagnostic)
{
    int rc = mtr_arena_copy(&map->arena, node->text, &map->encoding);
    if (rc) return rc;
    return map->encoding.size && mtr_encoding_is_known(map->encoding.data)
               ? MTR_OK
               : fault(node, diagnostic, "the name of an encoding is expected, as windows-1251");
}

static int parse_format_member(struct mtr_import_map *map, const struct mtr_node *node,
                               struct mtr_diagnostic *diagnostic)
{
    const bool is_csv = map->format == MTR_IMPORT_CSV;
    if (mtr_str_equal(node->key, MTR_STR("entry")))
        return node->text.size ? mtr_arena_copy(&map->arena, node->text, &map->entry)
                               : fault(node, diagnostic, "a name or pattern is expected, as usage-*.csv");
    if (mtr_str_equal(node->key, MTR_STR("encoding"))) return parse_encoding(map, node, diagnostic);
    if (is_csv && mtr_str_equal(node->key, MTR_STR("delimiter")))
        return parse_delimiter(map, node, diagnostic);
    if (is_csv && mtr_str_equal(node->key, MTR_STR("header"))) return parse_header(map, node, diagnostic);
    return fault_of_key(node, is_csv ? csv_keys : ndjson_keys, diagnostic);
}

static int parse_format(struct mtr_import_map *map, const struct mtr_node *node,
                        struct mtr_diagnostic *diagnostic)
{
    const struct mtr_node *csv = mtr_node_get(node, "csv"), *ndjson = mtr_node_get(node, "ndjson");
    int rc = node->kind == MTR_NODE_MAP ? check_keys(node, formats, diagnostic) : MTR_OK;
    if (rc) return rc;
    if (node->kind != MTR_NODE_MAP || node->child_count != 1 || (!csv && !ndjson))
        return fault(node, diagnostic, "{csv: {delimiter: \";\", header: true}} or {ndjson: {}} is expected");
    const struct mtr_node *members = csv ? csv : ndjson;
    map->format = csv ? MTR_IMPORT_CSV : MTR_IMPORT_NDJSON;
    if (members->kind != MTR_NODE_MAP) return fault(members, diagnostic, "a map is expected, as {}");
    for (uint32_t i = 0; i < members->child_count; i++) {
        rc = parse_format_member(map, &members->children[i], diagnostic);
        if (rc) return rc;
    }
    return MTR_OK;
}

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
    if (mtr_str_equal(key, MTR_STR("format"))) return parse_format(map, node, diagnostic);
    if (mtr_str_equal(key, MTR_STR("delimiter"))) return parse_delimiter(map, node, diagnostic);
    return fault_of_key(node, keys, diagnostic);
}

static bool are_numbers(const struct mtr_import_map *map)
{
    uint64_t number;
    for (uint32_t i = 0; i < map->column_count; i++)
        if (!mtr_str_to_u64(map->columns[i], &number) || !number || number > MTR_CSV_CELLS_MAX) return false;
    return map->column_count > 0;
}

static int parse_root(struct mtr_import_map *map, const struct mtr_node *root,
                      struct mtr_diagnostic *diagnostic)
{
    if (root->kind != MTR_NODE_MAP) return fault(root, diagnostic, "a mapping is a map of fields to columns");
    for (uint32_t i = 0; i < root->child_count; i++) {
        int rc = parse_member(map, &root->children[i], diagnostic);
        if (rc) return rc;
    }
    if (map->id.kind == MTR_IMPORT_ABSENT)
        return fault(root, diagnostic, "id is missing: name a column, a template or {hash: [columns]}");
    if (map->type.kind == MTR_IMPORT_ABSENT) return fault(root, diagnostic, "type is missing");
    if (map->subject.kind == MTR_IMPORT_ABSENT) return fault(root, diagnostic, "subject is missing");
    map->columns_are_numbers = are_numbers(map);
    if (map->header == MTR_IMPORT_NO_HEADER && !map->columns_are_numbers)
        return fault(root, diagnostic, "without a header columns are named by their numbers, from 1 on");
    return MTR_OK;
}

int mtr_import_map_parse(struct mtr_str text, struct mtr_import_map *map, struct mtr_diagnostic *diagnostic)
{
    struct mtr_document *document;
    *map = (struct mtr_import_map){.delimiter = ',', .time_pattern = {.form = MTR_TIME_RFC3339}};
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
