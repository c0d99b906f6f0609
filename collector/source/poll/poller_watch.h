/*
 * What a strand is watched for beside its readings: windows past their time, rows that grow old, clocks that
 * differ. Each look of the scheduler and each answer passes by here. Private to poller*.c.
 *
 *   gap     a window is over and due, and no reading of it is whole yet: a grace behind that, an alarm. What
 *           was due before the strand was first looked at (a new source, down time) has its grace from then
 *           on, and anew with each good reading: a backfill that gets on is none. Or samples of a counter
 *           that are further apart than its `before`, until a newer window has none such
 *   stale   the newest row of all the source's requests that are asked for is older than expect.freshness
 *   drift   columns of the last good reading that had rows are not as expected (reading/drift.h)
 *   skew    the Date of an answer lies outside of the time in which it came by more than a bound
 */
#ifndef METERD_COLLECTOR_SOURCE_POLL_POLLER_WATCH_H
#define METERD_COLLECTOR_SOURCE_POLL_POLLER_WATCH_H

#include "collector/source/poll/poller_state.h"

#define POLLER_GAP_GRACE_US (INT64_C(3600) * MTR_US_PER_SECOND) /* or schedule.every, if that is longer */
#define POLLER_SKEW_MOST_US (INT64_C(60) * MTR_US_PER_SECOND)

/* Of one look; zero at first. */
struct poller_gap {
    bool is_found;
    struct mtr_window window; /* the earliest; of a feed zero */
    int64_t since_us;         /* when it was due */
    int64_t next_us;          /* when one that is not late yet will be; 0: none */
};

/* A window that the look goes through; record NULL: the ledger has none. */
void poller_gap_note(struct poller_gap *gap, const struct poller_strand *strand,
                     const struct mtr_window *window, const struct mtr_ledger_window *record, int64_t now_us);
/* The same of a feed, whose last good reading began then; 0: there was none. */
void poller_gap_note_feed(struct poller_gap *gap, const struct poller_strand *strand, int64_t read_us,
                          int64_t now_us);

/* The first look at a strand: what the ledger knows of its rows. */
int poller_watch_begin(struct poller_strand *strand, struct mtr_ledger_txn *txn, int64_t now_us) MTR_MUST_USE;
/* The look has ended: alarms are raised and cleared. When to look again for their sake; INT64_MAX: never. */
int64_t poller_watch_look(struct mtr_poller *poller, struct poller_strand *strand,
                          const struct poller_gap *gap, int64_t now_us);
/* Nothing of the strand is due any more, ever: its alarms are over, but for what the first strand tells of
 * its source, and for rows in quarantine. */
void poller_watch_end(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us);
/* A reading has ended, whatever came of it. */
void poller_watch_report(struct mtr_poller *poller, struct poller_strand *strand,
                         const struct mtr_window *window, const struct poll_report *report, int64_t now_us);

#endif
