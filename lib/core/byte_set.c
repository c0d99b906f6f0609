/*
 * A set of byte strings: open addressing over XXH3, at most half full, doubled by re-adding.
 */
#include "meterd/core/byte_set.h"

#include <string.h>
#include <xxhash.h>

enum { SLOTS_MIN = 64 };

static uint32_t first_slot(const struct mtr_byte_set *set, struct mtr_str key)
{
    return (uint32_t)XXH3_64bits(key.data, key.size) & (set->slot_count - 1);
}

static int grow(struct mtr_byte_set *set)
{
    uint32_t slot_count = set->slot_count ? set->slot_count * 2 : SLOTS_MIN;
    if (slot_count > UINT32_MAX / 4) return MTR_ELIMIT;
    uint32_t *slots = mtr_arena_calloc(set->arena, slot_count, sizeof(*slots));
    struct mtr_str *keys = mtr_arena_calloc(set->arena, slot_count / 2, sizeof(*keys));
    if (!slots || !keys) return MTR_ENOMEM;
    if (set->count) memcpy(keys, set->keys, set->count * sizeof(*keys));
    set->slots = slots;
    set->keys = keys;
    set->slot_count = slot_count;
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t at = first_slot(set, keys[i]);
        while (slots[at]) at = (at + 1) & (slot_count - 1);
        slots[at] = i + 1;
    }
    return MTR_OK;
}

int mtr_byte_set_add(struct mtr_byte_set *set, struct mtr_str key, uint32_t *number, bool *is_new)
{
    if (set->count >= set->slot_count / 2) {
        int rc = grow(set);
        if (rc) return rc;
    }
    uint32_t at = first_slot(set, key);
    for (; set->slots[at]; at = (at + 1) & (set->slot_count - 1)) {
        if (!mtr_str_equal(set->keys[set->slots[at] - 1], key)) continue;
        *number = set->slots[at] - 1;
        *is_new = false;
        return MTR_OK;
    }
    struct mtr_str copy = {NULL, 0};
    int rc = key.size ? mtr_arena_copy(set->arena, key, &copy) : MTR_OK;
    if (rc) return rc;
    set->keys[set->count] = copy;
    set->slots[at] = ++set->count;
    *number = set->count - 1;
    *is_new = true;
    return MTR_OK;
}
