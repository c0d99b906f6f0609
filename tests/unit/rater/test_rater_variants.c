/*
 * What one subscription is charged that another is not: prices in its currency and of its own, its trial, and what its use costs the seller.
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
    "  - {key: disk, service: compute, event_type: disk, value: gib, group_by: [region, class]}\n"

static uint32_t number_of(struct rating_world *stage, const char *key)
{
    return mtr_catalog_find_subscription(stage->catalog, mtr_str_from(key))->number;
}

static void prices_in_the_subscriptions_currency_and_of_its_own(void **state)
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
                 "        components: [{key: calls, meter: calls, per_unit: {EUR: '0.50', JPY: 80}}]\n"
                 "        overrides:\n"
                 "          - {customer: big, components: [{key: calls, per_unit: {EUR: '0.40', JPY: 70}}]}\n"
                 "          - {subscription: own, components: [{key: calls, graduated: [{up_to: 5, unit: 0}, {unit: {EUR: 1, JPY: 9}}]}]}\n"
                 "subscriptions:\n"
                 "  - {key: list, service: compute, customer: small, tariff: standard, start: 2026-01-01}\n"
                 "  - {key: yen, service: compute, customer: small, tariff: standard, currency: JPY, start: 2026-01-01}\n"
                 "  - {key: big-1, service: compute, customer: big, tariff: standard, currency: EUR, start: 2026-01-01}\n"
                 "  - {key: big-yen, service: compute, customer: big, tariff: standard, currency: JPY, start: 2026-01-01}\n"
                 "  - {key: own, service: compute, customer: big, tariff: standard, start: 2026-01-01}\n");
    static const struct {
        const char *subscription, *history;
    } cases[] = {{"list", "final 5"}, {"yen", "final 800"}, {"big-1", "final 4"}, {"big-yen", "final 700"}, {"own", "final 5"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) rating_use(&stage, cases[i].subscription, "calls", JANUARY_S, "", "10", 10);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(rating_history(&stage, number_of(&stage, cases[i].subscription)).text, cases[i].history);
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* An override added later corrects the periods of its customer, and looks at nobody else's twice. */
static void an_override_re_rates_its_customer_only(void **state)
{
    static const char tariff[] = "tariffs:\n"
                                 "  - key: standard\n"
                                 "    currency: EUR\n"
                                 "    versions:\n"
                                 "      - from: 2026-01-01\n"
                                 "        components: [{key: calls, meter: calls, per_unit: '0.50'}]\n";
    static const char override[] = "        overrides: [{customer: c2, components: [{key: calls, per_unit: '0.40'}]}]\n";
    struct rating_world stage;
    char text[2048];
    (void)state;
    rating_open(&stage, JANUARY_S);
    snprintf(text, sizeof(text), "%s%s%s", HEAD, tariff,
             "subscriptions:\n"
             "  - {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}\n"
             "  - {key: s2, service: compute, customer: c2, tariff: standard, start: 2026-01-01}\n");
    rating_apply(&stage, text);
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "10", 10);
    rating_use(&stage, "s2", "calls", JANUARY_S, "", "10", 10);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    snprintf(text, sizeof(text), "%s%s", tariff, override);
    rating_apply(&stage, text);
    rating_advance_to(&stage, FEBRUARY_S + 9 * HOUR_S);
    uint32_t rated = 0;
    for (struct mtr_rater_result result = {0}; !result.idle; rated += result.rated) result = rating_step(&stage);
    assert_int_equal(rated, 2); /* January and February of s2 */
    assert_string_equal(rating_history(&stage, 1).text, "final 5");
    assert_string_equal(rating_history(&stage, 2).text, "final 5; correction -1");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

#define TRIAL_TARIFFS                                                                                            \
    "tariffs:\n"                                                                                                 \
    "  - key: standard\n"                                                                                        \
    "    currency: EUR\n"                                                                                        \
    "    versions:\n"                                                                                            \
    "      - from: 2026-01-01\n"                                                                                 \
    "        components:\n"                                                                                      \
    "          - {key: calls, meter: calls, free_units: 5, per_unit: '1'}\n"                                     \
    "          - {key: base, recurring: {amount: '31'}}\n"                                                       \
    "  - key: taste\n"                                                                                           \
    "    currency: EUR\n"                                                                                        \
    "    versions:\n"                                                                                            \
    "      - from: 2026-01-01\n"                                                                                 \
    "        components: [{key: calls, meter: calls, per_unit: '0.1', cap: 2}, {key: base, recurring: {amount: 1}}]\n"

/* 30 calls in the trial and 12 after it. */
static const struct {
    const char *subscription, *history;
} trials[] = {
    {"start: 2026-01-01, trial_end: 2026-01-22", "final 7; final 31; draft 31"},
    {"start: 2026-01-01, trial: {end: 2026-01-22}", "final 7; final 31; draft 31"},
    {"start: 2026-01-01, trial: {days: 21}", "final 7; final 31; draft 31"},
    {"start: 2026-01-01, trial: {days: 21, then: stop}", ""},
    /* fees, caps and free units of the one are nothing to the other */
    {"start: 2026-01-01, trial: {days: 21, tariff: taste}", "final 2; final 1; final 7; final 31; draft 31"},
    {"start: 2026-01-01, trial: {end: '2026-01-22T00:00:00Z', tariff: taste, then: stop}", "final 2; final 1"},
    {"start: 2026-01-01, trial: {days: 40, tariff: taste, then: stop}", "final 2; final 1; draft 1"},
};

static void trials_end_and_go_on_or_stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
        struct rating_world stage;
        char text[4096];
        rating_open(&stage, JANUARY_S);
        snprintf(text, sizeof(text), "%ssubscriptions:\n  - {key: s1, service: compute, customer: c1, tariff: standard, %s}\n",
                 HEAD TRIAL_TARIFFS, trials[i].subscription);
        rating_apply(&stage, text);
        rating_use(&stage, "s1", "calls", JANUARY_S + 2 * DAY_S, "", "30", 30);
        rating_use(&stage, "s1", "calls", JANUARY_S + 21 * DAY_S, "", "12", 12);
        rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
        rating_drain(&stage);
        if (strcmp(rating_history(&stage, 0).text, trials[i].history) != 0)
            fail_msg("%s: %s", trials[i].subscription, rating_history(&stage, 0).text);
        assert_int_equal(rating_audit(&stage).findings, 0);
        rating_close(&stage);
    }
}

/* Units and money that a trial frees, over two months: 42 calls in January, 20 in February. Five of a month are free of themselves. */
static const struct {
    const char *trial, *january, *february;
} limits[] = {
    {"{quantity: {calls: 20}}", "base recurring 31 -; calls usage 17 -", "base recurring 31 -; calls usage 15 -"},
    {"{quantity: {calls: 50}}", "base recurring 31 -", "base recurring 31 -; calls usage 2 -"},
    {"{quantity: {calls: 50}, end: 2026-02-01}", "base recurring 31 -", "base recurring 31 -; calls usage 15 -"},
    {"{quantity: {calls: 50}, days: 40}", "base recurring 31 -", "base recurring 31 -; calls usage 2 -"},
    {"{quantity: {calls: 20}, end: 2026-02-01, then: stop}", "base recurring 31 -; calls usage 17 -", ""},
    {"{amount: 40}", "base recurring 31 -; calls usage 37 -; trial grant=2026-01-01 credit -40 -", "base recurring 31 -; calls usage 15 -"},
    {"{amount: 100}", "base recurring 31 -; calls usage 37 -; trial grant=2026-01-01 credit -68 -",
     "base recurring 31 -; calls usage 15 -; trial grant=2026-01-01 credit -32 -"},
    {"{quantity: {calls: 20}, amount: 40}", "base recurring 31 -; calls usage 17 -; trial grant=2026-01-01 credit -40 -",
     "base recurring 31 -; calls usage 15 -"},
};

static void trials_free_units_and_money(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rating_world stage;
        char text[4096];
        rating_open(&stage, JANUARY_S);
        snprintf(text, sizeof(text), "%ssubscriptions:\n  - {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, trial: %s}\n",
                 HEAD TRIAL_TARIFFS, limits[i].trial);
        rating_apply(&stage, text);
        rating_use(&stage, "s1", "calls", JANUARY_S + 2 * DAY_S, "", "30", 30);
        rating_use(&stage, "s1", "calls", FEBRUARY_S + 2 * DAY_S, "", "20", 20);
        rating_advance_to(&stage, MARCH_S + 2 * HOUR_S);
        rating_drain(&stage);
        rating_use(&stage, "s1", "calls", JANUARY_S + 20 * DAY_S, "", "12", 12); /* late: February has less left */
        rating_advance_to(&stage, MARCH_S + 9 * HOUR_S);
        rating_drain(&stage);
        rating_advance_to(&stage, MARCH_S + 18 * HOUR_S);
        rating_drain(&stage);
        const char *wanted[] = {limits[i].january, limits[i].february};
        const int64_t starts[] = {JANUARY_S, FEBRUARY_S};
        for (int k = 0; k < 2; k++)
            if (strcmp(rating_lines(&stage, 1, starts[k]).text, wanted[k]) != 0)
                fail_msg("%s: %s", limits[i].trial, rating_lines(&stage, 1, starts[k]).text);
        assert_int_equal(rating_audit(&stage).findings, 0);
        rating_close(&stage);
    }
}

/* A day of a trial is a local one: 29 March has 23 hours in Berlin. */
static void a_trial_of_days_ends_at_local_midnight(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, MARCH_S);
    rating_apply(&stage, HEAD TRIAL_TARIFFS "subscriptions:\n"
                                            "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: Europe/Berlin, start: 2026-03-25,"
                                            " trial: {days: 7}}\n"
                                            "  - {key: s2, service: compute, customer: c1, tariff: standard, zone: Europe/Berlin,"
                                            " start: '2026-03-25T12:00:00+01:00', trial: {days: 7}}\n");
    const struct mtr_subscription *midnight = mtr_catalog_find_subscription(stage.catalog, MTR_STR("s1"));
    const struct mtr_subscription *noon = mtr_catalog_find_subscription(stage.catalog, MTR_STR("s2"));
    assert_int_equal(midnight->trial_end_s - midnight->start_s, 7 * DAY_S - HOUR_S);
    assert_int_equal(noon->trial_end_s - midnight->trial_end_s, 12 * HOUR_S);
    rating_close(&stage);
}

/* ---- two sides ---- */

#define TWO_SIDES                                                                                                \
    "tariffs:\n"                                                                                                 \
    "  - key: standard\n"                                                                                        \
    "    currency: EUR\n"                                                                                        \
    "    versions:\n"                                                                                            \
    "      - from: 2026-01-01\n"                                                                                 \
    "        components:\n"                                                                                      \
    "          - {key: calls, meter: calls, per_unit: '0.5'}\n"                                                  \
    "          - {key: disk, meter: disk, per_unit: 1, group_by: [region]}\n"                                     \
    "          - {key: base, recurring: {amount: 20}}\n"                                                         \
    "  - key: cost\n"                                                                                            \
    "    currency: EUR\n"                                                                                        \
    "    versions:\n"                                                                                            \
    "      - from: 2026-01-01\n"                                                                                 \
    "        components:\n"                                                                                      \
    "          - {key: calls, meter: calls, graduated: [{up_to: 10, unit: '0.3'}, {unit: '0.7'}]}\n"             \
    "          - {key: disk, meter: disk, per_unit: '0.25', group_by: [region]}\n"                               \
    "          - {key: media, meter: disk, per_unit: '0.01', group_by: [class]}\n"                               \
    "        minimum: 25\n"
#define SOLD "subscriptions:\n  - {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, cost_tariff: cost}\n"

static struct mtr_rater_result drain(struct rating_world *stage)
{
    struct mtr_rater_result all = {0}, result = {0};
    while (!result.idle) {
        result = rating_step(stage);
        all.charges += result.charges;
        all.losses += result.losses;
        if (result.losses) all.loss = result.loss;
    }
    return all;
}

static void use_both(struct rating_world *stage)
{
    rating_use(stage, "s1", "calls", JANUARY_S, "", "20", 20);
    rating_use(stage, "s1", "disk", JANUARY_S + DAY_S, "eu|ssd|", "8", 1);
    rating_use(stage, "s1", "disk", JANUARY_S + DAY_S, "us|hdd|", "4", 1);
}

static void cost_stands_beside_what_is_charged(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD TWO_SIDES SOLD);
    use_both(&stage);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    struct mtr_rater_result result = drain(&stage);
    /* what only the seller pays is a line of nothing; the cost's minimum goes up to 25.00 */
    assert_string_equal(rating_lines(&stage, 1, JANUARY_S).text,
                        "base recurring 20 0; calls usage 10 10; disk region=eu usage 8 2; disk region=us usage 4 1; "
                        "media class=hdd usage 0 0.04; media class=ssd usage 0 0.08; tariff.minimum minimum 0 11.88");
    assert_int_equal(result.losses, 3); /* the two media and the minimum */
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

static int find_body(void *context, const struct mtr_charge *charge)
{
    char *text = context;
    snprintf(text, 4096, "%.*s", MTR_STR_ARGS(charge->body));
    return 0;
}

static void a_new_cost_alone_is_a_charge_of_nothing(void **state)
{
    struct rating_world stage;
    char body[4096], yaml[2048];
    struct mtr_charges_txn *txn = NULL;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD TWO_SIDES SOLD);
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "100", 100);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    assert_int_equal(drain(&stage).losses, 1); /* 50.00 for 66.00 */
    assert_string_equal(rating_history(&stage, 0).text, "final 50; final 20; draft 20");
    snprintf(yaml, sizeof(yaml), "%s", TWO_SIDES);
    memcpy(strstr(yaml, "'0.7'"), "'0.4'", 5);
    rating_apply(&stage, yaml);
    rating_advance_to(&stage, FEBRUARY_S + 9 * HOUR_S);
    assert_int_equal(drain(&stage).losses, 0);
    assert_string_equal(rating_history(&stage, 0).text, "final 50; final 20; draft 20; correction 0");
    assert_string_equal(rating_lines(&stage, 1, JANUARY_S).text, "base recurring 20 0; calls usage 50 39");
    assert_int_equal(mtr_charges_begin(stage.charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk(txn, 3, find_body, body), 0);
    mtr_charges_abort(txn);
    assert_non_null(strstr(body, "\"amount\":\"0.00\",\"amount_total\":\"50.00\",\"currency\":\"EUR\","
                                 "\"cost\":\"-27.00\",\"cost_total\":\"39.00\",\"margin\":\"27.00\",\"margin_total\":\"11.00\""));
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* A free trial costs the seller something, and so does use of a trial that stopped. A cost version that begins inside the customer's part
 * is one line with it. */
static void cost_is_kept_where_nothing_is_charged(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD
                 "tariffs:\n"
                 "  - key: standard\n"
                 "    currency: EUR\n"
                 "    versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]\n"
                 "  - key: cost\n"
                 "    currency: EUR\n"
                 "    versions:\n"
                 "      - {from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: '0.1'}]}\n"
                 "      - {from: 2026-01-21, components: [{key: calls, meter: calls, per_unit: '0.2'}]}\n"
                 "subscriptions:\n"
                 "  - {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01, cost_tariff: cost, trial: {days: 10}}\n"
                 "  - {key: s2, service: compute, customer: c1, tariff: standard, start: 2026-01-01, cost_tariff: cost, trial: {days: 10, then: stop}}\n");
    for (int i = 0; i < 2; i++) {
        const char *subscription = i ? "s2" : "s1";
        rating_use(&stage, subscription, "calls", JANUARY_S, "", "10", 10);
        rating_use(&stage, subscription, "calls", JANUARY_S + 12 * DAY_S, "", "20", 20);
        rating_use(&stage, subscription, "calls", JANUARY_S + 25 * DAY_S, "", "30", 30);
    }
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_lines(&stage, 1, JANUARY_S).text, "calls usage 0 1; calls usage 50 8");
    assert_string_equal(rating_lines(&stage, 2, JANUARY_S).text, "calls usage 0 3; calls usage 0 6");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "-10", -10); /* all that was used in the trial is taken back */
    rating_advance_to(&stage, FEBRUARY_S + 9 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_lines(&stage, 1, JANUARY_S).text, "calls usage 50 8");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* A service's cost tariff is that of its subscriptions; without one there is no cost, and taking it away takes the cost back. */
static void cost_tariff_of_a_service(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD TWO_SIDES "subscriptions:\n  - {key: s1, service: compute, customer: c1, tariff: standard, start: 2026-01-01}\n");
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "100", 100);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_lines(&stage, 1, JANUARY_S).text, "base recurring 20 -; calls usage 50 -");
    rating_apply(&stage, "services: [{key: compute, vendor: acme, cost_tariff: cost}]\n");
    rating_advance_to(&stage, FEBRUARY_S + 9 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_lines(&stage, 1, JANUARY_S).text, "base recurring 20 -; calls usage 50 66");
    rating_apply(&stage, "services: [{key: compute, vendor: acme}]\n");
    rating_advance_to(&stage, FEBRUARY_S + 18 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_lines(&stage, 1, JANUARY_S).text, "base recurring 20 -; calls usage 50 0");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* The seller pays in dollars, day by day at that day's rate; the customer in euros, for the whole month. Cost is in the customer's currency. */
static void cost_in_another_currency(void **state)
{
    struct rating_world stage;
    char yaml[256];
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD
                 "tariffs:\n"
                 "  - {key: standard, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: 1}]}]}\n"
                 "  - key: cost\n"
                 "    currency: USD\n"
                 "    exchange: {source: ecb, at: usage_day}\n"
                 "    versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: '0.5'}, {key: line, recurring: {amount: 31, prorate: day}}]}]\n"
                 SOLD);
    rating_use(&stage, "s1", "calls", JANUARY_S + 2 * DAY_S, "", "100", 100);
    rating_use(&stage, "s1", "calls", JANUARY_S + 20 * DAY_S, "", "100", 100);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, ""); /* no rate: the period is held, and no cost is taken as nothing */
    for (int day = 0; day < 31; day++) {
        snprintf(yaml, sizeof(yaml), "rates: [{key: ecb-%d, source: ecb, date: 2026-01-%02d, base: EUR, quotes: {USD: '%s'}}]", day, day + 1,
                 day < 10 ? "1.25" : "1.6");
        rating_apply(&stage, yaml);
    }
    rating_advance_to(&stage, FEBRUARY_S + 4 * HOUR_S);
    rating_drain(&stage);
    /* 50 ÷ 1.25 + 50 ÷ 1.6, and 10 ÷ 1.25 + 21 ÷ 1.6 = 21.125, of which half a cent goes to the even one */
    assert_string_equal(rating_lines(&stage, 1, JANUARY_S).text, "calls usage 200 71.25; line recurring 0 21.12");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* ---- worked examples ---- */

/* "METER[/VALUES]@DATE=QUANTITY …", with the values of the meter's dimensions. */
static void use_words(struct rating_world *stage, const char *subscription, char *words)
{
    for (char *rest = words, *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
        char meter[64] = "", values[65] = "", date[16] = "", quantity[32] = "";
        int64_t time_us;
        if (!*word) continue;
        if (sscanf(word, "%63[^/@]/%63[^@]@%15[^=]=%31s", meter, values, date, quantity) != 4) {
            values[0] = '\0';
            assert_int_equal(sscanf(word, "%63[^@]@%15[^=]=%31s", meter, date, quantity), 3);
        } else {
            values[strlen(values)] = '|';
        }
        assert_int_equal(mtr_time_parse_date(mtr_str_from(date), &time_us), 0);
        rating_use(stage, subscription, meter, time_us / MTR_US_PER_SECOND, values, quantity, atoi(quantity));
    }
}

/* Each line "# charged to SUBSCRIPTION: USAGE -> LINES" of a bundle of config/tariffs: its January, priced from the stores. */
static unsigned check_bundle(const char *path)
{
    static const char mark[] = "# charged to ";
    struct rating_world stage;
    char text[1 << 14];
    unsigned count = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, text);
    for (char *line = strstr(text, mark); line; line = strstr(line + 1, mark)) {
        char copy[1024];
        snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(line, "\n"), line);
        char *colon = strchr(copy, ':'), *arrow = strstr(copy, " -> ");
        assert_true(colon && arrow);
        *colon = *arrow = '\0';
        use_words(&stage, copy + strlen(mark), colon + 1);
        count++;
    }
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    for (char *line = strstr(text, mark); line; line = strstr(line + 1, mark)) {
        char copy[1024], got[4096];
        snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(line, "\n"), line);
        char *arrow = strstr(copy, " -> ");
        copy[strcspn(copy, ":")] = '\0';
        snprintf(got, sizeof(got), "%s", rating_lines(&stage, number_of(&stage, copy + strlen(mark)), JANUARY_S).text);
        for (char *none = strstr(got, " -"); none; none = strstr(got, " -")) memmove(none, none + 2, strlen(none + 2) + 1); /* no cost */
        if (strcmp(got, arrow + 4) != 0) fail_msg("%s, %s:\n  expected %s\n  got      %s", path, copy, arrow + 4, got);
    }
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
    return count;
}

static void worked_examples_as_they_are_charged(void **state)
{
    (void)state;
    assert_int_equal(check_bundle("config/tariffs/trial.yaml"), 3);
    assert_int_equal(check_bundle("config/tariffs/two-sided.yaml"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_in_the_subscriptions_currency_and_of_its_own),
        cmocka_unit_test(an_override_re_rates_its_customer_only),
        cmocka_unit_test(trials_end_and_go_on_or_stop),
        cmocka_unit_test(trials_free_units_and_money),
        cmocka_unit_test(a_trial_of_days_ends_at_local_midnight),
        cmocka_unit_test(cost_stands_beside_what_is_charged),
        cmocka_unit_test(a_new_cost_alone_is_a_charge_of_nothing),
        cmocka_unit_test(cost_is_kept_where_nothing_is_charged),
        cmocka_unit_test(cost_tariff_of_a_service),
        cmocka_unit_test(cost_in_another_currency),
        cmocka_unit_test(worked_examples_as_they_are_charged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
