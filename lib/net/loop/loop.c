/*
 * The event loop: a thin owner of a uv_loop_t.
 *
 * Every handle is one allocation that libuv's close callback frees; so closing is safe inside the handle's
 * own callback, and mtr_loop_close only has to run the loop until the last close callback came. Invariant:
 * after that uv_loop_close succeeds, else somebody forgot a handle. The stop request is a uv_async_t, which
 * makes mtr_loop_stop callable from any thread; it does not keep the loop running.
 */
#include "meterd/net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/net/loop/uv_loop.h"
#include "meterd/core/time.h"

enum { SIGNALS_WATCHED = 3, POOL_THREADS = 4 /* as libuv has them */ };

struct mtr_loop {
    uv_loop_t uv;
    uv_async_t stop;
    atomic_bool stop_asked;
    uv_signal_t signals[SIGNALS_WATCHED];
    bool watches_signals;
    mtr_on_signal on_signal;
    void *signal_context;
    uint32_t jobs; /* queued and not done */
};

struct mtr_timer {
    uv_timer_t uv; /* first: the close callback frees the whole */
    mtr_on_timer on_timer;
    void *context;
};

struct mtr_wakeup {
    uv_async_t uv; /* first */
    mtr_on_wakeup on_wakeup;
    void *context;
};

struct job {
    uv_work_t uv; /* first */
    struct mtr_loop *loop;
    void (*work)(void *context);
    void (*on_done)(void *context);
    void *context;
};

uv_loop_t *loop_uv(struct mtr_loop *loop)
{
    return &loop->uv;
}

int uv_error(int uv_code)
{
    if (uv_code >= 0) return MTR_OK;
    switch (uv_code) {
    case UV_EOF:
    case UV_ECONNRESET:
    case UV_EPIPE:
    case UV_ECANCELED: return MTR_ECLOSED;
    case UV_EADDRINUSE: return MTR_EEXISTS;
    case UV_EADDRNOTAVAIL: return MTR_EINVALID;
    case UV_ECONNREFUSED:
    case UV_EHOSTUNREACH:
    case UV_ENETUNREACH: return MTR_EUNREACHABLE;
    default: return mtr_error_from_errno(-uv_code); /* libuv's codes are negated errno values on Unix */
    }
}

static void on_stop(uv_async_t *async)
{
    struct mtr_loop *loop = async->data;
    if (atomic_exchange(&loop->stop_asked, false)) uv_stop(&loop->uv);
}

int mtr_loop_open(struct mtr_loop **out)
{
    struct mtr_loop *loop = calloc(1, sizeof(*loop));
    if (!loop) return MTR_ENOMEM;
    int rc = uv_loop_init(&loop->uv);
    if (rc) goto out;
    rc = uv_async_init(&loop->uv, &loop->stop, on_stop);
    if (rc) {
        uv_loop_close(&loop->uv);
        goto out;
    }
    loop->stop.data = loop;
    uv_unref((uv_handle_t *)&loop->stop);
    *out = loop;
out:
    if (rc) free(loop);
    return uv_error(rc);
}

void mtr_loop_close(struct mtr_loop *loop)
{
    if (!loop) return;
    uv_close((uv_handle_t *)&loop->stop, NULL);
    for (int i = 0; loop->watches_signals && i < SIGNALS_WATCHED; i++)
        uv_close((uv_handle_t *)&loop->signals[i], NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&loop->uv);
    MTR_ASSERT(rc == 0);
    free(loop);
}

void mtr_loop_run(struct mtr_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    atomic_store(&loop->stop_asked, false);
}

void mtr_loop_stop(struct mtr_loop *loop)
{
    atomic_store(&loop->stop_asked, true);
    uv_async_send(&loop->stop);
}

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    int rc = clock_gettime(clock, &now);
    MTR_ASSERT(rc == 0);
    return (int64_t)now.tv_sec * MTR_US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t mtr_clock_wall_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

int64_t mtr_clock_monotonic_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

int64_t mtr_clock_uptime_us(void)
{
    return clock_us(CLOCK_BOOTTIME);
}

static void on_uv_timer(uv_timer_t *uv)
{
    struct mtr_timer *timer = (struct mtr_timer *)uv;
    timer->on_timer(timer->context);
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

int mtr_timer_open(struct mtr_loop *loop, mtr_on_timer on_timer, void *context, struct mtr_timer **out)
{
    struct mtr_timer *timer = calloc(1, sizeof(*timer));
    if (!timer) return MTR_ENOMEM;
    timer->on_timer = on_timer;
    timer->context = context;
    uv_timer_init(&loop->uv, &timer->uv);
    *out = timer;
    return MTR_OK;
}

void mtr_timer_start(struct mtr_timer *timer, uint64_t delay_ms, uint64_t repeat_ms)
{
    uv_update_time(timer->uv.loop); /* a long callback before this one must not shorten the delay */
    uv_timer_start(&timer->uv, on_uv_timer, delay_ms, repeat_ms);
}

void mtr_timer_close(struct mtr_timer *timer)
{
    if (timer) uv_close((uv_handle_t *)&timer->uv, free_handle);
}

static void on_uv_async(uv_async_t *uv)
{
    struct mtr_wakeup *wakeup = (struct mtr_wakeup *)uv;
    wakeup->on_wakeup(wakeup->context);
}

int mtr_wakeup_open(struct mtr_loop *loop, bool keeps_running, mtr_on_wakeup on_wakeup, void *context,
                    struct mtr_wakeup **out)
{
    struct mtr_wakeup *wakeup = calloc(1, sizeof(*wakeup));
    if (!wakeup) return MTR_ENOMEM;
    wakeup->on_wakeup = on_wakeup;
    wakeup->context = context;
    int rc = uv_async_init(&loop->uv, &wakeup->uv, on_uv_async);
    if (rc) {
        free(wakeup);
        return uv_error(rc);
    }
    if (!keeps_running) uv_unref((uv_handle_t *)&wakeup->uv);
    *out = wakeup;
    return MTR_OK;
}

void mtr_wakeup_send(struct mtr_wakeup *wakeup)
{
    int rc = uv_async_send(&wakeup->uv);
    MTR_ASSERT(rc == 0);
}

void mtr_wakeup_close(struct mtr_wakeup *wakeup)
{
    if (wakeup) uv_close((uv_handle_t *)&wakeup->uv, free_handle);
}

static void on_uv_work(uv_work_t *uv)
{
    struct job *job = (struct job *)uv;
    job->work(job->context);
}

static void on_uv_work_done(uv_work_t *uv, int status)
{
    struct job *job = (struct job *)uv;
    MTR_ASSERT(status == 0); /* nothing cancels work */
    void (*on_done)(void *) = job->on_done;
    void *context = job->context;
    job->loop->jobs--;
    free(job);
    on_done(context);
}

int mtr_loop_queue_work(struct mtr_loop *loop, void (*work)(void *context), void (*on_done)(void *context),
                        void *context)
{
    struct job *job = malloc(sizeof(*job));
    if (!job) return MTR_ENOMEM;
    job->loop = loop;
    job->work = work;
    job->on_done = on_done;
    job->context = context;
    int rc = uv_queue_work(&loop->uv, &job->uv, on_uv_work, on_uv_work_done);
    MTR_ASSERT(rc == 0);
    loop->jobs++;
    return MTR_OK;
}

static void *wait_for(void *mutex)
{
    pthread_mutex_lock(mutex);
    pthread_mutex_unlock(mutex);
    return NULL;
}

/* As many threads at once as the pool has. */
static int try_threads(void)
{
    pthread_t threads[POOL_THREADS];
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    int failed = 0, count = 0;
    pthread_mutex_lock(&mutex);
    while (count < POOL_THREADS && !failed) {
        failed = pthread_create(&threads[count], NULL, wait_for, &mutex);
        count += !failed;
    }
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&mutex);
    return failed ? MTR_ENOMEM : MTR_OK;
}

static void do_nothing(void *context)
{
    (void)context;
}

/* What libuv would do itself when it meets the first file of a higher number; but it aborts where it finds no
 * memory. Two places behind the files are its own. */
static int reserve_files(uv_loop_t *uv, uint32_t files)
{
    if (files <= uv->nwatchers) return MTR_OK;
    uv__io_t **watchers = calloc((size_t)files + 2, sizeof(*watchers));
    if (!watchers) return MTR_ENOMEM;
    if (uv->watchers) {
        memcpy(watchers, uv->watchers, uv->nwatchers * sizeof(*watchers));
        memcpy(watchers + files, uv->watchers + uv->nwatchers, 2 * sizeof(*watchers));
        free(uv->watchers);
    }
    uv->watchers = watchers;
    uv->nwatchers = files;
    return MTR_OK;
}

/* libuv begins its threads with the first work, and aborts where it cannot: what was needed for ours is kept
 * by glibc for those that come next. */
int mtr_loop_begin(struct mtr_loop *loop, uint32_t files)
{
    int rc = reserve_files(&loop->uv, files);
    if (!rc) rc = try_threads();
    return rc ? rc : mtr_loop_queue_work(loop, do_nothing, do_nothing, NULL);
}

void mtr_loop_finish_work(struct mtr_loop *loop)
{
    while (loop->jobs > 0) uv_run(&loop->uv, UV_RUN_ONCE);
}

static void on_uv_signal(uv_signal_t *handle, int signal_number)
{
    struct mtr_loop *loop = handle->data;
    loop->on_signal(loop->signal_context, signal_number);
}

int mtr_loop_watch_signals(struct mtr_loop *loop, mtr_on_signal on_signal, void *context)
{
    static const int numbers[SIGNALS_WATCHED] = {SIGTERM, SIGINT, SIGHUP};
    MTR_ASSERT(!loop->watches_signals);
    loop->on_signal = on_signal;
    loop->signal_context = context;
    loop->watches_signals = true;
    int rc = 0;
    for (int i = 0; i < SIGNALS_WATCHED; i++) {
        uv_signal_init(&loop->uv, &loop->signals[i]);
        uv_unref((uv_handle_t *)&loop->signals[i]);
        loop->signals[i].data = loop;
        if (!rc) rc = uv_signal_start(&loop->signals[i], on_uv_signal, numbers[i]);
    }
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR && !rc) rc = UV_EINVAL;
    return uv_error(rc);
}
