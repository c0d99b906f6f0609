/*
 * What rows that came in are said to be: in quarantine, held, outside of a term, of other times.
 *
 * Invariant: the alarm `refused` stands as long as something is noted of rows in quarantine. A reading says
 * all that its window has there, for such rows are tried with each, and the ledger knows what it said. Rows
 * outside of a term are none of them: they have an alarm of their own.
 */
#include <inttypes.h>
#include <stdio.h>

#include "collector/source/poll/poller_alarms.h"

/* A feed has each row once: no reading of it says that they are gone. */
#define FEED_REFUSED_US MTR_US_PER_DAY

/* ---- rows in quarantine ---- */

static bool is_feed(const struct poller_strand *strand)
{
    return strand->source->source->window.length == MTR_LENGTH_CURSOR;
}

static void note_refused_of_feed(struct poller_strand *strand, uint64_t rows, int64_t now_us)
{
    if (!rows) return;
    alarms_note_refused(&strand->alarms,
                        &(struct refused_window){.rows = rows, .until_us = now_us + FEED_REFUSED_US});
}

/* Of an append delivery; 0 else. */
static uint64_t generation_of(const struct mtr_poller *poller, const struct poller_strand *strand)
{
    return strand->source->source->delivery == MTR_DELIVERY_APPEND ? poller->generation : 0;
}

/* Of an append delivery: what a document of before could not read, one of now may. */
static void forget_former(struct alarms *alarms, uint64_t generation)
{
    for (uint32_t i = alarms->refused_count; i-- > 0;) {
        const struct refused_window *window = &alarms->refused[i];
        if (!window->generation || window->generation == generation) continue;
        alarms_note_refused(alarms, &(struct refused_window){.from_us = window->from_us});
    }
}

static void note_refused(struct mtr_poller *poller, struct poller_strand *strand,
                         const struct poll_report *report, int64_t now_us)
{
    const uint64_t said = report->refused + report->counts.problems;
    const int64_t from_us = poll_task(strand->poll)->window.from_us;
    if (is_feed(strand)) {
        note_refused_of_feed(strand, said, now_us);
        return;
    }
    forget_former(&strand->alarms, poller->generation);
    alarms_note_refused(&strand->alarms,
                        &(struct refused_window){.from_us = from_us,
                                                 .rows = said,
                                                 .generation = generation_of(poller, strand)});
}

/* ---- what the ledger knows of them ---- */

struct restoring {
    struct mtr_poller *poller;
    struct poller_strand *strand;
    int64_t now_us;
};

/* Of rows that only come nobody says that they are gone: they are told of for a day. */
static int restore_window(void *context, const struct mtr_ledger_quarantined *window)
{
    const struct restoring *restoring = context;
    struct alarms *alarms = &restoring->strand->alarms;
    const uint64_t generation = generation_of(restoring->poller, restoring->strand);
    const bool only_come = generation || is_feed(restoring->strand);
    const int64_t until_us = only_come ? window->began_us + FEED_REFUSED_US : 0;
    if (until_us && until_us <= restoring->now_us) return MTR_OK;
    alarms_note_refused(alarms, &(struct refused_window){.from_us = window->start_us,
                                                         .rows = window->rows,
                                                         .generation = generation,
                                                         .until_us = until_us});
    return alarms->has_more_refused ? MTR_EEXISTS : MTR_OK;
}

/* Windows from there on are asked for, or may come by hand. */
static int64_t first_us(const struct poller_strand *strand)
{
    if (is_feed(strand)) return 0;
    if (strand->source->source->by_hand) return INT64_MIN;
    return mtr_plan_window_at(&strand->plan, strand->plan.start_us).from_us;
}

int poller_restore_refused(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    struct restoring restoring = {poller, strand, now_us};
    struct mtr_ledger_txn *txn;
    if (strand->knows_refused) return MTR_OK;
    int rc = mtr_ledger_begin(poller->options.ledger, false, &txn);
    if (rc) return rc;
    strand->alarms.has_more_refused = false;
    rc = mtr_ledger_walk_quarantined(txn, &strand->strand, first_us(strand), restore_window, &restoring);
    mtr_ledger_abort(txn);
    if (rc == MTR_EEXISTS) rc = MTR_OK; /* the others when these are gone */
    strand->knows_refused = !rc;
    return rc;
}

/* ---- the alarm ---- */

/* What is over by now is forgotten; when the next one is. INT64_MAX: none ever by itself. */
static int64_t forget_refused_of_old(struct alarms *alarms, int64_t now_us)
{
    int64_t until_us = INT64_MAX;
    for (uint32_t i = alarms->refused_count; i-- > 0;) {
        const struct refused_window *window = &alarms->refused[i];
        if (!window->until_us) continue;
        if (window->until_us > now_us)
            until_us = mtr_time_sooner(until_us, window->until_us);
        else
            alarms_note_refused(alarms, &(struct refused_window){.from_us = window->from_us});
    }
    return until_us;
}

/* Rows of an append delivery may be of several readings, so these are not summed. */
static void write_refused(const struct alarms *alarms, char text[static POLL_TEXT_BYTES])
{
    uint64_t kept = 0, said = 0;
    uint32_t windows = 0;
    char of[60] = "";
    for (uint32_t i = 0; i < alarms->refused_count; i++) {
        const struct refused_window *window = &alarms->refused[i];
        const bool is_kept = !window->generation && !window->until_us; /* in that window */
        windows += is_kept;
        if (is_kept) kept += window->rows;
        else if (window->rows > said) said = window->rows;
    }
    if (windows > 1)
        snprintf(of, sizeof(of), " of %" PRIu32 " windows%s", windows,
                 alarms->has_more_refused ? ", and more of others," : "");
    const uint64_t rows = kept ? kept : said;
    snprintf(text, POLL_TEXT_BYTES, "%" PRIu64 " row%s%s in quarantine%s: GET /v1/quarantine says why", rows,
             mtr_plural(rows), of, kept ? "" : ", of one reading");
}

int64_t poller_set_refused_alarm(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    char text[POLL_TEXT_BYTES];
    const int64_t until_us = forget_refused_of_old(&strand->alarms, now_us);
    if (!strand->alarms.refused_count && strand->alarms.has_more_refused) {
        strand->knows_refused = false; /* the look that follows asks the ledger which */
    } else if (!strand->alarms.refused_count) {
        poller_clear(poller, strand, MTR_ALARM_REFUSED, now_us);
    } else {
        write_refused(&strand->alarms, text);
        poller_raise(poller, strand, MTR_ALARM_REFUSED, text, now_us);
    }
    return until_us;
}

/* ---- the others ---- */

/* What is to be said of rows that came in. */
struct rows_said {
    enum mtr_alarm alarm;
    uint64_t rows;
    bool is_looked_at; /* the reading would have had them again, were they still there */
    bool is_of_last;   /* rows of other windows are not added */
    const char *what;
};

static void set_alarm_of_rows(struct mtr_poller *poller, struct poller_strand *strand,
                              const struct rows_said *said, struct noted_rows *of, int64_t now_us)
{
    const struct noted_window now = {poll_task(strand->poll)->window.from_us, said->rows, poller->generation};
    char text[POLL_TEXT_BYTES], windows[40] = "";
    if (said->rows && said->is_of_last) of->count = 0;
    noted_rows_forget(of, poller->generation);
    if (said->rows || said->is_looked_at) noted_rows_put(of, &now);
    const uint64_t rows = of->count ? noted_rows_sum(of) : said->rows; /* what there is no memory for */
    if (!rows) {
        poller_clear(poller, strand, said->alarm, now_us);
        return;
    }
    if (of->count > 1) snprintf(windows, sizeof(windows), " of %" PRIu32 " windows", of->count);
    snprintf(text, sizeof(text), "%" PRIu64 " row%s%s %s", rows, mtr_plural(rows), windows, said->what);
    poller_raise(poller, strand, said->alarm, text, now_us);
}

/* Rows that are as they were are not sent to the intake again, so what it said of them holds. */
static void set_alarms_of_rows(struct mtr_poller *poller, struct poller_strand *strand,
                               const struct poll_report *report, int64_t now_us)
{
    const bool is_restated = report->counts.changed + report->counts.gone > 0;
    const struct rows_said after_end = {MTR_ALARM_AFTER_END, report->not_active, is_restated, false,
                                        "outside of the subscription's term"},
                           unknown_subject = {MTR_ALARM_UNKNOWN_SUBJECT, report->held, is_restated, false,
                                              "held: the catalog does not know whose or what they are"};
    /* Late rows are some of them. A vendor who does not heed what he is asked for gives mostly others. */
    const uint64_t far = report->counts.far, rows = report->counts.rows - report->counts.skipped;
    const bool is_asked = !poll_task(strand->poll)->given;
    const struct rows_said range = {MTR_ALARM_RANGE, is_asked && 2 * far > rows ? far : 0,
                                    is_asked && rows > 0, true,
                                    "of the last reading are far from the window that was asked for: does "
                                    "the vendor heed {from} and {to}?"};
    set_alarm_of_rows(poller, strand, &range, &strand->range, now_us);
    set_alarm_of_rows(poller, strand, &after_end, &strand->after_end, now_us);
    set_alarm_of_rows(poller, strand, &unknown_subject, &strand->unknown_subject, now_us);
}

void poller_conclude_rows(struct mtr_poller *poller, struct poller_strand *strand,
                          const struct poll_report *report, int64_t now_us)
{
    const uint64_t changes = report->counts.added + report->counts.changed + report->counts.gone;
    strand->source->changes += changes;
    poller->totals.changes += changes;
    note_refused(poller, strand, report, now_us);
    (void)poller_set_refused_alarm(poller, strand, now_us); /* the look that follows knows until when */
    set_alarms_of_rows(poller, strand, report, now_us);
}
