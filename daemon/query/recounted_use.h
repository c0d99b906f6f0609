/*
 * Use as it would be with other cuts: the rollups, with the cells of some hours counted again
 * (meterd/aggregator/recount.h), as a source for the rater's kernel and for levels. Private to daemon/query/.
 */
#ifndef METERD_DAEMON_QUERY_RECOUNTED_USE_H
#define METERD_DAEMON_QUERY_RECOUNTED_USE_H

#include "meterd/aggregator/recount.h"
#include "meterd/rater/use_source.h"

struct query_recounted_use {
    struct mtr_rollups_use rollups; /* first: for what no cut changes */
    const struct mtr_recount *recount;
};
extern const struct mtr_use_source query_use_of_recount; /* context: struct query_recounted_use */

#endif
