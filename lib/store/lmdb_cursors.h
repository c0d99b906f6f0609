/*
 * Cursors of a read transaction that are used again: one waits per table. A look-up near the last one then
 * stays on its page, and walking allocates nothing. Write transactions open and close theirs, for LMDB keeps
 * every open one right with each put. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_LMDB_CURSORS_H
#define METERD_LIB_STORE_LMDB_CURSORS_H

#include "lib/store/lmdb_env.h"
#include "lib/store/sealed_table.h"

enum { MTR_LMDB_TABLES_MAX = 24 };

struct mtr_lmdb_cursors {
    MDB_txn *txn;
    bool write;
    MDB_cursor *waiting[MTR_LMDB_TABLES_MAX]; /* by the store's number of the table; NULL: none */
};

/* A cursor for the caller alone: walks may stand within walks of the same table. */
int lmdb_cursor_take(struct mtr_lmdb_cursors *cursors, unsigned table, MDB_dbi dbi,
                     MDB_cursor **out) MTR_MUST_USE;
void lmdb_cursor_give(struct mtr_lmdb_cursors *cursors, unsigned table, MDB_cursor *cursor);

/* As sealed_get; MTR_ENOTFOUND. */
int lmdb_get(struct mtr_lmdb_cursors *cursors, unsigned number, const struct sealed_table *table, MDB_val key,
             MDB_val *value) MTR_MUST_USE;

/* Before the transaction ends. */
void lmdb_cursors_close(struct mtr_lmdb_cursors *cursors);

#endif
