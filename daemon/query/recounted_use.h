/*
 * Use as it would be with other cuts: the rollups, with the cells of some hours counted again
 * (meterd/aggregator/recount.h), as a source for the rater's kernel and for levels. Private to daemon/query/.
 *
 * A view is the rollups as a catalog wants its cells cut and its use given out: a draft's versions, trials,
 * starts and ends lie elsewhere than those of the catalog in force, and what that has learned may wait to be
 * folded.
 *
 *   begin ──▶ ask, ask … ──▶ count ──▶ rating …
 */
#ifndef METERD_DAEMON_QUERY_RECOUNTED_USE_H
#define METERD_DAEMON_QUERY_RECOUNTED_USE_H

#include "meterd/aggregator/recount.h"
#include "meterd/rater/billing_period.h"

struct query_recounted_use {
    struct mtr_rollups_use rollups; /* first: for what no question changes */
    const struct mtr_recount *recount;
};
extern const struct mtr_use_source query_use_of_recount; /* context: struct query_recounted_use */

struct query_view {
    struct query_recounted_use use;
    struct mtr_recount *recount;
    const struct mtr_catalog *catalog; /* whose cuts and starts they are */
    uint8_t *asked;                    /* a bit for each subscription that was asked for */
    const struct mtr_subscription *const *peers; /* the first so many of these were, too */
    uint32_t peers_asked;
    struct mtr_arena scratch; /* of its ratings */
};

int query_view_open(struct query_view *view, const struct mtr_catalog *catalog,
                    const struct mtr_recount_options *options) MTR_MUST_USE;
void query_view_close(struct query_view *view); /* also one that is all zero */
void query_view_begin(struct query_view *view, struct mtr_rollups_txn *txn,
                      const struct mtr_catalog *in_force);
/* A subscription of the view's catalog, all its phases, those whose use its price looks at, and whoever has
 * the same subject. */
int query_view_ask(struct query_view *view, const struct mtr_subscription *subscription) MTR_MUST_USE;
/* As mtr_recount_count. */
int query_view_count(struct query_view *view, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* As mtr_rating_of_stores, of the view's use. */
struct mtr_rating query_view_rating(struct query_view *view, struct mtr_charges_txn *charges,
                                    struct mtr_arena *arena);

#endif
