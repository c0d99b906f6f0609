/*
 * Which subscriptions wait for their cells to be cut anew, and what is known of them. recut.c plans and takes
 * note, refold.c scans and switches. Private to aggregator/.
 *
 * A snapshot says at which instants a subscription's cells are cut (meterd/catalog/cell.h), the store at
 * which they are cut now. Where the two differ inside an hour that has cells, these are folded again, from
 * the log range that they name:
 *
 *   plan    which subscriptions wait, and for which hours; where nothing was folded yet it only takes note
 *   scan    the log over the range of all their cells, in pieces: which events are theirs
 *   switch  as many subscriptions as a step takes: their cells of these hours go, their events are folded
 *           anew, in the order of the log, so that a block is read once for all of them
 *
 * Until it is switched a subscription is folded with its former cuts, and what is folded of it is noted, so
 * that the switch has it, too. Held events, voids and meters that catch up keep their law (fold.h): what
 * counts before a switch counts after it, in the same cells as if the cuts had been known from the start.
 *
 * Scan and switches of those that wait are a round; it takes so many of them as have FOLD_ROUND_EVENTS_MAX
 * events together, and one at least. The others, and what another snapshot adds, wait for the next one: so a
 * catalog that changes all the time does not keep a round from its end.
 *
 * What waits is kept in memory alone: after a restart the plan finds it again. Memory: some 16 bytes for each
 * event of a round.
 */
#ifndef METERD_AGGREGATOR_RECUT_H
#define METERD_AGGREGATOR_RECUT_H

#include "aggregator/fold.h"
#include "meterd/core/arena.h"

struct fold_waiting {
    struct mtr_subscription known; /* with its former cuts; borrows from the snapshot of the step */
    const int64_t *former_us;
    uint32_t former_count;
    struct mtr_hour *hours; /* ascending; in which its cells are cut anew */
    uint32_t hour_count, hour_capacity;
    uint64_t target;              /* hash of the cuts that it is to have */
    struct fold_log_range log; /* of all these cells, when its round began */
    uint64_t events;           /* that they hold, then */
    bool in_round;             /* the scan is for it, too */
    bool is_switched;
    uint64_t *seqs;               /* of its events, as they were found; a sequence may be there twice */
    uint32_t seq_count, seq_capacity;
};

/* An event that is folded anew for a subscription. */
struct fold_noted {
    uint64_t seq;
    struct fold_waiting *waiting;
};

struct fold_recut {
    bool planned;
    uint64_t version; /* of the snapshot that was planned for */
    struct mtr_arena arenas[2];
    uint32_t active;            /* the arena of the plan in force; the other is empty */
    struct fold_waiting *items; /* by number of the subscription */
    uint32_t count, capacity;
    uint32_t left;     /* that are not switched */
    uint64_t next_seq; /* where the scan of the round stands */
    uint64_t end_seq;
    uint64_t round_events;     /* that were noted in this round */
    struct fold_noted *batch;  /* of those that are switched in this step */
    size_t batch_count, batch_capacity;
};

enum { FOLD_ROUND_EVENTS_MAX = 1 << 24 };

/* The next ones that wait are of a scan. */
int fold_begin_round(struct mtr_aggregator *aggregator) MTR_MUST_USE;
/* From now on the store's cells are cut as the snapshot says. */
int fold_note_cuts(struct mtr_aggregator *aggregator,
                   const struct mtr_subscription *subscription) MTR_MUST_USE;
/* An event at that time counts for the subscription, or may. */
int fold_note_event(struct fold_recut *recut, uint32_t subscription, int64_t time_us,
                    uint64_t seq) MTR_MUST_USE;
struct mtr_cell_range fold_waiting_range(const struct fold_waiting *waiting, uint32_t meter,
                                         const struct mtr_hour *hour);

#endif
