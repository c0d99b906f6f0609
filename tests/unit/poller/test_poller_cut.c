/*
 * A ledger beside a log whose beginning retention has removed takes nothing back that is gone. One that is made anew of
 * such a log: a window of whose rows a part is gone stands as it is, whatever the vendor says of it later, and is told of;
 * one of which the log has all goes on. Nothing counts twice.
 */
#include "tests/support/source/poller_world.h"

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 1h}\n"
                             "    window: {%s}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, query: {day: '{from:%%Y-%%m-%%d}'}}\n"
                             "    format: {csv: {delimiter: ';'}}\n"
                             "    identity: {id: Id}\n"
                             "    guard: {shrink: %s, jump: 0}\n"
                             "    map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}\n";
#define DAYS "length: day, start: 2026-03-09, rereads: [1d, 2d, 3d]"

enum { EVENTS_MAX = 4000, DAY_ROWS_MAX = 26 };

/* Of each day from the 9th on, what its rows are: a letter and a digit each, "a1b2"; one with a capital letter is the
 * same row on each of them. Who asks from the first on is
 * asking for March. */
struct vendor {
    const char *days[4];
    uint32_t asked;
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    const char *date = strstr(url, "day=") + strlen("day=");
    const int first = atoi(date + strlen("2026-03-")) - 9, last = first < 0 ? 3 : first;
    int rc = mtr_buffer_printf(reply->body, "Id;Account;At;Amount\n");
    vendor->asked++;
    for (int day = first < 0 ? 0 : first; day <= last && day < 4 && !strncmp(date, "2026-03", 7); day++)
        for (const char *row = vendor->days[day]; !rc && row && *row; row += 2)
            rc = mtr_buffer_printf(reply->body, "%c%02d;sub-1;2026-03-%02dT05:00:00Z;%c\n", row[0], row[0] < 'a' ? 0 : day + 9, day + 9, row[1]);
    assert_int_equal(rc, 0);
}

/* ---- the whole log, also what retention has removed ---- */

struct kept {
    uint64_t last_seq;
    uint32_t segments, removed;
    uint8_t is_voided[EVENTS_MAX];
    struct counted_row rows[EVENTS_MAX]; /* by sequence; an empty id: no row */
};

static void keep(struct poller_world *w, struct kept *kept)
{
    struct mtr_log_reader *reader;
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    uint64_t begin_seq = 1;
    assert_int_equal(mtr_log_reader_attach(w->world->log, &reader), 0);
    if (!mtr_log_read(reader, 1, &header, &events, &diagnostic)) begin_seq = header.first_seq;
    while (kept->last_seq < mtr_log_last_seq(w->world->log)) {
        assert_int_equal(mtr_log_read(reader, kept->last_seq + 1, &header, &events, &diagnostic), 0);
        for (uint32_t i = 0; i < header.count; i++) {
            const uint64_t seq = header.first_seq + i;
            assert_true(seq < EVENTS_MAX);
            if (events[i].disposition == MTR_DISPOSITION_VOID) {
                assert_false(kept->is_voided[events[i].target_seq]++);
                assert_true(events[i].target_seq >= begin_seq); /* nothing would come of it */
            }
            if (events[i].disposition != MTR_DISPOSITION_NORMAL || !mtr_str_equal(events[i].source, MTR_STR("meterd:usage"))) continue;
            snprintf(kept->rows[seq].id, sizeof(kept->rows[seq].id), "%.3s", events[i].id.data);
            mtr_decimal_format(events[i].properties[0].number, kept->rows[seq].number);
        }
        kept->last_seq = header.first_seq + header.count - 1;
    }
    mtr_log_reader_close(reader);
}

/* "a09=1 b09=2 " of what counts, by id. */
static void check(struct poller_world *w, struct kept *kept, const char *expected)
{
    static struct counted_row rows[EVENTS_MAX];
    char text[2000] = "";
    size_t count = 0;
    keep(w, kept);
    for (uint64_t seq = 1; seq <= kept->last_seq; seq++)
        if (kept->rows[seq].id[0] && !kept->is_voided[seq]) rows[count++] = kept->rows[seq];
    qsort(rows, count, sizeof(rows[0]), compare_counted);
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.20s=%.20s ", rows[i].id, rows[i].number);
    assert_string_equal(text, expected);
}

/* What the log has so far is in segments that retention may take. */
static void end_segment(struct poller_world *w, struct kept *kept)
{
    const struct mtr_log_identity none[1] = {{{0, 0}, 0, 0, 0}};
    assert_int_equal(mtr_log_roll(w->world->log, w->world->now_us), 0);
    assert_int_equal(mtr_log_seal(w->world->log, ++kept->segments, none, 0), 0);
}

/* Retention takes them. */
static void retain(struct poller_world *w, struct kept *kept)
{
    uint32_t removed;
    keep(w, kept);
    assert_int_equal(mtr_log_retain(w->world->log, w->world->now_us + 1, UINT64_MAX, &removed), 0);
    kept->removed += removed;
    assert_int_equal(kept->removed, kept->segments);
}

/* And the ledger is made anew. */
static void forget(struct poller_world *w, struct kept *kept)
{
    retain(w, kept);
    poller_world_crash(w, true);
}

static struct poller_world *new_world_of(struct vendor *vendor, const char *window, const char *shrink)
{
    char text[2000];
    struct poller_world *w = new_poller_world();
    vendor->asked = 0;
    w->answer = answer;
    w->context = vendor;
    snprintf(text, sizeof(text), SOURCE, window, shrink);
    apply(w->world, text);
    return w;
}

static void check_cut(struct poller_world *w, const char *start, enum mtr_window_state state, bool is_cut, uint64_t rows)
{
    const struct mtr_ledger_window window = window_of(w, "usage", "", start);
    if (window.state != state || window.is_cut != is_cut || window.rows != rows || window.refused)
        fail_msg("%s: state %d, %s, %d rows", start, (int)window.state, window.is_cut ? "cut" : "whole", (int)window.rows);
}

/* ---- a ledger that knows what is gone ---- */

static void note_done(struct mtr_given_file *file) { *(bool *)file->context = true; }

/* The file of the 9th's window; what came of it. */
static enum mtr_given_result give(struct poller_world *w, const char *csv, struct mtr_given_file *file)
{
    bool is_done = false;
    *file = (struct mtr_given_file){.vendor = MTR_STR("acme"), .source = MTR_STR("usage"), .each = MTR_STR(""), .bytes = mtr_str_from(csv),
                                    .window = {instant("2026-03-09T00:00:00Z"), instant("2026-03-10T00:00:00Z")},
                                    .is_accepted = true, .context = &is_done, .on_done = note_done};
    assert_true(mtr_poller_give(w->poller, file));
    poller_world_run(w);
    assert_true(is_done);
    return file->result;
}

/* The 9th was read before the cut, and again behind it, the 10th behind it alone. The ledger has the runs of both. */
static void test_rows_that_are_gone_are_not_taken_back(void **state)
{
    (void)state;
    static const struct {
        const char *before, *behind, *tenth;
        bool stands;
        const char *expected;
    } rows[] = {
        {"a1b2c3", "a1b2c3", "x1", false, "a09=1 b09=2 c09=3 x10=1 "},
        {"a1b2c3", "a9b2c3", "x1", true, "a09=1 b09=2 c09=3 x10=1 "},
        {"a1b2c3", "a1b2", "x1", true, "a09=1 b09=2 c09=3 x10=1 "},
        {"a1b2c3", "", "x1", true, "a09=1 b09=2 c09=3 x10=1 "},
        {"a1b2c3", "a9b2c3d4", "x1", true, "a09=1 b09=2 c09=3 x10=1 "}, /* as one: nothing of it is taken */
        {"a1b2c3", "a1b2c3d4", "x1", false, "a09=1 b09=2 c09=3 d09=4 x10=1 "}, /* new ones take nothing back */
        {"a1M2", "a1M2", "x1M5", false, "M00=2 a09=1 x10=1 "}, /* it has moved, and stays where it cannot be taken back */
    };
    static struct mtr_source_status status;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct kept *kept = calloc(1, sizeof(*kept));
        struct vendor vendor = {.days = {rows[i].before}};
        struct poller_world *w = new_world_of(&vendor, DAYS, "100%");
        poller_world_at(w, w->world->now_us);
        end_segment(w, kept);
        assert_int_equal(send_rows(w->world, &plain, 1)->results[0].code, MTR_RESULT_ACCEPTED);
        free_answers(w->world);
        retain(w, kept);
        vendor.days[0] = rows[i].behind;
        vendor.days[1] = rows[i].tenth;
        poller_world_at(w, instant("2026-03-11T06:00:00Z"));
        check(w, kept, rows[i].expected);
        check_cut(w, "2026-03-09T00:00:00Z", rows[i].stands ? MTR_WINDOW_INCOMPLETE : MTR_WINDOW_COMPLETE, false, strlen(rows[i].expected) / 6 - 1);
        assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), MTR_STR("usage"), &status));
        assert_int_equal(status.alarm_count, rows[i].stands);
        if (rows[i].stands) assert_non_null(strstr(status.alarms[0].text, "retention has removed what the log had of them"));
        vendor.days[0] = rows[i].before; /* as it was: that can be said of it */
        poller_world_at(w, instant("2026-03-12T06:00:00Z"));
        if (rows[i].stands) check_cut(w, "2026-03-09T00:00:00Z", MTR_WINDOW_COMPLETE, false, 3);
        if (rows[i].stands) check(w, kept, rows[i].expected);
        free_poller_world(w);
        free(kept);
    }
}

static void test_a_file_takes_nothing_back_that_is_gone(void **state)
{
    (void)state;
    struct mtr_given_file file;
    struct kept *kept = calloc(1, sizeof(*kept));
    struct vendor vendor = {.days = {"a1b2"}};
    struct poller_world *w = new_world_of(&vendor, DAYS, "100%");
    poller_world_at(w, w->world->now_us);
    end_segment(w, kept);
    assert_int_equal(send_rows(w->world, &plain, 1)->results[0].code, MTR_RESULT_ACCEPTED);
    free_answers(w->world);
    retain(w, kept);
    assert_int_equal(give(w, "Id;Account;At;Amount\na09;sub-1;2026-03-09T05:00:00Z;7\n", &file), MTR_GIVEN_NOT_TAKEN);
    assert_non_null(strstr(file.text, "retention has removed what the log had of them: it stands as it is"));
    check(w, kept, "a09=1 b09=2 ");
    free_poller_world(w);
    free(kept);
}

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
        cmocka_unit_test(test_rows_that_are_gone_are_not_taken_back),
        cmocka_unit_test(test_a_file_takes_nothing_back_that_is_gone),
        cmocka_unit_test(test_a_window_that_was_read_before),
        cmocka_unit_test(test_a_reading_whose_first_parts_are_gone),
        cmocka_unit_test(test_a_window_that_waits),
        cmocka_unit_test(test_a_window_that_is_open),
        cmocka_unit_test(test_a_file_of_what_is_gone),
        cmocka_unit_test(test_a_list_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
