/*
 * What was folded against a change of the catalog: a meter goes, or the date at which it is retired moves,
 * only where no event was folded that would be decided otherwise.
 *
 *   back:    no event that the meter took lies at or after the new date. Cells and quarantine rows from there
 *            on, and what it holds beyond its quota, name the part of the log in which to look
 *   on:      no event came at or after the old one: the fold has noted the first (fold.h, retired/)
 *   deleted: the meter took no event, and there is none that waits, or does not wait, because of it
 *
 * and a quota of dimension values is lowered only as far as it decides of none that counts (quota.c).
 *
 * Called between steps: what was folded is all of it, and what comes is folded with the new catalog.
 */
#include "aggregator/fold.h"

#include <inttypes.h>

#include "meterd/catalog/store.h"
#include "meterd/core/time.h"

enum { STOP = 1 };

/* A meter that changes, and where in the log the events may be that are decided otherwise. */
struct moved {
    struct mtr_aggregator *aggregator;
    const struct mtr_meter *before, *after; /* after NULL: it is deleted */
    struct fold_log_range log;
    const struct mtr_catalog *candidate;
    struct mtr_diagnostics *findings;
};

static int on_quarantined(void *context, const struct mtr_quarantined_event *event)
{
    struct moved *moved = context;
    if (event->meter == moved->before->number) fold_widen(&moved->log, event->seq, event->seq);
    return MTR_OK;
}

/* What it holds beyond its quota of that subscription's subject. */
static int widen_by_beyond(struct moved *moved, const struct mtr_subscription *subscription)
{
    const struct mtr_values_of of = {mtr_subscription_first_number(subscription), moved->before->number};
    uint64_t seq = 1;
    int rc = MTR_OK;
    for (; !rc; seq++) {
        rc = mtr_rollups_next_beyond(moved->aggregator->txn, &of, &seq);
        if (!rc) fold_widen(&moved->log, seq, seq);
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* The log range of what the meter took in the hours from that time on. */
static int find_range(struct moved *moved, int64_t from_us)
{
    const struct mtr_catalog *catalog = moved->aggregator->catalog;
    int rc = MTR_OK;
    moved->log = FOLD_NO_LOG_RANGE;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(catalog, i);
        if (!subscription || subscription->service != moved->before->service) continue;
        const struct mtr_cell_range range = {i, moved->before->number,
                                             mtr_zone_hour(subscription->zone, from_us).start_us, INT64_MAX};
        rc = fold_find_log_range(moved->aggregator, &range, &moved->log);
        if (!rc) rc = widen_by_beyond(moved, subscription);
    }
    return rc ? rc : mtr_rollups_walk_quarantined(moved->aggregator->txn, 0, on_quarantined, moved);
}

/* Did the meter take the event, and would not after the change? */
static bool is_decided_otherwise(const struct moved *moved, const struct mtr_event *event, uint64_t seq)
{
    struct event_quantity counted;
    if (event->disposition != MTR_DISPOSITION_NORMAL || event->time_us < mtr_meter_retired_us(moved->after) ||
        !mtr_str_equal(event->type, moved->before->event_type) ||
        !mtr_str_equal(event->vendor, moved->before->service->vendor->key))
        return false;
    const struct mtr_subscription *subscription = fold_find_subscription(moved->aggregator, event);
    return subscription && subscription->service == moved->before->service &&
           event_quantity(moved->before, event, seq, &counted) !=
               event_quantity(moved->after, event, seq, &counted);
}

/* At the meter's date in the text at hand. */
static struct mtr_catalog_place retired_of(const struct mtr_meter *meter)
{
    return (struct mtr_catalog_place){MTR_KIND_METER, meter->number, "retired"};
}

static void fail_back(const struct moved *moved, const struct mtr_event *event)
{
    const struct mtr_catalog_place place = retired_of(moved->before);
    char time[MTR_TIME_TEXT_BYTES];
    mtr_time_format(event->time_us, time);
    mtr_catalog_fail(moved->candidate, MTR_FINDING_CATALOG_METER_RETIRED, &place, moved->findings,
                     "the meter has counted usage of %s, for `%.*s`: retire it from a later time on", time,
                     MTR_STR_ARGS(event->subject));
}

static void fail_gone(const struct moved *moved)
{
    const struct mtr_catalog_place place = retired_of(moved->before);
    mtr_catalog_fail(moved->candidate, MTR_FINDING_CATALOG_CHANGE_LOG_GONE, &place, moved->findings,
                     "the meter has counted usage of around that time, and the log no longer has its events: "
                     "retire it from a later time on");
}

/* One finding is enough. */
static int on_event(void *context, const struct mtr_event *event, uint64_t seq)
{
    const struct moved *moved = context;
    if (!is_decided_otherwise(moved, event, seq)) return MTR_OK;
    fail_back(moved, event);
    return STOP;
}

static int check_back(struct moved *moved)
{
    int rc = find_range(moved, mtr_meter_retired_us(moved->after));
    if (!rc) rc = fold_walk_log(moved->aggregator, &moved->log, on_event, moved);
    if (rc == MTR_EMISSING) fail_gone(moved);
    return rc == MTR_EMISSING || rc == STOP ? MTR_OK : rc;
}

static int check_on(struct moved *moved)
{
    const struct mtr_meter *meter = moved->before;
    const struct mtr_fact_name fact = fact_number(MTR_FACT_RETIRED, meter->number);
    const struct mtr_catalog_place place = retired_of(meter);
    uint64_t unused;
    int rc = fact_get_u64(moved->aggregator, &fact, &unused);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    mtr_catalog_fail(moved->candidate, MTR_FINDING_CATALOG_METER_RETIRED, &place, moved->findings,
                     "cannot move on from %.*s: events that came since were not counted. Make a new meter "
                     "instead",
                     MTR_STR_ARGS(meter->retired.text));
    return MTR_OK;
}

static bool has_fact(struct moved *moved, const struct mtr_fact_name *name, int *rc)
{
    uint64_t unused;
    if (*rc) return false;
    *rc = fact_get_u64(moved->aggregator, name, &unused);
    const bool found = !*rc;
    if (*rc == MTR_ENOTFOUND) *rc = MTR_OK;
    return found;
}

/* Another meter of its type, of which the fold has taken note: one that is younger relies on this one. */
static bool has_sibling(const struct moved *moved, int *rc)
{
    const struct mtr_meter *gone = moved->before;
    uint32_t known = 0;
    *rc = fold_known_meters(moved->aggregator, &known);
    for (uint32_t i = 1; i <= known; i++) {
        const struct mtr_meter *meter = mtr_catalog_meter(moved->candidate, i);
        if (meter && meter->service->number == gone->service->number &&
            mtr_str_equal(meter->event_type, gone->event_type))
            return true;
    }
    return false;
}

/* Events of its type: without a meter of it they would all wait, and those that wait may do so because of
 * this one. */
static bool decides_who_waits(struct moved *moved, int *rc)
{
    const struct mtr_meter *gone = moved->before;
    const struct mtr_fact_name type = fact_type(gone->service->vendor->key, gone->event_type);
    bool any_held = false;
    if (!has_fact(moved, &type, rc)) return false;
    if (!has_sibling(moved, rc) || *rc) return true;
    *rc = fold_is_any_held(moved->aggregator, MTR_HELD_METER, gone->service->vendor->key, gone->event_type,
                           &any_held);
    return any_held;
}

static int check_deleted(struct moved *moved)
{
    const uint32_t number = moved->before->number;
    const struct mtr_fact_name catching_up = fact_number(MTR_FACT_CATCH_UP, number),
                               releasing = fact_number(MTR_FACT_RELEASE_METER, number),
                               retired = fact_number(MTR_FACT_RETIRED, number);
    const char *reason = NULL;
    int rc = find_range(moved, 0);
    if (!rc && moved->log.seq_first <= moved->log.seq_last) reason = "usage was folded with it";
    else if (has_fact(moved, &catching_up, &rc) || has_fact(moved, &releasing, &rc))
        reason = "events are being folded with it: try again in a moment";
    else if (has_fact(moved, &retired, &rc)) reason = "events came that it did not count any more";
    else if (decides_who_waits(moved, &rc)) reason = "events of its type were folded while it was there";
    if (!rc && reason)
        mtr_diagnostics_addf(moved->findings, MTR_FINDING_CATALOG_DELETE_USED, 0, 0, NULL,
                             "meter `%.*s` cannot be deleted: %s", MTR_STR_ARGS(moved->before->key), reason);
    return rc;
}

/* A quota can be lowered to what is counted. */
static int check_quota(const struct moved *moved)
{
    const struct mtr_catalog *catalog = moved->aggregator->catalog;
    const struct mtr_meter *after = moved->after;
    int rc = MTR_OK;
    if (after->dimension_values_max >= moved->before->dimension_values_max) return MTR_OK;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(catalog, i);
        struct fold_quota quota;
        if (!subscription || subscription->service != moved->before->service) continue;
        rc = fold_find_quota(moved->aggregator, subscription, after, &quota);
        if (rc || quota.count.admitted <= quota.values_max) continue;
        const struct mtr_catalog_place place = {MTR_KIND_METER, after->number, "dimension_values_max"};
        mtr_catalog_fail(moved->candidate, MTR_FINDING_CATALOG_METER_QUOTA, &place, moved->findings,
                         "the meter counts %" PRIu64 " different values for `%.*s` already: it can be "
                         "lowered to that, and not below",
                         quota.count.admitted, MTR_STR_ARGS(subscription->subject));
        break;
    }
    return rc;
}

static int check_meter(struct moved *moved)
{
    if (!moved->before) return MTR_OK;
    if (!moved->after) return check_deleted(moved);
    int rc = check_quota(moved);
    if (rc) return rc;
    const int64_t before_us = mtr_meter_retired_us(moved->before),
                  after_us = mtr_meter_retired_us(moved->after);
    if (before_us == after_us) return MTR_OK;
    return after_us < before_us ? check_back(moved) : check_on(moved);
}

int mtr_aggregator_check_change(struct mtr_aggregator *aggregator, const struct mtr_catalog *before,
                                const struct mtr_catalog *after, struct mtr_diagnostics *findings)
{
    struct mtr_diagnostic unused;
    MTR_ASSERT(!aggregator->txn); /* between steps */
    int rc = mtr_rollups_begin(aggregator->rollups, false, &aggregator->txn);
    if (rc) return rc;
    aggregator->catalog = before;
    aggregator->diagnostic = &unused;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(before, MTR_KIND_METER); i++) {
        struct moved moved = {.aggregator = aggregator,
                              .before = mtr_catalog_meter(before, i),
                              .after = mtr_catalog_meter(after, i),
                              .candidate = after,
                              .findings = findings};
        rc = check_meter(&moved);
    }
    if (!rc) rc = fold_check_cuts(aggregator, before, after, findings);
    if (!rc) rc = fold_check_reassign(aggregator, after, findings);
    mtr_rollups_abort(aggregator->txn);
    aggregator->txn = NULL;
    return rc;
}
