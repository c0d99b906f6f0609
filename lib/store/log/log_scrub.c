/*
 * Sealed identities read again, in slices.
 */
#include "meterd/store/log.h"

#include "lib/store/lmdb_env.h"
#include "lib/store/log/log_chunk.h"
#include "lib/store/log/log_internal.h"
#include "lib/store/log/log_segment.h"

/* The first sealed segment from that number on; 0: there is none. Numbers follow one another. */
static uint32_t find_sealed(struct mtr_log_set *set, uint32_t from)
{
    uint32_t found = 0;
    pthread_mutex_lock(&set->mutex);
    const uint32_t first = set->count ? set->entries[0]->record.number : 0;
    for (uint32_t i = from > first ? from - first : 0; !found && i < set->count; i++)
        if (set->entries[i]->record.sealed) found = set->entries[i]->record.number;
    pthread_mutex_unlock(&set->mutex);
    return found;
}

/* At the end: are they those that were sealed? */
static int check_whole(const struct mtr_identities_place *place, const struct mtr_segment_record *record,
                       struct mtr_diagnostic *diagnostic)
{
    if (place->count == record->identity_count && place->folded.low == record->identities_hash.low &&
        place->folded.high == record->identities_hash.high)
        return MTR_OK;
    return segment_corrupt(diagnostic, record->number, 0, "its identities are not those that were sealed");
}

/* Chunks from the place on. MTR_ENOTFOUND: there is none any more. */
static int check_chunks(MDB_cursor *cursor, struct mtr_identities_place *place, uint64_t bytes_max,
                        uint64_t *bytes, struct mtr_diagnostic *diagnostic)
{
    struct mtr_log_identity records[MTR_CHUNK_RECORDS_MAX];
    unsigned char next[MTR_SEGMENT_CHUNK_KEY_BYTES];
    struct mtr_hash128 hash;
    chunk_put_key(next, place->next);
    MDB_val key = lmdb_val(next, sizeof(next)), value;
    int rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
    while (!rc && *bytes < bytes_max) {
        uint32_t count;
        *bytes += key.mv_size + value.mv_size;
        if (chunk_read(lmdb_str(key), lmdb_str(value), records, &count, &hash))
            return segment_corrupt(diagnostic, place->segment, 0,
                                   "a chunk of identities is damaged (after %llu of them)",
                                   (unsigned long long)place->count);
        place->count += count;
        place->folded = chunk_fold(place->folded, hash);
        place->next = records[count - 1].identity;
        if (!++place->next.low) place->next.high++;
        rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
    }
    return rc;
}

static int check_segment(struct mtr_log_found *found, struct mtr_identities_place *place, uint64_t bytes_max,
                         uint64_t *bytes, struct mtr_diagnostic *diagnostic)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int rc = lmdb_error(mdb_txn_begin(found->entry->env, NULL, MDB_RDONLY, &txn));
    if (!rc) rc = lmdb_error(mdb_cursor_open(txn, MTR_SEGMENT_DBI, &cursor));
    if (!rc) rc = check_chunks(cursor, place, bytes_max, bytes, diagnostic);
    const bool is_end = rc == MTR_ENOTFOUND;
    if (is_end) rc = check_whole(place, &found->record, diagnostic);
    if (cursor) mdb_cursor_close(cursor);
    if (txn) mdb_txn_abort(txn);
    if (rc || is_end) *place = (struct mtr_identities_place){.segment = place->segment + 1}; /* the next */
    return rc;
}

int mtr_log_scrub_identities(struct mtr_log *log, struct mtr_identities_place *place, uint64_t bytes_max,
                             uint64_t *bytes, struct mtr_diagnostic *diagnostic)
{
    struct mtr_log_found found;
    *bytes = 0;
    const uint32_t number = find_sealed(&log->set, place->segment);
    if (!number) {
        *place = (struct mtr_identities_place){.segment = 0};
        return MTR_ENOTFOUND;
    }
    if (number != place->segment) *place = (struct mtr_identities_place){.segment = number};
    int rc = log_set_acquire_number(&log->set, number, &found, diagnostic);
    if (rc == MTR_ENOTFOUND) return MTR_OK; /* removed meanwhile; the next call finds another */
    if (rc) return rc;
    rc = check_segment(&found, place, bytes_max, bytes, diagnostic);
    log_set_release_entry(&log->set, found.entry);
    return rc;
}
