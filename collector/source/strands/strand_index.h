/*
 * The strands of a source by their `each`: a hash table that grows. Private to poller*.c.
 */
#ifndef METERD_COLLECTOR_SOURCE_STRANDS_STRAND_INDEX_H
#define METERD_COLLECTOR_SOURCE_STRANDS_STRAND_INDEX_H

#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"

struct poller_strand;

struct strand_index {
    struct poller_strand **slots; /* chains by index_next */
    uint32_t slot_count, count;
};

struct poller_strand *strand_index_find(const struct strand_index *index, struct mtr_str each); /* or NULL */
/* Its `each` is not in the index. MTR_ENOMEM. */
int strand_index_add(struct strand_index *index, struct poller_strand *strand) MTR_MUST_USE;
void strand_index_remove(struct strand_index *index, struct poller_strand *strand);
void strand_index_release(struct strand_index *index);

#endif
