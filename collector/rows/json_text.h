/*
 * The text of a JSON document as it comes, and the index of what of it is there.
 *
 * Pieces are gathered, indexed together, and read token by token; what was read is forgotten, and what is
 * left is the beginning of a token, or whatever its reader wants to have whole. The index is made so that a
 * piece may end anywhere: of a text in quotes that is open at the end only the first byte is a token. A
 * text that is longer than what is kept is dropped but for its quotes, once its reader does not want it.
 *
 * One thread; nothing is shared with other indexes.
 */
#ifndef METERD_COLLECTOR_ROWS_JSON_TEXT_H
#define METERD_COLLECTOR_ROWS_JSON_TEXT_H

#include "collector/decode/json_cursor.h"
#include "meterd/collector/record_reader.h"
#include "meterd/core/buffer.h"

struct json_text {
    struct mtr_buffer text;
    uint64_t offset; /* of its first byte, of all that came */
    size_t gather_min, gather_bytes;
    uint32_t *tokens; /* offsets of them, then the size; owned */
    uint32_t token_capacity;
    struct mtr_json_cursor cursor;    /* at the next token */
    const uint32_t *whole, *all;      /* behind the last token whose end is there; behind the last one */
    bool is_last;                     /* nothing comes behind the tokens */
    const char *fault;                /* why the text cannot be indexed further; NULL: it can */
    size_t fault_at;
    bool is_dropping, drops_escape;   /* inside of a text that is dropped; behind a backslash in it */
    /* The line of a place in the text, counted so far. */
    uint64_t line, line_offset;       /* from 1; of its first byte */
    size_t counted;
};

void json_text_init(struct json_text *text, uint32_t gather_bytes);
void json_text_release(struct json_text *text);
/* Takes of the piece what is gathered before the next reading; *piece is what is left of it. *is_due: it is
 * indexed, and read now. MTR_ENOMEM. */
int json_text_gather(struct json_text *text, struct mtr_str *piece, bool *is_due) MTR_MUST_USE;
/* All has come. MTR_ENOMEM. */
int json_text_index(struct json_text *text, bool is_last) MTR_MUST_USE;
/* Forgets what is before the cursor. */
void json_text_forget(struct json_text *text);
/* The beginning of a text is all there is, and it is longer than what is kept: drops it. */
void json_text_drop(struct json_text *text);
/* Is the next token there as a whole? */
static inline bool json_text_has_token(const struct json_text *text)
{
    return text->cursor.offsets < text->whole;
}
/* The token that closes the map or list that is next; NULL: it is not there. */
const uint32_t *json_text_find_end(const struct json_text *text);
/* Where a byte of the text stands; places are asked for in their order, and of what is unescaped in its place
 * before it is. */
struct mtr_record_place json_text_place(struct json_text *text, size_t at, size_t size);
/* What is up to there is counted. */
void json_text_pass(struct json_text *text, size_t at);

#endif
