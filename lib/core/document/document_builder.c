/*
 * The tree under construction: a stack of open containers over one stack of finished nodes.
 *
 * Closing a container copies its children, which are the newest of `pending`, into the arena as one array.
 * Keys and texts are copied with a NUL behind them. Does not know YAML or JSON.
 */
#include "lib/core/document/document_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PENDING_FIRST = 64 };

void document_builder_init(struct mtr_document_builder *builder, struct mtr_arena *arena, uint32_t nodes_max,
                           struct mtr_diagnostic *diagnostic)
{
    memset(builder, 0, sizeof(*builder));
    builder->arena = arena;
    builder->nodes_max = nodes_max;
    builder->diagnostic = diagnostic;
}

void document_builder_release(struct mtr_document_builder *builder)
{
    free(builder->pending);
    builder->pending = NULL;
}

int document_builder_fail(struct mtr_document_builder *builder, enum mtr_finding_code code,
                          struct mtr_place place, const char *format, ...)
{
    char text[sizeof(builder->diagnostic->text)];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    mtr_diagnostic_set(builder->diagnostic, code, place.line, place.column, NULL, "%s", text);
    builder->diagnostic->offset = place.offset;
    return MTR_EINVALID;
}

static int fail_limit(struct mtr_document_builder *builder, struct mtr_place place, const char *what,
                      unsigned max)
{
    (void)!document_builder_fail(builder, MTR_FINDING_DOCUMENT_LIMIT, place, "%s: at most %u are allowed",
                                 what, max);
    return MTR_ELIMIT;
}

static int fail_memory(struct mtr_document_builder *builder, struct mtr_place place)
{
    (void)!document_builder_fail(builder, MTR_FINDING_PROGRAM_MEMORY, place, "out of memory");
    return MTR_ENOMEM;
}

static void take_key(struct mtr_document_builder *builder, struct mtr_node *node)
{
    bool in_map = builder->depth > 0 && builder->frames[builder->depth - 1].node.kind == MTR_NODE_MAP;
    MTR_ASSERT(in_map == builder->has_key);
    if (!in_map) return;
    node->key = builder->key;
    node->key_line = builder->key_place.line;
    node->key_column = builder->key_place.column;
    builder->has_key = false;
}

static int count_node(struct mtr_document_builder *builder, struct mtr_place place)
{
    if (builder->node_count == builder->nodes_max)
        return fail_limit(builder, place, "too many values", builder->nodes_max);
    builder->node_count++;
    return MTR_OK;
}

static int push(struct mtr_document_builder *builder, const struct mtr_node *node)
{
    if (builder->pending_count == builder->pending_capacity) {
        uint32_t capacity = builder->pending_capacity ? builder->pending_capacity * 2 : PENDING_FIRST;
        struct mtr_node *pending = realloc(builder->pending, capacity * sizeof(*pending));
        if (!pending) return fail_memory(builder, (struct mtr_place){node->line, node->column, 0});
        builder->pending = pending;
        builder->pending_capacity = capacity;
    }
    builder->pending[builder->pending_count++] = *node;
    return MTR_OK;
}

int document_builder_open(struct mtr_document_builder *builder, enum mtr_node_kind kind,
                          struct mtr_place place)
{
    if (builder->depth == MTR_DOCUMENT_DEPTH_MAX)
        return fail_limit(builder, place, "nested too deeply, levels", MTR_DOCUMENT_DEPTH_MAX);
    struct mtr_document_frame frame = {.node = {.kind = kind, .line = place.line, .column = place.column},
                                       .first = builder->pending_count};
    int rc = count_node(builder, place);
    if (rc) return rc;
    take_key(builder, &frame.node);
    builder->frames[builder->depth++] = frame;
    return MTR_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const struct mtr_node *const *x = a, *const *y = b;
    int order = mtr_str_compare((*x)->key, (*y)->key);
    return order ? order : (*x > *y) - (*x < *y);
}

/* Sorted, so that a hostile map of a million keys costs n log n; reports the repeat that stands first in
 * the text. */
static int refuse_duplicate_keys(struct mtr_document_builder *builder, const struct mtr_node *children,
                                 uint32_t count)
{
    const struct mtr_node **sorted = malloc(count * sizeof(const struct mtr_node *));
    if (!sorted) return fail_memory(builder, (struct mtr_place){children->line, children->column, 0});
    for (uint32_t i = 0; i < count; i++) sorted[i] = &children[i];
    qsort(sorted, count, sizeof(const struct mtr_node *), compare_keys);
    const struct mtr_node *repeat = NULL, *first = NULL;
    for (uint32_t i = 1; i < count; i++) {
        if (!mtr_str_equal(sorted[i - 1]->key, sorted[i]->key)) continue;
        if (repeat && repeat < sorted[i]) continue;
        repeat = sorted[i];
        first = sorted[i - 1];
    }
    free(sorted);
    if (!repeat) return MTR_OK;
    const struct mtr_place place = {repeat->key_line, repeat->key_column, 0};
    if (first->key_line == repeat->key_line)
        return document_builder_fail(builder, MTR_FINDING_DOCUMENT_KEY_REPEATED, place,
                                     "the key `%.*s%s` is given twice", MTR_STR_QUOTED(repeat->key));
    return document_builder_fail(builder, MTR_FINDING_DOCUMENT_KEY_REPEATED, place,
                                 "the key `%.*s%s` is given twice, first on line %u",
                                 MTR_STR_QUOTED(repeat->key), first->key_line);
}

int document_builder_close(struct mtr_document_builder *builder)
{
    MTR_ASSERT(builder->depth > 0 && !builder->has_key);
    struct mtr_document_frame *frame = &builder->frames[builder->depth - 1];
    uint32_t count = builder->pending_count - frame->first;
    if (count > 0) {
        struct mtr_node *children = mtr_arena_calloc(builder->arena, count, sizeof(*children));
        if (!children)
            return fail_memory(builder, (struct mtr_place){frame->node.line, frame->node.column, 0});
        memcpy(children, builder->pending + frame->first, count * sizeof(*children));
        int rc = frame->node.kind == MTR_NODE_MAP && count > 1
                     ? refuse_duplicate_keys(builder, children, count)
                     : MTR_OK;
        if (rc) return rc;
        frame->node.children = children;
        frame->node.child_count = count;
    }
    builder->pending_count = frame->first;
    builder->depth--;
    return push(builder, &frame->node);
}

bool document_builder_wants_key(const struct mtr_document_builder *builder)
{
    return builder->depth > 0 && builder->frames[builder->depth - 1].node.kind == MTR_NODE_MAP &&
           !builder->has_key;
}

static int copy_text(struct mtr_document_builder *builder, struct mtr_str text, struct mtr_place place,
                     struct mtr_str *out)
{
    if (text.size && memchr(text.data, '\0', text.size))
        return document_builder_fail(builder, MTR_FINDING_DOCUMENT_TEXT, place,
                                     "a NUL character is not allowed");
    return mtr_arena_copy(builder->arena, text, out) ? fail_memory(builder, place) : MTR_OK;
}

int document_builder_key(struct mtr_document_builder *builder, struct mtr_str text, struct mtr_place place)
{
    MTR_ASSERT(document_builder_wants_key(builder));
    if (text.size == 0)
        return document_builder_fail(builder, MTR_FINDING_DOCUMENT_SYNTAX, place, "a key must not be empty");
    int rc = copy_text(builder, text, place, &builder->key);
    if (rc) return rc;
    builder->key_place = place;
    builder->has_key = true;
    return MTR_OK;
}

static size_t digits(struct mtr_str text, size_t at)
{
    size_t start = at;
    while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9') at++;
    return at - start;
}

bool document_is_number(struct mtr_str text)
{
    size_t at = text.size > 0 && text.data[0] == '-';
    size_t whole = digits(text, at);
    if (whole == 0 || (whole > 1 && text.data[at] == '0')) return false;
    at += whole;
    if (at < text.size && text.data[at] == '.') {
        size_t fraction = digits(text, ++at);
        if (fraction == 0) return false;
        at += fraction;
    }
    if (at < text.size && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        if (at < text.size && (text.data[at] == '+' || text.data[at] == '-')) at++;
        size_t exponent = digits(text, at);
        if (exponent == 0) return false;
        at += exponent;
    }
    return at == text.size;
}

void document_resolve_plain(struct mtr_node *node)
{
    node->kind = MTR_NODE_STRING;
    if (node->text.size == 0 || mtr_str_equal(node->text, MTR_STR("null")) ||
        mtr_str_equal(node->text, MTR_STR("~"))) {
        node->kind = MTR_NODE_NULL;
    } else if (mtr_str_equal(node->text, MTR_STR("true")) || mtr_str_equal(node->text, MTR_STR("false"))) {
        node->kind = MTR_NODE_BOOL;
        node->truth = node->text.data[0] == 't';
    } else if (document_is_number(node->text)) {
        node->kind = MTR_NODE_NUMBER;
    }
}

int document_builder_scalar(struct mtr_document_builder *builder, struct mtr_str text, bool plain,
                            struct mtr_place place)
{
    struct mtr_node node = {.kind = MTR_NODE_STRING, .line = place.line, .column = place.column};
    int rc = count_node(builder, place);
    if (!rc) rc = copy_text(builder, text, place, &node.text);
    if (rc) return rc;
    take_key(builder, &node);
    if (plain) document_resolve_plain(&node);
    return push(builder, &node);
}
