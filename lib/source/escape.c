/*
 * Text escaped for where a template stands. A value that cannot be escaped (a line break in a header) is
 * refused.
 */
#include "lib/source/escape.h"

#include <string.h>

static const char *const control_fault = "a control character, as a line break, cannot stand there";

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c));
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Everything that is neither unreserved (RFC 3986, 2.3) nor one of `kept`. */
static int percent(struct mtr_str text, const char *kept, struct mtr_buffer *out)
{
    static const char digits[] = "0123456789ABCDEF";
    int rc = MTR_OK;
    for (size_t i = 0; i < text.size && !rc; i++) {
        const unsigned char byte = (unsigned char)text.data[i];
        const char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        const bool stays = is_unreserved(text.data[i]) || (byte && strchr(kept, text.data[i]));
        rc = stays ? mtr_buffer_append_char(out, text.data[i])
                   : mtr_buffer_append(out, escape, sizeof(escape));
    }
    return rc;
}

static int form(struct mtr_str text, struct mtr_buffer *out)
{
    int rc = MTR_OK;
    for (size_t i = 0; i < text.size && !rc; i++)
        rc = text.data[i] == ' ' ? mtr_buffer_append_char(out, '+')
                                 : percent((struct mtr_str){text.data + i, 1}, "", out);
    return rc;
}

static int header(struct mtr_str text, struct mtr_buffer *out, const char **fault)
{
    *fault = control_fault;
    for (size_t i = 0; i < text.size; i++)
        if (is_control(text.data[i]) && text.data[i] != '\t') return MTR_EINVALID;
    return mtr_buffer_append_str(out, text);
}

static int json_byte(unsigned char byte, struct mtr_buffer *out)
{
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (byte == '"' || byte == '\\') return mtr_buffer_printf(out, "\\%c", byte);
    if (byte >= 0x20) return mtr_buffer_append_char(out, (char)byte);
    return letters[byte] ? mtr_buffer_printf(out, "\\%c", letters[byte])
                         : mtr_buffer_printf(out, "\\u%04x", (unsigned)byte);
}

static int json(struct mtr_str text, struct mtr_buffer *out, const char **fault)
{
    int rc = MTR_OK;
    *fault = "it is not UTF-8, and JSON is";
    if (!mtr_str_is_utf8(text)) return MTR_EINVALID;
    for (size_t i = 0; i < text.size && !rc; i++) rc = json_byte((unsigned char)text.data[i], out);
    return rc;
}

static int path_literal(struct mtr_str text, bool is_url, struct mtr_buffer *out, const char **fault)
{
    for (size_t i = 0; i < text.size; i++) {
        const bool is_escape = i + 2 < text.size && is_hex(text.data[i + 1]) && is_hex(text.data[i + 2]);
        *fault = control_fault;
        if (is_control(text.data[i])) return MTR_EINVALID;
        *fault = "`%` in a path begins an escape, as %20: write %25 for itself";
        if (text.data[i] == '%' && !is_escape) return MTR_EINVALID;
        *fault = "`?` and `#` are no part of a path: write parameters under `query`";
        if (text.data[i] == '#' || (text.data[i] == '?' && !is_url)) return MTR_EINVALID;
    }
    return percent(text, is_url ? "!$&'()*+,;=:@/%?" : "!$&'()*+,;=:@/%", out);
}

static int path_value(struct mtr_str text, bool keeps_slashes, struct mtr_buffer *out, const char **fault)
{
    *fault = "an empty value in a path would ask for something else";
    if (!text.size) return MTR_EINVALID;
    return percent(text, keeps_slashes ? "/" : "", out);
}

int escape_literal(enum mtr_template_place place, struct mtr_str text, struct mtr_buffer *out,
                   const char **fault)
{
    switch (place) {
    case MTR_TEMPLATE_IN_PATH: return path_literal(text, false, out, fault);
    case MTR_TEMPLATE_IN_URL: return path_literal(text, true, out, fault);
    default: return escape_value(place, text, false, out, fault);
    }
}

int escape_value(enum mtr_template_place place, struct mtr_str text, bool keeps_slashes,
                 struct mtr_buffer *out, const char **fault)
{
    switch (place) {
    case MTR_TEMPLATE_IN_PATH:
    case MTR_TEMPLATE_IN_URL: return path_value(text, keeps_slashes, out, fault);
    case MTR_TEMPLATE_IN_QUERY: return percent(text, "", out);
    case MTR_TEMPLATE_IN_FORM: return form(text, out);
    case MTR_TEMPLATE_IN_HEADER: return header(text, out, fault);
    case MTR_TEMPLATE_IN_JSON: return json(text, out, fault);
    case MTR_TEMPLATE_IN_TEXT: break;
    }
    return mtr_buffer_append_str(out, text);
}

static bool is_dots(struct mtr_str segment)
{
    return mtr_str_equal(segment, MTR_STR(".")) || mtr_str_equal(segment, MTR_STR(".."));
}

bool escape_has_dots(struct mtr_str path)
{
    size_t begin = 0;
    for (size_t i = 0; i <= path.size; i++) {
        const bool is_end = i == path.size || path.data[i] == '?';
        if (!is_end && path.data[i] != '/') continue;
        if (is_dots((struct mtr_str){path.data + begin, i - begin})) return true;
        if (is_end) return false;
        begin = i + 1;
    }
    return false;
}
