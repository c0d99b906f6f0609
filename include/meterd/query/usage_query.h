/*
 * Usage for analysts: rollup cells added up by subscription, meter, dimensions and time. Reads the rollups,
 * and of the log what hours hold that the query cuts (meterd/aggregator/recount.h).
 *
 * A row is one combination of the asked-for groups in one window. Meters are never mixed, whatever the
 * groups: their units differ. Windows are hours, days or months of the asked-for zone, or of each
 * subscription's own; the first and last window are cut at from and to, to the microsecond where they were
 * given. What counts lies inside the subscription's term, or where customers are told apart in the phases of
 * the row's customer, to the microsecond, as it does for the bill: cells are cut there (catalog/cell.h).
 * unique counts what is distinct within a subscription; over several subscriptions their counts add, and so
 * do percentiles. Levels (time_weighted) hold into windows without events, up to the watermark; `per: period`
 * is their mean over the window.
 *
 * Memory is bounded, whatever the number of rows: a query whose rows do not fit is answered in steps, each of
 * them the next rows in order. A step reads the rollups as they are then, so a long answer is of one moment
 * only row by row.
 */
#ifndef METERD_QUERY_USAGE_QUERY_H
#define METERD_QUERY_USAGE_QUERY_H

#include "meterd/catalog/catalog.h"
#include "meterd/core/arena.h"
#include "meterd/core/diagnostic.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

enum mtr_usage_window { MTR_WINDOW_HOUR, MTR_WINDOW_DAY, MTR_WINDOW_MONTH, MTR_WINDOW_TOTAL };
bool mtr_usage_window_from_name(struct mtr_str name, enum mtr_usage_window *out);

enum { MTR_USAGE_DIMENSIONS_MAX = 8 };

struct mtr_usage_query {
    struct mtr_str subscription, customer, vendor, meter; /* keys; empty: all */
    int64_t from_us, to_us;                                 /* [from, to) */
    bool from_is_date, to_is_date; /* then midnight of that date (read as UTC) in the zone of the windows */
    bool from_is_given, to_is_given; /* hours are cut there; else cells that begin in the range count whole */
    enum mtr_usage_window window;
    const struct mtr_zone *zone;                         /* NULL: each subscription's own */
    bool by_subscription, by_customer;                   /* vendor and service follow from the meter */
    struct mtr_str dimensions[MTR_USAGE_DIMENSIONS_MAX]; /* names; a meter without one gives an empty value */
    uint32_t dimension_count;
    uint64_t rows_max;
    /* Of the rows that grow at the same time, about. What needs more is done in steps, of which each reads
     * all of the range that is left; or it is MTR_EFULL when in_steps is false. */
    size_t table_bytes_max;
    bool in_steps;
};

struct mtr_usage_result_row {
    const struct mtr_subscription *subscription; /* NULL unless by_subscription */
    struct mtr_str customer;                     /* empty unless asked for, or by_subscription */
    const struct mtr_service *service;           /* of the meter */
    const struct mtr_meter *meter;
    struct mtr_str dimension_values[MTR_USAGE_DIMENSIONS_MAX];
    int64_t start_us, end_us;
    int32_t offset_s; /* of the zone at start, for people */
    struct mtr_quantity quantity; /* without a meaning where is_out_of_range */
    bool is_out_of_range;         /* it is more than a quantity can be */
    uint64_t events;
    uint64_t resets, gaps; /* of counters: readings that are below the one before, or long after it */
};

struct mtr_usage_result {
    struct mtr_usage_result_row *rows; /* by start, then subscription, meter, dimensions */
    uint32_t row_count;
    const struct mtr_str *keys; /* of the rows, for mtr_usage_move_behind */
    bool is_last;               /* no row is left behind these */
    struct mtr_diagnostic refusal; /* text empty: none. Why hours cannot be cut, and what to do */
};

enum { MTR_USAGE_KEY_BYTES_MAX = 2048 };

/* Where a query stands between its steps. Begins as zero. */
struct mtr_usage_position {
    char key[MTR_USAGE_KEY_BYTES_MAX]; /* of the last row that was taken */
    size_t key_size;
    bool is_begun;
    bool is_done; /* no row is left */
};

/* What a query reads; borrowed for the step. */
struct mtr_usage_sources {
    struct mtr_rollups_txn *txn;
    const struct mtr_catalog *catalog;
    struct mtr_log_reader *reader; /* NULL: no hour can be cut that has cells */
};

/* The rows behind the position, some of them or all, from the arena. MTR_ELIMIT, from the first step: more
 * rows than rows_max (ask for less, nothing is cut silently). MTR_EMISSING, MTR_ELIMIT and MTR_EAGAIN with
 * out->refusal, as of a recount. MTR_EFULL, MTR_ENOMEM and the stores'. */
int mtr_usage_query_next(const struct mtr_usage_query *query, const struct mtr_usage_sources *sources,
                         const struct mtr_usage_position *position, struct mtr_arena *arena,
                         struct mtr_usage_result *out) MTR_MUST_USE;
/* The position moves behind the first `taken` rows of the result, at least one where there is one. */
void mtr_usage_move_behind(struct mtr_usage_position *position, const struct mtr_usage_result *result,
                           uint32_t taken);

#endif
