/*
 * Reading JSON tokens by their index. Offsets are checked against `end` before any byte is read; the index
 * holds the text's size after its last entry, so looking one entry ahead is always allowed. Nothing here
 * allocates.
 */
#include "collector/decode/json_cursor.h"

#include <string.h>

void json_cursor_init(struct mtr_json_cursor *cursor, char *text, size_t size,
                      const struct mtr_json_index *index)
{
    *cursor = (struct mtr_json_cursor){.text = text,
                                       .offsets = index->offsets,
                                       .end = (uint32_t)size,
                                       .utf8_checked = index->utf8_ok,
                                       .has_escapes = size && memchr(text, '\\', size) != NULL};
}

int json_cursor_fail(struct mtr_json_cursor *cursor, const char *fault)
{
    if (!cursor->fault) {
        uint32_t offset = *cursor->offsets;
        cursor->fault = fault;
        cursor->fault_offset = offset < cursor->end ? offset : cursor->end;
    }
    return MTR_EINVALID;
}

int json_cursor_expect(struct mtr_json_cursor *cursor, char token, const char *fault)
{
    if (json_cursor_peek(cursor) != token) return json_cursor_fail(cursor, fault);
    cursor->offsets++;
    return MTR_OK;
}

/* The token's bytes: up to the next token, without the white space between. */
static struct mtr_str take_token(struct mtr_json_cursor *cursor)
{
    uint32_t start = cursor->offsets[0], stop = cursor->offsets[1];
    const char *text = cursor->text;
    if (stop > cursor->end) stop = cursor->end;
    while (stop > start && (text[stop - 1] == ' ' || text[stop - 1] == '\n' || text[stop - 1] == '\r' ||
                            text[stop - 1] == '\t'))
        stop--;
    cursor->offsets++;
    return (struct mtr_str){text + start, stop - start};
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Four hex digits at p, or -1. */
static int hex4(const char *p, const char *end)
{
    int value = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

static char *put_utf8(char *out, uint32_t point)
{
    if (point < 0x80) {
        *out++ = (char)point;
    } else if (point < 0x800) {
        *out++ = (char)(0xC0 | point >> 6);
        *out++ = (char)(0x80 | (point & 0x3F));
    } else if (point < 0x10000) {
        *out++ = (char)(0xE0 | point >> 12);
        *out++ = (char)(0x80 | (point >> 6 & 0x3F));
        *out++ = (char)(0x80 | (point & 0x3F));
    } else {
        *out++ = (char)(0xF0 | point >> 18);
        *out++ = (char)(0x80 | (point >> 12 & 0x3F));
        *out++ = (char)(0x80 | (point >> 6 & 0x3F));
        *out++ = (char)(0x80 | (point & 0x3F));
    }
    return out;
}

/* \uXXXX, or a pair of them, with p after the 'u'. NULL when broken or a surrogate stands alone. */
static const char *read_unicode(const char *p, const char *end, uint32_t *point)
{
    int high = hex4(p, end);
    if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF)) return NULL;
    p += 4;
    *point = (uint32_t)high;
    if (high < 0xD800 || high > 0xDBFF) return p;
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return NULL;
    int low = hex4(p + 2, end);
    if (low < 0xDC00 || low > 0xDFFF) return NULL;
    *point = 0x10000 + (((uint32_t)high - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
    return p + 6;
}

static char simple_escape(char c)
{
    switch (c) {
    case '"': case '\\': case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
    }
}

/* In place: unescaped text is never longer. False leaves the front of the text changed and the size as it
 * was. */
static bool unescape(char *text, size_t *size)
{
    const char *p = text, *end = text + *size;
    char *out = text;
    while (p < end) {
        if (*p != '\\') {
            *out++ = *p++;
            continue;
        }
        if (++p == end) return false;
        if (*p == 'u') {
            uint32_t point;
            p = read_unicode(p + 1, end, &point);
            if (!p) return false;
            out = put_utf8(out, point);
        } else {
            char plain = simple_escape(*p++);
            if (!plain) return false;
            *out++ = plain;
        }
    }
    *size = (size_t)(out - text);
    return true;
}

/* The next token is known to start with a quote. */
static int read_string(struct mtr_json_cursor *cursor, struct mtr_str *out, const char **refused)
{
    uint32_t start = *cursor->offsets + 1;
    struct mtr_str token = take_token(cursor);
    *refused = NULL;
    if (token.size < 2 || token.data[token.size - 1] != '"') {
        cursor->offsets--;
        return json_cursor_fail(cursor, "string without an end");
    }
    *out = (struct mtr_str){token.data + 1, token.size - 2};
    if (cursor->has_escapes && out->size && memchr(out->data, '\\', out->size) &&
        !unescape(cursor->text + start, &out->size))
        *refused = "broken escape in a string";
    return MTR_OK;
}

int json_cursor_name_read(struct mtr_json_cursor *cursor, struct mtr_str *name, const char **refused)
{
    if (json_cursor_peek(cursor) != '"') return json_cursor_fail(cursor, "a name in quotes is expected");
    int rc = read_string(cursor, name, refused);
    if (rc) return rc;
    return json_cursor_expect(cursor, ':', "':' is expected after a name");
}

int json_cursor_more(struct mtr_json_cursor *cursor, char closing, bool *more)
{
    int token = json_cursor_peek(cursor);
    if (token == ',') {
        *more = true;
    } else if (token == closing) {
        *more = false;
    } else {
        return json_cursor_fail(cursor, closing == '}' ? "',' or '}' is expected" : "',' or ']' is expected");
    }
    cursor->offsets++;
    return MTR_OK;
}

static void read_word(struct mtr_str token, struct mtr_value *value)
{
    if (mtr_str_equal(token, MTR_STR("true"))) {
        value->kind = MTR_VALUE_TRUE;
    } else if (mtr_str_equal(token, MTR_STR("false"))) {
        value->kind = MTR_VALUE_FALSE;
    } else if (mtr_str_equal(token, MTR_STR("null"))) {
        value->kind = MTR_VALUE_NULL;
    } else {
        value->kind = MTR_VALUE_REFUSED;
        value->finding = MTR_FINDING_EVENT_FIELD_KIND;
        value->reason = "not a finite number, string, true, false or null";
    }
}

static const char *digits_end(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

/* RFC 8259 §6. */
static bool is_number(struct mtr_str token)
{
    const char *p = token.data, *end = p + token.size;
    p += p < end && *p == '-';
    const char *whole = p;
    p = digits_end(p, end);
    if (p == whole || (*whole == '0' && p - whole > 1)) return false;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        p = digits_end(p, end);
        if (p == fraction) return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        const char *exponent = p;
        p = digits_end(p, end);
        if (p == exponent) return false;
    }
    return p == end;
}

static int fail_strict(struct mtr_json_cursor *cursor, struct mtr_str token)
{
    const bool is_nan = mtr_str_equal(token, MTR_STR("NaN")),
               is_infinite = mtr_str_equal(token, MTR_STR("Infinity")) ||
                             mtr_str_equal(token, MTR_STR("-Infinity"));
    cursor->offsets--;
    if (token.size && token.data[0] == '<')
        return json_cursor_fail(cursor, "it begins with `<`, as HTML and XML do");
    if (is_nan) return json_cursor_fail(cursor, "a value is NaN: what has no value is null, or left out");
    return json_cursor_fail(cursor, is_infinite
                                        ? "a value is infinite: what has no value is null, or left out"
                                        : "neither a number, a text in quotes, true, false nor null");
}

static int read_scalar(struct mtr_json_cursor *cursor, struct mtr_value *value)
{
    int first = json_cursor_peek(cursor);
    const char *refused = NULL;
    value->utf8_checked = cursor->utf8_checked;
    if (first == '"') {
        int rc = read_string(cursor, &value->text, &refused);
        if (rc) return rc;
        value->kind = refused ? MTR_VALUE_REFUSED : MTR_VALUE_TEXT;
        value->finding = MTR_FINDING_EVENT_FIELD_TEXT;
        value->reason = refused;
        return MTR_OK;
    }
    if (first == MTR_JSON_END || first == ',' || first == ':' || first == ']' || first == '}')
        return json_cursor_fail(cursor,
                                first == MTR_JSON_END ? "the text ends too early" : "a value is expected");
    struct mtr_str token = take_token(cursor);
    if (first == '-' || (first >= '0' && first <= '9')) {
        value->kind = MTR_VALUE_NUMBER;
        value->text = token;
    } else {
        read_word(token, value);
    }
    if (cursor->is_strict &&
        (value->kind == MTR_VALUE_REFUSED || (value->kind == MTR_VALUE_NUMBER && !is_number(token))))
        return fail_strict(cursor, token);
    return MTR_OK;
}

/* One item inside a skipped map or list, its name first when in a map. *opened: it is itself a map or
 * list, entered. */
static int skip_item(struct mtr_json_cursor *cursor, bool in_map, bool *opened)
{
    struct mtr_value ignored;
    struct mtr_str name;
    const char *refused;
    if (in_map) {
        int rc = json_cursor_name_read(cursor, &name, &refused);
        if (rc) return rc;
    }
    int token = json_cursor_peek(cursor);
    *opened = token == '{' || token == '[';
    return *opened ? MTR_OK : read_scalar(cursor, &ignored);
}

/* Over a whole map or list, grammar checked. `maps` has a bit for each open level: 1 for a map. */
static int skip_nested(struct mtr_json_cursor *cursor, uint8_t *depth_max)
{
    uint64_t maps = 0;
    unsigned depth = 0;
    bool opened = true, more = true;
    do {
        int rc = MTR_OK;
        if (opened) {
            if (depth == MTR_JSON_SKIP_DEPTH_MAX)
                return json_cursor_fail(cursor, "nested deeper than 64 levels");
            maps = maps << 1 | (json_cursor_peek(cursor) == '{');
            if (++depth > *depth_max) *depth_max = (uint8_t)depth;
            cursor->offsets++;
            more = json_cursor_peek(cursor) != ((maps & 1) ? '}' : ']');
            if (!more) cursor->offsets++;
            opened = false;
        } else {
            rc = json_cursor_more(cursor, (maps & 1) ? '}' : ']', &more);
        }
        if (!rc && more) rc = skip_item(cursor, maps & 1, &opened);
        if (rc) return rc;
        if (!more) {
            maps >>= 1;
            depth--;
        }
    } while (depth > 0);
    return MTR_OK;
}

int json_cursor_value_read(struct mtr_json_cursor *cursor, struct mtr_value *value)
{
    int token = json_cursor_peek(cursor);
    if (token == '{' || token == '[') {
        value->kind = MTR_VALUE_NESTED;
        value->depth = 0;
        return skip_nested(cursor, &value->depth);
    }
    return read_scalar(cursor, value);
}
