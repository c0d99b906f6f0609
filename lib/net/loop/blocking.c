/*
 * Threads for work that may block; see meterd/net/blocking.h.
 *
 * Invariants: a job stands in one list, `waiting`, `running` or `done`, all under the mutex; the whole is
 * freed by whoever is last, the loop or a thread that a job kept.
 */
#include "meterd/net/blocking.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "meterd/core/cond.h"

enum { IDLE_S = 10 };

struct list {
    struct mtr_blocking_job *first, **last;
};

struct mtr_blocking {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* something waits, or it is closed */
    struct mtr_wakeup *woken;
    struct list waiting, running, done;
    uint32_t threads, idle;
    bool is_closed;
};

/* ---- lists ---- */

static void list_init(struct list *list) { *list = (struct list){NULL, &list->first}; }

static void list_add(struct list *list, struct mtr_blocking_job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static void list_cut(struct list *list, struct mtr_blocking_job **link)
{
    struct mtr_blocking_job *job = *link;
    *link = job->next;
    if (!job->next) list->last = link;
    job->next = NULL;
}

static struct mtr_blocking_job *list_take_all(struct list *list)
{
    struct mtr_blocking_job *first = list->first;
    list_init(list);
    return first;
}

/* ---- threads ---- */

static bool is_its_turn(const struct mtr_blocking *blocking, const struct mtr_blocking_job *job)
{
    uint32_t running = 0;
    for (const struct mtr_blocking_job *other = blocking->running.first; other; other = other->next)
        running += mtr_str_equal(other->lane, job->lane);
    return running < job->lane_jobs_max;
}

/* Those that idle threads were woken for are among them, until one has taken them. */
static uint32_t count_ready(const struct mtr_blocking *blocking)
{
    uint32_t count = 0;
    for (const struct mtr_blocking_job *job = blocking->waiting.first; job; job = job->next)
        count += is_its_turn(blocking, job);
    return count;
}

/* NULL: none may be run now. */
static struct mtr_blocking_job *take_next(struct mtr_blocking *blocking)
{
    struct mtr_blocking_job **link = &blocking->waiting.first;
    while (*link && !is_its_turn(blocking, *link)) link = &(*link)->next;
    struct mtr_blocking_job *job = *link;
    if (!job) return NULL;
    list_cut(&blocking->waiting, link);
    list_add(&blocking->running, job);
    return job;
}

/* False: nothing came for a while. */
static bool wait_for_more(struct mtr_blocking *blocking)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_S;
    blocking->idle++;
    int rc = pthread_cond_timedwait(&blocking->changed, &blocking->mutex, &until);
    blocking->idle--;
    return rc != ETIMEDOUT;
}

/* The mutex is held, but for the work. */
static void run_one(struct mtr_blocking *blocking, struct mtr_blocking_job *job)
{
    pthread_mutex_unlock(&blocking->mutex);
    job->work(job);
    pthread_mutex_lock(&blocking->mutex);
    struct mtr_blocking_job **link = &blocking->running.first;
    while (*link != job) link = &(*link)->next;
    list_cut(&blocking->running, link);
    if (blocking->is_closed) {
        job->drop(job);
        return;
    }
    list_add(&blocking->done, job);
    mtr_wakeup_send(blocking->woken);
}

static void free_blocking(struct mtr_blocking *blocking)
{
    pthread_mutex_destroy(&blocking->mutex);
    pthread_cond_destroy(&blocking->changed);
    free(blocking);
}

static void *run(void *argument)
{
    struct mtr_blocking *blocking = argument;
    bool goes_on = true;
    pthread_setname_np(pthread_self(), "blocking");
    pthread_mutex_lock(&blocking->mutex);
    while (goes_on) {
        struct mtr_blocking_job *job = take_next(blocking);
        if (job) run_one(blocking, job);
        else goes_on = !blocking->is_closed && wait_for_more(blocking);
    }
    const bool is_last = --blocking->threads == 0 && blocking->is_closed;
    pthread_mutex_unlock(&blocking->mutex);
    if (is_last) free_blocking(blocking);
    return NULL;
}

/* Where none can be begun, those that there are do it; without any it is tried with the next job. */
static void begin_thread(struct mtr_blocking *blocking)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before; /* signals belong to the loop's thread */
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    blocking->threads += pthread_create(&thread, &attributes, run, blocking) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

/* ---- the loop's side ---- */

static void on_woken(void *context)
{
    struct mtr_blocking *blocking = context;
    struct mtr_blocking_job *job, *next;
    pthread_mutex_lock(&blocking->mutex);
    job = list_take_all(&blocking->done);
    pthread_mutex_unlock(&blocking->mutex);
    for (; job; job = next) {
        next = job->next;
        job->on_done(job, job->context);
    }
}

int mtr_blocking_open(struct mtr_loop *loop, struct mtr_blocking **out)
{
    struct mtr_blocking *blocking = calloc(1, sizeof(*blocking));
    if (!blocking) return MTR_ENOMEM;
    pthread_mutex_init(&blocking->mutex, NULL);
    mtr_cond_init(&blocking->changed);
    list_init(&blocking->waiting);
    list_init(&blocking->running);
    list_init(&blocking->done);
    int rc = mtr_wakeup_open(loop, false, on_woken, blocking, &blocking->woken);
    if (rc)
        free_blocking(blocking);
    else
        *out = blocking;
    return rc;
}

void mtr_blocking_start(struct mtr_blocking *blocking, struct mtr_blocking_job *job)
{
    pthread_mutex_lock(&blocking->mutex);
    MTR_ASSERT(!blocking->is_closed && job->lane_jobs_max);
    list_add(&blocking->waiting, job);
    const bool has_room = blocking->threads < MTR_BLOCKING_THREADS_MAX;
    if (has_room && count_ready(blocking) > blocking->idle) begin_thread(blocking);
    pthread_cond_signal(&blocking->changed);
    pthread_mutex_unlock(&blocking->mutex);
}

static void drop_all(struct mtr_blocking_job *job)
{
    for (struct mtr_blocking_job *next; job; job = next) {
        next = job->next;
        job->drop(job);
    }
}

void mtr_blocking_close(struct mtr_blocking *blocking)
{
    if (!blocking) return;
    pthread_mutex_lock(&blocking->mutex);
    blocking->is_closed = true;
    drop_all(list_take_all(&blocking->waiting));
    drop_all(list_take_all(&blocking->done));
    mtr_wakeup_close(blocking->woken);
    const bool is_last = !blocking->threads;
    pthread_cond_broadcast(&blocking->changed);
    pthread_mutex_unlock(&blocking->mutex);
    if (is_last) free_blocking(blocking);
}
