/*
 * A what-if from the inside: the two sides of a period, each priced by the rater's kernel, and the rows that
 * come of them. what_if.c walks, what_if_pricing.c prices. Private to daemon/query/.
 */
#ifndef METERD_DAEMON_QUERY_WHAT_IF_PRICING_H
#define METERD_DAEMON_QUERY_WHAT_IF_PRICING_H

#include "daemon/query/chained_draws.h"
#include "daemon/query/frozen.h"
#include "daemon/query/period_pairs.h"
#include "daemon/query/recounted_use.h"
#include "meterd/query/what_if.h"

/* One of the two catalogs' way through the periods of a subscription. */
struct what_if_side {
    struct query_view view;
    struct query_draws draws; /* of the periods so far */
    bool begins_late;         /* there are periods before the first that is asked for */
};

struct what_if {
    const struct mtr_what_if_options *options;
    const struct mtr_what_if_hooks *hooks;
    struct mtr_rollups_txn *rollups;
    struct mtr_charges_txn *charges; /* NULL: nothing was ever rated */
    struct mtr_arena arena;
    int64_t watermark_us;
    uint64_t cells; /* walked in this pair of transactions */
    struct mtr_diagnostic *diagnostic;
    struct what_if_side stored, draft;
    struct mtr_subscription frozen_phase; /* the draft's, with the version of one time alone */
    struct query_frozen frozen, frozen_trial, frozen_cost;
};

/* Does the draft change that tariff, or is it the one that is asked for? Records that a draft leaves alone
 * are shared. */
bool what_if_drafts(const struct mtr_what_if_options *options, const struct mtr_tariff_document *stored,
                    const struct mtr_tariff_document *draft);
/* Prices a pair, and hands out what comes of it: periods of one subscription in their order. */
int what_if_price_pair(struct what_if *what_if, const struct query_period_pair *pair) MTR_MUST_USE;

#endif
