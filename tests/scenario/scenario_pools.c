/*
 * Pools by hand: what allowances grant and credits hold of money, and what trials free of units and money,
 * drawn in the order in which periods are handed in. Written from docs/pricing.md; shares with the rater only
 * the price function.
 */
#include "scenario/scenario.h"

#include <inttypes.h>

struct naive_grant {
    struct mtr_price_pool pool;
    const struct mtr_subscription *trial;        /* of which it is freed; NULL: not of a trial */
    const struct mtr_credit *credit;             /* else NULL: an allowance of */
    const struct mtr_subscription *subscription; /* this one */
    struct mtr_str currency;
    uint32_t periods_left; /* of an allowance, after the one at hand */
    uint32_t first_part;   /* in the period at hand */
    bool is_gone;
};

static int64_t midnight(const struct mtr_subscription *subscription, const struct mtr_catalog_time *time)
{
    if (!time->is_date) return time->time_us;
    return mtr_zone_from_civil(subscription->zone, mtr_civil_from_s(time->days * 86400));
}

static struct naive_grant *push(struct scenario *scenario, struct naive_pools *pools)
{
    CHECK(scenario, pools->count < NAIVE_GRANTS_MAX, "too many grants");
    struct naive_grant *grant = &pools->grants[pools->count++];
    *grant = (struct naive_grant){0};
    return grant;
}

static struct naive_grant *push_trial(struct scenario *scenario, struct naive_pools *pools,
                                      const struct mtr_subscription *subscription, const char *key)
{
    struct naive_grant *grant = push(scenario, pools);
    const struct mtr_civil day = mtr_zone_to_civil(subscription->zone, subscription->start_us);
    grant->trial = subscription;
    grant->currency = subscription->tariff->currency;
    grant->pool.key = mtr_str_from(key);
    grant->pool.grant =
        mtr_str_from(scenario_format(scenario, "grant=%04d-%02u-%02u", day.year, day.month, day.day));
    return grant;
}

/* Once for each subscription, whatever changes meanwhile. */
static void open_trial(struct scenario *scenario, struct naive_pools *pools,
                       const struct mtr_subscription *first)
{
    for (uint32_t i = 0; i < first->trial_unit_count; i++) {
        const struct mtr_trial_units *units = &first->trial_units[i];
        const char *key = scenario_format(scenario, "trial.%.*s", MTR_STR_ARGS(units->component));
        struct naive_grant *grant = push_trial(scenario, pools, first, key);
        grant->pool.components = &units->component;
        grant->pool.component_count = 1;
        grant->pool.quantity = units->quantity;
    }
    if (pools->of_units_alone || !first->has_trial_amount) return;
    struct naive_grant *grant = push_trial(scenario, pools, first, "trial");
    grant->pool.of_money = true;
    grant->pool.amount = first->trial_amount;
}

void scenario_pools_open(struct scenario *scenario, bool of_units_alone, struct naive_pools *out)
{
    const struct mtr_catalog *catalog = scenario->stores.catalog;
    *out = (struct naive_pools){.grants = scenario_alloc(scenario, NAIVE_GRANTS_MAX, sizeof(*out->grants)),
                                .of_units_alone = of_units_alone};
    for (uint32_t i = 1; i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++)
        open_trial(scenario, out, mtr_subscription_phase(mtr_catalog_subscription(catalog, i), 0));
    for (uint32_t i = 1; !of_units_alone && i <= mtr_catalog_count(catalog, MTR_KIND_CREDIT); i++) {
        struct naive_grant *grant = push(scenario, out);
        grant->credit = mtr_catalog_credit(catalog, i);
        grant->currency = grant->credit->currency;
        grant->pool = (struct mtr_price_pool){.key = grant->credit->key,
                                              .of_money = true,
                                              .priority = grant->credit->priority,
                                              .amount = grant->credit->amount};
        grant->pool.grant =
            mtr_str_from(scenario_format(scenario, "credit=%.*s", MTR_STR_ARGS(grant->credit->from.text)));
    }
}

/* What the period grants, and what of the periods before is gone. */
void scenario_pools_begin(struct scenario *scenario, struct naive_pools *pools,
                          const struct naive_drawing *drawing,
                          const struct mtr_tariff_version *const *versions,
                          const struct mtr_tariff_document *const *tariffs, uint32_t part_count)
{
    const struct mtr_subscription *subscription = drawing->subscription;
    const struct mtr_civil day = mtr_zone_to_civil(subscription->zone, drawing->start_us);
    for (uint32_t i = 0; i < pools->count; i++) {
        struct naive_grant *grant = &pools->grants[i];
        if (grant->subscription != subscription) continue;
        grant->is_gone = grant->is_gone || grant->periods_left == 0;
        if (!grant->is_gone) grant->periods_left--;
        grant->first_part = 0;
    }
    const uint32_t first = pools->count;
    for (uint32_t part = 0; part < part_count && !pools->of_units_alone; part++) {
        for (uint32_t k = 0; k < versions[part]->allowance_count; k++) {
            const struct mtr_allowance *allowance = &versions[part]->allowances[k];
            bool is_granted = false;
            for (uint32_t i = first; i < pools->count; i++)
                is_granted |= mtr_str_equal(pools->grants[i].pool.key, allowance->key);
            if (is_granted) continue;
            CHECK(scenario, allowance->of_money, "units are not planned");
            struct naive_grant *grant = push(scenario, pools);
            grant->subscription = subscription;
            grant->periods_left = allowance->rollover;
            grant->first_part = part;
            grant->currency = tariffs[part]->currency;
            grant->pool = (struct mtr_price_pool){.key = allowance->key,
                                                  .of_money = true,
                                                  .components = allowance->components,
                                                  .component_count = allowance->component_count,
                                                  .priority = allowance->priority,
                                                  .amount = allowance->amount};
            grant->pool.grant =
                mtr_str_from(scenario_format(scenario, "grant=%04d-%02u-%02u", day.year, day.month, day.day));
        }
    }
}

/* Of a subscription's grants the older one expires first, and both before a credit that has no end or a
 * later one. */
static int64_t expiry(const struct naive_grant *grant, const struct mtr_subscription *subscription,
                      struct mtr_period whole)
{
    if (grant->trial) return grant->trial->free_until_us;
    if (grant->credit)
        return grant->credit->expires.text.size ? midnight(subscription, &grant->credit->expires) : INT64_MAX;
    int64_t end_us = whole.end_us;
    for (uint32_t i = 0; i < grant->periods_left; i++)
        end_us = mtr_period_at(&subscription->billing, end_us).end_us;
    return end_us;
}

static bool is_its_trial(const struct naive_grant *grant, const struct mtr_subscription *subscription)
{
    return grant->trial && grant->trial->number == subscription->number;
}

static bool is_open(const struct naive_grant *grant, const struct mtr_subscription *subscription,
                    int64_t start_us, int64_t end_us, uint32_t part)
{
    if (grant->trial) return is_its_trial(grant, subscription) && grant->trial->free_until_us > start_us;
    if (!grant->credit)
        return grant->subscription == subscription && !grant->is_gone && grant->first_part <= part;
    const struct mtr_credit *credit = grant->credit;
    if (!mtr_str_equal(credit->customer, subscription->customer) ||
        midnight(subscription, &credit->from) >= end_us)
        return false;
    return !credit->expires.text.size || midnight(subscription, &credit->expires) > start_us;
}

uint32_t scenario_pools_of(const struct naive_pools *pools, const struct naive_drawing *drawing,
                           uint32_t part, struct mtr_str currency, struct mtr_price_pool *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < pools->count && count < NAIVE_POOLS_MAX; i++) {
        const struct naive_grant *grant = &pools->grants[i];
        if (!is_open(grant, drawing->subscription, drawing->start_us, drawing->end_us, part) ||
            (grant->pool.of_money && !mtr_str_equal(grant->currency, currency)))
            continue;
        out[count] = grant->pool;
        out[count++].expires_us = expiry(grant, drawing->subscription, drawing->whole);
    }
    return count;
}

static bool is_own(const struct naive_grant *grant, const struct mtr_subscription *subscription)
{
    if (grant->trial) return is_its_trial(grant, subscription);
    return grant->credit ? mtr_str_equal(grant->credit->customer, subscription->customer)
                         : grant->subscription == subscription && !grant->is_gone;
}

static void take(struct scenario *scenario, struct naive_grant *grant, const struct mtr_price_draw *draw)
{
    if (grant->pool.of_money) CHECK_OK(scenario, mtr_money_sub(grant->pool.amount, draw->amount, &grant->pool.amount));
    else
        CHECK_OK(scenario, mtr_quantity_sub(grant->pool.quantity, draw->quantity, &grant->pool.quantity));
    CHECK(scenario, grant->pool.amount.e18 >= 0 && grant->pool.quantity.e12 >= 0, "a pool is below zero");
    scenario_seen[SEEN_TRIAL_UNITS_DRAWN] += !grant->pool.of_money;
    scenario_seen[SEEN_TRIAL_MONEY_DRAWN] += grant->trial && grant->pool.of_money;
    scenario_seen[SEEN_ALLOWANCE_DRAWN] += !grant->trial && !grant->credit;
    scenario_seen[SEEN_CREDIT_DRAWN] += grant->credit != NULL;
}

/* Parts under one tariff give back and draw together: their draws are taken off behind the last of them. */
void scenario_pools_draw(struct scenario *scenario, struct naive_pools *pools,
                         const struct naive_drawing *drawing, const struct mtr_price *price)
{
    for (uint32_t j = 0; j < price->draw_count; j++) {
        const struct mtr_price_draw *draw = &price->draws[j];
        for (uint32_t i = 0; i < pools->count; i++) {
            struct naive_grant *grant = &pools->grants[i];
            if (is_own(grant, drawing->subscription) && mtr_str_equal(grant->pool.key, draw->key) &&
                mtr_str_equal(grant->pool.grant, draw->grant))
                take(scenario, grant, draw);
        }
    }
}
