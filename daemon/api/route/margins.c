/*
 * GET /v1/margins: what is charged of each line, what it costs the seller, and what is left. Only lines whose
 * cost is known.
 *
 * Subscriptions are walked by number, all lines of one in one answer, so that the next call can begin at the
 * next; a call looks at a bounded number of lines. A piece of the answer may end between any two lines.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"
#include "meterd/rater/billing_period.h"
#include "meterd/core/currency.h"
#include "meterd/core/time.h"
#include "meterd/tariff/line_dimensions.h"
#include "meterd/store/charges.h"

enum { LOOKED_AT_MAX = 100000 };

struct margins {
    /* asked for */
    const struct mtr_subscription *only; /* NULL: all */
    struct mtr_str customer;             /* empty: all */
    int64_t from_us;                     /* periods that start there or later */
    uint64_t limit;
    bool losses_only;
    /* where the walk stands */
    uint32_t after;               /* number of the last subscription that is listed whole */
    int64_t next_period_us;       /* of the subscription behind it */
    struct mtr_hash128 next_line; /* of that period; zero: its first */
    uint64_t listed, looked_at;
    /* of a piece */
    struct mtr_charges_txn *txn;
    const struct mtr_subscription *subscription; /* at hand */
    struct api_rows *rows;
};

struct margin_row {
    struct mtr_str subscription, customer, component, kind;
    struct mtr_str dimensions; /* as stored */
    struct mtr_local_time period_start, part_start;
    struct mtr_quantity quantity;
    struct mtr_shown_money amount, cost, margin;
    struct mtr_str currency, tariff;
};

static void write_dimensions(struct mtr_json_writer *json, const void *context)
{
    const struct margin_row *row = context;
    mtr_line_dimensions_write(json, row->dimensions);
}

#define ROW(field) MTR_MEMBER(margin_row, field)
static const struct mtr_json_member members[] = {
    {ROW(subscription), .type = MTR_MEMBER_TEXT, .doc = "key of who uses it"},
    {ROW(customer), .type = MTR_MEMBER_TEXT, .doc = "who pays"},
    {ROW(component), .type = MTR_MEMBER_TEXT, .doc = "key in the tariff"},
    {ROW(kind), .type = MTR_MEMBER_TEXT, .doc = "why there is such a line: usage, recurring, minimum, …"},
    {.name = "dimensions",
     .type = MTR_MEMBER_LABELS,
     .write = write_dimensions,
     .doc = "values of the component's group_by"},
    {ROW(period_start), .type = MTR_MEMBER_LOCAL, .doc = "of the billing period, in its zone"},
    {ROW(part_start), .type = MTR_MEMBER_LOCAL, .doc = "of what one tariff version covers of the period"},
    {ROW(quantity), .type = MTR_MEMBER_QUANTITY, .doc = "of the line, as of now"},
    {ROW(amount), .type = MTR_MEMBER_MONEY, .doc = "charged so far"},
    {ROW(cost), .type = MTR_MEMBER_MONEY, .doc = "what the seller pays"},
    {ROW(margin), .type = MTR_MEMBER_MONEY, .doc = "amount − cost"},
    {ROW(currency), .type = MTR_MEMBER_CURRENCY, .doc = "of all amounts"},
    {ROW(tariff), .type = MTR_MEMBER_TEXT, .doc = "key of the tariff that priced it"},
    {0},
};
static const struct mtr_shape margin_shape = {.name = "Margin", .members = members};

static int on_line(void *context, const struct mtr_charge_line *line)
{
    struct margins *margins = context;
    const struct mtr_subscription *subscription =
        mtr_billing_period_phase(margins->subscription, line->period_start_us);
    const struct mtr_currency *currency = mtr_currency_find(line->currency);
    const unsigned digits = currency ? currency->digits : 0;
    struct mtr_money margin;
    if (api_rows_full(margins->rows)) {
        margins->next_line = line->key;
        return API_STOP;
    }
    margins->looked_at++;
    if (!line->has_cost) return MTR_OK;
    int rc = mtr_money_sub(line->emitted, line->cost, &margin);
    if (rc || (margins->losses_only && margin.e18 >= 0)) return rc;
    margins->listed++;
    const int64_t start_us = mtr_billing_period_instant(subscription, line->period_start_us);
    const struct margin_row row = {
        .subscription = subscription->key,
        .customer = line->customer.size ? line->customer : subscription->customer,
        .component = line->component,
        .kind = line->kind,
        .dimensions = line->dimensions,
        .period_start = {start_us, mtr_zone_at(subscription->zone, start_us).offset_s},
        .part_start = {line->part_start_us, mtr_zone_at(subscription->zone, line->part_start_us).offset_s},
        .quantity = line->quantity,
        .amount = {line->emitted, digits},
        .cost = {line->cost, digits},
        .margin = {margin, digits},
        .currency = line->currency,
        .tariff = line->tariff,
    };
    return api_row(margins->rows, &row);
}

static int on_period(void *context, const struct mtr_charge_period *period)
{
    struct margins *margins = context;
    const struct mtr_hash128 first = {0, 0};
    if (period->start_us != margins->next_period_us) margins->next_line = first;
    margins->next_period_us = period->start_us;
    const struct mtr_subscription *phase =
        mtr_billing_period_phase(margins->subscription, period->start_us);
    const bool is_earlier = mtr_billing_period_instant(phase, period->start_us) < margins->from_us;
    if (is_earlier || (margins->customer.size && !mtr_str_equal(margins->customer, phase->customer))) {
        margins->next_period_us++;
        return MTR_OK;
    }
    int rc = mtr_charges_walk_lines_from(margins->txn, period->subscription, period->start_us,
                                         margins->next_line, on_line, margins);
    if (rc) return rc;
    margins->next_line = first;
    margins->next_period_us = period->start_us + 1;
    return MTR_OK;
}

static bool begin(struct api_call *call)
{
    struct margins *margins = api_allocate(call, sizeof(*margins));
    if (!margins || !api_customer(call, "customer", &margins->customer) ||
        !api_subscription(call, "subscription", &margins->only))
        return false;
    margins->losses_only = api_flag(call, "losses");
    margins->limit = api_u64(call, "limit");
    margins->after = (uint32_t)api_u64(call, "after");
    margins->from_us = api_time_us(call, "from", 0);
    margins->next_period_us = mtr_time_second(margins->from_us);
    call->state = margins;
    return true;
}

static bool is_selected(const struct margins *margins, const struct mtr_subscription *subscription)
{
    if (!subscription || (margins->only && subscription != margins->only)) return false;
    return !margins->customer.size || mtr_subscription_is_of_customer(subscription, margins->customer);
}

/* Subscription after subscription, until the piece is full or the answer has what it may have. */
static int list_lines(struct api_call *call, struct margins *margins)
{
    const uint32_t count = mtr_catalog_count(call->catalog, MTR_KIND_SUBSCRIPTION);
    while (margins->after < count && margins->listed < margins->limit && margins->looked_at < LOOKED_AT_MAX) {
        margins->subscription = mtr_catalog_subscription(call->catalog, margins->after + 1);
        margins->looked_at++;
        if (is_selected(margins, margins->subscription)) {
            int rc = mtr_charges_walk_periods(margins->txn, margins->after + 1, margins->next_period_us,
                                              on_period, margins);
            if (rc) return rc;
        }
        margins->after++;
        margins->next_period_us = mtr_time_second(margins->from_us);
    }
    api_rows_end(margins->rows, margins->after, margins->after < count);
    return MTR_OK;
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct margins *margins = call->state;
    margins->rows = rows;
    int rc = mtr_charges_begin(call->host->charges, false, &margins->txn);
    if (!rc) rc = list_lines(call, margins);
    mtr_charges_abort(margins->txn);
    margins->txn = NULL;
    return rc == API_STOP ? MTR_OK : rc;
}

static const struct api_parameter parameters[] = {
    {"after", API_INTEGER, .max = UINT32_MAX,
     .doc = "go on behind the subscription that the answer before named as next_after"},
    {"limit", API_INTEGER, .min = 1, .max = 10000, .default_text = "1000",
     .doc = "no further subscription once there are this many lines"},
    {"subscription", API_TEXT, .doc = "only this subscription (key)"},
    {"customer", API_TEXT, .doc = "only this customer"},
    {"from", API_TIME, .doc = "only periods that begin then or later"},
    {"losses", API_CHOICE, .choices = "true|false", .default_text = "false",
     .doc = "only lines that cost more than is charged for them"},
    {0},
};

static const struct api_list list = {
    .name = "Margins",
    .member = "margins",
    .row = &margin_shape,
    .failure = "the margins cannot be read",
    .begin = begin,
    .fill = fill,
};

const struct api_route api_list_margins = {
    .method = MTR_HTTP_GET,
    .path = "/v1/margins",
    .scope = MTR_SCOPE_BILLING,
    .operation = "listMargins",
    .summary = "Charged lines beside what they cost the seller",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};
