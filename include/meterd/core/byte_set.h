/*
 * A set of byte strings, each with a number from 0 in the order of adding: groups by their key, members of a
 * count.
 *
 * All memory is the arena's (keys are copied into it), so its maximum bounds the set, and there is nothing to
 * release. One thread.
 */
#ifndef METERD_CORE_BYTE_SET_H
#define METERD_CORE_BYTE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/arena.h"

struct mtr_byte_set {
    struct mtr_arena *arena; /* borrowed; set by whoever makes the set, everything else zero */
    struct mtr_str *keys;    /* by number */
    uint32_t *slots;         /* number + 1; 0 free */
    uint32_t count, key_capacity;
    uint32_t slot_count; /* power of two */
};

/* The number of `key`, which is added when it is new. Errors: MTR_ENOMEM (the arena's limit too),
 * MTR_ELIMIT. */
int mtr_byte_set_add(struct mtr_byte_set *set, struct mtr_str key, uint32_t *number,
                     bool *is_new) MTR_MUST_USE;
/* The number of `key`; false: it is not there. */
bool mtr_byte_set_find(const struct mtr_byte_set *set, struct mtr_str key, uint32_t *number);

#endif
