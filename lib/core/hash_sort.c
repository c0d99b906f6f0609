/*
 * Items go to buckets by the next bits of their hash, then each bucket by the bits behind those; a few of
 * them are put in order one by one. Buckets are filled in place: an item that stands in another's bucket
 * changes places with what stands there, until one comes that is at home.
 *
 * Bits are used up from above, so buckets are nested 64 / BITS_MIN deep at most. Items that all 64 bits leave
 * together are sorted as a heap.
 */
#include "meterd/core/hash_sort.h"

#include <stdbool.h>
#include <string.h>

#include "meterd/core/error.h"

enum { BITS_MIN = 3, BITS_MAX = 8, HASH_BITS = 64, FEW = 24 };

/* Where the size is known, items move in registers. */
#define INLINE static inline __attribute__((always_inline))

typedef int compare_items(const void *, const void *);

struct sorting {
    size_t size;
    compare_items *compare;
};

INLINE uint64_t hash_of(const char *item)
{
    uint64_t hash;
    memcpy(&hash, item, sizeof(hash));
    return hash;
}

/* ---- a few ---- */

INLINE bool is_before(const struct sorting *sorting, const char *a, const char *b)
{
    const uint64_t x = hash_of(a), y = hash_of(b);
    return x < y || (x == y && sorting->compare(a, b) < 0);
}

INLINE void insert_all(const struct sorting *sorting, char *items, uint64_t count, size_t size)
{
    char moved[MTR_HASH_SORT_BYTES_MAX];
    for (uint64_t i = 1; i < count; i++) {
        char *place = items + i * size;
        if (!is_before(sorting, place, place - size)) continue;
        memcpy(moved, place, size);
        do {
            memcpy(place, place - size, size);
            place -= size;
        } while (place > items && is_before(sorting, moved, place - size));
        memcpy(place, moved, size);
    }
}

/* ---- a heap ---- */

static void swap(char *a, char *b, size_t size)
{
    char held[MTR_HASH_SORT_BYTES_MAX];
    memcpy(held, a, size);
    memcpy(a, b, size);
    memcpy(b, held, size);
}

static void sink(const struct sorting *sorting, char *items, uint64_t at, uint64_t count)
{
    const size_t size = sorting->size;
    for (uint64_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        char *item = items + at * size, *larger = items + child * size;
        if (child + 1 < count && sorting->compare(larger, larger + size) < 0) {
            larger += size;
            child++;
        }
        if (sorting->compare(item, larger) >= 0) return;
        swap(item, larger, size);
        at = child;
    }
}

static void sort_heap(const struct sorting *sorting, char *items, uint64_t count)
{
    for (uint64_t i = count / 2; i-- > 0;) sink(sorting, items, i, count);
    for (uint64_t end = count; end-- > 1;) {
        swap(items, items + end * sorting->size, sorting->size);
        sink(sorting, items, 0, end);
    }
}

/* ---- buckets ---- */

struct buckets {
    unsigned bits, shift;
    uint64_t next[1 << BITS_MAX], end[1 << BITS_MAX]; /* of each: the first place not filled; where it ends */
};

INLINE uint32_t bucket_of(const struct buckets *buckets, const char *item)
{
    return (uint32_t)(hash_of(item) >> buckets->shift) & ((1u << buckets->bits) - 1);
}

/* So many that a handful of items comes into each. */
INLINE void lay_out(struct buckets *buckets, const char *items, uint64_t count, size_t size, unsigned used)
{
    unsigned bits = BITS_MIN;
    while (bits < BITS_MAX && count >> (bits + 2)) bits++;
    buckets->bits = bits < HASH_BITS - used ? bits : HASH_BITS - used;
    buckets->shift = HASH_BITS - used - buckets->bits;
    const uint32_t bucket_count = 1u << buckets->bits;
    uint64_t end = 0;
    memset(buckets->end, 0, bucket_count * sizeof(buckets->end[0]));
    for (uint64_t i = 0; i < count; i++) buckets->end[bucket_of(buckets, items + i * size)]++;
    for (uint32_t i = 0; i < bucket_count; i++) {
        buckets->next[i] = end;
        end += buckets->end[i];
        buckets->end[i] = end;
    }
}

/* The item at `place` goes home, as does what stood there, until one comes that belongs to `bucket`. */
INLINE void send_home(struct buckets *buckets, char *items, char *place, uint32_t bucket, size_t size)
{
    char moved[MTR_HASH_SORT_BYTES_MAX], met[MTR_HASH_SORT_BYTES_MAX];
    uint32_t home = bucket_of(buckets, place);
    memcpy(moved, place, size);
    while (home != bucket) {
        char *to = items + buckets->next[home]++ * size;
        memcpy(met, to, size);
        memcpy(to, moved, size);
        memcpy(moved, met, size);
        home = bucket_of(buckets, moved);
    }
    memcpy(place, moved, size);
}

INLINE void fill(struct buckets *buckets, char *items, size_t size)
{
    for (uint32_t i = 0; i < 1u << buckets->bits; i++)
        for (; buckets->next[i] < buckets->end[i]; buckets->next[i]++)
            send_home(buckets, items, items + buckets->next[i] * size, i, size);
}

static void sort_by_bits(const struct sorting *sorting, char *items, uint64_t count, unsigned used);

/* size: sorting->size, for a compiler that knows it. */
INLINE void sort_of_size(const struct sorting *sorting, char *items, uint64_t count, unsigned used,
                                size_t size)
{
    struct buckets buckets;
    uint64_t begin = 0;
    if (count <= FEW) {
        insert_all(sorting, items, count, size);
        return;
    }
    lay_out(&buckets, items, count, size, used);
    fill(&buckets, items, size);
    for (uint32_t i = 0; i < 1u << buckets.bits; begin = buckets.end[i++])
        if (buckets.end[i] - begin > 1)
            sort_by_bits(sorting, items + begin * size, buckets.end[i] - begin, used + buckets.bits);
}

static void sort_by_bits(const struct sorting *sorting, char *items, uint64_t count, unsigned used)
{
    enum { SMALL = 32, MIDDLE = 48 };
    if (used == HASH_BITS)
        sort_heap(sorting, items, count);
    else if (sorting->size == SMALL)
        sort_of_size(sorting, items, count, used, SMALL);
    else if (sorting->size == MIDDLE)
        sort_of_size(sorting, items, count, used, MIDDLE);
    else
        sort_of_size(sorting, items, count, used, sorting->size);
}

void mtr_hash_sort(void *items, uint64_t count, size_t size, int (*compare)(const void *, const void *))
{
    const struct sorting sorting = {size, compare};
    MTR_ASSERT(size >= sizeof(uint64_t) && size <= MTR_HASH_SORT_BYTES_MAX);
    if (count > 1) sort_by_bits(&sorting, items, count, 0);
}
