/*
 * Marks of lists of files, by strand and window.
 */
#include <string.h>

#include "lib/store/ledger/ledger_txn.h"

enum { MARK_KEY_BYTES = LEDGER_HASH_BYTES + LEDGER_START_BYTES };

static struct mtr_str key_of(const struct mtr_strand *strand, int64_t start_us,
                             unsigned char key[MARK_KEY_BYTES])
{
    ledger_strand_hash(strand, key);
    ledger_put_start(key + LEDGER_HASH_BYTES, start_us);
    return (struct mtr_str){(const char *)key, MARK_KEY_BYTES};
}

int mtr_ledger_mark(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                    struct mtr_str *out)
{
    unsigned char key[MARK_KEY_BYTES];
    *out = (struct mtr_str){NULL, 0};
    int rc = ledger_get(txn, LEDGER_MARKS, key_of(strand, start_us, key), out);
    if (!rc && out->size > MTR_LEDGER_CURSOR_BYTES_MAX) rc = MTR_ECORRUPT;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int mtr_ledger_put_mark(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                        struct mtr_str mark)
{
    unsigned char key[MARK_KEY_BYTES];
    const struct mtr_str text = key_of(strand, start_us, key);
    MTR_ASSERT(txn->write && mark.size <= MTR_LEDGER_CURSOR_BYTES_MAX);
    return mark.size ? ledger_put(txn, LEDGER_MARKS, text, mark) : ledger_delete(txn, LEDGER_MARKS, text);
}
