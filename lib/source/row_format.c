/*
 * Reading `format`; see row_format.h. Pure; one thread.
 */
#include "meterd/source/row_format.h"

#include <string.h>

#include "lib/source/row_fault.h"
#include "meterd/source/encoding.h"
#include "meterd/source/row_path.h"

struct mtr_row_format mtr_row_format_default(void)
{
    return (struct mtr_row_format){.delimiter = ',', .quote = '"'};
}

struct reading {
    struct mtr_arena *arena;
    struct mtr_row_format *out;
    struct mtr_diagnostic *diagnostic;
};

static int fault(const struct reading *reading, const struct mtr_node *node, const char *what)
{
    return row_fault(node, reading->diagnostic, what);
}

int row_delimiter_parse(const struct mtr_node *node, struct mtr_row_format *out,
                        struct mtr_diagnostic *diagnostic)
{
    if (node->text.size != 1 || memchr("\r\n", node->text.data[0], 2) || node->text.data[0] == out->quote)
        return row_fault(node, diagnostic, "one character is expected");
    out->delimiter = node->text.data[0];
    return MTR_OK;
}

static int parse_delimiter(const struct reading *reading, const struct mtr_node *node)
{
    return row_delimiter_parse(node, reading->out, reading->diagnostic);
}

static int parse_quote(const struct reading *reading, const struct mtr_node *node)
{
    if (node->text.size != 1 || memchr("\r\n", node->text.data[0], 2) ||
        node->text.data[0] == reading->out->delimiter)
        return fault(reading, node, "one character is expected, and another than the delimiter");
    reading->out->quote = node->text.data[0];
    return MTR_OK;
}

static int parse_header(const struct reading *reading, const struct mtr_node *node)
{
    if (node->kind != MTR_NODE_BOOL) return fault(reading, node, "true or false is expected");
    reading->out->header = node->truth ? MTR_ROWS_HEADER_GIVEN : MTR_ROWS_NO_HEADER;
    return MTR_OK;
}

static int parse_encoding(const struct reading *reading, const struct mtr_node *node)
{
    int rc = mtr_arena_copy(reading->arena, node->text, &reading->out->encoding);
    if (rc) return rc;
    return node->text.size && mtr_encoding_is_known(reading->out->encoding.data)
               ? MTR_OK
               : fault(reading, node, "the name of an encoding is expected, as windows-1251");
}

static int parse_entry(const struct reading *reading, const struct mtr_node *node)
{
    return node->text.size ? mtr_arena_copy(reading->arena, node->text, &reading->out->entry)
                           : fault(reading, node, "a name or pattern is expected, as usage-*.csv");
}

/* What packs the text is seen by its first bytes: that it is said does no harm. */
static int parse_compression(const struct reading *reading, const struct mtr_node *node)
{
    static const char *const words[] = {"none", "gzip", "zstd", "zip", NULL};
    return row_is_known(node->text, words)
               ? MTR_OK
               : row_fault_of_word(node, "", node->text, words, reading->diagnostic);
}

static int parse_rows(const struct reading *reading, const struct mtr_node *node)
{
    struct mtr_row_path path;
    int rc = mtr_arena_copy(reading->arena, node->text, &reading->out->rows);
    if (!rc) rc = mtr_row_path_parse(reading->out->rows, reading->arena, &path);
    if (rc) return rc;
    return path.step_count && !path.climbs
               ? MTR_OK
               : fault(reading, node,
                       "the path of the rows is expected, as data[].items[], or [] of a bare list");
}

/* ---- kinds ---- */

struct member {
    const char *name;
    int (*parse)(const struct reading *reading, const struct mtr_node *node);
};

struct kind {
    const char *name;
    enum mtr_row_format_kind kind;
    struct member members[7];
};

static const struct kind kinds[] = {
    {"csv", MTR_ROWS_CSV,
     {{"delimiter", parse_delimiter}, {"quote", parse_quote}, {"header", parse_header},
      {"encoding", parse_encoding}, {"compression", parse_compression}, {"entry", parse_entry}}},
    {"ndjson", MTR_ROWS_NDJSON,
     {{"encoding", parse_encoding}, {"compression", parse_compression}, {"entry", parse_entry}}},
    {"json", MTR_ROWS_JSON,
     {{"rows", parse_rows}, {"encoding", parse_encoding}, {"compression", parse_compression},
      {"entry", parse_entry}}},
    {"prometheus", MTR_ROWS_PROMETHEUS, {{NULL, NULL}}},
    {"s3_list", MTR_ROWS_S3_LIST, {{NULL, NULL}}},
};

static int parse_member(const struct reading *reading, const struct kind *kind, const struct mtr_node *node)
{
    const char *known[7];
    uint32_t count = 0;
    for (const struct member *member = kind->members; member->name; member++) {
        if (mtr_str_equal(node->key, mtr_str_from(member->name))) return member->parse(reading, node);
        known[count++] = member->name;
    }
    known[count] = NULL;
    return count ? row_fault_of_key(node, known, reading->diagnostic)
                 : fault(reading, node, "this format has no keys: {} is expected");
}

static int parse_kind(const struct reading *reading, const struct kind *kind, const struct mtr_node *members)
{
    reading->out->kind = kind->kind;
    if (members->kind != MTR_NODE_MAP) return fault(reading, members, "a map is expected, as {}");
    for (uint32_t i = 0; i < members->child_count; i++) {
        if (members->children[i].kind == MTR_NODE_NULL) continue; /* not written */
        int rc = parse_member(reading, kind, &members->children[i]);
        if (rc) return rc;
    }
    return kind->kind != MTR_ROWS_JSON || reading->out->rows.size
               ? MTR_OK
               : fault(reading, members, "rows is missing: where the document has them, as data[].items[]");
}

int mtr_row_format_parse(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_row_format *out,
                         struct mtr_diagnostic *diagnostic)
{
    static const char *const names[] = {"csv", "ndjson", "json", "prometheus", "s3_list", NULL};
    const struct reading reading = {arena, out, diagnostic};
    int rc = node->kind == MTR_NODE_MAP ? row_check_keys(node, names, diagnostic) : MTR_OK;
    if (rc) return rc;
    if (node->kind == MTR_NODE_MAP && node->child_count == 1)
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
            if (mtr_str_equal(node->children[0].key, mtr_str_from(kinds[i].name)))
                return parse_kind(&reading, &kinds[i], &node->children[0]);
    return fault(&reading, node,
                 "{csv: {delimiter: \";\", header: true}} or {json: {rows: \"data[]\"}} is expected");
}

/* How many maps stand around a row. */
static uint32_t maps_around(const struct mtr_row_path *rows)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows->step_count; i++) count += rows->steps[i].kind == MTR_ROW_STEP_NAME;
    return count;
}

int mtr_row_format_check_column(const struct mtr_row_format *format, struct mtr_str column, bool is_of_source,
                                struct mtr_arena *arena, const char **fault)
{
    const bool is_json = format->kind == MTR_ROWS_JSON;
    struct mtr_row_path path, rows;
    *fault = NULL;
    if (!is_json && format->kind != MTR_ROWS_NDJSON) return MTR_OK;
    int rc = mtr_row_path_parse(column, arena, &path);
    if (!rc) rc = mtr_row_path_parse(format->rows, arena, &rows);
    if (rc) return rc;
    if (path.has_each && is_json) *fault = "a column has one value: [] is of `rows` alone";
    if (path.climbs && !is_json) *fault = "^ climbs out of the rows of json: a line has nothing around it";
    if (is_of_source && mtr_row_path_has_gap(&path))
        *fault = "a name is empty where two dots stand together, or one is the first: write a.b; a name that "
                 "has dots of its own is [\"a.b\"]";
    if (is_json && path.climbs > maps_around(&rows))
        *fault = "climbs out of the document: it has more ^ than there are maps around a row";
    return *fault ? MTR_EINVALID : MTR_OK;
}
