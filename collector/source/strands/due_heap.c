/*
 * Up and down the heap.
 */
#include "collector/source/strands/due_heap.h"

#include <stdlib.h>

void due_heap_release(struct due_heap *heap)
{
    free(heap->items);
    *heap = (struct due_heap){0};
}

static void put(struct due_heap *heap, uint32_t place, struct due_item *item)
{
    heap->items[place] = item;
    item->place = place;
}

static void move_up(struct due_heap *heap, struct due_item *item)
{
    uint32_t place = item->place;
    while (place > 1 && heap->items[place / 2]->due_us > item->due_us) {
        put(heap, place, heap->items[place / 2]);
        place /= 2;
    }
    put(heap, place, item);
}

static void move_down(struct due_heap *heap, struct due_item *item)
{
    uint32_t place = item->place;
    for (;;) {
        uint32_t child = place * 2;
        if (child > heap->count) break;
        if (child < heap->count && heap->items[child + 1]->due_us < heap->items[child]->due_us) child++;
        if (heap->items[child]->due_us >= item->due_us) break;
        put(heap, place, heap->items[child]);
        place = child;
    }
    put(heap, place, item);
}

int due_heap_set(struct due_heap *heap, struct due_item *item, int64_t due_us)
{
    if (!item->place) {
        if (heap->count + 1 >= heap->capacity) {
            const uint32_t capacity = heap->capacity ? heap->capacity * 2 : 64;
            struct due_item **items = realloc(heap->items, capacity * sizeof(*items));
            if (!items) return MTR_ENOMEM;
            heap->items = items;
            heap->capacity = capacity;
        }
        put(heap, ++heap->count, item);
        item->due_us = INT64_MAX;
    }
    const int64_t before_us = item->due_us;
    item->due_us = due_us;
    if (due_us < before_us)
        move_up(heap, item);
    else
        move_down(heap, item);
    return MTR_OK;
}

void due_heap_remove(struct due_heap *heap, struct due_item *item)
{
    if (!item->place) return;
    const uint32_t place = item->place;
    struct due_item *last = heap->items[heap->count--];
    item->place = 0;
    if (last == item) return;
    put(heap, place, last);
    move_up(heap, last);
    move_down(heap, last);
}

struct due_item *due_heap_first(const struct due_heap *heap) { return heap->count ? heap->items[1] : NULL; }
