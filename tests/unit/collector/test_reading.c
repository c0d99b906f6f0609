/*
 * A reading from the bytes of its pages to the log: rows of every page, in whatever pieces they come; a row
 * that cannot be mapped is kept with its bytes and is tried again; what proves that the reading is whole; and
 * that nothing is taken of one which is not.
 */
#include "tests/support/intake_world.h"

#include "collector/source/reading/ledger_fold.h"
#include "collector/source/reading/reading.h"
#include "tests/support/random.h"

static const char MAP[] = "id: Id\ntype: =cpu\nsubject: Account\ntime: At\ndata: {seconds: {column: Amount, as: number, decimal: ','}}\n"
                          "format: {csv: {delimiter: ';'}}\n";
static const struct mtr_strand strand = {{"acme", 4}, {"usage", 5}, {NULL, 0}};

struct fixture {
    struct world *world;
    struct mtr_ledger *ledger;
    struct mtr_log_reader *reader;
    struct ledger_fold *fold;
    struct mtr_source source;
    const struct mtr_subscription *subscription;
    struct mtr_window window;
    char directory[80], pages[80];
    uint64_t number;
    struct random_source random;
    struct verdict verdict;
    struct reading_counts counts;
};

static struct fixture *new_fixture(void)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct mtr_diagnostic diagnostic = {0};
    f->world = new_world();
    snprintf(f->directory, sizeof(f->directory), "%s/intake", f->world->directory);
    snprintf(f->pages, sizeof(f->pages), "%s/pages", f->world->directory);
    if (mtr_ledger_open(f->directory, false, &f->ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(mtr_log_reader_attach(f->world->log, &f->reader), 0);
    assert_int_equal(ledger_fold_open(f->reader, f->ledger, KEY, &f->fold), 0);
    if (mtr_import_map_parse(mtr_str_from(MAP), &f->source.map, &diagnostic)) fail_msg("%s", diagnostic.text);
    f->source.guard = (struct mtr_source_guard){.shrink_percent = 100, .rows_max = 1000, .agree = 2, .every_us = 600 * MTR_US_PER_SECOND};
    f->source.answer.bytes_max = 1 << 20;
    f->source.complete.agree = 1;
    f->window = (struct mtr_window){instant("2026-03-10T00:00:00Z"), instant("2026-03-11T00:00:00Z")};
    return f;
}

static void free_fixture(struct fixture *f)
{
    ledger_fold_close(f->fold);
    mtr_log_reader_close(f->reader);
    mtr_ledger_close(f->ledger);
    mtr_import_map_release(&f->source.map);
    free_world(f->world);
    free(f);
}

static struct reading *open_reading(struct fixture *f)
{
    struct reading *reading;
    const char *fault;
    const struct reading_ask ask = {.source = &f->source, .strand = strand, .subscription = f->subscription, .window = f->window, .number = ++f->number,
                                    .log = f->world->log, .began_us = f->world->now_us, .event_key = KEY, .pages = f->pages, .events_max = 4};
    int rc = reading_open(&ask, &reading, &fault);
    if (rc) fail_msg("%s", fault);
    return reading;
}

/* A page in pieces at random. */
static int feed_page(struct fixture *f, struct reading *reading, struct mtr_str page)
{
    int rc = reading_begin_page(reading);
    while (!rc && page.size) {
        const size_t size = 1 + (size_t)random_below(&f->random, page.size);
        rc = reading_feed(reading, (struct mtr_str){page.data, size});
        page = (struct mtr_str){page.data + size, page.size - size};
    }
    return rc ? rc : reading_end_page(reading);
}

static void send(struct fixture *f, struct mtr_request *request)
{
    struct mtr_diagnostic diagnostic;
    assert_int_equal(mtr_intake_submit(f->world->intake, request), 0);
    step(f->world);
    assert_int_equal(request->error, 0);
    assert_int_equal(ledger_fold_blocks(f->fold, &(uint64_t){mtr_log_last_seq(f->world->log)}, 1, &diagnostic), 0);
    free_answers(f->world);
}

static void conclude(struct fixture *f, struct reading *reading, const struct reading_end *end)
{
    struct mtr_request *request;
    bool is_last = false;
    assert_int_equal(reading_check(reading, f->ledger, end, &f->verdict), 0);
    if (f->verdict.alarm) {
        assert_int_equal(reading_note(reading, &f->verdict, &request), 0);
        send(f, request);
    }
    while (!f->verdict.alarm && !is_last) {
        assert_int_equal(reading_part(reading, (struct mtr_str){NULL, 0}, &request, &is_last), 0);
        send(f, request);
    }
    f->counts = reading_counts_of(reading);
    reading_close(reading);
}

static void read_pages(struct fixture *f, const char *const *pages, int count)
{
    static const struct reading_end end = {.fault = MTR_ALARM_NONE};
    struct reading *reading = open_reading(f);
    for (int i = 0; i < count; i++)
        if (feed_page(f, reading, mtr_str_from(pages[i]))) fail_msg("%s", reading_fault(reading));
    conclude(f, reading, &end);
}

/* What counts in the log, as "row-id=quantity " in the order of sequences. */
static void write_log(struct fixture *f, char *out, size_t room)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    const uint64_t last = mtr_log_last_seq(f->world->log);
    uint8_t *voided = calloc(last + 1, 1);
    out[0] = '\0';
    for (int pass = 0; pass < 2; pass++)
        for (uint64_t seq = 1; seq <= last; seq = header.first_seq + header.count) {
            assert_int_equal(mtr_log_read(f->reader, seq, &header, &events, &diagnostic), 0);
            for (uint32_t i = 0; i < header.count; i++) {
                const struct mtr_event *event = &events[i];
                const uint64_t at = header.first_seq + i;
                if (event->disposition == MTR_DISPOSITION_VOID) voided[event->target_seq] = 1;
                if (!pass || voided[at] || (event->disposition != MTR_DISPOSITION_NORMAL && event->disposition != MTR_DISPOSITION_REFUSED)) continue;
                struct mtr_str own;
                if (!read_row_own_id(event->id, &own)) own = event->id; /* of a feed */
                char number[MTR_DECIMAL_TEXT_BYTES] = "!";
                if (event->disposition == MTR_DISPOSITION_NORMAL) mtr_decimal_format(event->properties[0].number, number);
                const size_t size = strlen(out);
                snprintf(out + size, room - size, "%.*s=%s ", event->disposition == MTR_DISPOSITION_REFUSED ? 1 : (int)own.size, own.data, number);
            }
        }
    free(voided);
}

static void check_log(struct fixture *f, const char *expected)
{
    char text[1000];
    write_log(f, text, sizeof(text));
    assert_string_equal(text, expected);
}

#define HEAD "Id;Account;At;Amount\n"
#define ROW(id, amount) id ";sub-1;2026-03-10T05:00:00Z;" amount "\n"

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

static struct mtr_ledger_window window_of(struct fixture *f)
{
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_window window;
    assert_int_equal(mtr_ledger_begin(f->ledger, false, &txn), 0);
    assert_int_equal(mtr_ledger_get_window(txn, &strand, f->window.from_us, &window), 0);
    window.problem = MTR_STR("");
    mtr_ledger_abort(txn);
    return window;
}

/* Of one key and one content: one counts, and that there were more is told, wherever they stand. */
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
        read_pages(f, dollars, 1);
        f->world->now_us = f->window.to_us + 600 * MTR_US_PER_SECOND;
        for (int i = 0; i < 2; i++) {
            read_pages(f, cents, 1);
            assert_int_equal(f->verdict.alarm, i || is_draft ? MTR_ALARM_NONE : MTR_ALARM_SUSPECT);
            check_log(f, i || is_draft ? "a=125 b=200 " : "a=1.25 b=2 ");
            f->world->now_us += 600 * MTR_US_PER_SECOND;
        }
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
        cmocka_unit_test(test_what_is_not_whole_is_not_taken),
        cmocka_unit_test(test_what_would_vanish_waits),
        cmocka_unit_test(test_rows_of_a_page_are_known_again),
        cmocka_unit_test(test_a_suspect_may_change),
        cmocka_unit_test(test_what_would_jump_waits),
        cmocka_unit_test(test_an_empty_window_beside_full_ones_waits),
        cmocka_unit_test(test_a_page_that_cannot_be_read),
        cmocka_unit_test(test_rows_of_one_subscription),
        cmocka_unit_test(test_a_row_on_the_border_is_of_the_window_behind_it),
        cmocka_unit_test(test_a_feed_goes_on_behind_what_the_log_has),
        cmocka_unit_test(test_a_window_is_not_read_before_its_last_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
