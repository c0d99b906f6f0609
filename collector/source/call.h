/*
 * A request to a vendor, made and not sent: what building, paging and authentication work on, and what is
 * handed to the HTTP client in the end.
 *
 *   struct source_call call = {.method = MTR_STR("GET")};
 *   rc = source_call_set_url(&call, link, &arena);       MTR_EINVALID: no http(s) URL, or one with a password
 *   if (source_call_goes_to(&call, &source->base)) …      credentials are for that host alone
 *
 * A value: all text lives in the caller's arena. Path and query stand as they are sent, escaped. Any thread.
 * Private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_CALL_H
#define METERD_COLLECTOR_SOURCE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/buffer.h"
#include "meterd/core/error.h"
#include "meterd/net/http.h"
#include "meterd/source/source.h"

enum { SOURCE_CALL_HEADERS_MAX = 64, SOURCE_CALL_URL_BYTES_MAX = 64 << 10 };

struct source_call {
    struct mtr_str method;
    bool is_https;
    struct mtr_str host;  /* as written, of an IPv6 address without its brackets */
    uint16_t port;        /* 443 and 80 where none is written */
    struct mtr_str path;  /* begins with a slash */
    struct mtr_str query; /* without its '?'; empty: none */
    struct mtr_http_header headers[SOURCE_CALL_HEADERS_MAX];
    uint32_t header_count;
    struct mtr_str body;
    int64_t timeout_us;                             /* 0: the client's */
    struct mtr_str certificate, key;                /* PEM, of this side; empty: none is shown */
    bool is_verbatim; /* its answer is wanted as it is stored: no content coding is asked for */
    uint64_t token_number; /* of the token it carries (auth/auth.h); 0: none */
};

/* Scheme, host, port, path and query of a whole URL, whose fragment is left out. MTR_EINVALID: another
 * scheme, a user in it, no host, a port out of range, a space or a control character; MTR_ELIMIT: too long;
 * MTR_ENOMEM. */
int source_call_set_url(struct source_call *call, struct mtr_str url, struct mtr_arena *arena) MTR_MUST_USE;
/* Texts are the caller's. MTR_ELIMIT: too many. */
int source_call_add_header(struct source_call *call, struct mtr_str name, struct mtr_str value) MTR_MUST_USE;

/* "api.acme.example", "[::1]:8443": what the header Host says, with a port that is not the scheme's. */
int source_call_write_host(const struct source_call *call, struct mtr_buffer *out) MTR_MUST_USE;
int source_call_write_url(const struct source_call *call, struct mtr_buffer *out) MTR_MUST_USE;

/* To the base's own host, port and scheme: where its credentials may go. */
bool source_call_goes_to(const struct source_call *call, const struct mtr_source_base *base);

#endif
