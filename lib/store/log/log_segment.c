/*
 * Segments on disk. A segment is zero-filled before it gets its name, so that an append inside it never asks
 * the file system for room: a full disk is found while preparing, where it is harmless, and not in the middle
 * of a commit.
 */
#include "lib/store/log/log_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/store/lmdb_env.h"
#include "meterd/core/limits.h"
#include "meterd/store/durable.h"

enum { PAGE_BYTES = 4096, ZERO_BYTES = 1 << 20, MAP_SLACK_BYTES = 64 << 20 };

/* Pages of LMDB 0.9, file format 1: a header of 16 bytes, then the meta. */
enum {
    META_FLAGS_AT = 10,
    META_FLAG = 0x08,
    META_MAGIC_AT = 16,
    META_VERSION_AT = 20,
    META_PAGE_SIZE_AT = 40,
    META_ENTRIES_AT = 120, /* of the main database */
    META_LAST_PAGE_AT = 136,
    META_TXNID_AT = 144,
    META_BYTES = 152,
    META_VERSION = 1,
};
static const uint32_t meta_magic = 0xBEEFC0DE;

int segment_corrupt(struct mtr_diagnostic *diagnostic, uint32_t number, uint64_t seq, const char *format, ...)
{
    char text[200];
    va_list args;
    if (!diagnostic) return MTR_ECORRUPT;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (seq)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                           "segment %06u, block at sequence %llu: %s", number, (unsigned long long)seq, text);
    else
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL, "segment %06u: %s", number,
                           text);
    return MTR_ECORRUPT;
}

static int join(char out[PATH_MAX], const char *directory, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    return n < 0 || n >= PATH_MAX ? MTR_EINVALID : MTR_OK;
}

static int number_path(char out[PATH_MAX], const char *directory, uint32_t number)
{
    char name[16];
    snprintf(name, sizeof(name), "%06u", number);
    return join(out, directory, name);
}

static size_t map_bytes(uint64_t segment_bytes)
{
    return (size_t)((segment_bytes + segment_bytes / 8 + MTR_BLOCK_BYTES_MAX + MAP_SLACK_BYTES) / PAGE_BYTES *
                    PAGE_BYTES);
}

static int remove_directory(const char *path)
{
    static const char *const names[] = {"data.mdb", "data.mdb.new", "lock.mdb"};
    char file[PATH_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        int rc = join(file, path, names[i]);
        if (rc) return rc;
        if (unlink(file) && errno != ENOENT) return mtr_error_from_errno(errno);
    }
    return rmdir(path) && errno != ENOENT ? mtr_error_from_errno(errno) : MTR_OK;
}

static int zero_fill(const char *file, uint64_t size)
{
    static const char zeros[ZERO_BYTES];
    struct stat status;
    int rc = MTR_OK;
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return mtr_error_from_errno(errno);
    if (fstat(fd, &status)) rc = mtr_error_from_errno(errno);
    uint64_t done = rc ? size : (uint64_t)status.st_size;
    while (done < size && !rc) {
        size_t part = size - done < sizeof(zeros) ? (size_t)(size - done) : sizeof(zeros);
        ssize_t n = pwrite(fd, zeros, part, (off_t)done);
        if (n < 0 && errno != EINTR) rc = mtr_error_from_errno(errno);
        if (n > 0) done += (uint64_t)n;
    }
    if (!rc && fsync(fd)) rc = mtr_error_from_errno(errno);
    if (close(fd) && !rc) rc = mtr_error_from_errno(errno);
    return rc;
}

static int create(const char *path, uint64_t segment_bytes)
{
    char file[PATH_MAX];
    MDB_env *env = NULL;
    struct mtr_diagnostic diagnostic;
    struct mtr_lmdb_options options = {.map_bytes = map_bytes(segment_bytes)};
    int rc = lmdb_open(path, &options, &env, &diagnostic);
    if (rc) return rc;
    lmdb_close(env);
    rc = join(file, path, "data.mdb");
    if (!rc) rc = zero_fill(file, segment_bytes);
    if (!rc) rc = mtr_durable_sync(path);
    return rc;
}

int segment_prepare_spare(const char *directory, uint64_t segment_bytes)
{
    char spare[PATH_MAX], file[PATH_MAX], unfinished[PATH_MAX];
    struct stat status;
    int rc = join(spare, directory, "spare");
    if (!rc) rc = join(file, directory, "spare/data.mdb");
    if (!rc) rc = join(unfinished, directory, "spare.new");
    if (rc) return rc;
    if (stat(file, &status) == 0 && (uint64_t)status.st_size == segment_bytes) return MTR_OK;
    rc = remove_directory(spare);
    if (!rc) rc = remove_directory(unfinished);
    if (!rc) rc = create(unfinished, segment_bytes);
    if (!rc) rc = mtr_durable_rename(unfinished, spare);
    if (!rc) return MTR_OK;
    segment_remove_unfinished(directory);
    return rc;
}

void segment_remove_unfinished(const char *directory)
{
    char unfinished[PATH_MAX];
    if (join(unfinished, directory, "spare.new")) return;
    int rc = remove_directory(unfinished);
    (void)rc; /* it is in nobody's way: the next preparation tries again and reports */
}

int segment_use_spare(const char *directory, uint32_t number)
{
    char spare[PATH_MAX], path[PATH_MAX];
    int rc = join(spare, directory, "spare");
    if (!rc) rc = number_path(path, directory, number);
    if (rc) return rc;
    return mtr_durable_rename(spare, path);
}

void segment_return_spare(const char *directory, uint32_t number)
{
    char spare[PATH_MAX], path[PATH_MAX];
    int rc = join(spare, directory, "spare");
    if (!rc) rc = number_path(path, directory, number);
    if (!rc && rename(path, spare)) rc = segment_remove(directory, number);
    (void)rc; /* recovery removes an empty segment that is not in the manifest */
}

int segment_remove(const char *directory, uint32_t number)
{
    char path[PATH_MAX];
    int rc = number_path(path, directory, number);
    if (!rc) rc = remove_directory(path);
    return rc ? rc : mtr_durable_sync(directory);
}

/* A meta page's numbers are the machine's own; LMDB files do not travel between byte orders. */
static uint32_t get_native32(const unsigned char *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof(value));
    return value;
}

static uint64_t get_native64(const unsigned char *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof(value));
    return value;
}

static bool meta_is_sane(const unsigned char *meta, uint64_t page)
{
    return get_native64(meta) == page && get_native32(meta + META_FLAGS_AT - 2) >> 16 == META_FLAG &&
           get_native32(meta + META_MAGIC_AT) == meta_magic &&
           get_native32(meta + META_VERSION_AT) == META_VERSION &&
           get_native32(meta + META_PAGE_SIZE_AT) == PAGE_BYTES;
}

static int check_metas(int fd, uint32_t number, bool strict, uint64_t *entries,
                       struct mtr_diagnostic *diagnostic)
{
    unsigned char metas[2][META_BYTES];
    struct stat status;
    for (int i = 0; i < 2; i++) {
        if (pread(fd, metas[i], META_BYTES, (off_t)i * PAGE_BYTES) != META_BYTES)
            return segment_corrupt(diagnostic, number, 0, "data.mdb is cut off");
        if (!meta_is_sane(metas[i], (uint64_t)i))
            return segment_corrupt(diagnostic, number, 0, "meta page %d of data.mdb is damaged", i);
    }
    uint64_t txnid[2] = {get_native64(metas[0] + META_TXNID_AT), get_native64(metas[1] + META_TXNID_AT)};
    int newest = txnid[1] > txnid[0];
    /* LMDB writes transaction n into page n & 1. */
    bool neighbours =
        txnid[newest] == 0 || ((int)(txnid[newest] & 1) == newest && txnid[newest] - txnid[!newest] == 1);
    if (strict && !neighbours)
        return segment_corrupt(diagnostic, number, 0, "the meta pages of data.mdb contradict each other");
    if (fstat(fd, &status)) return mtr_error_from_errno(errno);
    uint64_t last_page = get_native64(metas[newest] + META_LAST_PAGE_AT);
    if (last_page >= (uint64_t)status.st_size / PAGE_BYTES)
        return segment_corrupt(diagnostic, number, 0, "data.mdb is cut off");
    if (entries) *entries = get_native64(metas[newest] + META_ENTRIES_AT);
    return MTR_OK;
}

static int cannot_open(uint32_t number, struct mtr_diagnostic *diagnostic)
{
    const int rc = mtr_error_from_errno(errno);
    if (diagnostic)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                           "cannot open segment %06u: %s", number, mtr_error_text(rc));
    return rc;
}

int segment_check_file(const char *directory, uint32_t number, bool strict, uint64_t *entries,
                       struct mtr_diagnostic *diagnostic)
{
    char path[PATH_MAX], file[PATH_MAX];
    int rc = number_path(path, directory, number);
    if (!rc) rc = join(file, path, "data.mdb");
    if (rc) return rc;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return segment_corrupt(diagnostic, number, 0, "data.mdb is missing");
    if (fd < 0) return cannot_open(number, diagnostic);
    rc = check_metas(fd, number, strict, entries, diagnostic);
    close(fd);
    return rc;
}

int segment_tell_last_commit(const char *directory, uint32_t number, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_lmdb_options options = {.map_bytes = 0}; /* as the file says */
    char path[PATH_MAX];
    MDB_env *env = NULL;
    int rc = segment_check_file(directory, number, false, NULL, diagnostic);
    if (!rc) rc = number_path(path, directory, number);
    if (!rc) rc = lmdb_open(path, &options, &env, diagnostic);
    if (!rc) lmdb_close(env);
    return rc;
}

int segment_open(const char *directory, uint32_t number, uint64_t segment_bytes, MDB_env **out,
                 struct mtr_diagnostic *diagnostic)
{
    char path[PATH_MAX];
    struct mtr_diagnostic ignored;
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi = 0;
    /* 0: a reader takes the map size that the writer noted in the file */
    struct mtr_lmdb_options options = {.map_bytes = segment_bytes ? map_bytes(segment_bytes) : 0,
                                       .read_only = segment_bytes == 0};
    int rc = segment_check_file(directory, number, false, NULL, diagnostic);
    if (!rc) rc = number_path(path, directory, number);
    if (!rc) rc = lmdb_open(path, &options, &env, diagnostic ? diagnostic : &ignored);
    if (rc) return rc;
    rc = lmdb_error(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
    if (!rc) rc = lmdb_error(mdb_dbi_open(txn, NULL, 0, &dbi));
    if (txn) mdb_txn_abort(txn);
    if (rc) {
        lmdb_close(env);
        return rc == MTR_ECORRUPT ? segment_corrupt(diagnostic, number, 0, "data.mdb is damaged") : rc;
    }
    MTR_ASSERT(dbi == MTR_SEGMENT_DBI);
    *out = env;
    return MTR_OK;
}

uint64_t segment_used_bytes(MDB_env *env)
{
    MDB_envinfo info;
    if (mdb_env_info(env, &info)) return 0;
    return ((uint64_t)info.me_last_pgno + 1) * PAGE_BYTES;
}
