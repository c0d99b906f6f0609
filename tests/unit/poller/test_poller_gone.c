/*
 * A ledger that is whole, beside a log whose beginning retention has removed: nothing is taken back that is gone, so nothing
 * counts twice; what is new is taken, and what stands as it is, is told of.
 */
#include "tests/support/source/cut_world.h"

/* All that the log has so far; another event begins what it has then. */
static void lose(struct poller_world *w, struct kept *kept)
{
    end_segment(w, kept);
    assert_int_equal(send_rows(w->world, &plain, 1)->results[0].code, MTR_RESULT_ACCEPTED);
    free_answers(w->world);
    retain(w, kept);
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
        lose(w, kept);
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
    lose(w, kept);
    assert_int_equal(give(w, "Id;Account;At;Amount\na09;sub-1;2026-03-09T05:00:00Z;7\n", &file), MTR_GIVEN_NOT_TAKEN);
    assert_non_null(strstr(file.text, "retention has removed what the log had of them: it stands as it is"));
    check(w, kept, "a09=1 b09=2 ");
    free_poller_world(w);
    free(kept);
}

/* Its pages say of all rows something else under another map, and of two of them the log has nothing to take back. */
static void test_a_replay_takes_nothing_back_that_is_gone(void **state)
{
    (void)state;
    char text[2000];
    bool is_done = false;
    struct kept *kept = calloc(1, sizeof(*kept));
    struct vendor vendor = {.days = {"a1b2"}};
    struct poller_world *w = new_world_of(&vendor, DAYS, "100%");
    poller_world_at(w, w->world->now_us);
    lose(w, kept);
    vendor.days[0] = "a1b2c3";
    poller_world_at(w, instant("2026-03-11T06:00:00Z"));
    check(w, kept, "a09=1 b09=2 c09=3 ");
    snprintf(text, sizeof(text), SOURCE, DAYS, "100%");
    memcpy(strstr(text, "Amount}}"), "'=9' }}\n", 8);
    apply(w->world, text);
    poller_world_run(w);
    struct mtr_given_file file = {.vendor = MTR_STR("acme"), .source = MTR_STR("usage"), .each = MTR_STR(""), .is_replay = true,
                                  .window = {instant("2026-03-09T00:00:00Z"), instant("2026-03-10T00:00:00Z")},
                                  .context = &is_done, .on_done = note_done};
    assert_true(mtr_poller_give(w->poller, &file));
    poller_world_run(w);
    assert_true(is_done);
    assert_int_equal(file.result, MTR_GIVEN_NOT_TAKEN);
    assert_non_null(strstr(file.text, "2 rows of the window changed or would go, and retention has removed"));
    check(w, kept, "a09=1 b09=2 c09=3 ");
    free_poller_world(w);
    free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_that_are_gone_are_not_taken_back),
        cmocka_unit_test(test_a_file_takes_nothing_back_that_is_gone),
        cmocka_unit_test(test_a_replay_takes_nothing_back_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
