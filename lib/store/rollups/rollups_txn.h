/*
 * What the rollups' sources share: the tables, a transaction, and a bounded scan. Private to lib/store.
 */
#ifndef METERD_LIB_STORE_ROLLUPS_ROLLUPS_TXN_H
#define METERD_LIB_STORE_ROLLUPS_ROLLUPS_TXN_H

#include <lmdb.h>

#include "lib/store/lmdb_cursors.h"
#include "lib/store/lmdb_env.h"
#include "meterd/core/limits.h"
#include "meterd/store/rollups.h"

/* Tables that the hash covers come first, in the order in which it reads them. */
enum mtr_rollups_table {
    MTR_TABLE_CELLS,
    MTR_TABLE_MEMBERS,
    MTR_TABLE_HELD,
    MTR_TABLE_VOIDED,
    MTR_TABLE_QUARANTINED,
    MTR_TABLE_FACTS,
    MTR_TABLE_VALUES,
    MTR_TABLE_BEYOND,
    MTR_TABLE_META,
    MTR_TABLE_FEED,       /* change, subscription, day */
    MTR_TABLE_FEED_INDEX, /* subscription, day → change */
    MTR_TABLE_COUNT
};

enum {
    MTR_ROLLUPS_FORMAT = 4,
    MTR_ROLLUPS_FORMAT_BARE = 3, /* its rows are not sealed, and those of older ones */
    MTR_ROLLUPS_FORMAT_WITHOUT_VALUES = 2,
    MTR_ROLLUPS_FORMAT_OF_SECONDS = 1
};

struct mtr_rollups {
    MDB_env *env;
    struct sealed_table tables[MTR_TABLE_COUNT];
};

struct mtr_rollups_txn {
    MDB_txn *txn;
    const struct mtr_rollups *rollups;
    struct mtr_lmdb_cursors cursors; /* by table */
};
_Static_assert((int)MTR_TABLE_COUNT <= (int)MTR_LMDB_TABLES_MAX, "a waiting cursor for each table");

/* A key being built: never longer than LMDB takes. */
struct mtr_key {
    unsigned char data[MTR_LMDB_KEY_BYTES_MAX];
    size_t size;
};

void rollups_key_u8(struct mtr_key *key, unsigned value);
void rollups_key_u16(struct mtr_key *key, unsigned value);
void rollups_key_u32(struct mtr_key *key, uint32_t value);
void rollups_key_u64(struct mtr_key *key, uint64_t value);
void rollups_key_bytes(struct mtr_key *key, struct mtr_str bytes);
struct mtr_str rollups_key_str(const struct mtr_key *key);

/* Key of a member, or with an empty member what the keys of all members of that list begin with. */
struct mtr_key rollups_member_key(const struct mtr_cell_key *key, struct mtr_str member);
/* May it lie within? So may what has not so many values. */
bool rollups_is_within(const struct mtr_cells_within *within, struct mtr_str dimensions);
enum { ROLLUPS_JUMP_BYTES = MTR_DIMENSIONS_BYTES_MAX + MTR_DIMENSIONS_NEXT_BYTES };
/* Behind dimensions that lie outside, the first at which others may lie within, in `bytes`: with the same
 * values skipped, or behind these. False: none do, and it is the first in what comes behind all of them (the
 * next hour). */
bool rollups_jump(const struct mtr_cells_within *within, struct mtr_str dimensions,
                  char bytes[ROLLUPS_JUMP_BYTES], struct mtr_str *to) MTR_MUST_USE;

/* The last member of the list that sorts before `bound`. MTR_ENOTFOUND without any. */
int rollups_member_before(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key, struct mtr_str bound,
                          struct mtr_member *out) MTR_MUST_USE;

/* Makes tables of format 1 ones of format 2 (rollups_upgrade.c); the row that says so is the caller's. */
int rollups_upgrade(struct mtr_rollups_txn *txn) MTR_MUST_USE;

/* Get, put and delete by table; the value is borrowed. */
int rollups_get(struct mtr_rollups_txn *txn, enum mtr_rollups_table table, struct mtr_str key,
                struct mtr_str *value) MTR_MUST_USE;
int rollups_put(struct mtr_rollups_txn *txn, enum mtr_rollups_table table, struct mtr_str key,
                struct mtr_str value) MTR_MUST_USE;
/* A new row. MTR_EEXISTS: the key is there already, with what *value becomes. */
int rollups_add(struct mtr_rollups_txn *txn, enum mtr_rollups_table table, struct mtr_str key,
                struct mtr_str *value) MTR_MUST_USE;
int rollups_delete(struct mtr_rollups_txn *txn, enum mtr_rollups_table table,
                   struct mtr_str key) MTR_MUST_USE;

/* Rows from the first key >= from on, as long as keys begin with prefix. A hook result other than 0 stops
 * and is returned. */
typedef int (*mtr_table_on_row)(void *context, struct mtr_str key, struct mtr_str value);
int rollups_scan(struct mtr_rollups_txn *txn, enum mtr_rollups_table table, struct mtr_str from,
                 struct mtr_str prefix, mtr_table_on_row on_row, void *context) MTR_MUST_USE;

#endif
