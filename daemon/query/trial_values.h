/*
 * What a meter on trial makes of the values that it counted: as its aggregation has it, over all of them.
 *
 *   init ──▶ add, add … ──▶ make ──▶ release
 *
 * The extremes cost nothing. Where values must be told apart or put in order (unique, counter) they are kept,
 * up to a bound that all trials of a question share; beyond it there is no quantity. Private to daemon/query.
 */
#ifndef METERD_DAEMON_QUERY_TRIAL_VALUES_H
#define METERD_DAEMON_QUERY_TRIAL_VALUES_H

#include "meterd/core/buffer.h"
#include "meterd/query/meter_trial.h"

struct trial_values {
    struct mtr_buffer kept; /* of unique and counter */
    bool too_many;
    struct mtr_point last;  /* the newest */
};

void trial_values_init(struct trial_values *values, size_t bytes_max);
void trial_values_release(struct trial_values *values);

/* One that counted. Errors: MTR_EOVERFLOW, MTR_ENOMEM. */
int trial_values_add(struct trial_values *values, struct mtr_meter_trial *trial,
                     const struct mtr_subscription *subscription, const struct mtr_point *point,
                     const struct mtr_taken *taken) MTR_MUST_USE;
/* Ends the trial's quantity. MTR_EOVERFLOW. */
int trial_values_make(struct trial_values *values, struct mtr_meter_trial *trial) MTR_MUST_USE;

#endif
