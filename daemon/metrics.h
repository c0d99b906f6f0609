/*
 * The daemon's metrics: what its threads count, and the list of all that the program shows. Private to daemon
 * and its commands.
 */
#ifndef METERD_DAEMON_METRICS_H
#define METERD_DAEMON_METRICS_H

#include "meterd/collector/poller.h"
#include "meterd/core/metrics.h"

/* Of the log and its index. */
extern struct mtr_metric metric_commits, metric_commit_events, metric_commit_seconds, metric_log_last_seq,
    metric_dedup_entries, metric_dedup_bytes, metric_disk_full;
/* Of the fold. */
extern struct mtr_metric metric_folded, metric_fold_lag, metric_fold_seconds, metric_watermark;
/* Of rating. */
extern struct mtr_metric metric_held_events, metric_held_waiting, metric_held_age, metric_held_carried,
    metric_held_dropped,    metric_quotas_full, metric_quotas_held;
extern struct mtr_metric metric_charges, metric_ratings, metric_losses, metric_waiting, metric_released,
    metric_rate_seconds;
/* Of the poller. */
extern struct mtr_metric metric_alarm_messages;
extern struct mtr_metric metric_readings, metric_source_rows, metric_source_changes, metric_source_alarms,
    metric_sources_paused, metric_sources_unreadable, metric_poller_failed;
/* What has come since. */
void metrics_count_readings(const struct mtr_poller_totals *now, struct mtr_poller_totals *told);
/* Of the outbox. */
extern struct mtr_metric metric_deliveries, metric_outbox, metric_unreconciled;
/* Of backups that the configuration asks for. */
extern struct mtr_metric metric_backups, metric_backup_age, metric_backup_overdue;
/* Of queries. */
extern struct mtr_metric metric_queries, metric_query_memory;
/* Of the listener and the process. */
extern struct mtr_metric metric_http_connections, metric_http_requests, metric_http_refused,
    metric_start_time, metric_memory_short, metric_clock_held, metric_clock_difference;
/* Of the scrubbing of what is stored. */
extern struct mtr_metric metric_scrub_bytes, metric_scrub_rounds, metric_scrub_ended, metric_damage,
    metric_dead_readers;

/* In the order in which they are shown; ends with NULL. */
extern struct mtr_metric *const daemon_metrics[];

#endif
