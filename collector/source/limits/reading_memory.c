/*
 * Bytes from both budgets, or from neither.
 */
#include "collector/source/limits/reading_memory.h"

static bool take(struct readings_memory *all, uint64_t bytes)
{
    if (!mtr_byte_budget_take(&all->own, bytes)) return false;
    if (!all->shared || mtr_byte_budget_take(all->shared, bytes)) return true;
    mtr_byte_budget_give(&all->own, bytes);
    return false;
}

int reading_memory_open(struct reading_memory *memory, struct readings_memory *all, uint64_t base,
                        uint64_t reserve)
{
    *memory = (struct reading_memory){.all = all, .base = base, .used = base};
    if (!all) return MTR_OK;
    if (base + reserve > all->own.bytes_max) return MTR_ELIMIT;
    if (!take(all, base + reserve)) return MTR_EAGAIN;
    memory->held = base + reserve;
    return MTR_OK;
}

int reading_memory_grow(struct reading_memory *memory, uint64_t bytes)
{
    if (!memory->all) return MTR_OK;
    memory->used += bytes;
    if (memory->used <= memory->held) return MTR_OK;
    const uint64_t more = memory->used - memory->held;
    if (!take(memory->all, more)) return MTR_EAGAIN;
    memory->held += more;
    return MTR_OK;
}

void reading_memory_restart(struct reading_memory *memory) { memory->used = memory->base; }

void reading_memory_close(struct reading_memory *memory)
{
    if (memory->all) {
        mtr_byte_budget_give(&memory->all->own, memory->held);
        if (memory->all->shared) mtr_byte_budget_give(memory->all->shared, memory->held);
    }
    *memory = (struct reading_memory){0};
}
