/*
 * Fuzzing of documents: what parses is written as JSON, and that JSON parses to the same JSON again. Places
 * are inside the text.
 */
#include <stdint.h>
#include <string.h>

#include "meterd/core/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t count_lines(const uint8_t *data, size_t size)
{
    uint32_t lines = 1;
    for (size_t i = 0; i < size; i++) lines += data[i] == '\n';
    return lines;
}

static void check_places(const struct mtr_node *node, uint32_t lines)
{
    MTR_ASSERT(node->line >= 1 && node->line <= lines && node->column >= 1);
    for (uint32_t i = 0; i < node->child_count; i++) {
        MTR_ASSERT(node->kind != MTR_NODE_MAP ||
                   (node->children[i].key.size > 0 && node->children[i].key_line >= 1));
        check_places(&node->children[i], lines);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_document *document = NULL, *again = NULL;
    struct mtr_diagnostic diagnostic;
    struct mtr_buffer json, json_again;
    if (mtr_document_parse((struct mtr_str){(const char *)data, size}, &document, &diagnostic)) {
        MTR_ASSERT(diagnostic.text[0] && diagnostic.line >= 1 &&
                   diagnostic.line <= count_lines(data, size) + 1);
        return 0;
    }
    mtr_buffer_init(&json, 64 << 20);
    mtr_buffer_init(&json_again, 64 << 20);
    check_places(mtr_document_root(document), count_lines(data, size));
    int rc = mtr_node_write_json(mtr_document_root(document), &json);
    MTR_ASSERT(rc == MTR_OK);
    rc = mtr_document_parse(mtr_buffer_str(&json), &again, &diagnostic);
    MTR_ASSERT(rc == MTR_OK);
    rc = mtr_node_write_json(mtr_document_root(again), &json_again);
    MTR_ASSERT(rc == MTR_OK && mtr_str_equal(mtr_buffer_str(&json), mtr_buffer_str(&json_again)));
    mtr_buffer_release(&json);
    mtr_buffer_release(&json_again);
    mtr_document_close(document);
    mtr_document_close(again);
    return 0;
}
