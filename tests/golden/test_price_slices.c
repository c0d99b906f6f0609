/*
 * Golden rows of slices: what a scope does to the curve, and how a part of a period goes on where the parts
 * before it ended.
 *
 * Usage is written `[<][dimensions]@hour[..hour]=quantity`, hours since 2026-01-01 in UTC; `<` marks use
 * before the part.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>

#include "meterd/core/time.h"
#include "tests/support/pricing.h"

enum { USAGE_MAX = 32 };

static const struct {
    const char *component; /* without key and meter */
    const char *usage;
    const char *expected;
} rows[] = {
    /* scope */
    {"package: {size: 10, price: 1}, scope: period", "@1=5 @25=5", "a usage 1.00; total 1.00"},
    {"package: {size: 10, price: 1}, scope: event", "@1=5 @1=5 @25=5", "a usage 3.00; total 3.00"},
    {"package: {size: 10, price: 1}, scope: hour", "@1=5 @1=5 @25=5", "a usage 2.00; total 2.00"},
    {"package: {size: 10, price: 1}, scope: day", "@1=5 @23=5 @24=1", "a usage 2.00; total 2.00"},
    {"package: {size: 10, price: 1}, scope: day, group_by: [r]", "r=b@1=5 r=a@23=5 r=b@24=1", "a r=a usage 1.00; a r=b usage 2.00; total 3.00"},
    {"increments: {connect: \"0.05\", steps: [{price: 1, per: 60, step: 60}, {from: 60, price: 1, per: 60, step: 1}]}, scope: event",
     "@1=61 @2=10", "a usage 2.12; total 2.12"}, /* 1 + 1/60 + 1 + 2 × 0.05 */
    {"graduated: [{up_to: 10, unit: 2}, {unit: 1}], scope: day", "@1=15 @25=5", "a usage 35.00; total 35.00"},
    {"per_unit: 1, scope: event, convert: {rounding: ceiling, digits: 0}", "@1=0.4 @2=0.4", "a usage 2.00; total 2.00"},
    {"per_unit: 1, convert: {rounding: ceiling, digits: 0}", "@1=0.4 @2=0.4", "a usage 1.00; total 1.00"},
    {"per_unit: \"0.004\", scope: event", "@1=1 @2=1", "a usage 0.01; total 0.01"}, /* a line is rounded once */
    {"per_unit: 1, scope: event, free_units: 5", "@1=2 @2=2 @3=2", "a usage 1.00; total 1.00"},
    {"package: {size: 10, price: 1}, scope: event, free_units: 5", "@3=10 @1=4", "a usage 1.00; total 1.00"}, /* 4 and 1 are free */
    /* bounds of each */
    {"increments: {connect: \"0.05\", steps: [{price: 1, per: 60, step: 60}]}, scope: event, each: {maximum: 2}", "@1=61 @2=10 @3=6000",
     "a usage 5.05; total 5.05"}, /* 2 + 1.05 + 2 */
    {"increments: {steps: [{price: 1, per: 60}, {from: 180, price: \"0.5\", per: 60}]}, scope: event, each: {minimum: 2}", "@1=60 @2=240",
     "a usage 5.50; total 5.50"},
    {"per_unit: 1, scope: event, free_units: 5, each: {minimum: 2, maximum: 3}", "@1=5 @2=1 @3=10", "a usage 5.00; total 5.00"}, /* free is free */
    {"per_unit: 1, scope: event, each: {minimum: 2, maximum: 3}", "@1=-5 @2=1", "a usage -3.00; total -3.00"}, /* refunds are as they are */
    {"per_unit: 1, scope: day, each: {maximum: 10}", "@1=8 @2=8 @25=4", "a usage 14.00; total 14.00"},
    {"per_unit: 1, scope: hour, each: {maximum: 10}, discount: {percent: 50}", "@1=8 @1=8 @25=4", "a usage 7.00; total 7.00"},
    {"per_unit: 1, scope: day, each: {maximum: 10}", "<@1=8 @2=8 @25=4", "a usage 6.00; total 6.00"}, /* the day's rest, up to its greatest */
    {"scope: day, percentage: {rate: 1, fixed: 1}, each: {minimum: 2}", "@1=50 @25=500", "a usage 8.00; total 8.00"},
    /* a part goes on where those before it ended */
    {"graduated: [{up_to: 100, unit: 2}, {unit: 1}]", "<@1=80 @20=40", "a usage 60.00; total 60.00"},
    {"graduated: [{up_to: 100, unit: 2, flat: 5}, {unit: 1, flat: 7}]", "<@1=80 @20=40", "a usage 67.00; total 67.00"},
    {"graduated: [{up_to: 100, unit: 2, flat: 5}, {unit: 1, flat: 7}]", "<@1=80 @20=10", "a usage 20.00; total 20.00"},
    {"volume: [{up_to: 100, unit: 2}, {unit: 1}]", "<@1=80 @20=40", "a usage -40.00; total -40.00"}, /* 120 at 1, less 160 */
    {"per_unit: 1, convert: {divide: 1000, rounding: ceiling, digits: 0}", "<@1=1400 @20=1300", "a usage 1.00; total 1.00"},
    {"package: {size: 1000, price: 1}", "<@1=1400 @20=1300", "a usage 1.00; total 1.00"},
    {"per_unit: 1, free_units: 10", "<@1=6 @20=6", "a usage 2.00; total 2.00"},
    {"per_unit: 1, free_units: 10", "<@1=16 @20=6", "a usage 6.00; total 6.00"},
    {"per_unit: 1, free_units: 10, scope: event", "<@1=6 @20=6", "a usage 2.00; total 2.00"},
    {"stairstep: [{up_to: 10, amount: 50}, {amount: 90}]", "<@1=8 @20=4", "a usage 40.00; total 40.00"},
    {"percentage: {rate: 1, fixed: 3}", "<@1=100 @20=200", "a usage 2.00; total 2.00"},
    {"percentage: {rate: 1, fixed: 3}, scope: event", "<@1=100 @20=200", "a usage 5.00; total 5.00"},
    /* percentages of each event: the fixed part before the bounds, neither for what is free */
    {"scope: event, percentage: {rate: 1.3, fixed: 2, free_amount: 250}", "@1=50 @2=100 @3=250 @4=400", "a usage 11.15; total 11.15"},
    {"scope: event, percentage: {rate: 2.99, free_amount: 30, minimum: 1.75, maximum: 12}", "@1=10 @2=80 @3=10000", "a usage 13.79; total 13.79"},
    {"scope: event, percentage: {rate: 2.99, fixed: 2, minimum: 1.75, maximum: 12}", "@1=10 @2=80 @3=10000", "a usage 18.69; total 18.69"},
    {"scope: event, percentage: {rate: 1, minimum: 5}", "@1=100", "a usage 5.00; total 5.00"},
    {"scope: event, percentage: {rate: 1, fixed: 3, free_events: 2}", "@3=100 @1=200 @2=300", "a usage 4.00; total 4.00"}, /* the one at 3 is paid */
    {"scope: event, percentage: {rate: 1, fixed: 3, free_events: 0}", "@1=100", "a usage 4.00; total 4.00"},
    {"scope: event, percentage: {rate: 1, free_events: 2, free_amount: 1000}", "@1=100 @2=100 @3=100", "a usage 1.00; total 1.00"},
    {"scope: event, percentage: {rate: 1, free_events: 9, free_amount: 150}", "@1=100 @2=100 @3=100", "a usage 1.50; total 1.50"},
    {"scope: event, percentage: {rate: 1, free_amount: 100}", "@1=100 @2=100", "a usage 1.00; total 1.00"}, /* ends with the event, not inside */
    {"scope: event, percentage: {rate: 1, free_amount: 150}", "@1=200 @2=100", "a usage 1.50; total 1.50"}, /* over once it ended inside one */
    {"scope: event, percentage: {rate: 1, fixed: 3, minimum: 2, free_amount: 100}", "@1=-100 @2=100 @3=100",
     "a usage 3.00; total 3.00"}, /* a refund: the rate alone */
    {"scope: event, percentage: {rate: 1, fixed: 3}", "@1=100 @2=-100", "a usage 3.00; total 3.00"},
    {"scope: event, percentage: {rate: 1, free_events: 2}", "<@1=100 <@2=100 @3=100", "a usage 1.00; total 1.00"},
    {"scope: event, percentage: {rate: 1, free_amount: 150}", "<@1=100 @3=100", "a usage 0.50; total 0.50"},
    {"per_unit: 1, discount: {percent: 10}", "<@1=100 @20=200", "a usage 180.00; total 180.00"},
    {"per_unit: 1", "<@1=100", "total 0.00"},
    /* levels: 744 hours are the period */
    {"per_unit: 10, scope: level", "@0..744=2 @372..744=1", "a usage 25.00; total 25.00"},
    {"graduated: [{up_to: 5, unit: 10, flat: 100}, {unit: 5, flat: 50}], scope: level", "@0..372=4 @372..744=7", "a usage 200.00; total 200.00"},
    {"graduated: [{up_to: 5, unit: 10, flat: 100}, {unit: 5, flat: 50}], scope: level", "<@0..372=4 @372..744=7", "a usage 80.00; total 80.00"},
    {"graduated: [{up_to: 5, unit: 10, flat: 100}, {unit: 5, flat: 50}], scope: level, flat_at_zero: true", "", "a usage 100.00; total 100.00"},
    {"volume: [{up_to: 5, unit: 10}, {unit: 5}], scope: level", "@0..372=4 @372..744=10", "a usage 45.00; total 45.00"},
    {"per_unit: 10, scope: level, free_units: 2", "@0..372=3 @372..744=5", "a usage 20.00; total 20.00"},
};

static uint32_t parse_usage(const char *text, struct mtr_usage_row *usage)
{
    static char copy[512];
    uint32_t count = 0;
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *rest = copy, *word = strsep(&rest, " "); word && *word; word = strsep(&rest, " ")) {
        struct mtr_usage_row *row = &usage[count++];
        *row = (struct mtr_usage_row){.earlier = *word == '<'};
        word += row->earlier;
        char *at = strchr(word, '@'), *equals = strrchr(word, '='), *end;
        assert_true(at && equals && count <= USAGE_MAX);
        row->dimensions = (struct mtr_str){word, (size_t)(at - word)};
        row->time_us = (1767225600 + strtoll(at + 1, &end, 10) * 3600) * MTR_US_PER_SECOND;
        row->until_us =
            *end == '.' ? (1767225600 + strtoll(end + 2, NULL, 10) * 3600) * MTR_US_PER_SECOND : row->time_us;
        assert_int_equal(mtr_quantity_parse(mtr_str_from(equals + 1), &row->quantity), MTR_OK);
    }
    return count;
}

static void test_rows(void **state)
{
    (void)state;
    struct mtr_zone *utc;
    assert_int_equal(mtr_zone_open(MTR_STR("UTC"), &utc), MTR_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_usage_row usage[USAGE_MAX];
        struct pricing pricing;
        struct mtr_price price;
        char text[1024], got[1024];
        snprintf(
            text, sizeof(text),
            "key: t\ncurrency: EUR\nversions:\n  - from: 2026-01-01\n    components:\n      - {key: a, meter: m, %s}\n",
            rows[i].component);
        if (pricing_open(&pricing, mtr_str_from(text)) != MTR_OK)
            fail_msg("%s: %s", rows[i].component, pricing.findings.items[0].text);
        struct mtr_price_input input = pricing_input(&pricing);
        input.zone = utc;
        input.usage = usage;
        input.usage_count = parse_usage(rows[i].usage, usage);
        assert_int_equal(mtr_price(&input, true, &pricing.result, &price), MTR_OK);
        pricing_describe(&pricing, &price, got, sizeof(got));
        if (strcmp(got, rows[i].expected) != 0)
            fail_msg("%s of %s:\n  expected %s\n  got      %s", rows[i].component, rows[i].usage,
                     rows[i].expected, got);
        pricing_close(&pricing);
    }
    mtr_zone_close(utc);
}

/* Traces do not grow with the number of events. */
static void test_many_slices(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    static struct mtr_usage_row usage[COUNT];
    struct pricing pricing;
    struct mtr_price price;
    char got[256];
    assert_int_equal(
        pricing_open(&pricing,
                     MTR_STR("key: t\ncurrency: EUR\nversions:\n  - from: 2026-01-01\n    components:\n"
                             "      - {key: a, meter: m, package: {size: 10, price: 1}, scope: event}\n")),
        MTR_OK);
    for (uint32_t i = 0; i < COUNT; i++)
        usage[i] = (struct mtr_usage_row){
            .dimensions = MTR_STR(""), .time_us = i, .quantity = {(mtr_int128)1000000000000}};
    struct mtr_price_input input = pricing_input(&pricing);
    input.usage = usage;
    input.usage_count = COUNT;
    assert_int_equal(mtr_price(&input, true, &pricing.result, &price), MTR_OK);
    pricing_describe(&pricing, &price, got, sizeof(got));
    assert_string_equal(got, "a usage 10000.00; total 10000.00");
    assert_in_range(price.step_count, 100, 400);
    pricing_close(&pricing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_many_slices)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
