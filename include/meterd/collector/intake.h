/*
 * The intake: judges decoded events against catalog, clock and dedup index, and appends them to the log as
 * one group commit.
 *
 * submit() is called by any thread and hands a request to one bounded queue, where each owner has a lane of
 * his own (share/lanes.h); step() belongs to the writer's thread. Results are final only when step() hands
 * the request to on_answer: after the commit. A duplicate of an event that stands in the same group commit
 * is answered with it, never before.
 */
#ifndef METERD_COLLECTOR_INTAKE_H
#define METERD_COLLECTOR_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/catalog.h"
#include "meterd/collector/request.h"
#include "meterd/core/trusted_time.h"
#include "meterd/store/dedup.h"
#include "meterd/store/log.h"

struct mtr_intake;

/* Called on the thread of step, once for every submitted request. */
typedef void (*mtr_intake_on_answer)(void *context, struct mtr_request *request);

struct mtr_intake_options {
    uint64_t queue_bytes_max; /* decoded bytes waiting, of one owner a half; over it submit is MTR_EFULL
                                 (answer 503 with Retry-After) */
    uint32_t queue_requests_max;
    uint32_t commit_events_max; /* a group commit closes at this many events … */
    uint64_t commit_bytes_max;  /* … or this many decoded bytes */
    int64_t dedup_window_us;
    int64_t lateness_us; /* older is expired; <= dedup_window_us, which is <= retention_us */
    int64_t future_us;   /* further ahead is future */
    int64_t retention_us;
    int64_t grace_us;           /* after a period's end, until its usage is late */
    mtr_intake_on_answer on_answer;
    void *context;              /* of on_answer */
};

/* How long an identity must be known after it was received: what mtr_dedup_open is given. An event may come
 * future_us before its time, and one that is sent again is expired lateness_us <= dedup_window_us after it:
 * until then the first one is found, so that it cannot count twice. */
int64_t mtr_intake_identity_window_us(const struct mtr_intake_options *options);

/* log and dedup are borrowed. MTR_EINVALID: options that contradict each other. */
int mtr_intake_open(struct mtr_log *log, struct mtr_dedup *dedup,
                    const uint8_t event_key[MTR_EVENT_KEY_BYTES], const struct mtr_intake_options *options,
                    struct mtr_intake **out) MTR_MUST_USE;
void mtr_intake_close(struct mtr_intake *intake); /* asserts that the queue is empty and no slow work runs */

/* Any thread. MTR_EFULL: queue full. MTR_ECLOSED: draining or failed. On success the intake holds the
 * request until on_answer. */
int mtr_intake_submit(struct mtr_intake *intake, struct mtr_request *request) MTR_MUST_USE;
bool mtr_intake_has_work(struct mtr_intake *intake); /* any thread */
/* Is half of the queue free? For those who can wait before they fetch what is to go in. Any thread. */
bool mtr_intake_has_room(struct mtr_intake *intake);
void mtr_intake_drain(struct mtr_intake *intake);    /* any thread: no more submits */

/* One group commit: a turn of each owner that waits, at most commit_events_max events. A large request is
 * stored in parts, group by group, but for readings and dry runs, which go whole.
 * Rolls segments. Does nothing when the queue is empty, or while eight rolled segments wait for
 * housekeeping (when that failed the last time, requests are answered MTR_EFULL). Events are received at the
 * trusted time, never before those in the log, and none is refused for its time unless both clocks say so.
 * *events_committed:
 * stored, quarantine included. MTR_EFULL: disk full, its requests were answered with that error, intake
 * goes on; so it does after a request that met MTR_ENOMEM. Any other error: the outcome is unknown or the
 * log is damaged; all requests, those in the queue too, were answered with it, the intake refuses further
 * submits: leave and recover. */
int mtr_intake_step(struct mtr_intake *intake, const struct mtr_catalog *catalog,
                    struct mtr_trusted_time time, uint32_t *events_committed) MTR_MUST_USE;

/* For the writer's thread when it leaves by another error than step's: no more submits, and what waits is
 * answered with `error`. */
void mtr_intake_fail(struct mtr_intake *intake, int error);

/* What was received before is kept no longer, were it not needed: of retention. Any thread. */
int64_t mtr_intake_kept_from_us(const struct mtr_intake *intake, struct mtr_trusted_time time);

/* Housekeeping between commits on the writer's thread: seals rolled segments and preallocates the next one
 * (the slow parts through `run_slow`, one at a time; NULL runs them inline), moves tags, expires dedup
 * segments, retains the log up to `consumed_seq`. Bounded per call; *more when there is more to do at
 * once. While slow work runs elsewhere *more is false: call again when it returned, or later. After an
 * error the work is tried again 10 s later; MTR_EFULL is harmless, any other means leave and recover. */
typedef void (*mtr_intake_run_slow)(void *context, void (*work)(void *work_context), void *work_context);
int mtr_intake_housekeep(struct mtr_intake *intake, struct mtr_trusted_time time,
                         uint64_t consumed_seq, mtr_intake_run_slow run_slow, void *context,
                         bool *more) MTR_MUST_USE;

#endif
