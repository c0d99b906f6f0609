/*
 * A reading from the bytes of its pages to the log: rows of every page, in whatever pieces they come; a row
 * that cannot be mapped is kept with its bytes and is tried again; what proves that the reading is whole; and
 * that nothing is taken of one which is not.
 */
#include "tests/support/source/reading_fixture.h"

static void test_pages_become_rows(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 9; seed++) {
        struct fixture *f = new_fixture();
        static const char *const first[] = {HEAD ROW("a", "1,5") ROW("b", "2"), HEAD ROW("c", "x") ROW("d", "4"), HEAD ROW("e", "5") ROW("f", "6")};
        static const char *const second[] = {HEAD ROW("f", "6"), HEAD ROW("a", "1,50") ROW("b", "3") ROW("c", "x"), HEAD ROW("e", "5")};
        static const char *const third[] = {HEAD ROW("e", "5") ROW("f", "6") ROW("a", "1,5") ROW("b", "3") ROW("c", "7") ROW("d", "4")};
        f->random.state = seed;
        read_pages(f, first, 3);
        assert_int_equal(f->counts.rows, 6);
        assert_int_equal(f->counts.problems, 1);
        check_log(f, "a=1.5 b=2 !=! d=4 e=5 f=6 ");
        read_pages(f, second, 3);
        assert_int_equal(f->counts.same, 4); /* c is refused as before */
        assert_int_equal(f->counts.changed, 1);
        assert_int_equal(f->counts.gone, 1);
        check_log(f, "a=1.5 !=! e=5 f=6 b=3 ");
        read_pages(f, third, 1);
        check_log(f, "a=1.5 e=5 f=6 b=3 c=7 d=4 ");
        const uint64_t before = mtr_log_last_seq(f->world->log);
        read_pages(f, third, 1);
        assert_int_equal(mtr_log_last_seq(f->world->log), before + 1);
        free_fixture(f);
    }
}

static void test_equal_rows_count_once_and_are_told(void **state)
{
    (void)state;
    struct fixture *f = new_fixture();
    static const char *const first[] = {HEAD ROW("a", "1") ROW("b", "2") ROW("a", "1"), HEAD ROW("a", "1,0") ROW("c", "x") ROW("c", "x")};
    static const char *const second[] = {HEAD ROW("a", "1") ROW("b", "2")};
    read_pages(f, first, 2);
    assert_int_equal(f->counts.rows, 6);
    assert_int_equal(f->counts.repeated, 3);
    assert_int_equal(f->counts.added, 3);
    check_log(f, "a=1 b=2 !=! ");
    assert_int_equal(window_of(f).rows, 3);
    assert_int_equal(window_of(f).repeated, 3);
    read_pages(f, second, 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    assert_int_equal(window_of(f).repeated, 0);
    static const char *const fewer[] = {HEAD ROW("a", "1") ROW("a", "1")};
    f->source.guard.shrink_percent = 0;
    read_pages(f, fewer, 1); /* what is not taken leaves the window as it is */
    assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
    assert_int_equal(window_of(f).repeated, 0);
    free_fixture(f);
}

/* The others are read, and it is kept with its bytes, as often as it comes. */
static void test_a_row_whose_id_is_too_long_is_one_problem(void **state)
{
    (void)state;
    struct fixture *f = new_fixture();
    char longest[READ_ROW_ID_BYTES_MAX + 1], page[2000], expected[1000];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    snprintf(page, sizeof(page), HEAD ROW("a", "1") "%sy;sub-1;2026-03-10T05:00:00Z;7\n" "%s;sub-1;2026-03-10T05:00:00Z;2\n" ROW("b", "3"), longest, longest);
    snprintf(expected, sizeof(expected), "a=1 !=! %s=2 b=3 ", longest);
    for (int round = 0; round < 2; round++) {
        read_pages(f, (const char *const[]){page}, 1);
        assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
        assert_int_equal(f->counts.rows, 4);
        assert_int_equal(f->counts.problems, 1);
        assert_int_equal(f->counts.added, round ? 0 : 4);
        check_log(f, expected);
    }
    read_pages(f, (const char *const[]){HEAD ROW("a", "1") ROW("b", "3")}, 1);
    check_log(f, "a=1 b=3 ");
    free_fixture(f);
}

struct proof {
    const char *what;
    const char *page;
    struct mtr_found count, flag;
    struct reading_end end;
    enum mtr_alarm alarm;
    const char *problem; /* a part */
};

static void test_what_is_not_whole_is_not_taken(void **state)
{
    (void)state;
    static const struct proof rows[] = {
        {"a loop", HEAD ROW("a", "1"), .end = {.fault = MTR_ALARM_LOOP, .said = "page 3 is page 1 again"}, .alarm = MTR_ALARM_LOOP, .problem = "page 1 again"},
        {"a warning", HEAD ROW("a", "1"), .end = {.warnings = {"partial", 7}}, .alarm = MTR_ALARM_INCOMPLETE, .problem = "partial"},
        {"two of one id", HEAD ROW("a", "1") ROW("a", "2"), .alarm = MTR_ALARM_INCOMPLETE, .problem = "row 2 of the reading"},
        {"there is none", HEAD, .end = {.is_absent = true}, .alarm = MTR_ALARM_INCOMPLETE, .problem = "asked again (1 of 2)"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = new_fixture();
        f->random.state = i;
        struct reading *reading = open_reading(f);
        assert_int_equal(feed_page(f, reading, mtr_str_from(rows[i].page)), 0);
        conclude(f, reading, &rows[i].end);
        if (f->verdict.alarm != rows[i].alarm || !strstr(f->verdict.problem, rows[i].problem))
            fail_msg("%s: %s: %s", rows[i].what, mtr_alarm_name(f->verdict.alarm), f->verdict.problem);
        check_log(f, "");
        assert_int_equal(mtr_log_last_seq(f->world->log), 1); /* that it was read stands in the log */
        free_fixture(f);
    }
}

/* A page is known again by its rows, whatever stands around them and in whatever order. */
static void test_rows_of_a_page_are_known_again(void **state)
{
    (void)state;
    static const char *const pages[] = {HEAD ROW("a", "1") ROW("b", "2"), HEAD "\n" ROW("b", "2") ROW("a", "1"), HEAD ROW("a", "1") ROW("b", "3"), HEAD,
                                        HEAD ROW("a", "1")};
    uint64_t hashes[5];
    struct fixture *f = new_fixture();
    struct reading *reading = open_reading(f);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(feed_page(f, reading, mtr_str_from(pages[i])), 0);
        hashes[i] = reading_page_rows_hash(reading);
    }
    assert_true(hashes[0] == hashes[1] && hashes[0] != hashes[2] && hashes[0] != hashes[4] && hashes[0]);
    assert_true(hashes[3] == 0);
    reading_close(reading);
    free_fixture(f);
}

static void test_a_page_that_cannot_be_read(void **state)
{
    (void)state;
    static const struct {
        const char *page, *fault;
        size_t size;
        int rc;
    } rows[] = {{"\x1f\x8b\x08garbage", "gzip", 10, MTR_ECORRUPT},
                {"Account;At\nx;y\n", "Id", 15, MTR_EINVALID},
                {"PAR1....", "Parquet", 8, MTR_ECORRUPT}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = new_fixture();
        struct reading *reading = open_reading(f);
        assert_int_equal(feed_page(f, reading, (struct mtr_str){rows[i].page, rows[i].size}), rows[i].rc);
        if (!strstr(reading_fault(reading), rows[i].fault)) fail_msg("%s", reading_fault(reading));
        reading_close(reading);
        free_fixture(f);
    }
}

/* Rows that do not say whose they are, since they were asked for one subscription. */
static void test_rows_of_one_subscription(void **state)
{
    (void)state;
    static const char map[] = "id: '{each.key}-{Id}'\ntype: =cpu\nsubject: each.subject\ntime: At\ndata: {seconds: Amount}\n"
                              "format: {csv: {delimiter: ';'}}\n";
    static const char *const pages[] = {"Id;At;Amount\na;2026-03-10T05:00:00Z;1.5\n", "Id;Amount;At\nb;2;2026-03-10T06:00:00Z\n"};
    const struct mtr_subscription subscription = {.subject = MTR_STR("sub-1"), .key = MTR_STR("k")};
    struct fixture *f = new_fixture();
    struct mtr_diagnostic diagnostic;
    mtr_import_map_release(&f->source.map);
    if (mtr_import_map_parse(mtr_str_from(map), &f->source.map, &diagnostic)) fail_msg("%s", diagnostic.text);
    f->source.each.kind = MTR_EACH_SUBSCRIPTION;
    f->subscription = &subscription;
    read_pages(f, pages, 2);
    assert_int_equal(f->counts.problems, 0);
    check_log(f, "k-a=1.5 k-b=2 ");
    free_fixture(f);
}

/* The first instant of the next day is that day's, though the vendor's answers have it in both. */
static void test_a_row_on_the_border_is_of_the_window_behind_it(void **state)
{
    (void)state;
    static const char *const pages[] = {HEAD ROW("a", "1") "b;sub-1;2026-03-11T00:00:00Z;2\n"};
    struct fixture *f = new_fixture();
    const struct mtr_window first = f->window, second = {first.to_us, first.to_us + MTR_US_PER_DAY};
    f->window = second;
    read_pages(f, (const char *const[]){HEAD "b;sub-1;2026-03-11T00:00:00Z;2\n"}, 1);
    f->window = first;
    read_pages(f, pages, 1);
    assert_int_equal(f->counts.elsewhere, 1);
    assert_int_equal(f->counts.moved, 0);
    f->window = second;
    read_pages(f, (const char *const[]){HEAD}, 1); /* it is gone from there */
    check_log(f, "a=1 ");
    free_fixture(f);
}

static void check_feed(struct fixture *f, const char *cursor, int64_t read_us, int64_t begun_us)
{
    struct mtr_ledger_txn *txn;
    struct mtr_feed feed;
    assert_int_equal(mtr_ledger_begin(f->ledger, false, &txn), 0);
    assert_int_equal(mtr_ledger_feed(txn, &strand, &feed), 0);
    assert_true(mtr_str_equal(feed.cursor, mtr_str_from(cursor)) && feed.read_us == read_us && feed.begun_us == begun_us);
    mtr_ledger_abort(txn);
}

/* A reading of two parts: until the second one is in, whoever goes on would lose what it has, and rows come again. */
static void test_a_feed_goes_on_behind_what_the_log_has(void **state)
{
    (void)state;
    static const struct reading_end end = {.fault = MTR_ALARM_NONE};
    static const char page[] = HEAD ROW("a", "1") ROW("b", "2") ROW("c", "3") ROW("d", "4") ROW("e", "5");
    struct fixture *f = new_fixture();
    struct mtr_request *request;
    const int64_t first_us = f->world->now_us;
    bool is_last;
    f->source.delivery = MTR_DELIVERY_APPEND;
    f->source.window.length = MTR_LENGTH_CURSOR;
    f->window = (struct mtr_window){0, 0};
    for (int round = 0; round < 2; round++) {
        f->world->now_us = first_us + round * MTR_US_PER_HOUR;
        struct reading *reading = open_reading(f);
        assert_int_equal(feed_page(f, reading, mtr_str_from(page)), 0);
        assert_int_equal(reading_check(reading, f->ledger, &end, &f->verdict), 0);
        assert_int_equal(reading_part(reading, MTR_STR("behind e"), &request, &is_last), 0);
        assert_false(is_last);
        send(f, request);
        check_feed(f, "", 0, first_us);
        if (round) { /* the first time it breaks off here */
            assert_int_equal(reading_part(reading, MTR_STR("behind e"), &request, &is_last), 0);
            assert_true(is_last);
            send(f, request);
        }
        reading_close(reading);
    }
    check_feed(f, "behind e", first_us + MTR_US_PER_HOUR, 0);
    check_log(f, "a=1 b=2 c=3 d=4 e=5 ");
    free_fixture(f);
}

/* Else the rest of a reading that broke off would wait for the next reread. */
static void test_a_window_is_not_read_before_its_last_part(void **state)
{
    (void)state;
    static const struct reading_end end = {.fault = MTR_ALARM_NONE};
    struct fixture *f = new_fixture();
    struct mtr_request *request;
    bool is_last;
    struct reading *reading = open_reading(f);
    assert_int_equal(feed_page(f, reading, MTR_STR(HEAD ROW("a", "1") ROW("b", "2") ROW("c", "3") ROW("d", "4") ROW("e", "5"))), 0);
    assert_int_equal(reading_check(reading, f->ledger, &end, &f->verdict), 0);
    for (int part = 1; part <= 2; part++) {
        assert_int_equal(reading_part(reading, (struct mtr_str){NULL, 0}, &request, &is_last), 0);
        assert_int_equal(is_last, part == 2);
        send(f, request);
        assert_int_equal(window_of(f).state, is_last ? MTR_WINDOW_COMPLETE : MTR_WINDOW_PARTIAL);
        assert_int_equal(window_of(f).readings, is_last);
        assert_int_equal(window_of(f).last_us, is_last ? f->world->now_us : 0);
    }
    reading_close(reading);
    check_log(f, "a=1 b=2 c=3 d=4 e=5 ");
    free_fixture(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_become_rows),
        cmocka_unit_test(test_equal_rows_count_once_and_are_told),
        cmocka_unit_test(test_a_row_whose_id_is_too_long_is_one_problem),
        cmocka_unit_test(test_what_is_not_whole_is_not_taken),
        cmocka_unit_test(test_rows_of_a_page_are_known_again),
        cmocka_unit_test(test_a_page_that_cannot_be_read),
        cmocka_unit_test(test_rows_of_one_subscription),
        cmocka_unit_test(test_a_row_on_the_border_is_of_the_window_behind_it),
        cmocka_unit_test(test_a_feed_goes_on_behind_what_the_log_has),
        cmocka_unit_test(test_a_window_is_not_read_before_its_last_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
