/*
 * What if. Two catalogs, one set of rollups: each period through the rater's kernel (billing_period.h) twice,
 * with all that it counts with settled first (settled_periods.h).
 *
 * Invariants: reads only. Subscriptions are taken in chunks, each with its own pair of read transactions: the
 * charges' first, so that the rollups are never older than what the rater had seen; those that share
 * something (sharing.h) are of one chunk. Memory: one period's usage and prices in an arena that is reset for
 * the next, and what became of the periods of one group.
 */
#include "meterd/query/what_if.h"

#include "daemon/query/change_reach.h"
#include "daemon/query/changed_inputs.h"
#include "daemon/query/what_if_pricing.h"
#include "meterd/core/time.h"

enum {
    CHUNK_SUBSCRIPTIONS = 1024, /* hours of all of them are counted again at once */
    CHUNK_CELLS = 1 << 20,
    ARENA_CHUNK_BYTES = 1 << 16,
    RECOUNT_EVENTS_MAX = 100000000,
};
#define RECOUNT_BYTES_MAX ((size_t)1 << 30)
#define SETTLED_BYTES_MAX ((size_t)1 << 30) /* of a group; some 4 million periods */

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
    static const struct mtr_subscription none = {.tariff = NULL};
    const struct query_change change = {options->stored, options->draft, stored, draft, !stored};
    for (uint32_t i = 0; i < mtr_subscription_phase_count(draft); i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(draft, i);
        if (drafts_phase(options, stored ? mtr_subscription_at(stored, phase->start_us) : &none, phase))
            return true;
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
    return !options->subscription.size || mtr_str_equal(draft->key, options->subscription);
}

/* A subscription in both catalogs. */
struct pair {
    const struct mtr_subscription *stored; /* NULL: it is new */
    const struct mtr_subscription *draft;
};

static bool find_pair(const struct mtr_what_if_options *options, uint32_t number, struct pair *out)
{
    *out = (struct pair){mtr_catalog_subscription(options->stored, number),
                         mtr_catalog_subscription(options->draft, number)};
    return out->draft;
}

/* One that the draft reaches, whoever is asked for; it may reach others through it. */
static bool find_reached(const struct mtr_what_if_options *options, uint32_t number, struct pair *out)
{
    return find_pair(options, number, out) && is_reached(options, out->stored, out->draft);
}

/* How many of the group are asked for; none where the draft reaches nobody of it. */
static uint32_t count_group(const struct what_if *what_if, uint32_t first)
{
    const struct mtr_what_if_options *options = what_if->options;
    uint32_t count = 0;
    bool any = false;
    struct pair pair;
    for (uint32_t i = first; i; i = what_if->sharing.next[i]) {
        any = any || find_reached(options, i, &pair);
        count += find_pair(options, i, &pair) && is_asked_for(options, pair.stored, pair.draft);
    }
    return any ? count : 0;
}

/* ---- a group of them ---- */

static int64_t bound_at(const struct mtr_what_if_bound *bound, const struct mtr_zone *zone)
{
    return bound->is_date ? mtr_zone_midnight(zone, bound->days) : bound->time_us;
}

static struct mtr_period asked_time(const struct what_if *what_if, const struct mtr_subscription *draft)
{
    const struct mtr_what_if_options *options = what_if->options;
    return (struct mtr_period){
        bound_at(&options->from, draft->zone),
        mtr_time_sooner(bound_at(&options->to, draft->zone), what_if->watermark_us + 1)};
}

static bool is_alone(const struct what_if *what_if, uint32_t number)
{
    return what_if->sharing.first[number] == number && !what_if->sharing.next[number];
}

/* Periods before those that are asked for decide the balances of these; where it has none that go on, and
 * nobody else's, they are left out. */
static int mark_subscription(struct what_if *what_if, const struct pair *of)
{
    const struct mtr_what_if_options *options = what_if->options;
    const bool alone = is_alone(what_if, of->draft->number);
    const bool carries = !alone || (of->stored && query_carries_draws(options->stored, of->stored)) ||
                         query_carries_draws(options->draft, of->draft);
    struct mtr_period within = {INT64_MIN, what_if->watermark_us + 1};
    struct query_period_pairs pairs;
    struct query_period_pair pair;
    int rc = MTR_OK;
    if (!carries) within = asked_time(what_if, of->draft);
    query_pairs_begin(&pairs, of->stored, of->draft, within);
    while (!rc && query_pairs_next(&pairs, &pair)) rc = what_if_mark_pair(what_if, &pair);
    return rc;
}

static int refuse(struct what_if *what_if, uint32_t first)
{
    const struct mtr_subscription *subscription = mtr_catalog_subscription(what_if->options->draft, first);
    mtr_diagnostic_set(what_if->diagnostic, MTR_FINDING_QUERY_CUT_LIMIT, 0, 0, NULL,
                       "subscription '%.*s' and those that share a credit or an account with it have more "
                       "periods than are priced together: let the draft change fewer of them",
                       MTR_STR_ARGS(subscription->key));
    return MTR_ELIMIT;
}

static int settle_group(struct what_if *what_if, uint32_t first)
{
    struct query_settling *const sides[] = {&what_if->stored.settling, &what_if->draft.settling};
    struct pair pair;
    int rc = MTR_OK;
    for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++) {
        sides[i]->charges = what_if->charges;
        sides[i]->watermark_us = what_if->watermark_us;
        query_settling_begin(sides[i]);
    }
    for (uint32_t i = first; !rc && i; i = what_if->sharing.next[i])
        if (find_reached(what_if->options, i, &pair)) rc = mark_subscription(what_if, &pair);
    for (size_t i = 0; !rc && i < sizeof(sides) / sizeof(*sides); i++) rc = query_settling_run(sides[i]);
    return rc == MTR_ELIMIT ? refuse(what_if, first) : rc;
}

/* The periods that are asked for; of one that the draft reaches through others alone where it changes any. */
static int tell_subscription(struct what_if *what_if, const struct pair *of, bool is_reached)
{
    const struct mtr_period within = asked_time(what_if, of->draft);
    struct query_period_pairs pairs;
    struct query_period_pair pair;
    bool is_told = is_reached;
    int rc = MTR_OK;
    query_pairs_begin(&pairs, of->stored, of->draft, within);
    while (!rc && !is_told && query_pairs_next(&pairs, &pair))
        rc = what_if_changes_pair(what_if, &pair, &is_told);
    query_pairs_begin(&pairs, of->stored, of->draft, within);
    while (!rc && is_told && query_pairs_next(&pairs, &pair)) {
        const struct query_period *period = pair.stored.phase ? &pair.stored : &pair.draft;
        if (period->start_us >= within.start_us) rc = what_if_price_pair(what_if, &pair);
    }
    return rc;
}

static int walk_group(struct what_if *what_if, uint32_t first, uint32_t *done, uint32_t total)
{
    const struct mtr_what_if_options *options = what_if->options;
    const struct mtr_what_if_hooks *hooks = what_if->hooks;
    struct pair pair;
    int rc = settle_group(what_if, first);
    for (uint32_t i = first; !rc && i; i = what_if->sharing.next[i]) {
        if (!find_pair(options, i, &pair) || !is_asked_for(options, pair.stored, pair.draft)) continue;
        rc = tell_subscription(what_if, &pair, is_reached(options, pair.stored, pair.draft));
        if (!rc) rc = hooks->on_subscription(hooks->context, pair.draft, ++*done, total);
    }
    return rc;
}

/* ---- all of them ---- */

static int ask_group(struct what_if *what_if, uint32_t first)
{
    struct pair pair;
    int rc = MTR_OK;
    for (uint32_t i = first; !rc && i; i = what_if->sharing.next[i]) {
        if (!find_reached(what_if->options, i, &pair)) continue;
        if (pair.stored) rc = query_view_ask(&what_if->stored.view, pair.stored);
        if (!rc) rc = query_view_ask(&what_if->draft.view, pair.draft);
    }
    return rc;
}

/* The hours of a chunk, from that group on, that one of the catalogs cuts where the store is not, or whose
 * use it gives to another. */
static int cut_hours(struct what_if *what_if, uint32_t first)
{
    uint32_t asked = 0;
    int rc = MTR_OK;
    query_view_begin(&what_if->stored.view, what_if->rollups, what_if->options->stored);
    query_view_begin(&what_if->draft.view, what_if->rollups, what_if->options->stored);
    for (uint32_t i = first; !rc && i <= what_if->sharing.count && asked < CHUNK_SUBSCRIPTIONS; i++) {
        const uint32_t count = what_if->sharing.first[i] == i ? count_group(what_if, i) : 0;
        if (count) rc = ask_group(what_if, i);
        asked += count;
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

static uint64_t cells_of(const struct what_if *what_if)
{
    return what_if->cells + what_if->stored.settling.cells + what_if->draft.settling.cells;
}

static int walk(struct what_if *what_if, struct mtr_rollups *rollups, struct mtr_charges *charges)
{
    uint32_t done = 0, total = 0, left = 0; /* of the chunk */
    uint64_t cells = 0;
    int rc = MTR_OK;
    for (uint32_t i = 1; i <= what_if->sharing.count; i++)
        if (what_if->sharing.first[i] == i) total += count_group(what_if, i);
    for (uint32_t i = 1; !rc && done < total; i++) {
        const uint32_t count = what_if->sharing.first[i] == i ? count_group(what_if, i) : 0;
        if (!count) continue;
        if (what_if->rollups && (!left || cells_of(what_if) - cells > CHUNK_CELLS)) end(what_if);
        if (!what_if->rollups) {
            rc = begin(what_if, rollups, charges);
            if (!rc) rc = cut_hours(what_if, i);
            left = CHUNK_SUBSCRIPTIONS;
            cells = cells_of(what_if);
        }
        left -= count < left ? count : left;
        if (!rc) rc = walk_group(what_if, i, &done, total);
    }
    end(what_if);
    return rc;
}

static int open_all(struct what_if *what_if)
{
    const struct mtr_what_if_options *options = what_if->options;
    const struct mtr_recount_options recount = {
        .reader = options->reader, .events_max = RECOUNT_EVENTS_MAX, .bytes_max = RECOUNT_BYTES_MAX};
    struct what_if_side *const sides[] = {&what_if->stored, &what_if->draft};
    mtr_arena_init(&what_if->arena, ARENA_CHUNK_BYTES, options->memory_bytes_max);
    for (size_t i = 0; i < sizeof(sides) / sizeof(*sides); i++) {
        sides[i]->settling = (struct query_settling){.view = &sides[i]->view,
                                                     .prices = &what_if->arena,
                                                     .grace_us = options->grace_us,
                                                     .priced_max = UINT64_MAX};
        query_settling_open(&sides[i]->settling, SETTLED_BYTES_MAX);
    }
    if (options->has_at) {
        what_if->draft.settling.replace = what_if_freeze;
        what_if->draft.settling.replace_context = what_if;
    }
    int rc = query_sharing_open(&what_if->sharing, options->stored, options->draft);
    if (!rc) rc = query_view_open(&what_if->stored.view, options->stored, &recount);
    return rc ? rc : query_view_open(&what_if->draft.view, options->draft, &recount);
}

static void close_all(struct what_if *what_if)
{
    query_view_close(&what_if->draft.view);
    query_view_close(&what_if->stored.view);
    query_sharing_close(&what_if->sharing);
    query_settling_close(&what_if->draft.settling);
    query_settling_close(&what_if->stored.settling);
    mtr_arena_release(&what_if->arena);
}

int mtr_what_if(struct mtr_rollups *rollups, struct mtr_charges *charges,
                const struct mtr_what_if_options *options, const struct mtr_what_if_hooks *hooks,
                struct mtr_diagnostic *diagnostic)
{
    struct what_if what_if = {.options = options, .hooks = hooks, .diagnostic = diagnostic};
    int rc = open_all(&what_if);
    if (!rc) rc = walk(&what_if, rollups, charges);
    close_all(&what_if);
    return rc;
}
