/*
 * What a recount is asked for: the hours that are cut at an instant where the store's cells are not, those of
 * them that have cells, and those whose use changes hands; and the part of the log that these name.
 */
#include "aggregator/recount/recounting.h"
#include "meterd/catalog/cell.h"

enum { STOP = 1, SEQS_BETWEEN_MAX = 4096 }; /* so many are read on the way from one held event to the next */

struct asking {
    struct mtr_recount *recount;
    const struct mtr_recount_request *request;
    struct fold_run run;       /* of its subject, where the store gives its use out otherwise */
    bool changes_hands;
    struct recount_mark mark;  /* of the meter at hand */
    struct fold_log_range log; /* of the hour at hand, or of events that are held */
    bool any_held;             /* for the catalog to know it */
    uint64_t held;
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

int recount_add_hour(struct mtr_recount *recount, struct recount_mark *mark, const struct mtr_hour *hour)
{
    int rc = mtr_arena_make_room(&recount->arena, (void **)&mark->hours, mark->hour_count,
                                 &mark->hour_capacity, sizeof(*hour));
    if (!rc) mark->hours[mark->hour_count++] = *hour;
    return rc;
}

int recount_add_mark(struct mtr_recount *recount, const struct recount_mark *mark)
{
    int rc = mtr_arena_make_room(&recount->arena, (void **)&recount->marks, recount->mark_count,
                                 &recount->mark_capacity, sizeof(*mark));
    if (!rc) recount->marks[recount->mark_count++] = *mark;
    return rc;
}

/* The hour is marked where it has cells, or gets some. */
static int mark_hour(struct asking *asking, const struct mtr_hour *hour, bool is_moved)
{
    struct mtr_recount *recount = asking->recount;
    struct recount_mark *mark = &asking->mark;
    const struct mtr_cell_range cells = {mark->subscription->number, mark->meter->number, hour->start_us,
                                         hour->end_us};
    asking->log = FOLD_NO_LOG_RANGE;
    int rc = mtr_rollups_walk_cells(recount->txn, &cells, on_cell, asking);
    const bool has_cells = asking->log.seq_first <= asking->log.seq_last;
    const struct recount_range range = {asking->log, mark->subscription, hour->start_us, is_moved, false};
    if (!rc && has_cells) rc = add_range(recount, &range);
    return rc || (!has_cells && !is_moved) ? rc : recount_add_hour(recount, mark, hour);
}

/* Does a cell of the meter begin there by itself? */
static bool begins_cell(const struct mtr_hour *hour, const struct mtr_meter *meter, int64_t time_us)
{
    static const struct mtr_subscription uncut = {.cut_count = 0};
    return mtr_cell_within(hour, &uncut, meter, time_us).start_us == time_us;
}

/* Hours that are cut where the store's cells are not: those behind `from` that begin before `until_us`. */
static int mark_cuts(struct asking *asking, struct mtr_str known, int64_t from_us, int64_t until_us)
{
    const struct mtr_recount_request *request = asking->request;
    const uint32_t known_count = mtr_rollups_cut_count(known);
    int rc = MTR_OK;
    for (uint32_t i = 0, k = 0; !rc && i < request->cut_count; i++) {
        const int64_t time_us = request->cuts_us[i];
        MTR_ASSERT(i == 0 || request->cuts_us[i - 1] < time_us);
        while (k < known_count && mtr_rollups_cut_at(known, k) < time_us) k++;
        if (k < known_count && mtr_rollups_cut_at(known, k) == time_us) continue;
        if (time_us < from_us || time_us >= until_us || time_us <= 0 || time_us >= MTR_TIME_US_MAX) continue;
        const struct mtr_hour of = mtr_zone_hour(request->subscription->zone, time_us);
        if (begins_cell(&of, asking->mark.meter, time_us)) continue;
        from_us = of.end_us; /* the hour is marked, or has no cells */
        rc = mark_hour(asking, &of, false);
    }
    return rc;
}

static int mark_meter(struct asking *asking, const struct mtr_meter *meter, struct mtr_str known)
{
    const struct mtr_recount_request *request = asking->request;
    struct mtr_recount *recount = asking->recount;
    struct recount_mark *mark = &asking->mark;
    struct fold_stray stray = FOLD_NO_STRAY;
    struct mtr_hour moved = {INT64_MAX, INT64_MAX};
    *mark = (struct recount_mark){.subscription = request->subscription,
                                  .meter = meter,
                                  .cuts_us = request->cuts_us,
                                  .cut_count = request->cut_count};
    int rc = asking->changes_hands ? fold_find_stray(recount->txn, &asking->run, meter, &stray) : MTR_OK;
    if (fold_is_any_stray(&stray)) moved = mark->moved = fold_stray_hours(&stray, request->subscription);
    if (!rc) rc = mark_cuts(asking, known, INT64_MIN, moved.start_us);
    if (!rc && recount_is_moved(mark)) rc = mark_hour(asking, &moved, true);
    if (!rc) rc = mark_cuts(asking, known, moved.end_us, INT64_MAX);
    return rc || !mark->hour_count ? rc : recount_add_mark(recount, mark);
}

/* ---- what waits for it ---- */

static int add_held_range(struct asking *asking)
{
    const struct recount_range range = {
        .log = asking->log, .subscription = asking->request->subscription, .was_held = true};
    return asking->log.seq_first <= asking->log.seq_last ? add_range(asking->recount, &range) : MTR_OK;
}

static int on_held(void *context, const struct mtr_held_event *held)
{
    struct asking *asking = context;
    int rc = MTR_OK;
    asking->any_held = true;
    if (++asking->held > asking->recount->options.events_max) return STOP;
    if (held->seq > asking->log.seq_last + SEQS_BETWEEN_MAX) {
        rc = add_held_range(asking);
        asking->log = FOLD_NO_LOG_RANGE;
    }
    fold_widen(&asking->log, held->seq, held->seq);
    return rc;
}

static int mark_held(struct asking *asking, enum mtr_held_reason reason, struct mtr_str name)
{
    const struct mtr_subscription *subscription = asking->request->subscription;
    const struct mtr_held_event first = {
        .reason = reason, .vendor = subscription->service->vendor->key, .name = name};
    asking->log = FOLD_NO_LOG_RANGE;
    int rc = mtr_rollups_walk_held(asking->recount->txn, &first, on_held, asking);
    if (rc == STOP) return MTR_ELIMIT;
    return rc ? rc : add_held_range(asking);
}

/* All of its time: whatever it has is in the log. */
static int mark_whole(struct asking *asking, const struct mtr_meter *meter)
{
    static const struct mtr_hour ever = {0, MTR_TIME_US_MAX};
    const struct mtr_recount_request *request = asking->request;
    struct mtr_recount *recount = asking->recount;
    asking->mark = (struct recount_mark){.subscription = request->subscription,
                                         .meter = meter,
                                         .cuts_us = request->cuts_us,
                                         .cut_count = request->cut_count,
                                         .moved = ever,
                                         .was_held = true};
    int rc = recount_add_hour(recount, &asking->mark, &ever);
    return rc ? rc : recount_add_mark(recount, &asking->mark);
}

/* Has the catalog in force another subscription of the subject? *is_of_service: of the service. */
static bool is_known(const struct asking *asking, bool *is_of_service)
{
    const struct mtr_subscription *subscription = asking->request->subscription;
    const struct mtr_catalog *catalog = asking->recount->catalog;
    bool known = mtr_catalog_subscription(catalog, subscription->number);
    *is_of_service = known;
    for (uint32_t i = 0; i < subscription->same_subject_count; i++) {
        const struct mtr_subscription *other = subscription->same_subject[i];
        if (!mtr_catalog_subscription(catalog, other->number)) continue;
        known = true;
        *is_of_service = *is_of_service || other->service == subscription->service;
    }
    return known;
}

/* Events of a subject that the catalog does not know are held by the subject; of one that it has under
 * another service alone, by their types. They flow when it comes. */
static int mark_waiting(struct asking *asking)
{
    const struct mtr_subscription *subscription = asking->request->subscription;
    const struct mtr_catalog *catalog = asking->recount->catalog;
    const struct mtr_meter *meter;
    bool is_of_service;
    const bool by_type = is_known(asking, &is_of_service);
    int rc = MTR_OK;
    if (is_of_service || !asking->request->by_starts) return MTR_OK;
    if (!by_type) rc = mark_held(asking, MTR_HELD_SUBSCRIPTION, subscription->subject);
    uint32_t position = 0;
    while (by_type && !rc &&
           (meter = mtr_catalog_next_meter(catalog, subscription->service, &position)) != NULL)
        rc = mark_held(asking, MTR_HELD_METER, meter->event_type);
    position = 0;
    while (asking->any_held && !rc &&
           (meter = mtr_catalog_next_meter(catalog, subscription->service, &position)) != NULL)
        rc = mark_whole(asking, meter);
    return rc;
}

/* ---- all of it ---- */

static int find_run(struct asking *asking)
{
    if (!asking->request->by_starts || !fold_find_run(asking->request->subscription, &asking->run))
        return MTR_OK;
    int rc = fold_is_given_out_otherwise(asking->recount->txn, &asking->run, &asking->changes_hands);
    if (rc || asking->changes_hands) return rc;
    return mtr_rollups_is_moving(asking->recount->txn, fold_run_number(&asking->run), &asking->changes_hands);
}

static int mark_meters(struct asking *asking)
{
    const struct mtr_recount_request *request = asking->request;
    const struct mtr_subscription *subscription = request->subscription;
    const struct mtr_meter *meter;
    struct mtr_str known;
    int rc = find_run(asking);
    if (rc || (!request->cut_count && !asking->changes_hands)) return rc;
    rc = mtr_rollups_get_cuts(asking->recount->txn, subscription->number, &known);
    const struct mtr_catalog *catalog = asking->recount->catalog;
    for (uint32_t position = 0;
         !rc && (meter = mtr_catalog_next_meter(catalog, subscription->service, &position)) != NULL;)
        if (!request->meter || request->meter->number == meter->number)
            rc = mark_meter(asking, meter, known);
    return rc;
}

int mtr_recount_ask(struct mtr_recount *recount, const struct mtr_recount_request *request)
{
    struct asking asking = {.recount = recount, .request = request};
    int rc = mark_waiting(&asking);
    if (!rc && !asking.any_held) rc = mark_meters(&asking);
    if (rc != MTR_ENOMEM && rc != MTR_ELIMIT) return rc;
    recount->is_full = true;
    return MTR_OK;
}
