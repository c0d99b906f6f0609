/*
 * What HTTP client and server share: methods, headers, reason phrases.
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
const char *mtr_http_method_name(enum mtr_http_method method);

struct mtr_http_header {
    struct mtr_str name;
    struct mtr_str value;
};

const char *mtr_http_reason(unsigned status); /* "Not Found"; "Unknown" for what is not in use here */

#endif
