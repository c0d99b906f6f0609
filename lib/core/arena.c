/*
 * Arena: a list of chunks, newest first; the newest is filled from its start. The first are of one size, so
 * that a small arena has little to spare, those of a large one double. reset keeps the largest. An
 * array that has grown large moves into a chunk of its own: else what it leaves behind at each doubling would
 * be as much again.
 */
#include "meterd/core/arena.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/share/work_limit.h"

enum { ALIGNMENT_BYTES = 16, LARGE_BYTES = 1 << 20, EVEN_BYTES = 8 << 10 };

struct mtr_arena_chunk {
    struct mtr_arena_chunk *next;
    size_t capacity;
    size_t used;
    _Alignas(ALIGNMENT_BYTES) char data[];
};

void mtr_arena_init(struct mtr_arena *arena, size_t chunk_bytes, size_t bytes_max)
{
    *arena = (struct mtr_arena){
        .chunk_bytes = chunk_bytes, .bytes_max = bytes_max, .limit = mtr_work_limit_at_hand()};
}

static bool take(struct mtr_arena *arena, size_t bytes)
{
    if (arena->limit && !mtr_work_limit_take(arena->limit, bytes)) return false;
    arena->bytes_total += bytes;
    return true;
}

/* How large a chunk may be that is made larger than it has to. */
static size_t spare(const struct mtr_arena *arena)
{
    const size_t room = arena->bytes_max - arena->bytes_total;
    const uint64_t left = arena->limit ? arena->limit->bytes_max - arena->limit->bytes : room;
    return left < room ? left : room;
}

static void give(struct mtr_arena *arena, size_t bytes)
{
    MTR_ASSERT(bytes <= arena->bytes_total);
    arena->bytes_total -= bytes;
    if (arena->limit) mtr_work_limit_give(arena->limit, bytes);
}

static void free_chunk(struct mtr_arena *arena, struct mtr_arena_chunk *chunk)
{
    give(arena, chunk->capacity);
    free(chunk);
}

/* All of the list but `kept`. */
static void free_chunks(struct mtr_arena *arena, struct mtr_arena_chunk *chunk,
                        const struct mtr_arena_chunk *kept)
{
    while (chunk) {
        struct mtr_arena_chunk *next = chunk->next;
        if (chunk != kept) free_chunk(arena, chunk);
        chunk = next;
    }
}

void mtr_arena_release(struct mtr_arena *arena)
{
    free_chunks(arena, arena->chunks, NULL);
    free_chunks(arena, arena->arrays, NULL);
    arena->chunks = arena->arrays = NULL;
    arena->is_at_bound = false;
}

void mtr_arena_reset(struct mtr_arena *arena)
{
    struct mtr_arena_chunk *largest = arena->chunks;
    free_chunks(arena, arena->arrays, NULL);
    arena->arrays = NULL;
    arena->is_at_bound = false;
    for (struct mtr_arena_chunk *chunk = arena->chunks; chunk; chunk = chunk->next)
        if (chunk->capacity > largest->capacity) largest = chunk;
    free_chunks(arena, arena->chunks, largest);
    arena->chunks = largest;
    if (!largest) return;
    largest->next = NULL;
    largest->used = 0;
}

struct mtr_arena_mark mtr_arena_mark(const struct mtr_arena *arena)
{
    return (struct mtr_arena_mark){arena->chunks, arena->arrays, arena->chunks ? arena->chunks->used : 0};
}

/* Frees the chunks in front of that one. */
static void pop_chunks(struct mtr_arena *arena, struct mtr_arena_chunk **list,
                       const struct mtr_arena_chunk *until)
{
    while (*list != until) {
        struct mtr_arena_chunk *chunk = *list;
        MTR_ASSERT(chunk);
        *list = chunk->next;
        free_chunk(arena, chunk);
    }
}

void mtr_arena_rewind(struct mtr_arena *arena, struct mtr_arena_mark mark)
{
    pop_chunks(arena, &arena->chunks, mark.chunk);
    pop_chunks(arena, &arena->arrays, mark.array);
    if (mark.chunk) mark.chunk->used = mark.used;
}

static struct mtr_arena_chunk *add_chunk(struct mtr_arena *arena, size_t size)
{
    size_t capacity = arena->chunk_bytes;
    if (arena->bytes_total >= EVEN_BYTES && arena->chunks->capacity * 2 > capacity)
        capacity = arena->chunks->capacity * 2;
    if (capacity > spare(arena)) capacity = spare(arena);
    if (capacity < size) capacity = size;
    if (capacity > arena->bytes_max - arena->bytes_total) {
        arena->is_at_bound = true;
        return NULL;
    }
    if (!take(arena, capacity)) return NULL;
    struct mtr_arena_chunk *chunk = malloc(sizeof(*chunk) + capacity);
    if (!chunk) {
        give(arena, capacity);
        return NULL;
    }
    *chunk = (struct mtr_arena_chunk){.next = arena->chunks, .capacity = capacity};
    arena->chunks = chunk;
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

/* The link to the chunk of that array; NULL: it has none yet. */
static struct mtr_arena_chunk **find_array(struct mtr_arena *arena, const void *items)
{
    for (struct mtr_arena_chunk **link = &arena->arrays; *link; link = &(*link)->next)
        if ((const void *)(*link)->data == items) return link;
    return NULL;
}

/* What is behind the old array's end is not initialized. */
static void *grow_large(struct mtr_arena *arena, const void *items, size_t old_size, size_t size)
{
    struct mtr_arena_chunk **link = find_array(arena, items), *before = link ? *link : NULL;
    const size_t held = before ? before->capacity : 0;
    MTR_ASSERT(held <= arena->bytes_total && held <= size);
    if (size > SIZE_MAX - sizeof(*before) || size - held > arena->bytes_max - arena->bytes_total) {
        arena->is_at_bound = true;
        return NULL;
    }
    if (!take(arena, size - held)) return NULL;
    struct mtr_arena_chunk *chunk = realloc(before, sizeof(*chunk) + size);
    if (!chunk) {
        give(arena, size - held);
        return NULL;
    }
    if (before) {
        *link = chunk;
    } else {
        chunk->next = arena->arrays;
        arena->arrays = chunk;
        if (old_size) memcpy(chunk->data, items, old_size);
    }
    chunk->capacity = chunk->used = size;
    return chunk->data;
}

int mtr_arena_make_room(struct mtr_arena *arena, void **items, uint32_t count, uint32_t *capacity,
                        size_t item_size)
{
    enum { FIRST_ITEMS = 4 };
    size_t size;
    if (count < *capacity) return MTR_OK;
    MTR_ASSERT(count == *capacity);
    if (*capacity > UINT32_MAX / 2) return MTR_ELIMIT;
    const uint32_t grown = *capacity ? *capacity * 2 : FIRST_ITEMS;
    if (__builtin_mul_overflow(grown, item_size, &size)) return MTR_ENOMEM;
    const size_t old_size = count * item_size;
    const bool is_large = size >= LARGE_BYTES;
    char *room = is_large ? grow_large(arena, *items, old_size, size) : mtr_arena_alloc(arena, size);
    if (!room) return MTR_ENOMEM;
    if (!is_large && old_size) memcpy(room, *items, old_size);
    memset(room + old_size, 0, size - old_size);
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
