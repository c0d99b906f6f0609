/*
 * Which billing periods there are: when they begin and end, in every zone, and what becomes of them when the subscription's term moves.
 */
#include "meterd/rater/rater.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/rating.h"

enum { HOUR_S = 3600, DAY_S = 86400 };
static const int64_t JANUARY_S = INT64_C(1767225600); /* 2026-01-01T00:00:00Z */
static const int64_t FEBRUARY_S = INT64_C(1769904000);
static const int64_t MARCH_S = INT64_C(1772323200);

#define HEAD                                                                                                     \
    "vendors: [{key: acme}]\n"                                                                                   \
    "services: [{key: compute, vendor: acme}]\n"                                                                 \
    "meters:\n"                                                                                                  \
    "  - {key: calls, service: compute, event_type: call, aggregation: count}\n"                                 \
    "  - {key: disk, service: compute, event_type: disk, value: gib, group_by: [region, class]}\n"              \
    "  - {key: peak, service: compute, event_type: disk, value: gib, aggregation: max}\n"

#define SIMPLE                                                                                                   \
    HEAD "tariffs:\n"                                                                                            \
         "  - key: standard\n"                                                                                   \
         "    currency: EUR\n"                                                                                   \
         "    versions:\n"                                                                                       \
         "      - from: 2026-01-01\n"                                                                            \
         "        components: [{key: calls, meter: calls, per_unit: '0.50'}]\n"                                  \
         "subscriptions:\n"                                                                                      \
         "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01}\n"

/* Where local midnight is not that of UTC, a day of use touches a period that begins later on that day. */
static void no_period_before_it_begins(void **state)
{
    struct rating_world stage;
    const int64_t begin_s = FEBRUARY_S - 19800; /* local midnight of 1 February */
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD
                 "tariffs:\n"
                 "  - key: standard\n"
                 "    currency: EUR\n"
                 "    versions:\n"
                 "      - {from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: '0.50'}, {key: base, recurring: {amount: '9'}}]}\n"
                 "subscriptions:\n"
                 "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: Asia/Kolkata, start: 2026-01-01}\n");
    rating_use(&stage, "s1", "calls", begin_s - HOUR_S, "", "10", 10);
    rating_advance_to(&stage, begin_s - 600);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5; draft 9");
    rating_use(&stage, "s1", "calls", begin_s, "", "2", 2); /* ahead of the clock, as its skew allows */
    rating_advance_to(&stage, begin_s - 300);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5; draft 9");
    rating_advance_to(&stage, begin_s + 600);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5; draft 9; draft 1; draft 9");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

static void usage_in_the_trial_is_free(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD
                 "tariffs:\n"
                 "  - key: standard\n"
                 "    currency: EUR\n"
                 "    versions:\n"
                 "      - from: 2026-01-01\n"
                 "        components:\n"
                 "          - {key: calls, meter: calls, per_unit: '1'}\n"
                 "          - {key: base, recurring: {amount: '31', every: month, in: advance, prorate: second}}\n"
                 "subscriptions:\n"
                 "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-06, trial_end: 2026-01-22}\n");
    rating_use(&stage, "s1", "calls", JANUARY_S + 6 * DAY_S, "", "1000", 1000);
    rating_use(&stage, "s1", "calls", JANUARY_S + 21 * DAY_S, "", "3", 3);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "final 3; final 10; draft 31");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* A contract term counts from the subscription's start, and anew from a version that resets it; later versions and periods go on from there. */
static void a_term_goes_on_until_a_reset(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD
                 "tariffs:\n"
                 "  - key: standard\n"
                 "    currency: EUR\n"
                 "    versions:\n"
                 "      - {from: 2026-01-01, components: [{key: calls, meter: calls, graduated: [{up_to: 10, unit: 2}, {unit: 1}], scope: term}]}\n"
                 "      - {from: 2026-02-11, components: [{key: calls, meter: calls, graduated: [{up_to: 10, unit: 2}, {unit: 1}], scope: term}], reset: true}\n"
                 "      - {from: 2026-02-21, components: [{key: calls, meter: calls, graduated: [{up_to: 10, unit: 2}, {unit: 1}], scope: term}]}\n"
                 "subscriptions:\n"
                 "  - {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}\n");
    const int64_t april_s = MARCH_S + 31 * DAY_S;
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "8", 8);                /* 8 × 2 */
    rating_use(&stage, "s1", "calls", FEBRUARY_S, "", "5", 5);               /* 2 × 2 + 3 × 1 */
    rating_use(&stage, "s1", "calls", FEBRUARY_S + 10 * DAY_S, "", "6", 6);  /* anew: 6 × 2 */
    rating_use(&stage, "s1", "calls", FEBRUARY_S + 20 * DAY_S, "", "3", 3);  /* 3 × 2 */
    rating_use(&stage, "s1", "calls", MARCH_S, "", "4", 4);                  /* 1 × 2 + 3 × 1 */
    rating_advance_to(&stage, april_s + 2 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "final 16; final 7; final 12; final 6; final 5");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

static void a_moved_start_takes_the_old_period_back(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, SIMPLE);
    rating_use(&stage, "s1", "calls", JANUARY_S + 20 * DAY_S, "", "10", 10);
    rating_advance_to(&stage, JANUARY_S + 25 * DAY_S);
    rating_drain(&stage);
    rating_apply(&stage, "subscriptions:\n"
                         "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-11}\n");
    rating_advance_to(&stage, JANUARY_S + 26 * DAY_S);
    rating_drain(&stage);
    struct rating_history history = rating_history(&stage, 0);
    assert_true(history.sum.e18 == (mtr_int128)5 * 1000000000000000000);
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_apply(&stage, "subscriptions:\n"
                         "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-05}\n");
    rating_advance_to(&stage, JANUARY_S + 27 * DAY_S); /* the period from the 11th is none any more, its usage is in the one from the 5th */
    rating_drain(&stage);
    assert_true(rating_history(&stage, 0).sum.e18 == history.sum.e18);
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

static void an_end_closes_and_moves(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, SIMPLE);
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "10", 10);
    rating_advance_to(&stage, JANUARY_S + 9 * DAY_S);
    rating_drain(&stage);
    rating_apply(&stage, "subscriptions:\n"
                         "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC,\n"
                         "     start: 2026-01-01, end: 2026-01-11}\n");
    rating_drain(&stage);
    rating_advance_to(&stage, JANUARY_S + 11 * DAY_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5; final 0");
    rating_use(&stage, "s1", "calls", JANUARY_S + 12 * DAY_S, "", "2", 2); /* after the end */
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5; final 0");
    assert_int_equal(rating_audit(&stage).findings, 1);
    rating_apply(&stage, "subscriptions:\n"
                         "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC,\n"
                         "     start: 2026-01-01, end: 2026-03-01}\n");
    rating_advance_to(&stage, FEBRUARY_S + DAY_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5; final 0; correction 1");
    rating_use(&stage, "s1", "calls", FEBRUARY_S, "", "2", 2);
    rating_advance_to(&stage, MARCH_S + DAY_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5; final 0; correction 1; final 1");
    struct mtr_audit_counts counts = rating_audit(&stage);
    assert_int_equal(counts.findings, 0);
    assert_int_equal(counts.periods, 2);
    rating_close(&stage);
}

/* An end that comes and goes before the scan of the catalog has reached its subscription leaves no period unopened. */
static void an_end_that_comes_and_goes_unseen(void **state)
{
    static const char fee[] = HEAD "tariffs:\n"
                                   "  - key: standard\n"
                                   "    currency: EUR\n"
                                   "    versions:\n"
                                   "      - from: 2026-01-01\n"
                                   "        components: [{key: base, recurring: {amount: '3', in: advance}}]\n";
    static const char endless[] = "subscriptions:\n"
                                  "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01}\n"
                                  "  - {key: s2, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01}\n";
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, fee);
    rating_apply(&stage, endless);
    rating_advance_to(&stage, JANUARY_S + 10);
    rating_drain(&stage);
    stage.options.step_rows_max = 1; /* the scan needs a step for each subscription */
    rating_reopen(&stage);
    rating_drain(&stage);
    rating_apply(&stage, "subscriptions:\n"
                         "  - {key: s2, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01, end: 2026-01-11}\n");
    rating_advance_to(&stage, FEBRUARY_S + DAY_S); /* February's timer comes before the scan gets to s2 */
    rating_step(&stage);
    rating_apply(&stage, endless);
    rating_advance_to(&stage, MARCH_S + DAY_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 2).text, "draft 3; final 0; final 3; draft 3");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* History is loaded under a long grace; with the usual one, from the next start on, what is over becomes final. */
static void a_new_grace_holds_for_open_periods(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    stage.options.grace_us = 400 * MTR_US_PER_DAY;
    rating_reopen(&stage);
    rating_apply(&stage, SIMPLE);
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "10", 10);
    rating_advance_to(&stage, FEBRUARY_S + 5 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5");
    stage.options.grace_us = MTR_US_PER_HOUR;
    rating_reopen(&stage);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5; final 0");
    rating_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_period_before_it_begins),
        cmocka_unit_test(usage_in_the_trial_is_free),
        cmocka_unit_test(a_term_goes_on_until_a_reset),
        cmocka_unit_test(a_moved_start_takes_the_old_period_back),
        cmocka_unit_test(an_end_closes_and_moves),
        cmocka_unit_test(an_end_that_comes_and_goes_unseen),
        cmocka_unit_test(a_new_grace_holds_for_open_periods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
