/*
 * The thread beside the stages that reads all that is stored again and again (scrubbing.c). Private to
 * daemon.
 */
#ifndef METERD_DAEMON_STORES_SCRUBBING_H
#define METERD_DAEMON_STORES_SCRUBBING_H

#include "daemon/daemon.h"

struct scrubbing;

/* Starts its thread, once stores and log are open; it ends before they are closed. */
int scrubbing_open(struct mtr_daemon *daemon, struct scrubbing **out) MTR_MUST_USE;
void scrubbing_close(struct scrubbing *scrubbing); /* NULL is allowed */

#endif
