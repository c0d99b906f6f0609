/*
 * Readers: block by block from a sequence, beside a live writer.
 *
 * A reader attached to the writer sees its set of segments; a reader of its own has one from the manifest,
 * read again when the sequence is beyond what it knows. A read transaction lives inside one call. Hash and
 * chain are checked on the way out: what a reader gives is what was acknowledged, or an error.
 */
#include "meterd/store/log.h"

#include <stdlib.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/log/log_carried.h"
#include "lib/store/log/log_internal.h"
#include "lib/store/log/log_segment.h"

struct mtr_log_reader {
    struct mtr_log_set *set; /* the writer's, or &own */
    struct mtr_log_set own;
    struct mtr_log *log;         /* the writer's, or NULL */
    struct log_carried *carried; /* of a reader of its own; NULL: not opened */
    struct mtr_block_decoder *decoder;
    struct mtr_block_header last; /* the block read last; count 0 before */
    uint64_t bytes;
};

int mtr_log_reader_attach(struct mtr_log *log, struct mtr_log_reader **out)
{
    struct mtr_log_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) return MTR_ENOMEM;
    int rc = mtr_block_decoder_open(&reader->decoder);
    if (rc) {
        free(reader);
        return rc;
    }
    reader->set = &log->set;
    reader->log = log;
    *out = reader;
    return MTR_OK;
}

static int refresh(struct mtr_log_reader *reader, struct mtr_diagnostic *diagnostic)
{
    struct mtr_manifest manifest;
    struct mtr_diagnostic ignored;
    int rc = manifest_read(reader->set->directory, &manifest, diagnostic ? diagnostic : &ignored);
    if (rc) return rc;
    rc = log_set_refresh(reader->set, &manifest);
    manifest_release(&manifest);
    return rc;
}

int mtr_log_reader_open(const char *directory, struct mtr_log_reader **out, struct mtr_diagnostic *diagnostic)
{
    struct mtr_log_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) return MTR_ENOMEM;
    int rc = log_set_init(&reader->own, directory);
    if (rc) {
        free(reader);
        return rc;
    }
    reader->set = &reader->own;
    rc = mtr_block_decoder_open(&reader->decoder);
    if (!rc) {
        rc = refresh(reader, diagnostic);
        if (rc == MTR_ENOTFOUND)
            mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_MISSING, 0, 0, NULL, "there is no log in %.200s",
                               directory);
    }
    if (rc) {
        mtr_log_reader_close(reader);
        return rc;
    }
    *out = reader;
    return MTR_OK;
}

void mtr_log_reader_close(struct mtr_log_reader *reader)
{
    if (!reader) return;
    mtr_block_decoder_close(reader->decoder);
    log_carried_close(reader->carried);
    if (reader->set == &reader->own) log_set_release(&reader->own);
    free(reader);
}

/* What one reading is to give: header and events of the block; a sentence when it fails. */
struct reading {
    struct mtr_block_header *header;
    const struct mtr_event **events;
    struct mtr_diagnostic *diagnostic;
};

/* Decodes the block at the cursor and checks that it is the one its key says, and that it follows the one
 * read before. */
static int decode_at(struct mtr_log_reader *reader, uint32_t number, MDB_val key, MDB_val value,
                     const struct reading *reading)
{
    struct mtr_diagnostic detail = {0}, *diagnostic = reading->diagnostic;
    struct mtr_block_header *header = reading->header;
    uint64_t first_seq = lmdb_get_u64(key.mv_data);
    reader->bytes += value.mv_size;
    int rc = mtr_block_decode(reader->decoder, lmdb_str(value), header, reading->events, &detail);
    if (rc == MTR_ECORRUPT || rc == MTR_EVERSION) {
        segment_corrupt(diagnostic, number, first_seq, "%.180s", detail.text);
        return rc;
    }
    if (rc) return rc;
    if (header->first_seq != first_seq)
        return segment_corrupt(diagnostic, number, first_seq, "holds another block");
    bool follows = reader->last.count && header->first_seq == reader->last.first_seq + reader->last.count;
    if (follows && (header->previous_hash.low != reader->last.hash.low ||
                    header->previous_hash.high != reader->last.hash.high))
        return segment_corrupt(diagnostic, number, first_seq,
                               "does not follow the block before it (hash chain broken)");
    reader->last = *header;
    return MTR_OK;
}

static bool is_block(MDB_val key) { return key.mv_size == MTR_SEGMENT_BLOCK_KEY_BYTES; }

/* The block that holds seq, in this segment: the last that begins at or before it. MTR_ENOTFOUND: it ends
 * before seq. */
static int read_in(struct mtr_log_reader *reader, MDB_txn *txn, const struct mtr_log_found *found,
                   uint64_t seq, const struct reading *reading)
{
    struct mtr_diagnostic *diagnostic = reading->diagnostic;
    unsigned char wanted[MTR_SEGMENT_BLOCK_KEY_BYTES];
    MDB_cursor *cursor;
    MDB_val key, value;
    uint32_t number = found->record.number;
    int rc = lmdb_error(mdb_cursor_open(txn, MTR_SEGMENT_DBI, &cursor));
    if (rc) return rc;
    lmdb_put_u64(wanted, seq);
    key = lmdb_val(wanted, sizeof(wanted));
    rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE));
    bool exact = !rc && is_block(key) && lmdb_get_u64(key.mv_data) == seq;
    if (!exact && (!rc || rc == MTR_ENOTFOUND))
        rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, rc ? MDB_LAST : MDB_PREV));
    if (!rc && !is_block(key)) rc = segment_corrupt(diagnostic, number, seq, "has no block before it");
    if (!rc) {
        struct mtr_block_header peeked;
        rc = exact ? MTR_OK : mtr_block_read_header(lmdb_str(value), &peeked);
        if (rc == MTR_ECORRUPT)
            segment_corrupt(diagnostic, number, lmdb_get_u64(key.mv_data), "its hash does not match");
        if (!rc && !exact && peeked.first_seq + peeked.count <= seq) rc = MTR_ENOTFOUND;
        if (!rc) rc = decode_at(reader, number, key, value, reading);
    }
    mdb_cursor_close(cursor);
    return rc;
}

static int read_segment(struct mtr_log_reader *reader, const struct mtr_log_found *found, uint64_t seq,
                        const struct reading *reading)
{
    MDB_txn *txn;
    if (seq < found->record.start_seq) seq = found->record.start_seq; /* retention dropped what was before */
    int rc = lmdb_error(mdb_txn_begin(found->entry->env, NULL, MDB_RDONLY, &txn));
    if (rc) return rc;
    rc = read_in(reader, txn, found, seq, reading);
    mdb_txn_abort(txn);
    if (rc == MTR_ENOTFOUND && !found->last)
        return segment_corrupt(reading->diagnostic, found->record.number, seq, "is missing");
    return rc;
}

static uint64_t changes_of(struct mtr_log_set *set)
{
    pthread_mutex_lock(&set->mutex);
    uint64_t changes = set->changes;
    pthread_mutex_unlock(&set->mutex);
    return changes;
}

int mtr_log_read(struct mtr_log_reader *reader, uint64_t seq, struct mtr_block_header *header,
                 const struct mtr_event **events, struct mtr_diagnostic *diagnostic)
{
    const struct reading reading = {header, events, diagnostic};
    bool own = reader->set == &reader->own;
    bool refreshed = false;
    for (;;) {
        struct mtr_log_found found;
        uint64_t before = changes_of(reader->set);
        int rc = log_set_acquire_seq(reader->set, seq ? seq : 1, &found, diagnostic);
        if (!rc) {
            rc = read_segment(reader, &found, seq ? seq : 1, &reading);
            log_set_release_entry(reader->set, found.entry);
            before = found.changes;
        }
        /* The segments may have changed while we looked: rolled after we found the last one's end, or
         * removed before we opened it. */
        bool retry = rc == MTR_ENOTFOUND || (rc == MTR_ECORRUPT && own && !refreshed);
        if (!retry) return rc;
        if (own && !refreshed) {
            struct mtr_diagnostic ignored;
            int again = refresh(reader, &ignored);
            if (again) return rc == MTR_ENOTFOUND ? again : rc;
            refreshed = true;
        }
        if (changes_of(reader->set) == before) return rc;
    }
}

/* Up to where retention had taken segments. */
static uint64_t removed_up_to(struct mtr_log_set *set)
{
    pthread_mutex_lock(&set->mutex);
    const uint64_t last_seq = set->base.last_seq;
    pthread_mutex_unlock(&set->mutex);
    return last_seq;
}

static int find_carried(struct mtr_log_reader *reader, struct log_carried **out,
                        struct mtr_diagnostic *diagnostic)
{
    if (reader->log) return log_carried_of(reader->log, false, out, diagnostic);
    int rc = MTR_OK;
    if (!reader->carried)
        rc = log_carried_open(reader->set->directory, true, false, &reader->carried, diagnostic);
    *out = reader->carried;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* MTR_ENOTFOUND: there is none before end_seq, and *reading is as it was. */
static int read_carried(struct mtr_log_reader *reader, uint64_t seq, uint64_t end_seq,
                        const struct reading *reading)
{
    struct log_carried *carried = NULL;
    const struct log_carried_wanted wanted = {seq, end_seq, reader->decoder, reading->header,
                                              reading->events};
    int rc = find_carried(reader, &carried, reading->diagnostic);
    if (rc || !carried) return rc ? rc : MTR_ENOTFOUND;
    rc = log_carried_read(carried, &wanted, reading->diagnostic);
    if (!rc) reader->last.count = 0; /* it is no link of the chain */
    return rc;
}

int mtr_log_read_kept(struct mtr_log_reader *reader, uint64_t seq, struct mtr_block_header *header,
                      const struct mtr_event **events, struct mtr_diagnostic *diagnostic)
{
    const struct reading reading = {header, events, diagnostic};
    const uint64_t removed = removed_up_to(reader->set);
    int rc = seq <= removed ? read_carried(reader, seq, removed + 1, &reading) : MTR_ENOTFOUND;
    if (rc != MTR_ENOTFOUND) return rc;
    rc = mtr_log_read(reader, seq, header, events, diagnostic);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    const uint64_t next_seq = rc ? UINT64_MAX : header->first_seq;
    if (next_seq <= seq || removed_up_to(reader->set) == removed) return rc;
    /* Retention has taken what is asked for meanwhile; it was carried before. */
    const int again = read_carried(reader, seq, next_seq, &reading);
    return again == MTR_ENOTFOUND ? rc : again;
}

uint64_t mtr_log_reader_bytes(const struct mtr_log_reader *reader) { return reader->bytes; }

int mtr_log_verify(struct mtr_log_reader *reader, uint64_t *last_seq, struct mtr_diagnostic *diagnostic)
{
    struct mtr_manifest manifest;
    int rc = reader->set == &reader->own ? refresh(reader, diagnostic) : MTR_OK;
    if (!rc) rc = log_set_manifest(reader->set, &manifest);
    if (rc) return rc;
    rc = log_verify_manifest(reader->set->directory, &manifest, true, false, diagnostic);
    if (!rc && !reader->log) rc = log_carried_verify(reader->set->directory, diagnostic);
    if (!rc)
        *last_seq = manifest.count ? manifest.records[manifest.count - 1].last_seq : manifest.base.last_seq;
    manifest_release(&manifest);
    return rc;
}
