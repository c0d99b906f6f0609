/*
 * What comes back: pieces of a body, and how the answer ended.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/limits/backoff.h"
#include "collector/source/limits/retry_after.h"
#include "collector/source/poll/poll_state.h"

/* ---- pieces ---- */

/* The first bytes of the body. */
static int keep_begin(struct mtr_poll *poll, struct mtr_str piece, size_t bytes_max)
{
    const size_t room = bytes_max - poll->body_begin.size;
    return mtr_buffer_append(&poll->body_begin, piece.data, piece.size < room ? piece.size : room);
}

int poll_piece(struct mtr_poll *poll, const struct mtr_http_answer *answer, struct mtr_str piece)
{
    const bool is_working = poll->state == POLL_WORKING;
    poll->status = answer->status;
    if (poll->is_token_request || !source_status_is_fine(answer->status))
        return keep_begin(poll, piece, POLL_ERROR_BYTES);
    if (poll->job_rc) return MTR_ECLOSED;
    if (!poll->is_again && poll->incoming.size + piece.size > POLL_BUFFER_BYTES) {
        if (is_working) {
            poll->is_paused = true;
            return MTR_EAGAIN;
        }
        poll->is_streaming = true;
        poll_feed_on(poll);
    }
    (void)XXH3_128bits_update(poll->hash, piece.data, piece.size);
    poll->body_bytes += piece.size;
    poll->report.bytes += piece.size;
    if (poll->is_again) return MTR_OK;
    int rc = keep_begin(poll, piece, POLL_TOLD_BYTES + 1); /* one more: it is seen that it goes on */
    return rc ? rc : mtr_buffer_append(&poll->incoming, piece.data, piece.size);
}

/* ---- the end ---- */

/* Of all answers of a reading the one that is furthest off: several machines may give them. */
static void note_skew(struct mtr_poll *poll, const struct mtr_http_answer *answer, int64_t now_us)
{
    struct mtr_str text;
    int64_t date_us;
    uint64_t age_s;
    if (!mtr_http_answer_header(answer, "date", &text) || !http_date_parse(text, &date_us)) return;
    if (mtr_http_answer_header(answer, "age", &text) && mtr_str_to_u64(text, &age_s) && age_s < 86400)
        date_us += (int64_t)age_s * MTR_US_PER_SECOND; /* a cache has kept it for so long */
    const int64_t skew_us = date_us < poll->entered_us ? date_us - poll->entered_us
                            : date_us > now_us         ? date_us - now_us
                                                       : 0;
    const int64_t known_us = poll->report.skew_us;
    if (known_us == INT64_MIN || llabs(skew_us) > llabs(known_us)) poll->report.skew_us = skew_us;
}

static enum mtr_alarm alarm_of(enum source_failure failure)
{
    switch (failure) {
    case SOURCE_RENEW:
    case SOURCE_DENIED: return MTR_ALARM_AUTH;
    case SOURCE_LARGE: return MTR_ALARM_LIMIT;
    case SOURCE_STOPPED: return MTR_ALARM_NONE;
    case SOURCE_FINE:
    case SOURCE_SLOW:
    case SOURCE_RETRY:
    case SOURCE_DISTRUST:
    case SOURCE_REFUSED: break;
    }
    return MTR_ALARM_FAILING;
}

void poll_fail_answer(struct mtr_poll *poll)
{
    poll->report.wait_us = poll->answer.wait_us;
    poll_quote_answer(poll);
    poll_finish(poll, POLL_FAILED, alarm_of(poll->answer.failure), "%s",
                poll->answer.text[0] ? poll->answer.text : "it was stopped");
}

/* The same request again, as long as nothing of its page was used. */
static bool tries_again(struct mtr_poll *poll, enum source_failure failure, int64_t wait_us, int64_t now_us)
{
    const bool may = (failure == SOURCE_RETRY || failure == SOURCE_SLOW) && !poll->is_streaming &&
                     poll->tries < POLL_TRIES_MAX && !poll->is_stopping;
    if (!may) return false;
    poll->tries++;
    const uint64_t seed = poll->task.number ^ (uint64_t)poll->task.window.from_us;
    const int64_t ours_us = backoff_us(seed, poll->tries, MTR_US_PER_SECOND, 60 * MTR_US_PER_SECOND);
    poll_wait(poll, now_us + (wait_us > ours_us ? wait_us : ours_us));
    return true;
}

static void take_failure(struct mtr_poll *poll, enum source_failure failure, int64_t wait_us, int64_t now_us)
{
    if (failure == SOURCE_RENEW && !poll->is_stopping && auth_refused(poll_auth(poll), &poll->call, now_us)) {
        poll_wait(poll, now_us); /* a fresh token */
        return;
    }
    if (vendor_job_failed(poll, failure, now_us)) return;
    if (paging_expired(poll->paging, poll->status)) {
        vendor_job_renew(poll);
        poll_wait(poll, now_us); /* the manifest, for fresh links */
        return;
    }
    if (poll_take_condition(poll, now_us) || tries_again(poll, failure, wait_us, now_us)) return;
    poll_fail_answer(poll);
}

static void leave(struct mtr_poll *poll, enum source_failure failure, int64_t wait_us, int64_t now_us)
{
    MTR_ASSERT(poll->is_inside);
    poll->is_inside = false;
    gate_leave(poll->task.gate, poll->entered_us, failure, wait_us, now_us);
    breaker_leave(poll->task.breaker, failure, now_us);
}

static void take_token(struct mtr_poll *poll, struct mtr_http_answer *answer, int64_t now_us)
{
    answer->body = poll->body_begin; /* the pieces that came; lent */
    auth_answered(poll_auth(poll), answer, now_us);
    mtr_buffer_init(&answer->body, 0);
    if (poll->is_stopping)
        poll_finish(poll, POLL_FAILED, MTR_ALARM_NONE, "it was stopped");
    else
        poll_wait(poll, now_us);
}

/* What leads elsewhere, as to where one logs in, and what was never sent, say nothing of credentials. */
static bool lets_in(const struct mtr_http_answer *answer, enum source_failure failure)
{
    const bool is_said = answer->status / 100 == 2 || answer->status / 100 == 4;
    return failure == SOURCE_FINE || (failure == SOURCE_REFUSED && is_said);
}

static void answered(struct mtr_poll *poll, struct mtr_http_answer *answer, int64_t now_us)
{
    const int64_t wait_us = retry_after_of(answer, poll->task.source->answer.retry_after,
                                           poll->task.source->answer.retry_after_count, now_us);
    enum source_failure failure = source_failure_of(answer, poll->answer.text);
    poll->status = answer->status;
    note_skew(poll, answer, now_us);
    leave(poll, failure, wait_us, now_us);
    if (poll->is_token_request) { /* while stopping, too: a refresh token may have been rotated */
        take_token(poll, answer, now_us);
        return;
    }
    if (failure == SOURCE_FINE) auth_accepted(poll_auth(poll), &poll->call);
    poll->report.is_let_in = poll->report.is_let_in || lets_in(answer, failure);
    poll->has_ended = true;
    poll->answer.failure = failure;
    poll->answer.wait_us = wait_us;
    poll->answer.is_broken = failure != SOURCE_FINE;
    int rc = mtr_buffer_append(&poll->headers, answer->headers.data, answer->headers.size);
    if (rc) poll->job_rc = rc;
    if (poll->state == POLL_WORKING) return; /* the pool has it: poll_worked goes on */
    if (poll->job_rc)
        poll_fail_job(poll);
    else if (failure != SOURCE_FINE && poll->is_streaming)
        poll_fail_answer(poll);
    else if (failure != SOURCE_FINE)
        take_failure(poll, failure, wait_us, now_us);
    else if (poll->is_again)
        poll_page_ended(poll, now_us);
    else
        poll_feed_on(poll);
}

void poll_answered(struct mtr_poll *poll, struct mtr_http_answer *answer, int64_t now_us)
{
    answered(poll, answer, now_us);
    vendor_job_settle(poll, now_us);
}
