/*
 * A budget of bytes: never exceeded, whoever asks, and nothing of what is refused stays taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "meterd/share/byte_budget.h"

enum { BUDGET = 1000, THREADS = 4, ROUNDS = 20000 };

static void takes_all_or_nothing(void **state)
{
    struct mtr_byte_budget budget;
    (void)state;
    mtr_byte_budget_init(&budget, BUDGET);
    assert_true(mtr_byte_budget_take(&budget, 600));
    assert_false(mtr_byte_budget_take(&budget, 401));
    assert_int_equal(mtr_byte_budget_used(&budget), 600);
    assert_true(mtr_byte_budget_take(&budget, 400));
    assert_false(mtr_byte_budget_take(&budget, 1));
    assert_true(mtr_byte_budget_take(&budget, 0));
    assert_false(mtr_byte_budget_take(&budget, UINT64_MAX)); /* it does not wrap */
    mtr_byte_budget_give(&budget, BUDGET);
    assert_int_equal(mtr_byte_budget_used(&budget), 0);
    assert_false(mtr_byte_budget_take(&budget, BUDGET + 1));
}

struct user {
    struct mtr_byte_budget *budget;
    atomic_uint_fast64_t *held;
    uint64_t most;
};

static void *use(void *context)
{
    struct user *user = context;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        const uint64_t bytes = round * 7919 % (BUDGET / 2);
        if (!mtr_byte_budget_take(user->budget, bytes)) continue;
        const uint64_t held = atomic_fetch_add(user->held, bytes) + bytes;
        if (held > user->most) user->most = held;
        atomic_fetch_sub(user->held, bytes);
        mtr_byte_budget_give(user->budget, bytes);
    }
    return NULL;
}

static void is_never_exceeded_by_many_threads(void **state)
{
    struct mtr_byte_budget budget;
    atomic_uint_fast64_t held = 0;
    struct user users[THREADS];
    pthread_t threads[THREADS];
    (void)state;
    mtr_byte_budget_init(&budget, BUDGET);
    for (int i = 0; i < THREADS; i++) {
        users[i] = (struct user){&budget, &held, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, use, &users[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(users[i].most <= BUDGET);
    }
    assert_int_equal(mtr_byte_budget_used(&budget), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_all_or_nothing),
        cmocka_unit_test(is_never_exceeded_by_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
