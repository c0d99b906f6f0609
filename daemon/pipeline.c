/*
 * The pipeline's threads: what a step of each stage does with what comes of it, in the order of the data's
 * flow.
 *
 *   writer ──committed──▶ aggregator ──folded──▶ rater ──messages──▶ loop
 *      └──slow work──▶ sealer
 *
 * A step that meets a full disk, or memory or files that are not there, is not the end: nothing of it was
 * committed, and it is tried again (retries.c). Any other error is fatal for the process: it is told once,
 * here, and the stage's end wakes the loop (daemon.c).
 */
#include "daemon/daemon.h"
#include "daemon/stores/backing_up.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "daemon/metrics.h"
#include "meterd/collector/source_change.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/rater/catalog_change.h"
#include "meterd/store/damage.h"

enum {
    STAGE_IDLE_MS = 250,
    /* a step writes each cell that it met once: the more events it folds, the less each costs */
    FOLD_PAUSE_MS = 50,
    PATH_BYTES = 4096,
};

static void on_stage_end(void *context, int error)
{
    struct mtr_daemon *daemon = context;
    int none = 0;
    if (error) atomic_compare_exchange_strong(&daemon->failure, &none, error);
    mtr_wakeup_send(daemon->ended);
}

/* Of damage the store tells the place, and what to do. */
static void tell_fault(const char *stage, int rc, const struct mtr_diagnostic *diagnostic)
{
    struct mtr_damage damage;
    mtr_store_damage(&damage);
    if (rc == MTR_ECORRUPT && damage.count)
        mtr_logline(MTR_LEVEL_ERROR, stage, "cannot go on: %s", damage.text);
    else
        mtr_logline(MTR_LEVEL_ERROR, stage, "cannot go on: %s: %s", mtr_error_text(rc), diagnostic->text);
}

/* Room for the segment whose making was refused. Asked while the disk is full: who sees that we are not
 * ready sends nothing, so readiness cannot wait for an event that commits. */
static bool has_room_again(const struct mtr_daemon *daemon)
{
    enum { SPARE_BYTES = 1 << 20 };
    char directory[PATH_BYTES];
    struct statvfs status;
    snprintf(directory, sizeof(directory), "%.*s", MTR_STR_ARGS(daemon->config->data.directory));
    return !statvfs(directory, &status) &&
           (uint64_t)status.f_bavail * status.f_frsize >= daemon->config->log.segment_bytes + SPARE_BYTES;
}

static void note_room(struct mtr_daemon *daemon, uint32_t committed)
{
    if (!atomic_load(&daemon->disk_full) || (!committed && !has_room_again(daemon))) return;
    atomic_store(&daemon->disk_full, false);
    mtr_logline(MTR_LEVEL_INFO, "log", "there is room on the disk again: events are accepted");
}

/* The log's slow work (sealing, preallocating) goes to a thread of its own, one at a time, so that commits
 * never wait for it. Its end is noticed by the writer's next step. */
static void run_slow(void *context, void (*work)(void *work_context), void *work_context)
{
    struct mtr_daemon *daemon = context;
    daemon->slow_context = work_context;
    atomic_store_explicit(&daemon->slow_work, work, memory_order_release);
    stage_poke(daemon->sealer_stage);
}

static int sealer_step(void *context, bool *idle)
{
    struct mtr_daemon *daemon = context;
    void (*work)(void *) = atomic_exchange_explicit(&daemon->slow_work, NULL, memory_order_acquire);
    bool more = false;
    if (work) work(daemon->slow_context);
    else held_carry(daemon, &more);
    *idle = !work && !more;
    return MTR_OK; /* what went wrong is with the work: the intake looks */
}

/* The log is kept for what sources make of it, and for what is held and was not carried. */
static int housekeep(struct mtr_daemon *daemon, struct mtr_trusted_time time, bool *more)
{
    struct mtr_daemon_held *held = &daemon->held;
    const uint64_t applied = polling_applied_seq(daemon->polling);
    pthread_mutex_lock(&held->retain_mutex);
    const int rc =
        mtr_intake_housekeep(daemon->intake, time, applied < held->kept_seq ? applied : held->kept_seq,
                             run_slow, daemon, more);
    pthread_mutex_unlock(&held->retain_mutex);
    return rc;
}

/* One group commit, then housekeeping. A full disk is not the end: its requests were answered 503. */
static int writer_step(void *context, bool *idle)
{
    struct mtr_daemon *daemon = context;
    const struct mtr_trusted_time time = clock_now(daemon);
    uint32_t committed = 0;
    bool more = false;
    int64_t began_us = mtr_clock_monotonic_us();
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(daemon->catalog_store);
    int rc = mtr_intake_step(daemon->intake, catalog, time, &committed);
    mtr_catalog_release(catalog);
    if (committed) {
        mtr_metric_add(&metric_commits, 1);
        mtr_metric_add(&metric_commit_events, committed);
        mtr_metric_observe_us(&metric_commit_seconds, mtr_clock_monotonic_us() - began_us);
        mtr_metric_set(&metric_dedup_entries, (int64_t)mtr_dedup_count(daemon->dedup));
        mtr_metric_set(&metric_dedup_bytes, (int64_t)mtr_dedup_memory_bytes(daemon->dedup));
    }
    if (rc == MTR_EFULL) {
        if (!atomic_exchange(&daemon->disk_full, true))
            mtr_logline(MTR_LEVEL_ERROR, "log",
                        "no room on the disk of %.*s: events are refused with 503 until there is",
                        MTR_STR_ARGS(daemon->config->data.directory));
        rc = MTR_OK;
    } else if (!rc) {
        note_room(daemon, committed);
    } else if (retries_step(daemon, DAEMON_WRITER, rc)) {
        rc = MTR_OK;
    }
    if (committed) stage_poke(daemon->aggregator_stage);
    if (!rc) rc = housekeep(daemon, time, &more);
    if (rc == MTR_EAGAIN || retries_step(daemon, DAEMON_WRITER, rc))
        rc = MTR_OK; /* sealing waits for room, memory or files, or was interrupted */
    if (rc) {
        mtr_logline(MTR_LEVEL_ERROR, "log", "cannot go on writing: %s", mtr_error_text(rc));
        mtr_intake_fail(daemon->intake, rc);
    }
    *idle = !committed && !more && !mtr_intake_has_work(daemon->intake);
    return rc;
}

static void publish_fold(struct mtr_daemon *daemon, const struct mtr_aggregator_result *result,
                         uint64_t catalog_version)
{
    pthread_mutex_lock(&daemon->progress_mutex);
    daemon->progress.next_seq = result->next_seq;
    daemon->progress.folds += result->events > 0;
    daemon->progress.aggregator_catalog_version = catalog_version;
    daemon->progress.aggregator_idle = result->idle;
    pthread_mutex_unlock(&daemon->progress_mutex);
}

static void publish_rating(struct mtr_daemon *daemon, uint64_t folds, uint64_t catalog_version, bool idle)
{
    pthread_mutex_lock(&daemon->progress_mutex);
    daemon->progress.rated_folds = folds;
    daemon->progress.rater_catalog_version = catalog_version;
    daemon->progress.rater_idle = idle;
    pthread_mutex_unlock(&daemon->progress_mutex);
}

struct mtr_progress pipeline_progress(void *context)
{
    struct mtr_daemon *daemon = context;
    pthread_mutex_lock(&daemon->progress_mutex);
    struct mtr_progress progress = daemon->progress;
    pthread_mutex_unlock(&daemon->progress_mutex);
    progress.rating_waits = atomic_load(&daemon->rating_waits);
    return progress;
}

int pipeline_hold(void *context, const struct mtr_catalog *stored, const struct mtr_catalog *draft,
                  struct mtr_diagnostics *findings)
{
    struct mtr_daemon *daemon = context;
    pthread_mutex_lock(&daemon->fold_mutex);
    pthread_mutex_lock(&daemon->rate_mutex);
    polling_hold(daemon->polling, true);
    int rc = mtr_aggregator_check_change(daemon->aggregator, stored, draft, findings);
    if (!rc) rc = mtr_rater_check_change(daemon->charges, stored, draft, findings);
    const struct mtr_source_check check = {.ledger = daemon->ledger,
                                           .known_us = daemon->config->intake.dedup_window,
                                           .is_reading = polling_is_reading,
                                           .context = daemon->polling};
    return rc ? rc : mtr_source_check_change(&check, stored, draft, findings);
}

void pipeline_release(void *context)
{
    struct mtr_daemon *daemon = context;
    polling_hold(daemon->polling, false);
    pthread_mutex_unlock(&daemon->rate_mutex);
    pthread_mutex_unlock(&daemon->fold_mutex);
}

static int fail_mark(int rc)
{
    if (rc && rc != MTR_EFULL && rc != MTR_ENOMEM && rc != MTR_EFILES)
        mtr_logline(MTR_LEVEL_ERROR, "daemon", "the marks beside the stores cannot be written: %s",
                    mtr_error_text(rc));
    return rc;
}

/* All that there was at the start is folded: what it costs can be told. */
static void end_waiting(struct mtr_daemon *daemon, const struct mtr_aggregator_result *result)
{
    if (!atomic_load(&daemon->rating_waits) || result->is_behind ||
        result->next_seq <= daemon->rating_waits_seq)
        return;
    mtr_logline(MTR_LEVEL_INFO, "daemon", "the rollups are folded up to event %" PRIu64 ": rating goes on",
                result->next_seq - 1);
    atomic_store(&daemon->rating_waits, false);
    stage_poke(daemon->rater_stage);
}

/* The watermark opens and closes billing periods: it follows the earlier of the clocks. */
static int aggregator_step(void *context, bool *idle)
{
    struct mtr_daemon *daemon = context;
    const int64_t now_us = clock_now(daemon).earliest_us;
    struct mtr_aggregator_result result = {0};
    struct mtr_diagnostic diagnostic = {0};
    int64_t began_us = mtr_clock_monotonic_us();
    pthread_mutex_lock(&daemon->fold_mutex);
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(daemon->catalog_store);
    uint64_t catalog_version = mtr_catalog_version(catalog);
    int rc = fail_mark(marks_catalog(daemon, catalog_version));
    if (!rc) held_before_fold(daemon, catalog_version);
    if (!rc) rc = mtr_aggregator_step(daemon->aggregator, catalog, now_us, &result, &diagnostic);
    if (!rc) held_note_fold(daemon, &result, catalog_version);
    mtr_catalog_release(catalog);
    pthread_mutex_unlock(&daemon->fold_mutex);
    if (retries_step(daemon, DAEMON_AGGREGATOR, rc)) {
        *idle = true; /* nothing was committed; the same events again */
        return MTR_OK;
    }
    if (rc) {
        tell_fault("aggregator", rc, &diagnostic);
        return rc;
    }
    if (result.events) {
        mtr_metric_add(&metric_folded, result.events);
        mtr_metric_observe_us(&metric_fold_seconds, mtr_clock_monotonic_us() - began_us);
    }
    if (result.idle) mtr_metric_set(&metric_watermark, now_us / MTR_US_PER_SECOND);
    publish_fold(daemon, &result, catalog_version);
    atomic_store(&daemon->folded_seq, result.next_seq - 1);
    clock_keep(daemon);
    rc = fail_mark(marks_log(daemon));
    if (rc && !retries_step(daemon, DAEMON_AGGREGATOR, rc)) return rc; /* the next one writes it */
    end_waiting(daemon, &result);
    held_look(daemon);
    held_expire(daemon);
    if (result.events) stage_poke(daemon->rater_stage);
    *idle = result.idle;
    return MTR_OK;
}

static void count_rating(const struct mtr_rater_result *rated, const struct mtr_outbox_step_result *sent,
                         int64_t began_us)
{
    enum { DELIVERED, RETRIED, REJECTED, UNKNOWN }; /* choices of the metric's label */
    if (rated->rated || rated->charges)
        mtr_metric_observe_us(&metric_rate_seconds, mtr_clock_monotonic_us() - began_us);
    mtr_metric_add(&metric_charges, rated->charges);
    mtr_metric_add(&metric_ratings, rated->rated);
    mtr_metric_add(&metric_losses, rated->losses);
    mtr_metric_add(&metric_released, rated->released);
    mtr_metric_add_choice(&metric_deliveries, DELIVERED, sent->delivered);
    mtr_metric_add_choice(&metric_deliveries, RETRIED, sent->retried);
    mtr_metric_add_choice(&metric_deliveries, REJECTED, sent->rejected);
    mtr_metric_add_choice(&metric_deliveries, UNKNOWN, sent->unknown);
}

static int rater_step(void *context, bool *idle)
{
    struct mtr_daemon *daemon = context;
    const int64_t now_us = clock_now(daemon).now_us;
    struct mtr_rater_result rated = {0};
    struct mtr_outbox_step_result sent = {0};
    struct mtr_diagnostic diagnostic = {0};
    uint64_t folds = pipeline_progress(daemon).folds; /* of which this step sees all */
    int64_t began_us = mtr_clock_monotonic_us();
    pthread_mutex_lock(&daemon->rate_mutex);
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(daemon->catalog_store);
    uint64_t catalog_version = mtr_catalog_version(catalog);
    const bool waits = atomic_load(&daemon->rating_waits);
    rated.idle = waits;
    int rc = waits ? MTR_OK : mtr_rater_step(daemon->rater, catalog, now_us, &rated, &diagnostic);
    pthread_mutex_unlock(&daemon->rate_mutex);
    if (!rc && rated.failed)
        mtr_logline(MTR_LEVEL_WARNING, "rater",
                    "%" PRIu32 " period%s cannot be rated (meterd charges --waiting): %s", rated.failed,
                    mtr_plural(rated.failed), diagnostic.text);
    if (!rc && rated.losses)
        mtr_logline(MTR_LEVEL_WARNING, "rater", "%" PRIu32 " line%s at a loss: %s", rated.losses,
                    mtr_plural(rated.losses), rated.loss.text);
    if (!rc && rated.released)
        mtr_logline(MTR_LEVEL_WARNING, "rater", "%" PRIu32 " period%s closed with usage missing: %s",
                    rated.released, mtr_plural(rated.released), rated.release.text);
    daemon->marks.charges_wait |= rated.charges > 0;
    if (!rc && daemon->marks.charges_wait) rc = fail_mark(marks_charges(daemon));
    if (!rc) rc = mtr_outbox_step(daemon->outbox, catalog, now_us, &sent, &diagnostic);
    mtr_catalog_release(catalog);
    count_rating(&rated, &sent, began_us); /* of what was committed */
    if (retries_step(daemon, DAEMON_RATER, rc)) {
        *idle = true;
        return MTR_OK;
    }
    if (rc) {
        tell_fault("rater", rc, &diagnostic);
        return rc;
    }
    *idle = rated.idle && sent.idle;
    if (!waits) publish_rating(daemon, folds, catalog_version, rated.idle);
    return MTR_OK;
}

/* Downstream first, so that whoever pokes a stage finds it. */
int pipeline_start(struct mtr_daemon *daemon, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_stage_hooks rater = {"rater", rater_step, on_stage_end, STAGE_IDLE_MS, 0};
    const struct mtr_stage_hooks aggregator = {"aggregator", aggregator_step, on_stage_end, STAGE_IDLE_MS,
                                               FOLD_PAUSE_MS};
    const struct mtr_stage_hooks sealer = {"sealer", sealer_step, on_stage_end, STAGE_IDLE_MS, 0};
    const struct mtr_stage_hooks writer = {"writer", writer_step, on_stage_end, STAGE_IDLE_MS, 0};
    int rc = stage_start(&rater, daemon, &daemon->rater_stage);
    if (!rc) rc = stage_start(&aggregator, daemon, &daemon->aggregator_stage);
    if (!rc) rc = stage_start(&sealer, daemon, &daemon->sealer_stage);
    if (!rc) rc = stage_start(&writer, daemon, &daemon->writer_stage);
    if (!rc) rc = backing_up_open(daemon, &daemon->backing_up);
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_START, 0, 0, NULL,
                           "cannot start the stages' threads: %s", mtr_error_text(rc));
    return rc;
}

static void end_stage(struct mtr_stage_thread **stage, bool drain)
{
    if (!*stage) return;
    stage_stop(*stage, drain);
    stage_join(*stage);
    *stage = NULL;
}

void pipeline_end(struct mtr_daemon *daemon)
{
    bool drain = !atomic_load(&daemon->failure);
    backing_up_close(daemon->backing_up);
    /* Upstream first: a stage outlives whoever pokes it. The writer always drains: every request in its
     * queue is to be answered. */
    end_stage(&daemon->writer_stage, true);
    end_stage(&daemon->sealer_stage, true); /* what it was given borrows from the intake */
    end_stage(&daemon->aggregator_stage, drain);
    end_stage(&daemon->rater_stage, false);
}
