/*
 * Threads for one kind of work, which is served in turn: jobs wait in their owner's lane (share/lanes.h), and
 * no owner has all threads.
 *
 *   mtr_workers_start ─▶ the owner's lane ─▶ work, on a thread ─▶ on_done, on the loop
 *                                      └─ mtr_workers_call_off
 *
 * Work is not interrupted: who has long work looks now and then whether it is still wanted. Jobs are their
 * owner's memory from start to on_done. Everything is the loop's thread's, but `work`.
 */
#ifndef METERD_NET_WORKERS_H
#define METERD_NET_WORKERS_H

#include "meterd/share/lanes.h"
#include "meterd/net/loop.h"

struct mtr_workers;

struct mtr_worker_job {
    struct mtr_lane_item lane; /* private, as the next two */
    struct mtr_worker_job *next;
    bool is_waiting;
    mtr_owner owner;
    void (*work)(void *context);
    void (*on_done)(void *context); /* may start the job again */
    void *context;
};

struct mtr_workers_options {
    const char *name; /* of the threads, at most 15 bytes */
    uint32_t threads;
    uint32_t owner_threads_max; /* one owner has so many of them at a time */
    uint32_t jobs_max;          /* waiting and at work; of one owner as share/lanes.h says */
};

struct mtr_workers_stats {
    uint32_t waiting, working;
};

/* MTR_ENOMEM, MTR_EAGAIN where the system has no more threads. */
int mtr_workers_open(struct mtr_loop *loop, const struct mtr_workers_options *options,
                     struct mtr_workers **out) MTR_MUST_USE;
/* After the last on_done (mtr_workers_finish). NULL is allowed. */
void mtr_workers_close(struct mtr_workers *workers);

/* MTR_EFULL: the owner has his share. MTR_ENOMEM. */
int mtr_workers_start(struct mtr_workers *workers, struct mtr_worker_job *job) MTR_MUST_USE;
/* What goes on, and was let in before: before what its owner has not begun. MTR_ENOMEM alone. */
int mtr_workers_go_on(struct mtr_workers *workers, struct mtr_worker_job *job) MTR_MUST_USE;
/* True: it had not begun, and on_done is not called. */
bool mtr_workers_call_off(struct mtr_workers *workers, struct mtr_worker_job *job);

void mtr_workers_limit(struct mtr_workers *workers, uint32_t jobs_max);
struct mtr_workers_stats mtr_workers_stats(struct mtr_workers *workers);
/* Runs the loop, outside mtr_loop_run, until each job's on_done was called. */
void mtr_workers_finish(struct mtr_workers *workers);

#endif
