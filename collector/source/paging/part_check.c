/*
 * A part against what its list says of it: digests, and the version that was listed.
 */
#include <string.h>
#include <strings.h>

#include "collector/source/paging/driver.h"

static int hex_digit(char c)
{
    const char lower = (char)(c | 0x20);
    if (c >= '0' && c <= '9') return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool is_hex_of(struct mtr_str text, const uint8_t *digest, size_t size)
{
    for (size_t i = 0; i < 2 * size; i++)
        if (hex_digit(text.data[i]) != (i % 2 ? digest[i / 2] & 15 : digest[i / 2] >> 4)) return false;
    return true;
}

static bool is_base64_of(struct mtr_str text, const uint8_t *digest, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < text.size; i++) {
        unsigned six = 0;
        for (unsigned bit = 0; bit < 6; bit++) {
            const size_t at = 6 * i + bit;
            six = six << 1 | (at < 8 * size ? digest[at / 8] >> (7 - at % 8) & 1u : 0);
        }
        if (text.data[i] != (6 * i < 8 * size ? letters[six] : '=')) return false;
    }
    return true;
}

/* Hexadecimal digits or base64, in quotes or not, as an ETag. */
bool paging_is_digest(struct mtr_str text, const uint8_t *digest, size_t size)
{
    if (text.size > 2 && text.data[0] == '"') text = (struct mtr_str){text.data + 1, text.size - 2};
    if (text.size == 2 * size) return is_hex_of(text, digest, size);
    return text.size == (size + 2) / 3 * 4 && is_base64_of(text, digest, size);
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static struct mtr_str trimmed(struct mtr_str text)
{
    while (text.size && is_space(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size && is_space(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* The value of the answer's ETag, as far as it can be compared: in quotes, and not a weak one. */
static struct mtr_str etag_of(struct mtr_str headers)
{
    while (headers.size) {
        const char *end = memchr(headers.data, '\n', headers.size);
        struct mtr_str line = {headers.data, end ? (size_t)(end - headers.data) : headers.size};
        headers.data += line.size + (end != NULL);
        headers.size -= line.size + (end != NULL);
        if (line.size < 5 || strncasecmp(line.data, "etag:", 5) != 0) continue;
        line = trimmed((struct mtr_str){line.data + 5, line.size - 5});
        return line.size > 1 && line.data[0] == '"' ? line : (struct mtr_str){NULL, 0};
    }
    return (struct mtr_str){NULL, 0};
}

/* It was written anew since the list was made. */
bool paging_is_another(const struct paging_part *part, const struct paging_page *page)
{
    const struct mtr_str etag = etag_of(page->headers);
    return part->etag.size && part->etag.data[0] == '"' && etag.size && !mtr_str_equal(etag, part->etag);
}
