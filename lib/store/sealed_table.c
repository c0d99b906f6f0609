/*
 * Seals of rows.
 */
#include "lib/store/sealed_table.h"

#include <xxhash.h>

#include "lib/store/damage_note.h"

uint64_t sealed_salt(const char *name, size_t size) { return XXH3_64bits(name, size); }

uint64_t sealed_seal(uint64_t salt, MDB_val key, const void *value, size_t size)
{
    return XXH3_64bits_withSeed(value, size, XXH3_64bits_withSeed(key.mv_data, key.mv_size, salt));
}

int sealed_table_open(MDB_txn *txn, const struct sealed_store *store, const char *name, bool create,
                      struct sealed_table *out)
{
    *out = (struct sealed_table){.store = store, .name = name, .salt = sealed_salt(name, strlen(name))};
    return lmdb_error(mdb_dbi_open(txn, name, create ? MDB_CREATE : 0, &out->dbi));
}

static int damaged(const struct sealed_table *table, MDB_val key, const char *what)
{
    damage_note(table->store, table->name, lmdb_str(key), what);
    return MTR_ECORRUPT;
}

int sealed_open_value(const struct sealed_table *table, MDB_val key, MDB_val *value)
{
    if (table->is_bare) return MTR_OK;
    if (value->mv_size < SEAL_BYTES) return damaged(table, key, "is too short");
    const size_t size = value->mv_size - SEAL_BYTES;
    const uint64_t seal = lmdb_get_u64((const unsigned char *)value->mv_data + size);
    if (seal != sealed_seal(table->salt, key, value->mv_data, size))
        return damaged(table, key, "does not match its checksum");
    value->mv_size = size;
    return MTR_OK;
}

int sealed_reserve(MDB_txn *txn, const struct sealed_table *table, MDB_val key, MDB_val *value,
                   unsigned flags)
{
    const size_t size = value->mv_size;
    MTR_ASSERT(!table->is_bare);
    *value = (MDB_val){size + SEAL_BYTES, NULL};
    int rc = lmdb_error(mdb_put(txn, table->dbi, &key, value, flags | MDB_RESERVE));
    if (rc == MTR_EEXISTS) {
        const int bad = sealed_open_value(table, key, value);
        return bad ? bad : rc;
    }
    value->mv_size = size;
    return rc;
}

void sealed_finish(const struct sealed_table *table, MDB_val key, MDB_val value)
{
    lmdb_put_u64((unsigned char *)value.mv_data + value.mv_size,
                 sealed_seal(table->salt, key, value.mv_data, value.mv_size));
}

int sealed_put(MDB_txn *txn, const struct sealed_table *table, MDB_val key, MDB_val *value, unsigned flags)
{
    const MDB_val given = *value;
    int rc = sealed_reserve(txn, table, key, value, flags);
    if (rc) return rc;
    if (given.mv_size) memmove(value->mv_data, given.mv_data, given.mv_size);
    sealed_finish(table, key, *value);
    return MTR_OK;
}

int sealed_get(MDB_txn *txn, const struct sealed_table *table, MDB_val key, MDB_val *value)
{
    int rc = lmdb_error(mdb_get(txn, table->dbi, &key, value));
    return rc ? rc : sealed_open_value(table, key, value);
}

static int compare(MDB_val a, MDB_val b) { return mtr_str_compare(lmdb_str(a), lmdb_str(b)); }

/* The row at the cursor, which was just moved there. */
static int check_row(const struct sealed_table *table, int rc, MDB_val key, MDB_val *value)
{
    return rc ? rc : sealed_open_value(table, key, value);
}

/* The cursor stands where `at` would, or behind all rows (rc is MTR_ENOTFOUND); it comes back there. */
static int check_before(MDB_cursor *cursor, const struct sealed_table *table, MDB_val at, int rc)
{
    MDB_val key, value;
    int before = lmdb_error(mdb_cursor_get(cursor, &key, &value, rc ? MDB_LAST : MDB_PREV));
    const bool is_first = before == MTR_ENOTFOUND;
    before = check_row(table, before, key, &value);
    if (!before && compare(key, at) >= 0) before = damaged(table, key, "is out of order");
    if (rc) return is_first ? MTR_OK : before; /* nothing behind to come back to */
    if (before && !is_first) return before;
    key = at;
    return lmdb_error(mdb_cursor_get(cursor, &key, &value, is_first ? MDB_SET_RANGE : MDB_NEXT));
}

int sealed_cursor_get(MDB_cursor *cursor, const struct sealed_table *table, MDB_val *key, MDB_val *value,
                      MDB_cursor_op op)
{
    const MDB_val asked = *key;
    int rc = lmdb_error(mdb_cursor_get(cursor, key, value, op));
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (!rc) {
        const int bad = sealed_open_value(table, *key, value);
        if (bad) return bad;
    }
    if (op != MDB_SET_RANGE || table->is_bare) return rc;
    const int order = rc ? 1 : compare(*key, asked);
    if (!order) return rc;
    if (order < 0) return damaged(table, *key, "is out of order");
    const int bad = check_before(cursor, table, asked, rc);
    return bad ? bad : rc;
}

int sealed_prove_absence(MDB_txn *txn, const struct sealed_table *table, MDB_val key)
{
    MDB_cursor *cursor;
    MDB_val at = key, value;
    if (table->is_bare) return MTR_OK;
    int rc = lmdb_error(mdb_cursor_open(txn, table->dbi, &cursor));
    if (rc) return rc;
    rc = sealed_cursor_get(cursor, table, &at, &value, MDB_SET_RANGE);
    if (!rc && !compare(at, key)) rc = damaged(table, key, "is found by one way and not by another");
    mdb_cursor_close(cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* ---- stores of before there were seals ---- */

static int copy_rows(MDB_txn *txn, MDB_dbi from, const struct sealed_table *to, bool are_sealed)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    int rc = lmdb_error(mdb_cursor_open(txn, from, &cursor));
    if (rc) return rc;
    rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_FIRST));
    while (!rc) {
        rc = are_sealed ? lmdb_error(mdb_put(txn, to->dbi, &key, &value, MDB_APPEND))
                        : sealed_put(txn, to, key, &value, MDB_APPEND);
        if (!rc) rc = lmdb_error(mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
    }
    mdb_cursor_close(cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* Once into a table of its own and back: in the order of keys, so that pages are full. */
int sealed_upgrade(MDB_txn *txn, const struct sealed_table *tables, unsigned count)
{
    int rc = MTR_OK;
    for (unsigned i = 0; !rc && i < count; i++) {
        struct sealed_table aside = tables[i];
        rc = lmdb_error(mdb_dbi_open(txn, "upgrade", MDB_CREATE, &aside.dbi));
        if (!rc) rc = copy_rows(txn, tables[i].dbi, &aside, false);
        if (!rc) rc = lmdb_error(mdb_drop(txn, tables[i].dbi, 0));
        if (!rc) rc = copy_rows(txn, aside.dbi, &tables[i], true);
        if (!rc) rc = lmdb_error(mdb_drop(txn, aside.dbi, 1));
    }
    return rc;
}

int sealed_format(MDB_txn *txn, const struct sealed_table *meta, struct mtr_str key, size_t bytes,
                  uint64_t *format, bool *is_sealed)
{
    MDB_val k = lmdb_val(key.data, key.size), value;
    int rc = lmdb_error(mdb_get(txn, meta->dbi, &k, &value));
    if (rc) return rc;
    *is_sealed = value.mv_size == bytes + SEAL_BYTES;
    rc = *is_sealed ? sealed_open_value(meta, k, &value) : MTR_OK;
    if (!rc && value.mv_size != bytes) rc = damaged(meta, k, "is no number of a format");
    if (!rc) *format = bytes == 8 ? lmdb_get_u64(value.mv_data) : lmdb_get_u32(value.mv_data);
    return rc;
}
