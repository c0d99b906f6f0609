/*
 * The poll's way from state to state. Requests are made in poll_request.c, pages weighed in poll_page.c.
 *
 * Invariant: at most one thing is under way for a poll: a request, a job on the pool (beside which pieces of
 * a body may still come), or a part in the intake.
 */
#include "collector/source/poll/poll.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/poll/poll_state.h"

enum { ARENA_BYTES_MAX = 256 << 10, CALL_BYTES_MAX = 4 << 20 };

enum poll_state poll_state(const struct mtr_poll *poll) { return poll->state; }

int64_t poll_again_us(const struct mtr_poll *poll) { return poll->again_us; }

bool poll_has_pages(const struct mtr_poll *poll)
{
    return poll->reading && reading_page_count(poll->reading);
}

bool poll_backs_off(const struct mtr_poll *poll)
{
    return poll->state == POLL_WAITING && poll->tries && !poll->request;
}

bool poll_folds(const struct mtr_poll *poll) { return poll->state == POLL_WORKING && poll->job == POLL_FOLD; }

uint64_t poll_folds_seq(const struct mtr_poll *poll) { return poll->committed_seq; }

bool poll_has_deferred(const struct mtr_poll *poll) { return poll->has_deferred; }

bool poll_fold_failed(const struct mtr_poll *poll) { return poll_folds(poll) && poll->job_rc; }

const struct poll_task *poll_task(const struct mtr_poll *poll) { return &poll->task; }

const struct poll_report *poll_report(const struct mtr_poll *poll)
{
    MTR_ASSERT(poll->state == POLL_DONE);
    return &poll->report;
}

struct mtr_reading_counts poll_counts(const struct poll_report *report)
{
    const struct reading_counts *counts = &report->counts;
    return (struct mtr_reading_counts){.rows = counts->rows,
                                       .skipped = counts->skipped,
                                       .problems = counts->problems,
                                       .repeated = counts->repeated,
                                       .same = counts->same,
                                       .added = counts->added,
                                       .changed = counts->changed,
                                       .gone = counts->gone,
                                       .moved = counts->moved,
                                       .elsewhere = counts->elsewhere,
                                       .refused = report->refused,
                                       .held = report->held,
                                       .not_active = report->not_active};
}

bool poll_asks_token(const struct mtr_poll *poll) { return poll->is_token_request; }

const struct verdict *poll_verdict(const struct mtr_poll *poll)
{
    return poll->has_verdict ? &poll->verdict : NULL;
}

const struct reading *poll_reading(const struct mtr_poll *poll) { return poll->reading; }

struct mtr_dry_rows *poll_dry_rows(const struct mtr_poll *poll) { return poll->dry_rows; }

void *poll_handle(const struct mtr_poll *poll) { return poll->handle; }

void poll_set_handle(struct mtr_poll *poll, void *handle) { poll->handle = handle; }

/* ---- opening ---- */

static int copy_texts(struct mtr_poll *poll)
{
    struct mtr_strand *strand = &poll->task.strand;
    int rc = mtr_arena_copy(&poll->arena, strand->vendor, &strand->vendor);
    if (!rc) rc = mtr_arena_copy(&poll->arena, strand->source, &strand->source);
    if (!rc) rc = mtr_arena_copy(&poll->arena, strand->each, &strand->each);
    if (!rc) rc = mtr_arena_copy(&poll->arena, poll->task.job.id, &poll->task.job.id);
    if (!rc) rc = mtr_arena_copy(&poll->arena, poll->task.job.known, &poll->task.job.known);
    return rc ? rc : mtr_arena_copy(&poll->arena, poll->task.resume, &poll->task.resume);
}

int poll_open(const struct poll_task *task, int64_t now_us, struct mtr_poll **out, struct poll_report *report)
{
    const char *fault = "";
    struct mtr_poll *poll = calloc(1, sizeof(*poll));
    if (!poll) return MTR_ENOMEM;
    poll->task = *task;
    if (task->auth) auth_hold(task->auth); /* the document may change meanwhile */
    poll->entered_us = now_us;
    poll->report.skew_us = INT64_MIN;
    poll->again_us = now_us;
    mtr_arena_init(&poll->arena, 1 << 10, ARENA_BYTES_MAX);
    mtr_arena_init(&poll->call_arena, 4 << 10, CALL_BYTES_MAX);
    mtr_buffer_init(&poll->incoming, POLL_BUFFER_BYTES + (64 << 10));
    mtr_buffer_init(&poll->feeding, POLL_BUFFER_BYTES + (64 << 10));
    mtr_buffer_init(&poll->body_begin, POLL_ERROR_BYTES);
    mtr_buffer_init(&poll->headers, POLL_HEADERS_BYTES);
    vendor_job_init(&poll->vendor_job);
    mtr_buffer_init(&poll->mark, MTR_LEDGER_CURSOR_BYTES_MAX);
    poll->hash = XXH3_createState();
    int rc = poll->hash ? copy_texts(poll) : MTR_ENOMEM;
    if (!rc && task->is_trial && task->dry_room) rc = mtr_dry_rows_open(&poll->dry_rows);
    if (!rc) rc = reading_memory_open(&poll->memory, task->memory, POLL_MEMORY_BYTES, task->reserve_bytes);
    if (!rc) rc = poll_begin_reading(poll, &fault);
    if (!rc) {
        *out = poll;
        return MTR_OK;
    }
    poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "%s", rc == MTR_EINVALID ? fault : mtr_error_text(rc));
    *report = poll->report;
    poll_close(poll);
    return rc;
}

void poll_close(struct mtr_poll *poll)
{
    if (!poll) return;
    MTR_ASSERT(poll->state == POLL_DONE || poll->state == POLL_WAITING);
    poll_close_list(poll);
    poll_close_digests(poll);
    if (poll->task.auth) auth_close(poll->task.auth);
    reading_close(poll->reading);
    reading_memory_close(&poll->memory);
    paging_close(poll->paging);
    if (poll->request) {
        mtr_request_release(poll->request);
        free(poll->request);
    }
    if (poll->dry_rows) *poll->task.dry_room += mtr_dry_rows_bytes(poll->dry_rows);
    mtr_dry_rows_release(poll->dry_rows);
    vendor_job_release(&poll->vendor_job);
    mtr_buffer_release(&poll->mark);
    XXH3_freeState(poll->hash);
    mtr_buffer_release(&poll->incoming);
    mtr_buffer_release(&poll->feeding);
    mtr_buffer_release(&poll->body_begin);
    mtr_buffer_release(&poll->headers);
    mtr_arena_release(&poll->call_arena);
    mtr_arena_release(&poll->arena);
    free(poll);
}

void poll_stop(struct mtr_poll *poll)
{
    poll->is_stopping = true;
    if (poll->state == POLL_WAITING)
        poll_finish(poll, POLL_FAILED, MTR_ALARM_NONE, "it was stopped");
    else if (poll->state == POLL_ASKING && !(poll->is_token_request && auth_ask_must_end(poll_auth(poll))))
        poll->task.hooks->cancel(poll->task.hooks->context, poll);
}

const char *poll_problem(const struct mtr_poll *poll) { return poll->answer.text; }

const char *poll_pause(const struct mtr_poll *poll)
{
    const bool is_said =
        poll->answer.wait_us > 0 || gate_is_closed_by_vendor(poll->task.gate, poll->again_us);
    return is_said ? "the vendor lets nobody in before"
                   : "nobody is asked, after failures or by `limits`, before";
}

void poll_give_way(struct mtr_poll *poll, int64_t now_us)
{
    char again[MTR_TIME_TEXT_BYTES];
    MTR_ASSERT(poll->state == POLL_WAITING);
    mtr_time_format(poll->again_us, again);
    poll->report.wait_us = poll->again_us - now_us;
    poll_quote_answer(poll);
    if (gate_is_used_up(poll->task.gate))
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING,
                    "`limits.daily` is used up: the vendor is asked again at %s", again);
    else
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING,
                    "%s %s: the vendor is asked again then%s%s", poll_pause(poll), again,
                    poll->answer.text[0] ? ". The last answer: " : "", poll->answer.text);
    vendor_job_settle(poll, now_us);
}

/* ---- jobs ---- */

static bool is_replay(const struct mtr_poll *poll) { return poll->task.replay.reading > 0; }

static bool is_trial(const struct mtr_poll *poll) { return poll->task.is_trial; }

/* The whole file is one page. */
static int feed_given(struct mtr_poll *poll)
{
    enum { PIECE_BYTES = 256 << 10 };
    const struct mtr_str bytes = poll->task.given->bytes;
    int rc = reading_begin_page(poll->reading);
    for (size_t at = 0; !rc && at < bytes.size; at += PIECE_BYTES) {
        const size_t size = bytes.size - at < PIECE_BYTES ? bytes.size - at : PIECE_BYTES;
        rc = reading_feed(poll->reading, (struct mtr_str){bytes.data + at, size});
    }
    return rc ? rc : reading_end_page(poll->reading);
}

static int make_part(struct mtr_poll *poll)
{
    int rc = poll->verdict.alarm
                 ? reading_note(poll->reading, &poll->verdict, &poll->request)
                 : reading_part(poll->reading, poll_cursor(poll), &poll->request, &poll->is_last_part);
    poll->is_last_part = poll->is_last_part || poll->verdict.alarm;
    return rc;
}

/* The first part is made in the same job, where the log is told of the reading. */
static int check(struct mtr_poll *poll)
{
    int rc = reading_check(poll->reading, poll->task.ledger, &poll->end, &poll->verdict);
    if (rc) return rc;
    poll->report.counts = reading_counts_of(poll->reading);
    poll->report.doubt = poll->verdict.doubt;
    snprintf(poll->report.drift, sizeof(poll->report.drift), "%s", poll->report.counts.drift);
    const bool is_silent = is_trial(poll) || is_replay(poll); /* what is not taken leaves no receipt */
    if (poll->task.watch || (poll->verdict.alarm && (is_silent || !poll->verdict.is_news))) return MTR_OK;
    rc = make_part(poll);
    if (rc) poll->job = POLL_PART; /* it is what failed */
    return rc;
}

void poll_work(struct mtr_poll *poll)
{
    switch (poll->job) {
    case POLL_GIVEN:
        poll->job_rc = is_replay(poll) ? reading_replay(poll->reading) : feed_given(poll);
        break;
    case POLL_FEED: poll->job_rc = poll_feed_page(poll); break;
    case POLL_END_PAGE: poll->job_rc = poll_end_page(poll); break;
    case POLL_CHECK: poll->job_rc = check(poll); break;
    case POLL_PART: poll->job_rc = make_part(poll); break;
    case POLL_FOLD: poll_fold(&(struct poll_folding){&poll, &poll->committed_seq, 1, 1}); break;
    }
}

/* One transaction, and so one wait for the disk, for all that are there. */
void poll_fold(const struct poll_folding *folds)
{
    struct mtr_poll *first = folds->polls[0];
    MTR_ASSERT(folds->count && folds->count <= folds->seq_count);
    first->job_rc =
        ledger_fold_blocks(first->task.fold, folds->seqs, folds->seq_count, &first->diagnostic);
    for (uint32_t i = 1; i < folds->count; i++) {
        folds->polls[i]->job_rc = first->job_rc;
        if (first->job_rc) folds->polls[i]->diagnostic = first->diagnostic;
    }
}

static void finish_whole(struct mtr_poll *poll)
{
    if (poll->verdict.alarm)
        poll_finish(poll, poll->verdict.alarm == MTR_ALARM_TRUNCATED ? POLL_TOO_LARGE : POLL_NOT_TAKEN,
                    poll->verdict.alarm, "%s", poll->verdict.problem);
    else
        poll_finish(poll, poll->end.is_unchanged ? POLL_UNCHANGED : POLL_TAKEN, MTR_ALARM_NONE, "%s", "");
}

static void part_is_in(struct mtr_poll *poll)
{
    if (poll->is_last_part)
        finish_whole(poll);
    else if (poll->is_stopping) /* as if it had been killed here: the next reading has the rest */
        poll_finish(poll, POLL_FAILED, MTR_ALARM_NONE, "it was stopped");
    else
        poll_start_job(poll, POLL_PART);
}

/* What it has may be in the log, and the intake may not know it any more. A receipt alone has nothing. */
static bool comes_too_late(const struct mtr_poll *poll, int64_t now_us)
{
    const int64_t until_us = poll->task.known_until_us;
    return until_us && now_us >= until_us && poll->request->count > 1;
}

static void finish_too_late(struct mtr_poll *poll)
{
    poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "%s",
                poll->task.window.to_us
                    ? "rows of the window were read longer ago than rows of an append delivery are known "
                      "(`intake.dedup_window`), and this reading took too long: it would count them twice"
                    : "rows that its `overlap` brings again, or those of a reading that came to no end, "
                      "are known for `intake.dedup_window`, and this one took longer: they would count "
                      "twice");
}

void poll_submit(struct mtr_poll *poll, int64_t now_us)
{
    struct mtr_request *request = poll->request;
    if (comes_too_late(poll, now_us)) {
        finish_too_late(poll);
        return;
    }
    request->context = poll;
    request->owner = mtr_owner_of_vendor(request->vendor);
    request->is_dry_run = is_trial(poll);
    request->refused_before_us = poll->task.refused_before_us;
    poll->request = NULL;
    poll->state = POLL_COMMITTING;
    int rc = poll->task.hooks->submit(poll->task.hooks->context, poll, request);
    if (!rc) return;
    poll->request = request;
    if (rc == MTR_EFULL)
        poll_wait(poll, now_us + MTR_US_PER_SECOND);
    else
        poll_finish(poll, POLL_FAILED, MTR_ALARM_NONE, "the intake takes nothing more");
}

/* More of the body came, or comes still. */
static void go_on_feeding(struct mtr_poll *poll)
{
    if (poll->answer.is_broken) {
        poll_fail_answer(poll);
        return;
    }
    const bool was_paused = poll->is_paused;
    poll->state = POLL_ASKING;
    poll->is_paused = false;
    if (poll->has_ended || poll->incoming.size >= POLL_BUFFER_BYTES / 2) poll_feed_on(poll);
    if (was_paused) poll->task.hooks->resume(poll->task.hooks->context, poll);
}

static void worked(struct mtr_poll *poll, int64_t now_us)
{
    MTR_ASSERT(poll->state == POLL_WORKING);
    const bool is_body_open = poll->job == POLL_FEED && !poll->has_ended;
    if ((poll->job_rc || poll->is_stopping) && is_body_open) { /* the rest of the body is of no use */
        poll->state = POLL_ASKING;
        poll->task.hooks->cancel(poll->task.hooks->context, poll);
        return;
    }
    if (poll->job_rc) {
        if (!poll_take_unreadable(poll, now_us)) poll_fail_job(poll);
        return;
    }
    if (poll->is_stopping && poll->job <= POLL_CHECK) { /* the log has nothing of it yet */
        poll_finish(poll, POLL_FAILED, MTR_ALARM_NONE, "it was stopped");
        return;
    }
    switch (poll->job) {
    case POLL_GIVEN: poll_end_reading(poll, MTR_ALARM_NONE, ""); break;
    case POLL_FEED: go_on_feeding(poll); break;
    case POLL_END_PAGE: poll_page_ended(poll, now_us); break;
    case POLL_CHECK:
        poll->has_verdict = true;
        if (poll->request)
            poll_submit(poll, now_us);
        else
            finish_whole(poll);
        break;
    case POLL_PART: poll_submit(poll, now_us); break;
    case POLL_FOLD:
        poll->has_deferred = false;
        if (poll->vendor_job.is_noting) {
            vendor_job_noted(poll, now_us);
            break;
        }
        poll->has_part = true;
        part_is_in(poll);
        break;
    }
}

void poll_worked(struct mtr_poll *poll, int64_t now_us)
{
    worked(poll, now_us);
    vendor_job_settle(poll, now_us);
}

void poll_fail_work(struct mtr_poll *poll, int error, int64_t now_us)
{
    poll->job_rc = error;
    poll_worked(poll, now_us);
}

/* Between its first part, with which everybody knows that the window is in parts, and its last one, nobody
 * asks the ledger for what it has of it. */
static bool defers_fold(struct mtr_poll *poll)
{
    const struct poll_hooks *hooks = poll->task.hooks;
    if (!hooks->defer || !poll->has_part || poll->is_last_part || poll->vendor_job.is_noting) return false;
    const bool is_deferred = hooks->defer(hooks->context, poll->committed_seq);
    poll->has_deferred = poll->has_deferred || is_deferred;
    return is_deferred;
}

void poll_committed(struct mtr_poll *poll, struct mtr_request *request, int64_t now_us)
{
    MTR_ASSERT(poll->state == POLL_COMMITTING);
    const int error = request->error;
    if (!error) poll->report.refused += mtr_request_quarantined(request);
    poll->report.not_active += request->counts[MTR_RESULT_NOT_ACTIVE];
    poll->report.held += request->counts[MTR_RESULT_HELD];
    if (error == MTR_EFULL || error == MTR_EFILES) { /* nothing of it is stored: the same once more */
        poll->request = request;
        request->error = 0;
        memset(request->results, 0, request->count * sizeof(*request->results));
        poll_wait(poll, now_us + MTR_US_PER_SECOND);
        return;
    }
    if (!error) poll->committed_seq = request->results[request->count - 1].seq; /* of the receipt */
    if (!error && poll->dry_rows) {
        mtr_dry_rows_add(poll->dry_rows, request, poll->task.dry_room);
    } else if (!error && !poll->is_last_part && !poll->vendor_job.is_noting) {
        reading_reuse(poll->reading, request);
    } else {
        mtr_request_release(request);
        free(request);
    }
    if (error)
        poll_finish(poll, POLL_FAILED, MTR_ALARM_NONE, "the log: %s", mtr_error_text(error));
    else if (is_trial(poll) || defers_fold(poll))
        part_is_in(poll);
    else
        poll_start_job(poll, POLL_FOLD);
    vendor_job_settle(poll, now_us);
}

void poll_go(struct mtr_poll *poll, int64_t now_us)
{
    MTR_ASSERT(poll->state == POLL_WAITING);
    if (poll->request)
        poll_submit(poll, now_us);
    else if (poll->task.given)
        poll_start_job(poll, POLL_GIVEN);
    else
        poll_ask(poll, now_us);
    vendor_job_settle(poll, now_us);
}
