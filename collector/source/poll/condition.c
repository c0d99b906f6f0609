/*
 * Values are compared by their text: numbers as they were written.
 */
#include "collector/source/poll/condition.h"

#include <string.h>

#include "meterd/core/arena.h"
#include "meterd/core/document.h"
#include "meterd/source/row_path.h"

static bool text_contains(struct mtr_str text, struct mtr_str part)
{
    return part.size <= text.size && (!part.size || memmem(text.data, text.size, part.data, part.size));
}

static bool text_holds(const struct mtr_answer_condition *condition, struct mtr_str text)
{
    return (!condition->has_equals || mtr_str_equal(text, condition->equals)) &&
           (!condition->has_contains || text_contains(text, condition->contains));
}

static struct mtr_str text_of(const struct mtr_found *found)
{
    switch (found->kind) {
    case MTR_FOUND_TRUE: return MTR_STR("true");
    case MTR_FOUND_FALSE: return MTR_STR("false");
    case MTR_FOUND_NULL: return MTR_STR("null");
    case MTR_FOUND_NUMBER:
    case MTR_FOUND_TEXT:
    case MTR_FOUND_LIST:
    case MTR_FOUND_MAP: return found->text;
    case MTR_FOUND_REFUSED:
    case MTR_FOUND_NOTHING: break;
    }
    return (struct mtr_str){NULL, 0};
}

bool condition_holds_found(const struct mtr_answer_condition *condition, const struct mtr_found *found)
{
    return found->kind != MTR_FOUND_NOTHING && text_holds(condition, text_of(found));
}

static const struct mtr_node *step_into(const struct mtr_node *node, const struct mtr_row_path_step *step)
{
    if (step->kind == MTR_ROW_STEP_PLACE)
        return node->kind == MTR_NODE_LIST && step->place < node->child_count ? &node->children[step->place]
                                                                              : NULL;
    if (step->kind == MTR_ROW_STEP_EACH || node->kind != MTR_NODE_MAP) return NULL;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (mtr_str_equal(node->children[i].key, step->name)) return &node->children[i];
    return NULL;
}

static const struct mtr_node *walk(const struct mtr_node *node, const struct mtr_row_path *path)
{
    const struct mtr_row_path_step whole = {MTR_ROW_STEP_NAME, path->text, 0};
    const struct mtr_node *there = step_into(node, &whole);
    if (there || !path->step_count) return there;
    for (uint32_t i = 0; node && i < path->step_count; i++)
        node = step_into(node, &path->steps[i]);
    return node;
}

int condition_body_text(struct mtr_str body, struct mtr_str path, struct mtr_arena *arena,
                        struct mtr_str *out)
{
    struct mtr_document *document;
    struct mtr_diagnostic diagnostic;
    struct mtr_row_path steps;
    while (body.size && memchr(" \t\r\n", body.data[0], 4))
        body = (struct mtr_str){body.data + 1, body.size - 1};
    if (!body.size || (body.data[0] != '{' && body.data[0] != '[')) return MTR_ENOTFOUND;
    int rc = mtr_row_path_parse(path, arena, &steps);
    if (rc) return rc;
    rc = mtr_document_parse_answer(body, &document, &diagnostic);
    if (rc) return rc == MTR_ENOMEM ? rc : MTR_ENOTFOUND;
    const struct mtr_node *node = walk(mtr_document_root(document), &steps);
    const bool is_text = node && node->kind != MTR_NODE_LIST && node->kind != MTR_NODE_MAP;
    rc = is_text ? mtr_arena_copy(arena, node->text, out) : MTR_ENOTFOUND;
    mtr_document_close(document);
    return rc;
}

bool condition_holds_body(const struct mtr_answer_condition *condition, unsigned status, struct mtr_str body)
{
    struct mtr_arena arena;
    struct mtr_str text = body;
    if (condition->status && condition->status != status) return false;
    mtr_arena_init(&arena, 4 << 10, 1 << 20);
    int rc = condition->path.size ? condition_body_text(body, condition->path, &arena, &text) : MTR_OK;
    const bool holds = !rc && text_holds(condition, text);
    mtr_arena_release(&arena);
    return holds;
}

bool condition_warns(const struct mtr_found *found, struct mtr_str *text)
{
    *text = text_of(found);
    switch (found->kind) {
    case MTR_FOUND_NOTHING:
    case MTR_FOUND_NULL:
    case MTR_FOUND_FALSE: return false;
    case MTR_FOUND_LIST:
    case MTR_FOUND_MAP: return found->count > 0;
    case MTR_FOUND_TEXT: return found->text.size > 0;
    case MTR_FOUND_REFUSED: *text = MTR_STR("in a text that cannot be read"); break;
    case MTR_FOUND_TRUE:
    case MTR_FOUND_NUMBER: break;
    }
    return true;
}
