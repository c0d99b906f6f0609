/*
 * A document token by token: a stack of the maps and lists that are open around the records.
 *
 *        ┌──────────── next_value ◀── name, or the next of a list
 *        ▼
 *   VALUE ── scalar ──▶ MORE ── , ──▶ NAME or VALUE
 *     │ ▲                 └── } ] ──▶ MORE of the level around it, or NOTHING
 *     │ └─ { [: one level more
 *     └─ a record: read as a whole (json_row.h), or passed over when it is too long
 *
 * Invariants: what was read is never read again, so that texts may be unescaped in their place; a record is
 * read when its last byte is there. Where the grammar breaks, or what is asked for stands twice, the
 * reading ends.
 */
#include "collector/rows/json_document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/rows/held_rows.h"
#include "collector/rows/json_text.h"

enum expected { VALUE, VALUE_OR_END, NAME, NAME_OR_END, MORE, NOTHING };

struct level {
    const struct json_node *node; /* NULL: nobody asks for anything in it */
    bool is_map;
    uint32_t place;  /* of a list: of the value that is next */
    uint64_t number; /* of the document's maps and lists, from 1 */
};

struct json_document {
    struct record_out *out;
    const struct json_dialect *dialect;
    struct json_plan plan;
    struct json_text text;
    struct held_rows held;
    struct level levels[MTR_JSON_SKIP_DEPTH_MAX];
    uint32_t depth;
    uint64_t level_count; /* of all that were opened */
    enum expected expected;
    const struct json_node *next; /* of the value that is expected */
    uint32_t passed_depth;        /* inside of a record that is passed over */
    bool is_waiting;              /* for more of the text, although tokens are there */
    bool has_rows;                /* the list of the records was there, or null in its place */
    uint8_t set[JSON_TARGETS];
    struct mtr_buffer error;
};

/* ---- faults ---- */

static int stop_at(struct json_document *document, size_t at, const char *text)
{
    struct mtr_record_place place = json_text_place(&document->text, at, 0);
    return record_stop(document->out, MTR_FINDING_IMPORT_LINE, &place, text);
}

static int stop_malformed(struct json_document *document, size_t at, const char *reason)
{
    char text[200];
    snprintf(text, sizeof(text), "is no JSON: %s", reason);
    return stop_at(document, at, text);
}

static int stop_cursor(struct json_document *document)
{
    return stop_malformed(document, document->text.cursor.fault_offset, document->text.cursor.fault);
}

static int fail(struct json_document *document, const char *fault)
{
    (void)json_cursor_fail(&document->text.cursor, fault);
    return stop_cursor(document);
}

/* ---- targets ---- */

static int set_error(struct json_document *document, struct mtr_str text)
{
    mtr_buffer_reset(&document->error);
    return mtr_buffer_append(&document->error, text.data, text.size < 300 ? text.size : 300);
}

static int refuse_at(struct json_document *document, size_t at, const char *text)
{
    struct mtr_record_place place = json_text_place(&document->text, at, 0);
    return record_refuse(document->out, MTR_FINDING_IMPORT_LINE, &place, text);
}

static bool is_text(enum mtr_found_kind kind)
{
    return kind != MTR_FOUND_NULL && kind != MTR_FOUND_LIST && kind != MTR_FOUND_MAP;
}

static int set_target(struct json_document *document, const struct json_target *target,
                      const struct mtr_found *found)
{
    const uint32_t id = target->column;
    uint8_t *set = &document->set[id];
    const uint8_t now = target->is_whole ? 2 : 1;
    if (*set > now) return MTR_OK;
    *set = now;
    if (id == JSON_ERROR) return set_error(document, found->text);
    if (id >= JSON_REFUSED)
        return refuse_at(document, document->text.counted,
                         document->dialect->refusals[id - JSON_REFUSED].text);
    if (id >= JSON_WANT)
        return record_keep_found(document->out, id - JSON_WANT, found->kind, found->text, found->count);
    return held_rows_set(&document->held, id - JSON_VALUE,
                         is_text(found->kind) ? found->text : (struct mtr_str){NULL, 0});
}

static int set_targets(struct json_document *document, const struct json_node *node,
                       const struct mtr_found *found)
{
    int rc = MTR_OK;
    for (const struct json_target *target = node->targets; !rc && target; target = target->next)
        rc = set_target(document, target, found);
    return rc;
}

/* ---- levels ---- */

/* Values with ^ whose map begins or ends here. */
static int turn_anchor(struct json_document *document, const struct json_node *node, bool begins)
{
    const struct json_plan *plan = &document->plan;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < plan->value_count; i++) {
        if (plan->anchors[i] != node) continue;
        document->set[JSON_VALUE + i] = 0;
        if (begins) held_rows_begin(&document->held, i);
        else rc = held_rows_finish(&document->held, i);
    }
    return rc;
}

static int open_level(struct json_document *document, const struct json_node *node)
{
    struct mtr_json_cursor *cursor = &document->text.cursor;
    const bool is_map = json_cursor_peek(cursor) == '{';
    if (document->depth == MTR_JSON_SKIP_DEPTH_MAX) return fail(document, "nested deeper than 64 levels");
    document->levels[document->depth++] = (struct level){node, is_map, 0, ++document->level_count};
    document->expected = is_map ? NAME_OR_END : VALUE_OR_END;
    cursor->offsets++;
    return is_map && node && node->is_anchor ? turn_anchor(document, node, true) : MTR_OK;
}

static void after_value(struct json_document *document)
{
    document->expected = document->depth ? MORE : NOTHING;
}

static int close_level(struct json_document *document)
{
    const struct level *level = &document->levels[--document->depth];
    document->text.cursor.offsets++;
    after_value(document);
    return level->is_map && level->node && level->node->is_anchor
               ? turn_anchor(document, level->node, false)
               : MTR_OK;
}

/* Of a list the next value; of a map its name says which. */
static void expect_next(struct json_document *document)
{
    struct level *level = &document->levels[document->depth - 1];
    document->expected = level->is_map ? NAME : VALUE;
    if (!level->is_map)
        document->next = level->node ? json_node_find_place(level->node, level->place++) : NULL;
}

/* ---- records ---- */

static int refuse_record(struct json_document *document, struct mtr_record_place *place, const char *text)
{
    return record_refuse(document->out, MTR_FINDING_IMPORT_LINE, place, text);
}

/* `rows` names the one record, and not a list of them. */
static bool is_sole(const struct json_document *document)
{
    return !document->plan.needs_each && !document->dialect->rows[0].size;
}

/* The cursor is at a record that is there as a whole. */
static int read_record(struct json_document *document, size_t size)
{
    struct json_text *text = &document->text;
    struct record_out *out = document->out;
    const char *fault;
    const size_t at = *text->cursor.offsets;
    struct mtr_record_place place = json_text_place(text, at, size);
    json_text_pass(text, at + size);
    memset(out->cells, 0, out->column_count * sizeof(*out->cells));
    int rc = json_row_read(&document->plan.record, &text->cursor, out->cells, out->column_count, out->seen,
                           &fault);
    if (text->cursor.fault) return stop_cursor(document);
    if (!rc && document->plan.checked >= 0) {
        fault = document->dialect->check(out->cells[document->plan.checked]);
        if (fault) rc = MTR_EINVALID;
    }
    after_value(document);
    return rc ? refuse_record(document, &place, fault) : held_rows_give(&document->held, &place);
}

static int pass_record(struct json_document *document, struct mtr_record_place *place)
{
    document->passed_depth = 1;
    document->text.cursor.offsets++;
    return record_refuse(document->out, MTR_FINDING_DOCUMENT_LIMIT, place, "the row is longer than 1 MiB");
}

/* The bytes of the value that is next, which is no map and no list: up to the next token, without space. */
static size_t scalar_size(const struct json_text *text)
{
    const size_t at = text->cursor.offsets[0];
    size_t end = text->cursor.offsets[1];
    while (end > at + 1 && memchr(" \t\r\n", text->text.data[end - 1], 4)) end--;
    return end - at;
}

/* In a list one value that is no row is one bad row. In a map it is what the vendor says instead of rows:
 * `{"error": "maintenance"}`, and to take that for one bad row and no others is to take all away. */
static bool is_said_instead(const struct json_document *document, const struct mtr_value *value)
{
    return value->kind != MTR_VALUE_NULL && document->levels[document->depth - 1].is_map;
}

static int take_record(struct json_document *document)
{
    struct json_text *text = &document->text;
    struct mtr_value value;
    const int token = json_cursor_peek(&text->cursor);
    const size_t at = *text->cursor.offsets;
    document->has_rows = true;
    if (token != '{' && token != '[' && document->plan.record.targets && !is_sole(document))
        return read_record(document, scalar_size(text));
    if (token != '{' && token != '[') {
        struct mtr_record_place place = json_text_place(text, at, 0);
        if (json_cursor_value_read(&text->cursor, &value)) return stop_cursor(document);
        after_value(document);
        if (is_sole(document) && value.kind != MTR_VALUE_NULL)
            return stop_at(document, at, "`rows` leads to no map");
        if (is_said_instead(document, &value))
            return stop_at(document, at, "`rows` leads to the values of a map, and this is no row");
        return refuse_record(document, &place, "a row must be a map, or a list");
    }
    if (token == '[' && is_sole(document))
        return stop_at(document, at, "`rows` leads to a list: with [] at its end it leads to its values");
    const uint32_t *end = json_text_find_end(text);
    const size_t size = (end ? *end + 1 : text->text.size) - at;
    if (size > MTR_RECORD_BYTES_MAX) {
        struct mtr_record_place place = json_text_place(text, at, 0);
        return pass_record(document, &place);
    }
    if (end || text->is_last) return read_record(document, size);
    document->is_waiting = !text->fault;
    return text->fault ? stop_malformed(document, text->fault_at, text->fault) : MTR_OK;
}

/* Inside of a record that is passed over. */
static int pass_token(struct json_document *document)
{
    const int token = json_cursor_peek(&document->text.cursor);
    if (token == MTR_JSON_END) return fail(document, "the text ends too early");
    document->text.cursor.offsets++;
    if (token == '{' || token == '[') document->passed_depth++;
    if ((token == '}' || token == ']') && --document->passed_depth == 0) after_value(document);
    return MTR_OK;
}

/* ---- values around them ---- */

static bool leads_to_records(const struct json_node *node)
{
    for (const struct json_node *child = node->children; child; child = child->next)
        if (child->is_record || leads_to_records(child)) return true;
    return false;
}

static enum mtr_found_kind kind_of(const struct mtr_value *value)
{
    switch (value->kind) {
    case MTR_VALUE_TRUE: return MTR_FOUND_TRUE;
    case MTR_VALUE_FALSE: return MTR_FOUND_FALSE;
    case MTR_VALUE_NUMBER: return MTR_FOUND_NUMBER;
    case MTR_VALUE_TEXT: return MTR_FOUND_TEXT;
    case MTR_VALUE_REFUSED: return MTR_FOUND_REFUSED;
    case MTR_VALUE_NULL:
    case MTR_VALUE_INTEGER:
    case MTR_VALUE_NESTED: break;
    }
    return MTR_FOUND_NULL;
}

static int take_scalar(struct json_document *document, const struct json_node *node)
{
    struct json_text *text = &document->text;
    struct mtr_value value = {.kind = MTR_VALUE_NULL};
    const size_t at = *text->cursor.offsets;
    json_text_pass(text, at); /* before it is unescaped */
    if (json_cursor_value_read(&text->cursor, &value)) return stop_cursor(document);
    after_value(document);
    if (!node) return MTR_OK;
    struct mtr_found found = {.kind = kind_of(&value)};
    if (value.kind == MTR_VALUE_NUMBER || value.kind == MTR_VALUE_TEXT) found.text = value.text;
    if (value.kind == MTR_VALUE_TRUE) found.text = MTR_STR("true");
    if (value.kind == MTR_VALUE_FALSE) found.text = MTR_STR("false");
    if (leads_to_records(node)) {
        const bool is_empty_list = found.kind == MTR_FOUND_NULL && node->other_count > 0;
        document->has_rows = document->has_rows || is_empty_list || found.kind != MTR_FOUND_NULL;
        if (found.kind != MTR_FOUND_NULL)
            return stop_at(document, at, "a list or map is expected here, on the way to the rows");
    }
    return set_targets(document, node, &found);
}

/* A map or list that is asked for: its text, as far as it is kept. */
static int take_nested(struct json_document *document, const struct json_node *node)
{
    struct json_text *text = &document->text;
    const size_t at = *text->cursor.offsets, left = text->text.size - at;
    const uint32_t *end = json_text_find_end(text);
    json_text_pass(text, at);
    const bool is_list = json_cursor_peek(&text->cursor) == '[';
    if (!end && left <= MTR_FOUND_BYTES_MAX && !text->fault && !text->is_last) {
        document->is_waiting = true;
        return MTR_OK;
    }
    const struct mtr_found found = {.kind = is_list ? MTR_FOUND_LIST : MTR_FOUND_MAP,
                                    .count = end != text->cursor.offsets + 1,
                                    .text = {text->text.data + at, end ? *end + 1 - at : left}};
    int rc = set_targets(document, node, &found);
    return rc ? rc : open_level(document, node);
}

static bool is_list_of_records(const struct json_node *node)
{
    const struct json_node *child = json_node_find_place(node, UINT32_MAX);
    return child && (child->is_record || leads_to_records(child));
}

static int take_value(struct json_document *document)
{
    const struct json_node *node = document->next;
    const int token = json_cursor_peek(&document->text.cursor);
    if (node && node->is_record) return take_record(document);
    if (token != '{' && token != '[') return take_scalar(document, node);
    if (node && is_list_of_records(node)) document->has_rows = true;
    return node && node->targets ? take_nested(document, node) : open_level(document, node);
}

/* [] leads to each value of a map as it does to those of a list. */
static const struct json_node *find_member(const struct json_node *node, struct mtr_str name)
{
    const struct json_node *child = name.data ? json_node_find(node, name) : NULL;
    if (child || !node->other_count) return child;
    child = node->children;
    while (child && child->kind != MTR_ROW_STEP_EACH) child = child->next;
    return child;
}

static int take_name(struct json_document *document)
{
    struct json_text *text = &document->text;
    const struct level *level = &document->levels[document->depth - 1];
    const char *refused;
    struct mtr_str name;
    const size_t at = *text->cursor.offsets;
    if (text->cursor.offsets + 1 >= text->whole && !text->is_last) {
        document->is_waiting = true; /* for what comes behind it */
        return MTR_OK;
    }
    json_text_pass(text, at);
    if (json_cursor_name_read(&text->cursor, &name, &refused)) return stop_cursor(document);
    if (refused) name = (struct mtr_str){NULL, 0};
    const struct json_node *node = level->node ? find_member(level->node, name) : NULL;
    if (node && node->kind == MTR_ROW_STEP_NAME && json_node_is_twice(node, level->number))
        return stop_at(document, at, node->twice);
    document->next = node;
    document->expected = VALUE;
    return MTR_OK;
}

static int take_more(struct json_document *document)
{
    const bool is_map = document->levels[document->depth - 1].is_map;
    const int token = json_cursor_peek(&document->text.cursor);
    if (token == (is_map ? '}' : ']')) return close_level(document);
    if (token != ',') return fail(document, is_map ? "',' or '}' is expected" : "',' or ']' is expected");
    document->text.cursor.offsets++;
    expect_next(document);
    return MTR_OK;
}

static int take_first(struct json_document *document)
{
    const bool is_map = document->levels[document->depth - 1].is_map;
    if (json_cursor_peek(&document->text.cursor) == (is_map ? '}' : ']')) return close_level(document);
    expect_next(document);
    return MTR_OK;
}

static int take_token(struct json_document *document)
{
    if (document->passed_depth) return pass_token(document);
    switch (document->expected) {
    case VALUE: return take_value(document);
    case NAME: return take_name(document);
    case VALUE_OR_END:
    case NAME_OR_END: return take_first(document);
    case MORE: return take_more(document);
    case NOTHING: break;
    }
    return fail(document, "something follows the document (of records line by line the format is ndjson)");
}

/* ---- the driver ---- */

/* A text that is too long to be kept: where it is a value that somebody looks for, that is told. */
static int refuse_text(struct json_document *document)
{
    const bool is_value = document->expected == VALUE || document->expected == VALUE_OR_END;
    const struct json_node *node = is_value && !document->passed_depth ? document->next : NULL;
    document->next = NULL;
    if (!node) return MTR_OK;
    if (leads_to_records(node))
        return stop_malformed(document, 0, "a list or map is expected here, on the way to the rows");
    return set_targets(document, node, &(struct mtr_found){.kind = MTR_FOUND_REFUSED});
}

static int run(struct json_document *document, bool is_last)
{
    struct json_text *text = &document->text;
    document->is_waiting = false;
    int rc = json_text_index(text, is_last);
    while (!rc && !document->is_waiting && json_text_has_token(text)) rc = take_token(document);
    if (!rc && text->fault) rc = stop_malformed(document, text->fault_at, text->fault);
    if (rc || is_last) return rc;
    json_text_forget(text);
    if (text->text.size <= MTR_RECORD_BYTES_MAX) return MTR_OK;
    if (document->is_waiting || text->text.data[0] != '"')
        return stop_malformed(document, 0, "a value of more than 1 MiB");
    rc = refuse_text(document);
    json_text_drop(text);
    return rc;
}

int json_document_read(void *state, struct mtr_str piece)
{
    struct json_document *document = state;
    int rc = MTR_OK;
    while (!rc && piece.size) {
        bool is_due;
        rc = json_text_gather(&document->text, &piece, &is_due);
        if (!rc && is_due) rc = run(document, false);
    }
    return rc;
}

static int stop_at_end(struct json_document *document, enum mtr_finding_code code, const char *text)
{
    struct mtr_record_place place = {.line = 1, .column = 1};
    return record_stop(document->out, code, &place, text);
}

/* The document is whole: is it an answer? */
static int check_answer(struct json_document *document)
{
    char text[600];
    const struct mtr_str rows = document->plan.rows, error = mtr_buffer_str(&document->error);
    if (error.size) {
        snprintf(text, sizeof(text), "the answer is an error: %.*s", MTR_STR_ARGS(error));
        return stop_at_end(document, MTR_FINDING_IMPORT_ANSWER, text);
    }
    if (document->has_rows) return MTR_OK;
    snprintf(text, sizeof(text), "has no rows at `%.*s%s`: nothing stands there", MTR_STR_QUOTED(rows));
    return stop_at_end(document, MTR_FINDING_IMPORT_EMPTY, text);
}

int json_document_end(void *state)
{
    struct json_document *document = state;
    int rc = run(document, true);
    if (rc) return rc;
    if (document->expected == NOTHING) return check_answer(document);
    return document->depth ? stop_malformed(document, document->text.text.size, "the text ends too early")
                           : stop_at_end(document, MTR_FINDING_IMPORT_EMPTY,
                                         "the file is empty: a JSON document is expected");
}

void json_document_close(void *state)
{
    struct json_document *document = state;
    if (!document) return;
    held_rows_release(&document->held);
    json_text_release(&document->text);
    json_plan_release(&document->plan);
    mtr_buffer_release(&document->error);
    free(document);
}

int json_document_open(const struct json_dialect *dialect, struct record_out *out, void **state,
                       const char **fault)
{
    struct json_document *document = calloc(1, sizeof(*document));
    if (!document) return MTR_ENOMEM;
    *state = document;
    document->out = out;
    document->dialect = dialect;
    document->expected = VALUE;
    document->next = &document->plan.document;
    mtr_buffer_init(&document->error, 1024);
    json_text_init(&document->text, out->gather_bytes);
    int rc = json_plan_make(&document->plan, dialect, out, fault);
    return rc ? rc : held_rows_init(&document->held, out, document->plan.values, document->plan.value_count);
}
