/*
 * Sealing, and the sealed identities.
 *
 * The rolled segment has no more appends, so its environment's write transaction is free for the thread that
 * seals while the next segment is appended to. Chunks are written in several transactions; the manifest says
 * `sealed` only after all of them are durable.
 */
#include "meterd/store/log.h"

#include <string.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/log/log_chunk.h"
#include "lib/store/log/log_internal.h"
#include "lib/store/log/log_segment.h"

enum { CHUNKS_PER_TXN = 2048 }; /* 16 MiB of dirty pages */

/* A sealing that a crash cut short left chunks: they go before it is done again. The only deletion there
 * is, and of nothing acknowledged. */
static int remove_leftovers(MDB_txn *txn)
{
    unsigned char mark = MTR_SEGMENT_CHUNK_MARK;
    MDB_cursor *cursor;
    int rc = lmdb_error(mdb_cursor_open(txn, MTR_SEGMENT_DBI, &cursor));
    if (rc) return rc;
    while (!rc) {
        MDB_val key = lmdb_val(&mark, 1), value;
        rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
        if (!rc) rc = lmdb_error(mdb_cursor_del(cursor, 0));
    }
    mdb_cursor_close(cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int put_chunks(MDB_txn *txn, const struct mtr_log_identity *records, uint64_t count,
                      struct mtr_hash128 *folded)
{
    uint8_t bytes[MTR_CHUNK_BYTES_MAX];
    unsigned char key_bytes[MTR_SEGMENT_CHUNK_KEY_BYTES];
    for (uint64_t done = 0; done < count;) {
        uint32_t part =
            count - done < MTR_CHUNK_RECORDS_MAX ? (uint32_t)(count - done) : MTR_CHUNK_RECORDS_MAX;
        struct mtr_hash128 hash;
        size_t size = chunk_write(bytes, records + done, part, &hash);
        chunk_put_key(key_bytes, records[done].identity);
        MDB_val key = lmdb_val(key_bytes, sizeof(key_bytes)), value = lmdb_val(bytes, size);
        int rc = lmdb_error(mdb_put(txn, MTR_SEGMENT_DBI, &key, &value, MDB_APPEND));
        if (rc) return rc;
        *folded = chunk_fold(*folded, hash);
        done += part;
    }
    return MTR_OK;
}

static int store_identities(MDB_env *env, const struct mtr_log_identity *records, uint64_t count,
                            struct mtr_hash128 *folded)
{
    const uint64_t per_txn = (uint64_t)CHUNKS_PER_TXN * MTR_CHUNK_RECORDS_MAX;
    uint64_t done = 0;
    do {
        MDB_txn *txn;
        uint64_t part = count - done < per_txn ? count - done : per_txn;
        int rc = lmdb_error(mdb_txn_begin(env, NULL, 0, &txn));
        if (rc) return rc;
        if (done == 0) rc = remove_leftovers(txn);
        if (!rc) rc = put_chunks(txn, records + done, part, folded);
        if (rc)
            mdb_txn_abort(txn);
        else
            rc = lmdb_commit(txn);
        if (rc) return rc;
        done += part;
    } while (done < count);
    return MTR_OK;
}

/* From here on it stays sealed: the identities are durable, and a manifest that could not be written may
 * name them all the same. */
static void note_sealed(struct mtr_log *log, struct mtr_log_entry *entry, uint64_t count,
                        struct mtr_hash128 hash)
{
    pthread_mutex_lock(&log->set.mutex);
    entry->record.sealed = true;
    entry->record.identity_count = count;
    entry->record.identities_hash = hash;
    pthread_mutex_unlock(&log->set.mutex);
}

static bool records_are_ascending(const struct mtr_log_identity *records, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++)
        if (identity_compare(records[i - 1].identity, records[i].identity) >= 0) return false;
    return true;
}

int mtr_log_seal(struct mtr_log *log, uint32_t segment_number, const struct mtr_log_identity *records,
                 uint64_t count)
{
    struct mtr_log_found found;
    struct mtr_hash128 folded = {0};
    if (!records_are_ascending(records, count)) return MTR_EINVALID;
    int rc = log_set_acquire_number(&log->set, segment_number, &found, NULL);
    if (rc) return rc;
    rc = !found.record.rolled ? MTR_ENOTFOUND : found.record.sealed ? MTR_EEXISTS : MTR_OK;
    if (!rc) rc = log_set_open_for_writing(&log->set, found.entry, log->options.segment_bytes);
    if (!rc) rc = store_identities(found.entry->env, records, count, &folded);
    if (!rc) {
        note_sealed(log, found.entry, count, folded);
        rc = log_write_manifest(log);
    }
    log_set_release_entry(&log->set, found.entry);
    return rc;
}

/* Enters a sealed segment: a read transaction and a cursor in it. */
struct visit {
    struct mtr_log_found found;
    MDB_txn *txn;
    MDB_cursor *cursor;
};

static void leave(struct mtr_log *log, struct visit *visit)
{
    if (visit->cursor) mdb_cursor_close(visit->cursor);
    if (visit->txn) mdb_txn_abort(visit->txn);
    log_set_release_entry(&log->set, visit->found.entry);
}

static int enter(struct mtr_log *log, uint32_t segment_number, struct visit *visit)
{
    *visit = (struct visit){0};
    int rc = log_set_acquire_number(&log->set, segment_number, &visit->found, NULL);
    if (rc) return rc;
    if (!visit->found.record.sealed) rc = MTR_ENOTFOUND;
    if (!rc) rc = lmdb_error(mdb_txn_begin(visit->found.entry->env, NULL, MDB_RDONLY, &visit->txn));
    if (!rc) rc = lmdb_error(mdb_cursor_open(visit->txn, MTR_SEGMENT_DBI, &visit->cursor));
    if (rc) leave(log, visit);
    return rc;
}

static int find_in_chunk(MDB_val key, MDB_val value, struct mtr_event_identity identity,
                         struct mtr_log_identity *out)
{
    struct mtr_log_identity records[MTR_CHUNK_RECORDS_MAX];
    uint32_t count;
    int rc = chunk_read(lmdb_str(key), lmdb_str(value), records, &count, NULL);
    if (rc) return rc;
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = identity_compare(records[middle].identity, identity);
        if (order == 0) {
            *out = records[middle];
            return MTR_OK;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return MTR_ENOTFOUND;
}

int mtr_log_find_identity(struct mtr_log *log, uint32_t segment_number, struct mtr_event_identity identity,
                          struct mtr_log_identity *out)
{
    struct visit visit;
    unsigned char wanted[MTR_SEGMENT_CHUNK_KEY_BYTES];
    int rc = enter(log, segment_number, &visit);
    if (rc) return rc;
    chunk_put_key(wanted, identity);
    MDB_val key = lmdb_val(wanted, sizeof(wanted)), value;
    rc = lmdb_error(mdb_cursor_get(visit.cursor, &key, &value, MDB_SET_RANGE));
    bool exact = !rc && key.mv_size == sizeof(wanted) && memcmp(key.mv_data, wanted, sizeof(wanted)) == 0;
    if (!exact && (!rc || rc == MTR_ENOTFOUND)) /* the chunk before the first that begins after it */
        rc = lmdb_error(mdb_cursor_get(visit.cursor, &key, &value, rc ? MDB_LAST : MDB_PREV));
    if (!rc && key.mv_size != sizeof(wanted)) rc = MTR_ENOTFOUND; /* a block: there is no chunk before */
    if (!rc) rc = find_in_chunk(key, value, identity, out);
    leave(log, &visit);
    return rc;
}

int mtr_log_walk_identities(struct mtr_log *log, uint32_t segment_number, mtr_log_on_identities on_identities,
                            void *context)
{
    struct mtr_log_identity records[MTR_CHUNK_RECORDS_MAX];
    struct mtr_hash128 folded = {0}, hash;
    struct visit visit;
    unsigned char mark = MTR_SEGMENT_CHUNK_MARK;
    uint64_t total = 0;
    int rc = enter(log, segment_number, &visit);
    if (rc) return rc;
    MDB_val key = lmdb_val(&mark, 1), value;
    for (MDB_cursor_op op = MDB_SET_RANGE;; op = MDB_NEXT) {
        uint32_t count;
        rc = lmdb_error(mdb_cursor_get(visit.cursor, &key, &value, op));
        if (rc) break;
        rc = chunk_read(lmdb_str(key), lmdb_str(value), records, &count, &hash);
        if (!rc) rc = on_identities(context, records, count);
        if (rc) break;
        folded = chunk_fold(folded, hash);
        total += count;
    }
    if (rc == MTR_ENOTFOUND) {
        const struct mtr_segment_record *record = &visit.found.record;
        bool whole = total == record->identity_count && folded.low == record->identities_hash.low &&
                     folded.high == record->identities_hash.high;
        rc = whole ? MTR_OK : MTR_ECORRUPT;
    }
    leave(log, &visit);
    return rc;
}
