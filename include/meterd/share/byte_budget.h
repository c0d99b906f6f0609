/*
 * Bytes of memory that several users share, and that all of them together never exceed: whoever is to hold
 * more takes it first, and does without where there is none left.
 *
 *   take ─▶ true: hold it, then give it back          take ─▶ false: nothing was taken; later, or not at all
 *
 * It counts what its users say, and allocates nothing. Any thread; it outlives all who took of it.
 */
#ifndef METERD_SHARE_BYTE_BUDGET_H
#define METERD_SHARE_BYTE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct mtr_byte_budget {
    uint64_t bytes_max;
    atomic_uint_fast64_t used; /* at most bytes_max, but for a moment within take */
};

void mtr_byte_budget_init(struct mtr_byte_budget *budget, uint64_t bytes_max);

/* All of it, or false. */
bool mtr_byte_budget_take(struct mtr_byte_budget *budget, uint64_t bytes);
/* Asserts that so much was taken. */
void mtr_byte_budget_give(struct mtr_byte_budget *budget, uint64_t bytes);
uint64_t mtr_byte_budget_used(struct mtr_byte_budget *budget);

#endif
