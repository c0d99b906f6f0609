/*
 * Gaps, old rows and clocks; see poller_watch.h.
 */
#include "collector/source/poll/poller_watch.h"

#include <inttypes.h>
#include <stdio.h>

#include "collector/source/poll/poller_alarms.h"
#include "meterd/core/time.h"

/* ---- gaps ---- */

/* When what was due then is late. */
static int64_t late_us(const struct poller_strand *strand, int64_t due_us)
{
    const int64_t grace_us = mtr_time_later(strand->plan.schedule->every_us, POLLER_GAP_GRACE_US);
    if (due_us < strand->seen_us) due_us = mtr_time_later(strand->seen_us, strand->good_us);
    return due_us + grace_us;
}

static void note(struct poller_gap *gap, const struct poller_strand *strand, const struct mtr_window *window,
                 int64_t due_us, int64_t now_us)
{
    const int64_t at_us = late_us(strand, due_us);
    if (at_us > now_us) {
        if (!gap->next_us || at_us < gap->next_us) gap->next_us = at_us;
        return;
    }
    if (gap->is_found && gap->since_us <= due_us) return;
    gap->is_found = true;
    gap->window = *window;
    gap->since_us = due_us;
}

void poller_gap_note(struct poller_gap *gap, const struct poller_strand *strand,
                     const struct mtr_window *window, const struct mtr_ledger_window *record, int64_t now_us)
{
    const bool was_whole = record && record->readings && record->last_us >= window->to_us;
    if (window->to_us > now_us || was_whole) return;
    if (mtr_window_forgotten_us(strand->plan.window, window) <= now_us) return; /* nobody gives it any more */
    note(gap, strand, window, mtr_window_expected_us(&strand->plan, window), now_us);
}

void poller_gap_note_feed(struct poller_gap *gap, const struct poller_strand *strand, int64_t read_us,
                          int64_t now_us)
{
    static const struct mtr_window none = {0, 0};
    const struct mtr_reading_plan *plan = &strand->plan;
    const int64_t asked_us = mtr_plan_asked_from(plan, read_us ? read_us + 1 : plan->start_us);
    if (asked_us == INT64_MAX) return;
    const int64_t tick_us = mtr_schedule_tick(plan->schedule, asked_us) + plan->schedule->jitter_us;
    note(gap, strand, &none, read_us ? tick_us : mtr_time_later(asked_us, strand->seen_us), now_us);
}

/* A window that is newer, and has no hole, ends it. */
static void watch_counters(struct mtr_poller *poller, struct poller_strand *strand, int64_t window_us,
                           const struct poll_report *report)
{
    const struct mtr_counter_counts *counters = &report->counts.counters;
    const uint64_t news = report->counts.added + report->counts.changed + report->counts.gone;
    char line[200];
    if (news && (counters->opened || counters->resets)) {
        snprintf(line, sizeof(line),
                 "%" PRIu64 " counter%s opened without a sample before, %" PRIu64 " began again at 0",
                 counters->opened, mtr_plural(counters->opened), counters->resets);
        poller->hooks.tell(poller->hooks.context, false, strand->strand.source, line);
    }
    if (window_us < strand->hole_window_us) return;
    strand->hole_window_us = counters->holes ? window_us : 0;
    strand->hole_from_us = counters->hole_from_us;
    strand->hole_to_us = counters->hole_to_us;
}

static void tell_hole(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    char from[MTR_TIME_TEXT_BYTES], to[MTR_TIME_TEXT_BYTES], text[POLL_TEXT_BYTES];
    mtr_time_format(strand->hole_from_us, from);
    mtr_time_format(strand->hole_to_us, to);
    snprintf(text, sizeof(text),
             "a counter has no sample from %s to %s: what it lost if it began again in between is not known",
             from, to);
    poller_raise(poller, strand, MTR_ALARM_GAP, text, now_us);
}

static void tell_gap(struct mtr_poller *poller, struct poller_strand *strand, const struct poller_gap *gap,
                     int64_t now_us)
{
    char from[MTR_TIME_TEXT_BYTES], due[MTR_TIME_TEXT_BYTES], text[POLL_TEXT_BYTES];
    mtr_time_format(gap->since_us, due);
    mtr_time_format(gap->window.from_us, from);
    if (gap->window.to_us)
        snprintf(text, sizeof(text),
                 "the window that begins at %s was due at %s, and no reading of it is whole", from, due);
    else
        snprintf(text, sizeof(text), "a reading of the feed was due at %s, and none is whole since", due);
    poller_raise(poller, strand, MTR_ALARM_GAP, text, now_us);
}

/* ---- old rows ---- */

/* Since when, or from when on, rows may come: now, unless a term begins later. Behind the end of one it is
 * asked for what was before. INT64_MAX: none will. */
static int64_t rows_from(const struct mtr_reading_plan *plan, int64_t now_us)
{
    const int64_t behind_us = mtr_window_reread_most_us(plan->window);
    for (uint32_t i = 0; i < plan->term_count; i++) {
        const struct mtr_plan_term *term = &plan->terms[i];
        if (term->until_us == INT64_MAX || now_us < term->until_us - behind_us)
            return mtr_time_later(now_us, term->from_us);
    }
    return plan->term_count ? INT64_MAX : now_us;
}

/* Of the requests that are asked for now, the newest row; where there is none, since when one could be. */
static int64_t find_newest(const struct poller_source *source, bool *is_row, int64_t now_us)
{
    int64_t newest_us = 0, since_us = INT64_MAX;
    for (const struct poller_strand *strand = source->strands; strand; strand = strand->next) {
        const int64_t asked_us = rows_from(&strand->plan, now_us);
        if (asked_us <= now_us) newest_us = mtr_time_later(newest_us, strand->newest_us);
        if (asked_us < INT64_MAX && strand->seen_us)
            since_us = mtr_time_sooner(since_us, asked_us > now_us ? asked_us : strand->seen_us);
    }
    *is_row = newest_us > 0;
    return *is_row ? mtr_time_sooner(newest_us, now_us) : since_us;
}

/* A customer may be idle: what counts is the newest row of all requests, and the first strand tells of it. */
static int64_t watch_freshness(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    const struct poller_source *source = strand->source;
    const int64_t most_us = source->source->expect.freshness_us;
    char newest[MTR_TIME_TEXT_BYTES], text[POLL_TEXT_BYTES];
    bool is_row;
    if (!most_us || strand != source->strands) {
        poller_clear(poller, strand, MTR_ALARM_STALE, now_us);
        return INT64_MAX;
    }
    const int64_t newest_us = find_newest(source, &is_row, now_us);
    if (newest_us >= now_us - most_us) {
        poller_clear(poller, strand, MTR_ALARM_STALE, now_us);
        return newest_us < INT64_MAX ? newest_us + most_us + 1 : INT64_MAX;
    }
    mtr_time_format(newest_us, newest);
    if (is_row)
        snprintf(text, sizeof(text), "the newest row is of %s, which is older than `expect.freshness`",
                 newest);
    else
        snprintf(text, sizeof(text), "no row came yet, for longer than `expect.freshness`");
    poller_raise(poller, strand, MTR_ALARM_STALE, text, now_us);
    return now_us + source->source->schedule.every_us; /* others may have read since */
}

int poller_watch_begin(struct poller_strand *strand, struct mtr_ledger_txn *txn, int64_t now_us)
{
    struct mtr_strand_facts facts;
    if (strand->seen_us) return MTR_OK;
    int rc = mtr_ledger_facts(txn, &strand->strand, &facts);
    if (rc) return rc;
    strand->newest_us = facts.newest_us;
    strand->seen_us = now_us;
    return MTR_OK;
}

int64_t poller_watch_look(struct mtr_poller *poller, struct poller_strand *strand,
                          const struct poller_gap *gap, int64_t now_us)
{
    if (gap->is_found)
        tell_gap(poller, strand, gap, now_us);
    else if (strand->hole_window_us)
        tell_hole(poller, strand, now_us);
    else
        poller_clear(poller, strand, MTR_ALARM_GAP, now_us);
    const int64_t stale_us = watch_freshness(poller, strand, now_us);
    return gap->next_us ? mtr_time_sooner(gap->next_us, stale_us) : stale_us;
}

void poller_watch_end(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    strand->hole_window_us = 0;
    for (int i = 1; i < MTR_ALARM_COUNT; i++)
        if (i != MTR_ALARM_STALE && i != MTR_ALARM_REFUSED)
            poller_clear(poller, strand, (enum mtr_alarm)i, now_us);
}

/* ---- columns ---- */

/* A reading without rows says nothing of them. */
static void watch_columns(struct mtr_poller *poller, struct poller_strand *strand,
                          const struct poll_report *report, int64_t now_us)
{
    if (report->drift[0])
        poller_raise(poller, strand, MTR_ALARM_DRIFT, report->drift, now_us);
    else if (report->counts.rows)
        poller_clear(poller, strand, MTR_ALARM_DRIFT, now_us);
}

/* ---- what the vendor warns of ---- */

static void tell_warning(struct mtr_poller *poller, const struct poller_strand *strand,
                         const struct poll_report *report)
{
    char line[POLL_TEXT_BYTES];
    if (!report->warning[0]) return;
    snprintf(line, sizeof(line), "the vendor warns: %s", report->warning);
    poller->hooks.tell(poller->hooks.context, true, strand->strand.source, line);
}

/* ---- clocks ---- */

static void watch_clock(struct mtr_poller *poller, struct poller_strand *strand,
                        const struct poll_report *report, int64_t now_us)
{
    char text[POLL_TEXT_BYTES];
    const int64_t skew_us = report->skew_us;
    if (skew_us == INT64_MIN) return; /* no answer has said */
    if (skew_us <= POLLER_SKEW_MOST_US && skew_us >= -POLLER_SKEW_MOST_US) {
        poller_clear(poller, strand, MTR_ALARM_SKEW, now_us);
        return;
    }
    snprintf(text, sizeof(text),
             "the vendor's clock is about %" PRId64 " minutes %s ours: what is over here may not be there",
             (skew_us < 0 ? -skew_us : skew_us) / MTR_US_PER_SECOND / 60,
             skew_us < 0 ? "behind" : "ahead of");
    poller_raise(poller, strand, MTR_ALARM_SKEW, text, now_us);
}

void poller_watch_report(struct mtr_poller *poller, struct poller_strand *strand,
                         const struct mtr_window *window, const struct poll_report *report, int64_t now_us)
{
    const bool is_good = report->result == POLL_TAKEN || report->result == POLL_UNCHANGED;
    if (is_good) strand->good_us = now_us;
    if (is_good) strand->newest_us = mtr_time_later(strand->newest_us, report->counts.newest_us);
    if (report->result == POLL_TAKEN) watch_counters(poller, strand, window->from_us, report);
    if (report->result == POLL_TAKEN || report->result == POLL_NOT_TAKEN) strand->doubt = report->doubt;
    if (report->result == POLL_TAKEN) watch_columns(poller, strand, report, now_us);
    watch_clock(poller, strand, report, now_us);
    tell_warning(poller, strand, report);
}
