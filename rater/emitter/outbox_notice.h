/*
 * Reconciling a receiver after the stores were put back from a copy: what was delivered since the copy is not
 * known, so nothing goes to a destination but a notice until its receiver has answered it, or an operator has
 * marked it delivered. Private to rater/emitter.
 *
 * A notice is a message without charges: first_charge is the number up to which the receiver's charges are
 * what they were, last_charge the number of the epoch.
 */
#ifndef METERD_RATER_EMITTER_OUTBOX_NOTICE_H
#define METERD_RATER_EMITTER_OUTBOX_NOTICE_H

#include "meterd/emitter/destination.h"

static inline bool outbox_is_notice(const struct mtr_message *message)
{
    return message->charge_count == 0;
}

static inline struct mtr_outbox_notice outbox_notice_of(const struct mtr_message *message)
{
    return (struct mtr_outbox_notice){.epoch = message->last_charge, .valid_up_to = message->first_charge};
}

/* Of the destination's key, the message's number and its bytes. */
struct mtr_hash128 outbox_message_id(const struct mtr_destination *destination, uint64_t number,
                                     struct mtr_str body);

/* The notice of that epoch: made now, where there is none yet; then *is_new. `body` is scratch. */
struct outbox_noticing {
    struct mtr_charges_txn *txn;
    const struct mtr_destination *destination;
    uint64_t epoch;
    int64_t now_us;
    struct mtr_buffer *body;
};
int outbox_find_notice(const struct outbox_noticing *noticing, struct mtr_message *out,
                       bool *is_new) MTR_MUST_USE;

/* The last charge up to which a receiver's messages can be as the store's are, where it has charges up to
 * up_to: a message that has charges on both sides is taken back whole. */
int outbox_find_border(struct mtr_charges_txn *txn, const struct mtr_message *notice, uint64_t up_to,
                       uint64_t *out) MTR_MUST_USE;
/* The receiver has said up to where it is: settled, or it gets a notice that goes further back. */
int outbox_answer_notice(const struct outbox_noticing *noticing, const struct mtr_message *notice,
                         uint64_t up_to) MTR_MUST_USE;
/* At a border: the receiver has what it was sent up to that charge, and nothing behind it. What it has not
 * goes out again; what waits, and is not behind it, it may have, and that since it was made. */
int outbox_settle_notice(struct mtr_charges_txn *txn, const struct mtr_message *notice, uint64_t up_to,
                         int64_t now_us) MTR_MUST_USE;

#endif
