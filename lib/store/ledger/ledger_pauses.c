/*
 * Pauses that a log has lost: kept while the ledger is made anew, and taken when all of the log is folded, so
 * that what it says of earlier ones does not end them.
 */
#include <string.h>

#include "lib/store/ledger/ledger_txn.h"
#include "meterd/core/buffer.h"

#define KEY_PAUSES MTR_STR("pauses")

enum { PAUSE_BYTES = LEDGER_HASH_BYTES + 8, PAUSES_BYTES_MAX = 64 << 20 };

/* Of a source by its hash, behind those that were kept before. */
static int add_pauses(struct mtr_ledger_txn *txn, struct mtr_buffer *pauses)
{
    struct mtr_ledger_source source;
    MDB_cursor *cursor;
    MDB_val k, v;
    const struct sealed_table *sources = &txn->ledger->tables[LEDGER_SOURCES];
    int rc = lmdb_error(mdb_cursor_open(txn->txn, sources->dbi, &cursor));
    if (rc) return rc;
    for (MDB_cursor_op op = MDB_FIRST; !rc; op = MDB_NEXT) {
        rc = sealed_cursor_get(cursor, sources, &k, &v, op);
        if (!rc) rc = ledger_source_of(lmdb_str(v), &source);
        if (rc || !source.paused_us) continue;
        unsigned char pause[PAUSE_BYTES];
        MTR_ASSERT(k.mv_size == LEDGER_HASH_BYTES);
        memcpy(pause, k.mv_data, LEDGER_HASH_BYTES);
        lmdb_put_u64(pause + LEDGER_HASH_BYTES, (uint64_t)source.paused_us);
        rc = mtr_buffer_append(pauses, pause, sizeof(pause));
    }
    mdb_cursor_close(cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int mtr_ledger_clear_but_pauses(struct mtr_ledger_txn *txn)
{
    struct mtr_buffer pauses;
    struct mtr_str kept;
    mtr_buffer_init(&pauses, PAUSES_BYTES_MAX);
    int rc = ledger_get(txn, LEDGER_META, KEY_PAUSES, &kept); /* it was being made anew already */
    if (!rc) rc = mtr_buffer_append(&pauses, kept.data, kept.size);
    if (!rc || rc == MTR_ENOTFOUND) rc = add_pauses(txn, &pauses);
    if (!rc) rc = mtr_ledger_clear(txn);
    if (!rc && pauses.size) rc = ledger_put(txn, LEDGER_META, KEY_PAUSES, mtr_buffer_str(&pauses));
    mtr_buffer_release(&pauses);
    return rc;
}

static int take_pause(struct mtr_ledger_txn *txn, const char *pause)
{
    const struct mtr_str hash = {pause, LEDGER_HASH_BYTES};
    struct mtr_ledger_source source = {0};
    struct mtr_str value;
    int rc = ledger_get(txn, LEDGER_SOURCES, hash, &value);
    if (!rc) rc = ledger_source_of(value, &source);
    if ((rc && rc != MTR_ENOTFOUND) || source.paused_us) return rc;
    source.paused_us = (int64_t)lmdb_get_u64((const unsigned char *)pause + LEDGER_HASH_BYTES);
    return ledger_put_source_of(txn, hash, &source);
}

int mtr_ledger_take_pauses(struct mtr_ledger_txn *txn, bool *has_some)
{
    struct mtr_buffer pauses; /* what is borrowed ends with the first put */
    struct mtr_str kept;
    *has_some = false;
    int rc = ledger_get(txn, LEDGER_META, KEY_PAUSES, &kept);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (kept.size % PAUSE_BYTES) return MTR_ECORRUPT;
    mtr_buffer_init(&pauses, PAUSES_BYTES_MAX);
    rc = mtr_buffer_append(&pauses, kept.data, kept.size);
    for (size_t at = 0; !rc && at < pauses.size; at += PAUSE_BYTES)
        rc = take_pause(txn, mtr_buffer_str(&pauses).data + at);
    mtr_buffer_release(&pauses);
    if (!rc) rc = ledger_delete(txn, LEDGER_META, KEY_PAUSES);
    *has_some = !rc;
    return rc;
}
