/*
 * Which window of a strand is to be read now, and what a reading that ended means for the next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/limits/failing.h"
#include "collector/source/limits/known.h"
#include "collector/source/poll/poller_alarms.h"
#include "collector/source/poll/poller_ask.h"
#include "collector/source/items/poller_items.h"
#include "collector/source/poll/poller_watch.h"
#include "collector/source/reading/log_rows.h"
#include "meterd/collector/source_terms.h"

enum { WINDOWS_A_LOOK = 20000 };
#define CROWDED_US (INT64_C(60) * MTR_US_PER_SECOND) /* for alarms; the queue comes before */
#define LOG_BEGIN_EVERY_US (INT64_C(60) * MTR_US_PER_SECOND)
#define STANDS_US (INT64_C(3600) * MTR_US_PER_SECOND)

/* ---- what is due ---- */

struct looking {
    struct mtr_poller *poller;
    struct poller_strand *strand;
    struct mtr_ledger_txn *txn;
    int64_t now_us;
    struct poller_gap gap;
    struct poller_job job;
    bool is_trial; /* what is to be read was asked for as one */
    bool is_lost;  /* a feed, and where it goes on */
    int rc;
};

/* A suspect is confirmed behind the schedule's next tick; as a draft, which is read in between, behind
 * `guard.every` alone. */
static int64_t confirms_us(const struct poller_strand *strand, const struct mtr_ledger_window *record)
{
    const bool is_draft = strand->source->source->window.open_us && record->noted_us < record->end_us;
    if (record->state != MTR_WINDOW_SUSPECT || is_draft) return 0;
    return mtr_schedule_tick(strand->plan.schedule, record->noted_us + 1);
}

static int64_t waits_until(struct poller_strand *strand, const struct mtr_ledger_window *record,
                           int64_t from_us)
{
    const struct failing *failing = failing_find(strand, from_us);
    int64_t until_us = mtr_time_later(failing ? failing->wait_until_us : 0, strand->closed_until_us);
    const bool is_said_again =
        record && record->agreed && record->agreed < VERDICT_ACCEPTED && record->state != MTR_WINDOW_COMPLETE;
    if (!is_said_again) return until_us;
    const int64_t again_us = record->noted_us + strand->source->source->guard.every_us;
    return mtr_time_later(until_us, mtr_time_later(again_us, confirms_us(strand, record)));
}

/* The log still has what was written for a settled window. The log's begin is looked up now and then. */
static bool is_in_log(struct looking *looking, const struct mtr_ledger_window *record)
{
    struct mtr_poller *poller = looking->poller;
    if (record->is_cut) return mtr_source_is_list(looking->strand->source->source);
    if (looking->now_us >= poller->log_begin_us) {
        struct mtr_diagnostic diagnostic;
        int rc = log_rows_begin(poller->options.log, &poller->log_begin_seq, &diagnostic);
        if (rc) looking->rc = rc;
        poller->log_begin_us = looking->now_us + LOG_BEGIN_EVERY_US;
    }
    return !record->seq_first || record->seq_first >= poller->log_begin_seq;
}

/* Of a feed all. */
static enum mtr_source_part part_of(const struct poller_strand *strand, const struct mtr_window *window)
{
    return strand->subscription && window->to_us ? mtr_source_part_of(strand->subscription, window)
                                                 : MTR_SOURCE_PART_ALL;
}

/* Its readings were of when no term had it, or had less of it. */
static bool is_grown(const struct poller_strand *strand, const struct mtr_window *window,
                     const struct mtr_ledger_window *record, int64_t now_us)
{
    const struct mtr_window_history history = {.read_us = record->last_us};
    const bool is_over = record->last_us >= window->to_us;
    if (!strand->subscription || !is_over) return false;
    const enum mtr_source_part part = part_of(strand, window);
    if (record->state == MTR_WINDOW_OPEN) return part != MTR_SOURCE_PART_NONE;
    return record->state == MTR_WINDOW_COMPLETE && part == MTR_SOURCE_PART_ALL &&
           mtr_window_due(&strand->plan, window, &history, now_us).kind == MTR_DUE_SETTLED;
}

/* Before the program's start, too. */
static void note_read(struct poller_strand *strand, int64_t read_us)
{
    strand->source->read_us = mtr_time_later(strand->source->read_us, read_us);
}

static bool history_of(void *context, const struct mtr_window *window, struct mtr_window_history *out)
{
    struct looking *looking = context;
    struct mtr_ledger_window record;
    *out = (struct mtr_window_history){0};
    int rc = mtr_ledger_get_window(looking->txn, &looking->strand->strand, window->from_us, &record);
    if (rc && rc != MTR_ENOTFOUND) looking->rc = rc;
    const bool is_known = !rc && record.end_us == window->to_us;
    const bool counts = is_known && !is_grown(looking->strand, window, &record, looking->now_us);
    if (counts && mtr_window_is_taken(record.state)) /* whoever asked for its last reading, it is well */
        out->read_us = record.last_us;
    if (is_known && mtr_window_is_taken(record.state)) note_read(looking->strand, record.last_us);
    if (rc && poller_is_before_log(looking->poller, looking->strand, window)) out->read_us = looking->now_us;
    poller_gap_note(&looking->gap, looking->strand, window, counts ? &record : NULL, looking->now_us);
    if (is_known) poller_restore_alarm(looking->poller, looking->strand, &record, looking->now_us);
    out->wait_until_us = waits_until(looking->strand, is_known ? &record : NULL, window->from_us);
    /* The plan may have grown since it was settled: as long as the log has its rows, it is read again. */
    if (is_known && record.has_no_run && !is_in_log(looking, &record)) out->read_us = looking->now_us;
    const struct mtr_source *source = looking->strand->source->source;
    if (is_known && poller_is_forgotten(looking->poller, source, &record, looking->now_us)) {
        out->read_us = looking->now_us;
        poller_set_forgotten_alarm(looking->poller, looking->strand, &record, looking->now_us);
    }
    return true;
}

static int look_at_windows(struct looking *looking, int64_t now_us, struct mtr_due_scan *scan)
{
    struct poller_strand *strand = looking->strand;
    mtr_due_scan_begin(scan, &strand->plan, strand->unsettled_us, now_us);
    scan->was_draft = strand->was_draft;
    const struct mtr_window first = mtr_plan_window_at(&strand->plan, strand->plan.start_us);
    alarms_forget_windows_before(&strand->alarms, first.from_us);
    while (!looking->rc && !mtr_due_scan_step(scan, &strand->plan, history_of, looking, WINDOWS_A_LOOK)) {
    }
    if (!looking->rc) strand->unsettled_us = scan->unsettled_us;
    return looking->rc;
}

static bool is_feed(const struct poller_strand *strand)
{
    return strand->source->source->window.length == MTR_LENGTH_CURSOR;
}

/* Zero where it has not begun. */
static int feed_of(struct looking *looking, struct mtr_feed *out)
{
    *out = (struct mtr_feed){0};
    if (!is_feed(looking->strand)) return MTR_OK;
    int rc = mtr_ledger_feed(looking->txn, &looking->strand->strand, out);
    if (rc == MTR_ENOTFOUND) *out = (struct mtr_feed){0};
    if (!rc) note_read(looking->strand, out->read_us);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static struct known_feed known_of(const struct looking *looking, const struct mtr_feed *feed)
{
    return known_feed_of(looking->poller->options.known_us,
                         looking->strand->source->source->window.overlap_us, feed, looking->now_us);
}

/* What was counted would be once more, so nobody is asked until somebody has seen to it. */
static void stand_still(struct looking *looking, const char *text, int64_t now_us, struct mtr_due_scan *scan)
{
    poller_set_reading_alarm(looking->poller, looking->strand, 0, MTR_ALARM_FAILING, text, now_us);
    *scan = (struct mtr_due_scan){.has_next = true, .next_us = now_us + STANDS_US};
    looking->is_lost = true;
}

/* The ledger does not know where it goes on. */
static void stand_at_the_begin(struct looking *looking, int64_t now_us, struct mtr_due_scan *scan)
{
    char begun[MTR_TIME_TEXT_BYTES], text[POLL_TEXT_BYTES];
    mtr_time_format(looking->poller->begun_us, begun);
    snprintf(text, sizeof(text),
             "retention has removed where the feed goes on, and from its beginning all would count again: it "
             "is not asked until `window.start` is %s or later, where it is to go on",
             begun);
    stand_still(looking, text, now_us, scan);
}

/* Of the reading that it has to begin again the log has rows, and the intake does not know them. */
static void stand_in_a_reading(struct looking *looking, int64_t begun_us, int64_t now_us,
                               struct mtr_due_scan *scan)
{
    char begun[MTR_TIME_TEXT_BYTES], text[POLL_TEXT_BYTES];
    mtr_time_format(begun_us, begun);
    snprintf(text, sizeof(text),
             "a reading that began at %s did not come to its end, and its rows in the log are no longer "
             "known: they would count twice, so the feed is not asked. " POLLER_KNOW_LONGER,
             begun);
    stand_still(looking, text, now_us, scan);
}

static int look_at_feed(struct looking *looking, int64_t now_us, struct mtr_due_scan *scan)
{
    static const struct mtr_window none = {0, 0};
    struct poller_strand *strand = looking->strand;
    const struct failing *failing = failing_find(strand, 0);
    struct mtr_feed feed;
    int rc = feed_of(looking, &feed);
    if (rc) return rc;
    strand->unsettled_us = feed.read_us;
    if (!feed.read_us && poller_is_before_log(looking->poller, strand, &none)) {
        stand_at_the_begin(looking, now_us, scan);
        return MTR_OK;
    }
    if (feed.begun_us && known_of(looking, &feed).until_us <= now_us) {
        stand_in_a_reading(looking, feed.begun_us, now_us, scan);
        return MTR_OK;
    }
    poller_gap_note_feed(&looking->gap, strand, feed.read_us, now_us);
    const struct mtr_window_history history = {.read_us = feed.read_us,
                                               .wait_until_us = failing ? failing->wait_until_us : 0};
    *scan = (struct mtr_due_scan){.due = mtr_feed_due(&strand->plan, &history, now_us)};
    scan->has_due = scan->due.kind == MTR_DUE_READ && scan->due.due_us <= now_us;
    scan->has_next = scan->due.kind == MTR_DUE_READ && !scan->has_due;
    scan->next_us = scan->due.due_us;
    return MTR_OK;
}

/* ---- starting ---- */

/* Zero where it was not read yet. */
static int record_of(const struct looking *looking, const struct mtr_window *window,
                     struct mtr_ledger_window *out)
{
    *out = (struct mtr_ledger_window){0};
    if (!window->to_us) return MTR_OK;
    int rc = mtr_ledger_get_window(looking->txn, &looking->strand->strand, window->from_us, out);
    if (rc == MTR_ENOTFOUND) *out = (struct mtr_ledger_window){0};
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int64_t forgotten_us(const struct poller_strand *strand, const struct mtr_window *window)
{
    const int64_t keeps_us = strand->source->source->window.vendor_keeps_us;
    return keeps_us ? window->from_us + keeps_us : INT64_MAX;
}

struct poll_task poller_task_of(struct mtr_poller *poller, struct poller_strand *strand,
                                struct mtr_window window)
{
    struct poller_source *source = strand->source;
    return (struct poll_task){.hooks = &poller->poll_hooks,
                              .source = source->source,
                              .strand = strand->strand,
                              .window = window,
                              .number = source->last_reading + 1,
                              .event_key = poller->event_key,
                              .pages = poller->pages,
                              .events_max = poller->options.events_max,
                              .memory = poller->options.memory ? &poller->memory : NULL,
                              .reserve_bytes = strand->reserve_bytes,
                              .log = poller->options.log,
                              .catalog = poller->catalog,
                              .ledger = poller->options.ledger,
                              .fold = poller->fold,
                              .dry_room = &poller->dry_room,
                              .auth = source->auth,
                              .gate = &source->gate->gate,
                              .breaker = &source->host->breaker};
}

int poller_begin(struct mtr_poller *poller, struct poller_strand *strand, const struct poll_task *task,
                 int64_t now_us, struct poll_report *report)
{
    int rc = poll_open(task, now_us, &strand->poll, report);
    if (rc == MTR_EAGAIN) return rc;
    strand->source->last_reading++;
    if (rc) return rc;
    strand->poll_catalog = mtr_catalog_acquire(poller->catalog);
    strand->running_next = poller->running;
    poller->running = strand;
    poller->running_count++;
    poller_crowd_drop(strand);
    poller_crowd_enter(strand);
    return MTR_OK;
}

/* They are looked for each day, and where they are kept for less, so much sooner. */
static bool expires_pages(const struct poller_strand *strand, int64_t now_us)
{
    enum { PARTS = 8 };
    const int64_t each_us = mtr_time_sooner(strand->source->source->pages_keep_us / PARTS, MTR_US_PER_DAY);
    return now_us - strand->expired_us >= each_us;
}

/* Which of its subject's; of a feed that of now. */
static const struct mtr_subscription *subscription_of(const struct poller_strand *strand,
                                                      const struct mtr_window *window, int64_t now_us)
{
    const struct mtr_window now = {now_us, now_us + 1};
    return strand->subscription
               ? mtr_source_subscription_at(strand->subscription, window->to_us ? window : &now)
               : NULL;
}

static int start(struct looking *looking, const struct mtr_due_scan *scan, int64_t now_us)
{
    struct mtr_poller *poller = looking->poller;
    struct poller_strand *strand = looking->strand;
    struct poll_report report;
    struct mtr_feed feed;
    struct mtr_str mark;
    struct mtr_ledger_window record;
    int rc = feed_of(looking, &feed);
    if (!rc) rc = record_of(looking, &scan->window, &record);
    if (!rc) rc = poller_find_mark(strand, looking->txn, &scan->window, &mark);
    if (rc) return rc;
    struct poll_task task = poller_task_of(poller, strand, scan->window);
    task.subscription = subscription_of(strand, &scan->window, now_us);
    const enum mtr_source_part part = part_of(strand, &scan->window);
    task.is_draft = scan->due.is_draft || part == MTR_SOURCE_PART_NONE;
    task.is_last = scan->due.is_last && part == MTR_SOURCE_PART_ALL;
    task.is_forgotten = now_us >= forgotten_us(strand, &scan->window);
    task.expires_pages = expires_pages(strand, now_us);
    task.piece_us = strand->piece_us;
    task.confirms_us = confirms_us(looking->strand, &record);
    task.doubt = strand->doubt;
    task.has_job = looking->job.has_job;
    task.job_is_stale = looking->job.is_stale;
    task.job = looking->job.job;
    task.resume = is_feed(strand) ? feed.cursor : mark;
    const struct known_feed known = known_of(looking, &feed);
    task.since_us = known.since_us;
    task.known_until_us =
        is_feed(strand) ? known.until_us
                        : known_window_until_us(poller->options.known_us, strand->source->source, &record);
    const int64_t from_us = feed.read_us ? known.since_us - strand->source->source->window.overlap_us : 0;
    task.refused_before_us = known_refused_before_us(poller->options.known_us, strand->source->source,
                                                     &scan->window, from_us, now_us);
    task.is_trial = looking->is_trial;
    if (!task.is_trial) strand->was_draft = task.is_draft;
    rc = poller_begin(poller, strand, &task, now_us, &report);
    poller->is_starved = rc == MTR_EAGAIN;
    if (!rc && task.expires_pages) strand->expired_us = now_us;
    if (!rc || poller->is_starved) return MTR_OK;
    poller_asked_ended(strand, &task, &report, now_us);
    if (!task.is_trial) {
        failing_note(strand, scan->window.from_us, 0, now_us);
        poller_set_reading_alarm(poller, strand, scan->window.from_us, MTR_ALARM_FAILING, report.text,
                                 now_us);
    }
    return rc == MTR_ENOMEM ? rc : MTR_OK;
}

/* What is asked for goes before what is due; as long as it waits, what is due goes on. */
static void look_at_asked(struct looking *looking, int64_t now_us, struct mtr_due_scan *scan)
{
    struct mtr_due_scan asked;
    if (!poller_asked_window(looking->poller, looking->strand, looking->txn, now_us, &asked)) return;
    if (asked.has_due) {
        *scan = asked;
        looking->is_trial = looking->strand->asked.is_trial;
    } else if (!scan->has_next || scan->next_us > asked.next_us) {
        scan->has_next = true;
        scan->next_us = asked.next_us;
    }
}

static int look(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    struct looking looking = {.poller = poller, .strand = strand, .now_us = now_us};
    struct mtr_due_scan scan;
    int rc = mtr_ledger_begin(poller->options.ledger, false, &looking.txn);
    if (rc) return rc;
    rc = poller_watch_begin(strand, looking.txn, now_us);
    if (!rc)
        rc = is_feed(strand) ? look_at_feed(&looking, now_us, &scan)
                             : look_at_windows(&looking, now_us, &scan);
    if (!rc && !is_feed(strand)) look_at_asked(&looking, now_us, &scan);
    if (!rc && !looking.is_lost) rc = poller_find_job(strand, looking.txn, now_us, &looking.job);
    if (!rc && looking.job.has_job) { /* one window at a time */
        scan = looking.job.scan;
        looking.is_trial = false;
    }
    const bool waits = !rc && scan.has_due && poller_crowd_waits(strand);
    if (!waits) poller_crowd_drop(strand);
    if (!rc && scan.has_due && !waits) rc = start(&looking, &scan, now_us);
    mtr_ledger_abort(looking.txn);
    if (rc || poller->is_starved) return rc; /* it stays due, and first */
    const bool is_over = !scan.has_due && !scan.has_next && strand->plan.term_count > 0;
    if (is_over && strand->source->source->each.kind == MTR_EACH_ROW) {
        poller_drop_strand(poller, strand);
        return MTR_OK;
    }
    if (is_over) poller_watch_end(poller, strand, now_us);
    const int64_t refused_us = poller_set_refused_alarm(poller, strand, now_us);
    const int64_t watch_us =
        mtr_time_sooner(poller_watch_look(poller, strand, &looking.gap, now_us), refused_us);
    const int64_t next_us = strand->poll    ? INT64_MAX
                            : scan.has_due  ? now_us + (waits ? CROWDED_US : MTR_US_PER_SECOND)
                            : scan.has_next ? scan.next_us
                                            : INT64_MAX;
    return due_heap_set(&poller->heap, &strand->due, mtr_time_sooner(next_us, watch_us));
}

int poller_look(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    const struct poller_gate *was_crowded = strand->crowded;
    int rc = poller_restore_refused(poller, strand, now_us);
    if (rc) return rc;
    if (strand->poll || strand->source->is_paused || strand->source->source->by_hand) {
        const int64_t refused_us = poller_set_refused_alarm(poller, strand, now_us);
        poller_crowd_drop(strand);
        rc = due_heap_set(&poller->heap, &strand->due, strand->poll ? INT64_MAX : refused_us);
    } else {
        rc = look(poller, strand, now_us);
    }
    return rc || !was_crowded ? rc : poller_crowd_next(poller, was_crowded, now_us);
}

/* ---- what came of it ---- */

/* The next reading has what this one took before it asks; one that had too little, twice as much. */
static void note_memory(const struct mtr_poller *poller, struct poller_strand *strand,
                        const struct poll_report *report)
{
    const uint64_t most = poller->memory.own.bytes_max - POLL_MEMORY_BYTES;
    if (!poller->options.memory) return;
    strand->reserve_bytes = report->is_out_of_memory ? 2 * report->rows_bytes : report->rows_bytes;
    if (strand->reserve_bytes > most) strand->reserve_bytes = most;
}

void poller_conclude_good(struct mtr_poller *poller, struct poller_strand *strand,
                          const struct poll_task *task, const struct poll_report *report, int64_t now_us)
{
    struct poller_source *source = strand->source;
    failing_end(strand, task->window.from_us);
    source->read_us = now_us;
    source->readings++;
    source->rows += report->counts.rows;
    poller->totals.readings++;
    poller->totals.rows += report->counts.rows;
    poller_set_reading_alarm(poller, strand, task->window.from_us, MTR_ALARM_NONE, "", now_us);
    poller_conclude_rows(poller, strand, report, now_us);
}

void poller_conclude(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    const struct poll_task *task = poll_task(strand->poll);
    const struct poll_report *report = poll_report(strand->poll);
    if (task->is_trial) { /* it counts for nothing */
        poller_asked_ended(strand, task, report, now_us);
        return;
    }
    if (report->result != POLL_PARKED) note_memory(poller, strand, report);
    switch (report->result) {
    case POLL_PARKED: strand->job_again_us = now_us + report->wait_us; break;
    case POLL_TAKEN:
    case POLL_UNCHANGED: poller_conclude_good(poller, strand, task, report, now_us); break;
    case POLL_NOT_TAKEN:
    case POLL_FAILED:
    case POLL_TOO_LARGE:
        strand->source->failures++;
        poller->totals.failures++;
        failing_note(strand, task->window.from_us, report->wait_us, now_us);
        if (report->alarm)
            poller_set_reading_alarm(poller, strand, task->window.from_us, report->alarm, report->text,
                                     now_us);
        if (report->alarm == MTR_ALARM_FAILING && report->is_let_in) poller_is_let_in(poller, strand, now_us);
        break;
    }
    poller_watch_report(poller, strand, &task->window, report, now_us);
    strand->piece_us = poll_split_remember(report, &task->window, strand->piece_us, &strand->piece_good);
    if (report->result != POLL_PARKED) poller_asked_ended(strand, task, report, now_us);
}
