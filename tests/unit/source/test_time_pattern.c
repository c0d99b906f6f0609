/*
 * Times as vendors write them: a table of patterns, texts and instants, of what is refused, and of patterns
 * that are none.
 */
#include "meterd/source/time_pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/time.h"

static const struct {
    const char *pattern, *zone, *text, *instant; /* NULL: refused */
} rows[] = {
    {"rfc3339", NULL, "2026-10-02T10:00:00Z", "2026-10-02T10:00:00Z"},
    {"rfc3339", NULL, "2026-10-02T10:00Z", "2026-10-02T10:00:00Z"},
    {"rfc3339", NULL, "2026-10-02 10:00+02:00", "2026-10-02T08:00:00Z"},
    {"rfc3339", NULL, "2026-10-02T10:00:00+0530", "2026-10-02T04:30:00Z"},
    {"rfc3339", NULL, "2026-10-02T10:00:00.123456789Z", "2026-10-02T10:00:00.123456Z"},
    {"rfc3339", NULL, "2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"},
    {"rfc3339", NULL, "2026-10-02T10:00:00", NULL},
    {"rfc3339", "Europe/Berlin", "2026-10-02T10:00:00", "2026-10-02T08:00:00Z"},
    {"rfc3339", "Europe/Berlin", "2026-10-02 10:00", "2026-10-02T08:00:00Z"},
    {"rfc3339", NULL, "2026-10-02", NULL},
    {"rfc3339", NULL, "2026-02-30T10:00Z", NULL},
    {"rfc3339", NULL, "2026-10-02T10:00:00Zulu", NULL},
    {"rfc3339", NULL, "", NULL},
    {"utc", NULL, "2026-10-02 10:00:00", "2026-10-02T10:00:00Z"},
    {"utc", NULL, "2026-10-02T00:00:00Z", "2026-10-02T00:00:00Z"},
    {"utc", NULL, "2026-10-02T00:00:00+00:00", "2026-10-02T00:00:00Z"},
    {"utc", NULL, "2026-10-02T10:00Z", "2026-10-02T10:00:00Z"},
    {"utc", NULL, "2019-01-01 00:00:00 +0000 UTC", "2019-01-01T00:00:00Z"},
    {"utc", NULL, "2020-11-01 00:00:00 UTC", "2020-11-01T00:00:00Z"},
    {"utc", NULL, "2026-10-02 10:00:00.25", "2026-10-02T10:00:00.250Z"},
    {"utc", NULL, "2026-10-02", "2026-10-02T00:00:00Z"},
    {"utc", NULL, "2026-12-31 23:59:60", "2027-01-01T00:00:00Z"},
    {"utc", NULL, "2026-10-02T10:00:00+02:00", NULL}, /* it says that it is another */
    {"utc", NULL, "2026-10-02 24:00:00", NULL},
    {"date", NULL, "2026-10-02", "2026-10-02T00:00:00Z"},
    {"date", "Asia/Kathmandu", "2026-10-02", "2026-10-01T18:15:00Z"},
    {"date", NULL, "2026-10-02T10:00:00Z", "2026-10-02T10:00:00Z"},
    {"unix_s", NULL, "1772359200", "2026-03-01T10:00:00Z"},
    {"unix_ms", NULL, "1772359200001", "2026-03-01T10:00:00.001Z"},
    {"unix_s", NULL, "1772359200.5", "2026-03-01T10:00:00.500Z"},
    {"unix_s", NULL, "1772359200.1234569", "2026-03-01T10:00:00.123456Z"},
    {"unix_s", NULL, "1.7723592e9", "2026-03-01T10:00:00Z"},
    {"unix_ms", NULL, "-1", "1969-01-02"}, /* out of range */
    {"unix_s", NULL, "1772359200,5", NULL},
    {"%d.%m.%Y %H:%M", "Europe/Moscow", "02.10.2026 10:00", "2026-10-02T07:00:00Z"},
    {"%d.%m.%Y %H:%M", NULL, "2.1.2026 9:05", "2026-01-02T09:05:00Z"},
    {"%m/%d/%Y", NULL, "10/02/2026", "2026-10-02T00:00:00Z"},
    {"%m/%d/%Y %I:%M:%S %p", NULL, "12/31/2026 12:30:05 AM", "2026-12-31T00:30:05Z"},
    {"%m/%d/%Y %I:%M %p", NULL, "12/31/2026 12:30 PM", "2026-12-31T12:30:00Z"},
    {"%m/%d/%Y %I:%M %p", NULL, "12/31/2026 11:30 pm", "2026-12-31T23:30:00Z"},
    {"%D %R", NULL, "10/02/26 10:15", "2026-10-02T10:15:00Z"},
    {"%y%m%d", NULL, "690102", "1969-01-02"}, /* out of range */
    {"%Y%m%d%H%M%S", NULL, "20261002101500", "2026-10-02T10:15:00Z"},
    {"%a, %d %b %Y %T %Z", NULL, "Fri, 02 Oct 2026 10:15:00 GMT", "2026-10-02T10:15:00Z"},
    {"%A %e %B %Y", NULL, "Friday  2 October 2026", "2026-10-02T00:00:00Z"},
    {"%d-%b-%Y", NULL, "31-DEC-2026", "2026-12-31T00:00:00Z"},
    {"%F %T.%f %z", NULL, "2026-10-02 10:15:00.5 -0330", "2026-10-02T13:45:00.500Z"},
    {"%F %T.%f%z", NULL, "2026-10-02 10:15:00.1234567+01", "2026-10-02T09:15:00.123456Z"},
    {"%F %T %z %Z", NULL, "2019-01-01 00:00:00 +0000 UTC", "2019-01-01T00:00:00Z"},
    {"%Y-%j", NULL, "2024-366", "2024-12-31T00:00:00Z"},
    {"%Y-%j", NULL, "2026-366", NULL},
    {"%s", NULL, "1772359200", "2026-03-01T10:00:00Z"},
    {"%d%%%m%%%Y", NULL, "02%10%2026", "2026-10-02T00:00:00Z"},
    /* The clock goes on at 03:00, and back at 03:00. */
    {"%F %R", "Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:00:00Z"},
    {"%F %R", "Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00Z"},
    {"%F %R %z", "Europe/Berlin", "2026-10-25 02:30 +0100", "2026-10-25T01:30:00Z"},
    {"%d.%m.%Y", NULL, "31.02.2026", NULL},
    {"%d.%m.%Y", NULL, "31.12.26", NULL},
    {"%d.%m.%Y", NULL, "31.12.2026 ", NULL},
    {"%d.%m.%Y", NULL, "31/12/2026", NULL},
    {"%d.%m.%Y %H:%M", NULL, "31.12.2026 24:00", NULL},
    {"%m/%d/%Y %I:%M %p", NULL, "12/31/2026 13:30 PM", NULL},
    {"%F %Z", NULL, "2026-10-02 CET", NULL},
    {"%d %b", NULL, "02 Okt", NULL},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_time_pattern pattern;
        struct mtr_zone *zone = NULL;
        const char *fault;
        char text[MTR_TIME_TEXT_BYTES] = "";
        int64_t time_us = -1;
        if (rows[i].zone) assert_int_equal(mtr_zone_open(mtr_str_from(rows[i].zone), &zone), MTR_OK);
        assert_int_equal(mtr_time_pattern_make(mtr_str_from(rows[i].pattern), zone, &pattern, &fault), MTR_OK);
        int rc = mtr_time_pattern_read(&pattern, mtr_str_from(rows[i].text), &time_us);
        if (!rc) mtr_time_format(time_us, text);
        if (rc == MTR_EOVERFLOW) snprintf(text, sizeof(text), "1969-01-02");
        if (strcmp(text, rows[i].instant ? rows[i].instant : "") != 0)
            fail_msg("%s: %s: %s, not %s", rows[i].pattern, rows[i].text, text, rows[i].instant ? rows[i].instant : "refused");
        mtr_zone_close(zone);
    }
}

static void test_patterns_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fault;
    } bad[] = {
        {"", "is expected"}, {"iso", "is expected"}, {"%d.%m.%Y %Q", "a pattern knows"}, {"%d%", "a pattern knows"},
        {"%Y-%m", "names no day"}, {"%H:%M", "names no day"},
        {"%d ................................................................", "is expected"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mtr_time_pattern pattern;
        const char *fault = "";
        assert_int_equal(mtr_time_pattern_make(mtr_str_from(bad[i].text), NULL, &pattern, &fault), MTR_EINVALID);
        assert_non_null(strstr(fault, bad[i].fault));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_patterns_that_are_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
