/*
 * Has this reading met the same token or page before? In bounded memory: the first SEEN_HASHES_MAX are
 * remembered one by one; behind them a single one, which moves on each time its distance doubles (Brent). So
 * every loop is found, the short ones at once and any other after at most three times its length and what led
 * into it.
 *
 * One thread. Private to paging/.
 */
#ifndef METERD_COLLECTOR_SOURCE_PAGING_SEEN_H
#define METERD_COLLECTOR_SOURCE_PAGING_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"

enum { SEEN_HASHES_MAX = 4096 };

struct seen {
    uint64_t *slots; /* 0: free */
    uint32_t count, slot_count; /* a power of two */
    uint64_t mark, since, distance; /* Brent's */
};

void seen_release(struct seen *seen);
/* *was: it was there; else it is now. MTR_ENOMEM. */
int seen_add(struct seen *seen, uint64_t hash, bool *was) MTR_MUST_USE;

#endif
