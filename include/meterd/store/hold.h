/*
 * Directories that one process is at work in.
 *
 * Who makes, fills, goes on with or removes such a directory holds it: an exclusive lock on the directory
 * itself (flock), which ends with the process, however that ends. So one that is held is somebody's who
 * lives, whatever user or container he is in, and one that nobody holds was left. Who reads one that is
 * whole shares it. No file is made for it, so none has to be removed.
 *
 * A lock is of a directory and not of its name: whoever waits at a name may get what another one has removed
 * or renamed meanwhile. So behind each lock the name is looked at again, and names are removed and changed by
 * who holds what they lead to.
 *
 * Any thread. A hold is a file descriptor that no other program inherits; mtr_hold_end closes it, and -1 is
 * none.
 */
#ifndef METERD_STORE_HOLD_H
#define METERD_STORE_HOLD_H

#include <stdbool.h>

#include "meterd/core/error.h"

enum mtr_hold_kind {
    MTR_HOLD_ALONE, /* that directory itself: a symbolic link is none */
    MTR_HOLD_STORE, /* alone, too, where a symbolic link leads */
    MTR_HOLD_READER /* beside other readers, where a symbolic link leads */
};

/* One that is there. MTR_EAGAIN: another process is at work in it; MTR_ENOTFOUND: there is none. */
int mtr_hold_begin(const char *path, enum mtr_hold_kind kind, int *hold) MTR_MUST_USE;
/* Alone; it is made with mode 0700 where there is none. What somebody has left there is still in it. */
int mtr_hold_make(const char *path, int *hold) MTR_MUST_USE;
void mtr_hold_end(int hold);

/* Removes all that is in a directory that is held alone, and follows no symbolic link. *was_empty: there was
 * nothing. */
int mtr_hold_empty(int hold, bool *was_empty) MTR_MUST_USE;
/* The directory, too, where `path` still leads to it. What cannot be removed stays. */
int mtr_hold_remove(int hold, const char *path) MTR_MUST_USE;

#endif
