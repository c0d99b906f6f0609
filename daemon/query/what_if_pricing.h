/*
 * A what-if from the inside: the two sides of a period, each as the rater would settle it, and the rows that
 * come of them. what_if.c walks, what_if_pricing.c prices. Private to daemon/query/.
 */
#ifndef METERD_DAEMON_QUERY_WHAT_IF_PRICING_H
#define METERD_DAEMON_QUERY_WHAT_IF_PRICING_H

#include "daemon/query/frozen.h"
#include "daemon/query/period_pairs.h"
#include "daemon/query/settled_periods.h"
#include "daemon/query/sharing.h"
#include "meterd/query/what_if.h"

/* One of the two catalogs. */
struct what_if_side {
    struct query_view view;
    struct query_settling settling; /* of the group at hand */
};

struct what_if {
    const struct mtr_what_if_options *options;
    const struct mtr_what_if_hooks *hooks;
    struct mtr_rollups_txn *rollups;
    struct mtr_charges_txn *charges; /* NULL: nothing was ever rated */
    struct mtr_arena arena;
    int64_t watermark_us;
    uint64_t cells; /* walked in this pair of transactions, but for those of settling */
    struct mtr_diagnostic *diagnostic;
    struct query_sharing sharing;
    struct what_if_side stored, draft;
    struct mtr_subscription frozen_phase; /* the draft's, with the version of one time alone */
    struct query_frozen frozen, frozen_trial, frozen_cost;
};

/* Does the draft change that tariff, or is it the one that is asked for? Records that a draft leaves alone
 * are shared. */
bool what_if_drafts(const struct mtr_what_if_options *options, const struct mtr_tariff_document *stored,
                    const struct mtr_tariff_document *draft);
/* The draft's phase with one version of each drafted tariff (options.has_at). Context: the what-if. */
const struct mtr_subscription *what_if_freeze(void *context, const struct mtr_subscription *phase,
                                              int64_t start_us);
/* Marks a period where one of the sides has still to settle it: the stored catalog what was not rated, the
 * draft also what it prices otherwise. */
int what_if_mark_pair(struct what_if *what_if, const struct query_period_pair *pair) MTR_MUST_USE;
/* Does the period of one that the draft leaves as it is come to another sum, by what others leave it? Else
 * *out stays. */
int what_if_changes_pair(struct what_if *what_if, const struct query_period_pair *pair,
                         bool *out) MTR_MUST_USE;
/* Hands out what comes of a pair, once both sides are settled: periods of one subscription in their order. */
int what_if_price_pair(struct what_if *what_if, const struct query_period_pair *pair) MTR_MUST_USE;

#endif
