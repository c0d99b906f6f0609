/*
 * When a source is asked, and for which stretch of time: `schedule` and `window` of its document.
 *
 *   schedule: {every: 1h, at: "00:10", zone: Europe/Moscow, jitter: 5m}
 *   window:
 *     length: day                 # hour, day, month, a duration as 6h, cursor, current, last
 *     zone: UTC                   # of the vendor's days
 *     start: 2026-01-01           # the first window holds it; without one that in which it was first applied
 *     lateness: 6h                # a window is first read so long after its end
 *     rereads: [6h, 1d, 10d, month_end+6d]   # and again; after the last it is settled
 *     overlap: 15m                # of a cursor: asked again each time
 *     open: 1h                    # the unfinished window is read this often, too
 *     split: 1h                   # halved down to this where an answer meets a limit
 *     vendor_keeps: 90d           # what the vendor forgets: older windows settle as they stand
 *   window: {periods: [current, last]}       # two named periods, of one source
 *
 * Values only: which windows there are and which are due is arithmetic over them.
 */
#ifndef METERD_SOURCE_SOURCE_TIMING_H
#define METERD_SOURCE_SOURCE_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/str.h"
#include "meterd/core/zone.h"

struct mtr_source_schedule {
    int64_t every_us;             /* from one slot to the next; at least a second */
    bool has_at;
    uint32_t at_s;                /* of the local day: a slot is here; 0 to 86399 */
    const struct mtr_zone *zone;  /* of `at`; NULL: UTC */
    int64_t jitter_us;            /* slots are this much later, at most: by a hash of key and window */
};

enum mtr_source_length {
    MTR_LENGTH_HOUR,
    MTR_LENGTH_DAY,      /* from midnight to midnight in the zone */
    MTR_LENGTH_MONTH,    /* a month of the calendar in the zone */
    MTR_LENGTH_DURATION, /* length_us: a piece of the day, whole days, or counted from 1970 (window.h) */
    MTR_LENGTH_CURSOR,   /* none: a feed that goes on from its cursor */
    MTR_LENGTH_PERIODS   /* named periods: has_current, has_last */
};

/* One more reading of a closed window. */
struct mtr_source_reread {
    bool is_of_month; /* counted from the end of the month in which the window ends, else from its own end */
    int64_t after_us;
};

enum { MTR_SOURCE_REREADS_MAX = 32 };

struct mtr_source_window {
    enum mtr_source_length length;
    int64_t length_us;           /* of DURATION: a whole number of seconds */
    bool has_current, has_last;  /* of PERIODS */
    const struct mtr_zone *zone; /* NULL: UTC */
    bool has_start;
    int64_t start_us;            /* the instant; of a date its midnight in the zone */
    int64_t lateness_us;
    const struct mtr_source_reread *rereads; /* those counted alike ascend */
    uint32_t reread_count;
    int64_t overlap_us;      /* of CURSOR */
    int64_t open_us;         /* 0: unfinished windows are not read */
    int64_t split_us;        /* 0: windows are not halved */
    int64_t vendor_keeps_us; /* 0: as long as anybody asks */
};

/* Other limits of windows that an earlier revision of the document had, and until when it was in force. What
 * was read under them stays as it is cut: see schedule.h. */
struct mtr_source_era {
    struct mtr_source_window window; /* of it length and zone count */
    int64_t until_us;
};
#endif
