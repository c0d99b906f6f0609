/*
 * The alarm `refused` on a simulated clock: it stands as long as a window has rows in quarantine, and of a feed for a day.
 */
#include "tests/support/source/poller_world.h"

#define DAYS_WITH(more)                                                                                                             \
    "sources:\n  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1/v1', auth: none, schedule: {every: 10m},\n"               \
    "     window: {length: day, start: 2026-03-09, rereads: [1h, 2d]}, request: {path: /u, query: {day: '{from:%Y-%m-%d}'}},\n"       \
    "     format: {json: {rows: 'data[]'}}, identity: {id: id},\n"                                                                    \
    "     map: {type: =cpu, subject: account, time: at, data: {seconds: {path: amount, as: number}}}" more "}\n"
#define DAYS DAYS_WITH("")

#define FEED(more)                                                                                                                \
    "sources:\n  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1/v1', auth: none, schedule: {every: 5m},\n"            \
    "     window: {length: cursor, start: 2026-03-09}, request: {path: /u}, paging: {cursor: {path: next, send: query.cursor}},\n" \
    "     format: {json: {rows: 'data[]'}}, identity: {id: id},\n"                                                                \
    "     map: {type: =cpu, subject: account, time: at, data: {seconds: {path: amount, as: number}}}" more "}\n"

static const char *unreadable; /* days whose row has no number, or rows of the feed: r0, r1 … */
static const char *foreign = "", *outside = ""; /* those of another vendor's subscription; of one that has ended */

static void write_row(struct vendor_reply *reply, const char *id, const char *time, bool is_first)
{
    static const char form[] = "%s{\"id\":\"%s\",\"account\":\"%s\",\"at\":\"%s\",\"amount\":%s}";
    const char *amount = strstr(unreadable, id) ? "\"x\"" : "5";
    const char *account = strstr(foreign, id) ? "rival-1" : strstr(outside, id) ? "ended" : "sub-1";
    assert_int_equal(mtr_buffer_printf(reply->body, form, is_first ? "" : ",", id, account, time, amount), 0);
}

/* A row each day at noon. */
static void answer_day(void *context, const char *url, struct vendor_reply *reply)
{
    char day[11], time[24];
    (void)context;
    snprintf(day, sizeof(day), "%.10s", strstr(url, "day=") + 4);
    snprintf(time, sizeof(time), "%sT12:00:00Z", day);
    reply->status = 200;
    assert_int_equal(mtr_buffer_printf(reply->body, "{\"data\":["), 0);
    write_row(reply, day, time, true);
    assert_int_equal(mtr_buffer_printf(reply->body, "]}"), 0);
}

static void answer_hour(void *context, const char *url, struct vendor_reply *reply)
{
    char hour[14], time[24];
    (void)context;
    snprintf(hour, sizeof(hour), "%.13s", strstr(url, "day=") + 4);
    snprintf(time, sizeof(time), "%.10sT%.2s:30:00Z", hour, hour + 11);
    reply->status = 200;
    assert_int_equal(mtr_buffer_printf(reply->body, "{\"data\":["), 0);
    write_row(reply, unreadable[0] ? "2026-" : hour, time, true);
    assert_int_equal(mtr_buffer_printf(reply->body, "]}"), 0);
}

/* A row every five minutes since `context`. */
static void answer_feed(void *context, const char *url, struct vendor_reply *reply)
{
    const struct poller_world *w = context;
    const char *cursor = strstr(url, "cursor=");
    const int first = cursor ? atoi(cursor + 7) : 0, count = (int)((w->world->now_us - instant("2026-03-10T12:00:00Z")) / (300 * MTR_US_PER_SECOND)) + 1;
    char id[16];
    reply->status = 200;
    assert_int_equal(mtr_buffer_printf(reply->body, "{\"next\":\"%d\",\"data\":[", count), 0);
    for (int i = first; i < count; i++) {
        snprintf(id, sizeof(id), "r%d.", i);
        write_row(reply, id, "2026-03-09T12:00:00Z", i == first);
    }
    assert_int_equal(mtr_buffer_printf(reply->body, "]}"), 0);
}

static struct poller_world *begin(const char *source, const char *rows)
{
    struct poller_world *w = new_poller_world();
    unreadable = rows;
    apply(w->world, source);
    w->answer = strstr(source, "cursor") ? answer_feed : answer_day;
    w->context = w;
    return w;
}

/* At that time; NULL: the alarm does not stand. */
static void check(struct poller_world *w, const char *time, const char *sentence)
{
    struct mtr_source_status status;
    poller_world_until(w, time);
    const struct mtr_source_alarm *found = alarm_of(w, "usage", MTR_ALARM_REFUSED, &status);
    if (!found != !sentence || (found && !strstr(found->text, sentence))) fail_msg("%s: %s: %s", time, found ? found->text : "none", w->told);
}

/* After a start it stands as it stood, whether the ledger is there or is folded anew. */
static void check_restarts(struct poller_world *w, const char *sentence)
{
    struct mtr_source_status status;
    for (int forgets = 0; forgets < 2; forgets++) {
        poller_world_crash(w, forgets);
        poller_world_run(w);
        const struct mtr_source_alarm *found = alarm_of(w, "usage", MTR_ALARM_REFUSED, &status);
        if (!found != !sentence || (found && !strstr(found->text, sentence))) fail_msg("start %d: %s: %s", forgets, found ? found->text : "none", w->told);
    }
}

static void ask(struct poller_world *w, const char *from, const char *to)
{
    static const struct mtr_strand strand = {{"acme", 4}, {"usage", 5}, {"", 0}};
    const char *fault;
    if (mtr_poller_ask(w->poller, &strand, (struct mtr_window){instant(from), instant(to)}, false, &fault)) fail_msg("%s", fault);
}

static void tell(struct poller_world *w, enum mtr_source_action action)
{
    const struct mtr_source_control control = {.vendor = MTR_STR("acme"), .source = MTR_STR("usage"), .action = action, .who = MTR_STR("test")};
    const char *fault;
    uint64_t ticket;
    if (mtr_poller_control(w->poller, &control, w->world->now_us, &ticket, &fault)) fail_msg("%s", fault);
    poller_world_run(w);
}

/* A row that cannot be mapped is one row, in the reading that finds it and in those that find it again. */
static void test_a_row_that_is_found_again(void **state)
{
    struct poller_world *w = begin(DAYS, "2026-03-09");
    (void)state;
    check(w, "2026-03-10T13:05:00Z", "1 row in quarantine: GET");
    check(w, "2026-03-11T00:30:00Z", "1 row in quarantine: GET");
    check(w, "2026-03-12T02:00:00Z", "1 row in quarantine: GET");
    free_poller_world(w);
}

/* What one window has in quarantine is not over with what another one had, nor with a new catalog, nor when nothing reads it any more. */
static void test_windows_with_rows_in_quarantine(void **state)
{
    struct poller_world *w = begin(DAYS, "2026-03-09, 2026-03-10");
    (void)state;
    check(w, "2026-03-11T00:30:00Z", "2 rows of 2 windows in quarantine");
    check_restarts(w, "2 rows of 2 windows in quarantine");
    unreadable = "2026-03-09";
    check(w, "2026-03-11T02:00:00Z", "1 row in quarantine: GET");
    check(w, "2026-03-15T12:00:00Z", "1 row in quarantine: GET");
    assert_int_equal(window_of(w, "usage", "", "2026-03-09T00:00:00Z").state, MTR_WINDOW_SETTLED);
    apply(w->world, DAYS_WITH(", guard: {agree: 3}"));
    check(w, "2026-03-17T12:00:00Z", "1 row in quarantine: GET");
    assert_null(strstr(w->told, "refused is over"));
    check_restarts(w, "1 row in quarantine: GET");
    tell(w, MTR_SOURCE_PAUSE);
    struct mtr_source_status status;
    assert_true(alarm_of(w, "usage", MTR_ALARM_REFUSED, &status) && status.next_us == INT64_MAX); /* nothing is due */
    check_restarts(w, "1 row in quarantine: GET"); /* of one that rests, too */
    tell(w, MTR_SOURCE_RESUME);
    unreadable = "";
    ask(w, "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z");
    check(w, "2026-03-17T12:10:00Z", NULL);
    check_restarts(w, NULL);
    assert_int_equal(window_of(w, "usage", "", "2026-03-09T00:00:00Z").refused, 0);
    free_poller_world(w);
}

/* Rows that the intake refuses are as those that cannot be read; one outside of a term is none of them, though it is in quarantine. */
static void test_rows_that_are_read_and_refused(void **state)
{
    struct poller_world *w = begin(DAYS, "");
    (void)state;
    foreign = "2026-03-09, 2026-03-10";
    outside = "2026-03-11, 2026-03-12";
    check(w, "2026-03-13T02:00:00Z", "2 rows of 2 windows in quarantine");
    check_restarts(w, "2 rows of 2 windows in quarantine");
    foreign = "2026-03-10";
    ask(w, "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z");
    check(w, "2026-03-13T03:00:00Z", "1 row in quarantine: GET");
    check_restarts(w, "1 row in quarantine: GET");
    foreign = "";
    ask(w, "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z");
    check(w, "2026-03-16T12:00:00Z", NULL);
    assert_int_equal(window_of(w, "usage", "", "2026-03-11T00:00:00Z").state, MTR_WINDOW_SETTLED);
    assert_int_equal(window_of(w, "usage", "", "2026-03-11T00:00:00Z").refused, 1);
    check_restarts(w, NULL);
    outside = "";
    free_poller_world(w);
}

/* Of more windows than can be noted the others are asked of the ledger when those are well. */
static void test_many_windows(void **state)
{
    static const char source[] =
        "sources:\n  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1/v1', auth: none, schedule: {every: 1d},\n"
        "     window: {length: hour, start: 2026-01-20}, request: {path: /u, query: {day: '{from:%Y-%m-%d_%H}'}},\n"
        "     format: {json: {rows: 'data[]'}}, identity: {id: id},\n"
        "     map: {type: =cpu, subject: account, time: at, data: {seconds: {path: amount, as: number}}}}\n";
    struct poller_world *w = begin(source, "2026-");
    (void)state;
    w->answer = answer_hour;
    check(w, "2026-03-11T02:00:00Z", "1024 rows of 1024 windows, and more of others, in quarantine");
    check_restarts(w, "1024 rows of 1024 windows, and more of others, in quarantine");
    unreadable = "";
    ask(w, "2026-01-20T00:00:00Z", "2026-03-03T16:00:00Z"); /* 1,024 of them */
    check(w, "2026-03-11T03:00:00Z", "176 rows of 176 windows in quarantine: GET");
    check_restarts(w, "176 rows of 176 windows in quarantine: GET");
    ask(w, "2026-03-03T16:00:00Z", "2026-03-11T00:00:00Z");
    check(w, "2026-03-11T04:00:00Z", NULL);
    check_restarts(w, NULL);
    free_poller_world(w);
}

/* No reading of a feed has a row once more, so none says that those in quarantine are gone: the alarm stands for a day. */
static void test_rows_of_a_feed(void **state)
{
    struct poller_world *w = begin(FEED(""), "r2.");
    (void)state;
    check(w, "2026-03-10T12:09:00Z", NULL);
    check(w, "2026-03-10T12:24:00Z", "1 row in quarantine, of one reading");
    check_restarts(w, "1 row in quarantine, of one reading");
    check(w, "2026-03-11T11:00:00Z", "1 row in quarantine, of one reading");
    check_restarts(w, "1 row in quarantine, of one reading");
    apply(w->world, FEED(", guard: {agree: 3}"));
    check(w, "2026-03-11T12:05:00Z", "1 row in quarantine, of one reading");
    check(w, "2026-03-11T12:30:00Z", NULL);
    check_restarts(w, NULL);
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_that_is_found_again),
        cmocka_unit_test(test_windows_with_rows_in_quarantine),
        cmocka_unit_test(test_rows_that_are_read_and_refused),
        cmocka_unit_test(test_many_windows),
        cmocka_unit_test(test_rows_of_a_feed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
