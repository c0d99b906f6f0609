/*
 * Text that somebody else owns: a pointer and a size in bytes, never NUL-terminated by contract.
 *
 * A mtr_str borrows; the header that hands one out says until when. Empty text may have data == NULL.
 */
#ifndef METERD_CORE_STR_H
#define METERD_CORE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mtr_str {
    const char *data;
    size_t size; /* bytes */
};

/* A literal as text: MTR_STR("sum"). */
#define MTR_STR(literal) ((struct mtr_str){"" literal, sizeof(literal) - 1})

/* For printf: "%.*s", MTR_STR_ARGS(text). */
#define MTR_STR_ARGS(text) (int)(text).size, (text).data ? (text).data : ""

struct mtr_str mtr_str_from(const char *c_string); /* NULL gives empty text */
/* As a C string that the caller frees; NULL: no memory. Not a byte behind the text is read: what it borrows
 * from may end there, as a store does with its last page. */
char *mtr_str_copy(struct mtr_str text);
bool mtr_str_equal(struct mtr_str a, struct mtr_str b);
int mtr_str_compare(struct mtr_str a, struct mtr_str b); /* bytes, as memcmp; a prefix sorts first */
/* Equal when the capitals A to Z of `text` are taken as small letters; `lower` has none. Not a letter beyond
 * ASCII is touched: names of media types, codings and header fields are ASCII (RFC 9110). */
bool mtr_str_equal_lower(struct mtr_str text, struct mtr_str lower);
bool mtr_str_starts_with(struct mtr_str text, struct mtr_str prefix);
/* Well formed by RFC 3629: no surrogates, no overlong forms, up to U+10FFFF. */
bool mtr_str_is_utf8(struct mtr_str text);

/* Bytes of the well-formed UTF-8 sequence that text begins with, or 0; text is not empty. */
size_t mtr_str_utf8_step(struct mtr_str text);
/* The beginning of a text that is quoted in a sentence: whole characters of UTF-8, at most so many bytes. */
struct mtr_str mtr_str_quoted(struct mtr_str text, size_t bytes_max);
/* For printf: "`%.*s%s`", MTR_STR_QUOTED(text), of a text that may be of any size: its beginning, and "…"
 * when that is not all. So a sentence is never what is cut. */
enum { MTR_STR_QUOTED_BYTES = 60 };
#define MTR_STR_QUOTED(text)                                                                                 \
    MTR_STR_ARGS(mtr_str_quoted(text, MTR_STR_QUOTED_BYTES)), mtr_str_quoted_rest(text, MTR_STR_QUOTED_BYTES)
const char *mtr_str_quoted_rest(struct mtr_str text, size_t bytes_max); /* "…" or "" */

/* Unsigned decimal digits only, no sign, no space. False when it is anything else or too large. */
bool mtr_str_to_u64(struct mtr_str text, uint64_t *out);

/* The ending of a regular noun behind its count: "1 period", "2 periods". */
static inline const char *mtr_plural(uint64_t count) { return count == 1 ? "" : "s"; }

/* Edit distance of two words (Damerau-Levenshtein, adjacent transpositions count one, capitals nothing); for
 * "did you mean". UINT_MAX: one of them is longer than 64 bytes. */
unsigned mtr_str_distance(struct mtr_str a, struct mtr_str b);

/* The candidate nearest to `word`, near enough to be meant (a typo or two, not another word), or no text.
 * `next` gives candidate i: an empty one is passed over, and behind the last its data is NULL. At most
 * MTR_NEAREST_LOOKED_AT are asked for. */
enum { MTR_NEAREST_LOOKED_AT = 1 << 18 };
struct mtr_str mtr_str_nearest(struct mtr_str word, struct mtr_str (*next)(const void *context, unsigned i),
                               const void *context);
/* The same as what ends a sentence: "; did you mean `vcpu`?", or "". Returns `text`. */
enum { MTR_MEANT_BYTES = 96 };
const char *mtr_str_meant(struct mtr_str word, struct mtr_str (*next)(const void *context, unsigned i),
                          const void *context, char text[MTR_MEANT_BYTES]);
/* Of words that end with NULL. */
const char *mtr_str_meant_of(struct mtr_str word, const char *const *words, char text[MTR_MEANT_BYTES]);

#endif
