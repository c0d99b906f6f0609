/*
 * Windows: golden limits in zones whose clocks change, skip a day or stand off by a quarter; names, retention, the
 * inclusive end, and halving where an answer meets a limit.
 */
#include "meterd/source/window.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/random.h"
#include "tests/support/source/windows.h"

static int64_t instant(const char *text)
{
    int64_t time_us;
    assert_int_equal(mtr_time_parse_date(mtr_str_from(text), &time_us), MTR_OK);
    return time_us;
}

/* Of UTC there is no zone. */
static struct mtr_source_window rule_of(const char *zone_name, const char *length, struct mtr_zone **zone)
{
    struct mtr_source_window rule = {.start_us = 0};
    *zone = NULL;
    if (strcmp(zone_name, "UTC") != 0) assert_int_equal(mtr_zone_open(mtr_str_from(zone_name), zone), MTR_OK);
    rule.zone = *zone;
    assert_true(source_window_set_length(&rule, length));
    return rule;
}

static const struct {
    const char *zone, *length, *time, *from, *to;
} rows[] = {
    {"UTC", "day", "2026-03-01T12:00:00Z", "2026-03-01", "2026-03-02"},
    {"UTC", "day", "2026-03-01", "2026-03-01", "2026-03-02"},
    {"UTC", "hour", "2026-03-01T12:59:59Z", "2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z"},
    {"UTC", "month", "2024-02-29T23:59:59Z", "2024-02-01", "2024-03-01"},
    {"UTC", "5m", "2026-03-01T12:59:59Z", "2026-03-01T12:55:00Z", "2026-03-01T13:00:00Z"},
    {"UTC", "7d", "2026-03-04", "2026-03-02", "2026-03-09"}, /* weeks from Monday */
    {"UTC", "1w", "2026-03-08T23:00:00Z", "2026-03-02", "2026-03-09"},
    {"UTC", "10d", "2026-03-01", "2026-02-26", "2026-03-08"}, /* 1970-01-01 and 20,510 days */
    {"UTC", "7h", "1970-01-01T07:30:00Z", "1970-01-01T07:00:00Z", "1970-01-01T14:00:00Z"}, /* what does not divide a day */
    {"Asia/Kolkata", "36h", "1970-01-02T13:00:00Z", "1970-01-02T12:00:00Z", "1970-01-04"},
    {"UTC", "periods", "2026-03-31T23:59:59Z", "2026-03-01", "2026-04-01"},
    {"Asia/Kolkata", "day", "2026-03-01T12:00:00Z", "2026-02-28T18:30:00Z", "2026-03-01T18:30:00Z"},
    {"Asia/Kolkata", "month", "2026-02-28T18:30:00Z", "2026-02-28T18:30:00Z", "2026-03-31T18:30:00Z"},
    {"Asia/Kathmandu", "hour", "2026-03-01T12:20:00Z", "2026-03-01T12:15:00Z", "2026-03-01T13:15:00Z"},
    {"Asia/Kathmandu", "6h", "2026-03-01T12:20:00Z", "2026-03-01T12:15:00Z", "2026-03-01T18:15:00Z"},
    {"Asia/Kathmandu", "day", "2026-03-01T12:20:00Z", "2026-02-28T18:15:00Z", "2026-03-01T18:15:00Z"},
    /* Clocks of Lord Howe are set back by half an hour, from 02:00 to 01:30. */
    {"Australia/Lord_Howe", "hour", "2026-04-04T15:10:00Z", "2026-04-04T14:00:00Z", "2026-04-04T15:30:00Z"},
    {"Australia/Lord_Howe", "30m", "2026-04-04T14:40:00Z", "2026-04-04T14:30:00Z", "2026-04-04T15:30:00Z"},
    {"Australia/Lord_Howe", "15m", "2026-04-04T14:40:00Z", "2026-04-04T14:30:00Z", "2026-04-04T14:45:00Z"},
    {"Australia/Lord_Howe", "15m", "2026-04-04T15:10:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:15:00Z"},
    {"Australia/Lord_Howe", "day", "2026-04-04T15:10:00Z", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"},
    {"Australia/Lord_Howe", "hour", "2026-10-03T15:40:00Z", "2026-10-03T15:30:00Z", "2026-10-03T16:00:00Z"}, /* 02:30 */
    /* Apia had no 30 December 2011. */
    {"Pacific/Apia", "day", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
    {"Pacific/Apia", "day", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
    {"Pacific/Apia", "month", "2011-12-30T10:00:00Z", "2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z"},
    {"Pacific/Apia", "7d", "2011-12-30T10:00:00Z", "2011-12-26T10:00:00Z", "2012-01-01T10:00:00Z"},
    /* Moscow went to standard time for good, from 02:00 to 01:00. */
    {"Europe/Moscow", "day", "2014-10-26T12:00:00Z", "2014-10-25T20:00:00Z", "2014-10-26T21:00:00Z"},
    {"Europe/Moscow", "hour", "2014-10-25T22:30:00Z", "2014-10-25T21:00:00Z", "2014-10-25T23:00:00Z"},
    {"Europe/Moscow", "month", "2026-03-01", "2026-02-28T21:00:00Z", "2026-03-31T21:00:00Z"},
    {"America/New_York", "day", "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"},
    {"America/New_York", "day", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
    {"America/New_York", "hour", "2026-11-01T05:30:00Z", "2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z"}, /* 01:00 twice */
    {"America/New_York", "hour", "2026-03-08T07:30:00Z", "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"},
    {"America/New_York", "6h", "2026-03-08T07:30:00Z", "2026-03-08T05:00:00Z", "2026-03-08T10:00:00Z"},
    {"America/New_York", "6h", "2026-11-01T07:30:00Z", "2026-11-01T04:00:00Z", "2026-11-01T11:00:00Z"},
    /* In São Paulo clocks changed at midnight. */
    {"America/Sao_Paulo", "day", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
    {"America/Sao_Paulo", "day", "2018-02-18T02:30:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"},
};

static void test_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_zone *zone;
        const struct mtr_source_window rule = rule_of(rows[i].zone, rows[i].length, &zone);
        const struct mtr_window window = mtr_window_at(&rule, instant(rows[i].time));
        char from[MTR_TIME_TEXT_BYTES], to[MTR_TIME_TEXT_BYTES];
        mtr_time_format(window.from_us, from);
        mtr_time_format(window.to_us, to);
        if (window.from_us != instant(rows[i].from) || window.to_us != instant(rows[i].to))
            fail_msg("%s of %s at %s: %s to %s, not %s to %s", rows[i].length, rows[i].zone, rows[i].time, from, to, rows[i].from, rows[i].to);
        mtr_zone_close(zone);
    }
}

static const char *const zones[] = {"UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Europe/Moscow",
                                    "America/New_York", "America/Sao_Paulo", "America/St_Johns", "Antarctica/Troll", "Africa/Casablanca"};
static const char *const lengths[] = {"1s", "1m", "15m", "30m", "hour", "6h", "12h", "day", "2d", "7d", "30d", "month", "7h", "36h"};
enum { ZONE_COUNT = sizeof(zones) / sizeof(zones[0]), LENGTH_COUNT = sizeof(lengths) / sizeof(lengths[0]) };

/* Windows partition time: each holds its time, the next begins where it ends, and all instants of it find it. */
static void test_partition(void **state)
{
    (void)state;
    const char *seed_text = getenv("METERD_SEED");
    const uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 20260329;
    struct random_source random = {seed};
    printf("METERD_SEED=%" PRIu64 "\n", seed);
    for (unsigned round = 0; round < 400; round++) {
        struct mtr_zone *zone;
        const struct mtr_source_window rule = rule_of(zones[random_below(&random, ZONE_COUNT)], lengths[random_below(&random, LENGTH_COUNT)], &zone);
        int64_t time_us = (int64_t)random_below(&random, (uint64_t)(MTR_TIME_S_MAX - 90000000)) * MTR_US_PER_SECOND + 86400000000;
        if (random_below(&random, 2)) { /* near a change of the clock */
            const struct mtr_zone_span span = zone ? mtr_zone_at(zone, time_us) : (struct mtr_zone_span){0, INT64_MAX, 0};
            if (span.end_us != INT64_MAX) time_us = span.end_us - 7200000000 + (int64_t)random_below(&random, 14400) * MTR_US_PER_SECOND;
        }
        struct mtr_window window = mtr_window_at(&rule, time_us);
        for (unsigned i = 0; i < 60; i++) {
            const struct mtr_window next = mtr_window_next(&rule, &window);
            const int64_t inside_us = window.from_us + (int64_t)random_below(&random, (uint64_t)(window.to_us - window.from_us));
            const struct mtr_window again = mtr_window_at(&rule, inside_us), last = mtr_window_at(&rule, window.to_us - 1);
            assert_true(window.from_us < window.to_us && next.from_us == window.to_us);
            assert_true(again.from_us == window.from_us && again.to_us == window.to_us);
            assert_true(last.from_us == window.from_us);
            assert_true(mtr_window_is_of(&rule, &window));
            window = next;
        }
        mtr_zone_close(zone);
    }
}

/* A ledger may hold windows of another document. */
static void test_windows_of_before(void **state)
{
    (void)state;
    struct mtr_zone *zone;
    const struct mtr_source_window months = rule_of("Europe/Moscow", "month", &zone);
    struct mtr_source_window days = months;
    days.length = MTR_LENGTH_DAY;
    const struct mtr_window month = mtr_window_at(&months, instant("2026-01-14T21:00:00Z")), day = mtr_window_at(&days, month.from_us);
    assert_int_equal(month.from_us, instant("2025-12-31T21:00:00Z"));
    assert_true(mtr_window_is_of(&months, &month) && mtr_window_is_of(&days, &day));
    assert_false(mtr_window_is_of(&days, &month) || mtr_window_is_of(&months, &day));
    mtr_zone_close(zone);
}

static const struct {
    const char *zone, *length, *time, *unit, *last;
} lasts[] = {
    {"UTC", "day", "2026-03-01", "1d", "2026-03-01"},
    {"UTC", "month", "2026-02-10", "1d", "2026-02-28"},
    {"UTC", "hour", "2026-02-10T10:30:00Z", "1s", "2026-02-10T10:59:59Z"},
    {"UTC", "hour", "2026-02-10T10:30:00Z", "5m", "2026-02-10T10:55:00Z"},
    {"UTC", "hour", "2026-02-10T10:30:00Z", "1d", "2026-02-10T10:00:00Z"}, /* never before the window */
    {"UTC", "hour", "2026-02-10T10:30:00Z", "0", "2026-02-10T11:00:00Z"},
    {"America/New_York", "day", "2026-03-08T12:00:00Z", "1d", "2026-03-08T05:00:00Z"},   /* 23 hours: not the 7th */
    {"America/New_York", "day", "2026-11-01T12:00:00Z", "1d", "2026-11-01T04:00:00Z"},   /* 25 */
    {"America/New_York", "month", "2026-03-08T12:00:00Z", "1d", "2026-03-31T04:00:00Z"},
    {"Pacific/Apia", "month", "2011-12-10", "1d", "2011-12-30T10:00:00Z"},               /* the 31st */
    {"America/Sao_Paulo", "day", "2018-11-03T12:00:00Z", "1d", "2018-11-03T04:00:00Z"}, /* it ends at 01:00 of the 4th */
};

static void test_inclusive_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lasts) / sizeof(lasts[0]); i++) {
        struct mtr_zone *zone;
        const struct mtr_source_window rule = rule_of(lasts[i].zone, lasts[i].length, &zone);
        const struct mtr_window window = mtr_window_at(&rule, instant(lasts[i].time));
        int64_t unit_us;
        char text[MTR_TIME_TEXT_BYTES];
        assert_int_equal(mtr_duration_parse(mtr_str_from(lasts[i].unit), &unit_us), MTR_OK);
        mtr_time_format(mtr_window_last_us(&rule, &window, unit_us), text);
        if (mtr_window_last_us(&rule, &window, unit_us) != instant(lasts[i].last))
            fail_msg("%s of %s at %s less %s: %s, not %s", lasts[i].length, lasts[i].zone, lasts[i].time, lasts[i].unit, text, lasts[i].last);
        mtr_zone_close(zone);
    }
}

static void test_names_and_retention(void **state)
{
    (void)state;
    struct mtr_zone *zone;
    struct mtr_source_window rule = rule_of("UTC", "periods", &zone);
    const struct mtr_window march = mtr_window_at(&rule, instant("2026-03-10"));
    const int64_t in_march = instant("2026-03-31T23:59:59Z"), in_april = instant("2026-04-01"), in_may = instant("2026-05-01");
    assert_int_equal(mtr_window_forgotten_us(&rule, &march), INT64_MAX);
    assert_null(mtr_window_name(&rule, &march, in_march));
    rule.has_current = rule.has_last = true;
    assert_string_equal(mtr_window_name(&rule, &march, in_march), "current");
    assert_string_equal(mtr_window_name(&rule, &march, in_april), "last");
    assert_null(mtr_window_name(&rule, &march, in_may));
    assert_int_equal(mtr_window_forgotten_us(&rule, &march), in_may);
    rule.has_last = false;
    assert_null(mtr_window_name(&rule, &march, in_april));
    assert_int_equal(mtr_window_forgotten_us(&rule, &march), in_april);
    rule.has_current = false;
    rule.vendor_keeps_us = 90 * MTR_US_PER_DAY;
    assert_int_equal(mtr_window_forgotten_us(&rule, &march), instant("2026-05-30"));
    mtr_zone_close(zone);
}

/* Every answer of more than `rows_max` hours is cut short: the pieces, as they are read. */
static void check_split(const char *zone_name, const char *length, const char *time, const char *least, unsigned hours_max, const char *expected)
{
    struct mtr_zone *zone;
    const struct mtr_source_window rule = rule_of(zone_name, length, &zone);
    const struct mtr_window window = mtr_window_at(&rule, instant(time));
    struct mtr_split split;
    int64_t least_us, at_us = window.from_us;
    char text[2048] = "";
    assert_int_equal(mtr_duration_parse(mtr_str_from(least), &least_us), MTR_OK);
    mtr_split_begin(&split, &window);
    for (bool is_left = true; is_left;) {
        struct mtr_window piece = mtr_split_piece(&split);
        bool is_cut = false;
        while (piece.to_us - piece.from_us > (int64_t)hours_max * MTR_US_PER_HOUR && !is_cut) {
            is_cut = !mtr_split_shrink(&split, &rule, least_us);
            piece = mtr_split_piece(&split);
        }
        assert_true(piece.from_us == at_us && piece.to_us > at_us); /* no gap, no overlap */
        at_us = piece.to_us;
        const size_t size = strlen(text);
        snprintf(text + size, sizeof(text) - size, "%s%" PRId64 "%s", size ? " " : "", (piece.to_us - piece.from_us) / MTR_US_PER_HOUR, is_cut ? "!" : "");
        is_left = mtr_split_next(&split);
    }
    assert_int_equal(at_us, window.to_us);
    assert_string_equal(text, expected);
    mtr_zone_close(zone);
}

static void test_pieces(void **state)
{
    (void)state;
    check_split("UTC", "day", "2026-03-01", "1h", 24, "24");
    check_split("UTC", "day", "2026-03-01", "1h", 12, "12 12");
    check_split("UTC", "day", "2026-03-01", "1h", 11, "6 6 6 6");
    check_split("UTC", "day", "2026-03-01", "1h", 0, "1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1! 1!");
    check_split("UTC", "day", "2026-03-01", "0", 11, "24!");
    check_split("UTC", "day", "2026-03-01", "1d", 11, "24!");
    check_split("UTC", "7d", "2026-03-04", "1d", 72, "72 48 48");
    check_split("America/New_York", "day", "2026-03-08T12:00:00Z", "1h", 12, "11 12");
    check_split("America/New_York", "day", "2026-11-01T12:00:00Z", "1d", 24, "24 1"); /* what is longer than `least` is cut */
    check_split("America/New_York", "7d", "2026-03-08T12:00:00Z", "1d", 48, "24 48 48 47");
    check_split("Pacific/Apia", "7d", "2011-12-30T10:00:00Z", "1d", 24, "24 24 24 24 24 24");
    check_split("UTC", "month", "2026-02-10", "6h", 168, "168 168 168 168");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_partition),
        cmocka_unit_test(test_windows_of_before),         cmocka_unit_test(test_inclusive_ends),        cmocka_unit_test(test_names_and_retention),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
