/*
 * What rows of a dry run would bill: sums by currency, and the first periods one by one.
 */
#include "daemon/api/route/source/source_bill.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/core/currency.h"
#include "meterd/query/would_bill.h"

/* As the review of a change of the catalog has them (catalog.c). */
enum {
    PERIOD_BYTES_MAX = 64 << 20,
    EVENTS_BYTES_MAX = 256 << 20,
    LOOKED_AT_MAX = 200000,
    PRICED_MAX = 10000,
    PERIODS_MAX = 1000, /* that are told one by one */
    ARENA_CHUNK_BYTES = 1 << 16,
    KEPT_BYTES_MAX = 4 << 20, /* of what was told, with the rows it is of */
};

struct period_row {
    struct mtr_str customer, subscription, currency, problem;
    struct mtr_local_time from, to;
    const char *status;
    struct mtr_shown_money before, after, difference;
    bool is_priced, has_problem;
};

struct sum_row {
    struct mtr_str currency;
    uint32_t periods, unpriced;
    struct mtr_shown_money before, after, difference;
};

static const char *status_choice(unsigned index)
{
    static const char *const statuses[] = {"open", "closed", NULL};
    return statuses[index];
}

#define ROW(field) MTR_MEMBER(period_row, field)
static const struct mtr_json_member period_members[] = {
    {ROW(customer), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(subscription), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(from), .type = MTR_MEMBER_LOCAL, .doc = "of the billing period, in its zone"},
    {ROW(to), .type = MTR_MEMBER_LOCAL, .doc = "exclusive"},
    {ROW(status), .type = MTR_MEMBER_WORD, .choice = status_choice,
     .doc = "closed: the difference comes as a correction"},
    {ROW(currency), .type = MTR_MEMBER_CURRENCY, .doc = "of the amounts"},
    {ROW(before), .type = MTR_MEMBER_MONEY, .presence = MTR_MAY_LACK, MTR_PRESENT(period_row, is_priced),
     .doc = "what the period comes to as it is"},
    {ROW(after), .type = MTR_MEMBER_MONEY, .presence = MTR_MAY_LACK, MTR_PRESENT(period_row, is_priced),
     .doc = "the same with the rows"},
    {ROW(difference), .type = MTR_MEMBER_MONEY, .presence = MTR_MAY_LACK, MTR_PRESENT(period_row, is_priced),
     .doc = "after − before: what would be charged"},
    {ROW(problem), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(period_row, has_problem),
     .doc = "why it cannot be priced: it is in no sum"},
    {0},
};
#undef ROW
static const struct mtr_shape period_shape = {.name = "SourceBillPeriod", .members = period_members};

#define ROW(field) MTR_MEMBER(sum_row, field)
static const struct mtr_json_member sum_members[] = {
    {ROW(currency), .type = MTR_MEMBER_CURRENCY, .doc = "of the amounts"},
    {ROW(periods), .type = MTR_MEMBER_U32, .doc = "billing periods whose bill would be another"},
    {ROW(unpriced), .type = MTR_MEMBER_U32, .doc = "of them, that cannot be priced and are not in the sums"},
    {ROW(before), .type = MTR_MEMBER_MONEY, .doc = "what they come to as they are"},
    {ROW(after), .type = MTR_MEMBER_MONEY, .doc = "the same with the rows"},
    {ROW(difference), .type = MTR_MEMBER_MONEY, .doc = "after − before: what would be charged"},
    {0},
};
#undef ROW
static const struct mtr_shape sum_shape = {.name = "SourceBillSum", .members = sum_members};

#define ROW(field) MTR_MEMBER(source_bill_row, field)
static const struct mtr_json_member bill_members[] = {
    {ROW(complete), .type = MTR_MEMBER_BOOL,
     .doc = "all billing periods that the rows reach are in it; a period with a problem is in no sum"},
    {ROW(problem), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK,
     MTR_PRESENT(source_bill_row, has_problem), .doc = "why it is not complete"},
    {ROW(windows), .type = MTR_MEMBER_U32, .doc = "that it is of"},
    {ROW(as_of), .type = MTR_MEMBER_TIME,
     .doc = "when it was priced; it is priced anew when the catalog changes"},
    {ROW(looked_at), .type = MTR_MEMBER_U64, .doc = "billing periods that the rows may reach"},
    {ROW(priced), .type = MTR_MEMBER_U64,
     .doc = "billing periods that were priced, those that count with them included"},
    {ROW(sums), .type = MTR_MEMBER_LIST, .shape = &sum_shape, .item_size = sizeof(struct sum_row),
     .doc = "by currency"},
    {ROW(periods), .type = MTR_MEMBER_LIST, .shape = &period_shape, .item_size = sizeof(struct period_row),
     .doc = "the first 1,000 whose bill would be another, by subscription and time"},
    {ROW(further), .type = MTR_MEMBER_U64, .doc = "periods beyond these, which are in the sums"},
    {0},
};
#undef ROW
const struct mtr_shape source_bill_shape = {.name = "SourceBill", .members = bill_members};

struct billing {
    struct api_call *call;
    struct source_bill_row *out;
    struct sum_row *sums;
    struct period_row *periods;
};

static unsigned digits_of(struct mtr_str currency)
{
    const struct mtr_currency *known = mtr_currency_find(currency);
    return known ? known->digits : 0;
}

static struct sum_row *find_sum(struct billing *billing, struct mtr_str currency)
{
    struct mtr_list *sums = &billing->out->sums;
    for (uint32_t i = 0; i < sums->count; i++)
        if (mtr_str_equal(billing->sums[i].currency, currency)) return &billing->sums[i];
    MTR_ASSERT(sums->count < MTR_CURRENCIES_MAX); /* subscriptions are charged in known currencies */
    const unsigned digits = digits_of(currency);
    billing->sums[sums->count] = (struct sum_row){.currency = currency,
                                                  .before.digits_min = digits,
                                                  .after.digits_min = digits,
                                                  .difference.digits_min = digits};
    return &billing->sums[sums->count++];
}

static struct mtr_local_time local_of(const struct mtr_subscription *subscription, int64_t time_us)
{
    return (struct mtr_local_time){time_us, mtr_zone_at(subscription->zone, time_us).offset_s};
}

static int add_row(struct billing *billing, const struct mtr_would_bill_period *period,
                   struct mtr_money difference)
{
    const struct mtr_subscription *subscription = period->subscription;
    const unsigned digits = digits_of(subscription->currency);
    struct period_row row = {.customer = subscription->customer,
                             .subscription = subscription->key,
                             .currency = subscription->currency,
                             .from = local_of(subscription, period->start_us),
                             .to = local_of(subscription, period->end_us),
                             .status = period->is_closed ? "closed" : "open",
                             .before = {period->before, digits},
                             .after = {period->after, digits},
                             .difference = {difference, digits},
                             .is_priced = !period->problem,
                             .has_problem = period->problem};
    struct source_bill_row *out = billing->out;
    if (out->periods.count == PERIODS_MAX) {
        out->further++;
        return MTR_OK;
    }
    int rc = period->problem
                 ? mtr_arena_copy(&billing->call->arena, mtr_str_from(period->why), &row.problem)
                 : MTR_OK;
    if (!rc) billing->periods[out->periods.count++] = row;
    return rc;
}

static int on_period(void *context, const struct mtr_would_bill_period *period)
{
    struct billing *billing = context;
    struct sum_row *sum = find_sum(billing, period->subscription->currency);
    struct mtr_money difference = {0};
    int rc = MTR_OK;
    sum->periods++;
    sum->unpriced += period->problem != 0;
    if (!period->problem) {
        rc = mtr_money_sub(period->after, period->before, &difference);
        if (!rc) rc = mtr_money_add(sum->before.amount, period->before, &sum->before.amount);
        if (!rc) rc = mtr_money_add(sum->after.amount, period->after, &sum->after.amount);
        if (!rc) rc = mtr_money_add(sum->difference.amount, difference, &sum->difference.amount);
    }
    return rc ? rc : add_row(billing, period, difference);
}

static int weigh(struct billing *billing, const struct mtr_dry_rows *rows, struct mtr_arena *arena)
{
    struct api_call *call = billing->call;
    struct source_bill_row *out = billing->out;
    struct mtr_would_bill_options options = {.catalog = call->catalog,
                                             .grace_us = call->host->grace_us,
                                             .memory_bytes_max = PERIOD_BYTES_MAX,
                                             .events_bytes_max = EVENTS_BYTES_MAX,
                                             .looked_at_max = LOOKED_AT_MAX,
                                             .priced_max = PRICED_MAX};
    struct mtr_would_bill_extent extent;
    int rc = mtr_dry_rows_list(rows, arena, &options.events, &options.event_count);
    if (!rc) rc = mtr_log_reader_attach(call->host->log, &options.reader);
    if (!rc)
        rc = mtr_would_bill(call->host->rollups, call->host->charges, &options, on_period, billing, &extent);
    mtr_log_reader_close(options.reader);
    if (rc) return rc;
    out->looked_at = extent.looked_at;
    out->priced = extent.priced;
    out->complete = extent.is_complete;
    out->has_problem = !extent.is_complete;
    return mtr_arena_copy(&call->arena, mtr_str_from(extent.why.text), &out->problem);
}

/* ---- what was told once ---- */

struct kept_bill {
    struct mtr_arena arena;
    uint64_t catalog_version;
    struct source_bill_row row;
};

static void free_kept(void *made)
{
    struct kept_bill *kept = made;
    mtr_arena_release(&kept->arena);
    free(kept);
}

static int copy_period(struct period_row *row, struct mtr_arena *arena)
{
    int rc = mtr_arena_copy(arena, row->customer, &row->customer);
    if (!rc) rc = mtr_arena_copy(arena, row->subscription, &row->subscription);
    if (!rc) rc = mtr_arena_copy(arena, row->currency, &row->currency);
    return rc ? rc : mtr_arena_copy(arena, row->problem, &row->problem);
}

/* With all its texts. */
static int copy_bill(const struct source_bill_row *from, struct mtr_arena *arena, struct source_bill_row *out)
{
    struct sum_row *sums = mtr_arena_calloc(arena, from->sums.count + 1, sizeof(*sums));
    struct period_row *periods = mtr_arena_calloc(arena, from->periods.count + 1, sizeof(*periods));
    if (!sums || !periods) return MTR_ENOMEM;
    *out = *from;
    out->sums.items = sums;
    out->periods.items = periods;
    if (from->sums.count) memcpy(sums, from->sums.items, from->sums.count * sizeof(*sums));
    if (from->periods.count) memcpy(periods, from->periods.items, from->periods.count * sizeof(*periods));
    int rc = mtr_arena_copy(arena, from->problem, &out->problem);
    for (uint32_t i = 0; !rc && i < out->sums.count; i++)
        rc = mtr_arena_copy(arena, sums[i].currency, &sums[i].currency);
    for (uint32_t i = 0; !rc && i < out->periods.count; i++) rc = copy_period(&periods[i], arena);
    return rc;
}

static bool take_kept(void *context, const void *made)
{
    const struct billing *billing = context;
    const struct kept_bill *kept = made;
    return kept->catalog_version == mtr_catalog_version(billing->call->catalog) &&
           !copy_bill(&kept->row, &billing->call->arena, billing->out);
}

/* Where there is no memory for it, it is priced again. */
static void keep(const struct billing *billing, struct mtr_dry_rows *rows)
{
    struct kept_bill *kept = calloc(1, sizeof(*kept));
    if (!kept) return;
    mtr_arena_init(&kept->arena, ARENA_CHUNK_BYTES, KEPT_BYTES_MAX);
    kept->arena.limit = NULL; /* it stays when the call is over */
    kept->catalog_version = mtr_catalog_version(billing->call->catalog);
    if (copy_bill(billing->out, &kept->arena, &kept->row))
        free_kept(kept);
    else
        mtr_dry_rows_keep(rows, kept, free_kept);
}

/* ---- pricing ---- */

static int price(struct billing *billing, struct mtr_dry_rows *rows)
{
    struct api_call *call = billing->call;
    struct source_bill_row *out = billing->out;
    struct mtr_arena arena;
    *out = (struct source_bill_row){
        .as_of = call->now_us,
        .windows = mtr_dry_rows_windows(rows),
        .has_problem = true,
        .problem = MTR_STR("it has more rows than are kept: ask for fewer windows")};
    mtr_arena_init(&arena, ARENA_CHUNK_BYTES, EVENTS_BYTES_MAX);
    billing->sums = mtr_arena_calloc(&call->arena, MTR_CURRENCIES_MAX, sizeof(*billing->sums));
    billing->periods = mtr_arena_calloc(&call->arena, PERIODS_MAX, sizeof(*billing->periods));
    out->sums.items = billing->sums;
    out->periods.items = billing->periods;
    int rc = billing->sums && billing->periods ? MTR_OK : MTR_ENOMEM;
    if (!rc && mtr_dry_rows_is_whole(rows)) rc = weigh(billing, rows, &arena);
    mtr_arena_release(&arena);
    return rc;
}

int source_bill(struct api_call *call, struct mtr_dry_rows *rows, struct source_bill_row *out)
{
    struct billing billing = {.call = call, .out = out};
    int rc = MTR_OK;
    if (!mtr_dry_rows_look(rows, take_kept, &billing)) {
        rc = price(&billing, rows);
        if (!rc && out->complete) keep(&billing, rows); /* what stood in the way may be gone the next time */
    }
    mtr_dry_rows_release(rows);
    return rc;
}
