/*
 * Arena: a list of chunks, newest first; the newest is filled from its start. reset keeps the largest.
 */
#include "meterd/core/arena.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT_BYTES = 16 };

struct mtr_arena_chunk {
    struct mtr_arena_chunk *next;
    size_t capacity;
    size_t used;
    _Alignas(ALIGNMENT_BYTES) char data[];
};

void mtr_arena_init(struct mtr_arena *arena, size_t chunk_bytes, size_t bytes_max)
{
    *arena = (struct mtr_arena){.chunk_bytes = chunk_bytes, .bytes_max = bytes_max};
}

static void free_chunks(struct mtr_arena_chunk *chunk)
{
    while (chunk) {
        struct mtr_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void mtr_arena_release(struct mtr_arena *arena)
{
    free_chunks(arena->chunks);
    arena->chunks = NULL;
    arena->bytes_total = 0;
}

void mtr_arena_reset(struct mtr_arena *arena)
{
    struct mtr_arena_chunk *largest = arena->chunks;
    for (struct mtr_arena_chunk *chunk = arena->chunks; chunk; chunk = chunk->next)
        if (chunk->capacity > largest->capacity) largest = chunk;
    struct mtr_arena_chunk *chunk = arena->chunks;
    while (chunk) {
        struct mtr_arena_chunk *next = chunk->next;
        if (chunk != largest) free(chunk);
        chunk = next;
    }
    arena->chunks = largest;
    arena->bytes_total = 0;
    if (!largest) return;
    largest->next = NULL;
    largest->used = 0;
    arena->bytes_total = largest->capacity;
}

static struct mtr_arena_chunk *add_chunk(struct mtr_arena *arena, size_t size)
{
    size_t capacity = arena->chunks ? arena->chunks->capacity * 2 : arena->chunk_bytes;
    size_t room = arena->bytes_max - arena->bytes_total;
    if (capacity > room) capacity = room;
    if (capacity < size) capacity = size;
    if (capacity > room) return NULL;
    struct mtr_arena_chunk *chunk = malloc(sizeof(*chunk) + capacity);
    if (!chunk) return NULL;
    *chunk = (struct mtr_arena_chunk){.next = arena->chunks, .capacity = capacity};
    arena->chunks = chunk;
    arena->bytes_total += capacity;
    return chunk;
}

void *mtr_arena_alloc(struct mtr_arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT_BYTES) return NULL;
    size = (size + ALIGNMENT_BYTES - 1) & ~(size_t)(ALIGNMENT_BYTES - 1);
    struct mtr_arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->capacity - chunk->used < size) chunk = add_chunk(arena, size);
    if (!chunk) return NULL;
    void *memory = chunk->data + chunk->used;
    chunk->used += size;
    return memory;
}

void *mtr_arena_calloc(struct mtr_arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) return NULL;
    void *memory = mtr_arena_alloc(arena, total);
    if (memory) memset(memory, 0, total);
    return memory;
}

int mtr_arena_make_room(struct mtr_arena *arena, void **items, uint32_t count, uint32_t *capacity,
                        size_t item_size)
{
    enum { FIRST_ITEMS = 4 };
    if (count < *capacity) return MTR_OK;
    if (*capacity > UINT32_MAX / 2) return MTR_ELIMIT;
    const uint32_t grown = *capacity ? *capacity * 2 : FIRST_ITEMS;
    void *room = mtr_arena_calloc(arena, grown, item_size);
    if (!room) return MTR_ENOMEM;
    if (count) memcpy(room, *items, count * item_size);
    *items = room;
    *capacity = grown;
    return MTR_OK;
}

char *mtr_arena_strdup(struct mtr_arena *arena, struct mtr_str text)
{
    char *copy = mtr_arena_alloc(arena, text.size + 1);
    if (!copy) return NULL;
    if (text.size) memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

int mtr_arena_copy(struct mtr_arena *arena, struct mtr_str text, struct mtr_str *out)
{
    char *copy = mtr_arena_strdup(arena, text);
    if (!copy) return MTR_ENOMEM;
    *out = (struct mtr_str){copy, text.size};
    return MTR_OK;
}
