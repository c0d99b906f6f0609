/*
 * How often an id has come, by 96 bits of its hash. Grows by doubling, to MTR_ROWS_KNOWN_MAX ids. One thread.
 */
#ifndef METERD_COLLECTOR_ROWS_KNOWN_IDS_H
#define METERD_COLLECTOR_ROWS_KNOWN_IDS_H

#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"

struct known_id {
    uint64_t high;
    uint32_t low;
    uint32_t count; /* 0: free */
};

struct known_ids {
    struct known_id *slots; /* a power of two; owned */
    uint32_t slot_count, count;
};

void known_ids_release(struct known_ids *ids);
/* One more of that source and id: how many there are by now. MTR_ELIMIT, MTR_ENOMEM. */
int known_ids_add(struct known_ids *ids, struct mtr_str source, struct mtr_str id,
                  uint32_t *count) MTR_MUST_USE;

#endif
