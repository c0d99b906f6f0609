/*
 * A usage query while it runs: its groups, and the subscription and meter that are being read. Private to
 * daemon/query/usage/.
 */
#ifndef METERD_DAEMON_QUERY_USAGE_USAGE_RUN_H
#define METERD_DAEMON_QUERY_USAGE_USAGE_RUN_H

#include "daemon/query/usage/usage_table.h"
#include "meterd/aggregator/recount.h"
#include "meterd/core/period.h"
#include "meterd/core/time.h"
#include "daemon/query/recounted_use.h"
#include "meterd/rater/readings.h"

enum { MTR_USAGE_DIMENSION_END = 0x1F };

struct mtr_usage_run {
    const struct mtr_usage_query *query;
    struct mtr_rollups_txn *txn;
    struct mtr_arena scratch; /* of one subscription and meter */
    struct mtr_arena times;   /* of the windows of one zone */
    struct mtr_arena cuts;    /* instants at which hours are cut, of all subscriptions and meters */
    struct mtr_recount *recount; /* the rollups, with these hours cut */
    int64_t watermark_us;     /* how far usage is complete: no level is counted behind it */
    struct usage_table table;
    const struct mtr_usage_position *position; /* rows up to it have been handed out */
    /* of the subscription and meter being walked */
    const struct mtr_subscription *subscription;
    const struct mtr_meter *meter;
    const struct mtr_zone *zone;
    int64_t from_us, to_us;                        /* the query's in that zone */
    /* The subscription's, or of the phase at hand where customers are told apart: usage outside of it is not
     * told, as it is not charged. */
    struct mtr_period term;
    int32_t positions[MTR_USAGE_DIMENSIONS_MAX]; /* of the query's dimensions in the meter's; -1 absent */
    struct mtr_period window;                    /* that holds the last cell */
    struct query_recounted_use use;        /* what is read, as a source of use */
    struct mtr_readings_question readings; /* of a counter */
    uint32_t member_group;
    struct mtr_period *windows; /* of the query, up to the watermark, in one zone */
    uint32_t window_count;
    const struct mtr_zone *windows_zone;
};

static inline bool usage_wants_meter(const struct mtr_usage_run *run, const struct mtr_meter *meter)
{
    if (!meter || meter->service != run->subscription->service) return false;
    return !run->query->meter.size || mtr_meter_has_name(meter, run->query->meter);
}
/* What the term has of [from, to); may be empty. */
static inline struct mtr_period usage_in_term(const struct mtr_usage_run *run)
{
    return (struct mtr_period){mtr_time_later(run->from_us, run->term.start_us),
                               mtr_time_sooner(run->to_us, run->term.end_us)};
}
/* Asks the recount for the run's subscription, where the query cuts its hours. */
int usage_ask_cuts(struct mtr_usage_run *run, const struct mtr_catalog *catalog) MTR_MUST_USE;
/* The window that holds a cell, cut at from and to. */
struct mtr_period usage_window_of(struct mtr_usage_run *run, int64_t start_us);
/* One value of a cell's dimensions; empty at a position of -1. */
struct mtr_str usage_dimension_at(struct mtr_str dimensions, int32_t position);
/* The group of a cell, made when it is new; borrowed until the next is asked for. NULL: it was handed out by
 * an earlier step, or is a later one's. MTR_ELIMIT: more rows than the query allows. MTR_EFULL: more than one
 * step holds, of a query that is not in steps. */
int usage_find_group(struct mtr_usage_run *run, const struct mtr_cell_key *cell, struct usage_group **out,
                     uint32_t *number) MTR_MUST_USE;
/* Where cells must lie to be of this step's rows: [from, to), within the term. */
struct mtr_period usage_range(const struct mtr_usage_run *run);

/* Of a counter, before its cells are walked. */
int usage_begin_readings(struct mtr_usage_run *run) MTR_MUST_USE;
/* What a counter's cell adds to its group: its increase, resets and gaps. */
int usage_add_readings(struct mtr_usage_run *run, const struct mtr_cell_key *key, const struct mtr_cell *cell,
                       struct usage_group *group) MTR_MUST_USE;

/* The run's subscription and meter, which is time_weighted or percentile. */
int usage_measure(struct mtr_usage_run *run) MTR_MUST_USE;

#endif
