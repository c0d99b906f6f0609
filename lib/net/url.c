/*
 * Percent-encoding and query strings. Decoding never grows text, so one arena piece of the input's size
 * always suffices.
 */
#include "meterd/net/url.h"

#include <stdlib.h>
#include <string.h>

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'a' && character <= 'f') return character - 'a' + 10;
    if (character >= 'A' && character <= 'F') return character - 'A' + 10;
    return -1;
}

static int decode_into(struct mtr_str text, bool plus_is_space, char *data, size_t *size)
{
    size_t used = 0;
    for (size_t i = 0; i < text.size; i++) {
        char character = text.data[i];
        if (character == '%') {
            if (text.size - i < 3) return MTR_EINVALID;
            int high = hex_digit(text.data[i + 1]), low = hex_digit(text.data[i + 2]);
            if (high < 0 || low < 0) return MTR_EINVALID;
            character = (char)(high << 4 | low);
            i += 2;
        } else if (character == '+' && plus_is_space) {
            character = ' ';
        }
        if (character == '\0') return MTR_EINVALID;
        data[used++] = character;
    }
    *size = used;
    return mtr_str_is_utf8((struct mtr_str){data, used}) ? MTR_OK : MTR_EINVALID;
}

static bool needs_decoding(struct mtr_str text, bool plus_is_space)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '%' || text.data[i] == '\0' || (plus_is_space && text.data[i] == '+'))
            return true;
    return false;
}

static int decode(struct mtr_str text, bool plus_is_space, struct mtr_arena *arena, struct mtr_str *out)
{
    if (!needs_decoding(text, plus_is_space)) {
        if (!mtr_str_is_utf8(text)) return MTR_EINVALID;
        *out = text;
        return MTR_OK;
    }
    char *data = mtr_arena_alloc(arena, text.size);
    if (!data) return MTR_ENOMEM;
    size_t size;
    int rc = decode_into(text, plus_is_space, data, &size);
    if (!rc) *out = (struct mtr_str){data, size};
    return rc;
}

int mtr_percent_decode(struct mtr_str text, struct mtr_arena *arena, struct mtr_str *out)
{
    return decode(text, false, arena, out);
}

static bool is_unreserved(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || (character != '\0' && strchr("-._~", character));
}

int mtr_percent_encode(struct mtr_buffer *out, struct mtr_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    int rc = MTR_OK;
    for (size_t i = 0; i < text.size && !rc; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (is_unreserved(text.data[i])) {
            rc = mtr_buffer_append_char(out, text.data[i]);
        } else {
            char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
            rc = mtr_buffer_append(out, escape, sizeof(escape));
        }
    }
    return rc;
}

static int parse_parameter(struct mtr_str piece, struct mtr_arena *arena, struct mtr_query_parameter *out)
{
    const char *equals = memchr(piece.data, '=', piece.size);
    size_t name_size = equals ? (size_t)(equals - piece.data) : piece.size;
    struct mtr_str name = {piece.data, name_size};
    struct mtr_str value = equals ? (struct mtr_str){equals + 1, piece.size - name_size - 1}
                                  : (struct mtr_str){piece.data + piece.size, 0};
    int rc = decode(name, true, arena, &out->name);
    return rc ? rc : decode(value, true, arena, &out->value);
}

int mtr_query_parse(struct mtr_str text, struct mtr_arena *arena, struct mtr_query *out)
{
    out->count = 0;
    while (text.size > 0) {
        const char *ampersand = memchr(text.data, '&', text.size);
        size_t size = ampersand ? (size_t)(ampersand - text.data) : text.size;
        struct mtr_str piece = {text.data, size};
        size_t step = ampersand ? size + 1 : size;
        text = (struct mtr_str){text.data + step, text.size - step};
        if (size == 0) continue;
        if (out->count == MTR_QUERY_PARAMETERS_MAX) return MTR_ELIMIT;
        int rc = parse_parameter(piece, arena, &out->parameters[out->count]);
        if (rc) return rc;
        out->count++;
    }
    return MTR_OK;
}

bool mtr_query_find(const struct mtr_query *query, const char *name, struct mtr_str *out)
{
    struct mtr_str wanted = mtr_str_from(name);
    for (uint32_t i = 0; i < query->count; i++) {
        if (!mtr_str_equal(query->parameters[i].name, wanted)) continue;
        *out = query->parameters[i].value;
        return true;
    }
    return false;
}

static int escape(struct mtr_str text, struct mtr_arena *arena, struct mtr_buffer *scratch,
                  struct mtr_str *out)
{
    mtr_buffer_reset(scratch);
    int rc = mtr_percent_encode(scratch, text);
    return rc ? rc : mtr_arena_copy(arena, mtr_buffer_str(scratch), out);
}

static int compare_parameters(const void *a, const void *b)
{
    const struct mtr_query_parameter *left = a, *right = b;
    const int order = mtr_str_compare(left->name, right->name);
    return order ? order : mtr_str_compare(left->value, right->value);
}

int mtr_query_write_sorted(struct mtr_buffer *out, const struct mtr_query *query, struct mtr_arena *arena)
{
    struct mtr_query escaped = {.count = query->count};
    struct mtr_buffer scratch;
    int rc = MTR_OK;
    mtr_buffer_init(&scratch, SIZE_MAX);
    for (uint32_t i = 0; i < query->count && !rc; i++) {
        rc = escape(query->parameters[i].name, arena, &scratch, &escaped.parameters[i].name);
        if (!rc) rc = escape(query->parameters[i].value, arena, &scratch, &escaped.parameters[i].value);
    }
    mtr_buffer_release(&scratch);
    if (!rc) qsort(escaped.parameters, escaped.count, sizeof(*escaped.parameters), compare_parameters);
    for (uint32_t i = 0; i < escaped.count && !rc; i++) {
        if (i) rc = mtr_buffer_append_char(out, '&');
        if (!rc) rc = mtr_buffer_append_str(out, escaped.parameters[i].name);
        if (!rc) rc = mtr_buffer_append_char(out, '=');
        if (!rc) rc = mtr_buffer_append_str(out, escaped.parameters[i].value);
    }
    return rc;
}
