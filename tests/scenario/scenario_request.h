/*
 * What the laws of quotes share: the use of one subscription, out of the rollups, and the law of requests.
 */
#ifndef METERD_TESTS_SCENARIO_SCENARIO_REQUEST_H
#define METERD_TESTS_SCENARIO_SCENARIO_REQUEST_H

#include "scenario/scenario.h"

/* One use of a meter, as one row says it. */
struct scenario_use {
    const struct mtr_meter *meter;
    int64_t time_us;
    uint64_t seq;
    struct mtr_quantity quantity;
    struct mtr_list dimensions; /* of struct mtr_label */
};

struct scenario_used {
    const struct mtr_subscription *subscription;
    const struct scenario_use *uses; /* by time, then by their order in the log */
    uint32_t count;
    bool has_unique; /* unique values were priced, too, which no row says */
};

/* In this phase of it. */
bool scenario_is_priced(const struct mtr_subscription *subscription, const struct mtr_meter *meter);

/* What the price request of the subscription's use answers is what was emitted. */
void scenario_request_law(struct scenario *scenario, const struct scenario_used *used,
                          struct mtr_charges_txn *charges);

#endif
