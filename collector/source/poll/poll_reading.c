/*
 * A poll's reading is begun: its paging, and what is asked of each page beside the rows.
 */
#include <string.h>

#include "collector/source/poll/poll_state.h"

/* ---- conditions ---- */

static int want(struct mtr_poll *poll, struct mtr_str path, int32_t *index)
{
    *index = -1;
    if (!path.size) return MTR_OK;
    if (poll->want_count == READING_WANTS_MAX - 3) return MTR_ELIMIT; /* the proofs' own stay free */
    *index = (int32_t)poll->want_count;
    poll->wants[poll->want_count++] = (struct mtr_record_want){MTR_WANT_OF_DOCUMENT, path};
    return MTR_OK;
}

static int want_all(struct mtr_poll *poll, const struct mtr_answer_condition *conditions, uint32_t count,
                    int32_t *indexes)
{
    int rc = count > POLL_CONDITIONS_MAX ? MTR_ELIMIT : MTR_OK;
    for (uint32_t i = 0; !rc && i < count; i++)
        rc = want(poll, conditions[i].path, &indexes[i]);
    return rc;
}

static int find_conditions(struct mtr_poll *poll)
{
    const struct mtr_source_answer *answer = &poll->task.source->answer;
    struct poll_conditions *conditions = &poll->conditions;
    const struct mtr_source_job *job = poll->task.source->job;
    const bool has_rows = job && job->result == MTR_JOB_ROWS;
    int rc = want(poll, has_rows ? job->status_path : MTR_STR(""), &conditions->job);
    if (!rc) rc = want(poll, answer->ok.path, &conditions->ok);
    if (!rc) rc = want(poll, answer->warnings, &conditions->warnings);
    if (!rc) rc = want_all(poll, answer->absent, answer->absent_count, conditions->absent);
    return rc ? rc : want_all(poll, answer->limit, answer->limit_count, conditions->limit);
}

int poll_collect_wants(struct mtr_poll *poll)
{
    const struct mtr_record_want *wants = paging_wants(poll->paging, &poll->paging_want_count);
    if (poll->paging_want_count)
        memcpy(poll->wants, wants, poll->paging_want_count * sizeof(poll->wants[0]));
    poll->want_count = poll->paging_want_count;
    return find_conditions(poll);
}

int poll_begin_paging(struct mtr_poll *poll)
{
    paging_close(poll->paging);
    poll->paging = NULL;
    const struct mtr_window piece = poll_window(poll), *whole = &poll->task.window;
    const bool is_whole = piece.from_us == whole->from_us && piece.to_us == whole->to_us;
    int rc = vendor_job_begin(poll, poll->entered_us);
    if (!rc) rc = paging_open(poll->task.source, is_whole ? poll->task.resume : MTR_STR(""), &poll->paging);
    return rc ? rc : poll_collect_wants(poll);
}

int poll_begin_reading(struct mtr_poll *poll, const char **fault)
{
    const struct poll_task *task = &poll->task;
    *fault = "";
    reading_close(poll->reading);
    reading_memory_restart(&poll->memory);
    poll->reading = NULL;
    poll_split_begin(poll);
    int rc = poll_begin_paging(poll);
    if (rc) return rc;
    const bool has_job = vendor_job_is_on(poll); /* a report shows what was known when it was asked for */
    const struct reading_ask ask = {.source = task->source,
                                    .strand = task->strand,
                                    .subscription = task->subscription,
                                    .window = task->window,
                                    .piece = poll_window(poll),
                                    .number = task->number,
                                    .is_draft = task->is_draft,
                                    .is_last = task->is_last,
                                    .expires_pages = task->expires_pages,
                                    .event_key = task->event_key,
                                    .pages = task->pages,
                                    .wants = poll->wants,
                                    .want_count = poll_reads_files(poll) ? 0 : poll->want_count,
                                    .began_us = has_job               ? poll->vendor_job.began_us
                                                : task->replay.reading ? task->replay.began_us
                                                                       : poll->entered_us,
                                    .events_max = task->events_max,
                                    .memory = &poll->memory,
                                    .log = task->log,
                                    .catalog = task->catalog,
                                    .watch = task->watch,
                                    .is_trial = task->is_trial,
                                    .replays = task->replay.reading,
                                    .replay_seq = task->replay.last_seq};
    return reading_open(&ask, &poll->reading, fault);
}
