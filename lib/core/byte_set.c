/*
 * A set of byte strings: open addressing over XXH3, at most half full, doubled by re-adding.
 */
#include "meterd/core/byte_set.h"

#include <string.h>
#include <xxhash.h>

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t slot_of(const struct mtr_byte_set *set, struct mtr_str key)
{
    uint32_t at = (uint32_t)XXH3_64bits(key.data, key.size) & (set->slot_count - 1);
    while (set->slots[at] && !mtr_str_equal(set->keys[set->slots[at] - 1], key))
        at = (at + 1) & (set->slot_count - 1);
    return at;
}

static int grow(struct mtr_byte_set *set)
{
    if (set->slot_count > UINT32_MAX / 8) return MTR_ELIMIT;
    int rc = mtr_arena_make_room(set->arena, (void **)&set->slots, set->slot_count, &set->slot_count,
                                 sizeof(*set->slots));
    if (rc) return rc;
    memset(set->slots, 0, set->slot_count * sizeof(*set->slots));
    for (uint32_t i = 0; i < set->count; i++) set->slots[slot_of(set, set->keys[i])] = i + 1;
    return MTR_OK;
}

int mtr_byte_set_add(struct mtr_byte_set *set, struct mtr_str key, uint32_t *number, bool *is_new)
{
    uint32_t at = set->slot_count ? slot_of(set, key) : 0;
    if (set->slot_count && set->slots[at]) {
        *number = set->slots[at] - 1;
        *is_new = false;
        return MTR_OK;
    }
    struct mtr_str copy = {NULL, 0};
    int rc = MTR_OK;
    if (set->count >= set->slot_count / 2) {
        rc = grow(set);
        if (!rc) at = slot_of(set, key);
    }
    if (!rc)
        rc = mtr_arena_make_room(set->arena, (void **)&set->keys, set->count, &set->key_capacity,
                                 sizeof(*set->keys));
    if (!rc && key.size) rc = mtr_arena_copy(set->arena, key, &copy);
    if (rc) return rc;
    set->keys[set->count] = copy;
    set->slots[at] = ++set->count;
    *number = set->count - 1;
    *is_new = true;
    return MTR_OK;
}

bool mtr_byte_set_find(const struct mtr_byte_set *set, struct mtr_str key, uint32_t *number)
{
    const uint32_t at = set->slot_count ? slot_of(set, key) : 0;
    if (!set->slot_count || !set->slots[at]) return false;
    *number = set->slots[at] - 1;
    return true;
}
