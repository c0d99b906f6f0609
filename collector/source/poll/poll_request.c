/*
 * The next request of a poll: built, given its credentials, let through gate and breaker, and sent.
 */
#include <stdio.h>
#include <string.h>

#include "collector/source/poll/poll_state.h"
#include "collector/source/request/request_build.h"

/* False: it was not sent, and the poll waits or has failed. */
static bool send_call(struct mtr_poll *poll, const struct source_call *call, int64_t now_us)
{
    int64_t again_us;
    if (!breaker_enter(poll->task.breaker, now_us, &again_us)) {
        poll_wait(poll, again_us);
        return false;
    }
    if (!gate_enter(poll->task.gate, now_us, &again_us)) {
        breaker_leave(poll->task.breaker, SOURCE_STOPPED, now_us);
        poll_wait(poll, again_us);
        return false;
    }
    poll->entered_us = now_us;
    poll->is_inside = true;
    poll->state = POLL_ASKING;
    int rc = poll->task.hooks->send(poll->task.hooks->context, poll, call);
    if (!rc) return true;
    gate_leave(poll->task.gate, now_us, SOURCE_STOPPED, 0, now_us);
    breaker_leave(poll->task.breaker, SOURCE_STOPPED, now_us);
    poll->is_inside = false;
    if (rc == MTR_EAGAIN)
        poll_wait(poll, now_us + MTR_US_PER_SECOND / 4);
    else
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "the request cannot be sent: %s",
                    mtr_error_text(rc));
    return false;
}

static void reset_answer(struct mtr_poll *poll)
{
    (void)XXH3_128bits_reset(poll->hash);
    mtr_buffer_reset(&poll->incoming);
    mtr_buffer_reset(&poll->feeding);
    mtr_buffer_reset(&poll->body_begin);
    mtr_buffer_reset(&poll->headers);
    poll->body_bytes = 0;
    poll->status = 0;
    poll->has_ended = poll->is_streaming = poll->is_paused = poll->has_begun_page = false;
    poll->answer.is_broken = false;
    poll->job_rc = 0;
}

static void take_auth_fault(struct mtr_poll *poll, const struct auth_turn *turn)
{
    const enum mtr_alarm alarm =
        turn->alarm == AUTH_ALARM_REAUTHORIZE ? MTR_ALARM_REAUTHORIZE : MTR_ALARM_AUTH;
    poll->report.wait_us = turn->again_us > turn->now_us ? turn->again_us - turn->now_us : 0;
    poll_finish(poll, POLL_FAILED, alarm, "%s", turn->fault);
}

/* There is no token yet: another asks for it, or whoever gives them cannot be asked. The latter is waited for
 * as an answer is, and then told: a source does not stand still without a word. */
static void wait_for_token(struct mtr_poll *poll, const struct auth_turn *turn)
{
    enum { WAITS_MAX = 3 };
    if (!turn->fault[0] || poll->tries < WAITS_MAX) {
        poll->tries += turn->fault[0] != '\0';
        snprintf(poll->answer.text, sizeof(poll->answer.text), "%s", turn->fault);
        poll_wait(poll, turn->again_us);
        return;
    }
    poll->report.wait_us = turn->again_us - turn->now_us;
    poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "%s", turn->fault);
}

static void prepare(struct mtr_poll *poll, int64_t now_us)
{
    enum auth_step step;
    struct auth_turn turn = {
        .base = &poll->task.source->base, .now_us = now_us, .arena = &poll->call_arena, .call = &poll->call};
    poll->task.hooks->nonce(poll->task.hooks->context, turn.nonce);
    poll->plain_header_count = poll->call.header_count;
    int rc = auth_prepare(poll_auth(poll), &turn, &step);
    if (rc) {
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "credentials: %s", mtr_error_text(rc));
        return;
    }
    switch (step) {
    case AUTH_READY: (void)send_call(poll, &poll->call, now_us); break;
    case AUTH_ASK:
        poll->is_token_request = true;
        if (!send_call(poll, &turn.ask, now_us)) auth_not_sent(poll_auth(poll)); /* others need not wait */
        break;
    case AUTH_WAIT: wait_for_token(poll, &turn); break;
    case AUTH_FAILED: take_auth_fault(poll, &turn); break;
    }
}

void poll_ask(struct mtr_poll *poll, int64_t now_us)
{
    struct paging_request paging;
    const char *fault = "";
    mtr_arena_reset(&poll->call_arena);
    reset_answer(poll);
    poll->is_token_request = false;
    poll->call = (struct source_call){0};
    if (vendor_job_notes_first(poll, now_us)) return;
    paging_request(poll->paging, &paging);
    struct request_ask ask = {.source = poll->task.source,
                                    .strand = &poll->task.strand,
                                    .subscription = poll->task.subscription,
                                    .window = poll_window(poll),
                                    .paging = &paging,
                                    .since_us = poll->task.since_us,
                                    .now_us = now_us};
    if (!vendor_job_request(poll, &ask, &paging)) poll_choose_page(poll, &paging);
    int rc = request_build(&ask, &poll->call_arena, &poll->call, &fault);
    if (rc == MTR_EINVALID && vendor_job_cannot_ask(poll, fault)) return;
    if (rc)
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "the request cannot be made: %s",
                    fault[0] ? fault : mtr_error_text(rc));
    else
        prepare(poll, now_us);
}
