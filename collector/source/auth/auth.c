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

#include "collector/source/auth/driver.h"
#include "collector/source/auth/file_access.h"
#include "collector/source/failure.h"
#include "collector/source/limits/retry_after.h"
#include "meterd/core/time.h"

/* ---- failures ---- */

static void forgive(struct auth_session *session)
{
    session->failures = 0;
    session->again_us = 0;
    session->alarm = AUTH_ALARM_NONE;
    session->fault[0] = '\0';
}

/* A person has replaced a secret: what was wrong with the old one is past. True: whether, is being read. */
static bool look_at_secrets(struct auth_session *session)
{
    if (session->alarm == AUTH_ALARM_NONE) return false;
    const enum auth_change change = auth_secrets_changed(session);
    if (change == AUTH_CHANGED) forgive(session);
    return change == AUTH_COMING;
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

/* For a file that is on its way: whoever hears of it, hears of it soon. */
static int wait_for_file(struct auth_turn *turn, enum auth_step *out)
{
    turn->again_us = INT64_MAX;
    *out = AUTH_WAIT;
    return MTR_OK;
}

/* A hook's error: one that people or time must mend is kept for whoever asks next. */
static int note(struct auth_session *session, int rc, int64_t now_us)
{
    if (rc != MTR_EDENIED && rc != MTR_EAGAIN) return rc;
    auth_wait_longer(session, 0, now_us);
    return MTR_OK;
}

/* ---- the step ---- */

static int copy_file(struct auth_session *session, struct mtr_str file, bool is_secret,
                     struct mtr_arena *arena, struct mtr_str *out)
{
    struct mtr_buffer text;
    mtr_buffer_init(&text, AUTH_SECRET_BYTES_MAX + 1);
    int rc = is_secret ? auth_read_secret(session, file, &text) : auth_read_certificate(session, file, &text);
    if (!rc) rc = mtr_arena_copy(arena, mtr_buffer_str(&text), out);
    secret_wipe(&text);
    return rc;
}

/* Certificate and key for the TLS of a call to whom they may be shown. Without a key's file it stands in the
 * certificate's, which is a secret then. */
static int show_certificate(struct auth_session *session, struct auth_turn *turn, struct source_call *call)
{
    const struct mtr_source_auth *auth = &session->source->auth;
    const bool has_key = auth->key_file.size > 0;
    if (!auth->certificate_file.size) return MTR_OK;
    int rc = copy_file(session, auth->certificate_file, !has_key, turn->arena, &call->certificate);
    return rc || !has_key ? rc : copy_file(session, auth->key_file, true, turn->arena, &call->key);
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
        if (session->is_waiting && !is_held) return wait_for_file(turn, out);
        if (!session->is_waiting) rc = note(session, rc, turn->now_us);
        else rc = MTR_OK; /* the old one is used meanwhile */
        session->is_waiting = false;
        if (rc) return rc;
    }
    if (!is_held) *out = tell(session, turn);
    return MTR_OK;
}

static int refuse(struct auth_session *session)
{
    return auth_fail(session, AUTH_ALARM_AUTH,
                     "the vendor does not take the credentials (401): check them, and the secret's file");
}

/* They have been read since. */
static int judge_refused(struct auth_session *session)
{
    const bool is_same = session->refused && session->refused == session->number;
    session->refused = 0;
    return is_same ? refuse(session) : MTR_OK;
}

static int apply(struct auth_session *session, struct auth_turn *turn)
{
    int rc = session->driver->apply(session, turn);
    if (!rc) rc = judge_refused(session);
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
    session->now_us = turn->now_us;
    session->is_waiting = false;
    if (!source_call_goes_to(turn->call, turn->base)) return MTR_OK;
    if (look_at_secrets(session)) return wait_for_file(turn, out);
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
    if (session->is_waiting) return wait_for_file(turn, out);
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
    auth_wait_longer(session, 0, now_us);
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
    if (!session->driver->settle) return;
    rc = session->driver->settle(session, true);
    if (rc && !session->is_waiting) auth_wait_longer(session, 0, now_us);
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
    session->now_us = now_us;
    session->is_waiting = false;
    if (failure == SOURCE_STOPPED) return;
    if (is_spoken(answer, failure)) {
        take_answer(session, answer, now_us);
        return;
    }
    const bool is_passing = failure == SOURCE_SLOW || failure == SOURCE_RETRY;
    auth_fail(session, is_passing ? AUTH_ALARM_NONE : AUTH_ALARM_AUTH, "cannot get a token: %.300s", text);
    auth_wait_longer(session, is_passing ? retry_after_of(answer, NULL, 0, now_us) : 0, now_us);
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
    session->now_us = now_us;
    if (!session->driver->ask) {
        auth_forget_secrets(session);
        const enum auth_change change = auth_secrets_changed(session);
        if (change == AUTH_COMING) session->refused = session->number;
        if (change != AUTH_SAME) return true;
        (void)refuse(session);
        auth_wait_longer(session, 0, now_us);
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
    auth_wait_longer(session, 0, now_us);
    return false;
}

/* ---- files ---- */

void auth_file_ended(struct mtr_blocking_job *job, int64_t now_us)
{
    file_access_end((struct file_access *)job, now_us);
}

bool auth_file_must_end(const struct mtr_blocking_job *job)
{
    return ((const struct file_access *)job)->kind == FILE_ACCESS_KEEP;
}
