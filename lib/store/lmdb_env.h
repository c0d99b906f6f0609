/*
 * LMDB as meterd uses it: one place for open flags, map sizes, error translation and commit. Private to
 * lib/store.
 *
 * Rules (docs/decisions/ has the reasons): default sync only; MDB_NOTLS for every environment, so that read
 * transactions belong to whoever holds them; no WRITEMAP, MAPASYNC, NOLOCK, DUPSORT; one open per process and
 * directory; read transactions last at most a second.
 */
#ifndef METERD_LIB_STORE_LMDB_ENV_H
#define METERD_LIB_STORE_LMDB_ENV_H

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

struct sealed_store;

struct mtr_lmdb_options {
    size_t map_bytes; /* address space, never resized */
    unsigned databases_max;
    bool read_only;
    /* Where it is there, all pages are checked before LMDB walks in them. */
    const struct sealed_store *store;
};

/* Opens (and, unless read_only, creates with mode 0700/0600) the environment in `directory`, and clears
 * stale readers. Unless read_only, what is found there is durable from then on. */
int lmdb_open(const char *directory, const struct mtr_lmdb_options *options, MDB_env **out,
              struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

void lmdb_close(MDB_env *env);

/* The meterd error of an LMDB or errno code, translated here and nowhere else. */
int lmdb_error(int lmdb_code);

/* Commits. LMDB reports a full disk as EIO: when the file system of the environment has no room left that
 * is MTR_EFULL (nothing stored), otherwise MTR_EIO (outcome unknown). */
int lmdb_commit(MDB_txn *txn) MTR_MUST_USE;

static inline MDB_val lmdb_val(const void *data, size_t size)
{
    union {
        const void *borrowed;
        void *data;
    } p = {.borrowed = data}; /* LMDB takes void * but does not write through keys and put values */
    return (MDB_val){size, p.data};
}

static inline struct mtr_str lmdb_str(MDB_val value)
{
    return (struct mtr_str){value.mv_data, value.mv_size};
}

/* Big-endian integers, so that LMDB's byte order is numeric order. Moved whole and swapped: byte by byte
 * it is the dearest part of a walk. */
static inline uint32_t lmdb_big_endian_u32(uint32_t value)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(value) : value;
}

static inline uint64_t lmdb_big_endian_u64(uint64_t value)
{
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(value) : value;
}

static inline void lmdb_put_u32(unsigned char *p, uint32_t value)
{
    value = lmdb_big_endian_u32(value);
    memcpy(p, &value, sizeof(value));
}

static inline void lmdb_put_u64(unsigned char *p, uint64_t value)
{
    value = lmdb_big_endian_u64(value);
    memcpy(p, &value, sizeof(value));
}

static inline uint32_t lmdb_get_u32(const unsigned char *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof(value));
    return lmdb_big_endian_u32(value);
}

static inline uint64_t lmdb_get_u64(const unsigned char *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof(value));
    return lmdb_big_endian_u64(value);
}

#endif
