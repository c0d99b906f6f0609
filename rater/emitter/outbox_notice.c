/*
 * Notices, and what becomes of the messages of before when one is answered.
 *
 * Invariant: a destination's epoch is that of the last notice that was answered; its messages of before keep
 * their ids and bytes, whether they go out again or not.
 */
#include "rater/emitter/outbox_notice.h"

#include <xxhash.h>

struct mtr_hash128 outbox_message_id(const struct mtr_destination *destination, uint64_t number,
                                     struct mtr_str body)
{
    XXH128_hash_t key = XXH3_128bits(destination->key.data, destination->key.size);
    XXH128_hash_t content = XXH3_128bits(body.data, body.size);
    const uint64_t words[] = {key.high64, key.low64, number, content.high64, content.low64};
    XXH128_hash_t hash = XXH3_128bits(words, sizeof(words));
    return (struct mtr_hash128){hash.high64, hash.low64};
}

static int put_notice(const struct outbox_noticing *noticing, const struct mtr_charge_destination *state,
                      uint64_t valid_up_to, struct mtr_message *out)
{
    const struct mtr_destination_driver *driver = mtr_destination_driver_of(noticing->destination->kind);
    const struct mtr_outbox_notice notice = {.epoch = noticing->epoch, .valid_up_to = valid_up_to};
    struct mtr_buffer *body = noticing->body;
    *out = (struct mtr_message){.destination = state->number,
                                .number = state->last_message + 1,
                                .state = MTR_MESSAGE_PENDING,
                                .created_us = noticing->now_us,
                                .next_attempt_us = noticing->now_us,
                                .first_charge = notice.valid_up_to,
                                .last_charge = notice.epoch};
    mtr_buffer_reset(body);
    int rc = driver->write_notice(body, noticing->now_us, &notice);
    if (rc) return rc;
    out->id = outbox_message_id(noticing->destination, out->number, mtr_buffer_str(body));
    rc = mtr_charges_put_message(noticing->txn, out);
    return rc ? rc : mtr_charges_put_message_body(noticing->txn, out, mtr_buffer_str(body));
}

static int make_notice(const struct outbox_noticing *noticing, uint64_t valid_up_to, struct mtr_message *out)
{
    struct mtr_charge_destination state;
    const uint32_t number = noticing->destination->number;
    int rc = mtr_charges_get_destination(noticing->txn, number, &state);
    if (!rc) rc = put_notice(noticing, &state, valid_up_to, out);
    if (!rc) rc = mtr_charges_get_destination(noticing->txn, number, &state); /* with its count */
    state.notice = out->number;
    return rc ? rc : mtr_charges_put_destination(noticing->txn, &state);
}

int outbox_find_notice(const struct outbox_noticing *noticing, struct mtr_message *out, bool *is_new)
{
    struct mtr_charge_destination state;
    const uint32_t number = noticing->destination->number;
    *is_new = false;
    int rc = mtr_charges_get_destination(noticing->txn, number, &state);
    if (!rc && state.notice) rc = mtr_charges_get_message(noticing->txn, number, state.notice, out);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    if (state.notice && out->last_charge == noticing->epoch) return MTR_OK;
    *is_new = true;
    return make_notice(noticing, state.charge_cursor, out);
}

int outbox_find_border(struct mtr_charges_txn *txn, const struct mtr_message *notice, uint64_t up_to,
                       uint64_t *out)
{
    *out = up_to;
    for (uint64_t number = notice->number - 1; number; number--) {
        struct mtr_message message;
        int rc = mtr_charges_get_message(txn, notice->destination, number, &message);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
        if (outbox_is_notice(&message)) continue;
        if (message.last_charge <= up_to) break;
        if (message.first_charge <= up_to) *out = message.first_charge - 1;
    }
    return MTR_OK;
}

int outbox_answer_notice(const struct outbox_noticing *noticing, const struct mtr_message *notice,
                         uint64_t up_to)
{
    struct mtr_message next;
    uint64_t border;
    int rc = outbox_find_border(noticing->txn, notice, up_to, &border);
    if (rc) return rc;
    if (border == up_to) return outbox_settle_notice(noticing->txn, notice, up_to, noticing->now_us);
    return make_notice(noticing, border, &next);
}

/* Those that the receiver has not, from the last one back; *before: the number of the first of them. */
static int send_again(struct mtr_charges_txn *txn, const struct mtr_message *notice, uint64_t up_to,
                      int64_t now_us, uint64_t *before)
{
    for (uint64_t number = notice->number - 1; number; number--) {
        struct mtr_message message;
        int rc = mtr_charges_get_message(txn, notice->destination, number, &message);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
        if (outbox_is_notice(&message)) continue;
        if (message.last_charge <= up_to) break;
        *before = number;
        if (message.state == MTR_MESSAGE_REJECTED || message.state == MTR_MESSAGE_UNKNOWN) continue;
        message.state = MTR_MESSAGE_PENDING;
        message.attempts = 0;
        message.uncertain_us = 0;
        message.next_attempt_us = now_us;
        rc = mtr_charges_put_message(txn, &message);
        if (rc) return rc;
    }
    return MTR_OK;
}

/* What waited then may have been delivered at any time since. */
static int doubt_queued(struct mtr_charges_txn *txn, uint32_t destination, uint64_t before)
{
    struct mtr_message message = {.number = 0};
    int rc;
    while (!(rc = mtr_charges_first_queued(txn, destination, message.number, &message)) &&
           message.number < before) {
        if (message.uncertain_us || outbox_is_notice(&message)) continue;
        message.uncertain_us = message.created_us;
        rc = mtr_charges_put_message(txn, &message);
        if (rc) return rc;
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int outbox_settle_notice(struct mtr_charges_txn *txn, const struct mtr_message *notice, uint64_t up_to,
                         int64_t now_us)
{
    struct mtr_charge_destination state;
    uint64_t before = notice->number;
    MTR_ASSERT(outbox_is_notice(notice));
    int rc = send_again(txn, notice, up_to, now_us, &before);
    if (!rc) rc = doubt_queued(txn, notice->destination, before);
    if (!rc) rc = mtr_charges_get_destination(txn, notice->destination, &state);
    if (rc) return rc;
    state.epoch = notice->last_charge;
    state.notice = 0;
    return mtr_charges_put_destination(txn, &state);
}
