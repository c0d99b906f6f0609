/*
 * Uses of documents, in the table `meta`, by transactions of their own beside a change:
 *
 *   "noted", kind u8             → u64: uses are noted of numbers above this
 *   "used", kind u8, number u32  → u64: 1
 */
#include "lib/store/documents_state.h"

enum { NOTED_KEY_BYTES = 6, USED_KEY_BYTES = 9, VALUE_BYTES = 8 };

struct key {
    unsigned char bytes[USED_KEY_BYTES];
    size_t size;
};

static struct key noted_key(uint8_t kind)
{
    return (struct key){{'n', 'o', 't', 'e', 'd', kind}, NOTED_KEY_BYTES};
}

static struct key used_key(uint8_t kind, uint32_t number)
{
    struct key key = {{'u', 's', 'e', 'd', kind}, USED_KEY_BYTES};
    lmdb_put_u32(key.bytes + USED_KEY_BYTES - sizeof(number), number);
    return key;
}

static int put(struct mtr_documents *documents, struct key key, uint64_t number)
{
    unsigned char bytes[VALUE_BYTES];
    MDB_txn *txn = NULL;
    lmdb_put_u64(bytes, number);
    MDB_val value = lmdb_val(bytes, sizeof(bytes));
    int rc = lmdb_error(mdb_txn_begin(documents->env, NULL, 0, &txn));
    if (rc) return rc;
    rc = sealed_put(txn, &documents->meta, lmdb_val(key.bytes, key.size), &value, 0);
    if (!rc) return lmdb_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int get(struct mtr_documents *documents, struct key key, uint64_t *out)
{
    MDB_val value;
    MDB_txn *txn = NULL;
    int rc = lmdb_error(mdb_txn_begin(documents->env, NULL, MDB_RDONLY, &txn));
    if (rc) return rc;
    rc = sealed_get(txn, &documents->meta, lmdb_val(key.bytes, key.size), &value);
    if (!rc && value.mv_size != VALUE_BYTES) rc = MTR_ECORRUPT;
    if (!rc) *out = lmdb_get_u64(value.mv_data);
    mdb_txn_abort(txn);
    return rc;
}

int mtr_documents_note_uses(struct mtr_documents *documents, uint8_t kind)
{
    uint64_t known;
    uint32_t count = 0;
    int rc = get(documents, noted_key(kind), &known);
    if (rc != MTR_ENOTFOUND) return rc;
    rc = mtr_documents_count(documents, kind, &count);
    return rc ? rc : put(documents, noted_key(kind), count);
}

int mtr_documents_get_use(struct mtr_documents *documents, uint8_t kind, uint32_t number,
                          enum mtr_document_use *out)
{
    uint64_t used, noted = UINT64_MAX;
    int rc = get(documents, used_key(kind, number), &used);
    *out = MTR_DOCUMENT_USED;
    if (rc != MTR_ENOTFOUND) return rc;
    rc = get(documents, noted_key(kind), &noted);
    *out = number > noted ? MTR_DOCUMENT_UNUSED : MTR_DOCUMENT_MAY_BE_USED;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int mtr_documents_note_use(struct mtr_documents *documents, uint8_t kind, uint32_t number)
{
    enum mtr_document_use use;
    int rc = mtr_documents_get_use(documents, kind, number, &use);
    return rc || use == MTR_DOCUMENT_USED ? rc : put(documents, used_key(kind, number), 1);
}
