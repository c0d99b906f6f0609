/*
 * What a change does to closed periods. Which subscriptions it touches its reach says (change_reach.h), which
 * periods the hash of their inputs, or that others before them draw more or less; what comes of them they are
 * priced for under both catalogs.
 *
 * Invariants: reads only. A pair of read transactions for a chunk of subscriptions, the charges' first, so
 * that the rollups are never older than what the rater had seen.
 */
#include "meterd/query/closed_periods.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/query/chained_draws.h"
#include "daemon/query/change_reach.h"
#include "daemon/query/recounted_use.h"
#include "meterd/core/time.h"

enum {
    CHUNK_SUBSCRIPTIONS = 1024, /* that are touched: hours of all of them are counted again at once, */
    SINGLES_MAX = 64,           /* or one by one, where that is too much */
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
    uint32_t chunk, singles;
    bool ended;       /* by a bound */
    bool passed_over; /* one whose use could not be counted */
    const struct mtr_meter *uncounted; /* as in the extent */
    const struct mtr_subscription *handed_over, *gone, *shared;
    const struct mtr_subscription *stored, *draft; /* at hand: their first phases; stored NULL: it is new */
    struct query_reach reach;
    struct query_draws draws; /* of its periods so far */
    int64_t new_from_us;      /* periods that there were none of are looked at up to there */
};

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

/* Of two struct mtr_period_line: what the bill calls them. */
static int compare_names(const void *a, const void *b)
{
    const struct mtr_charge_line *x = &((const struct mtr_period_line *)a)->identity,
                                 *y = &((const struct mtr_period_line *)b)->identity;
    int order = mtr_str_compare(x->component, y->component);
    if (!order) order = mtr_str_compare(x->kind, y->kind);
    return order ? order : mtr_str_compare(x->dimensions, y->dimensions);
}

static int compare_lines(const void *a, const void *b)
{
    const int64_t x = ((const struct mtr_period_line *)a)->identity.part_start_us,
                  y = ((const struct mtr_period_line *)b)->identity.part_start_us;
    const int order = compare_names(a, b);
    return order ? order : (x > y) - (x < y);
}

static bool same_in_order(const struct mtr_period_price *a, const struct mtr_period_price *b)
{
    bool same = a->line_count == b->line_count;
    for (uint32_t i = 0; i < a->line_count && same; i++) {
        const struct mtr_period_line *x = &a->lines[i], *y = &b->lines[i];
        same = x->amount.e18 == y->amount.e18 && x->cost.e18 == y->cost.e18 &&
               x->quantity.e12 == y->quantity.e12 && compare_names(x, y) == 0;
    }
    return same;
}

/* The bill does not say in which order pools and lines were priced. Sorts them, where that is another. */
static bool same_lines(struct mtr_period_price *a, struct mtr_period_price *b)
{
    if (a->line_count != b->line_count || same_in_order(a, b)) return a->line_count == b->line_count;
    qsort(a->lines, a->line_count, sizeof(*a->lines), compare_lines);
    qsort(b->lines, b->line_count, sizeof(*b->lines), compare_lines);
    return same_in_order(a, b);
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
    if (!looking->stored) return true;
    return mtr_str_equal(phase_at(looking->stored, start_us)->customer,
                         phase_at(looking->draft, start_us)->customer);
}

static int note_draws(struct looking *looking, int64_t start_us, const struct mtr_period_price *draft)
{
    int rc = query_draws_note(&looking->draws, looking->draft->number, mtr_billing_period_name_s(start_us),
                              draft);
    if (looking->draws.is_full) looking->ended = true;
    return rc;
}

/* Nothing of one that is new. */
static int price_stored(struct looking *looking, int64_t start_us, struct mtr_period_price *out)
{
    const struct mtr_rating rating = rating_by(looking, &looking->stored_view);
    if (!looking->stored) return MTR_OK;
    return mtr_billing_period_price(&rating, phase_at(looking->stored, start_us), start_us, out);
}

/* What is told of one period: of two, where it is another customer's or in another currency by the draft, or
 * where its start lies elsewhere in the same second. The one that it was is taken back. */
struct telling {
    struct mtr_closed_period now, former;
    bool has_former;
};

static void name_period(struct mtr_closed_period *period, const struct mtr_period_price *price)
{
    period->subscription = price->subscription;
    period->start_us = price->period.start_us;
    period->end_us = price->period.end_us;
}

/* Each side by its own customer, currency and start. One side alone is the period. */
static void tell_sides(struct telling *telling, const struct mtr_period_price *stored,
                       const struct mtr_period_price *draft)
{
    struct mtr_closed_period *now = &telling->now, *former = &telling->former;
    if (!stored->period.exists) return;
    if (!draft->period.exists) {
        name_period(now, stored);
        return;
    }
    telling->has_former =
        stored->period.start_us != draft->period.start_us ||
        !mtr_str_equal(stored->subscription->customer, draft->subscription->customer) ||
        !mtr_str_equal(stored->subscription->currency, draft->subscription->currency);
    if (!telling->has_former) return;
    *former = *now;
    name_period(former, stored);
    former->is_former = true;
    former->after = now->before = (struct mtr_money){0};
}

/* Another price, or the same for another customer? Then *telling says so. */
static int price_both(struct looking *looking, int64_t start_us, struct telling *telling, bool *changes)
{
    struct mtr_closed_period *period = &telling->now;
    struct mtr_rating draft_rating = rating_by(looking, &looking->draft_view);
    const struct mtr_subscription *draft_phase = phase_at(looking->draft, start_us);
    struct mtr_period_price stored = {0}, draft = {0};
    draft_rating.closing = is_over(looking, draft_phase, period->start_us);
    draft_rating.ledger = &query_ledger_of_draws;
    draft_rating.ledger_context = &looking->draws;
    int rc = price_stored(looking, start_us, &stored);
    if (rc && is_fatal(rc)) return rc;
    if (rc) { /* else it cannot be rated now either: nothing of it is promised */
        period->problem = rc;
        *changes = is_too_large(rc);
        return MTR_OK;
    }
    rc = sum_lines(&stored, &period->before);
    if (!rc) rc = mtr_billing_period_price(&draft_rating, draft_phase, start_us, &draft);
    if (!rc) rc = sum_lines(&draft, &period->after);
    if (!rc) rc = note_draws(looking, start_us, &draft);
    if (rc && is_fatal(rc)) return rc;
    period->problem = rc;
    if (rc) snprintf(period->why, sizeof(period->why), "%s", mtr_period_problem_text(&draft, rc));
    const bool same_customer = has_same_customer(looking, start_us);
    const bool counts_others = (looking->stored && query_counts_others(&stored)) ||
                               (!rc && query_counts_others(&draft));
    *changes = rc || !same_lines(&stored, &draft) || (!same_customer && stored.line_count);
    if (*changes && counts_others && !looking->shared) looking->shared = looking->draft;
    if (!rc) tell_sides(telling, &stored, &draft);
    return MTR_OK;
}

static int compare_inputs(struct looking *looking, int64_t start_us, bool *same)
{
    if (!looking->stored) return MTR_OK; /* *same is false */
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

/* The period that starts in that second, or at that instant. */
static int look_at(struct looking *looking, int64_t start_us, int64_t end_us)
{
    const struct mtr_subscription *phase = phase_at(looking->draft, start_us);
    struct telling telling = {
        .now = {.subscription = phase,
                .start_us = mtr_billing_period_instant(phase, mtr_billing_period_name_s(start_us)),
                .end_us = end_us,
                .dated = looking->reach.dated}};
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
    if (same_inputs && has_same_customer(looking, start_us) && !query_draws_differ(&looking->draws))
        return MTR_OK;
    looking->priced++;
    rc = price_both(looking, start_us, &telling, &changes);
    if (!rc && changes && telling.has_former) rc = looking->on_period(looking->context, &telling.former);
    if (!rc && changes) rc = looking->on_period(looking->context, &telling.now);
    return rc || !looking->ended ? rc : STOP;
}

/* ---- the periods of one subscription ---- */

/* Periods that are over and that there were none of: a start that moved back makes such, and a change. Those
 * that start before until_us, each once. */
static int look_at_new_periods(struct looking *looking, int64_t until_us)
{
    const struct mtr_subscription *draft = looking->draft;
    int rc = MTR_OK;
    until_us = mtr_time_sooner(until_us, mtr_subscription_ends_us(draft));
    until_us = mtr_time_sooner(until_us, looking->watermark_us);
    while (!rc && looking->new_from_us < until_us) {
        const int64_t at_us = looking->new_from_us;
        const struct mtr_subscription *phase = mtr_subscription_at(draft, at_us);
        struct mtr_charge_period known;
        int64_t whole_end_us = 0;
        const int64_t start_us = mtr_billing_period_start(phase, at_us, &whole_end_us);
        const int64_t end_us = mtr_time_sooner(whole_end_us, phase->end_us);
        looking->new_from_us = end_us;
        if (end_us > looking->watermark_us) break;
        rc = mtr_charges_get_period(looking->charges, draft->number, mtr_billing_period_name_s(start_us),
                                    &known);
        if (rc == MTR_ENOTFOUND) rc = look_at(looking, start_us, end_us);
    }
    return rc;
}

/* Does the draft have a period that is over behind the one of that name? */
static bool is_followed(const struct looking *looking, int64_t start_us)
{
    const struct mtr_subscription *phase = phase_at(looking->draft, start_us);
    int64_t end_us = start_us;
    if (phase->start_us < start_us + MTR_US_PER_SECOND && start_us < phase->end_us)
        (void)mtr_billing_period_start(phase, mtr_time_later(start_us, phase->start_us), &end_us);
    return mtr_time_sooner(end_us, phase->end_us) <
           mtr_time_sooner(mtr_subscription_ends_us(looking->draft), looking->watermark_us);
}

/* One that is not closed is not told. But where the draft ends it, those behind it find what it leaves. */
static int note_running(struct looking *looking, int64_t start_us)
{
    struct mtr_rating rating = rating_by(looking, &looking->draft_view);
    const struct mtr_subscription *phase = phase_at(looking->draft, start_us);
    struct mtr_period_price price = {0};
    if (!is_followed(looking, start_us)) return MTR_OK;
    mtr_arena_reset(&looking->arena);
    rating.closing = is_over(looking, phase, start_us);
    rating.ledger = &query_ledger_of_draws;
    rating.ledger_context = &looking->draws;
    int rc = mtr_billing_period_price(&rating, phase, start_us, &price);
    if (rc) return is_fatal(rc) ? rc : MTR_OK;
    return note_draws(looking, start_us, &price);
}

static int on_rated_period(void *context, const struct mtr_charge_period *period)
{
    struct looking *looking = context;
    const int64_t start_us = period->start_s * MTR_US_PER_SECOND, end_us = period->end_s * MTR_US_PER_SECOND;
    int rc = look_at_new_periods(looking, start_us);
    if (rc) return rc;
    if (period->status != MTR_PERIOD_FINAL || period->close_due_us < INT64_MAX)
        return note_running(looking, start_us);
    /* One that ends there may have ended for a change that is taken out. */
    return end_us >= looking->reach.from_us ? look_at(looking, start_us, end_us) : MTR_OK;
}

/* A new meter that the draft prices from a time on that is over. */
static const struct mtr_meter *find_uncounted(const struct looking *looking,
                                              const struct mtr_subscription *phase)
{
    const struct mtr_tariff_document *tariff = phase->tariff;
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version = &tariff->versions[i];
        if (mtr_tariff_version_start(version, phase->zone) >= looking->watermark_us) break;
        for (uint32_t j = 0; j < version->component_count; j++)
            for (uint32_t k = 0; k < version->components[j].input_count; k++) {
                const struct mtr_str name = version->components[j].inputs[k];
                const struct mtr_meter *meter = mtr_catalog_find_meter(looking->options->draft, name);
                if (meter && !mtr_catalog_meter(looking->options->stored, meter->number)) return meter;
            }
    }
    return NULL;
}

static void note_uncounted(struct looking *looking)
{
    const uint32_t count = mtr_subscription_phase_count(looking->draft);
    for (uint32_t i = 0; !looking->uncounted && i < count; i++)
        looking->uncounted = find_uncounted(looking, mtr_subscription_phase(looking->draft, i));
}

/* In their order, as they draw on pools. */
static int look_at_periods(struct looking *looking)
{
    const uint32_t number = looking->draft->number;
    query_draws_begin(&looking->draws, looking->charges);
    looking->new_from_us = looking->draft->start_us;
    if (looking->reach.from_us > looking->new_from_us) looking->new_from_us = looking->reach.from_us - 1;
    int rc = mtr_charges_walk_periods(looking->charges, number, INT64_MIN, on_rated_period, looking);
    return rc ? rc : look_at_new_periods(looking, INT64_MAX);
}

/* ---- all of them ---- */

static struct query_change change_of(const struct looking *looking)
{
    return (struct query_change){looking->options->stored, looking->options->draft, looking->stored,
                                 looking->draft};
}

/* Is there such a subscription, and does the change touch it? Then it is at hand. */
static bool take(struct looking *looking, uint32_t number)
{
    looking->stored = mtr_catalog_subscription(looking->options->stored, number);
    looking->draft = mtr_catalog_subscription(looking->options->draft, number);
    if (!looking->draft) return false;
    const struct query_change change = change_of(looking);
    looking->reach = query_reach_of(&change);
    return looking->reach.from_us < INT64_MAX;
}

/* The hours of a chunk, from that subscription on, that one of the catalogs cuts where the store is not cut,
 * or whose use it gives to another. */
static int cut_hours(struct looking *looking, uint32_t first)
{
    const struct mtr_catalog *stored = looking->options->stored;
    const uint32_t count = mtr_catalog_count(looking->options->draft, MTR_KIND_SUBSCRIPTION);
    struct mtr_diagnostic unused;
    uint32_t asked = 0;
    int rc = MTR_OK;
    query_view_begin(&looking->stored_view, looking->rollups, stored);
    query_view_begin(&looking->draft_view, looking->rollups, stored);
    for (uint32_t i = first; !rc && i <= count && asked < looking->chunk; i++) {
        if (!take(looking, i)) continue;
        asked++;
        if (looking->stored) rc = query_view_ask(&looking->stored_view, looking->stored);
        if (!rc) rc = query_view_ask(&looking->draft_view, looking->draft);
    }
    if (!rc) rc = query_view_count(&looking->stored_view, &unused);
    return rc ? rc : query_view_count(&looking->draft_view, &unused);
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

static bool is_uncountable(int rc)
{
    return rc == MTR_EMISSING || rc == MTR_ELIMIT || rc == MTR_EAGAIN;
}

static int begin_chunk(struct looking *looking, struct mtr_rollups *rollups, struct mtr_charges *charges,
                       uint32_t first)
{
    end(looking);
    int rc = begin(looking, rollups, charges);
    if (!rc) rc = cut_hours(looking, first);
    if (!is_uncountable(rc) || looking->chunk == 1) return rc;
    looking->chunk = 1;
    return begin_chunk(looking, rollups, charges, first);
}

/* What cannot be counted is not looked at: where the log is gone the fold refuses the change. */
static int pass_over(struct looking *looking, int rc)
{
    const struct query_change change = change_of(looking);
    if (rc == MTR_EMISSING) {
        if (!looking->gone) looking->gone = looking->draft;
        return MTR_OK;
    }
    looking->passed_over = true;
    if (!looking->handed_over && query_hands_over(&change)) looking->handed_over = looking->draft;
    return MTR_OK;
}

static int look_at_all(struct looking *looking, struct mtr_rollups *rollups, struct mtr_charges *charges)
{
    const uint32_t count = mtr_catalog_count(looking->options->draft, MTR_KIND_SUBSCRIPTION);
    uint32_t left = 0; /* of the chunk */
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= count; i++) {
        if (!take(looking, i)) continue;
        if (!left) {
            rc = begin_chunk(looking, rollups, charges, i);
            (void)take(looking, i); /* it is at hand again */
            looking->ended = looking->chunk == 1 && looking->singles++ == SINGLES_MAX;
            if (looking->ended) return STOP;
            if (is_uncountable(rc)) rc = pass_over(looking, rc);
            else left = looking->chunk;
        }
        if (!left) continue;
        left--;
        note_uncounted(looking);
        if (!rc) rc = look_at_periods(looking);
    }
    return rc;
}

int mtr_closed_periods_walk(struct mtr_rollups *rollups, struct mtr_charges *charges,
                            const struct mtr_closed_periods_options *options, mtr_on_closed_period on_period,
                            void *context, struct mtr_closed_periods_extent *extent)
{
    struct looking looking = {
        .options = options, .on_period = on_period, .context = context, .chunk = CHUNK_SUBSCRIPTIONS};
    mtr_arena_init(&looking.arena, ARENA_CHUNK_BYTES, options->memory_bytes_max);
    int rc = open_views(&looking);
    if (!rc) rc = look_at_all(&looking, rollups, charges);
    end(&looking);
    query_view_close(&looking.draft_view);
    query_view_close(&looking.stored_view);
    mtr_arena_release(&looking.arena);
    const bool is_bounded = looking.ended || looking.passed_over;
    *extent = (struct mtr_closed_periods_extent){.complete = !is_bounded && !looking.gone,
                                                 .is_bounded = is_bounded,
                                                 .gone = looking.gone,
                                                 .uncounted = looking.uncounted,
                                                 .handed_over = looking.handed_over,
                                                 .shared = looking.shared};
    return looking.ended && rc == STOP ? MTR_OK : rc;
}
