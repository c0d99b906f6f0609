/*
 * Kinds of destinations: how charges become a message, and what an answer means. A kind is a const struct
 * with six hooks, a file of its own (webhook.c) and a row in the registry of destination.c.
 *
 *   begin_body ─▶ add_charge, once per charge, index from 0 ─▶ end_body: the bytes, frozen with an id
 *   sent as often as it takes ─▶ judge: what each outcome means
 *
 * The outbox owns the buffer, bounds it (options.body_bytes_max and one charge more), stores what was written
 * before anything is sent, and never calls these hooks for the same message again: what goes out twice is the
 * same bytes under the same id. Hooks keep no state, call nothing that blocks, and run on the rater's thread,
 * inside its write transaction: text of a charge is borrowed for the call.
 */
#ifndef METERD_EMITTER_DESTINATION_H
#define METERD_EMITTER_DESTINATION_H

#include "meterd/emitter/outbox.h"

/* The stores were put back from a copy: of the charges that the receiver was sent, those up to a number are
 * what they were; it takes back all behind it, and forgets their ids and those of their messages. */
struct mtr_outbox_notice {
    uint64_t epoch; /* of the store, new with each time */
    uint64_t valid_up_to;
};

enum mtr_delivery {
    MTR_DELIVERED,                /* ACKED: the receiver has it */
    MTR_DELIVERY_RETRY,           /* PENDING: it certainly has not */
    MTR_DELIVERY_RETRY_UNCERTAIN, /* PENDING, and UNKNOWN after MTR_OUTBOX_CERTAIN_US: it may have */
    MTR_DELIVERY_REJECTED         /* REJECTED: it will not take it; an operator decides */
};

struct mtr_destination_driver {
    const char *name; /* as documents say it */
    enum mtr_destination_kind kind;
    /* Append to the message's bytes. Errors of the buffer (MTR_ENOMEM, MTR_ELIMIT) end the step. */
    int (*begin_body)(struct mtr_buffer *out, int64_t now_us);
    int (*add_charge)(struct mtr_buffer *out, uint32_t index, const struct mtr_charge *charge);
    int (*end_body)(struct mtr_buffer *out);
    /* Pure; of an answer's body the first MTR_OUTBOX_ANSWER_BYTES_MAX bytes are there. */
    enum mtr_delivery (*judge)(const struct mtr_outbox_result *result);
    /* A notice's bytes, and what an answer to it means: MTR_DELIVERED only where the receiver says that it is
     * reconciled to that epoch; *up_to is the number of the last charge that it still has. */
    int (*write_notice)(struct mtr_buffer *out, int64_t now_us, const struct mtr_outbox_notice *notice);
    enum mtr_delivery (*judge_notice)(const struct mtr_outbox_result *result,
                                      const struct mtr_outbox_notice *notice, uint64_t *up_to);
};

extern const struct mtr_destination_driver mtr_destination_http; /* Standard Webhooks 1.0, a POST each */

/* Never NULL. */
const struct mtr_destination_driver *mtr_destination_driver_of(enum mtr_destination_kind kind);

#endif
