/*
 * When a window is to be read: first after its end, then again while the vendor still corrects it, then never
 * more. Arithmetic over `schedule` and `window` of a source's document (source_timing.h).
 *
 *   from ──open──open──open── to ──lateness── P0 ──rereads── P1 … Pn          forgotten
 *    │       drafts, never     │              │ first        │ settled            │ the vendor keeps no more
 *    │       complete          │              │ reading      │ after it           │
 *
 * P0 is the window's end and `lateness`; rereads are counted from the window's end as well, `month_end+6d`
 * from the end of the month that holds its last instant. What comes before P0, or when the vendor has
 * forgotten rows (window.h), is left out. Each planned instant waits for the next tick of the schedule
 * (`every` from `at` on, anew each local day; of whole days by the calendar, weeks from Monday), and for a
 * jitter that is a hash of source and window: the same after a restart, and thousands of sources do not ask
 * in one second.
 *
 * Named periods have no plan: they are read at each tick as long as they have their name, and are settled
 * then.
 *
 * Where a later revision of the document cuts time in other windows, those of before stay up to the end of
 * the one that was open when it was applied, and are read on as their plan says; the new ones begin there.
 *
 * Nothing here is counted in runs. A reading is good for every planned instant up to the moment at which it
 * began, so that down time, a pause, a `start` that moved and a source that is new are the same case: windows
 * whose plan says more than was read. A clock that was wrong heals as well: what was read "in the future"
 * counts as not read.
 *
 *   struct mtr_due due = mtr_window_due(&plan, &window, &history, now_us);
 *   if (due.kind == MTR_DUE_READ && due.due_us <= now_us) …   // ask, the lowest due.order first
 *
 * Due times are instants that do not move as time goes by, unless history or document change or the clock
 * goes back: whoever keeps them in a heap makes them anew then. Pure; any thread.
 */
#ifndef METERD_SOURCE_SCHEDULE_H
#define METERD_SOURCE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"
#include "meterd/source/source.h"
#include "meterd/source/window.h"

/* The first tick that is not before the instant. */
int64_t mtr_schedule_tick(const struct mtr_source_schedule *schedule, int64_t time_us);
/* Of a source, and of one of its for_each: what jitter is a hash of; a seed for whoever spreads tries. */
uint64_t mtr_schedule_key(struct mtr_str source, struct mtr_str each);

/* A stretch of time. Half-open. */
struct mtr_plan_term {
    int64_t from_us, until_us;
};

/* All that decides when windows are read. */
struct mtr_reading_plan {
    const struct mtr_source_schedule *schedule;
    const struct mtr_source_window *window;
    int64_t start_us; /* the ledger begins with the window that holds it */
    uint64_t key;     /* mtr_schedule_key */
    const struct mtr_source_era *eras; /* in which windows were read */
    uint32_t era_count;
    /* Windows that overlap one of these are read, and no others; ascending, each ends before the next begins.
     * None: all are. */
    const struct mtr_plan_term *terms;
    uint32_t term_count;
};

/* Where the document has no start the ledger begins when it was first applied (created_us), of named periods
 * with the last one. first_us: when the source's first reading began; eras that had ended by then were never
 * read, and are forgotten; 0: none was read. All is borrowed. */
struct mtr_reading_plan mtr_reading_plan_of(const struct mtr_source *source, struct mtr_str each,
                                            int64_t first_us);
/* The window that holds the instant: of the document, or of its era. Not of a cursor. */
struct mtr_window mtr_plan_window_at(const struct mtr_reading_plan *plan, int64_t time_us);
/* The first instant from then on that lies in a term, and whose window is read therefore; INT64_MAX: there is
 * none. */
int64_t mtr_plan_asked_from(const struct mtr_reading_plan *plan, int64_t time_us);
/* From a window's end to the last time that its plan has: `lateness`, or the last of `rereads`; of a feed
 * `overlap`. */
int64_t mtr_window_reread_most_us(const struct mtr_source_window *window);

/* What is known of a window: zero at first. */
struct mtr_window_history {
    int64_t read_us;       /* when its last good reading began; 0: there was none */
    int64_t wait_until_us; /* of attempts that failed since: no other before; 0: there is no need to wait */
};

enum mtr_due_kind {
    MTR_DUE_READ,      /* at due_us */
    MTR_DUE_SETTLED,   /* all of its plan was read */
    MTR_DUE_FORGOTTEN, /* not all of it, and the vendor gives it no more: it stands as it is */
};

/* What goes first among windows that are due. */
enum mtr_due_order {
    MTR_DUE_FRESH,    /* the newest that is over, for the first time */
    MTR_DUE_REREAD,
    MTR_DUE_DRAFT,    /* of an open window; in a scan by turns with the others */
    MTR_DUE_BACKFILL, /* older ones, for the first time; in a scan all whose plan is over */
};

struct mtr_due {
    enum mtr_due_kind kind;
    enum mtr_due_order order;
    int64_t due_us;
    bool is_draft; /* the window is not over then: the reading does not make it complete */
    bool is_last;  /* a good reading that begins now, or at due_us if that is later, settles it */
};

/* Not of a cursor. */
struct mtr_due mtr_window_due(const struct mtr_reading_plan *plan, const struct mtr_window *window,
                              const struct mtr_window_history *history, int64_t now_us);
/* Of a feed (length: cursor), which is settled when it was read behind its last term, else never: at each
 * tick. */
struct mtr_due mtr_feed_due(const struct mtr_reading_plan *plan, const struct mtr_window_history *history,
                            int64_t now_us);
/* When a window is late beyond its plan: P0 and all that may delay it in good order. */
int64_t mtr_window_expected_us(const struct mtr_reading_plan *plan, const struct mtr_window *window);

/* A clock may be so far ahead, for a while, before what it said is no longer believed. Waits are believed for
 * a day more, which is as long as anybody waits. */
#define MTR_CLOCK_SLACK_US (INT64_C(600) * MTR_US_PER_SECOND)

/* ---- the windows of a source that may be due, in bounded steps ---- */

/*
 * Looks at the windows from the first one that is not known to be settled up to the one that holds `now`.
 * Where that one begins is unsettled_us of the scan before; 0, which is the source's start, when there was
 * none, and when the document has changed or the clock went back. Of windows that are so old that their whole
 * plan is over, one that is due is enough, the oldest: a backfill of years costs no look at all of them for
 * each window that is read. Windows outside of all terms cost no look, and are as good as settled.
 *
 *   struct mtr_due_scan scan;
 *   mtr_due_scan_begin(&scan, &plan, unsettled_us, now_us);
 *   while (!mtr_due_scan_step(&scan, &plan, history_of, ledger, 256)) …;   // give others their turn
 */
struct mtr_due_scan {
    int64_t now_us, at_us;
    int64_t old_us; /* of windows that end by then all plans are over */
    int64_t unsettled_us; /* where the first window begins that is neither settled nor forgotten */
    bool has_due, has_next, has_unsettled;
    /* Set behind begin: the reading before was a draft. Drafts take turns with all but fresh windows, so that
     * neither keeps the other waiting where it is due again as soon as it was read. */
    bool was_draft;
    struct mtr_window window; /* has_due: the one to read now */
    struct mtr_due due;
    int64_t next_us; /* has_next: when another one is due, if none is now; neither: none ever will be */
};

void mtr_due_scan_begin(struct mtr_due_scan *scan, const struct mtr_reading_plan *plan, int64_t unsettled_us,
                        int64_t now_us);
/* True: done. `history_of` gives what is known of a window; false: it is busy now, or kept from being read,
 * and is passed over. */
bool mtr_due_scan_step(struct mtr_due_scan *scan, const struct mtr_reading_plan *plan,
                       bool (*history_of)(void *context, const struct mtr_window *window,
                                        struct mtr_window_history *out),
                       void *context, uint32_t windows_max) MTR_MUST_USE;

#endif
