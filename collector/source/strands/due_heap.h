/*
 * A binary heap of things by when they are due: the soonest at the top, each knowing its place, so that one
 * whose time changes moves in a few steps. Private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_STRANDS_DUE_HEAP_H
#define METERD_COLLECTOR_SOURCE_STRANDS_DUE_HEAP_H

#include <stdint.h>

#include "meterd/core/error.h"

/* The first member of whatever stands in the heap. */
struct due_item {
    int64_t due_us;
    uint32_t place; /* from 1; 0: it is in no heap */
};

struct due_heap {
    struct due_item **items; /* [1…count] */
    uint32_t count, capacity;
};

void due_heap_release(struct due_heap *heap);
/* Puts it in, or where its new time belongs. MTR_ENOMEM. */
int due_heap_set(struct due_heap *heap, struct due_item *item, int64_t due_us) MTR_MUST_USE;
void due_heap_remove(struct due_heap *heap, struct due_item *item);
struct due_item *due_heap_first(const struct due_heap *heap); /* NULL: it is empty */

#endif
