/*
 * A page has ended: conditions of the document, what paging makes of it, and the end of the reading.
 */
#include <stdio.h>
#include <string.h>

#include "collector/source/poll/poll_state.h"
#include "meterd/core/line.h"

/* ---- conditions ---- */

static struct mtr_found found_at(const struct mtr_poll *poll, int32_t index)
{
    return poll_found(poll, (uint32_t)index);
}

/* Of a page: one of the conditions with a path holds. */
static bool any_found(const struct mtr_poll *poll, const struct mtr_answer_condition *conditions,
                      uint32_t count, const int32_t *indexes)
{
    for (uint32_t i = 0; i < count; i++) {
        if (indexes[i] < 0 || (conditions[i].status && conditions[i].status != poll->status)) continue;
        const struct mtr_found found = found_at(poll, indexes[i]);
        if (condition_holds_found(&conditions[i], &found)) return true;
    }
    return false;
}

static bool any_of_body(const struct mtr_poll *poll, const struct mtr_answer_condition *conditions,
                        uint32_t count, struct mtr_str body)
{
    for (uint32_t i = 0; i < count; i++)
        if (condition_holds_body(&conditions[i], poll->status, body)) return true;
    return false;
}

static bool page_has_rows(const struct mtr_poll *poll)
{
    if (poll->page == POLL_PAGE_LIST) return poll->list && mtr_record_reader_count(poll->list) > 0;
    return reading_page_has_rows(poll->reading);
}

/* ---- the end of the reading ---- */

void poll_end_reading(struct mtr_poll *poll, enum mtr_alarm fault, const char *said)
{
    snprintf(poll->end_text, sizeof(poll->end_text), "%s", said);
    poll->end.fault = fault;
    poll->end.said = poll->end_text;
    poll->end.is_forgotten = poll->task.is_forgotten;
    poll->end.confirms_us = poll->task.confirms_us;
    poll->end.doubt = poll->task.doubt;
    poll->end.is_given = poll->task.given != NULL;
    poll->end.is_accepted = poll->task.given && poll->task.given->is_accepted;
    if (poll->task.source->each.kind == MTR_EACH_ROW && poll->task.hooks->tell_asked)
        poll->task.hooks->tell_asked(poll->task.hooks->context, poll, poll->reading);
    poll_start_job(poll, POLL_CHECK);
}

static enum mtr_alarm alarm_of(enum paging_alarm alarm)
{
    switch (alarm) {
    case PAGING_LOOP: return MTR_ALARM_LOOP;
    case PAGING_TRUNCATED: return MTR_ALARM_TRUNCATED;
    case PAGING_LIMIT: return MTR_ALARM_LIMIT;
    case PAGING_FINE:
    case PAGING_LINK:
    case PAGING_INCOMPLETE: break;
    }
    return MTR_ALARM_INCOMPLETE;
}

/* The piece of the window has ended. */
static void end_piece(struct mtr_poll *poll, enum mtr_alarm fault, const char *said, int64_t now_us)
{
    const bool is_truncated = fault == MTR_ALARM_TRUNCATED;
    char text[POLL_TEXT_BYTES];
    if (is_truncated && poll_split_shrink(poll, now_us)) return;
    if (!fault && poll_split_next(poll, false, now_us)) return;
    snprintf(text, sizeof(text), "%s%s", said,
             is_truncated && poll->task.source->window.split_us
                 ? ", and the window is in pieces as small as `window.split` allows"
                 : "");
    poll_end_reading(poll, fault, text);
}

/* Else what was found is still of the page before. */
static bool is_good_page(const struct mtr_poll *poll)
{
    return source_status_is_fine(poll->status) &&
           (poll->page == POLL_PAGE_ROWS || poll->page == POLL_PAGE_LIST);
}

/* Those that stand beside the word. */
static uint64_t rows_beside(const struct mtr_poll *poll)
{
    const bool has_rows = is_good_page(poll) && poll->page == POLL_PAGE_ROWS && !poll->job_rc;
    return has_rows ? reading_page_rows(poll->reading) : 0;
}

void poll_end_absent(struct mtr_poll *poll, int64_t now_us)
{
    const char *fault;
    const enum paging_alarm alarm = paging_absent(poll->paging, rows_beside(poll), &fault);
    if (alarm) {
        end_piece(poll, alarm_of(alarm), fault, now_us);
        return;
    }
    poll->end.is_absent = true;
    if (!poll_split_next(poll, true, now_us)) poll_end_reading(poll, MTR_ALARM_NONE, "");
}

static void restart(struct mtr_poll *poll, int64_t now_us)
{
    if (poll->restarts++ == POLL_RESTARTS_MAX) {
        poll_end_reading(poll, MTR_ALARM_INCOMPLETE, "its pages change while they are read");
        return;
    }
    poll_split_again(poll, now_us);
}

/* The list names it: that it is not there is no absence of usage. */
static bool take_missing_part(struct mtr_poll *poll)
{
    const bool is_missing = poll->status == 404;
    if (is_missing)
        poll_end_reading(poll, MTR_ALARM_INCOMPLETE, "a part that the list names is not there (404)");
    return is_missing;
}

static void take_warnings(struct mtr_poll *poll)
{
    const struct mtr_source_answer *answer = &poll->task.source->answer;
    struct mtr_str text;
    if (poll->conditions.warnings < 0 || poll->end.warnings.size || poll->report.warning[0]) return;
    const struct mtr_found found = found_at(poll, poll->conditions.warnings);
    if (!condition_warns(&found, &text)) return;
    text = poll_words(poll, text);
    if (!answer->warnings_are_logged) {
        poll->end.warnings = text;
        return;
    }
    snprintf(poll->report.warning, sizeof(poll->report.warning), "%.*s%s", MTR_STR_QUOTED(text));
    mtr_line_make(poll->report.warning);
}

/* What an answer says in the place of rows. */
enum told { TOLD_NOTHING, TOLD_LIMIT, TOLD_ABSENT };

static enum told told_in(const struct mtr_poll *poll, struct mtr_str body)
{
    const struct mtr_source_answer *answer = &poll->task.source->answer;
    if (any_of_body(poll, answer->limit, answer->limit_count, body)) return TOLD_LIMIT;
    return any_of_body(poll, answer->absent, answer->absent_count, body) ? TOLD_ABSENT : TOLD_NOTHING;
}

/* Of a page without rows. Of a large one the text is not there any more. */
static enum told told_in_page(const struct mtr_poll *poll)
{
    const bool is_said = poll->page == POLL_PAGE_ROWS || poll->page == POLL_PAGE_LIST;
    if (!is_said || poll->is_streaming) return TOLD_NOTHING;
    return told_in(poll, mtr_buffer_str(&poll->feeding));
}

/* Where the page was there when it was looked at first, it has moved. */
static void take_none(struct mtr_poll *poll, int64_t now_us)
{
    if (is_good_page(poll) && !poll->is_again) take_warnings(poll);
    if (poll->is_again)
        restart(poll, now_us);
    else
        poll_end_absent(poll, now_us);
}

static bool take_told(struct mtr_poll *poll, enum told told, int64_t now_us)
{
    if (told == TOLD_LIMIT)
        end_piece(poll, MTR_ALARM_TRUNCATED, "the vendor says that it is too much for one answer", now_us);
    if (told == TOLD_ABSENT) take_none(poll, now_us);
    return told != TOLD_NOTHING;
}

bool poll_take_condition_in(struct mtr_poll *poll, struct mtr_str body, int64_t now_us)
{
    return take_told(poll, told_in(poll, body), now_us);
}

bool poll_take_unreadable(struct mtr_poll *poll, int64_t now_us)
{
    const bool is_unreadable =
        poll->job == POLL_END_PAGE && (poll->job_rc == MTR_EINVALID || poll->job_rc == MTR_ECORRUPT);
    if (!is_unreadable || page_has_rows(poll)) return false;
    const enum told told = told_in_page(poll);
    if (told && poll->page == POLL_PAGE_ROWS) reading_drop_page(poll->reading);
    return take_told(poll, told, now_us);
}

bool poll_take_condition(struct mtr_poll *poll, int64_t now_us)
{
    if (poll->page == POLL_PAGE_FILE) return take_missing_part(poll);
    return poll_take_condition_in(poll, mtr_buffer_str(&poll->body_begin), now_us);
}

/* ---- a page ---- */

static int tell_paging(struct mtr_poll *poll, enum paging_step *step)
{
    struct mtr_found found[READING_WANTS_MAX];
    for (uint32_t i = 0; i < poll->paging_want_count; i++)
        found[i] = poll_found(poll, i);
    const bool has_rows = poll->page != POLL_PAGE_LIST;
    const struct paging_page page = {.call = &poll->call,
                                     .headers = mtr_buffer_str(&poll->headers),
                                     .rows = has_rows ? reading_page_rows(poll->reading) : 0,
                                     .hash = poll->page_hash,
                                     .rows_hash = has_rows ? reading_page_rows_hash(poll->reading) : 0,
                                     .found = found,
                                     .bytes = poll->body_bytes,
                                     .md5 = poll_digest(poll, POLL_MD5),
                                     .sha256 = poll_digest(poll, POLL_SHA256)};
    return paging_answered(poll->paging, &page, step);
}

static void go_on(struct mtr_poll *poll, int64_t now_us)
{
    enum paging_step step;
    const char *fault = "";
    int rc = tell_paging(poll, &step);
    if (rc) {
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "paging: %s", mtr_error_text(rc));
        return;
    }
    poll->is_again = step == PAGING_AGAIN;
    poll->tries = 0;
    switch (step) {
    case PAGING_NEXT:
    case PAGING_AGAIN: poll_wait(poll, now_us); break;
    case PAGING_END: end_piece(poll, MTR_ALARM_NONE, "", now_us); break;
    case PAGING_UNCHANGED:
        poll->end.is_unchanged = true;
        poll_end_reading(poll, MTR_ALARM_NONE, "");
        break;
    case PAGING_RESTART: restart(poll, now_us); break;
    case PAGING_FAILED: {
        const enum paging_alarm alarm = paging_alarm(poll->paging, &fault);
        end_piece(poll, alarm_of(alarm), fault, now_us);
        break;
    }
    }
}

/* Nothing in its place says so, too, where the answer is whole. */
static bool says_it_failed(const struct mtr_poll *poll, struct mtr_found *out)
{
    const struct mtr_source_answer *answer = &poll->task.source->answer;
    if (!answer->has_ok || poll->conditions.ok < 0) return false;
    *out = found_at(poll, poll->conditions.ok);
    return !condition_holds_found(&answer->ok, out);
}

bool poll_fail_as_told(struct mtr_poll *poll)
{
    const struct mtr_source_answer *answer = &poll->task.source->answer;
    struct mtr_found found;
    if (poll->page == POLL_PAGE_FILE || !says_it_failed(poll, &found) || !found.text.size) return false;
    const struct mtr_str said = poll_words(poll, found.text);
    poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING,
                "the answer says itself that it failed (`answer.ok`): at `%.*s%s` stands `%.*s%s`",
                MTR_STR_QUOTED(answer->ok.path), MTR_STR_QUOTED(said));
    poll_quote_page(poll);
    return true;
}

static enum told told_of_page(const struct mtr_poll *poll)
{
    const struct mtr_source_answer *answer = &poll->task.source->answer;
    const struct poll_conditions *conditions = &poll->conditions;
    if (any_found(poll, answer->limit, answer->limit_count, conditions->limit)) return TOLD_LIMIT;
    if (any_found(poll, answer->absent, answer->absent_count, conditions->absent)) return TOLD_ABSENT;
    return page_has_rows(poll) ? TOLD_NOTHING : told_in_page(poll);
}

static void take_page(struct mtr_poll *poll, int64_t now_us)
{
    const struct poll_conditions *conditions = &poll->conditions;
    struct mtr_found told;
    if (poll->page == POLL_PAGE_FILE) { /* what there is to say, the list has said */
        go_on(poll, now_us);
        return;
    }
    if (take_told(poll, told_of_page(poll), now_us)) return;
    if (conditions->job >= 0 && !vendor_job_is_done(poll, found_at(poll, conditions->job))) {
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING, "the report with its rows is not done any more");
        return;
    }
    if (poll_fail_as_told(poll)) return;
    if (says_it_failed(poll, &told)) {
        poll_finish(poll, POLL_FAILED, MTR_ALARM_FAILING,
                    "the answer says itself that it failed (`answer.ok`)");
        poll_quote_page(poll);
        return;
    }
    take_warnings(poll);
    go_on(poll, now_us);
}

void poll_page_ended(struct mtr_poll *poll, int64_t now_us)
{
    const XXH128_hash_t digest = XXH3_128bits_digest(poll->hash);
    const struct mtr_hash128 hash = {digest.high64, digest.low64};
    const bool is_other =
        poll->is_again && (hash.high != poll->page_hash.high || hash.low != poll->page_hash.low);
    poll->report.pages++;
    if (is_other) {
        restart(poll, now_us); /* the page moved while it was looked at twice */
        return;
    }
    poll->page_hash = hash;
    if (poll->page == POLL_PAGE_JOB)
        vendor_job_answered(poll, now_us);
    else if (poll->is_again)
        go_on(poll, now_us);
    else
        take_page(poll, now_us);
}
