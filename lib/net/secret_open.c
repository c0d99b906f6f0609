/*
 * See secret_open.h. O_PATH finds a file without opening it; what it is, and its name, are asked of that
 * descriptor, and what is read is opened by it. Such a descriptor holds no locks, and drops none.
 */
#include "meterd/net/secret_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char kept_out[PATH_MAX]; /* written before there are threads */

void mtr_secret_keep_out(const char *directory)
{
    if (!realpath(directory, kept_out)) kept_out[0] = '\0';
}

/* Both are whole names, without links. */
static bool is_below(const char *path, const char *directory)
{
    const size_t size = strlen(directory);
    if (size == 1) return directory[0] == '/';
    return size && strncmp(path, directory, size) == 0 && path[size] == '/';
}

static bool is_allowed(const char *path, const char *const *directories)
{
    char whole[PATH_MAX];
    if (!directories) return true;
    for (; *directories; directories++)
        if (realpath(*directories, whole) && is_below(path, whole)) return true;
    return false;
}

static enum mtr_secret_fault judge(int fd, const char *link, const char *const *directories)
{
    struct stat status;
    char path[PATH_MAX];
    if (fstat(fd, &status)) return MTR_SECRET_CLOSED;
    if (!S_ISREG(status.st_mode)) return MTR_SECRET_NO_FILE;
    const ssize_t size = readlink(link, path, sizeof(path) - 1);
    if (size <= 0 || size == (ssize_t)sizeof(path) - 1) return MTR_SECRET_CLOSED;
    path[size] = '\0';
    if (is_below(path, kept_out)) return MTR_SECRET_OURS;
    return is_allowed(path, directories) ? MTR_SECRET_FINE : MTR_SECRET_OUTSIDE;
}

enum mtr_secret_fault mtr_secret_open(const char *path, const char *const *directories, int *out)
{
    char link[32];
    *out = -1;
    const int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? MTR_SECRET_ABSENT : MTR_SECRET_CLOSED;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    enum mtr_secret_fault fault = judge(fd, link, directories);
    if (!fault) *out = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (!fault && *out < 0) fault = MTR_SECRET_CLOSED;
    close(fd);
    return fault;
}
