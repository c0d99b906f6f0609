/*
 * The naming law of every metric that the daemon shows.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "daemon/metrics.h"

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static unsigned choices_of(const struct mtr_metric *metric)
{
    unsigned count = 1;
    for (const char *p = metric->choices; *p; p++) count += *p == '|';
    return count;
}

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; daemon_metrics[i]; i++) {
        const struct mtr_metric *metric = daemon_metrics[i];
        if (strncmp(metric->name, "meterd_", 7) != 0) fail_msg("%s does not begin with meterd_", metric->name);
        if ((metric->type == MTR_COUNTER) != ends_with(metric->name, "_total"))
            fail_msg("%s: counters, and only they, end in _total", metric->name);
        if (metric->type == MTR_HISTOGRAM && !ends_with(metric->name, "_seconds"))
            fail_msg("%s: histograms count seconds", metric->name);
        if (strpbrk(metric->doc, "\n\\")) fail_msg("%s: HELP would need escapes", metric->name);
        if (!metric->label != !metric->choices) fail_msg("%s: a label has choices", metric->name);
        if (metric->choices && choices_of(metric) > MTR_METRIC_CHOICES_MAX) fail_msg("%s: too many choices", metric->name);
        for (size_t k = 0; k < i; k++) assert_string_not_equal(metric->name, daemon_metrics[k]->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
