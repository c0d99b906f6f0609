/*
 * Reading the mapping document. Every name of a column becomes an index once, so that a row costs no search.
 * Pure; one thread.
 */
#include "meterd/source/import_map.h"

#include <stdio.h>
#include <string.h>

#include "lib/source/import_reading.h"
#include "meterd/core/csv.h"
#include "meterd/core/document.h"

enum { ARENA_CHUNK_BYTES = 4096, ARENA_BYTES_MAX = 4 << 20 };

/* In a source null takes away what its preset has. */
static bool is_taken_away(const struct import_reading *reading, const struct mtr_node *node)
{
    return reading->source && node->kind == MTR_NODE_NULL;
}

static int add_data(struct import_reading *reading, const struct mtr_node *node, struct mtr_str name)
{
    struct mtr_import_map *map = reading->map;
    char field[sizeof("data.") + MTR_PROPERTY_NAME_BYTES_MAX];
    if (name.size == 0 || name.size > MTR_PROPERTY_NAME_BYTES_MAX)
        return row_fault(node, reading->diagnostic, "a property's name has 1 to 64 bytes");
    if (map->data_count == MTR_EVENT_PROPERTIES_MAX)
        return row_fault(node, reading->diagnostic, "more than 64 properties");
    snprintf(field, sizeof(field), "data.%.*s", MTR_STR_ARGS(name));
    for (uint32_t i = 0; i < map->data_count; i++)
        if (mtr_str_equal(reading->data[i].field, mtr_str_from(field)))
            return row_fault(node, reading->diagnostic, "this property is mapped twice");
    return import_read_value(reading, node, mtr_str_from(field), &reading->data[map->data_count++]);
}

static int parse_data(struct import_reading *reading, const struct mtr_node *node)
{
    if (node->kind != MTR_NODE_MAP)
        return row_fault(node, reading->diagnostic, "a map of property to column is expected");
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (is_taken_away(reading, &node->children[i])) continue;
        int rc = add_data(reading, &node->children[i], node->children[i].key);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int add_skip(struct import_reading *reading, const struct mtr_node *node, int32_t column)
{
    if (reading->map->skip_count == MTR_IMPORT_SKIPS_MAX)
        return row_fault(node, reading->diagnostic, "more than 64 values to skip");
    struct mtr_import_skip *skip = &reading->skips[reading->map->skip_count++];
    skip->column = column;
    return mtr_arena_copy(reading->arena, node->text, &skip->value);
}

static int parse_skip(struct import_reading *reading, const struct mtr_node *node)
{
    if (node->kind != MTR_NODE_MAP)
        return row_fault(node, reading->diagnostic, "a map of column to value is expected");
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct mtr_node *values = &node->children[i];
        int32_t column;
        int rc = import_add_column(reading, values, values->key, &column);
        if (!rc && values->kind != MTR_NODE_LIST) rc = add_skip(reading, values, column);
        for (uint32_t j = 0; !rc && values->kind == MTR_NODE_LIST && j < values->child_count; j++)
            rc = add_skip(reading, &values->children[j], column);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int parse_nulls(struct import_reading *reading, const struct mtr_node *node)
{
    const struct mtr_node *values = node->kind == MTR_NODE_LIST ? node->children : node;
    const uint32_t count = node->kind == MTR_NODE_LIST ? node->child_count : 1;
    if (count > MTR_IMPORT_NULLS_MAX) return row_fault(node, reading->diagnostic, "more than 16 texts");
    struct mtr_str *nulls = mtr_arena_calloc(reading->arena, (size_t)count + 1, sizeof(*nulls));
    if (!nulls) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        int rc = mtr_arena_copy(reading->arena, values[i].text, &nulls[i]);
        if (rc) return rc;
    }
    reading->map->nulls = nulls;
    reading->map->null_count = count;
    return MTR_OK;
}

/* ---- times ---- */

static int parse_time_format(struct import_reading *reading, const struct mtr_node *node)
{
    const char *what;
    struct mtr_time_pattern *pattern = &reading->map->time_pattern;
    reading->has_time_format = true;
    int rc = mtr_time_pattern_make(node->text, pattern->zone, pattern, &what);
    return rc ? row_fault(node, reading->diagnostic, what) : MTR_OK;
}

static int parse_zone(struct import_reading *reading, const struct mtr_node *node)
{
    const struct import_source *source = reading->source;
    struct mtr_zone *zone = NULL;
    int rc = source ? source->get_zone(source->zone_context, node->text, &zone)
                    : mtr_zone_open(node->text, &zone);
    reading->map->time_pattern.zone = zone;
    if (!source) reading->map->zone = zone;
    if (rc != MTR_EINVALID && rc != MTR_ENOTFOUND) return rc;
    char meant[MTR_MEANT_BYTES], sentence[MTR_MEANT_BYTES + 64];
    snprintf(sentence, sizeof(sentence), "a time zone is expected, as Europe/Berlin%s",
             mtr_zone_meant(node->text, meant));
    return row_fault(node, reading->diagnostic, sentence);
}

/* Also of a value: what stands beside a time's `format` and `zone` is checked where they are. */
static const char *const time_keys[] = {"column", "path",  "format", "zone",     "as", "decimal",
                                        "scale",  "round", "hash",   "multiset", NULL};

/* {column: C, format: F, zone: Z}; anything else is a value. */
static int parse_time(struct import_reading *reading, const struct mtr_node *node)
{
    struct mtr_import_map *map = reading->map;
    const struct mtr_node *column = mtr_node_get(node, "column"), *path = mtr_node_get(node, "path"),
                          *format = mtr_node_get(node, "format"), *zone = mtr_node_get(node, "zone");
    int rc = node->kind == MTR_NODE_MAP ? row_check_keys(node, time_keys, reading->diagnostic) : MTR_OK;
    if (rc) return rc;
    if (node->kind != MTR_NODE_MAP || (!format && !zone))
        return import_read_value(reading, node, node->key, &map->time);
    const uint32_t known = (column != NULL) + (path != NULL) + (format != NULL) + (zone != NULL);
    if (known != node->child_count || (column != NULL) == (path != NULL))
        return row_fault(node, reading->diagnostic, "{column: C, format: F, zone: Z} is expected");
    if (map->time_pattern.zone || map->time.kind != MTR_IMPORT_ABSENT)
        return row_fault(node, reading->diagnostic, "this time is mapped twice");
    rc = zone ? parse_zone(reading, zone) : MTR_OK;
    if (!rc && format) rc = parse_time_format(reading, format);
    return rc ? rc : import_read_value(reading, column ? column : path, node->key, &map->time);
}

/* ---- members ---- */

static const char *const keys[] = {"id",   "source", "type", "subject", "time",      "time_format",
                                   "data", "skip",   "null", "format",  "delimiter", NULL};
/* Of a source; `id` is another place for its identity. */
static const char *const source_keys[] = {"id",          "type", "subject", "time",
                                          "time_format", "data", "skip",    "null", NULL};

static int parse_member(struct import_reading *reading, const struct mtr_node *node)
{
    struct mtr_import_map *map = reading->map;
    const struct mtr_str key = node->key, prefix = MTR_STR("data.");
    if (mtr_str_starts_with(key, prefix))
        return add_data(reading, node, (struct mtr_str){key.data + prefix.size, key.size - prefix.size});
    if (reading->source && mtr_str_equal(key, MTR_STR("source")))
        return row_fault(node, reading->diagnostic,
                         "is not mapped: rows are of the source they are read from");
    if (!reading->source && mtr_str_equal(key, MTR_STR("identity")))
        return row_fault(node, reading->diagnostic,
                         "is only in a source's document: a mapping says it as `id`, a column or {hash: "
                         "[columns]}");
    const char *const *known = reading->source ? source_keys : keys;
    if (!row_is_known(key, known)) return row_fault_of_key(node, known, reading->diagnostic);
    if (mtr_str_equal(key, MTR_STR("id"))) return import_read_value(reading, node, key, &map->id);
    if (mtr_str_equal(key, MTR_STR("source"))) return import_read_value(reading, node, key, &map->source);
    if (mtr_str_equal(key, MTR_STR("type"))) return import_read_value(reading, node, key, &map->type);
    if (mtr_str_equal(key, MTR_STR("subject"))) return import_read_value(reading, node, key, &map->subject);
    if (mtr_str_equal(key, MTR_STR("time"))) return parse_time(reading, node);
    if (mtr_str_equal(key, MTR_STR("data"))) return parse_data(reading, node);
    if (mtr_str_equal(key, MTR_STR("skip"))) return parse_skip(reading, node);
    if (mtr_str_equal(key, MTR_STR("null"))) return parse_nulls(reading, node);
    if (mtr_str_equal(key, MTR_STR("time_format"))) return parse_time_format(reading, node);
    if (mtr_str_equal(key, MTR_STR("format")))
        return mtr_row_format_parse(node, reading->arena, &map->format, reading->diagnostic);
    return row_delimiter_parse(node, &map->format, reading->diagnostic);
}

/* ---- which row is which ---- */

/* Every column that the mapping uses: equal in all of them is equal. */
static int hash_all(struct import_reading *reading)
{
    struct mtr_import_value *id = &reading->map->id;
    struct mtr_import_part *parts =
        mtr_arena_calloc(reading->arena, (size_t)reading->column_count + 1, sizeof(*parts));
    if (!parts) return MTR_ENOMEM;
    for (uint32_t i = 0; i < reading->column_count; i++) parts[i].column = (int32_t)i;
    *id = (struct mtr_import_value){.field = MTR_STR("id"),
                                    .kind = MTR_IMPORT_HASH,
                                    .decimal = '.',
                                    .parts = parts,
                                    .part_count = reading->column_count,
                                    .multiset = true};
    return MTR_OK;
}

/* `identity` of a source, whose kinds of values were checked by its rows. */
static int parse_identity(struct import_reading *reading, const struct mtr_node *identity)
{
    const struct mtr_node *id = mtr_node_get(identity, "id"), *hash = mtr_node_get(identity, "hash"),
                          *multiset = mtr_node_get(identity, "multiset");
    const bool is_multiset = multiset && multiset->truth;
    struct mtr_import_value *value = &reading->map->id;
    if (value->kind != MTR_IMPORT_ABSENT)
        return row_fault(identity, reading->diagnostic, "`map: {id: …}` says it already: write one of both");
    if ((id != NULL) + (hash != NULL) > 1)
        return row_fault(identity, reading->diagnostic, "write one of id, hash, not both");
    if (id && is_multiset)
        return row_fault(multiset, reading->diagnostic, "rows with an id of their own are no multiset");
    if (id) return import_read_value(reading, id, MTR_STR("id"), value);
    if (!hash && !is_multiset)
        return row_fault(identity, reading->diagnostic,
                         "write `id: COLUMN`, `hash: [columns]`, or `multiset: true`");
    if (!hash) return hash_all(reading);
    int rc = import_read_hash(reading, hash, MTR_STR("id"), value);
    value->multiset = is_multiset;
    return rc;
}

/* ---- all of it ---- */

/* All that rows have. */
static bool are_numbers(const struct mtr_import_map *map, bool is_of_source)
{
    uint64_t number;
    for (uint32_t i = 0; i < map->column_count; i++) {
        const bool is_constant = is_of_source && mtr_str_starts_with(map->columns[i], MTR_STR("each."));
        if (is_constant) continue;
        if (!mtr_str_to_u64(map->columns[i], &number) || !number || number > MTR_CSV_CELLS_MAX) return false;
    }
    return map->column_count > 0;
}

/* Of a list: its rows stand in the window that was asked for. */
static bool is_of_items(const struct mtr_import_map *map)
{
    const struct mtr_import_value *type = &map->type;
    return type->kind == MTR_IMPORT_PARTS && type->part_count == 1 && type->parts[0].column < 0 &&
           mtr_str_equal(type->parts[0].literal, MTR_STR(MTR_EVENT_TYPE_ITEM));
}

static const char *missing_of_source(const struct mtr_import_map *map)
{
    if (map->id.kind == MTR_IMPORT_ABSENT)
        return "identity is missing: {id: COLUMN}, {hash: [columns]}, or {multiset: true} for rows that have "
               "nothing that tells them apart";
    if (map->time.kind == MTR_IMPORT_ABSENT && !is_of_items(map))
        return "time is missing: it says of which window a row is";
    return NULL;
}

/* NULL: all is there. */
static const char *missing(const struct import_reading *reading)
{
    const struct mtr_import_map *map = reading->map;
    if (!reading->source && map->id.kind == MTR_IMPORT_ABSENT)
        return "id is missing: name a column, a template or {hash: [columns]}";
    if (map->type.kind == MTR_IMPORT_ABSENT) return "type is missing";
    if (map->subject.kind == MTR_IMPORT_ABSENT) return "subject is missing";
    if (reading->source && missing_of_source(map)) return missing_of_source(map);
    if (map->format.header == MTR_ROWS_NO_HEADER && !map->columns_are_numbers)
        return "without a header columns are named by their numbers, from 1 on";
    return NULL;
}

static int keep_arrays(struct import_reading *reading)
{
    struct mtr_import_map *map = reading->map;
    struct mtr_arena *arena = reading->arena;
    struct mtr_str *columns =
        mtr_arena_calloc(arena, (size_t)reading->column_count + 1, sizeof(*columns));
    struct mtr_import_value *data = mtr_arena_calloc(arena, (size_t)map->data_count + 1, sizeof(*data));
    struct mtr_import_skip *skips = mtr_arena_calloc(arena, (size_t)map->skip_count + 1, sizeof(*skips));
    if (!columns || !data || !skips) return MTR_ENOMEM;
    memcpy(columns, reading->columns, reading->column_count * sizeof(*columns));
    memcpy(data, reading->data, map->data_count * sizeof(*data));
    memcpy(skips, reading->skips, map->skip_count * sizeof(*skips));
    map->columns = columns;
    map->column_count = reading->column_count;
    map->data = data;
    map->skips = skips;
    map->columns_are_numbers = are_numbers(map, reading->source != NULL);
    return MTR_OK;
}

/* Is it told? Then reading goes on. */
static bool is_told(int rc, const struct mtr_diagnostic *diagnostic, struct mtr_diagnostics *findings)
{
    if (rc == MTR_EINVALID) mtr_diagnostics_add(findings, diagnostic);
    return rc == MTR_EINVALID || rc == MTR_OK;
}

/* Columns that the format cannot have, which may be said behind them. */
static int check_columns(struct import_reading *reading, struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < reading->column_count; i++) {
        const char *fault;
        int rc = mtr_row_format_check_column(&reading->map->format, reading->columns[i],
                                             reading->source != NULL, reading->arena, &fault);
        if (rc == MTR_EINVALID) rc = row_fault(reading->column_nodes[i], reading->diagnostic, fault);
        if (!is_told(rc, reading->diagnostic, findings)) return rc;
    }
    return MTR_OK;
}

static int read_all(struct import_reading *reading, const struct mtr_node *root,
                    struct mtr_diagnostics *findings)
{
    const size_t errors = findings->errors;
    struct mtr_diagnostic diagnostic;
    int rc = MTR_OK;
    reading->diagnostic = &diagnostic;
    if (root->kind != MTR_NODE_MAP) {
        rc = row_fault(root, &diagnostic, "a mapping is a map of fields to columns");
        (void)is_told(rc, &diagnostic, findings);
        return rc;
    }
    for (uint32_t i = 0; i < root->child_count; i++) {
        if (is_taken_away(reading, &root->children[i])) continue;
        rc = parse_member(reading, &root->children[i]);
        if (!is_told(rc, &diagnostic, findings)) return rc;
    }
    if (reading->source && reading->source->identity) {
        rc = parse_identity(reading, reading->source->identity);
        if (!is_told(rc, &diagnostic, findings)) return rc;
    }
    if (reading->map->format.kind == MTR_ROWS_PROMETHEUS && !reading->has_time_format)
        reading->map->time_pattern.form = MTR_TIME_UNIX_S;
    rc = check_columns(reading, findings);
    if (!rc) rc = keep_arrays(reading);
    if (rc) return rc;
    const char *fault = findings->errors > errors ? NULL : missing(reading);
    if (fault) (void)is_told(row_fault(root, &diagnostic, fault), &diagnostic, findings);
    return findings->errors > errors ? MTR_EINVALID : MTR_OK;
}

int import_map_read(const struct mtr_node *node, const struct import_source *source, struct mtr_arena *arena,
                    struct mtr_import_map *map, struct mtr_diagnostics *findings)
{
    struct import_reading reading = {.map = map, .arena = arena, .source = source};
    return read_all(&reading, node, findings);
}

int mtr_import_map_parse(struct mtr_str text, struct mtr_import_map *map, struct mtr_diagnostic *diagnostic)
{
    struct mtr_document *document;
    struct mtr_diagnostics findings;
    *map = (struct mtr_import_map){.format = mtr_row_format_default(),
                                   .time_pattern = {.form = MTR_TIME_RFC3339}};
    mtr_arena_init(&map->arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
    int rc = mtr_document_parse(text, &document, diagnostic);
    if (rc) return rc;
    mtr_diagnostics_init(&findings, 1);
    rc = import_map_read(mtr_document_root(document), NULL, &map->arena, map, &findings);
    if (rc == MTR_EINVALID && findings.count) *diagnostic = findings.items[0];
    else if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_IMPORT_MAP, 1, 1, "", "the mapping is too large");
    mtr_diagnostics_release(&findings);
    mtr_document_close(document);
    return rc;
}

void mtr_import_map_release(struct mtr_import_map *map)
{
    mtr_arena_release(&map->arena);
    mtr_zone_close(map->zone);
    map->zone = NULL;
}
