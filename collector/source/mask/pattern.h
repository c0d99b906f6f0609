/*
 * What is looked for of a secret: itself, and in base64 of both alphabets, with its padding and without.
 * Each is searched from behind (search.h), so it is kept turned round, with what Knuth, Morris and Pratt say
 * of it: how much of it still stands where the next byte is another one.
 *
 * A secret may look escaped itself (50%41): then a text that was unescaped has what is left of it.
 *
 * Private to mask/.
 */
#ifndef METERD_COLLECTOR_SOURCE_MASK_PATTERN_H
#define METERD_COLLECTOR_SOURCE_MASK_PATTERN_H

#include "collector/source/mask/unescape.h"
#include "meterd/core/buffer.h"

enum { MASK_PATTERNS_MAX = 8 };

struct mask_pattern {
    struct mtr_buffer reversed; /* wiped */
    int32_t *shorter;           /* at so many bytes of it; -1: begin anew */
    bool is_in[UNESCAPE_TIMES_MAX + 1]; /* texts that were unescaped so often */
};

struct mask_patterns {
    struct mask_pattern rows[MASK_PATTERNS_MAX];
    uint32_t count;
};

/* On failure nothing is left. MTR_ENOMEM. */
int mask_patterns_make(struct mask_patterns *patterns, struct mtr_str secret) MTR_MUST_USE;
void mask_patterns_wipe(struct mask_patterns *patterns);

/* A byte of a text that was unescaped so often, as it is compared: in a query + and the blank are one. */
char mask_folded(char byte, int times);

/* Where `matched` bytes of the pattern stand, and this one before them: so many then. */
int32_t mask_pattern_step(const struct mask_pattern *pattern, int32_t matched, char byte);

#endif
