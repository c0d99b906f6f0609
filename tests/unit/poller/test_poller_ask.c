/*
 * Windows that somebody asks for by name, and those that were settled: they get their rows back from the log,
 * so what comes of a reading is the difference, as ever; and what retention has removed is not asked for.
 */
#include "tests/support/source/poller_world.h"

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 1h}\n"
                             "    window: {length: day, start: 2026-03-01%s}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, query: {day: '{from:%%Y-%%m-%%d}'}}\n"
                             "    format: {csv: {delimiter: ';'}}\n"
                             "    identity: {id: Id}\n"
                             "    guard: {shrink: 50%%, every: 10m}\n"
                             "    map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}\n";

#define HEAD "Id;Account;At;Amount\n"
#define ROW(id, account, amount) id ";" account ";2026-03-02T05:00:00Z;" amount "\n"

struct vendor {
    const char *day2; /* the rows of 2 March; other days have none */
    unsigned status;
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const struct vendor *vendor = context;
    const char *body = strstr(url, "day=2026-03-02") ? vendor->day2 : HEAD;
    reply->status = vendor->status;
    assert_int_equal(mtr_buffer_append(reply->body, body, strlen(body)), 0);
}

static void apply_source(struct poller_world *w, const char *rereads)
{
    char text[1000];
    snprintf(text, sizeof(text), SOURCE, rereads);
    apply(w->world, text);
}

static struct poller_world *new_world_of(struct vendor *vendor)
{
    struct poller_world *w = new_poller_world();
    *vendor = (struct vendor){.day2 = HEAD ROW("a", "sub-1", "1") ROW("b", "sub-1", "2") ROW("c", "rival-1", "3") ROW("d", "sub-1", "4"), .status = 200};
    w->answer = answer;
    w->context = vendor;
    apply_source(w, "");
    poller_world_at(w, w->world->now_us);
    return w;
}

static void check(struct poller_world *w, const char *expected)
{
    char rows[1000];
    counted_rows(w, "usage", rows, sizeof(rows));
    assert_string_equal(rows, expected);
}

static const struct mtr_strand strand = {{"acme", 4}, {"usage", 5}, {NULL, 0}};

static int ask(struct poller_world *w, const char *from, const char *to, const char **fault)
{
    return mtr_poller_ask(w->poller, &strand, (struct mtr_window){instant(from), instant(to)}, false, fault);
}

static void ask_day2(struct poller_world *w)
{
    const char *fault;
    if (ask(w, "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", &fault)) fail_msg("%s", fault);
    poller_world_at(w, w->world->now_us + 60 * MTR_US_PER_SECOND);
}

static void check_counts(struct poller_world *w, enum mtr_window_state state, uint64_t rows, uint64_t refused)
{
    const struct mtr_ledger_window window = window_of(w, "usage", "", "2026-03-02T00:00:00Z");
    assert_int_equal(window.state, state);
    assert_int_equal(window.rows, rows);
    assert_int_equal(window.refused, refused);
}

/* The ledger says the same when it is folded again. */
static void check_window(struct poller_world *w, enum mtr_window_state state, uint64_t rows, uint64_t refused)
{
    check_counts(w, state, rows, refused);
    poller_world_crash(w, true);
    poller_world_run(w);
    check_counts(w, state, rows, refused);
}

static void test_a_settled_window_is_read_again(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor);
    check(w, "a=1 b=2 d=4 ");
    check_window(w, MTR_WINDOW_SETTLED, 4, 1);
    const uint64_t before = mtr_log_last_seq(w->world->log);
    ask_day2(w); /* nothing is new */
    assert_int_equal(mtr_log_last_seq(w->world->log), before + 1);
    check_window(w, MTR_WINDOW_SETTLED, 4, 1);
    vendor.day2 = HEAD ROW("a", "sub-1", "1") ROW("b", "sub-1", "5") ROW("c", "sub-1", "3") ROW("e", "rival-1", "4") ROW("f", "sub-1", "7");
    ask_day2(w); /* restated, let in, gone, new */
    check(w, "a=1 b=5 c=3 f=7 ");
    check_window(w, MTR_WINDOW_SETTLED, 5, 1);
    vendor.day2 = HEAD ROW("a", "sub-1", "1") ROW("b", "sub-1", "2") ROW("c", "sub-1", "3") ROW("d", "sub-1", "4") ROW("f", "sub-1", "7");
    ask_day2(w); /* and back again */
    check(w, "a=1 b=2 c=3 d=4 f=7 ");
    check_window(w, MTR_WINDOW_SETTLED, 5, 0);
    free_poller_world(w);
}

/* A part is in and the rest is not: the next reading sends just that. */
static bool crash_once(void *context) { return context != NULL; }

static void test_a_crash_between_two_parts(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor);
    w->crashes = crash_once;
    poller_world_crash(w, false);
    for (int i = 0; i < 12; i++) { /* parts of two events */
        w->events_max = 2;
        poller_world_crash(w, i % 2);
        vendor.day2 = i % 2 ? HEAD ROW("a", "sub-1", "1") ROW("b", "sub-1", "2") ROW("d", "sub-1", "4") ROW("g", "rival-1", "1")
                            : HEAD ROW("a", "sub-1", "3") ROW("b", "sub-1", "1") ROW("d", "sub-1", "9") ROW("h", "sub-1", "5");
        poller_world_run(w);
        const char *fault;
        w->crashes = NULL;
        if (!w->is_dead && ask(w, "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", &fault)) fail_msg("%s", fault);
        w->crashes = crash_once;
        poller_world_at(w, w->world->now_us + MTR_US_PER_SECOND);
        assert_true(w->is_dead);
    }
    w->crashes = NULL;
    poller_world_crash(w, false);
    poller_world_at(w, w->world->now_us + 3 * MTR_US_PER_HOUR); /* nobody asks: what was begun is ended */
    check(w, "a=1 b=2 d=4 ");
    check_window(w, MTR_WINDOW_SETTLED, 4, 1);
    free_poller_world(w);
}

static uint32_t commits;
static struct mtr_poller *stopped;

static bool stop_at_commit(void *context)
{
    (void)context;
    commits++;
    mtr_poller_stop(stopped, "it is stopped");
    return false;
}

/* meterd stops while a long reading is applied: not before its end, but after the part that is under way. */
static void test_a_stop_between_two_parts(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor);
    poller_world_close(w);
    w->events_max = 2;
    poller_world_open(w);
    poller_world_run(w);
    vendor.day2 = HEAD ROW("a", "sub-1", "3") ROW("b", "sub-1", "1") ROW("d", "sub-1", "9") ROW("h", "sub-1", "5") ROW("i", "sub-1", "7");
    const char *fault;
    if (ask(w, "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", &fault)) fail_msg("%s", fault);
    stopped = w->poller;
    w->crashes = stop_at_commit;
    poller_world_run(w);
    assert_true(mtr_poller_is_idle(w->poller));
    assert_int_equal(commits, 1);
    char rows[1000];
    counted_rows(w, "usage", rows, sizeof(rows));
    assert_string_not_equal(rows, "a=3 b=1 d=9 h=5 i=7 ");
    w->crashes = NULL;
    poller_world_close(w);
    poller_world_open(w);
    poller_world_at(w, w->world->now_us + 3 * MTR_US_PER_HOUR);
    check(w, "a=3 b=1 d=9 h=5 i=7 ");
    check_window(w, MTR_WINDOW_SETTLED, 5, 0);
    free_poller_world(w);
}

/* A draft that is due again before it was read leaves windows that are over their turn. */
static void test_drafts_do_not_keep_a_backfill_from_being_read(void **state)
{
    (void)state;
    struct vendor vendor = {.day2 = HEAD ROW("a", "sub-1", "1") ROW("b", "sub-1", "2"), .status = 200};
    struct poller_world *w = new_poller_world();
    w->context = &vendor;
    w->answer = answer;
    apply_source(w, ", open: 1s");
    while (w->asked < 25) {
        const uint32_t asked = w->asked;
        assert_int_equal(mtr_poller_step(w->poller, w->world->catalog, w->world->now_us, &w->next_us), 0);
        poller_world_do_works(w);
        poller_world_do_sends(w);
        poller_world_commit(w);
        if (w->asked > asked) w->world->now_us += 2 * MTR_US_PER_SECOND; /* for each answer */
    }
    check(w, "a=1 b=2 ");
    free_poller_world(w);
}

/* Our clock was three hours ahead: what was planned by that is not waited for. */
static void test_a_clock_that_goes_back(void **state)
{
    (void)state;
    struct vendor vendor = {.day2 = HEAD ROW("a", "sub-1", "1"), .status = 200};
    struct poller_world *w = new_poller_world();
    w->context = &vendor;
    w->answer = answer;
    apply_source(w, ", open: 10m");
    poller_world_at(w, w->world->now_us + 3 * MTR_US_PER_HOUR);
    w->world->now_us -= 3 * MTR_US_PER_HOUR;
    const uint32_t asked = w->asked;
    poller_world_at(w, w->world->now_us + MTR_US_PER_HOUR);
    assert_true(w->asked > asked + 3);
    free_poller_world(w);
}

static void test_a_suspect_is_read_until_it_is_confirmed(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor);
    vendor.day2 = HEAD ROW("a", "sub-1", "1");
    ask_day2(w);
    check(w, "a=1 b=2 d=4 ");
    check_window(w, MTR_WINDOW_SUSPECT, 4, 1);
    poller_world_at(w, w->world->now_us + 2 * MTR_US_PER_HOUR);
    check(w, "a=1 ");
    check_window(w, MTR_WINDOW_SETTLED, 1, 0);
    free_poller_world(w);
}

/* A plan that has grown takes what it did not wait for before. */
static void test_rereads_that_come_later(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor);
    vendor.day2 = HEAD ROW("a", "sub-1", "1") ROW("b", "sub-1", "2") ROW("d", "sub-1", "5");
    poller_world_at(w, w->world->now_us + 3 * MTR_US_PER_HOUR);
    check(w, "a=1 b=2 d=4 ");
    apply_source(w, ", rereads: [9d]");
    poller_world_at(w, instant("2026-03-11T23:00:00Z"));
    check(w, "a=1 b=2 d=4 ");
    poller_world_at(w, instant("2026-03-12T02:00:00Z"));
    check(w, "a=1 b=2 d=5 ");
    check_window(w, MTR_WINDOW_SETTLED, 3, 0);
    free_poller_world(w);
}

static void test_what_cannot_be_asked_for(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor);
    const char *fault;
    struct mtr_poller_asked asked;
    assert_int_equal(ask(w, "2026-02-01T00:00:00Z", "2026-02-03T00:00:00Z", &fault), MTR_EINVALID); /* before its start */
    assert_int_equal(ask(w, "2026-03-02T00:00:00Z", "2026-03-05T00:00:00Z", &fault), 0);
    assert_int_equal(ask(w, "2026-03-02T00:00:00Z", "2026-03-05T00:00:00Z", &fault), MTR_EAGAIN);
    vendor.status = 404; /* a failure is tried again, but not for ever */
    poller_world_at(w, w->world->now_us + 3 * MTR_US_PER_HOUR);
    assert_true(mtr_poller_asked(w->poller, &strand, &asked));
    assert_int_equal(asked.left, 0);
    assert_int_equal(asked.taken, 0);
    assert_int_equal(asked.failed, 3);
    check(w, "a=1 b=2 d=4 ");
    vendor.status = 200;
    assert_int_equal(ask(w, "2026-03-01T12:00:00Z", "2099-01-01T00:00:00Z", &fault), 0); /* as far as there are any */
    poller_world_at(w, w->world->now_us + 3 * MTR_US_PER_HOUR);
    assert_true(mtr_poller_asked(w->poller, &strand, &asked));
    assert_int_equal(asked.left, 0);
    assert_int_equal(asked.taken, 10);
    assert_int_equal(asked.failed, 0);
    const struct mtr_strand other = {{"acme", 4}, {"other", 5}, {NULL, 0}};
    assert_int_equal(mtr_poller_ask(w->poller, &other, (struct mtr_window){0, 1}, false, &fault), MTR_ENOTFOUND);
    free_poller_world(w);
}

/* Retention has removed what the window's rows were: nobody could tell what is new. */
static void test_what_the_log_no_longer_has(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor);
    const char *fault;
    uint32_t removed;
    const struct mtr_log_identity none[1] = {{{0, 0}, 0, 0, 0}};
    assert_int_equal(mtr_log_roll(w->world->log, w->world->now_us), 0);
    assert_int_equal(mtr_log_seal(w->world->log, 1, none, 0), 0);
    assert_int_equal(send_rows(w->world, &plain, 1)->results[0].code, MTR_RESULT_ACCEPTED);
    free_answers(w->world);
    assert_int_equal(mtr_log_retain(w->world->log, w->world->now_us + 1, UINT64_MAX, &removed), 0);
    assert_int_equal(removed, 1);
    assert_int_equal(ask(w, "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", &fault), MTR_EINVALID);
    assert_non_null(strstr(fault, "retention has removed"));
    vendor.day2 = HEAD;
    apply_source(w, ", rereads: [9d]");
    poller_world_at(w, instant("2026-03-12T12:00:00Z"));
    assert_int_equal(window_of(w, "usage", "", "2026-03-01T00:00:00Z").readings, 2); /* a day without rows lacks nothing */
    check_counts(w, MTR_WINDOW_SETTLED, 4, 1);
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_settled_window_is_read_again),
        cmocka_unit_test(test_a_crash_between_two_parts),
        cmocka_unit_test(test_a_stop_between_two_parts),
        cmocka_unit_test(test_a_clock_that_goes_back),
        cmocka_unit_test(test_drafts_do_not_keep_a_backfill_from_being_read),
        cmocka_unit_test(test_a_suspect_is_read_until_it_is_confirmed),
        cmocka_unit_test(test_rereads_that_come_later),
        cmocka_unit_test(test_what_cannot_be_asked_for),
        cmocka_unit_test(test_what_the_log_no_longer_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
