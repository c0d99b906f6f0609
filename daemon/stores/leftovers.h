/*
 * What processes that were killed have left in a data directory, where nobody would look at it again:
 *
 *   rollups.audit-PID      of an audit: rollups folded again, in a directory that it holds
 *   rollups.rebuild        of a rebuild, which holds the data directory while it folds
 *   rollups.old            of a rebuild whose rollups have taken their place
 *   catalog.repairing      of a repair, which holds the data directory
 *   event.key.new, life.new, clock.new   of whoever held it and made that file
 *
 * What somebody holds (meterd/store/hold.h) is being worked in, and stays.
 */
#ifndef METERD_DAEMON_STORES_LEFTOVERS_H
#define METERD_DAEMON_STORES_LEFTOVERS_H

#include <stdbool.h>
#include <stddef.h>

#include "meterd/core/error.h"

/* Makes the directory of an audit, which this process holds; path has room for `size` bytes. End it with
 * leftovers_end_audit, also where it failed. */
int leftovers_begin_audit(const char *data, char *path, size_t size, int *hold) MTR_MUST_USE;
void leftovers_end_audit(const char *path, int hold);

/* Removes them. has_data: this process holds the data directory, and the log's lock or what would be at work
 * under that is none of an earlier edition. on_removed (may be NULL) is called once for each. */
void leftovers_remove(const char *data, bool has_data, void (*on_removed)(const char *path));

/* Rollups that a rebuild had put out of the way when it was killed, before others had their name, get it
 * back. Under the hold of the data directory. */
int leftovers_put_back(const char *data, bool *was_put_back) MTR_MUST_USE;

/* A directory that holds one store, which is this process' own. */
void leftovers_remove_store(const char *directory);

/* For on_removed of a command: says so on standard error. */
void leftovers_say(const char *path);

#endif
