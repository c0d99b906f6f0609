/*
 * The step machine of a session, the same for every kind:
 *
 *             ┌──────────── renew_us is past, or a 401 ────────────┐
 *             ▼                                                    │
 *   EMPTY ─ ask ─▶ ASKING ─ auth_answered ─┬─ a token ─────────▶ HELD ─ apply ─▶ READY
 *     ▲              (one at a time)       │                        (until ends_us also while another is asked)
 *     └──────── again_us is past ──────────┴─ none: WAIT, or FAILED with an alarm
 *
 * Kinds without a token are always HELD: what they know stands in files.
 */
#include "collector/source/auth/auth.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/source/auth/driver.h"
#include "collector/source/failure.h"
#include "collector/source/limits/backoff.h"
#include "collector/source/limits/retry_after.h"
#include "meterd/core/time.h"

#define AGAIN_FIRST_US (INT64_C(5) * MTR_US_PER_SECOND)
#define AGAIN_MOST_US (INT64_C(600) * MTR_US_PER_SECOND)

/* ---- failures ---- */

static void wait_longer(struct auth_session *session, int64_t wait_us, int64_t now_us)
{
    uint64_t seed;
    memcpy(&seed, session->key, sizeof(seed));
    session->failures++;
    const int64_t own_us = backoff_us(seed, session->failures, AGAIN_FIRST_US, AGAIN_MOST_US);
    session->again_us = now_us + mtr_time_later(own_us, wait_us);
}

static void forgive(struct auth_session *session)
{
    session->failures = 0;
    session->again_us = 0;
    session->alarm = AUTH_ALARM_NONE;
    session->fault[0] = '\0';
}

/* A person has replaced a secret: what was wrong with the old one is past. */
static void look_at_secrets(struct auth_session *session)
{
    if (session->alarm != AUTH_ALARM_NONE && auth_secrets_changed(session)) forgive(session);
}

static bool is_asking(const struct auth_session *session, int64_t now_us)
{
    return now_us < session->asking_until_us;
}

static enum auth_step tell(const struct auth_session *session, struct auth_turn *turn)
{
    if (is_asking(session, turn->now_us)) { /* whoever hears of no answer looks again soon */
        turn->again_us = mtr_time_sooner(session->asking_until_us, turn->now_us + MTR_US_PER_SECOND);
        return AUTH_WAIT;
    }
    turn->alarm = session->alarm;
    turn->again_us = session->again_us;
    snprintf(turn->fault, sizeof(turn->fault), "%s", session->fault);
    return session->alarm == AUTH_ALARM_NONE ? AUTH_WAIT : AUTH_FAILED;
}

/* A hook's error: one that people or time must mend is kept for whoever asks next. */
static int note(struct auth_session *session, int rc, int64_t now_us)
{
    if (rc != MTR_EDENIED && rc != MTR_EAGAIN) return rc;
    wait_longer(session, 0, now_us);
    return MTR_OK;
}

/* ---- the step ---- */

static bool is_key_open(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && (status.st_mode & 077) != 0;
}

/* Certificate and key for the TLS of a call to whom they may be shown. */
static int show_certificate(struct auth_session *session, struct auth_turn *turn, struct source_call *call)
{
    const struct mtr_source_auth *auth = &session->source->auth;
    if (!auth->certificate_file.size) return MTR_OK;
    call->certificate_file = mtr_arena_strdup(turn->arena, auth->certificate_file);
    const struct mtr_str key = auth->key_file.size ? auth->key_file : auth->certificate_file;
    call->key_file = mtr_arena_strdup(turn->arena, key);
    if (!call->certificate_file || !call->key_file) return MTR_ENOMEM;
    if (is_key_open(call->key_file))
        return auth_fail(session, AUTH_ALARM_AUTH, "the key file `%.*s%s` can be read by others: chmod 600",
                         MTR_STR_QUOTED(key));
    return MTR_OK;
}

static bool has_token(const struct auth_session *session, int64_t now_us)
{
    return session->token.size > 0 && now_us < session->ends_us;
}

static int ask(struct auth_session *session, struct auth_turn *turn)
{
    turn->ask = (struct source_call){0};
    int rc = session->driver->ask(session, turn);
    if (!rc) rc = show_certificate(session, turn, &turn->ask);
    return rc;
}

/* READY: there is one to be used, or none is needed. */
static int get_token(struct auth_session *session, struct auth_turn *turn, enum auth_step *out)
{
    const bool is_held = has_token(session, turn->now_us);
    const bool is_old = !is_held || turn->now_us >= session->renew_us;
    *out = AUTH_READY;
    if (!session->driver->ask) return MTR_OK;
    if (is_old && !is_asking(session, turn->now_us) && turn->now_us >= session->again_us) {
        int rc = ask(session, turn);
        if (!rc) {
            session->asking_until_us = turn->now_us + AUTH_ASK_US_MAX;
            *out = AUTH_ASK;
            return MTR_OK;
        }
        rc = note(session, rc, turn->now_us);
        if (rc) return rc;
    }
    if (!is_held) *out = tell(session, turn);
    return MTR_OK;
}

static int apply(struct auth_session *session, struct auth_turn *turn)
{
    int rc = session->driver->apply(session, turn);
    if (!rc) rc = show_certificate(session, turn, turn->call);
    turn->call->token_number = session->number;
    return rc;
}

int auth_prepare(struct auth_session *session, struct auth_turn *turn, enum auth_step *out)
{
    turn->alarm = AUTH_ALARM_NONE;
    turn->again_us = 0;
    turn->fault[0] = '\0';
    turn->call->token_number = 0;
    *out = AUTH_READY;
    if (!source_call_goes_to(turn->call, turn->base)) return MTR_OK;
    look_at_secrets(session);
    if (!session->driver->ask && turn->now_us < session->again_us) {
        *out = tell(session, turn);
        return MTR_OK;
    }
    const bool may_try = turn->now_us >= session->again_us;
    int rc = session->driver->settle ? session->driver->settle(session, may_try) : MTR_OK;
    if (!rc) {
        rc = get_token(session, turn, out);
        if (rc || *out != AUTH_READY) return rc;
        rc = apply(session, turn);
        if (!rc) return MTR_OK;
    }
    if (may_try) rc = note(session, rc, turn->now_us);
    *out = tell(session, turn);
    return rc == MTR_EAGAIN || rc == MTR_EDENIED ? MTR_OK : rc;
}

/* ---- answers ---- */

static void note_answer(struct auth_session *session, int rc, int64_t now_us)
{
    if (rc == MTR_EAGAIN) session->alarm = AUTH_ALARM_NONE;
    else if (rc != MTR_EDENIED)
        auth_fail(session, AUTH_ALARM_NONE, "cannot get a token: %s", mtr_error_text(rc));
    wait_longer(session, 0, now_us);
}

static void take_answer(struct auth_session *session, const struct mtr_http_answer *answer, int64_t now_us)
{
    int rc = session->driver->answer(session, answer, now_us);
    if (!rc) {
        forgive(session);
        session->unproven = session->was_refused ? session->number : 0;
        session->was_refused = false;
    } else {
        note_answer(session, rc, now_us);
    }
    /* At once, since nobody may come for the token any more; whoever comes tries it again. */
    if (session->driver->settle && session->driver->settle(session, true)) wait_longer(session, 0, now_us);
}

/* The token endpoint itself has spoken: its driver knows what it means. */
static bool is_spoken(const struct mtr_http_answer *answer, enum source_failure failure)
{
    return failure == SOURCE_FINE || failure == SOURCE_RENEW || failure == SOURCE_DENIED ||
           (failure == SOURCE_REFUSED && !answer->error && answer->status >= 400);
}

void auth_answered(struct auth_session *session, const struct mtr_http_answer *answer, int64_t now_us)
{
    char text[SOURCE_FAILURE_BYTES];
    const enum source_failure failure = source_failure_of(answer, text);
    session->asking_until_us = 0;
    if (failure == SOURCE_STOPPED) return;
    if (is_spoken(answer, failure)) {
        take_answer(session, answer, now_us);
        return;
    }
    const bool is_passing = failure == SOURCE_SLOW || failure == SOURCE_RETRY;
    auth_fail(session, is_passing ? AUTH_ALARM_NONE : AUTH_ALARM_AUTH, "cannot get a token: %.300s", text);
    wait_longer(session, is_passing ? retry_after_of(answer, NULL, 0, now_us) : 0, now_us);
}

void auth_not_sent(struct auth_session *session) { session->asking_until_us = 0; }

bool auth_ask_must_end(const struct auth_session *session)
{
    const struct mtr_source_auth *auth = &session->source->auth;
    return auth->kind == MTR_AUTH_OAUTH2 && auth->oauth2->grant == MTR_GRANT_REFRESH_TOKEN;
}

void auth_accepted(struct auth_session *session, const struct source_call *call)
{
    if (call->token_number && call->token_number == session->unproven) session->unproven = 0;
}

bool auth_refused(struct auth_session *session, const struct source_call *call, int64_t now_us)
{
    if (!call->token_number) return false; /* none was sent: it is another host's word */
    if (call->token_number != session->number) return true;
    if (!session->driver->ask) {
        if (auth_secrets_changed(session)) return true;
        auth_fail(session, AUTH_ALARM_AUTH,
                  "the vendor does not take the credentials (401): check them, and the secret's file");
        wait_longer(session, 0, now_us);
        return false;
    }
    if (!session->token.size) return true; /* another one was refused before, and a new one is due */
    secret_wipe(&session->token);
    if (session->unproven != session->number) {
        session->was_refused = true;
        return true;
    }
    auth_fail(session, AUTH_ALARM_AUTH,
              "the vendor refuses a token that it has just given (401): check what it may be used for "
              "(scopes, audience, project)");
    wait_longer(session, 0, now_us);
    return false;
}
