/*
 * Pricing on request. Everything is allocated from the caller's arena.
 */
#include "meterd/query/quote.h"

#include "daemon/query/quote_purse.h"
#include "daemon/query/quote_usage.h"
#include "meterd/catalog/meter.h"
#include "meterd/core/document.h"
#include "meterd/core/schema.h"
#include "meterd/core/time.h"
#include "meterd/tariff/price.h"

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
    struct mtr_list credits; /* of struct mtr_price_credit */
    const struct mtr_node *rates, *meters;
    struct mtr_str zone;
    bool closing;
    bool trace;
};

#define FIELD(struct_, key, type_, doc_)                                                                     \
    .name = #key, .type = type_, .offset = offsetof(struct struct_, key), .doc = doc_

static const struct mtr_field usage_fields[] = {
    {FIELD(mtr_price_usage, component, MTR_FIELD_TEXT,
           "key of the tariff's component; default: all that price the meter")},
    {FIELD(mtr_price_usage, meter, MTR_FIELD_TEXT,
           "that was used; default: the only one that is priced, or the component's first")},
    {FIELD(mtr_price_usage, quantity, MTR_FIELD_QUANTITY, "decimal quantity"), .required = true},
    {.name = "time",
     .type = MTR_FIELD_TIME,
     .offset = offsetof(struct mtr_price_usage, time_us),
     .doc = "when it was used",
     .present_offset = offsetof(struct mtr_price_usage, has_time) + 1},
    {FIELD(mtr_price_usage, seconds, MTR_FIELD_QUANTITY,
           "length of the span that begins at its time; the quantity is spread over it"),
     .present_offset = offsetof(struct mtr_price_usage, has_seconds) + 1},
    {FIELD(mtr_price_usage, dimensions, MTR_FIELD_LABELS, "values of the component's group_by")},
    {.name = NULL},
};

static const struct mtr_field request_fields[] = {
    {FIELD(request, tariff, MTR_FIELD_NODE, "key of a stored tariff, or the document"), .required = true},
    {FIELD(request, cost, MTR_FIELD_NODE,
           "key or document of the tariff that says what the use costs the seller"),
     .present_offset = offsetof(struct request, has_cost) + 1},
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
     .present_offset = offsetof(struct request, has_at) + 1,
     .doc = "which version is in force"},
    {FIELD(request, quantity, MTR_FIELD_QUANTITY, "decimal quantity of the component"),
     .present_offset = offsetof(struct request, has_quantity) + 1},
    {FIELD(request, component, MTR_FIELD_TEXT, "default: the only one with a meter")},
    {FIELD(request, dimensions, MTR_FIELD_LABELS, "of the quantity")},
    {FIELD(request, usage, MTR_FIELD_LIST, "several quantities"), .fields = usage_fields,
     .item_size = sizeof(struct mtr_price_usage), .max = USAGE_ROWS_MAX},
    {FIELD(request, credits, MTR_FIELD_LIST, "prepaid money"), .fields = mtr_price_credit_fields,
     .item_size = sizeof(struct mtr_price_credit), .max = CREDITS_MAX},
    {FIELD(request, rates, MTR_FIELD_NODE,
           "list of rates documents to exchange with; default: those of the catalog")},
    {FIELD(request, meters, MTR_FIELD_NODE,
           "list of meters that say how rows with times are measured; before those of the catalog")},
    {FIELD(request, zone, MTR_FIELD_TEXT, "time zone of months, days and hours"), .default_text = "UTC"},
    {FIELD(request, closing, MTR_FIELD_BOOL, "the period is over"), .default_text = "true"},
    {FIELD(request, trace, MTR_FIELD_BOOL, "with the trace"), .default_text = "true"},
    {.name = NULL},
};

/* The tariff named or supplied. */
static int find_tariff(const struct mtr_node *node, const char *field, const struct mtr_catalog *catalog,
                       struct mtr_arena *arena, const struct mtr_tariff_document **out,
                       struct mtr_diagnostics *findings)
{
    if (node->kind == MTR_NODE_MAP) {
        struct mtr_tariff_document *document = mtr_arena_calloc(arena, 1, sizeof(*document));
        if (!document) return MTR_ENOMEM;
        *out = document;
        return mtr_tariff_read(node, arena, document, findings);
    }
    *out = catalog ? mtr_catalog_find_tariff(catalog, node->text) : NULL;
    return *out ? MTR_OK : quote_fail(findings, node, field, "there is no tariff", node->text);
}

/* As it is for the party that is asked for. */
static int read_tariff(const struct request *request, const struct mtr_node *node, const char *field,
                       const struct mtr_catalog *catalog, struct mtr_arena *arena,
                       struct mtr_price_charging *out, struct mtr_diagnostics *findings)
{
    const struct mtr_tariff_document *tariff = NULL;
    int rc = find_tariff(node, field, catalog, arena, &tariff, findings);
    if (!rc) rc = quote_charging_choose(tariff, &request->party, arena, out);
    if (rc == MTR_ENOTFOUND)
        rc = quote_fail(findings, node, "currency", "the tariff has neither prices nor an exchange for",
                            request->party.currency);
    return rc;
}

/* Those of the request, or of the catalog. */
static int find_rates(const struct request *request, const struct mtr_tariff_document *tariff,
                      const struct mtr_catalog *catalog, struct mtr_arena *arena, struct mtr_rate_book *out,
                      struct mtr_diagnostics *findings)
{
    *out = (struct mtr_rate_book){NULL, 0};
    if (request->rates && request->rates->kind != MTR_NODE_NULL)
        return quote_rates_read(request->rates, tariff, arena, out, findings);
    if (catalog) *out = *mtr_catalog_rates(catalog);
    return MTR_OK;
}

/* What is known of a stored subscription. */
static int complete_party(struct request *request, const struct mtr_catalog *catalog,
                          struct mtr_diagnostics *findings)
{
    struct mtr_tariff_party *party = &request->party;
    if (!catalog || !party->subscription.size) return MTR_OK;
    const struct mtr_subscription *subscription = mtr_catalog_find_subscription(catalog, party->subscription);
    if (!subscription)
        return quote_fail(findings, NULL, "subscription", "there is no subscription",
                              party->subscription);
    if (!party->customer.size) party->customer = subscription->customer;
    if (!party->currency.size) party->currency = subscription->currency;
    return MTR_OK;
}

static const struct mtr_tariff_version *find_version(const struct mtr_tariff_document *tariff,
                                                     const struct mtr_zone *zone, int64_t at_us)
{
    const struct mtr_tariff_version *found = NULL;
    for (uint32_t i = 0; i < tariff->version_count; i++)
        if (quote_version_start_s(&tariff->versions[i], zone) * MTR_US_PER_SECOND <= at_us)
            found = &tariff->versions[i];
    return found;
}

/* One side of the price: under the tariff, or under the cost tariff. */
struct side {
    const struct mtr_tariff_version *version;
    const struct mtr_tariff_version *beside; /* the other side's; NULL: none */
    bool is_cost;                            /* nothing is prepaid to the seller's own supplier */
};

/* Used when the request's `at` is: only what counts by the hour depends on it. A level holds all through
 * the month. */
static int add_row(const struct request *request, const struct side *side,
                   const struct mtr_price_usage *given, struct mtr_arena *arena,
                   struct mtr_price_input *input, struct mtr_usage_row *row, struct mtr_diagnostics *findings)
{
    const struct mtr_tariff_version *version = side->version;
    const bool is_other = given->of_meter || (side->beside && quote_has_component(side->beside, given));
    if (is_other && !quote_has_component(version, given))
        return MTR_OK; /* another version or side prices it */
    row->time_us = row->until_us = request->at_us;
    int rc = quote_usage_row(version, given, arena, row, findings);
    if (rc) return rc;
    input->usage_count++;
    const struct mtr_component *component = &version->components[row->component];
    if (component->scope == MTR_SLICE_BY_LEVEL) {
        row->time_us = input->period.start_s * MTR_US_PER_SECOND;
        row->until_us = input->period.end_s * MTR_US_PER_SECOND;
    }
    if (!mtr_component_has_masks(component) || request->has_at) return MTR_OK;
    return quote_fail(findings, NULL, "at",
                          "is needed, or a time of each row: use counts by the hour in component",
                          component->key);
}

static int build_usage(const struct request *request, const struct side *side, struct mtr_arena *arena,
                       struct mtr_price_input *input, struct mtr_diagnostics *findings)
{
    const struct mtr_price_usage *given = request->usage.items;
    const struct mtr_price_usage single = {
        .component = request->component, .dimensions = request->dimensions, .quantity = request->quantity};
    struct mtr_usage_row *rows = mtr_arena_calloc(arena, (size_t)request->usage.count + 1, sizeof(*rows));
    int rc = rows ? MTR_OK : MTR_ENOMEM;
    if (!rc && request->has_quantity) rc = add_row(request, side, &single, arena, input, rows, findings);
    for (uint32_t i = 0; !rc && i < request->usage.count; i++)
        rc = add_row(request, side, &given[i], arena, input, &rows[input->usage_count], findings);
    input->usage = rows;
    return rc;
}

static bool has_times(const struct request *request)
{
    const struct mtr_price_usage *rows = request->usage.items;
    for (uint32_t i = 0; i < request->usage.count; i++)
        if (rows[i].has_time) return true;
    return false;
}

struct tariffs {
    struct mtr_price_charging charged, cost;
    bool with_cost;
    struct mtr_rate_book rates;
    const struct mtr_catalog *catalog; /* NULL: none */
    struct mtr_zone *zone;
};

static int read_meters(const struct request *request, const struct mtr_catalog *catalog,
                       struct mtr_arena *arena, struct mtr_price_meters *out,
                       struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = request->meters;
    *out = (struct mtr_price_meters){.catalog = catalog};
    if (!list) return MTR_OK;
    if (list->kind != MTR_NODE_LIST)
        return quote_fail(findings, list, "meters", "is a list of meters", (struct mtr_str){NULL, 0});
    struct mtr_meter *meters = mtr_arena_calloc(arena, (size_t)list->child_count + 1, sizeof(*meters));
    int rc = meters ? MTR_OK : MTR_ENOMEM;
    for (uint32_t i = 0; !rc && i < list->child_count; i++)
        rc = mtr_meter_read(&list->children[i], arena, &meters[i], findings);
    out->given = meters;
    out->given_count = list->child_count;
    return rc;
}

static int price_periods(const struct request *request, const struct tariffs *tariffs,
                         struct mtr_arena *arena, struct mtr_json_writer *json,
                         struct mtr_diagnostics *findings)
{
    const struct mtr_price_usage *rows = request->usage.items;
    const struct mtr_str none = {NULL, 0};
    for (uint32_t i = 0; i < request->usage.count; i++)
        if (!rows[i].has_time)
            return quote_fail(findings, NULL, "usage", "some rows have a time and some have none", none);
    if (request->has_at)
        return quote_fail(findings, NULL, "at",
                              "the rows' times say which version is in force: leave `at` out", none);
    if (request->has_quantity)
        return quote_fail(findings, NULL, "quantity",
                              "stands beside rows with times: make it one of them", none);
    struct mtr_price_series series = {.charged = &tariffs->charged,
                                      .cost = tariffs->with_cost ? &tariffs->cost : NULL,
                                      .usage = rows,
                                      .usage_count = request->usage.count};
    series.zone = tariffs->zone;
    series.credits = &request->credits;
    series.with_trace = request->trace;
    int rc = read_meters(request, tariffs->catalog, arena, &series.meters, findings);
    return rc ? rc : quote_periods_run(&series, arena, json, findings);
}

/* What the version grants, and the request's credits. */
static int fill_pools(const struct request *request, const struct side *side, struct mtr_period_rule months,
                      struct mtr_period period, struct mtr_arena *arena, struct mtr_price_input *input,
                      struct mtr_diagnostics *findings)
{
    struct mtr_price_purse purse;
    struct mtr_tariff_document *tariff = mtr_arena_calloc(arena, 1, sizeof(*tariff));
    struct mtr_tariff_version *version = mtr_arena_calloc(arena, 1, sizeof(*version));
    if (side->is_cost) return MTR_OK;
    if (!tariff || !version) return MTR_ENOMEM;
    *tariff = *input->tariff;
    *version = *input->version;
    version->from_is_date = false; /* the month is all of it */
    version->from_us = 0;
    tariff->versions = version;
    tariff->version_count = 1;
    int rc = quote_purse_open(&purse, tariff, &request->credits, months, arena, findings);
    if (!rc) rc = quote_purse_turn(&purse, period, NULL, 0);
    return rc ? rc : quote_purse_fill(&purse, period.start_s, input);
}

/* The whole month of `at`. */
static int price_month(const struct request *request, const struct mtr_price_charging *charging,
                       const struct side *side, int64_t at_us, const struct mtr_zone *zone,
                       struct mtr_arena *arena, struct mtr_price_input *input, struct mtr_price *out,
                       struct mtr_diagnostics *findings)
{
    const struct mtr_period_rule month = {MTR_PERIOD_MONTH, INT64_MIN, zone};
    const struct mtr_period period = mtr_period_at(&month, at_us / MTR_US_PER_SECOND);
    *input = (struct mtr_price_input){
        .tariff = charging->tariff,
        .version = side->version,
        .period = period,
        .active_from_s = period.start_s,
        .active_to_s = period.end_s,
        .runs_from_s = period.start_s,
        .runs_to_s = period.end_s,
        .closing = request->closing,
        .zone = zone,
    };
    const struct mtr_price_exchange_times times = {at_us / MTR_US_PER_SECOND, period.end_s, period.start_s};
    int rc = build_usage(request, side, arena, input, findings);
    if (!rc) rc = quote_charging_set(charging, times, arena, input);
    if (!rc) rc = fill_pools(request, side, month, period, arena, input, findings);
    if (!rc) rc = mtr_price(input, request->trace, arena, out);
    return rc == MTR_EMISSING ? quote_charging_fail(input, findings) : rc;
}

static int price_once(const struct request *request, const struct tariffs *tariffs, int64_t at_us,
                      struct mtr_arena *arena, struct mtr_json_writer *json, struct mtr_diagnostics *findings)
{
    const struct mtr_str none = {NULL, 0};
    const struct mtr_zone *zone = tariffs->zone;
    struct mtr_price_input input, cost_input;
    struct mtr_price price, costs;
    const struct side charged = {find_version(tariffs->charged.tariff, zone, at_us),
                                 tariffs->with_cost ? find_version(tariffs->cost.tariff, zone, at_us) : NULL,
                                 false};
    const struct side cost = {charged.beside, charged.version, true};
    if (!charged.version)
        return quote_fail(findings, request->tariff, "at", "no version of the tariff is in force yet",
                              none);
    if (tariffs->with_cost && !cost.version)
        return quote_fail(findings, request->cost, "at", "no version of the cost tariff is in force yet",
                              none);
    int rc = price_month(request, &tariffs->charged, &charged, at_us, zone, arena, &input, &price, findings);
    if (!rc && cost.version)
        rc = price_month(request, &tariffs->cost, &cost, at_us, zone, arena, &cost_input, &costs, findings);
    if (!rc && cost.version) rc = mtr_price_join_costs(&price, &costs, arena);
    if (!rc) mtr_price_write_json(&input, &price, request->trace, json);
    return rc;
}

static int price(struct request *request, const struct mtr_catalog *catalog, int64_t now_us,
                 struct mtr_arena *arena, struct mtr_json_writer *json, struct mtr_diagnostics *findings)
{
    struct tariffs tariffs = {.with_cost = request->has_cost, .catalog = catalog};
    int rc = complete_party(request, catalog, findings);
    if (!rc) rc = read_tariff(request, request->tariff, "tariff", catalog, arena, &tariffs.charged, findings);
    if (!rc) request->party.currency = tariffs.charged.currency; /* the cost is told in it, too */
    if (!rc && request->has_cost)
        rc = read_tariff(request, request->cost, "cost", catalog, arena, &tariffs.cost, findings);
    if (!rc) rc = find_rates(request, tariffs.charged.tariff, catalog, arena, &tariffs.rates, findings);
    tariffs.charged.rates = tariffs.cost.rates = &tariffs.rates;
    if (rc) return rc;
    rc = quote_usage_expand(tariffs.charged.tariff, tariffs.with_cost ? tariffs.cost.tariff : NULL,
                                &request->usage, arena, findings);
    if (rc) return rc;
    if (mtr_zone_open(request->zone, &tariffs.zone))
        return quote_fail(findings, NULL, "zone", "there is no time zone", request->zone);
    rc = has_times(request) ? price_periods(request, &tariffs, arena, json, findings)
                            : price_once(request, &tariffs, request->has_at ? request->at_us : now_us, arena,
                                         json, findings);
    mtr_zone_close(tariffs.zone);
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
    if (rc) mtr_diagnostics_add(findings, &broken);
    else rc = mtr_schema_decode(request_fields, mtr_document_root(document), arena, &request, findings);
    if (!rc) rc = price(&request, catalog, now_us, arena, json, findings);
    mtr_document_close(document);
    return rc;
}
