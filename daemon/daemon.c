/*
 * The running daemon: opens everything in the order of the data's flow, closes it in the reverse.
 *
 *   open: the data directory's hold → recovery (forks, before any thread) → stores → loop → stages → servers → ready
 *   stop: not ready → no new requests nor readings, those begun are ended → pool ends → writer drains → aggregator
 *         drains → rater ends → deliveries end → close
 *
 * A stage that fails (disk error, damage) makes the whole daemon stop in the same way and leave with exit
 * code 1: the next start recovers from the stores, which hold exactly what was committed.
 */
#include "daemon/daemon.h"

#include "daemon/certifying.h"
#include "daemon/security/security_log.h"
#include "daemon/stores/data_hold.h"
#include "daemon/stores/leftovers.h"
#include "daemon/stores/scrubbing.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api/api.h"
#include "meterd/emitter/http_sender.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/net/crypto.h"
#include "meterd/net/secret_open.h"
#include "meterd/net/systemd.h"
#include "meterd/net/workers.h"
#include "meterd/store/hold.h"

enum { PATH_BYTES = 4096 };

struct run_context {
    struct mtr_daemon *daemon;
    int (*reload)(void *context, struct mtr_config *out);
    void *context;
};

/* ---- stores ---- */

/* "<data>/<name>". */
static const char *store_path(const char *directory, const char *name, char path[PATH_BYTES])
{
    int size = snprintf(path, PATH_BYTES, "%s/%s", directory, name);
    MTR_ASSERT(size > 0 && size < PATH_BYTES); /* the directory itself was made under a shorter name */
    return path;
}

static struct mtr_intake_options intake_options(const struct mtr_config *config)
{
    return (struct mtr_intake_options){
        .queue_bytes_max = config->intake.queue_bytes_max,
        .queue_requests_max = (uint32_t)config->intake.queue_requests_max,
        .commit_events_max = (uint32_t)config->intake.commit_events_max,
        .commit_bytes_max = config->intake.commit_bytes_max,
        .dedup_window_us = config->intake.dedup_window,
        .lateness_us = config->intake.lateness,
        .future_us = config->intake.future,
        .retention_us = config->log.retention,
        .grace_us = config->rater.grace,
    };
}

static void tell_left(const char *path)
{
    mtr_logline(MTR_LEVEL_INFO, "daemon", "removed %s, which a process that was killed has left", path);
}

/* What the daemon itself does. */
static void tell_security(struct mtr_daemon *daemon, enum api_security_kind kind, const char *detail)
{
    struct api_security_event event = {.kind = kind, .time_us = clock_now_us(daemon)};
    snprintf(event.detail, sizeof(event.detail), "%s", detail);
    security_log_record(daemon->security, &event);
}

static int open_admin_key(struct mtr_daemon *daemon, const char *directory, struct mtr_diagnostic *diagnostic)
{
    bool is_made;
    const int rc = admin_key_ensure(daemon->catalog_store, directory, clock_now_us(daemon), &is_made,
                                    diagnostic);
    if (!rc && is_made) tell_security(daemon, API_SECURITY_ADMIN_KEY_MADE, "by the first start");
    return rc;
}

static int open_security(struct mtr_daemon *daemon, const char *directory, struct mtr_diagnostic *diagnostic)
{
    const int rc = security_log_open(directory, daemon->config->security.bytes_max, &daemon->security);
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_START, 0, 0, NULL,
                           "cannot set up the security log: %s", mtr_error_text(rc));
    return rc;
}

/* Under the hold of the directory, and the log's lock. */
static int look_at_leftovers(const char *directory, struct mtr_diagnostic *diagnostic)
{
    bool was_put_back;
    const int rc = leftovers_put_back(directory, &was_put_back);
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL,
                           "%s/rollups.old cannot get back the name that a rebuild took from it: %s",
                           directory, mtr_error_text(rc));
    if (was_put_back)
        mtr_logline(MTR_LEVEL_WARNING, "daemon",
                    "a rebuild that was killed had put the rollups out of the way: they are in force again");
    leftovers_remove(directory, true, tell_left);
    return rc;
}

static int open_stores(struct mtr_daemon *daemon, const char *directory, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_config *config = daemon->config;
    char path[PATH_BYTES];
    struct mtr_new_stores are_new = {false, false};
    uint8_t event_key[MTR_EVENT_KEY_BYTES];
    const struct mtr_intake_options intake = intake_options(config);
    struct mtr_log_options log_options = {
        .segment_bytes = config->log.segment_bytes,
        .segment_events_max = config->log.segment_events_max,
        .segment_age_us = config->log.segment_age,
        .verify_all = config->log.verify_all,
    };
    int rc = data_directory_ensure(directory, diagnostic);
    if (!rc) mtr_secret_keep_out(directory);
    if (!rc) rc = data_hold_begin(directory, &daemon->data_hold, diagnostic);
    if (!rc) rc = event_key_ensure(directory, event_key, diagnostic);
    if (!rc)
        rc = mtr_log_open(store_path(directory, "log", path), &log_options, &daemon->log,
                          diagnostic); /* first: recovery forks */
    if (!rc) rc = look_at_leftovers(directory, diagnostic);
    if (!rc) held_begin(daemon);
    if (!rc) rc = clock_start(daemon, directory, diagnostic);
    if (!rc) rc = consistency_before(daemon, directory, &are_new, diagnostic);
    if (!rc)
        rc = mtr_catalog_store_open(store_path(directory, "catalog", path), false, &daemon->catalog_store,
                                    diagnostic);
    if (!rc) rc = open_security(daemon, directory, diagnostic);
    if (!rc) rc = open_admin_key(daemon, directory, diagnostic);
    if (!rc) rc = mtr_dedup_check_key(daemon->log, event_key, diagnostic);
    if (!rc)
        rc = mtr_dedup_open(daemon->log, event_key, mtr_intake_identity_window_us(&intake),
                            clock_now(daemon).forget_us, &daemon->dedup, diagnostic);
    if (!rc)
        rc = mtr_rollups_open(store_path(directory, "rollups", path), false, &daemon->rollups, diagnostic);
    if (!rc)
        rc = mtr_charges_open(store_path(directory, "charges", path), false, &daemon->charges, diagnostic);
    if (!rc) rc = mtr_ledger_open(store_path(directory, "intake", path), false, &daemon->ledger, diagnostic);
    if (!rc) rc = consistency_after(daemon, directory, are_new, diagnostic);
    if (!rc) rc = epoch_begin(daemon, directory, diagnostic);
    if (!rc) rc = marks_begin(daemon, directory, diagnostic);
    if (!rc) rc = mtr_log_reader_attach(daemon->log, &daemon->aggregator_reader);
    return rc;
}

/* ---- what the intake and the deliveries call ---- */

/* Readings are the poller's, but for what an operator says of the clock, and for what is dropped. */
static bool is_of_clock(const struct mtr_request *request)
{
    return request->is_reading && request->count == 1 &&
           mtr_str_equal(request->events[0].type, MTR_STR(MTR_EVENT_TYPE_CLOCK));
}

/* Writer's thread. */
static void on_intake_answer(void *context, struct mtr_request *request)
{
    struct mtr_daemon *daemon = context;
    if (is_of_clock(request)) clock_on_committed(daemon, request);
    else if (held_is_of(request)) held_on_committed(daemon, request);
    else if (request->is_reading) polling_on_committed(daemon->polling, request);
    else events_on_answer(daemon->events, request);
}

static void on_delivery(void *context, struct mtr_str id, const struct mtr_outbox_result *result)
{
    struct mtr_daemon *daemon = context;
    mtr_outbox_on_result(daemon->outbox, id, result);
    if (daemon->rater_stage) stage_poke(daemon->rater_stage);
}

static int open_stages(struct mtr_daemon *daemon, const char *directory, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_config *config = daemon->config;
    uint8_t event_key[MTR_EVENT_KEY_BYTES];
    int rc = event_key_ensure(directory, event_key, diagnostic);
    if (rc) return rc;
    struct mtr_intake_options options = intake_options(config);
    struct mtr_rater_options rater_options = mtr_rater_options_default();
    rater_options.grace_us = config->rater.grace;
    rater_options.draft_every_us = config->rater.draft_every;
    rater_options.ledger = daemon->ledger;
    struct mtr_aggregator_options aggregator_options = {.step_events_max =
                                                            (uint32_t)config->aggregator.step_events_max};
    struct mtr_outbox_options outbox_options = mtr_outbox_options_default();
    outbox_options.backoff_min_us = config->outbox.backoff_min;
    outbox_options.backoff_max_us = config->outbox.backoff_max;
    outbox_options.seed = (uint64_t)mtr_clock_wall_us();

    const struct mtr_http_sender_options sender_options = {
        .allow_loopback = config->outbox.allow_loopback,
        .allow_private = config->outbox.allow_private,
        .secrets_directory = config->outbox.secrets_directory,
        .on_result = on_delivery,
        .context = daemon,
    };

    mtr_byte_budget_init(&daemon->receive_memory, config->listen.body_bytes_total_max);
    rc = api_host_open(daemon);
    if (!rc) rc = events_open(&daemon->api_host, &daemon->events);
    if (!rc) rc = mtr_http_sender_open(daemon->loop, &sender_options, &daemon->sender);
    if (!rc) rc = polling_open(daemon, directory, event_key, &daemon->polling);
    if (!rc) rc = certifying_open(daemon, directory, event_key, &daemon->certifying);
    options.on_answer = on_intake_answer;
    options.context = daemon;
    if (!rc) rc = mtr_intake_open(daemon->log, daemon->dedup, event_key, &options, &daemon->intake);
    if (!rc)
        rc = mtr_aggregator_open(daemon->rollups, daemon->aggregator_reader, &aggregator_options,
                                 &daemon->aggregator);
    if (!rc) rc = mtr_rater_open(daemon->rollups, daemon->charges, &rater_options, &daemon->rater);
    if (!rc) {
        struct mtr_sender sender = mtr_http_sender_hooks(daemon->sender);
        rc = mtr_outbox_open(daemon->charges, &sender, &outbox_options, &daemon->outbox);
    }
    if (!rc) rc = scrubbing_open(daemon, &daemon->scrubbing);
    if (!rc) rc = security_log_start(daemon->security);
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_START, 0, 0, NULL, "cannot set up the stages: %s",
                           mtr_error_text(rc));
    return rc;
}

/* ---- the loop's callbacks ---- */

static void on_drained(void *context)
{
    struct mtr_daemon *daemon = context;
    if (!--daemon->draining) mtr_loop_stop(daemon->loop);
}

static void begin_stop(struct mtr_daemon *daemon)
{
    if (atomic_exchange(&daemon->stopping, true)) return;
    atomic_store(&daemon->ready, false);
    if (mtr_systemd_stopping())
        mtr_logline(MTR_LEVEL_WARNING, "daemon", "cannot tell the service manager that we stop");
    daemon->draining = 2;
    api_drain(daemon->api, on_drained, daemon);
    polling_drain(daemon->polling, on_drained, daemon);
}

static void on_stage_ended(void *context)
{
    struct mtr_daemon *daemon = context;
    if (atomic_load(&daemon->failure)) begin_stop(daemon); /* whoever waits is still answered */
}

static void on_reload(struct run_context *run)
{
    struct mtr_config fresh = {0};
    if (mtr_systemd_reloading(mtr_clock_monotonic_us()))
        mtr_logline(MTR_LEVEL_WARNING, "daemon", "cannot tell the service manager that we reload");
    if (run->reload(run->context, &fresh)) {
        mtr_logline(MTR_LEVEL_ERROR, "daemon",
                    "the configuration was not reloaded: it has errors; the old one stays in force");
    } else {
        daemon_take_config(run->daemon, &fresh);
    }
    config_release(&fresh);
    if (mtr_systemd_ready())
        mtr_logline(MTR_LEVEL_WARNING, "daemon", "cannot tell the service manager that we are ready");
}

static void on_signal(void *context, int signal_number)
{
    struct run_context *run = context;
    if (signal_number == SIGHUP) {
        on_reload(run);
        return;
    }
    mtr_logline(MTR_LEVEL_INFO, "daemon", "%s: stopping", signal_number == SIGTERM ? "SIGTERM" : "SIGINT");
    begin_stop(run->daemon);
}

static void on_watchdog(void *context)
{
    (void)context;
    if (mtr_systemd_watchdog())
        mtr_logline(MTR_LEVEL_WARNING, "daemon", "cannot reach the service manager's watchdog");
}

/* ---- the whole ---- */

static int open_loop(struct mtr_daemon *daemon, struct run_context *run, struct mtr_diagnostic *diagnostic)
{
    int rc = mtr_crypto_begin();
    if (!rc) rc = mtr_loop_open(&daemon->loop);
    if (!rc)
        rc = mtr_loop_begin(daemon->loop,
                            file_limit_wanted((uint32_t)daemon->config->listen.connections_max));
    if (!rc) rc = mtr_loop_watch_signals(daemon->loop, on_signal, run);
    if (!rc) rc = mtr_wakeup_open(daemon->loop, true, on_stage_ended, daemon, &daemon->ended);
    if (!rc) rc = mtr_timer_open(daemon->loop, on_watchdog, daemon, &daemon->watchdog);
    if (rc) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_START, 0, 0, NULL,
                           "cannot set up the event loop: %s", mtr_error_text(rc));
        return rc;
    }
    int64_t watchdog_us = mtr_systemd_watchdog_us();
    if (watchdog_us > 0)
        mtr_timer_start(daemon->watchdog, (uint64_t)(watchdog_us / 2000), (uint64_t)(watchdog_us / 2000));
    return MTR_OK;
}

/* Before anything is opened that takes an address. */
static int open_tls(struct mtr_daemon *daemon, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_config *config = daemon->config;
    int rc = listener_tls_open(daemon->loop, LISTENER_API, &config->listen.tls, &daemon->tls[LISTENER_API],
                               diagnostic);
    if (!rc)
        rc = listener_tls_open(daemon->loop, LISTENER_ADMIN, &config->admin.tls,
                               &daemon->tls[LISTENER_ADMIN], diagnostic);
    return rc;
}

static int open_listeners(struct mtr_daemon *daemon, struct mtr_diagnostic *diagnostic)
{
    int rc = admin_open(daemon, &daemon->admin, diagnostic);
    if (!rc) rc = api_open(&daemon->api_host, daemon->events, &daemon->api, diagnostic);
    if (rc) return rc;
    listener_tls_serve(daemon->tls[LISTENER_ADMIN], admin_server(daemon->admin));
    listener_tls_serve(daemon->tls[LISTENER_API], api_server(daemon->api));
    return MTR_OK;
}

static void close_all(struct mtr_daemon *daemon)
{
    api_close(daemon->api);
    admin_close(daemon->admin);
    for (unsigned i = 0; i < LISTENER_COUNT; i++) listener_tls_close(daemon->tls[i]);
    /* Handlers and decoders on the pool poke stages and read stores. */
    if (daemon->decoders) mtr_workers_finish(daemon->decoders);
    if (daemon->queries) mtr_workers_finish(daemon->queries);
    if (daemon->loop) mtr_loop_finish_work(daemon->loop);
    if (daemon->intake) mtr_intake_drain(daemon->intake);
    pipeline_end(daemon);
    marks_end(daemon);
    clock_end(daemon);
    events_close(daemon->events);
    polling_close(daemon->polling);
    certifying_close(daemon->certifying);
    scrubbing_close(daemon->scrubbing);
    mtr_http_sender_close(daemon->sender);
    mtr_workers_close(daemon->decoders);
    mtr_workers_close(daemon->queries);
    mtr_timer_close(daemon->watchdog);
    mtr_wakeup_close(daemon->ended);
    if (daemon->loop) mtr_loop_close(daemon->loop);
    api_limiter_close(daemon->limiter);
    mtr_outbox_close(daemon->outbox);
    mtr_rater_close(daemon->rater);
    mtr_aggregator_close(daemon->aggregator);
    mtr_intake_close(daemon->intake);
    mtr_dedup_close(daemon->dedup);
    mtr_log_reader_close(daemon->aggregator_reader);
    mtr_ledger_close(daemon->ledger);
    mtr_charges_close(daemon->charges);
    mtr_rollups_close(daemon->rollups);
    mtr_catalog_store_close(daemon->catalog_store);
    security_log_close(daemon->security);
    mtr_log_close(daemon->log);
    mtr_hold_end(daemon->data_hold);
}

static int open_all(struct mtr_daemon *daemon, struct run_context *run, struct mtr_diagnostic *diagnostic)
{
    char directory[PATH_BYTES];
    snprintf(directory, sizeof(directory), "%.*s", MTR_STR_ARGS(daemon->config->data.directory));
    int rc = open_stores(daemon, directory, diagnostic);
    if (!rc) rc = open_loop(daemon, run, diagnostic);
    if (!rc) rc = open_tls(daemon, diagnostic);
    if (!rc) rc = open_stages(daemon, directory, diagnostic);
    if (!rc) rc = open_listeners(daemon, diagnostic);
    if (!rc) rc = pipeline_start(daemon, diagnostic);
    return rc;
}

int daemon_run(const struct mtr_config *config, int (*reload)(void *context, struct mtr_config *out),
               void *context)
{
    static struct mtr_daemon daemon; /* zero; one per process */
    struct run_context run = {&daemon, reload, context};
    struct mtr_diagnostic diagnostic = {0};
    daemon.config = config;
    daemon.data_hold = -1;
    pthread_mutex_init(&daemon.progress_mutex, NULL);
    pthread_mutex_init(&daemon.fold_mutex, NULL);
    pthread_mutex_init(&daemon.rate_mutex, NULL);
    pthread_mutex_init(&daemon.marks.mutex, NULL);
    daemon.started_us = mtr_clock_wall_us();
    file_limit_raise();
    int rc = open_all(&daemon, &run, &diagnostic);
    if (rc) {
        mtr_logline(MTR_LEVEL_ERROR, "daemon", "cannot start: %s", diagnostic.text);
    } else {
        atomic_store(&daemon.ready, true);
        tell_security(&daemon, API_SECURITY_STARTED, "meterd " METERD_VERSION);
        mtr_logline(MTR_LEVEL_INFO, "daemon",
                    "meterd %s is ready: events and queries on http%s://%.*s:%u, %" PRIu64
                    " events in the log",
                    METERD_VERSION, config->listen.tls.certificate.size ? "s" : "",
                    MTR_STR_ARGS(config->listen.address), api_port(daemon.api),
                    mtr_log_last_seq(daemon.log));
        if (mtr_systemd_ready())
            mtr_logline(MTR_LEVEL_WARNING, "daemon", "cannot tell the service manager that we are ready");
        polling_start(daemon.polling);
        mtr_loop_run(daemon.loop);
        rc = atomic_load(&daemon.failure);
    }
    close_all(&daemon);
    daemon_drop_configs(&daemon);
    mtr_logline(MTR_LEVEL_INFO, "daemon",
                rc ? "ended by an error" : "stopped; everything accepted is on disk");
    return rc;
}
