/*
 * Parts of a large reading are folded together, beside what others fold: whatever comes between them, a crash, a
 * pause, another source's receipts, each row counts once, and the ledger is that which is folded of the log.
 */
#include "tests/support/source/poller_world.h"

#define SOURCE(key, window, query) \
    "  - key: " key "\n" \
    "    vendor: acme\n" \
    "    base_url: http://127.0.0.1:1\n" \
    "    schedule: {every: 1h}\n" \
    "    window: " window "\n" \
    "    auth: none\n" \
    "    request: {path: /" key ", query: " query "}\n" \
    "    format: {csv: {delimiter: ';'}}\n" \
    "    identity: {id: Id}\n" \
    "    guard: {shrink: 100%, jump: 0}\n" \
    "    map: {type: =cpu, subject: Account, time: {path: At, format: unix_s}, data: {seconds: Amount}}\n"
#define USAGE SOURCE("usage", "{length: day, start: 2026-03-02, rereads: [30d]}", "{day: '{from:%Y-%m-%d}'}")
#define OTHER SOURCE("other", "{length: hour, start: 2026-03-09}", "{hour: '{from:unix}'}")
static const char SOURCES[] = "sources:\n" USAGE OTHER;

enum { ROWS = 40, DAY_S = 86400, CONTENT_BYTES = 40000 };

/* A reading between two of its parts: its source is told to pause, the intake takes no more of it. */
enum ending { CRASHED, PAUSED, REFUSED };

struct vendor {
    struct poller_world *w;
    int amounts[2 * ROWS]; /* of the two first days; 0: it is not there */
    bool moves;            /* rows of the second day are the first one's */
    bool watches;
    uint32_t commits, works, at_commit, at_work;
    uint32_t partial; /* commits at which a window of the two days was known to be in parts */
    enum ending ends;
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const struct vendor *vendor = context;
    const bool is_usage = strstr(url, "/usage") != NULL;
    const long long hour_s = is_usage ? 0 : strtoll(strstr(url, "hour=") + 5, NULL, 10);
    const int day = strstr(url, "day=2026-03-02") ? 0 : strstr(url, "day=2026-03-03") ? 1 : 2;
    const long long begin_s = instant("2026-03-02T00:00:00Z") / MTR_US_PER_SECOND;
    int rc = mtr_buffer_printf(reply->body, "Id;Account;At;Amount\n");
    if (!is_usage) rc = mtr_buffer_printf(reply->body, "%lld;sub-1;%lld;1\n", hour_s, hour_s);
    for (int i = 0; !rc && is_usage && i < 2 * ROWS; i++) {
        const int of = vendor->moves ? 0 : i / ROWS;
        if (vendor->amounts[i] && of == day)
            rc = mtr_buffer_printf(reply->body, "r%02d;sub-1;%lld;%d\n", i, begin_s + of * DAY_S + 60 * i, vendor->amounts[i]);
    }
    assert_int_equal(rc, 0);
}

/* An operator, through the log as ever. */
static void tell(struct poller_world *w, enum mtr_source_action action)
{
    const struct mtr_source_control control = {.action = action, .vendor = MTR_STR("acme"), .source = MTR_STR("usage"), .who = MTR_STR("test")};
    const char *fault;
    uint64_t ticket;
    if (mtr_poller_control(w->poller, &control, w->world->now_us, &ticket, &fault)) fail_msg("%s", fault);
}

static bool is_partial(struct poller_world *w, const char *start)
{
    return window_of(w, "usage", "", start).state == MTR_WINDOW_PARTIAL;
}

static bool at_commit(void *context)
{
    struct vendor *vendor = context;
    vendor->partial += vendor->watches && (is_partial(vendor->w, "2026-03-02T00:00:00Z") || is_partial(vendor->w, "2026-03-03T00:00:00Z"));
    if (++vendor->commits != vendor->at_commit) return false;
    if (vendor->ends == PAUSED) tell(vendor->w, MTR_SOURCE_PAUSE);
    vendor->w->refuses = vendor->ends == REFUSED;
    return vendor->ends == CRASHED;
}

static bool at_work(void *context)
{
    struct vendor *vendor = context;
    return ++vendor->works == vendor->at_work;
}

static struct poller_world *new_world_of(struct vendor *vendor)
{
    struct poller_world *w = new_poller_world();
    *vendor = (struct vendor){.w = w};
    for (int i = 0; i < 2 * ROWS; i++) vendor->amounts[i] = 1 + i % 7;
    w->answer = answer;
    w->context = vendor;
    w->crashes = at_commit;
    w->crashes_at_work = at_work;
    w->events_max = 1;
    poller_world_crash(w, false);
    apply(w->world, SOURCES);
    return w;
}

static void check_rows(struct poller_world *w, const struct vendor *vendor)
{
    static char rows[CONTENT_BYTES], expected[CONTENT_BYTES];
    expected[0] = '\0';
    for (int i = 0; i < 2 * ROWS; i++)
        if (vendor->amounts[i]) snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "r%02d=%d ", i, vendor->amounts[i]);
    counted_rows(w, "usage", rows, sizeof(rows));
    assert_string_equal(rows, expected);
    counted_rows(w, "other", rows, sizeof(rows));
    for (char *at = rows; (at = strstr(at, "=")) != NULL; at++) assert_memory_equal(at, "=1 ", 3);
}

static int write_window(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    char *out = context;
    const size_t size = strlen(out);
    (void)each;
    snprintf(out + size, CONTENT_BYTES - size, "%lld: state %d, reading %llu of %u, rows %llu, changes %llu, log %llu to %llu, %lld %lld %lld\n",
             (long long)window->start_us, (int)window->state, (unsigned long long)window->reading, window->readings, (unsigned long long)window->rows,
             (unsigned long long)window->changes, (unsigned long long)window->seq_first, (unsigned long long)window->seq_last,
             (long long)window->first_us, (long long)window->last_us, (long long)window->noted_us);
    return 0;
}

/* Of both sources the windows, and the first two days' rows. */
static void write_ledger(struct poller_world *w, char *out)
{
    struct mtr_ledger_txn *txn;
    out[0] = '\0';
    assert_int_equal(mtr_ledger_begin(w->ledger, false, &txn), 0);
    for (int i = 0; i < 2; i++) {
        const struct mtr_strand strand = {MTR_STR("acme"), i ? MTR_STR("other") : MTR_STR("usage"), MTR_STR("")};
        assert_int_equal(mtr_ledger_walk_windows(txn, &strand, INT64_MIN, write_window, out), 0);
    }
    for (int day = 0; day < 2; day++) {
        const struct mtr_strand strand = {MTR_STR("acme"), MTR_STR("usage"), MTR_STR("")};
        struct mtr_run_cursor *cursor;
        const struct mtr_run_row *row;
        assert_int_equal(mtr_run_open(txn, &strand, instant("2026-03-02T00:00:00Z") + day * DAY_S * MTR_US_PER_SECOND, &cursor), 0);
        while (!mtr_run_next(cursor, NULL, &row)) {
            const size_t size = strlen(out);
            snprintf(out + size, CONTENT_BYTES - size, "%llx=%llu ", (unsigned long long)row->key.high, (unsigned long long)row->seq);
        }
        mtr_run_close(cursor);
    }
    mtr_ledger_abort(txn);
}

static void check_ledger(struct poller_world *w)
{
    static char live[CONTENT_BYTES], folded[CONTENT_BYTES];
    write_ledger(w, live);
    poller_world_crash(w, true);
    mtr_poller_hold(w->poller, true); /* it folds, and reads nothing */
    poller_world_run(w);
    mtr_poller_hold(w->poller, false);
    write_ledger(w, folded);
    assert_string_equal(live, folded);
}

/* Restated, gone, new and moved rows, in as many parts. */
static void restate(struct vendor *vendor)
{
    for (int i = 0; i < 2 * ROWS; i += 2) vendor->amounts[i] = i % 5 ? 9 : 0;
    vendor->moves = true;
}

static void read_again(struct poller_world *w)
{
    static const struct mtr_strand strand = {{"acme", 4}, {"usage", 5}, {NULL, 0}};
    const char *fault;
    const struct mtr_window days = {instant("2026-03-02T00:00:00Z"), instant("2026-03-04T00:00:00Z")};
    if (mtr_poller_ask(w->poller, &strand, days, false, &fault)) fail_msg("%s", fault);
    poller_world_run(w);
}

/* Until nothing is due any more, whatever was given up. */
static void end(struct poller_world *w, struct vendor *vendor)
{
    vendor->at_commit = vendor->at_work = 0;
    if (w->is_dead) poller_world_crash(w, false);
    for (int i = 0; i < 3; i++) poller_world_at(w, w->world->now_us + 2 * MTR_US_PER_HOUR);
    read_again(w);
    poller_world_at(w, w->world->now_us + 2 * MTR_US_PER_HOUR);
    check_rows(w, vendor);
    check_ledger(w);
}

static void test_parts_are_folded_together(void **state)
{
    struct vendor vendor;
    (void)state;
    struct poller_world *w = new_world_of(&vendor);
    poller_world_at(w, w->world->now_us);
    check_rows(w, &vendor);
    restate(&vendor);
    vendor.commits = vendor.works = 0;
    vendor.watches = true;
    read_again(w);
    vendor.watches = false;
    assert_true(vendor.commits > ROWS);
    assert_in_range(vendor.partial, vendor.commits - 4, vendor.commits); /* so nobody takes them for whole, from the first part on */
    assert_in_range(vendor.works, vendor.commits, vendor.commits + vendor.commits / 4); /* not as many folds as parts */
    end(w, &vendor);
    free_poller_world(w);
}

/* So many commits, or works of the pool, were done when it ended, at the latest. */
static uint32_t run_until(uint32_t at_commit_number, uint32_t at_work_number, enum ending ends)
{
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor);
    poller_world_at(w, w->world->now_us);
    restate(&vendor);
    vendor.commits = vendor.works = 0;
    vendor.at_commit = at_commit_number;
    vendor.at_work = at_work_number;
    vendor.ends = ends;
    read_again(w);
    const uint32_t done = at_work_number ? vendor.works : vendor.commits;
    if (ends != CRASHED) {
        assert_false(w->is_dead);
        check_ledger(w); /* it has what the log has */
        if (ends == PAUSED) tell(w, MTR_SOURCE_RESUME);
        poller_world_run(w);
    }
    end(w, &vendor);
    free_poller_world(w);
    return done;
}

static void test_crashes_at_each_commit(void **state)
{
    (void)state;
    for (uint32_t at = 1; run_until(at, 0, CRASHED) == at; at += 3) assert_true(at < 1000);
}

static void test_crashes_at_each_work(void **state)
{
    (void)state;
    for (uint32_t at = 1; run_until(0, at, CRASHED) == at; at += 5) assert_true(at < 1000);
}

/* The reading ends between its parts, and the poller goes on. */
static void test_readings_that_are_given_up(void **state)
{
    (void)state;
    for (uint32_t at = 1; at < ROWS; at += 3) {
        assert_in_range(run_until(at, 0, PAUSED), at + 1, at + 3);
        (void)run_until(at, 0, REFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_are_folded_together),
        cmocka_unit_test(test_crashes_at_each_commit),
        cmocka_unit_test(test_crashes_at_each_work),
        cmocka_unit_test(test_readings_that_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
