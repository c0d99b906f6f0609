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
#include "meterd/store/durable.h"

enum { COPY_BYTES = 1 << 16 };

int mtr_backup_fail(int rc, const char *what, const char *path, struct mtr_diagnostic *diagnostic)
{
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_COPY, 0, 0, NULL, "%s %s: %s", what, path,
                       mtr_error_text(rc));
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
    /* LMDB leaves its mode to the umask. Until here its directory has kept others out. */
    if (!rc && chmod(path, 0600)) rc = mtr_error_from_errno(errno);
    if (!rc) rc = mtr_durable_sync(path);
    return rc ? rc : mtr_durable_sync(to_directory);
}

int mtr_backup_environment(const char *from_directory, const char *to_directory,
                           struct mtr_diagnostic *diagnostic)
{
    if (access(from_directory, F_OK) != 0)
        return mtr_backup_fail(MTR_ENOTFOUND, "there is no store at", from_directory, diagnostic);
    if (mkdir(to_directory, 0700))
        return mtr_backup_fail(mtr_error_from_errno(errno), "cannot make", to_directory, diagnostic);
    int rc = copy_open_environment(from_directory, to_directory);
    return rc ? mtr_backup_fail(rc, "cannot copy", from_directory, diagnostic) : MTR_OK;
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

int mtr_backup_file(const char *from_path, const char *to_path, struct mtr_diagnostic *diagnostic)
{
    int rc = MTR_OK, to = -1, from = open(from_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0) rc = mtr_error_from_errno(errno);
    if (!rc) rc = mtr_durable_create(to_path, &to);
    if (!rc) rc = copy_bytes(from, to);
    if (from >= 0) close(from);
    if (to >= 0 && close(to) && !rc) rc = mtr_error_from_errno(errno);
    if (!rc) rc = mtr_durable_sync_parent(to_path);
    return rc ? mtr_backup_fail(rc, "cannot copy", from_path, diagnostic) : MTR_OK;
}
