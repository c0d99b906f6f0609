/*
 * The security log: <data>/security, a trail (meterd/store/trail.h) of who was refused and who changed what.
 *
 *   record (any thread) ─▶ limits ─▶ queue ─▶ a thread of its own ─▶ lines, synced; the head behind them
 *                             └─▶ counts, a line of their own when their minute is over
 *
 * Nobody waits for it, and it ends nobody: where the disk takes no line the queue keeps what it has room for,
 * the rest is counted, the metrics and the daemon's own log say so, and it is tried again each second. What
 * was dropped stands in the next line that is written. Its head goes to the daemon's log at the start, with
 * each new file and at the end, so that the journal keeps one (decision 471).
 *
 * Refusals are told to the daemon's log, too, as far as they are lines.
 */
#ifndef METERD_DAEMON_SECURITY_SECURITY_LOG_H
#define METERD_DAEMON_SECURITY_SECURITY_LOG_H

#include <stdbool.h>

#include "daemon/api/host.h"
#include "daemon/api/security.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/metrics.h"

struct security_log;

/* Of the trail's directory in a data directory. */
int security_log_path(const char *data_directory, char *out, size_t size) MTR_MUST_USE;

/* Under the hold of the data directory. A directory that cannot be written is told and tried again;
 * MTR_ENOMEM is all that is an error. From here on lines wait. */
int security_log_open(const char *data_directory, uint64_t bytes_max, struct security_log **out) MTR_MUST_USE;
int security_log_start(struct security_log *log) MTR_MUST_USE; /* its thread */
/* Writes what waits, once, and ends. NULL is allowed; nobody records any more. */
void security_log_close(struct security_log *log);

/* Copied. Any thread. */
void security_log_record(void *log, const struct api_security_event *event);
/* For the API. */
struct api_host_security security_log_hooks(struct security_log *log);

/* One line, by a process that holds the data directory, without a daemon; durable. */
int security_log_append(const char *data_directory, uint64_t bytes_max,
                        const struct api_security_event *event) MTR_MUST_USE;

extern struct mtr_metric metric_security_events, metric_authentication_failures,
    metric_authorization_refusals, metric_security_dropped, metric_security_unwritten;

#endif
