/*
 * What is being read is told to who changes the catalog, and while he does so nothing new is begun: a reading under way has the
 * document of before, and its rows are in the log before the ledger knows of it.
 */
#include "tests/support/source/poller_world.h"

static const char SOURCES[] = "sources:\n"
                              "  - key: usage\n"
                              "    vendor: acme\n"
                              "    base_url: http://127.0.0.1:1\n"
                              "    schedule: {every: 1h}\n"
                              "    window: {length: day, start: 2026-03-09, rereads: [1d]}\n"
                              "    auth: none\n"
                              "    request: {path: /usage, query: {day: '{from:%Y-%m-%d}'}}\n"
                              "    format: {csv: {delimiter: ';'}}\n"
                              "    identity: {id: Id}\n"
                              "    map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}\n"
                              "  - key: files\n"
                              "    vendor: acme\n"
                              "    by_hand: true\n"
                              "    window: {length: day, start: 2026-03-09}\n"
                              "    format: {csv: {delimiter: ';'}}\n"
                              "    identity: {id: Id}\n"
                              "    map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}\n";

#define BODY "Id;Account;At;Amount\na;sub-1;2026-03-09T05:00:00Z;1\nb;sub-1;2026-03-09T06:00:00Z;2\nc;sub-1;2026-03-09T07:00:00Z;3\n"

static bool is_reading(const struct poller_world *w, const char *key)
{
    const struct mtr_strand strand = {MTR_STR("acme"), mtr_str_from(key), MTR_STR("")};
    return mtr_poller_is_reading(w->poller, &strand);
}

static struct poller_world *world; /* of the hooks */
static uint32_t looks;
static bool is_trial;

static void look(void)
{
    looks++;
    assert_int_equal(is_reading(world, "usage"), !is_trial);
    assert_false(is_reading(world, "other"));
}

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    (void)context, (void)url;
    look();
    assert_int_equal(mtr_buffer_printf(reply->body, BODY), 0);
}

/* Of a part: it is in the log, and not yet in the ledger. */
static bool at_commit(void *context)
{
    (void)context;
    look();
    return false;
}

static struct poller_world *new_world_of(void)
{
    world = new_poller_world();
    looks = 0;
    is_trial = false;
    world->answer = answer;
    world->crashes = at_commit;
    world->events_max = 1;
    poller_world_crash(world, false);
    apply(world->world, SOURCES);
    return world;
}

/* Until the ledger has all that the log has, nobody knows. */
static void test_from_the_request_to_the_last_part(void **state)
{
    (void)state;
    struct poller_world *w = new_world_of();
    assert_true(is_reading(w, "usage"));
    assert_true(is_reading(w, "other"));
    poller_world_at(w, w->world->now_us);
    assert_int_equal(looks, 1 + 3 + 1); /* a request, a part for each row, and the receipt behind them */
    assert_false(is_reading(w, "usage"));
    poller_world_crash(w, true);
    assert_true(is_reading(w, "usage"));
    poller_world_run(w);
    assert_false(is_reading(w, "usage"));
    free_poller_world(w);
}

static void test_a_trial_is_none(void **state)
{
    const struct mtr_strand strand = {MTR_STR("acme"), MTR_STR("usage"), MTR_STR("")};
    const struct mtr_window day = {instant("2026-03-09T00:00:00Z"), instant("2026-03-10T00:00:00Z")};
    const char *fault;
    (void)state;
    struct poller_world *w = new_world_of();
    poller_world_at(w, w->world->now_us);
    looks = 0;
    is_trial = true;
    if (mtr_poller_ask(w->poller, &strand, day, true, &fault)) fail_msg("%s", fault);
    poller_world_run(w);
    assert_true(looks > 0);
    free_poller_world(w);
}

static void on_done(struct mtr_given_file *file) { file->context = NULL; }

/* Neither what is due nor a file; both as soon as it is over. */
static void test_nothing_begins_while_it_is_held(void **state)
{
    (void)state;
    struct poller_world *w = new_world_of();
    struct mtr_given_file file = {.vendor = MTR_STR("acme"), .source = MTR_STR("files"), .bytes = MTR_STR(BODY),
                                  .window = {instant("2026-03-09T00:00:00Z"), instant("2026-03-10T00:00:00Z")},
                                  .on_done = on_done, .context = w};
    mtr_poller_hold(w->poller, true);
    assert_true(mtr_poller_give(w->poller, &file));
    poller_world_run(w);
    assert_int_equal(looks, 0);
    assert_ptr_equal(file.context, w);
    assert_false(is_reading(w, "usage"));
    assert_true(w->next_us > w->world->now_us);
    mtr_poller_hold(w->poller, false);
    w->crashes = NULL; /* the file's parts are looked at by nobody */
    poller_world_run(w);
    assert_int_equal(looks, 1);
    assert_null(file.context);
    assert_int_equal(file.result, MTR_GIVEN_TAKEN);
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_the_request_to_the_last_part),
        cmocka_unit_test(test_a_trial_is_none),
        cmocka_unit_test(test_nothing_begins_while_it_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
