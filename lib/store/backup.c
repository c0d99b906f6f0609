/*
 * Copies of stores in use. A copy is made beside the writer by LMDB's own reader; nothing here writes to the
 * source but its reader table.
 */
#include "meterd/store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/log/log_manifest.h"

enum { COPY_BYTES = 1 << 16, LOG_ATTEMPTS = 5 };

static int fail(int rc, const char *what, const char *path, struct mtr_diagnostic *diagnostic)
{
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_COPY, 0, 0, NULL, "%s %s: %s", what, path,
                       mtr_error_text(rc));
    return rc;
}

static int sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return mtr_error_from_errno(errno);
    int rc = fsync(fd) ? mtr_error_from_errno(errno) : MTR_OK;
    close(fd);
    return rc;
}

static int copy_open_environment(const char *from_directory, const char *to_directory)
{
    char path[PATH_MAX];
    MDB_env *env = NULL;
    int rc = lmdb_error(mdb_env_create(&env));
    if (!rc) rc = lmdb_error(mdb_env_open(env, from_directory, MDB_NOTLS | MDB_RDONLY, 0600));
    if (!rc) rc = lmdb_error(mdb_env_copy2(env, to_directory, MDB_CP_COMPACT));
    if (env) mdb_env_close(env);
    snprintf(path, sizeof(path), "%s/data.mdb", to_directory);
    if (!rc) rc = sync_file(path);
    return rc ? rc : directory_sync(to_directory);
}

int mtr_backup_environment(const char *from_directory, const char *to_directory,
                           struct mtr_diagnostic *diagnostic)
{
    if (access(from_directory, F_OK) != 0)
        return fail(MTR_ENOTFOUND, "there is no store at", from_directory, diagnostic);
    if (mkdir(to_directory, 0700))
        return fail(mtr_error_from_errno(errno), "cannot make", to_directory, diagnostic);
    int rc = copy_open_environment(from_directory, to_directory);
    return rc ? fail(rc, "cannot copy", from_directory, diagnostic) : MTR_OK;
}

static int copy_bytes(int from, int to)
{
    char bytes[COPY_BYTES];
    ssize_t size;
    while ((size = read(from, bytes, sizeof(bytes))) > 0) {
        for (ssize_t at = 0; at < size;) {
            ssize_t written = write(to, bytes + at, (size_t)(size - at));
            if (written < 0) return mtr_error_from_errno(errno);
            at += written;
        }
    }
    if (size < 0) return mtr_error_from_errno(errno);
    return fsync(to) ? mtr_error_from_errno(errno) : MTR_OK;
}

static int sync_parent(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t size = slash ? (size_t)(slash - path) : 0;
    if (size >= sizeof(directory)) return MTR_EINVALID;
    snprintf(directory, sizeof(directory), "%.*s%s", (int)size, path, slash ? "/" : ".");
    return directory_sync(directory);
}

int mtr_backup_file(const char *from_path, const char *to_path, struct mtr_diagnostic *diagnostic)
{
    int rc = MTR_OK, to = -1, from = open(from_path, O_RDONLY | O_CLOEXEC);
    if (from < 0) rc = mtr_error_from_errno(errno);
    if (!rc && (to = open(to_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        rc = mtr_error_from_errno(errno);
    if (!rc) rc = copy_bytes(from, to);
    if (from >= 0) close(from);
    if (to >= 0 && close(to) && !rc) rc = mtr_error_from_errno(errno);
    if (!rc) rc = sync_parent(to_path);
    return rc ? fail(rc, "cannot copy", from_path, diagnostic) : MTR_OK;
}

static bool same_segments(const struct mtr_manifest *a, const struct mtr_manifest *b)
{
    if (a->count != b->count || a->base.last_seq != b->base.last_seq) return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->records[i].number != b->records[i].number || a->records[i].rolled != b->records[i].rolled ||
            a->records[i].sealed != b->records[i].sealed)
            return false;
    return true;
}

static void remove_segments(const char *to_directory, const struct mtr_manifest *manifest)
{
    char path[PATH_MAX];
    for (uint32_t i = 0; i < manifest->count; i++) {
        snprintf(path, sizeof(path), "%s/%06u/data.mdb", to_directory, manifest->records[i].number);
        unlink(path);
        snprintf(path, sizeof(path), "%s/%06u", to_directory, manifest->records[i].number);
        rmdir(path);
    }
}

static int copy_segments(const char *from_directory, const char *to_directory,
                         const struct mtr_manifest *manifest, struct mtr_diagnostic *diagnostic)
{
    char from[PATH_MAX], to[PATH_MAX];
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < manifest->count; i++) {
        snprintf(from, sizeof(from), "%s/%06u", from_directory, manifest->records[i].number);
        snprintf(to, sizeof(to), "%s/%06u", to_directory, manifest->records[i].number);
        rc = mtr_backup_environment(from, to, diagnostic);
    }
    return rc;
}

/* One attempt: the manifest, the segments that it names, and a second look whether it still says the same. */
static int copy_log(const char *from_directory, const char *to_directory, struct mtr_diagnostic *diagnostic)
{
    char from[PATH_MAX], to[PATH_MAX];
    struct mtr_manifest before = {0}, after = {0};
    snprintf(from, sizeof(from), "%s/manifest", from_directory);
    snprintf(to, sizeof(to), "%s/manifest", to_directory);
    int rc = mtr_backup_file(from, to, diagnostic);
    if (!rc) rc = manifest_read(to_directory, &before, diagnostic);
    if (!rc) rc = copy_segments(from_directory, to_directory, &before, diagnostic);
    if (!rc) rc = manifest_read(from_directory, &after, diagnostic);
    if ((!rc && !same_segments(&before, &after)) || rc == MTR_ENOTFOUND) {
        remove_segments(to_directory, &before);
        rc = fail(MTR_EAGAIN, "segments change while they are copied:", from_directory, diagnostic);
    }
    manifest_release(&before);
    manifest_release(&after);
    return rc;
}

int mtr_backup_log(const char *from_directory, const char *to_directory, struct mtr_diagnostic *diagnostic)
{
    if (mkdir(to_directory, 0700))
        return fail(mtr_error_from_errno(errno), "cannot make", to_directory, diagnostic);
    int rc = MTR_EAGAIN;
    for (int attempt = 0; rc == MTR_EAGAIN && attempt < LOG_ATTEMPTS; attempt++)
        rc = copy_log(from_directory, to_directory, diagnostic);
    return rc ? rc : directory_sync(to_directory);
}
