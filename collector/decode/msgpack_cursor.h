/*
 * Reading msgpack by hand: one token at a time, nothing copied, nothing allocated.
 *
 * msgpack-c builds a tree of objects in a zone first (114 ns for a map of 5 fields); usage events need each
 * value once, in order. Every read is checked against the end; a token that is cut or unknown stops the
 * cursor (`fault`, and `at` stands on its first byte).
 */
#ifndef METERD_COLLECTOR_DECODE_MSGPACK_CURSOR_H
#define METERD_COLLECTOR_DECODE_MSGPACK_CURSOR_H

#include <stdint.h>

#include "collector/decode/draft.h"

enum { MTR_MSGPACK_SKIP_DEPTH_MAX = 64 };

struct mtr_msgpack_cursor {
    const uint8_t *begin;
    const uint8_t *at;
    const uint8_t *end;
    const char *fault; /* NULL while all is well */
};

enum mtr_msgpack_kind { MTR_MSGPACK_SCALAR, MTR_MSGPACK_LIST, MTR_MSGPACK_MAP };

struct mtr_msgpack_token {
    enum mtr_msgpack_kind kind;
    uint32_t count;         /* of LIST: items; of MAP: pairs */
    struct mtr_value value; /* of SCALAR; floats, bin and ext come as REFUSED */
};

int msgpack_fail(struct mtr_msgpack_cursor *cursor, const char *fault); /* MTR_EINVALID */
/* One scalar, or the head of a list or map. */
int msgpack_read(struct mtr_msgpack_cursor *cursor, struct mtr_msgpack_token *token) MTR_MUST_USE;
/* Over the items of the list or map whose head was read. *depth: levels, 1 when flat. */
int msgpack_skip_items(struct mtr_msgpack_cursor *cursor, const struct mtr_msgpack_token *head,
                           uint8_t *depth) MTR_MUST_USE;
/* Any value; lists and maps are read over and come as NESTED. */
int msgpack_value_read(struct mtr_msgpack_cursor *cursor, struct mtr_value *value) MTR_MUST_USE;

#endif
