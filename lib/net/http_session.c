/*
 * The blocking client of commands: an easy handle for each call, and a connection that is kept between them.
 * A handle that is used again has, in libcurl 7.88, a pointer to the last header of the answer before, which
 * is gone: a peer that begins an answer with a folded header would have it read.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/net/http_exchange.h"

struct mtr_http_session {
    CURLSH *kept; /* connections; one thread at a time */
};

int mtr_http_session_open(struct mtr_http_session **out)
{
    int rc = http_exchange_init_curl();
    if (rc) return rc;
    struct mtr_http_session *session = calloc(1, sizeof(*session));
    if (!session) return MTR_ENOMEM;
    session->kept = curl_share_init();
    if (!session->kept || curl_share_setopt(session->kept, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT)) {
        mtr_http_session_close(session);
        return MTR_ENOMEM;
    }
    *out = session;
    return MTR_OK;
}

void mtr_http_session_close(struct mtr_http_session *session)
{
    if (!session) return;
    curl_share_cleanup(session->kept);
    free(session);
}

int mtr_http_session_call(struct mtr_http_session *session, const struct mtr_http_call *call,
                          struct mtr_http_answer *answer)
{
    struct mtr_http_exchange exchange;
    CURL *easy = curl_easy_init();
    if (!easy) return MTR_ENOMEM;
    int rc = http_exchange_begin(&exchange, easy, call, NULL, false, answer);
    if (!rc && curl_easy_setopt(easy, CURLOPT_SHARE, session->kept)) rc = MTR_ENOMEM;
    if (!rc) {
        CURLcode code = curl_easy_perform(easy);
        MTR_ASSERT(!exchange.is_paused); /* nobody could resume it */
        http_exchange_conclude(&exchange, code);
        rc = answer->error;
    }
    curl_easy_cleanup(easy); /* before what it points to */
    http_exchange_release(&exchange);
    return rc;
}
