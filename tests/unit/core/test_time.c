/*
 * Instants and civil dates: golden texts both ways, the calendar against a day-by-day count, hostile input.
 */
#include "meterd/core/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void days_count_every_day_from_1600_to_2400(void **state)
{
    (void)state;
    int64_t days = mtr_days_from_civil(1600, 1, 1);
    assert_int_equal(days, -135140);
    assert_int_equal(mtr_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(mtr_days_from_civil(2000, 2, 29), 11016);
    unsigned weekday = mtr_weekday(days);
    assert_int_equal(weekday, 6); /* 1600-01-01 was a Saturday */
    for (int32_t year = 1600; year < 2400; year++) {
        for (unsigned month = 1; month <= 12; month++) {
            for (unsigned day = 1; day <= mtr_days_in_month(year, month); day++, days++) {
                int32_t y;
                unsigned m, d;
                mtr_civil_from_days(days, &y, &m, &d);
                assert_true(y == year && m == month && d == day);
                assert_int_equal(mtr_days_from_civil(year, month, day), days);
                assert_int_equal(mtr_weekday(days), weekday);
                weekday = weekday % 7 + 1;
            }
        }
    }
}

static void leap_years_by_the_gregorian_rule(void **state)
{
    (void)state;
    assert_int_equal(mtr_days_in_month(1900, 2), 28);
    assert_int_equal(mtr_days_in_month(2000, 2), 29);
    assert_int_equal(mtr_days_in_month(2024, 2), 29);
    assert_int_equal(mtr_days_in_month(2026, 2), 28);
    assert_int_equal(mtr_days_in_month(2100, 2), 28);
}

static void civil_time_floors_before_the_epoch(void **state)
{
    (void)state;
    struct mtr_civil civil = mtr_civil_from_s(-1);
    assert_true(civil.year == 1969 && civil.month == 12 && civil.day == 31);
    assert_true(civil.hour == 23 && civil.minute == 59 && civil.second == 59);
    assert_int_equal(mtr_civil_to_s(civil), -1);
}

struct time_case {
    const char *text;
    int rc;
    int64_t us;
};

static void rfc3339_golden(void **state)
{
    (void)state;
    static const struct time_case cases[] = {
        {"1970-01-01T00:00:00Z", MTR_OK, 0},
        {"2026-03-29T01:59:59.123456+01:00", MTR_OK, INT64_C(1774745999123456)},
        {"2026-03-29t00:59:59.123456z", MTR_OK, INT64_C(1774745999123456)},
        {"2026-03-29 00:59:59.123456000Z", MTR_OK, INT64_C(1774745999123456)},
        {"2026-03-29T06:29:59+05:30", MTR_OK, INT64_C(1774745999000000)},
        {"2026-03-29T00:59:59-00:00", MTR_OK, INT64_C(1774745999000000)},
        {"2024-02-29T12:00:00.5Z", MTR_OK, INT64_C(1709208000500000)},
        {"2199-12-31T23:59:59.999999Z", MTR_OK, INT64_C(7258118399999999)},
        {"1969-12-31T23:30:00-01:00", MTR_OK, INT64_C(1800000000)},
        {"2200-01-01T00:00:00Z", MTR_EOVERFLOW, 0},
        {"2199-12-31T23:59:59-00:01", MTR_EOVERFLOW, 0},
        {"1970-01-01T00:00:00+00:01", MTR_EOVERFLOW, 0},
        {"1969-12-31T23:59:59.999999Z", MTR_EOVERFLOW, 0},
        {"2026-03-29T00:59:59.1234567Z", MTR_EPRECISION, 0},
        {"2026-03-29T00:59:59.0000000000000000000000000000001Z", MTR_EPRECISION, 0},
        {"2026-03-29T00:59:60Z", MTR_EINVALID, 0},
        {"2016-12-31T23:59:60Z", MTR_OK, INT64_C(1483228800000000)},
        {"2016-12-31T15:59:60.25-08:00", MTR_OK, INT64_C(1483228800250000)},
        {"2016-12-31T23:59:60+01:00", MTR_EINVALID, 0},
        {"2016-12-31T23:59:61Z", MTR_EINVALID, 0},
        {"2016-12-31T24:00:00Z", MTR_EINVALID, 0},
        {"2026-02-29T00:00:00Z", MTR_EINVALID, 0},
        {"2026-13-01T00:00:00Z", MTR_EINVALID, 0},
        {"2026-00-01T00:00:00Z", MTR_EINVALID, 0},
        {"2026-01-00T00:00:00Z", MTR_EINVALID, 0},
        {"2026-01-01T24:00:00Z", MTR_EINVALID, 0},
        {"2026-01-01T00:60:00Z", MTR_EINVALID, 0},
        {"2026-01-01T00:00:00", MTR_EINVALID, 0},
        {"2026-01-01T00:00:00.Z", MTR_EINVALID, 0},
        {"2026-01-01T00:00:00.1234567", MTR_EINVALID, 0},
        {"2026-01-01T00:00:00+1:00", MTR_EINVALID, 0},
        {"2026-01-01T00:00:00+24:00", MTR_EINVALID, 0},
        {"2026-01-01T00:00:00+0100", MTR_EINVALID, 0},
        {"2026-01-01T00:00:00Zx", MTR_EINVALID, 0},
        {" 2026-01-01T00:00:00Z", MTR_EINVALID, 0},
        {"2026-01-01", MTR_EINVALID, 0},
        {"26-01-01T00:00:00Z", MTR_EINVALID, 0},
        {"2026-1-01T00:00:00Z", MTR_EINVALID, 0},
        {"+026-01-01T00:00:00Z", MTR_EINVALID, 0},
        {"", MTR_EINVALID, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t us = -7;
        int rc = mtr_time_parse(mtr_str_from(cases[i].text), &us);
        if (rc != cases[i].rc) print_error("%s: %s\n", cases[i].text, mtr_error_name(rc));
        assert_int_equal(rc, cases[i].rc);
        assert_int_equal(us, rc ? -7 : cases[i].us);
    }
    int64_t us = -7;
    assert_int_equal(mtr_time_parse((struct mtr_str){NULL, 0}, &us), MTR_EINVALID);
}

static void every_prefix_of_a_time_is_refused(void **state)
{
    (void)state;
    struct mtr_str text = MTR_STR("2026-03-29T01:59:59.123456+01:00");
    int64_t us;
    for (size_t size = 0; size < text.size; size++)
        assert_int_equal(mtr_time_parse((struct mtr_str){text.data, size}, &us), MTR_EINVALID);
}

static void dates_stand_for_midnight(void **state)
{
    (void)state;
    int64_t us;
    assert_int_equal(mtr_time_parse_date(MTR_STR("2026-03-01"), &us), MTR_OK);
    assert_int_equal(us, INT64_C(1772323200000000));
    assert_int_equal(mtr_time_parse_date(MTR_STR("2026-03-01T00:00:00+01:00"), &us), MTR_OK);
    assert_int_equal(us, INT64_C(1772319600000000));
    assert_int_equal(mtr_time_parse_date(MTR_STR("2026-02-29"), &us), MTR_EINVALID);
    assert_int_equal(mtr_time_parse_date(MTR_STR("2200-01-01"), &us), MTR_EOVERFLOW);
}

static void formats_are_read_back(void **state)
{
    (void)state;
    char text[MTR_TIME_TEXT_BYTES];
    assert_int_equal(mtr_time_format(INT64_C(1774745999000000), text), 20);
    assert_string_equal(text, "2026-03-29T00:59:59Z");
    mtr_time_format(INT64_C(1774745999120000), text);
    assert_string_equal(text, "2026-03-29T00:59:59.120Z");
    mtr_time_format(INT64_C(1774745999000001), text);
    assert_string_equal(text, "2026-03-29T00:59:59.000001Z");
    assert_int_equal(mtr_time_format_offset(INT64_C(1774745999000000), 19800, text), 25);
    assert_string_equal(text, "2026-03-29T06:29:59+05:30");
    mtr_time_format_offset(INT64_C(1774745999500000), -12600, text);
    assert_string_equal(text, "2026-03-28T21:29:59.500-03:30");
    mtr_time_format_offset(0, -2670, text); /* Africa/Monrovia before 1972: -00:44:30 */
    assert_string_equal(text, "1969-12-31T23:15:00-00:45");
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        int64_t us = (int64_t)(random % (uint64_t)(MTR_TIME_S_MAX * MTR_US_PER_SECOND)), back;
        if (i % 3 == 0) us -= us % 1000000;
        int size = mtr_time_format_offset(us, (int32_t)((int)(random % 57) - 28) * 1800, text);
        assert_int_equal((size_t)size, strlen(text));
        assert_int_equal(mtr_time_parse((struct mtr_str){text, (size_t)size}, &back), MTR_OK);
        assert_int_equal(back, us);
    }
}

static void durations_golden(void **state)
{
    (void)state;
    static const struct time_case cases[] = {
        {"90s", MTR_OK, 90000000},
        {"15m", MTR_OK, 900000000},
        {"2h", MTR_OK, INT64_C(7200000000)},
        {"35d", MTR_OK, INT64_C(3024000000000)},
        {"1w", MTR_OK, INT64_C(604800000000)},
        {"250ms", MTR_OK, 250000},
        {"0", MTR_OK, 0},
        {"0s", MTR_OK, 0},
        {"5", MTR_EINVALID, 0},
        {"s", MTR_EINVALID, 0},
        {"", MTR_EINVALID, 0},
        {"-1s", MTR_EINVALID, 0},
        {"1.5h", MTR_EINVALID, 0},
        {"1h30m", MTR_EINVALID, 0},
        {"1 h", MTR_EINVALID, 0},
        {"1H", MTR_EINVALID, 0},
        {"9223372036854s", MTR_OK, INT64_C(9223372036854000000)},
        {"9223372036855s", MTR_EOVERFLOW, 0},
        {"99999999999999999999999s", MTR_EOVERFLOW, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t us = -7;
        assert_int_equal(mtr_duration_parse(mtr_str_from(cases[i].text), &us), cases[i].rc);
        assert_int_equal(us, cases[i].rc ? -7 : cases[i].us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_count_every_day_from_1600_to_2400),
        cmocka_unit_test(leap_years_by_the_gregorian_rule),
        cmocka_unit_test(civil_time_floors_before_the_epoch),
        cmocka_unit_test(rfc3339_golden),
        cmocka_unit_test(every_prefix_of_a_time_is_refused),
        cmocka_unit_test(dates_stand_for_midnight),
        cmocka_unit_test(formats_are_read_back),
        cmocka_unit_test(durations_golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
