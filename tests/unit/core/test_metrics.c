/*
 * Metrics: the exposition of counters, labels and histograms, and the naming law of every row.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "meterd/core/metrics.h"

static const char *expose(struct mtr_buffer *out)
{
    mtr_buffer_reset(out);
    assert_int_equal(mtr_metrics_write(out), MTR_OK);
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
    mtr_metric_add(MTR_METRIC_COMMITS, 2);
    mtr_metric_add(MTR_METRIC_COMMITS, 3);
    mtr_metric_add_choice(MTR_METRIC_EVENTS, 1, 7);
    mtr_metric_set(MTR_METRIC_DEDUP_ENTRIES, 12);
    mtr_metric_set(MTR_METRIC_DEDUP_ENTRIES, 5);
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
        mtr_metric_observe_us(MTR_METRIC_FOLD_SECONDS, durations_us[i]);
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

struct named {
    const char *name, *type, *doc;
};

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static void test_names(void **state)
{
    (void)state;
    static const struct named rows[] = {
#define ROW(identifier, name_, type_, label_, choices_, doc_) {name_, #type_, doc_},
        MTR_METRIC_MAP(ROW)
#undef ROW
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        bool is_counter = strcmp(rows[i].type, "COUNTER") == 0,
             is_histogram = strcmp(rows[i].type, "HISTOGRAM") == 0;
        if (strncmp(rows[i].name, "meterd_", 7) != 0)
            fail_msg("%s does not begin with meterd_", rows[i].name);
        if (is_counter != ends_with(rows[i].name, "_total"))
            fail_msg("%s: counters, and only they, end in _total", rows[i].name);
        if (is_histogram && !ends_with(rows[i].name, "_seconds"))
            fail_msg("%s: histograms count seconds", rows[i].name);
        if (strpbrk(rows[i].doc, "\n\\")) fail_msg("%s: HELP would need escapes", rows[i].name);
        for (size_t k = 0; k < i; k++) assert_string_not_equal(rows[i].name, rows[k].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exposition), cmocka_unit_test(test_histogram),
                                       cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
