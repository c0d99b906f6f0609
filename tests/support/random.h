/*
 * Numbers at random out of a seed: splitmix64, the same in every test.
 */
#ifndef METERD_TESTS_SUPPORT_RANDOM_H
#define METERD_TESTS_SUPPORT_RANDOM_H

#include <stdint.h>

struct random_source {
    uint64_t state;
};

static inline uint64_t random_u64(struct random_source *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline uint64_t random_below(struct random_source *random, uint64_t bound)
{
    return random_u64(random) % bound;
}

#endif
