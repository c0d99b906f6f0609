/*
 * Rows of a list as JSON, NDJSON or CSV; see rows.h.
 *
 * Invariant: between pieces the envelope is open and call->answer ends with a whole row.
 */
#include "daemon/api/rows.h"

#include <string.h>

#include "meterd/core/csv.h"
#include "meterd/core/document.h"

enum { CELL_JSON_BYTES_MAX = 1 << 16 };

/* ---- columns ---- */

static struct mtr_str next_column(struct mtr_str *columns)
{
    const char *comma = memchr(columns->data, ',', columns->size);
    const size_t size = comma ? (size_t)(comma - columns->data) : columns->size;
    const struct mtr_str name = {columns->data, size};
    const size_t used = size + (comma != NULL);
    *columns = (struct mtr_str){columns->data + used, columns->size - used};
    return name;
}

/* "dimensions.*": *member is its name without the end. */
static bool is_of_labels(struct mtr_str column, struct mtr_str *member)
{
    if (column.size < 3 || memcmp(column.data + column.size - 2, ".*", 2) != 0) return false;
    *member = (struct mtr_str){column.data, column.size - 2};
    return true;
}

static int put_cell(struct mtr_buffer *out, struct mtr_str text, bool *is_first)
{
    int rc = *is_first ? MTR_OK : mtr_buffer_append_char(out, ',');
    *is_first = false;
    return rc ? rc : mtr_csv_write_cell(out, text);
}

static int write_head(struct api_rows *rows)
{
    struct mtr_buffer *out = &rows->call->answer;
    struct mtr_str columns = mtr_str_from(rows->list->columns ? rows->list->columns : ""), member;
    const struct mtr_json_member *members = rows->list->columns ? NULL : rows->list->row->members;
    bool is_first = true;
    int rc = MTR_OK;
    for (; !rc && members && members->name; members++)
        rc = put_cell(out, mtr_str_from(members->name), &is_first);
    while (!rc && columns.size) {
        const struct mtr_str name = next_column(&columns);
        if (!is_of_labels(name, &member)) rc = put_cell(out, name, &is_first);
        else
            for (uint32_t i = 0; !rc && i < rows->call->label_count; i++)
                rc = put_cell(out, rows->call->labels[i], &is_first);
    }
    return rc ? rc : mtr_buffer_append(out, "\r\n", 2);
}

/* ---- cells of a struct ---- */

static int write_member_cell(struct mtr_buffer *out, const struct mtr_json_member *member, const void *row,
                             bool *is_first)
{
    int rc = *is_first ? MTR_OK : mtr_buffer_append_char(out, ',');
    *is_first = false;
    return rc ? rc : mtr_json_member_write_cell(member, row, out);
}

static int write_label_cells(struct mtr_buffer *out, const struct mtr_json_member *member, const void *row,
                             bool *is_first)
{
    const struct mtr_list *list = (const void *)((const char *)row + member->offset);
    const struct mtr_label *labels = list->items;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < list->count; i++) rc = put_cell(out, labels[i].value, is_first);
    return rc;
}

static int write_cells(struct api_rows *rows, const void *row)
{
    struct mtr_buffer *out = &rows->call->answer;
    const struct mtr_shape *shape = rows->list->row;
    struct mtr_str columns = mtr_str_from(rows->list->columns ? rows->list->columns : ""), name;
    const struct mtr_json_member *members = rows->list->columns ? NULL : shape->members;
    bool is_first = true;
    int rc = MTR_OK;
    for (; !rc && members && members->name; members++) rc = write_member_cell(out, members, row, &is_first);
    while (!rc && columns.size) {
        const struct mtr_str column = next_column(&columns);
        const bool of_labels = is_of_labels(column, &name);
        const struct mtr_json_member *member = mtr_shape_member(shape, of_labels ? name : column);
        MTR_ASSERT(member != NULL);
        rc = of_labels ? write_label_cells(out, member, row, &is_first)
                       : write_member_cell(out, member, row, &is_first);
    }
    return rc ? rc : mtr_buffer_append(out, "\r\n", 2);
}

/* ---- cells of frozen JSON ---- */

static const struct mtr_node *find_dotted(const struct mtr_node *node, struct mtr_str column)
{
    char name[64];
    while (node && column.size) {
        const char *dot = memchr(column.data, '.', column.size);
        const size_t size = dot ? (size_t)(dot - column.data) : column.size;
        MTR_ASSERT(size < sizeof(name));
        memcpy(name, column.data, size);
        name[size] = '\0';
        node = mtr_node_get(node, name);
        const size_t used = size + (dot != NULL);
        column = (struct mtr_str){column.data + used, column.size - used};
    }
    return node && node->kind == MTR_NODE_NULL ? NULL : node;
}

/* A map or list is written as JSON, an empty one as nothing. */
static int put_node(struct mtr_buffer *out, const struct mtr_node *node, bool *is_first)
{
    struct mtr_buffer json;
    const struct mtr_str nothing = {NULL, 0};
    if (!node) return put_cell(out, nothing, is_first);
    if (node->kind != MTR_NODE_MAP && node->kind != MTR_NODE_LIST) return put_cell(out, node->text, is_first);
    mtr_buffer_init(&json, CELL_JSON_BYTES_MAX);
    int rc = node->child_count ? mtr_node_write_json(node, &json) : MTR_OK;
    if (!rc) rc = put_cell(out, mtr_buffer_str(&json), is_first);
    mtr_buffer_release(&json);
    return rc;
}

/* Frozen JSON is what was promised to receivers, so CSV is made of it and not of what stands beside it. */
static int write_json_cells(struct api_rows *rows, struct mtr_str text)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    struct mtr_str columns = mtr_str_from(rows->list->columns);
    bool is_first = true;
    int rc = mtr_document_parse(text, &document, &diagnostic);
    while (!rc && columns.size)
        rc = put_node(&rows->call->answer, find_dotted(mtr_document_root(document), next_column(&columns)),
                      &is_first);
    mtr_document_close(document);
    return rc ? rc : mtr_buffer_append(&rows->call->answer, "\r\n", 2);
}

/* ---- rows ---- */

static int write_line(struct api_rows *rows, const void *row)
{
    struct mtr_json_writer line;
    mtr_json_begin(&line, &rows->call->answer);
    mtr_shape_write(rows->list->row, row, &line);
    int rc = mtr_json_finish(&line);
    return rc ? rc : mtr_buffer_append_char(&rows->call->answer, '\n');
}

int api_row(struct api_rows *rows, const void *row)
{
    MTR_ASSERT(!rows->is_done);
    if (rows->error) return rows->error;
    if (rows->format == API_AS_JSON) {
        mtr_shape_write(rows->list->row, row, &rows->json);
        rows->error = rows->json.error;
    } else {
        rows->error = rows->format == API_AS_CSV ? write_cells(rows, row) : write_line(rows, row);
    }
    return rows->error;
}

int api_row_json(struct api_rows *rows, struct mtr_str json)
{
    MTR_ASSERT(!rows->is_done);
    if (rows->error) return rows->error;
    if (rows->format == API_AS_JSON) {
        mtr_json_raw(&rows->json, json);
        rows->error = rows->json.error;
    } else if (rows->format == API_AS_CSV) {
        rows->error = write_json_cells(rows, json);
    } else {
        rows->error = mtr_buffer_append_str(&rows->call->answer, json);
        if (!rows->error) rows->error = mtr_buffer_append_char(&rows->call->answer, '\n');
    }
    return rows->error;
}

bool api_rows_full(const struct api_rows *rows)
{
    return rows->error || rows->call->answer.size - rows->piece_start >= API_PIECE_BYTES;
}

void api_rows_end(struct api_rows *rows, uint64_t next_after, bool has_more)
{
    MTR_ASSERT(!rows->is_done);
    rows->is_done = true;
    rows->call->next_after = next_after;
    rows->call->has_more = has_more;
    if (rows->format != API_AS_JSON) {
        rows->call->paged = rows->list->pages == API_PAGED;
        return;
    }
    mtr_json_list_end(&rows->json);
    if (rows->list->pages == API_PAGED) mtr_json_named_u64(&rows->json, "next_after", next_after);
    if (rows->list->pages != API_WHOLE) mtr_json_named_bool(&rows->json, "has_more", has_more);
    mtr_json_map_end(&rows->json);
    const int rc = mtr_json_finish(&rows->json);
    if (!rows->error) rows->error = rc;
}

/* ---- the frame's side ---- */

/* Negotiates, and calls the route's begin. False after answering a problem. */
static bool begin(struct api_rows *rows, struct api_call *call)
{
    static const char *const types[] = {"application/json", "application/x-ndjson",
                                        "text/csv; charset=utf-8"};
    const int as = call->route->answer_types ? API_AS_JSON : api_negotiate(call);
    *rows = (struct api_rows){.call = call, .list = call->route->list, .format = (enum api_format)as};
    if (as < 0 || !rows->list->begin(call)) return false;
    call->status = 200;
    call->answer_type = types[as];
    if (rows->format == API_AS_CSV) rows->error = write_head(rows);
    if (rows->format != API_AS_JSON) return true;
    mtr_json_begin(&rows->json, &call->answer);
    mtr_json_map(&rows->json);
    mtr_json_name(&rows->json, rows->list->member);
    mtr_json_list(&rows->json);
    return true;
}

int api_rows_piece(struct api_rows *rows)
{
    MTR_ASSERT(!rows->is_done);
    rows->piece_start = rows->call->answer.size;
    const int rc = rows->list->fill(rows->call, rows);
    return rc ? rc : rows->error;
}

void api_rows_release(struct api_rows *rows)
{
    if (rows->list->end) rows->list->end(rows->call);
}

void api_answer_rows(struct api_call *call)
{
    struct api_rows *rows = mtr_arena_calloc(&call->arena, 1, sizeof(*rows));
    if (!rows) api_error(call, MTR_ENOMEM, call->route->list->failure);
    else if (begin(rows, call)) call->stream.rows = rows;
}

bool api_rows_end_in_head(const struct api_rows *rows)
{
    return rows->format != API_AS_JSON && rows->list->pages != API_WHOLE;
}

bool api_rows_make_room(struct api_rows *rows)
{
    if (rows->error || api_pack_answer(rows->call)) return false;
    rows->piece_start = 0;
    return true;
}

bool api_rows_have_turn(const struct api_rows *rows)
{
    return rows->call->stream.has_turn;
}

void api_rows_ask_turn(struct api_rows *rows)
{
    rows->call->stream.needs_turn = rows->call->stream.awaits_turn = true;
}

void api_list_write_schema(const struct api_list *list, const char *references, struct mtr_json_writer *json)
{
    const struct mtr_json_member next_after = {.name = "next_after",
                                               .type = MTR_MEMBER_U64,
                                               .doc = "as `after` of the next call: it goes on behind"},
                                 has_more = {.name = "has_more",
                                             .type = MTR_MEMBER_BOOL,
                                             .doc = "there are more rows than this answer has"};
    struct mtr_json_member members[4] = {{.name = list->member, .type = MTR_MEMBER_LIST, .shape = list->row}};
    size_t count = 1;
    if (list->pages == API_PAGED) members[count++] = next_after;
    if (list->pages != API_WHOLE) members[count++] = has_more;
    const struct mtr_shape page = {.name = list->name, .members = members};
    mtr_shape_write_schema(&page, references, json);
}
