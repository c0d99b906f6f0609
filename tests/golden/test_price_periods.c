/*
 * Golden tables of what a period does to a price: fees by day and second, parts of a period, amounts of a
 * subscription that runs through a period in part.
 */
#include "meterd/tariff/price.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/pricing.h"

/* Days of January 2026 in UTC, from and to in tenths of a day. */
static const struct recurring_row {
    const char *fields;
    int from, to;
    bool closing, continues_earlier, continued_later;
    const char *expected;
} recurring_rows[] = {
    {"amount: 31, prorate: second", 0, 310, false, false, false, "base recurring 31.00; total 31.00"},
    {"amount: 31, prorate: second", 100, 310, false, false, false, "base recurring 21.00; total 21.00"},
    {"amount: 31, prorate: second", 105, 310, false, false, false, "base recurring 20.50; total 20.50"},
    {"amount: 20, prorate: second", 0, 100, true, false, true, "base recurring 6.45; total 6.45"},
    {"amount: 20, prorate: second", 100, 310, true, true, false, "base recurring 13.55; total 13.55"},
    {"amount: 31, prorate: day", 105, 310, false, false, false, "base recurring 21.00; total 21.00"},
    {"amount: 31, prorate: day", 0, 105, false, false, true, "base recurring 10.00; total 10.00"},
    {"amount: 31, prorate: day", 101, 102, false, false, true, "total 0.00"},
    {"amount: 31, prorate: day, in: arrears", 0, 310, false, false, false, "total 0.00"},
    {"amount: 31, prorate: day, in: arrears", 0, 310, true, false, false, "base recurring 31.00; total 31.00"},
    {"amount: 31", 200, 310, false, false, false, "base recurring 31.00; total 31.00"},
    {"amount: 31", 200, 310, false, true, false, "total 0.00"},
    {"amount: 31, in: arrears", 0, 200, true, false, true, "total 0.00"},
    {"amount: 31, in: arrears", 200, 310, true, true, false, "base recurring 31.00; total 31.00"},
    {"amount: 31", 310, 310, true, false, false, "total 0.00"},
    {"amount: 31", -100, 0, true, false, false, "total 0.00"},
    {"amount: 0", 0, 310, true, false, false, "base recurring 0.00; total 0.00"},
};

static void test_recurring(void **state)
{
    (void)state;
    struct mtr_zone *utc;
    assert_int_equal(mtr_zone_open(MTR_STR("UTC"), &utc), MTR_OK);
    for (size_t i = 0; i < sizeof(recurring_rows) / sizeof(recurring_rows[0]); i++) {
        const struct recurring_row *row = &recurring_rows[i];
        struct pricing pricing;
        struct mtr_price price;
        char components[256], text[256];
        snprintf(components, sizeof(components), "{key: base, recurring: {%s}}", row->fields);
        pricing_open_row(&pricing, row->fields, NULL, components, NULL);
        struct mtr_price_input input = pricing_input(&pricing);
        input.active_from_us = input.period.start_us + row->from * (MTR_US_PER_DAY / 10);
        input.active_to_us = input.period.start_us + row->to * (MTR_US_PER_DAY / 10);
        input.closing = row->closing;
        input.continues_earlier = row->continues_earlier;
        input.continued_later = row->continued_later;
        input.zone = utc;
        assert_int_equal(mtr_price(&input, true, &pricing.result, &price), MTR_OK);
        pricing_describe(&pricing, &price, text, sizeof(text));
        if (strcmp(text, row->expected) != 0) fail_msg("row %zu: %s: got %s", i, row->fields, text);
        pricing_close(&pricing);
    }
    mtr_zone_close(utc);
}

/* The day that daylight saving makes shorter counts as a day, and the parts of a split period count each
 * day once. */
static void test_days_of_a_zone(void **state)
{
    (void)state;
    struct mtr_zone *zone;
    assert_int_equal(mtr_zone_open(MTR_STR("Europe/Berlin"), &zone), MTR_OK);
    struct pricing pricing;
    pricing_open_row(&pricing, "days", NULL, "{key: base, recurring: {amount: 31, prorate: day}}", NULL);
    struct mtr_price_input input = pricing_input(&pricing);
    input.zone = zone;
    /* March 2026 in Berlin: an hour short of 31 × 24 h */
    input.period = (struct mtr_period){1772319600 * MTR_US_PER_SECOND, 1774994400 * MTR_US_PER_SECOND};
    static const int64_t splits[] = {1774738800000000, 1774746000000000, 1774789200000000, 1774821600000000};
    /* around 29 March */
    for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
        struct mtr_price first, second;
        struct mtr_money sum;
        char text[MTR_DECIMAL_TEXT_BYTES];
        input.active_from_us = input.period.start_us;
        input.active_to_us = splits[i];
        assert_int_equal(mtr_price(&input, false, &pricing.result, &first), MTR_OK);
        input.active_from_us = splits[i];
        input.active_to_us = input.period.end_us;
        assert_int_equal(mtr_price(&input, false, &pricing.result, &second), MTR_OK);
        assert_int_equal(mtr_money_add(first.total, second.total, &sum), MTR_OK);
        mtr_money_format(sum, text);
        assert_string_equal(text, "31");
    }
    pricing_close(&pricing);
    mtr_zone_close(zone);
}

/* Samoa went from 29 to 31 December 2011: that month had 30 days, and the one that never was is nobody's. */
static void test_a_day_that_the_zone_left_out(void **state)
{
    (void)state;
    const int64_t begin_us = 1322733600 * MTR_US_PER_SECOND, gap_us = 1325239200 * MTR_US_PER_SECOND,
                  end_us = gap_us + MTR_US_PER_DAY;
    const struct {
        int64_t from_us, to_us;
        const char *expected;
    } rows[] = {
        {begin_us, end_us, "base recurring 30.00; total 30.00"},
        {begin_us, gap_us, "base recurring 29.00; total 29.00"},         /* to the end of the 29th */
        {gap_us, end_us, "base recurring 1.00; total 1.00"},   /* the 31st */
        {gap_us - 1, gap_us, "base recurring 1.00; total 1.00"},       /* the last moment before */
        {gap_us - 1, gap_us + 1, "base recurring 1.00; total 1.00"},   /* over the gap */
        {gap_us, gap_us + 1, "total 0.00"},
    };
    struct mtr_zone *zone;
    assert_int_equal(mtr_zone_open(MTR_STR("Pacific/Apia"), &zone), MTR_OK);
    struct pricing pricing;
    pricing_open_row(&pricing, "days", NULL, "{key: base, recurring: {amount: 30, prorate: day}}", NULL);
    struct mtr_price_input input = pricing_input(&pricing);
    input.zone = zone;
    input.period = (struct mtr_period){rows[0].from_us, rows[0].to_us};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_price price;
        char text[256];
        input.active_from_us = rows[i].from_us;
        input.active_to_us = rows[i].to_us;
        assert_int_equal(mtr_price(&input, true, &pricing.result, &price), MTR_OK);
        pricing_describe(&pricing, &price, text, sizeof(text));
        if (strcmp(text, rows[i].expected) != 0) fail_msg("row %zu: got %s", i, text);
    }
    pricing_close(&pricing);
    mtr_zone_close(zone);
}

static void test_not_closing_has_no_minimum(void **state)
{
    (void)state;
    struct pricing pricing;
    struct mtr_price price;
    pricing_open_row(&pricing, "draft", NULL, "{key: a, meter: m, per_unit: 1, minimum: 5}", "minimum: 10");
    struct mtr_price_input input = pricing_input(&pricing);
    input.closing = false;
    assert_int_equal(mtr_price(&input, true, &pricing.result, &price), MTR_OK);
    assert_int_equal(price.line_count, 0);
    assert_true(price.total.e18 == 0);
    pricing_close(&pricing);
}

/* A period in two parts: cap and minimums are of the period, not of each part. */
static void test_earlier_part_counts(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        const char *version;
        const char *expected;
    } part_rows[] = {
        {"cap: 10", NULL, "a usage 2.00; total 2.00"},
        {"cap: 5", NULL, "a usage 0.00; total 0.00"},
        {"minimum: 16", NULL, "a usage 8.00; total 8.00"},
        {"minimum: 20", NULL, "a usage 8.00; a minimum 4.00; total 12.00"},
        {"free_units: 0", "minimum: 20", "a usage 8.00; tariff.minimum minimum 4.00; total 12.00"},
        {"commitment: {amount: 10, overage: 1.5}", NULL, "a usage 8.00; a overage 3.00; total 11.00"},
        {"commitment: {amount: 20, overage: 1.5}", NULL, "a usage 8.00; a commitment 4.00; total 12.00"},
    };
    for (size_t i = 0; i < sizeof(part_rows) / sizeof(part_rows[0]); i++) {
        struct pricing pricing;
        struct mtr_price first, second;
        char components[256], text[256];
        snprintf(components, sizeof(components), "{key: a, meter: m, per_unit: 1, %s}", part_rows[i].fields);
        pricing_open_row(&pricing, "parts", NULL, components, part_rows[i].version);
        struct mtr_usage_row usage = {.quantity = {(mtr_int128)8 * 1000000000000}};
        struct mtr_price_input input = pricing_input(&pricing);
        input.usage = &usage;
        input.usage_count = 1;
        input.continued_later = true;
        assert_int_equal(mtr_price(&input, false, &pricing.result, &first), MTR_OK);
        assert_int_equal(first.line_count, 1); /* no minimum yet */
        input.continued_later = false;
        input.continues_earlier = true;
        input.earlier = (const struct mtr_price *const[]){&first};
        input.earlier_count = 1;
        assert_int_equal(mtr_price(&input, true, &pricing.result, &second), MTR_OK);
        pricing_describe(&pricing, &second, text, sizeof(text));
        assert_string_equal(text, part_rows[i].expected);
        pricing_close(&pricing);
    }
}

/* Overage of the first part counts in the second, however the line fell. */
static void test_overage_of_an_earlier_part(void **state)
{
    (void)state;
    struct pricing pricing;
    struct mtr_price first, second;
    char text[256];
    pricing_open_row(&pricing, "overage", NULL,
                     "{key: a, meter: m, per_unit: 1, commitment: {amount: 6, overage: 1.5}}", NULL);
    struct mtr_usage_row usage = {.quantity = {(mtr_int128)8 * 1000000000000}};
    struct mtr_price_input input = pricing_input(&pricing);
    input.usage = &usage;
    input.usage_count = 1;
    input.continued_later = true;
    assert_int_equal(mtr_price(&input, false, &pricing.result, &first), MTR_OK);
    pricing_describe(&pricing, &first, text, sizeof(text));
    assert_string_equal(text, "a usage 8.00; a overage 1.00; total 9.00");
    input.continued_later = false;
    input.continues_earlier = true;
    input.earlier = (const struct mtr_price *const[]){&first};
    input.earlier_count = 1;
    assert_int_equal(mtr_price(&input, true, &pricing.result, &second), MTR_OK);
    pricing_describe(&pricing, &second, text, sizeof(text));
    assert_string_equal(text, "a usage 8.00; a overage 4.00; total 12.00"); /* 16 of 6: 5 above in all */
    pricing_close(&pricing);
}

/* Minimum and commitment in a period that the subscription runs through in part: 15 of 31 days. */
static void test_prorated_amounts(void **state)
{
    (void)state;
    static const struct {
        const char *component, *version, *expected;
    } share_rows[] = {
        {"{key: a, meter: m, per_unit: 1, minimum: 10, minimum_prorate: second}", NULL, "a usage 2.00; a minimum 2.84; total 4.84"},
        {"{key: a, meter: m, per_unit: 1, minimum: 10, minimum_prorate: day}", NULL, "a usage 2.00; a minimum 2.84; total 4.84"},
        {"{key: a, meter: m, per_unit: 1, minimum: 10}", NULL, "a usage 2.00; a minimum 8.00; total 10.00"},
        {"{key: a, meter: m, per_unit: 1, commitment: {amount: 31, prorate: day}}", NULL, "a usage 2.00; a commitment 13.00; total 15.00"},
        {"{key: a, meter: m, per_unit: 10, commitment: {amount: 31, overage: 2, prorate: day}}", NULL, "a usage 20.00; a overage 5.00; total 25.00"},
        {"{key: a, meter: m, per_unit: 1}", "minimum: 31\n    minimum_prorate: second", "a usage 2.00; tariff.minimum minimum 13.00; total 15.00"},
        {"{key: a, meter: m, per_unit: 1}", "commitment: {amount: 31, prorate: second}", "a usage 2.00; tariff.commitment commitment 13.00; total 15.00"},
    };
    struct mtr_zone *utc;
    assert_int_equal(mtr_zone_open(MTR_STR("UTC"), &utc), MTR_OK);
    for (size_t i = 0; i < sizeof(share_rows) / sizeof(share_rows[0]); i++) {
        struct pricing pricing;
        struct mtr_price price;
        char text[256];
        pricing_open_row(&pricing, "share", NULL, share_rows[i].component, share_rows[i].version);
        struct mtr_usage_row usage = {.quantity = {(mtr_int128)2 * 1000000000000}};
        struct mtr_price_input input = pricing_input(&pricing);
        input.zone = utc;
        input.usage = &usage;
        input.usage_count = 1;
        input.active_from_us += MTR_US_PER_DAY * 20; /* the last of two parts */
        input.runs_from_us += MTR_US_PER_DAY * 16;
        assert_int_equal(mtr_price(&input, true, &pricing.result, &price), MTR_OK);
        pricing_describe(&pricing, &price, text, sizeof(text));
        assert_string_equal(text, share_rows[i].expected);
        pricing_close(&pricing);
    }
    mtr_zone_close(utc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recurring),
        cmocka_unit_test(test_days_of_a_zone),
        cmocka_unit_test(test_a_day_that_the_zone_left_out),
        cmocka_unit_test(test_not_closing_has_no_minimum),
        cmocka_unit_test(test_earlier_part_counts),
        cmocka_unit_test(test_overage_of_an_earlier_part),
        cmocka_unit_test(test_prorated_amounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
