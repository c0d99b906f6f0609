/*
 * Windows of a source whose limits have changed: which stay as they were cut, and where the new ones begin.
 */
#include "meterd/source/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "meterd/core/time.h"

static int64_t instant(const char *text)
{
    int64_t time_us;
    if (mtr_time_parse_date(mtr_str_from(text), &time_us)) fail_msg("%s is no time", text);
    return time_us;
}

static bool all_read(void *context, const struct mtr_window *window, struct mtr_window_history *out)
{
    (void)window;
    *out = (struct mtr_window_history){.read_us = *(const int64_t *)context};
    return true;
}

/* Windows of earlier limits stay up to the end of the one that was open when the limits changed, and are read on; those
 * of a time in which nothing was read never were. */
static void test_eras(void **state)
{
    (void)state;
    const struct mtr_source_era eras[] = {{{.length = MTR_LENGTH_MONTH}, instant("2026-03-02T08:00:00Z")},
                                          {{.length = MTR_LENGTH_DAY}, instant("2026-04-03T10:00:00Z")},
                                          {{.length = MTR_LENGTH_DURATION, .length_us = 6 * MTR_US_PER_HOUR}, instant("2026-04-03T11:00:00Z")}};
    static const struct {
        const char *at, *from, *to, *to_unread;
    } rows[] = {{"2026-02-17", "2026-02-01", "2026-03-01", "2026-02-18"},
                {"2026-03-01", "2026-03-01", "2026-04-01", "2026-03-02"},          /* open at the first change */
                {"2026-03-31T23:59:59Z", "2026-03-01", "2026-04-01", "2026-04-01"},
                {"2026-04-01", "2026-04-01", "2026-04-02", "2026-04-02"},
                {"2026-04-03T23:59:59Z", "2026-04-03", "2026-04-04", "2026-04-04"}, /* open at the second, and at the third */
                {"2026-04-04T02:00:00Z", "2026-04-04T02:00:00Z", "2026-04-04T03:00:00Z", "2026-04-04T03:00:00Z"}};
    struct mtr_source source = {.key = MTR_STR("acme"), .window = {.length = MTR_LENGTH_HOUR, .has_start = true, .start_us = instant("2026-02-01")},
                                .eras = eras, .era_count = 3};
    const struct mtr_reading_plan plan = mtr_reading_plan_of(&source, MTR_STR(""), instant("2026-02-20")),
                                  later = mtr_reading_plan_of(&source, MTR_STR(""), instant("2026-03-05")),
                                  unread = mtr_reading_plan_of(&source, MTR_STR(""), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct mtr_window window = mtr_plan_window_at(&plan, instant(rows[i].at));
        assert_int_equal(window.from_us, instant(rows[i].from));
        assert_int_equal(window.to_us, instant(rows[i].to));
        assert_int_equal(mtr_plan_window_at(&later, instant(rows[i].at)).to_us, instant(rows[i].to_unread));
        assert_int_equal(mtr_plan_window_at(&unread, instant(rows[i].at)).to_us - mtr_plan_window_at(&unread, instant(rows[i].at)).from_us,
                         MTR_US_PER_HOUR);
    }
    /* A scan goes through all of them, and none overlaps the one before. */
    int64_t read_us = instant("2026-02-01");
    for (int64_t at_us = instant("2026-02-01"); at_us < instant("2026-04-05");) {
        const struct mtr_window window = mtr_plan_window_at(&plan, at_us);
        assert_int_equal(window.from_us, at_us);
        at_us = window.to_us;
    }
    struct mtr_due_scan scan;
    mtr_due_scan_begin(&scan, &plan, 0, instant("2026-04-04T02:30:00Z"));
    while (!mtr_due_scan_step(&scan, &plan, all_read, &read_us, 3)) {
    }
    assert_true(scan.has_due);
    assert_int_equal(scan.window.from_us, instant("2026-04-04T01:00:00Z")); /* the newest that is over goes first */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eras),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
