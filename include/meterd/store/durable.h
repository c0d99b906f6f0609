/*
 * Files and names that outlive a loss of power.
 *
 * The bytes of a file are on the disk once the file is synced, a name (made, changed or gone) once the
 * directory is synced in which it stands: one says nothing of the other. Whatever data hangs on is made,
 * replaced and renamed here, or by LMDB in a directory that is synced here.
 *
 * Any thread. Errors are those of mtr_error_from_errno, and MTR_EIO where nobody knows what is on the disk.
 * errno is still what the system said.
 */
#ifndef METERD_STORE_DURABLE_H
#define METERD_STORE_DURABLE_H

#include "meterd/core/error.h"
#include "meterd/core/str.h"

/* The bytes of a file, or the names in a directory. */
int mtr_durable_sync(const char *path) MTR_MUST_USE;
/* The names in the directory in which that one stands. */
int mtr_durable_sync_parent(const char *path) MTR_MUST_USE;

/* One directory with mode 0700, or the one that is there. MTR_EEXISTS: something else has its name. */
int mtr_durable_directory(const char *path) MTR_MUST_USE;
/* Those above it, too, where they are missing. */
int mtr_durable_path(const char *path) MTR_MUST_USE;

/* A new file of mode 0600, open for writing, and not followed anywhere: what stood under its name, left by a
 * process that was killed, or put there by somebody, is gone. */
int mtr_durable_create(const char *path, int *fd) MTR_MUST_USE;

/* Within one directory. What stood under the new name is gone. MTR_EIO: it may be the one or the other; other
 * errors: nothing has changed. */
int mtr_durable_rename(const char *from, const char *to) MTR_MUST_USE;
/* A file of mode 0600 with these bytes: after a crash it is the one before or this one, and never in part. It
 * is written under its name and ".new" first. */
int mtr_durable_replace(const char *path, struct mtr_str bytes) MTR_MUST_USE;

#endif
