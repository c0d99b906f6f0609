/*
 * What lends a reading its size: rows that would not count lend it nothing, neither themselves nor their quantity. And a window of which
 * nothing can be read is neither empty nor whole.
 */
#include "tests/support/source/reading_fixture.h"

#define OF(id, account, amount) id ";" account ";2026-03-10T05:00:00Z;" amount "\n"
#define KIND_HEAD "Id;Kind;Account;At;Amount\n"
#define OF_KIND(id, kind, amount) id ";" kind ";sub-1;2026-03-10T05:00:00Z;" amount "\n"
#define FIVE_OF(kind) OF_KIND("a", kind, "1") OF_KIND("b", kind, "1") OF_KIND("d", kind, "1") OF_KIND("e", kind, "1") OF_KIND("f", kind, "1")

/* Rows have a kind, which is their type and a property; those of kind `test` are skipped. */
static const char KIND_MAP[] = "id: Id\ntype: %s\nsubject: Account\ntime: At\ndata: {seconds: {column: Amount, as: number, decimal: ','}, tier: Kind}\n"
                               "skip: {Kind: [test]}\nformat: {csv: {delimiter: ';'}}\n";

static struct fixture *new_guarded(void)
{
    struct fixture *f = new_fixture();
    f->source.guard.shrink_percent = 20;
    f->catalog = f->world->catalog;
    return f;
}

static struct fixture *new_of_kinds(const char *type)
{
    char map[sizeof(KIND_MAP) + 20];
    struct mtr_diagnostic diagnostic;
    struct fixture *f = new_guarded();
    mtr_import_map_release(&f->source.map);
    snprintf(map, sizeof(map), KIND_MAP, type);
    if (mtr_import_map_parse(mtr_str_from(map), &f->source.map, &diagnostic)) fail_msg("%s", diagnostic.text);
    return f;
}

static void read_later(struct fixture *f, const char *page)
{
    f->world->now_us += 86400 * MTR_US_PER_SECOND;
    read_pages(f, (const char *const[]){page}, 1);
}

/* One row of six is most of the money. It is there, and its quantity can be read; but it would be held, refused, skipped or filtered. What a
 * catalog does not know is said as often as one likes, and what is skipped or filtered is meant. */
static void test_quantity_that_would_not_count_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *type, *before, *now;
        bool is_taken_again;
    } cases[] = {
        {"Kind", KIND_HEAD FIVE_OF("cpu") OF_KIND("c", "cpu", "100"), KIND_HEAD FIVE_OF("cpu") OF_KIND("c", "CPU", "100"), false},
        {"=cpu", KIND_HEAD FIVE_OF("x") OF_KIND("c", "x", "100"), KIND_HEAD FIVE_OF("x") "c;x;nobody;2026-03-10T05:00:00Z;100\n", false},
        {"=cpu", KIND_HEAD FIVE_OF("x") OF_KIND("c", "x", "100"), KIND_HEAD FIVE_OF("x") "c;x;rival-1;2026-03-10T05:00:00Z;100\n", false},
        {"=cpu", KIND_HEAD FIVE_OF("x") OF_KIND("c", "x", "100"), KIND_HEAD FIVE_OF("x") OF_KIND("c", "test", "100"), true},
        {"=gpu", KIND_HEAD FIVE_OF("paid") OF_KIND("c", "paid", "100"), KIND_HEAD FIVE_OF("paid") OF_KIND("c", "Paid", "100"), true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture *f = new_of_kinds(cases[i].type);
        read_later(f, cases[i].before);
        assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
        for (int look = 0; look < 3; look++) {
            read_later(f, cases[i].now);
            const bool is_taken = look && cases[i].is_taken_again;
            if (f->verdict.alarm != (is_taken ? MTR_ALARM_NONE : MTR_ALARM_SUSPECT)) fail_msg("case %zu, look %d: %s", i, look, f->verdict.problem);
        }
        if (!cases[i].is_taken_again) check_log(f, "a=1 b=1 d=1 e=1 f=1 c=100 ");
        free_fixture(f);
    }
}

/* Of three accounts two are unknown. Most of what counts goes, and is few among what is held. */
static void test_what_is_held_hides_nothing(void **state)
{
    (void)state;
    char before[2000] = HEAD, now[2000] = HEAD;
    for (int i = 0; i < 40; i++) {
        snprintf(before + strlen(before), 60, "h%d;nobody;2026-03-10T05:00:00Z;9\n", i);
        snprintf(now + strlen(now), 60, "h%d;nobody;2026-03-10T05:00:00Z;9\n", i);
    }
    for (int i = 0; i < 5; i++) snprintf(before + strlen(before), 60, "c%d;sub-1;2026-03-10T05:00:00Z;1\n", i);
    snprintf(now + strlen(now), 60, "c0;sub-1;2026-03-10T05:00:00Z;1\n");
    struct fixture *f = new_guarded();
    read_later(f, before);
    read_later(f, now);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
    assert_non_null(strstr(f->verdict.problem, "1 of its rows would count, where 5 did"));
    read_later(f, now);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    free_fixture(f);
}

/* A vendor that gives whole days for hours: rows that other windows have lend this one nothing. */
static void test_rows_of_other_windows_hide_nothing(void **state)
{
    (void)state;
#define AT(id, hour, account, amount) id ";" account ";2026-03-10T0" hour ":30:00Z;" amount "\n"
#define THREE AT("x", "1", "sub-1", "50") AT("y", "2", "sub-1", "50") AT("z", "3", "sub-1", "50")
    static const char *const day = HEAD THREE AT("a", "5", "sub-1", "1") AT("b", "5", "sub-1", "9");
    static const char *const other[] = {HEAD THREE AT("a", "5", "nobody", "1") AT("b", "5", "nobody", "9"),
                                        HEAD THREE AT("a", "5", "sub-1", "none") AT("b", "5", "sub-1", "none"),
                                        HEAD THREE AT("a", "5", "sub-1", "1") AT("b", "5", "sub-1", "0"),
                                        HEAD THREE AT("b", "5", "sub-1", "10"), /* as much, in fewer rows */
                                        HEAD THREE AT("a", "5", "nobody", "1") AT("b", "5", "sub-1", "10")};
    for (int i = 0; i < 5; i++) {
        struct fixture *f = new_guarded();
        const int64_t day_us = f->window.from_us;
        for (int hour = 1; hour <= 5; hour++) {
            if (hour == 4) continue;
            f->window = (struct mtr_window){day_us + hour * MTR_US_PER_HOUR, day_us + (hour + 1) * MTR_US_PER_HOUR};
            read_later(f, day);
        }
        read_later(f, other[i]);
        if (f->verdict.alarm != MTR_ALARM_SUSPECT) fail_msg("case %d", i);
        check_log(f, "x=50 y=50 z=50 a=1 b=9 ");
        free_fixture(f);
    }
#undef AT
#undef THREE
}

/* The line at the end of each export that nobody can read, and no other: it is no usage. */
static void test_a_line_that_cannot_be_read_is_no_row(void **state)
{
    (void)state;
    static const char *const day = HEAD ROW("a", "1") ROW("b", "2") "Total\n", *const outage = HEAD "Total\n";
    struct fixture *f = new_guarded();
    read_later(f, day);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    f->window = (struct mtr_window){f->window.to_us, f->window.to_us + MTR_US_PER_DAY};
    read_later(f, outage);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
    assert_non_null(strstr(f->verdict.problem, "there is no row that counts, where 2 are usual"));
    read_later(f, outage);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    free_fixture(f);
}

static struct mtr_ledger_total total_of(struct fixture *f)
{
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_total total;
    assert_int_equal(mtr_ledger_begin(f->ledger, false, &txn), 0);
    assert_int_equal(mtr_ledger_total(txn, &strand, f->window.from_us, f->window.to_us, &total), 0);
    mtr_ledger_abort(txn);
    return total;
}

/* Whose map cannot read anything: its rows are in quarantine, to be replayed, and who waits for what the vendor has of it still does. */
static void test_a_window_of_which_nothing_can_be_read_is_waited_for(void **state)
{
    (void)state;
    static const char *const pages[] = {HEAD ROW("a", "none") ROW("b", "none"), HEAD OF("a", "rival-1", "1") OF("b", "rival-1", "2")},
                      *const known[] = {HEAD ROW("a", "1") ROW("b", "none"), HEAD OF("a", "nobody", "1"), HEAD OF("a", "ended", "1"), HEAD};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 4; k++) {
            struct fixture *f = new_guarded();
            for (int look = 0; look < 2; look++) {
                read_later(f, pages[i]);
                assert_int_equal(f->verdict.state, MTR_WINDOW_COMPLETE);
                assert_int_equal(window_of(f).refused, 2);
                assert_true(total_of(f).windows == 1 && !total_of(f).whole);
            }
            f->source.guard.shrink_percent = 100;
            read_later(f, known[k]);
            assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
            assert_int_equal(total_of(f).whole, 1);
            free_fixture(f);
        }
}

/* A feed goes on behind what it has taken, and is not replayed: it does not begin with what nobody can read. Later such rows are some among
 * others, and hold nothing up. */
static void test_a_feed_does_not_begin_with_what_cannot_be_read(void **state)
{
    (void)state;
    static const char *const wrong = HEAD ROW("a", "none") ROW("b", "none"), *const well = HEAD ROW("a", "1") ROW("b", "2"),
                      *const later = HEAD ROW("c", "none");
    struct fixture *f = new_guarded();
    f->source.delivery = MTR_DELIVERY_APPEND;
    f->source.window.length = MTR_LENGTH_CURSOR;
    f->window = (struct mtr_window){0, 0};
    for (int look = 0; look < 3; look++) {
        read_later(f, wrong);
        assert_int_equal(f->verdict.state, MTR_WINDOW_INCOMPLETE);
        assert_non_null(strstr(f->verdict.problem, "the feed begins when some can"));
    }
    read_later(f, well);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    check_log(f, "a=1 b=2 ");
    read_later(f, later);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    check_log(f, "a=1 b=2 !=! ");
    free_fixture(f);
}

/* The tenth of March is the third of October, or seconds are read as milliseconds: the rows are there, and count for nobody. A late row, or one
 * of a subscription that has ended, is a row. */
static void test_rows_of_another_date_take_nothing_away(void **state)
{
    (void)state;
#define ON(date) HEAD "a;sub-1;" date "T05:00:00Z;1\n" "b;sub-1;" date "T05:00:00Z;2\n"
    static const char *const well = ON("2026-03-10"), *const dates[] = {ON("2026-10-03"), ON("1970-01-21")}, *const late = ON("2026-02-10"),
                      *const ended = HEAD "a;ended;2026-03-10T05:00:00Z;1\n" "b;sub-1;2026-03-10T05:00:00Z;2\n";
    for (int i = 0; i < 2; i++) {
        struct fixture *f = new_guarded();
        read_later(f, well);
        for (int look = 0; look < 4; look++) {
            read_later(f, dates[i]);
            if (f->verdict.alarm != MTR_ALARM_SUSPECT) fail_msg("%d, look %d: %s", i, look, f->verdict.problem);
        }
        check_log(f, "a=1 b=2 ");
        free_fixture(f);
    }
    for (int i = 0; i < 2; i++) {
        struct fixture *f = new_guarded();
        read_later(f, i ? late : ended);
        assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
        free_fixture(f);
    }
#undef ON
}

/* A draft goes on growing, and what was accepted of it is not that it counts nothing. */
static void test_a_draft_confirms_no_other_doubt_by_rows_that_would_not_count(void **state)
{
    (void)state;
    static const char *const full = KIND_HEAD FIVE_OF("paid"), *const fewer = KIND_HEAD OF_KIND("a", "paid", "1") OF_KIND("b", "paid", "1"),
                      *const mute = KIND_HEAD OF_KIND("a", "Paid", "1") OF_KIND("b", "Paid", "1");
    struct fixture *f = new_of_kinds("=gpu");
    char problem[MTR_LEDGER_PROBLEM_BYTES_MAX];
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_window window;
    f->is_draft = true;
    f->window.to_us = f->window.from_us + 100 * MTR_US_PER_DAY;
    read_later(f, full);
    read_later(f, fewer);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
    assert_int_equal(mtr_ledger_begin(f->ledger, true, &txn), MTR_OK);
    assert_int_equal(mtr_ledger_get_window(txn, &strand, f->window.from_us, &window), MTR_OK);
    memcpy(problem, window.problem.data, window.problem.size);
    window.problem.data = problem;
    window.agreed = VERDICT_ACCEPTED;
    assert_int_equal(mtr_ledger_put_window(txn, &strand, &window), MTR_OK);
    assert_int_equal(mtr_ledger_commit(txn), MTR_OK);
    read_later(f, mute);
    assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
    check_log(f, "a=1 b=1 d=1 e=1 f=1 ");
    free_fixture(f);
}

/* Of for_each: a vendor that does not heed whom it is asked for gives all rows to each request, and they would count as often. A row is that
 * request's whose subject it has, whether it has read the window or not; of a subject that nobody asks for any more, the window's that has it. */
static void test_rows_of_another_request_wait(void **state)
{
    (void)state;
    static const char *const own[] = {HEAD OF("a", "sub-1", "1"), HEAD OF("b", "leaving", "2")},
                      *const both = HEAD OF("a", "sub-1", "1") OF("b", "leaving", "2"), *const others = HEAD OF("b", "leaving", "2") OF("c", "nobody", "2");
    static const struct mtr_str values[] = {{"sub-1", 5}, {"leaving", 7}};
    for (int is_first = 0; is_first < 4; is_first++) {
        struct fixture *f = new_guarded();
        const bool is_known = is_first / 2; /* who is asked for; else what is there alone tells */
        const int one = is_first % 2, other = 1 - one;
        f->source.each = (struct mtr_source_each){.kind = MTR_EACH_VALUE, .values = values, .value_count = is_known ? 2 : 0};
        for (int look = 0; look < 3; look++) {
            f->each = values[one];
            read_later(f, both);
            assert_int_equal(f->verdict.alarm, is_known ? MTR_ALARM_SUSPECT : MTR_ALARM_NONE);
            f->each = values[other];
            read_later(f, both);
            assert_int_equal(f->verdict.alarm, MTR_ALARM_SUSPECT);
            assert_non_null(strstr(f->verdict.problem, "are among its own, which another request of `for_each` asks for"));
            check_log(f, is_known ? "" : "a=1 b=2 ");
        }
        for (int i = 0; i < 2 && is_known; i++) {
            f->each = values[i];
            read_later(f, own[i]);
            assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
        }
        check_log(f, "a=1 b=2 ");
        free_fixture(f);
    }
    struct fixture *f = new_guarded();
    f->each = values[1];
    read_later(f, others); /* accounts that nobody is asked for are some of its own */
    assert_int_equal(f->verdict.alarm, MTR_ALARM_NONE);
    check_log(f, "b=2 c=2 ");
    free_fixture(f);
}

/* On a day on which one account has rows, its own request has no others; those that have none of their own have them all the same. */
static void test_an_account_without_rows_takes_none_of_another_one(void **state)
{
    (void)state;
    static const char *const rows = HEAD OF("b", "leaving", "2");
    static const struct mtr_str values[] = {{"a", 1}, {"leaving", 7}, {"z", 1}};
    for (int first = 0; first < 3; first++) {
        struct fixture *f = new_guarded();
        f->source.each = (struct mtr_source_each){.kind = MTR_EACH_VALUE, .values = values, .value_count = 3};
        for (int i = 0; i < 3; i++) {
            f->each = values[(first + i) % 3];
            read_later(f, rows);
            assert_int_equal(f->verdict.alarm, (first + i) % 3 == 1 ? MTR_ALARM_NONE : MTR_ALARM_SUSPECT);
        }
        check_log(f, "b=2 ");
        free_fixture(f);
    }
}

enum { CROWD = 1500 };

/* Rows of accounts `a`0000, `a`0001 …: `first` and those behind it. */
static void add_crowd(char *page, const char *a, int first, int count)
{
    char *end = page + strlen(page);
    for (int i = first; i < first + count; i++) end += snprintf(end, 48, "%s%04d;%s%04d;2026-03-10T05:00:00Z;1\n", a, i, a, i);
}

static void read_of_crowd(struct fixture *f, const char *each, const char *first, const char *second)
{
    const char *const pages[] = {first, second};
    f->each = mtr_str_from(each);
    f->world->now_us += 86400 * MTR_US_PER_SECOND;
    read_pages(f, pages, second ? 2 : 1);
}

/* Wherever its rows stand: on another page, behind any number of accounts that nobody is asked for; and where the ledger alone knows of it. Of
 * several the first by name is told, in whatever order they come. */
static void test_another_request_is_seen_among_many(void **state)
{
    (void)state;
    static char many[CROWD * 48] = HEAD, asked[CROWD * 48] = HEAD, both[2 * CROWD * 48] = HEAD;
    static char names[CROWD][8];
    static struct mtr_str values[CROWD + 3] = {{"m", 1}, {"a", 1}, {"z", 1}};
    static const char *const one = HEAD "y;z;2026-03-10T05:00:00Z;1\n", *const first = HEAD "x;a;2026-03-10T05:00:00Z;1\n";
    add_crowd(many, "h", 0, CROWD);
    add_crowd(asked, "v", 0, CROWD);
    add_crowd(both, "h", 0, CROWD);
    snprintf(both + strlen(both), 48, "x;a;2026-03-10T05:00:00Z;1\n");
    for (int i = 0; i < CROWD; i++) values[3 + i] = (struct mtr_str){names[i], (size_t)snprintf(names[i], sizeof(names[i]), "v%04d", i)};
    const struct {
        const char *first, *second, *has; /* whose window is there */
        uint32_t value_count;
        const char *other; /* NULL: all are its own */
    } cases[] = {
        {both, NULL, NULL, 2, "a"}, {many, first, NULL, 2, "a"},          {many, one, NULL, 3, "z"},
        {many, one, "z", 0, "z"},   {many, first, NULL, 0, NULL},         {asked, one, "z", 0, "z"},
        {many, one, NULL, 2, NULL}, {asked, first, NULL, CROWD + 3, "a"}, {asked, one, NULL, CROWD + 3, "v0000"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char other[40];
        struct fixture *f = new_guarded();
        f->source.guard.rows_max = 10000;
        if (cases[i].has) read_of_crowd(f, cases[i].has, one, NULL);
        f->source.each = (struct mtr_source_each){.kind = MTR_EACH_VALUE, .values = values, .value_count = cases[i].value_count};
        read_of_crowd(f, "m", cases[i].first, cases[i].second);
        snprintf(other, sizeof(other), "rows of `%s` are among", cases[i].other ? cases[i].other : "");
        if (!!cases[i].other != (f->verdict.alarm == MTR_ALARM_SUSPECT) || (cases[i].other && !strstr(f->verdict.problem, other)))
            fail_msg("case %zu: %s", i, f->verdict.problem);
        free_fixture(f);
    }
}

static bool is_item(void *context, struct mtr_str each) { return mtr_str_equal(each, mtr_str_from(context)); }

/* Of a list's items, by whoever asks for them. */
static void test_another_item_is_seen(void **state)
{
    (void)state;
    static const struct reading_end end = {.fault = MTR_ALARM_NONE};
    static char a[] = "a", z[] = "z", none[] = "none";
    for (int i = 0; i < 3; i++) {
        struct fixture *f = new_guarded();
        f->source.each = (struct mtr_source_each){.kind = MTR_EACH_ROW};
        f->each = MTR_STR("m");
        struct reading *reading = open_reading(f);
        assert_int_equal(feed_page(f, reading, MTR_STR(HEAD "x;a;2026-03-10T05:00:00Z;1\ny;m;2026-03-10T05:00:00Z;1\nw;z;2026-03-10T05:00:00Z;1\n")), 0);
        reading_tell_asked(reading, is_item, i == 0 ? a : i == 1 ? z : none);
        conclude(f, reading, &end);
        assert_int_equal(f->verdict.alarm, i < 2 ? MTR_ALARM_SUSPECT : MTR_ALARM_NONE);
        free_fixture(f);
    }
}

/* Of a subscription, by the catalog. */
static void test_another_subscription_is_seen_among_many(void **state)
{
    (void)state;
    static char many[CROWD * 48] = HEAD;
    add_crowd(many, "h", 0, CROWD);
    for (int i = 0; i < 2; i++) {
        struct fixture *f = new_guarded();
        f->source.guard.rows_max = 10000;
        f->source.each = (struct mtr_source_each){.kind = MTR_EACH_SUBSCRIPTION, .service = MTR_STR("compute")};
        read_of_crowd(f, "z", many, i ? HEAD OF("x", "sub-1", "1") : HEAD OF("x", "ended", "1"));
        assert_int_equal(f->verdict.alarm, i ? MTR_ALARM_SUSPECT : MTR_ALARM_NONE); /* its term is over */
        free_fixture(f);
    }
}

/* A window in pieces: what a piece brought that is read again is none of it. */
static void test_another_request_is_seen_in_each_piece(void **state)
{
    (void)state;
    static const struct reading_end end = {.fault = MTR_ALARM_NONE};
    static const struct mtr_str values[] = {{"m", 1}, {"a", 1}};
    static const char *const own = HEAD "x;m;2026-03-10T05:00:00Z;1\n", *const others = HEAD "y;a;2026-03-10T05:00:00Z;1\n",
                      *const pages[][3] = {{others, own, own}, {own, own, others}, {own, others, own}};
    for (int i = 0; i < 3; i++) {
        const char *fault;
        struct fixture *f = new_guarded();
        f->source.each = (struct mtr_source_each){.kind = MTR_EACH_VALUE, .values = values, .value_count = 2};
        f->each = values[0];
        const struct mtr_window begin = {f->window.from_us, f->window.from_us + 12 * MTR_US_PER_HOUR}, rest = {begin.to_us, f->window.to_us};
        struct reading *reading = open_reading(f);
        assert_int_equal(feed_page(f, reading, mtr_str_from(pages[i][0])), 0);
        reading_drop_piece(reading);
        assert_int_equal(reading_begin_piece(reading, begin, &fault), 0);
        assert_int_equal(feed_page(f, reading, mtr_str_from(pages[i][1])), 0);
        reading_end_piece(reading, false);
        assert_int_equal(reading_begin_piece(reading, rest, &fault), 0);
        assert_int_equal(feed_page(f, reading, mtr_str_from(pages[i][2])), 0);
        conclude(f, reading, &end);
        assert_int_equal(f->verdict.alarm, i ? MTR_ALARM_SUSPECT : MTR_ALARM_NONE);
        free_fixture(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantity_that_would_not_count_is_none),
        cmocka_unit_test(test_what_is_held_hides_nothing),
        cmocka_unit_test(test_rows_of_other_windows_hide_nothing),
        cmocka_unit_test(test_a_line_that_cannot_be_read_is_no_row),
        cmocka_unit_test(test_a_window_of_which_nothing_can_be_read_is_waited_for),
        cmocka_unit_test(test_a_feed_does_not_begin_with_what_cannot_be_read),
        cmocka_unit_test(test_rows_of_another_request_wait),
        cmocka_unit_test(test_an_account_without_rows_takes_none_of_another_one),
        cmocka_unit_test(test_another_request_is_seen_among_many),
        cmocka_unit_test(test_another_item_is_seen),
        cmocka_unit_test(test_another_subscription_is_seen_among_many),
        cmocka_unit_test(test_another_request_is_seen_in_each_piece),
        cmocka_unit_test(test_rows_of_another_date_take_nothing_away),
        cmocka_unit_test(test_a_draft_confirms_no_other_doubt_by_rows_that_would_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
