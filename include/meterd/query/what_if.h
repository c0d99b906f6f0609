/*
 * What if: the same rollups priced under the stored catalog and under a draft, period by period, and what was
 * emitted of them beside it. A draft may change tariffs and their versions, and of a subscription what may be
 * changed: start, end, trial, tariff, customer, billing, and any of these from a date on.
 *
 * Reads both stores in short read transactions, writes nothing, and is safe beside a live daemon: each
 * subscription is seen at one moment. A period counts when it begins in the range asked for and usage has
 * reached it. Periods that are over are priced as closed, those that still run as far as they are used; each
 * price by the period's end on its own side.
 *
 * Periods of both sides are the same one where they have one name (rater/billing_period.h: mostly the second
 * in which they begin), for one customer in one currency. Where only one side has such a period, it stands
 * alone, with 0 on the other: what was charged of it is taken back, or all of it is new.
 *
 * A subscription that is new in the draft is told with all of its periods so far, and with the stored events
 * that wait for its subject.
 *
 * What begins or ends inside an hour holds from there on: use of such an hour is counted again from the log,
 * where the store's cells are not cut there (meterd/aggregator/recount.h).
 *
 * Draws on pools and terms go on from period to period and, of a customer's credits, from subscription to
 * subscription as the draft makes them; so does what an account's limits count of the customer's other
 * subscriptions. What is asked for (a time, a vendor, a customer) only says which periods are handed out: of
 * those before and beside them the draft is in force, too.
 */
#ifndef METERD_QUERY_WHAT_IF_H
#define METERD_QUERY_WHAT_IF_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/catalog.h"
#include "meterd/store/charges.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

/* A date is the midnight that begins it in each subscription's zone. */
struct mtr_what_if_bound {
    bool is_date;
    int64_t days;   /* since 1970-01-01 */
    int64_t time_us; /* of an instant */
};

struct mtr_what_if_options {
    const struct mtr_catalog *stored;
    const struct mtr_catalog *draft; /* the same with the draft in it (mtr_catalog_store_draft) */
    struct mtr_str tariff; /* those that it prices, in trial or as cost too, changed or not; empty: those
                              that the draft changes, or whose tariffs */
    struct mtr_str vendor, customer, subscription; /* only theirs; empty: all */
    struct mtr_what_if_bound from, to; /* periods that begin in [from, to) */
    bool has_at; /* one version of a drafted tariff for all of it: the one in force at that time */
    int64_t at_us;
    int64_t grace_us;          /* from a period's end to its close, by the watermark, as the rater has it */
    uint64_t memory_bytes_max; /* for the usage of one period */
    struct mtr_log_reader *reader; /* NULL: no hour can be cut that has cells */
};

struct mtr_what_if_period {
    const struct mtr_subscription *subscription; /* as stored; of one that the draft alone has as drafted */
    int64_t start_us, end_us;     /* on that side */
    bool in_stored, in_draft;     /* which side has it */
    bool over;                    /* priced as closed, wherever it is */
    bool rated; /* the rater knows the period: `emitted` is what it has charged of it so far */
    bool as_emitted;              /* every line was emitted as the stored tariff prices it now */
    bool uncovered; /* the draft has no version for some of the time that the stored tariff prices */
    int stored_problem, draft_problem; /* why it cannot be priced (enum mtr_error); 0 when it can */
    const char *problem;          /* with either: the sentence that says why */
    /* Sums of lines, in the subscription's currency; 0 with a problem. */
    struct mtr_money emitted, stored, draft;
    bool has_cost; /* of the seller, under either */
    struct mtr_money stored_cost, draft_cost;
    uint64_t components;          /* priced: components times parts, under both tariffs */
};

struct mtr_what_if_hooks {
    /* Ascending in each subscription, those that share credits or an account one after another; a result
     * other than 0 stops and is returned. */
    int (*on_period)(void *context, const struct mtr_what_if_period *period);
    /* A subscription's periods are through: the done-th of so many. */
    int (*on_subscription)(void *context, const struct mtr_subscription *subscription, uint32_t done,
                           uint32_t total);
    void *context;
};

/* charges may be NULL: nothing was ever rated. Errors: those of the stores, MTR_ENOMEM; MTR_EMISSING,
 * MTR_ELIMIT and MTR_EAGAIN, with a sentence: an hour cannot be counted again, or more periods count with one
 * another than are priced together. */
int mtr_what_if(struct mtr_rollups *rollups, struct mtr_charges *charges,
                const struct mtr_what_if_options *options, const struct mtr_what_if_hooks *hooks,
                struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
