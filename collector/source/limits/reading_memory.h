/*
 * What a reading may hold in memory. All readings together have a bound of their own, and share a budget with
 * what is pushed, so that neither a flood of one nor of the other is more than the machine was given.
 *
 *   open ─▶ takes `base` and `reserve` at once      grow ─▶ within that, or takes more      close ─▶ gives all
 *                                                   restart ─▶ only `base` is in use
 *
 * A reading that cannot grow is given up and begun again later, with what it came to as its reserve: then it
 * has the memory before it asks, and does not lose it to others a second time. One thread at a time.
 */
#ifndef METERD_COLLECTOR_SOURCE_LIMITS_READING_MEMORY_H
#define METERD_COLLECTOR_SOURCE_LIMITS_READING_MEMORY_H

#include "meterd/share/byte_budget.h"
#include "meterd/core/error.h"

/* Of all readings. */
struct readings_memory {
    struct mtr_byte_budget own;
    struct mtr_byte_budget *shared; /* NULL: with nobody */
};

struct reading_memory {
    struct readings_memory *all; /* NULL: not bounded */
    uint64_t base, held, used;   /* in any case; of the budgets; of what is held */
};

/* MTR_EAGAIN: not now; MTR_ELIMIT: more than all readings may have. */
int reading_memory_open(struct reading_memory *memory, struct readings_memory *all, uint64_t base,
                        uint64_t reserve) MTR_MUST_USE;
/* MTR_EAGAIN: there is none left. */
int reading_memory_grow(struct reading_memory *memory, uint64_t bytes) MTR_MUST_USE;
void reading_memory_restart(struct reading_memory *memory); /* its rows are gone, and come again */
void reading_memory_close(struct reading_memory *memory);

#endif
