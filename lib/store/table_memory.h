/*
 * Memory of the dedup index's tables: zeroed, aligned to cache lines, on huge pages where the table is large.
 * Random access over gigabytes costs a TLB miss for each find otherwise. Private to lib/store.
 */
#ifndef METERD_STORE_TABLE_MEMORY_H
#define METERD_STORE_TABLE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MTR_CACHE_LINE_BYTES = 64, MTR_HUGE_PAGE_BYTES = 2 << 20 };

/* NULL: no memory. free() releases it. */
static inline void *mtr_table_alloc(size_t bytes)
{
    size_t alignment = bytes >= 2 * (size_t)MTR_HUGE_PAGE_BYTES ? MTR_HUGE_PAGE_BYTES : MTR_CACHE_LINE_BYTES;
    if (bytes > SIZE_MAX - alignment) return NULL;
    size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void *memory = aligned_alloc(alignment, rounded);
    if (!memory) return NULL;
    if (alignment == MTR_HUGE_PAGE_BYTES) (void)madvise(memory, rounded, MADV_HUGEPAGE); /* a hint: small pages work too */
    memset(memory, 0, rounded);
    return memory;
}

/* value of [0, 2^64) scaled to [0, range): keeps the order, so that a walk in sorted order fills a table from front to back. */
static inline uint64_t mtr_table_scale(uint64_t value, uint64_t range)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)((wide)value * range >> 64);
}

#endif
