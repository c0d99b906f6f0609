/*
 * See query/quote_purse.h. A month's grant of a key comes from the first of its versions that has it; a month
 * without use is granted, too, and what it leaves rolls over.
 */
#include "daemon/query/quote_purse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/query/quote_usage.h"
#include "meterd/core/time.h"

const struct mtr_field mtr_price_credit_fields[] = {
    {.name = "key", .type = MTR_FIELD_KEY, .offset = offsetof(struct mtr_price_credit, key),
     .doc = "of its line; credit-1 and so on unless given"},
    {.name = "amount", .type = MTR_FIELD_MONEY, .offset = offsetof(struct mtr_price_credit, amount),
     .required = true, .doc = "prepaid, in the tariff's currency"},
    {.name = "priority", .type = MTR_FIELD_U64, .offset = offsetof(struct mtr_price_credit, priority),
     .default_text = "100", .max = MTR_POOL_PRIORITY_MAX, .doc = "the lowest pays first"},
    {.name = "expires", .type = MTR_FIELD_TIME, .offset = offsetof(struct mtr_price_credit, expires_us),
     .present_offset = offsetof(struct mtr_price_credit, has_expires) + 1,
     .doc = "months that begin then or later do not draw on it"},
    {.name = NULL},
};

static int add_pool(struct mtr_price_purse *purse, const struct mtr_price_pool *pool, int64_t from_s)
{
    if (purse->count == purse->capacity) {
        const uint32_t capacity = purse->capacity ? 2 * purse->capacity : 16;
        struct mtr_price_pool *pools = mtr_arena_calloc(purse->arena, capacity, sizeof(*pools));
        int64_t *from = mtr_arena_calloc(purse->arena, capacity, sizeof(*from));
        if (!pools || !from) return MTR_ENOMEM;
        if (purse->count) memcpy(pools, purse->pools, purse->count * sizeof(*pools));
        if (purse->count) memcpy(from, purse->from_s, purse->count * sizeof(*from));
        purse->pools = pools;
        purse->from_s = from;
        purse->capacity = capacity;
    }
    purse->pools[purse->count] = *pool;
    purse->from_s[purse->count++] = from_s;
    return MTR_OK;
}

static bool is_taken(const struct mtr_price_purse *purse, struct mtr_str key)
{
    for (uint32_t v = 0; v < purse->tariff->version_count; v++) {
        const struct mtr_tariff_version *version = &purse->tariff->versions[v];
        if (mtr_tariff_component(version, key)) return true;
        for (uint32_t i = 0; i < version->allowance_count; i++)
            if (mtr_str_equal(version->allowances[i].key, key)) return true;
    }
    for (uint32_t i = 0; i < purse->count; i++)
        if (mtr_str_equal(purse->pools[i].key, key)) return true;
    return false;
}

static int add_credit(struct mtr_price_purse *purse, const struct mtr_price_credit *credit, uint32_t number,
                      struct mtr_diagnostics *findings)
{
    struct mtr_price_pool pool = {.key = credit->key,
                                  .of_money = true,
                                  .priority = (uint32_t)credit->priority,
                                  .amount = credit->amount};
    char text[32];
    int rc = MTR_OK;
    pool.expires_s = credit->has_expires ? credit->expires_us / MTR_US_PER_SECOND : INT64_MAX;
    if (credit->amount.e18 < 0)
        return quote_fail(findings, NULL, "credits", "a credit must not be negative",
                              (struct mtr_str){NULL, 0});
    snprintf(text, sizeof(text), "credit-%" PRIu32, number);
    if (!pool.key.size) rc = mtr_arena_copy(purse->arena, mtr_str_from(text), &pool.key);
    if (!rc && is_taken(purse, pool.key))
        return quote_fail(findings, NULL, "credits", "another part of the price has the key", pool.key);
    snprintf(text, sizeof(text), "credit=%" PRIu32, number);
    if (!rc) rc = mtr_arena_copy(purse->arena, mtr_str_from(text), &pool.grant);
    return rc ? rc : add_pool(purse, &pool, INT64_MIN);
}

int quote_purse_open(struct mtr_price_purse *purse, const struct mtr_tariff_document *tariff,
                         const struct mtr_list *credits, struct mtr_period_rule months,
                         struct mtr_arena *arena, struct mtr_diagnostics *findings)
{
    const struct mtr_price_credit *items = credits->items;
    *purse = (struct mtr_price_purse){.tariff = tariff, .months = months, .arena = arena};
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < credits->count; i++) rc = add_credit(purse, &items[i], i + 1, findings);
    return rc;
}

static bool is_granted(const struct mtr_price_purse *purse, struct mtr_str key, struct mtr_str grant)
{
    for (uint32_t i = 0; i < purse->count; i++)
        if (mtr_str_equal(purse->pools[i].key, key) && mtr_str_equal(purse->pools[i].grant, grant))
            return true;
    return false;
}

static int grant_allowance(struct mtr_price_purse *purse, struct mtr_period month,
                           const struct mtr_allowance *allowance, int64_t from_s)
{
    const struct mtr_civil day = mtr_zone_to_civil(purse->months.zone, month.start_s);
    char text[32];
    struct mtr_price_pool pool = {
        .key = allowance->key,
        .of_money = allowance->of_money,
        .components = allowance->components,
        .component_count = allowance->component_count,
        .priority = allowance->priority,
        .expires_s = month.end_s,
        .quantity = allowance->quantity,
        .amount = allowance->amount,
    };
    for (uint32_t i = 0; i < allowance->rollover; i++)
        pool.expires_s = mtr_period_at(&purse->months, pool.expires_s).end_s;
    snprintf(text, sizeof(text), "grant=%04d-%02u-%02u", day.year, day.month, day.day);
    int rc = mtr_arena_copy(purse->arena, mtr_str_from(text), &pool.grant);
    if (rc || pool.expires_s <= purse->month.start_s || is_granted(purse, pool.key, pool.grant)) return rc;
    return add_pool(purse, &pool, from_s);
}

static int grant_month(struct mtr_price_purse *purse, struct mtr_period month)
{
    const struct mtr_tariff_document *tariff = purse->tariff;
    int rc = MTR_OK;
    for (uint32_t v = 0; v < tariff->version_count; v++) {
        const struct mtr_tariff_version *version = &tariff->versions[v];
        const int64_t start_s = quote_version_start_s(version, purse->months.zone);
        const int64_t end_s = v + 1 < tariff->version_count
                                  ? quote_version_start_s(version + 1, purse->months.zone)
                                  : INT64_MAX;
        if (start_s >= month.end_s || end_s <= month.start_s) continue;
        for (uint32_t i = 0; !rc && i < version->allowance_count; i++)
            rc = grant_allowance(purse, month, &version->allowances[i], start_s);
    }
    return rc;
}

static int take_off(struct mtr_price_purse *purse, const struct mtr_price_draw *draw)
{
    for (uint32_t i = 0; i < purse->count; i++) {
        struct mtr_price_pool *pool = &purse->pools[i];
        if (!mtr_str_equal(pool->key, draw->key) || !mtr_str_equal(pool->grant, draw->grant)) continue;
        int rc = mtr_quantity_sub(pool->quantity, draw->quantity, &pool->quantity);
        return rc ? rc : mtr_money_sub(pool->amount, draw->amount, &pool->amount);
    }
    MTR_ASSERT(!"a pool of this purse");
    return MTR_EINVALID;
}

static void drop_expired(struct mtr_price_purse *purse)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < purse->count; i++) {
        if (purse->pools[i].expires_s <= purse->month.start_s) continue;
        purse->pools[kept] = purse->pools[i];
        purse->from_s[kept++] = purse->from_s[i];
    }
    purse->count = kept;
}

int quote_purse_turn(struct mtr_price_purse *purse, struct mtr_period month,
                         const struct mtr_price *const *prices, uint32_t price_count)
{
    struct mtr_period before = purse->month;
    const bool is_first = before.end_s == 0;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < price_count; i++)
        for (uint32_t j = 0; !rc && j < prices[i]->draw_count; j++)
            rc = take_off(purse, &prices[i]->draws[j]);
    purse->month = month;
    drop_expired(purse);
    while (!rc && !is_first && before.end_s < month.start_s) {
        before = mtr_period_at(&purse->months, before.end_s);
        rc = grant_month(purse, before);
    }
    return rc ? rc : grant_month(purse, month);
}

int quote_purse_fill(const struct mtr_price_purse *purse, int64_t from_s, struct mtr_price_input *input)
{
    struct mtr_price_pool *pools = mtr_arena_calloc(purse->arena, (size_t)purse->count + 1, sizeof(*pools));
    if (!pools) return MTR_ENOMEM;
    for (uint32_t i = 0; i < purse->count; i++)
        if (purse->from_s[i] <= from_s) pools[input->pool_count++] = purse->pools[i];
    input->pools = pools;
    return MTR_OK;
}
