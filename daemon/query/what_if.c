/*
 * What if. Two catalogs, one set of rollups: each period through the rater's kernel (billing_period.h) twice.
 *
 * Invariants: reads only. Subscriptions are taken in chunks, each with its own pair of read transactions: the
 * charges' first, so that the rollups are never older than what the rater had seen. Memory: one period's
 * usage and prices in an arena that is reset for the next.
 */
#include "meterd/query/what_if.h"

#include "daemon/query/change_reach.h"
#include "daemon/query/what_if_pricing.h"
#include "meterd/core/time.h"

enum {
    CHUNK_SUBSCRIPTIONS = 1024, /* hours of all of them are counted again at once */
    CHUNK_CELLS = 1 << 20,
    ARENA_CHUNK_BYTES = 1 << 16,
    RECOUNT_EVENTS_MAX = 100000000,
};
#define RECOUNT_BYTES_MAX ((size_t)1 << 30)

/* ---- which subscriptions ---- */

static bool drafts_phase(const struct mtr_what_if_options *options, const struct mtr_subscription *stored,
                         const struct mtr_subscription *draft)
{
    return what_if_drafts(options, stored->tariff, draft->tariff) ||
           what_if_drafts(options, stored->trial_tariff, draft->trial_tariff) ||
           what_if_drafts(options, stored->cost_tariff, draft->cost_tariff);
}

static bool is_reached(const struct mtr_what_if_options *options, const struct mtr_subscription *stored,
                       const struct mtr_subscription *draft)
{
    const struct query_change change = {options->stored, options->draft, stored, draft};
    for (uint32_t i = 0; stored && i < mtr_subscription_phase_count(draft); i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(draft, i);
        if (drafts_phase(options, mtr_subscription_at(stored, phase->start_us), phase)) return true;
    }
    return !options->tariff.size && query_reach_of(&change).from_us < INT64_MAX;
}

static bool is_of_customer(const struct mtr_subscription *subscription, struct mtr_str customer)
{
    return subscription && mtr_subscription_is_of_customer(subscription, customer);
}

static bool is_asked_for(const struct mtr_what_if_options *options, const struct mtr_subscription *stored,
                         const struct mtr_subscription *draft)
{
    if (options->vendor.size && !mtr_str_equal(draft->service->vendor->key, options->vendor)) return false;
    if (options->customer.size && !is_of_customer(stored, options->customer) &&
        !is_of_customer(draft, options->customer))
        return false;
    if (options->subscription.size && !mtr_str_equal(draft->key, options->subscription)) return false;
    return is_reached(options, stored, draft);
}

/* `stored` is NULL of one that is new. False: it is not asked for. */
static bool find_pair(const struct mtr_what_if_options *options, uint32_t number,
                      const struct mtr_subscription **stored, const struct mtr_subscription **draft)
{
    *stored = mtr_catalog_subscription(options->stored, number);
    *draft = mtr_catalog_subscription(options->draft, number);
    return *draft && is_asked_for(options, *stored, *draft);
}

static uint32_t count_subscriptions(const struct mtr_what_if_options *options)
{
    const struct mtr_subscription *stored, *draft;
    uint32_t count = 0;
    for (uint32_t i = 1; i <= mtr_catalog_count(options->draft, MTR_KIND_SUBSCRIPTION); i++)
        count += find_pair(options, i, &stored, &draft);
    return count;
}

/* ---- one subscription ---- */

static int64_t bound_at(const struct mtr_what_if_bound *bound, const struct mtr_zone *zone)
{
    return bound->is_date ? mtr_zone_midnight(zone, bound->days) : bound->time_us;
}

static void begin_side(struct what_if *what_if, struct what_if_side *side,
                       const struct mtr_subscription *subscription, int64_t from_us)
{
    query_draws_begin(&side->draws, what_if->charges);
    side->begins_late = subscription && mtr_subscription_begun_us(subscription) < from_us;
}

static int walk_subscription(struct what_if *what_if, const struct mtr_subscription *stored,
                             const struct mtr_subscription *draft)
{
    const struct mtr_what_if_options *options = what_if->options;
    const struct mtr_period within = {
        bound_at(&options->from, draft->zone),
        mtr_time_sooner(bound_at(&options->to, draft->zone), what_if->watermark_us + 1)};
    struct query_period_pairs pairs;
    struct query_period_pair pair;
    int rc = MTR_OK;
    begin_side(what_if, &what_if->stored, stored, within.start_us);
    begin_side(what_if, &what_if->draft, draft, within.start_us);
    query_pairs_begin(&pairs, stored, draft, within);
    while (!rc && query_pairs_next(&pairs, &pair)) {
        const struct query_period *period = pair.stored.phase ? &pair.stored : &pair.draft;
        if (period->start_us >= within.start_us) rc = what_if_price_pair(what_if, &pair);
    }
    return rc;
}

/* ---- all of them ---- */

/* The hours of a chunk, from that subscription on, that one of the catalogs cuts where the store is not, or
 * whose use it gives to another. */
static int cut_hours(struct what_if *what_if, uint32_t first)
{
    const struct mtr_what_if_options *options = what_if->options;
    const uint32_t count = mtr_catalog_count(options->draft, MTR_KIND_SUBSCRIPTION);
    const struct mtr_subscription *stored, *draft;
    uint32_t asked = 0;
    int rc = MTR_OK;
    query_view_begin(&what_if->stored.view, what_if->rollups, options->stored);
    query_view_begin(&what_if->draft.view, what_if->rollups, options->stored);
    for (uint32_t i = first; !rc && i <= count && asked < CHUNK_SUBSCRIPTIONS; i++) {
        if (!find_pair(options, i, &stored, &draft)) continue;
        asked++;
        if (stored) rc = query_view_ask(&what_if->stored.view, stored);
        if (!rc) rc = query_view_ask(&what_if->draft.view, draft);
    }
    if (!rc) rc = query_view_count(&what_if->stored.view, what_if->diagnostic);
    return rc ? rc : query_view_count(&what_if->draft.view, what_if->diagnostic);
}

static int begin(struct what_if *what_if, struct mtr_rollups *rollups, struct mtr_charges *charges)
{
    uint64_t next_seq = 0, change = 0;
    what_if->cells = 0;
    int rc = charges ? mtr_charges_begin(charges, false, &what_if->charges) : MTR_OK;
    if (!rc) rc = mtr_rollups_begin(rollups, false, &what_if->rollups);
    return rc ? rc : mtr_rollups_get_cursor(what_if->rollups, &next_seq, &what_if->watermark_us, &change);
}

static void end(struct what_if *what_if)
{
    if (what_if->rollups) mtr_rollups_abort(what_if->rollups);
    mtr_charges_abort(what_if->charges);
    what_if->rollups = NULL;
    what_if->charges = NULL;
}

static int open_views(struct what_if *what_if)
{
    const struct mtr_what_if_options *options = what_if->options;
    const struct mtr_recount_options recount = {
        .reader = options->reader, .events_max = RECOUNT_EVENTS_MAX, .bytes_max = RECOUNT_BYTES_MAX};
    int rc = query_view_open(&what_if->stored.view, options->stored, &recount);
    return rc ? rc : query_view_open(&what_if->draft.view, options->draft, &recount);
}

static int walk(struct what_if *what_if, struct mtr_rollups *rollups, struct mtr_charges *charges)
{
    const struct mtr_what_if_options *options = what_if->options;
    const struct mtr_what_if_hooks *hooks = what_if->hooks;
    const uint32_t total = count_subscriptions(options);
    const struct mtr_subscription *stored, *draft;
    uint32_t done = 0, left = 0; /* of the chunk */
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && done < total; i++) {
        if (!find_pair(options, i, &stored, &draft)) continue;
        if (what_if->rollups && (!left || what_if->cells > CHUNK_CELLS)) end(what_if);
        if (!what_if->rollups) {
            rc = begin(what_if, rollups, charges);
            if (!rc) rc = cut_hours(what_if, i);
            left = CHUNK_SUBSCRIPTIONS;
        }
        left--;
        if (!rc) rc = walk_subscription(what_if, stored, draft);
        if (!rc) rc = hooks->on_subscription(hooks->context, draft, ++done, total);
    }
    end(what_if);
    return rc;
}

int mtr_what_if(struct mtr_rollups *rollups, struct mtr_charges *charges,
                const struct mtr_what_if_options *options, const struct mtr_what_if_hooks *hooks,
                struct mtr_diagnostic *diagnostic)
{
    struct what_if what_if = {.options = options, .hooks = hooks, .diagnostic = diagnostic};
    mtr_arena_init(&what_if.arena, ARENA_CHUNK_BYTES, options->memory_bytes_max);
    int rc = open_views(&what_if);
    if (!rc) rc = walk(&what_if, rollups, charges);
    query_view_close(&what_if.draft.view);
    query_view_close(&what_if.stored.view);
    mtr_arena_release(&what_if.arena);
    return rc;
}
