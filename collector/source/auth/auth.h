/*
 * How requests say who asks: `auth` of a source's document, a driver a file. A step machine: time, random
 * bytes and answers are passed in, secrets are read through hooks.
 *
 *   auth_open ─▶ session, one for all sources whose `auth` is equal
 *
 *   auth_prepare ─┬─ READY    the call carries its credentials: send it
 *                 ├─ ASK      send `ask` first, and give its answer to auth_answered, once, whatever came of it,
 *                 │           also while all is stopping; or say auth_not_sent
 *                 ├─ WAIT     another source's ASK is on its way, a file is being read or written (again_us
 *                 │           INT64_MAX: when something has happened), or the last one failed: at again_us
 *                 └─ FAILED   an alarm: a person must do something; again at again_us
 *
 *   answer of the call ─┬─ 401 ──▶ auth_refused: TRY once more (prepare again), or FAILED
 *                       └─ else ─▶ auth_accepted
 *
 * A token is renewed at 80 % of its life and at least 60 s before its end (of one that lives for less than
 * that allows, at half of it). While it is renewed the old one goes on being used until it ends. Only one
 * ASK of a session is on its way at a time; an answer that never comes is given up after AUTH_ASK_US_MAX. A
 * failed one is asked again later and later, at most every ten
 * minutes, or when the vendor says so (Retry-After).
 *
 * Secrets are read when they are needed, so that one which is replaced in its file needs no restart; files
 * that others may read are refused. A 401 of what has no token is tried once more if the file has changed
 * since. Files are read and written apart (hooks.run), and what was read is good for a second; of a file of
 * which nothing comes for AUTH_FILE_US_MAX that is said, and it is waited for still.
 *
 * Rotated refresh tokens are kept, sealed, before the access token that came with them is used; the one
 * before stays beside it until the next rotation, and is tried when the newer one is refused. That both are
 * refused is the alarm `reauthorize`.
 *
 * Credentials and client certificates go to the base's own scheme, host and port, and to where the document
 * asks for tokens (token_url, the login's request), alone: to other hosts (links to files) a call is READY as
 * it is.
 *
 * One thread. A session borrows the source it was last opened or lent with (auth_borrow): whoever uses it
 * lends one of its own first, since that of another may be gone by then. Private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_AUTH_AUTH_H
#define METERD_COLLECTOR_SOURCE_AUTH_AUTH_H

#include <stdint.h>

#include "collector/source/mask/mask.h"
#include "collector/source/call.h"
#include "meterd/net/blocking.h"
#include "meterd/net/http_client.h"

enum {
    AUTH_SECRET_BYTES_MAX = 64 << 10,
    AUTH_ANSWER_BYTES_MAX = 256 << 10, /* answer_bytes_max of an ASK */
    AUTH_FAULT_BYTES = 400,
    AUTH_NONCE_BYTES = 16,
    AUTH_KEY_BYTES = 32
};

/* What the sessions need of the world. */
struct auth_hooks {
    void *context; /* of those but run; called on the thread of a job, too */
    /* Appends the content of a secret's file to out (auth/secret_file.h). With an error `fault` is a sentence
     * that says what to do. */
    int (*read_secret)(void *context, struct mtr_str file, struct mtr_buffer *out,
                       char fault[AUTH_FAULT_BYTES]);
    /* The same of a certificate's file, which others may read. */
    int (*read_certificate)(void *context, struct mtr_str file, struct mtr_buffer *out,
                            char fault[AUTH_FAULT_BYTES]);
    /* Refresh tokens of a session, sealed and durable (auth/vault.h). load: MTR_ENOTFOUND when there are
     * none. keep: when it returns MTR_OK, a crash does not lose them. NULL, NULL: refresh tokens cannot
     * rotate. */
    int (*load)(void *context, const uint8_t key[AUTH_KEY_BYTES], struct mtr_buffer *out);
    int (*keep)(void *context, const uint8_t key[AUTH_KEY_BYTES], struct mtr_str text);
    /* The context is used by a job that may outlive all else. NULL, NULL: it lives longer. */
    void (*hold)(void *context);
    void (*release)(void *context);
    /* Runs the job apart, and then, on the sessions' thread, auth_file_ended, never from inside; or, when all
     * has ended, its drop. NULL: files are read and written where they are needed. */
    void (*run)(void *run_context, struct mtr_blocking_job *job);
    void *run_context;
    struct source_mask *mask; /* is told every secret that is used; NULL: nobody prints them */
};

#define AUTH_ASK_US_MAX (INT64_C(180) * 1000000)
#define AUTH_FILE_US_MAX (INT64_C(10) * 1000000)

struct auth_keeper; /* of all sessions */
struct auth_session;

/* hooks are copied. */
int auth_keeper_open(const struct auth_hooks *hooks, struct auth_keeper **out) MTR_MUST_USE;
void auth_keeper_close(struct auth_keeper *keeper); /* all sessions are closed; NULL is allowed */
/* The end is near: nothing is run apart any more. NULL is allowed. */
void auth_keeper_finish(struct auth_keeper *keeper);
void auth_file_ended(struct mtr_blocking_job *job, int64_t now_us);
/* What a job does must be done before the end: a refresh token that a crash would lose. */
bool auth_file_must_end(const struct mtr_blocking_job *job);

/* The session of sources whose auth equals this source's. MTR_EINVALID: a template of it is none. */
int auth_open(struct auth_keeper *keeper, const struct mtr_source *source,
              struct auth_session **out) MTR_MUST_USE;
void auth_hold(struct auth_session *session);  /* opened once more, for a request under way */
/* Its source from now on is this one, with equal auth. */
void auth_borrow(struct auth_session *session, const struct mtr_source *source);
void auth_close(struct auth_session *session); /* as often as opened; the last one wipes its tokens */

enum auth_step { AUTH_READY, AUTH_ASK, AUTH_WAIT, AUTH_FAILED };
enum auth_alarm { AUTH_ALARM_NONE, AUTH_ALARM_AUTH, AUTH_ALARM_REAUTHORIZE };

struct auth_turn {
    /* in */
    const struct mtr_source_base *base; /* the source's */
    int64_t now_us;
    uint8_t nonce[AUTH_NONCE_BYTES]; /* at random */
    struct mtr_arena *arena;         /* of the call and of `ask` */
    struct source_call *call;        /* as it was built: prepared only once */
    /* out */
    struct source_call ask; /* of ASK */
    enum auth_alarm alarm;  /* of FAILED */
    int64_t again_us;       /* of WAIT and FAILED */
    char fault[AUTH_FAULT_BYTES]; /* of WAIT (empty while another's ASK runs) and FAILED; without secrets */
};

/* Errors (MTR_ENOMEM, MTR_ELIMIT) leave the session as it was. */
int auth_prepare(struct auth_session *session, struct auth_turn *turn, enum auth_step *out) MTR_MUST_USE;
/* What came of an ASK. Then everybody who waits prepares again. */
void auth_answered(struct auth_session *session, const struct mtr_http_answer *answer, int64_t now_us);
void auth_not_sent(struct auth_session *session); /* an ASK that could not be: somebody else may try */
/* Whether an ASK on its way is not to be cancelled: it burns a refresh token, and its answer has the next. */
bool auth_ask_must_end(const struct auth_session *session);

/* The secrets of it that were used last, for words of the vendor's. */
int auth_mask(struct auth_session *session, struct source_mask *mask) MTR_MUST_USE;

/* The vendor answered a call that was READY: with 401, or with anything else that shows it was let in (a
 * status below 400, or 404, 409, 429: not 403). */
void auth_accepted(struct auth_session *session, const struct source_call *call);
/* True: prepare a fresh call. False: it is an alarm now. */
bool auth_refused(struct auth_session *session, const struct source_call *call, int64_t now_us);

#endif
