/*
 * The compact table in front of the sealed segments: which of them may hold an identity.
 *
 * Buckets of one cache line, 16 slots of 32 bits: 12 bits of segment slot (0: empty), 20 bits of tag. An
 * identity stands in one of two buckets; a find reads both and names the segments whose tag matches: never
 * misses one that was inserted, and names a wrong one about once in 40,000 finds. A slot of a segment that is
 * no longer live counts as empty, so expiry costs nothing. 4.7 to 6.7 bytes for each identity. One thread at
 * a time. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_DEDUP_DEDUP_TAGS_H
#define METERD_LIB_STORE_DEDUP_DEDUP_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/event.h"

enum {
    MTR_TAG_SEGMENT_SLOTS = 4096, /* segment slots 1…4095 */
    MTR_TAG_BUCKET_SLOTS = 16,
    MTR_TAG_CANDIDATES_MAX = 2 * MTR_TAG_BUCKET_SLOTS,
};

struct mtr_tag_bucket {
    uint32_t slots[MTR_TAG_BUCKET_SLOTS];
};

struct mtr_tag_table {
    struct mtr_tag_bucket *buckets;
    uint64_t bucket_count;
    uint32_t victim; /* which slot is moved next when both buckets are full */
};

/* For `count` identities, with the headroom that a fresh table gets. MTR_ENOMEM. */
int tags_init(struct mtr_tag_table *table, uint64_t count) MTR_MUST_USE;
void tags_release(struct mtr_tag_table *table);
uint64_t tags_memory_bytes(const struct mtr_tag_table *table);
/* Is a table of this size right for `count` identities: not too full, and not mostly empty? */
bool tags_fits(const struct mtr_tag_table *table, uint64_t count);

/* `live[slot]` tells which segment slots are in use (live[0] is false). Returns 0, or the segment slot of
 * which one identity found no place: that segment must be asked on every find from now on. */
uint32_t tags_insert(struct mtr_tag_table *table, struct mtr_event_identity identity, uint32_t segment_slot,
                     const bool *live);

void tags_prefetch(const struct mtr_tag_table *table, struct mtr_event_identity identity);
/* Segment slots whose tag matches, expired ones included, each at least once; returns how many. */
uint32_t tags_find(const struct mtr_tag_table *table, struct mtr_event_identity identity,
                   uint32_t candidates[MTR_TAG_CANDIDATES_MAX]);

#endif
