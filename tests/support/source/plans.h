/*
 * Plans of sources for tests: instants and durations as texts, and the plan of the guide.
 */
#ifndef METERD_TESTS_SUPPORT_SOURCE_PLANS_H
#define METERD_TESTS_SUPPORT_SOURCE_PLANS_H

#include "meterd/source/schedule.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/time.h"
#include "tests/support/source/windows.h"

static inline int64_t instant(const char *text)
{
    int64_t time_us;
    if (mtr_time_parse_date(mtr_str_from(text), &time_us)) fail_msg("%s is no time", text);
    return time_us;
}

static inline int64_t duration(const char *text)
{
    int64_t us;
    if (mtr_duration_parse(mtr_str_from(text), &us)) fail_msg("%s is no duration", text);
    return us;
}

/* The plan of the guide: a day in UTC, read six hours after it, again 12 hours, 1, 3 and 10 days after it, and six days into the next month. */
struct plan {
    struct mtr_source_schedule schedule;
    struct mtr_source_window window;
    struct mtr_source_reread rereads[5];
    struct mtr_reading_plan plan;
};

static inline void make_plan(struct plan *out, const char *length)
{
    static const char *const rereads[] = {"12h", "30h", "78h", "246h", "month_end+6d"};
    *out = (struct plan){.window = {.lateness_us = duration("6h"), .has_start = true, .start_us = instant("2026-01-01"), .rereads = out->rereads}};
    assert_true(source_window_set_length(&out->window, length));
    for (; out->window.reread_count < 5; out->window.reread_count++)
        assert_true(source_window_read_reread(&out->rereads[out->window.reread_count], rereads[out->window.reread_count]));
    out->plan = (struct mtr_reading_plan){&out->schedule, &out->window, out->window.start_us, mtr_schedule_key(MTR_STR("acme"), MTR_STR("")), NULL, 0, NULL, 0};
}

#endif
