/*
 * Rows that another window has: a few move, a window that would be emptied by it waits, and what cannot be read never moves.
 */
#include "tests/support/source/reading_fixture.h"

enum { PAGE_BYTES = 4000, DAY_MINUTES = 24 * 60 };

static struct mtr_window day_of(int day)
{
    const int64_t from_us = instant("2026-03-01T00:00:00Z") + day * MTR_US_PER_DAY;
    return (struct mtr_window){from_us, from_us + MTR_US_PER_DAY};
}

/* Rows first…last-1, so many minutes into that day. */
static void add_rows(char page[PAGE_BYTES], int first, int last, int day, int minutes)
{
    char at[MTR_TIME_TEXT_BYTES];
    mtr_time_format(day_of(day).from_us + minutes * 60 * MTR_US_PER_SECOND, at);
    for (int i = first; i < last; i++) snprintf(page + strlen(page), PAGE_BYTES - strlen(page), "%d;sub-1;%s;1\n", i, at);
}

static void read_page(struct fixture *f, int day, const char *page, enum mtr_alarm expected)
{
    f->window = day_of(day);
    f->world->now_us += 600 * MTR_US_PER_SECOND;
    read_pages(f, &page, 1);
    if (f->verdict.alarm != expected) fail_msg("day %d: %s", day, f->verdict.problem);
}

static void read_rows_of(struct fixture *f, int day, int first, int last, enum mtr_alarm expected)
{
    char page[PAGE_BYTES] = HEAD;
    add_rows(page, first, last, day, 300);
    read_page(f, day, page, expected);
}

static uint64_t rows_of(struct fixture *f, int day)
{
    f->window = day_of(day);
    return window_of(f).rows;
}

static struct fixture *guarded_fixture(void)
{
    struct fixture *f = new_fixture();
    f->source.guard.shrink_percent = 20;
    f->world->now_us = instant("2026-07-01T00:00:00Z");
    return f;
}

static void accept(struct fixture *f)
{
    char problem[MTR_LEDGER_PROBLEM_BYTES_MAX];
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_window window;
    assert_int_equal(mtr_ledger_begin(f->ledger, true, &txn), MTR_OK);
    assert_int_equal(mtr_ledger_get_window(txn, &strand, f->window.from_us, &window), MTR_OK);
    memcpy(problem, window.problem.data, window.problem.size);
    window.problem.data = problem;
    window.agreed = VERDICT_ACCEPTED;
    assert_int_equal(mtr_ledger_put_window(txn, &strand, &window), MTR_OK);
    assert_int_equal(mtr_ledger_commit(txn), MTR_OK);
}

/* Numbers of lines come again each day, wherever in it their rows lie: that they are said again proves nothing. */
static void test_ids_of_a_day_alone_wait(void **state)
{
    (void)state;
    static const int minutes[] = {0, 300, DAY_MINUTES - 1};
    for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
        struct fixture *f = guarded_fixture();
        char pages[2][PAGE_BYTES] = {HEAD, HEAD};
        for (int day = 0; day < 2; day++) add_rows(pages[day], 0, 10, day, minutes[i]);
        read_page(f, 0, pages[0], MTR_ALARM_NONE);
        for (int look = 0; look < 4; look++) {
            read_page(f, 1, pages[1], MTR_ALARM_SUSPECT);
            assert_non_null(strstr(f->verdict.problem, "10 of the 10 rows of the window of 2026-03-01T00:00:00Z would move into this one"));
            assert_non_null(strstr(f->verdict.problem, "`identity`"));
            assert_int_equal(rows_of(f, 0), 10);
        }
        f->window = day_of(1);
        accept(f);
        read_page(f, 1, pages[1], MTR_ALARM_NONE);
        assert_int_equal(f->counts.moved, 10);
        assert_int_equal(rows_of(f, 0), 0);
        assert_int_equal(rows_of(f, 1), 10);
        read_page(f, 0, pages[0], MTR_ALARM_SUSPECT); /* and back no other way */
        free_fixture(f);
    }
}

/* The last hour of a day is corrected to the next one. More than that is taken once the window that has them has them no more. */
static void test_a_few_rows_move(void **state)
{
    (void)state;
    struct fixture *f = guarded_fixture();
    read_rows_of(f, 0, 0, 10, MTR_ALARM_NONE);
    read_rows_of(f, 1, 8, 20, MTR_ALARM_NONE); /* a fifth is not more than that */
    assert_int_equal(f->counts.moved, 2);
    assert_int_equal(rows_of(f, 0), 8);
    for (int look = 0; look < 3; look++) read_rows_of(f, 1, 6, 20, MTR_ALARM_SUSPECT);
    assert_int_equal(rows_of(f, 0), 8);
    for (int look = 0; look < 2; look++) read_rows_of(f, 0, 0, 6, look ? MTR_ALARM_NONE : MTR_ALARM_SUSPECT);
    read_rows_of(f, 1, 6, 20, MTR_ALARM_NONE);
    assert_int_equal(f->counts.moved, 0);
    assert_int_equal(rows_of(f, 0), 6);
    assert_int_equal(rows_of(f, 1), 14);
    free_fixture(f);
}

/* Of several the one that would lose most of what it has. */
static void test_each_window_is_held_to_its_own_rows(void **state)
{
    (void)state;
    struct fixture *f = guarded_fixture();
    read_rows_of(f, 0, 0, 50, MTR_ALARM_NONE);
    read_rows_of(f, 1, 50, 52, MTR_ALARM_NONE);
    read_rows_of(f, 2, 52, 62, MTR_ALARM_NONE);
    read_rows_of(f, 3, 45, 60, MTR_ALARM_SUSPECT);
    assert_non_null(strstr(f->verdict.problem, "2 of the 2 rows of the window of 2026-03-02T00:00:00Z would move"));
    char page[PAGE_BYTES] = HEAD;
    add_rows(page, 45, 50, 3, 300);
    add_rows(page, 100, 120, 3, 300);
    read_page(f, 3, page, MTR_ALARM_NONE);
    assert_int_equal(f->counts.moved, 5);
    f->source.guard.shrink_percent = 100;
    read_rows_of(f, 3, 45, 60, MTR_ALARM_NONE);
    assert_int_equal(f->counts.moved, 10);
    free_fixture(f);
}

/* A small day takes little of a large one, or of each of several, and has nothing but that. */
static void test_a_small_day_is_not_made_of_rows_of_others(void **state)
{
    (void)state;
    struct fixture *f = guarded_fixture();
    for (int day = 0; day < 3; day++) read_rows_of(f, day, 30 * day, 30 * day + 30, MTR_ALARM_NONE);
    for (int look = 0; look < 3; look++) {
        read_rows_of(f, 3, 28, 32, MTR_ALARM_SUSPECT);
        assert_non_null(strstr(f->verdict.problem, "2 of the 30 rows of the window of 2026-03-01T00:00:00Z would move into this one"));
    }
    for (int day = 0; day < 3; day++) assert_int_equal(rows_of(f, day), 30);
    free_fixture(f);
}

/* A range is closed at both ends, or wider than was asked for: the same row is in two answers, and goes where its time lies. */
static void test_a_row_of_two_answers_goes_where_it_lies(void **state)
{
    (void)state;
    struct fixture *f = guarded_fixture();
    char first[PAGE_BYTES] = HEAD, second[PAGE_BYTES] = HEAD;
    add_rows(first, 0, 1, 0, 0);
    add_rows(first, 1, 3, 0, DAY_MINUTES);
    add_rows(first, 3, 5, 0, DAY_MINUTES + 60);
    add_rows(second, 1, 3, 1, 0);
    add_rows(second, 3, 5, 1, 60);
    read_page(f, 0, first, MTR_ALARM_NONE);
    assert_int_equal(rows_of(f, 0), 5);
    read_page(f, 1, second, MTR_ALARM_NONE);
    assert_int_equal(f->counts.moved, 4);
    assert_int_equal(rows_of(f, 0), 1);
    free_fixture(f);
}

/* A line that each day's export has: it is a row in quarantine of each. */
static void test_what_cannot_be_read_never_moves(void **state)
{
    (void)state;
    struct fixture *f = guarded_fixture();
    for (int look = 0; look < 3; look++)
        for (int day = 0; day < 3; day++) {
            char page[PAGE_BYTES] = HEAD;
            add_rows(page, 10 * day, 10 * day + 10, day, 300);
            snprintf(page + strlen(page), sizeof(page) - strlen(page), "total;;;none\n");
            read_page(f, day, page, MTR_ALARM_NONE);
            assert_int_equal(f->counts.moved, 0);
            assert_int_equal(f->counts.added, look ? 0 : 11);
            assert_int_equal(f->counts.gone, 0);
        }
    for (int day = 0; day < 3; day++) {
        assert_int_equal(rows_of(f, day), 11);
        assert_int_equal(window_of(f).refused, 1);
    }
    read_rows_of(f, 1, 10, 20, MTR_ALARM_NONE); /* and goes from one alone */
    assert_int_equal(f->counts.gone, 1);
    assert_int_equal(rows_of(f, 0), 11);
    assert_int_equal(rows_of(f, 1), 10);
    free_fixture(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_of_a_day_alone_wait),
        cmocka_unit_test(test_a_few_rows_move),
        cmocka_unit_test(test_each_window_is_held_to_its_own_rows),
        cmocka_unit_test(test_a_small_day_is_not_made_of_rows_of_others),
        cmocka_unit_test(test_a_row_of_two_answers_goes_where_it_lies),
        cmocka_unit_test(test_what_cannot_be_read_never_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
