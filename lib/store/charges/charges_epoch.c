/*
 * Epochs of the charges store: from which number on its charges are, after it was put back.
 *
 * Invariants: epochs ascend, each begins above the last charge of the one before; the charges of an epoch are
 * numbered without gaps from the number behind its own on. Between two epochs there are no charges, and there
 * never will be: whoever has one of there has it of a store that is no more.
 *
 * An epoch's number is made of the second in which it begins. Two stores that were put back from one backup
 * so have two, though neither knows of the other; and no store makes a million charges a second for long.
 */
#include "lib/store/charges/charges_txn.h"

#define EPOCH_ZERO_S INT64_C(1767225600) /* 2026-01-01 */
enum { NUMBER_BITS = 20, META_SIZE = sizeof(CHARGES_META_EPOCHS) - 1 };

int mtr_charges_next_epoch(struct mtr_charges_txn *txn, uint64_t number, struct mtr_charges_epoch *out)
{
    struct mtr_str epochs;
    int rc = charges_get_epochs(txn, &epochs);
    for (size_t at = 0; !rc && at < epochs.size; at += CHARGES_EPOCH_BYTES) {
        rc = charges_unpack_epoch(epochs, at, out);
        if (rc || out->number > number) return rc;
    }
    return rc ? rc : MTR_ENOTFOUND;
}

/* Behind all numbers that were given until then, here and in any other store that was put back, whatever its
 * clock said. */
static uint64_t epoch_number(int64_t now_us, uint64_t last)
{
    const int64_t second = now_us / MTR_US_PER_SECOND - EPOCH_ZERO_S;
    const uint64_t of_time = (uint64_t)(second > 0 ? second : 1) << NUMBER_BITS;
    return of_time > last ? of_time : (((last >> NUMBER_BITS) + 1) << NUMBER_BITS) + of_time;
}

int mtr_charges_begin_epoch(struct mtr_charges_txn *txn, int64_t now_us, struct mtr_charges_epoch *out)
{
    struct mtr_charges_epoch before;
    struct mtr_str epochs;
    uint64_t next;
    int rc = mtr_charges_get_epoch(txn, &before);
    if (!rc) rc = mtr_charges_next_number(txn, &next);
    if (rc) return rc;
    *out = (struct mtr_charges_epoch){.number = epoch_number(now_us, next - 1), .began_us = now_us};
    /* Of an epoch without charges the last one is that of the epoch before. */
    out->last_before = next - 1 > before.number ? next - 1 : before.last_before;
    rc = charges_get_epochs(txn, &epochs);
    struct packer packer = pack_begin(&txn->scratch);
    if (!rc) rc = mtr_buffer_append_str(&txn->scratch, epochs);
    pack_u64(&packer, out->number);
    pack_u64(&packer, out->last_before);
    pack_i64(&packer, out->began_us);
    if (!rc) rc = packer.error;
    return rc ? rc
              : charges_put(txn, TABLE_META, CHARGES_META_EPOCHS, META_SIZE, mtr_buffer_str(&txn->scratch),
                            0);
}

int mtr_charges_note_life(struct mtr_charges_txn *txn, bool *was_noted)
{
    struct mtr_str epochs;
    const int rc = charges_get(txn, TABLE_META, CHARGES_META_EPOCHS, META_SIZE, &epochs);
    *was_noted = !rc;
    if (rc != MTR_ENOTFOUND) return rc;
    const struct mtr_str none = {"", 0};
    return charges_put(txn, TABLE_META, CHARGES_META_EPOCHS, META_SIZE, none, 0);
}
