/*
 * Billing periods: golden borders, and the law that they partition time, in whole local hours, in every zone
 * and unit.
 */
#include "meterd/core/period.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct mtr_zone *open_zone(const char *name)
{
    struct mtr_zone *zone = NULL;
    assert_int_equal(mtr_zone_open(mtr_str_from(name), &zone), MTR_OK);
    return zone;
}

static int64_t utc(const char *text)
{
    int64_t us = 0;
    assert_int_equal(mtr_time_parse(mtr_str_from(text), &us), MTR_OK);
    return us;
}

static void names_are_those_of_documents(void **state)
{
    static const char *const names[MTR_PERIOD_UNIT_COUNT] = {"day", "week", "month", "quarter", "year"};
    (void)state;
    for (int unit = MTR_PERIOD_DAY; unit < MTR_PERIOD_UNIT_COUNT; unit++)
        assert_string_equal(mtr_period_unit_name((enum mtr_period_unit)unit), names[unit]);
}

static void borders_golden(void **state)
{
    (void)state;
    const int64_t calendar = INT64_MIN;
    const struct {
        const char *zone;
        enum mtr_period_unit unit;
        int64_t anchor_days;
        const char *at, *start, *end;
    } cases[] = {
        {"UTC", MTR_PERIOD_MONTH, calendar, "2024-02-29T23:59:59Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
        {"UTC", MTR_PERIOD_MONTH, calendar, "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z", "2024-04-01T00:00:00Z"},
        {"Asia/Kolkata", MTR_PERIOD_MONTH, calendar, "2026-02-28T18:30:00Z", "2026-02-28T18:30:00Z", "2026-03-31T18:30:00Z"},
        {"UTC", MTR_PERIOD_WEEK, calendar, "2026-03-29T12:00:00Z", "2026-03-23T00:00:00Z", "2026-03-30T00:00:00Z"},
        {"UTC", MTR_PERIOD_QUARTER, calendar, "2026-03-29T12:00:00Z", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"},
        {"UTC", MTR_PERIOD_YEAR, calendar, "2026-03-29T12:00:00Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
        {"Europe/Berlin", MTR_PERIOD_DAY, calendar, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
        {"Europe/Berlin", MTR_PERIOD_DAY, calendar, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
        /* Midnight does not exist: the day starts at 01:00. */
        {"America/Sao_Paulo", MTR_PERIOD_DAY, calendar, "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
        /* 30 December 2011 was left out. */
        {"Pacific/Apia", MTR_PERIOD_DAY, calendar, "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
        {"Pacific/Apia", MTR_PERIOD_DAY, calendar, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
        /* Just after midnight clocks went back to the evening before: that hour belongs to the day that
         * had begun. */
        {"America/St_Johns", MTR_PERIOD_DAY, calendar, "2010-11-07T02:45:00Z", "2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"},
        {"UTC", MTR_PERIOD_MONTH, 20484, "2026-02-15T00:00:00Z", "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"}, /* anchor 2026-01-31 */
        {"UTC", MTR_PERIOD_MONTH, 20484, "2026-02-28T00:00:00Z", "2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"},
        {"UTC", MTR_PERIOD_MONTH, 20484, "2026-03-31T00:00:00Z", "2026-03-31T00:00:00Z", "2026-04-30T00:00:00Z"},
        {"UTC", MTR_PERIOD_MONTH, 20484, "2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z"},
        {"UTC", MTR_PERIOD_MONTH, 20484, "2025-12-31T00:00:00Z", "2025-12-31T00:00:00Z", "2026-01-31T00:00:00Z"}, /* before the anchor */
        {"UTC", MTR_PERIOD_QUARTER, 20484, "2026-05-01T00:00:00Z", "2026-04-30T00:00:00Z", "2026-07-31T00:00:00Z"},
        {"UTC", MTR_PERIOD_YEAR, 19782, "2025-03-01T00:00:00Z", "2025-02-28T00:00:00Z", "2026-02-28T00:00:00Z"}, /* anchor 2024-02-29 */
        {"UTC", MTR_PERIOD_YEAR, 19782, "2028-03-01T00:00:00Z", "2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z"},
        {"UTC", MTR_PERIOD_WEEK, 20484, "2026-02-07T00:00:00Z", "2026-02-07T00:00:00Z", "2026-02-14T00:00:00Z"},
        {"Asia/Kathmandu", MTR_PERIOD_DAY, 20484, "2026-02-07T00:00:00Z", "2026-02-06T18:15:00Z", "2026-02-07T18:15:00Z"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mtr_zone *zone = open_zone(cases[i].zone);
        struct mtr_period_rule rule = {cases[i].unit, cases[i].anchor_days, zone};
        struct mtr_period period = mtr_period_at(&rule, utc(cases[i].at));
        if (period.start_us != utc(cases[i].start) || period.end_us != utc(cases[i].end))
            print_error("case %zu\n", i);
        assert_int_equal(period.start_us, utc(cases[i].start));
        assert_int_equal(period.end_us, utc(cases[i].end));
        mtr_zone_close(zone);
    }
}

/* Several in a row are periods, too, from the same anchor on. */
static void several_in_a_row(void **state)
{
    (void)state;
    const struct {
        enum mtr_period_unit unit;
        uint32_t count;
        int64_t anchor_days;
        const char *at, *start, *end;
    } cases[] = {
        {MTR_PERIOD_MONTH, 6, INT64_MIN, "2026-06-30T23:59:59Z", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"},
        {MTR_PERIOD_QUARTER, 2, INT64_MIN, "2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"},
        {MTR_PERIOD_MONTH, 6, 20696, "2027-02-27T23:59:59Z", "2026-08-31T00:00:00Z", "2027-02-28T00:00:00Z"}, /* anchor 2026-08-31 */
        {MTR_PERIOD_MONTH, 6, 20696, "2027-02-28T00:00:00Z", "2027-02-28T00:00:00Z", "2027-08-31T00:00:00Z"},
        {MTR_PERIOD_YEAR, 3, 19782, "2027-02-27T12:00:00Z", "2024-02-29T00:00:00Z", "2027-02-28T00:00:00Z"}, /* anchor 2024-02-29 */
        {MTR_PERIOD_YEAR, 3, 19782, "2024-02-28T12:00:00Z", "2021-02-28T00:00:00Z", "2024-02-29T00:00:00Z"}, /* before the anchor */
        {MTR_PERIOD_WEEK, 5, 20484, "2026-03-06T12:00:00Z", "2026-01-31T00:00:00Z", "2026-03-07T00:00:00Z"},
    };
    struct mtr_zone *zone = open_zone("UTC");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct mtr_period_rule rule = {cases[i].unit, cases[i].anchor_days, zone};
        const struct mtr_period period = mtr_period_of_several(&rule, cases[i].count, utc(cases[i].at));
        if (period.start_us != utc(cases[i].start) || period.end_us != utc(cases[i].end)) fail_msg("case %zu", i);
    }
    mtr_zone_close(zone);
}

static void lengths_compare(void **state)
{
    (void)state;
    char text[MTR_PERIOD_LENGTH_TEXT_BYTES];
    const struct mtr_period_length half = {MTR_PERIOD_MONTH, 6}, weeks = {MTR_PERIOD_WEEK, 5}, years = {MTR_PERIOD_YEAR, 3};
    assert_string_equal(mtr_period_length_text(half, text), "6 months");
    assert_string_equal(mtr_period_length_text((struct mtr_period_length){MTR_PERIOD_YEAR, 1}, text), "a year");
    assert_true(mtr_period_length_exceeds(half, MTR_PERIOD_QUARTER) && !mtr_period_length_exceeds(half, MTR_PERIOD_YEAR));
    assert_true(mtr_period_length_exceeds(weeks, MTR_PERIOD_MONTH) && !mtr_period_length_exceeds(weeks, MTR_PERIOD_QUARTER));
    assert_false(mtr_period_length_exceeds((struct mtr_period_length){MTR_PERIOD_QUARTER, 4}, MTR_PERIOD_YEAR));
    assert_true(mtr_period_length_is_shorter(weeks, half) && !mtr_period_length_is_shorter(years, half));
    assert_true(mtr_period_length_is_of_calendar(half) && !mtr_period_length_is_of_calendar(weeks) && !mtr_period_length_is_of_calendar(years));
}

/* Walks one rule over [from_us, to_us): neighbours touch, every instant of a period gives that period,
 * borders start an hour. */
static void check_partition(const struct mtr_period_rule *rule, int64_t from_us, int64_t to_us)
{
    struct mtr_period period = mtr_period_at(rule, from_us);
    assert_true(period.start_us <= from_us && from_us < period.end_us);
    while (period.end_us < to_us) {
        const int64_t probes[] = {period.start_us, period.start_us + (period.end_us - period.start_us) / 3,
                                  period.end_us - 1};
        for (int i = 0; i < 3; i++) {
            struct mtr_period same = mtr_period_at(rule, probes[i]);
            assert_true(same.start_us == period.start_us && same.end_us == period.end_us);
        }
        assert_int_equal(mtr_zone_hour(rule->zone, period.start_us).start_us, period.start_us);
        struct mtr_period next = mtr_period_at(rule, period.end_us);
        assert_int_equal(next.start_us, period.end_us);
        assert_true(next.end_us > next.start_us);
        period = next;
    }
}

static void periods_partition_time(void **state)
{
    (void)state;
    static const char *const zones[] = {
        "UTC",          "Asia/Kolkata",     "America/Sao_Paulo", "Australia/Lord_Howe",
        "Pacific/Apia", "America/St_Johns", "Africa/Casablanca", "Pacific/Chatham",
        "Europe/Dublin"};
    const int64_t anchors[] = {INT64_MIN, 20484, 19782, 20088, 14975};
    for (size_t z = 0; z < sizeof(zones) / sizeof(*zones); z++) {
        struct mtr_zone *zone = open_zone(zones[z]);
        for (size_t a = 0; a < sizeof(anchors) / sizeof(*anchors); a++) {
            for (int unit = MTR_PERIOD_DAY; unit <= MTR_PERIOD_YEAR; unit++) {
                struct mtr_period_rule rule = {(enum mtr_period_unit)unit, anchors[a], zone};
                bool days = unit == MTR_PERIOD_DAY;
                check_partition(&rule, utc(days ? "2009-01-01T00:00:00Z" : "1972-05-05T00:00:00Z"),
                                utc(days ? "2014-01-01T00:00:00Z" : "2100-01-01T00:00:00Z"));
            }
        }
        mtr_zone_close(zone);
    }
}

/* Hours partition time too, and every local midnight that exists starts one. */
static void hours_partition_time(void **state)
{
    (void)state;
    static const char *const zones[] = {"UTC", "Asia/Kolkata", "Australia/Lord_Howe",
                                        "America/St_Johns", "Africa/Casablanca", "Pacific/Chatham"};
    for (size_t z = 0; z < sizeof(zones) / sizeof(*zones); z++) {
        struct mtr_zone *zone = open_zone(zones[z]);
        int64_t at = utc("2005-01-01T00:00:00Z"), end = utc("2012-01-01T00:00:00Z");
        struct mtr_hour hour = mtr_zone_hour(zone, at);
        while (hour.end_us < end) {
            struct mtr_hour last = mtr_zone_hour(zone, hour.end_us - 1),
                            next = mtr_zone_hour(zone, hour.end_us);
            assert_true(last.start_us == hour.start_us && last.end_us == hour.end_us &&
                        next.start_us == hour.end_us);
            assert_true(hour.end_us > hour.start_us && hour.end_us - hour.start_us <= MTR_US_PER_HOUR);
            struct mtr_civil civil = mtr_zone_to_civil(zone, hour.end_us - 1);
            assert_int_equal(civil.hour, mtr_zone_to_civil(zone, hour.start_us).hour);
            hour = next;
        }
        mtr_zone_close(zone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_documents),
        cmocka_unit_test(borders_golden),
        cmocka_unit_test(several_in_a_row),
        cmocka_unit_test(lengths_compare),
        cmocka_unit_test(periods_partition_time),
        cmocka_unit_test(hours_partition_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
