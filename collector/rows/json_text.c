/*
 * Gathering and indexing; see json_text.h.
 */
#include "collector/rows/json_text.h"

#include <stdlib.h>
#include <string.h>

enum { GATHER_BYTES = 128 << 10, TEXT_BYTES_MAX = 4 * MTR_RECORD_BYTES_MAX, CLOSING_BYTES = 2 };

void json_text_init(struct json_text *text, uint32_t gather_bytes)
{
    *text = (struct json_text){.line = 1};
    text->gather_min = text->gather_bytes = gather_bytes ? gather_bytes : GATHER_BYTES;
    mtr_buffer_init(&text->text, TEXT_BYTES_MAX + GATHER_BYTES);
}

void json_text_release(struct json_text *text)
{
    mtr_buffer_release(&text->text);
    free(text->tokens);
}

/* ---- places ---- */

static uint64_t count_lines(const char *data, size_t size)
{
    uint64_t count = 0;
    for (size_t i = 0; i < size; i++) count += data[i] == '\n';
    return count;
}

void json_text_pass(struct json_text *text, size_t at)
{
    const char *from = text->text.data + text->counted;
    const char *last = at > text->counted ? memrchr(from, '\n', at - text->counted) : NULL;
    if (last) {
        text->line += count_lines(from, at - text->counted);
        text->line_offset = text->offset + (uint64_t)(last - text->text.data) + 1;
    }
    if (at > text->counted) text->counted = at;
}

struct mtr_record_place json_text_place(struct json_text *text, size_t at, size_t size)
{
    json_text_pass(text, at);
    const uint64_t offset = text->offset + at;
    return (struct mtr_record_place){.line = text->line,
                                     .column = offset - text->line_offset + 1,
                                     .offset = offset,
                                     .size = size};
}

/* ---- gathering ---- */

/* Bytes of a text that is dropped; its closing quote stands for it with an opening one. */
static int drop_some(struct json_text *text, struct mtr_str *piece)
{
    size_t size = 0;
    while (size < piece->size && (text->drops_escape || piece->data[size] != '"')) {
        text->drops_escape = !text->drops_escape && piece->data[size] == '\\';
        size++;
    }
    text->offset += size;
    piece->data += size;
    piece->size -= size;
    if (!piece->size) return MTR_OK;
    text->is_dropping = false;
    text->offset--; /* of the opening quote, just before the closing one */
    return mtr_buffer_append_char(&text->text, '"');
}

int json_text_gather(struct json_text *text, struct mtr_str *piece, bool *is_due)
{
    int rc = text->is_dropping ? drop_some(text, piece) : MTR_OK;
    const size_t taken = piece->size < GATHER_BYTES ? piece->size : GATHER_BYTES;
    if (!rc) rc = mtr_buffer_append(&text->text, piece->data, taken);
    piece->data += taken;
    piece->size -= taken;
    *is_due = text->text.size >= text->gather_bytes;
    return rc;
}

void json_text_drop(struct json_text *text)
{
    const char *data = text->text.data;
    const size_t size = text->text.size;
    size_t slashes = 0;
    while (slashes + 1 < size && data[size - 1 - slashes] == '\\') slashes++;
    text->drops_escape = slashes % 2;
    text->is_dropping = true;
    text->offset += size;
    text->text.size = text->counted = 0;
}

void json_text_forget(struct json_text *text)
{
    const uint32_t next = *text->cursor.offsets;
    const size_t size = next < text->text.size ? next : text->text.size, left = text->text.size - size;
    json_text_pass(text, size);
    memmove(text->text.data, text->text.data + size, left);
    text->text.size = left;
    text->offset += size;
    text->counted = 0;
    text->gather_bytes = 2 * left > text->gather_min ? 2 * left : text->gather_min;
}

/* ---- the index ---- */

static int keep_index(struct json_text *text, const struct mtr_json_index *index)
{
    if (index->count >= text->token_capacity) {
        uint32_t capacity = index->count + 1 + index->count / 2;
        uint32_t *tokens = realloc(text->tokens, capacity * sizeof(*tokens));
        if (!tokens) return MTR_ENOMEM;
        text->tokens = tokens;
        text->token_capacity = capacity;
    }
    memcpy(text->tokens, index->offsets, (index->count + 1) * sizeof(*text->tokens));
    return MTR_OK;
}

/* A text in quotes that is open at the end is closed behind it, so that there is an index. */
static int index_open(struct json_text *text, size_t size, struct mtr_json_index *index)
{
    char *data = text->text.data;
    char kept[CLOSING_BYTES];
    size_t slashes = 0, closed = size;
    while (slashes < size && data[size - 1 - slashes] == '\\') slashes++;
    memcpy(kept, data + size, CLOSING_BYTES);
    if (slashes % 2) data[closed++] = '\\';
    data[closed++] = '"';
    int rc = json_index_build((struct mtr_str){data, closed}, index);
    memcpy(data + size, kept, CLOSING_BYTES);
    return rc;
}

/* Of a character that is cut in two the first part waits. */
static size_t whole_characters(struct mtr_str text)
{
    for (size_t back = 1; back <= 3 && back <= text.size; back++) {
        const unsigned char byte = (unsigned char)text.data[text.size - back];
        const size_t expected = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        if (byte < 0x80 || byte >= 0xC0) return expected > back ? text.size - back : text.size;
    }
    return text.size;
}

/* *is_open: the last token is the beginning of a text. */
static int index_some(struct json_text *text, size_t size, bool is_last, struct mtr_json_index *index,
                      bool *is_open)
{
    int rc = json_index_build((struct mtr_str){text->text.data, size}, index);
    *is_open = rc == MTR_EINVALID && !is_last;
    return *is_open ? index_open(text, size, index) : rc;
}

/* Why there is no index, and where. Bytes that are no UTF-8 are not the reason: what is taken of a record is
 * looked at by whoever takes it. */
static const char *find_fault(struct mtr_str text, size_t *at)
{
    bool in_string = false, is_escaped = false;
    size_t opened = 0;
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char byte = (unsigned char)text.data[i];
        *at = i;
        if (in_string && byte < 0x20)
            return "control character inside a string (is a quote missing before it?)";
        if (byte == '"' && !is_escaped) {
            in_string = !in_string;
            opened = i;
        }
        is_escaped = !is_escaped && byte == '\\'; /* also outside of a text, where it is a fault anyway */
    }
    *at = in_string ? opened : text.size;
    return in_string ? "string without an end" : "malformed";
}

/* Up to the byte that makes it impossible. */
static int index_to_fault(struct json_text *text, size_t size, struct mtr_json_index *index, bool *is_open)
{
    text->fault = find_fault((struct mtr_str){text->text.data, size}, &text->fault_at);
    int rc = index_some(text, text->fault_at, false, index, is_open);
    if (rc != MTR_EINVALID) return rc;
    static const uint32_t nothing[] = {0};
    *index = (struct mtr_json_index){nothing, 0, false};
    return MTR_OK;
}

/* A token of one byte: its end is known. */
static bool is_sign(char byte)
{
    return byte == '{' || byte == '}' || byte == '[' || byte == ']' || byte == ',' || byte == ':';
}

/* Nothing comes that the last token could go on with. */
static bool ends_with_token(const struct json_text *text, bool is_last)
{
    return is_last || text->fault || is_sign(text->text.data[text->all[-1]]);
}

int json_text_index(struct json_text *text, bool is_last)
{
    struct mtr_json_index index;
    bool is_open = false;
    int rc = text->is_dropping ? mtr_buffer_append_char(&text->text, '"') : MTR_OK; /* it is open */
    if (!rc) rc = mtr_buffer_reserve(&text->text, CLOSING_BYTES);
    if (rc) return rc;
    const size_t start = text->offset == 0 && mtr_str_starts_with(mtr_buffer_str(&text->text),
                                                                  MTR_STR("\xEF\xBB\xBF"))
                             ? 3
                             : 0;
    if (start) memset(text->text.data, ' ', start); /* the byte order mark */
    const size_t size = is_last ? text->text.size : whole_characters(mtr_buffer_str(&text->text));
    rc = index_some(text, size, is_last, &index, &is_open);
    if (rc == MTR_EINVALID) rc = index_to_fault(text, size, &index, &is_open);
    if (!rc) rc = keep_index(text, &index);
    if (rc) return rc;
    index.offsets = text->tokens;
    json_cursor_init(&text->cursor, text->text.data, size, &index);
    text->cursor.is_strict = true;
    text->is_last = is_last && !text->fault;
    text->all = text->tokens + index.count;
    text->whole = text->all - (index.count && (is_open || !ends_with_token(text, is_last)));
    return MTR_OK;
}

const uint32_t *json_text_find_end(const struct json_text *text)
{
    uint32_t depth = 0;
    for (const uint32_t *token = text->cursor.offsets; token < text->all; token++) {
        const char byte = text->text.data[*token] | 0x20; /* [ as {, and ] as } */
        if (byte == '{') depth++;
        if (byte == '}' && --depth == 0) return token;
    }
    return NULL;
}
