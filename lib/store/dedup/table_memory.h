/*
 * Memory of the dedup index's tables: zeroed, aligned to cache lines, on huge pages where the table is large.
 * Random access over gigabytes costs a TLB miss for each find otherwise. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_DEDUP_TABLE_MEMORY_H
#define METERD_LIB_STORE_DEDUP_TABLE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    MTR_CACHE_LINE_BYTES = 64,
    MTR_HUGE_PAGE_BYTES = 2 << 20,
    MTR_TABLE_MAPPED_BYTES_MIN = 2 * MTR_HUGE_PAGE_BYTES
};

/* A large table is a mapping of its own: zero without being touched, so that room which is never used
 * costs no memory, and huge pages are cleared one by one as they fill. NULL: no memory. */
static inline void *table_memory_alloc(size_t bytes)
{
    if (bytes > SIZE_MAX - 2 * (size_t)MTR_HUGE_PAGE_BYTES) return NULL;
    if (bytes < MTR_TABLE_MAPPED_BYTES_MIN) {
        size_t rounded = (bytes + MTR_CACHE_LINE_BYTES - 1) / MTR_CACHE_LINE_BYTES * MTR_CACHE_LINE_BYTES;
        void *memory = aligned_alloc(MTR_CACHE_LINE_BYTES, rounded);
        if (memory) memset(memory, 0, rounded);
        return memory;
    }
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    (void)madvise(memory, bytes, MADV_HUGEPAGE); /* a hint: small pages work too */
    return memory;
}

/* `bytes` as it was allocated. NULL is fine. */
static inline void table_memory_free(void *memory, size_t bytes)
{
    if (!memory) return;
    if (bytes < MTR_TABLE_MAPPED_BYTES_MIN)
        free(memory);
    else
        (void)munmap(memory, bytes);
}

/* value of [0, 2^64) scaled to [0, range): keeps the order, so that a walk in sorted order fills a table
 * from front to back. */
static inline uint64_t table_memory_scale(uint64_t value, uint64_t range)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)((wide)value * range >> 64);
}

#endif
