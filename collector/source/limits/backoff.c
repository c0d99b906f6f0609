/*
 * Full jitter by hash (splitmix64 of seed and tries).
 */
#include "collector/source/limits/backoff.h"

#include "meterd/core/error.h"

static uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

int64_t backoff_us(uint64_t seed, uint32_t tries, int64_t first_us, int64_t most_us)
{
    MTR_ASSERT(tries > 0 && first_us > 0 && first_us <= most_us);
    int64_t span = first_us;
    for (uint32_t i = 1; i < tries && span < most_us; i++) span = span > most_us / 2 ? most_us : 2 * span;
    const int64_t least = (span + 15) / 16;
    return least + (int64_t)(mix(seed + tries) % (uint64_t)(span - least + 1));
}
