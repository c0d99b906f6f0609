/*
 * LMDB environments: opening by the house's rules, commit.
 */
#include "lib/store/lmdb_env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/store/page_check.h"
#include "lib/store/written.h"
#include "meterd/core/limits.h"
#include "meterd/store/durable.h"

enum { ROOM_BYTES_MIN = 1 << 20 }; /* less than this free: a failed write was for lack of room */
enum {
    LOCK_BYTES = 64 * (MTR_LMDB_READERS_MAX + 16)
}; /* LMDB's lock file: its head and a cache line per reader */

/* LMDB maps its lock file and writes to the mapping: on a full disk that is SIGBUS, not an error. So its
 * room is taken before. */
static int reserve_lock_file(const char *directory)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/lock.mdb", directory) >= (int)sizeof(path)) return MTR_EINVALID;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return mtr_error_from_errno(errno);
    int code = posix_fallocate(fd, 0, LOCK_BYTES);
    close(fd);
    return mtr_error_from_errno(code);
}

/* The thread sanitizer leaves a program little address space, and its programs are tests. */
static size_t map_bytes(const struct mtr_lmdb_options *options)
{
#ifdef __SANITIZE_THREAD__
    const size_t most = (size_t)1 << 34;
    return options->map_bytes < most ? options->map_bytes : most;
#else
    return options->map_bytes;
#endif
}

/* LMDB makes a file by writing its two first pages under its name: after a loss of power some of them may be
 * there, which is damage. So it is made, and synced, under another name, which nobody else opens: no lock. */
static int make_file(const char *directory, const struct mtr_lmdb_options *options)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    struct stat status;
    MDB_env *env = NULL;
    if (snprintf(path, sizeof(path), "%s/data.mdb", directory) >= (int)sizeof(path) ||
        snprintf(fresh, sizeof(fresh), "%s/data.mdb.new", directory) >= (int)sizeof(fresh))
        return MTR_EINVALID;
    if (!stat(path, &status) && status.st_size) return MTR_OK;
    if (unlink(fresh) && errno != ENOENT) return mtr_error_from_errno(errno);
    int rc = lmdb_error(mdb_env_create(&env));
    if (!rc) rc = lmdb_error(mdb_env_set_mapsize(env, map_bytes(options)));
    if (!rc) rc = lmdb_error(mdb_env_open(env, fresh, MDB_NOSUBDIR | MDB_NOLOCK, 0600));
    if (env) mdb_env_close(env);
    if (!rc) rc = mtr_durable_sync(fresh);
    if (!rc && rename(fresh, path)) rc = mtr_error_from_errno(errno); /* lmdb_open syncs the name */
    if (rc) unlink(fresh);
    return rc;
}

void lmdb_close(MDB_env *env)
{
    written_drop(env);
    mdb_env_close(env);
}

/* A writer that was killed behind its commit, before it told readers of it, has left the writers' lock. Who
 * takes that tells them; where nobody had the store open, LMDB looks by itself. */
static int tell_last_commit(MDB_env *env)
{
    MDB_txn *txn;
    const int rc = lmdb_error(mdb_txn_begin(env, NULL, 0, &txn));
    if (!rc) mdb_txn_abort(txn);
    return rc;
}

/* A process that was killed in a commit may have left it in the kernel's memory alone: others see it from now
 * on, and tell of it. */
static int sync_what_is_found(MDB_env *env, const char *directory)
{
    int rc = lmdb_error(mdb_env_sync(env, 1));
    return rc ? rc : mtr_durable_sync(directory);
}

int lmdb_open(const char *directory, const struct mtr_lmdb_options *options, MDB_env **out,
              struct mtr_diagnostic *diagnostic)
{
    MDB_env *env = NULL;
    int stale = 0;
    int rc = options->read_only ? MTR_OK : mtr_durable_path(directory);
    if (!rc && !options->read_only) rc = reserve_lock_file(directory);
    if (!rc && !options->read_only) rc = make_file(directory, options);
    if (!rc && options->store) rc = page_check_metas(directory, options->store, diagnostic);
    if (rc) goto out;
    rc = lmdb_error(mdb_env_create(&env));
    if (!rc) rc = lmdb_error(mdb_env_set_mapsize(env, map_bytes(options)));
    if (!rc) rc = lmdb_error(mdb_env_set_maxdbs(env, options->databases_max));
    if (!rc) rc = lmdb_error(mdb_env_set_maxreaders(env, MTR_LMDB_READERS_MAX));
    if (!rc)
        rc = lmdb_error(
            mdb_env_open(env, directory, MDB_NOTLS | (options->read_only ? MDB_RDONLY : 0), 0600));
    if (!rc) rc = lmdb_error(mdb_reader_check(env, &stale));
    if (!rc && !options->read_only) rc = sync_what_is_found(env, directory);
    if (!rc && !options->read_only) rc = tell_last_commit(env);
    if (!rc && options->store) rc = page_check(env, options->store, NULL, diagnostic);
    if (!rc && !options->read_only) rc = written_add(env, options->store);
out:
    if (rc) {
        if (rc != MTR_ECORRUPT || !diagnostic->text[0]) /* else it says where */
            mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                           "cannot open the store %s: %s", directory, mtr_error_text(rc));
        if (env) mdb_env_close(env);
        return rc;
    }
    *out = env;
    return MTR_OK;
}

static bool has_room(MDB_env *env)
{
    const char *path = NULL;
    struct statvfs status;
    if (mdb_env_get_path(env, &path) || statvfs(path, &status)) return true;
    return (uint64_t)status.f_bavail * status.f_frsize >= ROOM_BYTES_MIN;
}

int lmdb_commit(MDB_txn *txn)
{
    MDB_env *env = mdb_txn_env(txn);
    int code = mdb_txn_commit(txn);
    if (!code) return MTR_OK;
    int rc = lmdb_error(code);
    return rc == MTR_EIO && !has_room(env) ? MTR_EFULL : rc;
}
