/*
 * A copy of a log that is in use: the segments of one manifest, each as a reader sees it.
 *
 * What changes meanwhile does no harm. A segment that is rolled or sealed after the manifest was read has all
 * its blocks, and the copy's manifest says that it is not rolled: so the identities that it may have by then
 * are taken out of the copy. Segments that begin later are not in it. Only one that retention removed is
 * missed: then the copy is begun anew.
 */
#include "meterd/store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/store/log/log_segment.h"
#include "lib/store/lmdb_env.h"
#include "meterd/store/durable.h"

enum { ATTEMPTS = 5 };

static int segment_path(const char *directory, uint32_t number, const char *file, char path[PATH_MAX])
{
    const int size = snprintf(path, PATH_MAX, "%s/%06u%s", directory, number, file);
    return size > 0 && size < PATH_MAX ? MTR_OK : MTR_EINVALID;
}

static bool same_hash(struct mtr_hash128 a, struct mtr_hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

/* Sealed segments are never written again: of the same blocks and identities it is the same. */
static bool is_same_segment(const struct mtr_segment_record *a, const struct mtr_segment_record *b)
{
    return a->number == b->number && a->sealed && b->sealed && a->start_seq == b->start_seq &&
           a->last_seq == b->last_seq && same_hash(a->last_hash, b->last_hash) &&
           a->identity_count == b->identity_count && same_hash(a->identities_hash, b->identities_hash);
}

static bool has_segment(const struct mtr_manifest *manifest, const struct mtr_segment_record *record)
{
    if (!manifest->count || record->number < manifest->records[0].number) return false;
    const uint32_t at = record->number - manifest->records[0].number;
    return at < manifest->count && is_same_segment(&manifest->records[at], record);
}

/* False: it has to be copied, since it is on another file system or there are too many links of it. */
static bool link_segment(const char *since_directory, const char *to_directory, uint32_t number)
{
    char from[PATH_MAX], directory[PATH_MAX], to[PATH_MAX];
    if (segment_path(since_directory, number, "/data.mdb", from) ||
        segment_path(to_directory, number, "", directory) ||
        segment_path(to_directory, number, "/data.mdb", to) || mkdir(directory, 0700))
        return false;
    if (!link(from, to) && !mtr_durable_sync(directory)) return true;
    unlink(to);
    rmdir(directory);
    return false;
}

/* All keys from that one on. */
static int delete_from(MDB_cursor *cursor, MDB_val key, bool *has_any)
{
    MDB_val value;
    int rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
    while (!rc) {
        *has_any = true;
        rc = lmdb_error(mdb_cursor_del(cursor, 0));
        if (!rc) rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* The last block's end, or 0 of a segment without blocks. One that ends behind `up_to` goes as a whole: what
 * was committed at once stays so. */
static int cut_last_block(MDB_cursor *cursor, uint64_t up_to, uint64_t *last_seq, bool *has_any)
{
    MDB_val key, value;
    struct mtr_block_header header;
    for (;;) {
        int rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_LAST));
        *last_seq = 0;
        if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
        rc = mtr_block_read_header(lmdb_str(value), &header);
        if (rc) return rc;
        *last_seq = header.first_seq + header.count - 1;
        if (*last_seq <= up_to) return MTR_OK;
        *has_any = true;
        rc = lmdb_error(mdb_cursor_del(cursor, 0));
        if (rc) return rc;
    }
}

/* The last segment becomes an open one: the identities that it may have by now are taken out, and the blocks
 * that end behind `up_to`. */
static int open_segment_again(const char *directory, const struct mtr_segment_record *record,
                              uint64_t segment_bytes, uint64_t up_to, uint64_t *last_seq,
                              struct mtr_diagnostic *diagnostic)
{
    unsigned char mark = MTR_SEGMENT_CHUNK_MARK, next[MTR_SEGMENT_BLOCK_KEY_BYTES];
    const bool is_cut = up_to < UINT64_MAX;
    bool has_any = false;
    MDB_env *env;
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    if (is_cut) lmdb_put_u64(next, up_to + 1);
    int rc = segment_open(directory, record->number, segment_bytes, &env, diagnostic);
    if (rc) return rc;
    rc = lmdb_error(mdb_txn_begin(env, NULL, 0, &txn));
    if (!rc) rc = lmdb_error(mdb_cursor_open(txn, MTR_SEGMENT_DBI, &cursor));
    if (!rc) rc = delete_from(cursor, is_cut ? lmdb_val(next, sizeof(next)) : lmdb_val(&mark, 1), &has_any);
    if (!rc) rc = cut_last_block(cursor, up_to, last_seq, &has_any);
    if (!rc && !*last_seq) *last_seq = record->start_seq - 1;
    if (cursor) mdb_cursor_close(cursor);
    if (!rc && has_any) rc = lmdb_commit(txn);
    else if (txn) mdb_txn_abort(txn);
    lmdb_close(env);
    return rc;
}

struct copying {
    const char *from, *to, *since; /* since: NULL, or a log that may have segments already */
    uint64_t up_to; /* behind which nothing is copied */
    uint64_t last_seq; /* of the copy */
    struct mtr_manifest manifest, had;
    struct mtr_backup_log_counts counts;
};

static int copy_segment(struct copying *copying, const struct mtr_segment_record *record,
                        struct mtr_diagnostic *diagnostic)
{
    char from[PATH_MAX], to[PATH_MAX];
    if (has_segment(&copying->had, record) && link_segment(copying->since, copying->to, record->number)) {
        copying->counts.linked++;
        return MTR_OK;
    }
    int rc = segment_path(copying->from, record->number, "", from);
    if (!rc) rc = segment_path(copying->to, record->number, "", to);
    copying->counts.copied++;
    return rc ? rc : mtr_backup_environment(from, to, diagnostic);
}

static int size_of(const char *directory, uint32_t number, uint64_t *out)
{
    char path[PATH_MAX];
    struct stat status;
    int rc = segment_path(directory, number, "/data.mdb", path);
    if (!rc && stat(path, &status)) rc = mtr_error_from_errno(errno);
    if (!rc) *out = (uint64_t)status.st_size;
    return rc;
}

/* Segments that begin behind the end are left out, and the last one is open from now on. */
static int cut_manifest(struct copying *copying, struct mtr_diagnostic *diagnostic)
{
    struct mtr_manifest *manifest = &copying->manifest;
    while (manifest->count && manifest->records[manifest->count - 1].start_seq > copying->up_to)
        manifest->count--;
    if (!manifest->count)
        return mtr_backup_fail(MTR_EINVALID, "all events are behind that one in the log", copying->from,
                               diagnostic);
    struct mtr_segment_record *last = &manifest->records[manifest->count - 1];
    *last = (struct mtr_segment_record){.number = last->number, .start_seq = last->start_seq};
    return MTR_OK;
}

static int open_again(struct copying *copying, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_segment_record *last = &copying->manifest.records[copying->manifest.count - 1];
    char path[PATH_MAX];
    uint64_t bytes = 0;
    int rc = size_of(copying->from, last->number, &bytes); /* so there is room for what is deleted, too */
    if (!rc)
        rc = open_segment_again(copying->to, last, bytes, copying->up_to, &copying->last_seq, diagnostic);
    if (!rc) rc = segment_path(copying->to, last->number, "/data.mdb", path);
    return rc ? rc : mtr_durable_sync(path);
}

static void remove_segments(const struct copying *copying)
{
    for (uint32_t i = 0; i < copying->manifest.count; i++) {
        const int rc = segment_remove(copying->to, copying->manifest.records[i].number);
        (void)rc; /* it may not be there yet; one that stays is in the way of the next attempt, and told */
    }
}

/* One attempt. MTR_ENOTFOUND: a segment was removed meanwhile. */
static int copy_log(struct copying *copying, struct mtr_diagnostic *diagnostic)
{
    struct mtr_manifest *manifest = &copying->manifest;
    copying->counts = (struct mtr_backup_log_counts){0};
    int rc = manifest_read(copying->from, manifest, diagnostic);
    if (rc == MTR_ENOTFOUND)
        return mtr_backup_fail(MTR_ECORRUPT, "there is no log at", copying->from, diagnostic);
    if (!rc && manifest->count) rc = cut_manifest(copying, diagnostic);
    for (uint32_t i = 0; !rc && i < manifest->count; i++)
        rc = copy_segment(copying, &manifest->records[i], diagnostic);
    if (!rc && manifest->count) rc = open_again(copying, diagnostic);
    if (!rc) rc = manifest_write(copying->to, manifest);
    if (rc) remove_segments(copying);
    manifest_release(manifest);
    *manifest = (struct mtr_manifest){0};
    return rc;
}

/* Behind the manifest: what retention had taken by then was carried before. Copies of events that are left
 * out go when the log is opened (log_carried_cut). */
static int copy_carried(const struct copying *copying, struct mtr_diagnostic *diagnostic)
{
    char from[PATH_MAX], to[PATH_MAX], file[PATH_MAX];
    if (snprintf(from, sizeof(from), "%s/carried", copying->from) >= (int)sizeof(from) ||
        snprintf(file, sizeof(file), "%s/carried/data.mdb", copying->from) >= (int)sizeof(file) ||
        snprintf(to, sizeof(to), "%s/carried", copying->to) >= (int)sizeof(to))
        return MTR_EINVALID;
    return access(file, F_OK) == 0 ? mtr_backup_environment(from, to, diagnostic) : MTR_OK;
}

static int copy_all(struct copying *copying, struct mtr_diagnostic *diagnostic)
{
    if (mkdir(copying->to, 0700))
        return mtr_backup_fail(mtr_error_from_errno(errno), "cannot make", copying->to, diagnostic);
    int rc = copying->since ? manifest_read(copying->since, &copying->had, diagnostic) : MTR_OK;
    if (rc) return mtr_backup_fail(rc, "cannot go on from the log in", copying->since, diagnostic);
    rc = MTR_ENOTFOUND;
    for (int attempt = 0; rc == MTR_ENOTFOUND && attempt < ATTEMPTS; attempt++)
        rc = copy_log(copying, diagnostic);
    manifest_release(&copying->had);
    if (rc == MTR_ENOTFOUND)
        rc = mtr_backup_fail(MTR_EAGAIN, "segments are removed while they are copied:", copying->from,
                             diagnostic);
    if (!rc) rc = copy_carried(copying, diagnostic);
    return rc ? rc : mtr_durable_sync(copying->to);
}

int mtr_backup_log(const char *from_directory, const char *to_directory, const char *since_directory,
                   struct mtr_backup_log_counts *counts, struct mtr_diagnostic *diagnostic)
{
    struct copying copying = {
        .from = from_directory, .to = to_directory, .since = since_directory, .up_to = UINT64_MAX};
    const int rc = copy_all(&copying, diagnostic);
    *counts = copying.counts;
    return rc;
}

int mtr_backup_log_up_to(const char *from_directory, const char *to_directory, uint64_t up_to,
                         uint64_t *last_seq, struct mtr_diagnostic *diagnostic)
{
    struct copying copying = {.from = from_directory, .to = to_directory, .up_to = up_to};
    const int rc = copy_all(&copying, diagnostic);
    *last_seq = copying.last_seq;
    return rc;
}
