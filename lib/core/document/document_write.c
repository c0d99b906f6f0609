/*
 * A tree back to JSON: compact, keys in the order written, numbers as written. Recursion is bounded by
 * MTR_DOCUMENT_DEPTH_MAX.
 */
#include "meterd/core/document.h"

#include "meterd/core/json_writer.h"
#include "meterd/core/limits.h"

_Static_assert((int)MTR_DOCUMENT_DEPTH_MAX <= (int)MTR_JSON_DEPTH_MAX,
               "every document can be written as JSON");

static void write_node(struct mtr_json_writer *writer, const struct mtr_node *node)
{
    bool is_map = node->kind == MTR_NODE_MAP;
    switch (node->kind) {
    case MTR_NODE_NULL: mtr_json_null(writer); return;
    case MTR_NODE_BOOL: mtr_json_bool(writer, node->truth); return;
    case MTR_NODE_NUMBER: mtr_json_raw(writer, node->text); return;
    case MTR_NODE_STRING: mtr_json_text(writer, node->text); return;
    case MTR_NODE_LIST: mtr_json_list(writer); break;
    case MTR_NODE_MAP: mtr_json_map(writer); break;
    }
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (is_map)
            mtr_json_name(
                writer,
                node->children[i].key.data); /* NUL-terminated by the builder, and without a NUL inside */
        write_node(writer, &node->children[i]);
    }
    if (is_map)
        mtr_json_map_end(writer);
    else
        mtr_json_list_end(writer);
}

int mtr_node_write_json(const struct mtr_node *node, struct mtr_buffer *out)
{
    struct mtr_json_writer writer;
    mtr_json_begin(&writer, out);
    write_node(&writer, node);
    return mtr_json_finish(&writer);
}
