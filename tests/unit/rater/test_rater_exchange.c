/*
 * Rates of exchange in the rater: drafts at the newest rate, a period that is over and lacks a rate, its release, corrected rates, days at
 * their own rates, and the law Σ emitted == price(usage now) through all of it.
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

#define CATALOG(exchange, components)                                                                              \
    "vendors: [{key: acme}]\n"                                                                                     \
    "services: [{key: compute, vendor: acme}]\n"                                                                   \
    "meters: [{key: calls, service: compute, event_type: call, aggregation: count}]\n"                             \
    "tariffs: [{key: standard, currency: EUR, exchange: {source: ecb" exchange "},\n"                              \
    "  versions: [{from: 2026-01-01, components: [" components "]}]}]\n"                                           \
    "subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, currency: USD, start: 2026-01-01}]\n"
#define CALLS "{key: calls, meter: calls, per_unit: '0.50'}"

static void rates_of(struct rating_world *stage, int64_t time_s, const char *usd)
{
    char yaml[256], day[MTR_DATE_TEXT_BYTES];
    mtr_rate_day_format(time_s / DAY_S, day);
    snprintf(yaml, sizeof(yaml), "rates: [{key: ecb-%s, source: ecb, date: %s, base: EUR, quotes: {USD: '%s'}}]", day, day, usd);
    rating_apply(stage, yaml);
}

static void step_to(struct rating_world *stage, int64_t time_s)
{
    rating_advance_to(stage, time_s);
    rating_drain(stage);
}

static int keep_text(void *context, const struct mtr_audit_finding *finding)
{
    char *text = context;
    snprintf(text, 300, "%s: %.*s", mtr_audit_kind_name(finding->kind), MTR_STR_ARGS(finding->text));
    return 0;
}

static void audited(struct rating_world *stage, char text[300])
{
    struct mtr_audit_counts counts;
    text[0] = '\0';
    assert_int_equal(mtr_rater_audit(stage->rollups, stage->charges, stage->catalog, &stage->options, keep_text, text, &counts), 0);
}

static int first_problem(struct rating_world *stage)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge_period period;
    assert_int_equal(mtr_charges_begin(stage->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_get_period(txn, 1, JANUARY_S, &period), 0);
    mtr_charges_abort(txn);
    return period.problem;
}

static void a_missing_rate_holds_the_period_until_it_comes(void **state)
{
    struct rating_world stage;
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_rater_result result;
    char found[300];
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, CATALOG("", CALLS));
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "10", 10);
    rating_advance_to(&stage, JANUARY_S + 2 * HOUR_S);
    assert_int_equal(mtr_rater_step(stage.rater, stage.catalog, stage.now_us, &result, &diagnostic), 0);
    assert_int_equal(result.failed, 1);
    assert_string_equal(diagnostic.text, "the period of subscription s1 that starts at 1767225600 cannot be rated: there is no rate of ecb from EUR to USD "
                                         "for 2026-01-31 or any day before");
    assert_int_equal(first_problem(&stage), MTR_EMISSING);
    rates_of(&stage, JANUARY_S, "1.1"); /* at once, not when the hour of the retry comes */
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5.5");
    assert_int_equal(first_problem(&stage), MTR_OK);
    step_to(&stage, FEBRUARY_S + 2 * HOUR_S); /* over: the rate of the 1st is too old for the 31st */
    assert_string_equal(rating_history(&stage, 0).text, "draft 5.5");
    audited(&stage, found);
    assert_string_equal(found, "problem: there is no rate of ecb from EUR to USD for 2026-01-31, nor one of the 7 days before");
    rates_of(&stage, FEBRUARY_S - 8 * DAY_S - DAY_S, "3"); /* the 23rd: 8 days */
    rating_drain(&stage);
    assert_int_equal(first_problem(&stage), MTR_EMISSING);
    rates_of(&stage, FEBRUARY_S - 2 * DAY_S, "1.2"); /* the 30th */
    audited(&stage, found);
    assert_string_equal(found, ""); /* pending */
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5.5; final 0.5");
    rates_of(&stage, FEBRUARY_S - DAY_S, "1.3"); /* the 31st comes late */
    step_to(&stage, FEBRUARY_S + 4 * HOUR_S);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5.5; final 0.5; correction 0.5");
    rates_of(&stage, FEBRUARY_S, "9"); /* no rate of this period */
    rates_of(&stage, FEBRUARY_S - DAY_S, "1.31"); /* the bank corrects itself */
    step_to(&stage, FEBRUARY_S + 6 * HOUR_S);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5.5; final 0.5; correction 0.5; correction 0.05");
    const struct mtr_audit_counts counts = rating_audit(&stage);
    assert_int_equal(counts.findings + counts.pending, 0);
    rating_close(&stage);
}

static int on_body(void *context, const struct mtr_charge *charge)
{
    char *text = context;
    const char *at = memmem(charge->body.data, charge->body.size, "\"exchange\":", 11);
    snprintf(text, 400, "%.*s", at ? (int)((const char *)memchr(at, '}', (size_t)(charge->body.data + charge->body.size - at)) - at) + 1 : 0, at ? at : "");
    return 0;
}

static void the_body_says_which_rate(void **state)
{
    struct rating_world stage;
    struct mtr_charges_txn *txn = NULL;
    char text[400] = "";
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, CATALOG(", at: order", CALLS));
    rates_of(&stage, JANUARY_S - DAY_S, "1.0842");
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "3", 3);
    step_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    assert_string_equal(rating_history(&stage, 0).text, "final 1.63"); /* 1.5 × 1.0842 = 1.6263 */
    assert_int_equal(mtr_charges_begin(stage.charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk(txn, 0, on_body, text), 0);
    mtr_charges_abort(txn);
    assert_string_equal(text, "\"exchange\":{\"currency\":\"EUR\",\"amount\":\"1.5\",\"rate\":\"1.0842\",\"numerator\":\"5421\",\"denominator\":\"5000\","
                              "\"derivation\":\"direct\",\"source\":\"ecb\",\"date\":\"2025-12-31\",\"rule\":\"order\",\"day\":\"2026-01-01\"}");
    rating_close(&stage);
}

/* 31 days, each with its rate; fractions of a cent each day, tiers that go on over the days, and a reset version of several days. */
static void each_day_at_its_own_rate(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, CATALOG(", at: usage_day, max_age_days: 0", "{key: calls, meter: calls, graduated: [{up_to: 100, unit: '0.004'}, {unit: '0.002'}]}"));
    for (int day = 0; day < 31; day++) {
        rates_of(&stage, JANUARY_S + day * DAY_S, day < 20 ? "1" : "2");
        rating_use(&stage, "s1", "calls", JANUARY_S + day * DAY_S, "", "10", 10);
    }
    step_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    struct rating_history history = rating_history(&stage, 0);
    struct mtr_money expected;
    /* 100 × 0.004 + 100 × 0.002, and 110 × 0.002 at 2 */
    assert_int_equal(mtr_money_parse(MTR_STR("1.04"), &expected), 0);
    assert_true(mtr_money_compare(history.sum, expected) == 0);
    assert_true(strncmp(history.text, "final 0.04; final 0.04; final 0.04", 34) == 0);
    rating_use(&stage, "s1", "calls", JANUARY_S + 25 * DAY_S, "", "-10", -10); /* taken back: at the rate of that day */
    step_to(&stage, FEBRUARY_S + 4 * HOUR_S);
    history = rating_history(&stage, 0);
    assert_int_equal(mtr_money_parse(MTR_STR("1"), &expected), 0);
    assert_true(mtr_money_compare(history.sum, expected) == 0);
    const struct mtr_audit_counts counts = rating_audit(&stage);
    assert_int_equal(counts.findings + counts.pending, 0);
    rating_close(&stage);
}

static void a_reset_is_at_the_first_day_of_its_version(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, "vendors: [{key: acme}]\n"
                         "services: [{key: compute, vendor: acme}]\n"
                         "meters: [{key: calls, service: compute, event_type: call, aggregation: count}]\n"
                         "tariffs: [{key: standard, currency: EUR, exchange: {source: ecb, at: usage_day, max_age_days: 31}, versions: [\n"
                         "  {from: 2026-01-01, components: [{key: calls, meter: calls, graduated: [{up_to: 10, unit: 1}, {unit: 2}]}]},\n"
                         "  {from: 2026-01-11, reset: true, components: [{key: calls, meter: calls, graduated: [{up_to: 10, unit: 1}, {unit: 3}]}]}]}]\n"
                         "subscriptions: [{key: s1, service: compute, customer: c1, tariff: standard, currency: USD, start: 2026-01-01}]\n");
    rates_of(&stage, JANUARY_S, "1");
    rating_use(&stage, "s1", "calls", JANUARY_S + 3 * DAY_S, "", "8", 8);
    rating_use(&stage, "s1", "calls", JANUARY_S + 5 * DAY_S, "", "8", 8);   /* 2 + 6 × 2 */
    rating_use(&stage, "s1", "calls", JANUARY_S + 12 * DAY_S, "", "8", 8);  /* anew: 8 */
    rating_use(&stage, "s1", "calls", JANUARY_S + 13 * DAY_S, "", "8", 8);  /* 2 + 6 × 3 */
    step_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    assert_string_equal(rating_history(&stage, 0).text, "final 8; final 14; final 8; final 20");
    rating_close(&stage);
}

static void a_day_without_use_needs_no_rate(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, CATALOG(", at: usage_day, max_age_days: 0", CALLS));
    rates_of(&stage, JANUARY_S + 4 * DAY_S, "2");
    rating_use(&stage, "s1", "calls", JANUARY_S + 4 * DAY_S, "", "10", 10);
    step_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    assert_string_equal(rating_history(&stage, 0).text, "final 10");
    assert_int_equal(first_problem(&stage), MTR_OK);
    rating_close(&stage);
}

/* What the vendor asks in dollars is told in the subscription's euros, and waits for its rate, too. */
static void a_cost_in_another_currency(void **state)
{
    struct rating_world stage;
    char found[300];
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, "vendors: [{key: acme}]\n"
                         "services: [{key: compute, vendor: acme}]\n"
                         "meters: [{key: calls, service: compute, event_type: call, aggregation: count}]\n"
                         "tariffs:\n"
                         "  - {key: sold, currency: EUR, versions: [{from: 2026-01-01, components: [" CALLS "]}]}\n"
                         "  - {key: bought, currency: USD, exchange: {source: ecb, at: usage_day, max_age_days: 0}, versions: [{from: 2026-01-01, components: [" CALLS "]}]}\n"
                         "subscriptions: [{key: s1, service: compute, customer: c1, tariff: sold, cost_tariff: bought, start: 2026-01-01}]\n");
    rating_use(&stage, "s1", "calls", JANUARY_S + 2 * DAY_S, "", "10", 10);
    rating_use(&stage, "s1", "calls", JANUARY_S + 9 * DAY_S, "", "10", 10);
    rates_of(&stage, JANUARY_S + 2 * DAY_S, "1.25");
    step_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    assert_string_equal(rating_history(&stage, 0).text, "");
    audited(&stage, found);
    assert_string_equal(found, "problem: there is no rate of ecb from USD to EUR for 2026-01-10");
    rates_of(&stage, JANUARY_S + 9 * DAY_S, "1.6");
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "final 10");
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge charge;
    struct mtr_money cost;
    assert_int_equal(mtr_money_parse(MTR_STR("7.125"), &cost), MTR_OK); /* 5 ÷ 1.25 + 5 ÷ 1.6 = 4 + 3.125 */
    assert_int_equal(mtr_charges_begin(stage.charges, false, &txn), 0);
    assert_int_equal(mtr_charges_get(txn, 1, &charge), 0);
    assert_int_equal(mtr_money_round(cost, 2, MTR_ROUND_HALF_EVEN, &cost), MTR_OK);
    assert_true(mtr_money_compare(charge.cost, cost) == 0);
    mtr_charges_abort(txn);
    step_to(&stage, FEBRUARY_S + 4 * HOUR_S); /* February looks at the new rate, too */
    const struct mtr_audit_counts counts = rating_audit(&stage);
    assert_int_equal(counts.findings + counts.pending, 0);
    rating_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_rate_holds_the_period_until_it_comes),
        cmocka_unit_test(the_body_says_which_rate),
        cmocka_unit_test(each_day_at_its_own_rate),
        cmocka_unit_test(a_reset_is_at_the_first_day_of_its_version),
        cmocka_unit_test(a_day_without_use_needs_no_rate),
        cmocka_unit_test(a_cost_in_another_currency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
