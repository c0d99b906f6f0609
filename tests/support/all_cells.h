/*
 * Every cell of a rollups store, by (subscription, meter, hour, dimensions): what tests compare with what there
 * should be, and nothing else.
 */
#ifndef METERD_TESTS_SUPPORT_ALL_CELLS_H
#define METERD_TESTS_SUPPORT_ALL_CELLS_H

#include "meterd/store/rollups.h"

/* Numbers are dense, from 1 up: no test has more subscriptions or meters. */
enum { ALL_CELLS_SUBSCRIPTIONS_MAX = 300, ALL_CELLS_METERS_MAX = 64 };

/* Hook result other than 0 stops and is returned. */
static inline int walk_all_cells(struct mtr_rollups_txn *txn, mtr_rollups_on_cell on_cell, void *context)
{
    int rc = MTR_OK;
    struct mtr_cell_range range = {.from_us = INT64_MIN + 1, .to_us = INT64_MAX};
    for (range.subscription = 1; !rc && range.subscription <= ALL_CELLS_SUBSCRIPTIONS_MAX; range.subscription++)
        for (range.meter = 1; !rc && range.meter <= ALL_CELLS_METERS_MAX; range.meter++)
            rc = mtr_rollups_walk_cells(txn, &range, on_cell, context);
    return rc;
}

#endif
