/*
 * GET /v1/credits: allowances and prepaid credits of a subscription, or of a customer's subscriptions, with
 * what was drawn and what is left.
 *
 * Subscriptions are walked by number, all of one in one answer and one piece of it. What a customer's
 * subscriptions share is told once, with the first of them.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"
#include "meterd/core/currency.h"
#include "meterd/core/time.h"
#include "meterd/query/balance.h"

enum { LOOKED_AT_MAX = 100000, ARENA_CHUNK_BYTES = 1 << 16, ARENA_BYTES_MAX = 64 << 20 };

struct credits {
    /* asked for */
    const struct mtr_subscription *only; /* or NULL: of the customer */
    struct mtr_str customer;
    int64_t time_us;
    uint64_t limit;
    /* where the walk stands */
    uint32_t after; /* number of the last subscription that was looked at */
    uint64_t listed, looked_at;
    bool shared_told; /* the customer's own credits are in the answer, or in one before it */
    /* of a piece */
    struct mtr_charges_txn *txn;
    struct mtr_arena arena;                      /* of one subscription */
    const struct mtr_subscription *subscription; /* at hand */
    struct api_rows *rows;
};

enum { GRANTED, DRAWN, BALANCE, EXPIRED, SIZE_COUNT };

struct credit_row {
    struct mtr_str key, grant;
    const char *kind;
    struct mtr_str customer, subscription, currency;
    uint32_t priority;
    bool expires_once;
    struct mtr_local_time expires;
    struct mtr_str sizes[SIZE_COUNT]; /* money where there is a currency, else units */
};

static const char *kind_choice(unsigned index)
{
    static const char *const kinds[] = {"allowance", "credit", NULL};
    return kinds[index];
}

#define ROW(field) MTR_MEMBER(credit_row, field)
#define SIZE(member_name, index)                                                                             \
    .name = member_name, .type = MTR_MEMBER_DECIMAL, .offset = offsetof(struct credit_row, sizes[index])
static const struct mtr_json_member members[] = {
    {ROW(key), .type = MTR_MEMBER_TEXT, .doc = "of the allowance or the credit"},
    {ROW(grant), .type = MTR_MEMBER_TEXT, .doc = "which of its grants, as lines that draw on it name it"},
    {ROW(kind), .type = MTR_MEMBER_WORD, .choice = kind_choice, .doc = "of the tariff, or prepaid"},
    {ROW(customer), .type = MTR_MEMBER_TEXT, .doc = "who has it"},
    {ROW(subscription), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_BE_NULL,
     .doc = "key; null: all of the customer's share it"},
    {ROW(currency), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_BE_NULL,
     .doc = "of ISO 4217, or the pricing currency of the tariff; null: it is of units"},
    {ROW(priority), .type = MTR_MEMBER_U32, .doc = "lower ones are drawn first"},
    {ROW(expires), .type = MTR_MEMBER_LOCAL, .presence = MTR_MAY_BE_NULL,
     MTR_PRESENT(credit_row, expires_once), .doc = "null: never"},
    {SIZE("granted", GRANTED),
     .doc = "= drawn + balance + expired, unless it was made smaller than what was drawn"},
    {SIZE("drawn", DRAWN), .doc = "by what was rated"},
    {SIZE("balance", BALANCE), .doc = "what is left"},
    {SIZE("expired", EXPIRED), .doc = "what was left when it ended"},
    {0},
};
static const struct mtr_shape row_shape = {.name = "Credit", .members = members};

static void set_sizes(const struct mtr_balance *balance, char texts[SIZE_COUNT][MTR_DECIMAL_TEXT_BYTES],
                      struct credit_row *row)
{
    const struct mtr_currency *known = balance->of_money ? mtr_currency_find(balance->currency) : NULL;
    const unsigned digits = known ? known->digits : 0;
    const struct mtr_money amounts[SIZE_COUNT] = {balance->amount_granted, balance->amount_drawn,
                                                  balance->amount_balance, balance->amount_expired};
    const struct mtr_quantity quantities[SIZE_COUNT] = {balance->quantity_granted, balance->quantity_drawn,
                                                        balance->quantity_balance, balance->quantity_expired};
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        const int size = balance->of_money ? mtr_money_format_min(amounts[i], digits, texts[i])
                                           : mtr_quantity_format(quantities[i], texts[i]);
        row->sizes[i] = (struct mtr_str){texts[i], (size_t)size};
    }
}

static int on_balance(void *context, const struct mtr_balance *balance)
{
    struct credits *credits = context;
    const struct mtr_subscription *subscription =
        mtr_subscription_at(credits->subscription, credits->time_us);
    const bool is_shared = balance->credit && !balance->credit->subscription;
    char texts[SIZE_COUNT][MTR_DECIMAL_TEXT_BYTES];
    credits->looked_at++;
    if (is_shared && credits->shared_told) return MTR_OK;
    credits->listed++;
    struct credit_row row = {.key = balance->key,
                             .grant = balance->grant,
                             .kind = kind_choice(balance->credit ? 1 : 0),
                             .customer = subscription->customer,
                             .priority = balance->priority,
                             .expires_once = balance->expires_us < MTR_TIME_US_MAX};
    if (!is_shared) row.subscription = subscription->key;
    if (balance->of_money) row.currency = balance->currency;
    if (row.expires_once)
        row.expires = (struct mtr_local_time){balance->expires_us,
                                              mtr_zone_at(subscription->zone, balance->expires_us).offset_s};
    set_sizes(balance, texts, &row);
    return api_row(credits->rows, &row);
}

static bool begin(struct api_call *call)
{
    struct credits *credits = api_allocate(call, sizeof(*credits));
    if (!credits) return false;
    if (!api_text(call, "subscription").size == !api_text(call, "customer").size) {
        api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_NEEDED,
                    "name one of them: a subscription, or a customer");
        return false;
    }
    if (!api_customer(call, "customer", &credits->customer) ||
        !api_subscription(call, "subscription", &credits->only))
        return false;
    credits->limit = api_u64(call, "limit");
    credits->after = (uint32_t)api_u64(call, "after");
    credits->time_us = api_time_us(call, "at", call->now_us);
    call->state = credits;
    return true;
}

/* Is it the customer's at that time? */
static bool is_of_customer(const struct credits *credits, const struct mtr_subscription *subscription)
{
    return mtr_str_equal(mtr_subscription_at(subscription, credits->time_us)->customer, credits->customer);
}

/* Has the customer a subscription up to that number? The answer with the first of them had what they
 * share. */
static bool has_subscription_to(const struct mtr_catalog *catalog, const struct credits *credits)
{
    for (uint32_t i = 1; i <= credits->after; i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(catalog, i);
        if (subscription && is_of_customer(credits, subscription)) return true;
    }
    return false;
}

static int list_subscription(struct api_call *call, struct credits *credits,
                             const struct mtr_subscription *subscription)
{
    credits->subscription = subscription;
    mtr_arena_reset(&credits->arena);
    const struct mtr_balance_question question = {call->catalog, credits->subscription, credits->time_us};
    int rc = mtr_rater_balances(credits->txn, &question, &credits->arena, on_balance, credits);
    credits->shared_told = true;
    return rc;
}

static int list_customer(struct api_call *call, struct credits *credits)
{
    const uint32_t count = mtr_catalog_count(call->catalog, MTR_KIND_SUBSCRIPTION);
    int rc = MTR_OK;
    if (credits->after > count) credits->after = count;
    credits->shared_told = has_subscription_to(call->catalog, credits);
    while (!rc && credits->after < count && credits->listed < credits->limit &&
           credits->looked_at < LOOKED_AT_MAX) {
        if (api_rows_full(credits->rows)) return MTR_OK;
        const struct mtr_subscription *next = mtr_catalog_subscription(call->catalog, credits->after + 1);
        credits->looked_at++;
        if (is_of_customer(credits, next)) rc = list_subscription(call, credits, next);
        credits->after++;
    }
    if (!rc) api_rows_end(credits->rows, credits->after, credits->after < count);
    return rc;
}

static int list_only(struct api_call *call, struct credits *credits)
{
    int rc = list_subscription(call, credits, credits->only);
    if (!rc) api_rows_end(credits->rows, mtr_catalog_count(call->catalog, MTR_KIND_SUBSCRIPTION), false);
    return rc;
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct credits *credits = call->state;
    credits->rows = rows;
    int rc = mtr_charges_begin(call->host->charges, false, &credits->txn);
    if (rc) return rc;
    mtr_arena_init(&credits->arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
    rc = credits->only ? list_only(call, credits) : list_customer(call, credits);
    mtr_charges_abort(credits->txn);
    mtr_arena_release(&credits->arena);
    return rc;
}

static const struct api_parameter parameters[] = {
    {"subscription", API_TEXT, .doc = "of this subscription (key)"},
    {"customer", API_TEXT, .doc = "or of all subscriptions of this customer"},
    {"at", API_TIME, .doc = "allowances of the billing periods of that time; default: now"},
    {"after", API_INTEGER, .max = UINT32_MAX,
     .doc = "of a customer: go on behind the subscription that the answer before named as next_after"},
    {"limit", API_INTEGER, .min = 1, .max = 10000, .default_text = "1000",
     .doc = "no further subscription once there are this many rows"},
    {0},
};

static const struct api_list list = {
    .name = "Credits",
    .member = "credits",
    .row = &row_shape,
    .failure = "the credits cannot be read",
    .begin = begin,
    .fill = fill,
};

const struct api_route api_list_credits = {
    .method = MTR_HTTP_GET,
    .path = "/v1/credits",
    .scope = MTR_SCOPE_BILLING,
    .operation = "listCredits",
    .summary = "Allowances and prepaid credits: granted, drawn, left",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};
