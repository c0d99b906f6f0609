/*
 * Chains of strands, as many as there are slots.
 */
#include "collector/source/strands/strand_index.h"

#include <stdlib.h>
#include <xxhash.h>

#include "collector/source/poll/poller_state.h"

enum { SLOTS_MIN = 1 };

static struct poller_strand **slot_of(const struct strand_index *index, struct mtr_str each)
{
    return &index->slots[XXH3_64bits(each.data, each.size) & (index->slot_count - 1)];
}

static int grow(struct strand_index *index)
{
    struct strand_index grown = {.slot_count = index->slot_count ? 2 * index->slot_count : SLOTS_MIN,
                                 .count = index->count};
    grown.slots = calloc(grown.slot_count, sizeof(struct poller_strand *));
    if (!grown.slots) return MTR_ENOMEM;
    for (uint32_t i = 0; i < index->slot_count; i++) {
        while (index->slots[i]) {
            struct poller_strand *strand = index->slots[i];
            struct poller_strand **slot = slot_of(&grown, strand->strand.each);
            index->slots[i] = strand->index_next;
            strand->index_next = *slot;
            *slot = strand;
        }
    }
    free(index->slots);
    *index = grown;
    return MTR_OK;
}

struct poller_strand *strand_index_find(const struct strand_index *index, struct mtr_str each)
{
    struct poller_strand *strand = index->slot_count ? *slot_of(index, each) : NULL;
    while (strand && !mtr_str_equal(strand->strand.each, each))
        strand = strand->index_next;
    return strand;
}

int strand_index_add(struct strand_index *index, struct poller_strand *strand)
{
    int rc = index->count == index->slot_count ? grow(index) : MTR_OK;
    if (rc) return rc;
    struct poller_strand **slot = slot_of(index, strand->strand.each);
    strand->index_next = *slot;
    *slot = strand;
    index->count++;
    return MTR_OK;
}

void strand_index_remove(struct strand_index *index, struct poller_strand *strand)
{
    for (struct poller_strand **link = slot_of(index, strand->strand.each); *link;
         link = &(*link)->index_next) {
        if (*link != strand) continue;
        *link = strand->index_next;
        index->count--;
        return;
    }
}

void strand_index_release(struct strand_index *index)
{
    MTR_ASSERT(!index->count);
    free(index->slots);
    *index = (struct strand_index){.slots = NULL};
}
