/*
 * METERD_LINES=5000000 METERD_LARGE=/a/directory rates one period of that many lines in 256 MiB, says how long it took and how much memory,
 * and audits it: of each kind below, or with METERD_KIND=words of the one whose test has these in its name. Without these it has nothing to
 * do: the law is in test_line_ranges.c.
 */
#include "meterd/rater/rater.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "tests/support/rating_use.h"

static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

static long anonymous_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof(line), status))
        if (strncmp(line, "RssAnon:", 8) == 0) kib = strtol(line + 8, NULL, 10);
    if (status) fclose(status);
    return kib;
}

/* The most that a thread of its own sees. */
struct watching {
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    bool ends;
    long peak_kib;
};

static void *watch(void *context)
{
    struct watching *watching = context;
    pthread_mutex_lock(&watching->mutex);
    while (!watching->ends) {
        struct timespec until;
        const long kib = anonymous_kib();
        if (kib > watching->peak_kib) watching->peak_kib = kib;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 5000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&watching->changed, &watching->mutex, &until);
    }
    pthread_mutex_unlock(&watching->mutex);
    return NULL;
}

static double seconds_since(struct timespec begun)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9;
}

/* What the lines of a period are like. */
struct kind {
    const char *group_by, *of_component, *of_version, *of_tariff, *of_subscription;
    unsigned lines;  /* of each host: charges are at least as many */
    bool gives_back; /* what is used first is less later */
    bool is_odd;     /* values stand in another order than lines */
};

/* A value each of `host`, over the hours of a month; each is used twice. */
static void put_lines(struct rating_world *world, uint64_t count, const struct kind *kind)
{
    enum { TRANSACTION_CELLS = 200000, HOURS = 31 * 24 };
    const uint32_t subscription = mtr_catalog_find_subscription(world->catalog, MTR_STR("s1"))->number;
    const uint32_t meter = mtr_catalog_find_meter(world->catalog, MTR_STR("calls"))->number;
    struct mtr_rollups_txn *txn = NULL;
    for (uint64_t i = 0; i < 2 * count; i++) {
        char dimensions[64];
        const uint64_t line = i % count, hour = i * 7919;
        const bool is_back = kind->gives_back && i >= count;
        snprintf(dimensions, sizeof(dimensions), "%s\x1Fhost-%08llu\x1F", kind->is_odd && line % 2 ? "eu west" : "eu",
                 (unsigned long long)(line * 2654435761U % 100000007));
        const int64_t hours = kind->gives_back ? (int64_t)(i / count * HOURS / 2 + hour % (HOURS / 2)) : (int64_t)(hour % HOURS);
        const struct mtr_cell_key key = {subscription, meter, JANUARY_US + hours * HOUR_US, mtr_str_from(dimensions)};
        const mtr_int128 used = MTR_QUANTITY(1 + i % 7).e12;
        const struct mtr_cell cell = {.value = {is_back ? -used / 2 : used}, .count = 1, .seq_first = i + 1, .seq_last = i + 1, .change = 1};
        if (i % TRANSACTION_CELLS == 0) assert_int_equal(mtr_rollups_begin(world->rollups, true, &txn), 0);
        assert_int_equal(mtr_rollups_put_cell(txn, &key, &cell), 0);
        if ((i + 1) % TRANSACTION_CELLS == 0 || i + 1 == 2 * count) assert_int_equal(mtr_rollups_commit(txn), 0);
    }
    world->seq = 2 * count;
}

static void rate_large(uint64_t count, const struct kind *kind)
{
    const char *directory = getenv("METERD_LARGE");
    struct rating_world world = {.options = mtr_rater_options_default(), .now_us = JANUARY_US};
    char yaml[4096];
    struct timespec begun;
    uint64_t charges = 0;
    uint32_t steps = 0;
    struct watching watching = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    bool idle = false;
    snprintf(world.root, sizeof(world.root), "%s/large-XXXXXX", directory);
    assert_non_null(mkdtemp(world.root));
    rating_open_stores(&world);
    snprintf(yaml, sizeof(yaml),
             "vendors: [{key: acme}]\n"
             "services: [{key: compute, vendor: acme}]\n"
             "meters: [{key: calls, service: compute, event_type: call, value: n, group_by: [region, host]}]\n"
             "tariffs: [{key: t, currency: EUR%s, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, "
             "group_by: %s, per_unit: '0.01'%s}]%s}]}]\n"
             "subscriptions: [{key: s1, service: compute, customer: c, tariff: t%s, start: 2026-01-01, end: 2026-02-01}]\n",
             kind->of_tariff, kind->group_by, kind->of_component, kind->of_version, kind->of_subscription);
    for (unsigned day = 0; day < 31; day++) rating_rate(&world, JANUARY_US + day * DAY_US, "USD", day % 2 ? "1.6" : "1.7");
    rating_apply(&world, yaml);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    put_lines(&world, count, kind);
    print_message("%llu lines used twice in %.0f s\n", (unsigned long long)count, seconds_since(begun));
    rating_reopen(&world); /* of what was put nothing is left in memory */
    (void)malloc_trim(0);
    rating_advance_to(&world, JANUARY_US + 40 * DAY_US);
    const long before_kib = anonymous_kib();
    assert_int_equal(pthread_create(&watching.thread, NULL, watch, &watching), 0);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    double longest = 0;
    for (; !idle; steps++) {
        struct timespec step_begun;
        clock_gettime(CLOCK_MONOTONIC, &step_begun);
        const struct mtr_rater_result result = rating_step(&world);
        const double took = seconds_since(step_begun);
        if (took > longest) longest = took;
        charges += result.charges;
        idle = result.idle;
        assert_int_equal(result.failed, 0);
    }
    const double seconds = seconds_since(begun);
    pthread_mutex_lock(&watching.mutex);
    watching.ends = true;
    pthread_cond_signal(&watching.changed);
    pthread_mutex_unlock(&watching.mutex);
    pthread_join(watching.thread, NULL);
    print_message("rated in %.0f s and %u transactions, the longest of %.1f s: %llu charges; anonymous memory %ld MiB before, %ld MiB at most\n",
                  seconds, steps, longest, (unsigned long long)charges, before_kib >> 10, watching.peak_kib >> 10);
    assert_true(charges >= count * kind->lines);
    assert_true(watching.peak_kib <= 256 << 10);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    const struct mtr_audit_counts counts = rating_audit(&world);
    assert_int_equal(counts.findings + counts.pending, 0);
    print_message("audited in %.0f s\n", seconds_since(begun));
    rating_close(&world);
}

/* Of the kind of that test, or skipped. */
static void rate_kind(const char *test, const struct kind *kind)
{
    const char *lines = getenv("METERD_LINES"), *wanted = getenv("METERD_KIND");
    uint64_t count = 0;
    if (!lines || !getenv("METERD_LARGE") || !mtr_str_to_u64(mtr_str_from(lines), &count) || !count) skip();
    if (wanted && !strstr(test, wanted)) skip();
    rate_large(count, kind);
}

#define KIND(test, ...)                                                                                                    \
    static void test(void **state)                                                                                         \
    {                                                                                                                      \
        const struct kind kind = {__VA_ARGS__};                                                                            \
        (void)state;                                                                                                       \
        rate_kind(#test, &kind);                                                                                           \
    }
#define BY_REGION "[region, host]"
#define ALLOWANCE(quantity) ", allowances: [{key: some, components: [calls], quantity: " quantity "}]"
#define LATER_VERSION "}, {from: 2026-01-16, components: [{key: calls, meter: calls, group_by: [region, host], per_unit: '0.01'}]"

KIND(a_large_period, BY_REGION, "", "", "", "", 1, false, false)
KIND(a_large_period_under_a_cap, BY_REGION, ", cap: '100'", "", "", "", 1, false, false)
KIND(a_large_period_with_an_allowance, BY_REGION, "", ALLOWANCE("100000"), "", "", 1, false, false)
/* Cells stand in the order of the meter's dimensions, and lines in another. */
KIND(a_large_period_in_another_order, "[host, region]", "", "", "", "", 1, false, false)
KIND(a_large_period_of_minimums_under_a_cap, BY_REGION, ", cap: '10000', line_minimum: '0.2'", "", "", "", 2, false, false)
KIND(a_large_period_of_odd_values_under_a_cap, BY_REGION, ", cap: '100'", "", "", "", 1, false, true)
KIND(a_large_period_that_gives_back, BY_REGION, "", ALLOWANCE("100000") LATER_VERSION, "", "", 1, true, false)
/* A part for each day. */
KIND(a_large_period_of_days_with_an_allowance, BY_REGION, "", ALLOWANCE("100000"), ", exchange: {source: ecb, at: usage_day}", ", currency: USD", 1, false,
     false)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_period),
        cmocka_unit_test(a_large_period_under_a_cap),
        cmocka_unit_test(a_large_period_with_an_allowance),
        cmocka_unit_test(a_large_period_in_another_order),
        cmocka_unit_test(a_large_period_of_minimums_under_a_cap),
        cmocka_unit_test(a_large_period_of_odd_values_under_a_cap),
        cmocka_unit_test(a_large_period_that_gives_back),
        cmocka_unit_test(a_large_period_of_days_with_an_allowance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
