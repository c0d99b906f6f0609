/*
 * Rows of the daemon's metrics. What the API counts stands in daemon/api/route/events.c and
 * daemon/api/limiting.c, what the security log counts in daemon/security/security_log.c.
 */
#include "daemon/metrics.h"

#include "daemon/api/limiting.h"
#include "daemon/api/metrics.h"
#include "daemon/listen/listener_tls.h"
#include "daemon/security/security_log.h"
#include "meterd/collector/source_alarm.h"

struct mtr_metric metric_commits = {
    .name = "meterd_log_commits_total",
    .type = MTR_COUNTER,
    .doc = "Group commits of the log.",
};

struct mtr_metric metric_commit_events = {
    .name = "meterd_log_commit_events_total",
    .type = MTR_COUNTER,
    .doc = "Events appended to the log.",
};

struct mtr_metric metric_commit_seconds = {
    .name = "meterd_log_commit_seconds",
    .type = MTR_HISTOGRAM,
    .doc = "Time of one step of the writer: judging, appending, making durable.",
};

struct mtr_metric metric_log_last_seq = {
    .name = "meterd_log_last_sequence",
    .type = MTR_GAUGE,
    .doc = "Sequence number of the newest event in the log.",
};

struct mtr_metric metric_dedup_entries = {
    .name = "meterd_dedup_entries",
    .type = MTR_GAUGE,
    .doc = "Identities in the dedup window.",
};

struct mtr_metric metric_dedup_bytes = {
    .name = "meterd_dedup_memory_bytes",
    .type = MTR_GAUGE,
    .doc = "Memory of the dedup index.",
};

struct mtr_metric metric_folded = {
    .name = "meterd_folded_events_total",
    .type = MTR_COUNTER,
    .doc = "Events folded into rollups.",
};

struct mtr_metric metric_fold_lag = {
    .name = "meterd_fold_lag_events",
    .type = MTR_GAUGE,
    .doc = "Events in the log that are not folded yet.",
};

struct mtr_metric metric_fold_seconds = {
    .name = "meterd_fold_step_seconds",
    .type = MTR_HISTOGRAM,
    .doc = "Time of one step of the aggregator.",
};

struct mtr_metric metric_watermark = {
    .name = "meterd_watermark_seconds",
    .type = MTR_GAUGE,
    .doc = "Up to when usage is complete, as seconds since 1970.",
};

struct mtr_metric metric_held_events = {
    .name = "meterd_held_events",
    .type = MTR_GAUGE,
    .doc = "Events that wait for a subscription or a meter that the catalog does not have (GET /v1/held).",
};

struct mtr_metric metric_held_waiting = {
    .name = "meterd_held_waiting_events",
    .type = MTR_GAUGE,
    .label = "waits_for",
    .choices = "subscription|meter",
    .doc = "The same by what they wait for, as of a minute ago at most.",
};

struct mtr_metric metric_held_age = {
    .name = "meterd_held_oldest_seconds",
    .type = MTR_GAUGE,
    .doc = "For how long the oldest of them is held, from when it was received, as of a minute ago at most.",
};

struct mtr_metric metric_held_carried = {
    .name = "meterd_held_carried_events",
    .type = MTR_GAUGE,
    .doc = "Events that are kept beside the log, since retention has taken their segment, or is about to, "
           "and somebody waits for them; and for a day longer.",
};

struct mtr_metric metric_held_dropped = {
    .name = "meterd_held_dropped_total",
    .type = MTR_COUNTER,
    .label = "why",
    .choices = "dropped|held_too_long",
    .doc = "Held events that an operator has dropped, or intake.held_max_age has: they are in quarantine.",
};

struct mtr_metric metric_quotas_full = {
    .name = "meterd_dimension_quotas_full",
    .type = MTR_GAUGE,
    .doc = "Subjects and meters with more values of dimensions than the meter counts for each.",
};

struct mtr_metric metric_quotas_held = {
    .name = "meterd_dimension_quota_held_events",
    .type = MTR_GAUGE,
    .doc = "Events that meters hold until their dimension_values_max is raised.",
};

struct mtr_metric metric_charges = {
    .name = "meterd_charges_total",
    .type = MTR_COUNTER,
    .doc = "Charges made.",
};

struct mtr_metric metric_ratings = {
    .name = "meterd_ratings_total",
    .type = MTR_COUNTER,
    .doc = "Billing periods priced.",
};

struct mtr_metric metric_losses = {
    .name = "meterd_losses_total",
    .type = MTR_COUNTER,
    .doc = "Charged lines that came to cost the seller more than the customer pays.",
};

struct mtr_metric metric_waiting = {
    .name = "meterd_periods_waiting",
    .type = MTR_GAUGE,
    .label = "reason",
    .choices = "missing_rate|out_of_range|too_large|other|incomplete_source",
    .doc = "Billing periods that cannot be rated, so that nothing more is charged of them until they can; "
           "and those that are over and wait for a source.",
};

struct mtr_metric metric_released = {
    .name = "meterd_periods_released_total",
    .type = MTR_COUNTER,
    .doc = "Billing periods that closed by `holds_close.at_most`, though windows of the source were missing.",
};

struct mtr_metric metric_rate_seconds = {
    .name = "meterd_rate_step_seconds",
    .type = MTR_HISTOGRAM,
    .doc = "Time of one step of the rater.",
};

struct mtr_metric metric_deliveries = {
    .name = "meterd_deliveries_total",
    .type = MTR_COUNTER,
    .label = "outcome",
    .choices = "delivered|retried|rejected|unknown",
    .doc = "Outcomes of messages to destinations.",
};

struct mtr_metric metric_outbox = {
    .name = "meterd_outbox_messages",
    .type = MTR_GAUGE,
    .label = "state",
    .choices = "pending|attempted|acked|rejected|unknown",
    .doc = "Messages of the outbox, by state.",
};

struct mtr_metric metric_unreconciled = {
    .name = "meterd_outbox_unreconciled",
    .type = MTR_GAUGE,
    .doc = "Destinations that get nothing new: the stores were put back from a copy, and neither the "
           "receiver nor an operator has said what it has.",
};

struct mtr_metric metric_alarm_messages = {
    .name = "meterd_alarm_messages_total",
    .type = MTR_COUNTER,
    .label = "outcome",
    .choices = "delivered|retried|dropped",
    .doc = "Messages to poller.alarm_url; dropped are those that it refuses, and the oldest of a full queue.",
};

struct mtr_metric metric_readings = {
    .name = "meterd_source_readings_total",
    .type = MTR_COUNTER,
    .label = "outcome",
    .choices = "taken|failed",
    .doc = "Readings of windows of sources since the daemon started; failed ones are tried again.",
};

struct mtr_metric metric_source_rows = {
    .name = "meterd_source_rows_total",
    .type = MTR_COUNTER,
    .doc = "Rows that good readings of sources had, since the daemon started.",
};

struct mtr_metric metric_source_changes = {
    .name = "meterd_source_changes_total",
    .type = MTR_COUNTER,
    .doc = "Rows of sources that were new, changed or gone, since the daemon started.",
};

#define ALARM_CHOICE(name, text, doc) "|" text
struct mtr_metric metric_sources_paused = {
    .name = "meterd_sources_paused",
    .type = MTR_GAUGE,
    .doc = "Sources that an operator lets rest (meterd source pause).",
};
struct mtr_metric metric_sources_unreadable = {
    .name = "meterd_sources_unreadable",
    .type = MTR_GAUGE,
    .doc = "Sources whose stored document a later edition, or this system's zones, cannot read: nothing of "
           "them is asked.",
};
struct mtr_metric metric_poller_failed = {
    .name = "meterd_poller_failed",
    .type = MTR_GAUGE,
    .doc = "1: the poller has stopped by a failure of its ledger, and no vendor is asked until a restart.",
};
struct mtr_metric metric_source_alarms = {
    .name = "meterd_source_alarms",
    .type = MTR_GAUGE,
    .label = "alarm",
    .choices = &("" MTR_ALARM_MAP(ALARM_CHOICE))[1],
    .doc = "Requests of sources (several of one with for_each) with that alarm.",
};
#undef ALARM_CHOICE

struct mtr_metric metric_http_connections = {
    .name = "meterd_http_connections",
    .type = MTR_GAUGE,
    .doc = "Open connections of the public listener.",
};

struct mtr_metric metric_http_requests = {
    .name = "meterd_http_requests_total",
    .type = MTR_COUNTER,
    .doc = "Requests that reached a handler of the public listener.",
};

struct mtr_metric metric_http_refused = {
    .name = "meterd_http_refused_total",
    .type = MTR_COUNTER,
    .doc = "Requests refused by the server itself: malformed, too large, too slow.",
};

struct mtr_metric metric_queries = {
    .name = "meterd_queries",
    .type = MTR_GAUGE,
    .label = "state",
    .choices = "waiting|working",
    .doc = "Queries, and pieces of answers, that wait for a thread, and that have one (query.threads).",
};

struct mtr_metric metric_query_memory = {
    .name = "meterd_query_memory_bytes",
    .type = MTR_GAUGE,
    .doc = "Memory of queries that are being made, of query.memory_total_max.",
};

struct mtr_metric metric_disk_full = {
    .name = "meterd_disk_full",
    .type = MTR_GAUGE,
    .doc = "1 while events are refused for lack of room on the disk.",
};

struct mtr_metric metric_memory_short = {
    .name = "meterd_memory_short_total",
    .type = MTR_COUNTER,
    .label = "stage",
    .choices = "writer|aggregator|rater|poller",
    .doc = "Steps of a stage that found no memory, of which nothing was stored, and that were tried again.",
};

struct mtr_metric metric_start_time = {
    .name = "meterd_start_time_seconds",
    .type = MTR_GAUGE,
    .doc = "When the daemon started, as seconds since 1970.",
};

struct mtr_metric metric_backups = {
    .name = "meterd_backups_total",
    .type = MTR_COUNTER,
    .label = "outcome",
    .choices = "made|failed",
    .doc = "Backups that backup.directory asks for.",
};

struct mtr_metric metric_backup_age = {
    .name = "meterd_backup_age_seconds",
    .type = MTR_GAUGE,
    .doc = "Since the newest backup in backup.directory was made, or the start where there is none; 0: none "
           "are asked for.",
};

struct mtr_metric metric_backup_overdue = {
    .name = "meterd_backup_overdue",
    .type = MTR_GAUGE,
    .doc = "1 while the newest backup in backup.directory is older than twice backup.every.",
};

struct mtr_metric metric_clock_held = {
    .name = "meterd_clock_held",
    .type = MTR_GAUGE,
    .doc = "1 while the machine's clock is not believed, so that billing periods open and close by the "
           "earlier of it and of trusted time (GET /v1/clock).",
};

struct mtr_metric metric_clock_difference = {
    .name = "meterd_clock_difference_seconds",
    .type = MTR_GAUGE,
    .doc = "The machine's clock less trusted time, in whole seconds.",
};

struct mtr_metric metric_scrub_bytes = {
    .name = "meterd_scrub_bytes_total",
    .type = MTR_COUNTER,
    .doc = "Bytes of stores and log that were read again and checked.",
};

struct mtr_metric metric_scrub_rounds = {
    .name = "meterd_scrub_rounds_total",
    .type = MTR_COUNTER,
    .doc = "How often all that is stored was read again from begin to end.",
};

struct mtr_metric metric_scrub_ended = {
    .name = "meterd_scrub_ended_seconds",
    .type = MTR_GAUGE,
    .doc = "When that was last done, as seconds since 1970; 0: not since the daemon started.",
};

struct mtr_metric metric_damage = {
    .name = "meterd_store_damage",
    .type = MTR_GAUGE,
    .doc = "How often stored bytes were met that are not what was written, since the daemon started.",
};

struct mtr_metric metric_dead_readers = {
    .name = "meterd_dead_readers_total",
    .type = MTR_COUNTER,
    .doc = "Read transactions of processes that are gone, which were ended so that stores do not grow.",
};

struct mtr_metric *const daemon_metrics[] = {
    &metric_events,
    &metric_events_not_counted,
    &metric_commits,
    &metric_commit_events,
    &metric_commit_seconds,
    &metric_log_last_seq,
    &metric_dedup_entries,
    &metric_dedup_bytes,
    &metric_folded,
    &metric_fold_lag,
    &metric_fold_seconds,
    &metric_watermark,
    &metric_held_events,
    &metric_held_waiting,
    &metric_held_age,
    &metric_held_carried,
    &metric_held_dropped,
    &metric_quotas_full,
    &metric_quotas_held,
    &metric_charges,
    &metric_ratings,
    &metric_losses,
    &metric_released,
    &metric_waiting,
    &metric_rate_seconds,
    &metric_deliveries,
    &metric_outbox,
    &metric_unreconciled,
    &metric_alarm_messages,
    &metric_readings,
    &metric_source_rows,
    &metric_source_changes,
    &metric_source_alarms,
    &metric_sources_paused,
    &metric_sources_unreadable,
    &metric_poller_failed,
    &metric_http_connections,
    &metric_http_requests,
    &metric_http_refused,
    &metric_requests_limited,
    &metric_queries,
    &metric_queries_cut,
    &metric_query_memory,
    &metric_tls_handshakes,
    &metric_tls_expiry,
    &metric_tls_reload_failed,
    &metric_authentication_failures,
    &metric_authorization_refusals,
    &metric_security_events,
    &metric_security_dropped,
    &metric_security_unwritten,
    &metric_disk_full,
    &metric_memory_short,
    &metric_backups,
    &metric_backup_age,
    &metric_backup_overdue,
    &metric_start_time,
    &metric_clock_held,
    &metric_clock_difference,
    &metric_scrub_bytes,
    &metric_scrub_rounds,
    &metric_scrub_ended,
    &metric_damage,
    &metric_dead_readers,
    NULL,
};

void metrics_count_readings(const struct mtr_poller_totals *now, struct mtr_poller_totals *told)
{
    enum { TAKEN, FAILED }; /* choices of the metric's label */
    mtr_metric_add_choice(&metric_readings, TAKEN, now->readings - told->readings);
    mtr_metric_add_choice(&metric_readings, FAILED, now->failures - told->failures);
    mtr_metric_add(&metric_source_rows, now->rows - told->rows);
    mtr_metric_add(&metric_source_changes, now->changes - told->changes);
    for (unsigned alarm = 1; alarm < MTR_ALARM_COUNT; alarm++)
        mtr_metric_set_choice(&metric_source_alarms, alarm - 1, now->alarms[alarm]);
    mtr_metric_set(&metric_sources_paused, now->paused);
    mtr_metric_set(&metric_sources_unreadable, now->unreadable);
    *told = *now;
}
