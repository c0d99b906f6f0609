/*
 * Cursors of a read transaction that are used again. Invariant: a waiting cursor belongs to the transaction
 * at hand, and nobody uses it.
 */
#include "lib/store/lmdb_cursors.h"

int lmdb_cursor_take(struct mtr_lmdb_cursors *cursors, unsigned table, MDB_dbi dbi, MDB_cursor **out)
{
    MTR_ASSERT(table < MTR_LMDB_TABLES_MAX);
    *out = cursors->waiting[table];
    cursors->waiting[table] = NULL;
    return *out ? MTR_OK : lmdb_error(mdb_cursor_open(cursors->txn, dbi, out));
}

void lmdb_cursor_give(struct mtr_lmdb_cursors *cursors, unsigned table, MDB_cursor *cursor)
{
    MTR_ASSERT(table < MTR_LMDB_TABLES_MAX);
    if (cursors->write || cursors->waiting[table]) mdb_cursor_close(cursor);
    else cursors->waiting[table] = cursor;
}

int lmdb_get(struct mtr_lmdb_cursors *cursors, unsigned number, const struct sealed_table *table, MDB_val key,
             MDB_val *value)
{
    MDB_cursor *cursor;
    if (cursors->write) return sealed_get(cursors->txn, table, key, value);
    int rc = lmdb_cursor_take(cursors, number, table->dbi, &cursor);
    if (rc) return rc;
    rc = sealed_cursor_get(cursor, table, &key, value, MDB_SET);
    lmdb_cursor_give(cursors, number, cursor);
    return rc;
}

void lmdb_cursors_close(struct mtr_lmdb_cursors *cursors)
{
    for (unsigned i = 0; i < MTR_LMDB_TABLES_MAX; i++) {
        if (cursors->waiting[i]) mdb_cursor_close(cursors->waiting[i]);
        cursors->waiting[i] = NULL;
    }
}
