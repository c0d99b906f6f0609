/*
 * Workers; see meterd/net/workers.h.
 *
 * Invariants: a job that was started waits in its lane, or is at work, or is done and waits for the loop;
 * `open` counts them, on the loop alone. What stands behind the mutex is said in the struct.
 */
#include "meterd/net/workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "lib/net/loop/uv_loop.h"

struct mtr_workers {
    struct mtr_loop *loop;
    struct mtr_wakeup *woken;
    struct mtr_workers_options options;
    pthread_t *threads;
    uint32_t thread_count;
    uint32_t open;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    struct mtr_lanes lanes;
    struct mtr_worker_job *done, **done_last;
    bool is_closed;
};

/* ---- threads ---- */

static struct mtr_worker_job *take(struct mtr_workers *workers)
{
    struct mtr_lane_item *item;
    while (!(item = mtr_lanes_take(&workers->lanes, workers->options.owner_threads_max)) &&
           !workers->is_closed)
        pthread_cond_wait(&workers->changed, &workers->mutex);
    struct mtr_worker_job *job = (struct mtr_worker_job *)item; /* its first member */
    if (job) job->is_waiting = false;
    return job;
}

static void put_done(struct mtr_workers *workers, struct mtr_worker_job *job)
{
    const bool was_empty = !workers->done;
    mtr_lanes_done(&workers->lanes, job->owner, job->lane.weight);
    if (workers->lanes.waiting) pthread_cond_signal(&workers->changed); /* of that owner another may begin */
    job->next = NULL;
    *workers->done_last = job;
    workers->done_last = &job->next;
    if (was_empty) mtr_wakeup_send(workers->woken);
}

static void *run(void *argument)
{
    struct mtr_workers *workers = argument;
    struct mtr_worker_job *job;
    pthread_setname_np(pthread_self(), workers->options.name);
    pthread_mutex_lock(&workers->mutex);
    while ((job = take(workers))) {
        pthread_mutex_unlock(&workers->mutex);
        job->work(job->context);
        pthread_mutex_lock(&workers->mutex);
        put_done(workers, job);
    }
    pthread_mutex_unlock(&workers->mutex);
    return NULL;
}

static int begin_threads(struct mtr_workers *workers)
{
    int failed = 0;
    sigset_t all, before; /* signals belong to the loop's thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (!failed && workers->thread_count < workers->options.threads) {
        failed = pthread_create(&workers->threads[workers->thread_count], NULL, run, workers);
        workers->thread_count += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? mtr_error_from_errno(failed) : MTR_OK;
}

/* ---- the loop's side ---- */

static void on_woken(void *context)
{
    struct mtr_workers *workers = context;
    pthread_mutex_lock(&workers->mutex);
    struct mtr_worker_job *job = workers->done;
    workers->done = NULL;
    workers->done_last = &workers->done;
    pthread_mutex_unlock(&workers->mutex);
    while (job) {
        struct mtr_worker_job *next = job->next;
        workers->open--;
        job->on_done(job->context); /* may free it */
        job = next;
    }
}

int mtr_workers_open(struct mtr_loop *loop, const struct mtr_workers_options *options,
                     struct mtr_workers **out)
{
    MTR_ASSERT(options->threads && options->owner_threads_max && options->jobs_max);
    struct mtr_workers *workers = calloc(1, sizeof(*workers));
    if (!workers) return MTR_ENOMEM;
    workers->loop = loop;
    workers->options = *options;
    workers->done_last = &workers->done;
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_cond_init(&workers->changed, NULL);
    workers->threads = calloc(options->threads, sizeof(*workers->threads));
    int rc = workers->threads ? MTR_OK : MTR_ENOMEM;
    if (!rc) rc = mtr_lanes_init(&workers->lanes, options->jobs_max, UINT64_MAX, 1);
    if (!rc) rc = mtr_wakeup_open(loop, true, on_woken, workers, &workers->woken);
    if (!rc) rc = begin_threads(workers);
    if (rc) mtr_workers_close(workers);
    else *out = workers;
    return rc;
}

void mtr_workers_close(struct mtr_workers *workers)
{
    if (!workers) return;
    MTR_ASSERT(workers->open == 0);
    pthread_mutex_lock(&workers->mutex);
    workers->is_closed = true;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->mutex);
    for (uint32_t i = 0; i < workers->thread_count; i++) pthread_join(workers->threads[i], NULL);
    mtr_wakeup_close(workers->woken);
    mtr_lanes_release(&workers->lanes);
    pthread_mutex_destroy(&workers->mutex);
    pthread_cond_destroy(&workers->changed);
    free(workers->threads);
    free(workers);
}

static int start(struct mtr_workers *workers, struct mtr_worker_job *job,
                 int (*put)(struct mtr_lanes *lanes, mtr_owner owner, struct mtr_lane_item *item))
{
    pthread_mutex_lock(&workers->mutex);
    const int rc = put(&workers->lanes, job->owner, &job->lane);
    job->is_waiting = !rc;
    pthread_mutex_unlock(&workers->mutex);
    if (rc) return rc;
    workers->open++;
    pthread_cond_signal(&workers->changed);
    return MTR_OK;
}

int mtr_workers_start(struct mtr_workers *workers, struct mtr_worker_job *job)
{
    job->lane.weight = 0;
    return start(workers, job, mtr_lanes_put);
}

int mtr_workers_go_on(struct mtr_workers *workers, struct mtr_worker_job *job)
{
    job->lane.weight = 0;
    return start(workers, job, mtr_lanes_put_on);
}

bool mtr_workers_call_off(struct mtr_workers *workers, struct mtr_worker_job *job)
{
    pthread_mutex_lock(&workers->mutex);
    const bool waits = job->is_waiting;
    job->is_waiting = false;
    if (waits) mtr_lanes_remove(&workers->lanes, job->owner, &job->lane);
    pthread_mutex_unlock(&workers->mutex);
    workers->open -= waits;
    return waits;
}

void mtr_workers_limit(struct mtr_workers *workers, uint32_t jobs_max)
{
    pthread_mutex_lock(&workers->mutex);
    workers->lanes.items_max = jobs_max;
    pthread_mutex_unlock(&workers->mutex);
}

struct mtr_workers_stats mtr_workers_stats(struct mtr_workers *workers)
{
    pthread_mutex_lock(&workers->mutex);
    const struct mtr_workers_stats stats = {.waiting = workers->lanes.waiting, .working = workers->lanes.out};
    pthread_mutex_unlock(&workers->mutex);
    return stats;
}

void mtr_workers_finish(struct mtr_workers *workers)
{
    while (workers->open) uv_run(loop_uv(workers->loop), UV_RUN_ONCE);
}
