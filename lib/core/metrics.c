/*
 * Metrics: the mechanism. A histogram counts seconds in powers-of-two-like buckets from 100 µs to 10 s: each
 * in a cell of its own, what is larger in `over`, their sum beside them.
 */
#include "meterd/core/metrics.h"

#include <inttypes.h>
#include <string.h>

static const char *const type_names[] = {
    [MTR_COUNTER] = "counter", [MTR_GAUGE] = "gauge", [MTR_HISTOGRAM] = "histogram"};

static const int64_t bucket_us[] = {100,   250,    500,    1000,   2500,    5000,    10000,   25000,
                                    50000, 100000, 250000, 500000, 1000000, 2500000, 10000000};
enum { BUCKET_COUNT = sizeof(bucket_us) / sizeof(bucket_us[0]) };
_Static_assert((int)BUCKET_COUNT <= (int)MTR_METRIC_CHOICES_MAX,
               "a cell for each bucket");

void mtr_metric_add(struct mtr_metric *metric, uint64_t value)
{
    mtr_metric_add_choice(metric, 0, value);
}

void mtr_metric_add_choice(struct mtr_metric *metric, unsigned choice, uint64_t value)
{
    MTR_ASSERT(metric->type == MTR_COUNTER && choice < MTR_METRIC_CHOICES_MAX);
    atomic_fetch_add_explicit(&metric->cells[choice], (int64_t)value, memory_order_relaxed);
}

void mtr_metric_set(struct mtr_metric *metric, int64_t value)
{
    mtr_metric_set_choice(metric, 0, value);
}

void mtr_metric_set_choice(struct mtr_metric *metric, unsigned choice, int64_t value)
{
    MTR_ASSERT(choice < MTR_METRIC_CHOICES_MAX); /* counters that others count are set, too */
    atomic_store_explicit(&metric->cells[choice], value, memory_order_relaxed);
}

void mtr_metric_observe_us(struct mtr_metric *metric, int64_t duration_us)
{
    MTR_ASSERT(metric->type == MTR_HISTOGRAM);
    unsigned bucket = 0;
    while (bucket < BUCKET_COUNT && duration_us > bucket_us[bucket]) bucket++;
    atomic_int_fast64_t *cell = bucket < BUCKET_COUNT ? &metric->cells[bucket] : &metric->over;
    atomic_fetch_add_explicit(cell, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->sum_us, duration_us, memory_order_relaxed);
}

static int64_t cell_of(const struct mtr_metric *metric, unsigned index)
{
    return atomic_load_explicit(&metric->cells[index], memory_order_relaxed);
}

/* Microseconds as decimal seconds, exactly. */
static int write_seconds(struct mtr_buffer *out, int64_t us)
{
    return mtr_buffer_printf(out, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

static int write_histogram(struct mtr_buffer *out, const struct mtr_metric *metric)
{
    int64_t count = 0;
    int rc = MTR_OK;
    for (unsigned i = 0; !rc && i < BUCKET_COUNT; i++) {
        count += cell_of(metric, i);
        rc = mtr_buffer_printf(out, "%s_bucket{le=\"", metric->name);
        if (!rc) rc = write_seconds(out, bucket_us[i]);
        if (!rc) rc = mtr_buffer_printf(out, "\"} %" PRId64 "\n", count);
    }
    count += atomic_load_explicit(&metric->over, memory_order_relaxed);
    if (!rc)
        rc = mtr_buffer_printf(out, "%s_bucket{le=\"+Inf\"} %" PRId64 "\n%s_sum ", metric->name, count,
                               metric->name);
    if (!rc) rc = write_seconds(out, atomic_load_explicit(&metric->sum_us, memory_order_relaxed));
    return rc ? rc : mtr_buffer_printf(out, "\n%s_count %" PRId64 "\n", metric->name, count);
}

static int write_choices(struct mtr_buffer *out, const struct mtr_metric *metric)
{
    const char *choice = metric->choices;
    int rc = MTR_OK;
    for (unsigned i = 0; !rc && *choice; i++) {
        size_t size = strcspn(choice, "|");
        rc = mtr_buffer_printf(out, "%s{%s=\"%.*s\"} %" PRId64 "\n", metric->name, metric->label,
                               (int)size, choice, cell_of(metric, i));
        choice += size + (choice[size] == '|');
    }
    return rc;
}

int mtr_metrics_write(struct mtr_metric *const *metrics, struct mtr_buffer *out)
{
    int rc = mtr_buffer_printf(out,
                               "# HELP meterd_build_info The running version.\n# TYPE meterd_build_info "
                               "gauge\nmeterd_build_info{version=\"%s\"} 1\n",
                               METERD_VERSION);
    for (; !rc && *metrics; metrics++) {
        const struct mtr_metric *metric = *metrics;
        rc = mtr_buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->doc, metric->name,
                               type_names[metric->type]);
        if (rc) break;
        if (metric->type == MTR_HISTOGRAM) rc = write_histogram(out, metric);
        else if (metric->label) rc = write_choices(out, metric);
        else rc = mtr_buffer_printf(out, "%s %" PRId64 "\n", metric->name, cell_of(metric, 0));
    }
    return rc;
}

int mtr_metrics_write_reference(struct mtr_metric *const *metrics, struct mtr_buffer *out)
{
    int rc = mtr_buffer_printf(out, "| metric | type | label | what |\n|---|---|---|---|\n");
    for (; !rc && *metrics; metrics++) {
        const struct mtr_metric *metric = *metrics;
        rc = mtr_buffer_printf(out, "| `%s` | %s | %s%s%s | %s |\n", metric->name, type_names[metric->type],
                               metric->label ? "`" : "", metric->label ? metric->label : "",
                               metric->label ? "`" : "", metric->doc);
    }
    return rc;
}
