/*
 * What is held, looked at now and then, for metrics; see held.h.
 */
#include "daemon/daemon.h"
#include "daemon/metrics.h"
#include "meterd/core/time.h"
#include "meterd/store/log_carried.h"

#define LOOK_EVERY_US (60 * MTR_US_PER_SECOND)

struct look {
    uint64_t waiting[2]; /* by enum mtr_held_reason */
    uint64_t taken_back;
    uint64_t lowest_seq; /* UINT64_MAX: nothing waits */
};

static int on_held(void *context, const struct mtr_held_event *held)
{
    struct look *look = context;
    if (held->voided) {
        look->taken_back++;
        return MTR_OK;
    }
    look->waiting[held->reason]++;
    if (held->seq < look->lowest_seq) look->lowest_seq = held->seq;
    return MTR_OK;
}

static int walk(struct mtr_daemon *daemon, struct look *look)
{
    const struct mtr_held_event of_subscriptions = {.reason = MTR_HELD_SUBSCRIPTION};
    const struct mtr_held_event of_meters = {.reason = MTR_HELD_METER};
    struct mtr_rollups_txn *txn = NULL;
    *look = (struct look){.lowest_seq = UINT64_MAX};
    int rc = mtr_rollups_begin(daemon->rollups, false, &txn);
    if (!rc) rc = mtr_rollups_walk_held(txn, &of_subscriptions, on_held, look);
    if (!rc) rc = mtr_rollups_walk_held(txn, &of_meters, on_held, look);
    if (txn) mtr_rollups_abort(txn);
    return rc;
}

/* 0 where the log does not have it. */
static int64_t age_us(struct mtr_daemon *daemon, uint64_t seq)
{
    struct mtr_log_reader *reader = NULL;
    struct mtr_block_header block = {.first_seq = UINT64_MAX};
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    if (seq == UINT64_MAX || mtr_log_reader_attach(daemon->log, &reader)) return 0;
    const int rc = mtr_log_read_kept(reader, seq, &block, &events, &diagnostic);
    mtr_log_reader_close(reader);
    return rc || block.first_seq > seq ? 0 : mtr_time_later(clock_now_us(daemon) - block.received_us, 0);
}

static void tell(struct mtr_daemon *daemon, const struct look *look)
{
    atomic_store(&daemon->held.taken_back, look->taken_back);
    mtr_metric_set_choice(&metric_held_waiting, MTR_HELD_SUBSCRIPTION,
                          (int64_t)look->waiting[MTR_HELD_SUBSCRIPTION]);
    mtr_metric_set_choice(&metric_held_waiting, MTR_HELD_METER, (int64_t)look->waiting[MTR_HELD_METER]);
    mtr_metric_set(&metric_held_age, age_us(daemon, look->lowest_seq) / MTR_US_PER_SECOND);
}

/* Was something dropped, and folded, since it was last looked at? */
static bool has_changed(struct mtr_daemon *daemon)
{
    struct mtr_daemon_held *held = &daemon->held;
    pthread_mutex_lock(&daemon->fold_mutex);
    const uint64_t ordered_seq = held->ordered_seq;
    const bool is_folded = held->next_seq > ordered_seq;
    pthread_mutex_unlock(&daemon->fold_mutex);
    if (!is_folded || ordered_seq == held->looked_seq) return false;
    held->looked_seq = ordered_seq;
    return true;
}

void held_look(struct mtr_daemon *daemon)
{
    struct mtr_daemon_held *held = &daemon->held;
    const int64_t now_us = mtr_clock_monotonic_us();
    struct look look;
    const bool is_due = has_changed(daemon) || held->looked_us == INT64_MIN ||
                        now_us - held->looked_us >= LOOK_EVERY_US;
    if (!is_due || walk(daemon, &look)) return;
    held->looked_us = now_us;
    tell(daemon, &look);
}

uint64_t held_count(const struct mtr_daemon_held *held, uint64_t rows)
{
    const uint64_t taken_back = atomic_load(&held->taken_back);
    return rows > taken_back ? rows - taken_back : 0;
}
