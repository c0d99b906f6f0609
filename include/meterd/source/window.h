/*
 * Windows of a source: the stretches of time that are asked for, one reading each. Arithmetic over `window`
 * of its document (source_timing.h).
 *
 * A window is half-open [from, to) and named by the instant at which it begins; neither `start` nor anything
 * else that is asked moves its limits, so a source whose `start` is changed keeps its windows. For one
 * document they partition all time:
 *
 *   hour, or what divides a day   the stretch in which the zone's clock shows one piece of the day, as 06:00 to
 *                                 12:00. Where the clock is set back within it, or from its end to its begin, it
 *                                 is longer: a vendor that is asked for 01:00 to 02:00 gives both
 *   day, or whole days            from one local midnight to another; weeks from Monday, others counted from
 *                                 1970-01-01. A day that a zone skipped is no window
 *   month, and named periods      from the first local midnight of one month to that of the next
 *   other durations               counted from 1970-01-01T00:00:00Z, whatever clocks do
 *   cursor                        none: a feed goes on from a token
 *
 * Named periods, current and last, are for vendors that know no dates: a window can be asked for only as long
 * as it has one of these names.
 *
 *   struct mtr_window window = mtr_window_at(rule, start_us);
 *   while (window.from_us < now_us) {                   // bounded by whoever walks
 *       …
 *       window = mtr_window_next(rule, &window);
 *   }
 *
 * Pure; any thread. Instants are 0 … MTR_TIME_US_MAX; the last window ends there or later.
 */
#ifndef METERD_SOURCE_WINDOW_H
#define METERD_SOURCE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"
#include "meterd/core/time.h"
#include "meterd/source/source_timing.h"

struct mtr_window {
    int64_t from_us, to_us; /* from < to */
};

/* The window that holds the instant. Not of a cursor (it asserts), as all below. */
struct mtr_window mtr_window_at(const struct mtr_source_window *rule, int64_t time_us);
struct mtr_window mtr_window_next(const struct mtr_source_window *rule, const struct mtr_window *window);
/* Is it one that the document makes? A ledger of before it changed may hold others. */
bool mtr_window_is_of(const struct mtr_source_window *rule, const struct mtr_window *window);

/* Do they make the same windows, whatever is read of them? */
bool mtr_window_is_alike(const struct mtr_source_window *a, const struct mtr_source_window *b);

/* From which instant on the vendor no longer gives the whole window: it has forgotten the oldest row, or the
 * window's name has gone over to another. INT64_MAX: never. */
int64_t mtr_window_forgotten_us(const struct mtr_source_window *rule, const struct mtr_window *window);
/* "current", "last"; NULL: the window has no name that the vendor takes at that time. */
const char *mtr_window_name(const struct mtr_source_window *rule, const struct mtr_window *window,
                            int64_t now_us);

/* `to` less the vendor's smallest step, `unit`: the inclusive end of {last}. A unit of whole days goes by the
 * zone's calendar, so that a day of 23 hours does not end two days back. */
int64_t mtr_window_last_us(const struct mtr_source_window *rule, const struct mtr_window *window,
                           int64_t unit_us);

/* ---- pieces of a window, where an answer meets a limit ---- */

/*
 * A window is read in pieces, from left to right. At first it is one; a piece whose answer was cut short is
 * halved, down to `least`. Pieces end at local midnights as long as they are longer than a day.
 *
 *   [──────────── shrink ────────────)   [── read ──)[─ shrink ─)   …   [─ read ─)[─ read ─)
 */
enum { MTR_SPLIT_DEPTH_MAX = 40 };

struct mtr_split {
    int64_t from_us;                     /* of the piece that is to be read now */
    int64_t ends_us[MTR_SPLIT_DEPTH_MAX]; /* of the pieces that are left; the last is that of this one */
    uint32_t count;
};

void mtr_split_begin(struct mtr_split *split, const struct mtr_window *window);
struct mtr_window mtr_split_piece(const struct mtr_split *split);
/* The piece is halved: its first half is to be read now. False: it is `least` long or shorter, or least is 0.
 * */
bool mtr_split_shrink(struct mtr_split *split, const struct mtr_source_window *rule,
                      int64_t least_us) MTR_MUST_USE;
/* The piece was read. False: it was the last one. */
bool mtr_split_next(struct mtr_split *split) MTR_MUST_USE;

#endif
