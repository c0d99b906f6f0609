/*
 * Signature Version 4 of AWS, in the header Authorization: who asks, proven by a keyed hash over all of the
 * request that matters.
 *
 *   struct mtr_aws_identity identity = {.access_key = …, .secret = …, .region = …, .service = MTR_STR("s3")};
 *   struct mtr_aws_request request = {.method = …, .host = …, .path = …, .query = …};
 *   int rc = mtr_aws_sign(&identity, &request, now_us, &arena, &out);
 *   … send out.path, "?", out.query, the request's own headers and out.headers …
 *
 * A signature fails on any difference of spelling between what is signed and what is sent. So path and query
 * come back in the one spelling that is signed (letters, digits and -._~ plain, all else %XX, the query
 * sorted, '+' read as a space), and that must be sent. For s3 a path is a key, kept to the letter; for
 * other services empty and dotted segments go, and the path is signed escaped once more, as they want it.
 *
 * The signed hash of the body is also sent to s3, which demands it (x-amz-content-sha256). A session token is
 * sent and signed.
 *
 * The secret is borrowed for the call and what is derived of it wiped. Results live in the arena. Pure, any
 * thread: the time is an argument.
 */
#ifndef METERD_NET_SIGN_AWS_H
#define METERD_NET_SIGN_AWS_H

#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"
#include "meterd/net/http.h"

enum {
    MTR_AWS_HEADERS_SIGNED_MAX = 64,
    MTR_AWS_HEADERS_MAX = 4,
};

struct mtr_aws_identity {
    struct mtr_str access_key;    /* AKIA…: no secret, it is sent */
    struct mtr_str secret;
    struct mtr_str session_token; /* empty: none */
    struct mtr_str region;        /* eu-west-1 */
    struct mtr_str service;       /* s3, execute-api, ce */
};

struct mtr_aws_request {
    struct mtr_str method;
    struct mtr_str host;  /* as the header Host will have it: "localhost:9000", without a usual port */
    struct mtr_str path;  /* of the URL, escaped or not; empty is "/" */
    struct mtr_str query; /* behind its '?'; may be empty */
    /* All that will be sent, less what the client adds; signed, but for those that proxies change: Expect,
     * User-Agent, X-Amzn-Trace-Id. */
    const struct mtr_http_header *headers;
    uint32_t header_count;
    struct mtr_str body;
};

struct mtr_aws_signed {
    struct mtr_str path;  /* to be sent */
    struct mtr_str query;
    struct mtr_http_header headers[MTR_AWS_HEADERS_MAX]; /* to be sent beside the request's own */
    uint32_t header_count;
};

/* now_us: the server allows some minutes to either side. Errors: MTR_EINVALID (a broken escape, or a path or
 * query that is not UTF-8), MTR_ELIMIT (too many headers or parameters), MTR_ENOMEM. */
int mtr_aws_sign(const struct mtr_aws_identity *identity, const struct mtr_aws_request *request,
                 int64_t now_us, struct mtr_arena *arena, struct mtr_aws_signed *out) MTR_MUST_USE;

#endif
