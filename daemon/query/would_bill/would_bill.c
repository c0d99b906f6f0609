/*
 * What would be billed; see meterd/query/would_bill.h. Which periods the events can reach is what the rater
 * would mark (rater/due.c), or more; they are settled on both sides with all that count with them
 * (settled_periods.h), and told where the bills differ.
 *
 * Invariant: reads only. One pair of read transactions, the charges' first, so that the rollups are never
 * older than what the rater had seen.
 */
#include "meterd/query/would_bill.h"

#include <stdlib.h>

#include "daemon/query/period_pairs.h"
#include "daemon/query/settled_periods.h"
#include "daemon/query/would_bill/assumed_events.h"
#include "meterd/core/time.h"

enum { ARENA_CHUNK_BYTES = 1 << 16, SETTLED_BYTES_MAX = 256 << 20 };

struct weighing {
    const struct mtr_would_bill_options *options;
    mtr_on_would_bill on_period;
    void *context;
    struct mtr_would_bill_extent *extent;
    struct mtr_rollups_txn *rollups;
    struct mtr_charges_txn *charges;
    struct mtr_arena prices, events;
    struct query_view stored_view, assumed_view; /* of one catalog: as it is, and with the events */
    struct query_settling stored, assumed;
    struct mtr_period *touched; /* by number of a subscription; empty: not */
    int64_t watermark_us;
};

/* ---- which periods ---- */

/* Rating it anew is on both sides, where the rater has still to do it. */
static int mark(struct weighing *weighing, uint32_t subscription, int64_t name_us)
{
    struct mtr_charge_period known;
    if (query_settling_find(&weighing->assumed, subscription, name_us)) return MTR_OK;
    if (weighing->extent->looked_at >= weighing->options->looked_at_max) return MTR_ELIMIT;
    if (query_settling_is_full(&weighing->assumed)) return MTR_ELIMIT;
    weighing->extent->looked_at++;
    int rc = mtr_charges_get_period(weighing->charges, subscription, name_us, &known);
    if (rc == MTR_ENOTFOUND || (!rc && known.dirty))
        rc = query_settling_mark(&weighing->stored, subscription, name_us);
    return rc ? rc : query_settling_mark(&weighing->assumed, subscription, name_us);
}

static int mark_within(struct weighing *weighing, const struct mtr_subscription *subscription,
                       struct mtr_period within)
{
    struct query_period_pairs pairs;
    struct query_period_pair pair;
    int rc = MTR_OK;
    query_pairs_begin(&pairs, subscription, NULL, within);
    while (!rc && query_pairs_next(&pairs, &pair)) rc = mark(weighing, subscription->number, pair.name_us);
    return rc;
}

/* Those of a peer whose position in the customer's tiers the use of that time gives. */
static int mark_peer(struct weighing *weighing, const struct mtr_subscription *peer, struct mtr_period within)
{
    int rc = MTR_OK;
    if (peer->carries) within.end_us = weighing->watermark_us + 1;
    for (int64_t at_us = within.start_us; !rc && at_us < within.end_us;) {
        const struct mtr_period whole = mtr_period_at(&peer->billing, at_us);
        const int64_t start_us = mtr_time_later(whole.start_us, peer->start_us);
        const bool is_any = start_us < mtr_time_sooner(whole.end_us, peer->end_us);
        if (is_any && start_us <= weighing->watermark_us)
            rc = mark(weighing, peer->number, mtr_billing_period_name(peer, start_us));
        at_us = whole.end_us;
    }
    return rc;
}

static int mark_peers(struct weighing *weighing, const struct mtr_subscription *phase,
                      struct mtr_period within)
{
    int rc = MTR_OK;
    if (!phase->tariff->across_customer) return MTR_OK;
    within.start_us = mtr_time_later(within.start_us, phase->start_us);
    within.end_us = mtr_time_sooner(within.end_us, phase->end_us);
    for (uint32_t i = phase->peer_index + 1; !rc && i < phase->peer_count; i++)
        rc = mark_peer(weighing, phase->peers[i], within);
    return rc;
}

static int mark_subscription(struct weighing *weighing, uint32_t number)
{
    const struct mtr_subscription *subscription =
        mtr_catalog_subscription(weighing->options->catalog, number);
    struct mtr_period within = weighing->touched[number];
    const int64_t until_us = weighing->watermark_us + 1;
    within.end_us = subscription->carries ? until_us : mtr_time_sooner(within.end_us, until_us);
    int rc = mark_within(weighing, subscription, within);
    for (uint32_t i = 0; !rc && i < mtr_subscription_phase_count(subscription); i++)
        rc = mark_peers(weighing, mtr_subscription_phase(subscription, i), within);
    return rc;
}

static int mark_all(struct weighing *weighing)
{
    const uint32_t count = mtr_catalog_count(weighing->options->catalog, MTR_KIND_SUBSCRIPTION);
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= count; i++)
        if (weighing->touched[i].start_us < weighing->touched[i].end_us) rc = mark_subscription(weighing, i);
    return rc;
}

/* ---- what is told ---- */

static int find_closed(const struct weighing *weighing, const struct query_settled *item, bool *out)
{
    struct mtr_charge_period known;
    int rc = mtr_charges_get_period(weighing->charges, item->subscription, item->name_us, &known);
    *out = !rc && known.status == MTR_PERIOD_FINAL && known.close_due_us == INT64_MAX;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int tell(struct weighing *weighing, const struct query_settled *item)
{
    const struct query_outcome *after = &item->outcome;
    struct mtr_would_bill_period told = {
        .subscription = after->phase, .start_us = after->start_us, .end_us = after->end_us};
    struct mtr_period_price price;
    struct query_outcome before;
    mtr_arena_reset(&weighing->prices);
    int rc = query_price_period(&weighing->stored, after->phase, item->name_us, &price, &before);
    if (rc) return rc;
    if (!before.problem && !after->problem && query_has_same_lines(&before, after)) return MTR_OK;
    told.problem = before.problem ? before.problem : after->problem;
    told.why = before.problem ? before.why : after->why;
    if (!told.problem) {
        told.before = before.amount;
        told.after = after->amount;
    }
    rc = find_closed(weighing, item, &told.is_closed);
    return rc ? rc : weighing->on_period(weighing->context, &told);
}

static int tell_all(struct weighing *weighing)
{
    struct query_settling *assumed = &weighing->assumed;
    int rc = MTR_OK;
    query_settling_sort(assumed);
    for (uint32_t i = 0; !rc && i < assumed->count; i++)
        if (assumed->items[i].is_priced && !assumed->items[i].is_waiting)
            rc = tell(weighing, &assumed->items[i]);
    return rc;
}

/* ---- the two sides ---- */

static int on_touched(void *context, const struct mtr_subscription *subscription,
                      const struct mtr_meter *meter, struct mtr_hour span)
{
    struct weighing *weighing = context;
    struct mtr_period *touched = &weighing->touched[subscription->number];
    const int64_t end_us = mtr_meter_has_one_list(meter) ? INT64_MAX : span.end_us; /* it goes on */
    const bool is_new = touched->start_us >= touched->end_us;
    touched->start_us = is_new ? span.start_us : mtr_time_sooner(touched->start_us, span.start_us);
    touched->end_us = is_new ? end_us : mtr_time_later(touched->end_us, end_us);
    return MTR_OK;
}

static int refuse_unsettled(struct weighing *weighing)
{
    mtr_diagnostic_set(&weighing->extent->why, MTR_FINDING_QUERY_CUT_MOVING, 0, 0, NULL,
                       "usage is being folded again after a change of the catalog: ask in a moment");
    return MTR_EAGAIN;
}

/* The store's cells must be where the catalog has them: then nothing is to be counted again. */
static int ask_stored(struct weighing *weighing)
{
    const struct mtr_catalog *catalog = weighing->options->catalog;
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++)
        if (weighing->touched[i].start_us < weighing->touched[i].end_us)
            rc = query_view_ask(&weighing->stored_view, mtr_catalog_subscription(catalog, i));
    if (!rc && mtr_recount_has_work(weighing->stored_view.recount)) rc = refuse_unsettled(weighing);
    return rc;
}

static int begin(struct weighing *weighing, struct mtr_rollups *rollups, struct mtr_charges *charges)
{
    const struct mtr_catalog *catalog = weighing->options->catalog;
    struct assumed_events events;
    uint64_t next_seq, change;
    int rc = mtr_charges_begin(charges, false, &weighing->charges);
    if (!rc) rc = mtr_rollups_begin(rollups, false, &weighing->rollups);
    if (!rc) rc = mtr_rollups_get_cursor(weighing->rollups, &next_seq, &weighing->watermark_us, &change);
    if (rc) return rc;
    query_view_begin(&weighing->stored_view, weighing->rollups, catalog);
    query_view_begin(&weighing->assumed_view, weighing->rollups, catalog);
    rc = assumed_events_read(weighing->options, next_seq, &weighing->events, &events, &weighing->extent->why);
    struct mtr_recount *recount = weighing->assumed_view.recount;
    if (!rc) rc = mtr_recount_assume(recount, events.rows, events.count);
    if (!rc) rc = mtr_recount_walk_touched(recount, on_touched, weighing);
    if (!rc) rc = ask_stored(weighing);
    return rc ? rc : mtr_recount_count(recount, &weighing->extent->why);
}

/* A bound ends it, and is no error. */
static int within(int rc, bool *is_bounded)
{
    *is_bounded = *is_bounded || rc == MTR_ELIMIT;
    return rc == MTR_ELIMIT ? MTR_OK : rc;
}

static int settle(struct weighing *weighing)
{
    struct query_settling *const sides[] = {&weighing->stored, &weighing->assumed};
    bool is_bounded = false;
    for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++) {
        sides[i]->charges = weighing->charges;
        sides[i]->watermark_us = weighing->watermark_us;
        query_settling_begin(sides[i]);
    }
    int rc = within(mark_all(weighing), &is_bounded);
    for (size_t i = 0; !rc && i < sizeof(sides) / sizeof(*sides); i++)
        rc = within(query_settling_run(sides[i]), &is_bounded);
    if (rc) return rc;
    weighing->extent->priced = weighing->assumed.priced;
    weighing->extent->is_complete = !is_bounded;
    if (is_bounded)
        mtr_diagnostic_set(&weighing->extent->why, MTR_FINDING_PERIODS_CLOSED_FURTHER, 0, 0, NULL,
                           "more billing periods are reached than are priced before it: there may be others");
    return tell_all(weighing);
}

static int open_all(struct weighing *weighing)
{
    const struct mtr_would_bill_options *options = weighing->options;
    const struct mtr_recount_options recount = {.reader = options->reader,
                                                .bytes_max = options->events_bytes_max};
    struct query_settling *const sides[] = {&weighing->stored, &weighing->assumed};
    const uint32_t count = mtr_catalog_count(options->catalog, MTR_KIND_SUBSCRIPTION);
    mtr_arena_init(&weighing->prices, ARENA_CHUNK_BYTES, options->memory_bytes_max);
    mtr_arena_init(&weighing->events, ARENA_CHUNK_BYTES, options->events_bytes_max);
    for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++) {
        *sides[i] = (struct query_settling){.prices = &weighing->prices,
                                            .grace_us = options->grace_us,
                                            .priced_max = options->priced_max};
        query_settling_open(sides[i], SETTLED_BYTES_MAX);
    }
    weighing->stored.view = &weighing->stored_view;
    weighing->assumed.view = &weighing->assumed_view;
    weighing->touched = calloc((size_t)count + 1, sizeof(*weighing->touched));
    if (!weighing->touched) return MTR_ENOMEM;
    int rc = query_view_open(&weighing->stored_view, options->catalog, &recount);
    return rc ? rc : query_view_open(&weighing->assumed_view, options->catalog, &recount);
}

static void close_all(struct weighing *weighing)
{
    if (weighing->rollups) mtr_rollups_abort(weighing->rollups);
    mtr_charges_abort(weighing->charges);
    query_view_close(&weighing->assumed_view);
    query_view_close(&weighing->stored_view);
    query_settling_close(&weighing->assumed);
    query_settling_close(&weighing->stored);
    mtr_arena_release(&weighing->events);
    mtr_arena_release(&weighing->prices);
    free(weighing->touched);
}

/* Nothing of it can be told, and `why` says so. */
static bool is_told(struct weighing *weighing, int rc)
{
    struct mtr_diagnostic *why = &weighing->extent->why;
    if (rc == MTR_EAGAIN || rc == MTR_EMISSING) return true;
    if (rc != MTR_ENOMEM && rc != MTR_ELIMIT && rc != MTR_EOVERFLOW) return false;
    mtr_diagnostic_set(why, MTR_FINDING_QUERY_CUT_LIMIT, 0, 0, NULL, "%s",
                       rc == MTR_EOVERFLOW ? "a sum of usage leaves its range"
                                           : "it is more usage than is priced before it is in the log: ask "
                                             "for fewer windows");
    return true;
}

int mtr_would_bill(struct mtr_rollups *rollups, struct mtr_charges *charges,
                   const struct mtr_would_bill_options *options, mtr_on_would_bill on_period, void *context,
                   struct mtr_would_bill_extent *extent)
{
    struct weighing weighing = {
        .options = options, .on_period = on_period, .context = context, .extent = extent};
    *extent = (struct mtr_would_bill_extent){.is_complete = false};
    int rc = open_all(&weighing);
    if (!rc) {
        rc = begin(&weighing, rollups, charges);
        rc = is_told(&weighing, rc) ? MTR_OK : rc ? rc : settle(&weighing);
    }
    close_all(&weighing);
    return rc;
}
