/*
 * Counters. Whoever takes too much for a moment gives it back at once: another may be refused then who would
 * have had room, and nobody is let through who has not.
 */
#include "meterd/share/shares.h"

#include "meterd/core/error.h"

static atomic_uint_fast64_t *place_of(struct mtr_shares *shares, mtr_owner owner)
{
    uint64_t hash = owner ^ shares->seed; /* splitmix64's last steps */
    hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9;
    hash = (hash ^ hash >> 27) * 0x94d049bb133111eb;
    return &shares->of_owners[(hash ^ hash >> 31) % MTR_SHARES_PLACES];
}

void mtr_shares_init(struct mtr_shares *shares, uint64_t bytes_max, uint64_t seed)
{
    shares->bytes_max = bytes_max;
    shares->seed = seed;
    atomic_init(&shares->used, 0);
    for (uint32_t i = 0; i < MTR_SHARES_PLACES; i++) atomic_init(&shares->of_owners[i], 0);
}

/* Of what all and the owner hold, that included. */
static bool is_share(const struct mtr_shares *shares, uint64_t used, uint64_t own)
{
    return used <= shares->bytes_max && own / MTR_SHARES_TIMES_FREE <= shares->bytes_max - used;
}

bool mtr_shares_take(struct mtr_shares *shares, mtr_owner owner, uint64_t bytes)
{
    if (bytes > shares->bytes_max) return false;
    atomic_uint_fast64_t *place = place_of(shares, owner);
    const uint64_t own = atomic_fetch_add_explicit(place, bytes, memory_order_relaxed) + bytes,
                   used = atomic_fetch_add_explicit(&shares->used, bytes, memory_order_relaxed) + bytes;
    if (is_share(shares, used, own)) return true;
    mtr_shares_give(shares, owner, bytes);
    return false;
}

void mtr_shares_note(struct mtr_shares *shares, mtr_owner owner, uint64_t bytes)
{
    atomic_fetch_add_explicit(place_of(shares, owner), bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&shares->used, bytes, memory_order_relaxed);
}

void mtr_shares_give(struct mtr_shares *shares, mtr_owner owner, uint64_t bytes)
{
    const uint64_t own = atomic_fetch_sub_explicit(place_of(shares, owner), bytes, memory_order_relaxed),
                   used = atomic_fetch_sub_explicit(&shares->used, bytes, memory_order_relaxed);
    MTR_ASSERT(own >= bytes && used >= bytes);
}

uint64_t mtr_shares_of(struct mtr_shares *shares, mtr_owner owner)
{
    return atomic_load_explicit(place_of(shares, owner), memory_order_relaxed);
}

uint64_t mtr_shares_used(struct mtr_shares *shares)
{
    return atomic_load_explicit(&shares->used, memory_order_relaxed);
}
