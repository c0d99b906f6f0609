/*
 * Where secrets stand in a text, however they are escaped there.
 *
 *   mask_search_open(secrets, count, text, &search);
 *   while (mask_search_next(search, &span)) …
 *   mask_search_close(search);
 *
 * Of secrets that overlap it is one span, of those that stand side by side two. Time is linear in the text,
 * whatever it is, and memory bounded by the longest secret. Private to mask/.
 */
#ifndef METERD_COLLECTOR_SOURCE_MASK_SEARCH_H
#define METERD_COLLECTOR_SOURCE_MASK_SEARCH_H

#include "collector/source/mask/pattern.h"

struct mask_search;

struct mask_span {
    size_t from, to;
};

/* Both are borrowed. MTR_ENOMEM. */
int mask_search_open(const struct mask_patterns *const *secrets, uint32_t count, struct mtr_str text,
                     struct mask_search **out) MTR_MUST_USE;
void mask_search_close(struct mask_search *search); /* NULL is allowed */

/* In order. False: there is none any more. */
bool mask_search_next(struct mask_search *search, struct mask_span *out);

#endif
