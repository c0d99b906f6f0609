/*
 * Counters of one reading: samples of values that only grow become exact differences.
 *
 *   sample   09:59  10:00  10:15  10:30  10:45        a window from 10:00 on, asked for with `before`
 *   value      70    100    120      5     25
 *   use         –      30     20      5     20        of the first sample none; a value below the one before
 *                                                     is a counter that began again at 0
 *
 * Each difference is of the later sample, at its time. What it is made of is in one reading: the samples of
 * its window, and of each series the last one before it. So consecutive windows add up to the last value less
 * the first one, whatever was restated, and nothing is kept between readings. Samples of a series come in the
 * order of their time; one that comes again is none.
 *
 * By 128 bits of a hash of property and series. Grows by doubling, to COUNTERS_MAX. One thread.
 */
#ifndef METERD_COLLECTOR_ROWS_COUNTER_COUNTERS_H
#define METERD_COLLECTOR_ROWS_COUNTER_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/decimal.h"
#include "meterd/core/error.h"
#include "meterd/core/hash.h"

enum { COUNTERS_MAX = 1 << 18 };

struct counter;

struct counters {
    struct counter *slots; /* a power of two; owned */
    uint32_t slot_count, count;
};

enum counter_step {
    COUNTER_OPENS, /* the first of its series: nothing to be less than */
    COUNTER_GREW,  /* or stood still */
    COUNTER_RESET, /* it began again at 0 */
    COUNTER_AGAIN, /* the sample before, once more */
    COUNTER_BACK,  /* earlier than the sample before, or another value at its time */
};

struct counter_sample {
    struct mtr_hash128 series;
    int64_t time_us;
    struct mtr_decimal value; /* not negative */
};

struct counter_use {
    enum counter_step step;
    struct mtr_decimal difference; /* GREW, RESET */
    int64_t before_us;             /* of the sample before; OPENS: 0 */
};

/* MTR_ELIMIT: more than COUNTERS_MAX series. MTR_EPRECISION: the difference has too many digits. MTR_ENOMEM.
 */
int counters_take(struct counters *counters, const struct counter_sample *sample,
                  struct counter_use *out) MTR_MUST_USE;
void counters_release(struct counters *counters);

#endif
