/*
 * What the running daemon does about held events. Private to daemon/.
 *
 * An event that is dropped is taken back in the log: a void that names its sequence, and behind these a note
 * that says who dropped so many, and why. So the rollups stay a fold of the log: the event counts for
 * nothing, whenever the catalog comes to know its place, and is in quarantine with the reason.
 *
 * What is held when retention comes to its segment is carried forward first (meterd/store/log_carried.h), on
 * the sealer's thread:
 *
 *   sealer   which segments are due? ─▶ what of them is held ─▶ carried, durable ─▶ kept_seq
 *   writer   retention takes segments up to kept_seq
 *   fold     before a step that may hold events of long ago: kept_seq is 0, and the sealer looks anew
 */
#ifndef METERD_DAEMON_HELD_HELD_H
#define METERD_DAEMON_HELD_HELD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"

struct mtr_aggregator_result;
struct mtr_arena;
struct mtr_daemon;
struct mtr_held_dropped;
struct mtr_held_order;
struct mtr_request;

/* How far a pass over what is held has come. */
struct held_carrying {
    uint64_t generation, after_seq, up_to_seq; /* up_to_seq 0: none is under way */
    uint64_t swept_seq;                        /* copies up to it were looked at in this round */
    int64_t failed_us, swept_us;               /* monotonic; INT64_MIN: never */
    int told;                                  /* the error that was told last */
};

struct mtr_daemon_held {
    pthread_mutex_t mutex; /* of orders on their way */
    pthread_cond_t answered;
    pthread_cond_t folded; /* a step was done; with fold_mutex */
    /* What the fold has come to; under the daemon's fold_mutex. */
    uint64_t next_seq, catalog_version;
    bool is_behind;
    uint64_t ordered_seq; /* of the log's end when something was dropped last; under the same */
    uint64_t generation;  /* another one: more may be held of long ago; under the same */
    pthread_mutex_t retain_mutex; /* of kept_seq, held while retention uses it; after fold_mutex */
    uint64_t kept_seq; /* whatever is held up to it was carried: retention may take that part of the log */
    struct held_carrying carrying; /* the sealer's thread only */
    atomic_uint_fast64_t taken_back; /* so many rows of held events wait for nothing, when last looked at */
    /* The aggregator's thread only; monotonic. */
    int64_t looked_us;  /* when what is held was last looked at */
    int64_t expired_us; /* … and what of it is held for too long */
    uint64_t looked_seq; /* ordered_seq by then */
};

/* Once the log is open, before threads start. */
void held_begin(struct mtr_daemon *daemon);

/* Of a struct mtr_daemon; a thread of the pool, or the aggregator's between two steps. Back when what was
 * dropped is in the log. MTR_EAGAIN: the fold has still to do what catalog and log say, or the log takes
 * longer than usual. Nothing is dropped that the catalog in force would let flow. */
int held_drop(void *daemon, const struct mtr_held_order *order, struct mtr_arena *arena,
              struct mtr_held_dropped *out) MTR_MUST_USE;

/* What the fold's step has come to. Under the daemon's fold_mutex. */
void held_note_fold(struct mtr_daemon *daemon, const struct mtr_aggregator_result *result,
                    uint64_t catalog_version);

bool held_is_of(const struct mtr_request *request);
void held_on_committed(struct mtr_daemon *daemon, struct mtr_request *request); /* the writer's thread */

/* Before a step of the fold: what it may hold of long ago must not leave the log meanwhile. Under the
 * daemon's fold_mutex. */
void held_before_fold(struct mtr_daemon *daemon, uint64_t catalog_version);
/* Some of what retention waits for. *more: there is more to do at once. The sealer's thread. */
void held_carry(struct mtr_daemon *daemon, bool *more);

/* Now and then: what metrics tell. The aggregator's thread, behind a step. */
void held_look(struct mtr_daemon *daemon);
/* How many events wait, of so many rows. Any thread. */
uint64_t held_count(const struct mtr_daemon_held *held, uint64_t rows);

/* Drops what is held for longer than intake.held_max_age, some of it. The aggregator's thread. */
void held_expire(struct mtr_daemon *daemon);

#endif
