/*
 * Files and names that outlive a loss of power.
 */
#include "meterd/store/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The error of a call that failed just now. */
static int last_error(void)
{
    return mtr_error_from_errno(errno ? errno : EIO);
}

static int close_file(int fd, int rc)
{
    const int error = errno;
    if (close(fd) && !rc) return last_error();
    errno = error;
    return rc;
}

int mtr_durable_sync(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return last_error();
    return close_file(fd, fsync(fd) ? last_error() : MTR_OK);
}

/* The directory in which that name stands. */
static int open_parent(const char *path, int *fd)
{
    char parent[PATH_MAX];
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') size--; /* its own name ends there */
    while (size && path[size - 1] != '/') size--;
    if (size >= sizeof(parent)) return MTR_EINVALID;
    snprintf(parent, sizeof(parent), "%.*s", size ? (int)size : 1, size ? path : ".");
    *fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? last_error() : MTR_OK;
}

static int sync_names(int directory)
{
    return fsync(directory) ? last_error() : MTR_OK;
}

int mtr_durable_sync_parent(const char *path)
{
    int parent;
    const int rc = open_parent(path, &parent);
    return rc ? rc : close_file(parent, sync_names(parent));
}

int mtr_durable_directory(const char *path)
{
    struct stat status;
    if (!mkdir(path, 0700)) return mtr_durable_sync_parent(path);
    if (errno != EEXIST || stat(path, &status)) return last_error();
    if (S_ISDIR(status.st_mode)) return MTR_OK;
    errno = ENOTDIR;
    return MTR_EEXISTS;
}

int mtr_durable_path(const char *path)
{
    char copy[PATH_MAX];
    if (!*path || strlen(path) >= sizeof(copy)) return MTR_EINVALID;
    memcpy(copy, path, strlen(path) + 1);
    for (char *p = copy + 1; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        int rc = mtr_durable_directory(copy);
        *p = '/';
        if (rc) return rc;
    }
    return mtr_durable_directory(copy);
}

/* The directory is opened before: where no file may be opened any more, nothing has changed. */
int mtr_durable_rename(const char *from, const char *to)
{
    int parent;
    int rc = open_parent(to, &parent);
    if (rc) return rc;
    if (rename(from, to)) rc = last_error();
    else if (sync_names(parent)) rc = MTR_EIO;
    return close_file(parent, rc);
}

static int write_all(int fd, struct mtr_str bytes)
{
    while (bytes.size) {
        const ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return last_error();
        bytes = (struct mtr_str){bytes.data + written, bytes.size - (size_t)written};
    }
    return fsync(fd) ? last_error() : MTR_OK;
}

int mtr_durable_create(const char *path, int *fd)
{
    if (unlink(path) && errno != ENOENT) return last_error();
    *fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd < 0 ? last_error() : MTR_OK;
}

int mtr_durable_replace(const char *path, struct mtr_str bytes)
{
    char fresh[PATH_MAX];
    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh)) return MTR_EINVALID;
    int fd;
    int rc = mtr_durable_create(fresh, &fd);
    if (!rc) rc = close_file(fd, write_all(fd, bytes));
    if (!rc) rc = mtr_durable_rename(fresh, path);
    if (!rc) return MTR_OK;
    const int error = errno;
    unlink(fresh); /* where it has its name already there is none */
    errno = error;
    return rc;
}
