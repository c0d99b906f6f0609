/*
 * The API's host: what the daemon lends it.
 */
#include "daemon/daemon.h"

#include <stdio.h>

#include "daemon/api/limiting.h"
#include "daemon/security/security_log.h"
#include "meterd/net/crypto.h"
#include "meterd/net/workers.h"

static void catalog_changed(void *context)
{
    struct mtr_daemon *daemon = context;
    if (atomic_load(&daemon->stopping)) return; /* the next start looks anyway */
    stage_poke(daemon->aggregator_stage);
    stage_poke(daemon->rater_stage);
    polling_catalog_changed(daemon->polling);
}

static int submit(void *context, struct mtr_request *request)
{
    struct mtr_daemon *daemon = context;
    int rc = mtr_intake_submit(daemon->intake, request);
    if (!rc) stage_poke(daemon->writer_stage);
    return rc;
}

static bool is_ready(void *context)
{
    struct mtr_daemon *daemon = context;
    return atomic_load(&daemon->ready) && !atomic_load(&daemon->disk_full);
}

static uint64_t handed_out(void *context)
{
    struct mtr_daemon *daemon = context;
    return atomic_load(&daemon->handed_out);
}

static struct mtr_api_query_limits query_limits(void *context)
{
    const struct mtr_config *config = ((struct mtr_daemon *)context)->config;
    const struct mtr_config_query *query = &config->query;
    return (struct mtr_api_query_limits){.rows_max = query->rows_max,
                                         .cpu_ns_max = (uint64_t)query->cpu_max * 1000,
                                         .bytes_max = query->memory_max};
}

void daemon_tls_failed(struct mtr_daemon *daemon, enum listener listener, const char *address,
                       const char *why)
{
    struct api_security_event event = {.kind = API_SECURITY_TLS_REFUSED, .time_us = clock_now_us(daemon)};
    snprintf(event.address, sizeof(event.address), "%s", address);
    snprintf(event.object, sizeof(event.object), "%s", listener == LISTENER_API ? "listen" : "admin");
    api_security_copy(event.detail, sizeof(event.detail), mtr_str_from(why));
    security_log_record(daemon->security, &event);
    listener_tls_failed(daemon->tls[listener], address, why);
}

static struct mtr_api_rate_limits rate_limits(void *context)
{
    const struct mtr_config_limits *limits = &((struct mtr_daemon *)context)->config->limits;
    return (struct mtr_api_rate_limits){
        .of_key = {.of = {[LIMIT_REQUESTS] = {limits->requests_per_second, limits->request_burst},
                          [LIMIT_BYTES] = {limits->bytes_per_second, limits->byte_burst},
                          [LIMIT_EVENTS] = {limits->events_per_second, limits->event_burst}}},
        .of_stranger = {.of = {[LIMIT_REQUESTS] = {limits->unauthenticated_per_second, 0}}},
        .queries_max = limits->queries_max,
    };
}

static void tls_failed(void *context, const char *address, const char *why)
{
    daemon_tls_failed(context, LISTENER_API, address, why);
}

static struct mtr_api_limits api_limits(struct mtr_daemon *daemon)
{
    const struct mtr_config *config = daemon->config;
    const struct mtr_config_listen *listen = &config->listen;
    snprintf(daemon->api_address, sizeof(daemon->api_address), "%.*s", MTR_STR_ARGS(listen->address));
    return (struct mtr_api_limits){
        .address = daemon->api_address,
        .port = (uint16_t)listen->port,
        .tls = listener_tls_identity(daemon->tls[LISTENER_API]),
        .connections_max = file_limit_connections((uint32_t)listen->connections_max),
        .header_timeout_ms = (uint32_t)(listen->header_timeout / 1000),
        .body_timeout_ms = (uint32_t)(listen->body_timeout / 1000),
        .send_timeout_ms = (uint32_t)(listen->send_timeout / 1000),
        .idle_timeout_ms = (uint32_t)(listen->idle_timeout / 1000),
        .request_timeout_ms = (uint32_t)(listen->request_timeout / 1000),
        .header_bytes_max = listen->header_bytes_max,
        .body_bytes_max = listen->body_bytes_max,
        .body_bytes_total_max = listen->body_bytes_total_max / 4 * 3,
        .body_memory = &daemon->receive_memory,
        .answer_bytes_total_max = listen->answer_bytes_total_max,
        .decoded_bytes_max = listen->decoded_bytes_max,
        .request_events_max = (uint32_t)config->intake.request_events_max,
    };
}

static void fill(struct mtr_daemon *daemon)
{
    daemon->api_host = (struct mtr_api_host){
        .loop = daemon->loop,
        .queries = daemon->queries,
        .query_memory = &daemon->query_memory,
        .decode_memory = &daemon->decode_memory,
        .decoders = daemon->decoders,
        .catalog_store = daemon->catalog_store,
        .log = daemon->log,
        .rollups = daemon->rollups,
        .charges = daemon->charges,
        .limits = api_limits(daemon),
        .started_us = daemon->started_us,
        .security = security_log_hooks(daemon->security),
        .context = daemon,
        .clock = clock_now,
        .accept_clock = clock_accept,
        .drop_held = held_drop,
        .submit = submit,
        .tls_failed = tls_failed,
        .catalog_changed = catalog_changed,
        .hold_stages = pipeline_hold,
        .release_stages = pipeline_release,
        .progress = pipeline_progress,
        .is_ready = is_ready,
        .query_limits = query_limits,
        .limiter = daemon->limiter,
        .rate_limits = rate_limits,
        .handed_out = handed_out,
        .ledger = daemon->ledger,
        .grace_us = daemon->config->rater.grace,
    };
    source_calls_fill(&daemon->api_host);
}

/* One key has all of them but one. */
static int open_workers(struct mtr_daemon *daemon)
{
    const struct mtr_config *config = daemon->config;
    const uint32_t query_threads = (uint32_t)config->query.threads,
                   decode_threads = (uint32_t)config->intake.threads;
    const struct mtr_workers_options queries = {.name = "query",
                                                .threads = query_threads,
                                                .owner_threads_max = query_threads - 1,
                                                .jobs_max = (uint32_t)config->query.calls_max},
                                     decoders = {.name = "decoder",
                                                 .threads = decode_threads,
                                                 .owner_threads_max = decode_threads - 1,
                                                 .jobs_max = (uint32_t)config->intake.queue_requests_max};
    int rc = mtr_workers_open(daemon->loop, &queries, &daemon->queries);
    return rc ? rc : mtr_workers_open(daemon->loop, &decoders, &daemon->decoders);
}

int api_host_open(struct mtr_daemon *daemon)
{
    int rc = open_workers(daemon);
    if (!rc) rc = api_limiter_open(&daemon->limiter);
    uint64_t seed;
    if (!rc) rc = mtr_random_bytes(&seed, sizeof(seed));
    if (rc) return rc;
    mtr_shares_init(&daemon->query_memory, daemon->config->query.memory_total_max, seed);
    mtr_shares_init(&daemon->decode_memory, daemon->config->intake.memory_max, seed);
    fill(daemon);
    return rc;
}
