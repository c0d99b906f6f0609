/*
 * What events would do to bills, were they in the log: each billing period of which a line would be another,
 * with what it comes to as it is and with them. They are what a dry run would store: usage, and voids of
 * usage that is stored.
 *
 * Both prices are the rater's kernel, over the rollups and over the rollups with the events assumed
 * (meterd/aggregator/recount.h); what periods draw of pools, come to in an account or fill of the customer's
 * tiers is followed into others. So the difference is what the rater charges once the events are in the log,
 * as of the moment: closed periods get it as corrections. Period by period it is of the bill, whatever was
 * charged so far.
 *
 * Reads the stores in one pair of short read transactions and writes nothing. Bounded: periods that are
 * looked at and priced, and memory.
 */
#ifndef METERD_QUERY_WOULD_BILL_H
#define METERD_QUERY_WOULD_BILL_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/catalog.h"
#include "meterd/core/diagnostic.h"
#include "meterd/rater/billing_period.h"
#include "meterd/store/charges.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

struct mtr_would_bill_options {
    const struct mtr_catalog *catalog; /* in force */
    struct mtr_log_reader *reader;     /* for what voids take back */
    /* In the order in which they would come into the log. Usage whose subject or type is unknown counts
     * nothing, as it would wait; of two voids of one event the second does nothing. */
    const struct mtr_event *const *events;
    uint32_t event_count;
    int64_t grace_us;          /* from a period's end to its close, as the rater has it */
    uint64_t memory_bytes_max; /* for one period */
    uint64_t events_bytes_max; /* for what is taken back, and cells that are touched */
    uint32_t looked_at_max;    /* periods that the events may reach */
    uint32_t priced_max;       /* periods that are priced, where an account's others count, too */
};

struct mtr_would_bill_period {
    const struct mtr_subscription *subscription; /* its phase */
    int64_t start_us, end_us;
    bool is_closed; /* what comes is a correction */
    /* Why it cannot be priced (enum mtr_error), and the sentence; 0: it can. Borrowed for the call. */
    int problem;
    const char *why;
    struct mtr_money before, after; /* sums of its lines, in the subscription's currency */
};
/* By subscription and time. A result other than 0 stops and is returned. */
typedef int (*mtr_on_would_bill)(void *context, const struct mtr_would_bill_period *period);

struct mtr_would_bill_extent {
    uint64_t looked_at, priced; /* periods */
    bool is_complete;           /* all that the events can reach was priced; else */
    struct mtr_diagnostic why;  /* this is why: a bound, or the stores are about to change */
};

/* Errors: those of the stores, MTR_ENOMEM. */
int mtr_would_bill(struct mtr_rollups *rollups, struct mtr_charges *charges,
                   const struct mtr_would_bill_options *options, mtr_on_would_bill on_period, void *context,
                   struct mtr_would_bill_extent *extent) MTR_MUST_USE;

#endif
