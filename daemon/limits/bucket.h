/*
 * A token bucket: so many a second, and so many at once. What it holds is exact: integers of a millionth,
 * since one of a second is that much a microsecond.
 *
 *   full ─ take ─▶ less ─ time ─▶ full
 *
 * A bucket of zeros is full. More than a full one holds is taken of a full one, which then owes. Times are
 * monotonic µs; one that stands still, or goes back, gives nothing, and one that wraps is time as any other.
 */
#ifndef METERD_DAEMON_LIMITS_BUCKET_H
#define METERD_DAEMON_LIMITS_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Neither may be larger than this. */
#define LIMIT_RATE_MAX (UINT64_C(1) << 40)

struct limit_rate {
    uint64_t per_second; /* 0: there is no limit */
    uint64_t burst;      /* 0: as many as come in ten seconds */
};

struct limit_bucket {
    uint64_t spent;  /* millionths */
    uint64_t seen_us; /* when that was so */
};

uint64_t limit_burst(const struct limit_rate *rate);
/* True: they are taken. Of a rate without a limit always. */
bool limit_bucket_take(struct limit_bucket *bucket, const struct limit_rate *rate, uint64_t count,
                       int64_t now_us);
/* What has come already: it may owe more than before. */
void limit_bucket_charge(struct limit_bucket *bucket, const struct limit_rate *rate, uint64_t count,
                         int64_t now_us);
/* Back, of what was taken. */
void limit_bucket_give(struct limit_bucket *bucket, uint64_t count);
/* Whole ones that are left. */
uint64_t limit_bucket_left(struct limit_bucket *bucket, const struct limit_rate *rate, int64_t now_us);
/* Until so many can be taken; 0: now. With 0 of them: until it is full. */
uint64_t limit_bucket_wait_us(struct limit_bucket *bucket, const struct limit_rate *rate, uint64_t count,
                              int64_t now_us);

#endif
