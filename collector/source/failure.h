/*
 * What an answer of a vendor means before anybody reads its body: who tries again, and who calls a person.
 *
 *   status                        verdict
 *   200 … 299                     FINE
 *   206                           REFUSED   a part of what was asked for, which nobody asked for
 *   401                           RENEW     the token, once (auth/auth.h)
 *   403                           DENIED    the alarm `auth`: credentials are right, and may not do this
 *   429                           SLOW      later, and less often
 *   408, 425, 5xx, broken off, timed out, no connection, no such host
 *                                 RETRY     later
 *   certificates, guard           DISTRUST  an alarm: its sentence says what to do
 *   3xx                           REFUSED   redirects are not followed: its sentence says where it leads
 *   a coding not asked for        REFUSED   it comes so each time
 *   other 4xx                     REFUSED   the request is wrong, or there is nothing (`absent` is asked before)
 *   larger than allowed           LARGE     the alarm `limit`
 *   cancelled                     STOPPED   nobody's failure
 *
 * Pure.
 */
#ifndef METERD_COLLECTOR_SOURCE_FAILURE_H
#define METERD_COLLECTOR_SOURCE_FAILURE_H

#include <stdbool.h>

#include "meterd/net/http_client.h"

enum source_failure {
    SOURCE_FINE,
    SOURCE_RENEW,
    SOURCE_DENIED,
    SOURCE_SLOW,
    SOURCE_RETRY,
    SOURCE_DISTRUST,
    SOURCE_REFUSED,
    SOURCE_LARGE,
    SOURCE_STOPPED
};

enum { SOURCE_FAILURE_BYTES = 400 };

/* `text`: a sentence about it, empty of FINE and STOPPED; it holds nothing of the body, and of headers only
 * where a redirect leads, without its query. */
enum source_failure source_failure_of(const struct mtr_http_answer *answer, char text[SOURCE_FAILURE_BYTES]);

/* 2xx, but 206: its body is the whole answer. */
bool source_status_is_fine(unsigned status);

/* It is the host that is in trouble: circuit breakers count it. */
bool source_failure_is_of_host(enum source_failure failure);

#endif
