/*
 * One process goes on with a data directory: the daemon, or a command that makes something of it anew. It
 * holds the directory (meterd/store/hold.h) from before it makes the first file until its end, so two that
 * start at once on a directory that is still empty are told apart, too. Who only reads does not.
 */
#ifndef METERD_DAEMON_STORES_DATA_HOLD_H
#define METERD_DAEMON_STORES_DATA_HOLD_H

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"

/* MTR_EEXISTS: another one is at work. MTR_ENOTFOUND: there is no such directory. One that was killed may
 * have left a process that holds it for a moment: that is waited for. */
int data_hold_begin(const char *data, int *hold, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
