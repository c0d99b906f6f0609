/*
 * Tables whose rows are sealed: behind each value stand eight bytes, XXH3-64 of it, bound to its key and to
 * the table's name. LMDB checks nothing of what it reads, and a changed amount is as good a number as the one
 * that was written: so every store of ours reads and writes its rows here, and a value that does not match is
 * MTR_ECORRUPT, with its place told (meterd/store/damage.h). Private to lib/store.
 *
 * That a row is not there is proved, too, where it decides about money: the rows beside the place where it
 * would stand are whole, and it sorts between them. A row whose key was changed is met that way.
 *
 * Not seen from here: a leaf of an earlier commit in the place of a newer one, whose rows are all whole. The
 * check of pages (page_check.h) counts rows and pages.
 */
#ifndef METERD_LIB_STORE_SEALED_TABLE_H
#define METERD_LIB_STORE_SEALED_TABLE_H

#include "lib/store/lmdb_env.h"

enum { SEAL_BYTES = 8 };

struct sealed_store {
    const char *name;       /* in sentences about damage */
    const char *remedy;     /* what to do then */
    const char *format_key; /* where the number of its format stands in its table "meta", */
    size_t format_bytes;    /* and how long it is */
};

struct sealed_table {
    const struct sealed_store *store;
    const char *name;
    MDB_dbi dbi;
    uint64_t salt; /* of the name */
    bool is_bare;  /* its store is of before there were seals, and only read */
};

uint64_t sealed_salt(const char *name, size_t size);
uint64_t sealed_seal(uint64_t salt, MDB_val key, const void *value, size_t size);

/* MTR_ENOTFOUND: there is none of that name, and none is made. */
int sealed_table_open(MDB_txn *txn, const struct sealed_store *store, const char *name, bool create,
                      struct sealed_table *out) MTR_MUST_USE;

/* As mdb_put. MTR_EEXISTS, with MDB_NOOVERWRITE: *value is what stands there. */
int sealed_put(MDB_txn *txn, const struct sealed_table *table, MDB_val key, MDB_val *value,
               unsigned flags) MTR_MUST_USE;
/* The same in two calls, for a value that is made in its place: *value says how large it is and gets its
 * room; then, before anything else is put, what was written there is sealed. */
int sealed_reserve(MDB_txn *txn, const struct sealed_table *table, MDB_val key, MDB_val *value,
                   unsigned flags) MTR_MUST_USE;
void sealed_finish(const struct sealed_table *table, MDB_val key, MDB_val value);
/* As mdb_get; that there is none is not proved. */
int sealed_get(MDB_txn *txn, const struct sealed_table *table, MDB_val key, MDB_val *value) MTR_MUST_USE;
/* As mdb_cursor_get; after MDB_SET_RANGE the row before the place is whole, too, and sorts before it. */
int sealed_cursor_get(MDB_cursor *cursor, const struct sealed_table *table, MDB_val *key, MDB_val *value,
                      MDB_cursor_op op) MTR_MUST_USE;
/* Proves that there is no row of that key: MTR_OK. Else MTR_ECORRUPT. */
int sealed_prove_absence(MDB_txn *txn, const struct sealed_table *table, MDB_val key) MTR_MUST_USE;

/* Takes the seal off a value that was read. */
int sealed_open_value(const struct sealed_table *table, MDB_val key, MDB_val *value) MTR_MUST_USE;

/* Seals all rows of tables that have none, in the transaction that opens their store. Makes a table "upgrade"
 * for the time, so the environment has room for one more. */
int sealed_upgrade(MDB_txn *txn, const struct sealed_table *tables, unsigned count) MTR_MUST_USE;

/* The number that says of which format a store is, `bytes` long, as it stands: sealed or not.
 * MTR_ENOTFOUND. */
int sealed_format(MDB_txn *txn, const struct sealed_table *meta, struct mtr_str key, size_t bytes,
                  uint64_t *format, bool *is_sealed) MTR_MUST_USE;

#endif
