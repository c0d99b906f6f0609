/*
 * Builds the tree of core/document.h from the events of a reader (YAML or JSON). Private to lib/core.
 *
 * Both readers call the same six functions, so limits, duplicate keys and the meaning of plain scalars are
 * decided in one place. The first error sticks in *diagnostic; every function then returns its code.
 */
#ifndef METERD_LIB_CORE_DOCUMENT_DOCUMENT_BUILDER_H
#define METERD_LIB_CORE_DOCUMENT_DOCUMENT_BUILDER_H

#include "meterd/core/arena.h"
#include "meterd/core/document.h"
#include "meterd/core/limits.h"

struct mtr_place {
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1, bytes */
    size_t offset;   /* bytes into the text */
};

struct mtr_document_frame {
    struct mtr_node node; /* the open list or map */
    uint32_t first;       /* index of its first child in `pending` */
};

struct mtr_document_builder {
    struct mtr_arena *arena;           /* borrowed; owns what the tree points to */
    struct mtr_diagnostic *diagnostic; /* borrowed */
    struct mtr_node *pending;          /* finished children of all open containers; then the root alone */
    uint32_t pending_count, pending_capacity;
    struct mtr_document_frame frames[MTR_DOCUMENT_DEPTH_MAX];
    unsigned depth;
    uint32_t node_count, nodes_max;
    struct mtr_str key; /* of the next value in a map */
    struct mtr_place key_place;
    bool has_key;
};

void document_builder_init(struct mtr_document_builder *builder, struct mtr_arena *arena, uint32_t nodes_max,
                           struct mtr_diagnostic *diagnostic);
void document_builder_release(struct mtr_document_builder *builder);

int document_builder_open(struct mtr_document_builder *builder, enum mtr_node_kind kind,
                          struct mtr_place place) MTR_MUST_USE;
int document_builder_close(struct mtr_document_builder *builder) MTR_MUST_USE;
bool document_builder_wants_key(const struct mtr_document_builder *builder);
int document_builder_key(struct mtr_document_builder *builder, struct mtr_str text,
                         struct mtr_place place) MTR_MUST_USE;
/* `plain`: written without quotes, so it may mean null, true, false or a number. */
int document_builder_scalar(struct mtr_document_builder *builder, struct mtr_str text, bool plain,
                            struct mtr_place place) MTR_MUST_USE;

/* MTR_EINVALID with the code, the sentence and its place. */
int document_builder_fail(struct mtr_document_builder *builder, enum mtr_finding_code code,
                          struct mtr_place place, const char *format, ...) MTR_PRINTF(4, 5) MTR_MUST_USE;

/* Does text follow the number grammar of RFC 8259 §6? */
bool document_is_number(struct mtr_str text);
/* Sets kind and truth of a node by what its text, written without quotes, means. */
void document_resolve_plain(struct mtr_node *node);

int document_read_yaml(struct mtr_document_builder *builder, struct mtr_str text) MTR_MUST_USE;
int document_read_json(struct mtr_document_builder *builder, struct mtr_str text) MTR_MUST_USE;

#endif
