/*
 * Hash index: linear probing over XXH3. Invariant: at least half of the slots are empty, so every probe ends.
 *
 * Contents come from operators, never from strangers, so an unkeyed hash is enough; strangers only look up.
 */
#include "lib/catalog/hash_index.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { SLOTS_MIN = 8 };

uint64_t hash_index_hash(struct mtr_str text, uint64_t seed)
{
    return XXH3_64bits_withSeed(text.size ? text.data : "", text.size, seed);
}

int hash_index_init(struct mtr_index *index, struct mtr_arena *arena, uint32_t count_max)
{
    uint64_t size = SLOTS_MIN;
    while (size < (uint64_t)count_max * 2 + 1) size *= 2;
    struct mtr_index_slot *slots = mtr_arena_calloc(arena, size, sizeof(*slots));
    if (!slots) return MTR_ENOMEM;
    *index = (struct mtr_index){slots, size - 1};
    return MTR_OK;
}

void hash_index_add(struct mtr_index *index, uint64_t hash, uint32_t number)
{
    MTR_ASSERT(number != 0);
    uint64_t at = hash & index->mask;
    while (index->slots[at].number) at = (at + 1) & index->mask;
    index->slots[at] = (struct mtr_index_slot){(uint32_t)(hash >> 32), number};
}
