/*
 * The blocking client of commands: one easy handle, whose connection is kept between calls.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/net/http_exchange.h"

struct mtr_http_session {
    CURL *easy;
};

int mtr_http_session_open(struct mtr_http_session **out)
{
    int rc = http_exchange_init_curl();
    if (rc) return rc;
    struct mtr_http_session *session = calloc(1, sizeof(*session));
    if (!session) return MTR_ENOMEM;
    session->easy = curl_easy_init();
    if (!session->easy) {
        free(session);
        return MTR_ENOMEM;
    }
    *out = session;
    return MTR_OK;
}

void mtr_http_session_close(struct mtr_http_session *session)
{
    if (!session) return;
    curl_easy_cleanup(session->easy);
    free(session);
}

int mtr_http_session_call(struct mtr_http_session *session, const struct mtr_http_call *call,
                          struct mtr_http_answer *answer)
{
    struct mtr_http_exchange exchange;
    curl_easy_reset(session->easy); /* options only: the connection stays */
    int rc = http_exchange_begin(&exchange, session->easy, call, NULL, false, answer);
    if (rc) return rc;
    CURLcode code = curl_easy_perform(session->easy);
    MTR_ASSERT(!exchange.is_paused); /* nobody could resume it */
    http_exchange_conclude(&exchange, code);
    http_exchange_release(&exchange);
    curl_easy_reset(session->easy); /* it must not point to the exchange any more */
    return answer->error;
}
