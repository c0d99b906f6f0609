/*
 * Housekeeping of the intake: one slow work at a time (sealing, room for identities, preallocating), tags in
 * slices, expiry, retention.
 *
 *   IDLE ──start──▶ RUNNING ──run_work──▶ DONE ──collect──▶ IDLE (moving tags after a seal)
 *
 * Segments are removed only while nothing runs: sealing may be walking them.
 */
#include "collector/intake/intake_state.h"
#include "meterd/core/time.h"

enum { TAG_PLACES_MAX = 65536 }; /* moved in one call: about a millisecond */
#define RETRY_US (10 * MTR_US_PER_SECOND)
#define TIDY_US MTR_US_PER_SECOND

static void run_work(void *work_context)
{
    struct mtr_intake *intake = work_context;
    struct mtr_slow_work *slow = &intake->slow;
    switch (slow->kind) {
    case MTR_SLOW_SEAL: slow->error = mtr_dedup_seal_run(intake->dedup); break;
    case MTR_SLOW_ROOM: slow->error = mtr_dedup_room_run(intake->dedup, slow->room); break;
    case MTR_SLOW_PREPARE: slow->error = mtr_log_prepare_next(intake->log); break;
    }
    atomic_store_explicit(&slow->state, MTR_SLOW_DONE, memory_order_release);
}

static void start(struct mtr_intake *intake, enum mtr_slow_kind kind, mtr_intake_run_slow run_slow,
                  void *context)
{
    intake->slow.kind = kind;
    atomic_store_explicit(&intake->slow.state, MTR_SLOW_RUNNING, memory_order_relaxed);
    if (run_slow)
        run_slow(context, run_work, intake);
    else
        run_work(intake);
}

/* What the work gave. After an error it is tried again, but not at once. */
static int collect(struct mtr_intake *intake, int64_t now_us)
{
    struct mtr_slow_work *slow = &intake->slow;
    atomic_store_explicit(&slow->state, MTR_SLOW_IDLE, memory_order_relaxed);
    if (slow->error) {
        slow->failed_us = now_us;
        return slow->kind == MTR_SLOW_ROOM
                   ? MTR_OK
                   : slow->error; /* without room made ahead a table grows when it must */
    }
    switch (slow->kind) {
    case MTR_SLOW_SEAL: slow->moving = true; break;
    case MTR_SLOW_ROOM: mtr_dedup_room_finish(intake->dedup); break;
    case MTR_SLOW_PREPARE: slow->prepare_next = false; break;
    }
    return MTR_OK;
}

bool intake_is_stuck(const struct mtr_intake *intake)
{
    return atomic_load_explicit(&intake->slow.state, memory_order_acquire) != MTR_SLOW_RUNNING &&
           intake->slow.error;
}

static int move_tags(struct mtr_intake *intake)
{
    bool done = false;
    int rc = mtr_dedup_seal_finish(intake->dedup, TAG_PLACES_MAX, &done);
    if (!rc && done) intake->slow.moving = false;
    return rc;
}

/* That long after what was at `at_us`; trusted time may fall, and then it is, too. */
static bool has_passed(int64_t at_us, int64_t now_us, int64_t span_us)
{
    return at_us == INT64_MIN || now_us < at_us || now_us - at_us >= span_us;
}

int64_t mtr_intake_kept_from_us(const struct mtr_intake *intake, struct mtr_trusted_time time)
{
    return time.forget_us - intake->log_kept_us;
}

static int tidy(struct mtr_intake *intake, struct mtr_trusted_time time, uint64_t consumed_seq)
{
    uint32_t removed;
    if (!has_passed(intake->slow.tidied_us, time.now_us, TIDY_US)) return MTR_OK;
    intake->slow.tidied_us = time.now_us;
    mtr_dedup_expire(intake->dedup, time.forget_us);
    return mtr_log_retain(intake->log, mtr_intake_kept_from_us(intake, time), consumed_seq, &removed);
}

int mtr_intake_housekeep(struct mtr_intake *intake, struct mtr_trusted_time time,
                         uint64_t consumed_seq, mtr_intake_run_slow run_slow, void *context, bool *more)
{
    struct mtr_slow_work *slow = &intake->slow;
    *more = false;
    int rc = MTR_OK;
    int state = atomic_load_explicit(&slow->state, memory_order_acquire);
    if (state == MTR_SLOW_RUNNING) return MTR_OK;
    if (state == MTR_SLOW_DONE) rc = collect(intake, time.now_us);
    if (rc) return rc;

    const bool may_start = has_passed(slow->failed_us, time.now_us, RETRY_US);
    slow->room = mtr_dedup_room_wanted(intake->dedup);
    if (slow->moving) {
        rc = move_tags(intake);
    } else if (mtr_dedup_unsealed(intake->dedup) && may_start) {
        start(intake, MTR_SLOW_SEAL, run_slow, context);
    } else if (slow->room && may_start) {
        start(intake, MTR_SLOW_ROOM, run_slow, context);
    } else if (slow->prepare_next && may_start) {
        start(intake, MTR_SLOW_PREPARE, run_slow, context);
    } else {
        return tidy(intake, time, consumed_seq);
    }
    bool has_work = slow->moving || mtr_dedup_unsealed(intake->dedup) || slow->room || slow->prepare_next;
    *more = !rc && has_work && atomic_load(&slow->state) != MTR_SLOW_RUNNING;
    return rc;
}
