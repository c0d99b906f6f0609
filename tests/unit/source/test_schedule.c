/*
 * Schedules: golden ticks and plans, and the life of a source whose clock pauses and jumps: each window ends settled by
 * a reading that its plan asks for last, and none is asked for without need.
 */
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
#include "tests/support/random.h"

static int64_t instant(const char *text)
{
    int64_t time_us;
    if (mtr_time_parse_date(mtr_str_from(text), &time_us)) fail_msg("%s is no time", text);
    return time_us;
}

static int64_t duration(const char *text)
{
    int64_t us;
    if (mtr_duration_parse(mtr_str_from(text), &us)) fail_msg("%s is no duration", text);
    return us;
}

static const struct {
    const char *zone, *every, *at, *time, *tick;
} ticks[] = {
    {"UTC", "0", "00:00", "2026-03-01T12:34:56Z", "2026-03-01T12:34:56Z"},
    {"UTC", "1h", "00:10", "2026-03-01T12:34:56Z", "2026-03-01T13:10:00Z"},
    {"UTC", "1h", "00:10", "2026-03-01T13:10:00Z", "2026-03-01T13:10:00Z"},
    {"UTC", "1h", "00:10", "2026-03-01T00:05:00Z", "2026-03-01T00:10:00Z"},
    {"UTC", "30m", "03:20", "2026-03-01T03:00:00Z", "2026-03-01T03:20:00Z"},
    {"UTC", "30m", "03:20", "2026-03-01T02:45:00Z", "2026-03-01T02:50:00Z"},
    {"UTC", "7h", "00:10", "2026-03-01T21:00:00Z", "2026-03-01T21:10:00Z"}, /* anew each day */
    {"UTC", "7h", "00:10", "2026-03-01T21:11:00Z", "2026-03-02T00:10:00Z"},
    {"Europe/Moscow", "1d", "03:00", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"},
    {"Europe/Moscow", "1d", "03:00", "2026-03-01T00:00:01Z", "2026-03-02T00:00:00Z"},
    {"Asia/Kathmandu", "1d", "00:00", "2026-03-01T12:00:00Z", "2026-03-01T18:15:00Z"},
    {"UTC", "7d", "06:00", "2026-03-03", "2026-03-09T06:00:00Z"}, /* Mondays */
    {"UTC", "3d", "06:00", "2026-03-01", "2026-03-02T06:00:00Z"}, /* 1970-01-01 and 20,514 days */
    /* 02:30 does not exist on 8 March: when the clock goes on. On 1 November 01:30 is twice, and a tick once. */
    {"America/New_York", "1d", "02:30", "2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z"},
    {"America/New_York", "1d", "01:30", "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z"},
    {"America/New_York", "1d", "01:30", "2026-11-01T06:00:00Z", "2026-11-02T06:30:00Z"},
    {"America/New_York", "6h", "00:00", "2026-03-08T06:00:00Z", "2026-03-08T11:00:00Z"},
    {"America/New_York", "6h", "00:00", "2026-03-08T23:30:00Z", "2026-03-09T04:00:00Z"}, /* a day of 23 hours */
    {"Australia/Lord_Howe", "1h", "00:10", "2026-04-04T14:30:00Z", "2026-04-04T15:10:00Z"},
    {"Pacific/Apia", "1d", "12:00", "2011-12-30T00:00:00Z", "2011-12-30T10:00:00Z"}, /* noon of the day that was not */
    {"Pacific/Apia", "1d", "12:00", "2011-12-30T10:00:01Z", "2011-12-30T22:00:00Z"},
};

static void test_ticks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
        struct mtr_zone *zone;
        char text[MTR_TIME_TEXT_BYTES];
        assert_int_equal(mtr_zone_open(mtr_str_from(ticks[i].zone), &zone), MTR_OK);
        struct mtr_schedule schedule = {.every_us = duration(ticks[i].every), .zone = zone};
        assert_int_equal(mtr_schedule_at_parse(mtr_str_from(ticks[i].at), &schedule.at_us), MTR_OK);
        assert_null(mtr_schedule_fault(&schedule));
        mtr_time_format(mtr_schedule_tick(&schedule, instant(ticks[i].time)), text);
        if (mtr_schedule_tick(&schedule, instant(ticks[i].time)) != instant(ticks[i].tick))
            fail_msg("every %s at %s of %s behind %s: %s, not %s", ticks[i].every, ticks[i].at, ticks[i].zone, ticks[i].time, text, ticks[i].tick);
        mtr_zone_close(zone);
    }
}

static void test_what_documents_say(void **state)
{
    (void)state;
    static const char *const bad_times[] = {"", "0:10", "24:00", "12:60", "1200", "12-00", "12:00:00", "ab:cd"};
    static const char *const bad_rereads[] = {"", "6", "month", "month_end6d", "month_end+", "month_end-1d", "1.5d", "-6h"};
    static const struct {
        const char *every, *jitter, *fault;
    } bad[] = {{"30s", "0", "at least 1m"}, {"36h", "0", "up to 1d, or whole days"}, {"400d", "0", "at most 366d"}, {"1h", "2h", "at most `every`"}};
    int64_t at_us;
    struct mtr_reread reread;
    const char *fault;
    for (size_t i = 0; i < sizeof(bad_times) / sizeof(bad_times[0]); i++)
        if (mtr_schedule_at_parse(mtr_str_from(bad_times[i]), &at_us) != MTR_EINVALID) fail_msg("%s is taken", bad_times[i]);
    for (size_t i = 0; i < sizeof(bad_rereads) / sizeof(bad_rereads[0]); i++)
        if (mtr_reread_parse(mtr_str_from(bad_rereads[i]), &reread, &fault) != MTR_EINVALID) fail_msg("%s is taken", bad_rereads[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct mtr_schedule schedule = {.every_us = duration(bad[i].every), .jitter_us = duration(bad[i].jitter)};
        assert_non_null(strstr(mtr_schedule_fault(&schedule), bad[i].fault));
    }
    assert_int_equal(mtr_schedule_at_parse(MTR_STR("23:59"), &at_us), MTR_OK);
    assert_int_equal(at_us, duration("1439m"));
    assert_int_equal(mtr_reread_parse(MTR_STR("month_end"), &reread, &fault), MTR_OK);
    assert_true(reread.is_of_month_end && reread.after_us == 0);
    assert_int_equal(mtr_reread_parse(MTR_STR("month_end+6d"), &reread, &fault), MTR_OK);
    assert_true(reread.is_of_month_end && reread.after_us == duration("6d"));
    /* A source and its subject are two things: their texts in a row do not say it. */
    assert_true(mtr_schedule_key(MTR_STR("ab"), MTR_STR("c")) != mtr_schedule_key(MTR_STR("a"), MTR_STR("bc")));
}

/* The plan of the guide: a day in UTC, read six hours after it, again after 6h, 1d, 3d, 10d and six days into the next month. */
static struct mtr_reading_plan plan_of(struct mtr_zone **zone, const char *length)
{
    static const char *const rereads[] = {"6h", "1d", "3d", "10d", "month_end+6d"};
    struct mtr_reading_plan plan = {.lateness_us = duration("6h"), .key = mtr_schedule_key(MTR_STR("acme"), MTR_STR(""))};
    const char *fault;
    assert_int_equal(mtr_zone_open(MTR_STR("UTC"), zone), MTR_OK);
    plan.schedule.zone = plan.rule.zone = *zone;
    plan.rule.start_us = instant("2026-01-01");
    assert_int_equal(mtr_window_length_parse(mtr_str_from(length), &plan.rule, &fault), MTR_OK);
    for (; plan.reread_count < sizeof(rereads) / sizeof(rereads[0]); plan.reread_count++)
        assert_int_equal(mtr_reread_parse(mtr_str_from(rereads[plan.reread_count]), &plan.rereads[plan.reread_count], &fault), MTR_OK);
    return plan;
}

/* What is due of the window of a day, when it was read at `read`. */
static const struct {
    const char *day, *read, *now, *due; /* due: "" settled, "-" forgotten */
    int order;
    bool is_last;
} plans[] = {
    {"2026-03-20", NULL, "2026-03-20T12:00:00Z", "2026-03-21T06:00:00Z", MTR_DUE_FRESH, false},
    {"2026-03-20", NULL, "2026-03-22T05:00:00Z", "2026-03-21T06:00:00Z", MTR_DUE_FRESH, false},
    {"2026-03-20", NULL, "2026-03-22T06:00:00Z", "2026-03-21T06:00:00Z", MTR_DUE_BACKFILL, false}, /* the 21st is due, too */
    {"2026-03-20", NULL, "2026-05-01", "2026-03-21T06:00:00Z", MTR_DUE_BACKFILL, true},            /* down for long: once is enough */
    {"2026-03-20", "2026-03-21T05:59:59Z", "2026-03-21T06:10:00Z", "2026-03-21T06:00:00Z", MTR_DUE_FRESH, false}, /* too early */
    {"2026-03-20", "2026-03-21T06:00:00Z", "2026-03-21T06:10:00Z", "2026-03-21T12:00:00Z", MTR_DUE_REREAD, false},
    {"2026-03-20", "2026-03-21T12:00:00Z", "2026-03-21T12:10:00Z", "2026-03-22T06:00:00Z", MTR_DUE_REREAD, false},
    {"2026-03-20", "2026-03-22T06:00:00Z", "2026-03-22T06:10:00Z", "2026-03-24T06:00:00Z", MTR_DUE_REREAD, false},
    {"2026-03-20", "2026-03-24T06:00:00Z", "2026-03-24T06:10:00Z", "2026-03-31T06:00:00Z", MTR_DUE_REREAD, false},
    {"2026-03-20", "2026-03-31T06:00:00Z", "2026-03-31T06:10:00Z", "2026-04-07", MTR_DUE_REREAD, true},
    {"2026-03-20", "2026-04-06T23:59:59Z", "2026-04-07T06:10:00Z", "2026-04-07", MTR_DUE_REREAD, true},
    {"2026-03-20", "2026-04-07T00:00:00Z", "2026-04-07T06:10:00Z", "", 0, false},
    /* The last day of a month: month_end+6d comes before 10d. */
    {"2026-03-31", "2026-04-04T06:00:00Z", "2026-04-04T07:00:00Z", "2026-04-07", MTR_DUE_REREAD, false},
    {"2026-03-31", "2026-04-07T00:00:00Z", "2026-04-07T07:00:00Z", "2026-04-11T06:00:00Z", MTR_DUE_REREAD, true},
    /* Read when the clock was a year ahead: not read. A few minutes ahead: read. */
    {"2026-03-20", "2027-03-20T00:00:00Z", "2026-03-21T06:10:00Z", "2026-03-21T06:00:00Z", MTR_DUE_FRESH, false},
    {"2026-03-20", "2026-03-21T06:15:00Z", "2026-03-21T06:10:00Z", "2026-03-21T12:00:00Z", MTR_DUE_REREAD, false},
};

static void test_plans(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        struct mtr_zone *zone;
        const struct mtr_reading_plan plan = plan_of(&zone, "day");
        const struct mtr_window window = mtr_window_at(&plan.rule, instant(plans[i].day));
        const struct mtr_window_state known = {.read_us = plans[i].read ? instant(plans[i].read) : 0};
        const struct mtr_due due = mtr_window_due(&plan, &window, &known, instant(plans[i].now));
        char text[MTR_TIME_TEXT_BYTES] = "";
        if (due.kind == MTR_DUE_READ) mtr_time_format(due.due_us, text);
        const bool is_due = plans[i].due[0] && due.kind == MTR_DUE_READ && due.due_us == instant(plans[i].due);
        const bool is_settled = !plans[i].due[0] && due.kind == MTR_DUE_SETTLED;
        if (!(is_due && (int)due.order == plans[i].order && due.is_last == plans[i].is_last) && !is_settled)
            fail_msg("row %zu, %s: kind %d, due %s, order %d, last %d", i, plans[i].day, due.kind, text, due.order, due.is_last);
        assert_false(due.is_draft);
        mtr_zone_close(zone);
    }
}

static void test_drafts(void **state)
{
    (void)state;
    struct mtr_zone *zone;
    struct mtr_reading_plan plan = plan_of(&zone, "day");
    const struct mtr_window day = mtr_window_at(&plan.rule, instant("2026-03-20"));
    struct mtr_window_state known = {0};
    plan.open_us = duration("1h");
    struct mtr_due due = mtr_window_due(&plan, &day, &known, instant("2026-03-20T00:30:00Z"));
    assert_true(due.is_draft && due.order == MTR_DUE_DRAFT && due.due_us == instant("2026-03-20T01:00:00Z"));
    known.read_us = instant("2026-03-20T04:30:00Z"); /* what was missed is not made up for */
    due = mtr_window_due(&plan, &day, &known, instant("2026-03-20T04:31:00Z"));
    assert_true(due.is_draft && due.due_us == instant("2026-03-20T05:00:00Z"));
    known.read_us = instant("2026-03-20T23:10:00Z");
    due = mtr_window_due(&plan, &day, &known, instant("2026-03-20T23:20:00Z"));
    assert_true(!due.is_draft && due.due_us == instant("2026-03-21T06:00:00Z") && due.order == MTR_DUE_FRESH);
    due = mtr_window_due(&plan, &day, &(struct mtr_window_state){0}, instant("2026-03-21"));
    assert_true(!due.is_draft && due.due_us == instant("2026-03-21T06:00:00Z"));
    mtr_zone_close(zone);
}

/* What a vendor forgets is asked for before, and stands as it is behind. */
static void test_forgotten(void **state)
{
    (void)state;
    struct mtr_zone *zone;
    struct mtr_reading_plan plan = plan_of(&zone, "day");
    const struct mtr_window day = mtr_window_at(&plan.rule, instant("2026-03-01"));
    struct mtr_window_state known = {.read_us = instant("2026-03-05T06:00:00Z")};
    plan.rule.vendor_keeps_us = duration("10d"); /* 10d and month_end+6d are too late */
    struct mtr_due due = mtr_window_due(&plan, &day, &known, instant("2026-03-05T07:00:00Z"));
    assert_int_equal(due.kind, MTR_DUE_SETTLED);
    known.read_us = instant("2026-03-02T06:00:00Z");
    due = mtr_window_due(&plan, &day, &known, instant("2026-03-10T23:00:00Z"));
    assert_true(due.kind == MTR_DUE_READ && due.is_last);
    due = mtr_window_due(&plan, &day, &known, instant("2026-03-11"));
    assert_int_equal(due.kind, MTR_DUE_FORGOTTEN);
    /* A tick that would come too late is not waited for. */
    plan.schedule.every_us = duration("50d");
    known.read_us = 0;
    due = mtr_window_due(&plan, &day, &known, instant("2026-03-02"));
    assert_true(due.kind == MTR_DUE_READ && due.due_us == instant("2026-03-02T06:00:00Z"));
    mtr_zone_close(zone);
}

/* Named periods: `last` until it is the one before; of `current` alone there are drafts, and no proof. */
static void test_named_periods(void **state)
{
    (void)state;
    struct mtr_zone *zone;
    struct mtr_reading_plan plan = plan_of(&zone, "month");
    const struct mtr_window march = mtr_window_at(&plan.rule, instant("2026-03-01"));
    struct mtr_window_state known = {.read_us = instant("2026-04-20")};
    plan.rule.has_current = plan.rule.has_last = true;
    assert_int_equal(mtr_window_due(&plan, &march, &known, instant("2026-04-21")).kind, MTR_DUE_SETTLED);
    known.read_us = instant("2026-04-01T06:00:00Z");
    assert_int_equal(mtr_window_due(&plan, &march, &known, instant("2026-04-29")).kind, MTR_DUE_READ);
    assert_int_equal(mtr_window_due(&plan, &march, &known, instant("2026-05-01")).kind, MTR_DUE_FORGOTTEN);
    plan.rule.has_last = false;
    plan.open_us = duration("1d");
    known.read_us = instant("2026-03-29");
    assert_true(mtr_window_due(&plan, &march, &known, instant("2026-03-30T12:00:00Z")).is_draft);
    assert_int_equal(mtr_window_due(&plan, &march, &known, instant("2026-04-01")).kind, MTR_DUE_FORGOTTEN);
    mtr_zone_close(zone);
}

static void test_backoff(void **state)
{
    (void)state;
    struct mtr_zone *zone;
    const struct mtr_reading_plan plan = plan_of(&zone, "day");
    const struct mtr_window day = mtr_window_at(&plan.rule, instant("2026-03-20"));
    const int64_t now_us = instant("2026-03-21T07:00:00Z");
    struct mtr_window_state known = {.tried_us = now_us, .failures = 1};
    static const char *const most[] = {"10s", "20s", "40s", "80s", "160s", "320s", "640s", "1280s", "2560s", "1h", "1h", "1h"};
    for (uint32_t failures = 1; failures <= 12; failures++) {
        bool is_spread = false;
        for (uint64_t salt = 0; salt < 200; salt++) {
            const int64_t wait_us = mtr_backoff_us(plan.key, salt, failures);
            assert_true(wait_us >= MTR_US_PER_SECOND && wait_us < duration(most[failures - 1]));
            assert_int_equal(wait_us, mtr_backoff_us(plan.key, salt, failures));
            is_spread = is_spread || wait_us > duration(most[failures - 1]) / 2;
        }
        assert_true(is_spread);
    }
    struct mtr_due due = mtr_window_due(&plan, &day, &known, now_us);
    assert_true(due.due_us > now_us && due.due_us < now_us + duration("10s"));
    known.wait_until_us = now_us + duration("5m"); /* Retry-After */
    assert_int_equal(mtr_window_due(&plan, &day, &known, now_us).due_us, known.wait_until_us);
    known.wait_until_us = now_us + duration("30d"); /* no vendor is believed so far */
    assert_int_equal(mtr_window_due(&plan, &day, &known, now_us).due_us, now_us + duration("1d"));
    /* The clock went back by a day since: what was tried then does not hold up today. */
    assert_int_equal(mtr_window_due(&plan, &day, &known, now_us - duration("1h")).due_us, instant("2026-03-21T06:00:00Z"));
    mtr_zone_close(zone);
}

static void test_jitter(void **state)
{
    (void)state;
    struct mtr_zone *zone;
    struct mtr_reading_plan plan = plan_of(&zone, "hour");
    int64_t least_us = INT64_MAX, most_us = 0;
    plan.schedule.jitter_us = duration("5m");
    struct mtr_window window = mtr_window_at(&plan.rule, instant("2026-03-20"));
    for (unsigned i = 0; i < 200; i++, window = mtr_window_next(&plan.rule, &window)) {
        const struct mtr_due due = mtr_window_due(&plan, &window, &(struct mtr_window_state){0}, window.to_us);
        const int64_t jitter_us = due.due_us - window.to_us - plan.lateness_us;
        assert_true(jitter_us >= 0 && jitter_us < plan.schedule.jitter_us);
        least_us = mtr_time_sooner(least_us, jitter_us);
        most_us = mtr_time_later(most_us, jitter_us);
    }
    assert_true(least_us < duration("20s") && most_us > duration("280s"));
    mtr_zone_close(zone);
}

static void test_feeds(void **state)
{
    (void)state;
    struct mtr_zone *zone;
    struct mtr_reading_plan plan = plan_of(&zone, "cursor");
    struct mtr_window_state known = {0};
    plan.schedule.every_us = duration("15m");
    assert_int_equal(mtr_feed_due(&plan, &known, instant("2026-03-01")).due_us, plan.rule.start_us);
    known.read_us = instant("2026-03-01T10:15:00Z");
    assert_int_equal(mtr_feed_due(&plan, &known, instant("2026-03-01T10:16:00Z")).due_us, instant("2026-03-01T10:30:00Z"));
    known.read_us = instant("2027-03-01"); /* the clock was ahead */
    assert_int_equal(mtr_feed_due(&plan, &known, instant("2026-03-01T10:16:00Z")).due_us, plan.rule.start_us);
    mtr_zone_close(zone);
}

/* ---- the life of a source ---- */

enum { WINDOWS_MAX = 8192 };

struct life {
    struct mtr_reading_plan plan;
    struct random_source random;
    struct {
        struct mtr_window window;
        struct mtr_window_state state;
        unsigned readings, drafts;
        bool is_kept_back;
    } ledger[WINDOWS_MAX];
    unsigned count, times_back;
    unsigned slots[2 * WINDOWS_MAX]; /* row + 1 by the window's begin */
    int64_t now_us, unsettled_us;
};

static unsigned row_of(struct life *life, const struct mtr_window *window)
{
    uint64_t slot = (uint64_t)window->from_us * UINT64_C(0x9e3779b97f4a7c15) >> 50;
    for (; life->slots[slot]; slot = (slot + 1) % (2 * WINDOWS_MAX))
        if (life->ledger[life->slots[slot] - 1].window.from_us == window->from_us) return life->slots[slot] - 1;
    assert_true(life->count < WINDOWS_MAX);
    life->ledger[life->count].window = *window;
    life->slots[slot] = life->count + 1;
    return life->count++;
}

static bool state_of(void *context, const struct mtr_window *window, struct mtr_window_state *out)
{
    struct life *life = context;
    const unsigned row = row_of(life, window);
    *out = life->ledger[row].state;
    return !life->ledger[row].is_kept_back;
}

/* By hand: all windows up to now, one after the other. */
static void check_scan(struct life *life, const struct mtr_due_scan *scan)
{
    bool has_due = false;
    struct mtr_due best = {0};
    int64_t next_us = INT64_MAX;
    for (struct mtr_window window = mtr_window_first(&life->plan.rule); window.from_us <= life->now_us; window = mtr_window_next(&life->plan.rule, &window)) {
        struct mtr_window_state known = {0};
        const bool is_free = state_of(life, &window, &known);
        const struct mtr_due due = mtr_window_due(&life->plan, &window, &known, life->now_us);
        if (due.kind != MTR_DUE_READ || !is_free) continue;
        if (due.due_us > life->now_us) next_us = mtr_time_sooner(next_us, due.due_us);
        else if (!has_due || due.order < best.order || (due.order == best.order && due.due_us < best.due_us)) {
            has_due = true;
            best = due;
        }
    }
    assert_int_equal(scan->has_due, has_due);
    if (has_due) assert_true(scan->due.order == best.order && scan->due.due_us == best.due_us);
    else if (next_us != INT64_MAX) assert_true(scan->has_next && scan->next_us == next_us);
}

static void look(struct life *life, struct mtr_due_scan *scan)
{
    mtr_due_scan_begin(scan, &life->plan, life->unsettled_us, life->now_us);
    for (unsigned steps = 0; !mtr_due_scan_step(scan, &life->plan, state_of, life, 1 + (uint32_t)random_below(&life->random, 40)); steps++)
        assert_true(steps < WINDOWS_MAX);
    life->unsettled_us = scan->unsettled_us;
}

static void read_due(struct life *life, const struct mtr_due_scan *scan)
{
    const unsigned row = row_of(life, &scan->window);
    struct mtr_window_state *known = &life->ledger[row].state;
    if (random_below(&life->random, 5) == 0) {
        known->failures++;
        known->tried_us = life->now_us;
        known->wait_until_us = random_below(&life->random, 4) ? 0 : life->now_us + (int64_t)random_below(&life->random, 600) * MTR_US_PER_SECOND;
        return;
    }
    *known = (struct mtr_window_state){.read_us = life->now_us};
    life->ledger[row].readings += !scan->due.is_draft;
    life->ledger[row].drafts += scan->due.is_draft;
}

/* A few thousand moments: mostly to the next due time, now and then a pause, a jump ahead or back, a moved start. */
static void live(struct life *life, int64_t end_us)
{
    for (unsigned step = 0; step < 6000 && life->now_us < end_us; step++) {
        struct mtr_due_scan scan;
        look(life, &scan);
        if (random_below(&life->random, 20) == 0) check_scan(life, &scan);
        if (scan.has_due) read_due(life, &scan);
        else life->now_us = scan.has_next ? mtr_time_later(scan.next_us, life->now_us + 1) : life->now_us + MTR_US_PER_HOUR;
        const uint64_t fate = random_below(&life->random, 300);
        if (fate == 0) life->now_us += (int64_t)random_below(&life->random, 20) * MTR_US_PER_DAY;
        if (fate == 1) life->now_us = mtr_time_later(life->now_us - (int64_t)random_below(&life->random, 72) * MTR_US_PER_HOUR, life->plan.rule.start_us);
        if (fate == 2) life->plan.rule.start_us = mtr_time_later(life->plan.rule.start_us - (int64_t)random_below(&life->random, 5) * MTR_US_PER_DAY, 0);
        life->times_back += fate == 1;
        if (fate == 1 || fate == 2) life->unsettled_us = 0; /* as schedule.h says */
    }
}

/* No fault more, and a clock that only goes on: everything comes to rest. */
static void drain(struct life *life)
{
    const int64_t end_us = life->now_us + 60 * MTR_US_PER_DAY;
    life->unsettled_us = 0;
    for (unsigned step = 0; life->now_us < end_us; step++) {
        struct mtr_due_scan scan;
        assert_true(step < 20000);
        look(life, &scan);
        if (!scan.has_due) {
            assert_true(scan.has_next);
            life->now_us = mtr_time_later(scan.next_us, life->now_us + 1);
            continue;
        }
        const unsigned row = row_of(life, &scan.window);
        life->ledger[row].state = (struct mtr_window_state){.read_us = life->now_us};
        life->ledger[row].readings += !scan.due.is_draft;
    }
}

static void check_rest(struct life *life)
{
    const struct mtr_reading_plan *plan = &life->plan;
    const int64_t end_us = life->now_us - 45 * MTR_US_PER_DAY;
    for (struct mtr_window window = mtr_window_first(&plan->rule); window.to_us < end_us; window = mtr_window_next(&plan->rule, &window)) {
        const unsigned row = row_of(life, &window);
        const struct mtr_due due = mtr_window_due(plan, &window, &life->ledger[row].state, life->now_us);
        if (plan->rule.vendor_keeps_us && due.kind == MTR_DUE_FORGOTTEN) continue;
        assert_int_equal(due.kind, MTR_DUE_SETTLED);
        assert_true(life->ledger[row].state.read_us >= window.to_us + plan->lateness_us);
    }
    for (unsigned i = 0; i < life->count; i++) { /* each time the clock goes back, all may be asked for once more */
        const struct mtr_window *window = &life->ledger[i].window;
        const int64_t drafts = plan->open_us ? (window->to_us - window->from_us) / plan->open_us + 1 : 0;
        assert_true(life->ledger[i].readings <= (plan->reread_count + 1) * (life->times_back + 1));
        assert_true(life->ledger[i].drafts <= drafts * (life->times_back + 1));
    }
}

static void test_life(void **state)
{
    (void)state;
    static const char *const lengths[] = {"hour", "day", "7d", "month", "6h"};
    static const char *const zones[] = {"UTC", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"};
    static const char *const everies[] = {"0", "15m", "1h", "1d"};
    const char *seed_text = getenv("METERD_SEED"), *seeds_text = getenv("METERD_SEEDS");
    const uint64_t first = seed_text ? strtoull(seed_text, NULL, 10) : 1, seeds = seed_text ? 1 : seeds_text ? strtoull(seeds_text, NULL, 10) : 6;
    static struct life life;
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct mtr_zone *unused, *zone;
        printf("METERD_SEED=%" PRIu64 "\n", seed);
        memset(&life, 0, sizeof(life));
        life.random.state = seed;
        assert_int_equal(mtr_zone_open(mtr_str_from(zones[random_below(&life.random, 5)]), &zone), MTR_OK);
        life.plan = plan_of(&unused, lengths[random_below(&life.random, 5)]);
        life.plan.schedule.zone = life.plan.rule.zone = zone;
        life.plan.schedule.every_us = duration(everies[random_below(&life.random, 4)]);
        life.plan.schedule.jitter_us = random_below(&life.random, 2) ? duration("5m") : 0;
        life.plan.open_us = random_below(&life.random, 2) ? duration("3h") : 0;
        life.plan.rule.vendor_keeps_us = random_below(&life.random, 3) ? 0 : duration("90d");
        life.plan.rule.start_us = instant("2026-02-20");
        life.now_us = life.plan.rule.start_us + (int64_t)random_below(&life.random, 30) * MTR_US_PER_DAY; /* created late */
        live(&life, instant("2026-05-01"));
        drain(&life);
        check_rest(&life);
        mtr_zone_close(zone);
        mtr_zone_close(unused);
    }
}

/* A source that begins in the future sleeps until then. */
static void test_scan_before_the_start(void **state)
{
    (void)state;
    static struct life life;
    struct mtr_zone *zone;
    struct mtr_due_scan scan;
    life.plan = plan_of(&zone, "day");
    life.now_us = instant("2025-12-01");
    look(&life, &scan);
    assert_true(!scan.has_due && scan.has_next && scan.next_us == instant("2026-01-01"));
    assert_int_equal(mtr_window_expected_us(&life.plan, &(struct mtr_window){0, instant("2026-01-02")}), instant("2026-01-02T06:00:00Z"));
    mtr_zone_close(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks),         cmocka_unit_test(test_what_documents_say), cmocka_unit_test(test_plans),
        cmocka_unit_test(test_drafts),        cmocka_unit_test(test_forgotten),          cmocka_unit_test(test_named_periods),
        cmocka_unit_test(test_backoff),       cmocka_unit_test(test_jitter),             cmocka_unit_test(test_feeds),
        cmocka_unit_test(test_life),          cmocka_unit_test(test_scan_before_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
