/*
 * Token buckets, and the table of their owners: what is let through, and when again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/limits/owners.h"

#define S INT64_C(1000000)
enum { KEYS = 100000 };

/* One bucket, one step after the other: at that time so many are asked for. */
struct step {
    int64_t at_us;
    uint64_t count;
    bool is_taken;
    uint64_t left;    /* then */
    uint64_t wait_us; /* then, for the same again */
};

static void check_steps(const struct limit_rate *rate, const struct step *steps, size_t count)
{
    struct limit_bucket bucket = {0};
    for (size_t i = 0; i < count; i++) {
        const struct step *step = &steps[i];
        if (limit_bucket_take(&bucket, rate, step->count, step->at_us) != step->is_taken)
            fail_msg("step %zu: taken: %d", i, !step->is_taken);
        const uint64_t left = limit_bucket_left(&bucket, rate, step->at_us);
        const uint64_t wait_us = limit_bucket_wait_us(&bucket, rate, step->count, step->at_us);
        if (left != step->left || wait_us != step->wait_us)
            fail_msg("step %zu: left %llu, wait %llu", i, (unsigned long long)left, (unsigned long long)wait_us);
    }
}

#define CHECK(rate, steps) check_steps(&(struct limit_rate)rate, steps, sizeof(steps) / sizeof((steps)[0]))
#define RATE(per_second, burst) {per_second, burst}

static void burst_and_refill(void **state)
{
    const struct step steps[] = {
        {5 * S, 1, true, 3, 0},
        {5 * S, 3, true, 0, 3 * S / 2},      /* all at once */
        {5 * S, 1, false, 0, S / 2},         /* what is refused costs nothing */
        {5 * S + 499999, 1, false, 0, 1},
        {5 * S + 500000, 1, true, 0, S / 2}, /* to the microsecond */
        {6 * S, 1, true, 0, S / 2},
        {60 * S, 4, true, 0, 2 * S},         /* never more than the burst */
        {61 * S, 2, true, 0, S},
    };
    (void)state;
    CHECK(RATE(2, 4), steps);
}

static void more_than_the_burst(void **state)
{
    const struct step steps[] = {
        {0, 100, true, 0, 100 * S / 10}, /* of a full one: it owes 90 */
        {1 * S, 1, false, 0, 81 * S / 10},
        {9 * S, 1, false, 0, S / 10},
        {9 * S + S / 10, 1, true, 0, S / 10},
        {9 * S + S / 2, 100, false, 4, 6 * S / 10}, /* not of one that is not full */
        {10 * S + S / 5, 100, true, 0, 10 * S},
    };
    (void)state;
    CHECK(RATE(10, 10), steps);
}

static void clocks_that_are_odd(void **state)
{
    const struct step stands_still[] = {
        {7, 1, true, 1, 0}, {7, 1, true, 0, S}, {7, 1, false, 0, S}, {7, 1, false, 0, S}};
    const struct step goes_back[] = {
        {10 * S, 2, true, 0, 2 * S}, {9 * S, 1, false, 0, S}, {10 * S, 1, false, 0, S}, {11 * S, 1, true, 0, S}};
    const struct step wraps[] = {{INT64_MAX - S / 2 + 1, 2, true, 0, 2 * S},
                                 {INT64_MIN + S / 2 - 1, 1, false, 0, 1},
                                 {INT64_MIN + S / 2, 1, true, 0, S}};
    const struct step long_after[] = {{0, 2, true, 0, 2 * S}, {INT64_MAX, 2, true, 0, 2 * S}};
    (void)state;
    CHECK(RATE(1, 2), stands_still);
    CHECK(RATE(1, 2), goes_back);
    CHECK(RATE(1, 2), wraps);
    CHECK(RATE(1, 2), long_after);
}

static void large_numbers(void **state)
{
    const struct step steps[] = {
        {0, UINT64_MAX, true, 0, S},
        {S - 1, LIMIT_RATE_MAX, false, UINT64_C(1099510528264), 1},
        {S, LIMIT_RATE_MAX, true, 0, S},
    };
    (void)state;
    CHECK(RATE(LIMIT_RATE_MAX, LIMIT_RATE_MAX), steps);
    assert_int_equal(limit_burst(&(struct limit_rate)RATE(LIMIT_RATE_MAX, 0)), LIMIT_RATE_MAX);
    assert_int_equal(limit_burst(&(struct limit_rate)RATE(7, 0)), 70);
}

static void no_limit(void **state)
{
    const struct limit_rate none = RATE(0, 5);
    struct limit_bucket bucket = {.spent = 77};
    (void)state;
    for (int i = 0; i < 100; i++) assert_true(limit_bucket_take(&bucket, &none, UINT64_MAX, 0));
    limit_bucket_charge(&bucket, &none, 1000, 0);
    assert_int_equal(bucket.spent, 77);
    assert_int_equal(limit_bucket_wait_us(&bucket, &none, 1, 0), 0);
    assert_int_equal(limit_bucket_left(&bucket, &none, 0), 0);
}

static void charged_and_given_back(void **state)
{
    const struct limit_rate rate = RATE(10, 10);
    struct limit_bucket bucket = {0};
    (void)state;
    limit_bucket_charge(&bucket, &rate, 30, S); /* whatever there is */
    assert_int_equal(limit_bucket_wait_us(&bucket, &rate, 1, S), 21 * S / 10);
    limit_bucket_give(&bucket, 25);
    assert_int_equal(limit_bucket_left(&bucket, &rate, S), 5);
    limit_bucket_give(&bucket, 25); /* not more than full */
    assert_int_equal(limit_bucket_left(&bucket, &rate, S), 10);
    for (int i = 0; i < 100; i++) limit_bucket_charge(&bucket, &rate, UINT64_MAX, S); /* of no end is nothing */
    assert_true(limit_bucket_wait_us(&bucket, &rate, 1, S) > 0);
}

/* ---- owners ---- */

static const struct limit_rates ten = {.of = {[LIMIT_REQUESTS] = RATE(10, 10)}};

static bool take(struct limit_owners *owners, uint32_t key, int64_t now_us)
{
    struct limit_owner *owner = limit_owners_find(owners, mtr_owner_of_key(key), &ten, now_us);
    return limit_bucket_take(&owner->buckets[LIMIT_REQUESTS], &ten.of[LIMIT_REQUESTS], 1, now_us);
}

static void many_keys(void **state)
{
    struct limit_owners *owners;
    (void)state;
    assert_int_equal(limit_owners_open(KEYS, &owners), MTR_OK);
    for (int round = 0; round < 10; round++)
        for (uint32_t key = 1; key <= KEYS; key++) assert_true(take(owners, key, S));
    for (uint32_t key = 1; key <= KEYS; key++) assert_false(take(owners, key, S));
    assert_int_equal(limit_owners_count(owners), KEYS);
    limit_owners_close(owners);
}

static void forgets_who_is_idle(void **state)
{
    struct limit_owners *owners;
    (void)state;
    assert_int_equal(limit_owners_open(100, &owners), MTR_OK);
    for (uint32_t key = 1; key <= KEYS; key++) assert_true(take(owners, key, key * S)); /* one a second */
    assert_int_equal(limit_owners_count(owners), 100);
    limit_owners_close(owners);
}

/* Coming back under a flood of others does not fill a bucket, and the flood has one bucket for what is over. */
static void forgets_nobody_else(void **state)
{
    struct limit_owners *owners;
    uint32_t let_through = 0;
    (void)state;
    assert_int_equal(limit_owners_open(100, &owners), MTR_OK);
    for (int i = 0; i < 10; i++) assert_true(take(owners, 1, S));
    for (uint32_t key = 2; key <= KEYS; key++) let_through += take(owners, key, S);
    assert_int_equal(let_through, 99 + 10);
    assert_false(take(owners, 1, S));
    assert_int_equal(limit_owners_count(owners), 100);
    assert_true(take(owners, KEYS + 1, 2 * S)); /* they are full again */
    limit_owners_close(owners);
}

static void stays_while_calls_are_under_way(void **state)
{
    struct limit_owners *owners;
    (void)state;
    assert_int_equal(limit_owners_open(2, &owners), MTR_OK);
    struct limit_owner *owner = limit_owners_find(owners, mtr_owner_of_key(1), &ten, S);
    owner->calls = 1;
    for (uint32_t key = 2; key <= 1000; key++) assert_true(take(owners, key, key * S));
    assert_ptr_equal(limit_owners_find(owners, mtr_owner_of_key(1), &ten, 2000 * S), owner);
    assert_int_equal(owner->calls, 1);
    limit_owners_close(owners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_and_refill),       cmocka_unit_test(more_than_the_burst),
        cmocka_unit_test(clocks_that_are_odd),    cmocka_unit_test(large_numbers),
        cmocka_unit_test(no_limit),               cmocka_unit_test(charged_and_given_back),
        cmocka_unit_test(many_keys),              cmocka_unit_test(forgets_who_is_idle),
        cmocka_unit_test(forgets_nobody_else),    cmocka_unit_test(stays_while_calls_are_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
