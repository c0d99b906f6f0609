/*
 * Two-choice buckets of tags. The first bucket is the identity's high half scaled to the table, so inserting
 * in sorted order walks memory forward; the second is found from the first and the tag alone, so an entry can
 * move between its two buckets without its identity.
 *
 * Does not check exactly, does not grow: the owner builds a new table from the sealed identities.
 */
#include "lib/store/dedup/dedup_tags.h"

#include <stdlib.h>
#include <string.h>

#include "lib/store/dedup/table_memory.h"

enum { TAG_BITS = 20 };
#define TAG_MASK ((UINT32_C(1) << TAG_BITS) - 1)

enum {
    FRESH_PERCENT = 60, /* load of a fresh table: 6.7 bytes an identity */
    FULL_PERCENT = 85,  /* a fuller table is built anew: 4.7 bytes */
    SPARSE_PERCENT = 20,
    BUCKETS_MIN = 64,
    FIRST_CHOICE_MAX = 12, /* a first bucket below this is taken without a look at the second */
    MOVES_MAX = 256,
};

_Static_assert(MTR_TAG_BUCKET_SLOTS % 4 == 0, "has_tag looks at four slots at a time");
_Static_assert(sizeof(struct mtr_tag_bucket) == MTR_CACHE_LINE_BYTES, "a bucket is a cache line");
_Static_assert(MTR_TAG_SEGMENT_SLOTS == 1 << (32 - TAG_BITS), "segment slot and tag fill a slot");

static uint64_t slots_of(const struct mtr_tag_table *table)
{
    return table->bucket_count * MTR_TAG_BUCKET_SLOTS;
}

int tags_init(struct mtr_tag_table *table, uint64_t count)
{
    uint64_t bucket_count = count / MTR_TAG_BUCKET_SLOTS * 100 / FRESH_PERCENT + 1;
    if (bucket_count < BUCKETS_MIN) bucket_count = BUCKETS_MIN;
    struct mtr_tag_bucket *buckets = table_memory_alloc(bucket_count * sizeof(*buckets));
    if (!buckets) return MTR_ENOMEM;
    *table = (struct mtr_tag_table){.buckets = buckets, .bucket_count = bucket_count};
    return MTR_OK;
}

void tags_release(struct mtr_tag_table *table)
{
    table_memory_free(table->buckets, table->bucket_count * sizeof(*table->buckets));
    *table = (struct mtr_tag_table){0};
}

uint64_t tags_memory_bytes(const struct mtr_tag_table *table)
{
    return table->bucket_count * sizeof(*table->buckets);
}

bool tags_fits(const struct mtr_tag_table *table, uint64_t count)
{
    if (count > slots_of(table) / 100 * FULL_PERCENT) return false;
    return table->bucket_count == BUCKETS_MIN || count >= slots_of(table) / 100 * SPARSE_PERCENT;
}

static uint32_t tag_of(struct mtr_event_identity identity)
{
    return (uint32_t)identity.low & TAG_MASK;
}

static uint64_t first_bucket(const struct mtr_tag_table *table, struct mtr_event_identity identity)
{
    return table_memory_scale(identity.high, table->bucket_count);
}

/* Its own inverse: the two buckets of a tag add up to a sum that the tag fixes. */
static uint64_t other_bucket(const struct mtr_tag_table *table, uint64_t bucket, uint32_t tag)
{
    uint64_t sum = table_memory_scale((uint64_t)(tag + 1) * UINT64_C(0x9E3779B97F4A7C15),
                                      table->bucket_count);
    return sum >= bucket ? sum - bucket : sum + table->bucket_count - bucket;
}

struct room {
    int free_slot; /* -1: none */
    unsigned taken;
    bool present; /* the very same tag and segment stand here already */
};

static struct room look(const struct mtr_tag_bucket *bucket, uint32_t value, const bool *live)
{
    struct room room = {.free_slot = -1};
    for (int i = 0; i < MTR_TAG_BUCKET_SLOTS; i++) {
        uint32_t slot = bucket->slots[i];
        if (slot == value) room.present = true;
        if (live[slot >> TAG_BITS])
            room.taken++;
        else if (room.free_slot < 0)
            room.free_slot = i;
    }
    return room;
}

/* Both buckets are full: moves entries to their other bucket until one finds a free slot. */
static uint32_t insert_moving(struct mtr_tag_table *table, uint64_t bucket, uint32_t value, const bool *live)
{
    for (int moves = 0; moves < MOVES_MAX; moves++) {
        uint32_t *slot = &table->buckets[bucket].slots[table->victim++ % MTR_TAG_BUCKET_SLOTS];
        uint32_t moved = *slot;
        *slot = value;
        value = moved;
        bucket = other_bucket(table, bucket, value & TAG_MASK);
        struct room room = look(&table->buckets[bucket], value, live);
        if (room.present) return 0;
        if (room.free_slot >= 0) {
            table->buckets[bucket].slots[room.free_slot] = value;
            return 0;
        }
    }
    return value >> TAG_BITS;
}

uint32_t tags_insert(struct mtr_tag_table *table, struct mtr_event_identity identity, uint32_t segment_slot,
                     const bool *live)
{
    MTR_ASSERT(segment_slot > 0 && segment_slot < MTR_TAG_SEGMENT_SLOTS && live[segment_slot]);
    uint32_t tag = tag_of(identity);
    uint32_t value = segment_slot << TAG_BITS | tag;
    uint64_t first = first_bucket(table, identity);
    struct room room = look(&table->buckets[first], value, live);
    if (room.present) return 0;
    if (room.taken < FIRST_CHOICE_MAX) {
        table->buckets[first].slots[room.free_slot] = value;
        return 0;
    }
    uint64_t second = other_bucket(table, first, tag);
    struct room other = look(&table->buckets[second], value, live);
    if (other.present) return 0;
    bool take_first = room.taken <= other.taken;
    uint64_t bucket = take_first ? first : second;
    int free_slot = take_first ? room.free_slot : other.free_slot;
    if (free_slot < 0) return insert_moving(table, bucket, value, live);
    table->buckets[bucket].slots[free_slot] = value;
    return 0;
}

void tags_prefetch(const struct mtr_tag_table *table, struct mtr_event_identity identity)
{
    uint64_t first = first_bucket(table, identity);
    __builtin_prefetch(&table->buckets[first]);
    __builtin_prefetch(&table->buckets[other_bucket(table, first, tag_of(identity))]);
}

typedef uint32_t four_slots __attribute__((vector_size(16)));

/* Four slots at a time: of nearly every bucket the answer is no. */
static bool has_tag(const struct mtr_tag_bucket *bucket, uint32_t tag)
{
    four_slots hits = {0}, slots;
    uint64_t halves[2];
    for (int i = 0; i < MTR_TAG_BUCKET_SLOTS; i += 4) {
        memcpy(&slots, &bucket->slots[i], sizeof(slots));
        hits |= (four_slots)((slots & TAG_MASK) == tag);
    }
    memcpy(halves, &hits, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

static uint32_t match(const struct mtr_tag_bucket *bucket, uint32_t tag, uint32_t *candidates, uint32_t count)
{
    uint32_t hits = 0;
    if (!has_tag(bucket, tag)) return count;
    for (int i = 0; i < MTR_TAG_BUCKET_SLOTS; i++)
        hits |= (uint32_t)((bucket->slots[i] & TAG_MASK) == tag) << i;
    for (; hits; hits &= hits - 1) {
        uint32_t segment_slot = bucket->slots[__builtin_ctz(hits)] >> TAG_BITS;
        if (segment_slot) candidates[count++] = segment_slot;
    }
    return count;
}

uint32_t tags_find(const struct mtr_tag_table *table, struct mtr_event_identity identity,
                   uint32_t candidates[MTR_TAG_CANDIDATES_MAX])
{
    uint32_t tag = tag_of(identity);
    uint64_t first = first_bucket(table, identity);
    uint64_t second = other_bucket(table, first, tag);
    uint32_t count = match(&table->buckets[first], tag, candidates, 0);
    return second == first ? count : match(&table->buckets[second], tag, candidates, count);
}
