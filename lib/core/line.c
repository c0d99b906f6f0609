/*
 * Sentences that have somebody else's words in them.
 */
#include "meterd/core/line.h"

#include <inttypes.h>
#include <string.h>

#include "meterd/core/str.h"

/* The code point of a character of `size` bytes, of which mtr_str_utf8_step knows that it is one. */
static uint32_t code_point(const char *at, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)at;
    if (size == 1) return bytes[0];
    uint32_t code = bytes[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) code = code << 6 | (bytes[i] & 0x3fU);
    return code;
}

static bool is_order(uint32_t code)
{
    return code < ' ' || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

void mtr_line_make(char *text)
{
    size_t step;
    for (struct mtr_str rest = mtr_str_from(text); rest.size; rest.data += step, rest.size -= step) {
        char *at = text + (rest.data - text);
        step = mtr_str_utf8_step(rest);
        if (!step) *at = '?';
        else if (is_order(code_point(at, step))) memset(at, ' ', step);
        step += !step;
    }
}

int mtr_line_escape(struct mtr_buffer *out, struct mtr_str text)
{
    size_t step;
    int rc = MTR_OK;
    for (struct mtr_str rest = text; !rc && rest.size; rest.data += step, rest.size -= step) {
        step = mtr_str_utf8_step(rest);
        const uint32_t code = step ? code_point(rest.data, step) : 0xfffd;
        const bool is_kept = step && (!is_order(code) || memchr("\t\n\r", (int)code, code < 0x80 ? 3 : 0));
        step += !step;
        rc = is_kept ? mtr_buffer_append(out, rest.data, step)
                     : mtr_buffer_printf(out, "\\u%04" PRIx32, code);
    }
    return rc;
}
