/*
 * Metrics: one row each, counted with relaxed atomics, written as Prometheus text (exposition format 0.0.4).
 *
 * Names follow Prometheus' conventions: base units (seconds, bytes), counters end in _total. A row with a
 * label has one value per choice of it. Gauges are set when asked for; counters and histograms are counted
 * where things happen. Any thread.
 */
#ifndef METERD_CORE_METRICS_H
#define METERD_CORE_METRICS_H

#include <stdint.h>

#include "meterd/core/buffer.h"

/* X(identifier, name, type, label, choices, doc): label "" means no label; choices are separated by '|'. */
#define MTR_METRIC_MAP(X)                                                                                    \
    X(EVENTS, "meterd_events_total", COUNTER, "result",                                                      \
      "accepted|duplicate|held|late|voided|conflict|expired|future|invalid|not_active|not_authorized|"       \
      "unprocessed",                                                                                         \
      "Events answered, by result.")                                                                         \
    X(COMMITS, "meterd_log_commits_total", COUNTER, "", "", "Group commits of the log.")                     \
    X(COMMIT_EVENTS, "meterd_log_commit_events_total", COUNTER, "", "", "Events appended to the log.")       \
    X(COMMIT_SECONDS, "meterd_log_commit_seconds", HISTOGRAM, "", "",                                        \
      "Time of one step of the writer: judging, appending, making durable.")                                 \
    X(LOG_LAST_SEQ, "meterd_log_last_sequence", GAUGE, "", "",                                               \
      "Sequence number of the newest event in the log.")                                                     \
    X(DEDUP_ENTRIES, "meterd_dedup_entries", GAUGE, "", "", "Identities in the dedup window.")               \
    X(DEDUP_BYTES, "meterd_dedup_memory_bytes", GAUGE, "", "", "Memory of the dedup index.")                 \
    X(FOLDED, "meterd_folded_events_total", COUNTER, "", "", "Events folded into rollups.")                  \
    X(FOLD_LAG, "meterd_fold_lag_events", GAUGE, "", "", "Events in the log that are not folded yet.")       \
    X(FOLD_SECONDS, "meterd_fold_step_seconds", HISTOGRAM, "", "", "Time of one step of the aggregator.")    \
    X(WATERMARK, "meterd_watermark_seconds", GAUGE, "", "",                                                  \
      "Up to when usage is complete, as seconds since 1970.")                                                \
    X(CHARGES, "meterd_charges_total", COUNTER, "", "", "Charges made.")                                     \
    X(RATINGS, "meterd_ratings_total", COUNTER, "", "", "Billing periods priced.")                           \
    X(LOSSES, "meterd_losses_total", COUNTER, "", "",                                                        \
      "Charged lines that came to cost the seller more than the customer pays.")                             \
    X(RATE_SECONDS, "meterd_rate_step_seconds", HISTOGRAM, "", "", "Time of one step of the rater.")         \
    X(DELIVERIES, "meterd_deliveries_total", COUNTER, "outcome", "delivered|retried|rejected|unknown",       \
      "Outcomes of messages to destinations.")                                                               \
    X(OUTBOX, "meterd_outbox_messages", GAUGE, "state", "pending|attempted|acked|rejected|unknown",          \
      "Messages of the outbox, by state.")                                                                   \
    X(HTTP_CONNECTIONS, "meterd_http_connections", GAUGE, "", "",                                            \
      "Open connections of the public listener.")                                                            \
    X(HTTP_REQUESTS, "meterd_http_requests_total", COUNTER, "", "",                                          \
      "Requests that reached a handler of the public listener.")                                             \
    X(HTTP_REFUSED, "meterd_http_refused_total", COUNTER, "", "",                                            \
      "Requests refused by the server itself: malformed, too large, too slow.")                              \
    X(DISK_FULL, "meterd_disk_full", GAUGE, "", "",                                                          \
      "1 while events are refused for lack of room on the disk.")                                            \
    X(START_TIME, "meterd_start_time_seconds", GAUGE, "", "",                                                \
      "When the daemon started, as seconds since 1970.")

enum mtr_metric {
#define MTR_METRIC_ROW(identifier, name, type, label, choices, doc) MTR_METRIC_##identifier,
    MTR_METRIC_MAP(MTR_METRIC_ROW)
#undef MTR_METRIC_ROW
    MTR_METRIC_COUNT
};

enum { MTR_METRIC_CHOICES_MAX = 16 };

void mtr_metric_add(enum mtr_metric metric, uint64_t value);
void mtr_metric_add_choice(enum mtr_metric metric, unsigned choice,
                           uint64_t value); /* index of the label's choice */
void mtr_metric_set(enum mtr_metric metric, int64_t value);
void mtr_metric_set_choice(enum mtr_metric metric, unsigned choice, int64_t value);
void mtr_metric_observe_us(enum mtr_metric metric, int64_t duration_us); /* histogram of seconds */

int mtr_metrics_write(struct mtr_buffer *out) MTR_MUST_USE;
/* Markdown table of the rows. */
int mtr_metrics_write_reference(struct mtr_buffer *out) MTR_MUST_USE;

#endif
