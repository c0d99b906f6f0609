/*
 * Shares: the bound is never passed, nobody has all of it, and nothing of what is refused stays taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "meterd/share/shares.h"

enum { BYTES = 1000, THREADS = 4, ROUNDS = 20000 };

static struct mtr_shares shares;

static uint64_t fill(mtr_owner owner)
{
    uint64_t bytes = 0;
    while (mtr_shares_take(&shares, owner, 1)) bytes++;
    assert_true(mtr_shares_of(&shares, owner) == bytes);
    return bytes;
}

static void there_is_room_for_whoever_comes(void **state)
{
    (void)state;
    mtr_shares_init(&shares, BYTES, 1);
    const uint64_t first = fill(1), second = fill(2), third = fill(3);
    assert_in_range(first, 750, 752);
    assert_in_range(second, 185, 190);
    assert_in_range(third, 44, 50);
    assert_true(fill(4) >= 1);
    mtr_shares_give(&shares, 1, first);
    mtr_shares_give(&shares, 2, second);
    assert_true(mtr_shares_take(&shares, 2, 500));
    assert_false(mtr_shares_take(&shares, 2, 300)); /* by steps or at once: the same */
    assert_true(mtr_shares_take(&shares, 1, 300));
}

static void what_is_refused_is_not_taken(void **state)
{
    (void)state;
    mtr_shares_init(&shares, BYTES, 2);
    assert_false(mtr_shares_take(&shares, 1, BYTES));
    assert_false(mtr_shares_take(&shares, 1, UINT64_MAX)); /* it does not wrap */
    assert_int_equal(mtr_shares_used(&shares), 0);
    assert_true(mtr_shares_take(&shares, 1, 0));
    mtr_shares_note(&shares, 1, 2 * BYTES); /* what is counted may pass it */
    assert_int_equal(mtr_shares_used(&shares), 2 * BYTES);
    assert_false(mtr_shares_take(&shares, 2, 1));
    assert_false(mtr_shares_take(&shares, 2, 0));
    mtr_shares_give(&shares, 1, 2 * BYTES);
    assert_true(mtr_shares_take(&shares, 2, 1));
}

static void *use(void *context)
{
    const mtr_owner owner = *(const mtr_owner *)context;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const uint64_t bytes = i % 300;
        if (!mtr_shares_take(&shares, owner, bytes)) continue;
        mtr_shares_give(&shares, owner, bytes);
    }
    return NULL;
}

static void threads_share(void **state)
{
    mtr_owner owners[THREADS] = {1, 2, 3, 1};
    pthread_t threads[THREADS];
    (void)state;
    mtr_shares_init(&shares, BYTES, 3);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, &owners[i]), 0);
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(mtr_shares_used(&shares), 0);
    for (int i = 0; i < MTR_SHARES_PLACES; i++) assert_int_equal(shares.of_owners[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_room_for_whoever_comes),
        cmocka_unit_test(what_is_refused_is_not_taken),
        cmocka_unit_test(threads_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
