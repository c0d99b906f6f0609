/*
 * Rollups store: environment, transactions, the cursor, and plain access to its tables. Cells are in
 * rollups_cells.c, what the fold remembers beside them in rollups_state.c. Layouts are in docs/formats.md.
 *
 * One write transaction at a time (LMDB's rule); read transactions belong to whoever began them, on any
 * thread.
 */
#include "meterd/store/rollups.h"

#include <stdlib.h>
#include <string.h>

#include "lib/store/rollups/rollups_txn.h"
#include "meterd/share/work_limit.h"

static const char *const table_names[MTR_TABLE_COUNT] = {
    [MTR_TABLE_CELLS] = "cells",
    [MTR_TABLE_MEMBERS] = "members",
    [MTR_TABLE_HELD] = "held",
    [MTR_TABLE_VOIDED] = "voided",
    [MTR_TABLE_QUARANTINED] = "quarantined",
    [MTR_TABLE_FACTS] = "facts",
    [MTR_TABLE_VALUES] = "values",
    [MTR_TABLE_BEYOND] = "beyond",
    [MTR_TABLE_META] = "meta",
    [MTR_TABLE_FEED] = "feed",
    [MTR_TABLE_FEED_INDEX] = "feed_index",
};

#define MAP_BYTES ((size_t)1 << 38) /* address space only */

static const struct sealed_store store = {
    .name = "rollups",
    .remedy = "stop the daemon and run meterd rebuild, which folds them again from the log",
    .format_key = "format",
    .format_bytes = sizeof(uint32_t)};

#define KEY_FORMAT MTR_STR("format")
#define KEY_CURSOR MTR_STR("cursor")
enum { CURSOR_BYTES = 24 };

static unsigned char *key_room(struct mtr_key *key, size_t size)
{
    MTR_ASSERT(size <= sizeof(key->data) - key->size);
    unsigned char *p = key->data + key->size;
    key->size += size;
    return p;
}

void rollups_key_u8(struct mtr_key *key, unsigned value)
{
    MTR_ASSERT(value <= UINT8_MAX);
    *key_room(key, 1) = (unsigned char)value;
}

void rollups_key_u16(struct mtr_key *key, unsigned value)
{
    MTR_ASSERT(value <= UINT16_MAX);
    rollups_key_u8(key, value >> 8);
    rollups_key_u8(key, value & 0xFF);
}

void rollups_key_u32(struct mtr_key *key, uint32_t value)
{
    lmdb_put_u32(key_room(key, 4), value);
}

void rollups_key_u64(struct mtr_key *key, uint64_t value)
{
    lmdb_put_u64(key_room(key, 8), value);
}

void rollups_key_bytes(struct mtr_key *key, struct mtr_str bytes)
{
    unsigned char *p = key_room(key, bytes.size);
    if (bytes.size) memcpy(p, bytes.data, bytes.size);
}

struct mtr_str rollups_key_str(const struct mtr_key *key)
{
    return (struct mtr_str){(const char *)key->data, key->size};
}

int rollups_get(struct mtr_rollups_txn *txn, enum mtr_rollups_table table, struct mtr_str key,
                struct mtr_str *value)
{
    MDB_val v;
    int rc = lmdb_get(&txn->cursors, table, &txn->rollups->tables[table], lmdb_val(key.data, key.size), &v);
    if (!rc) *value = lmdb_str(v);
    return rc;
}

int rollups_put(struct mtr_rollups_txn *txn, enum mtr_rollups_table table, struct mtr_str key,
                struct mtr_str value)
{
    MTR_ASSERT(txn->cursors.write && key.size > 0);
    MDB_val v = lmdb_val(value.data, value.size);
    return sealed_put(txn->txn, &txn->rollups->tables[table], lmdb_val(key.data, key.size), &v, 0);
}

int rollups_add(struct mtr_rollups_txn *txn, enum mtr_rollups_table table, struct mtr_str key,
                struct mtr_str *value)
{
    MTR_ASSERT(txn->cursors.write && key.size > 0);
    MDB_val k = lmdb_val(key.data, key.size), v = lmdb_val(value->data, value->size);
    int rc = sealed_put(txn->txn, &txn->rollups->tables[table], k, &v, MDB_NOOVERWRITE);
    if (rc == MTR_EEXISTS) *value = lmdb_str(v);
    return rc;
}

int rollups_delete(struct mtr_rollups_txn *txn, enum mtr_rollups_table table, struct mtr_str key)
{
    MTR_ASSERT(txn->cursors.write && key.size > 0);
    MDB_val k = lmdb_val(key.data, key.size);
    return lmdb_error(mdb_del(txn->txn, txn->rollups->tables[table].dbi, &k, NULL));
}

int rollups_scan(struct mtr_rollups_txn *txn, enum mtr_rollups_table table, struct mtr_str from,
                 struct mtr_str prefix, mtr_table_on_row on_row, void *context)
{
    MTR_ASSERT(mtr_str_starts_with(from, prefix)); /* or the scan would end before its first row */
    const struct sealed_table *sealed = &txn->rollups->tables[table];
    MDB_cursor *cursor;
    int rc = lmdb_cursor_take(&txn->cursors, table, sealed->dbi, &cursor);
    if (rc) return rc;
    MDB_val k = lmdb_val(from.data, from.size), v;
    MDB_cursor_op next = from.size ? MDB_SET_RANGE : MDB_FIRST;
    for (;;) {
        rc = sealed_cursor_get(cursor, sealed, &k, &v, next);
        if (rc || !mtr_str_starts_with(lmdb_str(k), prefix)) break;
        rc = mtr_work_goes_on() ? on_row(context, lmdb_str(k), lmdb_str(v)) : MTR_ETIMEDOUT;
        if (rc) {
            lmdb_cursor_give(&txn->cursors, table, cursor);
            return rc;
        }
        next = MDB_NEXT;
    }
    lmdb_cursor_give(&txn->cursors, table, cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* From format 2 on: what was folded counts, whatever the quotas of values are. Whose they are, the catalog
 * knows, so it is the fold that counts them in the cells. */
static int note_uncounted(struct mtr_rollups_txn *txn)
{
    unsigned char value[8];
    uint64_t next_seq, change;
    int64_t watermark_us;
    int rc = mtr_rollups_get_cursor(txn, &next_seq, &watermark_us, &change);
    if (rc) return rc;
    lmdb_put_u64(value, next_seq);
    return rollups_put(txn, MTR_TABLE_FACTS, MTR_STR(MTR_FACT_UNCOUNTED),
                       (struct mtr_str){(const char *)value, sizeof(value)});
}

static int upgrade(struct mtr_rollups_txn *txn, uint64_t version)
{
    int rc = version == MTR_ROLLUPS_FORMAT_OF_SECONDS ? rollups_upgrade(txn) : MTR_OK;
    if (!rc) rc = sealed_upgrade(txn->txn, txn->rollups->tables, MTR_TABLE_COUNT);
    return rc || version == MTR_ROLLUPS_FORMAT_BARE ? rc : note_uncounted(txn);
}

static int put_format(struct mtr_rollups_txn *txn)
{
    unsigned char current[4];
    lmdb_put_u32(current, MTR_ROLLUPS_FORMAT);
    return rollups_put(txn, MTR_TABLE_META, KEY_FORMAT,
                       (struct mtr_str){(const char *)current, sizeof(current)});
}

static int check_format(struct mtr_rollups_txn *txn, bool read_only, const char *directory,
                        struct mtr_diagnostic *diagnostic)
{
    uint64_t version = 0;
    bool is_sealed = false;
    int rc = sealed_format(txn->txn, &txn->rollups->tables[MTR_TABLE_META], KEY_FORMAT, sizeof(uint32_t),
                           &version, &is_sealed);
    if (rc == MTR_ENOTFOUND && !read_only) return put_format(txn);
    if (rc) return rc;
    if (version <= MTR_ROLLUPS_FORMAT && is_sealed != (version > MTR_ROLLUPS_FORMAT_BARE))
        return MTR_ECORRUPT;
    if (version == MTR_ROLLUPS_FORMAT) return MTR_OK;
    const bool is_old = version >= MTR_ROLLUPS_FORMAT_OF_SECONDS && version < MTR_ROLLUPS_FORMAT;
    if (!read_only && is_old) {
        rc = upgrade(txn, version);
        return rc ? rc : put_format(txn);
    }
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_VERSION, 0, 0, NULL,
                       "the rollups in %s have format %u, this program reads format %d: %s", directory,
                       (unsigned)version, MTR_ROLLUPS_FORMAT,
                       is_old ? "start the daemon once, which brings them up to it" : "run meterd rebuild");
    return MTR_EVERSION;
}

static int open_table(struct mtr_rollups_txn *txn, struct mtr_rollups *rollups, enum mtr_rollups_table table)
{
    return sealed_table_open(txn->txn, &store, table_names[table], txn->cursors.write,
                             &rollups->tables[table]);
}

static int open_tables(struct mtr_rollups *rollups, bool read_only, const char *directory,
                       struct mtr_diagnostic *diagnostic)
{
    struct mtr_rollups_txn txn = {.rollups = rollups, .cursors.write = !read_only};
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL, "cannot open the rollups in %s",
                       directory);
    int rc = lmdb_error(mdb_txn_begin(rollups->env, NULL, read_only ? MDB_RDONLY : 0, &txn.txn));
    if (rc) return rc;
    txn.cursors.txn = txn.txn;
    rc = open_table(&txn, rollups, MTR_TABLE_META);
    if (!rc && read_only) rc = check_format(&txn, true, directory, diagnostic); /* it may lack a table */
    for (int i = 0; !rc && i < MTR_TABLE_COUNT; i++)
        if (i != MTR_TABLE_META) rc = open_table(&txn, rollups, (enum mtr_rollups_table)i);
    if (!rc && !read_only) rc = check_format(&txn, false, directory, diagnostic);
    lmdb_cursors_close(&txn.cursors);
    if (rc) {
        mdb_txn_abort(txn.txn);
        return rc;
    }
    return lmdb_commit(txn.txn); /* of a read transaction too: an abort would forget the tables */
}

int mtr_rollups_open(const char *directory, bool read_only, struct mtr_rollups **out,
                     struct mtr_diagnostic *diagnostic)
{
    const struct mtr_lmdb_options options = {
        .map_bytes = MAP_BYTES,
        .databases_max = MTR_TABLE_COUNT + 1,
        .read_only = read_only,
        .store = &store,
    };
    struct mtr_rollups *rollups = calloc(1, sizeof(*rollups));
    if (!rollups) return MTR_ENOMEM;
    int rc = lmdb_open(directory, &options, &rollups->env, diagnostic);
    if (!rc) rc = open_tables(rollups, read_only, directory, diagnostic);
    if (rc) {
        mtr_rollups_close(rollups);
        return rc;
    }
    *out = rollups;
    return MTR_OK;
}

void mtr_rollups_close(struct mtr_rollups *rollups)
{
    if (!rollups) return;
    if (rollups->env) lmdb_close(rollups->env);
    free(rollups);
}

int mtr_rollups_begin(struct mtr_rollups *rollups, bool write, struct mtr_rollups_txn **out)
{
    struct mtr_rollups_txn *txn = calloc(1, sizeof(*txn));
    if (!txn) return MTR_ENOMEM;
    txn->rollups = rollups;
    int rc = lmdb_error(mdb_txn_begin(rollups->env, NULL, write ? 0 : MDB_RDONLY, &txn->txn));
    if (rc) {
        free(txn);
        return rc;
    }
    txn->cursors.txn = txn->txn;
    txn->cursors.write = write;
    *out = txn;
    return MTR_OK;
}

int mtr_rollups_commit(struct mtr_rollups_txn *txn)
{
    lmdb_cursors_close(&txn->cursors);
    int rc = lmdb_commit(txn->txn);
    free(txn);
    return rc;
}

void mtr_rollups_abort(struct mtr_rollups_txn *txn)
{
    if (!txn) return;
    lmdb_cursors_close(&txn->cursors);
    mdb_txn_abort(txn->txn);
    free(txn);
}

int mtr_rollups_get_cursor(struct mtr_rollups_txn *txn, uint64_t *next_seq, int64_t *watermark_us,
                           uint64_t *change)
{
    struct mtr_str value;
    int rc = rollups_get(txn, MTR_TABLE_META, KEY_CURSOR, &value);
    if (rc == MTR_ENOTFOUND) {
        *next_seq = 1;
        *watermark_us = 0;
        *change = 0;
        return MTR_OK;
    }
    if (rc) return rc;
    if (value.size != CURSOR_BYTES) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)value.data;
    *next_seq = lmdb_get_u64(p);
    *watermark_us = (int64_t)lmdb_get_u64(p + 8);
    *change = lmdb_get_u64(p + 16);
    return *next_seq ? MTR_OK : MTR_ECORRUPT;
}

int mtr_rollups_put_cursor(struct mtr_rollups_txn *txn, uint64_t next_seq, int64_t watermark_us,
                           uint64_t change)
{
    unsigned char value[CURSOR_BYTES];
    MTR_ASSERT(next_seq >= 1);
    lmdb_put_u64(value, next_seq);
    lmdb_put_u64(value + 8, (uint64_t)watermark_us);
    lmdb_put_u64(value + 16, change);
    return rollups_put(txn, MTR_TABLE_META, KEY_CURSOR, (struct mtr_str){(const char *)value, sizeof(value)});
}
