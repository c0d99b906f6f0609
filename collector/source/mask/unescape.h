/*
 * Characters of a text as somebody reads it who takes the escapes away: of URLs and forms (%2f), of JSON (\/,
 * \u002f) and of XML (&amp;, &#47;), in any mix. Read twice, what an escape gives may be of another one:
 * %252f, \u00252f. What is no whole escape stands for itself.
 *
 * Private to mask/.
 */
#ifndef METERD_COLLECTOR_SOURCE_MASK_UNESCAPE_H
#define METERD_COLLECTOR_SOURCE_MASK_UNESCAPE_H

#include <stdint.h>

#include "meterd/core/str.h"

enum {
    UNESCAPE_TIMES_MAX = 2,
    UNESCAPE_ONCE_BYTES_MAX = 12, /* the longest escape: two halves \ud83d\udd11, or &#x0010ffff; */
    UNESCAPE_BYTES_MAX = UNESCAPE_ONCE_BYTES_MAX * UNESCAPE_ONCE_BYTES_MAX,
};

struct unescaped {
    char bytes[4];
    uint8_t size;
    uint8_t step; /* bytes of the text that it is */
};

/* The character at a place of the text, which has one. times: 0 … UNESCAPE_TIMES_MAX. */
struct unescaped unescape_at(struct mtr_str text, size_t at, int times);

/* Does it begin an escape, of whatever kind? */
bool unescape_begins(char character);

#endif
