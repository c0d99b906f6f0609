/*
 * Workers: each owner's jobs in their order, none with all threads, and what is called off is not begun.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "meterd/net/workers.h"

enum { THREADS = 3, JOBS = 64, A = 1, B = 2, C = 3 };

struct world;

struct job {
    struct mtr_worker_job base;
    struct world *world;
    uint32_t number;
    bool hangs;
};

struct world {
    struct mtr_loop *loop;
    struct mtr_workers *workers;
    struct job jobs[JOBS];
    uint32_t count, done, wanted, order[JOBS];
    atomic_uint working[4], most[4];
    sem_t begun, hold;
};

static void work(void *context)
{
    struct job *job = context;
    struct world *world = job->world;
    const unsigned now = atomic_fetch_add(&world->working[job->base.owner], 1) + 1;
    unsigned most = atomic_load(&world->most[job->base.owner]);
    while (now > most && !atomic_compare_exchange_weak(&world->most[job->base.owner], &most, now)) continue;
    if (job->hangs) {
        sem_post(&world->begun);
        sem_wait(&world->hold);
    }
    atomic_fetch_sub(&world->working[job->base.owner], 1);
}

static void on_done(void *context)
{
    struct job *job = context;
    struct world *world = job->world;
    world->order[world->done++] = job->number;
    if (world->done == world->wanted) mtr_loop_stop(world->loop);
}

static int start(struct world *world, mtr_owner owner, bool hangs)
{
    struct job *job = &world->jobs[world->count];
    *job = (struct job){.base = {.owner = owner, .work = work, .on_done = on_done, .context = job},
                        .world = world,
                        .number = world->count,
                        .hangs = hangs};
    const int rc = mtr_workers_start(world->workers, &job->base);
    world->count += !rc;
    return rc;
}

static int set_up(void **state)
{
    const struct mtr_workers_options options = {
        .name = "worker", .threads = THREADS, .owner_threads_max = THREADS - 1, .jobs_max = JOBS};
    struct world *world = calloc(1, sizeof(*world));
    *state = world;
    sem_init(&world->begun, 0, 0);
    sem_init(&world->hold, 0, 0);
    return mtr_loop_open(&world->loop) || mtr_workers_open(world->loop, &options, &world->workers);
}

static int tear_down(void **state)
{
    struct world *world = *state;
    mtr_workers_finish(world->workers);
    assert_int_equal(world->done, world->wanted);
    mtr_workers_close(world->workers);
    mtr_loop_close(world->loop);
    sem_destroy(&world->begun);
    sem_destroy(&world->hold);
    free(world);
    return 0;
}

static void run(struct world *world, uint32_t wanted)
{
    world->wanted = wanted;
    mtr_loop_run(world->loop);
    assert_int_equal(world->done, wanted);
}

/* Who has long work has all threads but one: another's is done while it goes on. */
static void another_does_not_wait_for_long_work(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 8; i++) assert_int_equal(start(world, A, true), MTR_OK);
    for (int i = 0; i < THREADS - 1; i++) sem_wait(&world->begun);
    assert_int_equal(start(world, B, false), MTR_OK);
    run(world, 1);
    assert_int_equal(world->order[0], 8);
    assert_int_equal(mtr_workers_stats(world->workers).working, THREADS - 1);
    for (int i = 0; i < 8; i++) sem_post(&world->hold);
    run(world, 9);
    assert_int_equal(world->most[A], THREADS - 1);
}

static void each_owner_has_a_share(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < JOBS / 2; i++) assert_int_equal(start(world, A, true), MTR_OK);
    assert_int_equal(start(world, A, true), MTR_EFULL);
    for (int i = 0; i < JOBS / 4; i++) assert_int_equal(start(world, B, true), MTR_OK);
    assert_int_equal(start(world, B, true), MTR_EFULL);
    assert_int_equal(start(world, C, true), MTR_OK);
    mtr_workers_limit(world->workers, 1);
    assert_int_equal(start(world, C, true), MTR_EFULL);
    for (int i = 0; i < JOBS / 2 + JOBS / 4 + 1; i++) sem_post(&world->hold);
    run(world, JOBS / 2 + JOBS / 4 + 1);
}

static void what_is_called_off_is_not_begun(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 4; i++) assert_int_equal(start(world, A, true), MTR_OK);
    for (int i = 0; i < THREADS - 1; i++) sem_wait(&world->begun);
    assert_true(mtr_workers_call_off(world->workers, &world->jobs[3].base));
    assert_false(mtr_workers_call_off(world->workers, &world->jobs[3].base));
    assert_false(mtr_workers_call_off(world->workers, &world->jobs[0].base)); /* it is at work */
    for (int i = 0; i < 3; i++) sem_post(&world->hold);
    run(world, 3);
    assert_true(world->order[0] < 3 && world->order[1] < 3 && world->order[2] < 3);
    assert_false(mtr_workers_call_off(world->workers, &world->jobs[0].base)); /* it is done */
}

static void again(void *context)
{
    struct job *job = context;
    if (++job->number == 1000) on_done(context);
    else assert_int_equal(mtr_workers_go_on(job->world->workers, &job->base), MTR_OK);
}

/* Pieces of what was let in: whatever others have waiting. */
static void what_was_let_in_goes_on(void **state)
{
    struct world *world = *state;
    assert_int_equal(start(world, A, false), MTR_OK);
    world->jobs[0].base.on_done = again;
    mtr_workers_limit(world->workers, 1);
    run(world, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(another_does_not_wait_for_long_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_owner_has_a_share, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_called_off_is_not_begun, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_let_in_goes_on, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
