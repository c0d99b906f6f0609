/*
 * A stage's thread: calls its step function again and again, sleeps while there is nothing to do, stops when
 * told.
 *
 * The step function is the stage (collector's intake, aggregator, rater); this is only its clockwork. A step
 * that fails is fatal for the process: the stores stay as the last commit left them, and recovery at the next
 * start is the one way back.
 */
#ifndef METERD_DAEMON_STAGE_H
#define METERD_DAEMON_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"

struct mtr_stage_thread;

struct mtr_stage_hooks {
    const char *name; /* of the thread, up to 15 characters */
    /* A bounded piece of work. *idle: nothing left; sleep until poked or idle_ms passed. Errors stop the
     * stage. */
    int (*step)(void *context, bool *idle);
    /* The stage ended: with the step's error, or 0 after stage_stop. Runs on the stage's thread, last. */
    void (*on_end)(void *context, int error);
    uint32_t idle_ms;
    /* After a step that said idle, a poke is answered no sooner than this after the step began: work
     * gathers, and what a step costs by itself is paid less often. 0: at once. */
    uint32_t pause_ms;
};

int stage_start(const struct mtr_stage_hooks *hooks, void *context,
                struct mtr_stage_thread **out) MTR_MUST_USE;
void stage_poke(struct mtr_stage_thread *stage); /* any thread: there is work */
/* Asks the stage to end once its step says idle (drain) or after the step under way (!drain). Does not
 * wait. */
void stage_stop(struct mtr_stage_thread *stage, bool drain);
void stage_join(struct mtr_stage_thread *stage); /* waits for the end and frees the stage; NULL is fine */

#endif
