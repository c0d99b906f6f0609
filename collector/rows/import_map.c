/*
 * Reading the mapping document. Every name of a column becomes an index once, so that a row costs no search.
 * Pure; one thread.
 */
#include "meterd/collector/import_map.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/document.h"

enum { ARENA_CHUNK_BYTES = 4096, ARENA_BYTES_MAX = 4 << 20 };

static int fault(const struct mtr_node *node, struct mtr_diagnostic *diagnostic, const char *what)
{
    char field[64];
    snprintf(field, sizeof(field), "%.*s", node->key.size < 60 ? (int)node->key.size : 60,
             node->key.size ? node->key.data : "");
    mtr_diagnostic_set(diagnostic, MTR_FINDING_IMPORT_MAP, node->line, node->column, field, "%s", what);
    return MTR_EINVALID;
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

static int parse_type(const struct mtr_node *node, struct mtr_import_value *value,
                      struct mtr_diagnostic *diagnostic)
{
    const struct mtr_node *as = mtr_node_get(node, "as");
    if (!as) return MTR_OK;
    if (mtr_str_equal(as->text, MTR_STR("text"))) {
        value->type = MTR_IMPORT_TEXT;
    } else if (mtr_str_equal(as->text, MTR_STR("number"))) {
        value->type = MTR_IMPORT_NUMBER;
    } else {
        return fault(as, diagnostic, "text or number");
    }
    return MTR_OK;
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

static int parse_value(struct mtr_import_map *map, const struct mtr_node *node, struct mtr_str field,
                       struct mtr_import_value *value, struct mtr_diagnostic *diagnostic)
{
    *value = (struct mtr_import_value){.kind = MTR_IMPORT_PARTS};
    int rc = mtr_arena_copy(&map->arena, field, &value->field);
    if (rc) return rc;
    if (node->kind == MTR_NODE_LIST) return fault(node, diagnostic, "one value is expected, not a list");
    if (node->kind != MTR_NODE_MAP) return parse_scalar(map, node, value, diagnostic);
    const struct mtr_node *hash = mtr_node_get(node, "hash"), *column = mtr_node_get(node, "column");
    uint32_t known = (hash != NULL) + (column != NULL) + (mtr_node_get(node, "as") != NULL);
    if (known != node->child_count || (hash != NULL) == (column != NULL))
        return fault(node, diagnostic, "{hash: [columns]} or {column: C, as: text} is expected");
    rc = parse_type(node, value, diagnostic);
    if (rc) return rc;
    return hash ? parse_hash(map, hash, value, diagnostic) : parse_scalar(map, column, value, diagnostic);
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

static const char *const time_formats[] = {"rfc3339", "utc", "date", "unix_s", "unix_ms", "unix_us"};

const char *mtr_import_time_example(enum mtr_import_time format)
{
    static const char *const examples[] = {"rfc3339, as 2026-03-01T10:00:00Z",
                                           "utc, as 2026-03-01 10:00:00",
                                           "date, as 2026-03-01",
                                           "unix_s, as 1772359200",
                                           "unix_ms, as 1772359200000",
                                           "unix_us, as 1772359200000000"};
    return examples[format];
}

static int parse_time_format(struct mtr_import_map *map, const struct mtr_node *node,
                             struct mtr_diagnostic *diagnostic)
{
    for (unsigned i = 0; i < sizeof(time_formats) / sizeof(*time_formats); i++)
        if (mtr_str_equal(node->text, mtr_str_from(time_formats[i]))) {
            map->time_format = (enum mtr_import_time)i;
            return MTR_OK;
        }
    return fault(node, diagnostic, "rfc3339, utc, date, unix_s, unix_ms or unix_us is expected");
}

static int parse_member(struct mtr_import_map *map, const struct mtr_node *node,
                        struct mtr_diagnostic *diagnostic)
{
    const struct mtr_str key = node->key, prefix = MTR_STR("data.");
    if (mtr_str_equal(key, MTR_STR("id"))) return parse_value(map, node, key, &map->id, diagnostic);
    if (mtr_str_equal(key, MTR_STR("source"))) return parse_value(map, node, key, &map->source, diagnostic);
    if (mtr_str_equal(key, MTR_STR("type"))) return parse_value(map, node, key, &map->type, diagnostic);
    if (mtr_str_equal(key, MTR_STR("subject"))) return parse_value(map, node, key, &map->subject, diagnostic);
    if (mtr_str_equal(key, MTR_STR("time"))) return parse_value(map, node, key, &map->time, diagnostic);
    if (mtr_str_equal(key, MTR_STR("data"))) return parse_data(map, node, diagnostic);
    if (mtr_str_equal(key, MTR_STR("skip"))) return parse_skip(map, node, diagnostic);
    if (mtr_str_equal(key, MTR_STR("null"))) return parse_nulls(map, node, diagnostic);
    if (mtr_str_equal(key, MTR_STR("time_format"))) return parse_time_format(map, node, diagnostic);
    if (mtr_str_starts_with(key, prefix))
        return add_data(map, node, (struct mtr_str){key.data + prefix.size, key.size - prefix.size},
                        diagnostic);
    if (!mtr_str_equal(key, MTR_STR("delimiter")))
        return fault(node, diagnostic,
                     "unknown key: id, source, type, subject, time, time_format, data, skip, null or "
                     "delimiter is expected");
    if (node->text.size != 1) return fault(node, diagnostic, "one character is expected");
    map->delimiter = node->text.data[0];
    return MTR_OK;
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
    return MTR_OK;
}

int mtr_import_map_parse(struct mtr_str text, struct mtr_import_map *map, struct mtr_diagnostic *diagnostic)
{
    struct mtr_document *document;
    *map = (struct mtr_import_map){.delimiter = ','};
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
}
