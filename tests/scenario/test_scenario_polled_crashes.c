/*
 * A small scenario of the polled pipeline, always the same one, that crashes at one point alone: after the first commit, after the second, after each
 * of them, with the ledger of windows or without it, in turn; and now and then after a work of the pool, as where the ledger's fold has begun to
 * follow; while the vendor is well, and while his answers are false now and then. It goes on from there: what is billed at its end is what the vendor
 * published last, and alarms are of what was false.
 */
#include "support/source/polled_pipeline.h"

enum { SMALL_DAYS = 2, SMALL_PARTS = 3, SMALL_SEED = 5, SMALL_FIRST_DAY = 5, WORKS_STEP = 23 };

/* The same documents from another day on, looked at seldom. */
static char *small_documents(void)
{
    static const char *const changes[][2] = {{"start: 2026-03-05", "start: 2026-03-10"}, {"open: 3h", "open: 9h"}, {"every: 1h", "every: 9h"},
                                             {"every: 2h", "every: 9h"}, {"every: 6h", "every: 2d"}, {"split: 1h", "split: 6h"}};
    char *text = strdup(DOCUMENTS);
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
        for (char *at = text; (at = strstr(at, changes[i][0])) != NULL; at++) {
            const size_t old = strlen(changes[i][0]), size = strlen(changes[i][1]);
            assert_true(size <= old);
            memcpy(at, changes[i][1], size);
            memmove(at + size, at + old, strlen(at + old) + 1);
        }
    return text;
}

static bool is_the_point(void *context)
{
    struct run *run = context;
    return ++run->point == run->crash_at;
}

/* Also where it crashes on the way. */
static void go_through(struct run *run, int64_t to_us, bool forgets)
{
    poller_world_at(run->poller, to_us);
    if (!run->poller->is_dead) return;
    close_stages(run);
    poller_world_crash(run->poller, forgets);
    watch_crash(&run->watch);
    open_stages(run);
    run->crashes++;
    poller_world_at(run->poller, to_us);
    assert_false(run->poller->is_dead);
}

/* The same each time but for the crash, and what follows of it. How many points there were. */
static uint64_t run_small(uint64_t crash_at, bool at_works, bool forgets, bool is_healthy)
{
    char *documents = small_documents();
    struct run *run = new_run(SMALL_SEED, documents);
    free(documents);
    run->is_healthy = is_healthy;
    run->vendor.first_day = SMALL_FIRST_DAY;
    run->crash_at = crash_at;
    if (at_works) run->poller->crashes_at_work = is_the_point;
    else run->poller->crashes = is_the_point;
    const int64_t begin_us = run->poller->world->now_us;
    for (int i = 1; i <= SMALL_DAYS * SMALL_PARTS; i++) {
        for (int j = 0; j < 3; j++) restate(run);
        go_through(run, begin_us + i * MTR_US_PER_DAY / SMALL_PARTS, forgets);
        (void)step_aggregator(run);
    }
    run->is_healthy = true;
    for (int day = SMALL_DAYS; day <= SMALL_DAYS + 5; day++) go_through(run, begin_us + day * MTR_US_PER_DAY, forgets);
    drain_stages(run);
    assert_true(!crash_at || run->crashes == 1 || run->point < crash_at);
    const uint64_t points = run->point;
    run->crash_at = 0;
    check_laws(run);
    free_run(run);
    return points;
}

static void a_crash_at_each_point_loses_and_doubles_nothing(void **state)
{
    static const struct {
        bool at_works, is_healthy;
        uint64_t step;
    } rows[] = {{false, false, 1}, {false, true, 12}, {true, false, WORKS_STEP}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const uint64_t points = run_small(0, rows[i].at_works, false, rows[i].is_healthy);
        print_message("%llu %s\n", (unsigned long long)points, rows[i].at_works ? "works" : "commits");
        assert_true(points > 20);
        for (uint64_t point = 1; point <= points; point += rows[i].step) (void)run_small(point, rows[i].at_works, point / rows[i].step % 2, rows[i].is_healthy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_crash_at_each_point_loses_and_doubles_nothing)};
    return cmocka_run_group_tests_name("scenario_polled_crashes", tests, NULL, NULL);
}
