/*
 * One counter. Whoever takes too much for a moment gives it back at once: another may be refused then who
 * would have had room, and nobody is let through who has not.
 */
#include "meterd/share/byte_budget.h"

#include "meterd/core/error.h"

void mtr_byte_budget_init(struct mtr_byte_budget *budget, uint64_t bytes_max)
{
    budget->bytes_max = bytes_max;
    atomic_init(&budget->used, 0);
}

bool mtr_byte_budget_take(struct mtr_byte_budget *budget, uint64_t bytes)
{
    if (bytes > budget->bytes_max) return false;
    const uint64_t before = atomic_fetch_add_explicit(&budget->used, bytes, memory_order_relaxed);
    if (before <= budget->bytes_max - bytes) return true;
    atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
    return false;
}

void mtr_byte_budget_give(struct mtr_byte_budget *budget, uint64_t bytes)
{
    const uint64_t before = atomic_fetch_sub_explicit(&budget->used, bytes, memory_order_relaxed);
    MTR_ASSERT(before >= bytes);
}

uint64_t mtr_byte_budget_used(struct mtr_byte_budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}
