/*
 * The compact table in front of the sealed segments: which of them may hold an identity.
 *
 * Buckets of one cache line. A slot is 20 bits of tag and the segment: in a narrow table 12 bits, 16 slots
 * a bucket, 4.7 to 6.7 bytes an identity; in a wide one 20 bits, 12 slots, 6.3 to 8.9 bytes. An identity
 * stands in one of two buckets; a find reads both and names the segments whose tag matches: never misses one
 * that was inserted, and names a wrong one about once in 40,000 finds.
 *
 * Segments are those in the window, whose numbers follow one another: at most as many as the table can tell
 * apart. A slot of a segment that is no longer among them counts as empty, so expiry costs nothing. One
 * thread at a time. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_DEDUP_DEDUP_TAGS_H
#define METERD_LIB_STORE_DEDUP_DEDUP_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/event.h"

enum {
    MTR_TAG_NARROW_SEGMENTS = (1 << 12) - 1, /* 0 is an empty slot */
    MTR_TAG_WIDE_SEGMENTS = (1 << 20) - 1,
    MTR_TAG_NARROW_SLOTS = 16,
    MTR_TAG_WIDE_SLOTS = 12,
    MTR_TAG_CANDIDATES_MAX = 2 * MTR_TAG_NARROW_SLOTS,
};

/* Of a wide table the last four words hold upper bytes of the segments. */
struct mtr_tag_bucket {
    uint32_t words[MTR_TAG_NARROW_SLOTS];
};

struct mtr_tag_table {
    struct mtr_tag_bucket *buckets;
    uint64_t bucket_count;
    uint32_t victim; /* which slot is moved next when both buckets are full */
    bool is_wide;
};

/* The segments in the window: `count` numbers from `first` on. */
struct mtr_tag_range {
    uint32_t first, count;
};

/* For `count` identities, with the headroom that a fresh table gets. MTR_ENOMEM. */
int tags_init(struct mtr_tag_table *table, uint64_t count, bool is_wide) MTR_MUST_USE;
void tags_release(struct mtr_tag_table *table);
uint64_t tags_memory_bytes(const struct mtr_tag_table *table);
/* How many segments it can tell apart. */
uint32_t tags_segments_max(const struct mtr_tag_table *table);
/* Is a table of this size right for `count` identities: not too full, and not mostly empty? */
bool tags_fits(const struct mtr_tag_table *table, uint64_t count);

/* `segment` is in the range, whose count is at most tags_segments_max. Returns 0, or the segment of which one
 * identity found no place: it must be asked on every find from now on. */
uint32_t tags_insert(struct mtr_tag_table *table, struct mtr_event_identity identity, uint32_t segment,
                     struct mtr_tag_range range);

void tags_prefetch(const struct mtr_tag_table *table, struct mtr_event_identity identity);
/* Segments of the range whose tag matches, each at least once; returns how many. */
uint32_t tags_find(const struct mtr_tag_table *table, struct mtr_event_identity identity,
                   struct mtr_tag_range range, uint32_t candidates[MTR_TAG_CANDIDATES_MAX]);

#endif
