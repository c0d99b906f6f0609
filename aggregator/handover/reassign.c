/*
 * Use that changes hands: where a subject has several subscriptions of a service, an event is of the last
 * that begins at its time or before. So one that is applied after its use has come, or a start that moves,
 * takes over what was counted for another.
 *
 *   starts as they were folded by (a fact) ── differ ──▶ hours in which cells hold another's use
 *        ──▶ these hours emptied, for all of the subject ──▶ folded again from the log
 *
 * It is done before anything else of the step, and whole: so the rest of the fold finds every event where
 * the catalog has it, and nobody sees use that is with neither. It is as long as the change is deep: the log
 * range of the cells that are emptied. Where retention has taken some of that out of the log, the change is
 * refused (fold_check_reassign).
 */
#include "aggregator/fold.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/catalog/store.h"
#include "meterd/core/limits.h"

/* Hours of a subscription and meter that are folded again: cells that begin in [from, to). */
struct emptied {
    uint32_t subscription, meter;
    int64_t from_us, to_us;
};

struct reassigning {
    struct mtr_aggregator *aggregator;
    uint64_t *change; /* of the feed */
    struct emptied *items;
    uint32_t count, capacity;
    struct fold_log_range log; /* of all that is emptied */
};

/* ---- which hours ---- */

static int add_emptied(struct reassigning *reassigning, const struct emptied *emptied)
{
    if (reassigning->count == reassigning->capacity) {
        const uint32_t capacity = reassigning->capacity ? reassigning->capacity * 2 : 16;
        struct emptied *items = realloc(reassigning->items, (size_t)capacity * sizeof(*items));
        if (!items) return MTR_ENOMEM;
        reassigning->items = items;
        reassigning->capacity = capacity;
    }
    MTR_ASSERT(emptied->from_us < emptied->to_us);
    reassigning->items[reassigning->count++] = *emptied;
    return MTR_OK;
}

/* What is stray of a meter, in the hours of each subscription. */
static int plan_meter(struct reassigning *reassigning, const struct fold_run *run,
                      const struct mtr_meter *meter)
{
    struct fold_stray stray;
    int rc = fold_find_stray(reassigning->aggregator->txn, run, meter, &stray);
    for (uint32_t i = 0; !rc && fold_is_any_stray(&stray) && i < run->count; i++) {
        const struct mtr_hour hours = fold_stray_hours(&stray, run->terms[i]);
        const struct emptied emptied = {
            .subscription = run->terms[i]->number,
            .meter = meter->number,
            .from_us = hours.start_us,
            .to_us = hours.end_us,
        };
        rc = add_emptied(reassigning, &emptied);
    }
    return rc;
}

/* ---- emptying ---- */

static struct mtr_cell_range cells_of(const struct emptied *emptied)
{
    return (struct mtr_cell_range){emptied->subscription, emptied->meter, emptied->from_us, emptied->to_us};
}

struct telling {
    struct mtr_aggregator *aggregator;
    uint64_t *change;
    struct mtr_feed_row row; /* the last */
};

/* Readers of the feed learn of the days that lose use. */
static int on_emptied_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct telling *telling = context;
    const uint32_t day = cell_table_day(key->start_us);
    (void)cell;
    if (telling->row.change && telling->row.day == day) return MTR_OK;
    telling->row = (struct mtr_feed_row){++*telling->change, key->subscription, day};
    return mtr_rollups_put_feed(telling->aggregator->txn, &telling->row);
}

static int empty_lists(struct mtr_aggregator *aggregator, const struct emptied *emptied,
                       const struct mtr_meter *meter)
{
    const struct mtr_subscription *subscription =
        mtr_catalog_subscription(aggregator->catalog, emptied->subscription);
    const struct mtr_effect effect = {.subscription = fold_recut_known(aggregator, subscription),
                                      .meter = meter};
    const struct mtr_point last = {.time_us = emptied->to_us - 1, .seq = UINT64_MAX};
    char copy[MTR_DIMENSIONS_BYTES_MAX];
    struct mtr_cell_key list = {
        .subscription = emptied->subscription, .meter = emptied->meter, .start_us = MTR_CELL_ALL_HOURS};
    for (const struct mtr_str *after = NULL;; after = &list.dimensions) {
        struct mtr_str dimensions;
        int rc = mtr_rollups_next_list(aggregator->txn, list.subscription, list.meter, list.start_us, after,
                                       &dimensions);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
        MTR_ASSERT(dimensions.size <= sizeof(copy));
        if (dimensions.size) memcpy(copy, dimensions.data, dimensions.size); /* the deletion moves rows */
        list.dimensions = (struct mtr_str){copy, dimensions.size};
        rc = mtr_rollups_delete_points(aggregator->txn, &list, emptied->from_us, emptied->to_us);
        if (!rc && meter->aggregation == MTR_COUNTER_INCREASE)
            rc = fold_follow_reading(aggregator, &effect, list.dimensions, &last);
        if (rc) return rc;
    }
}

static int empty(struct reassigning *reassigning, const struct emptied *emptied)
{
    struct mtr_aggregator *aggregator = reassigning->aggregator;
    struct telling telling = {.aggregator = aggregator, .change = reassigning->change};
    const struct mtr_cell_range range = cells_of(emptied);
    const struct mtr_meter *meter = mtr_catalog_meter(aggregator->catalog, emptied->meter);
    int rc = mtr_rollups_walk_cells(aggregator->txn, &range, on_emptied_cell, &telling);
    if (!rc) rc = mtr_rollups_delete_cells(aggregator->txn, &range);
    if (!rc && mtr_meter_has_one_list(meter)) rc = empty_lists(aggregator, emptied, meter);
    return rc;
}

/* Is the log still there from that sequence on? */
static int is_in_log(struct mtr_aggregator *aggregator, uint64_t seq, bool *out)
{
    int rc = fold_read_block(aggregator, seq);
    *out = !rc && aggregator->block.first_seq <= seq;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* Plans the run's hours. None of them, or all are in the log. */
static int plan_run(struct reassigning *reassigning, const struct fold_run *run, bool *in_log)
{
    struct mtr_aggregator *aggregator = reassigning->aggregator;
    const uint32_t begun = reassigning->count;
    const struct mtr_service *service = run->terms[0]->service;
    struct fold_log_range range = FOLD_NO_LOG_RANGE;
    const struct mtr_meter *meter;
    int rc = MTR_OK;
    *in_log = true;
    for (uint32_t position = 0;
         !rc && (meter = mtr_catalog_next_meter(aggregator->catalog, service, &position)) != NULL;)
        rc = plan_meter(reassigning, run, meter);
    for (uint32_t i = begun; !rc && i < reassigning->count; i++) {
        const struct mtr_cell_range cells = cells_of(&reassigning->items[i]);
        rc = fold_find_log_range(aggregator, &cells, &range);
    }
    if (rc || begun == reassigning->count) return rc;
    MTR_ASSERT(range.seq_first <= range.seq_last); /* a stray cell named its hours */
    rc = is_in_log(aggregator, range.seq_first, in_log);
    if (!*in_log) reassigning->count = begun;
    if (rc || !*in_log) return rc;
    fold_widen(&reassigning->log, range.seq_first, range.seq_last);
    return MTR_OK;
}

/* Empties the run's hours where the log can fill them again. */
static int empty_run(struct reassigning *reassigning, const struct fold_run *run)
{
    const uint32_t begun = reassigning->count;
    bool in_log;
    int rc = plan_run(reassigning, run, &in_log);
    for (uint32_t i = begun; !rc && i < reassigning->count; i++)
        rc = empty(reassigning, &reassigning->items[i]);
    return rc;
}

/* ---- folding again ---- */

static int compare_emptied(const void *a, const void *b)
{
    const struct emptied *x = a, *y = b;
    if (x->subscription != y->subscription) return x->subscription < y->subscription ? -1 : 1;
    return (x->meter > y->meter) - (x->meter < y->meter);
}

static int fold_event_again(void *context, const struct mtr_event *event, uint64_t seq)
{
    struct reassigning *reassigning = context;
    struct mtr_aggregator *aggregator = reassigning->aggregator;
    aggregator->reassigned_events++;
    const struct mtr_subscription *subscription =
        event->disposition == MTR_DISPOSITION_NORMAL ? fold_find_subscription(aggregator, event) : NULL;
    if (!subscription || !subscription->same_subject_count) return MTR_OK;
    const struct mtr_meter *const *meters;
    const uint32_t count =
        mtr_catalog_find_meters(aggregator->catalog, subscription->service, event->type, &meters);
    struct fold_standing standing = {.is_known = false};
    for (uint32_t i = 0; i < count; i++) {
        const struct emptied key = {.subscription = subscription->number, .meter = meters[i]->number};
        const struct emptied *emptied = bsearch(&key, reassigning->items, reassigning->count,
                                                sizeof(key), compare_emptied);
        if (!emptied) continue;
        const struct mtr_hour hours = {emptied->from_us, emptied->to_us};
        const struct mtr_effect effect = {
            .subscription = subscription, .meter = meters[i], .hours = &hours, .hour_count = 1};
        int rc = fold_count_again(aggregator, &effect, event, seq, &standing);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int fold_again(struct reassigning *reassigning)
{
    struct mtr_aggregator *aggregator = reassigning->aggregator;
    qsort(reassigning->items, reassigning->count, sizeof(*reassigning->items), compare_emptied);
    int rc = fold_walk_log(aggregator, &reassigning->log, fold_event_again, reassigning);
    return rc == MTR_EMISSING ? MTR_ECORRUPT : rc; /* its begin was there when it was planned */
}

/* ---- which subjects ---- */

/* Is the subscription the one by which its run goes, and use not given out by these starts? */
static int find_changed_run(struct mtr_aggregator *aggregator, const struct mtr_subscription *subscription,
                            struct fold_run *run, bool *changed)
{
    *changed = false;
    if (!fold_find_run(subscription, run) || fold_run_number(run) != subscription->number) return MTR_OK;
    return fold_is_given_out_otherwise(aggregator->txn, run, changed);
}

static int look_at(struct reassigning *reassigning, const struct mtr_subscription *subscription)
{
    struct fold_run run;
    bool changed;
    int rc = find_changed_run(reassigning->aggregator, subscription, &run, &changed);
    if (rc || !changed) return rc;
    rc = empty_run(reassigning, &run);
    return rc ? rc : fold_note_starts(reassigning->aggregator, &run);
}

/* At the one that came last: it is what takes use over. */
static void refuse(const struct fold_run *run, const struct mtr_catalog *after,
                   struct mtr_diagnostics *findings)
{
    const struct mtr_subscription *last = run->terms[0], *other;
    for (uint32_t i = 1; i < run->count; i++)
        if (run->terms[i]->number > last->number) last = run->terms[i];
    other = last == run->terms[0] ? run->terms[1] : run->terms[0];
    const struct mtr_catalog_place place = {MTR_KIND_SUBSCRIPTION, last->number, "start"};
    mtr_catalog_fail(after, MTR_FINDING_CATALOG_CHANGE_LOG_GONE, &place, findings,
                     "usage of `%.*s` was counted for subscription `%.*s` already, and can change hands no "
                     "more, since the log no longer has its events",
                     MTR_STR_ARGS(last->subject), MTR_STR_ARGS(other->key));
}

int fold_check_reassign(struct mtr_aggregator *aggregator, const struct mtr_catalog *after,
                        struct mtr_diagnostics *findings)
{
    struct reassigning reassigning = {.aggregator = aggregator, .log = FOLD_NO_LOG_RANGE};
    int rc = MTR_OK;
    aggregator->catalog = after;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(after, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(after, i);
        struct fold_run run;
        bool changed = false, in_log = true;
        if (subscription) rc = find_changed_run(aggregator, subscription, &run, &changed);
        if (!rc && changed) rc = plan_run(&reassigning, &run, &in_log);
        if (!rc && !in_log) refuse(&run, after, findings);
    }
    free(reassigning.items);
    return rc;
}

int fold_reassign(struct mtr_aggregator *aggregator, uint64_t *change)
{
    struct reassigning reassigning = {
        .aggregator = aggregator, .change = change, .log = FOLD_NO_LOG_RANGE};
    const uint64_t version = mtr_catalog_version(aggregator->catalog);
    int rc = MTR_OK;
    if (aggregator->reassigned_version == version) return MTR_OK;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(aggregator->catalog, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(aggregator->catalog, i);
        if (subscription) rc = look_at(&reassigning, subscription);
    }
    if (!rc && reassigning.count) rc = fold_again(&reassigning);
    free(reassigning.items);
    if (!rc) aggregator->reassigned_version = version;
    return rc;
}
