/*
 * One request and its answer on a curl easy handle: what the multiplexed and the blocking client share.
 * Private to lib/net.
 */
#ifndef METERD_LIB_NET_HTTP_EXCHANGE_H
#define METERD_LIB_NET_HTTP_EXCHANGE_H

#include <curl/curl.h>

#include "lib/net/http_body.h"

enum { HTTP_ANSWER_HEADERS_BYTES_MAX = 64 << 10 };

struct mtr_http_exchange {
    CURL *easy;                     /* borrowed */
    struct curl_slist *headers;
    struct mtr_http_answer *answer; /* borrowed; filled while curl runs */
    struct http_body body;
    bool is_guarded;
    bool allow_loopback;
    bool allow_private;
    bool was_denied;                /* by the guard */
    const char *allowed_by;         /* of the call */
    const char *lacking;            /* what would allow it, as "allow_private"; NULL: nothing does */
    bool has_large_headers;
    bool has_all_headers;           /* the empty line behind them came; an end before it is theirs to curl */
    bool is_paused;                 /* until http_exchange_resume */
    uint32_t timeout_ms;            /* without pauses */
    int64_t paused_us;              /* since when; of the monotonic clock */
    int64_t pauses_us;              /* all of them that are over */
    char place[200];                /* "host:port" for sentences */
    char detail[CURL_ERROR_SIZE];
};

int http_exchange_init_curl(void) MTR_MUST_USE; /* once per process, from any thread */

/* Sets the easy handle up for call, whose pieces go to context. MTR_EINVALID: the URL or a header;
 * answer->reason says which. */
int http_exchange_begin(struct mtr_http_exchange *exchange, CURL *easy, const struct mtr_http_call *call,
                        void *context, bool is_guarded, struct mtr_http_answer *answer) MTR_MUST_USE;
/* Goes on after a pause; curl may hand out pieces from inside. Not CURLE_OK: the transfer has ended. */
CURLcode http_exchange_resume(struct mtr_http_exchange *exchange) MTR_MUST_USE;
/* After curl is done with it: error, status, reason. */
void http_exchange_conclude(struct mtr_http_exchange *exchange, CURLcode code);
void http_exchange_release(struct mtr_http_exchange *exchange);

/* http_failure.c: what curl's code means for us, and the sentence of it in the answer. */
bool http_has_large_headers(const struct mtr_http_exchange *exchange, CURLcode code);
int http_failure_of(const struct mtr_http_exchange *exchange, CURLcode code);
void http_failure_explain(struct mtr_http_exchange *exchange, CURLcode code);

#endif
