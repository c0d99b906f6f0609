/*
 * Exact table: linear probing from home = identity.high scaled to the capacity. No entry is ever taken out.
 *
 * Invariants: count <= capacity × 3/4; an empty place ends every search; offsets fit 32 bits (a segment holds
 * fewer events).
 */
#include "lib/store/dedup/dedup_exact.h"

#include <stdlib.h>
#include <string.h>

#include "lib/store/dedup/table_memory.h"

#define ENTRY_USED (UINT32_C(1) << 31)
enum { CAPACITY_MIN = 64 };

_Static_assert(sizeof(struct mtr_log_identity) == 32, "two entries a cache line");

static uint64_t capacity_for(uint64_t count)
{
    uint64_t capacity = count + count / 3 + 1;
    return capacity < CAPACITY_MIN ? CAPACITY_MIN : capacity;
}

int identities_init(struct mtr_identities *table, uint64_t count)
{
    uint64_t capacity = capacity_for(count);
    if (capacity > SIZE_MAX / sizeof(struct mtr_log_identity)) return MTR_ENOMEM;
    struct mtr_log_identity *entries = table_memory_alloc(capacity * sizeof(*entries));
    if (!entries) return MTR_ENOMEM;
    *table = (struct mtr_identities){.entries = entries, .capacity = capacity};
    return MTR_OK;
}

int identities_prepare(struct mtr_identities *table, uint64_t count, struct mtr_identities *recycled)
{
    uint64_t capacity = capacity_for(count);
    bool fits = recycled->entries && recycled->capacity >= capacity && recycled->capacity / 2 <= capacity;
    int rc = MTR_OK;
    if (fits) {
        *table = (struct mtr_identities){.entries = recycled->entries, .capacity = recycled->capacity};
        *recycled = (struct mtr_identities){0};
    } else {
        identities_release(recycled);
        rc = identities_init(table, count);
    }
    if (!rc) memset(table->entries, 0, table->capacity * sizeof(*table->entries));
    return rc;
}

void identities_release(struct mtr_identities *table)
{
    table_memory_free(table->entries, table->capacity * sizeof(*table->entries));
    *table = (struct mtr_identities){0};
}

bool identities_has_room(const struct mtr_identities *table, uint64_t count)
{
    return capacity_for(table->count + count) <= table->capacity;
}

static uint64_t home_of(const struct mtr_identities *table, struct mtr_event_identity identity)
{
    return table_memory_scale(identity.high, table->capacity);
}

/* The place of the identity, or the empty one where it belongs. */
static struct mtr_log_identity *place_of(const struct mtr_identities *table,
                                         struct mtr_event_identity identity)
{
    uint64_t i = home_of(table, identity);
    for (;;) {
        struct mtr_log_identity *entry = &table->entries[i];
        if (!(entry->flags & ENTRY_USED)) return entry;
        if (entry->identity.high == identity.high && entry->identity.low == identity.low) return entry;
        if (++i == table->capacity) i = 0;
    }
}

void identities_move(struct mtr_identities *table, struct mtr_identities *larger)
{
    struct mtr_identities old = *table;
    MTR_ASSERT(!larger->count && capacity_for(old.count) <= larger->capacity);
    larger->count = old.count;
    larger->base_seq = old.base_seq;
    for (uint64_t i = 0; i < old.capacity; i++)
        if (old.entries[i].flags & ENTRY_USED) *place_of(larger, old.entries[i].identity) = old.entries[i];
    *table = *larger;
    *larger = old;
}

int identities_reserve(struct mtr_identities *table, uint64_t count)
{
    if (identities_has_room(table, count)) return MTR_OK;
    struct mtr_identities grown;
    uint64_t wanted = table->count + count;
    uint64_t doubled = table->count * 2;
    int rc = identities_init(&grown, wanted > doubled ? wanted : doubled);
    if (rc) return rc;
    identities_move(table, &grown);
    identities_release(&grown);
    return MTR_OK;
}

void identities_prefetch(const struct mtr_identities *table, struct mtr_event_identity identity)
{
    __builtin_prefetch(&table->entries[home_of(table, identity)]);
}

const struct mtr_log_identity *identities_find(const struct mtr_identities *table,
                                               struct mtr_event_identity identity)
{
    const struct mtr_log_identity *entry = place_of(table, identity);
    return entry->flags & ENTRY_USED ? entry : NULL;
}

bool identities_add(struct mtr_identities *table, struct mtr_event_identity identity, uint64_t digest,
                    uint32_t flags, uint64_t seq)
{
    struct mtr_log_identity *entry = place_of(table, identity);
    if (entry->flags & ENTRY_USED) return false;
    MTR_ASSERT(identities_has_room(table, 1));
    MTR_ASSERT(!(flags & ENTRY_USED));
    if (!table->count) table->base_seq = seq;
    MTR_ASSERT(seq >= table->base_seq && seq - table->base_seq <= UINT32_MAX);
    *entry = (struct mtr_log_identity){.identity = identity,
                                       .digest = digest,
                                       .seq_offset = (uint32_t)(seq - table->base_seq),
                                       .flags = flags | ENTRY_USED};
    table->count++;
    return true;
}

const struct mtr_log_identity *identities_entry(const struct mtr_identities *table, uint64_t index)
{
    const struct mtr_log_identity *entry = &table->entries[index];
    return entry->flags & ENTRY_USED ? entry : NULL;
}

static bool is_before(const struct mtr_log_identity *a, const struct mtr_log_identity *b)
{
    if (a->identity.high != b->identity.high) return a->identity.high < b->identity.high;
    return a->identity.low < b->identity.low;
}

/* The first empty place: what stands before it may have wrapped around the end. */
static uint64_t front_of(const struct mtr_identities *table)
{
    uint64_t front = 0;
    while (identities_entry(table, front)) front++;
    return front;
}

/* The entries of places [from, to) that are at home from `front` on (far), or before it. Returns how many. */
static uint64_t copy_places(const struct mtr_identities *table, uint64_t from, uint64_t to, uint64_t front,
                            bool far, struct mtr_log_identity *records)
{
    uint64_t count = 0;
    for (uint64_t i = from; i < to; i++) {
        const struct mtr_log_identity *entry = identities_entry(table, i);
        if (entry && (home_of(table, entry->identity) >= front) == far) records[count++] = *entry;
    }
    return count;
}

void identities_sort(const struct mtr_identities *table, uint64_t first_seq, struct mtr_log_identity *records)
{
    MTR_ASSERT(!table->count || table->base_seq >= first_seq);
    const uint64_t front = front_of(table);
    uint64_t count = copy_places(table, 0, front, front, false, records);
    count += copy_places(table, front, table->capacity, front, true, records + count);
    count += copy_places(table, 0, front, front, true, records + count);
    MTR_ASSERT(count == table->count);

    uint64_t shift = table->base_seq - first_seq;
    /* insertion: nothing is further from its place than its run of full places is long */
    for (uint64_t i = 0; i < count; i++) {
        struct mtr_log_identity record = records[i];
        MTR_ASSERT(record.seq_offset + shift <= UINT32_MAX);
        record.seq_offset += (uint32_t)shift;
        record.flags &= ~ENTRY_USED;
        uint64_t j = i;
        for (; j && is_before(&record, &records[j - 1]); j--) records[j] = records[j - 1];
        records[j] = record;
    }
}
