/*
 * One request and its answer on a curl easy handle: what the multiplexed and the blocking client share.
 * Private to lib/net.
 */
#ifndef METERD_LIB_NET_HTTP_EXCHANGE_H
#define METERD_LIB_NET_HTTP_EXCHANGE_H

#include <curl/curl.h>

#include "meterd/net/http_client.h"

struct mtr_http_exchange {
    CURL *easy;                     /* borrowed */
    struct curl_slist *headers;
    struct mtr_http_answer *answer; /* borrowed; filled while curl runs */
    bool is_guarded;
    bool allow_loopback;
    bool allow_private;
    bool was_denied;                /* by the guard */
    bool was_too_large;
    char place[200];                /* "host:port" for sentences */
    char detail[CURL_ERROR_SIZE];
};

int http_exchange_init_curl(void) MTR_MUST_USE; /* once per process, from any thread */

/* Sets the easy handle up for call. MTR_EINVALID: the URL or a header; answer->reason says which. */
int http_exchange_begin(struct mtr_http_exchange *exchange, CURL *easy, const struct mtr_http_call *call,
                        bool is_guarded, struct mtr_http_answer *answer) MTR_MUST_USE;
/* After curl is done with it: error, status, reason. */
void http_exchange_conclude(struct mtr_http_exchange *exchange, CURLcode code);
void http_exchange_release(struct mtr_http_exchange *exchange);

#endif
