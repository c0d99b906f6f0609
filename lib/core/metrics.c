/*
 * Metrics: an array of atomics per row. Histograms count seconds in powers-of-two-like buckets from 100 µs to
 * 10 s.
 */
#include "meterd/core/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

enum metric_type { COUNTER, GAUGE, HISTOGRAM };
static const char *const type_names[] = {"counter", "gauge", "histogram"};

struct row {
    const char *name;
    enum metric_type type;
    const char *label;
    const char *choices;
    const char *doc;
};

static const struct row rows[MTR_METRIC_COUNT] = {
#define MTR_METRIC_ROW(identifier, name, type, label, choices, doc) {name, type, label, choices, doc},
    MTR_METRIC_MAP(MTR_METRIC_ROW)
#undef MTR_METRIC_ROW
};

static const int64_t bucket_us[] = {100,   250,    500,    1000,   2500,    5000,    10000,   25000,
                                    50000, 100000, 250000, 500000, 1000000, 2500000, 10000000};
enum { BUCKET_COUNT = sizeof(bucket_us) / sizeof(bucket_us[0]) };
_Static_assert((int)BUCKET_COUNT + 1 <= (int)MTR_METRIC_CHOICES_MAX,
               "buckets and the sum share a row's cells");

/* A histogram keeps its buckets in cells 0…BUCKET_COUNT-1 (what is larger in `over`), and its sum in
 * `sum_us`. */
static struct {
    atomic_int_fast64_t cells[MTR_METRIC_CHOICES_MAX];
    atomic_int_fast64_t over;
    atomic_int_fast64_t sum_us;
} values[MTR_METRIC_COUNT];

void mtr_metric_add(enum mtr_metric metric, uint64_t value)
{
    mtr_metric_add_choice(metric, 0, value);
}

void mtr_metric_add_choice(enum mtr_metric metric, unsigned choice, uint64_t value)
{
    MTR_ASSERT(rows[metric].type == COUNTER && choice < MTR_METRIC_CHOICES_MAX);
    atomic_fetch_add_explicit(&values[metric].cells[choice], (int64_t)value, memory_order_relaxed);
}

void mtr_metric_set(enum mtr_metric metric, int64_t value)
{
    mtr_metric_set_choice(metric, 0, value);
}

void mtr_metric_set_choice(enum mtr_metric metric, unsigned choice, int64_t value)
{
    MTR_ASSERT(choice < MTR_METRIC_CHOICES_MAX); /* counters that others count are set, too */
    atomic_store_explicit(&values[metric].cells[choice], value, memory_order_relaxed);
}

void mtr_metric_observe_us(enum mtr_metric metric, int64_t duration_us)
{
    MTR_ASSERT(rows[metric].type == HISTOGRAM);
    unsigned bucket = 0;
    while (bucket < BUCKET_COUNT && duration_us > bucket_us[bucket]) bucket++;
    atomic_int_fast64_t *cell = bucket < BUCKET_COUNT ? &values[metric].cells[bucket] : &values[metric].over;
    atomic_fetch_add_explicit(cell, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&values[metric].sum_us, duration_us, memory_order_relaxed);
}

static int64_t cell_of(size_t metric, unsigned index)
{
    return atomic_load_explicit(&values[metric].cells[index], memory_order_relaxed);
}

/* Microseconds as decimal seconds, exactly. */
static int write_seconds(struct mtr_buffer *out, int64_t us)
{
    return mtr_buffer_printf(out, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

static int write_histogram(struct mtr_buffer *out, size_t metric)
{
    int64_t count = 0;
    int rc = MTR_OK;
    for (unsigned i = 0; !rc && i < BUCKET_COUNT; i++) {
        count += cell_of(metric, i);
        rc = mtr_buffer_printf(out, "%s_bucket{le=\"", rows[metric].name);
        if (!rc) rc = write_seconds(out, bucket_us[i]);
        if (!rc) rc = mtr_buffer_printf(out, "\"} %" PRId64 "\n", count);
    }
    count += atomic_load_explicit(&values[metric].over, memory_order_relaxed);
    if (!rc)
        rc = mtr_buffer_printf(out, "%s_bucket{le=\"+Inf\"} %" PRId64 "\n%s_sum ", rows[metric].name, count,
                               rows[metric].name);
    if (!rc) rc = write_seconds(out, atomic_load_explicit(&values[metric].sum_us, memory_order_relaxed));
    return rc ? rc : mtr_buffer_printf(out, "\n%s_count %" PRId64 "\n", rows[metric].name, count);
}

static int write_choices(struct mtr_buffer *out, size_t metric)
{
    const char *choice = rows[metric].choices;
    int rc = MTR_OK;
    for (unsigned i = 0; !rc && *choice; i++) {
        size_t size = strcspn(choice, "|");
        rc = mtr_buffer_printf(out, "%s{%s=\"%.*s\"} %" PRId64 "\n", rows[metric].name, rows[metric].label,
                               (int)size, choice, cell_of(metric, i));
        choice += size + (choice[size] == '|');
    }
    return rc;
}

int mtr_metrics_write(struct mtr_buffer *out)
{
    int rc = mtr_buffer_printf(out,
                               "# HELP meterd_build_info The running version.\n# TYPE meterd_build_info "
                               "gauge\nmeterd_build_info{version=\"%s\"} 1\n",
                               METERD_VERSION);
    for (size_t metric = 0; !rc && metric < MTR_METRIC_COUNT; metric++) {
        const struct row *row = &rows[metric];
        rc = mtr_buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->doc, row->name,
                               type_names[row->type]);
        if (rc) break;
        if (row->type == HISTOGRAM) rc = write_histogram(out, metric);
        else if (*row->label) rc = write_choices(out, metric);
        else rc = mtr_buffer_printf(out, "%s %" PRId64 "\n", row->name, cell_of(metric, 0));
    }
    return rc;
}

int mtr_metrics_write_reference(struct mtr_buffer *out)
{
    int rc = mtr_buffer_printf(out, "| metric | type | label | what |\n|---|---|---|---|\n");
    for (size_t metric = 0; !rc && metric < MTR_METRIC_COUNT; metric++) {
        const struct row *row = &rows[metric];
        rc = mtr_buffer_printf(out, "| `%s` | %s | %s%s%s | %s |\n", row->name, type_names[row->type],
                               *row->label ? "`" : "", row->label, *row->label ? "`" : "", row->doc);
    }
    return rc;
}
