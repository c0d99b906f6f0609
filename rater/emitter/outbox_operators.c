/*
 * What operators decide of messages, in a transaction of the caller's. The next step of the outbox sees it.
 */
#include "rater/emitter/outbox_notice.h"

int mtr_outbox_requeue(struct mtr_charges_txn *txn, struct mtr_hash128 id, int64_t now_us)
{
    struct mtr_message message;
    int rc = mtr_charges_find_message(txn, id, &message);
    if (rc || message.state == MTR_MESSAGE_ATTEMPTED) return rc;
    message.state = MTR_MESSAGE_PENDING;
    message.attempts = 0;
    message.uncertain_us = 0;
    message.next_attempt_us = now_us;
    return mtr_charges_put_message(txn, &message);
}

int mtr_outbox_mark_delivered(struct mtr_charges_txn *txn, struct mtr_hash128 id)
{
    struct mtr_message message;
    int rc = mtr_charges_find_message(txn, id, &message);
    if (rc || message.state == MTR_MESSAGE_ACKED) return rc;
    if (outbox_is_notice(&message)) return MTR_EINVALID;
    if (message.state == MTR_MESSAGE_ATTEMPTED) return MTR_EAGAIN;
    message.state = MTR_MESSAGE_ACKED;
    return mtr_charges_put_message(txn, &message);
}

int mtr_outbox_mark_reconciled(struct mtr_charges_txn *txn, struct mtr_hash128 id, uint64_t *up_to,
                               int64_t now_us)
{
    struct mtr_message message;
    uint64_t border;
    struct mtr_charge_destination state;
    int rc = mtr_charges_find_message(txn, id, &message);
    if (rc || message.state == MTR_MESSAGE_ACKED) return rc;
    if (!outbox_is_notice(&message) || *up_to > outbox_notice_of(&message).valid_up_to) return MTR_EINVALID;
    if (message.state == MTR_MESSAGE_ATTEMPTED) return MTR_EAGAIN;
    rc = outbox_find_border(txn, &message, *up_to, &border);
    if (!rc && border != *up_to) {
        *up_to = border;
        return MTR_EEXISTS;
    }
    message.state = MTR_MESSAGE_ACKED;
    if (!rc) rc = mtr_charges_put_message(txn, &message);
    if (!rc) rc = mtr_charges_get_destination(txn, message.destination, &state);
    if (rc || state.notice != message.number) return rc; /* of an epoch before */
    return outbox_settle_notice(txn, &message, *up_to, now_us);
}
