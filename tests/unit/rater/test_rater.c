/*
 * The rater: drafts, final, corrections; splits, trials, re-rating; and the law Σ emitted == price(usage now) after anything at all.
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

static void drafts_then_final_then_correction(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, SIMPLE);
    rating_advance_to(&stage, JANUARY_S + 10);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "");
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "10", 10);
    rating_drain(&stage); /* rated seconds ago: waits */
    assert_string_equal(rating_history(&stage, 0).text, "");
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "4", 4);
    rating_advance_to(&stage, JANUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 7");
    rating_advance_to(&stage, FEBRUARY_S + HOUR_S - 1); /* not yet over: the grace */
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 7");
    rating_use(&stage, "s1", "calls", FEBRUARY_S - HOUR_S, "", "2", 2);
    rating_advance_to(&stage, FEBRUARY_S + HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 7; final 1");
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "-3", -3); /* voids */
    rating_advance_to(&stage, FEBRUARY_S + 5 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 7; final 1; correction -1.5");
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "-11", -11);
    rating_use(&stage, "s1", "calls", FEBRUARY_S - HOUR_S, "", "-2", -2);
    rating_advance_to(&stage, FEBRUARY_S + 9 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 7; final 1; correction -1.5; correction -6.5");
    struct mtr_audit_counts counts = rating_audit(&stage);
    assert_int_equal(counts.findings, 0);
    assert_int_equal(counts.pending, 0);
    assert_int_equal(counts.charges, 4);
    rating_close(&stage);
}

static void a_final_line_without_a_difference_is_still_told(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, SIMPLE);
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "10", 10);
    rating_advance_to(&stage, JANUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5; final 0");
    rating_advance_to(&stage, MARCH_S + 2 * HOUR_S); /* a period without lines closes without a charge */
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "draft 5; final 0");
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge_period period;
    assert_int_equal(mtr_charges_begin(stage.charges, false, &txn), 0);
    assert_int_equal(mtr_charges_get_period(txn, 1, FEBRUARY_S, &period), 0);
    assert_int_equal(period.status, MTR_PERIOD_FINAL);
    mtr_charges_abort(txn);
    rating_close(&stage);
}

static void a_changed_tariff_rates_closed_periods_again(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, SIMPLE);
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "10", 10);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "final 5");
    rating_apply(&stage, "tariffs:\n"
                         "  - key: standard\n"
                         "    currency: EUR\n"
                         "    versions:\n"
                         "      - {from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: '0.60'}]}\n");
    assert_int_equal(rating_audit(&stage).pending, 2);
    rating_advance_to(&stage, FEBRUARY_S + 5 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "final 5; correction 1");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

static void a_version_inside_a_period_splits_it(void **state)
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
                 "          - {key: calls, meter: calls, per_unit: '0.50', minimum: '100', cap: '100'}\n"
                 "          - {key: extra, meter: calls, per_unit: '2'}\n"
                 "          - {key: base, recurring: {amount: '31', every: month, in: advance, prorate: second}}\n"
                 "          - {key: once, recurring: {amount: '7', every: month, in: arrears, prorate: none}}\n"
                 "      - from: 2026-01-11\n"
                 "        components:\n"
                 "          - {key: calls, meter: calls, per_unit: '1', minimum: '12'}\n"
                 "          - {key: extra, meter: calls, per_unit: '2', cap: '23'}\n"
                 "          - {key: base, recurring: {amount: '62', every: month, in: advance, prorate: second}}\n"
                 "          - {key: once, recurring: {amount: '7', every: month, in: arrears, prorate: none}}\n"
                 "subscriptions:\n"
                 "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01}\n");
    rating_use(&stage, "s1", "calls", JANUARY_S + 10 * DAY_S - HOUR_S, "", "10", 10);
    rating_use(&stage, "s1", "calls", JANUARY_S + 10 * DAY_S, "", "4", 4);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    /* 5, 20 and 10 of 31 days of 31; then 4, the minimum's 3 more after 5 + 4, the cap's rest of 23 after 20, 21 of 31 days of 62, the fee
     * in arrears once; February's fee as a draft */
    struct rating_history history = rating_history(&stage, 0);
    assert_string_equal(history.text, "final 5; final 20; final 10; final 4; final 3; final 3; final 42; final 7; draft 62");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* Three versions alike but for their dates cost what one costs: cap, fee and rounded total are of the period. */
static void splits_change_no_sum(void **state)
{
    static const char *const roundings[] = {"{mode: half_up, place: line}", "{mode: down, place: line}", "{mode: up, place: line}",
                                            "{mode: half_up, place: total}"};
    (void)state;
    for (size_t i = 0; i < sizeof(roundings) / sizeof(*roundings); i++) {
        struct rating_world stage;
        char yaml[4096];
        int size = snprintf(yaml, sizeof(yaml), "%stariffs:\n  - key: standard\n    currency: EUR\n    rounding: %s\n    versions:\n", HEAD,
                            roundings[i]);
        for (int day = 1; day <= 21; day += 10)
            size += snprintf(yaml + size, sizeof(yaml) - (size_t)size,
                             "      - from: 2026-01-%02d\n"
                             "        components:\n"
                             "          - {key: calls, meter: calls, per_unit: '1.005', cap: '20'}\n"
                             "          - {key: base, recurring: {amount: '10', every: month, in: arrears, prorate: second}}\n",
                             day);
        snprintf(yaml + size, sizeof(yaml) - (size_t)size,
                 "subscriptions:\n  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01}\n");
        rating_open(&stage, JANUARY_S);
        rating_apply(&stage, yaml);
        for (int day = 0; day < 30; day += 10) rating_use(&stage, "s1", "calls", JANUARY_S + day * DAY_S, "", "9", 1);
        rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
        rating_drain(&stage);
        struct rating_history history = rating_history(&stage, 0);
        if (history.sum.e18 != (mtr_int128)30 * 1000000000000000000) fail_msg("%s: %s", roundings[i], history.text);
        assert_int_equal(rating_audit(&stage).findings, 0);
        rating_close(&stage);
    }
}

static void a_feed_numbered_anew_is_read_again(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, SIMPLE);
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "10", 10);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    assert_int_equal(mtr_rater_forget_feed(stage.charges), 0);
    assert_int_equal(rating_audit(&stage).pending, 2); /* January and the running period */
    rating_advance_to(&stage, FEBRUARY_S + 5 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "final 5");
    assert_int_equal(rating_audit(&stage).pending, 0);
    rating_close(&stage);
}

static void dimensions_are_lines_of_their_own(void **state)
{
    struct rating_world stage;
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge charge;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, HEAD
                 "tariffs:\n"
                 "  - key: standard\n"
                 "    currency: EUR\n"
                 "    versions:\n"
                 "      - from: 2026-01-01\n"
                 "        components:\n"
                 "          - {key: disk, meter: disk, per_unit: '0.10', group_by: [region]}\n"
                 "          - {key: peak, meter: peak, per_unit: '1'}\n"
                 "subscriptions:\n"
                 "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01}\n");
    rating_use(&stage, "s1", "disk", JANUARY_S, "eu|ssd|", "10", 1);
    rating_use(&stage, "s1", "disk", JANUARY_S, "eu|hdd|", "20", 1);
    rating_use(&stage, "s1", "disk", JANUARY_S, "a,b=c\\|ssd|", "40", 1);
    rating_use(&stage, "s1", "peak", JANUARY_S, "", "8", 1);
    rating_use(&stage, "s1", "peak", JANUARY_S + HOUR_S, "", "6", 1);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "final 4; final 3; final 8");
    assert_int_equal(mtr_charges_begin(stage.charges, false, &txn), 0);
    assert_int_equal(mtr_charges_get(txn, 1, &charge), 0);
    char body[2048];
    snprintf(body, sizeof(body), "%.*s", MTR_STR_ARGS(charge.body));
    assert_non_null(strstr(body, "\"dimensions\":{\"region\":\"a,b=c\\\\\"}"));
    assert_non_null(strstr(body, "\"amount\":\"4.00\""));
    assert_non_null(strstr(body, "\"period_end\":\"2026-02-01T00:00:00+00:00\""));
    mtr_charges_abort(txn);
    rating_close(&stage);
}

/* A charge's body says this. */
static void assert_body(struct rating_world *stage, uint64_t number, const char *part)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge charge;
    char body[2048];
    assert_int_equal(mtr_charges_begin(stage->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_get(txn, number, &charge), 0);
    snprintf(body, sizeof(body), "%.*s", MTR_STR_ARGS(charge.body));
    if (!strstr(body, part)) fail_msg("%s\n  is not in %s", part, body);
    mtr_charges_abort(txn);
}

/* Hours of the subscription's zone, dimensions and several meters, from cells to charges; and the tax code of a line that went away. */
static void prices_are_chosen_by_hour_dimension_and_size(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S - HOUR_S);
    rating_apply(&stage, HEAD
                 "tariffs:\n"
                 "  - key: standard\n"
                 "    currency: EUR\n"
                 "    versions:\n"
                 "      - from: 2026-01-01\n"
                 "        calendar: {night: {hours: '22:00-06:00'}, feast: {dates: [2026-01-06]}, off: {any: [night, feast]}}\n"
                 "        components:\n"
                 "          - {key: day, meter: calls, when: {not: off}, per_unit: '3', tax_code: T1}\n"
                 "          - {key: night, meter: calls, when: off, weights: {feast: '0.5'}, per_unit: '1'}\n"
                 "          - {key: disk, meter: disk, group_by: [class], matrix: [{match: {class: ssd}, per_unit: '2'}, {per_unit: '1'}]}\n"
                 "          - {key: plan, capacity: [{up_to: {disk: 20, peak: 10}, amount: '10'}, {amount: '30'}]}\n"
                 "subscriptions:\n"
                 "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: Europe/Berlin, start: 2026-01-01}\n");
    rating_use(&stage, "s1", "calls", JANUARY_S + 20 * HOUR_S, "", "1", 1);             /* 21:00 in Berlin */
    rating_use(&stage, "s1", "calls", JANUARY_S + 21 * HOUR_S, "", "2", 2);             /* 22:00 */
    rating_use(&stage, "s1", "calls", JANUARY_S + 4 * DAY_S + 23 * HOUR_S, "", "4", 4); /* the 6th begins */
    rating_use(&stage, "s1", "calls", JANUARY_S + 5 * DAY_S + 22 * HOUR_S, "", "8", 8); /* 23:00 of the 6th */
    rating_use(&stage, "s1", "disk", JANUARY_S, "eu|ssd|", "5", 1);
    rating_use(&stage, "s1", "disk", JANUARY_S, "us|hdd|", "5", 1);
    rating_use(&stage, "s1", "peak", JANUARY_S, "", "8", 1);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    /* 1 × 3; 2 + 12 ÷ 2; 5 × 2 of ssd before 5 × 1 of hdd by name; the first step */
    assert_string_equal(rating_history(&stage, 0).text, "final 3; final 8; final 5; final 10; final 10");
    assert_body(&stage, 1, "\"unit\":\"\",\"tax_code\":\"T1\",");
    rating_use(&stage, "s1", "peak", JANUARY_S + HOUR_S, "", "11", 1);
    rating_use(&stage, "s1", "calls", JANUARY_S + 20 * HOUR_S, "", "-1", -1); /* voids */
    rating_advance_to(&stage, FEBRUARY_S + 5 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "final 3; final 8; final 5; final 10; final 10; correction 20; correction -3");
    assert_body(&stage, 7, "\"tax_code\":\"T1\","); /* the line is gone, and was told with it */
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* A cell as the fold leaves it for unique: the value, and the members it comes from. */
static void use_members(struct rating_world *stage, const char *meter_key, int64_t hour_s, const char *dimensions, const char *quantity,
                        const char *members)
{
    const struct mtr_meter *meter = mtr_catalog_find_meter(stage->catalog, mtr_str_from(meter_key));
    struct mtr_rollups_txn *txn = NULL;
    char text[64];
    uint64_t count = 0;
    rating_use(stage, "s1", meter_key, hour_s, dimensions, quantity, (int)strlen(members));
    snprintf(text, sizeof(text), "%s", dimensions);
    for (char *p = text; *p; p++)
        if (*p == '|') *p = 0x1F;
    const struct mtr_cell_key key = {1, meter->number, hour_s, mtr_str_from(text)};
    assert_int_equal(mtr_rollups_begin(stage->rollups, true, &txn), 0);
    for (const char *member = members; *member; member++)
        assert_int_equal(mtr_rollups_add_member(txn, &key, (struct mtr_str){member, 1}, 1, &count), 0);
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

static void last_and_unique_are_exact_over_cells(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, "vendors: [{key: acme}]\n"
                         "services: [{key: compute, vendor: acme}]\n"
                         "meters:\n"
                         "  - {key: users, service: compute, event_type: login, value: user, aggregation: unique, group_by: [region]}\n"
                         "  - {key: level, service: compute, event_type: disk, value: gib, aggregation: last, group_by: [region]}\n"
                         "tariffs:\n"
                         "  - key: standard\n"
                         "    currency: EUR\n"
                         "    versions:\n"
                         "      - from: 2026-01-01\n"
                         "        components:\n"
                         "          - {key: users, meter: users, per_unit: '1'}\n"
                         "          - {key: level, meter: level, per_unit: '1'}\n"
                         "          - {key: split, meter: users, per_unit: '10', group_by: [region]}\n"
                         "subscriptions:\n"
                         "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01}\n");
    use_members(&stage, "users", JANUARY_S, "eu|", "3", "abc");
    use_members(&stage, "users", JANUARY_S, "us|", "1", "c");
    use_members(&stage, "users", JANUARY_S + HOUR_S, "eu|", "2", "bd");
    rating_point(&stage, "s1", "level", JANUARY_S, "eu|", "50", 0);
    rating_point(&stage, "s1", "level", JANUARY_S + HOUR_S + 2, "eu|", "7", 0); /* in one hour the later event counts */
    rating_point(&stage, "s1", "level", JANUARY_S + HOUR_S + 1, "us|", "9", 0);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "final 4; final 7; final 40; final 10");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

static void a_period_that_cannot_be_rated_holds_up_no_other(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_S);
    rating_apply(&stage, SIMPLE "  - {key: s2, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01}\n");
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "170000000000000000000000000", 1);
    rating_use(&stage, "s1", "calls", JANUARY_S + HOUR_S, "", "170000000000000000000000000", 1);
    rating_use(&stage, "s2", "calls", JANUARY_S, "", "2", 2);
    rating_advance_to(&stage, FEBRUARY_S + 2 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "final 1");
    assert_int_equal(rating_audit(&stage).findings, 1);
    rating_use(&stage, "s1", "calls", JANUARY_S, "", "-169999999999999999999999996", 0);
    rating_use(&stage, "s1", "calls", JANUARY_S + HOUR_S, "", "-170000000000000000000000000", -1);
    rating_advance_to(&stage, FEBRUARY_S + 4 * HOUR_S);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, "final 1; final 2");
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

/* ---- anything at all ---- */

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint64_t pick(uint64_t *state, uint64_t count)
{
    return next_random(state) % count;
}

static void apply_random_catalog(struct rating_world *stage, uint64_t *random, bool first)
{
    static const char *const zones[] = {"UTC", "Asia/Kolkata", "America/Sao_Paulo", "Australia/Lord_Howe"};
    static const char *const periods[] = {"{every: month}", "{every: week}", "{every: day}", "{every: month, anchor: anniversary}"};
    char yaml[8192];
    size_t size = 0;
    if (first) size = (size_t)snprintf(yaml, sizeof(yaml), "%s", HEAD);
    size += (size_t)snprintf(yaml + size, sizeof(yaml) - size,
                             "tariffs:\n  - key: t\n    currency: EUR\n    rounding: {mode: half_even, place: %s}\n    versions:\n",
                             pick(random, 2) ? "line" : "total");
    const unsigned versions = 1 + (unsigned)pick(random, 3);
    for (unsigned i = 0; i < versions; i++) {
        size += (size_t)snprintf(
            yaml + size, sizeof(yaml) - size,
            "      - from: 2026-0%u-%02u\n"
            "        components:\n"
            "          - {key: calls, meter: calls, graduated: [{up_to: 10, unit: '0.0%u'}, {unit: '0.0%u', flat: '1.5'}]}\n"
            "          - {key: disk, meter: disk, volume: [{up_to: 50, unit: '0.013'}, {unit: '0.0129'}], group_by: [%s], free_units: %u}\n"
            "          - {key: peak, meter: peak, package: {size: 7, price: '1.10', rounding: up}, cap: '20'}\n"
            "          - {key: base, recurring: {amount: '9.99', in: %s, prorate: %s}}\n"
            "        minimum: '%u'\n",
            1 + i, 1 + (i ? (unsigned)pick(random, 27) : 0), 1 + (unsigned)pick(random, 9), 1 + (unsigned)pick(random, 9),
            pick(random, 2) ? "region" : "class, region", (unsigned)pick(random, 4), pick(random, 2) ? "advance" : "arrears",
            pick(random, 2) ? "second" : "day", (unsigned)pick(random, 20));
    }
    size += (size_t)snprintf(yaml + size, sizeof(yaml) - size, "subscriptions:\n");
    for (unsigned i = 0; i < 4; i++) {
        size += (size_t)snprintf(yaml + size, sizeof(yaml) - size,
                                 "  - {key: s%u, service: compute, customer: c, tariff: t, zone: %s, billing: %s,\n"
                                 "     start: '2026-01-%02uT05:30:00Z'%s}\n",
                                 i, zones[i], periods[i], 1 + (first ? 0 : (unsigned)pick(random, 3)),
                                 pick(random, 3) ? "" : ", trial_end: '2026-01-09T00:00:00Z'");
    }
    assert_true(size < sizeof(yaml));
    rating_apply(stage, yaml);
}

static void use_at_random(struct rating_world *stage, uint64_t *random)
{
    static const char *const keys[] = {"s0", "s1", "s2", "s3"};
    static const char *const dimensions[] = {"eu|ssd|", "eu|hdd|", "us|ssd|", "||"};
    const char *key = keys[pick(random, 4)];
    const struct mtr_subscription *subscription = mtr_catalog_find_subscription(stage->catalog, mtr_str_from(key));
    int64_t back_s = (int64_t)pick(random, pick(random, 4) ? 2 * DAY_S : 40 * DAY_S);
    int64_t time_s = stage->now_us / MTR_US_PER_SECOND - back_s;
    if (time_s < subscription->start_s) time_s = subscription->start_s;
    const int64_t hour_s = mtr_zone_hour(subscription->zone, time_s).start_s;
    char quantity[32];
    int count = 1 + (int)pick(random, 5);
    switch (pick(random, 3)) {
    case 0:
        snprintf(quantity, sizeof(quantity), "%d", count);
        rating_use(stage, key, "calls", hour_s, "", quantity, count);
        break;
    case 1:
        snprintf(quantity, sizeof(quantity), "%s%u.%03u", pick(random, 5) ? "" : "-", (unsigned)pick(random, 90),
                 (unsigned)pick(random, 1000));
        rating_use(stage, key, "disk", hour_s, dimensions[pick(random, 4)], quantity, count);
        break;
    default:
        snprintf(quantity, sizeof(quantity), "%u.5", (unsigned)pick(random, 30));
        rating_use(stage, key, "peak", hour_s, "", quantity, count);
        break;
    }
}

/* The start moves in these seeds: usage outside the term is to be expected and is reported, anything else is not. */
static int count_wrong(void *context, const struct mtr_audit_finding *finding)
{
    if (finding->kind == MTR_AUDIT_OUTSIDE_TERM) return 0;
    ++*(unsigned *)context;
    return rating_print_finding(NULL, finding);
}

struct statuses {
    struct mtr_charges_txn *txn;
    uint64_t charges;
};

/* Along a line: drafts, at most one final, corrections. */
static int check_order(void *context, const struct mtr_charge *charge)
{
    struct statuses *statuses = context;
    struct mtr_charge previous;
    statuses->charges++;
    assert_int_equal(charge->number, statuses->charges);
    if (!charge->previous) return 0;
    assert_int_equal(mtr_charges_get(statuses->txn, charge->previous, &previous), 0);
    assert_true(previous.status <= charge->status);
    assert_false(charge->status == MTR_CHARGE_FINAL && previous.status == MTR_CHARGE_FINAL);
    return 0;
}

static void run_seed(uint64_t seed)
{
    struct rating_world stage;
    uint64_t random = seed;
    rating_open(&stage, JANUARY_S + 4 * DAY_S);
    stage.options.step_rows_max = 1 + (uint32_t)pick(&random, 8);
    stage.options.step_ratings_max = 1 + (uint32_t)pick(&random, 4);
    rating_reopen(&stage);
    apply_random_catalog(&stage, &random, true);
    for (int i = 0; i < 150; i++) {
        uint64_t choice = pick(&random, 40);
        if (choice < 24) use_at_random(&stage, &random);
        else if (choice < 32) (void)rating_step(&stage);
        else if (choice < 37) rating_advance_to(&stage, stage.now_us / MTR_US_PER_SECOND + (int64_t)pick(&random, 2 * DAY_S));
        else if (choice == 37) rating_reopen(&stage);
        else if (choice == 38) rating_advance_to(&stage, stage.now_us / MTR_US_PER_SECOND + 5 * DAY_S);
        else apply_random_catalog(&stage, &random, false);
    }
    rating_drain(&stage);
    rating_advance_to(&stage, stage.now_us / MTR_US_PER_SECOND + 2 * HOUR_S);
    rating_drain(&stage);
    struct mtr_audit_counts counts;
    unsigned wrong = 0;
    assert_int_equal(mtr_rater_audit(stage.rollups, stage.charges, stage.catalog, &stage.options, count_wrong, &wrong, &counts), 0);
    assert_int_equal(wrong, 0);
    assert_int_equal(counts.pending, 0);
    struct statuses statuses = {0};
    assert_int_equal(mtr_charges_begin(stage.charges, false, &statuses.txn), 0);
    assert_int_equal(mtr_charges_walk(statuses.txn, 0, check_order, &statuses), 0);
    mtr_charges_abort(statuses.txn);
    assert_int_equal(counts.charges, statuses.charges);
    rating_close(&stage);
}

static void the_law_holds_after_anything(void **state)
{
    const char *text = getenv("METERD_SEEDS");
    uint64_t seeds = 30;
    (void)state;
    if (text && !mtr_str_to_u64(mtr_str_from(text), &seeds)) fail_msg("METERD_SEEDS is no number");
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run_seed(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drafts_then_final_then_correction),
        cmocka_unit_test(a_final_line_without_a_difference_is_still_told),
        cmocka_unit_test(a_changed_tariff_rates_closed_periods_again),
        cmocka_unit_test(a_version_inside_a_period_splits_it),
        cmocka_unit_test(splits_change_no_sum),
        cmocka_unit_test(a_feed_numbered_anew_is_read_again),
        cmocka_unit_test(dimensions_are_lines_of_their_own),
        cmocka_unit_test(prices_are_chosen_by_hour_dimension_and_size),
        cmocka_unit_test(last_and_unique_are_exact_over_cells),
        cmocka_unit_test(a_period_that_cannot_be_rated_holds_up_no_other),
        cmocka_unit_test(the_law_holds_after_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
