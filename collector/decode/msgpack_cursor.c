/*
 * msgpack tokens. Sizes and counts come from strangers: a size is compared with what is left before it is
 * used, a count is only ever a loop bound whose every turn needs a byte.
 */
#include "collector/decode/msgpack_cursor.h"

#include <string.h>

static const char reason_float[] = "binary floats are not exact: send it as a decimal string or an integer";
static const char reason_binary[] = "binary and extension values are not understood: send text or a number";

int msgpack_fail(struct mtr_msgpack_cursor *cursor, const char *fault)
{
    if (!cursor->fault) cursor->fault = fault;
    return MTR_EINVALID;
}

static size_t left(const struct mtr_msgpack_cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* Big-endian number of 1, 2, 4 or 8 bytes behind the token's first byte; the caller has checked that they
 * are there. */
static uint64_t big_endian(const uint8_t *p, unsigned bytes)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (bytes) {
    case 1: return *p;
    case 2: memcpy(&two, p, 2); return __builtin_bswap16(two);
    case 4: memcpy(&four, p, 4); return __builtin_bswap32(four);
    default: memcpy(&eight, p, 8); return __builtin_bswap64(eight);
    }
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "big_endian swaps bytes");

static int take_text(struct mtr_msgpack_cursor *cursor, size_t head_bytes, uint64_t size,
                     struct mtr_value *value)
{
    if (size > left(cursor) - head_bytes) return msgpack_fail(cursor, "text ends too early");
    value->kind = MTR_VALUE_TEXT;
    value->utf8_checked = false;
    value->text = (struct mtr_str){(const char *)cursor->at + head_bytes, (size_t)size};
    cursor->at += head_bytes + size;
    return MTR_OK;
}

static int take_refused(struct mtr_msgpack_cursor *cursor, size_t head_bytes, uint64_t size,
                        const char *reason, struct mtr_value *value)
{
    if (size > left(cursor) - head_bytes) return msgpack_fail(cursor, "value ends too early");
    value->kind = MTR_VALUE_REFUSED;
    value->reason = reason;
    cursor->at += head_bytes + size;
    return MTR_OK;
}

static int take_plain(struct mtr_msgpack_cursor *cursor, size_t bytes, enum mtr_value_kind kind,
                      struct mtr_value *value)
{
    value->kind = kind;
    cursor->at += bytes;
    return MTR_OK;
}

static int take_integer(struct mtr_msgpack_cursor *cursor, size_t bytes, mtr_int128 integer,
                        struct mtr_value *value)
{
    value->integer = integer;
    return take_plain(cursor, bytes, MTR_VALUE_INTEGER, value);
}

static int take_head(struct mtr_msgpack_cursor *cursor, size_t bytes, enum mtr_msgpack_kind kind,
                     uint64_t count, struct mtr_msgpack_token *token)
{
    token->kind = kind;
    token->count = (uint32_t)count;
    cursor->at += bytes;
    return MTR_OK;
}

static int64_t sign_extend(uint64_t number, unsigned bytes)
{
    unsigned shift = 64 - 8 * bytes;
    return (int64_t)(number << shift) >> shift;
}

/* Bytes of the number behind first bytes 0xc0 … 0xdf: an integer, or the size or count of what follows. */
static const uint8_t number_bytes[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8,
                                         1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};

static int read_wide(struct mtr_msgpack_cursor *cursor, struct mtr_msgpack_token *token)
{
    uint8_t first = *cursor->at;
    unsigned bytes = number_bytes[first - 0xc0];
    struct mtr_value *value = &token->value;
    if (left(cursor) < 1 + (size_t)bytes) return msgpack_fail(cursor, "value ends too early");
    uint64_t number = bytes ? big_endian(cursor->at + 1, bytes) : 0;
    size_t head = 1 + (size_t)bytes;
    switch (first) {
    case 0xc0: return take_plain(cursor, head, MTR_VALUE_NULL, value);
    case 0xc2: return take_plain(cursor, head, MTR_VALUE_FALSE, value);
    case 0xc3: return take_plain(cursor, head, MTR_VALUE_TRUE, value);
    case 0xc4: case 0xc5: case 0xc6: return take_refused(cursor, head, number, reason_binary, value);
    case 0xc7: case 0xc8: case 0xc9: return take_refused(cursor, head, number + 1, reason_binary, value);
    case 0xca: case 0xcb: return take_refused(cursor, head, 0, reason_float, value);
    case 0xcc: case 0xcd: case 0xce: case 0xcf: return take_integer(cursor, head, (mtr_int128)number, value);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: return take_integer(cursor, head, sign_extend(number, bytes), value);
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
        return take_refused(cursor, head, 1 + (UINT64_C(1) << (first - 0xd4)), reason_binary, value);
    case 0xd9: case 0xda: case 0xdb: return take_text(cursor, head, number, value);
    case 0xdc: case 0xdd: return take_head(cursor, head, MTR_MSGPACK_LIST, number, token);
    case 0xde: case 0xdf: return take_head(cursor, head, MTR_MSGPACK_MAP, number, token);
    default: return msgpack_fail(cursor, "byte 0xc1 is never used");
    }
}

int msgpack_read(struct mtr_msgpack_cursor *cursor, struct mtr_msgpack_token *token)
{
    if (cursor->at == cursor->end) return msgpack_fail(cursor, "the text ends too early");
    uint8_t first = *cursor->at;
    token->kind = MTR_MSGPACK_SCALAR;
    if (first >= 0xa0 && first <= 0xbf) return take_text(cursor, 1, first & 0x1f, &token->value);
    if (first <= 0x7f) return take_integer(cursor, 1, first, &token->value);
    if (first >= 0xe0) return take_integer(cursor, 1, (int8_t)first, &token->value);
    if (first <= 0x8f) return take_head(cursor, 1, MTR_MSGPACK_MAP, first & 0x0f, token);
    if (first <= 0x9f) return take_head(cursor, 1, MTR_MSGPACK_LIST, first & 0x0f, token);
    return read_wide(cursor, token);
}

static uint64_t items(const struct mtr_msgpack_token *head)
{
    return head->kind == MTR_MSGPACK_MAP ? (uint64_t)head->count * 2 : head->count;
}

int msgpack_skip_items(struct mtr_msgpack_cursor *cursor, const struct mtr_msgpack_token *head,
                           uint8_t *depth)
{
    uint64_t pending[MTR_MSGPACK_SKIP_DEPTH_MAX];
    unsigned level = 0;
    pending[0] = items(head);
    *depth = 1;
    for (;;) {
        if (pending[level] == 0) {
            if (level == 0) return MTR_OK;
            level--;
            continue;
        }
        struct mtr_msgpack_token token;
        pending[level]--;
        int rc = msgpack_read(cursor, &token);
        if (rc) return rc;
        if (token.kind == MTR_MSGPACK_SCALAR) continue;
        if (level + 1 == MTR_MSGPACK_SKIP_DEPTH_MAX)
            return msgpack_fail(cursor, "nested deeper than 64 levels");
        pending[++level] = items(&token);
        if (level + 1 > *depth) *depth = (uint8_t)(level + 1);
    }
}

int msgpack_value_read(struct mtr_msgpack_cursor *cursor, struct mtr_value *value)
{
    struct mtr_msgpack_token token;
    int rc = msgpack_read(cursor, &token);
    if (rc) return rc;
    if (token.kind == MTR_MSGPACK_SCALAR) {
        *value = token.value;
        return MTR_OK;
    }
    value->kind = MTR_VALUE_NESTED;
    return msgpack_skip_items(cursor, &token, &value->depth);
}
