/*
 * Reading msgpack with msgpack-c's parser: one token at a time, nothing copied, nothing allocated.
 *
 * The parser is the library's (msgpack/unpack_template.h, which its own trees are made with); what a token
 * becomes is ours. A tree of objects would cost more than all the rest of decoding, and its memory follows
 * the counts that a sender wrote. Here a count is a number until its items are read, one by one.
 *
 * Every read is checked against the end; a token that is cut or unknown stops the cursor (`fault`, and `at`
 * stands on its first byte). Values borrow from the text. One thread at a time.
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
/* Over the items of the list or map whose head was read. token->value becomes NESTED, with its depth. */
int msgpack_read_over(struct mtr_msgpack_cursor *cursor, struct mtr_msgpack_token *token) MTR_MUST_USE;
/* One value as a whole: token->value is filled whatever the kind; lists and maps are read over. */
int msgpack_read_value(struct mtr_msgpack_cursor *cursor, struct mtr_msgpack_token *token) MTR_MUST_USE;

#endif
