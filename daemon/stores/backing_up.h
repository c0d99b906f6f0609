/*
 * Backups that the configuration asks for: one every so often under backup.directory, each whole, with links
 * to the one before (none where that fails: what rotted there would be in all that come), the oldest removed.
 * They are made by a process of their own (`meterd backup`).
 */
#ifndef METERD_DAEMON_STORES_BACKING_UP_H
#define METERD_DAEMON_STORES_BACKING_UP_H

#include <stdint.h>

#include "meterd/core/error.h"

struct backing_up;
struct mtr_daemon;

enum { MTR_BACKUP_AGAIN_MINUTES = 10 }; /* after one that failed */

/* Starts its thread, where there is a directory. */
int backing_up_open(struct mtr_daemon *daemon, struct backing_up **out) MTR_MUST_USE;
/* A backup that is under way is ended, and leaves nothing under its name. NULL is allowed. */
void backing_up_close(struct backing_up *backing_up);
/* Since the newest backup was made, or the daemon has started without one; 0: none are asked for. Any
 * thread. */
int64_t backing_up_age_us(const struct backing_up *backing_up);

#endif
