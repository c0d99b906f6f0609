/*
 * Rollups of format 1 as rollups of format 2: starts of cells and of lists, which were seconds, become µs. In
 * the transaction that opens the store, so that it is of one format or the other.
 *
 * Multiplying keeps the order of keys, and so each table is written in order, once into a table of its own
 * and once back. Rows are not sealed then, nor after it.
 */
#include "lib/store/rollups/rollups_txn.h"

#include <string.h>

#include "meterd/core/time.h"

enum { START_AT = 8, START_BYTES = 8 };

static const uint64_t bias = UINT64_C(1) << 63;

/* Of an 8-byte start within a key. */
static int scale_start(unsigned char *start)
{
    const int64_t seconds = (int64_t)(lmdb_get_u64(start) ^ bias);
    if (seconds == MTR_CELL_ALL_HOURS) return MTR_OK;
    if (seconds < -MTR_TIME_S_MAX || seconds > MTR_TIME_S_MAX) return MTR_ECORRUPT;
    lmdb_put_u64(start, (uint64_t)(seconds * MTR_US_PER_SECOND) ^ bias);
    return MTR_OK;
}

/* Appends all rows of `from` to the empty table `to`. */
static int copy_rows(MDB_txn *txn, MDB_dbi from, MDB_dbi to, bool scale)
{
    unsigned char bytes[MTR_LMDB_KEY_BYTES_MAX];
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    int rc = lmdb_error(mdb_cursor_open(txn, from, &cursor));
    if (rc) return rc;
    rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_FIRST));
    while (!rc) {
        if (key.mv_size < START_AT + START_BYTES || key.mv_size > sizeof(bytes)) rc = MTR_ECORRUPT;
        if (rc) break;
        memcpy(bytes, key.mv_data, key.mv_size);
        MDB_val scaled = {.mv_size = key.mv_size, .mv_data = bytes};
        if (scale) rc = scale_start(bytes + START_AT);
        if (!rc) rc = lmdb_error(mdb_put(txn, to, &scaled, &value, MDB_APPEND));
        if (!rc) rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
    }
    mdb_cursor_close(cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int rollups_upgrade(struct mtr_rollups_txn *txn)
{
    static const enum mtr_rollups_table tables[] = {MTR_TABLE_CELLS, MTR_TABLE_MEMBERS};
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < sizeof(tables) / sizeof(*tables); i++) {
        const MDB_dbi table = txn->rollups->tables[tables[i]].dbi;
        MDB_dbi scaled = 0;
        rc = lmdb_error(mdb_dbi_open(txn->txn, "upgrade", MDB_CREATE, &scaled));
        if (!rc) rc = copy_rows(txn->txn, table, scaled, true);
        if (!rc) rc = lmdb_error(mdb_drop(txn->txn, table, 0));
        if (!rc) rc = copy_rows(txn->txn, scaled, table, false);
        if (!rc) rc = lmdb_error(mdb_drop(txn->txn, scaled, 1));
    }
    return rc;
}
