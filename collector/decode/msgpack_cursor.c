/*
 * msgpack tokens. Sizes and counts come from strangers: a size is compared with what is left before it is
 * used, a count is only ever a loop bound whose every turn needs a byte.
 *
 *   msgpack_read ──▶ parser_execute (msgpack-c) ──▶ on_str, on_uint64, on_array … fill the token
 *
 * The head of a list or map ends the parser, so its stack stays empty: nesting is msgpack_read_over's.
 */
#include "collector/decode/msgpack_cursor.h"

#define MSGPACK_EMBED_STACK_SIZE 1
#include <msgpack/unpack.h>
#include <msgpack/unpack_define.h>

static const char reason_float[] = "binary floats are not exact: send it as a decimal string or an integer";
static const char reason_binary[] = "binary and extension values are not understood: send text or a number";
static const char fault_cut[] = "value ends too early";

int msgpack_fail(struct mtr_msgpack_cursor *cursor, const char *fault)
{
    if (!cursor->fault) cursor->fault = fault;
    return MTR_EINVALID;
}

/* ---- what msgpack-c's parser calls ---- */

enum { TOKEN_READ = 1, HEAD_READ = -100 }; /* the parser's own outcome, and ours, which is none of its */

struct reading {
    struct mtr_msgpack_token *token;
    const char *fault; /* found by us, not by the parser */
};

typedef char no_object; /* what the parser keeps of a value: nothing, the token has it */

static int take(struct reading *reading, enum mtr_value_kind kind)
{
    reading->token->kind = MTR_MSGPACK_SCALAR;
    reading->token->value.kind = kind;
    return 0;
}

static int take_integer(struct reading *reading, mtr_int128 integer)
{
    reading->token->value.integer = integer;
    return take(reading, MTR_VALUE_INTEGER);
}

static int take_refused(struct reading *reading, enum mtr_finding_code finding, const char *reason)
{
    reading->token->value.finding = finding;
    reading->token->value.reason = reason;
    return take(reading, MTR_VALUE_REFUSED);
}

static int take_head(struct reading *reading, enum mtr_msgpack_kind kind, uint32_t count)
{
    reading->token->kind = kind;
    reading->token->count = count;
    return HEAD_READ;
}

#define ON_PLAIN(name, kind)                                                                                 \
    static int on_##name(struct reading *reading, no_object *object)                                         \
    {                                                                                                        \
        (void)object;                                                                                        \
        return take(reading, kind);                                                                          \
    }
ON_PLAIN(nil, MTR_VALUE_NULL)
ON_PLAIN(true, MTR_VALUE_TRUE)
ON_PLAIN(false, MTR_VALUE_FALSE)

#define ON_NUMBER(name, type, taken)                                                                         \
    static int on_##name(struct reading *reading, type number, no_object *object)                            \
    {                                                                                                        \
        (void)number, (void)object;                                                                          \
        return taken;                                                                                        \
    }
ON_NUMBER(uint8, uint8_t, take_integer(reading, number))
ON_NUMBER(uint16, uint16_t, take_integer(reading, number))
ON_NUMBER(uint32, uint32_t, take_integer(reading, number))
ON_NUMBER(uint64, uint64_t, take_integer(reading, number))
ON_NUMBER(int8, int8_t, take_integer(reading, number))
ON_NUMBER(int16, int16_t, take_integer(reading, number))
ON_NUMBER(int32, int32_t, take_integer(reading, number))
ON_NUMBER(int64, int64_t, take_integer(reading, number))
ON_NUMBER(float, float, take_refused(reading, MTR_FINDING_EVENT_FIELD_NUMBER, reason_float))
ON_NUMBER(double, double, take_refused(reading, MTR_FINDING_EVENT_FIELD_NUMBER, reason_float))
ON_NUMBER(array, unsigned, take_head(reading, MTR_MSGPACK_LIST, number))
ON_NUMBER(map, unsigned, take_head(reading, MTR_MSGPACK_MAP, number))

static int take_text(struct reading *reading, const char *text, size_t size)
{
    reading->token->value.utf8_checked = false;
    reading->token->value.text = (struct mtr_str){text, size};
    return take(reading, MTR_VALUE_TEXT);
}

/* The size counts the byte of the type. 0 is an ext 32 of 2^32 - 1 bytes, whose sum goes round in the parser
 * of msgpack-c 4.0: it would go on as if nothing followed. No body is as long as that. */
static int take_extension(struct reading *reading, size_t size)
{
    if (size) return take_refused(reading, MTR_FINDING_EVENT_FIELD_KIND, reason_binary);
    reading->fault = fault_cut;
    return MSGPACK_UNPACK_PARSE_ERROR;
}

#define ON_BYTES(name, taken)                                                                                \
    static int on_##name(struct reading *reading, const char *begin, const char *bytes, size_t size,         \
                         no_object *object)                                                                  \
    {                                                                                                        \
        (void)begin, (void)bytes, (void)size, (void)object;                                                  \
        return taken;                                                                                        \
    }
ON_BYTES(str, take_text(reading, bytes, size))
ON_BYTES(bin, take_refused(reading, MTR_FINDING_EVENT_FIELD_KIND, reason_binary))
ON_BYTES(ext, take_extension(reading, size))

static no_object on_root(struct reading *reading)
{
    (void)reading;
    return 0;
}

/* Never called: no list and no map is begun. */
static int on_array_item(struct reading *reading, no_object *list, no_object item)
{
    (void)reading, (void)list, (void)item;
    return MSGPACK_UNPACK_PARSE_ERROR;
}

static int on_map_item(struct reading *reading, no_object *map, no_object key, no_object item)
{
    (void)reading, (void)map, (void)key, (void)item;
    return MSGPACK_UNPACK_PARSE_ERROR;
}

#define msgpack_unpack_struct(name) struct parser##name
#define msgpack_unpack_func(type, name) static inline type parser##name
#define msgpack_unpack_callback(name) on##name
#define msgpack_unpack_object no_object
#define msgpack_unpack_user struct reading
#include <msgpack/unpack_template.h>

/* ---- the cursor ---- */

/* Why the parser stopped: at the end, at a value that is cut, or at the one byte that msgpack never uses. */
static const char *parser_fault(const struct parser_context *parser, int outcome)
{
    if (parser->user.fault) return parser->user.fault;
    if (outcome < 0) return "byte 0xc1 is never used";
    if (parser->cs == MSGPACK_CS_HEADER) return "the text ends too early";
    return parser->cs == MSGPACK_ACS_STR_VALUE ? "text ends too early" : fault_cut;
}

int msgpack_read(struct mtr_msgpack_cursor *cursor, struct mtr_msgpack_token *token)
{
    const uint8_t *at = cursor->at;
    size_t left = (size_t)(cursor->end - at), size = 0;
    struct parser_context parser = {.user = {token, NULL}};
    parser_init(&parser);
    int outcome = parser_execute(&parser, (const char *)at, left, &size);
    if (outcome != TOKEN_READ && outcome != HEAD_READ)
        return msgpack_fail(cursor, parser_fault(&parser, outcome));
    cursor->at = at + (outcome == HEAD_READ ? size + 1 : size); /* a hook's refusal leaves the last byte */
    return MTR_OK;
}

static uint64_t items(const struct mtr_msgpack_token *head)
{
    return head->kind == MTR_MSGPACK_MAP ? (uint64_t)head->count * 2 : head->count;
}

int msgpack_read_over(struct mtr_msgpack_cursor *cursor, struct mtr_msgpack_token *token)
{
    uint64_t pending[MTR_MSGPACK_SKIP_DEPTH_MAX];
    unsigned level = 0;
    pending[0] = items(token);
    token->value.kind = MTR_VALUE_NESTED;
    token->value.depth = 1;
    for (;;) {
        if (pending[level] == 0) {
            if (level == 0) return MTR_OK;
            level--;
            continue;
        }
        struct mtr_msgpack_token item;
        pending[level]--;
        int rc = msgpack_read(cursor, &item);
        if (rc) return rc;
        if (item.kind == MTR_MSGPACK_SCALAR) continue;
        if (level + 1 == MTR_MSGPACK_SKIP_DEPTH_MAX)
            return msgpack_fail(cursor, "nested deeper than 64 levels");
        pending[++level] = items(&item);
        if (level + 1 > token->value.depth) token->value.depth = (uint8_t)(level + 1);
    }
}

int msgpack_read_value(struct mtr_msgpack_cursor *cursor, struct mtr_msgpack_token *token)
{
    int rc = msgpack_read(cursor, token);
    return rc || token->kind == MTR_MSGPACK_SCALAR ? rc : msgpack_read_over(cursor, token);
}
