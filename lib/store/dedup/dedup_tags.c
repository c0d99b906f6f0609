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


enum { TAG_BITS = 20, WORD_BITS = 32 };
#define TAG_MASK ((UINT32_C(1) << TAG_BITS) - 1)

enum {
    FRESH_PERCENT = 60, /* load of a fresh table */
    FULL_PERCENT = 85,  /* a fuller table is built anew */
    SPARSE_PERCENT = 20,
    BUCKETS_MIN = 64,
    FIRST_CHOICE_PERCENT = 75, /* a first bucket with less is taken without a look at the second */
    MOVES_MAX = 256,
};

_Static_assert(sizeof(struct mtr_tag_bucket) == MTR_CACHE_LINE_BYTES, "a bucket is a cache line");
_Static_assert(MTR_TAG_NARROW_SLOTS == MTR_TAG_WIDE_SLOTS + 4 && MTR_TAG_WIDE_SLOTS % 4 == 0,
               "has_tag looks at four slots at a time, and at four more in a narrow table");
_Static_assert(MTR_TAG_NARROW_SEGMENTS == (1 << (WORD_BITS - TAG_BITS)) - 1, "segment and tag fill a word");
_Static_assert(MTR_TAG_WIDE_SEGMENTS == (1 << (WORD_BITS + 8 - TAG_BITS)) - 1, "and a byte");
_Static_assert(MTR_TAG_WIDE_SLOTS * (sizeof(uint32_t) + 1) <= MTR_CACHE_LINE_BYTES, "and all of them fit");

static unsigned slots_a_bucket(const struct mtr_tag_table *table)
{
    return table->is_wide ? MTR_TAG_WIDE_SLOTS : MTR_TAG_NARROW_SLOTS;
}

static uint64_t slots_of(const struct mtr_tag_table *table)
{
    return table->bucket_count * slots_a_bucket(table);
}

int tags_init(struct mtr_tag_table *table, uint64_t count, bool is_wide)
{
    struct mtr_tag_table fresh = {.is_wide = is_wide};
    uint64_t bucket_count = count / slots_a_bucket(&fresh) * 100 / FRESH_PERCENT + 1;
    if (bucket_count < BUCKETS_MIN) bucket_count = BUCKETS_MIN;
    fresh.buckets = table_memory_alloc(bucket_count * sizeof(*fresh.buckets));
    if (!fresh.buckets) return MTR_ENOMEM;
    fresh.bucket_count = bucket_count;
    *table = fresh;
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

uint32_t tags_segments_max(const struct mtr_tag_table *table)
{
    return table->is_wide ? MTR_TAG_WIDE_SEGMENTS : MTR_TAG_NARROW_SEGMENTS;
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

/* ---- slots: tag, and above it the place of the segment; 0 is empty ---- */

static uint64_t get_slot(const struct mtr_tag_table *table, const struct mtr_tag_bucket *bucket, unsigned i)
{
    const uint8_t *upper = (const uint8_t *)&bucket->words[MTR_TAG_WIDE_SLOTS];
    return table->is_wide ? bucket->words[i] | (uint64_t)upper[i] << WORD_BITS : bucket->words[i];
}

static void put_slot(const struct mtr_tag_table *table, struct mtr_tag_bucket *bucket, unsigned i,
                     uint64_t slot)
{
    uint8_t *upper = (uint8_t *)&bucket->words[MTR_TAG_WIDE_SLOTS];
    bucket->words[i] = (uint32_t)slot;
    if (table->is_wide) upper[i] = (uint8_t)(slot >> WORD_BITS);
}

/* The places of a range: they go round from the last to the first. */
struct places {
    uint32_t first, count, all; /* first counts from 0, what stands in slots from 1 */
};

static struct places places_of(const struct mtr_tag_table *table, struct mtr_tag_range range)
{
    const uint32_t all = tags_segments_max(table);
    return (struct places){range.first % all, range.count, all};
}

/* How far behind the first of the range; at least its count where the segment is not in it. */
static uint32_t behind_first(struct places places, uint64_t slot)
{
    const uint32_t place = (uint32_t)(slot >> TAG_BITS);
    if (!place) return UINT32_MAX;
    const uint32_t at = place - 1;
    return at >= places.first ? at - places.first : at + places.all - places.first;
}

struct room {
    int free_slot; /* -1: none */
    unsigned taken;
    bool present; /* the very same tag and segment stand here already */
};

static struct room look(const struct mtr_tag_table *table, const struct mtr_tag_bucket *bucket,
                        uint64_t wanted, struct places places)
{
    struct room room = {.free_slot = -1};
    const unsigned slots = slots_a_bucket(table);
    for (unsigned i = 0; i < slots; i++) {
        const uint64_t slot = get_slot(table, bucket, i);
        if (slot == wanted) room.present = true;
        if (behind_first(places, slot) < places.count)
            room.taken++;
        else if (room.free_slot < 0)
            room.free_slot = (int)i;
    }
    return room;
}

/* Both buckets are full: moves slots to their other bucket until one finds a free place. Returns what found
 * none, or 0. */
static uint64_t insert_moving(struct mtr_tag_table *table, uint64_t bucket, uint64_t slot,
                              struct places places)
{
    for (int moves = 0; moves < MOVES_MAX; moves++) {
        const unsigned i = table->victim++ % slots_a_bucket(table);
        const uint64_t moved = get_slot(table, &table->buckets[bucket], i);
        put_slot(table, &table->buckets[bucket], i, slot);
        slot = moved;
        bucket = other_bucket(table, bucket, (uint32_t)slot & TAG_MASK);
        struct room room = look(table, &table->buckets[bucket], slot, places);
        if (room.present) return 0;
        if (room.free_slot >= 0) {
            put_slot(table, &table->buckets[bucket], (unsigned)room.free_slot, slot);
            return 0;
        }
    }
    return slot;
}

uint32_t tags_insert(struct mtr_tag_table *table, struct mtr_event_identity identity, uint32_t segment,
                     struct mtr_tag_range range)
{
    MTR_ASSERT(segment - range.first < range.count && range.count <= tags_segments_max(table));
    const struct places places = places_of(table, range);
    const uint32_t tag = tag_of(identity);
    const uint64_t slot = ((uint64_t)(segment % places.all) + 1) << TAG_BITS | tag;
    uint64_t first = first_bucket(table, identity);
    struct room room = look(table, &table->buckets[first], slot, places);
    if (room.present) return 0;
    if (room.taken * 100 < slots_a_bucket(table) * FIRST_CHOICE_PERCENT) {
        put_slot(table, &table->buckets[first], (unsigned)room.free_slot, slot);
        return 0;
    }
    uint64_t second = other_bucket(table, first, tag);
    struct room other = look(table, &table->buckets[second], slot, places);
    if (other.present) return 0;
    bool take_first = room.taken <= other.taken;
    uint64_t bucket = take_first ? first : second;
    int free_slot = take_first ? room.free_slot : other.free_slot;
    if (free_slot >= 0) {
        put_slot(table, &table->buckets[bucket], (unsigned)free_slot, slot);
        return 0;
    }
    const uint64_t homeless = insert_moving(table, bucket, slot, places);
    return homeless ? range.first + behind_first(places, homeless) : 0;
}

void tags_prefetch(const struct mtr_tag_table *table, struct mtr_event_identity identity)
{
    uint64_t first = first_bucket(table, identity);
    __builtin_prefetch(&table->buckets[first]);
    __builtin_prefetch(&table->buckets[other_bucket(table, first, tag_of(identity))]);
}

typedef uint32_t four_words __attribute__((vector_size(16)));

static four_words four_at(const struct mtr_tag_bucket *bucket, unsigned i, uint32_t tag)
{
    four_words words;
    memcpy(&words, &bucket->words[i], sizeof(words));
    return (four_words)((words & TAG_MASK) == tag);
}

/* Four slots at a time: of nearly every bucket the answer is no. */
static bool has_tag(const struct mtr_tag_table *table, const struct mtr_tag_bucket *bucket, uint32_t tag)
{
    uint64_t halves[2];
    four_words hits = four_at(bucket, 0, tag);
    for (unsigned i = 4; i < MTR_TAG_WIDE_SLOTS; i += 4) hits |= four_at(bucket, i, tag);
    if (!table->is_wide) hits |= four_at(bucket, MTR_TAG_WIDE_SLOTS, tag);
    memcpy(halves, &hits, sizeof(halves));
    return (halves[0] | halves[1]) != 0;
}

static uint32_t match(const struct mtr_tag_table *table, uint64_t at, uint32_t tag,
                      struct mtr_tag_range range, uint32_t *candidates, uint32_t count)
{
    const struct mtr_tag_bucket *bucket = &table->buckets[at];
    if (!has_tag(table, bucket, tag)) return count;
    const struct places places = places_of(table, range);
    const unsigned slots = slots_a_bucket(table);
    for (unsigned i = 0; i < slots; i++) {
        const uint64_t slot = get_slot(table, bucket, i);
        if (((uint32_t)slot & TAG_MASK) != tag) continue;
        const uint32_t behind = behind_first(places, slot);
        if (behind < places.count) candidates[count++] = range.first + behind;
    }
    return count;
}

uint32_t tags_find(const struct mtr_tag_table *table, struct mtr_event_identity identity,
                   struct mtr_tag_range range, uint32_t candidates[MTR_TAG_CANDIDATES_MAX])
{
    uint32_t tag = tag_of(identity);
    uint64_t first = first_bucket(table, identity);
    uint64_t second = other_bucket(table, first, tag);
    uint32_t count = match(table, first, tag, range, candidates, 0);
    return second == first ? count : match(table, second, tag, range, candidates, count);
}
