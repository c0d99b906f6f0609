/*
 * See quote_series.h. What a period draws of a pool is kept in a ledger in memory, for the periods after it.
 *
 * Invariant: the lines of a part, with the costs laid beside them, are those that the rater would emit; cost
 * that lies where nothing is charged stands with the period's first part.
 */
#include "daemon/query/quote/quote_series.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "meterd/core/time.h"
#include "meterd/rater/billing_period.h"

const struct mtr_field quote_credit_fields[] = {
    {.name = "key",
     .type = MTR_FIELD_KEY,
     .offset = offsetof(struct quote_credit, key),
     .doc = "of its line; credit-1 and so on unless given"},
    {.name = "amount",
     .type = MTR_FIELD_MONEY,
     .offset = offsetof(struct quote_credit, amount),
     .required = true,
     .doc = "prepaid, in the tariff's currency"},
    {.name = "priority",
     .type = MTR_FIELD_U64,
     .offset = offsetof(struct quote_credit, priority),
     .default_text = "100",
     .max = MTR_POOL_PRIORITY_MAX,
     .doc = "the lowest pays first"},
    {.name = "expires",
     .type = MTR_FIELD_TIME,
     .offset = offsetof(struct quote_credit, expires_us),
     MTR_ROW_GIVEN(quote_credit, has_expires),
     .doc = "billing periods that begin then or later do not draw on it"},
    {.name = NULL},
};

struct run {
    const struct quote_series *series;
    struct mtr_arena *arena;
    struct mtr_diagnostics *findings;
    const struct mtr_subscription *subscription;
    struct mtr_credit *credits;
    uint32_t credit_count;
    struct drawn *drawn; /* by grant: what the periods so far drew */
    uint32_t drawn_count, drawn_capacity;
    struct mtr_priced_part *parts;
    uint32_t part_count, part_capacity;
};

struct drawn {
    struct mtr_hash128 grant;
    mtr_int128 sum;
};

/* ---- credits ---- */

static bool has_key(const struct mtr_tariff_document *tariff, struct mtr_str key)
{
    for (uint32_t v = 0; v < tariff->version_count; v++) {
        const struct mtr_tariff_version *version = &tariff->versions[v];
        if (mtr_tariff_component(version, key)) return true;
        for (uint32_t i = 0; i < version->allowance_count; i++)
            if (mtr_str_equal(version->allowances[i].key, key)) return true;
    }
    return false;
}

static bool is_taken(const struct run *run, struct mtr_str key)
{
    for (uint32_t i = 0; i < mtr_subscription_phase_count(run->subscription); i++)
        if (has_key(mtr_subscription_phase(run->subscription, i)->tariff, key)) return true;
    for (uint32_t i = 0; i < run->credit_count; i++)
        if (mtr_str_equal(run->credits[i].key, key)) return true;
    return false;
}

/* A credit of the catalog's kind, in force from the beginning of time; its grant is told by its number. */
static int make_credit(struct run *run, const struct quote_credit *given, uint32_t number)
{
    char text[32];
    struct mtr_credit credit = {
        .number = number,
        .key = given->key,
        .of_money = true,
        .amount = given->amount,
        .currency = mtr_tariff_priced_in(run->subscription->tariff),
        .from = {.time_us = INT64_MIN},
        .priority = (uint32_t)given->priority,
    };
    snprintf(text, sizeof(text), "%" PRIu32, number);
    int rc = mtr_arena_copy(run->arena, mtr_str_from(text), &credit.from.text);
    if (given->has_expires) {
        credit.expires.text = MTR_STR("expires");
        credit.expires.time_us = given->expires_us;
    }
    if (given->amount.e18 < 0)
        return quote_fail(run->findings, MTR_FINDING_QUOTE_CREDIT, NULL, "credits",
                          "a credit must not be negative", (struct mtr_str){NULL, 0});
    snprintf(text, sizeof(text), "credit-%" PRIu32, number);
    if (!rc && !credit.key.size) rc = mtr_arena_copy(run->arena, mtr_str_from(text), &credit.key);
    if (!rc && is_taken(run, credit.key))
        return quote_fail(run->findings, MTR_FINDING_QUOTE_CREDIT, NULL, "credits",
                          "another part of the price has the key", credit.key);
    if (!rc) run->credits[run->credit_count++] = credit;
    return rc;
}

static int make_credits(struct run *run)
{
    const struct quote_credit *given = run->series->credits->items;
    const uint32_t count = run->series->credits->count;
    int rc = MTR_OK;
    run->credits = mtr_arena_calloc(run->arena, (size_t)count + 1, sizeof(*run->credits));
    if (!run->credits) return MTR_ENOMEM;
    for (uint32_t i = 0; !rc && i < count; i++)
        rc = make_credit(run, &given[i], i + 1);
    return rc;
}

/* ---- the ledger of draws ---- */

static struct drawn *find_drawn(const struct run *run, struct mtr_hash128 grant)
{
    for (uint32_t i = 0; i < run->drawn_count; i++)
        if (run->drawn[i].grant.high == grant.high && run->drawn[i].grant.low == grant.low)
            return &run->drawn[i];
    return NULL;
}

static int draw_before(void *context, struct mtr_charge_draw *draw)
{
    const struct drawn *drawn = find_drawn(context, draw->grant);
    if (!drawn) return MTR_ENOTFOUND;
    draw->before = 0;
    draw->drawn = drawn->sum;
    return MTR_OK;
}

/* There is no other subscription in a quote. */
static int add_account(void *context, const struct mtr_subscription *subscription,
                       const struct mtr_period *whole, struct mtr_money *sum)
{
    (void)context, (void)subscription, (void)whole, (void)sum;
    return MTR_OK;
}

static const struct mtr_draw_ledger ledger_in_memory = {.draw_before = draw_before, .account = add_account};

static int post_draws(struct run *run, const struct mtr_grants *grants)
{
    for (uint32_t i = 0; i < grants->count; i++) {
        const struct mtr_grant *grant = &grants->items[i];
        struct drawn *drawn = find_drawn(run, grant->id);
        if (!drawn) {
            int rc = mtr_arena_make_room(run->arena, (void **)&run->drawn, run->drawn_count,
                                         &run->drawn_capacity, sizeof(*run->drawn));
            if (rc) return rc;
            drawn = &run->drawn[run->drawn_count++];
            *drawn = (struct drawn){.grant = grant->id};
        }
        MTR_ASSERT(drawn->sum == grant->before); /* periods come one after another */
        drawn->sum += grant->drawn;
    }
    return MTR_OK;
}

/* ---- parts ---- */

static int format_time(const struct run *run, int64_t time_us, struct mtr_str *out)
{
    char text[MTR_TIME_TEXT_BYTES];
    const int32_t offset_s = mtr_zone_at(run->subscription->zone, time_us).offset_s;
    if (offset_s)
        mtr_time_format_offset(time_us, offset_s, text);
    else
        mtr_time_format(time_us, text);
    return mtr_arena_copy(run->arena, mtr_str_from(text), out);
}

/* Is it a line of the costs alone, of that time? */
static bool stands_in(const struct mtr_period_price *priced, const struct mtr_period_line *line,
                      const struct mtr_period *bounds)
{
    const struct mtr_billing_period *period = &priced->period;
    for (uint32_t i = 0; i < period->part_count; i++)
        if (line->part == &period->parts[i]) return false;
    return bounds->start_us <= line->identity.part_start_us && line->identity.part_start_us < bounds->end_us;
}

static struct mtr_price_line cost_line(const struct mtr_period_line *line)
{
    return (struct mtr_price_line){.component = line->identity.component,
                                   .dimensions = line->identity.dimensions,
                                   .kind = line->identity.kind,
                                   .quantity = line->quantity};
}

/* The part's price with the costs on its lines. What rounding adds to a total is of no line here; its cost is
 * in the price's own. */
static int lay_costs(const struct mtr_period_price *priced, const struct mtr_billing_part *part,
                     const struct mtr_period *bounds, struct mtr_arena *arena, struct mtr_price *price)
{
    const uint32_t count = price->line_count;
    uint32_t next = 0;
    int rc = MTR_OK;
    if (!priced->costs) return MTR_OK;
    struct mtr_price_line *lines =
        mtr_arena_calloc(arena, (size_t)count + priced->costs->line_count + 1, sizeof(*lines));
    if (!lines) return MTR_ENOMEM;
    if (count) memcpy(lines, price->lines, count * sizeof(*lines));
    price->lines = lines;
    price->has_cost = true;
    for (uint32_t i = 0; !rc && i < priced->line_count; i++) {
        const struct mtr_period_line *line = &priced->lines[i];
        const bool is_own = line->part == part;
        if (!is_own && !stands_in(priced, line, bounds)) continue;
        rc = mtr_money_add(price->cost, line->cost, &price->cost);
        if (mtr_str_equal(line->identity.kind, MTR_STR("rounding"))) continue;
        struct mtr_price_line *out = is_own ? &lines[next++] : &lines[price->line_count++];
        if (!is_own) *out = cost_line(line);
        MTR_ASSERT(mtr_str_equal(out->component, line->identity.component) && next <= count);
        out->has_cost = true;
        out->cost = line->cost;
    }
    MTR_ASSERT(rc || next == count); /* every line of the part was met */
    return rc;
}

/* A part of the period; or a time in which nothing is charged, without one: then `input` has a version
 * without components. */
static int keep_part(struct run *run, const struct mtr_period_price *priced,
                     const struct mtr_billing_part *part, const struct mtr_period *bounds)
{
    static const struct mtr_tariff_version nothing;
    struct mtr_price *price = mtr_arena_calloc(run->arena, 1, sizeof(*price));
    struct mtr_price_input *input = mtr_arena_calloc(run->arena, 1, sizeof(*input));
    struct mtr_priced_part kept = {
        .input = input, .price = price, .currency = priced->subscription->currency};
    if (!price || !input) return MTR_ENOMEM;
    *input = (struct mtr_price_input){.tariff = priced->subscription->tariff, .version = &nothing};
    if (part) {
        *input = priced->parts[part - priced->period.parts].input;
        *price = priced->parts[part - priced->period.parts].price;
    }
    int rc = lay_costs(priced, part, bounds, run->arena, price);
    if (!rc) rc = format_time(run, bounds->start_us, &kept.from);
    if (!rc) rc = format_time(run, bounds->end_us, &kept.to);
    if (!rc)
        rc = mtr_arena_make_room(run->arena, (void **)&run->parts, run->part_count, &run->part_capacity,
                                 sizeof(kept));
    if (!rc) run->parts[run->part_count++] = kept;
    return rc;
}

/* ---- periods ---- */

/* What is used for nothing, before a trial's end or a first version, has its cost. */
static int keep_uncharged(struct run *run, const struct mtr_period_price *priced,
                          const struct mtr_period *bounds)
{
    for (uint32_t i = 0; i < priced->line_count; i++)
        if (stands_in(priced, &priced->lines[i], bounds)) return keep_part(run, priced, NULL, bounds);
    return MTR_OK;
}

static int keep_parts(struct run *run, const struct mtr_period_price *priced)
{
    const struct mtr_billing_period *period = &priced->period;
    struct mtr_period between = {period->start_us, period->end_us};
    int rc = MTR_OK;
    if (!period->part_count) return keep_part(run, priced, NULL, &between);
    for (uint32_t i = 0; !rc && i < period->part_count; i++) {
        const struct mtr_billing_part *part = &period->parts[i];
        const struct mtr_period bounds = {part->start_us, part->end_us};
        between.end_us = part->start_us;
        rc = keep_uncharged(run, priced, &between);
        if (!rc) rc = keep_part(run, priced, part, &bounds);
        between.start_us = part->end_us;
    }
    between.end_us = period->end_us;
    return rc ? rc : keep_uncharged(run, priced, &between);
}

static int price_period(struct run *run, const struct mtr_rating *rating, int64_t start_us, int64_t *end_us)
{
    const struct mtr_subscription *phase = mtr_subscription_at(run->subscription, start_us);
    struct mtr_period_price *priced = mtr_arena_calloc(run->arena, 1, sizeof(*priced));
    if (!priced) return MTR_ENOMEM;
    int rc = mtr_billing_period_price(rating, phase, mtr_billing_period_name(phase, start_us), priced);
    if (rc == MTR_EMISSING)
        return quote_fail(run->findings, MTR_FINDING_RATING_RATE_MISSING, NULL, "currency", priced->problem,
                          (struct mtr_str){NULL, 0});
    if (rc == MTR_EOVERFLOW && priced->problem[0])
        return quote_fail(run->findings, MTR_FINDING_RATING_RANGE, NULL, "quantity", priced->problem,
                          (struct mtr_str){NULL, 0});
    if (!rc) rc = post_draws(run, &priced->grants);
    if (!rc) rc = keep_parts(run, priced);
    *end_us = priced->period.end_us;
    MTR_ASSERT(rc || (priced->period.exists && start_us < *end_us)); /* or it would never end */
    return rc;
}

int quote_series_price(const struct quote_series *series, struct mtr_arena *arena,
                       struct mtr_diagnostics *findings, struct mtr_priced_part **parts, uint32_t *count)
{
    const struct mtr_subscription *subscription = series->subscription;
    struct run run = {.series = series, .arena = arena, .findings = findings, .subscription = subscription};
    int64_t whole_end_us,
        at_us = mtr_billing_period_start(mtr_subscription_at(subscription, series->first_us),
                                         series->first_us, &whole_end_us);
    int rc = make_credits(&run);
    const struct mtr_rating rating = {.source = &quote_use_source,
                                      .source_context = series->use,
                                      .ledger = &ledger_in_memory,
                                      .ledger_context = &run,
                                      .catalog = series->catalog,
                                      .credits = run.credits,
                                      .credit_count = run.credit_count,
                                      .usage_day = series->usage_day,
                                      .closing = series->closing,
                                      .arena = arena};
    while (!rc && at_us <= series->last_us && at_us < mtr_subscription_ends_us(subscription))
        rc = price_period(&run, &rating, at_us, &at_us);
    *parts = run.parts;
    *count = run.part_count;
    MTR_ASSERT(rc || run.part_count);
    return rc;
}
