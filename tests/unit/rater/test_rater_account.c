/*
 * What is counted over all of a customer's subscriptions of a tariff: tiers and free units, an account's cap and minimum. The subscription of
 * the lower number goes before; a late change of one reaches those behind it.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "tests/support/rating.h"

enum { HOUR_S = 3600, DAY_S = 86400 };
static const int64_t JANUARY_S = INT64_C(1767225600); /* 2026-01-01T00:00:00Z */
static const int64_t FEBRUARY_S = INT64_C(1769904000);

#define HEAD                                                                                      \
    "vendors: [{key: acme}]\n"                                                                    \
    "services: [{key: compute, vendor: acme}]\n"                                                  \
    "meters: [{key: calls, service: compute, event_type: call, aggregation: count}]\n"            \
    "subscriptions:\n"                                                                            \
    "  - {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}\n"        \
    "  - {key: s2, service: compute, customer: c1, tariff: standard, start: 2026-01-01}\n"        \
    "  - {key: s3, service: compute, customer: c2, tariff: standard, start: 2026-01-01}\n"        \
    "  - {key: s4, service: compute, customer: c1, tariff: standard, start: 2026-01-10}\n"        \
    "tariffs:\n"                                                                                  \
    "  - {key: standard, currency: EUR, versions: [{from: 2026-01-01, components: ["

static void check(struct rating_world *stage, uint32_t subscription, const char *expected)
{
    struct rating_history history = rating_history(stage, subscription);
    if (strcmp(history.text, expected) != 0) fail_msg("subscription %u:\n  expected %s\n  got      %s", subscription, expected, history.text);
}

static void advance(struct rating_world *stage, int64_t now_s)
{
    rating_advance_to(stage, now_s);
    rating_drain(stage);
}

static void tiers_of_all_subscriptions(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD "{key: calls, meter: calls, graduated: [{up_to: 100, unit: 2}, {unit: 1}], free_units: 10, across: customer}]}]}\n");
    rating_use(&stage, "s1", "calls", JANUARY_S + DAY_S, "", "60", 60);
    rating_use(&stage, "s2", "calls", JANUARY_S, "", "60", 60);
    rating_use(&stage, "s3", "calls", JANUARY_S, "", "60", 60);
    rating_use(&stage, "s4", "calls", JANUARY_S + 12 * DAY_S, "", "30", 30);
    advance(&stage, FEBRUARY_S + 2 * HOUR_S);
    check(&stage, 1, "final 100"); /* 10 free, 50 × 2 */
    check(&stage, 2, "final 110"); /* 50 × 2 + 10 × 1: 110 are billed up to here */
    check(&stage, 3, "final 100"); /* another customer */
    check(&stage, 4, "final 30");
    rating_use(&stage, "s1", "calls", JANUARY_S + DAY_S, "", "-20", -20);
    advance(&stage, FEBRUARY_S + 6 * HOUR_S);
    check(&stage, 1, "final 100; correction -40");
    check(&stage, 2, "final 110; correction 10"); /* 60 × 2: 90 billed */
    check(&stage, 4, "final 30; correction 10");  /* 10 × 2 + 20 × 1 */
    struct mtr_audit_counts counts = rating_audit(&stage);
    assert_int_equal(counts.findings, 0);
    assert_int_equal(counts.pending, 0);
    rating_close(&stage);
}

static void limits_of_the_account(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD "{key: calls, meter: calls, per_unit: 1}], account: {minimum: 50, cap: 100}}]}\n");
    rating_use(&stage, "s1", "calls", JANUARY_S + DAY_S, "", "70", 70);
    rating_use(&stage, "s2", "calls", JANUARY_S + DAY_S, "", "20", 20);
    rating_use(&stage, "s3", "calls", JANUARY_S + DAY_S, "", "7", 7);
    rating_use(&stage, "s4", "calls", JANUARY_S + 12 * DAY_S, "", "30", 30);
    advance(&stage, JANUARY_S + 20 * DAY_S);
    check(&stage, 1, "draft 70");
    check(&stage, 2, "draft 20");
    check(&stage, 4, "draft 10"); /* 90 and 30 are above 100 */
    advance(&stage, FEBRUARY_S + 2 * HOUR_S);
    check(&stage, 3, "draft 7; final 0; final 43"); /* another customer, alone: 50 in all */
    check(&stage, 4, "draft 10; final 0");
    rating_use(&stage, "s1", "calls", JANUARY_S + DAY_S, "", "-65", -65); /* a late correction goes on to those behind */
    advance(&stage, FEBRUARY_S + 6 * HOUR_S);
    check(&stage, 1, "draft 70; final 0; correction -65");
    check(&stage, 2, "draft 20; final 0");
    check(&stage, 4, "draft 10; final 0; correction 20"); /* 5 + 20 + 30 */
    rating_use(&stage, "s2", "calls", JANUARY_S + DAY_S, "", "-20", -20);
    advance(&stage, FEBRUARY_S + 12 * HOUR_S);
    check(&stage, 2, "draft 20; final 0; correction -20");
    check(&stage, 4, "draft 10; final 0; correction 20; correction 15"); /* 5 + 30, and what is missing to 50 */
    struct mtr_audit_counts counts = rating_audit(&stage);
    assert_int_equal(counts.findings, 0);
    assert_int_equal(counts.pending, 0);
    rating_close(&stage);
}

/* A subscription that is there or not is one to all behind it. */
static void a_subscription_that_goes(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD "{key: calls, meter: calls, graduated: [{up_to: 100, unit: 2}, {unit: 1}], across: customer}]}]}\n");
    rating_use(&stage, "s1", "calls", JANUARY_S + DAY_S, "", "90", 90);
    rating_use(&stage, "s2", "calls", JANUARY_S + DAY_S, "", "20", 20);
    advance(&stage, FEBRUARY_S + 2 * HOUR_S);
    check(&stage, 2, "final 30");
    rating_apply(&stage, "subscriptions: [{key: s1, service: compute, customer: c3, tariff: standard, start: 2026-01-01}]\n");
    advance(&stage, FEBRUARY_S + 6 * HOUR_S);
    check(&stage, 1, "final 180");
    check(&stage, 2, "final 30; correction 10");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* Who is charged nothing under the tariff is not the last of the account: the minimum stays with those who are. */
static void the_last_one_in_a_trial(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD "{key: calls, meter: calls, per_unit: 1}], account: {minimum: 50}}]}\n");
    rating_apply(&stage, "subscriptions: [{key: s4, service: compute, customer: c1, tariff: standard, start: 2026-01-10, trial: {days: 60}}]\n");
    rating_use(&stage, "s1", "calls", JANUARY_S + DAY_S, "", "20", 20);
    rating_use(&stage, "s2", "calls", JANUARY_S + DAY_S, "", "10", 10);
    advance(&stage, FEBRUARY_S + 2 * HOUR_S);
    check(&stage, 1, "final 20");
    check(&stage, 2, "final 10; final 20");
    check(&stage, 4, "");
    rating_apply(&stage, "subscriptions: [{key: s4, service: compute, customer: c1, tariff: standard, start: 2026-01-10, trial: {days: 5}}]\n");
    advance(&stage, FEBRUARY_S + 6 * HOUR_S);
    check(&stage, 2, "final 10; final 20; correction -20");
    check(&stage, 4, "correction 20");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* Use that is not charged any more fills no tiers. */
static void tiers_after_a_trial_that_stops(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD "{key: calls, meter: calls, graduated: [{up_to: 100, unit: 2}, {unit: 1}], across: customer}]}]}\n");
    rating_apply(&stage, "subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, "
                         "trial: {amount: \"500\", days: 10, then: stop}}]\n");
    rating_use(&stage, "s1", "calls", JANUARY_S + DAY_S, "", "60", 60);
    rating_use(&stage, "s1", "calls", JANUARY_S + 20 * DAY_S, "", "30", 30); /* behind the trial's end */
    rating_use(&stage, "s2", "calls", JANUARY_S + DAY_S, "", "60", 60);
    advance(&stage, FEBRUARY_S + 2 * HOUR_S);
    check(&stage, 2, "final 100"); /* 40 × 2 + 20 × 1 */
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiers_of_all_subscriptions),
        cmocka_unit_test(limits_of_the_account),
        cmocka_unit_test(a_subscription_that_goes),
        cmocka_unit_test(the_last_one_in_a_trial),
        cmocka_unit_test(tiers_after_a_trial_that_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
