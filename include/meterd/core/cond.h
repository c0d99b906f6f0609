/*
 * A condition variable whose waits end by the monotonic clock: a wall clock that is set makes none of them
 * longer, or end at once. Deadlines for pthread_cond_timedwait are of CLOCK_MONOTONIC. Any thread.
 */
#ifndef METERD_CORE_COND_H
#define METERD_CORE_COND_H

#include <pthread.h>
#include <time.h>

static inline void mtr_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

#endif
