/*
 * What a change does to closed periods. Which subscriptions it touches is told by pointers, since a draft
 * shares what it leaves as it is; which periods by the hash of their inputs; what comes of them by pricing
 * them under both catalogs.
 *
 * Invariants: reads only. A pair of read transactions for a chunk of subscriptions, the charges' first, so
 * that the rollups are never older than what the rater had seen.
 */
#include "meterd/query/closed_periods.h"

#include "daemon/query/recounted_use.h"
#include "meterd/core/time.h"

enum {
    CHUNK_SUBSCRIPTIONS = 1024, /* that are touched: hours of all of them are counted again at once */
    ARENA_CHUNK_BYTES = 1 << 16,
    RECOUNT_BYTES_MAX = 256 << 20,
    STOP = 1
};

struct looking {
    const struct mtr_closed_periods_options *options;
    mtr_on_closed_period on_period;
    void *context;
    struct mtr_rollups_txn *rollups;
    struct mtr_charges_txn *charges;
    struct mtr_arena arena;
    struct query_view stored_view, draft_view;
    int64_t watermark_us;
    uint32_t looked_at, priced;
    bool ended; /* by a bound */
    const struct mtr_subscription *stored, *draft; /* at hand: their first phases */
    bool dated;
    int64_t from_us; /* periods that end before are out of reach */
};

/* ---- which subscriptions ---- */

/* A text of a record that both share stands at one place. */
static bool is_shared(struct mtr_str stored, struct mtr_str draft)
{
    return stored.data == draft.data;
}

/* What the change can reach, and whether it says from when on it does. */
struct reach {
    int64_t from_us; /* INT64_MAX: nothing */
    bool dated;
};

static void reach_back(struct reach *reach, int64_t from_us, bool dated)
{
    if (from_us < reach->from_us) reach->from_us = from_us;
    reach->dated = reach->dated && dated;
}

static void compare_tariffs(const struct mtr_tariff_document *stored, const struct mtr_tariff_document *draft,
                            struct reach *reach)
{
    if (stored == draft) return;
    if (!stored || !draft || !mtr_str_equal(stored->key, draft->key)) {
        reach_back(reach, INT64_MIN, false);
        return;
    }
    const struct mtr_tariff_change change = mtr_tariff_compare(stored, draft);
    if (change.from_us < INT64_MAX) reach_back(reach, change.from_us, change.dated);
}

static bool same_trial(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    if (a->trial_unit_count != b->trial_unit_count || a->has_trial_amount != b->has_trial_amount ||
        a->trial_amount.e18 != b->trial_amount.e18 || a->trial_stops != b->trial_stops)
        return false;
    for (uint32_t i = 0; i < a->trial_unit_count; i++)
        if (a->trial_units[i].quantity.e12 != b->trial_units[i].quantity.e12 ||
            !mtr_str_equal(a->trial_units[i].component, b->trial_units[i].component))
            return false;
    return true;
}

static bool same_moments(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    return a->start_us == b->start_us && mtr_subscription_ends_us(a) == mtr_subscription_ends_us(b) &&
           a->trial_end_us == b->trial_end_us && a->free_until_us == b->free_until_us &&
           a->charged_until_us == b->charged_until_us;
}

/* An anniversary's anchor moves with the start. */
static bool same_billing(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    return a->billing.unit == b->billing.unit &&
           (a->billing.anchor_days == b->billing.anchor_days || a->start_us != b->start_us);
}

static bool same_terms(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    return mtr_str_equal(a->tariff->key, b->tariff->key) && mtr_str_equal(a->customer, b->customer) &&
           mtr_str_equal(a->currency, b->currency) && same_billing(a, b);
}

/* Changes of the subscription: one that is new or moves says from when; one that is taken out or says
 * something else does not. */
static void compare_changes(const struct mtr_subscription *stored, const struct mtr_subscription *draft,
                            struct reach *reach)
{
    const uint32_t stored_count = mtr_subscription_phase_count(stored),
                   draft_count = mtr_subscription_phase_count(draft);
    uint32_t same = 1;
    for (; same < stored_count && same < draft_count; same++) {
        const struct mtr_subscription *a = mtr_subscription_phase(stored, same),
                                      *b = mtr_subscription_phase(draft, same);
        if (a->start_us != b->start_us || !same_terms(a, b)) break;
    }
    for (uint32_t i = same; i < draft_count; i++)
        reach_back(reach, mtr_subscription_phase(draft, i)->start_us, true);
    for (uint32_t i = same; i < stored_count; i++) {
        const struct mtr_subscription *gone = mtr_subscription_phase(stored, i);
        if (gone->start_us >= mtr_subscription_ends_us(draft)) break; /* the end takes it away */
        const bool moved = i < draft_count && same_terms(gone, mtr_subscription_phase(draft, i));
        reach_back(reach, gone->start_us, moved);
    }
}

static void compare_documents(const struct mtr_subscription *stored, const struct mtr_subscription *draft,
                              struct reach *reach)
{
    if (is_shared(stored->key, draft->key)) return;
    if (!mtr_str_equal(stored->customer, draft->customer) || !same_billing(stored, draft) ||
        !same_trial(stored, draft))
        reach_back(reach, INT64_MIN, false);
    else if (!same_moments(stored, draft))
        reach_back(reach, INT64_MIN, true);
    compare_changes(stored, draft, reach);
}

static void compare_peers(const struct mtr_subscription *stored, const struct mtr_subscription *draft,
                          struct reach *reach)
{
    bool same = stored->peer_count == draft->peer_count;
    for (uint32_t i = 0; i < draft->peer_count && same; i++)
        same = is_shared(stored->peers[i]->key, draft->peers[i]->key);
    if (!same) reach_back(reach, INT64_MIN, true); /* who changed it without a date is looked at himself */
}

/* A level ends where its meter is retired, and so do a percentile's windows. */
static void compare_meters(const struct looking *looking, struct reach *reach)
{
    const struct mtr_catalog *stored = looking->options->stored, *draft = looking->options->draft;
    const struct mtr_service *service = looking->draft->service;
    if (looking->stored->service->measure_ends == service->measure_ends) return;
    for (uint32_t i = 1; i <= mtr_catalog_count(draft, MTR_KIND_METER); i++) {
        const struct mtr_meter *b = mtr_catalog_meter(draft, i), *a = b ? mtr_catalog_meter(stored, i) : NULL;
        if (!a || b->service != service || !mtr_aggregation_measures_time(b->aggregation)) continue;
        const int64_t stored_us = mtr_meter_retired_us(a), draft_us = mtr_meter_retired_us(b);
        if (stored_us != draft_us) reach_back(reach, mtr_time_sooner(stored_us, draft_us), true);
    }
}

/* Each phase of the draft against what was in force at its start; its own tariff is told by its change. */
static void compare_phases(const struct mtr_subscription *stored, const struct mtr_subscription *draft,
                           struct reach *reach)
{
    for (uint32_t i = 0; i < mtr_subscription_phase_count(draft); i++) {
        const struct mtr_subscription *b = mtr_subscription_phase(draft, i),
                                      *a = mtr_subscription_at(stored, b->start_us);
        if (i == 0 || mtr_str_equal(a->tariff->key, b->tariff->key))
            compare_tariffs(a->tariff, b->tariff, reach);
        compare_tariffs(a->trial_tariff, b->trial_tariff, reach);
        compare_tariffs(a->cost_tariff, b->cost_tariff, reach);
        compare_peers(a, b, reach);
    }
}

static const struct mtr_credit *next_credit(const struct mtr_catalog *catalog,
                                            const struct mtr_subscription *subscription, uint32_t *position)
{
    if (!mtr_catalog_count(catalog, MTR_KIND_CREDIT)) return NULL;
    return mtr_catalog_next_credit(catalog, subscription, position);
}

/* A credit that is new has its own beginning; one that is written anew changes what it gave. */
static void compare_credits(const struct looking *looking, struct reach *reach)
{
    const struct mtr_catalog *stored = looking->options->stored;
    const struct mtr_credit *draft, *known;
    for (uint32_t i = 0; i < mtr_subscription_phase_count(looking->draft); i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(looking->draft, i);
        for (uint32_t position = 0;
             (draft = next_credit(looking->options->draft, phase, &position)) != NULL;) {
            known = mtr_catalog_credit(stored, draft->number);
            if (!known || !is_shared(known->key, draft->key)) reach_back(reach, INT64_MIN, !known);
        }
    }
}

/* Is the subscription touched? Then its reach is noted. */
static bool is_touched(struct looking *looking)
{
    struct reach reach = {.from_us = INT64_MAX, .dated = true};
    compare_phases(looking->stored, looking->draft, &reach);
    compare_documents(looking->stored, looking->draft, &reach);
    compare_credits(looking, &reach);
    compare_meters(looking, &reach);
    looking->from_us = reach.from_us;
    looking->dated = reach.dated;
    return reach.from_us < INT64_MAX;
}

/* ---- one period ---- */

static struct mtr_rating rating_by(struct looking *looking, struct query_view *view)
{
    struct mtr_rating rating = query_view_rating(view, looking->charges, &looking->arena);
    rating.catalog = view->catalog;
    rating.closing = true;
    return rating;
}

/* Does the period that begins there come to its end by now? Where the draft moves its end away it runs on. */
static bool is_over(const struct looking *looking, const struct mtr_subscription *phase, int64_t start_us)
{
    int64_t end_us = 0;
    if (phase->start_us > start_us || start_us >= phase->end_us) return true; /* there is none */
    (void)mtr_billing_period_start(phase, start_us, &end_us);
    return mtr_time_sooner(end_us, phase->end_us) <= looking->watermark_us;
}

static int sum_lines(const struct mtr_period_price *price, struct mtr_money *out)
{
    int rc = MTR_OK;
    *out = (struct mtr_money){0};
    for (uint32_t i = 0; !rc && i < price->line_count; i++)
        rc = mtr_money_add(*out, price->lines[i].amount, out);
    return rc;
}

static bool same_lines(const struct mtr_period_price *a, const struct mtr_period_price *b)
{
    bool same = a->line_count == b->line_count;
    for (uint32_t i = 0; i < a->line_count && same; i++) {
        const struct mtr_period_line *x = &a->lines[i], *y = &b->lines[i];
        same = x->amount.e18 == y->amount.e18 && x->cost.e18 == y->cost.e18 &&
               x->quantity.e12 == y->quantity.e12 &&
               mtr_str_equal(x->identity.component, y->identity.component) &&
               mtr_str_equal(x->identity.kind, y->identity.kind) &&
               mtr_str_equal(x->identity.dimensions, y->identity.dimensions);
    }
    return same;
}

static bool is_fatal(int rc)
{
    return rc == MTR_EIO || rc == MTR_ECORRUPT;
}

/* More than is priced here at once: it was rated line range by line range. */
static bool is_too_large(int rc)
{
    return rc == MTR_ENOMEM || rc == MTR_ELIMIT;
}

static const struct mtr_subscription *phase_at(const struct mtr_subscription *subscription, int64_t start_us)
{
    return mtr_billing_period_phase(subscription, mtr_billing_period_name_s(start_us));
}

static bool has_same_customer(const struct looking *looking, int64_t start_us)
{
    return mtr_str_equal(phase_at(looking->stored, start_us)->customer,
                         phase_at(looking->draft, start_us)->customer);
}

/* Another price, or the same for another customer? Then *period says so. */
static int price_both(struct looking *looking, int64_t start_us, struct mtr_closed_period *period,
                      bool *changes)
{
    const struct mtr_rating stored_rating = rating_by(looking, &looking->stored_view);
    struct mtr_rating draft_rating = rating_by(looking, &looking->draft_view);
    const struct mtr_subscription *stored_phase = phase_at(looking->stored, start_us),
                                  *draft_phase = phase_at(looking->draft, start_us);
    struct mtr_period_price stored = {0}, draft = {0};
    draft_rating.closing = is_over(looking, draft_phase, start_us);
    int rc = mtr_billing_period_price(&stored_rating, stored_phase, start_us, &stored);
    if (rc && is_fatal(rc)) return rc;
    if (rc) { /* else it cannot be rated now either: nothing of it is promised */
        period->problem = rc;
        *changes = is_too_large(rc);
        return MTR_OK;
    }
    rc = sum_lines(&stored, &period->before);
    if (!rc) rc = mtr_billing_period_price(&draft_rating, draft_phase, start_us, &draft);
    if (!rc) rc = sum_lines(&draft, &period->after);
    if (rc && is_fatal(rc)) return rc;
    period->problem = rc;
    const bool same_customer = has_same_customer(looking, start_us);
    *changes = rc || !same_lines(&stored, &draft) || (!same_customer && stored.line_count);
    return MTR_OK;
}

static int compare_inputs(struct looking *looking, int64_t start_us, bool *same)
{
    const struct mtr_rating stored_rating = rating_by(looking, &looking->stored_view),
                            draft_rating = rating_by(looking, &looking->draft_view);
    const struct mtr_subscription *stored_phase = phase_at(looking->stored, start_us),
                                  *draft_phase = phase_at(looking->draft, start_us);
    struct mtr_hash128 stored, draft;
    int rc = mtr_billing_period_inputs(&stored_rating, stored_phase, start_us, &stored);
    if (!rc) rc = mtr_billing_period_inputs(&draft_rating, draft_phase, start_us, &draft);
    if (!rc) *same = stored.high == draft.high && stored.low == draft.low;
    return rc;
}

static int look_at(struct looking *looking, int64_t start_us, int64_t end_us)
{
    struct mtr_closed_period period = {
        .subscription = phase_at(looking->draft, start_us),
        .start_us = start_us,
        .end_us = end_us,
        .dated = looking->dated,
    };
    bool same_inputs = false, changes = false;
    if (looking->looked_at == looking->options->looked_at_max ||
        looking->priced == looking->options->priced_max) {
        looking->ended = true;
        return STOP;
    }
    looking->looked_at++;
    mtr_arena_reset(&looking->arena);
    int rc = compare_inputs(looking, start_us, &same_inputs);
    if (rc) return rc;
    if (same_inputs && has_same_customer(looking, start_us)) return MTR_OK;
    looking->priced++;
    rc = price_both(looking, start_us, &period, &changes);
    return rc || !changes ? rc : looking->on_period(looking->context, &period);
}

/* ---- the periods of one subscription ---- */

static int on_rated_period(void *context, const struct mtr_charge_period *period)
{
    struct looking *looking = context;
    if (period->status != MTR_PERIOD_FINAL || period->close_due_us < INT64_MAX) return MTR_OK;
    const int64_t start_us = period->start_s * MTR_US_PER_SECOND, end_us = period->end_s * MTR_US_PER_SECOND;
    /* One that ends there may have ended for a change that is taken out. */
    return end_us >= looking->from_us ? look_at(looking, start_us, end_us) : MTR_OK;
}

/* Periods that are over and that there were none of: a start that moved back makes such, and a change. */
static int look_at_new_periods(struct looking *looking)
{
    const struct mtr_subscription *draft = looking->draft;
    const int64_t ends_us = mtr_subscription_ends_us(draft);
    int64_t at_us = draft->start_us;
    int rc = MTR_OK;
    if (looking->from_us > at_us) at_us = looking->from_us - 1;
    while (!rc && at_us < ends_us && at_us < looking->watermark_us) {
        const struct mtr_subscription *phase = mtr_subscription_at(draft, at_us);
        struct mtr_charge_period known;
        int64_t whole_end_us = 0;
        const int64_t start_us = mtr_billing_period_start(phase, at_us, &whole_end_us);
        const int64_t end_us = mtr_time_sooner(whole_end_us, phase->end_us);
        if (end_us > looking->watermark_us) break;
        rc = mtr_charges_get_period(looking->charges, draft->number, mtr_billing_period_name_s(start_us),
                                    &known);
        if (rc == MTR_ENOTFOUND) rc = look_at(looking, start_us, end_us);
        at_us = end_us;
    }
    return rc;
}

/* ---- all of them ---- */

/* Is there such a subscription in both, and does the change touch it? Then it is at hand. */
static bool take(struct looking *looking, uint32_t number)
{
    looking->stored = mtr_catalog_subscription(looking->options->stored, number);
    looking->draft = mtr_catalog_subscription(looking->options->draft, number);
    return looking->stored && looking->draft && is_touched(looking);
}

/* The hours of a chunk, from that subscription on, that one of the catalogs cuts where the store is not cut.
 * What cannot be counted is not looked at: the fold refuses a change that it cannot follow. */
static int cut_hours(struct looking *looking, uint32_t first)
{
    const struct mtr_catalog *stored = looking->options->stored;
    const uint32_t count = mtr_catalog_count(stored, MTR_KIND_SUBSCRIPTION);
    struct mtr_diagnostic unused;
    uint32_t asked = 0;
    int rc = MTR_OK;
    query_view_begin(&looking->stored_view, looking->rollups, stored);
    query_view_begin(&looking->draft_view, looking->rollups, stored);
    for (uint32_t i = first; !rc && i <= count && asked < CHUNK_SUBSCRIPTIONS; i++) {
        if (!take(looking, i)) continue;
        asked++;
        rc = query_view_ask(&looking->stored_view, looking->stored);
        if (!rc) rc = query_view_ask(&looking->draft_view, looking->draft);
    }
    if (!rc) rc = query_view_count(&looking->stored_view, &unused);
    if (!rc) rc = query_view_count(&looking->draft_view, &unused);
    looking->ended = rc == MTR_EMISSING || rc == MTR_ELIMIT || rc == MTR_EAGAIN;
    return looking->ended ? STOP : rc;
}

static int begin(struct looking *looking, struct mtr_rollups *rollups, struct mtr_charges *charges)
{
    uint64_t next_seq, change;
    int rc = mtr_charges_begin(charges, false, &looking->charges);
    if (!rc) rc = mtr_rollups_begin(rollups, false, &looking->rollups);
    return rc ? rc : mtr_rollups_get_cursor(looking->rollups, &next_seq, &looking->watermark_us, &change);
}

static void end(struct looking *looking)
{
    if (looking->rollups) mtr_rollups_abort(looking->rollups);
    mtr_charges_abort(looking->charges);
    looking->rollups = NULL;
    looking->charges = NULL;
}

static int open_views(struct looking *looking)
{
    const struct mtr_closed_periods_options *options = looking->options;
    const struct mtr_recount_options recount = {
        .reader = options->reader, .events_max = options->recounted_max, .bytes_max = RECOUNT_BYTES_MAX};
    int rc = query_view_open(&looking->stored_view, options->stored, &recount);
    return rc ? rc : query_view_open(&looking->draft_view, options->draft, &recount);
}

static int walk(struct looking *looking, struct mtr_rollups *rollups, struct mtr_charges *charges)
{
    const uint32_t count = mtr_catalog_count(looking->options->stored, MTR_KIND_SUBSCRIPTION);
    uint32_t left = 0; /* of the chunk */
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= count; i++) {
        if (!take(looking, i)) continue;
        if (!left) {
            end(looking);
            rc = begin(looking, rollups, charges);
            if (!rc) rc = cut_hours(looking, i);
            left = CHUNK_SUBSCRIPTIONS;
            if (rc) break;
            (void)take(looking, i); /* it is at hand again */
        }
        left--;
        rc = mtr_charges_walk_periods(looking->charges, i, INT64_MIN, on_rated_period, looking);
        if (!rc) rc = look_at_new_periods(looking);
    }
    end(looking);
    return rc;
}

int mtr_closed_periods_walk(struct mtr_rollups *rollups, struct mtr_charges *charges,
                            const struct mtr_closed_periods_options *options, mtr_on_closed_period on_period,
                            void *context, bool *complete)
{
    struct looking looking = {.options = options, .on_period = on_period, .context = context};
    mtr_arena_init(&looking.arena, ARENA_CHUNK_BYTES, options->memory_bytes_max);
    int rc = open_views(&looking);
    if (!rc) rc = walk(&looking, rollups, charges);
    query_view_close(&looking.draft_view);
    query_view_close(&looking.stored_view);
    mtr_arena_release(&looking.arena);
    *complete = !looking.ended;
    return looking.ended && rc == STOP ? MTR_OK : rc;
}
