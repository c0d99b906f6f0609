/*
 * GET /v1/charges/waiting: billing periods that cannot be rated, and why: until they can, nothing more is
 * charged of them. And those that are over and wait with their closing for a source.
 *
 * Subscriptions are walked by number, all waiting periods of one in one answer, so that the next call can
 * begin at the next. A piece of the answer may end between any two rows.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"
#include "meterd/core/time.h"
#include "meterd/rater/billing_period.h"
#include "meterd/store/charges.h"

struct waiting_list {
    /* asked for */
    const struct mtr_subscription *only; /* NULL: all */
    uint64_t limit;
    /* where the walk stands: at the row behind this one */
    uint32_t subscription;
    int64_t period_start_us;
    uint64_t listed;
    bool more;
    /* of a piece */
    struct mtr_charges_txn *txn;
    const struct mtr_catalog *catalog;
    struct api_rows *rows;
};

struct waiting_row {
    struct mtr_str subscription, customer, vendor, service, tariff;
    struct mtr_local_time period_start, period_end;
    bool over;
    const char *reason, *code;
    struct mtr_str problem;
    int64_t since, retry_at;
};

#define ROW(field) MTR_MEMBER(waiting_row, field)
static const struct mtr_json_member members[] = {
    {ROW(subscription), .type = MTR_MEMBER_TEXT, .doc = "key of who uses it"},
    {ROW(customer), .type = MTR_MEMBER_TEXT, .doc = "who pays"},
    {ROW(vendor), .type = MTR_MEMBER_TEXT, .doc = "key of who sells it"},
    {ROW(service), .type = MTR_MEMBER_TEXT, .doc = "key of what is sold"},
    {ROW(tariff), .type = MTR_MEMBER_TEXT, .doc = "key of the subscription's tariff"},
    {ROW(period_start), .type = MTR_MEMBER_LOCAL, .doc = "of the billing period, in its zone"},
    {ROW(period_end), .type = MTR_MEMBER_LOCAL, .doc = "exclusive"},
    {ROW(over), .type = MTR_MEMBER_BOOL, .doc = "it has ended: its final charges are what waits"},
    {ROW(reason), .type = MTR_MEMBER_WORD, .choice = mtr_waiting_reason_choice,
     .doc = "what kind of problem: the label of meterd_periods_waiting"},
    {ROW(problem), .type = MTR_MEMBER_TEXT, .doc = "why it cannot be rated or closed: a sentence"},
    {ROW(code), .type = MTR_MEMBER_WORD, .choice = mtr_finding_code_choice,
     .doc = "what kind of sentence it is: it stays when it is worded anew"},
    {ROW(since), .type = MTR_MEMBER_TIME, .doc = "when it was first found"},
    {ROW(retry_at), .type = MTR_MEMBER_TIME,
     .doc = "when it is tried again; at once when the catalog changes"},
    {0},
};
static const struct mtr_shape row_shape = {.name = "WaitingPeriod", .members = members};

static bool is_behind(const struct waiting_list *list, const struct mtr_charge_waiting *waiting)
{
    return waiting->subscription > list->subscription ||
           (waiting->subscription == list->subscription && waiting->period_start_us > list->period_start_us);
}

/* The store has its end in whole seconds; one that ends inside a second ends with its phase. */
static int64_t end_of(const struct mtr_charge_period *period, const struct mtr_subscription *phase)
{
    const bool ends_with_it =
        phase->end_us < period->end_us && phase->end_us > period->end_us - MTR_US_PER_SECOND;
    return ends_with_it ? phase->end_us : period->end_us;
}

static int write_waiting(struct waiting_list *list, const struct mtr_subscription *subscription,
                         const struct mtr_charge_waiting *waiting)
{
    struct mtr_charge_period period;
    const struct mtr_zone *zone = subscription->zone;
    int rc = mtr_charges_get_period(list->txn, waiting->subscription, waiting->period_start_us, &period);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    const int64_t start_us = mtr_billing_period_instant(subscription, period.start_us),
                  end_us = end_of(&period, subscription);
    const struct waiting_row row = {
        .subscription = subscription->key,
        .customer = subscription->customer,
        .vendor = subscription->service->vendor->key,
        .service = subscription->service->key,
        .tariff = subscription->tariff->key,
        .period_start = {start_us, mtr_zone_at(zone, start_us).offset_s},
        .period_end = {end_us, mtr_zone_at(zone, end_us).offset_s},
        .over = end_us <= list->rows->call->now_us,
        .reason = mtr_waiting_reason_name(waiting->reason),
        .problem = waiting->text,
        .code = mtr_finding_kind(mtr_waiting_reason_code(waiting->reason))->code,
        .since = waiting->since_us,
        .retry_at =
            waiting->reason == MTR_WAITING_SOURCE ? period.close_due_us : period.rate_due_us,
    };
    list->listed++;
    return api_row(list->rows, &row);
}

static int on_waiting(void *context, const struct mtr_charge_waiting *waiting)
{
    struct waiting_list *list = context;
    if (!is_behind(list, waiting)) return MTR_OK;
    if (list->only && waiting->subscription != list->only->number) return API_STOP;
    if (api_rows_full(list->rows)) return API_STOP;
    if (list->listed >= list->limit && waiting->subscription != list->subscription) {
        list->more = true;
        return API_STOP;
    }
    list->subscription = waiting->subscription;
    list->period_start_us = waiting->period_start_us;
    const struct mtr_subscription *subscription =
        mtr_catalog_subscription(list->catalog, waiting->subscription);
    if (!subscription) return MTR_OK;
    return write_waiting(list, mtr_billing_period_phase(subscription, waiting->period_start_us), waiting);
}

static bool begin(struct api_call *call)
{
    struct waiting_list *list = api_allocate(call, sizeof(*list));
    if (!list || !api_subscription(call, "subscription", &list->only)) return false;
    list->limit = api_u64(call, "limit");
    list->subscription = (uint32_t)api_u64(call, "after");
    list->period_start_us = INT64_MAX; /* behind all periods of that one */
    if (list->only && list->subscription < list->only->number) {
        list->subscription = list->only->number;
        list->period_start_us = INT64_MIN;
    }
    call->state = list;
    return true;
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct waiting_list *list = call->state;
    list->rows = rows;
    list->catalog = call->catalog;
    int rc = mtr_charges_begin(call->host->charges, false, &list->txn);
    if (!rc) rc = mtr_charges_walk_waiting(list->txn, list->subscription, on_waiting, list);
    mtr_charges_abort(list->txn);
    list->txn = NULL;
    if (rc == API_STOP && api_rows_full(rows) && !list->more) return MTR_OK; /* on in the next piece */
    if (rc && rc != API_STOP) return rc;
    api_rows_end(rows, list->subscription, list->more);
    return MTR_OK;
}

static const struct api_parameter parameters[] = {
    {"after", API_INTEGER, .max = UINT32_MAX,
     .doc = "go on behind the subscription that the answer before named as next_after"},
    {"limit", API_INTEGER, .min = 1, .max = 10000, .default_text = "1000",
     .doc = "no further subscription once there are this many periods"},
    {"subscription", API_TEXT, .doc = "only this subscription (key)"},
    {0},
};

static const struct api_list list = {
    .name = "WaitingPeriods",
    .member = "periods",
    .row = &row_shape,
    .failure = "the periods cannot be read",
    .begin = begin,
    .fill = fill,
};

const struct api_route api_list_waiting = {
    .method = MTR_HTTP_GET,
    .path = "/v1/charges/waiting",
    .scope = MTR_SCOPE_BILLING,
    .operation = "listWaitingPeriods",
    .summary = "Billing periods that cannot be rated or closed, and why",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};
