/*
 * How a poll waits, works and ends: what every step of it comes down to.
 */
#include "collector/source/poll/poll_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "meterd/core/line.h"

void poll_wait(struct mtr_poll *poll, int64_t again_us)
{
    if (poll->is_stopping) {
        poll_finish(poll, POLL_FAILED, MTR_ALARM_NONE, "it was stopped");
        return;
    }
    poll->state = POLL_WAITING;
    poll->again_us = again_us;
}

struct auth_session *poll_auth(struct mtr_poll *poll)
{
    auth_borrow(poll->task.auth, poll->task.source);
    return poll->task.auth;
}

static void vset_text(struct mtr_poll *poll, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void vset_text(struct mtr_poll *poll, const char *format, va_list args)
{
    vsnprintf(poll->report.text, sizeof(poll->report.text), format, args);
    mtr_line_make(poll->report.text); /* there may be words of the vendor in it */
}

void poll_finish(struct mtr_poll *poll, enum poll_result result, enum mtr_alarm alarm, const char *format,
                 ...)
{
    va_list args;
    va_start(args, format);
    vset_text(poll, format, args);
    va_end(args);
    poll->report.result = result;
    poll->report.alarm = alarm;
    poll->report.rows_bytes = poll->memory.used - poll->memory.base;
    if (poll->reading && poll->state != POLL_ASKING) poll->report.pages = reading_page_count(poll->reading);
    poll->state = POLL_DONE;
}

void poll_start_job(struct mtr_poll *poll, enum poll_job job)
{
    poll->job = job;
    poll->state = POLL_WORKING;
    int rc = poll->task.hooks->work(poll->task.hooks->context, poll);
    if (rc) poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "there is no memory for it: it is tried again");
}

/* ---- the body ---- */

static void swap_buffers(struct mtr_poll *poll)
{
    const struct mtr_buffer feeding = poll->feeding;
    poll->feeding = poll->incoming;
    poll->incoming = feeding;
    mtr_buffer_reset(&poll->incoming);
}

void poll_feed_on(struct mtr_poll *poll)
{
    swap_buffers(poll);
    poll_start_job(poll, poll->has_ended ? POLL_END_PAGE : POLL_FEED);
}

/* ---- failures ---- */

/* A good status says nothing of who answers: a page where one logs in, or one of a proxy's. */
static const char *html_of(const struct mtr_poll *poll)
{
    const struct mtr_http_answer answer = {.headers = poll->headers};
    struct mtr_str type;
    const bool is_html = mtr_http_answer_header(&answer, "content-type", &type) && type.size >= 9 &&
                         !strncasecmp(type.data, "text/html", 9);
    return is_html ? " (the answer is HTML: a page where one logs in, or of somebody in between?)" : "";
}

static void fail_page(struct mtr_poll *poll)
{
    const enum mtr_alarm alarm = poll->job_rc == MTR_ELIMIT ? MTR_ALARM_LIMIT : MTR_ALARM_FAILING;
    const unsigned page = reading_page_count(poll->reading);
    const char *html = html_of(poll);
    if (poll_fail_as_told(poll)) return;
    if (page)
        poll_finish(poll, POLL_FAILED, alarm, "page %u: %s%s", page, poll_page_fault(poll), html);
    else
        poll_finish(poll, POLL_FAILED, alarm, "%s%s", poll_page_fault(poll), html);
    if (alarm == MTR_ALARM_FAILING && !*html) poll_quote_page(poll);
}

void poll_fail_job(struct mtr_poll *poll)
{
    const int rc = poll->job_rc;
    const bool is_page = rc == MTR_EINVALID || rc == MTR_ECORRUPT || rc == MTR_ELIMIT;
    poll->report.is_out_of_memory = rc == MTR_EAGAIN && poll->job <= POLL_CHECK;
    if (poll->report.is_out_of_memory)
        poll_finish(poll, POLL_FAILED, MTR_ALARM_LIMIT,
                    "its rows need more memory than other readings leave: it is read again "
                    "when there is more");
    else if (poll->job == POLL_FOLD)
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "the ledger of windows: %s", poll->diagnostic.text);
    else if (poll->job == POLL_CHECK && rc == MTR_ENOTFOUND)
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING,
                    "the window is settled, and retention has removed what the log had of its rows: it "
                    "stands as it is");
    else if (is_page && poll->job <= POLL_END_PAGE)
        fail_page(poll);
    else
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "it cannot be kept: %s", mtr_error_text(rc));
}
