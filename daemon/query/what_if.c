/*
 * What if. Two catalogs, one set of rollups: each period through the rater's kernel (billing_period.h) twice.
 *
 * Invariants: reads only. Subscriptions are taken in chunks, each with its own pair of read transactions: the
 * charges' first, so that the rollups are never older than what the rater had seen. Memory: one period's
 * usage and prices in an arena that is reset for the next.
 */
#include "meterd/query/what_if.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/time.h"
#include "meterd/rater/rater.h"
#include "daemon/query/frozen.h"
#include "daemon/query/recounted_use.h"

enum {
    CHUNK_SUBSCRIPTIONS = 1024, /* hours of all of them are counted again at once */
    CHUNK_CELLS = 1 << 20,
    ARENA_CHUNK_BYTES = 1 << 16,
    RECOUNT_EVENTS_MAX = 100000000,
};
#define RECOUNT_BYTES_MAX ((size_t)1 << 30)

/* What a tariff came to in a term of its limits so far, under one of the catalogs. */
struct term_sum {
    struct mtr_hash128 id;
    mtr_int128 sum;
};
enum { TERM_SUMS = 8 }; /* more than the periods at hand lie in */

/* One of the two catalogs' way through the periods of a subscription. */
struct side {
    struct what_if *what_if;
    struct query_view *view;
    struct term_sum terms[TERM_SUMS];
    uint32_t term_count; /* noted so far; the newest take the places of the oldest */
};

struct what_if {
    const struct mtr_what_if_options *options;
    const struct mtr_what_if_hooks *hooks;
    struct mtr_rollups_txn *rollups;
    struct mtr_charges_txn *charges; /* NULL: nothing was ever rated */
    struct mtr_arena arena;
    int64_t watermark_us;
    uint64_t cells; /* walked in this pair of transactions */
    char problem[MTR_PERIOD_PROBLEM_BYTES];
    struct mtr_subscription draft; /* the subscription at hand as the draft has it */
    struct query_frozen frozen, frozen_trial, frozen_cost;
    struct query_view stored_view, draft_view;
    struct mtr_diagnostic *diagnostic;
    struct side stored_side, draft_side; /* of the subscription at hand */
};

/* ---- what was charged before ---- */

static struct term_sum *find_term(struct side *side, struct mtr_hash128 id)
{
    for (uint32_t i = 0; i < TERM_SUMS; i++)
        if (i < side->term_count && side->terms[i].id.high == id.high && side->terms[i].id.low == id.low)
            return &side->terms[i];
    return NULL;
}

/* The periods before this one came to what they were priced at here; what lies before the first was charged.
 * */
static int draw_before(void *context, struct mtr_charge_draw *draw)
{
    struct side *side = context;
    const struct term_sum *known = find_term(side, draw->grant);
    if (!known) return mtr_ledger_of_charges.draw_before(side->what_if->charges, draw);
    draw->before = 0;
    draw->drawn = known->sum;
    return MTR_OK;
}

static int walk_lines(void *context, uint32_t subscription, int64_t period_start_s,
                      mtr_charges_on_line on_line, void *hook_context)
{
    const struct side *side = context;
    return mtr_ledger_of_charges.lines(side->what_if->charges, subscription, period_start_s, on_line,
                                       hook_context);
}

static const struct mtr_draw_ledger ledger_of_side = {.draw_before = draw_before, .lines = walk_lines};

static void note_terms(struct side *side, const struct mtr_period_price *price)
{
    for (uint32_t i = 0; i < price->grants.count; i++) {
        const struct mtr_grant *grant = &price->grants.items[i];
        if (!grant->of_term) continue;
        struct term_sum *known = find_term(side, grant->id);
        if (!known) known = &side->terms[side->term_count++ % TERM_SUMS];
        *known = (struct term_sum){grant->id, grant->before + grant->drawn};
    }
}

/* ---- which subscriptions ---- */

/* Records that a draft leaves alone are shared. */
static bool is_drafted(const struct mtr_what_if_options *options, const struct mtr_tariff_document *stored,
                       const struct mtr_tariff_document *draft)
{
    if (!options->tariff.size) return stored != draft;
    return stored && mtr_schema_is_name_of(options->tariff, stored->service, stored->key);
}

static bool is_drafted_phase(const struct mtr_what_if_options *options, const struct mtr_subscription *stored,
                             const struct mtr_subscription *draft)
{
    return is_drafted(options, stored->tariff, draft->tariff) ||
           is_drafted(options, stored->trial_tariff, draft->trial_tariff) ||
           is_drafted(options, stored->cost_tariff, draft->cost_tariff);
}

static bool is_asked_for(const struct mtr_what_if_options *options, const struct mtr_subscription *stored,
                         const struct mtr_subscription *draft)
{
    if (options->vendor.size && !mtr_str_equal(stored->service->vendor->key, options->vendor)) return false;
    if (options->customer.size && !mtr_subscription_is_of_customer(stored, options->customer)) return false;
    if (options->subscription.size && !mtr_str_equal(stored->key, options->subscription)) return false;
    for (uint32_t i = 0; i < mtr_subscription_phase_count(draft); i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(draft, i);
        if (is_drafted_phase(options, mtr_subscription_at(stored, phase->start_us), phase)) return true;
    }
    return false;
}

static const struct mtr_subscription *find_pair(const struct mtr_what_if_options *options, uint32_t number,
                                                const struct mtr_subscription **draft)
{
    const struct mtr_subscription *stored = mtr_catalog_subscription(options->stored, number);
    *draft = mtr_catalog_subscription(options->draft, number);
    return stored && *draft && is_asked_for(options, stored, *draft) ? stored : NULL;
}

static uint32_t count_subscriptions(const struct mtr_what_if_options *options)
{
    const struct mtr_subscription *draft;
    uint32_t count = 0;
    for (uint32_t i = 1; i <= mtr_catalog_count(options->stored, MTR_KIND_SUBSCRIPTION); i++)
        count += find_pair(options, i, &draft) != NULL;
    return count;
}

/* ---- one period ---- */

static int add_emitted(void *context, const struct mtr_charge_line *line)
{
    struct mtr_what_if_period *period = context;
    return mtr_money_add(period->emitted, line->emitted, &period->emitted);
}

static int read_charges(struct what_if *what_if, struct mtr_what_if_period *period)
{
    struct mtr_charge_period known;
    period->over = what_if->watermark_us >= period->end_us + what_if->options->grace_us;
    if (!what_if->charges) return MTR_OK;
    const int64_t name_s = mtr_billing_period_name_s(period->start_us);
    int rc = mtr_charges_get_period(what_if->charges, period->subscription->number, name_s, &known);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    period->rated = true;
    period->over = mtr_rater_is_over(&known, what_if->options->grace_us, what_if->watermark_us);
    return mtr_charges_walk_lines(what_if->charges, period->subscription->number, name_s, add_emitted,
                                  period);
}

/* One of the two prices of a period. */
struct outcome {
    struct mtr_period_price price;
    struct mtr_money amount, cost; /* of all lines */
    bool by_charges;               /* it counts with a sum of a term that was charged before */
};

static int sum_lines(struct outcome *outcome, bool *has_cost)
{
    const struct mtr_period_price *price = &outcome->price;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < price->line_count; i++) {
        const struct mtr_period_line *line = &price->lines[i];
        rc = mtr_money_add(outcome->amount, line->amount, &outcome->amount);
        if (!rc && line->has_cost) rc = mtr_money_add(outcome->cost, line->cost, &outcome->cost);
        *has_cost = *has_cost || line->has_cost;
    }
    return rc;
}

/* Errors that are the period's own, as its numbers are; others end the walk. */
static bool is_problem(int rc)
{
    return rc && rc != MTR_EIO && rc != MTR_ECORRUPT;
}

/* Is a sum of a term that the period counts by one that nothing here was priced for? */
static bool has_unknown_term(struct side *side, const struct mtr_subscription *subscription,
                             const struct mtr_period_price *price)
{
    for (uint32_t i = 0; i < price->period.part_count; i++) {
        const struct mtr_billing_term *term = &price->period.parts[i].term;
        const int64_t begins_us = mtr_time_later(term->whole.start_us, subscription->start_us);
        if (term->given && begins_us < price->period.start_us && !side->term_count) return true;
    }
    return false;
}

static int price_with(struct side *side, const struct mtr_subscription *subscription,
                      struct mtr_what_if_period *period, struct outcome *out)
{
    struct what_if *what_if = side->what_if;
    struct mtr_rating rating = query_view_rating(side->view, what_if->charges, &what_if->arena);
    struct mtr_period_price *price = &out->price;
    rating.ledger = &ledger_of_side;
    rating.ledger_context = side;
    rating.closing = period->over;
    int rc = mtr_billing_period_price(&rating, subscription, period->start_us, price);
    if (rc) return rc;
    out->by_charges = has_unknown_term(side, subscription, price);
    note_terms(side, price);
    what_if->cells += price->cell_count;
    for (uint32_t i = 0; i < price->period.part_count; i++)
        period->components += price->period.parts[i].version->component_count;
    return sum_lines(out, &period->has_cost);
}

static int compare_emitted(struct what_if *what_if, const struct mtr_period_price *price,
                           struct mtr_what_if_period *period)
{
    if (!period->rated) return MTR_OK;
    return mtr_period_price_is_emitted(price, what_if->charges, &what_if->arena, &period->as_emitted);
}

static bool is_uncovered(const struct mtr_billing_period *stored, const struct mtr_billing_period *draft)
{
    if (!stored->part_count) return false;
    return !draft->part_count || draft->parts[0].start_us > stored->parts[0].start_us;
}

/* An allowance of this period alone begins full, whatever was charged before. */
static bool is_by_charges(const struct mtr_period_price *price, const struct mtr_subscription *subscription)
{
    const struct mtr_billing_period *period = &price->period;
    for (uint32_t i = 0; i < price->grants.count; i++) {
        const struct mtr_grant *grant = &price->grants.items[i];
        if (grant->of_term) continue;
        if (grant->credit || grant->before || grant->pool.expires_us != period->whole.end_us) return true;
    }
    for (uint32_t i = 0; subscription->peer_count > 1 && i < period->part_count; i++)
        if (period->parts[i].version->account.has_minimum || period->parts[i].version->account.has_cap)
            return true;
    return false;
}

/* The sentence of the first of them, which is the one that is told. */
static void keep_problem(struct what_if *what_if, struct mtr_what_if_period *period,
                         const struct mtr_period_price *price, int rc)
{
    if (!rc || period->problem) return;
    snprintf(what_if->problem, sizeof(what_if->problem), "%s", mtr_period_problem_text(price, rc));
    period->problem = what_if->problem;
}

static int price_both(struct what_if *what_if, struct mtr_what_if_period *period)
{
    struct outcome stored = {0}, draft = {0};
    int rc = price_with(&what_if->stored_side, period->subscription, period, &stored);
    if (!rc) rc = compare_emitted(what_if, &stored.price, period);
    if (rc && !is_problem(rc)) return rc;
    period->stored_problem = rc;
    keep_problem(what_if, period, &stored.price, rc);
    if (!rc) {
        period->stored = stored.amount;
        period->stored_cost = stored.cost;
    }
    rc = price_with(&what_if->draft_side, &what_if->draft, period, &draft);
    if (rc && !is_problem(rc)) return rc;
    period->draft_problem = rc;
    keep_problem(what_if, period, &draft.price, rc);
    if (!rc) {
        period->draft = draft.amount;
        period->draft_cost = draft.cost;
    }
    period->by_charges = !rc && (draft.by_charges || is_by_charges(&draft.price, &what_if->draft));
    period->uncovered =
        !period->stored_problem && !rc && is_uncovered(&stored.price.period, &draft.price.period);
    return MTR_OK;
}

static int walk_period(struct what_if *what_if, const struct mtr_subscription *subscription, int64_t start_us,
                       int64_t end_us)
{
    struct mtr_what_if_period period = {.subscription = subscription, .start_us = start_us, .end_us = end_us};
    mtr_arena_reset(&what_if->arena);
    int rc = read_charges(what_if, &period);
    if (!rc) rc = price_both(what_if, &period);
    return rc ? rc : what_if->hooks->on_period(what_if->hooks->context, &period);
}

/* ---- one subscription ---- */

static int64_t bound_at(const struct mtr_what_if_bound *bound, const struct mtr_zone *zone)
{
    return bound->is_date ? mtr_zone_midnight(zone, bound->days) : bound->time_us;
}

/* A drafted tariff with the version in force at that time as the only one. None before the first. */
static const struct mtr_tariff_document *freeze(const struct what_if *what_if,
                                                const struct mtr_tariff_document *stored,
                                                const struct mtr_tariff_document *draft,
                                                struct query_frozen *out)
{
    const struct mtr_what_if_options *options = what_if->options;
    if (!draft || !is_drafted(options, stored, draft)) return draft;
    return query_freeze(draft, mtr_tariff_version_at(draft, what_if->draft.zone, options->at_us), out);
}

static void freeze_all(struct what_if *what_if, const struct mtr_subscription *stored)
{
    what_if->draft.tariff = freeze(what_if, stored->tariff, what_if->draft.tariff, &what_if->frozen);
    what_if->draft.trial_tariff =
        freeze(what_if, stored->trial_tariff, what_if->draft.trial_tariff, &what_if->frozen_trial);
    what_if->draft.cost_tariff =
        freeze(what_if, stored->cost_tariff, what_if->draft.cost_tariff, &what_if->frozen_cost);
}

/* The periods of one phase, each under what the draft has at its start. */
static int walk_phase(struct what_if *what_if, const struct mtr_subscription *phase,
                      const struct mtr_subscription *draft)
{
    const struct mtr_what_if_options *options = what_if->options;
    const int64_t from_us = bound_at(&options->from, phase->zone);
    int64_t to_us = bound_at(&options->to, phase->zone);
    int64_t at_us = from_us > phase->start_us ? from_us : phase->start_us;
    int rc = MTR_OK;
    if (to_us > phase->end_us) to_us = phase->end_us;
    what_if->stored_side = (struct side){.what_if = what_if, .view = &what_if->stored_view};
    what_if->draft_side = (struct side){.what_if = what_if, .view = &what_if->draft_view};
    while (!rc && at_us < to_us && at_us <= what_if->watermark_us) {
        int64_t end_us = 0;
        const int64_t start_us = mtr_billing_period_start(phase, at_us, &end_us);
        what_if->draft = *mtr_subscription_at(draft, start_us);
        if (options->has_at) freeze_all(what_if, phase);
        if (start_us >= from_us)
            rc = walk_period(what_if, phase, start_us, end_us < phase->end_us ? end_us : phase->end_us);
        at_us = end_us;
    }
    return rc;
}

static int walk_subscription(struct what_if *what_if, const struct mtr_subscription *subscription,
                             const struct mtr_subscription *draft)
{
    const struct mtr_str customer = what_if->options->customer;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < mtr_subscription_phase_count(subscription); i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(subscription, i);
        if (!customer.size || mtr_str_equal(customer, phase->customer))
            rc = walk_phase(what_if, phase, draft);
    }
    return rc;
}

/* ---- all of them ---- */

/* The hours of a chunk, from that subscription on, that one of the catalogs cuts where the store is not. */
static int cut_hours(struct what_if *what_if, uint32_t first)
{
    const struct mtr_what_if_options *options = what_if->options;
    const uint32_t count = mtr_catalog_count(options->stored, MTR_KIND_SUBSCRIPTION);
    const struct mtr_subscription *draft;
    uint32_t asked = 0;
    int rc = MTR_OK;
    query_view_begin(&what_if->stored_view, what_if->rollups, options->stored);
    query_view_begin(&what_if->draft_view, what_if->rollups, options->stored);
    for (uint32_t i = first; !rc && i <= count && asked < CHUNK_SUBSCRIPTIONS; i++) {
        const struct mtr_subscription *stored = find_pair(options, i, &draft);
        if (!stored) continue;
        asked++;
        rc = query_view_ask(&what_if->stored_view, stored);
        if (!rc) rc = query_view_ask(&what_if->draft_view, draft);
    }
    if (!rc) rc = query_view_count(&what_if->stored_view, what_if->diagnostic);
    return rc ? rc : query_view_count(&what_if->draft_view, what_if->diagnostic);
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
    int rc = query_view_open(&what_if->stored_view, options->stored, &recount);
    return rc ? rc : query_view_open(&what_if->draft_view, options->draft, &recount);
}

static int walk(struct what_if *what_if, struct mtr_rollups *rollups, struct mtr_charges *charges)
{
    const struct mtr_what_if_options *options = what_if->options;
    const struct mtr_what_if_hooks *hooks = what_if->hooks;
    const uint32_t total = count_subscriptions(options);
    const struct mtr_subscription *draft;
    uint32_t done = 0, left = 0; /* of the chunk */
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && done < total; i++) {
        const struct mtr_subscription *stored = find_pair(options, i, &draft);
        if (!stored) continue;
        if (what_if->rollups && (!left || what_if->cells > CHUNK_CELLS)) end(what_if);
        if (!what_if->rollups) {
            rc = begin(what_if, rollups, charges);
            if (!rc) rc = cut_hours(what_if, i);
            left = CHUNK_SUBSCRIPTIONS;
        }
        left--;
        if (!rc) rc = walk_subscription(what_if, stored, draft);
        if (!rc) rc = hooks->on_subscription(hooks->context, stored, ++done, total);
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
    query_view_close(&what_if.draft_view);
    query_view_close(&what_if.stored_view);
    mtr_arena_release(&what_if.arena);
    return rc;
}
