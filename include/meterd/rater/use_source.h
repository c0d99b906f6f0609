/*
 * Where a rating reads use from: a const struct of hooks. A charge and a what-if read the rollups
 * (mtr_use_of_rollups), a quote the rows of its request (query/quote.h); the price is made of either by the
 * same code. A source looks like the rollups: hour cells by the values of the meter's group_by, and lists of
 * points for meters that keep events (store/rollups.h says what is in a cell, and how dimensions are
 * written).
 *
 * A stream is the use that one input of a component counts: of the rollups all of a meter, of a request those
 * of its rows that name the component, or the meter.
 *
 * What a hook hands on is borrowed until the next call of the source. A hook's result other than 0 stops a
 * walk and is returned.
 */
#ifndef METERD_RATER_USE_SOURCE_H
#define METERD_RATER_USE_SOURCE_H

#include "meterd/catalog/catalog.h"
#include "meterd/core/period.h"
#include "meterd/store/rollups.h"

struct mtr_use_stream {
    const struct mtr_subscription *subscription;
    const struct mtr_component *component; /* NULL: whichever counts the meter */
    uint32_t input;                        /* of the component */
    const struct mtr_meter *meter;         /* as the source says for that input */
    /* Only cells and lists whose dimensions lie in it are asked for; the others may come, too. */
    struct mtr_cells_within within;
};

/* Points of one list of a stream with from_us <= time < until_us. */
struct mtr_use_points {
    struct mtr_str list; /* its dimensions */
    int64_t from_us, until_us;
};

struct mtr_use_source {
    /* How an input of a component is measured. NULL: there is no such meter, and so no use of it. */
    const struct mtr_meter *(*meter)(void *context, const struct mtr_component *component, uint32_t input);
    /* Cells with from_us <= hour_us < until_us, by hour. */
    int (*cells)(void *context, const struct mtr_use_stream *stream, struct mtr_period range,
                 mtr_rollups_on_cell on_cell, void *hook_context);
    /* The event that the value of a cell of a `last` meter is of. MTR_ENOTFOUND. */
    int (*last)(void *context, const struct mtr_cell_key *key, struct mtr_point *out);
    /* The values that were counted in a cell of a `unique` meter. */
    int (*members)(void *context, const struct mtr_cell_key *key, mtr_rollups_on_member on_member,
                   void *hook_context);
    /* The kept events of a cell, by time. */
    int (*events)(void *context, const struct mtr_cell_key *key, mtr_rollups_on_point on_point,
                  void *hook_context);
    /* Levels: the lists of a time_weighted meter, one for each combination of its dimensions. NULL gives the
     * first, its dimensions the next; MTR_ENOTFOUND after the last. */
    int (*next_list)(void *context, const struct mtr_use_stream *stream, const struct mtr_str *after,
                     struct mtr_str *dimensions);
    /* The last point of a list before time_us. MTR_ENOTFOUND. */
    int (*point_before)(void *context, const struct mtr_use_stream *stream, struct mtr_str list,
                        int64_t time_us, struct mtr_point *out);
    /* By time. */
    int (*points)(void *context, const struct mtr_use_stream *stream, const struct mtr_use_points *wanted,
                  mtr_rollups_on_point on_point, void *hook_context);
};

/* The rollups as they are in a read transaction; meters are the catalog's. */
struct mtr_rollups_use {
    struct mtr_rollups_txn *txn;
    const struct mtr_catalog *catalog;
};
extern const struct mtr_use_source mtr_use_of_rollups; /* context: struct mtr_rollups_use */

#endif
