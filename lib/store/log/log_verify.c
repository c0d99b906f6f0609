/*
 * Verification of a segment. What is counted is compared with what LMDB's meta page says was written, so that
 * an old root, which is a whole and consistent tree, does not pass for the newest.
 */
#include "lib/store/log/log_verify.h"

#include <string.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/log/log_chunk.h"
#include "lib/store/log/log_segment.h"

struct walk {
    struct mtr_segment_record *record;
    struct mtr_chain *chain;
    struct mtr_diagnostic *diagnostic;
    uint64_t entries;
    uint64_t bytes;
    int64_t first_received_us;
    bool any_block;
    bool any_chunk;
    uint64_t identities;
    struct mtr_event_identity last_identity;
    struct mtr_hash128 folded;
};

static bool hashes_equal(struct mtr_hash128 a, struct mtr_hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

static int verify_block(struct walk *walk, uint64_t key, struct mtr_str value)
{
    struct mtr_block_header header;
    struct mtr_chain *chain = walk->chain;
    uint32_t number = walk->record->number;
    uint64_t expected = chain->last_seq + 1;
    if (walk->any_chunk || key != expected)
        return segment_corrupt(walk->diagnostic, number, expected, "is missing, found sequence %llu instead",
                               (unsigned long long)key);
    int rc = mtr_block_read_header(value, &header);
    if (rc == MTR_EVERSION) {
        segment_corrupt(walk->diagnostic, number, key,
                        "its format version is unknown: a newer meterd wrote it");
        return rc;
    }
    if (rc)
        return segment_corrupt(walk->diagnostic, number, key, "its hash does not match its %zu bytes",
                               value.size);
    if (header.first_seq != key)
        return segment_corrupt(walk->diagnostic, number, key, "holds another block");
    if (!hashes_equal(header.previous_hash, chain->last_hash))
        return segment_corrupt(walk->diagnostic, number, key,
                               "does not follow the block before it (hash chain broken)");
    if (header.received_us < chain->last_received_us)
        return segment_corrupt(walk->diagnostic, number, key, "was received before the block before it");
    if (!walk->any_block) walk->first_received_us = header.received_us;
    walk->any_block = true;
    walk->bytes += value.size;
    *chain = (struct mtr_chain){key + header.count - 1, header.received_us, header.hash};
    return MTR_OK;
}

static int verify_chunk(struct walk *walk, struct mtr_str key, struct mtr_str value)
{
    struct mtr_log_identity records[MTR_CHUNK_RECORDS_MAX];
    struct mtr_hash128 hash;
    uint32_t count;
    uint32_t number = walk->record->number;
    walk->any_chunk |= !walk->record->sealed;
    if (!walk->record->sealed) return MTR_OK; /* they go before it is sealed */
    if (chunk_read(key, value, records, &count, &hash))
        return segment_corrupt(walk->diagnostic, number, 0,
                               "a chunk of identities is damaged (after %llu of them)",
                               (unsigned long long)walk->identities);
    if (walk->any_chunk && identity_compare(walk->last_identity, records[0].identity) >= 0)
        return segment_corrupt(walk->diagnostic, number, 0, "chunks of identities are out of order");
    walk->any_chunk = true;
    walk->last_identity = records[count - 1].identity;
    walk->identities += count;
    walk->folded = chunk_fold(walk->folded, hash);
    return MTR_OK;
}

static int verify_entry(struct walk *walk, MDB_val key, MDB_val value)
{
    const unsigned char *bytes = key.mv_data;
    walk->entries++;
    if (key.mv_size == MTR_SEGMENT_BLOCK_KEY_BYTES)
        return verify_block(walk, lmdb_get_u64(bytes), lmdb_str(value));
    if (key.mv_size == MTR_SEGMENT_CHUNK_KEY_BYTES && bytes[0] == MTR_SEGMENT_CHUNK_MARK)
        return verify_chunk(walk, lmdb_str(key), lmdb_str(value));
    return segment_corrupt(walk->diagnostic, walk->record->number, walk->chain->last_seq + 1,
                           "an unknown key stands in its place");
}

static int walk_all(struct walk *walk, MDB_cursor *cursor)
{
    MDB_val key, value;
    int rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_FIRST));
    while (!rc) {
        rc = verify_entry(walk, key, value);
        if (!rc) rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* First and last block of a sealed segment: they are as the manifest says. */
static int walk_ends(struct walk *walk, MDB_cursor *cursor)
{
    unsigned char mark = MTR_SEGMENT_CHUNK_MARK;
    MDB_val key, value;
    int rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_FIRST));
    if (!rc) rc = verify_entry(walk, key, value);
    if (rc)
        return rc == MTR_ENOTFOUND
                   ? segment_corrupt(walk->diagnostic, walk->record->number, 0, "has no blocks")
                   : rc;
    key = lmdb_val(&mark, 1);
    rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
    if (!rc) rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_PREV));
    if (rc == MTR_ENOTFOUND) rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_LAST));
    if (rc) return rc;
    struct mtr_block_header header;
    uint64_t seq = key.mv_size == MTR_SEGMENT_BLOCK_KEY_BYTES ? lmdb_get_u64(key.mv_data) : 0;
    if (!seq || mtr_block_read_header(lmdb_str(value), &header) || header.first_seq != seq)
        return segment_corrupt(walk->diagnostic, walk->record->number, seq, "its hash does not match");
    *walk->chain = (struct mtr_chain){seq + header.count - 1, header.received_us, header.hash};
    return MTR_OK;
}

/* What was found against what the manifest says; the facts of the open segment are taken from what was
 * found. */
static int compare_with_record(struct walk *walk, bool whole)
{
    struct mtr_segment_record *record = walk->record;
    const struct mtr_chain *chain = walk->chain;
    if (record->rolled &&
        (chain->last_seq != record->last_seq || !hashes_equal(chain->last_hash, record->last_hash)))
        return segment_corrupt(walk->diagnostic, record->number, chain->last_seq + 1,
                               "the segment ends before it, the manifest says at %llu",
                               (unsigned long long)record->last_seq);
    if (record->sealed && whole &&
        (walk->identities != record->identity_count || !hashes_equal(walk->folded, record->identities_hash)))
        return segment_corrupt(walk->diagnostic, record->number, 0,
                               "its identities are not those that were sealed");
    if (record->rolled) return MTR_OK;
    record->last_seq = chain->last_seq;
    record->last_hash = chain->last_hash;
    record->first_received_us = walk->first_received_us;
    record->last_received_us = chain->last_received_us;
    record->bytes = walk->bytes;
    return MTR_OK;
}

static int verify_in(MDB_txn *txn, struct walk *walk, bool whole)
{
    MDB_cursor *cursor = NULL;
    MDB_stat stat;
    int rc = lmdb_error(mdb_stat(txn, MTR_SEGMENT_DBI, &stat));
    if (!rc) rc = lmdb_error(mdb_cursor_open(txn, MTR_SEGMENT_DBI, &cursor));
    if (!rc) rc = whole ? walk_all(walk, cursor) : walk_ends(walk, cursor);
    if (!rc && whole && walk->entries != stat.ms_entries)
        rc = segment_corrupt(walk->diagnostic, walk->record->number, walk->chain->last_seq + 1,
                             "is missing: %llu entries found, %zu were written",
                             (unsigned long long)walk->entries, stat.ms_entries);
    if (!rc) rc = compare_with_record(walk, whole);
    if (cursor) mdb_cursor_close(cursor);
    return rc;
}

int segment_verify(const char *directory, struct mtr_segment_record *record, bool whole, bool strict,
                   struct mtr_chain *chain, struct mtr_diagnostic *diagnostic)
{
    MDB_env *env;
    MDB_txn *txn = NULL;
    struct walk walk = {.record = record, .chain = chain, .diagnostic = diagnostic};
    int rc = segment_check_file(directory, record->number, strict, NULL, diagnostic);
    if (!rc) rc = segment_open(directory, record->number, 0, &env, diagnostic);
    if (rc) return rc;
    rc = lmdb_error(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn));
    if (!rc) rc = verify_in(txn, &walk, whole);
    if (txn) mdb_txn_abort(txn);
    lmdb_close(env);
    if (rc && !diagnostic->text[0])
        segment_corrupt(diagnostic, record->number, chain->last_seq + 1, "%s", mtr_error_text(rc));
    return rc;
}
