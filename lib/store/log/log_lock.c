/*
 * The lock of whoever writes a log: on a file beside its segments, as long as its descriptor is open.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lib/store/log/log_internal.h"

enum { LOCK_LOOKS = 40, LOCK_LOOK_NS = 50000000 }; /* two seconds */

/* A daemon that was killed may leave the process that checked its log for a moment, and that one the lock. */
static int wait_for_lock(int fd)
{
    const struct timespec pause = {.tv_nsec = LOCK_LOOK_NS};
    int failed = flock(fd, LOCK_EX | LOCK_NB);
    for (int looks = 0; failed && errno == EWOULDBLOCK && looks < LOCK_LOOKS; looks++) {
        nanosleep(&pause, NULL);
        failed = flock(fd, LOCK_EX | LOCK_NB);
    }
    return failed;
}

int log_take_lock(const char *directory, int *out, struct mtr_diagnostic *diagnostic)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/lock", directory) >= (int)sizeof(path)) return MTR_EINVALID;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        int rc = mtr_error_from_errno(errno);
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                           "cannot open the lock file %.180s: %s", path, mtr_error_text(rc));
        return rc;
    }
    if (wait_for_lock(fd)) {
        int rc = errno == EWOULDBLOCK ? MTR_EEXISTS : mtr_error_from_errno(errno);
        close(fd);
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_IN_USE, 0, 0, NULL,
                           "the log %.180s is in use by another writer: stop it first", directory);
        return rc;
    }
    *out = fd;
    return MTR_OK;
}
