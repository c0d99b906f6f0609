/*
 * What a change of the catalog does to billing periods that are closed: which of them would be rated again,
 * to which sum, and whether the change says from when it holds.
 *
 * A change with a date is one that somebody means for the past: an end, a start or a trial's end that moves,
 * a meter that is retired, a version or a credit that is new. A change without one says nothing of the past,
 * and changes it all the same: another tariff, customer or billing rule of a subscription, a version or
 * override that is written anew or taken out, another cost tariff, a credit of another amount or owner.
 * Rates of exchange are news, and never looked at.
 *
 * Use of hours that the draft cuts where the store's cells are not cut is counted again from the log
 * (meterd/aggregator/recount.h), so what is told is what will be charged. So is usage that goes from one
 * subscription of a subject to another (a start that moves, one that begins beside another's end): periods of
 * both are told, also those of one that is new. Of one whose subject is new, events that wait for it are
 * counted.
 *
 * Reads both stores in short read transactions and writes nothing. Bounded: only subscriptions that the draft
 * touches, of these only periods that it can reach, and of these those whose inputs are others; with 100,000
 * subscriptions that are not touched it is some milliseconds. What periods draw more or less of pools and
 * terms, or come to in an account, is followed into those behind them, of other subscriptions, too: these are
 * told as well.
 */
#ifndef METERD_QUERY_CLOSED_PERIODS_H
#define METERD_QUERY_CLOSED_PERIODS_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/catalog.h"
#include "meterd/core/diagnostic.h"
#include "meterd/rater/billing_period.h"
#include "meterd/store/charges.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

struct mtr_closed_periods_options {
    const struct mtr_catalog *stored;
    const struct mtr_catalog *draft; /* shares what it leaves as it is (mtr_catalog_store_draft) */
    uint64_t memory_bytes_max;       /* for one period */
    uint32_t looked_at_max; /* periods whose inputs are compared */
    uint32_t priced_max;    /* periods that are priced */
    struct mtr_log_reader *reader; /* for hours that the draft cuts; NULL: none that has cells can be cut */
    uint64_t recounted_max; /* events that are counted again at once; twice as many on each side in all */
};

struct mtr_closed_period {
    const struct mtr_subscription *subscription; /* its phase, as the draft has it; of one that is no more, or
                                                    was another's, as it is stored */
    bool is_former; /* it is taken back; what it becomes, for another customer or in another currency, is the
                       next one that is told */
    int64_t start_us, end_us;
    bool dated;                     /* whoever wrote the change said from when it holds */
    /* Why the sums cannot be told (enum mtr_error); 0: they can. MTR_ENOMEM and MTR_ELIMIT: it has more lines
     * than are priced before a change. */
    int problem;
    char why[MTR_PERIOD_PROBLEM_BYTES]; /* its sentence, as the rating would say it; "": there is none */
    struct mtr_money before, after; /* sums of its lines, in the subscription's currency */
};
/* A result other than 0 stops and is returned. */
typedef int (*mtr_on_closed_period)(void *context, const struct mtr_closed_period *period);

/* What was not told. */
struct mtr_closed_periods_extent {
    bool complete;   /* all of them were looked at; else */
    bool is_bounded; /* one of the bounds ended it, or was in the way, */
    const struct mtr_subscription *gone; /* or the log no longer has what would be counted again of this one
                                            and perhaps of others; NULL: it has */
    /* A meter of the draft that is new, and priced from a time on that is over: what it is going to count of
     * stored events is in no sum. NULL: there is none. */
    const struct mtr_meter *uncounted;
    /* Usage of its subject goes from one subscription to another, and cannot be counted before the change:
     * what moves is in no sum. NULL: there is none. */
    const struct mtr_subscription *handed_over;
};

/* Each closed period of which a line would be another, or another customer's, or of which that cannot be
 * told. Errors: those of the stores, MTR_ENOMEM. */
int mtr_closed_periods_walk(struct mtr_rollups *rollups, struct mtr_charges *charges,
                            const struct mtr_closed_periods_options *options, mtr_on_closed_period on_period,
                            void *context, struct mtr_closed_periods_extent *extent) MTR_MUST_USE;

/* What is told of it before the draft is in force: a finding for the sums of each currency, and the first
 * periods. Those of a change without a date are errors, unless it is `allowed`. */
int mtr_closed_periods_review(struct mtr_rollups *rollups, struct mtr_charges *charges,
                              const struct mtr_closed_periods_options *options, bool allowed,
                              struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
