/*
 * Hash index of a snapshot: open addressing, power of two, at most half full, built once and then only read.
 * Private to lib/catalog.
 *
 * A slot holds 32 bits of the hash and a number from 1 up; the caller compares the text of the candidate.
 * Equal hashes may be inserted more than once: next() gives every candidate in turn.
 *
 *   for (uint32_t probe = 0, number; (number = hash_index_next(&index, hash, &probe)) != 0;)
 *       if (is_it(number)) return number;
 */
#ifndef METERD_LIB_CATALOG_HASH_INDEX_H
#define METERD_LIB_CATALOG_HASH_INDEX_H

#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

struct mtr_index_slot {
    uint32_t tag;
    uint32_t number; /* 0: empty */
};

struct mtr_index {
    struct mtr_index_slot *slots; /* owned by the arena */
    uint64_t mask;
};

uint64_t hash_index_hash(struct mtr_str text, uint64_t seed);

int hash_index_init(struct mtr_index *index, struct mtr_arena *arena, uint32_t count_max) MTR_MUST_USE;
void hash_index_add(struct mtr_index *index, uint64_t hash, uint32_t number);

static inline uint32_t hash_index_next(const struct mtr_index *index, uint64_t hash, uint32_t *probe)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    for (;;) {
        const struct mtr_index_slot *slot = &index->slots[(hash + *probe) & index->mask];
        if (slot->number == 0) return 0;
        (*probe)++;
        if (slot->tag == tag) return slot->number;
    }
}

#endif
