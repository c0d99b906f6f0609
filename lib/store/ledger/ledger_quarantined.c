/*
 * Windows that have rows in quarantine, by strand and start: of many windows few, so that whoever asks for
 * them need not look at each.
 */
#include <string.h>

#include "lib/store/ledger/ledger_txn.h"

enum { QUARANTINED_BYTES = 3 * 8 };

static struct mtr_str key_of(const struct mtr_strand *strand, int64_t start_us,
                             unsigned char key[LEDGER_PREFIX_BYTES])
{
    ledger_strand_hash(strand, key);
    ledger_put_start(key + LEDGER_HASH_BYTES, start_us);
    return (struct mtr_str){(const char *)key, LEDGER_PREFIX_BYTES};
}

static int unpack(struct mtr_str key, struct mtr_str value, struct mtr_ledger_quarantined *out)
{
    const unsigned char *p = (const unsigned char *)value.data;
    if (key.size != LEDGER_PREFIX_BYTES || value.size != QUARANTINED_BYTES) return MTR_ECORRUPT;
    *out = (struct mtr_ledger_quarantined){
        .start_us = ledger_get_start((const unsigned char *)key.data + LEDGER_HASH_BYTES),
        .rows = lmdb_get_u64(p),
        .reading = lmdb_get_u64(p + 8),
        .began_us = (int64_t)lmdb_get_u64(p + 16)};
    return out->rows ? MTR_OK : MTR_ECORRUPT;
}

int mtr_ledger_quarantined(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                           struct mtr_ledger_quarantined *out)
{
    unsigned char key[LEDGER_PREFIX_BYTES];
    struct mtr_str value;
    *out = (struct mtr_ledger_quarantined){.start_us = start_us};
    int rc = ledger_get(txn, LEDGER_QUARANTINED, key_of(strand, start_us, key), &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    return unpack(key_of(strand, start_us, key), value, out);
}

int mtr_ledger_put_quarantined(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                               const struct mtr_ledger_quarantined *now)
{
    unsigned char key[LEDGER_PREFIX_BYTES], value[QUARANTINED_BYTES];
    const struct mtr_str of = key_of(strand, now->start_us, key);
    if (!now->rows) return ledger_delete(txn, LEDGER_QUARANTINED, of);
    lmdb_put_u64(value, now->rows);
    lmdb_put_u64(value + 8, now->reading);
    lmdb_put_u64(value + 16, (uint64_t)now->began_us);
    return ledger_put(txn, LEDGER_QUARANTINED, of, (struct mtr_str){(const char *)value, sizeof(value)});
}

int mtr_ledger_walk_quarantined(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t from_us,
                                mtr_ledger_on_quarantined on_quarantined, void *context)
{
    unsigned char from[LEDGER_PREFIX_BYTES];
    const struct mtr_str begin = key_of(strand, from_us, from), of = {begin.data, LEDGER_HASH_BYTES};
    const struct sealed_table *table = &txn->ledger->tables[LEDGER_QUARANTINED];
    MDB_cursor *cursor;
    int rc = lmdb_error(mdb_cursor_open(txn->txn, table->dbi, &cursor));
    if (rc) return rc;
    MDB_val k = lmdb_val(begin.data, begin.size), v;
    MDB_cursor_op op = MDB_SET_RANGE;
    for (bool is_there = true; !rc && is_there; op = MDB_NEXT) {
        struct mtr_ledger_quarantined window;
        const int found = sealed_cursor_get(cursor, table, &k, &v, op);
        is_there = !found && mtr_str_starts_with(lmdb_str(k), of);
        if (found && found != MTR_ENOTFOUND) rc = found;
        if (is_there) rc = unpack(lmdb_str(k), lmdb_str(v), &window);
        if (is_there && !rc) rc = on_quarantined(context, &window);
    }
    mdb_cursor_close(cursor);
    return rc;
}
