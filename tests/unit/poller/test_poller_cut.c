/*
 * A ledger that is made anew of a log whose beginning retention has removed: a window of whose rows a part is gone stands
 * as it is, whatever the vendor says of it later, and is told of; one of which the log has all goes on. Nothing counts
 * twice.
 */
#include "tests/support/source/cut_world.h"

/* ---- windows that were read again behind the cut ---- */

/* The 9th is read before the cut and behind it, the 10th behind it alone. */
static void test_a_window_that_was_read_before(void **state)
{
    (void)state;
    static const struct {
        const char *before, *behind, *later; /* what the 9th has */
        bool is_cut;
        const char *expected; /* of it */
        uint64_t rows;
    } rows[] = {
        {"a1b2c3", "a1b2c3", "a9b2d4", true, "a09=1 b09=2 c09=3 ", 3},
        {"a1b2c3", "a7b2c3", "a9b2d4", true, "a09=7 b09=2 c09=3 ", 3},
        {"a1b2c3", "b2c3", "a9b2d4", true, "b09=2 c09=3 ", 2},
        {"a1b2c3", "b2c3e5", "a9e5", true, "b09=2 c09=3 e09=5 ", 3},
        {"a1b2c3", "a7b8c9", "a7b8d4", false, "a09=7 b09=8 d09=4 ", 3}, /* all that it has is behind the cut */
        {"a1b2c3", "", "a7b8d4", false, "a09=7 b09=8 d09=4 ", 3},
        {"", "a1b2", "a1b9", false, "a09=1 b09=9 ", 2},
        {"a1b2c3d4e5f6g7h8i9j1", "a1b2c3d4e5f6g7h8i9k1l2m3n4o5p6q7r8s9", "a1", true,
         "a09=1 b09=2 c09=3 d09=4 e09=5 f09=6 g09=7 h09=8 i09=9 k09=1 l09=2 m09=3 n09=4 o09=5 p09=6 q09=7 r09=8 s09=9 ", 18},
    };
    static struct mtr_source_status status;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[1000];
        struct kept *kept = calloc(1, sizeof(*kept));
        struct vendor vendor = {.days = {rows[i].before, "x1y2"}};
        struct poller_world *w = new_world_of(&vendor, DAYS, "100%");
        poller_world_at(w, w->world->now_us); /* the 10th, noon */
        end_segment(w, kept);
        vendor.days[0] = rows[i].behind;
        poller_world_at(w, instant("2026-03-11T06:00:00Z"));
        forget(w, kept);
        vendor.days[0] = rows[i].later;
        vendor.days[1] = "x1z3";
        poller_world_at(w, instant("2026-03-16T06:00:00Z"));
        snprintf(expected, sizeof(expected), "%sx10=1 z10=3 ", rows[i].expected);
        check(w, kept, expected);
        check_cut(w, "2026-03-09T00:00:00Z", MTR_WINDOW_SETTLED, rows[i].is_cut, rows[i].rows);
        check_cut(w, "2026-03-10T00:00:00Z", MTR_WINDOW_SETTLED, false, 2);
        assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), MTR_STR("usage"), &status));
        assert_int_equal(status.alarm_count, 0); /* nobody asks for what cannot be taken */
        forget(w, kept); /* once more: what is written of a window says the same again */
        poller_world_run(w);
        check_cut(w, "2026-03-09T00:00:00Z", MTR_WINDOW_SETTLED, rows[i].is_cut, rows[i].rows);
        vendor.asked = 0;
        poller_world_at(w, instant("2026-03-16T08:00:00Z"));
        check(w, kept, expected);
        const char *fault;
        const struct mtr_strand strand = {MTR_STR("acme"), MTR_STR("usage"), MTR_STR("")};
        const struct mtr_window ninth = {instant("2026-03-09T00:00:00Z"), instant("2026-03-10T00:00:00Z")};
        assert_int_equal(mtr_poller_ask(w->poller, &strand, ninth, false, &fault), rows[i].is_cut ? MTR_EINVALID : MTR_OK);
        if (rows[i].is_cut) assert_non_null(strstr(fault, "retention has removed"));
        poller_world_at(w, instant("2026-03-16T09:00:00Z"));
        check(w, kept, expected);
        free_poller_world(w);
        free(kept);
    }
}

/* ---- a reading in parts ---- */

struct cutting {
    struct poller_world *w;
    struct kept *kept;
    uint32_t commits, ends_segment, dies;
};

static struct cutting cutting;

static bool on_commit(void *context)
{
    (void)context;
    if (++cutting.commits == cutting.ends_segment) end_segment(cutting.w, cutting.kept);
    return cutting.commits == cutting.dies;
}

/* Its first parts are gone, and it went on; or it did not, and nobody knows what there is. */
static void test_a_reading_whose_first_parts_are_gone(void **state)
{
    (void)state;
    static const char many[] = "a1b2c3d4e5f6g7h8i9j1k2l3m4n5o6p7q8r9s1t2u3v4w5x6y7z8";
    static const char all[] = "a09=1 b09=2 c09=3 d09=4 e09=5 f09=6 g09=7 h09=8 i09=9 j09=1 k09=2 l09=3 m09=4 n09=5 o09=6 p09=7 q09=8 r09=9 s09=1 "
                              "t09=2 u09=3 v09=4 w09=5 x09=6 y09=7 z09=8 ";
    for (int dies = 0; dies < 2; dies++) {
        struct kept *kept = calloc(1, sizeof(*kept));
        struct vendor vendor = {.days = {many}};
        struct poller_world *w = new_world_of(&vendor, DAYS, "100%");
        cutting = (struct cutting){w, kept, 0, 2, dies ? 3 : 0};
        w->crashes = on_commit;
        poller_world_at(w, w->world->now_us);
        assert_int_equal(w->is_dead, dies);
        w->crashes = NULL;
        forget(w, kept);
        vendor.days[0] = "a1b9"; /* a reading of it would take rows back that it does not know */
        poller_world_at(w, instant("2026-03-16T06:00:00Z"));
        check_cut(w, "2026-03-09T00:00:00Z", dies ? MTR_WINDOW_PARTIAL : MTR_WINDOW_SETTLED, true, dies ? 7 : 26);
        if (!dies) check(w, kept, all);
        else check(w, kept, "a09=1 b09=2 c09=3 d09=4 e09=5 f09=6 g09=7 h09=8 i09=9 j09=1 k09=2 l09=3 m09=4 n09=5 o09=6 p09=7 q09=8 r09=9 s09=1 t09=2 u09=3 ");
        free_poller_world(w);
        free(kept);
    }
}

/* ---- what else there may have been ---- */

/* Behind the cut the window was looked at, and what was seen not taken: too many rows would go, or two have one id. */
static void test_a_window_that_waits(void **state)
{
    (void)state;
    static const struct {
        const char *seen;
        enum mtr_window_state state;
    } rows[] = {{"a1", MTR_WINDOW_SUSPECT}, {"a1b2c3d4a9", MTR_WINDOW_INCOMPLETE}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kept *kept = calloc(1, sizeof(*kept));
        struct vendor vendor = {.days = {"a1b2c3d4"}};
        struct poller_world *w = new_world_of(&vendor, DAYS, "20%");
        poller_world_at(w, w->world->now_us);
        end_segment(w, kept);
        vendor.days[0] = rows[i].seen;
        poller_world_at(w, instant("2026-03-11T00:30:00Z"));
        assert_int_equal(window_of(w, "usage", "", "2026-03-09T00:00:00Z").state, rows[i].state);
        forget(w, kept);
        vendor.days[0] = "a1b2c3d4";
        poller_world_at(w, instant("2026-03-16T06:00:00Z"));
        check(w, kept, "a09=1 b09=2 c09=3 d09=4 ");
        check_cut(w, "2026-03-09T00:00:00Z", rows[i].state, true, 4);
        free_poller_world(w);
        free(kept);
    }
}

/* A window that is still open was read before the cut: all of it is gone, or a part. */
static void test_a_window_that_is_open(void **state)
{
    (void)state;
    for (int is_known = 0; is_known < 2; is_known++) {
        struct kept *kept = calloc(1, sizeof(*kept));
        struct vendor vendor = {.days = {"a1b2", "c3"}};
        struct poller_world *w = new_world_of(&vendor, "length: month, start: 2026-03-01, open: 6h", "100%");
        poller_world_at(w, w->world->now_us);
        check(w, kept, "a09=1 b09=2 c10=3 ");
        end_segment(w, kept);
        w->world->now_us += 60 * MTR_US_PER_SECOND;
        if (is_known) poller_world_at(w, instant("2026-03-11T00:30:00Z"));
        assert_int_equal(send_rows(w->world, &plain, 1)->results[0].code, MTR_RESULT_ACCEPTED);
        free_answers(w->world);
        forget(w, kept);
        vendor.days[1] = "c4";
        poller_world_at(w, instant("2026-04-02T06:00:00Z"));
        check(w, kept, "a09=1 b09=2 c10=3 ");
        if (is_known) check_cut(w, "2026-03-01T00:00:00Z", MTR_WINDOW_OPEN, true, 3);
        free_poller_world(w);
        free(kept);
    }
}

static const char BY_HAND[] = "sources:\n"
                              "  - {key: usage, vendor: acme, by_hand: true, window: {length: day, start: 2026-03-09}, format: {csv: {delimiter: ';'}},\n"
                              "     identity: {id: Id}, map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}}\n";

/* Nor does the ledger know the window that a file is of: one that begins behind the cut is read. */
static void test_a_file_of_what_is_gone(void **state)
{
    (void)state;
    static const char csv[] = "Id;Account;At;Amount\na09;sub-1;2026-03-09T05:00:00Z;1\n";
    struct mtr_given_file file;
    struct kept *kept = calloc(1, sizeof(*kept));
    struct poller_world *w = new_poller_world();
    apply(w->world, BY_HAND);
    poller_world_at(w, w->world->now_us);
    assert_int_equal(give(w, csv, &file), MTR_GIVEN_TAKEN);
    check(w, kept, "a09=1 ");
    end_segment(w, kept);
    w->world->now_us += 60 * MTR_US_PER_SECOND;
    assert_int_equal(send_rows(w->world, &plain, 1)->results[0].code, MTR_RESULT_ACCEPTED);
    free_answers(w->world);
    forget(w, kept);
    poller_world_at(w, w->world->now_us);
    assert_int_equal(give(w, csv, &file), MTR_GIVEN_REFUSED);
    assert_non_null(strstr(file.text, "retention has removed what the log had of its rows"));
    check(w, kept, "a09=1 ");
    free_poller_world(w);
    free(kept);
}

/* ---- a feed ---- */

static const char FEED[] = "sources:\n"
                           "  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1', schedule: {every: 1h}, window: {length: cursor, start: %s},\n"
                           "     delivery: append, auth: none, request: {path: /feed, query: {since: '{from:%%Y-%%m-%%d}'}},\n"
                           "     paging: {cursor: {path: next, send: query.cursor}},\n"
                           "     format: {json: {rows: 'data[]'}}, identity: {id: id},\n"
                           "     map: {type: =cpu, subject: account, time: at, data: {seconds: amount}}}\n";

/* Three rows, one a page; from the 12th on there is none. */
static void answer_feed(void *context, const char *url, struct vendor_reply *reply)
{
    uint32_t *asked = context;
    const char *cursor = strstr(url, "cursor=");
    const int at = cursor ? atoi(cursor + strlen("cursor=")) : strstr(url, "since=2026-03-12") ? 3 : 0;
    ++*asked;
    int rc = mtr_buffer_printf(reply->body, "{\"data\":[");
    if (!rc && at < 3)
        rc = mtr_buffer_printf(reply->body, "{\"id\":\"%c09\",\"account\":\"sub-1\",\"at\":\"2026-03-09T05:00:00Z\",\"amount\":%d}", 'a' + at, at + 1);
    if (!rc) rc = mtr_buffer_printf(reply->body, at < 2 ? "],\"next\":\"%d\"}" : "]}", at + 1);
    assert_int_equal(rc, 0);
}

static void apply_feed(struct poller_world *w, const char *start)
{
    char text[2000];
    snprintf(text, sizeof(text), FEED, start);
    apply(w->world, text);
}

/* Nobody knows where it goes on: from its beginning all would count again. It stands until somebody says from where on. */
static void test_a_feed_of_which_nothing_is_left(void **state)
{
    (void)state;
    static struct mtr_source_status status;
    uint32_t asked = 0;
    struct kept *kept = calloc(1, sizeof(*kept));
    struct poller_world *w = new_poller_world();
    w->answer = answer_feed;
    w->context = &asked;
    apply_feed(w, "2026-03-09");
    poller_world_at(w, w->world->now_us);
    check(w, kept, "a09=1 b09=2 c09=3 ");
    end_segment(w, kept);
    w->world->now_us += 60 * MTR_US_PER_SECOND;
    assert_int_equal(send_rows(w->world, &plain, 1)->results[0].code, MTR_RESULT_ACCEPTED);
    free_answers(w->world);
    forget(w, kept);
    asked = 0;
    poller_world_at(w, instant("2026-03-11T06:00:00Z"));
    assert_int_equal(asked, 0);
    assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), MTR_STR("usage"), &status));
    assert_true(status.alarm_count == 1 && status.alarms[0].alarm == MTR_ALARM_FAILING);
    assert_non_null(strstr(status.alarms[0].text, "retention has removed where the feed goes on"));
    apply_feed(w, "2026-03-12");
    poller_world_at(w, instant("2026-03-12T06:00:00Z"));
    assert_true(asked > 0);
    check(w, kept, "a09=1 b09=2 c09=3 ");
    assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), MTR_STR("usage"), &status));
    assert_int_equal(status.alarm_count, 0);
    free_poller_world(w);
    free(kept);
}

/* ---- a list ---- */

static const char LISTED[] = "sources:\n"
                             "  - {key: accounts, vendor: acme, base_url: 'http://127.0.0.1:1', schedule: {every: 1h}, window: {periods: [current]},\n"
                             "     auth: none, request: {path: /accounts}, format: {csv: {delimiter: ';'}}, identity: {id: Id},\n"
                             "     guard: {shrink: 100%, jump: 0}, map: {type: =meterd.item, subject: Id, data: {}}}\n"
                             "  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1', schedule: {every: 1h}, window: {length: day, start: 2026-03-09},\n"
                             "     auth: none, request: {path: '/usage/{each.account}', query: {day: '{from:%Y-%m-%d}'}}, format: {csv: {delimiter: ';'}},\n"
                             "     for_each: {rows: {of: accounts, as: account}}, identity: {id: Id}, guard: {shrink: 100%, jump: 0},\n"
                             "     map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}}\n";

static void answer_listed(void *context, const char *url, struct vendor_reply *reply)
{
    const char *account = strstr(url, "/usage/"), *date = strstr(url, "day=");
    (void)context;
    int rc = !account ? mtr_buffer_printf(reply->body, "Id\na\nb\n")
                      : mtr_buffer_printf(reply->body, "Id;Account;At;Amount\n%c%.2s;sub-1;%.10sT05:00:00Z;1\n", account[7], date + 12, date + 4);
    assert_int_equal(rc, 0);
}

/* Its rows are notes, of which two say the same: it is read on, and what goes over it knows again what there is. */
static void test_a_list_goes_on(void **state)
{
    (void)state;
    struct kept *kept = calloc(1, sizeof(*kept));
    struct poller_world *w = new_poller_world();
    w->answer = answer_listed;
    apply(w->world, LISTED);
    poller_world_at(w, w->world->now_us);
    check(w, kept, "a09=1 b09=1 ");
    end_segment(w, kept);
    poller_world_at(w, instant("2026-03-10T14:30:00Z"));
    forget(w, kept);
    poller_world_at(w, instant("2026-03-12T12:00:00Z"));
    check(w, kept, "a09=1 a10=1 a11=1 b09=1 b10=1 b11=1 ");
    const struct mtr_ledger_window window = window_of(w, "accounts", "", "2026-03-01T00:00:00Z");
    assert_true(window.state == MTR_WINDOW_OPEN && window.rows == 2 && !window.is_cut);
    free_poller_world(w);
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_window_that_was_read_before),
        cmocka_unit_test(test_a_reading_whose_first_parts_are_gone),
        cmocka_unit_test(test_a_window_that_waits),
        cmocka_unit_test(test_a_window_that_is_open),
        cmocka_unit_test(test_a_file_of_what_is_gone),
        cmocka_unit_test(test_a_feed_of_which_nothing_is_left),
        cmocka_unit_test(test_a_list_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
