/*
 * The bound of long work: it ends by its time, by memory and by being called off, for the reason that came
 * first; and arenas take of it what they hold, and give all of it back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <time.h>

#include "meterd/core/arena.h"
#include "meterd/share/work_limit.h"

enum { MIB = 1 << 20, CPU_MS = 20 };

static uint64_t thread_cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void without_a_limit_everything_goes_on(void **state)
{
    (void)state;
    assert_null(mtr_work_limit_at_hand());
    for (int i = 0; i < 1000; i++) assert_true(mtr_work_goes_on());
}

static void work_ends_when_its_cpu_time_is_used_up(void **state)
{
    struct mtr_work_limit limit;
    struct mtr_arena arena;
    (void)state;
    mtr_work_limit_init(&limit, CPU_MS * UINT64_C(1000000), MIB, NULL);
    mtr_work_limit_enter(&limit);
    mtr_arena_init(&arena, 64, MIB);
    const uint64_t begun = thread_cpu_ns();
    while (mtr_work_goes_on()) assert_true(thread_cpu_ns() - begun < UINT64_C(10000000000));
    assert_true(thread_cpu_ns() - begun >= CPU_MS * UINT64_C(1000000) / 2);
    assert_int_equal(limit.end, MTR_WORK_CPU);
    assert_null(mtr_arena_alloc(&arena, 1)); /* what does not look ends as well */
    mtr_arena_release(&arena);
    mtr_work_limit_leave(&limit);
    mtr_work_limit_release(&limit);
}

static void time_that_is_used_up_behind_the_last_look_counts(void **state)
{
    struct mtr_work_limit limit;
    (void)state;
    mtr_work_limit_init(&limit, 1000000, MIB, NULL);
    mtr_work_limit_enter(&limit);
    const uint64_t begun = thread_cpu_ns();
    while (thread_cpu_ns() - begun < 2000000) {}
    mtr_work_limit_leave(&limit);
    assert_int_equal(limit.end, MTR_WORK_CPU);
}

static void each_entry_has_the_time_anew(void **state)
{
    struct mtr_work_limit limit;
    (void)state;
    mtr_work_limit_init(&limit, UINT64_C(3600000000000), MIB, NULL);
    mtr_work_limit_enter(&limit);
    const uint64_t first = limit.cpu_until_ns, begun = thread_cpu_ns();
    while (thread_cpu_ns() == begun) {}
    mtr_work_limit_leave(&limit);
    mtr_work_limit_enter(&limit);
    assert_true(limit.cpu_until_ns > first);
    mtr_work_limit_leave(&limit);
    assert_int_equal(limit.end, MTR_WORK_GOES_ON);
    mtr_work_limit_release(&limit);
}

static void *call_off(void *context)
{
    mtr_work_limit_call_off(context);
    return NULL;
}

static void another_thread_calls_work_off(void **state)
{
    struct mtr_work_limit limit;
    pthread_t thread;
    (void)state;
    mtr_work_limit_init(&limit, 0, MIB, NULL);
    mtr_work_limit_enter(&limit);
    assert_true(mtr_work_goes_on());
    assert_int_equal(pthread_create(&thread, NULL, call_off, &limit), 0);
    while (mtr_work_goes_on()) {}
    assert_int_equal(limit.end, MTR_WORK_CALLED_OFF);
    mtr_work_limit_leave(&limit);
    pthread_join(thread, NULL);
    mtr_work_limit_release(&limit);
}

static void memory_ends_at_its_own_bound(void **state)
{
    struct mtr_work_limit limit;
    struct mtr_arena one, two;
    (void)state;
    mtr_work_limit_init(&limit, 0, MIB, NULL);
    mtr_work_limit_enter(&limit);
    mtr_arena_init(&one, 64, SIZE_MAX);
    mtr_arena_init(&two, 64, SIZE_MAX);
    assert_non_null(mtr_arena_alloc(&one, MIB / 2));
    assert_non_null(mtr_arena_alloc(&two, MIB / 2));
    assert_int_equal(limit.bytes, MIB);
    assert_null(mtr_arena_alloc(&two, 1)); /* both together */
    assert_int_equal(limit.end, MTR_WORK_MEMORY);
    mtr_arena_release(&one);
    assert_null(mtr_arena_alloc(&two, 1)); /* the work is over: it does not go on by half */
    assert_false(mtr_work_goes_on());
    mtr_arena_release(&two);
    mtr_work_limit_leave(&limit);
    mtr_work_limit_release(&limit);
}

static void all_at_work_share_a_total(void **state)
{
    static struct mtr_shares total;
    struct mtr_work_limit first, second;
    struct mtr_arena one, two;
    (void)state;
    mtr_shares_init(&total, MIB, 1);
    mtr_work_limit_init(&first, 0, MIB, &total);
    mtr_work_limit_init(&second, 0, MIB, &total);
    mtr_work_limit_set_owner(&first, 1);
    mtr_work_limit_set_owner(&second, 2);
    mtr_work_limit_enter(&first);
    mtr_arena_init(&one, 64, SIZE_MAX);
    assert_non_null(mtr_arena_alloc(&one, MIB / 4 * 3 - 1024));
    mtr_work_limit_leave(&first);
    mtr_work_limit_enter(&second);
    mtr_arena_init(&two, 64, SIZE_MAX);
    assert_non_null(mtr_arena_alloc(&two, MIB / 8)); /* there is room for another */
    assert_null(mtr_arena_alloc(&two, MIB / 8));
    assert_int_equal(second.end, MTR_WORK_MEMORY_TOTAL);
    mtr_arena_release(&two);
    mtr_work_limit_leave(&second);
    mtr_work_limit_release(&second);
    assert_int_equal(first.end, MTR_WORK_GOES_ON);
    mtr_arena_release(&one); /* by whichever thread, when it has left */
    mtr_work_limit_release(&first);
    assert_int_equal(mtr_shares_used(&total), 0);
}

/* What is judged is decoded already: it is counted, and never refused. */
static void what_only_counts_is_never_refused(void **state)
{
    static struct mtr_shares total;
    struct mtr_work_limit limit;
    struct mtr_arena arena;
    (void)state;
    mtr_shares_init(&total, MIB, 1);
    mtr_work_limit_init(&limit, 0, MIB, &total);
    mtr_arena_init(&arena, 64, SIZE_MAX);
    arena.limit = &limit;
    limit.only_counts = true;
    assert_non_null(mtr_arena_alloc(&arena, 4 * MIB));
    assert_true(mtr_shares_used(&total) >= 4 * MIB);
    mtr_arena_release(&arena);
    mtr_work_limit_release(&limit);
    assert_int_equal(mtr_shares_used(&total), 0);
}

/* Chunks, large arrays that grow, marks and resets. */
static void arenas_give_back_all_that_they_took(void **state)
{
    enum { ITEMS = 300000 };
    static struct mtr_shares total;
    struct mtr_work_limit limit;
    struct mtr_arena arena;
    uint64_t *numbers = NULL;
    uint32_t capacity = 0;
    (void)state;
    mtr_shares_init(&total, 64 * MIB, 1);
    mtr_work_limit_init(&limit, 0, 64 * MIB, &total);
    mtr_work_limit_enter(&limit);
    mtr_arena_init(&arena, 64, SIZE_MAX);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < ITEMS; i++) {
            assert_int_equal(mtr_arena_make_room(&arena, (void **)&numbers, i, &capacity, sizeof(*numbers)), 0);
            numbers[i] = i;
            if (i % 1000 == 0) assert_non_null(mtr_arena_alloc(&arena, 100));
        }
        assert_int_equal(limit.bytes, arena.bytes_total);
        const struct mtr_arena_mark mark = mtr_arena_mark(&arena);
        assert_non_null(mtr_arena_alloc(&arena, MIB));
        mtr_arena_rewind(&arena, mark);
        assert_int_equal(limit.bytes, arena.bytes_total);
        mtr_arena_reset(&arena);
        assert_int_equal(limit.bytes, arena.bytes_total);
        assert_int_equal(mtr_shares_used(&total), arena.bytes_total);
        numbers = NULL;
        capacity = 0;
    }
    mtr_arena_release(&arena);
    mtr_work_limit_leave(&limit);
    mtr_work_limit_release(&limit);
    assert_int_equal(mtr_shares_used(&total), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_limit_everything_goes_on),
        cmocka_unit_test(work_ends_when_its_cpu_time_is_used_up),
        cmocka_unit_test(time_that_is_used_up_behind_the_last_look_counts),
        cmocka_unit_test(each_entry_has_the_time_anew),
        cmocka_unit_test(another_thread_calls_work_off),
        cmocka_unit_test(memory_ends_at_its_own_bound),
        cmocka_unit_test(all_at_work_share_a_total),
        cmocka_unit_test(what_only_counts_is_never_refused),
        cmocka_unit_test(arenas_give_back_all_that_they_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
