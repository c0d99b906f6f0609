/*
 * The price of a whole period.
 *
 * Invariant: the amounts of the lines add up to the sum of the parts' totals: where a tariff rounds the
 * total, what the rounding adds is a line of its own (component "tariff.rounding"). Pure reading; memory from
 * the caller's arena.
 */
#include "rater/period/price.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/time.h"
#include "rater/period/account.h"
#include "rater/period/gather.h"
#include "rater/period/grants.h"

_Static_assert((int)MTR_PERIOD_PROBLEM_BYTES >= (int)MTR_RATE_QUESTION_TEXT_BYTES, "a problem, too");

static void describe_line(const struct mtr_subscription *subscription,
                          const struct mtr_billing_period *period, struct mtr_period_line *line)
{
    struct mtr_charge_line *identity = &line->identity;
    const struct mtr_tariff_version *version = line->part->version;
    MTR_ASSERT(period->start_us <= line->part->start_us && line->part->end_us <= period->end_us);
    identity->subscription = subscription->number;
    identity->period_start_us = period->name_us;
    identity->part_start_us = line->part->start_us;
    identity->part_end_us = line->part->end_us;
    identity->currency = subscription->currency;
    identity->customer = subscription->customer;
    identity->tariff = line->part->tariff->key;
    identity->version_from = version->from;
    identity->version_hash = (struct mtr_hash128){version->hash_high, version->hash_low};
    if (line->meter) {
        identity->meter = line->meter->key;
        identity->unit = line->meter->unit;
    }
}

static void fill_line(const struct mtr_billing_part *part, const struct rater_usage *usage,
                      const struct mtr_price_line *priced, struct mtr_period_line *line)
{
    line->part = part;
    const bool of_pool =
        mtr_str_equal(priced->kind, MTR_STR("draw")) || mtr_str_equal(priced->kind, MTR_STR("credit"));
    line->component = of_pool ? NULL : mtr_tariff_component(part->version, priced->component);
    line->identity.component = priced->component;
    line->identity.kind = priced->kind;
    line->identity.dimensions = priced->dimensions;
    line->identity.tax_code = priced->tax_code;
    line->quantity = priced->quantity;
    line->amount = priced->amount;
    line->exact = priced->exact;
    if (!line->component || !line->component->meter.size) return;
    const uint32_t index = (uint32_t)(line->component - part->version->components);
    line->meter = usage->meters[index];
    const struct rater_group *group = rater_find_group(usage, index, priced->dimensions);
    if (group) {
        line->seq_first = group->seq_first;
        line->seq_last = group->seq_last;
    }
}

/* What rounding the total adds to the lines, as a line; nothing when they add up already. */
static int add_rounding(const struct mtr_billing_part *part, const struct mtr_price *price,
                        struct mtr_period_price *priced)
{
    struct mtr_money rest = price->total;
    for (uint32_t i = 0; i < price->line_count; i++) {
        int rc = mtr_money_sub(rest, price->lines[i].amount, &rest);
        if (rc) return rc;
    }
    MTR_ASSERT(rest.e18 == price->residue.e18); /* the price says of itself what its lines leave */
    if (!rest.e18) return MTR_OK;
    struct mtr_period_line *line = &priced->lines[priced->line_count++];
    line->part = part;
    line->identity.component = MTR_STR("tariff.rounding");
    line->identity.kind = MTR_STR("rounding");
    line->amount = rest;
    return MTR_OK;
}

/* The part's rate; *out stays NULL where prices are in the subscription's currency. */
static int find_exchange(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                         const struct mtr_billing_part *part, const struct mtr_price_exchange **out)
{
    if (!part->exchanges) return MTR_OK;
    struct mtr_price_exchange *exchange = mtr_arena_calloc(rating->arena, 1, sizeof(*exchange));
    if (!exchange) return MTR_ENOMEM;
    mtr_price_exchange_find(part->tariff, subscription->currency, part->exchange_day, !rating->closing,
                            subscription->rates, exchange);
    *out = exchange;
    return MTR_OK;
}

static struct mtr_price_input make_input(const struct mtr_rating *rating,
                                         const struct mtr_period_price *priced, uint32_t index)
{
    const struct mtr_billing_period *period = &priced->period;
    const struct mtr_billing_part *part = &period->parts[index];
    const struct rater_usage *usage = priced->parts[index].usage;
    struct mtr_price_input input = {
        .tariff = part->tariff,
        .version = part->version,
        .period = period->whole,
        .active_from_us = part->start_us,
        .active_to_us = part->end_us,
        .runs_from_us = period->parts[part->first].start_us,
        .runs_to_us = period->parts[part->first + part->count - 1].end_us,
        .continues_earlier = index > part->first,
        .continued_later = index + 1 < part->first + part->count,
        .closing = rating->closing,
        .earlier = priced->prices + part->first,
        .earlier_count = index - part->first,
        .zone = priced->subscription->zone,
        .usage = usage->rows,
        .usage_count = usage->row_count,
        .only_of_usage = rating->lines && rating->lines->from.size > 0,
        .rest = priced->rest ? priced->rest[index] : NULL,
        .rest_charged = priced->rest_charged ? &priced->rest_charged[index] : NULL,
    };
    MTR_ASSERT(part->first <= index && index < part->first + part->count);
    MTR_ASSERT(input.runs_from_us <= part->start_us && part->end_us <= input.runs_to_us);
    if (part->tariff == priced->subscription->tariff) {
        input.account_before = priced->account_before;
        input.account_continues = priced->account_continues;
    }
    return input;
}

/* The term that the part lies in, with what was charged in it before; NULL: its version has no limits of one.
 * */
static int find_term(const struct mtr_rating *rating, const struct mtr_period_price *priced, uint32_t index,
                     const struct mtr_price_term **out)
{
    const struct mtr_billing_part *part = &priced->period.parts[index];
    const struct mtr_grant *sum = rater_find_term(priced, index);
    int rc = MTR_OK;
    if (!sum) return MTR_OK;
    struct mtr_price_term *term = mtr_arena_calloc(rating->arena, 1, sizeof(*term));
    if (!term) return MTR_ENOMEM;
    MTR_ASSERT(part->term.whole.start_us <= part->start_us && part->end_us <= part->term.whole.end_us);
    *term = (struct mtr_price_term){.whole = part->term.whole,
                                    .runs_from_us = part->term.runs_from_us,
                                    .runs_to_us = part->term.runs_to_us,
                                    .before = {sum->before},
                                    .ends = part->end_us == part->term.runs_to_us};
    for (uint32_t i = part->first; !rc && i < index; i++) /* one between them may lie in another term */
        if (rater_find_term(priced, i) == sum)
            rc = mtr_money_add(term->before, priced->prices[i]->term_sum, &term->before);
    *out = term;
    return rc;
}

static int price_part(const struct mtr_rating *rating, struct mtr_period_price *priced, uint32_t index)
{
    const struct mtr_billing_part *part = &priced->period.parts[index];
    struct mtr_part_price *out = &priced->parts[index];
    uint32_t component = 0;
    int rc = rater_gather(rating, priced->subscription, &priced->period, index, &component, &out->usage);
    if (rc == MTR_EOVERFLOW)
        snprintf(priced->problem, sizeof(priced->problem),
                 "component %.*s: its use adds up to more than " MTR_QUANTITY_MAX_TEXT,
                 MTR_STR_ARGS(part->version->components[component].key));
    if (rc) return rc;
    out->input = make_input(rating, priced, index);
    rc = find_exchange(rating, priced->subscription, part, &out->input.exchange);
    if (!rc) rc = find_term(rating, priced, index, &out->input.term);
    if (!rc) rc = rater_part_pools(priced, index, rating->arena, &out->input);
    if (rc) return rc;
    rc = mtr_price(&out->input, false, rating->arena, &out->price);
    if (rc == MTR_EOVERFLOW)
        snprintf(priced->problem, sizeof(priced->problem), "%.*s", MTR_STR_ARGS(out->price.problem));
    return rc;
}

/* Whatever a part costs is on a line, and nothing else is. */
static int check_lines(const struct mtr_period_price *priced, struct mtr_money left_out)
{
    struct mtr_money parts = {0}, lines = left_out;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < priced->period.part_count; i++)
        rc = mtr_money_add(parts, priced->parts[i].price.total, &parts);
    for (uint32_t i = 0; !rc && i < priced->line_count; i++)
        rc = mtr_money_add(lines, priced->lines[i].amount, &lines);
    MTR_ASSERT(rc || parts.e18 == lines.e18);
    return rc;
}

bool rater_is_asked_for(const struct mtr_period_price *priced, const struct mtr_price_line *line)
{
    return !priced->range ||
           (!line->is_rest && rater_range_holds_line(priced->range, line->kind, line->dimensions));
}

/* The lines of one part; what is left out is added to *left_out. */
static int lay_out_part(struct mtr_period_price *priced, uint32_t index, struct mtr_money *left_out)
{
    const struct mtr_billing_part *part = &priced->period.parts[index];
    const struct mtr_part_price *from = &priced->parts[index];
    const struct mtr_pricing_currency *pricing = &from->input.version->pricing;
    for (uint32_t i = 0; i < from->price.line_count; i++) {
        const struct mtr_price_line *line = &from->price.lines[i];
        if (rater_is_asked_for(priced, line)) {
            priced->lines[priced->line_count].pricing = pricing->name.size ? pricing : NULL;
            priced->lines[priced->line_count].exchange = from->input.exchange;
            fill_line(part, from->usage, line, &priced->lines[priced->line_count++]);
            continue;
        }
        int rc = mtr_money_add(*left_out, line->amount, left_out);
        if (rc) return rc;
    }
    if (!priced->range || !priced->range->from.size) return add_rounding(part, &from->price, priced);
    return mtr_money_add(*left_out, from->price.residue, left_out);
}

/* How many lines a part has that are asked for, and one for its rounding. */
static size_t count_lines(const struct mtr_period_price *priced, uint32_t index)
{
    const struct mtr_price *price = &priced->parts[index].price;
    size_t count = 1;
    for (uint32_t i = 0; i < price->line_count; i++) count += rater_is_asked_for(priced, &price->lines[i]);
    return count;
}

static int lay_out_lines(const struct mtr_rating *rating, struct mtr_period_price *priced)
{
    struct mtr_money left_out = {0};
    size_t capacity = 1;
    for (uint32_t i = 0; i < priced->period.part_count; i++) capacity += count_lines(priced, i);
    priced->lines = mtr_arena_calloc(rating->arena, capacity, sizeof(*priced->lines));
    if (!priced->lines) return MTR_ENOMEM;
    for (uint32_t i = 0; i < priced->period.part_count; i++) {
        int rc = lay_out_part(priced, i, &left_out);
        if (rc) return rc;
    }
    MTR_ASSERT(priced->line_count < capacity);
    for (uint32_t i = 0; i < priced->line_count; i++)
        describe_line(priced->subscription, &priced->period, &priced->lines[i]);
    return check_lines(priced, left_out);
}

/* Parts, prices and lines of a period, or of its costs. */
static int price_parts(const struct mtr_rating *rating, struct mtr_period_price *priced)
{
    const uint32_t count = priced->period.part_count;
    int rc = MTR_OK;
    priced->parts = mtr_arena_calloc(rating->arena, (size_t)count + 1, sizeof(*priced->parts));
    priced->prices = mtr_arena_calloc(rating->arena, (size_t)count + 1, sizeof(*priced->prices));
    if (!priced->parts || !priced->prices) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count && !rc; i++) {
        struct mtr_part_price *part = &priced->parts[i];
        priced->prices[i] = &part->price;
        rc = price_part(rating, priced, i);
        if (rc == MTR_EMISSING) mtr_rate_question_format(&part->input.exchange->question, priced->problem);
        if (part->usage) priced->cell_count += part->usage->cell_count;
    }
    if (rc) return rc;
    rc = rater_sum_draws(priced);
    if (!rc) rc = lay_out_lines(rating, priced);
    if (rc == MTR_EOVERFLOW)
        snprintf(priced->problem, sizeof(priced->problem),
                 "the parts of the period add up to more than " MTR_MONEY_MAX_TEXT);
    return rc;
}

/* What it costs the seller is priced as what it costs the customer; it has no grants and no account. */
static int price_costs(const struct mtr_rating *rating, struct mtr_period_price *priced)
{
    if (!priced->period.cost_count) return MTR_OK;
    priced->costs = mtr_arena_calloc(rating->arena, 1, sizeof(*priced->costs));
    if (!priced->costs) return MTR_ENOMEM;
    priced->costs->subscription = priced->subscription;
    priced->costs->range = rating->lines;
    priced->costs->rest = rating->rest ? rating->rest->costs : NULL;
    priced->costs->rest_charged = rating->rest ? rating->rest->charged_costs : NULL;
    priced->costs->period = rater_cost_period(&priced->period);
    int rc = price_parts(rating, priced->costs);
    priced->cell_count += priced->costs->cell_count;
    if (rc) memcpy(priced->problem, priced->costs->problem, sizeof(priced->problem));
    return rc ? rc : rater_join_costs(priced, rating->arena);
}

int mtr_billing_period_price(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                             int64_t name_us, struct mtr_period_price *out)
{
    struct mtr_period_price priced = {.subscription = subscription, .range = rating->lines};
    priced.rest = rating->rest ? rating->rest->parts : NULL;
    priced.rest_charged = rating->rest ? rating->rest->charged_parts : NULL;
    struct mtr_billing_period *period = &priced.period;
    int rc = rater_open_period(rating, subscription, name_us, period, &priced.grants);
    if (!rc) rc = rater_read_balances(rating, subscription, period, &priced.grants);
    if (!rc)
        rc = rater_account(rating, subscription, &period->whole, &priced.account_before,
                           &priced.account_continues);
    if (!rc) rc = price_parts(rating, &priced);
    if (!rc) rc = price_costs(rating, &priced);
    MTR_ASSERT(rc || period->exists || !priced.line_count); /* where no period is nothing is charged */
    if (rc) memcpy(out->problem, priced.problem, sizeof(out->problem));
    else *out = priced;
    return rc;
}

const char *mtr_period_problem_text(const struct mtr_period_price *price, int error)
{
    return price->problem[0] ? price->problem : mtr_error_text(error);
}

struct mtr_rating mtr_rating_of_stores(struct mtr_rollups_use *use, struct mtr_charges_txn *charges,
                                       struct mtr_arena *arena)
{
    return (struct mtr_rating){.source = &mtr_use_of_rollups,
                               .source_context = use,
                               .ledger = &mtr_ledger_of_charges,
                               .ledger_context = charges,
                               .catalog = use->catalog,
                               .arena = arena};
}

void rater_hash_format(struct mtr_hash128 hash, char text[RATER_HASH_TEXT_BYTES])
{
    mtr_charge_id_format(hash, text);
}

struct mtr_local_time rater_local_time(const struct mtr_subscription *subscription, int64_t time_us)
{
    return (struct mtr_local_time){time_us, mtr_zone_at(subscription->zone, time_us).offset_s};
}
