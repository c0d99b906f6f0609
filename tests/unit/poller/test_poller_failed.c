/*
 * A poller whose ledger is damaged: what is under way comes to its end, whoever gave a file is told, and it
 * can be closed.
 */
#include "tests/support/source/poller_world.h"

#include "collector/source/poll/poller_state.h"

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 1h}\n"
                             "    window: {length: day, start: 2026-03-01}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, query: {day: '{from:%Y-%m-%d}'}}\n"
                             "    format: {csv: {}}\n"
                             "    identity: {id: Id}\n"
                             "    map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}\n";

static struct poller_world *world_of_the_source(void)
{
    struct poller_world *w = new_poller_world();
    apply(w->world, SOURCE);
    return w;
}

static int step_poller(struct poller_world *w)
{
    int64_t next_us;
    return mtr_poller_step(w->poller, w->world->catalog, w->world->now_us, &next_us);
}

static void note_done(struct mtr_given_file *file) { *(bool *)file->context = true; }

/* Until something is asked of the vendor, which does not answer. */
static void ask_vendor(struct poller_world *w)
{
    for (int i = 0; i < 100 && !w->send_count; i++) {
        assert_int_equal(step_poller(w), 0);
        if (w->work_count) poller_world_do_work(w);
    }
    assert_int_equal(w->send_count, 1);
}

static struct mtr_given_file file_of(bool *is_done)
{
    return (struct mtr_given_file){.vendor = mtr_str_from("acme"),
                                   .source = mtr_str_from("usage"),
                                   .bytes = mtr_str_from("Id,Account,At,Amount\n"),
                                   .window = {instant("2026-03-01T00:00:00Z"), instant("2026-03-02T00:00:00Z")},
                                   .on_done = note_done,
                                   .context = is_done};
}

/* As on_worked leaves it when a pass of the fold meets a page that is none. */
static void damage_ledger(struct poller_world *w)
{
    w->poller->own_rc = MTR_ECORRUPT;
    w->poller->is_caught_up = false;
    assert_int_equal(step_poller(w), MTR_ECORRUPT);
    mtr_poller_stop(w->poller, "it does not run any more");
}

static void test_what_is_under_way_ends(void **state)
{
    bool is_done = false, is_late_done = false;
    struct poller_world *w = world_of_the_source();
    struct mtr_given_file file = file_of(&is_done), late = file_of(&is_late_done);
    (void)state;
    ask_vendor(w);
    assert_true(mtr_poller_give(w->poller, &file));
    assert_int_equal(step_poller(w), 0);
    assert_false(is_done); /* it waits for the reading that is under way */
    damage_ledger(w);
    assert_true(is_done);
    assert_int_equal(file.result, MTR_GIVEN_FAILED);
    assert_string_equal(file.text, "it does not run any more");
    assert_int_equal(w->send_count, 0);
    assert_int_equal(step_poller(w), 0);
    assert_true(mtr_poller_is_idle(w->poller));
    assert_true(mtr_poller_give(w->poller, &late));
    assert_true(is_late_done);
    assert_string_equal(late.text, "it does not run any more");
    free_poller_world(w);
}

static void test_a_file_under_way_ends(void **state)
{
    bool is_done = false;
    struct poller_world *w = world_of_the_source();
    struct mtr_given_file file = file_of(&is_done);
    (void)state;
    assert_true(mtr_poller_give(w->poller, &file));
    for (int i = 0; i < 100 && !w->poller->is_given_begun; i++) {
        assert_int_equal(step_poller(w), 0);
        if (w->work_count && !w->works[0]) poller_world_do_work(w);
    }
    assert_true(w->poller->is_given_begun);
    damage_ledger(w);
    assert_false(is_done); /* the pool has it */
    assert_false(mtr_poller_is_idle(w->poller));
    for (int i = 0; i < 100 && !mtr_poller_is_idle(w->poller); i++) {
        assert_int_equal(step_poller(w), 0);
        if (w->work_count) poller_world_do_work(w);
        poller_world_commit(w);
    }
    assert_true(is_done);
    assert_int_equal(file.result, MTR_GIVEN_FAILED);
    assert_true(mtr_poller_is_idle(w->poller));
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_under_way_ends),
        cmocka_unit_test(test_a_file_under_way_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
