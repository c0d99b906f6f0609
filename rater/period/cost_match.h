/*
 * Which lines of the seller's cost belong to which lines of the customer. Private to the rater.
 */
#ifndef METERD_RATER_PERIOD_COST_MATCH_H
#define METERD_RATER_PERIOD_COST_MATCH_H

#include "meterd/core/arena.h"
#include "meterd/core/str.h"

struct rater_cost_key {
    int64_t part_start_us; /* of the customer's part that it lies in */
    struct mtr_str component, kind, dimensions;
    uint32_t index;       /* of the line on its side */
};

/* One cost line: `charged` is the index of the customer's line that it belongs to; UINT32_MAX: there is
 * none. `first`: the first of those that belong together without one. Results other than 0 stop. */
typedef int rater_on_cost(void *context, uint32_t cost, uint32_t charged, bool first);

/* Sorts both lists, and calls on_cost for each cost line in the order of keys. */
int rater_match_costs(struct rater_cost_key *charged, uint32_t charged_count, struct rater_cost_key *costs,
                      uint32_t cost_count, rater_on_cost *on_cost, void *context) MTR_MUST_USE;

#endif
