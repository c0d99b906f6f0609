/*
 * What the files of the intake share. Private to the collector.
 *
 *   submit ──queue──▶ step: take a group ─▶ judge ─▶ append ─▶ index ─▶ on_answer
 *                     housekeep: seal ─▶ move tags ─▶ expire ─▶ retain
 *
 * submit: any thread; all else the writer's, but for the slow part of housekeep.
 */
#ifndef METERD_COLLECTOR_INTAKE_INTAKE_STATE_H
#define METERD_COLLECTOR_INTAKE_INTAKE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "collector/intake/group.h"
#include "collector/intake/judge.h"
#include "meterd/collector/intake.h"

enum mtr_slow_kind {
    MTR_SLOW_SEAL,
    MTR_SLOW_ROOM,
    MTR_SLOW_PREPARE
}; /* of a segment, for identities, the next segment */
enum mtr_slow_state { MTR_SLOW_IDLE, MTR_SLOW_RUNNING, MTR_SLOW_DONE };

/* Slow work of the log, one at a time. */
struct mtr_slow_work {
    /* enum mtr_slow_state: RUNNING belongs to the thread that works, the others to the writer's. */
    atomic_int state;
    enum mtr_slow_kind kind;
    uint64_t room;      /* ROOM: for so many identities */
    int error;          /* of the work done */
    bool moving;        /* sealed; its tags are being moved */
    bool prepare_next;  /* a segment should be preallocated */
    int64_t failed_us;  /* when work failed last: it is tried again, but not at once; INT64_MIN: never */
    int64_t tidied_us;  /* when expiry and retention were looked at last; INT64_MIN: never */
};

struct mtr_intake {
    struct mtr_log *log;
    struct mtr_dedup *dedup;
    uint8_t event_key[MTR_EVENT_KEY_BYTES];
    struct mtr_intake_options options;
    int64_t log_kept_us; /* the index is made of the log: never less than what it must know */

    pthread_mutex_t lock; /* of the queue: what follows up to `failed` */
    struct mtr_lanes queue; /* of requests; one with parts in a group may stand in it as well */
    bool draining;
    bool failed; /* an append's outcome is unknown: nothing goes in any more */

    struct mtr_group group;
    struct mtr_judge judge;
    struct mtr_slow_work slow;
};

/* intake_judge.c: sets the result of every event of the group, and what of it is stored. An error: nothing
 * may be stored. */
int intake_judge_group(struct mtr_intake *intake, const struct mtr_catalog *catalog, int64_t received_us,
                       const struct mtr_judge_times *times) MTR_MUST_USE;

/* intake_housekeep.c: the last slow work failed, so that nothing may get better by waiting. */
bool intake_is_stuck(const struct mtr_intake *intake);

#endif
