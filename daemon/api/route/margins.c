/*
 * GET /v1/margins: what is charged of each line, what it costs the seller, and what is left. Only lines whose
 * cost is known.
 *
 * Subscriptions are walked by number, all lines of one in one answer, so that the next call can begin at the
 * next; a call looks at a bounded number of lines, so that its read transaction stays short.
 */
#include "daemon/api/api.h"
#include "meterd/core/currency.h"
#include "meterd/core/time.h"
#include "meterd/store/charges.h"

enum { LIMIT_DEFAULT = 1000, LIMIT_MAX = 10000, LOOKED_AT_MAX = 100000 };

struct margins {
    struct mtr_charges_txn *txn;
    const struct mtr_subscription *subscription; /* at hand */
    struct mtr_json_writer json;
    bool losses_only;
    uint64_t listed, looked_at;
};

static void name_money(struct mtr_json_writer *json, const char *name, struct mtr_money amount,
                       struct mtr_str currency)
{
    const struct mtr_currency *known = mtr_currency_find(currency);
    mtr_json_name(json, name);
    mtr_json_money(json, amount, known ? known->digits : 0);
}

static void name_time(struct margins *margins, const char *name, int64_t time_s)
{
    char text[MTR_TIME_TEXT_BYTES];
    int32_t offset_s = mtr_zone_at(margins->subscription->zone, time_s).offset_s;
    int size = mtr_time_format_offset(time_s * MTR_US_PER_SECOND, offset_s, text);
    mtr_json_named_text(&margins->json, name, (struct mtr_str){text, (size_t)size});
}

static int on_line(void *context, const struct mtr_charge_line *line)
{
    struct margins *margins = context;
    struct mtr_json_writer *json = &margins->json;
    struct mtr_money margin;
    margins->looked_at++;
    if (!line->has_cost) return MTR_OK;
    int rc = mtr_money_sub(line->emitted, line->cost, &margin);
    if (rc || (margins->losses_only && margin.e18 >= 0)) return rc;
    margins->listed++;
    mtr_json_map(json);
    mtr_json_named_text(json, "subscription", margins->subscription->key);
    mtr_json_named_text(json, "customer", margins->subscription->customer);
    mtr_json_named_text(json, "component", line->component);
    mtr_json_named_text(json, "kind", line->kind);
    mtr_json_named_text(json, "dimensions", line->dimensions);
    name_time(margins, "period_start", line->period_start_s);
    name_time(margins, "part_start", line->part_start_s);
    mtr_json_name(json, "quantity");
    mtr_json_quantity(json, line->quantity);
    name_money(json, "amount", line->emitted, line->currency);
    name_money(json, "cost", line->cost, line->currency);
    name_money(json, "margin", margin, line->currency);
    mtr_json_named_text(json, "currency", line->currency);
    mtr_json_named_text(json, "tariff", line->tariff);
    mtr_json_map_end(json);
    return MTR_OK;
}

static int on_period(void *context, const struct mtr_charge_period *period)
{
    struct margins *margins = context;
    return mtr_charges_walk_lines(margins->txn, period->subscription, period->start_s, on_line, margins);
}

struct selection {
    uint32_t after; /* number of the last subscription that was listed */
    uint64_t limit;
    const struct mtr_subscription *only; /* NULL: all */
    struct mtr_str customer;             /* empty: all */
    int64_t from_s;                      /* periods that start there or later */
};

static bool read_selection(struct mtr_api_call *call, struct selection *selection)
{
    struct mtr_str key = api_text(call, "subscription");
    int64_t from_us = 0;
    uint64_t after = 0;
    *selection = (struct selection){.limit = LIMIT_DEFAULT, .customer = api_text(call, "customer")};
    if (!api_u64(call, "after", 0, UINT32_MAX, &after) ||
        !api_u64(call, "limit", 1, LIMIT_MAX, &selection->limit))
        return false;
    if (!api_time(call, "from", &from_us)) return false;
    selection->after = (uint32_t)after;
    selection->from_s = from_us / MTR_US_PER_SECOND;
    if (!key.size) return true;
    selection->only = mtr_catalog_find_subscription(call->catalog, key);
    if (!selection->only) api_problem(call, 404, "there is no subscription '%.*s'", MTR_STR_ARGS(key));
    return selection->only != NULL;
}

static bool is_selected(const struct selection *selection, const struct mtr_subscription *subscription)
{
    if (!subscription || (selection->only && subscription != selection->only)) return false;
    return !selection->customer.size || mtr_str_equal(selection->customer, subscription->customer);
}

/* Returns the number of the last subscription that was looked at. */
static int list(struct mtr_api_call *call, const struct selection *selection, struct margins *margins,
                uint32_t *last)
{
    const uint32_t count = mtr_catalog_count(call->catalog, MTR_KIND_SUBSCRIPTION);
    int rc = MTR_OK;
    for (*last = selection->after;
         !rc && *last < count && margins->listed < selection->limit && margins->looked_at < LOOKED_AT_MAX;
         ++*last) {
        margins->subscription = mtr_catalog_subscription(call->catalog, *last + 1);
        margins->looked_at++;
        if (is_selected(selection, margins->subscription))
            rc = mtr_charges_walk_periods(margins->txn, *last + 1, selection->from_s, on_period, margins);
    }
    return rc;
}

void api_list_margins(struct mtr_api_call *call)
{
    struct margins margins = {.losses_only = api_flag(call, "losses")};
    struct selection selection;
    uint32_t last = 0;
    if (!read_selection(call, &selection)) return;
    int rc = mtr_charges_begin(call->host->charges, false, &margins.txn);
    if (rc) {
        api_error(call, rc, "the margins cannot be read");
        return;
    }
    api_json(call, &margins.json);
    mtr_json_map(&margins.json);
    mtr_json_name(&margins.json, "margins");
    mtr_json_list(&margins.json);
    rc = list(call, &selection, &margins, &last);
    mtr_charges_abort(margins.txn);
    if (rc) {
        api_error(call, rc, "the margins cannot be read");
        return;
    }
    mtr_json_list_end(&margins.json);
    mtr_json_name(&margins.json, "next_after");
    mtr_json_u64(&margins.json, last);
    mtr_json_name(&margins.json, "has_more");
    mtr_json_bool(&margins.json, last < mtr_catalog_count(call->catalog, MTR_KIND_SUBSCRIPTION));
    mtr_json_map_end(&margins.json);
    api_json_end(call, &margins.json);
}
