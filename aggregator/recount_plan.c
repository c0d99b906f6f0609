/*
 * What a recount is asked for: the hours that are cut at an instant where the store's cells are not, those of
 * them that have cells, and the part of the log that these name.
 */
#include "aggregator/recounting.h"
#include "meterd/catalog/cell.h"

struct asking {
    struct mtr_recount *recount;
    const struct mtr_recount_request *request;
    struct recount_mark mark; /* of the meter at hand */
    struct fold_log_range log; /* of the hour at hand */
};

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct asking *asking = context;
    (void)key;
    fold_widen(&asking->log, cell->seq_first, cell->seq_last);
    asking->mark.stored.events += cell->count;
    asking->mark.stored.value_e12 += (mtr_uint128)cell->value.e12;
    return MTR_OK;
}

static int add_range(struct mtr_recount *recount, const struct recount_range *range)
{
    int rc = mtr_arena_make_room(&recount->arena, (void **)&recount->ranges, recount->range_count,
                                 &recount->range_capacity, sizeof(*range));
    if (!rc) recount->ranges[recount->range_count++] = *range;
    return rc;
}

/* The hour is marked where it has cells. */
static int mark_hour(struct asking *asking, const struct mtr_hour *hour)
{
    struct mtr_recount *recount = asking->recount;
    struct recount_mark *mark = &asking->mark;
    const struct mtr_cell_range cells = {mark->subscription->number, mark->meter->number, hour->start_us,
                                         hour->end_us};
    asking->log = FOLD_NO_LOG_RANGE;
    int rc = mtr_rollups_walk_cells(recount->txn, &cells, on_cell, asking);
    if (rc || asking->log.seq_first > asking->log.seq_last) return rc;
    const struct recount_range range = {asking->log, mark->subscription, hour->start_us};
    rc = add_range(recount, &range);
    if (!rc)
        rc = mtr_arena_make_room(&recount->arena, (void **)&mark->hours, mark->hour_count,
                                 &mark->hour_capacity, sizeof(*hour));
    if (!rc) mark->hours[mark->hour_count++] = *hour;
    return rc;
}

/* Does a cell of the meter begin there by itself? */
static bool begins_cell(const struct mtr_hour *hour, const struct mtr_meter *meter, int64_t time_us)
{
    static const struct mtr_subscription uncut = {.cut_count = 0};
    return mtr_cell_within(hour, &uncut, meter, time_us).start_us == time_us;
}

static int mark_meter(struct asking *asking, const struct mtr_meter *meter, struct mtr_str known)
{
    const struct mtr_recount_request *request = asking->request;
    struct mtr_recount *recount = asking->recount;
    struct recount_mark *mark = &asking->mark;
    const uint32_t known_count = mtr_rollups_cut_count(known);
    struct mtr_hour hour = {INT64_MIN, INT64_MIN}; /* that was marked, or has no cells */
    int rc = MTR_OK;
    *mark = (struct recount_mark){.subscription = request->subscription,
                                  .meter = meter,
                                  .cuts_us = request->cuts_us,
                                  .cut_count = request->cut_count};
    for (uint32_t i = 0, k = 0; !rc && i < request->cut_count; i++) {
        const int64_t time_us = request->cuts_us[i];
        MTR_ASSERT(i == 0 || request->cuts_us[i - 1] < time_us);
        while (k < known_count && mtr_rollups_cut_at(known, k) < time_us) k++;
        if (k < known_count && mtr_rollups_cut_at(known, k) == time_us) continue;
        if (time_us < hour.end_us || time_us <= 0 || time_us >= MTR_TIME_US_MAX) continue;
        const struct mtr_hour of = mtr_zone_hour(request->subscription->zone, time_us);
        if (begins_cell(&of, meter, time_us)) continue;
        hour = of;
        rc = mark_hour(asking, &hour);
    }
    if (rc || !mark->hour_count) return rc;
    rc = mtr_arena_make_room(&recount->arena, (void **)&recount->marks, recount->mark_count,
                             &recount->mark_capacity, sizeof(*mark));
    if (!rc) recount->marks[recount->mark_count++] = *mark;
    return rc;
}

int mtr_recount_ask(struct mtr_recount *recount, const struct mtr_recount_request *request)
{
    struct asking asking = {.recount = recount, .request = request};
    const struct mtr_subscription *subscription = request->subscription;
    const struct mtr_meter *meter;
    struct mtr_str known;
    if (!request->cut_count) return MTR_OK;
    int rc = mtr_rollups_get_cuts(recount->txn, subscription->number, &known);
    for (uint32_t position = 0;
         !rc && (meter = mtr_catalog_next_meter(recount->catalog, subscription->service, &position)) != NULL;)
        if (!request->meter || request->meter->number == meter->number)
            rc = mark_meter(&asking, meter, known);
    if (rc != MTR_ENOMEM && rc != MTR_ELIMIT) return rc;
    recount->is_full = true;
    return MTR_OK;
}
