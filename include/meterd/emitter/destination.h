/*
 * Kinds of destinations: how charges become a message and what an answer means. One const struct, one file,
 * one registry row each.
 */
#ifndef METERD_EMITTER_DESTINATION_H
#define METERD_EMITTER_DESTINATION_H

#include "meterd/emitter/outbox.h"

enum mtr_delivery { MTR_DELIVERED, MTR_DELIVERY_RETRY, MTR_DELIVERY_RETRY_UNCERTAIN, MTR_DELIVERY_REJECTED };

struct mtr_destination_driver {
    const char *name;
    enum mtr_destination_kind kind;
    /* The bytes of a message: open, one append per charge, close. */
    int (*begin_body)(struct mtr_buffer *out, int64_t now_us);
    int (*add_charge)(struct mtr_buffer *out, uint32_t index, const struct mtr_charge *charge);
    int (*end_body)(struct mtr_buffer *out);
    enum mtr_delivery (*judge)(const struct mtr_outbox_result *result);
};

extern const struct mtr_destination_driver mtr_destination_http; /* Standard Webhooks */

const struct mtr_destination_driver *
mtr_destination_driver_of(enum mtr_destination_kind kind); /* never NULL */

#endif
