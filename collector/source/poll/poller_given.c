/*
 * A file that is given as the answer of a source: its strand reads it as soon as it reads nothing else, and
 * whoever gave it is told.
 *
 * Invariant: poller->given is set from mtr_poller_give until on_done was called; a strand's `given` is the
 * same, while its reading is under way.
 */
#include <stdio.h>

#include "collector/source/poll/poller_alarms.h"
#include "collector/source/poll/poller_state.h"

#define STARVED_US (INT64_C(250) * 1000)

bool mtr_poller_give(struct mtr_poller *poller, struct mtr_given_file *file)
{
    MTR_ASSERT(file->on_done && file->window.from_us < file->window.to_us);
    if (poller->given) return false;
    poller->given = file;
    poller->is_given_begun = false;
    if (poller->is_stopping) poller_refuse_given(poller);
    return true;
}

static void finish(struct mtr_poller *poller, enum mtr_given_result result, const char *text)
{
    struct mtr_given_file *file = poller->given;
    poller->given = NULL;
    file->result = result;
    if (text) snprintf(file->text, sizeof(file->text), "%s", text);
    file->on_done(file);
}

void poller_refuse_given(struct mtr_poller *poller)
{
    if (poller->given && !poller->is_given_begun) finish(poller, MTR_GIVEN_FAILED, poller->why_stopping);
}

/* ---- beginning ---- */

/* NULL: it may be read. */
static const char *objection(const struct poller_source *source)
{
    if (!source) return "the source is new: give it again in a moment";
    if (source->source->disabled) return "the source is disabled: it takes no file";
    if (source->source->each.kind != MTR_EACH_NONE)
        return "a source with `for_each` takes no files: they would not say whose rows they are";
    if (source->source->window.length == MTR_LENGTH_CURSOR) return "a feed has no windows, and takes no file";
    return source->strands ? NULL : "the source is new: give it again in a moment";
}

/* Behind its last reread a window of a source that is asked is settled. What comes by hand comes whenever it
 * comes. */
static bool is_last(const struct mtr_source *source, const struct mtr_window *window, int64_t now_us)
{
    const uint32_t count = source->window.reread_count;
    if (source->by_hand || !count || source->window.length == MTR_LENGTH_PERIODS) return false;
    const struct mtr_source_reread *last = &source->window.rereads[count - 1];
    if (last->is_of_month) return false;
    return now_us >= window->to_us && now_us - window->to_us >= last->after_us;
}

/* MTR_EAGAIN: there is no memory for it at the moment. */
static int begin(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    struct mtr_given_file *file = poller->given;
    struct poll_report report;
    file->is_draft = now_us < file->window.to_us;
    struct poll_task task = poller_task_of(poller, strand, file->window);
    task.is_draft = file->is_draft;
    task.is_last = is_last(strand->source->source, &file->window, now_us);
    task.given = file;
    int rc = poller_begin(poller, strand, &task, now_us, &report);
    if (rc == MTR_EAGAIN) return rc;
    if (rc) {
        finish(poller, MTR_GIVEN_FAILED, report.text);
        return MTR_OK;
    }
    poller->is_given_begun = true;
    strand->given = file;
    return MTR_OK;
}

int poller_start_given(struct mtr_poller *poller, int64_t now_us, int64_t *next_us)
{
    const struct mtr_given_file *file = poller->given;
    if (!file || poller->is_given_begun || poller->running_count >= poller->options.polls_max) return MTR_OK;
    const struct poller_source *source = poller_find_source(poller, file->vendor, file->source);
    const char *why = objection(source);
    if (why) {
        finish(poller, MTR_GIVEN_REFUSED, why);
        return MTR_OK;
    }
    struct poller_strand *strand = source->strands;
    if (strand->poll) return MTR_OK; /* when that one ends */
    int rc = begin(poller, strand, now_us);
    if (rc != MTR_EAGAIN) return rc;
    if (*next_us > now_us + STARVED_US) *next_us = now_us + STARVED_US; /* others have the memory */
    return MTR_OK;
}

/* ---- what came of it ---- */

static void tell_counts(struct mtr_given_file *file, const struct poll_report *report)
{
    const struct reading_counts *counts = &report->counts;
    file->rows = counts->rows;
    file->skipped = counts->skipped;
    file->problems = counts->problems;
    file->same = counts->same;
    file->added = counts->added;
    file->changed = counts->changed;
    file->gone = counts->gone;
    file->moved = counts->moved;
    file->elsewhere = counts->elsewhere;
    file->refused = report->refused;
    file->held = report->held;
    file->not_active = report->not_active;
}

void poller_conclude_given(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    struct mtr_given_file *file = strand->given;
    const struct poll_task *task = poll_task(strand->poll);
    const struct poll_report *report = poll_report(strand->poll);
    const bool is_taken = report->result == POLL_TAKEN || report->result == POLL_UNCHANGED;
    const bool is_judged = is_taken || report->result == POLL_NOT_TAKEN;
    MTR_ASSERT(file == poller->given);
    strand->given = NULL;
    tell_counts(file, report);
    file->alarm = report->alarm;
    file->reading = file->is_trial ? 0 : task->number;
    if (is_taken && !file->is_trial) poller_conclude_good(poller, strand, task, report, now_us);
    if (!is_taken && is_judged && !file->is_trial)
        poller_set_reading_alarm(poller, strand, report->alarm, report->text, now_us);
    finish(poller,
           is_taken    ? MTR_GIVEN_TAKEN
           : is_judged ? MTR_GIVEN_NOT_TAKEN
                       : MTR_GIVEN_FAILED,
           report->text);
}
