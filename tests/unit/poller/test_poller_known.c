/*
 * Rows of append deliveries, which the intake knows again for ten days: nothing that it has forgotten is sent once more, however
 * long a reading takes, in however many parts it came, and by whatever crashes it was cut. What cannot be asked for any more says so.
 */
#include "tests/support/source/poller_world.h"

#include "collector/source/limits/known.h"

#define HEAD                                                                    \
    "sources:\n  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1', schedule: {every: 1h}, " \
    "auth: none, format: {csv: {delimiter: ';'}}, identity: {id: Id}, map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}, "
#define DAYS(more)                                                            \
    HEAD "delivery: append, window: {length: day, start: 2026-03-09" more "}, " \
         "request: {path: /u, query: {day: '{from:%Y-%m-%d}'}}}\n"
#define FEED(more) HEAD "window: {length: cursor, start: 2026-03-09" more "}, request: {path: /u, query: {since: '{from}'}}}\n"

enum { KNOWN_DAYS = 10, PART_EVENTS = 2 };

/* A row "NAME" of each letter, those of the 9th. */
struct vendor {
    struct poller_world *w;
    const char *rows;
    unsigned status;
    int64_t takes_us; /* for the next answer that has them */
    bool has_answered; /* with them, since the start */
    bool gives_all;    /* whatever is asked for */
    int commits_left;  /* of theirs, then it is killed; negative: never */
};

/* What the intake need not know any more it forgets. */
static void forget(struct poller_world *w)
{
    bool more = true;
    while (more) assert_int_equal(mtr_intake_housekeep(w->world->intake, mtr_trusted_at(w->world->now_us), 0, NULL, NULL, &more), 0);
}

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    const bool is_asked = vendor->gives_all || !strstr(url, "day=") || strstr(url, "day=2026-03-09");
    if (is_asked) {
        vendor->w->world->now_us += vendor->takes_us;
        vendor->takes_us = 0;
        vendor->has_answered = true;
        forget(vendor->w);
    }
    reply->status = vendor->status;
    int rc = mtr_buffer_printf(reply->body, "Id;Account;At;Amount\n");
    for (const char *at = vendor->rows; !rc && *at && is_asked; at++)
        rc = mtr_buffer_printf(reply->body, "%c;sub-1;2026-03-09T05:00:00Z;1\n", *at);
    assert_int_equal(rc, 0);
}

static bool is_killed(void *context)
{
    struct vendor *vendor = context;
    return vendor->has_answered && vendor->commits_left >= 0 && !vendor->commits_left--;
}

static void open_again(struct poller_world *w, int known_days)
{
    w->known_us = w->world->options.dedup_window_us = known_days * MTR_US_PER_DAY;
    poller_world_crash(w, false);
}

static struct poller_world *new_world_of(struct vendor *vendor, const char *source)
{
    struct poller_world *w = new_poller_world();
    *vendor = (struct vendor){.w = w, .rows = "abcde", .status = 200, .commits_left = -1};
    w->answer = answer;
    w->context = vendor;
    w->crashes = is_killed;
    w->events_max = PART_EVENTS;
    w->polls_max = 1;
    w->world->options.lateness_us = MTR_US_PER_HOUR;
    w->world->log_options.segment_age_us = MTR_US_PER_HOUR;
    open_again(w, KNOWN_DAYS);
    apply(w->world, source);
    return w;
}

/* Day by day, with an event of somebody else's each, so that segments are closed, and can be forgotten. */
static void go_to(struct poller_world *w, const char *until)
{
    static int count;
    char id[20];
    while (!w->is_dead && w->world->now_us < instant(until)) {
        const int64_t next_us = w->world->now_us + MTR_US_PER_DAY;
        snprintf(id, sizeof(id), "other-%d", count++);
        const struct row row = {.id = id, .type = "cpu", .subject = "sub-1", .data = SECONDS};
        (void)send_rows(w->world, &row, 1);
        free_answers(w->world);
        forget(w);
        poller_world_at(w, mtr_time_sooner(next_us, instant(until)));
    }
}

static void check(struct poller_world *w, const char *expected)
{
    char text[1000], *to = text;
    counted_rows(w, "usage", text, sizeof(text));
    for (const char *at = text; *at; at++)
        if (*at >= 'a' && *at <= 'z') *to++ = *at;
    *to = '\0';
    assert_string_equal(text, expected);
}

static void check_alarm(struct poller_world *w, enum mtr_alarm alarm, const char *sentence)
{
    struct mtr_source_status status;
    const char *found = NULL;
    assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), MTR_STR("usage"), &status));
    for (uint32_t i = 0; i < status.alarm_count; i++)
        if (status.alarms[i].alarm == alarm) found = status.alarms[i].text;
    if (!found != !sentence || (found && !strstr(found, sentence))) fail_msg("%s: %s", mtr_alarm_name(alarm), found ? found : w->told);
}

/* The window's second reading begins while its rows are known, and ends when they are not. */
static void test_a_reading_that_takes_too_long(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, DAYS(", rereads: [9d]"));
    go_to(w, "2026-03-18T12:00:00Z");
    check(w, "abcde");
    vendor.rows = "abcdef";
    vendor.takes_us = 3 * MTR_US_PER_DAY;
    go_to(w, "2026-03-20T00:00:00Z"); /* asked on the 19th, answered on the 22nd */
    go_to(w, "2026-03-25T00:00:00Z");
    check(w, "abcde");
    assert_int_equal(window_of(w, "usage", "", "2026-03-09T00:00:00Z").state, MTR_WINDOW_COMPLETE);
    assert_non_null(strstr(w->told, "failing: rows of the window were read longer ago than rows of an append delivery are known"));
    check_alarm(w, MTR_ALARM_FAILING, NULL); /* it stands as it was read last */
    check_alarm(w, MTR_ALARM_INCOMPLETE, NULL);
    free_poller_world(w);
}

/* While they are known a reading may take its time: what came meanwhile is taken. */
static void test_a_reading_that_takes_long(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, DAYS(", rereads: [7d]"));
    go_to(w, "2026-03-16T12:00:00Z");
    vendor.rows = "abcdef";
    vendor.takes_us = 2 * MTR_US_PER_DAY;
    go_to(w, "2026-03-18T00:00:00Z");
    go_to(w, "2026-03-25T00:00:00Z");
    check(w, "abcdef");
    check_alarm(w, MTR_ALARM_FAILING, NULL);
    free_poller_world(w);
}

/* Two readings of a source are cut, on the 10th and on the 18th. What the first one sent is forgotten on the 20th. */
static void cut_twice(struct poller_world *w, struct vendor *vendor)
{
    for (int i = 0; i < 2; i++) {
        vendor->commits_left = i; /* the second one's first part has nothing new */
        vendor->has_answered = false;
        vendor->status = 200;
        go_to(w, i ? "2026-03-18T12:00:00Z" : "2026-03-10T12:00:01Z");
        assert_true(w->is_dead);
        vendor->commits_left = -1;
        vendor->status = 500;
        poller_world_crash(w, i != 0);
        go_to(w, i ? "2026-03-22T00:00:00Z" : "2026-03-18T00:00:00Z");
    }
    vendor->status = 200;
    go_to(w, "2026-03-26T00:00:00Z");
}

#define LONGER "Make `intake.dedup_window` longer and start meterd again, as long as the log has them"

static void test_a_window_that_was_never_whole(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, DAYS(""));
    cut_twice(w, &vendor);
    check(w, "abcd");
    assert_int_equal(window_of(w, "usage", "", "2026-03-09T00:00:00Z").state, MTR_WINDOW_PARTIAL);
    check_alarm(w, MTR_ALARM_INCOMPLETE, LONGER);
    check_alarm(w, MTR_ALARM_FAILING, NULL);
    poller_world_crash(w, true); /* the alarm is the ledger's */
    go_to(w, "2026-03-27T00:00:00Z");
    check_alarm(w, MTR_ALARM_INCOMPLETE, LONGER);
    open_again(w, 30);
    go_to(w, "2026-03-28T00:00:00Z");
    check(w, "abcde");
    check_alarm(w, MTR_ALARM_INCOMPLETE, NULL);
    assert_int_equal(window_of(w, "usage", "", "2026-03-09T00:00:00Z").state, MTR_WINDOW_SETTLED);
    free_poller_world(w);
}

static void test_a_feed_that_was_never_whole(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, FEED(""));
    cut_twice(w, &vendor);
    check(w, "abcd");
    check_alarm(w, MTR_ALARM_FAILING, "a reading that began at 2026-03-10T12:00:00Z did not come to its end");
    poller_world_crash(w, true);
    go_to(w, "2026-03-27T00:00:00Z");
    check_alarm(w, MTR_ALARM_FAILING, LONGER);
    const uint32_t asked = w->asked;
    go_to(w, "2026-03-27T12:00:00Z");
    assert_int_equal(w->asked, asked);
    open_again(w, 30);
    go_to(w, "2026-03-28T00:00:00Z");
    check(w, "abcde");
    check_alarm(w, MTR_ALARM_FAILING, NULL);
    free_poller_world(w);
}

/* What its overlap brings again is forgotten when the answer is there. The next time less is asked for. */
static void test_a_feed_that_takes_too_long(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, FEED(", overlap: 9d"));
    go_to(w, "2026-03-19T12:00:00Z");
    check(w, "abcde");
    vendor.takes_us = 3 * MTR_US_PER_DAY;
    go_to(w, "2026-03-20T00:00:00Z");
    assert_true(w->world->now_us >= instant("2026-03-22T00:00:00Z"));
    check(w, "abcde");
    assert_non_null(strstr(w->told, "failing: rows that its `overlap` brings again"));
    vendor.rows = "";
    go_to(w, "2026-03-25T00:00:00Z");
    check_alarm(w, MTR_ALARM_FAILING, NULL);
    free_poller_world(w);
}

static uint64_t count_quarantined(struct poller_world *w)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    struct mtr_log_reader *reader;
    uint64_t count = 0;
    assert_int_equal(mtr_log_reader_attach(w->world->log, &reader), 0);
    for (uint64_t seq = 1; seq <= mtr_log_last_seq(w->world->log); seq = header.first_seq + header.count) {
        assert_int_equal(mtr_log_read(reader, seq, &header, &events, &diagnostic), 0);
        for (uint32_t i = 0; i < header.count; i++) count += events[i].disposition == MTR_DISPOSITION_REFUSED;
    }
    mtr_log_reader_close(reader);
    return count;
}

/* A vendor that gives all it has, whatever is asked for: as long as its rows are known they are the same, and what comes late is taken; once they
 * may be forgotten they are refused, kept once, and told. */
static void test_a_vendor_that_gives_all_each_time(void **state)
{
    (void)state;
    static const char *const sources[] = {FEED(""), FEED(", overlap: 1d"), DAYS("")};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        struct vendor vendor;
        struct poller_world *w = new_world_of(&vendor, sources[i]);
        vendor.gives_all = true;
        go_to(w, "2026-03-12T00:00:00Z");
        check(w, "abcde");
        vendor.rows = "fabcde";
        go_to(w, "2026-03-14T00:00:00Z");
        check(w, "abcdef");
        check_alarm(w, MTR_ALARM_REFUSED, NULL);
        go_to(w, "2026-03-26T00:00:00Z");
        vendor.rows = "gfabcde";
        go_to(w, "2026-03-28T00:00:00Z");
        check(w, "abcdef");
        check_alarm(w, MTR_ALARM_REFUSED, "7 rows in quarantine");
        assert_int_equal(count_quarantined(w), 7);
        open_again(w, 30); /* they are known again, so the late one is none of them */
        go_to(w, "2026-03-29T00:00:00Z");
        check(w, "abcdefg");
        check_alarm(w, MTR_ALARM_REFUSED, NULL);
        free_poller_world(w);
    }
}

/* What a vendor without {from} gives is what it wants to give, however old. */
static void test_old_rows_of_who_is_not_asked_from(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, HEAD "window: {length: cursor, start: 2026-03-09}, request: {path: /u}}\n");
    go_to(w, "2026-03-12T00:00:00Z");
    vendor.rows = "";
    go_to(w, "2026-03-28T00:00:00Z");
    vendor.rows = "f";
    go_to(w, "2026-03-28T02:00:00Z");
    check(w, "abcdef");
    check_alarm(w, MTR_ALARM_REFUSED, NULL);
    free_poller_world(w);
}

/* A feed is never asked for what is forgotten before a reading could be there; without overlap all it asks for is new. */
static void test_since_when_a_feed_is_asked(void **state)
{
    (void)state;
    static const int64_t windows_us[] = {MTR_US_PER_SECOND, MTR_US_PER_HOUR, 35 * MTR_US_PER_DAY};
    const int64_t now_us = instant("2026-03-10T00:00:00Z");
    for (int i = 0; i < 3; i++)
        for (int overlap = 0; overlap <= 20; overlap++)
            for (int age = 0; age <= 60; age++) {
                const int64_t window_us = windows_us[i], overlap_us = window_us / 8 * overlap;
                const struct mtr_feed feed = {.read_us = now_us - window_us / 16 * age - 1};
                const struct mtr_feed cut = {.read_us = feed.read_us, .begun_us = feed.read_us + 1};
                const struct known_feed known = known_feed_of(window_us, overlap_us, &feed, now_us);
                const int64_t from_us = known.since_us - overlap_us;
                assert_true(from_us <= feed.read_us && from_us >= feed.read_us - overlap_us);
                if (from_us == feed.read_us) assert_true(known.until_us == INT64_MAX);
                if (from_us == feed.read_us) assert_true(!overlap || feed.read_us <= now_us - known_asked_us(window_us));
                if (from_us < feed.read_us) assert_true(known.until_us > now_us && known.until_us < from_us + window_us);
                assert_true(known_feed_of(window_us, overlap_us, &cut, now_us).until_us < cut.begun_us + window_us);
                assert_true(known_feed_of(0, overlap_us, &cut, now_us).until_us == INT64_MAX); /* nobody looks */
            }
    assert_true(known_feed_of(MTR_US_PER_DAY, 0, &(struct mtr_feed){.read_us = 0}, now_us).since_us == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reading_that_takes_too_long), cmocka_unit_test(test_a_reading_that_takes_long),
        cmocka_unit_test(test_a_window_that_was_never_whole), cmocka_unit_test(test_a_feed_that_was_never_whole),
        cmocka_unit_test(test_a_feed_that_takes_too_long),    cmocka_unit_test(test_since_when_a_feed_is_asked),
        cmocka_unit_test(test_a_vendor_that_gives_all_each_time), cmocka_unit_test(test_old_rows_of_who_is_not_asked_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
