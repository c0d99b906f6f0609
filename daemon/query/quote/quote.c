/*
 * Pricing on request: what is asked for (this file), the subscription that is made for it
 * (quote_phases.c, quote_subscription.c), its rows as a source of use (quote_use.c), and its billing periods
 * (quote_series.c). Everything is allocated from the caller's arena.
 */
#include "meterd/query/quote.h"

#include <stdio.h>

#include "daemon/query/frozen.h"
#include "daemon/query/quote/quote_pieces.h"
#include "daemon/query/quote/quote_question.h"
#include "daemon/query/quote/quote_rates.h"
#include "daemon/query/quote/quote_series.h"
#include "meterd/catalog/meter.h"
#include "meterd/core/document.h"
#include "meterd/core/time.h"
#include "meterd/rater/billing_period.h"

enum { USAGE_ROWS_MAX = 100000, CREDITS_MAX = 1000 };

#define FIELD(struct_, key, type_, doc_) MTR_ROW(struct_, key), .type = type_, .doc = doc_

static const struct mtr_field usage_fields[] = {
    {FIELD(quote_row, component, MTR_FIELD_TEXT,
           "key of the tariff's component; default: all that price the meter")},
    {FIELD(quote_row, meter, MTR_FIELD_TEXT,
           "that was used; default: the only one that is priced, or the component's first")},
    {FIELD(quote_row, quantity, MTR_FIELD_QUANTITY, "decimal quantity; of a counter what it grew by"),
     MTR_ROW_GIVEN(quote_row, has_quantity)},
    {FIELD(quote_row, reading, MTR_FIELD_QUANTITY,
           "instead of a quantity what a counter stands at: it grew by the difference to the reading before"),
     MTR_ROW_GIVEN(quote_row, has_reading)},
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
    {FIELD(quote_request, tariff, MTR_FIELD_NODE,
           "key of a stored tariff, or the document; without one the subscription is priced as it is")},
    {FIELD(quote_request, documents, MTR_FIELD_NODE,
           "documents as `apply` takes them, or a text of them: the subscription that is priced as it is, "
           "and what it names, before those of the catalog"),
     MTR_ROW_GIVEN(quote_request, has_documents)},
    {FIELD(quote_request, cost, MTR_FIELD_NODE,
           "key or document of the tariff that says what the use costs the seller"),
     MTR_ROW_GIVEN(quote_request, has_cost)},
    {.name = "currency",
     .type = MTR_FIELD_TEXT,
     .offset = offsetof(struct quote_request, party.currency),
     .doc = "that is charged: one in which the tariff has prices, or any that it has an exchange for; "
            "default: its own"},
    {.name = "subscription",
     .type = MTR_FIELD_KEY,
     .offset = offsetof(struct quote_request, party.subscription),
     .doc = "whose override is in force; of a stored one its currency and its customer, too, in a series the "
            "one of each time. Without a tariff: that is priced with all that its document says"},
    {.name = "customer",
     .type = MTR_FIELD_KEY,
     .offset = offsetof(struct quote_request, party.customer),
     .doc = "whose override is in force"},
    {.name = "at",
     .type = MTR_FIELD_TIME,
     .offset = offsetof(struct quote_request, at_us),
     MTR_ROW_GIVEN(quote_request, has_at),
     .doc = "which version is in force"},
    {FIELD(quote_request, quantity, MTR_FIELD_QUANTITY, "decimal quantity of the component"),
     MTR_ROW_GIVEN(quote_request, has_quantity)},
    {FIELD(quote_request, component, MTR_FIELD_TEXT, "default: the only one with a meter")},
    {FIELD(quote_request, dimensions, MTR_FIELD_LABELS, "of the quantity")},
    {FIELD(quote_request, usage, MTR_FIELD_LIST, "several quantities"), .fields = usage_fields,
     .item_size = sizeof(struct quote_row), .max = USAGE_ROWS_MAX},
    {FIELD(quote_request, credits, MTR_FIELD_LIST, "prepaid money"), .fields = quote_credit_fields,
     .item_size = sizeof(struct quote_credit), .max = CREDITS_MAX},
    {FIELD(quote_request, rates, MTR_FIELD_NODE,
           "list of rates documents to exchange with; default: those of the catalog")},
    {FIELD(quote_request, meters, MTR_FIELD_NODE,
           "list of meters that say how rows with times are measured; before those of the catalog")},
    {FIELD(quote_request, zone, MTR_FIELD_TEXT, "time zone of months, days and hours; default: UTC")},
    {.name = "start", .type = MTR_FIELD_TEXT, MTR_ROW_AT(quote_request, terms.start),
     .doc = "of the subscription that is priced: a date or an instant; default: that of the billing period "
            "of the first row"},
    {.name = "end", .type = MTR_FIELD_TEXT, MTR_ROW_AT(quote_request, terms.end),
     .doc = "of it: a date or an instant; rows with times are priced up to there"},
    {.name = "billing", .type = MTR_FIELD_NODE, MTR_ROW_AT(quote_request, terms.billing),
     .doc = "its periods, as in a subscription: {every, anchor}; default: calendar months"},
    {.name = "trial", .type = MTR_FIELD_NODE, MTR_ROW_AT(quote_request, terms.trial),
     .doc = "how it begins, as in a subscription: {end or days, tariff, then, quantity, amount}; the tariff "
            "a key or a document"},
    {FIELD(quote_request, closing, MTR_FIELD_BOOL, "the period is over"), .default_text = "true"},
    {FIELD(quote_request, trace, MTR_FIELD_BOOL, "with the trace"), .default_text = "true"},
    {.name = NULL},
};

/* Those of the request, or of the catalog. */
static int find_rates(struct quote_question *question)
{
    const struct mtr_node *given = question->request->rates;
    if (given && given->kind != MTR_NODE_NULL)
        return quote_rates_read(given, question->phases.items[0].of[QUOTE_CHARGED], question->arena,
                                &question->rates, question->findings);
    if (question->catalog) question->rates = *mtr_catalog_rates(question->catalog);
    return MTR_OK;
}

static bool has_times(const struct quote_request *request)
{
    const struct quote_row *rows = request->usage.items;
    for (uint32_t i = 0; i < request->usage.count; i++)
        if (rows[i].has_time) return true;
    return false;
}

static int read_meters(const struct quote_question *question, struct quote_use_options *out)
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

static struct quote_use_options make_use(const struct quote_question *question)
{
    return (struct quote_use_options){.rows = question->request->usage.items,
                                      .row_count = question->request->usage.count,
                                      .phases = question->phases,
                                      .catalog = question->catalog};
}

static int open_use(const struct quote_question *question, struct quote_use_options *options,
                    struct quote_use **out)
{
    int rc = quote_readings_turn(options, question->arena, question->findings);
    return rc ? rc : quote_use_open(options, question->arena, question->findings, out);
}

/* Use outside of the subscription's time is nobody's: a row of it alone is a mistake. Of a span that reaches
 * across its start or end the share between them counts. `row` NULL: nothing is named. */
static int check_moment(const struct quote_question *question, const struct mtr_subscription *subscription,
                        int64_t time_us, const struct quote_row *row)
{
    const int64_t begun_us = mtr_subscription_begun_us(subscription),
                  ends_us = mtr_subscription_ends_us(subscription),
                  length_us = row ? quote_row_length_us(row) : 0;
    const bool is_early = time_us < begun_us;
    char text[MTR_TIME_TEXT_BYTES];
    if (time_us < ends_us && (!is_early || time_us + length_us > begun_us)) return MTR_OK;
    const int64_t bound_us = is_early ? begun_us : ends_us;
    mtr_time_format_offset(bound_us, mtr_zone_at(subscription->zone, bound_us).offset_s, text);
    const struct mtr_str bound = mtr_str_from(text);
    const char *sentence = is_early ? "lies before the start of the subscription,"
                                    : "lies behind the end of the subscription,";
    if (row) return quote_fail_row(question->findings, MTR_FINDING_QUOTE_TIME, row, "time", sentence, bound);
    return quote_fail(question->findings, MTR_FINDING_QUOTE_TIME, NULL, "at", sentence, bound);
}

static int check_rows(const struct quote_question *question, const struct mtr_subscription *subscription)
{
    const struct quote_row *rows = question->request->usage.items;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < question->request->usage.count; i++)
        rc = check_moment(question, subscription, rows[i].time_us, &rows[i]);
    return rc;
}

static int check_series(const struct quote_question *question)
{
    const struct quote_request *request = question->request;
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
static bool find_first(const struct quote_request *request, int64_t *first_us)
{
    const struct quote_row *rows = request->usage.items;
    for (uint32_t i = 0; i < request->usage.count; i++)
        *first_us = i ? mtr_time_sooner(*first_us, rows[i].time_us) : rows[i].time_us;
    return request->usage.count > 0;
}

static int find_subscription(const struct quote_question *question, const int64_t *first_us,
                             struct quote_series *series)
{
    if (!question->whole) return quote_make_subscription(question, first_us, &series->subscription);
    series->catalog = question->catalog;
    return quote_copy_whole(question, &series->subscription);
}

/* From the subscription's start to its last row, or its end. */
static int price_series(const struct quote_question *question, struct mtr_json_writer *json)
{
    struct quote_series series = {.credits = &question->request->credits, .closing = true};
    struct quote_use_options use = make_use(question);
    struct mtr_priced_part *parts = NULL;
    uint32_t count = 0;
    int64_t first_us;
    const bool has_rows = find_first(question->request, &first_us);
    int rc = check_series(question);
    if (!rc) rc = find_subscription(question, has_rows ? &first_us : NULL, &series);
    if (!rc) rc = read_meters(question, &use);
    use.subscription = series.subscription;
    use.are_events = true;
    if (!rc) rc = open_use(question, &use, &series.use);
    if (!rc) rc = check_rows(question, series.subscription);
    if (!rc) {
        const int64_t ends_us = mtr_subscription_ends_us(series.subscription);
        series.first_us = mtr_subscription_begun_us(series.subscription);
        series.last_us = has_rows ? quote_use_last_us(series.use) : series.first_us;
        if (ends_us < INT64_MAX) series.last_us = ends_us - 1;
        rc = quote_series_price(&series, question->arena, question->findings, &parts, &count);
    }
    if (rc == MTR_ENOMEM)
        return quote_fail(question->findings, MTR_FINDING_QUOTE_LIMIT, NULL, "usage",
                          "has too many rows over too long a time: price it in shorter stretches",
                          (struct mtr_str){NULL, 0});
    return rc ? rc
              : mtr_price_write_parts_json(parts, count, question->request->trace, question->arena, json);
}

/* `quantity` is a row, too: the first. */
static int list_rows(const struct quote_question *question, struct quote_use_options *use)
{
    const struct quote_request *request = question->request;
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
static int freeze(struct quote_question *question, struct query_frozen frozen[QUOTE_SIDES])
{
    static const char *const late[QUOTE_SIDES] = {
        "no version of the tariff is in force yet: the first begins at",
        "no version of the cost tariff is in force yet: the first begins at",
        "no version of the trial's tariff is in force yet: the first begins at"};
    const int64_t at_us = question->at_us;
    for (int side = 0; side < QUOTE_SIDES; side++) {
        const struct mtr_tariff_document **tariff = &question->phases.items[0].of[side];
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
static int price_period(struct quote_question *question, struct mtr_json_writer *json)
{
    struct query_frozen frozen[QUOTE_SIDES];
    struct mtr_priced_part *parts = NULL;
    uint32_t count = 0;
    int rc = freeze(question, frozen);
    if (rc) return rc;
    const int64_t at_us = question->at_us;
    const struct mtr_civil day = mtr_zone_to_civil(question->zone, at_us);
    const int64_t usage_day = mtr_days_from_civil(day.year, day.month, day.day);
    struct quote_series series = {.credits = &question->request->credits,
                                  .first_us = at_us,
                                  .last_us = at_us,
                                  .usage_day = &usage_day,
                                  .closing = question->request->closing};
    MTR_ASSERT(question->phases.count == 1);
    rc = find_subscription(question, &at_us, &series);
    if (!rc) rc = check_moment(question, series.subscription, at_us, NULL);
    if (rc) return rc;
    int64_t whole_end_us;
    struct quote_use_options use = make_use(question);
    use.subscription = series.subscription;
    use.without_times = true;
    use.has_at = question->request->has_at;
    use.at_us = question->at_us;
    use.from_us = mtr_billing_period_start(series.subscription, at_us, &whole_end_us);
    rc = list_rows(question, &use);
    if (!rc) rc = open_use(question, &use, &series.use);
    if (!rc) rc = quote_series_price(&series, question->arena, question->findings, &parts, &count);
    if (rc) return rc;
    const bool with_trace = question->request->trace;
    if (count > 1) return mtr_price_write_parts_json(parts, count, with_trace, question->arena, json);
    mtr_price_write_json(parts[0].input, parts[0].price, with_trace, question->arena, json);
    return MTR_OK;
}

/* Each row says one of both. */
static int check_quantities(const struct quote_question *question)
{
    const struct quote_row *rows = question->request->usage.items;
    for (uint32_t i = 0; i < question->request->usage.count; i++) {
        if (rows[i].has_quantity != rows[i].has_reading) continue;
        const struct mtr_str none = {NULL, 0};
        if (!rows[i].has_reading)
            return quote_fail_row(question->findings, MTR_FINDING_FIELD_MISSING, &rows[i], "quantity",
                                  "is missing", none);
        return quote_fail_row(question->findings, MTR_FINDING_QUOTE_READING, &rows[i], "reading",
                              "stands beside a quantity: write one of them", none);
    }
    return MTR_OK;
}

static int check_dimensions(const struct quote_question *question)
{
    const struct quote_dimensions known = {question->phases, question->request->meters, question->catalog};
    const struct quote_row *rows = question->request->usage.items;
    const struct quote_row one = {.component = question->request->component,
                                  .dimensions = question->request->dimensions};
    char field[40];
    int rc = quote_check_dimensions(&known, &one, "dimensions", question->findings);
    for (uint32_t i = 0; !rc && i < question->request->usage.count; i++) {
        snprintf(field, sizeof(field), "usage[%u].dimensions", i);
        rc = quote_check_dimensions(&known, &rows[i], field, question->findings);
    }
    return rc;
}

static int read_question(struct quote_question *question)
{
    struct quote_request *request = question->request;
    struct quote_row *rows = request->usage.items;
    for (uint32_t i = 0; i < request->usage.count; i++) rows[i].place = i + 1;
    int rc = check_quantities(question);
    if (!rc) rc = question->whole ? quote_find_whole_phases(question) : quote_find_phases(question);
    if (!rc) rc = find_rates(question);
    if (!rc) rc = check_dimensions(question);
    if (rc) return rc;
    return quote_rows_expand(&question->phases, &request->usage, question->arena, question->findings);
}

/* A series: its rows have times, or it has a start and nothing that is used. */
static bool is_series(const struct quote_request *request)
{
    return has_times(request) || ((request->terms.start.size || !request->tariff) &&
                                  !request->usage.count && !request->has_quantity && !request->has_at);
}

static int price(struct quote_question *question, struct mtr_json_writer *json)
{
    return question->is_series ? price_series(question, json) : price_period(question, json);
}

/* One that is made up has a zone of its own. */
static int price_in_zone(struct quote_question *question, struct mtr_json_writer *json)
{
    struct quote_request *request = question->request;
    char meant[MTR_MEANT_BYTES];
    if (!request->zone.size) request->zone = MTR_STR("UTC");
    if (mtr_zone_open(request->zone, &question->zone)) {
        mtr_diagnostics_addf(question->findings, MTR_FINDING_CATALOG_ZONE_UNKNOWN, 0, 0, "zone",
                             "there is no time zone %.*s%s%s", MTR_STR_QUOTED(request->zone),
                             mtr_zone_meant(request->zone, meant));
        return MTR_EINVALID;
    }
    int rc = price(question, json);
    mtr_zone_close(question->zone);
    return rc;
}

static int answer(struct quote_question *question, struct mtr_json_writer *json)
{
    const struct quote_request *request = question->request;
    question->is_series = is_series(request);
    if (request->tariff && request->has_documents)
        return quote_fail(question->findings, MTR_FINDING_QUOTE_SUBSCRIPTION, request->documents, "documents",
                          "stand beside a tariff: their subscription has its own, so leave one of them out",
                          (struct mtr_str){NULL, 0});
    int rc = quote_check_members(question);
    if (!rc && !request->tariff) rc = quote_find_whole(question);
    if (!rc) rc = read_question(question);
    if (!rc) rc = question->whole ? price(question, json) : price_in_zone(question, json);
    mtr_catalog_release(question->sketch);
    return rc;
}

int mtr_price_request_run(struct mtr_str text, const struct mtr_price_asker *asker,
                          struct mtr_arena *arena, struct mtr_json_writer *json,
                          struct mtr_diagnostics *findings)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    struct quote_request request = {0};
    int rc = mtr_document_parse(text, &document, &broken);
    if (rc) mtr_diagnostics_add(findings, &broken);
    if (rc == MTR_ELIMIT) rc = MTR_EINVALID; /* which limit, and where, is a finding as others */
    if (!rc)
        rc = mtr_schema_decode(mtr_price_request_fields, mtr_document_root(document), arena, &request,
                               findings);
    struct quote_question question = {.request = &request,
                                .catalog = asker->catalog,
                                .lists_only = asker->catalog && asker->lists_only,
                                .at_us = request.has_at ? request.at_us : asker->now_us,
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
