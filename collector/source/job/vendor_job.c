/*
 * The way of a report; see vendor_job.h. What is read of answers is in vendor_job_read.c.
 *
 * Invariant: a report is in the ledger as SUBMITTING before `submit` is sent, and as SUBMITTED before it is
 * asked for; once its window has a receipt, or it is of no use, the ledger has it no more.
 */
#include "collector/source/job/vendor_job.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/link.h"
#include "collector/source/poll/poll_state.h"
#include "collector/source/job/job_note.h"
#include "meterd/core/line.h"

enum { TEXT_BYTES = 200 }; /* of the vendor's words */

void vendor_job_init(struct vendor_job *job)
{
    mtr_buffer_init(&job->link, SOURCE_CALL_URL_BYTES_MAX);
    mtr_buffer_init(&job->body, POLL_BUFFER_BYTES);
    mtr_buffer_init(&job->said, SOURCE_CALL_URL_BYTES_MAX);
    mtr_buffer_init(&job->found, SOURCE_CALL_URL_BYTES_MAX);
}

void vendor_job_release(struct vendor_job *job)
{
    mtr_buffer_release(&job->link);
    mtr_buffer_release(&job->body);
    mtr_buffer_release(&job->said);
    mtr_buffer_release(&job->found);
}

bool vendor_job_is_on(const struct mtr_poll *poll) { return poll->task.source->job && !poll->task.given; }

int vendor_job_begin(struct mtr_poll *poll, int64_t now_us)
{
    const struct mtr_source_job *document = poll->task.source->job;
    const struct mtr_ledger_job *told = &poll->task.job;
    struct vendor_job *job = &poll->vendor_job;
    if (!vendor_job_is_on(poll)) return MTR_OK;
    if (job->began_us) { /* its pages once more */
        job->step = VENDOR_JOB_ASK;
        return MTR_OK;
    }
    if (!poll->task.has_job) {
        job->began_us = now_us;
        job->step = document->list ? VENDOR_JOB_LOOK : VENDOR_JOB_SUBMIT;
        return MTR_OK;
    }
    job->began_us = told->began_us;
    job->has_submitting = true;
    job->step = told->state == MTR_JOB_SUBMITTED ? VENDOR_JOB_ASK
                : document->list                 ? VENDOR_JOB_FIND
                                                 : VENDOR_JOB_SUBMIT;
    int rc = mtr_arena_copy(&poll->arena, told->known, &job->known);
    return rc || told->state != MTR_JOB_SUBMITTED ? rc : mtr_arena_copy(&poll->arena, told->id, &job->id);
}

/* ---- notes ---- */

/* Nothing is written of it. */
static bool is_trial(const struct mtr_poll *poll) { return poll->task.watch || poll->task.is_trial; }

static void note(struct mtr_poll *poll, bool has_ended, enum vendor_job_after after, int64_t now_us)
{
    struct vendor_job *job = &poll->vendor_job;
    const struct job_note made = {
        .strand = poll->task.strand,
        .has_ended = has_ended,
        .job = {.start_us = poll->task.window.from_us,
                .end_us = poll->task.window.to_us,
                .began_us = job->began_us,
                .reading = poll->task.number,
                .state = job->id.size ? MTR_JOB_SUBMITTED : MTR_JOB_SUBMITTING,
                .id = job->id,
                .known = job->id.size || has_ended ? (struct mtr_str){NULL, 0} : job->known},
        .problem = has_ended ? mtr_str_from(poll->report.text) : (struct mtr_str){NULL, 0}};
    job->after = after;
    job->is_noting = true;
    if (is_trial(poll)) {
        vendor_job_noted(poll, now_us);
        return;
    }
    int rc = job_note_make(&made, &poll->request);
    if (!rc) {
        poll_submit(poll, now_us);
        return;
    }
    job->is_noting = false;
    poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "it cannot be noted: %s", mtr_error_text(rc));
}

/* A trial waits where it stands. */
static void park(struct mtr_poll *poll, int64_t now_us)
{
    if (is_trial(poll)) {
        poll->vendor_job.step = VENDOR_JOB_ASK;
        poll_wait(poll, now_us + poll->vendor_job.park_us);
        return;
    }
    poll->report.wait_us = poll->vendor_job.park_us;
    poll_finish(poll, POLL_PARKED, MTR_ALARM_NONE, "%s", "");
}

bool vendor_job_notes_first(struct mtr_poll *poll, int64_t now_us)
{
    struct vendor_job *job = &poll->vendor_job;
    if (!vendor_job_is_on(poll)) return false;
    if (poll->task.job_is_stale) {
        job->park_us = 0;
        snprintf(poll->report.text, sizeof(poll->report.text),
                 "the document has no such window any more, or leads elsewhere");
        note(poll, true, VENDOR_JOB_PARK, now_us);
        return true;
    }
    if (job->step != VENDOR_JOB_SUBMIT || job->has_submitting) return false;
    note(poll, false, VENDOR_JOB_GO_ON, now_us);
    return true;
}

static void remove_it(struct mtr_poll *poll, int64_t now_us)
{
    struct vendor_job *job = &poll->vendor_job;
    if (poll->is_stopping || !poll->task.source->job->remove || !job->id.size) return;
    job->kept = poll->report;
    job->step = VENDOR_JOB_REMOVE;
    poll->tries = POLL_TRIES_MAX; /* once: what stays at the vendor does no harm */
    poll_wait(poll, now_us);
}

void vendor_job_noted(struct mtr_poll *poll, int64_t now_us)
{
    struct vendor_job *job = &poll->vendor_job;
    job->is_noting = false;
    switch (job->after) {
    case VENDOR_JOB_GO_ON:
        job->has_submitting = true;
        poll_wait(poll, now_us);
        break;
    case VENDOR_JOB_PARK: park(poll, now_us); break;
    case VENDOR_JOB_END: /* its report was made before */
        poll->state = POLL_DONE;
        remove_it(poll, now_us);
        break;
    }
}

/* ---- requests ---- */

/* Of the result: behind a link, or what ASK was answered with once more. */
static void request_result(struct mtr_poll *poll, struct request_ask *ask, struct paging_request *paging)
{
    struct vendor_job *job = &poll->vendor_job;
    const bool is_further = paging->link.size || paging->is_part;
    if (is_further) return;
    if (job->link.size) {
        paging->link = mtr_buffer_str(&job->link);
        paging->is_part = poll->task.source->job->result == MTR_JOB_URL;
        return;
    }
    ask->request = &poll->task.source->job->poll;
    ask->job_id = job->id;
}

bool vendor_job_request(struct mtr_poll *poll, struct request_ask *ask, struct paging_request *paging)
{
    const struct mtr_source_job *document = poll->task.source->job;
    if (!document) return false;
    switch (poll->vendor_job.step) {
    case VENDOR_JOB_LOOK:
    case VENDOR_JOB_FIND: ask->request = document->list; break;
    case VENDOR_JOB_SUBMIT: ask->request = &document->submit; break;
    case VENDOR_JOB_ASK: ask->request = &document->poll; break;
    case VENDOR_JOB_FETCH: request_result(poll, ask, paging); return false;
    case VENDOR_JOB_REMOVE: ask->request = document->remove; break;
    }
    ask->paging = NULL;
    ask->job_id = poll->vendor_job.id;
    poll->page = POLL_PAGE_JOB;
    return true;
}

/* ---- answers ---- */

static void give_up(struct mtr_poll *poll, const char *format, ...) MTR_PRINTF(2, 3);
static void give_up(struct mtr_poll *poll, const char *format, ...)
{
    char text[POLL_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    poll->vendor_job.is_useless = true;
    poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "%s: another one is asked for", text);
}

bool vendor_job_cannot_ask(struct mtr_poll *poll, const char *fault)
{
    struct vendor_job *job = &poll->vendor_job;
    if (!vendor_job_is_on(poll) || job->step != VENDOR_JOB_ASK || !job->id.size) return false;
    job->id = (struct mtr_str){NULL, 0};
    give_up(poll, "the report cannot be asked for: %s", fault);
    return true;
}

static void wait_for_it(struct mtr_poll *poll)
{
    const int64_t every_us = poll->task.source->job->poll_every_us;
    poll->vendor_job.park_us = poll->answer.wait_us > 0 ? poll->answer.wait_us : every_us;
}

/* A link is made whole: it may be relative to what was asked. */
static int take_id(struct mtr_poll *poll, struct mtr_str id, const char **fault)
{
    struct mtr_buffer whole;
    int rc = MTR_OK;
    mtr_buffer_init(&whole, MTR_LEDGER_JOB_ID_BYTES_MAX);
    *fault = "names no id of the report (`job.id`)";
    if (!id.size) return MTR_EINVALID;
    if (poll->task.source->job->poll.url.size)
        rc = source_link_resolve(&poll->call, id, poll->task.source, &whole, fault);
    else
        rc = mtr_buffer_append_str(&whole, id);
    if (rc == MTR_ELIMIT) *fault = "names an id of the report that is longer than 4096 bytes";
    if (!rc) rc = mtr_arena_copy(&poll->arena, mtr_buffer_str(&whole), &poll->vendor_job.id);
    mtr_buffer_release(&whole);
    return rc;
}

static void take_submitted(struct mtr_poll *poll, struct mtr_str id, const char *who, int64_t now_us)
{
    const char *fault;
    int rc = take_id(poll, id, &fault);
    if (rc)
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "the answer to `job.%s` %s", who,
                    rc == MTR_ENOMEM ? mtr_error_text(rc) : fault);
    if (rc == MTR_EINVALID) poll_quote_page(poll);
    if (!rc) note(poll, false, VENDOR_JOB_PARK, now_us);
}

static void answered_submit(struct mtr_poll *poll, int64_t now_us)
{
    const struct mtr_source_place *place = &poll->task.source->job->id;
    const struct mtr_http_answer answer = {.headers = poll->headers};
    struct mtr_str id = mtr_buffer_str(&poll->vendor_job.found);
    wait_for_it(poll);
    if (place->header.size) {
        char name[MTR_KEY_BYTES_MAX + 1];
        snprintf(name, sizeof(name), "%.*s", MTR_STR_ARGS(place->header));
        if (!mtr_http_answer_header(&answer, name, &id)) id = (struct mtr_str){NULL, 0};
    }
    take_submitted(poll, id, "submit", now_us);
}

static void answered_list(struct mtr_poll *poll, int64_t now_us)
{
    struct vendor_job *job = &poll->vendor_job;
    const struct mtr_str found = mtr_buffer_str(&job->found);
    if (job->step == VENDOR_JOB_FIND && found.size) {
        job->park_us = 0;
        take_submitted(poll, found, "list", now_us);
        return;
    }
    int rc = job->step == VENDOR_JOB_LOOK ? mtr_arena_copy(&poll->arena, found, &job->known) : MTR_OK;
    job->step = VENDOR_JOB_SUBMIT;
    if (rc)
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "%s", mtr_error_text(rc));
    else
        poll_wait(poll, now_us);
}

static void fetch(struct mtr_poll *poll, int64_t now_us)
{
    struct vendor_job *job = &poll->vendor_job;
    const enum mtr_job_result result = poll->task.source->job->result;
    const struct mtr_str link = mtr_buffer_str(&job->found);
    const char *fault = "";
    int rc = MTR_OK;
    mtr_buffer_reset(&job->link);
    job->step = VENDOR_JOB_FETCH;
    if (result == MTR_JOB_URL && !link.size && !job->is_large) {
        give_up(poll, "the report is done, and its answer has no link (`job.result.url.path`)");
        poll_quote_page(poll);
        return;
    }
    if (link.size) rc = source_link_resolve(&poll->call, link, poll->task.source, &job->link, &fault);
    if (!rc && result == MTR_JOB_MANIFEST && link.size) rc = poll_set_manifest_apart(poll);
    if (rc)
        poll_finish(poll, POLL_FAILED, rc == MTR_EINVALID ? MTR_ALARM_INCOMPLETE : MTR_ALARM_FAILING,
                    "the report: %s", rc == MTR_EINVALID ? fault : mtr_error_text(rc));
    else
        poll_wait(poll, now_us);
}

/* What it says for people, in one line. */
static void write_said(struct mtr_poll *poll, char out[static TEXT_BYTES])
{
    const struct mtr_str words = poll_words(poll, mtr_buffer_str(&poll->vendor_job.said));
    snprintf(out, TEXT_BYTES, "%.*s", MTR_STR_ARGS(mtr_str_quoted(words, TEXT_BYTES - 1)));
    mtr_line_make(out);
}

static void answered_ask(struct mtr_poll *poll, int64_t now_us)
{
    struct vendor_job *job = &poll->vendor_job;
    const bool is_late = now_us - job->began_us > poll->task.source->job->timeout_us;
    char said[TEXT_BYTES];
    write_said(poll, said);
    switch (job->word) {
    case VENDOR_JOB_DONE: fetch(poll, now_us); break;
    case VENDOR_JOB_EMPTY: poll_end_absent(poll, now_us); break;
    case VENDOR_JOB_FAILED:
        give_up(poll, "the vendor could not make the report: %s", said);
        poll_quote_page(poll);
        break;
    case VENDOR_JOB_RUNNING:
        wait_for_it(poll);
        if (is_late)
            give_up(poll, "the report is `%s`, and not done within `job.timeout`", said);
        else
            park(poll, now_us);
        break;
    case VENDOR_JOB_UNKNOWN:
        job->is_useless = is_late;
        if (said[0])
            poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING,
                        "the report is `%s`, which is none of the words of `job.status`", said);
        else
            poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING,
                        "the answer does not say how the report is (`job.status.path`)");
        poll_quote_page(poll);
        break;
    }
}

void vendor_job_answered(struct mtr_poll *poll, int64_t now_us)
{
    const struct mtr_str body = mtr_buffer_str(&poll->vendor_job.body);
    const enum vendor_job_step step = poll->vendor_job.step;
    const bool is_asked = step == VENDOR_JOB_SUBMIT || step == VENDOR_JOB_ASK;
    poll->tries = 0;
    if (is_asked && poll_take_condition_in(poll, body, now_us)) return;
    switch (step) {
    case VENDOR_JOB_LOOK:
    case VENDOR_JOB_FIND: answered_list(poll, now_us); break;
    case VENDOR_JOB_SUBMIT: answered_submit(poll, now_us); break;
    case VENDOR_JOB_ASK: answered_ask(poll, now_us); break;
    case VENDOR_JOB_FETCH: MTR_ASSERT(!"its pages are pages"); break;
    case VENDOR_JOB_REMOVE: poll->state = POLL_DONE; break;
    }
}

bool vendor_job_failed(struct mtr_poll *poll, enum source_failure failure, int64_t now_us)
{
    struct vendor_job *job = &poll->vendor_job;
    const bool is_gone = poll->status == 404 || poll->status == 410;
    if (!vendor_job_is_on(poll)) return false;
    switch (job->step) {
    case VENDOR_JOB_SUBMIT: /* it may have come through */
        if (failure == SOURCE_RETRY && poll->task.source->job->list) job->step = VENDOR_JOB_FIND;
        return false;
    case VENDOR_JOB_ASK:
        if (!is_gone) return false;
        job->id = (struct mtr_str){NULL, 0};
        give_up(poll, "the vendor does not know the report any more");
        return true;
    case VENDOR_JOB_FETCH:
        if (!(is_gone || poll->status == 403) || poll_has_parts(poll)) return false;
        if (job->fetches++ == VENDOR_JOB_FETCHES_MAX) return false;
        job->step = VENDOR_JOB_ASK; /* for a fresh link */
        poll_wait(poll, now_us);
        return true;
    case VENDOR_JOB_REMOVE: poll->state = POLL_DONE; return true;
    case VENDOR_JOB_LOOK:
    case VENDOR_JOB_FIND: break;
    }
    return false;
}

void vendor_job_renew(struct mtr_poll *poll)
{
    if (vendor_job_is_on(poll)) poll->vendor_job.step = VENDOR_JOB_ASK;
}

/* ---- its end ---- */

/* A page came well, and nothing could be made of it; or it cannot be had. */
static bool is_spoilt(const struct mtr_poll *poll)
{
    const bool is_page = poll->vendor_job.step == VENDOR_JOB_FETCH && poll->report.alarm;
    return is_page && (!poll->answer.is_broken || poll->answer.failure == SOURCE_REFUSED);
}

void vendor_job_settle(struct mtr_poll *poll, int64_t now_us)
{
    struct vendor_job *job = &poll->vendor_job;
    if (!vendor_job_is_on(poll) || poll->state != POLL_DONE) return;
    if (job->step == VENDOR_JOB_REMOVE && !job->is_noting) {
        poll->report = job->kept;
        return;
    }
    if (job->is_noting || poll->is_stopping || !job->has_submitting) return;
    const bool has_receipt = poll->job == POLL_FOLD;
    switch (poll->report.result) {
    case POLL_PARKED: return;
    case POLL_FAILED:
        if (!job->is_useless && !is_spoilt(poll)) return;
        job->has_submitting = false;
        note(poll, true, VENDOR_JOB_END, now_us);
        return;
    case POLL_TAKEN:
    case POLL_UNCHANGED:
    case POLL_NOT_TAKEN:
    case POLL_TOO_LARGE: break;
    }
    job->has_submitting = false;
    if (has_receipt)
        remove_it(poll, now_us);
    else
        note(poll, true, VENDOR_JOB_END, now_us);
}
