/*
 * The bound of one piece of long work, as a query: CPU time, memory, and whether anybody still wants it.
 *
 *   its thread: enter ─▶ … goes_on? … goes_on? … ─▶ leave          any thread: call_off
 *
 * Whoever works for long under one looks now and then whether it goes on (mtr_work_goes_on), and arenas that
 * were made under it take their memory of it (core/arena.h). What was not allowed first stays the reason:
 * from then on nothing goes on and nothing is allocated, so that the work ends by itself, by whatever error,
 * and who began it tells why. Where a thread has entered none, everything goes on.
 *
 * CPU time is counted from enter to leave, each time anew. One thread at a time, but for call_off.
 */
#ifndef METERD_SHARE_WORK_LIMIT_H
#define METERD_SHARE_WORK_LIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "meterd/share/shares.h"

enum mtr_work_end {
    MTR_WORK_GOES_ON,
    MTR_WORK_CALLED_OFF,
    MTR_WORK_CPU,          /* its time is used up */
    MTR_WORK_MEMORY,       /* it would need more than its own bound */
    MTR_WORK_MEMORY_TOTAL, /* … than its owner's share of what all at work have */
};

struct mtr_work_limit {
    uint64_t cpu_ns_max; /* 0: any */
    uint64_t bytes_max;
    struct mtr_shares *total; /* of all at work; borrowed; NULL: any */
    mtr_owner owner;
    bool only_counts; /* memory is taken whether there is any or not */
    uint64_t bytes;   /* taken */
    enum mtr_work_end end;
    uint64_t cpu_until_ns; /* private, as the next two: of the thread's clock */
    uint32_t looks;        /* since the clock was read */
    atomic_bool is_called_off;
};

void mtr_work_limit_init(struct mtr_work_limit *limit, uint64_t cpu_ns_max, uint64_t bytes_max,
                         struct mtr_shares *total);
/* Before anything is taken; else it is meterd's own work. */
void mtr_work_limit_set_owner(struct mtr_work_limit *limit, mtr_owner owner);
/* Asserts that all memory was given back. */
void mtr_work_limit_release(struct mtr_work_limit *limit);

void mtr_work_limit_enter(struct mtr_work_limit *limit);
/* Looks a last time. */
void mtr_work_limit_leave(struct mtr_work_limit *limit);
void mtr_work_limit_call_off(struct mtr_work_limit *limit);

/* What this thread works under; NULL: nothing. */
struct mtr_work_limit *mtr_work_limit_at_hand(void);
/* Cheap enough for each turn of a loop that does more than to add. */
bool mtr_work_goes_on(void);

/* Memory. False: it is not to be allocated. */
bool mtr_work_limit_take(struct mtr_work_limit *limit, uint64_t bytes);
void mtr_work_limit_give(struct mtr_work_limit *limit, uint64_t bytes);

#endif
