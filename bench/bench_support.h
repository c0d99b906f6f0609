/*
 * What the benches share: a clock, a temporary directory, and seeded numbers.
 */
#ifndef METERD_BENCH_BENCH_SUPPORT_H
#define METERD_BENCH_BENCH_SUPPORT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_CHECK(expression)                                                                              \
    do {                                                                                                     \
        int bench_rc = (expression);                                                                         \
        if (bench_rc) {                                                                                      \
            fprintf(stderr, "%s:%d: %s gave %d\n", __FILE__, __LINE__, #expression, bench_rc);               \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

static inline int64_t bench_clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* splitmix64 */
static inline uint64_t bench_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* An argument as a number, or its default. */
static inline uint64_t bench_argument(int argc, char **argv, int index, uint64_t fallback)
{
    return argc > index ? strtoull(argv[index], NULL, 10) : fallback;
}

#endif
