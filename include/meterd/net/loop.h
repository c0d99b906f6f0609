/*
 * The event loop: timers, wakeups from other threads, work on the pool, signals, and the clocks.
 *
 * One thread opens, runs and closes a loop; everything here belongs to that thread, except mtr_wakeup_send
 * and mtr_loop_stop, which any thread may call. Callbacks run on the loop's thread, never inside the call
 * that set them up. This is the edge of the program where clocks are read: everything further in takes the
 * time as an argument.
 *
 * Closing: close timers, wakeups, servers and clients in any order, then the loop; their memory is freed by
 * the loop at the latest in mtr_loop_close, which asserts that nothing was left open.
 */
#ifndef METERD_NET_LOOP_H
#define METERD_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"

struct mtr_loop;
struct mtr_timer;
struct mtr_wakeup;

int mtr_loop_open(struct mtr_loop **out) MTR_MUST_USE;
void mtr_loop_close(struct mtr_loop *loop); /* waits for work that runs on the pool, calling its on_done */

/* Runs until mtr_loop_stop, or until nothing is left that could call back. */
void mtr_loop_run(struct mtr_loop *loop);
/* Makes mtr_loop_run return soon; before a run it makes the next run return at once. Any thread. */
void mtr_loop_stop(struct mtr_loop *loop);

/* Microseconds since 1970 (may jump), since some start (never goes back), and since the machine's start, the
 * time included in which it was suspended. Any thread. */
int64_t mtr_clock_wall_us(void);
int64_t mtr_clock_monotonic_us(void);
int64_t mtr_clock_uptime_us(void);

/* Timers. start on a running timer starts it anew. repeat_ms 0: once. A timer may be stopped, started or
 * closed in its own callback. */
typedef void (*mtr_on_timer)(void *context);
int mtr_timer_open(struct mtr_loop *loop, mtr_on_timer on_timer, void *context,
                   struct mtr_timer **out) MTR_MUST_USE;
void mtr_timer_start(struct mtr_timer *timer, uint64_t delay_ms, uint64_t repeat_ms);
void mtr_timer_close(struct mtr_timer *timer); /* NULL is allowed */

/* Wakeups. Sends before the callback ran are merged into one call. A wakeup alone does not keep
 * mtr_loop_run from returning unless `keeps_running`. After close no thread may send. */
typedef void (*mtr_on_wakeup)(void *context);
int mtr_wakeup_open(struct mtr_loop *loop, bool keeps_running, mtr_on_wakeup on_wakeup, void *context,
                    struct mtr_wakeup **out) MTR_MUST_USE;
void mtr_wakeup_send(struct mtr_wakeup *wakeup); /* any thread */
void mtr_wakeup_close(struct mtr_wakeup *wakeup); /* NULL is allowed */

/* Before the first work, where a program would rather not begin than be aborted by libuv later, when it finds
 * no memory: for its pool's threads, and to watch files up to that number. MTR_ENOMEM. */
int mtr_loop_begin(struct mtr_loop *loop, uint32_t files) MTR_MUST_USE;

/* Runs work on a pool thread, then on_done on the loop's thread; both get context. The pool has
 * UV_THREADPOOL_SIZE threads (4) and an unbounded queue: callers bound what they queue. MTR_ENOMEM:
 * neither is called. */
int mtr_loop_queue_work(struct mtr_loop *loop, void (*work)(void *context), void (*on_done)(void *context),
                        void *context) MTR_MUST_USE;
/* Runs the loop, outside mtr_loop_run, until the on_done of everything queued was called. Before what the
 * work borrows is closed; callers see to it that nothing new is queued for ever. */
void mtr_loop_finish_work(struct mtr_loop *loop);

/* SIGTERM, SIGINT and SIGHUP come to on_signal as numbers of <signal.h>, from now until the loop closes.
 * Once per process and loop. SIGPIPE is ignored from then on: a peer that is gone is an error value. */
typedef void (*mtr_on_signal)(void *context, int signal_number);
int mtr_loop_watch_signals(struct mtr_loop *loop, mtr_on_signal on_signal, void *context) MTR_MUST_USE;

#endif
