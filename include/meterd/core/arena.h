/*
 * Memory for one batch, request or document: allocated piece by piece, freed at once.
 *
 * Chunks double from chunk_bytes upward; the total never passes bytes_max (MTR_ELIMIT is reported as NULL).
 * reset keeps the largest chunk, so that a steady state allocates nothing; large arrays that grow have chunks
 * of their own, which grow with them and go with a reset. One thread at a time.
 *
 * An arena of a thread that works under a limit (share/work_limit.h) takes its chunks of that, too, and is
 * released before it.
 */
#ifndef METERD_CORE_ARENA_H
#define METERD_CORE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"

struct mtr_arena_chunk;
struct mtr_work_limit;

struct mtr_arena {
    struct mtr_arena_chunk *chunks; /* newest first */
    struct mtr_arena_chunk *arrays; /* one each; newest first */
    size_t chunk_bytes;
    size_t bytes_max;
    size_t bytes_total; /* allocated from the system */
    bool is_at_bound;   /* bytes_max has said no since the last reset: where it did not, the system did */
    struct mtr_work_limit *limit; /* that its chunks are taken of; NULL: none */
};

void mtr_arena_init(struct mtr_arena *arena, size_t chunk_bytes, size_t bytes_max);
void mtr_arena_release(struct mtr_arena *arena);
void mtr_arena_reset(struct mtr_arena *arena);

/* A moment: what is allocated behind it can be given back, so that work that needs memory for a while stays
 * within the arena's bound. No array of before has grown since. */
struct mtr_arena_mark {
    struct mtr_arena_chunk *chunk, *array;
    size_t used;
};
struct mtr_arena_mark mtr_arena_mark(const struct mtr_arena *arena);
void mtr_arena_rewind(struct mtr_arena *arena, struct mtr_arena_mark mark);

/* Uninitialized memory aligned to 16 bytes, or NULL when the system or bytes_max says no. Borrowed until
 * reset or release. */
void *mtr_arena_alloc(struct mtr_arena *arena, size_t size) MTR_MUST_USE;
/* Zeroed, overflow checked. */
void *mtr_arena_calloc(struct mtr_arena *arena, size_t count, size_t size) MTR_MUST_USE;

/* Room for one item more in an array of the arena that has `count`: nothing, or an array twice as long with
 * what it held, and zeros behind that; the old one is gone. `items` is the address of the array's pointer.
 * Errors: MTR_ENOMEM, MTR_ELIMIT beyond 2^31 items. */
int mtr_arena_make_room(struct mtr_arena *arena, void **items, uint32_t count, uint32_t *capacity,
                        size_t item_size) MTR_MUST_USE;

/* A NUL-terminated copy of text, or NULL. */
char *mtr_arena_strdup(struct mtr_arena *arena, struct mtr_str text) MTR_MUST_USE;
/* A copy of text; {NULL, 0} with size > 0 asked means no memory. */
int mtr_arena_copy(struct mtr_arena *arena, struct mtr_str text, struct mtr_str *out) MTR_MUST_USE;

#endif
