/*
 * Ratings under way, in the charges store: a row for each period of which a rating has emitted some lines and
 * not all. When there is one is the rater's business.
 */
#include "lib/store/charges/charges_txn.h"

int mtr_charges_put_progress(struct mtr_charges_txn *txn, const struct mtr_charge_progress *progress)
{
    unsigned char key[PERIOD_BYTES_MAX];
    MTR_ASSERT(progress->subscription > 0 && progress->revision > 0);
    MTR_ASSERT(progress->next.size > 0 && progress->next.size <= MTR_DIMENSIONS_BYTES_MAX);
    const size_t size = put_period(key, progress->subscription, progress->period_start_us);
    struct packer packer = pack_begin(&txn->scratch);
    pack_u8(&packer, (uint8_t)progress->status);
    pack_u32(&packer, progress->revision);
    pack_str(&packer, progress->next);
    if (packer.error) return packer.error;
    return charges_put(txn, TABLE_PROGRESS, key, size, mtr_buffer_str(&txn->scratch), 0);
}

int mtr_charges_get_progress(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                             struct mtr_charge_progress *out)
{
    unsigned char key[PERIOD_BYTES_MAX];
    struct mtr_str value;
    const size_t size = put_period(key, subscription, period_start_us);
    int rc = charges_get(txn, TABLE_PROGRESS, key, size, &value);
    if (rc) return rc;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_charge_progress progress = {.subscription = subscription, .period_start_us = period_start_us};
    const uint8_t status = unpack_u8(&unpacker);
    progress.status = (enum mtr_charge_status)status;
    progress.revision = unpack_u32(&unpacker);
    progress.next = unpack_str(&unpacker);
    if (unpack_end(&unpacker) || status > MTR_CHARGE_CORRECTION || !progress.revision) return MTR_ECORRUPT;
    if (!progress.next.size || progress.next.size > MTR_DIMENSIONS_BYTES_MAX) return MTR_ECORRUPT;
    *out = progress;
    return MTR_OK;
}

int mtr_charges_end_progress(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us)
{
    unsigned char key[PERIOD_BYTES_MAX];
    const size_t size = put_period(key, subscription, period_start_us);
    int rc = charges_delete(txn, TABLE_PROGRESS, key, size);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}
