/*
 * A listener's certificate in force, and what becomes of it.
 *
 * Files are read on a thread that may wait for a disk; one reading at a time, and one more where SIGHUP came
 * meanwhile. What cannot be used leaves what is in force there.
 */
#include "daemon/listen/listener_tls.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/listen/tls_files.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/net/blocking.h"

enum { TOLD_EVERY_US = 60 * MTR_US_PER_SECOND, SOON_S = 14 * 86400 };

struct mtr_metric metric_tls_expiry = {
    .name = "meterd_tls_certificate_expiry_seconds",
    .type = MTR_GAUGE,
    .label = "listener",
    .choices = "listen|admin",
    .doc = "When the first of the certificates that the listener shows expires, as seconds since 1970; 0: it "
           "shows none.",
};

struct mtr_metric metric_tls_reload_failed = {
    .name = "meterd_tls_reload_failed",
    .type = MTR_GAUGE,
    .label = "listener",
    .choices = "listen|admin",
    .doc = "1: the files of its certificate could not be used on the last SIGHUP, or have not been read yet, "
           "and those before are in force.",
};

struct mtr_metric metric_tls_handshakes = {
    .name = "meterd_tls_handshakes_total",
    .type = MTR_COUNTER,
    .label = "result",
    .choices = "done|failed",
    .doc = "Handshakes of TLS of both listeners that came to their end, and connections that failed by TLS.",
};

static const char *const names[LISTENER_COUNT] = {"listen", "admin"};
static const char *const groups[LISTENER_COUNT] = {"listen.tls", "admin.tls"};

struct listener_tls {
    enum listener listener;
    struct mtr_tls *identity;       /* NULL: in the clear */
    struct mtr_http_server *server; /* NULL: not open yet, or not any more */
    struct mtr_blocking *blocking;
    struct tls_file_names next; /* to read when the reading that is under way has ended */
    bool is_reading, waits;
    bool has_failed;
    int64_t told_us; /* monotonic */
    uint64_t untold; /* failures since */
};

/* A reading of files; its thread's until it is done. */
struct reading {
    struct mtr_blocking_job job; /* first */
    const char *group;
    struct tls_file_names names;
    struct mtr_tls *identity;
    int rc;
    struct mtr_diagnostic diagnostic;
};

static void tell_life(const struct listener_tls *tls)
{
    char until[MTR_TIME_TEXT_BYTES];
    const int64_t now_s = mtr_clock_wall_us() / MTR_US_PER_SECOND;
    const int64_t expires_s = mtr_tls_expires_s(tls->identity);
    const bool begins_later = mtr_tls_begins_s(tls->identity) > now_s;
    mtr_time_format(expires_s * MTR_US_PER_SECOND, until);
    mtr_logline(expires_s - now_s < SOON_S || begins_later ? MTR_LEVEL_WARNING : MTR_LEVEL_INFO,
                names[tls->listener], "TLS is in force; its certificate %s %s%s",
                expires_s <= now_s ? "has expired at" : "expires at", until,
                begins_later ? ", and is not valid yet by this machine's clock" : "");
}

int listener_tls_open(struct mtr_loop *loop, enum listener listener, const struct mtr_config_tls *config,
                      struct listener_tls **out, struct mtr_diagnostic *diagnostic)
{
    struct tls_file_names files;
    struct listener_tls *tls = calloc(1, sizeof(*tls));
    if (!tls) return MTR_ENOMEM;
    tls->listener = listener;
    int rc = MTR_OK;
    if (config->certificate.size) {
        tls_files_name(&files, config);
        rc = mtr_blocking_open(loop, &tls->blocking);
        if (!rc) rc = tls_files_read(&files, groups[listener], &tls->identity, diagnostic);
    }
    if (rc) {
        listener_tls_close(tls);
        return rc;
    }
    if (tls->identity) tell_life(tls);
    *out = tls;
    return MTR_OK;
}

void listener_tls_close(struct listener_tls *tls)
{
    if (!tls) return;
    mtr_blocking_close(tls->blocking);
    mtr_tls_release(tls->identity);
    free(tls);
}

struct mtr_tls *listener_tls_identity(const struct listener_tls *tls)
{
    return tls->identity;
}

void listener_tls_serve(struct listener_tls *tls, struct mtr_http_server *server)
{
    tls->server = server;
}

/* ---- reading again ---- */

static void read_files(struct mtr_blocking_job *job)
{
    struct reading *reading = (struct reading *)job;
    reading->rc =
        tls_files_read(&reading->names, reading->group, &reading->identity, &reading->diagnostic);
}

static void drop(struct mtr_blocking_job *job)
{
    mtr_tls_release(((struct reading *)job)->identity);
    free(job);
}

static void take(struct listener_tls *tls, struct reading *reading)
{
    tls->has_failed = true;
    if (reading->rc) {
        mtr_logline(MTR_LEVEL_ERROR, names[tls->listener],
                    "the certificate was not reloaded, the one before stays in force: %s",
                    reading->diagnostic.text[0] ? reading->diagnostic.text : mtr_error_text(reading->rc));
    } else if (tls->server && mtr_http_server_set_tls(tls->server, reading->identity)) {
        mtr_logline(MTR_LEVEL_ERROR, names[tls->listener],
                    "the certificate was not reloaded, the one before stays in force: out of memory");
    } else {
        mtr_tls_release(tls->identity);
        tls->identity = reading->identity;
        reading->identity = NULL;
        tls->has_failed = false;
        tell_life(tls);
    }
}

static void begin_reading(struct listener_tls *tls);

static void on_read(struct mtr_blocking_job *job, void *context)
{
    struct listener_tls *tls = context;
    tls->is_reading = false;
    take(tls, (struct reading *)job);
    drop(job);
    if (tls->waits) begin_reading(tls);
}

static void begin_reading(struct listener_tls *tls)
{
    tls->waits = tls->is_reading;
    if (tls->is_reading) return;
    struct reading *reading = calloc(1, sizeof(*reading));
    if (!reading) {
        tls->has_failed = true;
        mtr_logline(MTR_LEVEL_ERROR, names[tls->listener], "the certificate was not reloaded: out of memory");
        return;
    }
    reading->job = (struct mtr_blocking_job){
        .lane = MTR_STR("tls"), .lane_jobs_max = 1, .work = read_files, .on_done = on_read, .drop = drop,
        .context = tls};
    reading->group = groups[tls->listener];
    reading->names = tls->next;
    tls->is_reading = true;
    mtr_blocking_start(tls->blocking, &reading->job);
}

void listener_tls_reload(struct listener_tls *tls, const struct mtr_config_tls *config)
{
    if (!tls->identity || !config->certificate.size) return;
    tls_files_name(&tls->next, config);
    begin_reading(tls);
}

/* ---- what is told ---- */

void listener_tls_failed(struct listener_tls *tls, const char *address, const char *why)
{
    char others[64] = "";
    const int64_t now_us = mtr_clock_monotonic_us();
    if (tls->told_us && now_us - tls->told_us < TOLD_EVERY_US) {
        tls->untold++;
        return;
    }
    if (tls->untold)
        snprintf(others, sizeof(others), "; %" PRIu64 " other connection%s before", tls->untold,
                 tls->untold == 1 ? "" : "s");
    mtr_logline(MTR_LEVEL_WARNING, names[tls->listener], "TLS with %s has failed: %s%s", address, why,
                others);
    tls->told_us = now_us;
    tls->untold = 0;
}

void listener_tls_gauge(struct listener_tls *const listeners[LISTENER_COUNT])
{
    uint64_t done = 0, failed = 0;
    for (unsigned i = 0; i < LISTENER_COUNT; i++) {
        const struct listener_tls *tls = listeners[i];
        mtr_metric_set_choice(&metric_tls_expiry, i, tls->identity ? mtr_tls_expires_s(tls->identity) : 0);
        mtr_metric_set_choice(&metric_tls_reload_failed, i, tls->has_failed || tls->is_reading);
        if (!tls->server) continue;
        const struct mtr_http_server_stats stats = mtr_http_server_stats(tls->server);
        done += stats.handshakes_total;
        failed += stats.handshakes_failed_total;
    }
    mtr_metric_set_choice(&metric_tls_handshakes, 0, (int64_t)done);
    mtr_metric_set_choice(&metric_tls_handshakes, 1, (int64_t)failed);
}
