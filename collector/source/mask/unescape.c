/*
 * An escape is read out of characters that were unescaped once less, which is what recurs, at most
 * UNESCAPE_TIMES_MAX deep; each reads so many of them at most.
 */
#include "collector/source/mask/unescape.h"

#include <string.h>

struct reader {
    struct mtr_str text;
    size_t at;
    int times; /* of what it reads */
};

/* -1: the end, or a character of more bytes, which is in no escape. */
static int next(struct reader *reader)
{
    if (reader->at >= reader->text.size) return -1;
    const struct unescaped read = unescape_at(reader->text, reader->at, reader->times);
    reader->at += read.step;
    return read.size == 1 ? (unsigned char)read.bytes[0] : -1;
}

static int digit_of(int character)
{
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'a' && character <= 'f') return character - 'a' + 10;
    if (character >= 'A' && character <= 'F') return character - 'A' + 10;
    return -1;
}

static bool read_hex(struct reader *reader, int digits, uint32_t *out)
{
    for (*out = 0; digits > 0; digits--) {
        const int digit = digit_of(next(reader));
        if (digit < 0) return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}

static bool put(uint32_t code, struct unescaped *out)
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    out->size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = out->size - 1; i > 0; i--, code >>= 6) out->bytes[i] = (char)(0x80 | (code & 0x3f));
    out->bytes[0] = (char)(lead[out->size] | code);
    return true;
}

/* One byte, which may be a part of a character. */
static bool read_percent(struct reader *reader, struct unescaped *out)
{
    uint32_t byte;
    if (!read_hex(reader, 2, &byte)) return false;
    out->bytes[0] = (char)byte;
    out->size = 1;
    return true;
}

static bool read_json(struct reader *reader, struct unescaped *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint32_t code, low;
    const int letter = next(reader);
    const char *found = letter > 0 ? strchr(from, letter) : NULL;
    if (found) return put((unsigned char)to[found - from], out);
    if (letter != 'u' || !read_hex(reader, 4, &code)) return false;
    if (code < 0xd800 || code >= 0xdc00) return put(code, out);
    if (next(reader) != '\\' || next(reader) != 'u' || !read_hex(reader, 4, &low)) return false;
    const bool is_pair = low >= 0xdc00 && low < 0xe000;
    return is_pair && put(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), out);
}

/* What stands between & and ; */
static bool put_entity(const char *name, struct unescaped *out)
{
    static const struct {
        const char *name;
        char character;
    } rows[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    const unsigned base = name[0] == '#' && (name[1] == 'x' || name[1] == 'X') ? 16 : 10;
    uint32_t code = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!strcmp(name, rows[i].name)) return put((unsigned char)rows[i].character, out);
    if (name[0] != '#') return false;
    name += base == 16 ? 2 : 1;
    if (!*name) return false;
    for (; *name; name++) {
        const int digit = digit_of(*name);
        if (digit < 0 || (unsigned)digit >= base) return false;
        code = code * base + (unsigned)digit; /* of so few digits it is no more than it holds */
    }
    return put(code, out);
}

static bool read_xml(struct reader *reader, struct unescaped *out)
{
    char name[UNESCAPE_ONCE_BYTES_MAX - 1]; /* with its NUL in the place of the ; */
    size_t size = 0;
    int character = next(reader);
    for (; character > ' ' && character != ';'; character = next(reader)) {
        if (character == '&' || size + 1 == sizeof(name)) return false;
        name[size++] = (char)character;
    }
    name[size] = '\0';
    return character == ';' && put_entity(name, out);
}

static bool read_escape(struct reader *reader, char begin, struct unescaped *out)
{
    switch (begin) {
    case '%': return read_percent(reader, out);
    case '\\': return read_json(reader, out);
    case '&': return read_xml(reader, out);
    default: return false;
    }
}

bool unescape_begins(char character) { return character == '%' || character == '\\' || character == '&'; }

struct unescaped unescape_at(struct mtr_str text, size_t at, int times)
{
    struct unescaped plain = {.bytes = {text.data[at]}, .size = 1, .step = 1}, read = {.step = 0};
    if (!times || !unescape_begins(text.data[at])) return plain;
    plain = unescape_at(text, at, times - 1);
    struct reader reader = {text, at + plain.step, times - 1};
    if (plain.size > 1 || !read_escape(&reader, plain.bytes[0], &read)) return plain;
    read.step = (uint8_t)(reader.at - at);
    return read;
}
