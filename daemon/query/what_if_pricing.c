/*
 * Both prices of a period; see what_if_pricing.h.
 *
 * Invariant: a period of the draft is priced as the rater would, once the draft is applied: closed by the end
 * that it has there, and with the draws of the subscription's periods before it.
 */
#include "daemon/query/what_if_pricing.h"

#include "meterd/core/time.h"
#include "meterd/rater/rater.h"

/* What a period comes to on one side; all zero where there is none. */
struct outcome {
    struct mtr_period_price price;
    bool is_over;
    int problem; /* why it cannot be priced */
    struct mtr_money amount, cost; /* of all lines */
    bool has_cost;
    bool by_charges;
    uint64_t components;
};

/* A pair of periods, and what is known of their charges. */
struct pricing {
    struct what_if *what_if;
    const struct query_period_pair *pair;
    uint32_t subscription;
    struct mtr_charge_period known;
    bool is_known;
    struct outcome stored, draft;
    bool as_emitted;
};

/* ---- one side ---- */

static int sum_lines(struct outcome *outcome)
{
    const struct mtr_period_price *price = &outcome->price;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < price->line_count; i++) {
        const struct mtr_period_line *line = &price->lines[i];
        rc = mtr_money_add(outcome->amount, line->amount, &outcome->amount);
        if (!rc && line->has_cost) rc = mtr_money_add(outcome->cost, line->cost, &outcome->cost);
        outcome->has_cost = outcome->has_cost || line->has_cost;
    }
    return rc;
}

/* Errors that are the period's own, as its numbers are; others end the walk. */
static bool is_problem(int rc)
{
    return rc != MTR_EIO && rc != MTR_ECORRUPT;
}

static void keep_problem(struct outcome *outcome, int rc)
{
    outcome->problem = rc;
    outcome->amount = outcome->cost = (struct mtr_money){0};
}

/* As the rater will find it: by that end, and by what is known of the period. */
static bool is_over(const struct pricing *pricing, const struct query_period *period)
{
    const struct what_if *what_if = pricing->what_if;
    const int64_t grace_us = what_if->options->grace_us;
    struct mtr_charge_period known = pricing->known;
    known.end_s = mtr_billing_period_name_s(period->end_us + MTR_US_PER_SECOND - 1);
    return mtr_rater_is_over(&known, grace_us, what_if->watermark_us);
}

/* Draws of periods that are not priced here are what was charged. An allowance of this period alone begins
 * full, whatever that was. */
static bool draws_on_charges(const struct what_if_side *side, const struct mtr_period_price *price)
{
    for (uint32_t i = 0; side->begins_late && i < price->grants.count; i++) {
        const struct mtr_grant *grant = &price->grants.items[i];
        const bool is_own = !grant->of_term && !grant->credit && !grant->before &&
                            grant->pool.expires_us == price->period.whole.end_us;
        if (!is_own) return true;
    }
    return side->draws.is_full;
}

static int price_side(struct pricing *pricing, struct what_if_side *side, const struct query_period *period,
                      struct outcome *out)
{
    struct what_if *what_if = pricing->what_if;
    struct mtr_rating rating = query_view_rating(&side->view, what_if->charges, &what_if->arena);
    const int64_t start_s = pricing->pair->start_s;
    *out = (struct outcome){.problem = MTR_OK};
    if (!period->phase) return query_draws_note(&side->draws, pricing->subscription, start_s, NULL);
    rating.ledger = &query_ledger_of_draws;
    rating.ledger_context = &side->draws;
    rating.closing = out->is_over = is_over(pricing, period);
    int rc = mtr_billing_period_price(&rating, period->phase, period->start_us, &out->price);
    if (!rc) {
        out->by_charges = query_counts_others(&out->price) || draws_on_charges(side, &out->price);
        what_if->cells += out->price.cell_count;
        for (uint32_t i = 0; i < out->price.period.part_count; i++)
            out->components += out->price.period.parts[i].version->component_count;
        rc = query_draws_note(&side->draws, pricing->subscription, start_s, &out->price);
    }
    if (!rc) rc = sum_lines(out);
    if (!rc || !is_problem(rc)) return rc;
    keep_problem(out, rc);
    return MTR_OK;
}

/* ---- what was charged ---- */

static int find_known(struct pricing *pricing)
{
    const struct what_if *what_if = pricing->what_if;
    if (!what_if->charges) return MTR_OK;
    int rc = mtr_charges_get_period(what_if->charges, pricing->subscription, pricing->pair->start_s,
                                    &pricing->known);
    pricing->is_known = rc == MTR_OK;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int compare_emitted(struct pricing *pricing)
{
    struct what_if *what_if = pricing->what_if;
    struct outcome *stored = &pricing->stored;
    if (!pricing->is_known || stored->problem || !pricing->pair->stored.phase) return MTR_OK;
    int rc = mtr_period_price_is_emitted(&stored->price, what_if->charges, &what_if->arena,
                                         &pricing->as_emitted);
    if (!rc || !is_problem(rc)) return rc;
    keep_problem(stored, rc);
    return MTR_OK;
}

struct adding {
    const struct mtr_subscription *phase; /* whose lines; NULL: all */
    struct mtr_str nobody;                /* to whom those belong that do not say it */
    struct mtr_money sum;
};

static int add_emitted(void *context, const struct mtr_charge_line *line)
{
    struct adding *adding = context;
    const struct mtr_str customer = line->customer.size ? line->customer : adding->nobody;
    if (adding->phase && (!mtr_str_equal(customer, adding->phase->customer) ||
                          !mtr_str_equal(line->currency, adding->phase->currency)))
        return MTR_OK;
    return mtr_money_add(adding->sum, line->emitted, &adding->sum);
}

static int sum_emitted(const struct pricing *pricing, struct adding *adding)
{
    if (!pricing->is_known) return MTR_OK;
    return mtr_charges_walk_lines(pricing->what_if->charges, pricing->subscription, pricing->pair->start_s,
                                  add_emitted, adding);
}

/* ---- rows ---- */

/* When the first of the period's time is charged by a tariff of the phase; INT64_MAX: none of it. */
static int64_t charged_from(const struct query_period *period)
{
    const struct mtr_subscription *phase = period->phase;
    if (phase->trial_end_us > period->start_us && phase->trial_tariff) return period->start_us;
    const int64_t from_us = mtr_time_later(period->start_us, phase->trial_end_us);
    const int64_t until_us = mtr_time_sooner(period->end_us, phase->charged_until_us);
    return !phase->trial_stops && from_us < until_us ? from_us : INT64_MAX;
}

/* The draft has no version for some of its time that the stored tariff prices. */
static bool is_uncovered(const struct pricing *pricing)
{
    const struct query_period *draft = &pricing->pair->draft;
    const struct mtr_billing_period *stored_parts = &pricing->stored.price.period,
                                    *draft_parts = &pricing->draft.price.period;
    if (!stored_parts->part_count || pricing->stored.problem || pricing->draft.problem) return false;
    const int64_t covered_us = draft_parts->part_count ? draft_parts->parts[0].start_us : draft->end_us;
    return charged_from(draft) < covered_us && stored_parts->parts[0].start_us < covered_us;
}

static void fill_stored(const struct outcome *stored, struct mtr_what_if_period *row)
{
    row->in_stored = true;
    row->stored = stored->amount;
    row->stored_cost = stored->cost;
    row->has_cost = row->has_cost || stored->has_cost;
    row->over = row->over && stored->is_over;
    row->components += stored->components;
}

static void fill_draft(const struct outcome *draft, struct mtr_what_if_period *row)
{
    row->in_draft = true;
    row->draft = draft->amount;
    row->draft_cost = draft->cost;
    row->has_cost = row->has_cost || draft->has_cost;
    row->by_charges = draft->by_charges;
    row->over = row->over && draft->is_over;
    row->components += draft->components;
}

/* Half a comparison would be a wrong one: a problem of one side is that of both, where they are two rows. */
static void fill_problem(const struct pricing *pricing, struct mtr_what_if_period *row)
{
    const struct outcome *stored = &pricing->stored, *draft = &pricing->draft;
    row->stored_problem = stored->problem;
    row->draft_problem = draft->problem;
    if (stored->problem) row->problem = mtr_period_problem_text(&stored->price, stored->problem);
    else if (draft->problem) row->problem = mtr_period_problem_text(&draft->price, draft->problem);
}

static int hand_out(const struct pricing *pricing, const struct query_period *of, struct adding *adding,
                    struct mtr_what_if_period *row)
{
    const struct what_if *what_if = pricing->what_if;
    const struct mtr_str customer = what_if->options->customer;
    if (customer.size && !mtr_str_equal(customer, of->phase->customer)) return MTR_OK;
    row->subscription = of->phase;
    row->start_us = of->start_us;
    row->end_us = of->end_us;
    row->rated = pricing->is_known;
    row->as_emitted = pricing->as_emitted;
    fill_problem(pricing, row);
    int rc = sum_emitted(pricing, adding);
    row->emitted = adding->sum;
    if (!row->in_stored) row->as_emitted = !row->emitted.e18;
    return rc ? rc : what_if->hooks->on_period(what_if->hooks->context, row);
}

static bool is_one_bill(const struct query_period_pair *pair)
{
    const struct mtr_subscription *stored = pair->stored.phase, *draft = pair->draft.phase;
    return stored && draft && mtr_str_equal(stored->customer, draft->customer) &&
           mtr_str_equal(stored->currency, draft->currency);
}

/* One for both sides, or one for each: he who was charged gets back all. */
static int hand_out_rows(const struct pricing *pricing)
{
    const struct query_period_pair *pair = pricing->pair;
    const struct query_period *stored = &pair->stored, *draft = &pair->draft;
    struct mtr_what_if_period row = {.over = true}, other = {.over = true};
    struct adding all = {.phase = NULL},
                  of_stored = {.phase = draft->phase ? stored->phase : NULL,
                               .nobody = stored->phase ? stored->phase->customer : MTR_STR("")},
                  of_draft = {.phase = stored->phase ? draft->phase : NULL,
                              .nobody = of_stored.nobody};
    if (stored->phase) fill_stored(&pricing->stored, &row);
    if (is_one_bill(pair)) {
        fill_draft(&pricing->draft, &row);
        row.uncovered = is_uncovered(pricing);
        return hand_out(pricing, stored, &all, &row);
    }
    int rc = stored->phase ? hand_out(pricing, stored, &of_stored, &row) : MTR_OK;
    if (rc || !draft->phase) return rc;
    fill_draft(&pricing->draft, &other);
    return hand_out(pricing, draft, &of_draft, &other);
}

/* ---- a pair ---- */

bool what_if_drafts(const struct mtr_what_if_options *options, const struct mtr_tariff_document *stored,
                    const struct mtr_tariff_document *draft)
{
    if (!options->tariff.size) return stored != draft;
    return stored && mtr_schema_is_name_of(options->tariff, stored->service, stored->key);
}

/* A drafted tariff with the version in force at that time as the only one. None before the first. */
static const struct mtr_tariff_document *freeze(const struct what_if *what_if,
                                                const struct mtr_tariff_document *stored,
                                                const struct mtr_tariff_document *draft,
                                                struct query_frozen *out)
{
    const struct mtr_what_if_options *options = what_if->options;
    if (!draft || !what_if_drafts(options, stored, draft)) return draft;
    return query_freeze(draft, mtr_tariff_version_at(draft, what_if->frozen_phase.zone, options->at_us), out);
}

/* The draft's period, beside what is stored at its time. */
static void freeze_all(struct what_if *what_if, struct query_period *draft)
{
    static const struct mtr_subscription none = {.tariff = NULL};
    struct mtr_subscription *frozen = &what_if->frozen_phase;
    const struct mtr_subscription *stored =
        mtr_catalog_subscription(what_if->options->stored, draft->phase->number);
    stored = stored ? mtr_subscription_at(stored, draft->start_us) : &none;
    *frozen = *draft->phase;
    frozen->tariff = freeze(what_if, stored->tariff, frozen->tariff, &what_if->frozen);
    frozen->trial_tariff =
        freeze(what_if, stored->trial_tariff, frozen->trial_tariff, &what_if->frozen_trial);
    frozen->cost_tariff = freeze(what_if, stored->cost_tariff, frozen->cost_tariff, &what_if->frozen_cost);
    draft->phase = frozen;
}

int what_if_price_pair(struct what_if *what_if, const struct query_period_pair *pair)
{
    struct pricing pricing = {.what_if = what_if, .pair = pair};
    struct query_period draft = pair->draft;
    const struct mtr_subscription *any = pair->stored.phase ? pair->stored.phase : pair->draft.phase;
    pricing.subscription = any->number;
    if (what_if->options->has_at && draft.phase) freeze_all(what_if, &draft);
    mtr_arena_reset(&what_if->arena);
    int rc = find_known(&pricing);
    if (!rc) rc = price_side(&pricing, &what_if->stored, &pair->stored, &pricing.stored);
    if (!rc) rc = compare_emitted(&pricing);
    if (!rc) rc = price_side(&pricing, &what_if->draft, &draft, &pricing.draft);
    return rc ? rc : hand_out_rows(&pricing);
}
