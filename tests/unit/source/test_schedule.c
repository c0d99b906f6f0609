/*
 * Schedules: golden ticks and plans.
 */
#include "tests/support/source/plans.h"

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

/* A feed is read until a reading began behind its term, and again when one begins. */
static void test_terms_of_a_feed(void **state)
{
    (void)state;
    struct plan made;
    const struct mtr_plan_term terms[] = {{instant("2026-02-01"), instant("2026-03-01")}, {instant("2026-05-01"), INT64_MAX}};
    static const struct {
        const char *read, *now, *due; /* NULL: it was not; it never is */
    } feeds[] = {
        {NULL, "2026-01-15", "2026-02-01"}, {"2026-02-10", "2026-02-10T00:30:00Z", "2026-02-10T01:00:00Z"},
        {"2026-02-28T23:00:00Z", "2026-04-01", "2026-03-01"}, {"2026-03-01T00:00:01Z", "2026-04-01", "2026-05-01"},
        {"2026-05-01", "2026-05-02", "2026-05-01T01:00:00Z"},
    };
    make_plan(&made, "cursor");
    made.schedule.every_us = duration("1h");
    made.plan.terms = terms;
    made.plan.term_count = 2;
    for (size_t i = 0; i < sizeof(feeds) / sizeof(feeds[0]); i++) {
        const struct mtr_window_history known = {.read_us = feeds[i].read ? instant(feeds[i].read) : 0};
        const struct mtr_due due = mtr_feed_due(&made.plan, &known, instant(feeds[i].now));
        assert_int_equal(due.kind, MTR_DUE_READ);
        if (due.due_us != instant(feeds[i].due)) fail_msg("feed %zu: not due at %s", i, feeds[i].due);
    }
    made.plan.term_count = 1;
    const struct mtr_window_history over = {.read_us = instant("2026-03-01")};
    assert_int_equal(mtr_feed_due(&made.plan, &over, instant("2026-04-01")).kind, MTR_DUE_SETTLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_drafts),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_named_periods),
        cmocka_unit_test(test_starts),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_jitter),
        cmocka_unit_test(test_feeds),
        cmocka_unit_test(test_terms_of_a_feed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
