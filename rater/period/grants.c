/*
 * Grants of a billing period and their balances; see grants.h. Reads the charges store; writing the ledger is
 * ledger.c.
 */
#include "rater/period/grants.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "meterd/core/time.h"

/* ---- finding ---- */

struct finding {
    const struct mtr_rating *rating;
    const struct mtr_subscription *subscription;
    const struct mtr_billing_period *period;
    struct mtr_arena *arena;
    bool every_credit; /* those that the period cannot draw on, too */
    struct mtr_grants grants;
    uint32_t capacity;
};

static int add_grant(struct finding *finding, const struct mtr_grant *grant)
{
    struct mtr_grants *grants = &finding->grants;
    MTR_ASSERT(grant->granted >= 0 &&
               (!grant->pool.of_money || grant->currency.size)); /* money of a currency */
    int rc = mtr_arena_make_room(finding->arena, (void **)&grants->items, grants->count, &finding->capacity,
                                 sizeof(*grant));
    if (rc) return rc;
    grants->items[grants->count++] = *grant;
    return MTR_OK;
}

/* Amounts of another kind or currency cannot be counted together, so they are another grant. */
static struct mtr_hash128 hash_text(const char *text)
{
    XXH128_hash_t hash = XXH3_128bits(text, strlen(text));
    return (struct mtr_hash128){hash.high64, hash.low64};
}

static int add_credit(struct finding *finding, const struct mtr_credit *credit)
{
    enum { TEXT_BYTES = 96 };
    const struct mtr_subscription *subscription = finding->subscription;
    char text[TEXT_BYTES];
    struct mtr_grant grant = {.credit = credit,
                              .currency = credit->currency,
                              .granted = credit->of_money ? credit->amount.e18 : credit->quantity.e12};
    grant.pool = (struct mtr_price_pool){
        .key = credit->key,
        .of_money = credit->of_money,
        .components = credit->components,
        .component_count = credit->component_count,
        .meter = credit->meter ? credit->meter->key : MTR_STR(""),
        .priority = credit->priority,
        .expires_us = mtr_catalog_time_in(&credit->expires, subscription->zone),
    };
    const bool is_of_service =
        !credit->meter || credit->meter->service->number == subscription->service->number;
    const bool overlaps = mtr_catalog_time_in(&credit->from, subscription->zone) < finding->period->end_us &&
                          grant.pool.expires_us > finding->period->start_us;
    if ((!overlaps || !is_of_service) && !finding->every_credit) return MTR_OK;
    snprintf(text, sizeof(text), "credit=%.*s", MTR_STR_ARGS(credit->from.text));
    int rc = mtr_arena_copy(finding->arena, mtr_str_from(text), &grant.pool.grant);
    if (rc) return rc;
    snprintf(text, sizeof(text), "credit:%u:%.*s", credit->number, MTR_STR_ARGS(credit->currency));
    grant.id = hash_text(text);
    return add_grant(finding, &grant);
}

/* The end of the last period in which it can be drawn: `rollover` after the one that grants it. */
static int64_t expiry_of(const struct finding *finding, const struct mtr_billing_period *granting,
                         uint32_t rollover)
{
    int64_t end_us = granting->whole.end_us;
    for (uint32_t i = 0; i < rollover && end_us < MTR_TIME_US_MAX; i++)
        end_us = mtr_period_at(&finding->subscription->billing, end_us).end_us;
    MTR_ASSERT(end_us >= granting->whole.end_us);
    return end_us;
}

static int add_allowance(struct finding *finding, const struct mtr_billing_period *granting, uint32_t part,
                         const struct mtr_allowance *allowance)
{
    enum { TEXT_BYTES = 160 };
    const struct mtr_civil day = mtr_zone_to_civil(finding->subscription->zone, granting->start_us);
    char text[TEXT_BYTES], into[16] = "";
    const int64_t name_us = granting->name_us, second_us = mtr_time_second(name_us);
    struct mtr_grant grant = {.granted =
                                  allowance->of_money ? allowance->amount.e18 : allowance->quantity.e12,
                              .part = granting == finding->period ? part : 0};
    grant.pool = (struct mtr_price_pool){
        .key = allowance->key,
        .of_money = allowance->of_money,
        .components = allowance->components,
        .component_count = allowance->component_count,
        .priority = allowance->priority,
        .expires_us = expiry_of(finding, granting, allowance->rollover),
    };
    if (allowance->of_money) grant.currency = mtr_tariff_priced_in(granting->parts[part].tariff);
    snprintf(text, sizeof(text), "grant=%04d-%02u-%02u", day.year, day.month, day.day);
    int rc = mtr_arena_copy(finding->arena, mtr_str_from(text), &grant.pool.grant);
    if (rc) return rc;
    if (name_us != second_us) snprintf(into, sizeof(into), ".%06d", (int)(name_us - second_us));
    snprintf(text, sizeof(text), "allowance:%u:%lld%s:%.*s:%.*s", finding->subscription->number,
             (long long)(second_us / MTR_US_PER_SECOND), into, MTR_STR_ARGS(allowance->key),
             MTR_STR_ARGS(grant.currency));
    grant.id = hash_text(text);
    return add_grant(finding, &grant);
}

static bool is_in_earlier_part(const struct mtr_billing_period *period, uint32_t part, struct mtr_str key)
{
    for (uint32_t i = 0; i < part; i++)
        for (uint32_t j = 0; j < period->parts[i].version->allowance_count; j++)
            if (mtr_str_equal(period->parts[i].version->allowances[j].key, key)) return true;
    return false;
}

/* What a period grants that is `age` periods before the one that draws. */
static int add_allowances(struct finding *finding, const struct mtr_billing_period *granting, uint32_t age)
{
    for (uint32_t i = 0; i < granting->part_count; i++) {
        const struct mtr_tariff_version *version = granting->parts[i].version;
        for (uint32_t j = 0; j < version->allowance_count; j++) {
            const struct mtr_allowance *allowance = &version->allowances[j];
            if (allowance->rollover < age || is_in_earlier_part(granting, i, allowance->key)) continue;
            int rc = add_allowance(finding, granting, i, allowance);
            if (rc) return rc;
        }
    }
    return MTR_OK;
}

static uint32_t greatest_rollover(const struct mtr_subscription *subscription,
                                  const struct mtr_tariff_document *tariff)
{
    uint32_t greatest = 0;
    for (uint32_t i = 0; tariff && i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version =
            mtr_tariff_version_for(&tariff->versions[i], subscription->key, subscription->customer);
        for (uint32_t j = 0; j < version->allowance_count; j++)
            if (version->allowances[j].rollover > greatest) greatest = version->allowances[j].rollover;
    }
    return greatest;
}

static int add_rolled_over(struct finding *finding)
{
    const struct mtr_subscription *subscription = finding->subscription;
    const uint32_t of_trial = greatest_rollover(subscription, subscription->trial_tariff);
    uint32_t age_max = greatest_rollover(subscription, subscription->tariff);
    int64_t start_us = finding->period->start_us;
    if (of_trial > age_max) age_max = of_trial;
    for (uint32_t age = 1; age <= age_max && start_us > subscription->start_us; age++) {
        struct mtr_billing_period *granting = mtr_arena_calloc(finding->arena, 1, sizeof(*granting));
        int64_t end_us;
        if (!granting) return MTR_ENOMEM;
        const int64_t before_us = start_us;
        start_us = mtr_billing_period_start(subscription, before_us - 1, &end_us);
        MTR_ASSERT(start_us < before_us && end_us >= before_us); /* the one right before */
        int rc = rater_billing_period_at(finding->rating, subscription,
                                         mtr_billing_period_name(subscription, start_us), granting);
        if (!rc) rc = add_allowances(finding, granting, age);
        if (rc) return rc;
    }
    return MTR_OK;
}

/* What a trial frees is granted once, at the subscription's start; of money without `units`. */
static int add_trial_grant(struct finding *finding, const struct mtr_trial_units *units)
{
    enum { TEXT_BYTES = 160 };
    const struct mtr_subscription *subscription = finding->subscription;
    const struct mtr_civil day =
        mtr_zone_to_civil(subscription->zone, mtr_subscription_begun_us(subscription));
    const struct mtr_str component = units ? units->component : MTR_STR("");
    char text[TEXT_BYTES];
    struct mtr_grant grant = {.granted = units ? units->quantity.e12 : subscription->trial_amount.e18};
    grant.pool = (struct mtr_price_pool){
        .of_money = !units,
        .components = units ? &units->component : NULL,
        .component_count = units != NULL,
        .expires_us = subscription->free_until_us,
    };
    if (!units) grant.currency = mtr_tariff_priced_in(subscription->tariff);
    snprintf(text, sizeof(text), "trial%s%.*s", units ? "." : "", MTR_STR_ARGS(component));
    int rc = mtr_arena_copy(finding->arena, mtr_str_from(text), &grant.pool.key);
    snprintf(text, sizeof(text), "grant=%04d-%02u-%02u", day.year, day.month, day.day);
    if (!rc) rc = mtr_arena_copy(finding->arena, mtr_str_from(text), &grant.pool.grant);
    if (rc) return rc;
    snprintf(text, sizeof(text), "trial:%u:%.*s:%.*s", subscription->number, MTR_STR_ARGS(component),
             MTR_STR_ARGS(grant.currency));
    grant.id = hash_text(text);
    return add_grant(finding, &grant);
}

static int add_trial(struct finding *finding)
{
    const struct mtr_subscription *subscription = finding->subscription;
    int rc = MTR_OK;
    if (subscription->free_until_us <= finding->period->start_us) return MTR_OK;
    for (uint32_t i = 0; i < subscription->trial_unit_count && !rc; i++)
        rc = add_trial_grant(finding, &subscription->trial_units[i]);
    return !rc && subscription->has_trial_amount ? add_trial_grant(finding, NULL) : rc;
}

static struct mtr_hash128 term_id(const struct mtr_subscription *subscription,
                                  const struct mtr_billing_part *part)
{
    enum { TEXT_BYTES = 192 };
    char text[TEXT_BYTES], phase[32] = "";
    if (subscription->phase_index > 0) /* each change begins a sum of its own */
        snprintf(phase, sizeof(phase), ":%lld", (long long)subscription->start_us);
    snprintf(text, sizeof(text), "term:%u:%lld:%.*s:%.*s%s", subscription->number,
             (long long)(part->term.whole.start_us / MTR_US_PER_SECOND), MTR_STR_ARGS(part->tariff->key),
             MTR_STR_ARGS(mtr_tariff_priced_in(part->tariff)), phase);
    return hash_text(text);
}

static bool is_same(struct mtr_hash128 a, struct mtr_hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

static int add_term(struct finding *finding, uint32_t part)
{
    enum { TEXT_BYTES = 32 };
    const struct mtr_billing_part *of = &finding->period->parts[part];
    const struct mtr_civil day = mtr_zone_to_civil(finding->subscription->zone, of->term.whole.start_us);
    char text[TEXT_BYTES];
    struct mtr_grant grant = {.of_term = true,
                              .id = term_id(finding->subscription, of),
                              .currency = mtr_tariff_priced_in(of->tariff),
                              .part = part};
    grant.pool = (struct mtr_price_pool){
        .key = MTR_STR("tariff.term"), .of_money = true, .expires_us = of->term.whole.end_us};
    for (uint32_t i = 0; i < finding->grants.count; i++)
        if (is_same(finding->grants.items[i].id, grant.id)) return MTR_OK;
    snprintf(text, sizeof(text), "term=%04d-%02u-%02u", day.year, day.month, day.day);
    int rc = mtr_arena_copy(finding->arena, mtr_str_from(text), &grant.pool.grant);
    return rc ? rc : add_grant(finding, &grant);
}

/* The sums of the terms that the period lies in. */
static int add_terms(struct finding *finding)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < finding->period->part_count; i++)
        if (finding->period->parts[i].term.given) rc = add_term(finding, i);
    return rc;
}

static const struct mtr_credit *next_credit(const struct finding *finding, uint32_t *position)
{
    const struct mtr_rating *rating = finding->rating;
    if (rating->catalog) return mtr_catalog_next_credit(rating->catalog, finding->subscription, position);
    return *position < rating->credit_count ? &rating->credits[(*position)++] : NULL;
}

static int find_grants(struct finding *finding)
{
    const struct mtr_credit *credit;
    uint32_t position = 0;
    if (!finding->period->exists && !finding->every_credit) return MTR_OK;
    int rc = finding->period->exists ? add_allowances(finding, finding->period, 0) : MTR_OK;
    if (!rc && finding->period->exists) rc = add_rolled_over(finding);
    if (!rc && finding->period->exists) rc = add_trial(finding);
    if (!rc && finding->period->exists && !finding->every_credit) rc = add_terms(finding);
    while (!rc && (credit = next_credit(finding, &position)) != NULL)
        rc = add_credit(finding, credit);
    return rc;
}

/* ---- inputs ---- */

static void mix_text(XXH3_state_t *state, struct mtr_str text)
{
    const uint64_t size = text.size;
    XXH3_128bits_update(state, &size, sizeof(size));
    XXH3_128bits_update(state, text.data, text.size);
}

static void mix_grant(XXH3_state_t *state, const struct mtr_grant *grant)
{
    const struct mtr_price_pool *pool = &grant->pool;
    const int64_t numbers[] = {(int64_t)grant->id.high, (int64_t)grant->id.low,
                               (int64_t)grant->granted, (int64_t)(grant->granted >> 64),
                               pool->of_money,          pool->priority,
                               pool->expires_us,         grant->part,
                               pool->component_count};
    XXH3_128bits_update(state, numbers, sizeof(numbers));
    mix_text(state, pool->key);
    mix_text(state, pool->grant);
    mix_text(state, pool->meter);
    for (uint32_t i = 0; i < pool->component_count; i++)
        mix_text(state, pool->components[i]);
}

static int mix_grants(struct mtr_billing_period *period, const struct mtr_grants *grants)
{
    if (!grants->count) return MTR_OK;
    XXH3_state_t *state = XXH3_createState();
    if (!state) return MTR_ENOMEM;
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, &period->inputs, sizeof(period->inputs));
    for (uint32_t i = 0; i < grants->count; i++) {
        mix_grant(state, &grants->items[i]);
        if (!grants->items[i].of_term) continue;
        const struct mtr_billing_term *term = &period->parts[grants->items[i].part].term;
        const int64_t runs[] = {term->runs_from_us, term->runs_to_us}; /* an end may lie behind this period */
        XXH3_128bits_update(state, runs, sizeof(runs));
    }
    const XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    period->inputs = (struct mtr_hash128){hash.high64, hash.low64};
    return MTR_OK;
}

int rater_open_period(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                      int64_t name_us, struct mtr_billing_period *period, struct mtr_grants *grants)
{
    struct finding finding = {
        .rating = rating, .subscription = subscription, .period = period, .arena = rating->arena};
    int rc = rater_billing_period_at(rating, subscription, name_us, period);
    if (!rc) rc = find_grants(&finding);
    if (!rc) rc = mix_grants(period, &finding.grants);
    if (!rc) *grants = finding.grants;
    return rc;
}

int mtr_billing_period_inputs(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                              int64_t name_us, struct mtr_hash128 *out)
{
    struct mtr_billing_period period;
    struct mtr_grants grants;
    int rc = rater_open_period(rating, subscription, name_us, &period, &grants);
    if (!rc) *out = period.inputs;
    return rc;
}

int mtr_billing_period_grants(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                              int64_t name_us, struct mtr_grants *out)
{
    struct mtr_billing_period period;
    struct finding finding = {.rating = rating,
                              .subscription = subscription,
                              .period = &period,
                              .arena = rating->arena,
                              .every_credit = true};
    int rc = rater_billing_period_at(rating, subscription, name_us, &period);
    if (!rc) rc = find_grants(&finding);
    if (!rc) *out = finding.grants;
    return rc;
}

/* ---- balances ---- */

static void set_balance(struct mtr_price_pool *pool, mtr_int128 balance)
{
    if (balance < 0) balance = 0; /* a credit that was made smaller than what was drawn */
    if (pool->of_money)
        pool->amount.e18 = balance;
    else
        pool->quantity.e12 = balance;
}

static mtr_int128 balance_of(const struct mtr_price_pool *pool)
{
    return pool->of_money ? pool->amount.e18 : pool->quantity.e12;
}

int rater_read_balances(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                        const struct mtr_billing_period *period, struct mtr_grants *grants)
{
    for (uint32_t i = 0; i < grants->count; i++) {
        struct mtr_grant *grant = &grants->items[i];
        struct mtr_charge_draw draw = {
            .grant = grant->id,
            .period_start_us = period->name_us,
            .subscription = subscription->number};
        int rc = rating->ledger->draw_before(rating->ledger_context, &draw);
        if (rc && rc != MTR_ENOTFOUND) return rc;
        const bool is_drawn = rc == MTR_OK;
        grant->before = 0;
        if (is_drawn && __builtin_add_overflow(draw.before, draw.drawn, &grant->before)) return MTR_ECORRUPT;
        if (grant->of_term) continue;
        if (is_drawn && (draw.before < 0 || draw.drawn < 0))
            return MTR_ECORRUPT; /* nobody gives back to a pool */
        set_balance(&grant->pool, grant->granted - grant->before);
        MTR_ASSERT(balance_of(&grant->pool) >= 0 && balance_of(&grant->pool) <= grant->granted);
    }
    return MTR_OK;
}

static bool is_of_grant(const struct mtr_price_draw *draw, const struct mtr_grant *grant)
{
    return mtr_str_equal(draw->key, grant->pool.key) && mtr_str_equal(draw->grant, grant->pool.grant);
}

/* What the first `count` parts of a period drew of a grant. */
static int sum_draws(const struct mtr_period_price *priced, const struct mtr_grant *grant, uint32_t count,
                     mtr_int128 *out)
{
    mtr_int128 sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_price *price = priced->prices[i];
        for (uint32_t j = 0; j < price->draw_count; j++) {
            const struct mtr_price_draw *draw = &price->draws[j];
            if (!is_of_grant(draw, grant)) continue;
            if (__builtin_add_overflow(sum, draw->of_money ? draw->amount.e18 : draw->quantity.e12, &sum))
                return MTR_EOVERFLOW;
        }
    }
    *out = sum;
    return MTR_OK;
}

static int sum_term(const struct mtr_period_price *priced, const struct mtr_grant *grant, mtr_int128 *out)
{
    mtr_int128 sum = 0;
    for (uint32_t i = 0; i < priced->period.part_count; i++)
        if (rater_find_term(priced, i) == grant &&
            __builtin_add_overflow(sum, priced->prices[i]->term_sum.e18, &sum))
            return MTR_EOVERFLOW;
    *out = sum;
    return MTR_OK;
}

const struct mtr_grant *rater_find_term(const struct mtr_period_price *priced, uint32_t part)
{
    const struct mtr_billing_part *of = &priced->period.parts[part];
    if (!of->term.given) return NULL;
    const struct mtr_hash128 id = term_id(priced->subscription, of);
    for (uint32_t i = 0; i < priced->grants.count; i++)
        if (priced->grants.items[i].of_term && is_same(priced->grants.items[i].id, id))
            return &priced->grants.items[i];
    return NULL;
}

int rater_sum_draws(struct mtr_period_price *priced)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < priced->grants.count; i++) {
        struct mtr_grant *grant = &priced->grants.items[i];
        if (grant->of_term) {
            rc = sum_term(priced, grant, &grant->drawn);
            continue;
        }
        rc = sum_draws(priced, grant, priced->period.part_count, &grant->drawn);
        /* Nobody can be given more than what was left, or take back more than was drawn. */
        MTR_ASSERT(rc || (grant->drawn >= 0 && grant->drawn <= balance_of(&grant->pool)));
    }
    return rc;
}

int rater_part_pools(const struct mtr_period_price *priced, uint32_t index, struct mtr_arena *arena,
                     struct mtr_price_input *input)
{
    const struct mtr_grants *grants = &priced->grants;
    const struct mtr_billing_part *part = &priced->period.parts[index];
    if (!grants->count) return MTR_OK;
    struct mtr_price_pool *pools = mtr_arena_calloc(arena, grants->count, sizeof(*pools));
    if (!pools) return MTR_ENOMEM;
    for (uint32_t i = 0; i < grants->count; i++) {
        const struct mtr_grant *grant = &grants->items[i];
        struct mtr_price_pool pool = grant->pool;
        mtr_int128 drawn;
        const struct mtr_str priced_in = mtr_tariff_priced_in(part->tariff);
        const bool is_foreign = pool.of_money && !mtr_str_equal(grant->currency, priced_in);
        if (grant->of_term || grant->part > index || is_foreign) continue;
        int rc = sum_draws(priced, grant, part->first, &drawn);
        if (rc) return rc;
        set_balance(&pool, balance_of(&pool) - drawn);
        MTR_ASSERT(input->pool_count < grants->count &&
                   balance_of(&pool) <= balance_of(&grant->pool) - drawn);
        pools[input->pool_count++] = pool;
    }
    input->pools = pools;
    return MTR_OK;
}
