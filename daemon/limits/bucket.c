/*
 * See bucket.h. Counts are cut at LIMIT_RATE_MAX, so that a sum of two of them, in millionths, fits 64 bits.
 */
#include "daemon/limits/bucket.h"

#include "meterd/core/error.h"

#define MILLION UINT64_C(1000000)
#define SPENT_MAX (3 * LIMIT_RATE_MAX * MILLION)

enum { BURST_SECONDS = 10 };

uint64_t limit_burst(const struct limit_rate *rate)
{
    MTR_ASSERT(rate->per_second <= LIMIT_RATE_MAX && rate->burst <= LIMIT_RATE_MAX);
    if (rate->burst) return rate->burst;
    const uint64_t burst = rate->per_second * BURST_SECONDS;
    return burst < LIMIT_RATE_MAX ? burst : LIMIT_RATE_MAX;
}

static uint64_t millionths(uint64_t count)
{
    return (count < LIMIT_RATE_MAX ? count : LIMIT_RATE_MAX) * MILLION;
}

/* What has come since. */
static void settle(struct limit_bucket *bucket, const struct limit_rate *rate, int64_t now_us)
{
    const uint64_t passed_us = (uint64_t)now_us - bucket->seen_us;
    if (passed_us > INT64_MAX) return; /* it went back */
    bucket->seen_us = (uint64_t)now_us;
    if (!bucket->spent) return;
    if (passed_us > bucket->spent / rate->per_second) bucket->spent = 0;
    else bucket->spent -= passed_us * rate->per_second;
}

/* Above this a bucket has not so many. */
static uint64_t spent_max(const struct limit_rate *rate, uint64_t count)
{
    const uint64_t burst = limit_burst(rate);
    return millionths(burst - (count < burst ? count : burst));
}

static void spend(struct limit_bucket *bucket, uint64_t count)
{
    bucket->spent += millionths(count);
    if (bucket->spent > SPENT_MAX) bucket->spent = SPENT_MAX;
}

bool limit_bucket_take(struct limit_bucket *bucket, const struct limit_rate *rate, uint64_t count,
                       int64_t now_us)
{
    if (!rate->per_second) return true;
    settle(bucket, rate, now_us);
    if (bucket->spent > spent_max(rate, count)) return false;
    spend(bucket, count);
    return true;
}

void limit_bucket_charge(struct limit_bucket *bucket, const struct limit_rate *rate, uint64_t count,
                         int64_t now_us)
{
    if (!rate->per_second) return;
    settle(bucket, rate, now_us);
    spend(bucket, count);
}

void limit_bucket_give(struct limit_bucket *bucket, uint64_t count)
{
    const uint64_t back = millionths(count);
    bucket->spent -= back < bucket->spent ? back : bucket->spent;
}

uint64_t limit_bucket_left(struct limit_bucket *bucket, const struct limit_rate *rate, int64_t now_us)
{
    if (!rate->per_second) return 0;
    settle(bucket, rate, now_us);
    const uint64_t all = millionths(limit_burst(rate));
    return bucket->spent < all ? (all - bucket->spent) / MILLION : 0;
}

uint64_t limit_bucket_wait_us(struct limit_bucket *bucket, const struct limit_rate *rate, uint64_t count,
                              int64_t now_us)
{
    if (!rate->per_second) return 0;
    settle(bucket, rate, now_us);
    const uint64_t most = count ? spent_max(rate, count) : 0;
    if (bucket->spent <= most) return 0;
    return (bucket->spent - most + rate->per_second - 1) / rate->per_second;
}
