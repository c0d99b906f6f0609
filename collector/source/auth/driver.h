/*
 * Kinds of auth: a const struct of hooks, a file of its own and a row in driver.c. Private to auth/.
 *
 *   open     once: templates and state in the session's arena; NULL: it needs none
 *   close    wipes what the state holds; NULL: it holds nothing
 *   ask      what to send for a token, into turn->ask; NULL: the kind needs none
 *   answer   a token out of what came with a status that is no trouble of the host
 *   settle   before a token is used or asked for: makes durable what must be. MTR_EAGAIN: it is not, also when
 *            it may not be tried now; NULL: nothing must
 *   apply    puts credentials on a call for the base's host
 *
 * Hooks return MTR_ENOMEM and MTR_ELIMIT for what nobody can mend here, MTR_EDENIED after auth_fail for what
 * needs a person, and MTR_EAGAIN after auth_fail for what time may mend.
 */
#ifndef METERD_COLLECTOR_SOURCE_AUTH_DRIVER_H
#define METERD_COLLECTOR_SOURCE_AUTH_DRIVER_H

#include "collector/source/auth/session.h"

struct auth_driver {
    const char *name; /* as documents say it */
    enum mtr_auth_kind kind;
    int (*open)(struct auth_session *session);
    void (*close)(struct auth_session *session);
    int (*ask)(struct auth_session *session, struct auth_turn *turn);
    int (*answer)(struct auth_session *session, const struct mtr_http_answer *answer, int64_t now_us);
    int (*settle)(struct auth_session *session, bool may_try);
    int (*apply)(struct auth_session *session, struct auth_turn *turn);
};

extern const struct auth_driver auth_none, auth_presigned, auth_basic, auth_header, auth_query, auth_oauth2,
    auth_login, auth_aws_sigv4, auth_hmac;

const struct auth_driver *auth_driver_of(enum mtr_auth_kind kind); /* never NULL */

#endif
