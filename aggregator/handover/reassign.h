/*
 * Use that changes hands: where a subject has several subscriptions of a service, an event is of the last
 * that begins at its time or before. So one that is applied after its use has come, or a start that moves,
 * takes over what was counted for another. Private to aggregator/.
 *
 *   starts as they were folded by (a fact) ── differ ──▶ a move: the hours in which cells hold another's use,
 *        by meter ──▶ piece by piece, in the order of time: the piece's cells are emptied, of all
 *        subscriptions of the subject, and folded again from the log ──▶ the next piece, until none is left
 *
 *   plan    when the catalog changes: which subjects move, and which hours. What is left of a move that is
 *           under way becomes part of the new one
 *   begin   a round: from where the move stands on, as long as its cells hold no more events than are kept in
 *           memory, and than some steps switch; and the part of the log that these cells name
 *   scan    that part, in pieces, once for the round: which events are the subject's
 *   switch  a piece of the round, as long as its cells hold no more events than a step takes, and an hour at
 *           least, in one transaction: it pays with what the step has for such work
 *
 * What may come meanwhile for an hour that waits counts in its cells as ever, so that they name its events,
 * and is noted for the round. What is taken back there is not taken off: the cells may have counted it for
 * another. The switch counts everything as it stands then (fold_count_again).
 *
 * Zones of a subject's subscriptions may cut the time elsewhere: each switches its own hours up to the one in
 * which the piece ends. An event of around there may have left one's cells and not yet come into another's:
 * the move remembers which part of the log it is in.
 *
 * Moves are facts (store/rollups.h), so they go on after a restart where they stand, with another round.
 * While there is one nothing is cut anew (recut.h), and nothing is rated of the subject. Memory: 24 bytes for
 * each event of a round, and for each that comes for it meanwhile.
 */
#ifndef METERD_AGGREGATOR_HANDOVER_REASSIGN_H
#define METERD_AGGREGATOR_HANDOVER_REASSIGN_H

#include "aggregator/fold.h"
#include "meterd/core/time.h"

struct fold_move_meter {
    uint32_t meter;
    int64_t from_us, to_us;
};

struct fold_move {
    uint32_t first; /* the lowest number of its subscriptions */
    int64_t at_us;  /* what is before has changed hands */
    struct fold_log_range carried; /* where events of around there are */
    struct fold_move_meter *meters;
    uint32_t meter_count, meter_capacity;
};

/* An event of a round. */
struct fold_moved {
    uint64_t seq;
    struct mtr_hour time; /* from its instant to where what is spread of it ends */
};

/* Of the first move. */
struct fold_move_round {
    bool is_begun;
    bool is_kept;     /* its part of the log is gone: its cells stay as they are */
    int64_t until_us; /* what is left of it is [at_us, until_us) */
    struct fold_log_range log;
    uint64_t next_seq; /* where the scan stands */
    struct fold_moved *events; /* as they were found; a sequence may be there twice */
    size_t count, capacity;
    size_t sorted; /* so many of them are in the order of the log, each once */
};
enum { FOLD_MOVED_EVENTS_MAX = 1 << 20, FOLD_ROUND_STEPS = 16 };

struct fold_moves {
    bool is_loaded;
    uint64_t version; /* of the catalog that was planned for; 0: none */
    struct fold_move *items;
    uint32_t count, capacity;
    struct fold_move_round round;
};

/* There is one. */
static inline struct fold_move *fold_first_move(const struct mtr_aggregator *aggregator)
{
    return &aggregator->moves->items[0];
}
/* May what is of that time give to hours of another, of whatever zone? */
static inline bool fold_move_reaches(struct mtr_hour time, int64_t at_us, int64_t until_us)
{
    return time.start_us < until_us + MTR_US_PER_HOUR && time.end_us >= at_us - MTR_US_PER_HOUR;
}
/* The hours of a subscription that wait: cells that begin in [start, end). False: none. */
bool fold_waiting_hours(const struct fold_move *move, const struct fold_move_meter *meter,
                        const struct mtr_subscription *subscription, struct mtr_hour *out);
/* The subscriptions of a move by the catalog in force. */
int fold_find_moving_run(const struct mtr_aggregator *aggregator, const struct fold_move *move,
                         struct fold_run *out) MTR_MUST_USE;
int fold_end_move(struct mtr_aggregator *aggregator) MTR_MUST_USE; /* the first */
int fold_put_move(struct mtr_aggregator *aggregator, const struct fold_move *move) MTR_MUST_USE;
void fold_drop_round(struct fold_moves *moves);

#endif
