/*
 * The admin listener: /healthz (the loop turns), /readyz (events are accepted; with ?verbose also what
 * waits), /metrics (Prometheus text).
 *
 * No credential: it listens on loopback unless told otherwise, and shows no usage and no money.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>

#include "daemon/api/api.h"
#include "daemon/daemon.h"
#include "daemon/stores/backing_up.h"
#include "daemon/metrics.h"
#include "meterd/core/time.h"
#include "meterd/net/http_server.h"
#include "meterd/net/workers.h"
#include "meterd/store/log_carried.h"

struct mtr_admin {
    struct mtr_daemon *daemon;
    struct mtr_http_server *server;
};

enum { METRICS_BYTES_MAX = 1 << 20, READY_BYTES_MAX = 4096, ADMIN_CONNECTIONS_MAX = 64 };

static int count_waiting(struct mtr_daemon *daemon, uint64_t counts[MTR_WAITING_REASON_COUNT])
{
    struct mtr_charges_txn *txn = NULL;
    int rc = mtr_charges_begin(daemon->charges, false, &txn);
    if (!rc) rc = mtr_charges_count_waiting(txn, counts);
    mtr_charges_abort(txn);
    return rc;
}

static int sum_beyond(struct mtr_daemon *daemon, struct mtr_beyond_sum *out)
{
    struct mtr_rollups_txn *txn = NULL;
    int rc = mtr_rollups_begin(daemon->rollups, false, &txn);
    if (!rc) rc = mtr_rollups_sum_beyond(txn, out);
    mtr_rollups_abort(txn);
    return rc;
}

static int tell_beyond(struct mtr_daemon *daemon, struct mtr_buffer *text)
{
    struct mtr_beyond_sum beyond;
    if (sum_beyond(daemon, &beyond)) return mtr_buffer_printf(text, "the rollups cannot be read now\n");
    if (!beyond.full) return MTR_OK;
    return mtr_buffer_printf(text,
                             "%" PRIu64 " event%s held beyond %" PRIu64 " quota%s of dimension values\n",
                             beyond.events, beyond.events == 1 ? " is" : "s are", beyond.full,
                             mtr_plural(beyond.full));
}

static int tell_clock(struct mtr_daemon *daemon, struct mtr_buffer *text)
{
    char now[MTR_TIME_TEXT_BYTES], wall[MTR_TIME_TEXT_BYTES];
    const struct mtr_trusted_time time = clock_now(daemon);
    if (time.state == MTR_CLOCK_BELIEVED) return MTR_OK;
    mtr_time_format(time.now_us, now);
    mtr_time_format(mtr_trusted_wall_us(time), wall);
    return mtr_buffer_printf(text,
                             "the machine's clock says %s and is not believed, trusted time is %s: billing "
                             "periods open and close by the earlier (meterd clock)\n",
                             wall, now);
}

/* Behind "ready": a line for each reason for which periods wait, one for events that meters hold, and one for
 * a clock that is not believed. They do not keep events from being accepted, so the status is the same. */
static void answer_verbosely(struct mtr_daemon *daemon, struct mtr_http_request *http)
{
    uint64_t counts[MTR_WAITING_REASON_COUNT] = {0};
    struct mtr_buffer text;
    mtr_buffer_init(&text, READY_BYTES_MAX);
    int rc = mtr_buffer_printf(&text, "ready\n");
    if (count_waiting(daemon, counts)) rc = mtr_buffer_printf(&text, "the charges cannot be read now\n");
    for (unsigned reason = 0; !rc && reason < MTR_WAITING_REASON_COUNT; reason++)
        if (counts[reason])
            rc = mtr_buffer_printf(&text, "%" PRIu64 " billing period%s cannot be %s: %s\n", counts[reason],
                                   mtr_plural(counts[reason]),
                                   reason == MTR_WAITING_SOURCE ? "closed" : "rated",
                                   mtr_waiting_reason_name((enum mtr_waiting_reason)reason));
    if (!rc) rc = tell_beyond(daemon, &text);
    if (!rc) rc = tell_clock(daemon, &text);
    if (!rc && polling_has_failed(daemon->polling))
        rc = mtr_buffer_printf(&text, "the poller has stopped, no vendor is asked: the log says why\n");
    if (rc) mtr_http_problem(http, 503, MTR_FINDING_PROGRAM_MEMORY, MTR_STR("out of memory"));
    else mtr_http_respond_text(http, 200, "text/plain; charset=utf-8", mtr_buffer_str(&text));
    mtr_buffer_release(&text);
}

static void answer_ready(struct mtr_daemon *daemon, struct mtr_http_request *http)
{
    if (!atomic_load(&daemon->ready))
        mtr_http_problem(http, 503, MTR_FINDING_REQUEST_NOT_READY, MTR_STR("starting, stopping or failed"));
    else if (atomic_load(&daemon->disk_full))
        mtr_http_problem(http, 503, MTR_FINDING_STORE_FULL,
                         MTR_STR("no room on the log's disk: events are refused"));
    else if (mtr_str_starts_with(mtr_http_request_query(http), MTR_STR("verbose")))
        answer_verbosely(daemon, http);
    else mtr_http_respond_text(http, 200, "text/plain; charset=utf-8", MTR_STR("ready\n"));
}

/* Messages by state, over all destinations. A store that cannot be read now leaves the gauges as they
 * were. */
static void gauge_outbox(struct mtr_daemon *daemon)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charges_epoch epoch = {.number = 0};
    int64_t counts[MTR_MESSAGE_STATE_COUNT] = {0}, unreconciled = 0;
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(daemon->catalog_store);
    int rc = mtr_charges_begin(daemon->charges, false, &txn);
    if (!rc) rc = mtr_charges_get_epoch(txn, &epoch);
    for (uint32_t number = mtr_catalog_count(catalog, MTR_KIND_DESTINATION); !rc && number; number--) {
        struct mtr_charge_destination destination;
        if (mtr_charges_get_destination(txn, number, &destination)) continue;
        unreconciled += destination.epoch != epoch.number && mtr_catalog_destination(catalog, number);
        for (unsigned state = 0; state < MTR_MESSAGE_STATE_COUNT; state++)
            counts[state] += (int64_t)destination.counts[state];
    }
    mtr_charges_abort(txn);
    mtr_catalog_release(catalog);
    if (rc) return;
    mtr_metric_set(&metric_unreconciled, unreconciled);
    for (unsigned state = 0; state < MTR_MESSAGE_STATE_COUNT; state++)
        mtr_metric_set_choice(&metric_outbox, state, counts[state]);
}

static void gauge_waiting(struct mtr_daemon *daemon)
{
    uint64_t counts[MTR_WAITING_REASON_COUNT];
    if (count_waiting(daemon, counts)) return;
    for (unsigned reason = 0; reason < MTR_WAITING_REASON_COUNT; reason++)
        mtr_metric_set_choice(&metric_waiting, reason, (int64_t)counts[reason]);
}

static void gauge_held(struct mtr_daemon *daemon)
{
    struct mtr_rollups_txn *txn = NULL;
    struct mtr_beyond_sum beyond;
    uint64_t held;
    int rc = mtr_rollups_begin(daemon->rollups, false, &txn);
    if (!rc) rc = mtr_rollups_count_held(txn, &held);
    if (!rc) rc = mtr_rollups_sum_beyond(txn, &beyond);
    mtr_rollups_abort(txn);
    if (rc) return;
    uint64_t carried;
    if (!mtr_log_count_carried(daemon->log, &carried)) mtr_metric_set(&metric_held_carried, (int64_t)carried);
    mtr_metric_set(&metric_held_events, (int64_t)held_count(&daemon->held, held));
    mtr_metric_set(&metric_quotas_full, (int64_t)beyond.full);
    mtr_metric_set(&metric_quotas_held, (int64_t)beyond.events);
}

static void gauge_queries(struct mtr_daemon *daemon)
{
    enum { WAITING, WORKING }; /* choices of the metric's label */
    const struct mtr_workers_stats stats = mtr_workers_stats(daemon->queries);
    mtr_metric_set_choice(&metric_queries, WAITING, stats.waiting);
    mtr_metric_set_choice(&metric_queries, WORKING, stats.working);
    mtr_metric_set(&metric_query_memory, (int64_t)mtr_shares_used(&daemon->query_memory));
}

static void gauge(struct mtr_daemon *daemon)
{
    struct mtr_http_server_stats stats = api_stats(daemon->api);
    uint64_t last_seq = mtr_log_last_seq(daemon->log), folded_seq = atomic_load(&daemon->folded_seq);
    mtr_metric_set(&metric_http_connections, (int64_t)stats.connections);
    mtr_metric_set(&metric_http_requests, (int64_t)stats.requests_total);
    mtr_metric_set(&metric_http_refused, (int64_t)stats.refused_total);
    gauge_queries(daemon);
    mtr_metric_set(&metric_log_last_seq, (int64_t)last_seq);
    mtr_metric_set(&metric_fold_lag, (int64_t)(last_seq > folded_seq ? last_seq - folded_seq : 0));
    mtr_metric_set(&metric_disk_full, atomic_load(&daemon->disk_full));
    const struct mtr_trusted_time time = clock_now(daemon);
    mtr_metric_set(&metric_clock_difference, (mtr_trusted_wall_us(time) - time.now_us) / MTR_US_PER_SECOND);
    mtr_metric_set(&metric_start_time, daemon->started_us / MTR_US_PER_SECOND);
    const int64_t backup_age_us = backing_up_age_us(daemon->backing_up);
    mtr_metric_set(&metric_backup_age, backup_age_us / MTR_US_PER_SECOND);
    mtr_metric_set(&metric_backup_overdue, backup_age_us > 2 * daemon->config->backup.every);
    listener_tls_gauge(daemon->tls);
    gauge_outbox(daemon);
    gauge_waiting(daemon);
    gauge_held(daemon);
}

static void answer_metrics(struct mtr_daemon *daemon, struct mtr_http_request *http)
{
    struct mtr_buffer text;
    mtr_buffer_init(&text, METRICS_BYTES_MAX);
    gauge(daemon);
    if (mtr_metrics_write(daemon_metrics, &text))
        mtr_http_problem(http, 503, MTR_FINDING_PROGRAM_MEMORY, MTR_STR("out of memory"));
    else mtr_http_respond_text(http, 200, "text/plain; version=0.0.4; charset=utf-8", mtr_buffer_str(&text));
    mtr_buffer_release(&text);
}

static void on_request(void *context, struct mtr_http_request *http)
{
    struct mtr_daemon *daemon = ((struct mtr_admin *)context)->daemon;
    struct mtr_str path = mtr_http_request_path(http);
    enum mtr_http_method method = mtr_http_request_method(http);
    if (method != MTR_HTTP_GET && method != MTR_HTTP_HEAD)
        mtr_http_problem(http, 405, MTR_FINDING_REQUEST_METHOD, MTR_STR("only GET"));
    else if (mtr_str_equal(path, MTR_STR("/healthz")))
        mtr_http_respond_text(http, 200, "text/plain; charset=utf-8", MTR_STR("ok\n"));
    else if (mtr_str_equal(path, MTR_STR("/readyz"))) answer_ready(daemon, http);
    else if (mtr_str_equal(path, MTR_STR("/metrics"))) answer_metrics(daemon, http);
    else
        mtr_http_problem(http, 404, MTR_FINDING_REQUEST_PATH,
                         MTR_STR("there are /healthz, /readyz and /metrics"));
}

static void on_tls_failure(void *context, const char *address, const char *why)
{
    daemon_tls_failed(((struct mtr_admin *)context)->daemon, LISTENER_ADMIN, address, why);
}

struct mtr_http_server *admin_server(const struct mtr_admin *admin)
{
    return admin->server;
}

int admin_open(struct mtr_daemon *daemon, struct mtr_admin **out, struct mtr_diagnostic *diagnostic)
{
    char address[64];
    struct mtr_admin *admin = calloc(1, sizeof(*admin));
    if (!admin) return MTR_ENOMEM;
    admin->daemon = daemon;
    snprintf(address, sizeof(address), "%.*s", MTR_STR_ARGS(daemon->config->admin.address));
    struct mtr_http_server_options options = mtr_http_server_defaults();
    options.address = address;
    options.port = (uint16_t)daemon->config->admin.port;
    options.connections_max = ADMIN_CONNECTIONS_MAX;
    options.tls = listener_tls_identity(daemon->tls[LISTENER_ADMIN]);
    struct mtr_http_handler handler = {
        .on_request = on_request, .on_tls_failure = on_tls_failure, .context = admin};
    int rc = mtr_http_server_open(daemon->loop, &options, &handler, &admin->server, diagnostic);
    if (rc) {
        free(admin);
        return rc;
    }
    *out = admin;
    return MTR_OK;
}

void admin_close(struct mtr_admin *admin)
{
    if (!admin) return;
    mtr_http_server_close(admin->server);
    free(admin);
}
