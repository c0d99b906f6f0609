/*
 * Work that hangs, by the reading end of a FIFO that nobody writes to: others go on, in its own lane as far as that has room; what ends late ends well;
 * and closing waits for nobody.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meterd/net/blocking.h"
#include "tests/support/directory.h"

enum { JOBS_MAX = 200 };

struct job {
    struct mtr_blocking_job base;
    struct world *world;
    const char *fifo; /* NULL: it does not hang */
    int number;
};

struct world {
    struct mtr_loop *loop;
    struct mtr_blocking *blocking;
    char directory[DIRECTORY_PATH_BYTES], fifo[DIRECTORY_PATH_BYTES + 8];
    struct job jobs[JOBS_MAX];
    int begun, done, order[JOBS_MAX], wanted;
    sem_t dropped;
};

static void do_work(struct mtr_blocking_job *base)
{
    const struct job *job = (struct job *)base;
    if (job->fifo) close(open(job->fifo, O_RDONLY | O_CLOEXEC)); /* until somebody opens it to write */
}

static void on_done(struct mtr_blocking_job *base, void *context)
{
    struct world *world = context;
    world->order[world->done++] = ((struct job *)base)->number;
    if (world->done >= world->wanted) mtr_loop_stop(world->loop);
}

static void drop(struct mtr_blocking_job *base) { sem_post(&((struct job *)base)->world->dropped); }

static void begin(struct world *world)
{
    *world = (struct world){0};
    make_temporary(world->directory);
    snprintf(world->fifo, sizeof(world->fifo), "%s/fifo", world->directory);
    assert_int_equal(mkfifo(world->fifo, 0600), 0);
    sem_init(&world->dropped, 0, 0);
    assert_int_equal(mtr_loop_open(&world->loop), MTR_OK);
    assert_int_equal(mtr_blocking_open(world->loop, &world->blocking), MTR_OK);
}

static void start(struct world *world, const char *lane, uint32_t lane_jobs_max, bool hangs)
{
    struct job *job = &world->jobs[world->begun];
    *job = (struct job){{NULL, mtr_str_from(lane), lane_jobs_max, do_work, on_done, drop, world}, world, hangs ? world->fifo : NULL, world->begun};
    world->begun++;
    mtr_blocking_start(world->blocking, &job->base);
}

static void on_timer(void *context) { (void)context; }

/* Until so many are done, all in all. */
static void run_until(struct world *world, int wanted)
{
    struct mtr_timer *timer; /* alone, a wakeup keeps no loop running */
    world->wanted = wanted;
    assert_int_equal(mtr_timer_open(world->loop, on_timer, NULL, &timer), MTR_OK);
    mtr_timer_start(timer, 600000, 0);
    while (world->done < wanted) mtr_loop_run(world->loop);
    mtr_timer_close(timer);
}

/* Until *fd is closed nobody hangs. */
static void release(const struct world *world, int *fd)
{
    *fd = open(world->fifo, O_RDWR | O_CLOEXEC);
    assert_true(*fd >= 0);
}

static void wait_for_drop(struct world *world)
{
    while (sem_wait(&world->dropped)) assert_int_equal(errno, EINTR);
}

/* So many hang, or wait for those. */
static void end(struct world *world, int left)
{
    int fd;
    mtr_blocking_close(world->blocking); /* does not wait */
    mtr_loop_close(world->loop);
    release(world, &fd);
    for (int i = 0; i < left; i++) wait_for_drop(world);
    close(fd);
    sem_destroy(&world->dropped);
    remove_tree(world->directory);
}

static void others_go_on(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    for (int i = 0; i < 3; i++) start(&world, "mount", 4, true);
    for (int i = 0; i < 50; i++) start(&world, "disk", 1, false);
    start(&world, "mount", 4, false);
    run_until(&world, 51);
    for (int i = 0; i < 51; i++) assert_true(world.order[i] >= 3);
    start(&world, "mount", 4, true);
    start(&world, "mount", 4, false); /* its lane is full of those that hang */
    start(&world, "disk", 1, false);
    run_until(&world, 52);
    assert_int_equal(world.order[51], 56);
    end(&world, 5);
}

static void one_lane_is_in_order(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    for (int i = 0; i < 150; i++) start(&world, "tokens", 1, false);
    run_until(&world, 150);
    for (int i = 0; i < 150; i++) assert_int_equal(world.order[i], i);
    end(&world, 0);
}

static void what_ends_late_is_done(void **state)
{
    (void)state;
    struct world world;
    int fd;
    begin(&world);
    start(&world, "mount", 1, true);
    start(&world, "mount", 1, false); /* behind it */
    start(&world, "disk", 1, false);
    run_until(&world, 1);
    assert_int_equal(world.order[0], 2);
    release(&world, &fd);
    run_until(&world, 3);
    assert_true(world.order[1] == 0 && world.order[2] == 1);
    close(fd);
    end(&world, 0);
}

/* Each of all threads hangs: what comes then waits, and the loop does not. */
static void as_many_as_there_are(void **state)
{
    (void)state;
    struct world world;
    char lanes[MTR_BLOCKING_THREADS_MAX][16];
    int fd;
    begin(&world);
    for (int i = 0; i < MTR_BLOCKING_THREADS_MAX; i++) {
        snprintf(lanes[i], sizeof(lanes[i]), "m%d", i);
        start(&world, lanes[i], 1, true);
    }
    start(&world, "disk", 1, false);
    release(&world, &fd);
    run_until(&world, MTR_BLOCKING_THREADS_MAX + 1);
    close(fd);
    end(&world, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_go_on),
        cmocka_unit_test(one_lane_is_in_order),
        cmocka_unit_test(what_ends_late_is_done),
        cmocka_unit_test(as_many_as_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
