/*
 * Sorts items that begin with a hash: a number spread evenly over 64 bits, as a keyed digest is.
 *
 *   mtr_hash_sort(rows, count, sizeof(*rows), compare_rows);
 *
 * In place, and some times faster than qsort, which compares: items go to the place that their hash names.
 * Where hashes are equal, `compare` decides. It must order by the hash first; equal items may change places.
 *
 * However the hashes are, it ends, in n log n steps, with a bounded stack. Pure.
 */
#ifndef METERD_CORE_HASH_SORT_H
#define METERD_CORE_HASH_SORT_H

#include <stddef.h>
#include <stdint.h>

enum { MTR_HASH_SORT_BYTES_MAX = 128 }; /* of an item */

/* size: of an item, whose first 8 bytes are the hash in the machine's order. */
void mtr_hash_sort(void *items, uint64_t count, size_t size, int (*compare)(const void *, const void *));

#endif
