/*
 * Ratings under way, in the charges store: a row for each period of which a rating has emitted some lines and
 * not all. When there is one is the rater's business.
 */
#include "lib/store/charges/charges_txn.h"

enum { PROGRESS_KEY_BYTES = 12 };

static void progress_key(unsigned char *p, uint32_t subscription, int64_t period_start_s)
{
    lmdb_put_u32(p, subscription);
    put_i64(p + 4, period_start_s);
}

int mtr_charges_put_progress(struct mtr_charges_txn *txn, const struct mtr_charge_progress *progress)
{
    unsigned char key[PROGRESS_KEY_BYTES];
    MTR_ASSERT(progress->subscription > 0 && progress->revision > 0);
    MTR_ASSERT(progress->next.size > 0 && progress->next.size <= MTR_DIMENSIONS_BYTES_MAX);
    progress_key(key, progress->subscription, progress->period_start_s);
    struct packer packer = pack_begin(&txn->scratch);
    pack_u8(&packer, (uint8_t)progress->status);
    pack_u32(&packer, progress->revision);
    pack_str(&packer, progress->next);
    if (packer.error) return packer.error;
    return charges_put(txn, TABLE_PROGRESS, key, sizeof(key), mtr_buffer_str(&txn->scratch), 0);
}

int mtr_charges_get_progress(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_s,
                             struct mtr_charge_progress *out)
{
    unsigned char key[PROGRESS_KEY_BYTES];
    struct mtr_str value;
    progress_key(key, subscription, period_start_s);
    int rc = charges_get(txn, TABLE_PROGRESS, key, sizeof(key), &value);
    if (rc) return rc;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_charge_progress progress = {.subscription = subscription, .period_start_s = period_start_s};
    const uint8_t status = unpack_u8(&unpacker);
    progress.status = (enum mtr_charge_status)status;
    progress.revision = unpack_u32(&unpacker);
    progress.next = unpack_str(&unpacker);
    if (unpack_end(&unpacker) || status > MTR_CHARGE_CORRECTION || !progress.revision) return MTR_ECORRUPT;
    if (!progress.next.size || progress.next.size > MTR_DIMENSIONS_BYTES_MAX) return MTR_ECORRUPT;
    *out = progress;
    return MTR_OK;
}

int mtr_charges_end_progress(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_s)
{
    unsigned char key[PROGRESS_KEY_BYTES];
    progress_key(key, subscription, period_start_s);
    int rc = charges_delete(txn, TABLE_PROGRESS, key, sizeof(key));
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}
