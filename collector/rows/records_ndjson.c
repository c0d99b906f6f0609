/*
 * NDJSON: a record a line. Lines are indexed many at a time: that index is right for every line whenever it
 * can be made, since a text of JSON holds no line end. When it cannot, each line is indexed alone, so that
 * the fault stays with its line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/decode/json_event.h"
#include "collector/rows/json_row.h"
#include "collector/rows/record_format.h"

enum { GATHER_BYTES = 64 << 10, TREE_BYTES_MAX = 4 << 20 };

struct ndjson {
    struct record_out *out;
    struct mtr_arena arena; /* of the tree */
    struct json_node root;
    struct mtr_buffer text; /* whole lines, and the beginning of one */
    size_t gather_bytes;
    uint64_t offset, line; /* of the text's first byte */
    bool is_after_cr, is_passed_over, has_line;
};

static const char no_map[] =
    "a line must be a map (one document of all rows is `format: {json: {rows: \"[]\"}}`)";
static const char too_long[] = "the line is longer than 1 MiB";

/* A line at work, in the text. */
struct line {
    char *data;
    size_t size;
    struct mtr_record_place place;
};

static int refuse(struct ndjson *ndjson, struct line *line, const char *text)
{
    return record_refuse(ndjson->out, MTR_FINDING_IMPORT_LINE, &line->place, text);
}

static int refuse_at(struct ndjson *ndjson, struct line *line, uint64_t offset, const char *reason)
{
    char text[200];
    line->place.column = offset + 1;
    snprintf(text, sizeof(text), "is no JSON: %s", reason);
    return refuse(ndjson, line, text);
}

/* The cursor is at the line's first token. */
static int take_line(struct ndjson *ndjson, struct line *line, struct mtr_json_cursor *cursor)
{
    struct record_out *out = ndjson->out;
    const char *fault;
    const size_t start = (size_t)(line->data - cursor->text);
    if (json_cursor_peek(cursor) == MTR_JSON_END) return MTR_OK;
    ndjson->has_line = true;
    if (line->size > MTR_RECORD_BYTES_MAX)
        return record_refuse(ndjson->out, MTR_FINDING_DOCUMENT_LIMIT, &line->place, too_long);
    cursor->fault = NULL;
    const bool is_nested = json_cursor_peek(cursor) == '{' || json_cursor_peek(cursor) == '[';
    if (!is_nested && !ndjson->root.targets)
        return refuse(ndjson, line, no_map);
    const bool is_map = json_cursor_peek(cursor) == '{';
    memset(out->cells, 0, out->column_count * sizeof(*out->cells));
    int rc = json_row_read(&ndjson->root, cursor, out->cells, out->column_count, out->seen, &fault);
    if (!cursor->fault && json_cursor_peek(cursor) != MTR_JSON_END)
        (void)json_cursor_fail(cursor, "something follows the record on its line");
    if (cursor->fault) return refuse_at(ndjson, line, cursor->fault_offset - start, cursor->fault);
    if (!is_map) return refuse(ndjson, line, no_map);
    return rc ? refuse(ndjson, line, fault) : record_give(out, out->cells, &line->place);
}

static struct mtr_json_cursor cursor_of(char *text, size_t size, const struct mtr_json_index *index)
{
    struct mtr_json_cursor cursor;
    json_cursor_init(&cursor, text, size, index);
    cursor.is_strict = true;
    return cursor;
}

static int take_alone(struct ndjson *ndjson, struct line *line)
{
    struct mtr_json_index index;
    int rc = json_index_build((struct mtr_str){line->data, line->size}, &index);
    if (rc == MTR_EINVALID) {
        uint64_t offset;
        const char *reason = json_locate_fault((struct mtr_str){line->data, line->size}, &offset);
        ndjson->has_line = true;
        return refuse_at(ndjson, line, offset, reason);
    }
    if (rc) return rc;
    struct mtr_json_cursor cursor = cursor_of(line->data, line->size, &index);
    return take_line(ndjson, line, &cursor);
}

/* The line that begins there; its end may be that of the text. */
static struct line line_at(struct ndjson *ndjson, size_t from, size_t size)
{
    char *data = ndjson->text.data + from;
    const char *end = memchr(data, '\n', size - from), *cr;
    const size_t bytes = end ? (size_t)(end - data) : size - from;
    cr = memchr(data, '\r', bytes);
    struct line line = {data, cr ? (size_t)(cr - data) : bytes, {.line = ndjson->line, .column = 1}};
    line.place.offset = ndjson->offset + from;
    line.place.size = line.size;
    return line;
}

static size_t mark_bytes(const struct ndjson *ndjson, size_t size)
{
    const bool is_first = ndjson->offset == 0 && size >= 3;
    return is_first && memcmp(ndjson->text.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* Whole lines: those that stand in the first bytes of the text, with the end of the last. */
static int take_lines(struct ndjson *ndjson, size_t size)
{
    struct mtr_json_index index;
    struct mtr_json_cursor cursor = {0};
    char *text = ndjson->text.data;
    size_t at = mark_bytes(ndjson, size), first = at;
    int rc = json_index_build((struct mtr_str){text + first, size - first}, &index);
    const bool is_indexed = rc == MTR_OK;
    if (rc == MTR_EINVALID) rc = MTR_OK;
    if (is_indexed) cursor = cursor_of(text + first, size - first, &index);
    while (!rc && at < size) {
        struct line line = line_at(ndjson, at, size);
        const size_t end = at + line.size;
        cursor.end = (uint32_t)(end - first);
        rc = is_indexed ? take_line(ndjson, &line, &cursor) : take_alone(ndjson, &line);
        while (is_indexed && *cursor.offsets < end - first) cursor.offsets++;
        ndjson->line++;
        at = end + 1;
        if (at < size && text[end] == '\r' && text[at] == '\n') at++;
    }
    ndjson->is_after_cr = size && text[size - 1] == '\r';
    return rc;
}

/* What is left of the text is the beginning of a line. */
static void forget(struct ndjson *ndjson, size_t size)
{
    ndjson->text.size -= size;
    ndjson->offset += size;
    if (ndjson->text.size) memmove(ndjson->text.data, ndjson->text.data + size, ndjson->text.size);
}

static int run(struct ndjson *ndjson)
{
    size_t size = ndjson->text.size;
    const char *text = ndjson->text.data;
    while (size && text[size - 1] != '\n' && text[size - 1] != '\r') size--;
    int rc = size ? take_lines(ndjson, size) : MTR_OK;
    forget(ndjson, size);
    return rc;
}

/* ---- lines that are too long ---- */

static int pass_over(struct ndjson *ndjson)
{
    struct mtr_record_place place = {.line = ndjson->line, .column = 1, .offset = ndjson->offset};
    ndjson->is_passed_over = ndjson->has_line = true;
    forget(ndjson, ndjson->text.size);
    return record_refuse(ndjson->out, MTR_FINDING_DOCUMENT_LIMIT, &place, too_long);
}

static size_t line_end(struct mtr_str piece)
{
    size_t size = 0;
    while (size < piece.size && piece.data[size] != '\n' && piece.data[size] != '\r') size++;
    return size;
}

/* Bytes of the piece that are not gathered: of a line that is passed over, and the second of CRLF. */
static size_t skip(struct ndjson *ndjson, struct mtr_str piece)
{
    size_t size = 0;
    if (ndjson->is_passed_over) {
        size = line_end(piece);
        if (size < piece.size) {
            ndjson->is_after_cr = piece.data[size] == '\r';
            ndjson->is_passed_over = false;
            ndjson->line++;
            size++;
        }
    } else if (ndjson->is_after_cr && !ndjson->text.size) {
        ndjson->is_after_cr = false;
        size = *piece.data == '\n';
    }
    ndjson->offset += size;
    return size;
}

static int gather(struct ndjson *ndjson, struct mtr_str piece)
{
    int rc = mtr_buffer_append(&ndjson->text, piece.data, piece.size);
    if (rc || ndjson->text.size < ndjson->gather_bytes) return rc;
    rc = run(ndjson);
    if (!rc && ndjson->text.size > MTR_RECORD_BYTES_MAX) rc = pass_over(ndjson);
    const size_t left = ndjson->text.size;
    ndjson->gather_bytes = 2 * left > ndjson->out->gather_bytes ? 2 * left : ndjson->out->gather_bytes;
    return rc;
}

/* ---- the driver ---- */

static void ndjson_close(void *state)
{
    struct ndjson *ndjson = state;
    if (!ndjson) return;
    mtr_buffer_release(&ndjson->text);
    mtr_arena_release(&ndjson->arena);
    free(ndjson);
}

static int ndjson_open(struct record_out *out, void **state, const char **fault)
{
    struct ndjson *ndjson = calloc(1, sizeof(*ndjson));
    int rc = MTR_OK;
    (void)fault;
    if (!ndjson) return MTR_ENOMEM;
    ndjson->out = out;
    ndjson->line = 1;
    if (!out->gather_bytes) out->gather_bytes = GATHER_BYTES;
    ndjson->gather_bytes = out->gather_bytes;
    mtr_arena_init(&ndjson->arena, 16 << 10, TREE_BYTES_MAX);
    mtr_buffer_init(&ndjson->text, 4 * MTR_RECORD_BYTES_MAX + GATHER_BYTES);
    for (uint32_t i = 0; !rc && i < out->column_count; i++)
        rc = json_node_add_column(&ndjson->root, out->columns[i], i, &ndjson->arena);
    if (!rc) rc = json_node_finish(&ndjson->root, &ndjson->arena);
    *state = ndjson;
    return rc;
}

static int ndjson_read(void *state, struct mtr_str piece)
{
    struct ndjson *ndjson = state;
    int rc = MTR_OK;
    while (!rc && piece.size) {
        const size_t skipped = skip(ndjson, piece),
                     taken = skipped ? skipped : piece.size < GATHER_BYTES ? piece.size : GATHER_BYTES;
        if (!skipped) rc = gather(ndjson, (struct mtr_str){piece.data, taken});
        piece.data += taken;
        piece.size -= taken;
    }
    return rc;
}

static int ndjson_end(void *state)
{
    struct ndjson *ndjson = state;
    struct mtr_record_place place = {.line = 1, .column = 1};
    int rc = ndjson->text.size ? mtr_buffer_append_char(&ndjson->text, '\n') : MTR_OK;
    if (!rc) rc = run(ndjson);
    if (rc || ndjson->has_line || ndjson->out->may_be_empty) return rc;
    return record_stop(ndjson->out, MTR_FINDING_IMPORT_EMPTY, &place,
                       "the file is empty: a line for each row is expected");
}

const struct record_format record_format_ndjson = {ndjson_open, ndjson_close, ndjson_read, ndjson_end};
