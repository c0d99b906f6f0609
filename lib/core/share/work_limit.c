/*
 * The flag is looked at each time; the thread's clock, a call of the system, each LOOKS times.
 */
#include "meterd/share/work_limit.h"

#include <stddef.h>
#include <time.h>

#include "meterd/core/error.h"

enum { LOOKS = 64 };

static _Thread_local struct mtr_work_limit *at_hand;

void mtr_work_limit_init(struct mtr_work_limit *limit, uint64_t cpu_ns_max, uint64_t bytes_max,
                         struct mtr_shares *total)
{
    *limit = (struct mtr_work_limit){.cpu_ns_max = cpu_ns_max, .bytes_max = bytes_max, .total = total};
}

void mtr_work_limit_set_owner(struct mtr_work_limit *limit, mtr_owner owner)
{
    MTR_ASSERT(limit->bytes == 0);
    limit->owner = owner;
}

void mtr_work_limit_release(struct mtr_work_limit *limit)
{
    MTR_ASSERT(limit->bytes == 0 && at_hand != limit);
}

static uint64_t cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void look_at_clock(struct mtr_work_limit *limit)
{
    limit->looks = 0;
    if (!limit->end && limit->cpu_ns_max && cpu_ns() > limit->cpu_until_ns) limit->end = MTR_WORK_CPU;
}

static bool goes_on(struct mtr_work_limit *limit)
{
    if (limit->end) return false;
    if (atomic_load_explicit(&limit->is_called_off, memory_order_relaxed)) limit->end = MTR_WORK_CALLED_OFF;
    else if (limit == at_hand && ++limit->looks == LOOKS) look_at_clock(limit);
    return !limit->end;
}

void mtr_work_limit_enter(struct mtr_work_limit *limit)
{
    MTR_ASSERT(!at_hand);
    at_hand = limit;
    limit->looks = 0;
    limit->cpu_until_ns = limit->cpu_ns_max ? cpu_ns() + limit->cpu_ns_max : 0;
}

void mtr_work_limit_leave(struct mtr_work_limit *limit)
{
    MTR_ASSERT(at_hand == limit);
    if (goes_on(limit)) look_at_clock(limit);
    at_hand = NULL;
}

void mtr_work_limit_call_off(struct mtr_work_limit *limit)
{
    atomic_store_explicit(&limit->is_called_off, true, memory_order_relaxed);
}

struct mtr_work_limit *mtr_work_limit_at_hand(void)
{
    return at_hand;
}

bool mtr_work_goes_on(void)
{
    return !at_hand || goes_on(at_hand);
}

bool mtr_work_limit_take(struct mtr_work_limit *limit, uint64_t bytes)
{
    if (limit->only_counts) {
        if (limit->total) mtr_shares_note(limit->total, limit->owner, bytes);
        limit->bytes += bytes;
        return true;
    }
    if (!goes_on(limit)) return false;
    if (bytes > limit->bytes_max - limit->bytes) limit->end = MTR_WORK_MEMORY;
    else if (limit->total && !mtr_shares_take(limit->total, limit->owner, bytes))
        limit->end = MTR_WORK_MEMORY_TOTAL;
    else limit->bytes += bytes;
    return !limit->end;
}

void mtr_work_limit_give(struct mtr_work_limit *limit, uint64_t bytes)
{
    MTR_ASSERT(bytes <= limit->bytes);
    limit->bytes -= bytes;
    if (limit->total) mtr_shares_give(limit->total, limit->owner, bytes);
}
