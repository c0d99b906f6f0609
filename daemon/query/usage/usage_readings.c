/*
 * What there is to be warned of in the readings of a counter: where it was reset, and where a reading comes
 * long after the one before it, so that what was used in between is told in one sum, or lost in a reset.
 */
#include "daemon/query/usage/usage_run.h"

#include "meterd/catalog/cell.h"
#include "meterd/core/time.h"

struct readings {
    const struct mtr_meter *meter;
    struct mtr_usage_result_row *row;
    bool has_before;
    struct mtr_point before;
};

static int on_reading(void *context, const struct mtr_point *reading)
{
    struct readings *readings = context;
    if (readings->has_before) {
        readings->row->resets += mtr_quantity_compare(reading->quantity, readings->before.quantity) < 0;
        readings->row->gaps += reading->time_us - readings->before.time_us > readings->meter->gap_us;
    }
    readings->has_before = true;
    readings->before = *reading;
    return MTR_OK;
}

/* Where a cell ends: with the subscription's, or where the query cuts that. */
static int64_t end_of(struct mtr_usage_run *run, int64_t start_us)
{
    const int64_t end_us = mtr_cell_at(run->subscription, run->meter, start_us).end_us;
    const struct mtr_period window = usage_window_of(run, start_us);
    const bool is_cut = window.end_us != run->to_us || run->query->to_is_given;
    return is_cut ? mtr_time_sooner(end_us, window.end_us) : end_us;
}

static int note_readings(struct mtr_usage_run *run, const struct mtr_cell_key *cell,
                         struct mtr_usage_result_row *row)
{
    const int64_t end_us = end_of(run, cell->start_us);
    struct readings readings = {.meter = run->meter, .row = row};
    struct mtr_cell_key list = *cell;
    list.start_us = MTR_CELL_ALL_HOURS;
    int rc = mtr_rollups_point_before(run->txn, &list, cell->start_us, &readings.before);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    readings.has_before = !rc && readings.before.time_us >= mtr_subscription_begun_us(run->subscription);
    return mtr_rollups_walk_points(run->txn, &list, cell->start_us, end_us, on_reading, &readings);
}

int usage_begin_readings(struct mtr_usage_run *run)
{
    run->use = (struct query_recounted_use){.rollups.txn = run->txn, .recount = run->recount};
    run->readings = (struct mtr_readings_question){
        .source = &query_use_of_recount,
        .source_context = &run->use,
        .stream = {.subscription = run->subscription, .meter = run->meter}};
    return mtr_readings_begin(&run->readings);
}

int usage_add_readings(struct mtr_usage_run *run, const struct mtr_cell_key *key, const struct mtr_cell *cell,
                       struct usage_group *group)
{
    struct mtr_quantity increase = cell->value;
    int rc = mtr_readings_in_term(&run->readings, key, &increase);
    if (rc) return rc;
    usage_group_add(group, increase);
    return note_readings(run, key, &group->row);
}
