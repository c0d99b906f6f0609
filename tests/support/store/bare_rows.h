/*
 * Makes of a store one of before rows were sealed: the seals are taken off all rows, and its format is set.
 */
#ifndef METERD_TESTS_SUPPORT_STORE_BARE_ROWS_H
#define METERD_TESTS_SUPPORT_STORE_BARE_ROWS_H

#include <lmdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/store/sealed_table.h"
#include "meterd/core/error.h"

enum { BARE_TABLES_MAX = 32 };

static inline void strip_table(MDB_txn *txn, const char *name, const char *format_key, const void *format)
{
    MDB_cursor *cursor;
    MDB_dbi table;
    MDB_val k, v;
    MTR_ASSERT(!mdb_dbi_open(txn, name, 0, &table));
    MTR_ASSERT(!mdb_cursor_open(txn, table, &cursor));
    for (int rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST); !rc; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        MTR_ASSERT(v.mv_size >= SEAL_BYTES);
        char key[512]; /* in the page it moves when the row shrinks */
        MDB_val bare = {v.mv_size - SEAL_BYTES, NULL};
        char *copy = malloc(bare.mv_size + 1);
        MTR_ASSERT(copy && k.mv_size <= sizeof(key));
        memcpy(copy, v.mv_data, bare.mv_size);
        memcpy(key, k.mv_data, k.mv_size);
        k.mv_data = key;
        if (!strcmp(name, "meta") && k.mv_size == strlen(format_key) && !memcmp(k.mv_data, format_key, k.mv_size))
            memcpy(copy, format, bare.mv_size);
        bare.mv_data = copy;
        MTR_ASSERT(!mdb_cursor_put(cursor, &k, &bare, MDB_CURRENT));
        free(copy);
    }
    mdb_cursor_close(cursor);
}

/* Nobody has it open. `format` is as it stands there: big-endian, of four or eight bytes. */
static inline void make_bare(const char *directory, const char *format_key, const void *format)
{
    char names[BARE_TABLES_MAX][32];
    int count = 0;
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi main;
    MDB_cursor *cursor;
    MDB_val k, v;
    MTR_ASSERT(!mdb_env_create(&env) && !mdb_env_set_maxdbs(env, BARE_TABLES_MAX));
    MTR_ASSERT(!mdb_env_set_mapsize(env, (size_t)1 << 30) && !mdb_env_open(env, directory, MDB_NOTLS, 0600));
    MTR_ASSERT(!mdb_txn_begin(env, NULL, 0, &txn) && !mdb_dbi_open(txn, NULL, 0, &main));
    MTR_ASSERT(!mdb_cursor_open(txn, main, &cursor));
    for (int rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST); !rc; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        MTR_ASSERT(count < BARE_TABLES_MAX && k.mv_size < sizeof(names[0]));
        memcpy(names[count], k.mv_data, k.mv_size);
        names[count++][k.mv_size] = '\0';
    }
    mdb_cursor_close(cursor);
    for (int i = 0; i < count; i++) strip_table(txn, names[i], format_key, format);
    MTR_ASSERT(!mdb_txn_commit(txn));
    mdb_env_close(env);
}

#endif
