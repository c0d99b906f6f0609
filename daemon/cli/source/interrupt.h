/*
 * Somebody presses Ctrl-C while a vendor is asked: the reading ends, and its directory is removed; or while
 * the daemon is waited for: it goes on without. Main's thread. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_SOURCE_INTERRUPT_H
#define METERD_DAEMON_CLI_SOURCE_INTERRUPT_H

#include <stdatomic.h>

/* From now on SIGINT and SIGTERM end no process, but make this true. */
const atomic_bool *interrupt_watch(void);
void interrupt_forget(void); /* the next one ends the process */

#endif
