/*
 * Both prices of a period; see what_if_pricing.h.
 *
 * Invariant: a period of the draft is priced as the rater would, once the draft is applied: closed by the end
 * that it has there, and with the draws and accounts of all that it counts with.
 */
#include "daemon/query/what_if_pricing.h"

#include "daemon/query/changed_inputs.h"
#include "meterd/core/time.h"

/* A pair of periods, and what is known of their charges. */
struct pricing {
    struct what_if *what_if;
    const struct query_period_pair *pair;
    uint32_t subscription;
    struct mtr_charge_period known;
    bool is_known;
    struct mtr_period_price price; /* of the stored side */
    struct query_outcome stored, draft;
    bool as_emitted;
};

/* ---- what was charged ---- */

static uint32_t number_of(const struct query_period_pair *pair)
{
    return (pair->stored.phase ? pair->stored.phase : pair->draft.phase)->number;
}

static int find_known(struct pricing *pricing)
{
    const struct what_if *what_if = pricing->what_if;
    pricing->subscription = number_of(pricing->pair);
    if (!what_if->charges) return MTR_OK;
    int rc = mtr_charges_get_period(what_if->charges, pricing->subscription, pricing->pair->name_us,
                                    &pricing->known);
    pricing->is_known = rc == MTR_OK;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int compare_emitted(struct pricing *pricing)
{
    struct what_if *what_if = pricing->what_if;
    struct query_outcome *stored = &pricing->stored;
    if (!pricing->is_known || stored->problem || !pricing->pair->stored.phase) return MTR_OK;
    int rc = mtr_period_price_is_emitted(&pricing->price, what_if->charges, &what_if->arena,
                                         &pricing->as_emitted);
    if (!rc || rc == MTR_EIO || rc == MTR_ECORRUPT) return rc;
    *stored = (struct query_outcome){.problem = rc, .why = mtr_error_text(rc)};
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
    return mtr_charges_walk_lines(pricing->what_if->charges, pricing->subscription, pricing->pair->name_us,
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
    const struct query_outcome *of_stored = &pricing->stored, *of_draft = &pricing->draft;
    if (of_stored->priced_from_us == INT64_MAX || of_draft->problem) return false;
    const int64_t covered_us = mtr_time_sooner(of_draft->priced_from_us, draft->end_us);
    return charged_from(draft) < covered_us && of_stored->priced_from_us < covered_us;
}

static void fill_stored(const struct query_outcome *stored, struct mtr_what_if_period *row)
{
    row->in_stored = true;
    row->stored = stored->amount;
    row->stored_cost = stored->cost;
    row->has_cost = row->has_cost || stored->has_cost;
    row->over = row->over && stored->is_over;
    row->components += stored->components;
}

static void fill_draft(const struct query_outcome *draft, struct mtr_what_if_period *row)
{
    row->in_draft = true;
    row->draft = draft->amount;
    row->draft_cost = draft->cost;
    row->has_cost = row->has_cost || draft->has_cost;
    row->over = row->over && draft->is_over;
    row->components += draft->components;
}

/* Half a comparison would be a wrong one: a problem of one side is that of both, where they are two rows. */
static void fill_problem(const struct pricing *pricing, struct mtr_what_if_period *row)
{
    const struct query_outcome *stored = &pricing->stored, *draft = &pricing->draft;
    row->stored_problem = stored->problem;
    row->draft_problem = draft->problem;
    if (stored->problem) row->problem = stored->why;
    else if (draft->problem) row->problem = draft->why;
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
    const struct mtr_tariff_document *named = stored ? stored : draft;
    if (!options->tariff.size) return stored != draft;
    return named && mtr_schema_is_name_of(options->tariff, named->service, named->key);
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

const struct mtr_subscription *what_if_freeze(void *context, const struct mtr_subscription *phase,
                                              int64_t start_us)
{
    static const struct mtr_subscription none = {.tariff = NULL};
    struct what_if *what_if = context;
    struct mtr_subscription *frozen = &what_if->frozen_phase;
    const struct mtr_subscription *stored =
        mtr_catalog_subscription(what_if->options->stored, phase->number);
    stored = stored ? mtr_subscription_at(stored, start_us) : &none;
    *frozen = *phase;
    frozen->tariff = freeze(what_if, stored->tariff, frozen->tariff, &what_if->frozen);
    frozen->trial_tariff =
        freeze(what_if, stored->trial_tariff, frozen->trial_tariff, &what_if->frozen_trial);
    frozen->cost_tariff = freeze(what_if, stored->cost_tariff, frozen->cost_tariff, &what_if->frozen_cost);
    return frozen;
}

int what_if_mark_pair(struct what_if *what_if, const struct query_period_pair *pair)
{
    struct pricing pricing = {.what_if = what_if, .pair = pair};
    struct query_settling *stored = &what_if->stored.settling, *draft = &what_if->draft.settling;
    bool differs = false;
    int rc = find_known(&pricing);
    const bool waits = !pricing.is_known || pricing.known.dirty;
    if (!rc && waits && pair->stored.phase)
        rc = query_settling_mark(stored, pricing.subscription, pair->name_us);
    if (!rc && !waits) rc = query_inputs_differ(stored, draft, pair, &differs);
    return !rc && (waits || differs) ? query_settling_mark(draft, pricing.subscription, pair->name_us) : rc;
}

static int price_stored(struct pricing *pricing)
{
    const struct query_period *period = &pricing->pair->stored;
    struct what_if *what_if = pricing->what_if;
    mtr_arena_reset(&what_if->arena);
    if (!period->phase) return MTR_OK;
    int rc = query_price_period(&what_if->stored.settling, period->phase, pricing->pair->name_us,
                                &pricing->price, &pricing->stored);
    what_if->cells += pricing->stored.cell_count;
    return rc ? rc : compare_emitted(pricing);
}

/* What the draft leaves as it is comes to what it does. */
static void find_draft(struct pricing *pricing)
{
    const struct query_settled *settled = query_settling_find(
        &pricing->what_if->draft.settling, pricing->subscription, pricing->pair->name_us);
    if (!pricing->pair->draft.phase) return;
    MTR_ASSERT(settled || pricing->pair->stored.phase); /* one that it alone has was marked */
    pricing->draft = settled ? settled->outcome : pricing->stored;
}

int what_if_changes_pair(struct what_if *what_if, const struct query_period_pair *pair, bool *out)
{
    struct pricing pricing = {.what_if = what_if, .pair = pair};
    struct adding all = {.phase = NULL};
    const struct query_settled *settled =
        query_settling_find(&what_if->draft.settling, number_of(pair), pair->name_us);
    if (!settled) return MTR_OK;
    int rc = find_known(&pricing);
    if (!rc) rc = sum_emitted(&pricing, &all);
    if (!rc) *out = *out || settled->outcome.problem || settled->outcome.amount.e18 != all.sum.e18;
    return rc;
}

int what_if_price_pair(struct what_if *what_if, const struct query_period_pair *pair)
{
    struct pricing pricing = {.what_if = what_if, .pair = pair};
    int rc = find_known(&pricing);
    if (!rc) rc = price_stored(&pricing);
    if (rc) return rc;
    find_draft(&pricing);
    return hand_out_rows(&pricing);
}
