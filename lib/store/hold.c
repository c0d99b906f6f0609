/*
 * Directories that one process is at work in: locks on them, and their removal under these.
 */
#include "meterd/store/hold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOKS_MAX = 64, DEPTH_MAX = 8 };

static int last_error(void)
{
    return mtr_error_from_errno(errno ? errno : EIO);
}

/* Does the name still lead to what is locked? */
static bool is_same(int hold, const char *path, bool is_followed)
{
    struct stat held, named;
    if (fstat(hold, &held) || (is_followed ? stat(path, &named) : lstat(path, &named))) return false;
    return held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

/* MTR_ENOTFOUND, too: what was there got another name, or is gone. */
static int look(const char *path, enum mtr_hold_kind kind, int *hold)
{
    const bool is_followed = kind != MTR_HOLD_ALONE;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (is_followed ? 0 : O_NOFOLLOW));
    if (fd < 0) return last_error();
    int rc = flock(fd, (kind == MTR_HOLD_READER ? LOCK_SH : LOCK_EX) | LOCK_NB) ? last_error() : MTR_OK;
    if (!rc && !is_same(fd, path, is_followed)) rc = MTR_ENOTFOUND;
    if (rc) close(fd);
    else *hold = fd;
    return rc;
}

int mtr_hold_begin(const char *path, enum mtr_hold_kind kind, int *hold)
{
    *hold = -1;
    return look(path, kind, hold);
}

/* Between its making and its lock others may take it for one that was left: then it is made once more. */
int mtr_hold_make(const char *path, int *hold)
{
    int rc = MTR_ENOTFOUND;
    *hold = -1;
    for (int looks = 0; rc == MTR_ENOTFOUND && looks < LOOKS_MAX; looks++) {
        if (mkdir(path, 0700) && errno != EEXIST) return last_error();
        rc = look(path, MTR_HOLD_ALONE, hold);
    }
    return rc;
}

void mtr_hold_end(int hold)
{
    if (hold >= 0) close(hold);
}

static int empty(int directory, unsigned depth, bool *was_empty);

static int remove_entry(int directory, const char *name, unsigned depth)
{
    bool was_empty;
    if (!unlinkat(directory, name, 0)) return MTR_OK;
    if (errno != EISDIR && errno != EPERM) return errno == ENOENT ? MTR_OK : last_error();
    if (depth == DEPTH_MAX) return MTR_ELIMIT;
    const int inner = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (inner < 0) return last_error();
    const int rc = empty(inner, depth + 1, &was_empty);
    close(inner);
    if (rc) return rc;
    return unlinkat(directory, name, AT_REMOVEDIR) ? last_error() : MTR_OK;
}

/* The first error; what can be removed is. */
static int empty(int directory, unsigned depth, bool *was_empty)
{
    int rc = MTR_OK;
    const int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    *was_empty = true;
    if (!entries) {
        rc = last_error();
        if (fd >= 0) close(fd);
        return rc;
    }
    for (const struct dirent *entry; (entry = readdir(entries));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        *was_empty = false;
        const int failed = remove_entry(directory, entry->d_name, depth);
        if (!rc) rc = failed;
    }
    closedir(entries);
    return rc;
}

int mtr_hold_empty(int hold, bool *was_empty)
{
    return empty(hold, 0, was_empty);
}

int mtr_hold_remove(int hold, const char *path)
{
    bool was_empty;
    if (!is_same(hold, path, false)) return MTR_ENOTFOUND;
    const int rc = empty(hold, 0, &was_empty);
    if (rc) return rc;
    return rmdir(path) ? last_error() : MTR_OK;
}
