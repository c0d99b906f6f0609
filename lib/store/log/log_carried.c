/*
 * Carried events; see log_carried.h.
 *
 * A run is up to LOG_CARRIED_RUN_EVENTS_MAX events with consecutive sequences, of one block. Which of them
 * somebody waits for is the caller's to know.
 */
#include "lib/store/log/log_carried.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/log/log_internal.h"
#include "lib/store/sealed_table.h"

#define MAP_BYTES ((size_t)1 << 38) /* address space only */
enum { FORMAT = 1, KEY_BYTES = 12 };
enum { META, CARRIED, UNWANTED, TABLES };

static const char *const table_names[TABLES] = {"meta", "carried", "unwanted"};
static const struct sealed_store store = {
    .name = "carried events",
    .remedy = "restore a backup, or stop the daemon and remove the directory log/carried: held events that "
              "are older than log.retention are lost then, and in quarantine once their subject is known",
    .format_key = "format",
    .format_bytes = sizeof(uint32_t)};

struct log_carried {
    MDB_env *env;
    struct sealed_table tables[TABLES];
};

/* ---- rows ---- */

static const MDB_val events_key = {6, "events"}, format_key = {6, "format"};

static void put_key(unsigned char key[KEY_BYTES], uint64_t first_seq, uint32_t count)
{
    lmdb_put_u64(key, first_seq);
    lmdb_put_u32(key + 8, count);
}

struct run {
    uint64_t first_seq;
    uint32_t count;
};

static int read_key(MDB_val key, struct run *out)
{
    if (key.mv_size != KEY_BYTES) return MTR_ECORRUPT;
    *out = (struct run){lmdb_get_u64(key.mv_data), lmdb_get_u32((const unsigned char *)key.mv_data + 8)};
    return out->first_seq && out->count && out->count <= LOG_CARRIED_RUN_EVENTS_MAX ? MTR_OK : MTR_ECORRUPT;
}

static int get_count(const struct log_carried *carried, MDB_txn *txn, uint64_t *out)
{
    MDB_val value;
    int rc = sealed_get(txn, &carried->tables[META], events_key, &value);
    if (!rc && value.mv_size != sizeof(*out)) rc = MTR_ECORRUPT;
    *out = rc ? 0 : lmdb_get_u64(value.mv_data);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int add_to_count(const struct log_carried *carried, MDB_txn *txn, int64_t events)
{
    unsigned char bytes[8];
    uint64_t count;
    int rc = get_count(carried, txn, &count);
    if (rc) return rc;
    if (events < 0 && count < (uint64_t)-events) return MTR_ECORRUPT;
    lmdb_put_u64(bytes, count + (uint64_t)events);
    MDB_val value = lmdb_val(bytes, sizeof(bytes));
    return sealed_put(txn, &carried->tables[META], events_key, &value, 0);
}

/* The run that holds seq, or the first behind it. MTR_ENOTFOUND. */
static int find_run(const struct log_carried *carried, MDB_cursor *cursor, uint64_t seq, struct run *run,
                    MDB_val *value)
{
    const struct sealed_table *table = &carried->tables[CARRIED];
    unsigned char bytes[KEY_BYTES];
    put_key(bytes, seq, 0);
    MDB_val key = lmdb_val(bytes, sizeof(bytes));
    int rc = sealed_cursor_get(cursor, table, &key, value, MDB_SET_RANGE);
    const bool is_behind = !rc;
    if (rc && rc != MTR_ENOTFOUND) return rc;
    rc = sealed_cursor_get(cursor, table, &key, value, is_behind ? MDB_PREV : MDB_LAST);
    if (!rc) rc = read_key(key, run);
    if (!rc && run->first_seq + run->count > seq) return MTR_OK;
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (!is_behind) return MTR_ENOTFOUND;
    rc = sealed_cursor_get(cursor, table, &key, value, rc ? MDB_FIRST : MDB_NEXT);
    return rc ? rc : read_key(key, run);
}

/* ---- the store ---- */

static int check_format(struct log_carried *carried, MDB_txn *txn, bool read_only,
                        struct mtr_diagnostic *diagnostic)
{
    unsigned char bytes[4];
    MDB_val value;
    int rc = sealed_get(txn, &carried->tables[META], format_key, &value);
    if (!rc && (value.mv_size != sizeof(bytes) || lmdb_get_u32(value.mv_data) != FORMAT)) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_VERSION, 0, 0, NULL,
                           "the carried events of the log have another format than %d", FORMAT);
        return MTR_EVERSION;
    }
    if (rc != MTR_ENOTFOUND || read_only) return rc;
    lmdb_put_u32(bytes, FORMAT);
    value = lmdb_val(bytes, sizeof(bytes));
    return sealed_put(txn, &carried->tables[META], format_key, &value, 0);
}

static int open_tables(struct log_carried *carried, bool read_only, struct mtr_diagnostic *diagnostic)
{
    MDB_txn *txn;
    int rc = lmdb_error(mdb_txn_begin(carried->env, NULL, read_only ? MDB_RDONLY : 0, &txn));
    if (rc) return rc;
    for (int i = 0; !rc && i < TABLES; i++)
        rc = sealed_table_open(txn, &store, table_names[i], !read_only, &carried->tables[i]);
    if (!rc) rc = check_format(carried, txn, read_only, diagnostic);
    if (!rc) return lmdb_commit(txn); /* of a read transaction too: an abort would forget the tables */
    mdb_txn_abort(txn);
    return rc;
}

int log_carried_open(const char *log_directory, bool read_only, bool create, struct log_carried **out,
                     struct mtr_diagnostic *diagnostic)
{
    const struct mtr_lmdb_options options = {
        .map_bytes = MAP_BYTES, .databases_max = TABLES + 1, .read_only = read_only, .store = &store};
    char path[PATH_MAX], file[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/carried", log_directory) >= (int)sizeof(path) ||
        snprintf(file, sizeof(file), "%s/carried/data.mdb", log_directory) >= (int)sizeof(file))
        return MTR_EINVALID;
    if (!create && access(file, F_OK) != 0) return MTR_ENOTFOUND;
    struct log_carried *carried = calloc(1, sizeof(*carried));
    if (!carried) return MTR_ENOMEM;
    int rc = lmdb_open(path, &options, &carried->env, diagnostic);
    if (!rc) rc = open_tables(carried, read_only, diagnostic);
    if (rc) log_carried_close(carried);
    else *out = carried;
    return rc;
}

void log_carried_close(struct log_carried *carried)
{
    if (!carried) return;
    if (carried->env) lmdb_close(carried->env);
    free(carried);
}

int log_carried_of(struct mtr_log *log, bool create, struct log_carried **out,
                   struct mtr_diagnostic *diagnostic)
{
    int rc = MTR_OK;
    *out = atomic_load_explicit(&log->carried, memory_order_acquire);
    if (*out || !create) return MTR_OK;
    rc = log_carried_open(log->set.directory, false, true, out, diagnostic);
    if (!rc) atomic_store_explicit(&log->carried, *out, memory_order_release);
    return rc;
}

/* ---- reading ---- */

static int decode(const struct run *run, MDB_val value, const struct log_carried_wanted *wanted,
                  struct mtr_diagnostic *diagnostic)
{
    int rc = mtr_block_decode(wanted->decoder, lmdb_str(value), wanted->header, wanted->events, diagnostic);
    if (!rc && (wanted->header->first_seq != run->first_seq || wanted->header->count != run->count))
        rc = MTR_ECORRUPT;
    if (rc == MTR_ECORRUPT)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                           "the carried events from %" PRIu64 " on are damaged: %s", run->first_seq,
                           store.remedy);
    return rc;
}

int log_carried_read(struct log_carried *carried, const struct log_carried_wanted *wanted,
                     struct mtr_diagnostic *diagnostic)
{
    MDB_txn *txn;
    MDB_cursor *cursor = NULL;
    MDB_val value;
    struct run run;
    int rc = lmdb_error(mdb_txn_begin(carried->env, NULL, MDB_RDONLY, &txn));
    if (rc) return rc;
    rc = lmdb_error(mdb_cursor_open(txn, carried->tables[CARRIED].dbi, &cursor));
    if (!rc) rc = find_run(carried, cursor, wanted->seq, &run, &value);
    if (!rc && run.first_seq >= wanted->end_seq) rc = MTR_ENOTFOUND;
    if (!rc) rc = decode(&run, value, wanted, diagnostic);
    if (cursor) mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return rc;
}

int mtr_log_count_carried(struct mtr_log *log, uint64_t *events)
{
    struct log_carried *carried = atomic_load_explicit(&log->carried, memory_order_acquire);
    MDB_txn *txn;
    *events = 0;
    if (!carried) return MTR_OK;
    int rc = lmdb_error(mdb_txn_begin(carried->env, NULL, MDB_RDONLY, &txn));
    if (rc) return rc;
    rc = get_count(carried, txn, events);
    mdb_txn_abort(txn);
    return rc;
}

static int verify_all(struct log_carried *carried, MDB_cursor *cursor, struct mtr_block_decoder *decoder,
                      struct mtr_diagnostic *diagnostic)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    const struct log_carried_wanted wanted = {.decoder = decoder, .header = &header, .events = &events};
    MDB_val key, value;
    struct run run;
    int rc = sealed_cursor_get(cursor, &carried->tables[CARRIED], &key, &value, MDB_FIRST);
    while (!rc) {
        rc = read_key(key, &run);
        if (!rc) rc = decode(&run, value, &wanted, diagnostic);
        if (!rc) rc = sealed_cursor_get(cursor, &carried->tables[CARRIED], &key, &value, MDB_NEXT);
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int log_carried_verify(const char *log_directory, struct mtr_diagnostic *diagnostic)
{
    struct log_carried *carried = NULL;
    struct mtr_block_decoder *decoder = NULL;
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int rc = log_carried_open(log_directory, true, false, &carried, diagnostic);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    rc = mtr_block_decoder_open(&decoder);
    if (!rc) rc = lmdb_error(mdb_txn_begin(carried->env, NULL, MDB_RDONLY, &txn));
    if (!rc) rc = lmdb_error(mdb_cursor_open(txn, carried->tables[CARRIED].dbi, &cursor));
    if (!rc) rc = verify_all(carried, cursor, decoder, diagnostic);
    if (cursor) mdb_cursor_close(cursor);
    if (txn) mdb_txn_abort(txn);
    mtr_block_decoder_close(decoder);
    log_carried_close(carried);
    return rc;
}

/* ---- carrying (log_carry.c) ---- */

int log_carried_begin(struct log_carried *carried, MDB_txn **out)
{
    return lmdb_error(mdb_txn_begin(carried->env, NULL, 0, out));
}

int log_carried_has(const struct log_carried *carried, MDB_txn *txn, uint64_t seq, bool *out)
{
    MDB_cursor *cursor;
    MDB_val value;
    struct run run;
    int rc = lmdb_error(mdb_cursor_open(txn, carried->tables[CARRIED].dbi, &cursor));
    if (rc) return rc;
    rc = find_run(carried, cursor, seq, &run, &value);
    *out = !rc && run.first_seq <= seq;
    mdb_cursor_close(cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int log_carried_put(const struct log_carried *carried, MDB_txn *txn, const struct mtr_block_header *header,
                    struct mtr_str block)
{
    unsigned char bytes[KEY_BYTES];
    MTR_ASSERT(header->count <= LOG_CARRIED_RUN_EVENTS_MAX);
    put_key(bytes, header->first_seq, header->count);
    MDB_val value = lmdb_val(block.data, block.size);
    int rc = sealed_put(txn, &carried->tables[CARRIED], lmdb_val(bytes, sizeof(bytes)), &value, 0);
    return rc ? rc : add_to_count(carried, txn, header->count);
}

/* ---- what nobody waits for any more ---- */

enum { SWEEP_RUNS_MAX = 1 << 16 }; /* in one transaction */

struct sweeping {
    struct log_carried *carried;
    const struct mtr_log_sweep *sweep;
    MDB_txn *txn;
    MDB_cursor *cursor;
    uint32_t at; /* in what is wanted */
    bool has_changed;
};

static bool is_wanted(struct sweeping *sweeping, const struct run *run)
{
    const struct mtr_log_sweep *sweep = sweeping->sweep;
    while (sweeping->at < sweep->wanted_count && sweep->wanted[sweeping->at] < run->first_seq)
        sweeping->at++;
    return sweeping->at < sweep->wanted_count &&
           sweep->wanted[sweeping->at] < run->first_seq + run->count;
}

static int delete_row(struct sweeping *sweeping, int table, MDB_val key)
{
    const int rc = lmdb_error(mdb_del(sweeping->txn, sweeping->carried->tables[table].dbi, &key, NULL));
    sweeping->has_changed |= !rc;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* Notes that nobody waits for it, or takes it away where that was long ago. */
static int give_up(struct sweeping *sweeping, const struct run *run, MDB_val key)
{
    const struct sealed_table *table = &sweeping->carried->tables[UNWANTED];
    const struct mtr_log_sweep *sweep = sweeping->sweep;
    unsigned char bytes[8];
    MDB_val value;
    int rc = sealed_get(sweeping->txn, table, key, &value);
    if (!rc && value.mv_size != sizeof(bytes)) return MTR_ECORRUPT;
    if (!rc) {
        const int64_t since_us = (int64_t)lmdb_get_u64(value.mv_data);
        if (sweep->now_us - since_us < sweep->spared_us) return MTR_OK;
        rc = delete_row(sweeping, UNWANTED, key);
        if (!rc) rc = delete_row(sweeping, CARRIED, key);
        return rc ? rc : add_to_count(sweeping->carried, sweeping->txn, -(int64_t)run->count);
    }
    if (rc != MTR_ENOTFOUND) return rc;
    lmdb_put_u64(bytes, (uint64_t)sweep->now_us);
    value = lmdb_val(bytes, sizeof(bytes));
    sweeping->has_changed = true;
    return sealed_put(sweeping->txn, table, key, &value, 0);
}

static int sweep_run(struct sweeping *sweeping, const struct run *run)
{
    unsigned char bytes[KEY_BYTES];
    put_key(bytes, run->first_seq, run->count);
    const MDB_val key = lmdb_val(bytes, sizeof(bytes));
    return is_wanted(sweeping, run) ? delete_row(sweeping, UNWANTED, key) : give_up(sweeping, run, key);
}

static int sweep_stretch(struct sweeping *sweeping, uint64_t *done_seq)
{
    const struct mtr_log_sweep *sweep = sweeping->sweep;
    MDB_val value;
    struct run run;
    *done_seq = sweep->after_seq;
    for (uint32_t runs = 0; runs < SWEEP_RUNS_MAX && *done_seq < UINT64_MAX; runs++) {
        int rc = find_run(sweeping->carried, sweeping->cursor, *done_seq + 1, &run, &value);
        if (rc == MTR_ENOTFOUND || (!rc && run.first_seq > sweep->up_to_seq)) {
            *done_seq = sweep->up_to_seq;
            return MTR_OK;
        }
        if (!rc) rc = sweep_run(sweeping, &run);
        if (rc) return rc;
        *done_seq = run.first_seq + run.count - 1;
    }
    return MTR_OK;
}

int mtr_log_sweep_carried(struct mtr_log *log, const struct mtr_log_sweep *sweep, uint64_t *done_seq)
{
    struct mtr_diagnostic unheard;
    struct sweeping sweeping = {.sweep = sweep};
    *done_seq = sweep->up_to_seq;
    int rc = log_carried_of(log, false, &sweeping.carried, &unheard);
    if (rc || !sweeping.carried) return rc;
    rc = lmdb_error(mdb_txn_begin(sweeping.carried->env, NULL, 0, &sweeping.txn));
    if (rc) return rc;
    rc = lmdb_error(mdb_cursor_open(sweeping.txn, sweeping.carried->tables[CARRIED].dbi, &sweeping.cursor));
    if (!rc) rc = sweep_stretch(&sweeping, done_seq);
    if (sweeping.cursor) mdb_cursor_close(sweeping.cursor);
    if (!rc && sweeping.has_changed) return lmdb_commit(sweeping.txn);
    mdb_txn_abort(sweeping.txn);
    return rc;
}

static int cut_behind(struct sweeping *sweeping, uint64_t last_seq)
{
    struct run run;
    MDB_val value;
    int rc;
    while (!(rc = find_run(sweeping->carried, sweeping->cursor, last_seq + 1, &run, &value))) {
        unsigned char bytes[KEY_BYTES];
        put_key(bytes, run.first_seq, run.count);
        const MDB_val key = lmdb_val(bytes, sizeof(bytes));
        rc = delete_row(sweeping, UNWANTED, key);
        if (!rc) rc = delete_row(sweeping, CARRIED, key);
        if (!rc) rc = add_to_count(sweeping->carried, sweeping->txn, -(int64_t)run.count);
        if (rc) return rc;
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int log_carried_cut(struct log_carried *carried, uint64_t last_seq)
{
    struct sweeping sweeping = {.carried = carried};
    int rc = lmdb_error(mdb_txn_begin(carried->env, NULL, 0, &sweeping.txn));
    if (rc) return rc;
    rc = lmdb_error(mdb_cursor_open(sweeping.txn, carried->tables[CARRIED].dbi, &sweeping.cursor));
    if (!rc) rc = cut_behind(&sweeping, last_seq);
    if (sweeping.cursor) mdb_cursor_close(sweeping.cursor);
    if (!rc && sweeping.has_changed) return lmdb_commit(sweeping.txn);
    mdb_txn_abort(sweeping.txn);
    return rc;
}
