/*
 * Cells: the stretches of time that usage is folded into, of one subscription and meter. The fold, rating and
 * queries ask this one function where an instant falls, so they agree by construction.
 *
 *   local hour ──▶ the meter's cells of it, or windows (percentile) ──▶ cut where something begins or ends
 *
 *   10:00          10:15          10:30:00.25   10:45           11:00
 *     ├──── cell ────┴────── cell ──────┼──── cell ─┴─── cell ────┤    here with windows of 15 minutes
 *                                       └ a version of the tariff begins
 *
 * A subscription's cuts are the instants inside its local hours at which a version of one of its tariffs, its
 * trial, its start or its end takes effect. Most have none: what begins at a full hour cuts nothing. They are
 * a function of the snapshot alone, so that folding the log again gives the same cells. Pure.
 */
#ifndef METERD_CATALOG_CELL_H
#define METERD_CATALOG_CELL_H

#include "meterd/catalog/meter.h"
#include "meterd/catalog/subscription.h"

/* [start, end), in µs since 1970 UTC. */
struct mtr_cell_bounds {
    int64_t start_us;
    int64_t end_us;
};

/* Of the hour, divided into stretches of that length from its start on (the last may be shorter), the one
 * that holds time_us. */
struct mtr_cell_bounds mtr_cell_of_length(const struct mtr_hour *hour, int64_t length_us, int64_t time_us);

/* The cell of that meter that holds time_us. meter NULL: one with cells of an hour. */
struct mtr_cell_bounds mtr_cell_at(const struct mtr_subscription *subscription, const struct mtr_meter *meter,
                                   int64_t time_us);

/* The same for a caller that holds the hour of the zone already. */
struct mtr_cell_bounds mtr_cell_within(const struct mtr_hour *hour,
                                       const struct mtr_subscription *subscription,
                                       const struct mtr_meter *meter, int64_t time_us);

#endif
