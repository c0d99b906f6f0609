/*
 * Conditions on an answer: the text at a path of a JSON body is the same by both ways that lead to it, the parsed
 * document and the reader of rows, and so is what a condition says of it. Up to a NUL stands the path, behind it the
 * body; a map, for the reader of rows looks at rows, too.
 */
#include <stdint.h>
#include <string.h>

#include "collector/source/poll/condition.h"
#include "meterd/core/buffer.h"
#include "meterd/core/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES_MAX = 16 << 20 };

static int on_record(void *context, const struct mtr_str *cells, const struct mtr_record_place *place)
{
    (void)context;
    (void)cells;
    (void)place;
    return MTR_OK;
}

static int on_problem(void *context, const struct mtr_diagnostic *problem, const struct mtr_record_place *place)
{
    (void)context;
    (void)place;
    MTR_ASSERT(problem->text[0]);
    return MTR_OK;
}

/* The body with a list of rows before its members. */
static int read_rows(struct mtr_str body, struct mtr_str path, struct mtr_record_reader **reader)
{
    const struct mtr_record_hooks hooks = {on_record, on_problem, NULL};
    const struct mtr_record_want want = {MTR_WANT_OF_DOCUMENT, path};
    struct mtr_row_format format = mtr_row_format_default();
    const struct mtr_str column = MTR_STR("x");
    const struct mtr_record_spec spec = {.format = &format, .columns = &column, .column_count = 1, .wants = &want, .want_count = 1};
    const char *fault;
    format.kind = MTR_ROWS_JSON;
    format.rows = MTR_STR("the rows[]");
    int rc = mtr_record_reader_open(&spec, &hooks, reader, &fault);
    if (rc) return rc;
    rc = mtr_record_reader_read(*reader, MTR_STR("{\"the rows\":[],"));
    if (!rc) rc = mtr_record_reader_read(*reader, (struct mtr_str){body.data + 1, body.size - 1});
    if (!rc) rc = mtr_record_reader_end(*reader);
    if (rc) mtr_record_reader_close(*reader);
    return rc;
}

static void check_condition(struct mtr_str body, struct mtr_str path, const struct mtr_found *found, struct mtr_str word)
{
    const struct mtr_answer_condition conditions[] = {
        {.path = path, .has_equals = true, .equals = word}, {.path = path, .has_contains = true, .contains = word}, {.path = path}};
    for (int i = 0; i < 3; i++) MTR_ASSERT(condition_holds_body(&conditions[i], 200, body) == condition_holds_found(&conditions[i], found));
}

static void compare(struct mtr_str body, struct mtr_str path, struct mtr_arena *arena)
{
    struct mtr_record_reader *reader;
    struct mtr_str text, warning;
    const int rc = condition_body_text(body, path, arena, &text);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ENOTFOUND || rc == MTR_ENOMEM);
    if (!path.size || read_rows(body, path, &reader)) return;
    const struct mtr_found found = mtr_record_reader_found(reader, 0);
    const bool is_scalar = found.kind != MTR_FOUND_NOTHING && found.kind != MTR_FOUND_LIST && found.kind != MTR_FOUND_MAP;
    if (found.kind != MTR_FOUND_REFUSED) MTR_ASSERT(is_scalar == !rc);
    if (found.kind == MTR_FOUND_NUMBER || found.kind == MTR_FOUND_TEXT) MTR_ASSERT(mtr_str_equal(found.text, text));
    if (condition_warns(&found, &warning)) MTR_ASSERT(found.kind != MTR_FOUND_NOTHING && warning.data);
    if (is_scalar && found.kind != MTR_FOUND_REFUSED) check_condition(body, path, &found, text);
    mtr_record_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *nul = size ? memchr(data, '\0', size) : NULL;
    struct mtr_diagnostic diagnostic;
    struct mtr_document *document;
    struct mtr_arena arena;
    if (!nul || size > 16384) return 0;
    const struct mtr_str path = {(const char *)data, (size_t)(nul - (const char *)data)};
    const struct mtr_str body = {nul + 1, size - path.size - 1};
    mtr_arena_init(&arena, 4096, ARENA_BYTES_MAX);
    const bool is_map = body.size && body.data[0] == '{' && !mtr_document_parse_answer(body, &document, &diagnostic);
    if (is_map) {
        const struct mtr_node *root = mtr_document_root(document);
        if (root->kind == MTR_NODE_MAP && root->child_count) compare(body, path, &arena);
        mtr_document_close(document);
    } else {
        struct mtr_str text;
        const int rc = condition_body_text(body, path, &arena, &text);
        MTR_ASSERT(rc || (body.size && body.data[0] == '['));
    }
    mtr_arena_release(&arena);
    return 0;
}
