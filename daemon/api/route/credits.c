/*
 * GET /v1/credits: allowances and prepaid credits of a subscription, or of a customer's subscriptions, with
 * what was drawn and what is left.
 *
 * Subscriptions are walked by number, all of one in one answer. What a customer's subscriptions share is told
 * once, with the first of them.
 */
#include "daemon/api/api.h"
#include "meterd/core/currency.h"
#include "meterd/core/time.h"
#include "meterd/query/balance.h"

enum {
    LIMIT_DEFAULT = 1000,
    LIMIT_MAX = 10000,
    LOOKED_AT_MAX = 100000,
    ARENA_CHUNK_BYTES = 1 << 16,
    ARENA_BYTES_MAX = 64 << 20
};

struct credits {
    struct mtr_charges_txn *txn;
    struct mtr_arena arena; /* of one subscription */
    const struct mtr_subscription *only,
        *subscription; /* the one that is asked for, or NULL; the one at hand */
    struct mtr_str customer;
    struct mtr_json_writer json;
    int64_t time_s;
    uint64_t listed, looked_at, limit;
    bool shared_told; /* the customer's own credits are in the answer, or in one before it */
};

static void name_time(struct credits *credits, const char *name, int64_t time_s)
{
    char text[MTR_TIME_TEXT_BYTES];
    mtr_json_name(&credits->json, name);
    if (time_s >= MTR_TIME_S_MAX) {
        mtr_json_null(&credits->json);
        return;
    }
    int32_t offset_s = mtr_zone_at(credits->subscription->zone, time_s).offset_s;
    int size = mtr_time_format_offset(time_s * MTR_US_PER_SECOND, offset_s, text);
    mtr_json_text(&credits->json, (struct mtr_str){text, (size_t)size});
}

static void write_sizes(struct mtr_json_writer *json, const struct mtr_balance *balance)
{
    const struct mtr_currency *known = balance->of_money ? mtr_currency_find(balance->currency) : NULL;
    const struct {
        const char *name;
        struct mtr_quantity quantity;
        struct mtr_money amount;
    } sizes[] = {
        {"granted", balance->quantity_granted, balance->amount_granted},
        {"drawn", balance->quantity_drawn, balance->amount_drawn},
        {"balance", balance->quantity_balance, balance->amount_balance},
        {"expired", balance->quantity_expired, balance->amount_expired},
    };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        mtr_json_name(json, sizes[i].name);
        if (balance->of_money) mtr_json_money(json, sizes[i].amount, known ? known->digits : 0);
        else mtr_json_quantity(json, sizes[i].quantity);
    }
}

static int on_balance(void *context, const struct mtr_balance *balance)
{
    struct credits *credits = context;
    struct mtr_json_writer *json = &credits->json;
    const bool is_shared = balance->credit && !balance->credit->subscription;
    credits->looked_at++;
    if (is_shared && credits->shared_told) return MTR_OK;
    credits->listed++;
    mtr_json_map(json);
    mtr_json_named_text(json, "key", balance->key);
    mtr_json_named_text(json, "grant", balance->grant);
    mtr_json_name(json, "kind");
    mtr_json_cstr(json, balance->credit ? "credit" : "allowance");
    mtr_json_named_text(json, "customer", credits->subscription->customer);
    mtr_json_name(json, "subscription");
    if (is_shared) mtr_json_null(json);
    else mtr_json_text(json, credits->subscription->key);
    mtr_json_name(json, "currency");
    if (balance->of_money) mtr_json_text(json, balance->currency);
    else mtr_json_null(json);
    mtr_json_name(json, "priority");
    mtr_json_u64(json, balance->priority);
    name_time(credits, "expires", balance->expires_s);
    write_sizes(json, balance);
    mtr_json_map_end(json);
    return json->error;
}

static bool read_selection(struct api_call *call, struct credits *credits, uint32_t *after)
{
    struct mtr_str key = api_text(call, "subscription");
    int64_t time_us = call->now_us;
    uint64_t number = 0;
    credits->customer = api_text(call, "customer");
    credits->limit = LIMIT_DEFAULT;
    if (!api_u64(call, "after", 0, UINT32_MAX, &number) ||
        !api_u64(call, "limit", 1, LIMIT_MAX, &credits->limit))
        return false;
    if (!api_time(call, "at", &time_us)) return false;
    *after = (uint32_t)number;
    credits->time_s = time_us / MTR_US_PER_SECOND;
    if (!key.size == !credits->customer.size) {
        api_problem(call, 400, "name a subscription or a customer");
        return false;
    }
    if (!key.size) return true;
    credits->only = mtr_catalog_find_subscription(call->catalog, key);
    if (!credits->only) api_problem(call, 404, "there is no subscription '%.*s'", MTR_STR_ARGS(key));
    return credits->only != NULL;
}

/* Has the customer a subscription up to that number? The answer with the first of them had what they
 * share. */
static bool has_subscription_to(const struct mtr_catalog *catalog, struct mtr_str customer, uint32_t number)
{
    for (uint32_t i = 1; i <= number; i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(catalog, i);
        if (subscription && mtr_str_equal(subscription->customer, customer)) return true;
    }
    return false;
}

static int list_subscription(struct api_call *call, struct credits *credits)
{
    mtr_arena_reset(&credits->arena);
    const struct mtr_balance_question question = {call->catalog, credits->subscription, credits->time_s};
    int rc = mtr_rater_balances(credits->txn, &question, &credits->arena, on_balance, credits);
    credits->shared_told = true;
    return rc;
}

/* *after: the number of the last subscription that was looked at. */
static int list(struct api_call *call, struct credits *credits, uint32_t *after)
{
    const uint32_t count = mtr_catalog_count(call->catalog, MTR_KIND_SUBSCRIPTION);
    int rc = MTR_OK;
    if (credits->only) {
        credits->subscription = credits->only;
        *after = count;
        return list_subscription(call, credits);
    }
    if (*after > count) *after = count;
    credits->shared_told = has_subscription_to(call->catalog, credits->customer, *after);
    for (; !rc && *after < count && credits->listed < credits->limit && credits->looked_at < LOOKED_AT_MAX;
         ++*after) {
        credits->subscription = mtr_catalog_subscription(call->catalog, *after + 1);
        credits->looked_at++;
        if (mtr_str_equal(credits->subscription->customer, credits->customer))
            rc = list_subscription(call, credits);
    }
    return rc;
}

void api_list_credits(struct api_call *call)
{
    struct credits credits = {0};
    uint32_t after = 0;
    if (!read_selection(call, &credits, &after)) return;
    int rc = mtr_charges_begin(call->host->charges, false, &credits.txn);
    if (rc) {
        api_error(call, rc, "the credits cannot be read");
        return;
    }
    mtr_arena_init(&credits.arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
    api_json(call, &credits.json);
    mtr_json_map(&credits.json);
    mtr_json_name(&credits.json, "credits");
    mtr_json_list(&credits.json);
    rc = list(call, &credits, &after);
    mtr_charges_abort(credits.txn);
    mtr_arena_release(&credits.arena);
    if (rc) {
        api_error(call, rc, "the credits cannot be read");
        return;
    }
    mtr_json_list_end(&credits.json);
    mtr_json_name(&credits.json, "next_after");
    mtr_json_u64(&credits.json, after);
    mtr_json_name(&credits.json, "has_more");
    mtr_json_bool(&credits.json, after < mtr_catalog_count(call->catalog, MTR_KIND_SUBSCRIPTION));
    mtr_json_map_end(&credits.json);
    api_json_end(call, &credits.json);
}
