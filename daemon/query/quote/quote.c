/*
 * Pricing on request: what is asked for (this file), its rows as a source of use (quote_use.c), and the
 * months of a subscription made for it (quote_series.c). Everything is allocated from the caller's arena.
 */
#include "meterd/query/quote.h"

#include <stdio.h>

#include "daemon/query/frozen.h"
#include "daemon/query/quote/quote_rates.h"
#include "daemon/query/quote/quote_series.h"
#include "daemon/query/quote/quote_terms.h"
#include "meterd/catalog/meter.h"
#include "meterd/core/currency.h"
#include "meterd/core/document.h"
#include "meterd/core/time.h"
#include "meterd/rater/billing_period.h"

enum { USAGE_ROWS_MAX = 100000, CREDITS_MAX = 1000 };

struct request {
    const struct mtr_node *tariff, *cost;
    bool has_cost;
    struct mtr_tariff_party party;
    int64_t at_us;
    bool has_at;
    struct mtr_quantity quantity;
    bool has_quantity;
    struct mtr_str component;
    struct mtr_list dimensions;
    struct mtr_list usage;
    struct mtr_list credits; /* of struct quote_credit */
    const struct mtr_node *rates, *meters;
    struct mtr_str zone;
    struct quote_terms terms;
    bool closing;
    bool trace;
};

#define FIELD(struct_, key, type_, doc_) MTR_ROW(struct_, key), .type = type_, .doc = doc_

static const struct mtr_field usage_fields[] = {
    {FIELD(quote_row, component, MTR_FIELD_TEXT,
           "key of the tariff's component; default: all that price the meter")},
    {FIELD(quote_row, meter, MTR_FIELD_TEXT,
           "that was used; default: the only one that is priced, or the component's first")},
    {FIELD(quote_row, quantity, MTR_FIELD_QUANTITY, "decimal quantity"), .required = true},
    {.name = "time",
     .type = MTR_FIELD_TIME,
     .offset = offsetof(struct quote_row, time_us),
     .doc = "when it was used",
     MTR_ROW_GIVEN(quote_row, has_time)},
    {FIELD(quote_row, seconds, MTR_FIELD_QUANTITY,
           "length of the span that begins at its time; the quantity is spread over it"),
     MTR_ROW_GIVEN(quote_row, has_seconds)},
    {FIELD(quote_row, dimensions, MTR_FIELD_LABELS, "values of the component's group_by")},
    {.name = NULL},
};

const struct mtr_field mtr_price_request_fields[] = {
    {FIELD(request, tariff, MTR_FIELD_NODE, "key of a stored tariff, or the document"), .required = true},
    {FIELD(request, cost, MTR_FIELD_NODE,
           "key or document of the tariff that says what the use costs the seller"),
     MTR_ROW_GIVEN(request, has_cost)},
    {.name = "currency",
     .type = MTR_FIELD_TEXT,
     .offset = offsetof(struct request, party.currency),
     .doc = "that is charged: one in which the tariff has prices, or any that it has an exchange for; "
            "default: its own"},
    {.name = "subscription",
     .type = MTR_FIELD_KEY,
     .offset = offsetof(struct request, party.subscription),
     .doc = "whose override is in force; of a stored one the customer and the currency, too"},
    {.name = "customer",
     .type = MTR_FIELD_KEY,
     .offset = offsetof(struct request, party.customer),
     .doc = "whose override is in force"},
    {.name = "at",
     .type = MTR_FIELD_TIME,
     .offset = offsetof(struct request, at_us),
     MTR_ROW_GIVEN(request, has_at),
     .doc = "which version is in force"},
    {FIELD(request, quantity, MTR_FIELD_QUANTITY, "decimal quantity of the component"),
     MTR_ROW_GIVEN(request, has_quantity)},
    {FIELD(request, component, MTR_FIELD_TEXT, "default: the only one with a meter")},
    {FIELD(request, dimensions, MTR_FIELD_LABELS, "of the quantity")},
    {FIELD(request, usage, MTR_FIELD_LIST, "several quantities"), .fields = usage_fields,
     .item_size = sizeof(struct quote_row), .max = USAGE_ROWS_MAX},
    {FIELD(request, credits, MTR_FIELD_LIST, "prepaid money"), .fields = quote_credit_fields,
     .item_size = sizeof(struct quote_credit), .max = CREDITS_MAX},
    {FIELD(request, rates, MTR_FIELD_NODE,
           "list of rates documents to exchange with; default: those of the catalog")},
    {FIELD(request, meters, MTR_FIELD_NODE,
           "list of meters that say how rows with times are measured; before those of the catalog")},
    {FIELD(request, zone, MTR_FIELD_TEXT, "time zone of months, days and hours"), .default_text = "UTC"},
    {.name = "start", .type = MTR_FIELD_TEXT, MTR_ROW_AT(request, terms.start),
     .doc = "of the subscription that is priced: a date or an instant; default: that of the billing period "
            "of the first row"},
    {.name = "end", .type = MTR_FIELD_TEXT, MTR_ROW_AT(request, terms.end),
     .doc = "of it: a date or an instant; rows with times are priced up to there"},
    {.name = "billing", .type = MTR_FIELD_NODE, MTR_ROW_AT(request, terms.billing),
     .doc = "its periods, as in a subscription: {every, anchor}; default: calendar months"},
    {.name = "trial", .type = MTR_FIELD_NODE, MTR_ROW_AT(request, terms.trial),
     .doc = "how it begins, as in a subscription: {end or days, tariff, then, quantity, amount}; the tariff "
            "a key or a document"},
    {FIELD(request, closing, MTR_FIELD_BOOL, "the period is over"), .default_text = "true"},
    {FIELD(request, trace, MTR_FIELD_BOOL, "with the trace"), .default_text = "true"},
    {.name = NULL},
};

/* The question, with everything read that it names. */
struct question {
    struct request *request;
    const struct mtr_catalog *catalog;               /* NULL: none */
    int64_t at_us;                                   /* of rows without times */
    struct quote_tariffs tariffs;                    /* of cost and trial: NULL, not asked for */
    struct mtr_rate_book rates;
    struct mtr_zone *zone;
    struct mtr_arena *arena;
    struct mtr_diagnostics *findings;
};

/* The tariff named or supplied. */
static int find_tariff(const struct question *question, const struct mtr_node *node, const char *field,
                       const struct mtr_tariff_document **out)
{
    if (node->kind == MTR_NODE_MAP) {
        struct mtr_tariff_document *document = mtr_arena_calloc(question->arena, 1, sizeof(*document));
        if (!document) return MTR_ENOMEM;
        *out = document;
        return mtr_tariff_read(node, question->arena, document, question->findings);
    }
    return quote_find_tariff(question->catalog, node, field, out, question->findings);
}

/* As it is for the party that is asked for: with prices in the currency that is charged, or in its own where
 * these are exchanged. */
static int read_tariff(const struct question *question, const struct mtr_node *node, const char *field,
                       const struct mtr_tariff_document **out)
{
    const struct mtr_tariff_document *tariff = NULL;
    struct mtr_tariff_document *own = mtr_arena_calloc(question->arena, 1, sizeof(*own));
    struct mtr_tariff_party party = question->request->party;
    if (!own) return MTR_ENOMEM;
    int rc = find_tariff(question, node, field, &tariff);
    if (rc) return rc;
    if (tariff->exchange.given && mtr_currency_find(party.currency) && !mtr_tariff_in(tariff, party.currency))
        party.currency = (struct mtr_str){NULL, 0};
    *out = own;
    rc = mtr_tariff_for(tariff, &party, question->arena, own);
    if (rc != MTR_ENOTFOUND) return rc;
    const bool is_charged = out == &question->tariffs.of[QUOTE_CHARGED];
    return quote_fail(question->findings, MTR_FINDING_QUOTE_CURRENCY, node, is_charged ? "currency" : field,
                      is_charged ? "the tariff has neither prices nor an exchange for"
                                 : "its tariff has neither prices nor an exchange for",
                      party.currency);
}

/* Those of the request, or of the catalog. */
static int find_rates(struct question *question)
{
    const struct mtr_node *given = question->request->rates;
    if (given && given->kind != MTR_NODE_NULL)
        return quote_rates_read(given, question->tariffs.of[QUOTE_CHARGED], question->arena, &question->rates,
                                question->findings);
    if (question->catalog) question->rates = *mtr_catalog_rates(question->catalog);
    return MTR_OK;
}

/* What is known of a stored subscription at the request's time. */
static int complete_party(struct question *question)
{
    struct mtr_tariff_party *party = &question->request->party;
    char meant[MTR_MEANT_BYTES];
    if (!question->catalog || !party->subscription.size) return MTR_OK;
    const struct mtr_subscription *subscription =
        mtr_catalog_find_subscription(question->catalog, party->subscription);
    if (!subscription)
        return quote_fail_unknown(
            question->findings, NULL, "subscription", "there is no subscription", party->subscription,
            mtr_catalog_meant(question->catalog, MTR_KIND_SUBSCRIPTION, party->subscription, NULL, meant));
    subscription = mtr_subscription_at(subscription, question->at_us);
    if (!party->customer.size) party->customer = subscription->customer;
    if (!party->currency.size) party->currency = subscription->currency;
    return MTR_OK;
}

static bool has_times(const struct request *request)
{
    const struct quote_row *rows = request->usage.items;
    for (uint32_t i = 0; i < request->usage.count; i++)
        if (rows[i].has_time) return true;
    return false;
}

static int read_meters(const struct question *question, struct quote_use_options *out)
{
    const struct mtr_node *list = question->request->meters;
    if (!list) return MTR_OK;
    if (list->kind != MTR_NODE_LIST)
        return quote_fail(question->findings, MTR_FINDING_FIELD_KIND, list, "meters", "is a list of meters",
                          (struct mtr_str){NULL, 0});
    struct mtr_meter *meters =
        mtr_arena_calloc(question->arena, (size_t)list->child_count + 1, sizeof(*meters));
    int rc = meters ? MTR_OK : MTR_ENOMEM;
    for (uint32_t i = 0; !rc && i < list->child_count; i++)
        rc = mtr_meter_read(&list->children[i], question->arena, &meters[i], question->findings);
    out->meters = meters;
    out->meter_count = list->child_count;
    return rc;
}

static struct quote_use_options make_use(const struct question *question)
{
    return (struct quote_use_options){.rows = question->request->usage.items,
                                      .row_count = question->request->usage.count,
                                      .tariffs = question->tariffs,
                                      .catalog = question->catalog};
}

/* What the catalog's checks refuse: a fee that is for other periods than those that are asked for. */
static int check_fees(const struct question *question, const struct mtr_tariff_document *tariff,
                      enum mtr_period_unit billed)
{
    const struct mtr_node *billing = question->request->terms.billing;
    enum mtr_period_unit unit;
    for (uint32_t v = 0; billing && tariff && v < tariff->version_count; v++) {
        for (uint32_t i = 0; i < tariff->versions[v].component_count; i++) {
            const struct mtr_component *component = &tariff->versions[v].components[i];
            if (mtr_component_fee_period(component, &unit) && unit != billed)
                return quote_fail(question->findings, MTR_FINDING_QUOTE_BILLING, billing, "billing",
                                  "has other periods than a fee of the tariff is for:", component->key);
        }
    }
    return MTR_OK;
}

/* And a trial that frees units of nothing. */
static int check_units(const struct question *question, const struct mtr_subscription *subscription)
{
    for (uint32_t i = 0; i < subscription->trial_unit_count; i++) {
        const struct quote_row row = {.component = subscription->trial_units[i].component};
        const struct mtr_tariff_document *tariff = subscription->tariff;
        char meant[MTR_MEANT_BYTES] = "";
        uint32_t v = 0;
        while (v < tariff->version_count && !quote_has_component(&tariff->versions[v], &row)) v++;
        if (v < tariff->version_count) continue;
        const struct mtr_tariff_version *newest = &tariff->versions[tariff->version_count - 1];
        if (!mtr_tariff_component(newest, row.component))
            mtr_tariff_component_meant(newest, row.component, meant);
        return quote_fail_unknown(question->findings, question->request->terms.trial, "trial",
                                  "quantity: the tariff has no component with a meter that is", row.component,
                                  meant);
    }
    return MTR_OK;
}

/* The subscription that the request is about; first_us: of its use, NULL where there is none. */
static int make_subscription(const struct question *question, const int64_t *first_us,
                             struct mtr_subscription *out)
{
    const struct request *request = question->request;
    const struct quote_terms_place place = {request->zone, question->zone, first_us != NULL,
                                            first_us ? *first_us : 0};
    int rc = quote_terms_read(&request->terms, &place, question->arena, out, question->findings);
    if (rc) return rc;
    out->key = request->party.subscription;
    out->customer = request->party.customer;
    out->currency = request->party.currency;
    out->tariff = question->tariffs.of[QUOTE_CHARGED];
    out->cost_tariff = question->tariffs.of[QUOTE_COST];
    out->trial_tariff = question->tariffs.of[QUOTE_TRIAL];
    out->rates = &question->rates;
    out->zone = question->zone;
    for (int side = 0; !rc && side < QUOTE_SIDES; side++)
        rc = check_fees(question, question->tariffs.of[side], out->billing.unit);
    if (!rc) rc = check_units(question, out);
    return rc ? rc : mtr_subscription_find_cuts(out, question->arena);
}

/* Use outside of the subscription's time is nobody's. `row` is what is used then; NULL: nothing is named. */
static int check_moment(const struct question *question, const struct mtr_subscription *subscription,
                        int64_t time_us, const struct quote_row *row)
{
    const bool is_early = time_us < subscription->start_us;
    char text[MTR_TIME_TEXT_BYTES];
    if (!is_early && time_us < subscription->end_us) return MTR_OK;
    const int64_t bound_us = is_early ? subscription->start_us : subscription->end_us;
    mtr_time_format_offset(bound_us, mtr_zone_at(subscription->zone, bound_us).offset_s, text);
    const struct mtr_str bound = mtr_str_from(text);
    if (row && !is_early && row->time_us < bound_us)
        return quote_fail_row(question->findings, MTR_FINDING_QUOTE_TIME, row, "seconds",
                              "they reach behind the end of the subscription,", bound);
    const char *sentence = is_early ? "lies before the start of the subscription,"
                                    : "lies behind the end of the subscription,";
    if (row) return quote_fail_row(question->findings, MTR_FINDING_QUOTE_TIME, row, "time", sentence, bound);
    return quote_fail(question->findings, MTR_FINDING_QUOTE_TIME, NULL, "at", sentence, bound);
}

static int check_series(const struct question *question)
{
    const struct request *request = question->request;
    const struct quote_row *rows = request->usage.items;
    const struct mtr_str none = {NULL, 0};
    for (uint32_t i = 0; i < request->usage.count; i++)
        if (!rows[i].has_time)
            return quote_fail_row(question->findings, MTR_FINDING_QUOTE_TIME, &rows[i], "time",
                                  "is missing: some rows have a time and some have none", none);
    if (request->has_at)
        return quote_fail(question->findings, MTR_FINDING_QUOTE_TIME, NULL, "at",
                          "the rows' times say which version is in force: leave `at` out", none);
    if (request->has_quantity)
        return quote_fail(question->findings, MTR_FINDING_QUOTE_TIME, NULL, "quantity",
                          "stands beside rows with times: make it one of them", none);
    return MTR_OK;
}

/* When the use begins; false: there is none. */
static bool find_first(const struct request *request, int64_t *first_us)
{
    const struct quote_row *rows = request->usage.items;
    for (uint32_t i = 0; i < request->usage.count; i++)
        *first_us = i ? mtr_time_sooner(*first_us, rows[i].time_us) : rows[i].time_us;
    return request->usage.count > 0;
}

/* From the subscription's start to its last row, or its end. */
static int price_series(const struct question *question, struct mtr_json_writer *json)
{
    struct mtr_subscription subscription;
    struct quote_series series = {
        .subscription = &subscription, .credits = &question->request->credits, .closing = true};
    struct quote_use_options use = make_use(question);
    struct mtr_priced_part *parts = NULL;
    uint32_t count = 0;
    int64_t first_us;
    const bool has_rows = find_first(question->request, &first_us);
    int rc = check_series(question);
    if (!rc) rc = make_subscription(question, has_rows ? &first_us : NULL, &subscription);
    if (!rc) rc = read_meters(question, &use);
    use.subscription = &subscription;
    if (!rc) rc = quote_use_open(&use, question->arena, question->findings, &series.use);
    if (!rc && has_rows) {
        const struct quote_use_bounds bounds = quote_use_find_bounds(series.use);
        series.last_us = bounds.last_us;
        rc = check_moment(question, &subscription, bounds.first_us, bounds.first);
        if (!rc) rc = check_moment(question, &subscription, bounds.last_us, bounds.last);
    }
    if (!rc) {
        series.first_us = subscription.start_us;
        if (!has_rows) series.last_us = series.first_us;
        if (subscription.end_us < INT64_MAX) series.last_us = subscription.end_us - 1;
        rc = quote_series_price(&series, question->arena, question->findings, &parts, &count);
    }
    if (rc == MTR_ENOMEM)
        return quote_fail(question->findings, MTR_FINDING_QUOTE_LIMIT, NULL, "usage",
                          "has too many rows over too long a time: price it in shorter stretches",
                          (struct mtr_str){NULL, 0});
    return rc ? rc : mtr_price_write_parts_json(parts, count, question->request->trace, json);
}

/* `quantity` is a row, too: the first. */
static int list_rows(const struct question *question, struct quote_use_options *use)
{
    const struct request *request = question->request;
    if (!request->has_quantity) return MTR_OK;
    struct quote_row *rows =
        mtr_arena_calloc(question->arena, (size_t)request->usage.count + 1, sizeof(*rows));
    if (!rows) return MTR_ENOMEM;
    rows[0] = (struct quote_row){
        .component = request->component, .dimensions = request->dimensions, .quantity = request->quantity};
    for (uint32_t i = 0; i < use->row_count; i++)
        rows[i + 1] = use->rows[i];
    use->rows = rows;
    use->row_count++;
    return MTR_OK;
}

/* The tariffs under the versions in force then, as if they had been so all the time. */
static int freeze(struct question *question, struct query_frozen frozen[QUOTE_SIDES])
{
    static const char *const late[QUOTE_SIDES] = {
        "no version of the tariff is in force yet: the first begins at",
        "no version of the cost tariff is in force yet: the first begins at",
        "no version of the trial's tariff is in force yet: the first begins at"};
    const int64_t at_us = question->at_us;
    for (int side = 0; side < QUOTE_SIDES; side++) {
        const struct mtr_tariff_document **tariff = &question->tariffs.of[side];
        if (!*tariff) continue;
        const struct mtr_tariff_version *version = mtr_tariff_version_at(*tariff, question->zone, at_us);
        if (!version)
            return quote_fail(question->findings, MTR_FINDING_QUOTE_TIME, question->request->tariff, "at",
                              late[side], (*tariff)->versions[0].from);
        *tariff = query_freeze(*tariff, version, &frozen[side]);
    }
    return MTR_OK;
}

/* The billing period of one moment, under the prices of that moment. */
static int price_period(struct question *question, struct mtr_json_writer *json)
{
    struct query_frozen frozen[QUOTE_SIDES];
    struct mtr_subscription subscription;
    struct mtr_priced_part *parts = NULL;
    uint32_t count = 0;
    int rc = freeze(question, frozen);
    if (rc) return rc;
    const int64_t at_us = question->at_us;
    const struct mtr_civil day = mtr_zone_to_civil(question->zone, at_us);
    const int64_t usage_day = mtr_days_from_civil(day.year, day.month, day.day);
    struct quote_series series = {.subscription = &subscription,
                                  .credits = &question->request->credits,
                                  .first_us = at_us,
                                  .last_us = at_us,
                                  .usage_day = &usage_day,
                                  .closing = question->request->closing};
    struct quote_use_options use = make_use(question);
    use.subscription = &subscription;
    rc = make_subscription(question, &at_us, &subscription);
    if (!rc) rc = check_moment(question, &subscription, at_us, NULL);
    if (rc) return rc;
    int64_t whole_end_us;
    use.without_times = true;
    use.has_at = question->request->has_at;
    use.at_us = question->at_us;
    use.from_us = mtr_billing_period_start(&subscription, at_us, &whole_end_us);
    rc = list_rows(question, &use);
    if (!rc) rc = quote_use_open(&use, question->arena, question->findings, &series.use);
    if (!rc) rc = quote_series_price(&series, question->arena, question->findings, &parts, &count);
    if (rc) return rc;
    if (count > 1) return mtr_price_write_parts_json(parts, count, question->request->trace, json);
    mtr_price_write_json(parts[0].input, parts[0].price, question->request->trace, json);
    return MTR_OK;
}

static int check_dimensions(const struct question *question)
{
    const struct quote_dimensions known = {question->tariffs, question->request->meters, question->catalog};
    const struct quote_row *rows = question->request->usage.items;
    char field[40];
    int rc = quote_check_dimensions(&known, &question->request->dimensions, "dimensions", question->findings);
    for (uint32_t i = 0; !rc && i < question->request->usage.count; i++) {
        snprintf(field, sizeof(field), "usage[%u].dimensions", i);
        rc = quote_check_dimensions(&known, &rows[i].dimensions, field, question->findings);
    }
    return rc;
}

static int read_question(struct question *question)
{
    struct request *request = question->request;
    struct quote_row *rows = request->usage.items;
    const struct mtr_tariff_document **tariffs = question->tariffs.of;
    const struct mtr_node *trial = quote_trial_tariff(&request->terms);
    for (uint32_t i = 0; i < request->usage.count; i++) rows[i].place = i + 1;
    int rc = complete_party(question);
    if (!rc) rc = read_tariff(question, request->tariff, "tariff", &tariffs[QUOTE_CHARGED]);
    if (rc) return rc;
    /* The cost is told in the currency that is charged, and a trial is. */
    if (!request->party.currency.size) request->party.currency = tariffs[QUOTE_CHARGED]->currency;
    if (request->has_cost) rc = read_tariff(question, request->cost, "cost", &tariffs[QUOTE_COST]);
    if (!rc && trial) rc = read_tariff(question, trial, "trial", &tariffs[QUOTE_TRIAL]);
    if (!rc) rc = find_rates(question);
    if (!rc) rc = check_dimensions(question);
    if (rc) return rc;
    return quote_rows_expand(&question->tariffs, &request->usage, question->arena, question->findings);
}

/* A series: its rows have times, or it has a start and nothing that is used. */
static bool is_series(const struct request *request)
{
    return has_times(request) || (request->terms.start.size && !request->usage.count &&
                                  !request->has_quantity && !request->has_at);
}

static int answer(struct question *question, struct mtr_json_writer *json)
{
    int rc = read_question(question);
    if (rc) return rc;
    if (mtr_zone_open(question->request->zone, &question->zone))
        return quote_fail(question->findings, MTR_FINDING_CATALOG_ZONE_UNKNOWN, NULL, "zone",
                          "there is no time zone", question->request->zone);
    rc = is_series(question->request) ? price_series(question, json) : price_period(question, json);
    mtr_zone_close(question->zone);
    return rc;
}

int mtr_price_request_run(struct mtr_str text, const struct mtr_catalog *catalog, int64_t now_us,
                          struct mtr_arena *arena, struct mtr_json_writer *json,
                          struct mtr_diagnostics *findings)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    struct request request = {0};
    int rc = mtr_document_parse(text, &document, &broken);
    if (rc)
        mtr_diagnostics_add(findings, &broken);
    else
        rc = mtr_schema_decode(mtr_price_request_fields, mtr_document_root(document), arena, &request,
                               findings);
    struct question question = {.request = &request,
                                .catalog = catalog,
                                .at_us = request.has_at ? request.at_us : now_us,
                                .arena = arena,
                                .findings = findings};
    if (!rc) rc = answer(&question, json);
    if (rc == MTR_EOVERFLOW)
        rc = quote_fail(findings, MTR_FINDING_RATING_RANGE, NULL, "",
                        "the answer has a number out of range: an amount is at most " MTR_MONEY_MAX_TEXT
                        ", a quantity " MTR_QUANTITY_MAX_TEXT,
                        (struct mtr_str){NULL, 0});
    mtr_document_close(document);
    return rc;
}
