/*
 * A stage's thread. `poked` is set by others and taken by the thread before it steps, so that no poke is
 * lost.
 */
#include "daemon/stage.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "meterd/core/cond.h"

struct mtr_stage_thread {
    struct mtr_stage_hooks hooks;
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    bool poked;
    bool stopping;
    bool draining;
};

static struct timespec later(struct timespec time, uint32_t ms)
{
    time.tv_sec += ms / 1000;
    time.tv_nsec += (long)(ms % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

/* Waits for a poke, the end, or idle_ms; then for the end, or until pause_ms have passed since the step
 * began. */
static void wait_for_work(struct mtr_stage_thread *stage, struct timespec began)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const struct timespec idle_until = later(now, stage->hooks.idle_ms),
                          pause_until = later(began, stage->hooks.pause_ms);
    pthread_mutex_lock(&stage->mutex);
    while (!stage->poked && !stage->stopping)
        if (pthread_cond_timedwait(&stage->changed, &stage->mutex, &idle_until)) break;
    while (stage->hooks.pause_ms && !stage->stopping)
        if (pthread_cond_timedwait(&stage->changed, &stage->mutex, &pause_until)) break;
    pthread_mutex_unlock(&stage->mutex);
}

/* Takes the poke; tells whether the stage is to end now. */
static bool must_end(struct mtr_stage_thread *stage, bool idle)
{
    pthread_mutex_lock(&stage->mutex);
    bool end = stage->stopping && (!stage->draining || (idle && !stage->poked));
    stage->poked = false;
    pthread_mutex_unlock(&stage->mutex);
    return end;
}

static void *run(void *argument)
{
    struct mtr_stage_thread *stage = argument;
    pthread_setname_np(pthread_self(), stage->hooks.name);
    bool idle = false;
    int error = 0;
    while (!error && !must_end(stage, idle)) {
        struct timespec began;
        clock_gettime(CLOCK_MONOTONIC, &began);
        idle = true;
        error = stage->hooks.step(stage->context, &idle);
        if (!error && idle) wait_for_work(stage, began);
    }
    stage->hooks.on_end(stage->context, error);
    return NULL;
}

int stage_start(const struct mtr_stage_hooks *hooks, void *context, struct mtr_stage_thread **out)
{
    struct mtr_stage_thread *stage = calloc(1, sizeof(*stage));
    if (!stage) return MTR_ENOMEM;
    stage->hooks = *hooks;
    stage->context = context;
    pthread_mutex_init(&stage->mutex, NULL);
    mtr_cond_init(&stage->changed);

    sigset_t all, before; /* signals belong to the loop's thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&stage->thread, NULL, run, stage);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        pthread_cond_destroy(&stage->changed);
        pthread_mutex_destroy(&stage->mutex);
        free(stage);
        return mtr_error_from_errno(failed);
    }
    *out = stage;
    return MTR_OK;
}

void stage_poke(struct mtr_stage_thread *stage)
{
    pthread_mutex_lock(&stage->mutex);
    bool sleeping = !stage->poked;
    stage->poked = true;
    pthread_mutex_unlock(&stage->mutex);
    if (sleeping) pthread_cond_signal(&stage->changed);
}

void stage_stop(struct mtr_stage_thread *stage, bool drain)
{
    pthread_mutex_lock(&stage->mutex);
    stage->stopping = true;
    stage->draining = drain;
    pthread_mutex_unlock(&stage->mutex);
    pthread_cond_signal(&stage->changed);
}

void stage_join(struct mtr_stage_thread *stage)
{
    if (!stage) return;
    pthread_join(stage->thread, NULL);
    pthread_cond_destroy(&stage->changed);
    pthread_mutex_destroy(&stage->mutex);
    free(stage);
}
