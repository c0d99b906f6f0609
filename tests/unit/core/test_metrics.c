/*
 * Metrics: the exposition of counters, gauges, labels and histograms.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "meterd/core/metrics.h"

static struct mtr_metric commits = {.name = "meterd_log_commits_total", .type = MTR_COUNTER, .doc = "Commits."};
static struct mtr_metric events = {
    .name = "meterd_events_total", .type = MTR_COUNTER, .label = "result", .choices = "accepted|duplicate", .doc = "Events."};
static struct mtr_metric entries = {.name = "meterd_dedup_entries", .type = MTR_GAUGE, .doc = "Entries."};
static struct mtr_metric fold = {.name = "meterd_fold_step_seconds", .type = MTR_HISTOGRAM, .doc = "Steps."};
static struct mtr_metric *const all[] = {&commits, &events, &entries, &fold, NULL};

static const char *expose(struct mtr_buffer *out)
{
    mtr_buffer_reset(out);
    assert_int_equal(mtr_metrics_write(all, out), MTR_OK);
    assert_int_equal(mtr_buffer_append_char(out, '\0'), MTR_OK);
    return out->data;
}

static void assert_line(const char *text, const char *line)
{
    const char *found = strstr(text, line);
    if (!found || (found != text && found[-1] != '\n')) fail_msg("no line `%s` in\n%s", line, text);
}

static void test_exposition(void **state)
{
    (void)state;
    struct mtr_buffer out;
    mtr_buffer_init(&out, 1 << 20);
    mtr_metric_add(&commits, 2);
    mtr_metric_add(&commits, 3);
    mtr_metric_add_choice(&events, 1, 7);
    mtr_metric_set(&entries, 12);
    mtr_metric_set(&entries, 5);
    const char *text = expose(&out);
    assert_line(text, "meterd_build_info{version=\"" METERD_VERSION "\"} 1\n");
    assert_line(text, "# TYPE meterd_log_commits_total counter\nmeterd_log_commits_total 5\n");
    assert_line(text,
                "meterd_events_total{result=\"accepted\"} 0\nmeterd_events_total{result=\"duplicate\"} 7\n");
    assert_line(text, "# TYPE meterd_dedup_entries gauge\nmeterd_dedup_entries 5\n");
    mtr_buffer_release(&out);
}

/* Buckets are cumulative, a bound belongs to its bucket, +Inf is the count. */
static void test_histogram(void **state)
{
    (void)state;
    struct mtr_buffer out;
    mtr_buffer_init(&out, 1 << 20);
    static const int64_t durations_us[] = {1, 100, 101, 5000, 20000000};
    for (size_t i = 0; i < sizeof(durations_us) / sizeof(*durations_us); i++)
        mtr_metric_observe_us(&fold, durations_us[i]);
    const char *text = expose(&out);
    assert_line(
        text,
        "# TYPE meterd_fold_step_seconds histogram\nmeterd_fold_step_seconds_bucket{le=\"0.000100\"} 2\n");
    assert_line(text, "meterd_fold_step_seconds_bucket{le=\"0.000250\"} 3\n");
    assert_line(text, "meterd_fold_step_seconds_bucket{le=\"0.005000\"} 4\n");
    assert_line(
        text,
        "meterd_fold_step_seconds_bucket{le=\"10.000000\"} 4\nmeterd_fold_step_seconds_bucket{le=\"+Inf\"} 5\n"
        "meterd_fold_step_seconds_sum 20.005202\nmeterd_fold_step_seconds_count 5\n");
    mtr_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exposition), cmocka_unit_test(test_histogram)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
