/*
 * Metrics: one object each, counted with relaxed atomics, written as Prometheus text (exposition format
 * 0.0.4).
 *
 *   struct mtr_metric metric_commits = {
 *       .name = "meterd_log_commits_total", .type = MTR_COUNTER, .doc = "Group commits of the log."};
 *
 *   mtr_metric_add(&metric_commits, 1);
 *
 * A metric stands in the room that counts it; the program hands a list of all of them to the functions below,
 * in the order in which they are to be shown. Names follow Prometheus' conventions: base units (seconds,
 * bytes), counters end in _total. A metric with a label has one value per choice of it. Gauges are set when
 * asked for; counters and histograms are counted where things happen. Any thread; counting is one relaxed
 * addition.
 */
#ifndef METERD_CORE_METRICS_H
#define METERD_CORE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "meterd/core/buffer.h"

enum mtr_metric_type { MTR_COUNTER, MTR_GAUGE, MTR_HISTOGRAM };

enum { MTR_METRIC_CHOICES_MAX = 16 };

struct mtr_metric {
    const char *name;
    enum mtr_metric_type type;
    const char *label;   /* NULL: one value */
    const char *choices; /* of the label, separated by '|' */
    const char *doc;     /* one sentence, without line breaks and backslashes */
    /* What was counted, of nobody's concern but metrics.c; zero at first. */
    atomic_int_fast64_t cells[MTR_METRIC_CHOICES_MAX]; /* by choice; of a histogram by bucket */
    atomic_int_fast64_t over;                          /* histogram: above the last bucket */
    atomic_int_fast64_t sum_us;                        /* histogram */
};

void mtr_metric_add(struct mtr_metric *metric, uint64_t value);
/* `choice` is the index of the label's choice. */
void mtr_metric_add_choice(struct mtr_metric *metric, unsigned choice, uint64_t value);
void mtr_metric_set(struct mtr_metric *metric, int64_t value);
void mtr_metric_set_choice(struct mtr_metric *metric, unsigned choice, int64_t value);
/* A histogram of seconds; buckets from 100 µs to 10 s. */
void mtr_metric_observe_us(struct mtr_metric *metric, int64_t duration_us);

/* The text of all metrics of the list, which ends with NULL, and of the build. */
int mtr_metrics_write(struct mtr_metric *const *metrics, struct mtr_buffer *out) MTR_MUST_USE;
/* Markdown table of them. */
int mtr_metrics_write_reference(struct mtr_metric *const *metrics, struct mtr_buffer *out) MTR_MUST_USE;

#endif
