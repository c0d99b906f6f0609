/*
 * LMDB environments: opening by the house's rules, translation of codes, commit, directories made durable.
 */
#include "lib/store/lmdb_env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "meterd/core/limits.h"
#include "meterd/store/readers.h"

enum { ROOM_BYTES_MIN = 1 << 20 }; /* less than this free: a failed write was for lack of room */
enum {
    LOCK_BYTES = 64 * (MTR_LMDB_READERS_MAX + 16)
}; /* LMDB's lock file: its head and a cache line per reader */

int lmdb_error(int lmdb_code)
{
    switch (lmdb_code) {
    case MDB_SUCCESS: return MTR_OK;
    case MDB_NOTFOUND: return MTR_ENOTFOUND;
    case MDB_KEYEXIST: return MTR_EEXISTS;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_READERS_FULL:
    case MDB_DBS_FULL: return MTR_EFULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID: return MTR_ECORRUPT;
    case MDB_VERSION_MISMATCH: return MTR_EVERSION;
    case MDB_PANIC: return MTR_EIO;
    default: break;
    }
    MTR_ASSERT(lmdb_code != MDB_BAD_TXN && lmdb_code != MDB_BAD_DBI && lmdb_code != MDB_BAD_VALSIZE &&
               lmdb_code != MDB_BAD_RSLOT);
    return mtr_error_from_errno(lmdb_code);
}

int directory_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return mtr_error_from_errno(errno);
    int rc = fsync(fd) ? mtr_error_from_errno(errno) : MTR_OK;
    close(fd);
    return rc;
}

static int create_one(char *path)
{
    if (mkdir(path, 0700) == 0) {
        char *slash = strrchr(path, '/');
        if (!slash) return directory_sync(".");
        if (slash == path) return directory_sync("/");
        *slash = '\0';
        int rc = directory_sync(path);
        *slash = '/';
        return rc;
    }
    return errno == EEXIST ? MTR_OK : mtr_error_from_errno(errno);
}

int directory_create(const char *path)
{
    char copy[PATH_MAX];
    if (!*path || strlen(path) >= sizeof(copy)) return MTR_EINVALID;
    memcpy(copy, path, strlen(path) + 1);
    for (char *p = copy + 1; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        int rc = create_one(copy);
        *p = '/';
        if (rc) return rc;
    }
    return create_one(copy);
}

/* LMDB maps its lock file and writes to the mapping: on a full disk that is SIGBUS, not an error. So its
 * room is taken before. */
static int reserve_lock_file(const char *directory)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/lock.mdb", directory) >= (int)sizeof(path)) return MTR_EINVALID;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
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

/* ---- environments that this process writes to ---- */

struct written {
    MDB_env *env;
    struct written *next;
};

static pthread_mutex_t written_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct written *all_written;

static int add_written(MDB_env *env)
{
    struct written *written = malloc(sizeof(*written));
    if (!written) return MTR_ENOMEM;
    pthread_mutex_lock(&written_mutex);
    *written = (struct written){env, all_written};
    all_written = written;
    pthread_mutex_unlock(&written_mutex);
    return MTR_OK;
}

static void drop_written(MDB_env *env)
{
    pthread_mutex_lock(&written_mutex);
    struct written **link = &all_written;
    while (*link && (*link)->env != env) link = &(*link)->next;
    struct written *written = *link;
    if (written) *link = written->next;
    pthread_mutex_unlock(&written_mutex);
    free(written);
}

void lmdb_close(MDB_env *env)
{
    drop_written(env);
    mdb_env_close(env);
}

unsigned mtr_store_end_dead_readers(void)
{
    unsigned count = 0;
    pthread_mutex_lock(&written_mutex);
    for (const struct written *written = all_written; written; written = written->next) {
        int dead = 0;
        if (!mdb_reader_check(written->env, &dead)) count += (unsigned)dead;
    }
    pthread_mutex_unlock(&written_mutex);
    return count;
}

/* ---- opening and closing ---- */

int lmdb_open(const char *directory, const struct mtr_lmdb_options *options, MDB_env **out,
              struct mtr_diagnostic *diagnostic)
{
    MDB_env *env = NULL;
    int stale = 0;
    int rc = options->read_only ? MTR_OK : directory_create(directory);
    if (!rc && !options->read_only) rc = reserve_lock_file(directory);
    if (rc) goto out;
    rc = lmdb_error(mdb_env_create(&env));
    if (!rc) rc = lmdb_error(mdb_env_set_mapsize(env, map_bytes(options)));
    if (!rc) rc = lmdb_error(mdb_env_set_maxdbs(env, options->databases_max));
    if (!rc) rc = lmdb_error(mdb_env_set_maxreaders(env, MTR_LMDB_READERS_MAX));
    if (!rc)
        rc = lmdb_error(
            mdb_env_open(env, directory, MDB_NOTLS | (options->read_only ? MDB_RDONLY : 0), 0600));
    if (!rc) rc = lmdb_error(mdb_reader_check(env, &stale));
    if (!rc && !options->read_only) rc = directory_sync(directory); /* its file's name is durable, too */
    if (!rc && !options->read_only) rc = add_written(env);
out:
    if (rc) {
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
