/*
 * The aggregator: a fold of the log into rollups. step() does a bounded piece of work and commits cursor and
 * result in one transaction.
 *
 *   log ──▶ resolve subscription and meters ──▶ cells (+ members) ──▶ feed of changed days
 *              │ unknown                              ▲
 *              ▼                                      │ the catalog learned it
 *            held ────────────────────────────────────┘
 *
 * No thread, no clock, no random: time and catalog come with the step. Laws (tests/scenario checks them for
 * every seed): sum of cells = sum of events not voided, not held, not quarantined; folding again from the
 * start gives the same bytes.
 */
#ifndef METERD_AGGREGATOR_AGGREGATOR_H
#define METERD_AGGREGATOR_AGGREGATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/catalog.h"
#include "meterd/core/diagnostic.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

struct mtr_aggregator;

struct mtr_aggregator_options {
    uint32_t step_events_max; /* events folded in one transaction */
};

struct mtr_aggregator_result {
    /* Folded in this step: voids, releases from held, catch-up and what changed hands included. */
    uint64_t events;
    uint64_t next_seq;
    bool idle;            /* nothing left to do at this moment */
    bool changes_hands; /* use goes from subscriptions to others of their subject: the log is needed for it */
    bool is_behind; /* of what was folded some is not counted yet: late meters, held events, cells cut anew */
};

/* rollups and reader are borrowed and must outlive the aggregator. */
int mtr_aggregator_open(struct mtr_rollups *rollups, struct mtr_log_reader *reader,
                        const struct mtr_aggregator_options *options,
                        struct mtr_aggregator **out) MTR_MUST_USE;
void mtr_aggregator_close(struct mtr_aggregator *aggregator);

/* One transaction. `catalog` must be acquired after the log tail was read by the caller or be the newest
 * snapshot; it only ever grows. When the log is drained and nothing waits, the watermark becomes now_us
 * (committed at most every 10 s when nothing else changed).
 *
 * What happens to one event: a void takes back its target, wherever that is; conflict, expired and future go
 * to quarantine; an unknown subject or type is held; else each meter of its service and type counts it,
 * passes over it, quarantines it for itself (invalid, overflow, dimensions), or holds it while its dimensions
 * have more different values than the meter's dimension_values_max. What all pass over, for lack
 * of a property or because they were retired by its time, is held until a meter comes that can take it.
 *
 * Errors: MTR_EIO, MTR_EFULL; with a sentence MTR_ENOTFOUND (retention has removed events that were not
 * folded) and MTR_ECORRUPT (an older catalog, damage); MTR_EOVERFLOW when a cell's sum leaves its range.
 * Nothing was committed, the next step tries the same again. */
int mtr_aggregator_step(struct mtr_aggregator *aggregator, const struct mtr_catalog *catalog, int64_t now_us,
                        struct mtr_aggregator_result *result, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* What log and catalog alone do not say, before the first step of `rollups`: that a meter counts more values
 * of its dimensions than its quota, since they were counted before there were quotas. Rollups that were
 * folded with quotas from the start say nothing of the kind. */
int mtr_aggregator_take_over(struct mtr_rollups *rollups, struct mtr_rollups *before) MTR_MUST_USE;

/* Has what was folded anything against a change of the catalog from `before` to `after`? A meter goes, its
 * date of retirement moves, or its quota of dimension values is lowered, only where that decides of no event
 * that was folded. Findings are placed with
 * mtr_catalog_fail: this is part of the review of an edit (catalog/store.h).
 *
 * Between two steps, and the next one takes a snapshot that has the change if it was stored: then events are
 * decided by one date, whichever way log and catalog came. Errors: MTR_EIO, MTR_ECORRUPT, MTR_ENOMEM. */
int mtr_aggregator_check_change(struct mtr_aggregator *aggregator, const struct mtr_catalog *before,
                                const struct mtr_catalog *after,
                                struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
