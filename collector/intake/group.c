/*
 * The group's arrays and its table of claims. Identities are keyed hashes, so their low bits spread by
 * themselves.
 */
#include "collector/intake/group.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 1024 };

void group_init(struct mtr_group *group)
{
    *group = (struct mtr_group){0};
    group_reset(group);
}

void group_release(struct mtr_group *group)
{
    free(group->keys);
    free(group->matches);
    free(group->stored);
    free(group->stored_keys);
    free(group->claims);
    group_init(group);
}

void group_reset(struct mtr_group *group)
{
    group->first = NULL;
    group->last = &group->first;
    group->count = 0;
    group->bytes = 0;
    group->stored_count = 0;
}

void group_add(struct mtr_group *group, struct mtr_request *request, uint32_t count)
{
    const uint64_t bytes =
        request->count ? request->body_bytes * count / request->count : request->body_bytes;
    MTR_ASSERT(count <= request->count - request->part_first - request->part_count);
    if (request->part_count == 0) {
        request->next = NULL;
        *group->last = request;
        group->last = &request->next;
    }
    request->part_count += count;
    group->count += count;
    group->bytes += bytes;
}

static int grow(struct mtr_group *group, uint32_t capacity)
{
    free(group->keys);
    free(group->matches);
    free(group->stored);
    free(group->stored_keys);
    free(group->claims);
    group->capacity = 0;
    group->keys = malloc(capacity * sizeof(*group->keys));
    group->matches = malloc(capacity * sizeof(*group->matches));
    group->stored = malloc(capacity * sizeof(*group->stored));
    group->stored_keys = malloc(capacity * sizeof(*group->stored_keys));
    group->claims = malloc((size_t)capacity * 2 * sizeof(*group->claims));
    if (!group->keys || !group->matches || !group->stored || !group->stored_keys || !group->claims)
        return MTR_ENOMEM;
    group->capacity = capacity;
    return MTR_OK;
}

int group_prepare(struct mtr_group *group)
{
    uint32_t capacity = CAPACITY_MIN;
    while (capacity < group->count) capacity *= 2;
    if (capacity > group->capacity) {
        int rc = grow(group, capacity);
        if (rc) return rc;
    }
    group->claims_mask =
        capacity * 2 - 1; /* of this group's size, so that clearing costs what the group is worth */
    memset(group->claims, 0, (size_t)capacity * 2 * sizeof(*group->claims));
    group->stored_count = 0;
    return MTR_OK;
}

/* The claim's place: the one that holds the identity, or the free one where it belongs. */
static uint32_t *claim_of(const struct mtr_group *group, struct mtr_event_identity identity)
{
    for (uint32_t i = (uint32_t)identity.low & group->claims_mask;; i = (i + 1) & group->claims_mask) {
        uint32_t *claim = &group->claims[i];
        if (!*claim) return claim;
        struct mtr_event_identity held = group->stored_keys[*claim - 1].identity;
        if (held.high == identity.high && held.low == identity.low) return claim;
    }
}

int64_t group_find(const struct mtr_group *group, struct mtr_event_identity identity)
{
    return (int64_t)*claim_of(group, identity) - 1;
}

uint64_t group_store(struct mtr_group *group, const struct mtr_event *event, struct mtr_dedup_key key,
                     enum mtr_disposition disposition, uint64_t target_seq)
{
    MTR_ASSERT(group->stored_count < group->count && group->count <= group->capacity);
    uint32_t *claim = claim_of(group, key.identity);
    MTR_ASSERT(!*claim);
    uint32_t index = group->stored_count++;
    group->stored[index] = *event;
    group->stored[index].disposition = disposition;
    group->stored[index].target_seq = target_seq;
    group->stored_keys[index] = key;
    *claim = index + 1;
    return group->first_seq + index;
}
