/*
 * The log's writer: open, append, roll, prepare.
 *
 *   open segment --mtr_log_roll--> rolled --mtr_log_seal--> sealed --mtr_log_retain--> gone
 *
 * Invariants: the manifest lists a segment before its first block is written; sequences join without holes; a
 * block's previous_hash is the hash of the block before it, through all segments; receive times never fall.
 * The writer's thread owns everything here but the set (its own mutex) and the spare.
 */
#include "meterd/store/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/log/log_carried.h"
#include "lib/store/log/log_internal.h"
#include "lib/store/log/log_segment.h"
#include "meterd/store/durable.h"

enum { IDENTITY_BYTES = 33 }; /* room of an event's sealed identity, its chunk's part included */
enum { TREE_BYTES = 64 << 10 }; /* room for branch pages and LMDB's own list of free pages */

int log_write_manifest(struct mtr_log *log)
{
    struct mtr_manifest manifest;
    pthread_mutex_lock(&log->manifest_mutex);
    int rc = log_set_manifest(&log->set, &manifest);
    if (!rc) {
        rc = manifest_write(log->set.directory, &manifest);
        manifest_release(&manifest);
    }
    pthread_mutex_unlock(&log->manifest_mutex);
    return rc;
}

int mtr_log_prepare_next(struct mtr_log *log)
{
    pthread_mutex_lock(&log->spare_mutex);
    int rc = segment_prepare_spare(log->set.directory, log->options.segment_bytes);
    pthread_mutex_unlock(&log->spare_mutex);
    return rc;
}

/* It does not come into the manifest. Where files ran out the next attempt takes it again, which costs no
 * zero-filling. */
static void give_up_segment(struct mtr_log *log, uint32_t number, int error)
{
    pthread_mutex_lock(&log->spare_mutex);
    if (error == MTR_EFILES) {
        segment_return_spare(log->set.directory, number);
    } else {
        int removed = segment_remove(log->set.directory, number);
        (void)removed; /* recovery removes an empty segment that is not in the manifest */
    }
    pthread_mutex_unlock(&log->spare_mutex);
}

static int create_segment(struct mtr_log *log, uint32_t number, MDB_env **out)
{
    const char *directory = log->set.directory;
    pthread_mutex_lock(&log->spare_mutex);
    int rc = segment_prepare_spare(directory, log->options.segment_bytes);
    if (!rc) rc = segment_use_spare(directory, number);
    pthread_mutex_unlock(&log->spare_mutex);
    if (rc) return rc;
    rc = segment_open(directory, number, log->options.segment_bytes, out, NULL);
    if (rc) give_up_segment(log, number, rc);
    return rc;
}

/* Writes the manifest of the set with one segment more. Under the manifest's mutex. */
static int write_manifest_with(struct mtr_log *log, const struct mtr_segment_record *next)
{
    struct mtr_manifest manifest;
    int rc = log_set_manifest(&log->set, &manifest);
    if (rc) return rc;
    struct mtr_segment_record *records =
        realloc(manifest.records, ((size_t)manifest.count + 1) * sizeof(*records));
    rc = records ? MTR_OK : MTR_ENOMEM;
    if (records) {
        if (manifest.count) records[manifest.count - 1].rolled = true;
        records[manifest.count++] = *next;
        manifest.records = records;
        rc = manifest_write(log->set.directory, &manifest);
    }
    manifest_release(&manifest);
    return rc;
}

/* The set learns of the segment only when the manifest names it durably: whoever reads or seals meanwhile
 * never meets one that may have to go again. MTR_EIO: the manifest may name it or not, and recovery takes
 * either; until then nothing may be appended to the one before. */
static int add_segment(struct mtr_log *log, const struct mtr_segment_record *record, MDB_env *env)
{
    struct mtr_log_entry *entry;
    int rc = log_set_make_entry(&log->set, record, env, &entry);
    if (rc) return rc;
    pthread_mutex_lock(&log->manifest_mutex);
    rc = write_manifest_with(log, record);
    if (!rc) log_set_put_entry(&log->set, entry);
    pthread_mutex_unlock(&log->manifest_mutex);
    if (rc) {
        free(entry);
        log->failed = rc == MTR_EIO;
        return rc;
    }
    log->open = entry;
    log->used_bytes = segment_used_bytes(env);
    log->largest_block_bytes = 0;
    return MTR_OK;
}

static int try_to_begin(struct mtr_log *log)
{
    const struct mtr_log_entry *before = log->open;
    uint64_t last_seq = atomic_load_explicit(&log->last_seq, memory_order_relaxed);
    struct mtr_segment_record record = {
        .number = before ? before->record.number + 1 : 1,
        .start_seq = last_seq + 1,
        .last_seq = last_seq,
        .last_hash = log->last_hash,
    };
    MDB_env *env;
    int rc = create_segment(log, record.number, &env);
    if (rc) return rc;
    rc = add_segment(log, &record, env);
    if (!rc) return MTR_OK;
    lmdb_close(env);
    if (!log->failed) /* else the manifest may name the segment: its files stay */
        give_up_segment(log, record.number, rc);
    return rc;
}

/* Begins the segment after the last; the state is as before when it fails, but for MTR_EIO, which is the
 * log's end until it is opened again. Files of segments that nobody is inside are given up for it. */
static int begin_segment(struct mtr_log *log)
{
    int rc = try_to_begin(log);
    if (rc == MTR_EFILES && log_set_close_idle(&log->set)) rc = try_to_begin(log);
    return rc;
}

static int open_last_segment(struct mtr_log *log, const struct mtr_segment_record *record,
                             struct mtr_diagnostic *diagnostic)
{
    MDB_env *env;
    int rc =
        segment_open(log->set.directory, record->number, log->options.segment_bytes, &env, diagnostic);
    if (rc) return rc;
    rc = log_set_make_entry(&log->set, record, env, &log->open);
    if (rc) {
        lmdb_close(env);
        return rc;
    }
    log_set_put_entry(&log->set, log->open);
    log->used_bytes = segment_used_bytes(env);
    atomic_store_explicit(&log->last_seq, record->last_seq, memory_order_release);
    log->last_hash = record->last_hash;
    log->last_received_us = record->last_received_us;
    return MTR_OK;
}

static int open_segments(struct mtr_log *log, const struct mtr_manifest *manifest,
                         struct mtr_diagnostic *diagnostic)
{
    int rc = MTR_OK;
    log->set.base = manifest->base;
    if (manifest->count == 0) {
        rc = begin_segment(log);
        if (rc)
            mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL,
                               "cannot create the log's first segment: %s", mtr_error_text(rc));
        return rc;
    }
    for (uint32_t i = 0; i + 1 < manifest->count && !rc; i++) {
        struct mtr_log_entry *entry;
        rc = log_set_make_entry(&log->set, &manifest->records[i], NULL, &entry);
        if (!rc) log_set_put_entry(&log->set, entry);
    }
    if (!rc) rc = open_last_segment(log, &manifest->records[manifest->count - 1], diagnostic);
    return rc;
}

/* What was carried of this log, and of no other. */
static int open_carried(struct mtr_log *log, struct mtr_diagnostic *diagnostic)
{
    struct log_carried *carried = NULL;
    int rc = log_carried_open(log->set.directory, false, false, &carried, diagnostic);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    atomic_store_explicit(&log->carried, carried, memory_order_release);
    return log_carried_cut(carried, mtr_log_last_seq(log));
}

int mtr_log_open(const char *directory, const struct mtr_log_options *options, struct mtr_log **out,
                 struct mtr_diagnostic *diagnostic)
{
    MTR_ASSERT(options->segment_bytes >= 1 << 16 && options->segment_events_max > 0 &&
               options->segment_age_us > 0);
    struct mtr_manifest manifest = {0};
    struct mtr_log *log = calloc(1, sizeof(*log));
    *diagnostic = (struct mtr_diagnostic){0};
    if (!log) return MTR_ENOMEM;
    int rc = log_set_init(&log->set, directory);
    if (rc) {
        free(log);
        return rc;
    }
    pthread_mutex_init(&log->spare_mutex, NULL);
    pthread_mutex_init(&log->manifest_mutex, NULL);
    log->lock_fd = -1;
    log->options = *options;
    log->options.segment_bytes = (options->segment_bytes + 4095) / 4096 * 4096;
    rc = mtr_durable_path(directory);
    if (!rc) rc = log_take_lock(directory, &log->lock_fd, diagnostic);
    if (!rc) rc = mtr_durable_sync(directory); /* a roll may have been killed between a name and its sync */
    if (!rc) rc = log_recover(directory, options->verify_all, &manifest, diagnostic);
    if (!rc) rc = mtr_block_encoder_open(&log->encoder);
    if (!rc) rc = open_segments(log, &manifest, diagnostic);
    if (!rc) rc = open_carried(log, diagnostic);
    manifest_release(&manifest);
    if (rc) {
        if (!diagnostic->text[0])
            mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                               "cannot open the log %.180s: %s", directory, mtr_error_text(rc));
        mtr_log_close(log);
        return rc;
    }
    *out = log;
    return MTR_OK;
}

void mtr_log_close(struct mtr_log *log)
{
    if (!log) return;
    mtr_block_encoder_close(log->encoder);
    log_carried_close(atomic_load_explicit(&log->carried, memory_order_acquire));
    log_set_release(&log->set);
    pthread_mutex_destroy(&log->spare_mutex);
    pthread_mutex_destroy(&log->manifest_mutex);
    if (log->lock_fd >= 0) close(log->lock_fd);
    free(log);
}

uint64_t mtr_log_last_seq(const struct mtr_log *log)
{
    return atomic_load_explicit(&log->last_seq, memory_order_acquire);
}

int64_t mtr_log_last_received_us(const struct mtr_log *log)
{
    return log->last_received_us;
}

bool mtr_log_would_roll(const struct mtr_log *log, uint32_t count, int64_t now_us)
{
    const struct mtr_segment_record *record = &log->open->record; /* only this thread changes it */
    if (record->last_seq < record->start_seq) return false;
    uint64_t events = record->last_seq - record->start_seq + 1;
    if (events + count > log->options.segment_events_max) return true;
    if (now_us > record->first_received_us &&
        now_us - record->first_received_us >= log->options.segment_age_us)
        return true;
    /* The size of the next block is not known; the largest one so far, twice, is a fair guess. What is
     * larger still leaves the preallocated part, which costs speed and the certainty of room, but nothing
     * else. */
    uint64_t room = 2 * log->largest_block_bytes + (events + count) * IDENTITY_BYTES + TREE_BYTES;
    return log->used_bytes + room > log->options.segment_bytes;
}

int mtr_log_roll(struct mtr_log *log, int64_t now_us)
{
    (void)now_us; /* a segment's age counts from its first block */
    if (log->failed) return MTR_ECLOSED;
    if (log->open->record.last_seq < log->open->record.start_seq) return MTR_EAGAIN;
    return begin_segment(log);
}

static int store(struct mtr_log *log, uint64_t first_seq, struct mtr_str block)
{
    unsigned char bytes[MTR_SEGMENT_BLOCK_KEY_BYTES];
    MDB_txn *txn = NULL;
    int rc = lmdb_error(mdb_txn_begin(log->open->env, NULL, 0, &txn));
    if (rc) return rc;
    lmdb_put_u64(bytes, first_seq);
    MDB_val key = lmdb_val(bytes, sizeof(bytes)), value = lmdb_val(block.data, block.size);
    rc = lmdb_error(mdb_put(txn, MTR_SEGMENT_DBI, &key, &value, MDB_APPEND));
    if (rc)
        mdb_txn_abort(txn);
    else
        rc = lmdb_commit(txn);
    if (rc && rc != MTR_EFULL && rc != MTR_ENOMEM) rc = MTR_EIO; /* whatever it was, the outcome is unknown */
    return rc;
}

static void note_block(struct mtr_log *log, const struct mtr_block_header *header, size_t block_bytes)
{
    struct mtr_segment_record *record = &log->open->record;
    uint64_t last_seq = header->first_seq + header->count - 1;
    pthread_mutex_lock(&log->set.mutex);
    if (record->last_seq < record->start_seq) record->first_received_us = header->received_us;
    record->last_received_us = header->received_us;
    record->last_seq = last_seq;
    record->bytes += block_bytes;
    record->last_hash = header->hash;
    pthread_mutex_unlock(&log->set.mutex);
    log->last_hash = header->hash;
    log->last_received_us = header->received_us;
    log->used_bytes = segment_used_bytes(log->open->env);
    if (block_bytes > log->largest_block_bytes) log->largest_block_bytes = block_bytes;
    atomic_store_explicit(&log->last_seq, last_seq, memory_order_release);
}

int mtr_log_append(struct mtr_log *log, const struct mtr_event *events, uint32_t count, int64_t now_us,
                   uint64_t *first_seq)
{
    MTR_ASSERT(count > 0);
    if (log->failed) return MTR_ECLOSED;
    int rc = mtr_log_would_roll(log, count, now_us) ? begin_segment(log) : MTR_OK;
    if (rc) return rc;
    struct mtr_block_header header = {
        .first_seq = atomic_load_explicit(&log->last_seq, memory_order_relaxed) + 1,
        .count = count,
        .received_us = now_us > log->last_received_us ? now_us : log->last_received_us,
        .previous_hash = log->last_hash,
    };
    struct mtr_str block;
    rc = mtr_block_encode(log->encoder, events, &header, &block);
    if (!rc) rc = store(log, header.first_seq, block);
    if (rc == MTR_EIO) log->failed = true;
    if (rc) return rc;
    note_block(log, &header, block.size);
    *first_seq = header.first_seq;
    return MTR_OK;
}

void mtr_log_give_files(struct mtr_log *log)
{
    (void)log_set_close_idle(&log->set);
}

static struct mtr_log_segment segment_of(const struct mtr_segment_record *record)
{
    const bool empty = record->last_seq < record->start_seq;
    return (struct mtr_log_segment){
        .number = record->number,
        .sealed = record->sealed,
        .first_seq = empty ? 0 : record->start_seq,
        .last_seq = empty ? 0 : record->last_seq,
        .first_received_us = record->first_received_us,
        .last_received_us = record->last_received_us,
        .bytes = record->bytes,
        .last_hash = record->last_hash,
    };
}

uint32_t mtr_log_segments(struct mtr_log *log, struct mtr_log_segment *segments, uint32_t count_max)
{
    struct mtr_log_set *set = &log->set;
    pthread_mutex_lock(&set->mutex); /* sealing goes on elsewhere */
    for (uint32_t i = 0; i < set->count && i < count_max; i++)
        segments[i] = segment_of(&set->entries[i]->record);
    uint32_t count = set->count;
    pthread_mutex_unlock(&set->mutex);
    return count;
}

bool mtr_log_segment_at(struct mtr_log *log, uint32_t index, struct mtr_log_segment *out)
{
    struct mtr_log_set *set = &log->set;
    pthread_mutex_lock(&set->mutex);
    const bool is_there = index < set->count;
    if (is_there) *out = segment_of(&set->entries[index]->record);
    pthread_mutex_unlock(&set->mutex);
    return is_there;
}
