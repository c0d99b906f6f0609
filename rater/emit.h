/*
 * Charges that close the gap between the price of a period and what was emitted of it. Private to the rater.
 */
#ifndef METERD_RATER_EMIT_H
#define METERD_RATER_EMIT_H

#include "rater/difference.h"

struct rater_emission {
    const struct mtr_subscription *subscription;
    const struct mtr_charge_period *period; /* its revision is the one of these charges */
    enum mtr_charge_status status;
    struct mtr_period bounds; /* of that period, exactly */
    bool is_range;            /* of some of its lines, where they are rated range by range */
    int64_t now_us;
    struct mtr_str traces; /* JSON */
};
/* The body of a charge that has all but that (charge_body.c). Replaces what is in *out. */
int rater_write_charge_body(struct mtr_buffer *out, const struct rater_emission *emission,
                            const struct mtr_charge *charge,
                            const struct rater_difference *difference) MTR_MUST_USE;
/* Appends one charge per difference, and the trace, and moves the lines. Errors abort the transaction.
 * `body` is scratch. */
int rater_emit(struct mtr_charges_txn *charges, const struct rater_emission *emission,
               const struct rater_differences *differences, struct mtr_buffer *body) MTR_MUST_USE;

#endif
