/*
 * Work that may block for ever, as a file of a network mount that does not answer: on threads of its own, so
 * that neither the loop nor its pool stands still. What hangs keeps its thread; others go on.
 *
 *   mtr_blocking_start ─▶ the lane's turn ─▶ work, on a thread ─▶ on_done, on the loop
 *                                     close ─▶ drop, in the place of on_done: when the work has ended
 *
 * A lane is what hangs together, as a directory: so many of its jobs run at a time, one after the other of
 * those that wait. Threads are begun when they are needed, at most MTR_BLOCKING_THREADS_MAX, and end when
 * they have had nothing to do for a while.
 *
 * Jobs are their owner's memory until on_done or drop. Everything is the loop's thread's, but `work` and, of
 * a job that was still at work, `drop`.
 */
#ifndef METERD_NET_BLOCKING_H
#define METERD_NET_BLOCKING_H

#include "meterd/core/str.h"
#include "meterd/net/loop.h"

enum { MTR_BLOCKING_THREADS_MAX = 64 };

struct mtr_blocking_job {
    struct mtr_blocking_job *next; /* private */
    struct mtr_str lane;           /* lives as long as the job */
    uint32_t lane_jobs_max;        /* of it at a time, from 1 */
    void (*work)(struct mtr_blocking_job *job);
    void (*on_done)(struct mtr_blocking_job *job, void *context);
    void (*drop)(struct mtr_blocking_job *job);
    void *context; /* of on_done; not looked at by work and drop */
};

struct mtr_blocking;

int mtr_blocking_open(struct mtr_loop *loop, struct mtr_blocking **out) MTR_MUST_USE;
/* What waits is dropped now, what is at work when it ends, which may be never; that keeps nobody from
 * ending the process. NULL is allowed. */
void mtr_blocking_close(struct mtr_blocking *blocking);
void mtr_blocking_start(struct mtr_blocking *blocking, struct mtr_blocking_job *job);

#endif
