/*
 * What the last good readings of a strand have shown of its rows.
 */
#include "lib/store/ledger/ledger_txn.h"

enum { NEWEST_BYTES = 8 };

int mtr_ledger_facts(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                     struct mtr_strand_facts *out)
{
    unsigned char hash[LEDGER_HASH_BYTES];
    struct mtr_str value;
    ledger_strand_hash(strand, hash);
    *out = (struct mtr_strand_facts){.newest_us = 0};
    int rc = ledger_get(txn, LEDGER_FACTS, (struct mtr_str){(const char *)hash, sizeof(hash)}, &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (value.size < NEWEST_BYTES || value.size > NEWEST_BYTES + MTR_LEDGER_COLUMNS_BYTES_MAX)
        return MTR_ECORRUPT;
    out->newest_us = (int64_t)lmdb_get_u64((const unsigned char *)value.data);
    out->columns = (struct mtr_str){value.data + NEWEST_BYTES, value.size - NEWEST_BYTES};
    return MTR_OK;
}

int mtr_ledger_put_facts(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                         const struct mtr_strand_facts *facts)
{
    unsigned char hash[LEDGER_HASH_BYTES], value[NEWEST_BYTES + MTR_LEDGER_COLUMNS_BYTES_MAX];
    MTR_ASSERT(facts->columns.size <= MTR_LEDGER_COLUMNS_BYTES_MAX);
    ledger_strand_hash(strand, hash);
    lmdb_put_u64(value, (uint64_t)facts->newest_us);
    if (facts->columns.size) memcpy(value + NEWEST_BYTES, facts->columns.data, facts->columns.size);
    return ledger_put(txn, LEDGER_FACTS, (struct mtr_str){(const char *)hash, sizeof(hash)},
                      (struct mtr_str){(const char *)value, NEWEST_BYTES + facts->columns.size});
}
