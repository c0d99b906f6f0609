/*
 * Where in which log the ledger stands.
 */
#include "lib/store/ledger/ledger_txn.h"

#define KEY_APPLIED MTR_STR("applied")
#define KEY_BEGUN MTR_STR("begun")

enum { PLACE_BYTES = 24, TIME_BYTES = 8 };

int mtr_ledger_applied(struct mtr_ledger_txn *txn, struct mtr_ledger_place *out)
{
    struct mtr_str value;
    *out = (struct mtr_ledger_place){0};
    int rc = ledger_get(txn, LEDGER_META, KEY_APPLIED, &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (value.size != PLACE_BYTES) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)value.data;
    *out = (struct mtr_ledger_place){lmdb_get_u64(p), {lmdb_get_u64(p + 8), lmdb_get_u64(p + 16)}};
    return MTR_OK;
}

int mtr_ledger_put_applied(struct mtr_ledger_txn *txn, const struct mtr_ledger_place *place)
{
    unsigned char value[PLACE_BYTES];
    lmdb_put_u64(value, place->seq);
    lmdb_put_u64(value + 8, place->block.high);
    lmdb_put_u64(value + 16, place->block.low);
    return ledger_put(txn, LEDGER_META, KEY_APPLIED,
                      (struct mtr_str){(const char *)value, sizeof(value)});
}

int mtr_ledger_begun(struct mtr_ledger_txn *txn, int64_t *begun_us)
{
    struct mtr_str value;
    *begun_us = 0;
    int rc = ledger_get(txn, LEDGER_META, KEY_BEGUN, &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (value.size != TIME_BYTES) return MTR_ECORRUPT;
    *begun_us = (int64_t)lmdb_get_u64((const unsigned char *)value.data);
    return MTR_OK;
}

int mtr_ledger_put_begun(struct mtr_ledger_txn *txn, int64_t begun_us)
{
    unsigned char value[TIME_BYTES];
    lmdb_put_u64(value, (uint64_t)begun_us);
    return ledger_put(txn, LEDGER_META, KEY_BEGUN, (struct mtr_str){(const char *)value, sizeof(value)});
}
