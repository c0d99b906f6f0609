/*
 * The guard of readings: what takes much away, or is much more than is usual, waits until it is said again; zero needs evidence; and a
 * draft is held to what it had, too.
 */
#include "tests/support/source/reading_fixture.h"

static void test_what_would_vanish_waits(void **state)
{
    (void)state;
    struct fixture *f = new_fixture();
    static const char *const whole[] = {HEAD ROW("a", "1") ROW("b", "2") ROW("c", "3")}, *const empty[] = {HEAD};
    f->source.guard.shrink_percent = 20;
    read_pages(f, whole, 1);
    for (int i = 0; i < 3; i++) {
        read_pages(f, empty, 1);
        assert_int_equal(f->verdict.alarm, i < 2 ? MTR_ALARM_SUSPECT : MTR_ALARM_NONE);
        check_log(f, i < 2 ? "a=1 b=2 c=3 " : "");
        f->world->now_us += (i ? 600 : 60) * MTR_US_PER_SECOND; /* the second look came too soon */
    }
    read_pages(f, whole, 1); /* back again */
    check_log(f, "a=1 b=2 c=3 ");
    free_fixture(f);
}

/* What is held against the next reading is what was read last, though the alarm's sentence is the same. */
static void test_a_suspect_may_change(void **state)
{
    (void)state;
    struct fixture *f = new_fixture();
    static const char *const whole[] = {HEAD ROW("a", "1") ROW("b", "2") ROW("c", "3")};
    static const char *const parts[][1] = {{HEAD ROW("a", "1")}, {HEAD ROW("b", "2")}, {HEAD ROW("b", "2")}};
    f->source.guard.shrink_percent = 20;
    read_pages(f, whole, 1);
    for (int i = 0; i < 3; i++) {
        f->world->now_us += 600 * MTR_US_PER_SECOND;
        read_pages(f, parts[i], 1);
        assert_int_equal(f->verdict.alarm, i < 2 ? MTR_ALARM_SUSPECT : MTR_ALARM_NONE);
        check_log(f, i < 2 ? "a=1 b=2 c=3 " : "b=2 ");
    }
    free_fixture(f);
}

/* Cents for dollars, in a window that nothing was before. A draft says nothing of what is usual. */
static void test_what_would_jump_waits(void **state)
{
    (void)state;
    static const char *const dollars[] = {HEAD ROW("a", "1,25") ROW("b", "2")}, *const cents[] = {HEAD ROW("a", "125") ROW("b", "200")};
    for (int is_draft = 0; is_draft < 2; is_draft++) {
        struct fixture *f = new_fixture();
        f->source.guard.jump_times = 10;
        f->world->now_us = is_draft ? f->window.to_us - 1 : f->window.to_us;
        f->is_draft = is_draft;
        read_pages(f, dollars, 1);
        f->is_draft = false;
        f->world->now_us = f->window.to_us + 600 * MTR_US_PER_SECOND;
        for (int i = 0; i < 2; i++) {
            read_pages(f, cents, 1);
            assert_int_equal(f->verdict.alarm, i ? MTR_ALARM_NONE : MTR_ALARM_SUSPECT);
            check_log(f, i ? "a=125 b=200 " : "a=1.25 b=2 ");
            f->world->now_us += 600 * MTR_US_PER_SECOND;
        }
        free_fixture(f);
    }
}

/* A draft goes on growing, so it says something else each time: what takes away is doubted all the same, once, and what is back meanwhile
 * was never gone. */
static void test_a_draft_that_shrinks_waits(void **state)
{
    (void)state;
    static const char *const full[] = {HEAD ROW("a", "1") ROW("b", "2") ROW("c", "3")}, *const none[] = {HEAD},
                      *const less[] = {HEAD ROW("b", "2")}, *const other[] = {HEAD ROW("b", "2") ROW("d", "1")},
                      *const more[] = {HEAD ROW("a", "1") ROW("b", "2") ROW("c", "3") ROW("d", "4")};
    const int64_t step_us = 600 * MTR_US_PER_SECOND;
    struct fixture *f = new_fixture();
    f->source.guard.shrink_percent = 20;
    f->is_draft = true;
    f->world->now_us = f->window.to_us - 20 * step_us;
    read_pages(f, full, 1);
    check_log(f, "a=1 b=2 c=3 ");
    for (int i = 0; i < 2; i++) { /* an outage, and it is over */
        f->world->now_us += step_us;
        read_pages(f, i ? less : none, 1);
        assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
        check_log(f, i ? "a=1 b=2 c=3 d=4 " : "a=1 b=2 c=3 ");
        f->world->now_us += step_us / 2; /* too soon to be said again */
        read_pages(f, i ? less : none, 1);
        assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
        f->world->now_us += step_us;
        read_pages(f, more, 1);
        assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
        check_log(f, "a=1 b=2 c=3 d=4 ");
    }
    f->world->now_us += step_us;
    read_pages(f, less, 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
    f->world->now_us += step_us;
    read_pages(f, other, 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    check_log(f, "b=2 d=1 ");
    free_fixture(f);
}

#define THREE HEAD ROW("a", "10") ROW("b", "10") ROW("c", "10")

static void accept_window(struct fixture *f)
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

/* What is doubted is confirmed by as much, or more; an outage confirms no restatement, and is not what an operator accepted. */
static void test_another_doubt_confirms_nothing(void **state)
{
    (void)state;
    static const char *const full = THREE ROW("d", "10") ROW("e", "10");
    static const struct {
        const char *first, *second;
        bool is_taken;
    } cases[] = {
        {THREE, HEAD, false},                               /* and an outage */
        {THREE, HEAD ROW("a", "10") ROW("b", "10"), false}, /* and less */
        {THREE, HEAD ROW("a", "10") ROW("b", "10") ROW("c", "1"), false},
        {THREE, HEAD ROW("a", "10") ROW("b", "10") ROW("c", "11"), true},
        {THREE, HEAD ROW("a", "10") ROW("b", "10") ROW("c", "-90"), false},
        {HEAD ROW("a", "90000"), HEAD, false},                /* a hundredfold, and an outage */
        {HEAD, HEAD ROW("a", "90000"), true},                 /* of nothing there is no less, and no hundredfold */
        {HEAD ROW("a", "10"), HEAD ROW("a", "90000"), false}, /* a hundredfold of what was doubted */
        {HEAD, HEAD, true},
    };
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const pages[][1] = {{full}, {cases[i / 2].first}, {cases[i / 2].second}};
        struct fixture *f = new_fixture();
        f->source.guard.shrink_percent = 20;
        f->source.guard.jump_times = 100;
        f->is_draft = true;
        f->world->now_us = f->window.to_us - MTR_US_PER_HOUR;
        for (int k = 0; k < 3; k++) {
            read_pages(f, pages[k], 1);
            f->world->now_us += 600 * MTR_US_PER_SECOND;
            if (k == 1 && f->verdict.alarm != MTR_ALARM_SUSPECT) fail_msg("case %zu: %s", i, f->verdict.problem);
            if (k == 1 && i % 2) accept_window(f);
        }
        if (f->verdict.alarm != (cases[i / 2].is_taken ? MTR_ALARM_NONE : MTR_ALARM_SUSPECT)) fail_msg("case %zu: %s", i, f->verdict.problem);
        assert_int_equal(f->verdict.agreed, cases[i / 2].is_taken ? 0 : 1);
        free_fixture(f);
    }
}

/* Usage has twelve digits at most; what a vendor's rows come to, as many as he likes. */
static void round_rows(struct fixture *f, struct mtr_import_value *rounded)
{
    *rounded = f->source.map.data[0];
    rounded->has_round = true;
    rounded->round_digits = 12;
    f->source.map.data = rounded;
}

static void test_what_is_usual_has_any_digits(void **state)
{
    (void)state;
    static const char *const usual[] = {HEAD "a;sub-1;2026-03-09T00:00:00Z;1,0000000000001\n"}, *const jump[] = {HEAD ROW("b", "125")};
    struct fixture *f = new_fixture();
    struct mtr_import_value rounded;
    const struct mtr_window window = f->window;
    round_rows(f, &rounded);
    f->source.guard.jump_times = 10;
    f->window = (struct mtr_window){window.from_us - 24 * MTR_US_PER_HOUR, window.from_us};
    read_pages(f, usual, 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    f->window = window;
    f->world->now_us += 600 * MTR_US_PER_SECOND;
    read_pages(f, jump, 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
    free_fixture(f);
}

/* A quantity that turns its sign has as many rows and is as large as before, and takes away twice what was there. */
static void test_a_sum_that_turns_its_sign_waits(void **state)
{
    (void)state;
    static const struct {
        const char *before, *now;
        bool is_suspect;
    } cases[] = {{"10", "-10", true},  {"-10", "10", true},  {"10", "-1", true},    {"-10", "-7,4", true}, {"-10", "-7,5", false},
                 {"10", "7,5", false}, {"10", "7,4", true},  {"-10", "-11", false}, {"0", "-10", false},   {"10", "0", true},
                 /* of more digits than usage has: the map rounds each row, and not what they come to */
                 {"10", "9,8999999999999", false}, {"9,8999999999999", "7,4", true}, {"9,8999999999999", "7,4444444444444", false}};
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture *f = new_fixture();
        struct mtr_import_value rounded;
        char first[80], second[80];
        const char *const before[] = {first}, *const now[] = {second};
        round_rows(f, &rounded);
        snprintf(first, sizeof(first), HEAD "a;sub-1;2026-03-01T00:00:00Z;%s\n", cases[i / 2].before);
        snprintf(second, sizeof(second), HEAD "a;sub-1;2026-03-01T00:00:00Z;%s\n", cases[i / 2].now);
        f->source.guard.shrink_percent = 25;
        f->is_draft = i % 2;
        if (f->is_draft) f->world->now_us = f->window.to_us - MTR_US_PER_HOUR;
        read_pages(f, before, 1);
        f->world->now_us += 600 * MTR_US_PER_SECOND;
        read_pages(f, now, 1);
        if (f->verdict.alarm != (cases[i / 2].is_suspect ? MTR_ALARM_SUSPECT : MTR_ALARM_NONE))
            fail_msg("%s, then %s: %s", cases[i / 2].before, cases[i / 2].now, f->verdict.problem);
        free_fixture(f);
    }
}

/* Nothing is usual, and the draft of before tells what comes: as much again in as much time. */
static void test_a_draft_tells_what_comes(void **state)
{
    (void)state;
    static const char *const first[] = {HEAD ROW("a", "1")}, *const well[] = {HEAD ROW("a", "19")}, *const too_much[] = {HEAD ROW("a", "22")};
    for (int is_draft = 0; is_draft < 2; is_draft++)
        for (int jumps = 0; jumps < 2; jumps++) {
            struct fixture *f = new_fixture();
            const int64_t length_us = f->window.to_us - f->window.from_us;
            f->source.guard.jump_times = 10;
            f->is_draft = true;
            f->world->now_us = f->window.from_us + length_us / 2;
            read_pages(f, first, 1);
            f->is_draft = is_draft;
            f->world->now_us = f->window.to_us - (is_draft ? 1 : 0);
            read_pages(f, jumps ? too_much : well, 1);
            assert_int_equal(f->verdict.alarm, jumps ? MTR_ALARM_SUSPECT : MTR_ALARM_NONE);
            check_log(f, jumps ? "a=1 " : "a=19 ");
            free_fixture(f);
        }
}

static void read_day(struct fixture *f, int day, bool has_rows)
{
    char page[200], at[MTR_TIME_TEXT_BYTES];
    f->window.from_us = instant("2026-03-01T00:00:00Z") + day * MTR_US_PER_DAY;
    f->window.to_us = f->window.from_us + MTR_US_PER_DAY;
    mtr_time_format(f->window.from_us, at);
    snprintf(page, sizeof(page), "%s", HEAD);
    for (int i = 0; has_rows && i < 3; i++)
        snprintf(page + strlen(page), sizeof(page) - strlen(page), "%d-%d;sub-1;%s;1\n", day, i, at);
    const char *const pages[] = {page};
    read_pages(f, pages, 1);
}

/* Zero needs evidence, on whichever side of it there is usage, and however far: windows of the past are read from the oldest on when the newest
 * has been. What was taken as empty is no suspect when it is read again. */
static void test_an_empty_window_beside_full_ones_waits(void **state)
{
    (void)state;
    static const struct {
        int known[3]; /* days that have rows; -1: no more */
        int empty;    /* and none before */
        int day;      /* that is read, and has no row */
        bool is_suspect;
    } rows[] = {{{4, -1}, -1, 5, true},  {{5, -1}, -1, 4, true},      {{19, -1}, -1, 2, true}, {{-1}, 7, 6, false},
                {{-1}, 6, 7, false},     {{19, 18, -1}, 3, 2, true}, {{-1}, -1, 4, false},    {{10, 19, -1}, -1, 2, true},
                {{5, -1}, 3, 4, true},    {{90, -1}, -1, 2, true},      {{90, -1}, 3, 2, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture *f = new_fixture();
        f->source.window.length = MTR_LENGTH_DAY;
        f->world->now_us = instant("2026-07-01T00:00:00Z");
        if (rows[i].empty >= 0) read_day(f, rows[i].empty, false);
        for (int k = 0; rows[i].known[k] >= 0; k++) read_day(f, rows[i].known[k], true);
        for (int look = 0; look < 4; look++) {
            read_day(f, rows[i].day, false);
            const bool is_suspect = rows[i].is_suspect && !look;
            if (f->verdict.alarm != (is_suspect ? MTR_ALARM_SUSPECT : MTR_ALARM_NONE)) fail_msg("row %zu, look %d: %s", i, look, f->verdict.problem);
            assert_int_equal(window_of(f).rows, 0);
            assert_int_equal(window_of(f).proofs, rows[i].is_suspect && look ? MTR_PROOF_AGREE : 0);
            f->world->now_us += 600 * MTR_US_PER_SECOND;
        }
        read_day(f, rows[i].day, true);
        assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
        assert_int_equal(window_of(f).rows, 3);
        free_fixture(f);
    }
}

#define OF(id, account, amount) id ";" account ";2026-03-10T05:00:00Z;" amount "\n"

/* A vendor that spells its accounts in another way says so as often as it is asked: rows are taken once the catalog knows them, or somebody says so. */
static void test_accounts_that_nobody_knows_wait(void **state)
{
    (void)state;
    static const char *const known[] = {HEAD ROW("a", "1") ROW("b", "2") ROW("c", "3")},
                      *const restated[] = {HEAD ROW("a", "1") ROW("b", "2") OF("x", "nobody", "7") OF("y", "nobody", "7") ROW("c", "4")},
                      *const respelt[] = {HEAD OF("a", "SUB-1", "1") OF("b", "SUB-1", "2") OF("c", "SUB-1", "3")};
    struct fixture *f = new_fixture();
    f->source.guard.shrink_percent = 20;
    f->catalog = f->world->catalog;
    read_pages(f, known, 1);
    for (int i = 0; i < 4; i++) {
        f->world->now_us += 86400 * MTR_US_PER_SECOND;
        read_pages(f, respelt, 1);
        assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
        assert_non_null(strstr(f->verdict.problem, "3 of 3 rows are of accounts or types that the catalog does not know, where 3 counted"));
        check_log(f, "a=1 b=2 c=3 ");
        assert_int_equal(window_of(f).unknown, 0);
    }
    read_pages(f, restated, 1); /* more that nobody knows: nothing is taken away by them */
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    check_log(f, "a=1 b=2 x=7 y=7 c=4 ");
    assert_int_equal(window_of(f).unknown, 2);
    read_pages(f, respelt, 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
    accept_window(f);
    read_pages(f, respelt, 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    assert_int_equal(window_of(f).unknown, 3);
    read_pages(f, known, 1); /* it was a slip of the vendor's */
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    check_log(f, "a=1 b=2 c=3 ");
    free_fixture(f);
}

/* A new window is held to those before it; where many were of nobody they still may be. */
static void test_accounts_of_a_new_window_are_held_to_those_before(void **state)
{
    (void)state;
    static const char *const known[] = {HEAD ROW("a", "1") ROW("b", "2") ROW("c", "3") ROW("d", "4")},
                      *const mixed[] = {HEAD ROW("a", "1") OF("b", "nobody", "2") OF("c", "nobody", "3") OF("d", "nobody", "4")};
    for (int is_mixed = 0; is_mixed < 2; is_mixed++) {
        struct fixture *f = new_fixture();
        f->source.guard.shrink_percent = 20;
        f->catalog = f->world->catalog;
        read_pages(f, is_mixed ? mixed : known, 1);
        f->window = (struct mtr_window){f->window.to_us, f->window.to_us + MTR_US_PER_DAY};
        read_pages(f, (const char *const[]){HEAD "e;sub-1;2026-03-11T05:00:00Z;1\n" "f;nobody;2026-03-11T05:00:00Z;2\n"
                                            "g;nobody;2026-03-11T05:00:00Z;3\n" "h;nobody;2026-03-11T05:00:00Z;4\n"}, 1);
        assert_int_equal(f->verdict.alarm, is_mixed ? MTR_ALARM_NONE : MTR_ALARM_SUSPECT);
        free_fixture(f);
    }
}

/* So do rows that cannot be read any more: a quantity in another spelling, a column that moved. The others would go on without them. */
static void test_rows_that_cannot_be_read_wait(void **state)
{
    (void)state;
    static const char *const known[] = {HEAD ROW("a", "1") ROW("b", "2") ROW("c", "3")},
                      *const unread[] = {HEAD ROW("a", "none") ROW("b", "none") ROW("c", "3")},
                      *const neither[] = {HEAD ROW("a", "none") OF("b", "nobody", "2") ROW("c", "3")},
                      *const more[] = {HEAD ROW("a", "1") ROW("b", "2") ROW("c", "3") ROW("x", "none") ROW("y", "none")};
    struct fixture *f = new_fixture();
    f->source.guard.shrink_percent = 20;
    f->catalog = f->world->catalog;
    read_pages(f, known, 1);
    for (int i = 0; i < 6; i++) {
        f->world->now_us += 86400 * MTR_US_PER_SECOND;
        read_pages(f, i < 4 ? unread : neither, 1);
        assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
        assert_non_null(strstr(f->verdict.problem, i < 4 ? "2 of 3 rows cannot be read or counted, where 3 counted"
                                                         : "2 of 3 rows cannot be read or counted, or are of accounts or types"));
        check_log(f, "a=1 b=2 c=3 ");
    }
    read_pages(f, more, 1); /* beside what counts they take nothing away */
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    check_log(f, "a=1 b=2 c=3 !=! !=! ");
    assert_int_equal(window_of(f).refused, 2);
    read_pages(f, unread, 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
    accept_window(f);
    read_pages(f, unread, 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    check_log(f, "c=3 !=! !=! ");
    f->window = (struct mtr_window){f->window.to_us, f->window.to_us + MTR_US_PER_DAY};
    read_pages(f, (const char *const[]){HEAD "e;sub-1;2026-03-11T05:00:00Z;none\n" "f;sub-1;2026-03-11T05:00:00Z;none\n"
                                        "g;sub-1;2026-03-11T05:00:00Z;none\n"}, 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT); /* a window that is new is held to those before it */
    free_fixture(f);
}

/* What the map reads and the intake would refuse is no other thing; and one row may be most of the money. */
static void test_rows_that_would_be_refused_wait(void **state)
{
    (void)state;
#define FIVE ROW("a", "1") ROW("b", "2") ROW("d", "1") ROW("e", "1") ROW("f", "1")
    static const char *const known[] = {HEAD FIVE ROW("c", "100")}, *const more[] = {HEAD FIVE ROW("c", "100") ROW("g", "x")};
    static const char *const doubted[][1] = {
        {HEAD FIVE ROW("c", "1.234,5")},                                                                            /* one of six, and most of it */
        {HEAD ROW("a", "1") ROW("b", "99999999999999999") ROW("d", "99999999999999999") ROW("e", "1") ROW("f", "1") ROW("c", "100")}, /* no meter takes it */
        {HEAD ROW("a", "1") ROW("b", "2") ROW("d", "1") ROW("e", "x") ROW("c", "100")},                             /* one is gone, too: a third of the rows */
    };
    struct fixture *f = new_fixture();
    f->source.guard.shrink_percent = 20;
    f->catalog = f->world->catalog;
    read_pages(f, known, 1);
    for (int i = 0; i < 9; i++) {
        f->world->now_us += 86400 * MTR_US_PER_SECOND;
        read_pages(f, doubted[i / 3], 1);
        assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
        assert_non_null(strstr(f->verdict.problem, "cannot be read or counted"));
        check_log(f, "a=1 b=2 d=1 e=1 f=1 c=100 ");
    }
    read_pages(f, more, 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    f->source.delivery = MTR_DELIVERY_APPEND; /* nothing is taken back by it */
    read_pages(f, doubted[0], 1);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    free_fixture(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_would_vanish_waits),
        cmocka_unit_test(test_a_suspect_may_change),
        cmocka_unit_test(test_what_would_jump_waits),
        cmocka_unit_test(test_a_draft_that_shrinks_waits),
        cmocka_unit_test(test_another_doubt_confirms_nothing),
        cmocka_unit_test(test_what_is_usual_has_any_digits),
        cmocka_unit_test(test_a_sum_that_turns_its_sign_waits),
        cmocka_unit_test(test_a_draft_tells_what_comes),
        cmocka_unit_test(test_an_empty_window_beside_full_ones_waits),
        cmocka_unit_test(test_accounts_that_nobody_knows_wait),
        cmocka_unit_test(test_accounts_of_a_new_window_are_held_to_those_before),
        cmocka_unit_test(test_rows_that_cannot_be_read_wait),
        cmocka_unit_test(test_rows_that_would_be_refused_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
