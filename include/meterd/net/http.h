/*
 * What HTTP's client and server share (RFC 9110): methods, headers, reason phrases.
 *
 *   const struct mtr_http_header headers[] = {{MTR_STR("Retry-After"), MTR_STR("1")}};
 *   mtr_http_respond(request, 503, headers, 1, &body);
 *
 * A method that is none of these never reaches a handler: the server answers it 501. Names of headers are
 * compared in lower case; the server hands them out so. Values are bytes without CR, LF and NUL. Texts are
 * borrowed from whoever made the header; names of methods and reasons are static. Any thread.
 */
#ifndef METERD_NET_HTTP_H
#define METERD_NET_HTTP_H

#include "meterd/core/str.h"

enum mtr_http_method {
    MTR_HTTP_GET,
    MTR_HTTP_HEAD,
    MTR_HTTP_POST,
    MTR_HTTP_PUT,
    MTR_HTTP_DELETE,
    MTR_HTTP_PATCH,
    MTR_HTTP_OPTIONS,
};
const char *mtr_http_method_name(enum mtr_http_method method); /* "GET" … */

struct mtr_http_header {
    struct mtr_str name;
    struct mtr_str value;
};

const char *mtr_http_reason(unsigned status); /* "Not Found"; "Unknown" for what is not in use here */

#endif
