/*
 * Strict JSON (RFC 8259) into the same tree. libyaml takes most JSON, but not all: it refuses tabs as
 * indentation, DEL and surrogate pairs, so JSON has a reader of its own.
 *
 * Recursion is bounded by the builder's depth. Numbers are kept as text. A lone surrogate is refused: it is
 * no character.
 */
#include "lib/core/document/document_builder.h"

#include <string.h>

struct json {
    struct mtr_document_builder *builder;
    struct mtr_str text;
    size_t at;
    size_t line_start;
    uint32_t line;
    struct mtr_buffer scratch; /* the unescaped string */
};

static struct mtr_place place_of(const struct json *json, size_t at)
{
    return (struct mtr_place){json->line, (uint32_t)(at - json->line_start + 1), at};
}

static int peek(const struct json *json)
{
    return json->at < json->text.size ? (unsigned char)json->text.data[json->at] : -1;
}

static void skip_space(struct json *json)
{
    for (int c = peek(json); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = peek(json)) {
        json->at++;
        if (c != '\n') continue;
        json->line++;
        json->line_start = json->at;
    }
}

static int fail_expected(struct json *json, const char *expected)
{
    int c = peek(json);
    struct mtr_place place = place_of(json, json->at);
    if (c < 0)
        return document_builder_fail(json->builder, MTR_FINDING_DOCUMENT_SYNTAX, place,
                                     "the JSON text ends here, %s expected", expected);
    if (c > 0x20 && c < 0x7F)
        return document_builder_fail(json->builder, MTR_FINDING_DOCUMENT_SYNTAX, place,
                                     "`%c` found, %s expected", c, expected);
    return document_builder_fail(json->builder, MTR_FINDING_DOCUMENT_SYNTAX, place,
                                 "byte 0x%02x found, %s expected", (unsigned)c, expected);
}

static unsigned hex_digit(int c) /* 16: none */
{
    if (c >= '0' && c <= '9') return (unsigned)c - '0';
    if (c >= 'a' && c <= 'f') return (unsigned)c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? (unsigned)c - 'A' + 10 : 16;
}

static int read_hex4(struct json *json, unsigned *out)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++, json->at++) {
        unsigned digit = hex_digit(peek(json));
        if (digit > 15) return fail_expected(json, "a hexadecimal digit");
        value = value << 4 | digit;
    }
    *out = value;
    return MTR_OK;
}

static int append_utf8(struct mtr_buffer *out, unsigned code)
{
    char bytes[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size - 1; i > 0; i--, code >>= 6) bytes[i] = (char)(0x80 | (code & 0x3F));
    bytes[0] = (char)(lead[size] | code);
    return mtr_buffer_append(out, bytes, size);
}

/* After "\u". A high surrogate must be followed by a low one. */
static int read_unicode(struct json *json, size_t start)
{
    unsigned code = 0, low = 0;
    int rc = read_hex4(json, &code);
    if (rc) return rc;
    bool high = code >= 0xD800 && code <= 0xDBFF;
    if (high && json->at + 1 < json->text.size && json->text.data[json->at] == '\\' &&
        json->text.data[json->at + 1] == 'u') {
        json->at += 2;
        rc = read_hex4(json, &low);
        if (rc) return rc;
        if (low >= 0xDC00 && low <= 0xDFFF)
            return append_utf8(&json->scratch, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
    }
    if (code >= 0xD800 && code <= 0xDFFF)
        return document_builder_fail(json->builder, MTR_FINDING_DOCUMENT_TEXT, place_of(json, start),
                                     "half of a surrogate pair is not a character");
    return append_utf8(&json->scratch, code);
}

static int read_escape(struct json *json)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    size_t start = json->at++;
    int c = peek(json);
    const char *found = c > 0 ? strchr(from, c) : NULL;
    if (c == 'u') {
        json->at++;
        return read_unicode(json, start);
    }
    if (!found) return fail_expected(json, "one of \" \\ / b f n r t u after a backslash");
    json->at++;
    return mtr_buffer_append_char(&json->scratch, to[found - from]);
}

static int read_string(struct json *json)
{
    mtr_buffer_reset(&json->scratch);
    json->at++;
    for (;;) {
        size_t start = json->at;
        while (json->at < json->text.size) {
            unsigned char c = (unsigned char)json->text.data[json->at];
            if (c < 0x20 || c == '"' || c == '\\') break;
            json->at++;
        }
        int rc = mtr_buffer_append(&json->scratch, json->text.data + start, json->at - start);
        if (rc) return rc;
        int c = peek(json);
        if (c == '"') break;
        if (c != '\\') return fail_expected(json, "a character or the closing quote");
        rc = read_escape(json);
        if (rc) return rc;
    }
    json->at++;
    return MTR_OK;
}

static int read_bare(struct json *json)
{
    size_t start = json->at;
    for (int c = peek(json); c > 0 && (strchr("+-.", c) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                                       (c >= 'A' && c <= 'Z'));
         c = peek(json))
        json->at++;
    struct mtr_str text = {json->text.data + start, json->at - start};
    bool known = mtr_str_equal(text, MTR_STR("null")) || mtr_str_equal(text, MTR_STR("true")) ||
                 mtr_str_equal(text, MTR_STR("false")) || document_is_number(text);
    if (text.size == 0) return fail_expected(json, "a value");
    if (known) return document_builder_scalar(json->builder, text, true, place_of(json, start));
    int shown = text.size < 60 ? (int)text.size : 60;
    return document_builder_fail(json->builder, MTR_FINDING_DOCUMENT_SYNTAX, place_of(json, start),
                                 "`%.*s` is not a JSON value", shown, text.data);
}

static int read_value(struct json *json);

static int read_member(struct json *json)
{
    struct mtr_place place = place_of(json, json->at);
    if (peek(json) != '"') return fail_expected(json, "a key in double quotes");
    int rc = read_string(json);
    if (!rc) rc = document_builder_key(json->builder, mtr_buffer_str(&json->scratch), place);
    if (rc) return rc;
    skip_space(json);
    if (peek(json) != ':') return fail_expected(json, "`:`");
    json->at++;
    skip_space(json);
    return read_value(json);
}

static int read_container(struct json *json, bool is_map)
{
    int rc =
        document_builder_open(json->builder, is_map ? MTR_NODE_MAP : MTR_NODE_LIST, place_of(json, json->at));
    if (rc) return rc;
    char end = is_map ? '}' : ']';
    json->at++;
    skip_space(json);
    bool more = peek(json) != end;
    while (more) {
        rc = is_map ? read_member(json) : read_value(json);
        if (rc) return rc;
        skip_space(json);
        more = peek(json) == ',';
        if (!more && peek(json) != end) return fail_expected(json, is_map ? "`,` or `}`" : "`,` or `]`");
        if (!more) break;
        json->at++;
        skip_space(json);
    }
    json->at++;
    return document_builder_close(json->builder);
}

static int read_value(struct json *json)
{
    struct mtr_place place = place_of(json, json->at);
    int c = peek(json);
    if (c == '{' || c == '[') return read_container(json, c == '{');
    if (c != '"') return read_bare(json);
    int rc = read_string(json);
    return rc ? rc : document_builder_scalar(json->builder, mtr_buffer_str(&json->scratch), false, place);
}

int document_read_json(struct mtr_document_builder *builder, struct mtr_str text)
{
    struct json json = {.builder = builder, .text = text, .line = 1};
    mtr_buffer_init(&json.scratch, text.size + 1); /* no escape grows */
    skip_space(&json);
    int rc = read_value(&json);
    if (!rc) {
        skip_space(&json);
        if (json.at < text.size) rc = fail_expected(&json, "the end of the text");
    }
    mtr_buffer_release(&json.scratch);
    return rc;
}
