/*
 * Percent-encoding (RFC 3986, 2.1) and query strings (application/x-www-form-urlencoded, as browsers and curl
 * write them).
 *
 *   "/v1/meters/cpu%20hours"  ─ mtr_percent_decode ─▶ "/v1/meters/cpu hours"
 *   "after=5&vendor=acme+ltd" ─ mtr_query_parse ────▶ {after: "5"}, {vendor: "acme ltd"}
 *
 *   struct mtr_query query;
 *   int rc = mtr_query_parse(mtr_http_request_query(request), &arena, &query);
 *   if (!rc && mtr_query_find(&query, "after", &after)) …
 *
 * A path is decoded piece by piece, after it is cut at '/': an escaped slash is part of a name. What comes
 * out is UTF-8 without NUL, so it can be a key.
 *
 * Pure functions, any thread. Results live in the caller's arena, or are the input itself where there was
 * nothing to decode: both must live as long as the result. Errors: MTR_EINVALID, MTR_ELIMIT, MTR_ENOMEM.
 */
#ifndef METERD_NET_URL_H
#define METERD_NET_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/buffer.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

enum { MTR_QUERY_PARAMETERS_MAX = 64 };

struct mtr_query_parameter {
    struct mtr_str name;
    struct mtr_str value; /* empty for "name" and "name=" */
};

struct mtr_query {
    struct mtr_query_parameter parameters[MTR_QUERY_PARAMETERS_MAX]; /* in the order written */
    uint32_t count;
};

/* Decodes %XX. MTR_EINVALID: a broken escape, a NUL byte or not UTF-8. Without an escape *out borrows text
 * itself. */
int mtr_percent_decode(struct mtr_str text, struct mtr_arena *arena, struct mtr_str *out) MTR_MUST_USE;
/* Appends text with everything but letters, digits and -._~ escaped. */
int mtr_percent_encode(struct mtr_buffer *out, struct mtr_str text) MTR_MUST_USE;

/* "a=1&b=x%20y&c" with '+' as space; empty pieces are skipped. MTR_EINVALID as above, MTR_ELIMIT: too many
 * parameters. */
int mtr_query_parse(struct mtr_str text, struct mtr_arena *arena, struct mtr_query *out) MTR_MUST_USE;
/* The first of that name. */
bool mtr_query_find(const struct mtr_query *query, const char *name, struct mtr_str *out);
/* Appends the same query in the one spelling that signatures want: "name=value" with both escaped as
 * mtr_percent_encode does (a space is %20), sorted by escaped name, then value. */
int mtr_query_write_sorted(struct mtr_buffer *out, const struct mtr_query *query,
                           struct mtr_arena *arena) MTR_MUST_USE;

#endif
