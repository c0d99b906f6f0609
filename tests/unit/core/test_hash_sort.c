/*
 * Sorting by a hash gives what qsort gives: of any size and count, and where hashes are alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "meterd/core/hash_sort.h"
#include "tests/support/random.h"

enum { WORDS_MAX = MTR_HASH_SORT_BYTES_MAX / 8, COUNT_MAX = 20000 };

static size_t words_of_item;

/* By all words, the hash first: what is equal here is the same. */
static int compare(const void *a, const void *b)
{
    uint64_t x[WORDS_MAX], y[WORDS_MAX];
    memcpy(x, a, words_of_item * 8);
    memcpy(y, b, words_of_item * 8);
    for (size_t i = 0; i < words_of_item; i++)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

/* What hashes are like. */
static uint64_t hash_even(struct random_source *random, uint64_t i)
{
    (void)i;
    return random_u64(random);
}

static uint64_t hash_one(struct random_source *random, uint64_t i)
{
    (void)random;
    (void)i;
    return UINT64_C(0x8000000000000001);
}

static uint64_t hash_few(struct random_source *random, uint64_t i)
{
    (void)i;
    return random_below(random, 7) * UINT64_C(0x2492492492492492);
}

static uint64_t hash_low_bits(struct random_source *random, uint64_t i)
{
    (void)random;
    return ~i;
}

static uint64_t hash_rising(struct random_source *random, uint64_t i)
{
    (void)random;
    return i << 40;
}

/* One hash of half the items, and the others spread. */
static uint64_t hash_lopsided(struct random_source *random, uint64_t i)
{
    return i % 2 ? UINT64_MAX : random_u64(random) >> random_below(random, 64);
}

static uint64_t (*const hashes[])(struct random_source *, uint64_t) = {hash_even,     hash_one,    hash_few,
                                                                        hash_low_bits, hash_rising, hash_lopsided};

static void sort_both(uint64_t (*hash)(struct random_source *, uint64_t), uint64_t count, struct random_source *random)
{
    const size_t size = words_of_item * 8;
    uint64_t *items = test_malloc(count * size + 1), *expected = test_malloc(count * size + 1);
    for (uint64_t i = 0; i < count; i++) {
        items[i * words_of_item] = hash(random, i);
        for (size_t word = 1; word < words_of_item; word++) items[i * words_of_item + word] = random_below(random, 1000);
    }
    memcpy(expected, items, count * size);
    qsort(expected, count, size, compare);
    mtr_hash_sort(items, count, size, compare);
    assert_memory_equal(items, expected, count * size);
    test_free(items);
    test_free(expected);
}

static void test_it_sorts_as_qsort_does(void **state)
{
    static const uint64_t counts[] = {1, 2, 3, 24, 25, 26, 100, 1000, COUNT_MAX};
    struct random_source random = {7};
    (void)state;
    for (words_of_item = 1; words_of_item <= WORDS_MAX; words_of_item += words_of_item < 8 ? 1 : 8)
        for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
            for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) sort_both(hashes[i], counts[k], &random);
}

static void test_nothing_is_sorted(void **state)
{
    (void)state;
    mtr_hash_sort(NULL, 0, 32, compare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_it_sorts_as_qsort_does), cmocka_unit_test(test_nothing_is_sorted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
