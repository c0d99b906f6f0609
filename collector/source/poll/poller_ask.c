/*
 * Ranges of windows that are read because somebody asked, and what came of them; what operators tell sources,
 * on its way into the log, from there into the ledger, and what follows.
 */
#include "collector/source/poll/poller_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/control/control_note.h"
#include "collector/source/limits/failing.h"
#include "collector/source/limits/known.h"
#include "collector/source/reading/log_rows.h"

enum { WINDOWS_CHECKED_MAX = 10000 };
#define WAIT_US (INT64_C(10) * MTR_US_PER_SECOND)

static bool is_asked(const struct poller_strand *strand) { return strand->asked.at_us < strand->asked.to_us; }

static bool is_feed(const struct poller_source *source)
{
    return source->source->window.length == MTR_LENGTH_CURSOR;
}

/* ---- the next window ---- */

/* The vendor still gives it: a named period only as long as it has its name. */
static bool is_given(const struct mtr_reading_plan *plan, const struct mtr_window *window, int64_t now_us)
{
    return plan->window->length != MTR_LENGTH_PERIODS ||
           mtr_window_name(plan->window, window, now_us) != NULL;
}

static bool is_settled(const struct poller_strand *strand, struct mtr_ledger_txn *txn, int64_t from_us)
{
    struct mtr_ledger_window record;
    return !mtr_ledger_get_window(txn, &strand->strand, from_us, &record) &&
           record.state == MTR_WINDOW_SETTLED;
}

/* Its rows are not known any more, and would count twice. Where it may have been read before its end, it
 * began before the log does; so did a feed, which has no windows. */
bool poller_is_before_log(const struct mtr_poller *poller, const struct poller_strand *strand,
                          const struct mtr_window *window)
{
    const struct mtr_source *source = strand->source->source;
    const bool has_drafts = source->window.open_us || source->window.has_current || source->by_hand;
    const struct mtr_reading_plan *plan = &strand->plan;
    const int64_t read_us = is_feed(strand->source) ? mtr_plan_asked_from(plan, plan->start_us)
                            : has_drafts            ? window->from_us
                                                    : window->to_us + source->window.lateness_us;
    return source->created_us < poller->begun_us && read_us < poller->begun_us;
}

bool poller_is_forgotten(const struct mtr_poller *poller, const struct mtr_source *source,
                         const struct mtr_ledger_window *record, int64_t now_us)
{
    return now_us >= known_window_until_us(poller->options.known_us, source, record);
}

/* What the log had of a window's rows, as far as that is needed to read it once more. */
static bool is_gone(const struct mtr_poller *poller, const struct poller_source *source,
                    const struct mtr_ledger_window *record)
{
    if (poller_is_forgotten(poller, source->source, record, poller->now_us)) return true;
    if (record->is_cut) return !mtr_source_is_list(source->source);
    return record->has_no_run && record->seq_first && record->seq_first < poller->log_begin_seq;
}

/* Its rows are gone with a part of the log, or the ledger does not know it, and what it knew may have been
 * there. */
static bool is_lost(const struct mtr_poller *poller, const struct poller_strand *strand,
                    struct mtr_ledger_txn *txn, const struct mtr_window *window)
{
    struct mtr_ledger_window record;
    if (!mtr_ledger_get_window(txn, &strand->strand, window->from_us, &record))
        return is_gone(poller, strand->source, &record);
    return poller_is_before_log(poller, strand, window);
}

/* ---- trials ---- */

static void take_tried(struct mtr_poller_tried *tried, const struct poll_report *report)
{
    const struct reading_counts *counts = &report->counts;
    tried->is_unchanged = report->result == POLL_UNCHANGED;
    tried->is_taken = tried->is_unchanged || report->result == POLL_TAKEN;
    tried->alarm = report->alarm;
    tried->counts = poll_counts(report);
    if (counts->has_sum) mtr_decimal_format(counts->sum, tried->quantity);
    if (counts->had_sum) mtr_decimal_format(counts->sum_before, tried->quantity_before);
}

static struct mtr_poller_tried *add_tried(struct poller_source *source)
{
    enum { FIRST = 16 };
    if (source->tried_count == MTR_POLLER_TRIED_MAX) return NULL;
    if (source->tried_count == source->tried_capacity) {
        const uint32_t capacity = source->tried_capacity ? 2 * source->tried_capacity : FIRST;
        void *grown = realloc(source->tried, capacity * sizeof(*source->tried));
        if (!grown) return NULL;
        source->tried = grown;
        source->tried_capacity = capacity;
    }
    return &source->tried[source->tried_count++];
}

/* Where it is one: what a window's reading would come to; report NULL: there is none, and `text` says why. */
static void note_tried(struct poller_strand *strand, const struct mtr_window *window,
                       const struct poll_report *report, const char *text)
{
    struct mtr_poller_tried *tried = strand->asked.is_trial ? add_tried(strand->source) : NULL;
    if (!tried) return;
    *tried = (struct mtr_poller_tried){.window = *window};
    if (report) take_tried(tried, report);
    snprintf(tried->each, sizeof(tried->each), "%.*s", MTR_STR_ARGS(strand->strand.each));
    snprintf(tried->text, sizeof(tried->text), "%s", text);
}

static void forget_tried(struct mtr_poller *poller, struct poller_source *source)
{
    free(source->tried);
    source->tried = NULL;
    source->tried_count = source->tried_capacity = 0;
    free(source->asked_problem);
    source->asked_problem = NULL;
    poller_forget_rows(poller, &source->dry_rows);
}

static bool is_any_asked(const struct poller_source *source)
{
    const struct poller_strand *strand = source->strands;
    while (strand && !is_asked(strand)) strand = strand->next;
    return strand;
}

void poller_forget_done(struct mtr_poller *poller)
{
    for (uint32_t slot = 0; slot < POLLER_TABLE_SLOTS; slot++)
        for (struct poller_source *source = poller->sources[slot]; source; source = source->next)
            if (!is_any_asked(source)) poller_forget_dry_rows(poller, source);
}

struct mtr_dry_rows *mtr_poller_dry_rows(const struct mtr_poller *poller, const struct mtr_strand *strand)
{
    const struct poller_source *source = poller_find_source(poller, strand->vendor, strand->source);
    return source && !is_any_asked(source) ? mtr_dry_rows_hold(source->dry_rows) : NULL;
}

bool mtr_poller_tried(const struct mtr_poller *poller, const struct mtr_strand *strand, uint32_t index,
                      struct mtr_poller_tried *out)
{
    const struct poller_source *source = poller_find_source(poller, strand->vendor, strand->source);
    if (!source || index >= source->tried_count) return false;
    *out = source->tried[index];
    out->is_draft = out->window.to_us > poller->now_us;
    return true;
}

/* ---- the next one ---- */

bool poller_asked_window(const struct mtr_poller *poller, struct poller_strand *strand,
                         struct mtr_ledger_txn *txn, int64_t now_us, struct mtr_due_scan *scan)
{
    static const struct mtr_window_history never = {0};
    struct asked_windows *asked = &strand->asked;
    struct mtr_window window = {0, 0};
    for (; is_asked(strand); asked->at_us = window.to_us, asked->failed++) {
        asked->at_us = mtr_time_sooner(mtr_plan_asked_from(&strand->plan, asked->at_us), asked->to_us);
        if (!is_asked(strand)) return false; /* the others lie outside of its terms */
        window = mtr_plan_window_at(&strand->plan, asked->at_us);
        if (window.from_us >= now_us) {
            asked->at_us = asked->to_us; /* it has not begun */
            return false;
        }
        const char *why = !is_given(&strand->plan, &window, now_us)      ? "the vendor has no name for it now"
                          : is_lost(poller, strand, txn, &window) ? "what it had of it is not known any more"
                                                                         : NULL;
        if (!why) break;
        note_tried(strand, &window, NULL, why);
    }
    if (!is_asked(strand)) return false;
    const struct mtr_due due = mtr_window_due(&strand->plan, &window, &never, now_us);
    *scan = (struct mtr_due_scan){.has_due = asked->wait_until_us <= now_us,
                                  .has_next = asked->wait_until_us > now_us,
                                  .next_us = asked->wait_until_us,
                                  .window = window,
                                  .due = due};
    scan->due.is_draft = window.to_us > now_us;
    scan->due.is_last = !scan->due.is_draft && (due.is_last || is_settled(strand, txn, window.from_us));
    return true;
}

void poller_asked_ended(struct poller_strand *strand, const struct poll_task *task,
                        const struct poll_report *report, int64_t now_us)
{
    struct asked_windows *asked = &strand->asked;
    const struct mtr_window *window = &task->window;
    const bool is_it = is_asked(strand) && asked->is_trial == task->is_trial && !task->given &&
                       asked->at_us >= window->from_us && asked->at_us < window->to_us;
    const bool is_good = report->result == POLL_TAKEN || report->result == POLL_UNCHANGED;
    if (!is_it) return;
    const bool may_try = report->result == POLL_FAILED && ++asked->tries < ASKED_TRIES_MAX;
    if (may_try) {
        free(strand->source->asked_problem);
        strand->source->asked_problem = strdup(report->text);
        asked->wait_until_us = now_us + mtr_time_later(WAIT_US * asked->tries, report->wait_us);
        return;
    }
    note_tried(strand, window, report, report->text);
    if (asked->is_trial && report->result == POLL_TAKEN && strand->source->dry_rows)
        mtr_dry_rows_join(strand->source->dry_rows, poll_dry_rows(strand->poll));
    asked->taken += is_good;
    asked->failed += !is_good;
    asked->refused += is_good ? report->refused + report->counts.problems + report->not_active : 0;
    asked->tries = 0;
    asked->wait_until_us = 0;
    asked->at_us = window->to_us;
    if (!asked->is_trial && window->from_us < strand->unsettled_us) strand->unsettled_us = window->from_us;
}

/* ---- asking ---- */

struct checking {
    const struct mtr_poller *poller;
    const struct poller_source *source;
    int64_t to_us;
    uint32_t left; /* to look at */
    bool is_gone;
};

static int on_window(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    struct checking *checking = context;
    (void)each;
    if (window->start_us >= checking->to_us || !checking->left--) return MTR_EEXISTS; /* that is all */
    checking->is_gone = is_gone(checking->poller, checking->source, window);
    return checking->is_gone ? MTR_EEXISTS : MTR_OK;
}

/* Those of one request are where its plan has them. */
static int check_strand(struct checking *checking, const struct poller_strand *strand, int64_t from_us,
                        struct mtr_ledger_txn *txn)
{
    struct mtr_ledger_window record;
    while (from_us < checking->to_us && checking->left-- && !checking->is_gone) {
        const struct mtr_window window = mtr_plan_window_at(&strand->plan, from_us);
        int rc = mtr_ledger_get_window(txn, &strand->strand, window.from_us, &record);
        if (rc && rc != MTR_ENOTFOUND) return rc;
        checking->is_gone = !rc && is_gone(checking->poller, checking->source, &record);
        from_us = window.to_us;
    }
    return MTR_OK;
}

/* What the log had of a settled window may have been removed. Of more windows than can be looked at while
 * somebody waits, each is judged in its turn. */
static int check_log(struct mtr_poller *poller, const struct poller_source *source,
                     const struct mtr_strand *strand, struct mtr_window range, const char **fault)
{
    struct mtr_ledger_txn *txn;
    struct mtr_diagnostic diagnostic;
    struct checking checking = {
        .poller = poller, .source = source, .to_us = range.to_us, .left = WINDOWS_CHECKED_MAX};
    const struct poller_strand *one = strand_index_find(&source->index, strand->each);
    int rc = log_rows_begin(poller->options.log, &poller->log_begin_seq, &diagnostic);
    if (!rc) rc = mtr_ledger_begin(poller->options.ledger, false, &txn);
    if (rc) return rc;
    if (!strand->each.size)
        rc = mtr_ledger_walk_windows(txn, strand, range.from_us, on_window, &checking);
    else if (one)
        rc = check_strand(&checking, one, range.from_us, txn);
    mtr_ledger_abort(txn);
    if (rc == MTR_EEXISTS) rc = MTR_OK;
    *fault = source->source->delivery == MTR_DELIVERY_APPEND
                 ? "rows of a window of it were read longer ago than rows of an append delivery are known "
                   "(`intake.dedup_window`): they would count twice"
                 : "a window of it is settled, and retention has removed what the log had of its rows: it "
                   "stands as it is";
    return rc ? rc : checking.is_gone ? MTR_EINVALID : MTR_OK;
}

static int check_source(const struct poller_source *source, const char **fault)
{
    *fault = "its document cannot be read any more: `meterd source show` says why";
    if (source->source->unreadable.size) return MTR_EINVALID;
    *fault = "it is disabled";
    if (source->source->disabled) return MTR_EINVALID;
    *fault = "nobody is asked for it: files are its answers (`by_hand`)";
    if (source->source->by_hand) return MTR_EINVALID;
    *fault = "it is paused: resume it first";
    if (source->is_paused) return MTR_EINVALID;
    *fault = "it is a feed without windows (`window.length: cursor`)";
    return is_feed(source) ? MTR_EINVALID : MTR_OK;
}

static bool is_meant(const struct poller_strand *strand, struct mtr_str each)
{
    return !strand->is_gone && (!each.size || mtr_str_equal(strand->strand.each, each));
}

static int ask_strands(struct mtr_poller *poller, struct poller_source *source, struct mtr_str each,
                       struct mtr_window range, bool is_trial, uint32_t *strands)
{
    int rc = MTR_OK;
    for (struct poller_strand *strand = source->strands; !rc && strand; strand = strand->next) {
        if (!is_meant(strand, each)) continue;
        const int64_t start_us = mtr_plan_window_at(&strand->plan, strand->plan.start_us).from_us;
        const int64_t first_us = mtr_time_later(range.from_us, start_us);
        const int64_t from_us = mtr_plan_asked_from(&strand->plan, first_us);
        strand->asked =
            (struct asked_windows){.at_us = from_us, .to_us = range.to_us, .is_trial = is_trial};
        *strands += from_us < range.to_us;
        if (!strand->poll) rc = due_heap_set(&poller->heap, &strand->due, poller->now_us);
    }
    return rc;
}

int mtr_poller_ask(struct mtr_poller *poller, const struct mtr_strand *strand, struct mtr_window range,
                   bool is_trial, const char **fault)
{
    struct poller_source *source = poller_find_source(poller, strand->vendor, strand->source);
    struct mtr_poller_asked before;
    uint32_t strands = 0;
    *fault = "the poller does not know it yet";
    if (!source) return MTR_ENOTFOUND;
    int rc = check_source(source, fault);
    if (rc) return rc;
    *fault = "other windows of it were asked for, and are still being read";
    if (mtr_poller_asked(poller, strand, &before) && before.left) return MTR_EAGAIN;
    if (source->strands) range.from_us = mtr_plan_window_at(&source->strands->plan, range.from_us).from_us;
    rc = check_log(poller, source, strand, range, fault);
    if (!rc) forget_tried(poller, source);
    if (!rc && is_trial) poller_forget_done(poller);
    if (!rc && is_trial) rc = mtr_dry_rows_open(&source->dry_rows);
    if (!rc) rc = ask_strands(poller, source, strand->each, range, is_trial, &strands);
    if (rc) return rc;
    *fault = "there is no window of it: `from` is before `to`, and `to` behind the source's `window.start`; "
             "of for_each: subscription a term of one lies between them";
    return strands ? MTR_OK : MTR_EINVALID;
}

uint32_t mtr_poller_call_off(struct mtr_poller *poller, const struct mtr_strand *strand)
{
    const struct poller_source *source = poller_find_source(poller, strand->vendor, strand->source);
    uint32_t count = 0;
    for (struct poller_strand *one = source ? source->strands : NULL; one; one = one->next) {
        if (!is_asked(one) || !is_meant(one, strand->each)) continue;
        one->asked.to_us = one->asked.at_us;
        one->asked.is_called_off = true;
        count++;
    }
    return count;
}

/* The soonest of those that wait speaks for all. */
static void show_wait(const struct poller_strand *strand, int64_t now_us, struct mtr_poller_asked *out)
{
    const struct mtr_poll *poll = strand->poll;
    const bool is_out = poll && poll_state(poll) != POLL_WAITING;
    const int64_t again_us = poll ? poll_again_us(poll) : strand->asked.wait_until_us;
    const char *text = poll ? poll_problem(poll) : strand->source->asked_problem;
    if (is_out || again_us <= now_us || again_us == INT64_MAX || !text || !text[0]) return;
    if (out->again_us && out->again_us <= again_us) return;
    out->again_us = again_us;
    snprintf(out->problem, sizeof(out->problem), "%s", text);
}

bool mtr_poller_asked(const struct mtr_poller *poller, const struct mtr_strand *strand,
                      struct mtr_poller_asked *out)
{
    const struct poller_source *source = poller_find_source(poller, strand->vendor, strand->source);
    *out = (struct mtr_poller_asked){.has_file = poller_given_waits(poller, strand)};
    for (const struct poller_strand *one = source ? source->strands : NULL; one; one = one->next) {
        if (!is_meant(one, strand->each)) continue;
        out->left += is_asked(one);
        out->taken += one->asked.taken;
        out->failed += one->asked.failed;
        out->refused += one->asked.refused;
        out->called_off += one->asked.is_called_off;
        out->is_trial = out->is_trial || one->asked.is_trial;
        if (is_asked(one)) show_wait(one, poller->now_us, out);
    }
    return source != NULL;
}

/* ---- what operators tell sources ---- */

/*
 *   mtr_poller_control ─▶ intake ─▶ on_committed: durable, answered ─▶ the ledger's fold ─▶ strands are looked at
 *
 * One at a time: an operator waits for the answer.
 */
int mtr_poller_control(struct mtr_poller *poller, const struct mtr_source_control *control, int64_t now_us,
                       uint64_t *ticket, const char **fault)
{
    struct poller_source *source = poller_find_source(poller, control->vendor, control->source);
    struct mtr_request *request;
    *fault = "the poller does not know it yet";
    if (!source || !poller->is_caught_up) return MTR_ENOTFOUND;
    *fault = "another source is being told something, or meterd is stopping: try again";
    if (poller->control.is_open || poller->is_stopping) return MTR_EAGAIN;
    int rc = control_notes(control, source->last_reading + 1, now_us, &request);
    if (rc) return rc;
    request->context = NULL;
    const uint32_t count = request->count;
    rc = poller->hooks.submit(poller->hooks.context, request);
    if (rc) {
        mtr_request_release(request);
        free(request);
        return rc == MTR_EFULL ? MTR_EAGAIN : rc;
    }
    source->last_reading += count;
    poller->submitted++;
    poller->control.is_open = true;
    poller->control.is_answered = false;
    poller->control.action = control->action;
    poller->control.source_number = source->source->number;
    *ticket = ++poller->control.ticket;
    return MTR_OK;
}

bool mtr_poller_controlled(const struct mtr_poller *poller, uint64_t ticket, int *error)
{
    *error = poller->control.error;
    return ticket < poller->control.ticket || poller->control.is_answered;
}

static struct poller_source *source_of(struct mtr_poller *poller)
{
    const struct mtr_source *source =
        mtr_catalog_source(poller->catalog, poller->control.source_number);
    return source ? poller_find_source(poller, source->vendor, source->key) : NULL;
}

static void stop_readings(struct poller_source *source)
{
    for (struct poller_strand *strand = source->strands; strand; strand = strand->next)
        if (strand->poll && poll_state(strand->poll) != POLL_DONE) poll_stop(strand->poll);
}

bool poller_control_committed(struct mtr_poller *poller, struct mtr_request *request)
{
    struct poller_control *control = &poller->control;
    struct poller_source *source = source_of(poller);
    control->error = request->error;
    control->seq = request->error ? 0 : request->results[request->count - 1].seq;
    control->is_answered = true;
    control->is_open = !control->error; /* until it is folded */
    mtr_request_release(request);
    free(request);
    if (control->error) return false;
    if (source && control->action != MTR_SOURCE_ACCEPT)
        poller_set_paused(poller, source, control->action == MTR_SOURCE_PAUSE);
    if (source && source->is_paused) stop_readings(source);
    return true;
}

int poller_control_folded(struct mtr_poller *poller, int64_t now_us)
{
    struct poller_source *source = source_of(poller);
    int rc = MTR_OK;
    poller->control.is_open = false;
    if (!source || poller->control.action == MTR_SOURCE_PAUSE) return MTR_OK;
    for (struct poller_strand *strand = source->strands; !rc && strand; strand = strand->next) {
        failing_forget_all(strand);
        strand->unsettled_us = 0;
        if (!strand->poll) rc = due_heap_set(&poller->heap, &strand->due, now_us);
    }
    return rc;
}
