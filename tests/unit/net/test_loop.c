/*
 * The loop's timers, wakeups and pool; query strings; and what the service manager is told.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "meterd/net/loop.h"
#include "meterd/net/systemd.h"
#include "meterd/net/url.h"

struct world {
    struct mtr_loop *loop;
    struct mtr_timer *timer;
    struct mtr_wakeup *wakeup;
    int ticks, woken, worked, done;
};

static void on_timer(void *context)
{
    struct world *world = context;
    if (++world->ticks < 3) return;
    mtr_timer_close(world->timer); /* in its own callback */
}

static void on_wakeup(void *context)
{
    ((struct world *)context)->woken++;
    mtr_loop_stop(((struct world *)context)->loop);
}

static void work(void *context)
{
    struct world *world = context;
    world->worked = 1;
    mtr_wakeup_send(world->wakeup);
}

static void on_done(void *context)
{
    ((struct world *)context)->done = 1;
}

static void calls_back(void **state)
{
    (void)state;
    struct world world = {0};
    assert_int_equal(mtr_loop_open(&world.loop), MTR_OK);
    assert_int_equal(mtr_timer_open(world.loop, on_timer, &world, &world.timer), MTR_OK);
    mtr_timer_start(world.timer, 1, 1);
    mtr_loop_run(world.loop); /* returns when nothing is left */
    assert_int_equal(world.ticks, 3);
    assert_int_equal(mtr_wakeup_open(world.loop, true, on_wakeup, &world, &world.wakeup), MTR_OK);
    assert_int_equal(mtr_loop_queue_work(world.loop, work, on_done, &world), MTR_OK);
    mtr_loop_run(world.loop);
    assert_true(world.woken == 1 && world.worked);
    mtr_loop_stop(world.loop); /* before a run: the next returns at once, the one after does not */
    mtr_loop_run(world.loop);
    mtr_wakeup_send(world.wakeup);
    mtr_loop_run(world.loop);
    assert_int_equal(world.woken, 2);
    mtr_wakeup_close(world.wakeup);
    mtr_loop_close(world.loop);
    assert_true(world.done);
}

static void parses_queries(void **state)
{
    (void)state;
    struct mtr_arena arena;
    struct mtr_query query;
    struct mtr_str value;
    mtr_arena_init(&arena, 1024, 4096);
    assert_int_equal(mtr_query_parse(MTR_STR("a=1&&b=x%20y+z&c&a=2&d=%C3%A9"), &arena, &query), MTR_OK);
    assert_int_equal(query.count, 5);
    assert_true(mtr_query_find(&query, "a", &value) && mtr_str_equal(value, MTR_STR("1")));
    assert_true(mtr_query_find(&query, "b", &value) && mtr_str_equal(value, MTR_STR("x y z")));
    assert_true(mtr_query_find(&query, "c", &value) && value.size == 0);
    assert_true(mtr_query_find(&query, "d", &value) && mtr_str_equal(value, MTR_STR("\xC3\xA9")));
    assert_false(mtr_query_find(&query, "e", &value));
    struct mtr_buffer sorted;
    mtr_buffer_init(&sorted, 256);
    assert_int_equal(mtr_query_parse(MTR_STR("b=2&a-b=&a+b=1/&%c3%a9&b=10&z=~"), &arena, &query), MTR_OK);
    assert_int_equal(mtr_query_write_sorted(&sorted, &query, &arena), MTR_OK);
    assert_true(mtr_str_equal(mtr_buffer_str(&sorted), MTR_STR("%C3%A9=&a%20b=1%2F&a-b=&b=10&b=2&z=~")));
    mtr_buffer_release(&sorted);
    static const char *const bad[] = {"a=%", "a=%4", "a=%gg", "a=%00", "a=%ff", "%=1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(mtr_query_parse(mtr_str_from(bad[i]), &arena, &query), MTR_EINVALID);
    mtr_arena_release(&arena);
}

static void tells_the_service_manager(void **state)
{
    (void)state;
    char got[256];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(mtr_systemd_ready(), MTR_OK);
    int size = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "meterd-test-%d", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size)),
                     0);
    char name[128];
    snprintf(name, sizeof(name), "@%s", address.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    assert_int_equal(mtr_systemd_reloading(123), MTR_OK);
    got[recv(fd, got, sizeof(got) - 1, 0)] = '\0';
    assert_string_equal(got, "RELOADING=1\nMONOTONIC_USEC=123");
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(mtr_systemd_ready(), MTR_EINVALID);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_back),
        cmocka_unit_test(parses_queries),
        cmocka_unit_test(tells_the_service_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
