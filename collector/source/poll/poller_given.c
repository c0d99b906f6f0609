/*
 * A file that is given as the answer of a source: its strand reads it as soon as it reads nothing else, and
 * whoever gave it is told. Until then it can be called off. A reading that waits for a vendor who did not
 * answer well, or waits for long, gives way to it, whatever pages it has, unless it is refused: there is one
 * place for files, and all that are given wait for it.
 *
 * Invariant: poller->given is set from mtr_poller_give until on_done was called; a strand's `given` is the
 * same, while its reading is under way.
 */
#include <stdio.h>

#include "collector/source/limits/known.h"
#include "collector/source/poll/poller_alarms.h"
#include "collector/source/poll/poller_ask.h"
#include "collector/source/poll/poller_state.h"

#define STARVED_US (INT64_C(250) * 1000)

bool mtr_poller_give(struct mtr_poller *poller, struct mtr_given_file *file)
{
    MTR_ASSERT(file->on_done && (file->is_replay || file->window.from_us < file->window.to_us));
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

bool mtr_poller_call_off_file(struct mtr_poller *poller, const struct mtr_strand *strand)
{
    const bool waits = poller_given_waits(poller, strand);
    if (waits) finish(poller, MTR_GIVEN_FAILED, "it was called off before it was read: nothing is stored");
    return waits;
}

/* ---- beginning ---- */

/* NULL: it may be read. */
static const char *objection(const struct mtr_poller *poller, const struct poller_source *source)
{
    if (!source) return "the source is new: give it again in a moment";
    if (source->source->unreadable.size)
        return "the source's document cannot be read any more: `meterd source show` says why";
    if (source->source->disabled) return "the source is disabled: it takes nothing";
    if (poller->given->is_replay) return NULL;
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

static struct poller_strand *find_strand(const struct mtr_poller *poller, const struct poller_source *source)
{
    struct poller_strand *strand = strand_index_find(&source->index, poller->given->each);
    return strand && !strand->is_gone ? strand : NULL;
}

/* ---- replays ---- */

struct replayed {
    struct poll_replay replay;
    bool is_draft, is_last;
};

/* It is what its pages say, as far as the ledger knows; NULL: it may be. */
static const char *objection_to_window(const struct mtr_ledger_window *window, int64_t from_us)
{
    if (window->start_us != from_us || !window->readings)
        return "the window was not read yet: there is nothing to replay";
    if (mtr_window_has_problem(window->state))
        return "its last reading was not taken, and is newer than its pages: it is read again by its "
               "schedule, by `meterd source run`, or by `accept`";
    return window->seq_last ? NULL : "nothing was written of it: its pages had no row";
}

/* As the ledger has it; zero: it was not read yet. */
static int find_window(struct mtr_poller *poller, const struct poller_strand *strand,
                       struct mtr_ledger_window *out)
{
    struct mtr_ledger_txn *txn;
    *out = (struct mtr_ledger_window){0};
    int rc = mtr_ledger_begin(poller->options.ledger, false, &txn);
    if (rc) return rc;
    rc = mtr_ledger_get_window(txn, &strand->strand, poller->given->window.from_us, out);
    mtr_ledger_abort(txn);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* The window stays what it was: a draft, complete or settled. Of one that a replay was writing when meterd
 * was killed, that is told by its readings. Returns why it is not replayed, or NULL. */
static const char *take_replayed(struct mtr_given_file *file, const struct mtr_ledger_window *window,
                                 struct replayed *out)
{
    const char *why = objection_to_window(window, file->window.from_us);
    file->window = (struct mtr_window){window->start_us, window->end_us};
    file->replays = window->reading;
    *out = (struct replayed){.replay = {window->reading, window->seq_last, window->last_us},
                             .is_draft = window->last_us < window->end_us,
                             .is_last = window->has_no_run};
    return why;
}

/* ---- it begins ---- */

/* A window that the ledger does not know, and of which it may have known: the file's rows would count beside
 * those. NULL: it may be read. */
static const char *objection_to_file(const struct mtr_poller *poller, const struct poller_strand *strand,
                                     const struct mtr_ledger_window *window)
{
    const bool is_known = window->start_us < window->end_us;
    return !is_known && poller_is_before_log(poller, strand, &poller->given->window)
               ? "the window may have been read before the log begins, and retention has removed what the "
                 "log had of its rows: it stands as it is"
               : NULL;
}

/* What the ledger has of the window that is given. */
struct given_window {
    struct mtr_ledger_window window;
    struct replayed replayed;
};

/* *why: it is not read; NULL: it may be. */
static int look_at_window(struct mtr_poller *poller, const struct poller_strand *strand, int64_t now_us,
                          struct given_window *out, const char **why)
{
    struct mtr_given_file *file = poller->given;
    out->replayed = (struct replayed){.is_draft = now_us < file->window.to_us,
                                      .is_last = is_last(strand->source->source, &file->window, now_us)};
    int rc = find_window(poller, strand, &out->window);
    if (rc) return rc;
    *why = file->is_replay ? take_replayed(file, &out->window, &out->replayed)
                           : objection_to_file(poller, strand, &out->window);
    if (!*why && poller_is_forgotten(poller, strand->source->source, &out->window, now_us))
        *why = "its rows were read longer ago than rows of an append delivery are known "
               "(`intake.dedup_window`): they would count twice";
    return MTR_OK;
}

/* The strand's reading waits: its vendor may not be back for long, and the file is here. What is refused all
 * the same costs it no page. */
static int make_way(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    struct given_window given;
    const char *why;
    int rc = look_at_window(poller, strand, now_us, &given, &why);
    if (rc) return rc;
    if (why) finish(poller, MTR_GIVEN_REFUSED, why);
    else poll_give_way(strand->poll, now_us);
    return MTR_OK;
}

/* MTR_EAGAIN: there is no memory for it at the moment. */
static int begin(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    struct mtr_given_file *file = poller->given;
    struct poll_report report;
    struct given_window given;
    const char *why;
    int rc = look_at_window(poller, strand, now_us, &given, &why);
    if (rc) return rc;
    if (why) {
        finish(poller, MTR_GIVEN_REFUSED, why);
        return MTR_OK;
    }
    const struct replayed replayed = given.replayed;
    file->is_draft = replayed.is_draft;
    struct poll_task task = poller_task_of(poller, strand, file->window);
    task.is_draft = replayed.is_draft;
    task.is_last = replayed.is_last;
    task.given = file;
    task.is_trial = file->is_trial;
    task.replay = replayed.replay;
    task.subscription = strand->subscription;
    task.known_until_us =
        known_window_until_us(poller->options.known_us, strand->source->source, &given.window);
    rc = poller_begin(poller, strand, &task, now_us, &report);
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
    if (!file || poller->is_given_begun || poller->is_held || !poller_has_place(poller)) return MTR_OK;
    const struct poller_source *source = poller_find_source(poller, file->vendor, file->source);
    const char *why = objection(poller, source);
    struct poller_strand *strand = why ? NULL : find_strand(poller, source);
    if (!why && !strand) why = "no request of the source is of this value of for_each now";
    if (why) {
        finish(poller, MTR_GIVEN_REFUSED, why);
        return MTR_OK;
    }
    if (strand->poll) { /* when that one ends */
        const bool waits = poll_state(strand->poll) == POLL_WAITING;
        if (waits && (strand->is_parked || poll_backs_off(strand->poll)))
            return make_way(poller, strand, now_us);
        return MTR_OK;
    }
    int rc = begin(poller, strand, now_us);
    if (rc != MTR_EAGAIN) return rc;
    if (*next_us > now_us + STARVED_US) *next_us = now_us + STARVED_US; /* others have the memory */
    return MTR_OK;
}

/* ---- what came of it ---- */

/* A trial leaves the strand as it was. */
static void conclude_strand(struct mtr_poller *poller, struct poller_strand *strand,
                            enum mtr_given_result result, int64_t now_us)
{
    const struct mtr_given_file *file = poller->given;
    const struct poll_task *task = poll_task(strand->poll);
    const struct poll_report *report = poll_report(strand->poll);
    if (file->is_trial) return;
    if (result == MTR_GIVEN_TAKEN && file->is_replay)
        poller_conclude_rows(poller, strand, report, now_us);
    else if (result == MTR_GIVEN_TAKEN)
        poller_conclude_good(poller, strand, task, report, now_us);
    else if (result == MTR_GIVEN_NOT_TAKEN && !file->is_replay)
        poller_set_reading_alarm(poller, strand, task->window.from_us, report->alarm, report->text, now_us);
}

/* Whoever looks at them meanwhile has them as they are. Without memory nothing is told of them. */
static void keep_dry_rows(struct mtr_poller *poller, struct poller_strand *strand)
{
    struct mtr_given_file *file = poller->given;
    struct mtr_dry_rows **rows = &strand->source->given_rows;
    if (!file->goes_on || (*rows && mtr_dry_rows_are_shared(*rows))) {
        poller_forget_done(poller);
        poller_forget_rows(poller, rows);
    }
    if (!*rows && mtr_dry_rows_open(rows)) return;
    mtr_dry_rows_join(*rows, poll_dry_rows(strand->poll));
    file->dry_rows = mtr_dry_rows_hold(*rows);
}

void poller_conclude_given(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    struct mtr_given_file *file = strand->given;
    const struct poll_report *report = poll_report(strand->poll);
    const struct verdict *verdict = poll_verdict(strand->poll);
    const bool is_taken = report->result == POLL_TAKEN || report->result == POLL_UNCHANGED;
    const enum mtr_given_result result = is_taken                          ? MTR_GIVEN_TAKEN
                                         : report->result == POLL_NOT_TAKEN ? MTR_GIVEN_NOT_TAKEN
                                                                            : MTR_GIVEN_FAILED;
    MTR_ASSERT(file == poller->given);
    strand->given = NULL;
    file->counts = poll_counts(report);
    file->alarm = report->alarm;
    file->is_acceptable = !is_taken && verdict && verdict->is_acceptable;
    file->reading = file->is_trial ? 0 : poll_task(strand->poll)->number;
    if (is_taken && file->is_trial) keep_dry_rows(poller, strand);
    conclude_strand(poller, strand, result, now_us);
    finish(poller, result, report->text);
}
