/*
 * Secrets out of what people see: requests that `source test` prints, answers that are recorded as fixtures,
 * sentences with a vendor's own words in them.
 *
 *   source_mask_add(mask, secret);
 *   source_mask_text(mask, text, &out);                   every secret in it is "***", also in base64, and
 *                                                         in any mix of the escapes of URLs, forms, JSON and
 *                                                         XML, twice over (search.h)
 *   source_mask_header(mask, name, value, &out);          of those that carry credentials by their name alone
 *                                                         the scheme: "Bearer ***"
 *   source_mask_url(mask, url, &out);                     values of parameters that sign a link: sig=***
 *   source_mask_links(mask, text, &out);                  the same of all links in a text; what differs goes on
 *                                                         being told apart: sig=***1, sig=***2
 *
 * Owns copies of the secrets, wiped when they go: the newest SOURCE_MASK_SECRETS_MAX. One thread. Errors:
 * MTR_ENOMEM, and MTR_ELIMIT of out.
 */
#ifndef METERD_COLLECTOR_SOURCE_MASK_MASK_H
#define METERD_COLLECTOR_SOURCE_MASK_MASK_H

#include "meterd/core/buffer.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

enum { SOURCE_MASK_SECRETS_MAX = 64, SOURCE_MASK_SIGNATURES_MAX = 100000 };

struct source_mask;

int source_mask_open(struct source_mask **out) MTR_MUST_USE;
void source_mask_close(struct source_mask *mask); /* NULL is allowed */

/* One that is known already, or empty, is none more. */
int source_mask_add(struct source_mask *mask, struct mtr_str secret) MTR_MUST_USE;

/* Append. Of secrets that overlap or lie in one another nothing is shown. */
int source_mask_text(const struct source_mask *mask, struct mtr_str text,
                     struct mtr_buffer *out) MTR_MUST_USE;
int source_mask_header(const struct source_mask *mask, struct mtr_str name, struct mtr_str value,
                       struct mtr_buffer *out) MTR_MUST_USE;
int source_mask_url(const struct source_mask *mask, struct mtr_str url, struct mtr_buffer *out) MTR_MUST_USE;
/* Secrets too. Of more than SOURCE_MASK_SIGNATURES_MAX different ones the rest are all one. */
int source_mask_links(struct source_mask *mask, struct mtr_str text, struct mtr_buffer *out) MTR_MUST_USE;

#endif
