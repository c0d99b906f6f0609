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
#include "tests/support/source/windows.h"

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
    {"UTC", "36h", "12:00", "2026-03-01", "2026-03-01"}, /* 1970-01-01T12:00 and 13,675 times */
    {"UTC", "30s", "00:00", "2026-03-01T12:34:56Z", "2026-03-01T12:35:00Z"},
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
        struct mtr_zone *zone = NULL;
        unsigned hour, minute;
        char text[MTR_TIME_TEXT_BYTES];
        if (strcmp(ticks[i].zone, "UTC") != 0) assert_int_equal(mtr_zone_open(mtr_str_from(ticks[i].zone), &zone), MTR_OK);
        assert_int_equal(sscanf(ticks[i].at, "%u:%u", &hour, &minute), 2);
        const struct mtr_source_schedule schedule = {.every_us = duration(ticks[i].every), .at_s = hour * 3600 + minute * 60, .zone = zone};
        mtr_time_format(mtr_schedule_tick(&schedule, instant(ticks[i].time)), text);
        if (mtr_schedule_tick(&schedule, instant(ticks[i].time)) != instant(ticks[i].tick))
            fail_msg("every %s at %s of %s behind %s: %s, not %s", ticks[i].every, ticks[i].at, ticks[i].zone, ticks[i].time, text, ticks[i].tick);
        mtr_zone_close(zone);
    }
}

/* A source and its subject are two things: their texts in a row do not say it. */
static void test_keys(void **state)
{
    (void)state;
    assert_true(mtr_schedule_key(MTR_STR("ab"), MTR_STR("c")) != mtr_schedule_key(MTR_STR("a"), MTR_STR("bc")));
    assert_true(mtr_schedule_key(MTR_STR("ab"), MTR_STR("")) != mtr_schedule_key(MTR_STR("a"), MTR_STR("b")));
}

/* The plan of the guide: a day in UTC, read six hours after it, again 12 hours, 1, 3 and 10 days after it, and six days into the next month. */
struct plan {
    struct mtr_source_schedule schedule;
    struct mtr_source_window window;
    struct mtr_source_reread rereads[5];
    struct mtr_reading_plan plan;
};

static void make_plan(struct plan *out, const char *length)
{
    static const char *const rereads[] = {"12h", "30h", "78h", "246h", "month_end+6d"};
    *out = (struct plan){.window = {.lateness_us = duration("6h"), .has_start = true, .start_us = instant("2026-01-01"), .rereads = out->rereads}};
    assert_true(source_window_set_length(&out->window, length));
    for (; out->window.reread_count < 5; out->window.reread_count++)
        assert_true(source_window_read_reread(&out->rereads[out->window.reread_count], rereads[out->window.reread_count]));
    out->plan = (struct mtr_reading_plan){&out->schedule, &out->window, out->window.start_us, mtr_schedule_key(MTR_STR("acme"), MTR_STR("")), NULL, 0};
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
        struct plan made;
        make_plan(&made, "day");
        const struct mtr_window window = mtr_window_at(&made.window, instant(plans[i].day));
        const struct mtr_window_history known = {.read_us = plans[i].read ? instant(plans[i].read) : 0};
        const struct mtr_due due = mtr_window_due(&made.plan, &window, &known, instant(plans[i].now));
        char text[MTR_TIME_TEXT_BYTES] = "";
        if (due.kind == MTR_DUE_READ) mtr_time_format(due.due_us, text);
        const bool is_due = plans[i].due[0] && due.kind == MTR_DUE_READ && due.due_us == instant(plans[i].due);
        const bool is_settled = !plans[i].due[0] && due.kind == MTR_DUE_SETTLED;
        if (!(is_due && (int)due.order == plans[i].order && due.is_last == plans[i].is_last) && !is_settled)
            fail_msg("row %zu, %s: kind %d, due %s, order %d, last %d", i, plans[i].day, due.kind, text, due.order, due.is_last);
        assert_false(due.is_draft);
    }
}

static void test_drafts(void **state)
{
    (void)state;
    struct plan made;
    make_plan(&made, "day");
    const struct mtr_window day = mtr_window_at(&made.window, instant("2026-03-20"));
    struct mtr_window_history known = {0};
    made.window.open_us = duration("1h");
    struct mtr_due due = mtr_window_due(&made.plan, &day, &known, instant("2026-03-20T00:30:00Z"));
    assert_true(due.is_draft && due.order == MTR_DUE_DRAFT && due.due_us == instant("2026-03-20T01:00:00Z"));
    known.read_us = instant("2026-03-20T04:30:00Z"); /* what was missed is not made up for */
    due = mtr_window_due(&made.plan, &day, &known, instant("2026-03-20T04:31:00Z"));
    assert_true(due.is_draft && due.due_us == instant("2026-03-20T05:00:00Z"));
    known.read_us = instant("2026-03-20T23:10:00Z");
    due = mtr_window_due(&made.plan, &day, &known, instant("2026-03-20T23:20:00Z"));
    assert_true(!due.is_draft && due.due_us == instant("2026-03-21T06:00:00Z") && due.order == MTR_DUE_FRESH);
    due = mtr_window_due(&made.plan, &day, &(struct mtr_window_history){0}, instant("2026-03-21"));
    assert_true(!due.is_draft && due.due_us == instant("2026-03-21T06:00:00Z"));
}

/* What a vendor forgets is asked for before, and stands as it is behind. */
static void test_forgotten(void **state)
{
    (void)state;
    struct plan made;
    make_plan(&made, "day");
    const struct mtr_window day = mtr_window_at(&made.window, instant("2026-03-01"));
    struct mtr_window_history known = {.read_us = instant("2026-03-05T06:00:00Z")};
    made.window.vendor_keeps_us = duration("10d"); /* 10d and month_end+6d are too late */
    struct mtr_due due = mtr_window_due(&made.plan, &day, &known, instant("2026-03-05T07:00:00Z"));
    assert_int_equal(due.kind, MTR_DUE_SETTLED);
    known.read_us = instant("2026-03-02T06:00:00Z");
    due = mtr_window_due(&made.plan, &day, &known, instant("2026-03-10T23:00:00Z"));
    assert_true(due.kind == MTR_DUE_READ && due.is_last);
    due = mtr_window_due(&made.plan, &day, &known, instant("2026-03-11"));
    assert_int_equal(due.kind, MTR_DUE_FORGOTTEN);
    /* A tick that would come too late is not waited for. */
    made.schedule.every_us = duration("50d");
    known.read_us = 0;
    due = mtr_window_due(&made.plan, &day, &known, instant("2026-03-02"));
    assert_true(due.kind == MTR_DUE_READ && due.due_us == instant("2026-03-02T06:00:00Z"));
}

/* Named periods: each tick, as drafts while they are current; last until it is the one before; of current alone there is no proof. */
static void test_named_periods(void **state)
{
    (void)state;
    struct plan made;
    make_plan(&made, "periods");
    made.schedule.every_us = duration("6h");
    made.window.has_current = made.window.has_last = true;
    const struct mtr_window march = mtr_window_at(&made.window, instant("2026-03-01"));
    struct mtr_window_history known = {0};
    struct mtr_due due = mtr_window_due(&made.plan, &march, &known, instant("2026-03-01"));
    assert_true(due.is_draft && due.due_us == instant("2026-03-01") && due.order == MTR_DUE_DRAFT);
    known.read_us = instant("2026-03-31T18:00:00Z");
    due = mtr_window_due(&made.plan, &march, &known, instant("2026-03-31T18:10:00Z"));
    assert_true(!due.is_draft && due.due_us == instant("2026-04-01") && due.order == MTR_DUE_FRESH);
    known.read_us = instant("2026-04-20");
    due = mtr_window_due(&made.plan, &march, &known, instant("2026-04-21"));
    assert_true(due.kind == MTR_DUE_READ && due.order == MTR_DUE_REREAD && due.due_us == instant("2026-04-20T06:00:00Z"));
    assert_int_equal(mtr_window_due(&made.plan, &march, &known, instant("2026-05-01")).kind, MTR_DUE_SETTLED);
    known.read_us = instant("2026-04-30T18:00:00Z"); /* there is no tick more */
    assert_int_equal(mtr_window_due(&made.plan, &march, &known, instant("2026-04-30T19:00:00Z")).kind, MTR_DUE_SETTLED);
    known.read_us = instant("2026-03-31");
    assert_int_equal(mtr_window_due(&made.plan, &march, &known, instant("2026-05-01")).kind, MTR_DUE_FORGOTTEN);
    made.window.has_last = false;
    assert_int_equal(mtr_window_due(&made.plan, &march, &known, instant("2026-04-01")).kind, MTR_DUE_FORGOTTEN);
    made.window.has_last = true;
    made.window.has_current = false;
    assert_int_equal(mtr_window_due(&made.plan, &march, &(struct mtr_window_history){0}, instant("2026-03-10")).due_us, instant("2026-04-01"));
}

/* The ledger begins with the document's start, or when the source came; of named periods with the last one. */
static void test_starts(void **state)
{
    (void)state;
    const int64_t created_us = instant("2026-03-10T12:00:00Z");
    struct mtr_source source = {.key = MTR_STR("acme"), .created_us = created_us, .window = {.length = MTR_LENGTH_DAY}};
    assert_int_equal(mtr_reading_plan_of(&source, MTR_STR("eu"), 0).start_us, created_us);
    assert_true(mtr_reading_plan_of(&source, MTR_STR("eu"), 0).key != mtr_reading_plan_of(&source, MTR_STR("us"), 0).key);
    source.window.has_start = true;
    source.window.start_us = instant("2026-01-01");
    assert_int_equal(mtr_reading_plan_of(&source, MTR_STR(""), 0).start_us, instant("2026-01-01"));
    source.window = (struct mtr_source_window){.length = MTR_LENGTH_PERIODS, .has_last = true};
    assert_int_equal(mtr_window_at(&source.window, mtr_reading_plan_of(&source, MTR_STR(""), 0).start_us).from_us, instant("2026-02-01"));
}

static void test_waits(void **state)
{
    (void)state;
    struct plan made;
    make_plan(&made, "day");
    const struct mtr_window day = mtr_window_at(&made.window, instant("2026-03-20"));
    const int64_t now_us = instant("2026-03-21T07:00:00Z");
    struct mtr_window_history known = {.wait_until_us = now_us + duration("5m")};
    assert_int_equal(mtr_window_due(&made.plan, &day, &known, now_us).due_us, known.wait_until_us);
    known.wait_until_us = instant("2026-03-21T05:00:00Z"); /* before it is planned */
    assert_int_equal(mtr_window_due(&made.plan, &day, &known, now_us).due_us, instant("2026-03-21T06:00:00Z"));
    known.wait_until_us = now_us + duration("30d"); /* nobody waits for that: the clock was ahead */
    assert_int_equal(mtr_window_due(&made.plan, &day, &known, now_us).due_us, instant("2026-03-21T06:00:00Z"));
}

static void test_jitter(void **state)
{
    (void)state;
    struct plan made;
    make_plan(&made, "hour");
    int64_t least_us = INT64_MAX, most_us = 0;
    made.schedule.jitter_us = duration("5m");
    struct mtr_window window = mtr_window_at(&made.window, instant("2026-03-20"));
    for (unsigned i = 0; i < 200; i++, window = mtr_window_next(&made.window, &window)) {
        const struct mtr_due due = mtr_window_due(&made.plan, &window, &(struct mtr_window_history){0}, window.to_us);
        const int64_t jitter_us = due.due_us - window.to_us - made.window.lateness_us;
        assert_true(jitter_us >= 0 && jitter_us < made.schedule.jitter_us);
        least_us = mtr_time_sooner(least_us, jitter_us);
        most_us = mtr_time_later(most_us, jitter_us);
    }
    assert_true(least_us < duration("20s") && most_us > duration("280s"));
}

static void test_feeds(void **state)
{
    (void)state;
    struct plan made;
    make_plan(&made, "cursor");
    struct mtr_window_history known = {0};
    made.schedule.every_us = duration("15m");
    assert_int_equal(mtr_feed_due(&made.plan, &known, instant("2026-03-01")).due_us, made.window.start_us);
    known.read_us = instant("2026-03-01T10:15:00Z");
    assert_int_equal(mtr_feed_due(&made.plan, &known, instant("2026-03-01T10:16:00Z")).due_us, instant("2026-03-01T10:30:00Z"));
    known.read_us = instant("2027-03-01"); /* the clock was ahead */
    assert_int_equal(mtr_feed_due(&made.plan, &known, instant("2026-03-01T10:16:00Z")).due_us, made.window.start_us);
}

/* ---- the life of a source ---- */

enum { WINDOWS_MAX = 8192 };

struct life {
    struct plan made;
    struct random_source random;
    struct {
        struct mtr_window window;
        struct mtr_window_history history;
        unsigned readings, drafts;
        bool is_kept_back;
    } ledger[WINDOWS_MAX];
    unsigned count, times_back;
    unsigned slots[2 * WINDOWS_MAX]; /* row + 1 by the window's begin */
    int64_t now_us, unsettled_us;
};

static struct mtr_window first_of(const struct life *life)
{
    return mtr_window_at(&life->made.window, life->made.plan.start_us);
}

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

static bool history_of(void *context, const struct mtr_window *window, struct mtr_window_history *out)
{
    struct life *life = context;
    const unsigned row = row_of(life, window);
    *out = life->ledger[row].history;
    return !life->ledger[row].is_kept_back;
}

/* By hand: all windows up to now, one after the other. */
static void check_scan(struct life *life, const struct mtr_due_scan *scan)
{
    bool has_due = false;
    struct mtr_due best = {0};
    int64_t next_us = INT64_MAX;
    for (struct mtr_window window = first_of(life); window.from_us <= life->now_us; window = mtr_window_next(&life->made.window, &window)) {
        struct mtr_window_history known = {0};
        const bool is_free = history_of(life, &window, &known);
        struct mtr_due due = mtr_window_due(&life->made.plan, &window, &known, life->now_us);
        if (due.kind != MTR_DUE_READ || !is_free) continue;
        const bool is_old = window.to_us <= scan->old_us;
        if (is_old) due.order = MTR_DUE_BACKFILL;
        if (is_old && has_due) continue; /* the oldest is enough */
        assert_true(!is_old || due.due_us <= life->now_us || known.wait_until_us > life->now_us); /* its whole plan is over */
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
    mtr_due_scan_begin(scan, &life->made.plan, life->unsettled_us, life->now_us);
    for (unsigned steps = 0; !mtr_due_scan_step(scan, &life->made.plan, history_of, life, 1 + (uint32_t)random_below(&life->random, 40)); steps++)
        assert_true(steps < WINDOWS_MAX);
    life->unsettled_us = scan->unsettled_us;
}

static void read_due(struct life *life, const struct mtr_due_scan *scan)
{
    const unsigned row = row_of(life, &scan->window);
    struct mtr_window_history *known = &life->ledger[row].history;
    if (random_below(&life->random, 5) == 0) {
        known->wait_until_us = life->now_us + 1 + (int64_t)random_below(&life->random, 600) * MTR_US_PER_SECOND;
        return;
    }
    *known = (struct mtr_window_history){.read_us = life->now_us};
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
        if (fate == 1) life->now_us = mtr_time_later(life->now_us - (int64_t)random_below(&life->random, 72) * MTR_US_PER_HOUR, life->made.window.start_us);
        if (fate == 2) life->made.window.start_us = mtr_time_later(life->made.window.start_us - (int64_t)random_below(&life->random, 5) * MTR_US_PER_DAY, 0);
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
        life->ledger[row].history = (struct mtr_window_history){.read_us = life->now_us};
        life->ledger[row].readings += !scan.due.is_draft;
    }
}

static void check_rest(struct life *life)
{
    const struct mtr_reading_plan *plan = &life->made.plan;
    const int64_t end_us = life->now_us - 45 * MTR_US_PER_DAY;
    for (struct mtr_window window = first_of(life); window.to_us < end_us; window = mtr_window_next(plan->window, &window)) {
        const unsigned row = row_of(life, &window);
        const struct mtr_due due = mtr_window_due(plan, &window, &life->ledger[row].history, life->now_us);
        if (plan->window->vendor_keeps_us && due.kind == MTR_DUE_FORGOTTEN) continue;
        assert_int_equal(due.kind, MTR_DUE_SETTLED);
        assert_true(life->ledger[row].history.read_us >= window.to_us + plan->window->lateness_us);
    }
    for (unsigned i = 0; i < life->count; i++) { /* each time the clock goes back, all may be asked for once more */
        const struct mtr_window *window = &life->ledger[i].window;
        const int64_t drafts = plan->window->open_us ? (window->to_us - window->from_us) / plan->window->open_us + 1 : 0;
        assert_true(life->ledger[i].readings <= (plan->window->reread_count + 1) * (life->times_back + 1));
        assert_true(life->ledger[i].drafts <= drafts * (life->times_back + 1));
    }
}

static void test_life(void **state)
{
    (void)state;
    static const char *const lengths[] = {"hour", "day", "7d", "month", "6h"};
    static const char *const zones[] = {"Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"};
    static const char *const everies[] = {"1m", "15m", "1h", "1d"};
    const char *seed_text = getenv("METERD_SEED"), *seeds_text = getenv("METERD_SEEDS");
    const uint64_t first = seed_text ? strtoull(seed_text, NULL, 10) : 1, seeds = seed_text ? 1 : seeds_text ? strtoull(seeds_text, NULL, 10) : 6;
    static struct life life;
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct mtr_zone *zone;
        printf("METERD_SEED=%" PRIu64 "\n", seed);
        memset(&life, 0, sizeof(life));
        life.random.state = seed;
        assert_int_equal(mtr_zone_open(mtr_str_from(zones[random_below(&life.random, 5)]), &zone), MTR_OK);
        make_plan(&life.made, lengths[random_below(&life.random, 5)]);
        life.made.schedule.zone = life.made.window.zone = zone;
        life.made.schedule.every_us = duration(everies[random_below(&life.random, 4)]);
        life.made.schedule.jitter_us = random_below(&life.random, 2) ? duration("5m") : 0;
        life.made.window.open_us = random_below(&life.random, 2) ? duration("3h") : 0;
        life.made.window.vendor_keeps_us = random_below(&life.random, 3) ? 0 : duration("90d");
        life.made.plan.start_us = instant("2026-02-20");
        life.now_us = life.made.plan.start_us + (int64_t)random_below(&life.random, 30) * MTR_US_PER_DAY; /* created late */
        live(&life, instant("2026-05-01"));
        drain(&life);
        check_rest(&life);
        mtr_zone_close(zone);
    }
}

/* A source that begins in the future sleeps until then. */
static void test_scan_before_the_start(void **state)
{
    (void)state;
    static struct life life;
    struct mtr_due_scan scan;
    make_plan(&life.made, "day");
    life.now_us = instant("2025-12-01");
    look(&life, &scan);
    assert_true(!scan.has_due && scan.has_next && scan.next_us == instant("2026-01-01"));
    life.now_us = instant("2026-01-10"); /* what was settled up to next year, a clock that was ahead has said */
    mtr_due_scan_begin(&scan, &life.made.plan, instant("2027-01-01"), life.now_us);
    assert_true(scan.at_us == instant("2026-01-01") && !scan.has_next);
    assert_int_equal(mtr_window_expected_us(&life.made.plan, &(struct mtr_window){0, instant("2026-01-02")}), instant("2026-01-02T06:00:00Z"));
}

/* A backfill of years: each look takes the oldest window, and does not see those behind it. */
static void test_backfill_is_cheap(void **state)
{
    (void)state;
    static struct life life;
    memset(&life, 0, sizeof(life));
    make_plan(&life.made, "hour");
    life.made.plan.start_us = instant("2016-01-01");
    life.now_us = instant("2026-03-20");
    for (unsigned i = 0; i < 50; i++) {
        struct mtr_due_scan scan;
        mtr_due_scan_begin(&scan, &life.made.plan, life.unsettled_us, life.now_us);
        assert_true(mtr_due_scan_step(&scan, &life.made.plan, history_of, &life, 2000)); /* of 89,000 */
        assert_true(scan.has_due);
        if (scan.due.order == MTR_DUE_BACKFILL) assert_int_equal(scan.window.from_us, life.made.plan.start_us + (int64_t)(i - 1) * MTR_US_PER_HOUR);
        else assert_int_equal(i, 0); /* the newest hour goes first */
        life.ledger[row_of(&life, &scan.window)].history.read_us = life.now_us;
        life.unsettled_us = scan.unsettled_us;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks),         cmocka_unit_test(test_keys),    cmocka_unit_test(test_plans),
        cmocka_unit_test(test_drafts),        cmocka_unit_test(test_forgotten),          cmocka_unit_test(test_named_periods),
        cmocka_unit_test(test_starts),
        cmocka_unit_test(test_waits),         cmocka_unit_test(test_jitter),             cmocka_unit_test(test_feeds),
        cmocka_unit_test(test_life),          cmocka_unit_test(test_scan_before_the_start),
        cmocka_unit_test(test_backfill_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
