/*
 * JSON writer: punctuation from a stack of open maps and lists, escapes by RFC 8259.
 *
 * Invariant: after the first error nothing is written any more. Misuse (a value without a name in a map, a
 * wrong end) is broken code and asserts. It does not indent, sort or check for duplicate names.
 */
#include "meterd/core/json_writer.h"

#include <string.h>

#include "meterd/core/time.h"

void mtr_json_begin(struct mtr_json_writer *writer, struct mtr_buffer *out)
{
    *writer = (struct mtr_json_writer){.out = out};
}

int mtr_json_finish(struct mtr_json_writer *writer)
{
    if (writer->error) return writer->error;
    MTR_ASSERT(writer->depth == 0 && !writer->after_name);
    return MTR_OK;
}

void mtr_json_hand_over(struct mtr_json_writer *writer, size_t piece_bytes, int (*on_piece)(void *context),
                        void *context)
{
    writer->piece_bytes = piece_bytes;
    writer->on_piece = on_piece;
    writer->piece_context = context;
}

static void put(struct mtr_json_writer *writer, const char *data, size_t size)
{
    if (!writer->error) writer->error = mtr_buffer_append(writer->out, data, size);
}

static void put_char(struct mtr_json_writer *writer, char character)
{
    put(writer, &character, 1);
}

/* The comma before an item of the innermost map or list. */
static void separate(struct mtr_json_writer *writer)
{
    if (writer->depth == 0) return;
    bool *has_item = &writer->has_item[writer->depth - 1];
    if (*has_item) put_char(writer, ',');
    *has_item = true;
    if (writer->on_piece && !writer->error && writer->out->size >= writer->piece_bytes)
        writer->error = writer->on_piece(writer->piece_context);
}

static bool start_value(struct mtr_json_writer *writer)
{
    if (writer->error) return false;
    bool in_map = writer->depth > 0 && writer->is_map[writer->depth - 1];
    MTR_ASSERT(in_map == writer->after_name);
    if (!writer->after_name) separate(writer);
    writer->after_name = false;
    return true;
}

static void open_level(struct mtr_json_writer *writer, bool is_map)
{
    if (!start_value(writer)) return;
    MTR_ASSERT(writer->depth < MTR_JSON_DEPTH_MAX);
    writer->has_item[writer->depth] = false;
    writer->is_map[writer->depth] = is_map;
    writer->depth++;
    put_char(writer, is_map ? '{' : '[');
}

static void close_level(struct mtr_json_writer *writer, bool is_map)
{
    if (writer->error) return;
    MTR_ASSERT(writer->depth > 0 && writer->is_map[writer->depth - 1] == is_map && !writer->after_name);
    writer->depth--;
    put_char(writer, is_map ? '}' : ']');
}

void mtr_json_map(struct mtr_json_writer *writer)
{
    open_level(writer, true);
}

void mtr_json_map_end(struct mtr_json_writer *writer)
{
    close_level(writer, true);
}

void mtr_json_list(struct mtr_json_writer *writer)
{
    open_level(writer, false);
}

void mtr_json_list_end(struct mtr_json_writer *writer)
{
    close_level(writer, false);
}

/* Size of the well-formed UTF-8 sequence at the start of text (which is not empty), or 0. */
static size_t sequence_size(struct mtr_str text)
{
    for (size_t size = 1; size <= 4 && size <= text.size; size++)
        if (mtr_str_is_utf8((struct mtr_str){text.data, size})) return size;
    return 0;
}

static void put_escape(struct mtr_json_writer *writer, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_escapes[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char letter = byte < 0x20 ? short_escapes[byte] : (char)byte;
    if (letter)
        put(writer, (char[]){'\\', letter}, 2);
    else
        put(writer, (char[]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
}

/* Bytes that go out as they are, eight at a time: no control character, no quote or backslash, and nothing
 * beyond ASCII. */
static size_t plain_words(struct mtr_str text, size_t from)
{
    static const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    size_t at = from;
    for (uint64_t word; text.size - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, text.data + at, sizeof(word));
        const uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
        if ((word | (word - ones * 0x20) | (quote - ones) | (slash - ones)) & high) break;
    }
    return at - from;
}

static void put_string(struct mtr_json_writer *writer, struct mtr_str text)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    bool is_utf8 = mtr_str_is_utf8(text);
    size_t run = 0; /* start of bytes that go out as they are */
    put_char(writer, '"');
    for (size_t i = 0; i < text.size;) {
        i += plain_words(text, i);
        if (i == text.size) break;
        unsigned char byte = (unsigned char)text.data[i];
        bool escaped = byte < 0x20 || byte == '"' || byte == '\\';
        size_t size = escaped || is_utf8 || byte < 0x80
                          ? 1
                          : sequence_size((struct mtr_str){text.data + i, text.size - i});
        if (!escaped && size > 0) {
            i += size;
            continue;
        }
        put(writer, text.data + run, i - run);
        if (escaped)
            put_escape(writer, byte);
        else
            put(writer, replacement, sizeof(replacement) - 1);
        run = ++i;
    }
    if (run < text.size) put(writer, text.data + run, text.size - run);
    put_char(writer, '"');
}

void mtr_json_name_text(struct mtr_json_writer *writer, struct mtr_str name)
{
    if (writer->error) return;
    MTR_ASSERT(writer->depth > 0 && writer->is_map[writer->depth - 1] && !writer->after_name);
    separate(writer);
    put_string(writer, name);
    put_char(writer, ':');
    writer->after_name = true;
}

void mtr_json_name(struct mtr_json_writer *writer, const char *name)
{
    mtr_json_name_text(writer, mtr_str_from(name));
}

void mtr_json_text(struct mtr_json_writer *writer, struct mtr_str text)
{
    if (start_value(writer)) put_string(writer, text);
}

void mtr_json_cstr(struct mtr_json_writer *writer, const char *text)
{
    mtr_json_text(writer, mtr_str_from(text));
}

static void put_u64(struct mtr_json_writer *writer, uint64_t value)
{
    char digits[20];
    char *end = digits + sizeof(digits), *p = end;
    do *--p = (char)('0' + value % 10);
    while (value /= 10);
    put(writer, p, (size_t)(end - p));
}

void mtr_json_u64(struct mtr_json_writer *writer, uint64_t value)
{
    if (start_value(writer)) put_u64(writer, value);
}

void mtr_json_bool(struct mtr_json_writer *writer, bool value)
{
    if (start_value(writer)) put(writer, value ? "true" : "false", value ? 4 : 5);
}

void mtr_json_null(struct mtr_json_writer *writer)
{
    if (start_value(writer)) put(writer, "null", 4);
}

void mtr_json_quantity(struct mtr_json_writer *writer, struct mtr_quantity value)
{
    char text[MTR_DECIMAL_TEXT_BYTES];
    int size = mtr_quantity_format(value, text);
    mtr_json_text(writer, (struct mtr_str){text, (size_t)size});
}

void mtr_json_money(struct mtr_json_writer *writer, struct mtr_money value, unsigned digits_min)
{
    char text[MTR_DECIMAL_TEXT_BYTES];
    int size = mtr_money_format_min(value, digits_min, text);
    mtr_json_text(writer, (struct mtr_str){text, (size_t)size});
}

void mtr_json_time(struct mtr_json_writer *writer, int64_t time_us)
{
    char text[MTR_TIME_TEXT_BYTES];
    int size = mtr_time_format(time_us, text);
    mtr_json_text(writer, (struct mtr_str){text, (size_t)size});
}

void mtr_json_raw(struct mtr_json_writer *writer, struct mtr_str json)
{
    if (start_value(writer)) put(writer, json.data, json.size);
}

void mtr_json_named_text(struct mtr_json_writer *writer, const char *name, struct mtr_str text)
{
    mtr_json_name(writer, name);
    mtr_json_text(writer, text);
}

void mtr_json_named_cstr(struct mtr_json_writer *writer, const char *name, const char *text)
{
    mtr_json_name(writer, name);
    mtr_json_cstr(writer, text);
}

void mtr_json_named_u64(struct mtr_json_writer *writer, const char *name, uint64_t value)
{
    mtr_json_name(writer, name);
    mtr_json_u64(writer, value);
}

void mtr_json_named_bool(struct mtr_json_writer *writer, const char *name, bool value)
{
    mtr_json_name(writer, name);
    mtr_json_bool(writer, value);
}

void mtr_json_named_money(struct mtr_json_writer *writer, const char *name, struct mtr_money value,
                          unsigned digits_min)
{
    mtr_json_name(writer, name);
    mtr_json_money(writer, value, digits_min);
}

void mtr_json_named_time(struct mtr_json_writer *writer, const char *name, int64_t time_us)
{
    mtr_json_name(writer, name);
    mtr_json_time(writer, time_us);
}
