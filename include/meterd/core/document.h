/*
 * Documents that people write: YAML 1.1 (libyaml) or JSON, read into one tree that remembers line and column.
 *
 * Refused, with the place: anchors and aliases, tags, duplicate keys, more than one document, NUL bytes,
 * broken UTF-8, nesting deeper than MTR_DOCUMENT_DEPTH_MAX. A plain scalar is what it looks like: null, true,
 * false, a number (kept as text, never a double) or a string; quoted scalars are strings. The tree owns all
 * its memory and is immutable.
 */
#ifndef METERD_CORE_DOCUMENT_H
#define METERD_CORE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

enum mtr_node_kind {
    MTR_NODE_NULL,
    MTR_NODE_BOOL,
    MTR_NODE_NUMBER,
    MTR_NODE_STRING,
    MTR_NODE_LIST,
    MTR_NODE_MAP
};

struct mtr_node {
    enum mtr_node_kind kind;
    uint32_t line;      /* from 1 */
    uint32_t column;    /* from 1 */
    struct mtr_str key; /* when the parent is a map: its key; else empty */
    uint32_t key_line, key_column;
    struct mtr_str text; /* of scalars, as written (unquoted) */
    bool truth;          /* of BOOL */
    uint32_t child_count;
    const struct mtr_node *children; /* of LIST and MAP, in the order written */
};

struct mtr_document;

/* Reads `text` (borrowed during the call only). On failure *diagnostic says what and where. Errors:
 * MTR_EINVALID, MTR_ELIMIT, MTR_ENOMEM. */
int mtr_document_parse(struct mtr_str text, struct mtr_document **out,
                       struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* The same of what a daemon answered, which is JSON and may be longer than what anybody writes: MTR_ELIMIT
 * beyond MTR_ANSWER_BYTES_MAX. */
enum { MTR_ANSWER_BYTES_MAX = 1 << 30 };
int mtr_document_parse_answer(struct mtr_str text, struct mtr_document **out,
                              struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_document_close(struct mtr_document *document);
/* Never NULL; an empty text is a NULL node. */
const struct mtr_node *mtr_document_root(const struct mtr_document *document);

/* The child of that key in a map, or NULL (also when node is no map). */
const struct mtr_node *mtr_node_get(const struct mtr_node *node, const char *key);
/* The text of that child when it is a scalar other than null; else {NULL, 0}. */
struct mtr_str mtr_node_text(const struct mtr_node *node, const char *key);

/* The node as JSON (compact, keys in the order written, numbers as written): what the API returns and what
 * is hashed. */
int mtr_node_write_json(const struct mtr_node *node, struct mtr_buffer *out) MTR_MUST_USE;
/* The node as YAML for people; reads back as the same tree. */
int mtr_node_write_yaml(const struct mtr_node *node, struct mtr_buffer *out) MTR_MUST_USE;

#endif
