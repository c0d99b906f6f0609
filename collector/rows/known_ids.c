/*
 * Open addressing with linear probing, at most half full.
 */
#include "collector/rows/known_ids.h"

#include <stdlib.h>
#include <xxhash.h>

#include "meterd/collector/row_reader.h"

enum { SLOTS_MIN = 1 << 10 };

void known_ids_release(struct known_ids *ids)
{
    free(ids->slots);
    *ids = (struct known_ids){0};
}

/* Where it stands, or would. */
static struct known_id *find(const struct known_ids *ids, uint64_t high, uint32_t low)
{
    uint32_t at = (uint32_t)high & (ids->slot_count - 1);
    while (ids->slots[at].count && (ids->slots[at].high != high || ids->slots[at].low != low))
        at = (at + 1) & (ids->slot_count - 1);
    return &ids->slots[at];
}

static int grow(struct known_ids *ids)
{
    struct known_ids larger = {.slot_count = ids->slot_count ? ids->slot_count * 2 : SLOTS_MIN};
    larger.slots = calloc(larger.slot_count, sizeof(*larger.slots));
    if (!larger.slots) return MTR_ENOMEM;
    for (uint32_t i = 0; i < ids->slot_count; i++)
        if (ids->slots[i].count) *find(&larger, ids->slots[i].high, ids->slots[i].low) = ids->slots[i];
    larger.count = ids->count;
    free(ids->slots);
    *ids = larger;
    return MTR_OK;
}

int known_ids_add(struct known_ids *ids, struct mtr_str source, struct mtr_str id, uint32_t *count)
{
    const uint64_t seed = source.size ? XXH3_64bits(source.data, source.size) : 0;
    const XXH128_hash_t hash = XXH3_128bits_withSeed(id.size ? id.data : "", id.size, seed);
    if (ids->count >= ids->slot_count / 2) {
        int rc = ids->count < MTR_ROWS_KNOWN_MAX ? grow(ids) : MTR_ELIMIT;
        if (rc) return rc;
    }
    struct known_id *known = find(ids, hash.high64, (uint32_t)hash.low64);
    if (!known->count) {
        ids->count++;
        *known = (struct known_id){.high = hash.high64, .low = (uint32_t)hash.low64};
    }
    *count = ++known->count;
    return MTR_OK;
}
