/*
 * Borrowed text: comparison, UTF-8, digits, edit distance. Only a copy allocates.
 */
#include "meterd/core/str.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mtr_str mtr_str_from(const char *c_string)
{
    return (struct mtr_str){c_string, c_string ? strlen(c_string) : 0};
}

char *mtr_str_copy(struct mtr_str text)
{
    char *copy = malloc(text.size + 1);
    if (!copy) return NULL;
    if (text.size) memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

bool mtr_str_equal(struct mtr_str a, struct mtr_str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int mtr_str_compare(struct mtr_str a, struct mtr_str b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static char lower_of(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool mtr_str_equal_lower(struct mtr_str text, struct mtr_str lower)
{
    if (text.size != lower.size) return false;
    for (size_t i = 0; i < text.size; i++)
        if (lower_of(text.data[i]) != lower.data[i]) return false;
    return true;
}

bool mtr_str_starts_with(struct mtr_str text, struct mtr_str prefix)
{
    return text.size >= prefix.size && (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

size_t mtr_str_utf8_step(struct mtr_str text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    size_t size = text.size;
    if (p[0] < 0x80) return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) return size >= 2 && is_continuation(p[1]) ? 2 : 0;
    if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        if (size < 3 || !is_continuation(p[1]) || !is_continuation(p[2])) return 0;
        if (p[0] == 0xE0 && p[1] < 0xA0) return 0; /* overlong */
        if (p[0] == 0xED && p[1] > 0x9F) return 0; /* surrogate */
        return 3;
    }
    if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        if (size < 4 || !is_continuation(p[1]) || !is_continuation(p[2]) || !is_continuation(p[3])) return 0;
        if (p[0] == 0xF0 && p[1] < 0x90) return 0;
        if (p[0] == 0xF4 && p[1] > 0x8F) return 0;
        return 4;
    }
    return 0;
}

struct mtr_str mtr_str_quoted(struct mtr_str text, size_t bytes_max)
{
    size_t size = 0;
    while (size < text.size) {
        const size_t step = mtr_str_utf8_step((struct mtr_str){text.data + size, text.size - size});
        if (!step || size + step > bytes_max) break;
        size += step;
    }
    return (struct mtr_str){text.data, size};
}

const char *mtr_str_quoted_rest(struct mtr_str text, size_t bytes_max)
{
    return mtr_str_quoted(text, bytes_max).size < text.size ? "…" : "";
}

/* Most text is ASCII: eight bytes of it at a time. */
static size_t ascii_words(struct mtr_str text)
{
    size_t size = 0;
    for (uint64_t word; text.size - size >= sizeof(word); size += sizeof(word)) {
        memcpy(&word, text.data + size, sizeof(word));
        if (word & UINT64_C(0x8080808080808080)) break;
    }
    return size;
}

bool mtr_str_is_utf8(struct mtr_str text)
{
    while (text.size > 0) {
        size_t step = ascii_words(text);
        if (step == 0) step = mtr_str_utf8_step(text);
        if (step == 0) return false;
        text.data += step;
        text.size -= step;
    }
    return true;
}

bool mtr_str_to_u64(struct mtr_str text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.size == 0) return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9) return false;
        if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

enum { DISTANCE_WORD_MAX = 64 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;
    return least < c ? least : c;
}

/* Of ASCII; others stay. */
static char small_letter(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool is_same_letter(char a, char b)
{
    return small_letter(a) == small_letter(b);
}

unsigned mtr_str_distance(struct mtr_str a, struct mtr_str b)
{
    unsigned rows[3][DISTANCE_WORD_MAX + 1];
    if (a.size > DISTANCE_WORD_MAX || b.size > DISTANCE_WORD_MAX) return UINT_MAX;
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (unsigned j = 0; j <= b.size; j++) above[j] = j;
    for (unsigned i = 1; i <= a.size; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= b.size; j++) {
            unsigned differs = !is_same_letter(a.data[i - 1], b.data[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + differs);
            bool swapped = i > 1 && j > 1 && is_same_letter(a.data[i - 1], b.data[j - 2]) &&
                           is_same_letter(a.data[i - 2], b.data[j - 1]);
            if (swapped && before[j - 2] + 1 < row[j]) row[j] = before[j - 2] + 1;
        }
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.size];
}

struct mtr_str mtr_str_nearest(struct mtr_str word, struct mtr_str (*next)(const void *context, unsigned i),
                               const void *context)
{
    struct mtr_str best = {NULL, 0};
    unsigned best_distance = (unsigned)(word.size / 3 + 1) + 1;
    for (unsigned i = 0; i < MTR_NEAREST_LOOKED_AT; i++) {
        const struct mtr_str candidate = next(context, i);
        if (!candidate.data) break;
        const size_t longer =
            candidate.size > word.size ? candidate.size - word.size : word.size - candidate.size;
        if (!candidate.size || longer >= best_distance) continue;
        const unsigned distance = mtr_str_distance(word, candidate);
        if (distance >= best_distance) continue;
        best = candidate;
        best_distance = distance;
    }
    return best;
}

const char *mtr_str_meant(struct mtr_str word, struct mtr_str (*next)(const void *context, unsigned i),
                          const void *context, char text[MTR_MEANT_BYTES])
{
    const struct mtr_str nearest = mtr_str_nearest(word, next, context);
    text[0] = '\0';
    if (nearest.size) snprintf(text, MTR_MEANT_BYTES, "; did you mean `%.*s`?", MTR_STR_ARGS(nearest));
    return text;
}

static struct mtr_str word_at(const void *context, unsigned i)
{
    const char *const *words = context;
    return mtr_str_from(words[i]);
}

const char *mtr_str_meant_of(struct mtr_str word, const char *const *words, char text[MTR_MEANT_BYTES])
{
    return mtr_str_meant(word, word_at, words, text);
}
