/*
 * A set of hashes that stops growing, and a mark that moves on.
 */
#include "collector/source/paging/seen.h"

#include <stdlib.h>

enum { SLOTS_FIRST = 64 };

void seen_release(struct seen *seen)
{
    free(seen->slots);
    *seen = (struct seen){0};
}

static uint64_t *slot_of(uint64_t *slots, uint32_t slot_count, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (slot_count - 1);
    while (slots[at] && slots[at] != hash) at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

/* At most half of the slots are used. */
static int grow(struct seen *seen)
{
    const uint32_t slot_count = seen->slot_count ? 2 * seen->slot_count : SLOTS_FIRST;
    if (2 * (seen->count + 1) <= seen->slot_count) return MTR_OK;
    uint64_t *slots = calloc(slot_count, sizeof(*slots));
    if (!slots) return MTR_ENOMEM;
    for (uint32_t i = 0; i < seen->slot_count; i++)
        if (seen->slots[i]) *slot_of(slots, slot_count, seen->slots[i]) = seen->slots[i];
    free(seen->slots);
    seen->slots = slots;
    seen->slot_count = slot_count;
    return MTR_OK;
}

int seen_add(struct seen *seen, uint64_t hash, bool *was)
{
    hash += hash == 0;
    *was = (seen->slot_count && *slot_of(seen->slots, seen->slot_count, hash)) || hash == seen->mark;
    if (*was) return MTR_OK;
    if (seen->count < SEEN_HASHES_MAX) {
        int rc = grow(seen);
        if (rc) return rc;
        *slot_of(seen->slots, seen->slot_count, hash) = hash;
        seen->count++;
    } else if (++seen->since > seen->distance) {
        seen->mark = hash;
        seen->since = 0;
        seen->distance = 2 * seen->distance + 1;
    }
    return MTR_OK;
}
