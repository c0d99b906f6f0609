/*
 * Names of billing periods, whatever changes begin in one second: each is of one period, they stand in the order
 * of starts, those of before stay what they were, and a name that no period has is of none. METERD_SEED=n
 * repeats a run.
 */
#include "meterd/rater/billing_period.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rater/period/parts.h"
#include "tests/support/random.h"
#include "tests/support/rating.h"

enum { CHANGES_MAX = 6, PERIODS_MAX = 64, WORLDS = 60 };

static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

#define HEAD                                                                                     \
    "vendors: [{key: acme}]\nservices: [{key: compute, vendor: acme}]\n"                         \
    "meters: [{key: calls, service: compute, event_type: call, aggregation: count}]\n"           \
    "tariffs: [{key: t, currency: EUR, versions: [{from: 2025-01-01, components: "               \
    "[{key: calls, meter: calls, per_unit: 1}]}]}]\n"

struct listed {
    int64_t starts_us[PERIODS_MAX], names_us[PERIODS_MAX];
    uint32_t count;
};

/* Changes at instants of few seconds, most of them such in which a period of days or months begins. */
static void apply_changes(struct rating_world *world, struct random_source *random, const char *every)
{
    static const int64_t seconds[] = {0, 1, 86400, 31 * 86400, 31 * 86400 + 5};
    static const int64_t into[] = {0, 1, 250000, 250001, 999999};
    char yaml[4096], time[MTR_TIME_TEXT_BYTES];
    const uint32_t wanted = (uint32_t)random_below(random, CHANGES_MAX + 1);
    int64_t times_us[CHANGES_MAX], last_us = JANUARY_US + (int64_t)random_below(random, 2) * 500000;
    uint32_t count = 0;
    mtr_time_format(last_us, time);
    for (uint32_t tries = 0; tries < 100 && count < wanted; tries++) {
        const int64_t time_us = JANUARY_US + seconds[random_below(random, 5)] * MTR_US_PER_SECOND + into[random_below(random, 5)];
        if (time_us <= last_us || (time_us > last_us + MTR_US_PER_DAY && random_below(random, 3))) continue;
        times_us[count++] = last_us = time_us;
    }
    size_t size = (size_t)snprintf(yaml, sizeof(yaml),
                                   "subscriptions:\n- key: s\n  service: compute\n  customer: c\n  tariff: t\n"
                                   "  billing: {every: %s}\n  start: '%s'\n",
                                   every, time);
    for (uint32_t i = 0; i < count; i++) {
        mtr_time_format(times_us[i], time);
        size += (size_t)snprintf(yaml + size, sizeof(yaml) - size, "%s  - {from: '%s', customer: c%u}\n", i ? "" : "  changes:\n", time, i % 2);
    }
    assert_true(size < sizeof(yaml));
    rating_apply(world, yaml);
}

/* The periods of two months, found by where each ends. */
static struct listed list_periods(const struct mtr_subscription *subscription)
{
    struct listed listed = {.count = 0};
    for (int64_t at_us = subscription->start_us; at_us < JANUARY_US + 40 * MTR_US_PER_DAY;) {
        const struct mtr_subscription *phase = mtr_subscription_at(subscription, at_us);
        int64_t end_us;
        assert_true(listed.count < PERIODS_MAX);
        assert_int_equal(mtr_billing_period_start(phase, at_us, &end_us), at_us);
        listed.starts_us[listed.count] = at_us;
        listed.names_us[listed.count++] = mtr_billing_period_name(phase, at_us);
        at_us = mtr_time_sooner(end_us, phase->end_us);
    }
    return listed;
}

static void check_period(const struct mtr_rating *rating, const struct mtr_subscription *subscription, const struct listed *listed, uint32_t i)
{
    const int64_t start_us = listed->starts_us[i], name_us = listed->names_us[i];
    const bool is_second = i > 0 && mtr_time_second(listed->starts_us[i - 1]) == mtr_time_second(start_us);
    struct mtr_billing_period period;
    assert_int_equal(name_us, is_second ? start_us : mtr_time_second(start_us));
    if (i > 0) assert_true(listed->names_us[i - 1] < name_us);
    const struct mtr_subscription *phase = mtr_billing_period_phase(subscription, name_us);
    assert_ptr_equal(phase, mtr_subscription_at(subscription, start_us));
    assert_int_equal(mtr_billing_period_instant(phase, name_us), start_us);
    /* From any of its phases. */
    assert_ptr_equal(mtr_billing_period_phase(phase, name_us), phase);
    assert_int_equal(mtr_billing_period_name(subscription, start_us), name_us);
    assert_int_equal(rater_billing_period_at(rating, phase, name_us, &period), 0);
    assert_true(period.exists && period.start_us == start_us && period.name_us == name_us);
    if (i + 1 < listed->count) assert_int_equal(period.end_us, listed->starts_us[i + 1]);
}

static void check_no_period(const struct mtr_rating *rating, const struct mtr_subscription *subscription, const struct listed *listed,
                            int64_t name_us)
{
    struct mtr_billing_period period;
    for (uint32_t i = 0; i < listed->count; i++)
        if (listed->names_us[i] == name_us) return;
    assert_int_equal(rater_billing_period_at(rating, mtr_billing_period_phase(subscription, name_us), name_us, &period), 0);
    assert_false(period.exists);
}

static void a_name_is_of_one_period(void **state)
{
    static const char *const every[] = {"day", "month"};
    const char *given = getenv("METERD_SEED");
    const uint64_t first = given ? strtoull(given, NULL, 10) : 1;
    uint32_t inside = 0;
    (void)state;
    for (uint64_t seed = first; seed < first + (given ? 1 : WORLDS); seed++) {
        struct random_source random = {seed};
        struct rating_world world;
        struct mtr_arena arena;
        struct listed before = {.count = 0};
        print_message("METERD_SEED=%llu\n", (unsigned long long)seed);
        rating_open(&world, JANUARY_US);
        mtr_arena_init(&arena, 4096, 1 << 22);
        rating_apply(&world, HEAD);
        for (int round = 0; round < 4; round++) {
            apply_changes(&world, &random, every[seed % 2]);
            const struct mtr_subscription *subscription = mtr_catalog_find_subscription(world.catalog, MTR_STR("s"));
            const struct mtr_rating rating = {.catalog = world.catalog, .arena = &arena};
            const struct listed listed = list_periods(subscription);
            for (uint32_t i = 0; i < listed.count; i++) {
                check_period(&rating, subscription, &listed, i);
                inside += listed.names_us[i] % MTR_US_PER_SECOND != 0;
                for (int64_t beside = -1; beside <= 1; beside += 2) check_no_period(&rating, subscription, &listed, listed.names_us[i] + beside);
                /* Its instant is a name of another only where it is its own. */
                check_no_period(&rating, subscription, &listed, listed.starts_us[i]);
            }
            for (uint32_t i = 0; i < before.count; i++) check_no_period(&rating, subscription, &listed, before.names_us[i]);
            before = listed;
            mtr_arena_reset(&arena);
        }
        mtr_arena_release(&arena);
        rating_close(&world);
    }
    assert_true(given || inside > WORLDS); /* or it would show nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_name_is_of_one_period)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
