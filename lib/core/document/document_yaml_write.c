/*
 * A tree as YAML for people: block style, lists of scalars in one line, strings quoted only where they would
 * be read as something else.
 *
 * What is written reads back as the same tree (tests hold it to that). Recursion is bounded by
 * MTR_DOCUMENT_DEPTH_MAX.
 */
#include "meterd/core/document.h"

#include <string.h>

#include "meterd/core/decimal.h"
#include "meterd/core/json_writer.h"

enum { INDENT = 2 };

static int write_node(const struct mtr_node *node, unsigned indent, struct mtr_buffer *out) MTR_MUST_USE;

static bool is_plain_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           memchr("._/+-@ ", c, 7) != NULL;
}

/* Read without quotes, is it still this string? */
static bool is_plain(struct mtr_str text)
{
    static const char *const words[] = {"null",  "true", "false", "Null", "True",
                                        "False", "NULL", "TRUE",  "FALSE"};
    struct mtr_decimal number;
    if (text.size == 0 || text.data[0] == ' ' || text.data[text.size - 1] == ' ') return false;
    if (memchr("-+.@", text.data[0], 4)) return false;
    for (size_t i = 0; i < text.size; i++)
        if (!is_plain_character(text.data[i])) return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (mtr_str_equal(text, mtr_str_from(words[i]))) return false;
    return mtr_decimal_parse(text, &number) == MTR_EINVALID;
}

static int write_text(struct mtr_str text, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    if (is_plain(text)) return mtr_buffer_append_str(out, text);
    mtr_json_begin(&json, out);
    mtr_json_text(&json, text); /* a JSON string is a double-quoted YAML scalar */
    return mtr_json_finish(&json);
}

static bool is_scalar(const struct mtr_node *node)
{
    return node->kind != MTR_NODE_LIST && node->kind != MTR_NODE_MAP;
}

static int write_scalar(const struct mtr_node *node, struct mtr_buffer *out)
{
    switch (node->kind) {
    case MTR_NODE_NULL: return mtr_buffer_append_str(out, MTR_STR("null"));
    case MTR_NODE_BOOL: return mtr_buffer_append_str(out, node->truth ? MTR_STR("true") : MTR_STR("false"));
    case MTR_NODE_NUMBER: return mtr_buffer_append_str(out, node->text);
    default: return write_text(node->text, out);
    }
}

static bool is_inline(const struct mtr_node *node)
{
    if (node->kind == MTR_NODE_MAP) return node->child_count == 0;
    for (uint32_t i = 0; node->kind == MTR_NODE_LIST && i < node->child_count; i++)
        if (!is_scalar(&node->children[i])) return false;
    return true;
}

static int write_inline(const struct mtr_node *node, struct mtr_buffer *out)
{
    if (is_scalar(node)) return write_scalar(node, out);
    if (node->kind == MTR_NODE_MAP) return mtr_buffer_append_str(out, MTR_STR("{}"));
    int rc = mtr_buffer_append_char(out, '[');
    for (uint32_t i = 0; !rc && i < node->child_count; i++) {
        if (i) rc = mtr_buffer_append_str(out, MTR_STR(", "));
        if (!rc) rc = write_scalar(&node->children[i], out);
    }
    return rc ? rc : mtr_buffer_append_char(out, ']');
}

static int write_indent(unsigned indent, struct mtr_buffer *out)
{
    return mtr_buffer_printf(out, "%*s", (int)indent, "");
}

/* "key: value", the cursor standing where the key goes; continuation lines are indented by `indent`. */
static int write_pair(const struct mtr_node *child, unsigned indent, struct mtr_buffer *out)
{
    int rc = write_text(child->key, out);
    if (!rc) rc = mtr_buffer_append_char(out, ':');
    if (rc) return rc;
    if (is_inline(child)) {
        rc = mtr_buffer_append_char(out, ' ');
        if (!rc) rc = write_inline(child, out);
        return rc ? rc : mtr_buffer_append_char(out, '\n');
    }
    rc = mtr_buffer_append_char(out, '\n');
    return rc ? rc : write_node(child, indent + INDENT, out);
}

static int write_map(const struct mtr_node *map, unsigned indent, bool first_is_placed,
                     struct mtr_buffer *out)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < map->child_count; i++) {
        if (i || !first_is_placed) rc = write_indent(indent, out);
        if (!rc) rc = write_pair(&map->children[i], indent, out);
    }
    return rc;
}

static int write_list(const struct mtr_node *list, unsigned indent, struct mtr_buffer *out)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < list->child_count; i++) {
        const struct mtr_node *item = &list->children[i];
        rc = write_indent(indent, out);
        if (!rc) rc = mtr_buffer_append_str(out, MTR_STR("- "));
        if (rc) return rc;
        if (is_inline(item)) {
            rc = write_inline(item, out);
            if (!rc) rc = mtr_buffer_append_char(out, '\n');
        } else if (item->kind == MTR_NODE_MAP) {
            rc = write_map(item, indent + INDENT, true, out);
        } else {
            rc = mtr_buffer_append_char(out, '\n');
            if (!rc) rc = write_list(item, indent + INDENT, out);
        }
    }
    return rc;
}

static int write_node(const struct mtr_node *node, unsigned indent, struct mtr_buffer *out)
{
    return node->kind == MTR_NODE_MAP ? write_map(node, indent, false, out) : write_list(node, indent, out);
}

int mtr_node_write_yaml(const struct mtr_node *node, struct mtr_buffer *out)
{
    if (!is_inline(node)) return write_node(node, 0, out);
    int rc = write_inline(node, out);
    return rc ? rc : mtr_buffer_append_char(out, '\n');
}
