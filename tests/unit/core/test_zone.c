/*
 * Zones: bytes that are no honest TZif file, footers of every form, hours on the days on which clocks change.
 * The oracle test compares whole zones with another implementation.
 */
#include "meterd/core/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/core/time/tzif.h"

static struct mtr_zone *open_zone(const char *name)
{
    struct mtr_zone *zone = NULL;
    assert_int_equal(mtr_zone_open(mtr_str_from(name), &zone), MTR_OK);
    assert_string_equal(mtr_zone_name(zone), name);
    return zone;
}

static int64_t utc(const char *text)
{
    int64_t us = 0;
    assert_int_equal(mtr_time_parse(mtr_str_from(text), &us), MTR_OK);
    return us;
}

static void names_stay_inside_the_directory(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "/etc/passwd",
                                      "../zoneinfo/UTC",
                                      "Europe/../UTC",
                                      "Europe//Paris",
                                      "Europe/",
                                      "a b",
                                      "Europe\\Paris",
                                      "."};
    struct mtr_zone *zone = NULL;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(mtr_zone_open(mtr_str_from(bad[i]), &zone), MTR_EINVALID);
    assert_int_equal(mtr_zone_open((struct mtr_str){"UTC\0x", 5}, &zone), MTR_EINVALID);
    assert_int_equal(mtr_zone_open(MTR_STR("Europe/Atlantis"), &zone), MTR_ENOTFOUND);
    assert_int_equal(mtr_zone_open(MTR_STR("Europe"), &zone), MTR_ENOTFOUND);
    assert_int_equal(mtr_zone_open(MTR_STR("Europe/Paris/Louvre"), &zone), MTR_ENOTFOUND);
    assert_null(zone);
}

static void the_zone_that_was_meant(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"Berlin", "; did you mean `Europe/Berlin`?"},
        {"europe/berlin", "; did you mean `Europe/Berlin`?"},
        {"Europe/Berln", "; did you mean `Europe/Berlin`?"},
        {"Kolkatta", "; did you mean `Asia/Kolkata`?"},
        {"New York", "; did you mean `America/New_York`?"},
        {"utc", "; did you mean `UTC`?"},
        {"Mars/Olympus_Mons", ""},
        {"", ""},
    };
    char text[MTR_MEANT_BYTES];
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_string_equal(mtr_zone_meant(mtr_str_from(rows[i][0]), text), rows[i][1]);
}

static void utc_needs_no_file(void **state)
{
    (void)state;
    struct mtr_zone *zone = open_zone("UTC");
    struct mtr_zone_span span = mtr_zone_at(zone, 12345);
    assert_true(span.start_us == INT64_MIN && span.end_us == INT64_MAX && span.offset_s == 0);
    mtr_zone_close(zone);
}

static void footers_golden(void **state)
{
    (void)state;
    static const struct {
        const char *footer;
        const char *at;
        int32_t offset_s;
        const char *until; /* end of the span; NULL for ever */
    } cases[] = {
        {"EST5", "2050-07-01T00:00:00Z", -18000, NULL},
        {"<+0530>-5:30", "2050-07-01T00:00:00Z", 19800, NULL},
        {"EST5EDT,M3.2.0,M11.1.0", "2050-07-01T00:00:00Z", -14400, "2050-11-06T06:00:00Z"},
        {"EST5EDT,M3.2.0,M11.1.0", "2050-11-06T06:00:00Z", -18000, "2051-03-12T07:00:00Z"},
        {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2050-12-31T23:59:59Z", 39600, "2051-04-01T16:00:00Z"},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2050-01-01T00:00:00Z", 39600, "2050-04-02T15:00:00Z"},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2050-07-01T00:00:00Z", 3600, "2050-10-30T01:00:00Z"},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2050-07-01T00:00:00Z", -3600, "2050-10-30T01:00:00Z"},
        {"XXX0YYY,J60/0,J300/0", "2052-02-29T12:00:00Z", 0, "2052-03-01T00:00:00Z"}, /* J60 is 1 March in every year */
        {"XXX0YYY,J59/0,J300/0", "2052-02-28T12:00:00Z", 3600, "2052-10-26T23:00:00Z"},
        {"XXX0YYY,59/0,299/0", "2052-02-28T12:00:00Z", 0, "2052-02-29T00:00:00Z"}, /* day 59 from 0 is 29 February in leap years */
        {"XXX0YYY,59/0,299/0", "2051-02-28T12:00:00Z", 0, "2051-03-01T00:00:00Z"},
        {"EET-2EEST,M3.4.4/50,M10.4.4/50", "2050-07-01T00:00:00Z", 10800, "2050-10-28T23:00:00Z"}, /* Gaza's 50th hour of a Thursday */
        {"XXX3EDT4,0/0,J365/23", "2050-07-01T00:00:00Z", -14400, NULL}, /* daylight saving all year, RFC 8536 §3.3.1 */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mtr_tz_rule rule;
        assert_int_equal(tz_rule_parse(mtr_str_from(cases[i].footer), &rule), MTR_OK);
        struct tz_span span = tz_rule_at(&rule, utc(cases[i].at) / MTR_US_PER_SECOND);
        if (span.offset_s != cases[i].offset_s) print_error("%s\n", cases[i].footer);
        assert_int_equal(span.offset_s, cases[i].offset_s);
        assert_int_equal(span.end_s, cases[i].until ? utc(cases[i].until) / MTR_US_PER_SECOND : INT64_MAX);
    }
}

static void bad_footers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "E5", "EST", "<EST5", "<E>5", "EST25", "EST5:60", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M3.2.0,",
        "EST5EDT,M13.1.0,M11.1.0", "EST5EDT,M0.1.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0",
        "EST5EDT,M3.0.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,J0,J300", "EST5EDT,J366,J300",
        "EST5EDT,366,300", "EST5EDT,M3.2.0/168,M11.1.0", "EST5EDT,M3.2.0,M11.1.0x",
        "EST5EDT,M3.2.0,M11.1.0/", "EST5x",
    };
    struct mtr_tz_rule rule;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        int rc = tz_rule_parse(mtr_str_from(bad[i]), &rule);
        if (rc != MTR_EINVALID) print_error("accepted: %s\n", bad[i]);
        assert_int_equal(rc, MTR_EINVALID);
    }
}

static bool same_span(struct tz_span a, struct tz_span b)
{
    return a.start_s == b.start_s && a.end_s == b.end_s && a.offset_s == b.offset_s;
}

/* A rule's spans partition time whatever the footer says. */
static void spans_of_any_footer_partition_time(void **state)
{
    (void)state;
    static const char *const footers[] = {"EST5EDT,M3.2.0,M11.1.0", "XXX0YYY,M2.5.0/167,M3.1.1/-167",
                                          "XXX0YYY,J1/-167,J365/167", "XXX-24YYY24,0,365",
                                          "XXX0YYY,M3.1.0,M3.1.0", "IST-1GMT0,M10.5.0,M3.5.0/1", "XXX3EDT4,0/0,J365/22:59:59"};
    for (size_t i = 0; i < sizeof(footers) / sizeof(*footers); i++) {
        struct mtr_tz_rule rule;
        assert_int_equal(tz_rule_parse(mtr_str_from(footers[i]), &rule), MTR_OK);
        struct tz_span span = tz_rule_at(&rule, 0);
        for (int steps = 0; steps < 600 && span.end_s < MTR_TIME_S_MAX; steps++) {
            struct tz_span next = tz_rule_at(&rule, span.end_s);
            struct tz_span inside = tz_rule_at(&rule, span.start_s / 2 + span.end_s / 2);
            struct tz_span last = tz_rule_at(&rule, span.end_s - 1);
            assert_true(next.start_s == span.end_s && next.end_s > next.start_s &&
                        next.offset_s != span.offset_s);
            assert_true(same_span(last, span));
            if (span.start_s != INT64_MIN) assert_true(same_span(inside, span));
            span = next;
        }
    }
}

static size_t read_zone_file(const char *name, char *bytes, size_t bytes_max)
{
    char path[128];
    snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, bytes_max, file);
    fclose(file);
    return size;
}

/* An exact-size copy, so that the sanitizer sees one byte too far. */
static int parse_copy(const char *bytes, size_t size, struct mtr_tz_data *data)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    int rc = tzif_parse((struct mtr_str){copy, size}, data);
    free(copy);
    return rc;
}

static void damaged_files_are_errors_never_crashes(void **state)
{
    (void)state;
    static char bytes[1 << 16];
    size_t size = read_zone_file("Australia/Lord_Howe", bytes, sizeof(bytes));
    struct mtr_tz_data data = {0};
    assert_int_equal(parse_copy(bytes, size, &data), MTR_OK);
    tzif_release(&data);
    for (size_t cut = 0; cut < size; cut++) assert_int_equal(parse_copy(bytes, cut, &data), MTR_ECORRUPT);
    uint64_t random = 0x9E3779B97F4A7C15u;
    for (int i = 0; i < 20000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        size_t at = (size_t)(random >> 20) % size;
        char kept = bytes[at];
        bytes[at] = (char)random;
        if (parse_copy(bytes, size, &data) == MTR_OK) {
            struct mtr_zone *zone = NULL;
            assert_int_equal(zone_from_data(MTR_STR("damaged"), &data, &zone), MTR_OK);
            for (int64_t time_us = 0; time_us < MTR_TIME_US_MAX; time_us += 400000003000000) {
                struct mtr_hour hour = mtr_zone_hour(zone, time_us);
                assert_true(hour.start_us <= time_us && time_us < hour.end_us &&
                            hour.end_us - hour.start_us <= MTR_US_PER_HOUR);
                (void)mtr_zone_from_civil(zone, mtr_zone_to_civil(zone, time_us));
            }
            mtr_zone_close(zone);
        }
        bytes[at] = kept;
    }
}

static void counts_that_lie_are_refused(void **state)
{
    (void)state;
    static char bytes[1 << 16];
    size_t size = read_zone_file("Europe/Paris", bytes, sizeof(bytes));
    struct mtr_tz_data data = {0};
    for (size_t at = 20; at < 44; at += 4) {
        char kept[4];
        memcpy(kept, bytes + at, 4);
        memset(bytes + at, 0xFF, 4);
        assert_int_equal(parse_copy(bytes, size, &data), MTR_ECORRUPT);
        memcpy(bytes + at, kept, 4);
    }
    bytes[4] = '5';
    assert_int_equal(parse_copy(bytes, size, &data), MTR_ECORRUPT);
}

/* Lord Howe moves its clocks by half an hour: 02:00 +10:30 becomes 02:30 +11 in October, 02:00 +11 becomes
 * 01:30 in April. */
static void lord_howe_has_half_hours(void **state)
{
    (void)state;
    struct mtr_zone *zone = open_zone("Australia/Lord_Howe");
    int64_t forward = utc("2026-10-03T15:30:00Z"), back = utc("2026-04-04T15:00:00Z");
    struct mtr_hour hour = mtr_zone_hour(zone, forward - 1);
    assert_true(hour.start_us == forward - MTR_US_PER_HOUR && hour.end_us == forward);
    hour = mtr_zone_hour(zone, forward); /* local 02:30…03:00 */
    assert_true(hour.start_us == forward && hour.end_us == forward + MTR_US_PER_HOUR / 2);
    hour = mtr_zone_hour(zone, back); /* local 01:30…02:00 again */
    assert_true(hour.start_us == back && hour.end_us == back + MTR_US_PER_HOUR / 2);
    hour = mtr_zone_hour(zone, back - 1);
    assert_true(hour.start_us == back - MTR_US_PER_HOUR && hour.end_us == back);
    mtr_zone_close(zone);
}

static void kolkata_cells_start_at_half_past(void **state)
{
    (void)state;
    struct mtr_zone *zone = open_zone("Asia/Kolkata");
    struct mtr_hour hour = mtr_zone_hour(zone, utc("2026-03-29T10:29:59Z"));
    assert_int_equal(hour.start_us, utc("2026-03-29T09:30:00Z"));
    assert_int_equal(hour.end_us, utc("2026-03-29T10:30:00Z"));
    mtr_zone_close(zone);
}

static void gaps_and_overlaps_golden(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        struct mtr_civil civil;
        const char *utc;
    } cases[] = {
        {"America/New_York", {2026, 3, 8, 2, 30, 0}, "2026-03-08T07:00:00Z"},   /* gap: its end */
        {"America/New_York", {2026, 11, 1, 1, 30, 0}, "2026-11-01T05:30:00Z"},  /* overlap: the first */
        {"America/Sao_Paulo", {2018, 11, 4, 0, 0, 0}, "2018-11-04T03:00:00Z"},  /* a midnight that did not exist */
        {"America/Sao_Paulo", {2018, 2, 17, 23, 0, 0}, "2018-02-18T01:00:00Z"}, /* 24:00 became 23:00 */
        {"Pacific/Apia", {2011, 12, 30, 12, 0, 0}, "2011-12-30T10:00:00Z"},     /* a day that did not exist */
        {"America/St_Johns", {2010, 11, 7, 0, 0, 30}, "2010-11-07T02:30:30Z"},  /* 00:01 became 23:01 of the day before */
        {"Asia/Kathmandu", {2026, 1, 1, 0, 0, 0}, "2025-12-31T18:15:00Z"},
        {"Europe/Dublin", {2190, 7, 1, 12, 0, 0}, "2190-07-01T11:00:00Z"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mtr_zone *zone = open_zone(cases[i].zone);
        assert_int_equal(mtr_zone_from_civil(zone, cases[i].civil), utc(cases[i].utc));
        mtr_zone_close(zone);
    }
}

static void midnights_golden(void **state)
{
    static const struct {
        const char *zone, *time, *midnight;
    } cases[] = {
        {"UTC", "2026-03-28T00:00:00Z", "2026-03-29T00:00:00Z"},
        {"UTC", "2026-03-28T23:59:59Z", "2026-03-29T00:00:00Z"},
        {"Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"}, /* a day of 23 hours */
        {"Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}, /* of 25 */
        {"Asia/Kolkata", "2026-11-20T18:29:59Z", "2026-11-20T18:30:00Z"},
        {"Pacific/Apia", "2011-12-29T20:00:00Z", "2011-12-30T10:00:00Z"},  /* the 30th was left out: the 31st begins */
        {"America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"}, /* midnight was left out: the day begins at 1:00 */
        {"America/St_Johns", "2006-10-29T02:00:00Z", "2006-10-29T02:30:00Z"},
        {"America/St_Johns", "2006-10-29T02:31:00Z", "2006-10-30T03:30:00Z"}, /* turned back over midnight at 0:01: the day goes on */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mtr_zone *zone = open_zone(cases[i].zone);
        char text[MTR_TIME_TEXT_BYTES];
        mtr_time_format(mtr_zone_next_midnight(zone, utc(cases[i].time)), text);
        assert_string_equal(text, cases[i].midnight);
        mtr_zone_close(zone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stay_inside_the_directory),
        cmocka_unit_test(the_zone_that_was_meant),
        cmocka_unit_test(utc_needs_no_file),
        cmocka_unit_test(footers_golden),
        cmocka_unit_test(bad_footers_are_refused),
        cmocka_unit_test(spans_of_any_footer_partition_time),
        cmocka_unit_test(damaged_files_are_errors_never_crashes),
        cmocka_unit_test(counts_that_lie_are_refused),
        cmocka_unit_test(lord_howe_has_half_hours),
        cmocka_unit_test(kolkata_cells_start_at_half_past),
        cmocka_unit_test(gaps_and_overlaps_golden),
        cmocka_unit_test(midnights_golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
