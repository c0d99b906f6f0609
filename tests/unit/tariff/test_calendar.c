/*
 * Masks of a calendar: which hold at a moment, and how long, over days that have an hour twice or not at all, in
 * zones off the whole hour, and by clocks that are not those on the wall.
 */
#include "meterd/tariff/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "meterd/core/time.h"
#include "tests/support/pricing.h"

static const char document[] =
    "key: t\ncurrency: EUR\nversions:\n  - from: 2026-01-01\n    calendar:\n"
    "      peak: {not: offpeak}\n"                      /* 0: made of what stands below */
    "      offpeak: {any: [night, weekend, holiday]}\n" /* 1 */
    "      night: {hours: \"22:00-06:00\"}\n"           /* 2 */
    "      weekend: {days: [sat, sun]}\n"               /* 3 */
    "      holiday: {dates: [2026-12-25, 2026-01-01]}\n" /* 4 */
    "      monday_morning: {hours: \"06:00-12:00\", days: mon}\n" /* 5 */
    "      early: {hours: \"00:00-03:00\"}\n"           /* 6 */
    "      late: {hours: \"20:00-24:00\", not: [weekend, holiday]}\n" /* 7 */
    "    components: [{key: a, meter: m, per_unit: 1}]\n";

enum { PEAK, OFFPEAK, NIGHT, WEEKEND, HOLIDAY, MONDAY_MORNING, EARLY, LATE, MASK_COUNT };

/* What holds on a weekday (0 Monday) of that date and hour, said without words of bits. */
static uint64_t expected(int64_t day, int weekday, int hour)
{
    const bool holiday = day == mtr_days_from_civil(2026, 1, 1) || day == mtr_days_from_civil(2026, 12, 25);
    const bool night = hour >= 22 || hour < 6, weekend = weekday >= 5, offpeak = night || weekend || holiday;
    const bool holds[MASK_COUNT] = {!offpeak, offpeak,
                                    night,    weekend,
                                    holiday,  weekday == 0 && hour >= 6 && hour < 12,
                                    hour < 3, hour >= 20 && !weekend && !holiday};
    uint64_t word = 0;
    for (int i = 0; i < MASK_COUNT; i++) word |= (uint64_t)holds[i] << i;
    return word;
}

static void open_calendar(struct pricing *pricing)
{
    if (pricing_open(pricing, mtr_str_from(document)) != MTR_OK)
        fail_msg("%s", pricing->findings.items[0].text);
    assert_int_equal(pricing->tariff.versions[0].calendar.mask_count, MASK_COUNT);
}

/* Every local hour of 2026, and a moment inside each. */
static void test_a_year_of_hours(void **state)
{
    (void)state;
    static const char *const names[] = {
        "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"};
    struct pricing pricing;
    open_calendar(&pricing);
    const struct mtr_calendar *calendar = &pricing.tariff.versions[0].calendar;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct mtr_zone *zone;
        assert_int_equal(mtr_zone_open(mtr_str_from(names[i]), &zone), MTR_OK);
        int64_t time_us = mtr_zone_from_civil(zone, (struct mtr_civil){.year = 2026, .month = 1, .day = 1});
        const int64_t end_us =
            mtr_zone_from_civil(zone, (struct mtr_civil){.year = 2027, .month = 1, .day = 1});
        while (time_us < end_us) {
            const struct mtr_hour hour = mtr_zone_hour(zone, time_us);
            const struct mtr_civil civil = mtr_zone_to_civil(zone, time_us);
            const int64_t day = mtr_days_from_civil(civil.year, civil.month, civil.day);
            int64_t until_us;
            const uint64_t word = mtr_calendar_at(calendar, zone, time_us, &until_us);
            assert_int_equal(word, expected(day, (int)((day + 3) % 7), civil.hour));
            assert_int_equal(until_us, hour.end_us);
            assert_int_equal(word, mtr_calendar_at(calendar, zone, hour.end_us - 1, &until_us));
            assert_int_equal(until_us, hour.end_us);
            time_us = hour.end_us;
        }
        assert_int_equal(time_us, end_us);
        mtr_zone_close(zone);
    }
    pricing_close(&pricing);
}

/* Hours of a mask in a local day. */
static int count_hours(const struct mtr_calendar *calendar, const struct mtr_zone *zone, int month, int day,
                       int mask)
{
    int64_t time_us = mtr_zone_from_civil(zone, (struct mtr_civil){.year = 2026, .month = month, .day = day});
    const int64_t end_us =
        mtr_zone_from_civil(zone, (struct mtr_civil){.year = 2026, .month = month, .day = day + 1});
    int64_t until_us;
    int hours = 0;
    for (; time_us < end_us; time_us = mtr_zone_hour(zone, time_us).end_us)
        hours += (int)(mtr_calendar_at(calendar, zone, time_us, &until_us) >> mask & 1);
    return hours;
}

static void test_days_of_clock_changes(void **state)
{
    (void)state;
    struct pricing pricing;
    struct mtr_zone *berlin;
    open_calendar(&pricing);
    assert_int_equal(mtr_zone_open(MTR_STR("Europe/Berlin"), &berlin), MTR_OK);
    const struct mtr_calendar *calendar = &pricing.tariff.versions[0].calendar;
    assert_int_equal(count_hours(calendar, berlin, 3, 28, NIGHT), 8);
    assert_int_equal(count_hours(calendar, berlin, 3, 29, NIGHT), 7); /* 02:00 does not exist */
    assert_int_equal(count_hours(calendar, berlin, 10, 25, NIGHT), 9); /* 02:00 twice */
    assert_int_equal(count_hours(calendar, berlin, 3, 29, EARLY), 2);
    assert_int_equal(count_hours(calendar, berlin, 10, 25, EARLY), 4);
    assert_int_equal(count_hours(calendar, berlin, 10, 25, WEEKEND), 25);
    assert_int_equal(count_hours(calendar, berlin, 3, 29, WEEKEND), 23);
    mtr_zone_close(berlin);
    pricing_close(&pricing);
}

/* Friday's night is Friday's and Saturday's hours: each is judged by its own weekday. */
static void test_hours_past_midnight(void **state)
{
    (void)state;
    struct pricing pricing;
    struct mtr_zone *utc;
    assert_int_equal(pricing_open(&pricing, MTR_STR("key: t\ncurrency: EUR\nversions:\n- from: 2026-01-01\n"
                                                    "  calendar: {friday: {hours: \"22:00-06:00\", days: fri}}\n"
                                                    "  components: [{key: a, meter: m, per_unit: 1}]\n")),
                     MTR_OK);
    assert_int_equal(mtr_zone_open(MTR_STR("UTC"), &utc), MTR_OK);
    static const struct {
        int day, hour;
        bool holds;
    } hours[] = {{9, 5, true},  {9, 6, false},  {9, 21, false}, {9, 22, true},
                 {9, 23, true}, {10, 0, false}, {10, 5, false}};
    for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++) {
        int64_t time_us = mtr_zone_from_civil(
            utc, (struct mtr_civil){.year = 2026, .month = 1, .day = hours[i].day, .hour = hours[i].hour});
        int64_t until_us;
        assert_int_equal(mtr_calendar_at(&pricing.tariff.versions[0].calendar, utc, time_us, &until_us), hours[i].holds);
    }
    mtr_zone_close(utc);
    pricing_close(&pricing);
}

/* ---- clocks, minutes, months, ranges ---- */

static const char clocks[] =
    "key: t\ncurrency: EUR\nversions:\n  - from: 2026-01-01\n    calendar_zone: standard\n    calendar:\n"
    "      economy7: {hours: \"00:30-07:30\", zone: UTC}\n"
    "      grid: {hours: \"06:15-22:00\", days: mon-fri}\n"
    "      winter: {months: oct-mar, zone: local}\n"
    "      school: {dates: [2027-08-01..2027-08-31, 2027-07-22..2027-08-05], zone: local}\n"
    "      feasts: {dates: [12-24..01-06, 02-29, 2028-04-03], zone: local}\n"
    "      weekend: {days: [sat-sun], months: [jul, aug], hours: \"22:00-00:00\", zone: local}\n"
    "      dark: {any: [economy7, winter], not: feasts}\n"
    "    components: [{key: a, meter: m, per_unit: 1}]\n";

/* The same without bits and clocks: seconds of the year of that clock. */
static uint64_t expected_by_clocks(int64_t time_s, int64_t local_s, int64_t standard_s)
{
    const struct mtr_civil local = mtr_civil_from_s(local_s), standard = mtr_civil_from_s(standard_s);
    const int64_t utc_minute = time_s / 60 % 1440;
    const int minute = standard.hour * 60 + standard.minute, month = local.month, day = local.day;
    const int weekday = (int)((standard_s / 86400 + 3) % 7), local_weekday = (int)((local_s / 86400 + 3) % 7);
    const bool economy7 = utc_minute >= 30 && utc_minute < 450;
    const bool grid = weekday < 5 && minute >= 375 && minute < 1320;
    const bool winter = month >= 10 || month <= 3;
    const bool school = local.year == 2027 && ((month == 7 && day >= 22) || month == 8);
    const bool feasts = (month == 12 && day >= 24) || (month == 1 && day <= 6) || (month == 2 && day == 29) ||
                        (local.year == 2028 && month == 4 && day == 3);
    const bool weekend = local_weekday >= 5 && (month == 7 || month == 8) && local.hour >= 22;
    const bool all[] = {economy7, grid, winter, school, feasts, weekend, (economy7 || winter) && !feasts};
    uint64_t word = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) word |= (uint64_t)all[i] << i;
    return word;
}

/* Two years, a leap year among them, by stretches; and every five minutes in each. */
static void test_clocks_and_stretches(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t standard_s;
    } zones[] = {{"UTC", 0},
                 {"Europe/London", 0},
                 {"Europe/Dublin", 0}, /* its law calls summer the standard */
                 {"Europe/Berlin", 3600},
                 {"America/New_York", -5 * 3600},
                 {"Asia/Kathmandu", 5 * 3600 + 2700},
                 {"Australia/Lord_Howe", 10 * 3600 + 1800}};
    struct pricing pricing;
    if (pricing_open(&pricing, mtr_str_from(clocks)) != MTR_OK) fail_msg("%s", pricing.findings.items[0].text);
    const struct mtr_calendar *calendar = &pricing.tariff.versions[0].calendar;
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        struct mtr_zone *zone;
        assert_int_equal(mtr_zone_open(mtr_str_from(zones[i].name), &zone), MTR_OK);
        int64_t time_us = mtr_days_from_civil(2027, 1, 1) * MTR_US_PER_DAY;
        const int64_t end_us = mtr_days_from_civil(2029, 1, 1) * MTR_US_PER_DAY;
        while (time_us < end_us) {
            int64_t until_us;
            const uint64_t word = mtr_calendar_at(calendar, zone, time_us, &until_us);
            assert_true(until_us > time_us && until_us <= mtr_zone_hour(zone, time_us).end_us);
            for (int64_t at_us = time_us; at_us < until_us; at_us += 300 * MTR_US_PER_SECOND) {
                const int64_t at_s = at_us / MTR_US_PER_SECOND, local_s = at_s + mtr_zone_at(zone, at_us).offset_s;
                assert_int_equal(mtr_zone_standard_offset(zone, at_us), zones[i].standard_s);
                assert_int_equal(word, expected_by_clocks(at_s, local_s, at_s + zones[i].standard_s));
            }
            time_us = until_us;
        }
        mtr_zone_close(zone);
    }
    pricing_close(&pricing);
}

static void test_what_masks_are_made_of(void **state)
{
    (void)state;
    struct pricing pricing;
    assert_int_equal(pricing_open(&pricing, mtr_str_from(clocks)), MTR_OK);
    const struct mtr_calendar *calendar = &pricing.tariff.versions[0].calendar;
    assert_int_equal(mtr_calendar_parts(calendar, 0), 1);
    assert_int_equal(mtr_calendar_parts(calendar, 6), 1 << 6 | 1 | 1 << 2 | 1 << 4);
    assert_true(mtr_mask_cuts(&calendar->masks[0], MTR_US_PER_HOUR) && !mtr_mask_cuts(&calendar->masks[0], MTR_US_PER_HOUR / 2));
    assert_true(mtr_mask_cuts(&calendar->masks[1], MTR_US_PER_HOUR / 2) && !mtr_mask_cuts(&calendar->masks[1], MTR_US_PER_HOUR / 4));
    assert_true(!mtr_mask_cuts(&calendar->masks[5], MTR_US_PER_HOUR)); /* up to midnight */
    assert_true(mtr_mask_has_clock(&calendar->masks[2]) && !mtr_mask_has_clock(&calendar->masks[6]));
    pricing_close(&pricing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_year_of_hours),
        cmocka_unit_test(test_days_of_clock_changes),
        cmocka_unit_test(test_hours_past_midnight),
        cmocka_unit_test(test_clocks_and_stretches),
        cmocka_unit_test(test_what_masks_are_made_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
