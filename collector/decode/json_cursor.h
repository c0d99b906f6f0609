/*
 * A strict reader over the index of a JSON text: tokens, strings, scalars, and skipping with a bounded depth.
 *
 * Grammar faults stop the cursor for good (`fault` and `fault_offset` say what and where); faults inside one
 * scalar are values of kind REFUSED, so that the event around it can be named. Strings with escapes are
 * unescaped in place: the text must be writable and is the request's own.
 */
#ifndef METERD_COLLECTOR_DECODE_JSON_CURSOR_H
#define METERD_COLLECTOR_DECODE_JSON_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/decode/draft.h"
#include "collector/decode/json_index.h"

/* Deeper than this even inside an ignored value, and the text is not worth reading on. */
enum { MTR_JSON_SKIP_DEPTH_MAX = 64 };

struct mtr_json_cursor {
    char *text;
    const uint32_t *offsets; /* of the next token */
    uint32_t end;            /* no token at or after this byte */
    bool utf8_checked;       /* the index found the whole text well formed */
    bool has_escapes;        /* some byte of the text is a backslash */
    bool is_strict;          /* a word or number that JSON does not have is a fault, and no refused value */
    const char *fault;       /* NULL while all is well */
    uint32_t fault_offset;
};

enum { MTR_JSON_END = -1 };

void json_cursor_init(struct mtr_json_cursor *cursor, char *text, size_t size,
                      const struct mtr_json_index *index);

/* The first byte of the next token, or MTR_JSON_END. */
static inline int json_cursor_peek(const struct mtr_json_cursor *cursor)
{
    uint32_t offset = *cursor->offsets;
    return offset < cursor->end ? (unsigned char)cursor->text[offset] : MTR_JSON_END;
}

int json_cursor_fail(struct mtr_json_cursor *cursor, const char *fault); /* at the next token; MTR_EINVALID */
int json_cursor_expect(struct mtr_json_cursor *cursor, char token, const char *fault) MTR_MUST_USE;
/* A name and its colon. A name with a broken escape is given raw, *refused says why (else NULL). */
int json_cursor_name_read(struct mtr_json_cursor *cursor, struct mtr_str *name,
                          const char **refused) MTR_MUST_USE;
/* Any value; maps and lists are read over and come as NESTED. */
int json_cursor_value_read(struct mtr_json_cursor *cursor, struct mtr_value *value) MTR_MUST_USE;
/* After an item of a map or list: true when ',' stood there and another follows, false at `closing`. */
int json_cursor_more(struct mtr_json_cursor *cursor, char closing, bool *more) MTR_MUST_USE;

#endif
