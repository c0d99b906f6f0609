/*
 * Slicing: each aggregation and scope with numbers worked out by hand, as rows "dimensions@time[-until]
 * quantity", earlier ones with a <.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/time.h"
#include "meterd/rater/slicing.h"

static struct mtr_arena arena;
static struct mtr_zone *zone;
static struct mtr_component component;
static struct mtr_meter meter;
static struct mtr_slicing_rule rule;
static struct mtr_slicing *slicing;
static uint64_t seq;
static char seen[4096];

static int64_t second(const char *time)
{
    int64_t us;
    assert_int_equal(mtr_time_parse(mtr_str_from(time), &us), MTR_OK);
    return us;
}

static struct mtr_quantity quantity(const char *text)
{
    struct mtr_quantity value;
    assert_int_equal(mtr_quantity_parse(mtr_str_from(text), &value), MTR_OK);
    return value;
}

static int setup(void **state)
{
    (void)state;
    mtr_arena_init(&arena, 1 << 14, 1 << 26);
    assert_int_equal(mtr_zone_open(MTR_STR("UTC"), &zone), MTR_OK);
    component = (struct mtr_component){.scope = MTR_CURVE_SCOPE_PERIOD};
    meter = (struct mtr_meter){.aggregation = MTR_SUM, .per = MTR_TIME_UNIT_HOUR};
    rule = (struct mtr_slicing_rule){.component = &component, .meter = &meter, .zone = zone};
    rule.whole = (struct mtr_period){second("2026-01-01T00:00:00Z"), second("2026-02-01T00:00:00Z")};
    rule.from_us = rule.own_us = rule.whole.start_us;
    rule.until_us = rule.whole.end_us;
    seq = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mtr_arena_release(&arena);
    mtr_zone_close(zone);
    return 0;
}

static void begin(enum mtr_aggregation aggregation, enum mtr_curve_scope scope)
{
    meter.aggregation = aggregation;
    component.scope = scope;
    assert_int_equal(mtr_slicing_begin(&rule, &arena, &slicing), MTR_OK);
}

static uint32_t group_of(const char *dimensions)
{
    uint32_t group;
    assert_int_equal(mtr_slicing_group(slicing, mtr_str_from(dimensions), &group), MTR_OK);
    return group;
}

static void use(const char *dimensions, const char *time, const char *value)
{
    const int64_t time_us = second(time);
    const struct mtr_use row = {time_us, time_us, ++seq, quantity(value)};
    assert_int_equal(mtr_slicing_add(slicing, group_of(dimensions), &row), MTR_OK);
}

static void change(const char *dimensions, const char *time, const char *value)
{
    int64_t time_us;
    assert_int_equal(mtr_time_parse(mtr_str_from(time), &time_us), MTR_OK);
    assert_int_equal(mtr_slicing_add_change(slicing, group_of(dimensions), time_us, quantity(value)), MTR_OK);
}

static const char *rows(void)
{
    const struct mtr_usage_row *found;
    uint32_t count;
    size_t size = 0;
    seen[0] = '\0';
    assert_int_equal(mtr_slicing_finish(slicing, &found, &count), MTR_OK);
    for (uint32_t i = 0; i < count; i++) {
        char time[MTR_TIME_TEXT_BYTES], until[MTR_TIME_TEXT_BYTES], value[MTR_DECIMAL_TEXT_BYTES];
        const bool spans = component.scope == MTR_CURVE_SCOPE_LEVEL;
        mtr_time_format(found[i].time_us, time);
        mtr_time_format(found[i].until_us, until);
        mtr_quantity_format(found[i].quantity, value);
        size += (size_t)snprintf(seen + size, sizeof(seen) - size, "%.*s@%.11s%s%.11s %s%s; ",
                                 MTR_STR_ARGS(found[i].dimensions), time + 5, spans ? "-" : "",
                                 spans ? until + 5 : "", found[i].earlier ? "<" : "", value);
        assert_true(size < sizeof(seen));
    }
    return seen;
}

static void sums_add_up_by_their_scope(void **state)
{
    static const struct {
        enum mtr_curve_scope scope;
        const char *rows;
    } cases[] = {
        {MTR_CURVE_SCOPE_PERIOD, "a@01-01T00:00 6; b@01-01T00:00 0.5; "},
        {MTR_CURVE_SCOPE_TERM, "a@01-01T00:00 6; b@01-01T00:00 0.5; "},
        {MTR_CURVE_SCOPE_DAY, "a@01-02T00:00 3; a@01-03T00:00 3; b@01-02T00:00 0.5; "},
        {MTR_CURVE_SCOPE_HOUR, "a@01-02T10:00 3; a@01-03T10:00 3; b@01-02T11:00 0.5; "},
        {MTR_CURVE_SCOPE_EVENT, "a@01-02T10:00 1; a@01-02T10:30 2; a@01-03T10:59 3; b@01-02T11:00 0.5; "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        begin(MTR_SUM, cases[i].scope);
        use("a", "2026-01-02T10:00:00Z", "1");
        use("a", "2026-01-02T10:30:00Z", "2");
        use("b", "2026-01-02T11:00:00Z", "0.5");
        use("a", "2026-01-03T10:59:59Z", "3");
        assert_string_equal(rows(), cases[i].rows);
    }
}

/* What a part brings is the measure up to its end less that up to its start. */
static void a_part_brings_the_difference(void **state)
{
    static const struct {
        enum mtr_aggregation aggregation;
        const char *rows;
    } cases[] = {
        {MTR_SUM, "@01-01T00:00 <7; @01-16T00:00 11; "},
        {MTR_MAX, "@01-01T00:00 <5; @01-16T00:00 3; "},
        {MTR_MIN, "@01-01T00:00 <2; @01-16T00:00 -1; "},
        {MTR_LAST, "@01-01T00:00 <2; @01-16T00:00 6; "},
    };
    (void)state;
    rule.own_us = second("2026-01-16T00:00:00Z");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        begin(cases[i].aggregation, MTR_CURVE_SCOPE_PERIOD);
        use("", "2026-01-03T00:00:00Z", "5");
        use("", "2026-01-15T23:00:00Z", "2");
        use("", "2026-01-16T00:00:00Z", "1");
        use("", "2026-01-20T00:00:00Z", "2");
        use("", "2026-01-21T00:00:00Z", "8");
        assert_string_equal(rows(), cases[i].rows);
    }
    begin(MTR_MAX, MTR_CURVE_SCOPE_PERIOD); /* nothing in the part: its position alone */
    use("", "2026-01-03T00:00:00Z", "5");
    assert_string_equal(rows(), "@01-01T00:00 <5; ");
}

static void a_slice_that_a_part_cuts_goes_on(void **state)
{
    (void)state;
    rule.own_us = second("2026-01-16T10:30:00Z");
    begin(MTR_SUM, MTR_CURVE_SCOPE_DAY);
    use("", "2026-01-15T10:00:00Z", "1");
    use("", "2026-01-16T10:00:00Z", "2");
    use("", "2026-01-16T11:00:00Z", "4");
    use("", "2026-01-17T11:00:00Z", "8");
    assert_string_equal(rows(), "@01-15T00:00 <1; @01-16T00:00 <2; @01-16T10:30 4; @01-17T00:00 8; ");
}

static void of_several_the_latest_is_last(void **state)
{
    (void)state;
    begin(MTR_LAST, MTR_CURVE_SCOPE_PERIOD);
    const int64_t start_us = second("2026-01-03T00:00:00Z");
    const struct mtr_use uses[] = {
        {start_us, 300, 7, {1}}, {start_us, 500, 2, {2}}, {start_us, 500, 9, {3}}, {start_us, 400, 99, {4}}};
    for (size_t i = 0; i < 4; i++) assert_int_equal(mtr_slicing_add(slicing, group_of(""), &uses[i]), MTR_OK);
    assert_string_equal(rows(), "@01-01T00:00 0.000000000003; ");
}

static void members_count_once_in_each_slice(void **state)
{
    static const char *const names[] = {"ann", "bob", "ann", "cleo", "ann"};
    static const char *const times[] = {"2026-01-02T00:00:00Z", "2026-01-02T05:00:00Z",
                                        "2026-01-02T06:00:00Z", "2026-01-03T00:00:00Z",
                                        "2026-01-03T01:00:00Z"};
    (void)state;
    for (int by_day = 0; by_day < 2; by_day++) {
        begin(MTR_UNIQUE, by_day ? MTR_CURVE_SCOPE_DAY : MTR_CURVE_SCOPE_PERIOD);
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(
                mtr_slicing_add_member(slicing, group_of(""), second(times[i]), mtr_str_from(names[i])),
                MTR_OK);
        assert_string_equal(rows(), by_day ? "@01-02T00:00 2; @01-03T00:00 2; " : "@01-01T00:00 3; ");
    }
}

/* A day has 24 windows of an hour: of 24 the 95th is the 23rd, the 50th the 12th, the 100th the last. */
static void a_percentile_ranks_all_windows(void **state)
{
    static const struct {
        const char *percentile;
        int busy; /* hours from midnight on, with 1, 2, 3 … */
        const char *rows;
    } cases[] = {
        {"95", 1, ""},          /* the 23rd of 23 zeros and a 1: nothing is due, and no row */
        {"95", 2, "1"},         /* 22 zeros, then 1 and 2 */
        {"95", 24, "23"},       {"100", 1, "1"},  {"50", 13, "1"}, {"50", 12, ""}, {"0.000000000001", 24, "1"},
        {"95.833333333333", 24, "23"}, /* 24 × it is 22.99999999999992: the 23rd */
        {"95.833333333334", 24, "24"}, /* a hair above 23: the 24th */
    };
    (void)state;
    rule.until_us = rule.from_us + MTR_US_PER_DAY;
    meter.window_us = MTR_US_PER_HOUR;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char expected[64] = "@01-01T00:00 0; ", time[40], value[16];
        meter.percentile = quantity(cases[i].percentile);
        begin(MTR_PERCENTILE, MTR_CURVE_SCOPE_PERIOD);
        for (int hour = 0; hour < cases[i].busy; hour++) {
            snprintf(time, sizeof(time), "2026-01-01T%02d:00:00Z", hour);
            snprintf(value, sizeof(value), "%d", hour + 1);
            use("", time, value);
        }
        if (cases[i].rows[0]) snprintf(expected, sizeof(expected), "@01-01T00:00 %s; ", cases[i].rows);
        assert_string_equal(rows(), expected);
    }
}

/* The quiet windows of the second part bring the median down: what the first has billed comes back. */
static void a_percentile_may_fall_in_a_later_part(void **state)
{
    (void)state;
    meter.window_us = MTR_US_PER_HOUR;
    meter.percentile = quantity("50");
    rule.own_us = rule.from_us + 2 * MTR_US_PER_HOUR;
    rule.until_us = rule.from_us + 5 * MTR_US_PER_HOUR;
    begin(MTR_PERCENTILE, MTR_CURVE_SCOPE_PERIOD);
    use("", "2026-01-01T00:00:00Z", "4"); /* of 2 windows the 1st is 4; of 5 (2 used) the 3rd is 0 */
    use("", "2026-01-01T01:00:00Z", "6");
    assert_string_equal(rows(), "@01-01T00:00 <4; @01-01T02:00 -4; ");
}

static void windows_of_negative_sums_come_first(void **state)
{
    (void)state;
    meter.window_us = MTR_US_PER_HOUR;
    meter.percentile = quantity("25");
    rule.until_us = rule.from_us + 4 * MTR_US_PER_HOUR;
    begin(MTR_PERCENTILE, MTR_CURVE_SCOPE_PERIOD);
    use("", "2026-01-01T01:10:00Z", "3");
    use("", "2026-01-01T01:50:00Z", "-5"); /* the same window: -2 */
    use("", "2026-01-01T02:00:00Z", "9");
    assert_string_equal(rows(), "@01-01T00:00 -2; ");
}

/* Lord Howe's clocks go back half an hour at 15:00 UTC: the hour from 15:00 on has 30 minutes, and so two
 * windows of 20. */
static void windows_begin_with_each_local_hour(void **state)
{
    (void)state;
    struct mtr_zone *howe;
    assert_int_equal(mtr_zone_open(MTR_STR("Australia/Lord_Howe"), &howe), MTR_OK);
    rule.zone = howe;
    rule.from_us = rule.own_us = second("2026-04-04T14:00:00Z");
    rule.until_us = second("2026-04-04T16:30:00Z"); /* 3 + 2 + 3 windows */
    meter.window_us = MTR_US_PER_HOUR / 3;
    meter.percentile = quantity("87.5"); /* the 7th of 8 */
    begin(MTR_PERCENTILE, MTR_CURVE_SCOPE_PERIOD);
    use("", "2026-04-04T14:59:59Z", "1");
    use("", "2026-04-04T15:20:00Z", "2");
    use("", "2026-04-04T15:29:00Z", "2"); /* the same window */
    use("", "2026-04-04T15:30:00Z", "8");
    assert_string_equal(rows(), "@04-04T14:00 4; ");
    mtr_zone_close(howe);
}

/* 100 for 10 days, 40 for 21: (1000 + 840) × 24 level-hours, 1840 ÷ 31 in the mean. */
static void a_level_is_weighed_by_time(void **state)
{
    static const struct {
        enum mtr_time_unit per;
        const char *rows;
    } cases[] = {
        {MTR_TIME_UNIT_SECOND, "@01-01T00:00 158976000; "}, {MTR_TIME_UNIT_MINUTE, "@01-01T00:00 2649600; "},
        {MTR_TIME_UNIT_HOUR, "@01-01T00:00 44160; "},       {MTR_TIME_UNIT_DAY, "@01-01T00:00 1840; "},
        {MTR_TIME_UNIT_PERIOD, "@01-01T00:00 59.354838709677; "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        meter.per = cases[i].per;
        begin(MTR_TIME_WEIGHTED, MTR_CURVE_SCOPE_PERIOD);
        change("", "2026-01-11T00:00:00Z", "-60"); /* in any order */
        change("", "2025-12-01T00:00:00Z", "100"); /* before: it stands from the first moment on */
        change("", "2026-02-01T00:00:00Z", "999"); /* behind */
        assert_string_equal(rows(), cases[i].rows);
    }
}

/* A third of a unit held for three seconds, one by one: the differences of 1/3600, rounded, add up. */
static void slices_of_a_level_add_up(void **state)
{
    (void)state;
    rule.own_us = rule.from_us + MTR_US_PER_SECOND;
    rule.until_us = rule.from_us + 3 * MTR_US_PER_SECOND;
    begin(MTR_TIME_WEIGHTED, MTR_CURVE_SCOPE_PERIOD);
    change("", "2026-01-01T00:00:00Z", "1");
    /* 3 ÷ 3600 is 0.000833333333 */
    assert_string_equal(rows(), "@01-01T00:00 <0.000277777778; @01-01T00:00 0.000555555555; ");
}

static void levels_by_hour_and_day(void **state)
{
    (void)state;
    rule.until_us = second("2026-01-03T00:00:00Z");
    meter.per = MTR_TIME_UNIT_HOUR;
    begin(MTR_TIME_WEIGHTED, MTR_CURVE_SCOPE_DAY);
    change("", "2026-01-01T12:00:00Z", "2");
    change("", "2026-01-02T06:00:00Z", "-2");
    assert_string_equal(rows(), "@01-01T00:00 24; @01-02T00:00 12; ");
    begin(MTR_TIME_WEIGHTED, MTR_CURVE_SCOPE_HOUR);
    change("", "2026-01-01T12:15:00Z", "2");
    change("", "2026-01-01T13:30:00Z", "-2");
    assert_string_equal(rows(), "@01-01T12:00 1.5; @01-01T13:00 1; ");
}

static void spans_are_levels_while_they_hold(void **state)
{
    (void)state;
    rule.own_us = second("2026-01-16T00:00:00Z");
    begin(MTR_TIME_WEIGHTED, MTR_CURVE_SCOPE_LEVEL);
    change("x", "2026-01-01T00:00:00Z", "3");
    change("x", "2026-01-10T00:00:00Z", "2");
    change("x", "2026-01-10T00:00:00Z", "-2"); /* nothing, together */
    change("x", "2026-01-20T00:00:00Z", "4");
    change("x", "2026-01-25T00:00:00Z", "-7"); /* zero makes no row */
    change("y", "2026-01-31T23:59:59.5Z", "1");
    assert_string_equal(
        rows(), "x@01-01T00:00-01-16T00:00 <3; x@01-16T00:00-01-20T00:00 3; x@01-20T00:00-01-25T00:00 7; "
                "y@01-31T23:59-02-01T00:00 1; ");
}

/* Slices of the caller's own: what a query asks for. */
static void slices_may_be_given(void **state)
{
    (void)state;
    const struct mtr_period given[] = {{second("2026-01-01T00:00:00Z"), second("2026-01-03T00:00:00Z")},
                                       {second("2026-01-03T00:00:00Z"), second("2026-02-01T00:00:00Z")}};
    rule.slices = given;
    rule.slice_count = 2;
    meter.per = MTR_TIME_UNIT_PERIOD; /* the mean of each slice by itself */
    begin(MTR_TIME_WEIGHTED, MTR_CURVE_SCOPE_PERIOD);
    change("", "2026-01-02T00:00:00Z", "10");
    assert_string_equal(rows(), "@01-01T00:00 5; @01-03T00:00 10; ");
    begin(MTR_SUM, MTR_CURVE_SCOPE_PERIOD);
    use("", "2026-01-02T00:00:00Z", "1");
    use("", "2026-01-03T00:00:00Z", "2");
    use("", "2026-01-31T00:00:00Z", "4");
    assert_string_equal(rows(), "@01-01T00:00 1; @01-03T00:00 6; ");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sums_add_up_by_their_scope),
        CASE(a_part_brings_the_difference),
        CASE(a_slice_that_a_part_cuts_goes_on),
        CASE(of_several_the_latest_is_last),
        CASE(members_count_once_in_each_slice),
        CASE(a_percentile_ranks_all_windows),
        CASE(a_percentile_may_fall_in_a_later_part),
        CASE(windows_of_negative_sums_come_first),
        CASE(windows_begin_with_each_local_hour),
        CASE(a_level_is_weighed_by_time),
        CASE(slices_of_a_level_add_up),
        CASE(levels_by_hour_and_day),
        CASE(spans_are_levels_while_they_hold),
        CASE(slices_may_be_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
