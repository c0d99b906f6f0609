/*
 * GET /v1/usage: the query's parameters, and its rows.
 *
 * A fill asks for the rows behind the last one that was written. Few rows are added up by any call at any
 * time; what needs more memory has its turn, and then makes as many rows as its table holds, which wait
 * packed (rows.h).
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"

#include <string.h>

#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "meterd/query/usage_query.h"

enum {
    DEFAULT_DAYS = 30,
    TABLE_BYTES = 1 << 20,      /* of rows that grow at the same time, without a turn */
    TURN_TABLE_BYTES = 8 << 20, /* and with it */
    RESULT_CHUNK_BYTES = 16 << 10,
    RESULT_BYTES_MAX = 512 << 20, /* one row may have to tell millions of members apart */
};

static bool has_dimension(const struct mtr_usage_query *query, struct mtr_str name)
{
    for (uint32_t i = 0; i < query->dimension_count; i++)
        if (mtr_str_equal(query->dimensions[i], name)) return true;
    return false;
}

static bool add_group(struct api_call *call, struct mtr_str name, struct mtr_usage_query *query)
{
    if (mtr_str_equal(name, MTR_STR("subscription"))) query->by_subscription = true;
    else if (mtr_str_equal(name, MTR_STR("customer"))) query->by_customer = true;
    else if (mtr_str_equal(name, MTR_STR("meter")) || mtr_str_equal(name, MTR_STR("service")) ||
             mtr_str_equal(name, MTR_STR("vendor")))
        return true;
    else if (has_dimension(query, name)) return true; /* twice is once */
    else if (query->dimension_count < MTR_USAGE_DIMENSIONS_MAX)
        query->dimensions[query->dimension_count++] = name;
    else {
        api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_VALUE, "group_by: at most %d dimensions",
                    MTR_USAGE_DIMENSIONS_MAX);
        return false;
    }
    return true;
}

static bool read_groups(struct api_call *call, struct mtr_usage_query *query)
{
    bool given = false;
    for (uint32_t i = 0; i < call->query.count; i++) {
        const struct mtr_query_parameter *parameter = &call->query.parameters[i];
        struct mtr_str rest = parameter->value;
        if (!mtr_str_equal(parameter->name, MTR_STR("group_by"))) continue;
        given = true;
        while (rest.size) { /* group_by=a,b or group_by=a&group_by=b */
            const char *comma = memchr(rest.data, ',', rest.size);
            struct mtr_str name = {rest.data, comma ? (size_t)(comma - rest.data) : rest.size};
            if (name.size && !add_group(call, name, query)) return false;
            size_t used = name.size + (comma != NULL);
            rest = (struct mtr_str){rest.data + used, rest.size - used};
        }
    }
    if (!given) query->by_subscription = true;
    return true;
}

static bool read_times(struct api_call *call, struct mtr_usage_query *query)
{
    const int64_t now_s = call->now_us / MTR_US_PER_SECOND + 1; /* people read it */
    enum { DATE_BYTES = 10 }; /* 2026-03-01; a time is longer */
    query->from_is_date = api_text(call, "from").size == DATE_BYTES;
    query->to_is_date = api_text(call, "to").size == DATE_BYTES;
    query->from_is_given = api_text(call, "from").size > 0;
    query->to_is_given = api_text(call, "to").size > 0;
    query->to_us = api_time_us(call, "to", now_s * MTR_US_PER_SECOND);
    query->from_us = api_time_us(call, "from", query->to_us - DEFAULT_DAYS * MTR_US_PER_DAY);
    if (query->from_us < query->to_us) return true;
    api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_VALUE, "from must be before to");
    return false;
}

/* A credential that is bound to a vendor sees only that vendor's usage. */
static bool bind_vendor(struct api_call *call, struct mtr_usage_query *query)
{
    const struct mtr_vendor *own = call->credential->vendor;
    query->vendor = api_text(call, "vendor");
    if (!own) return true;
    if (query->vendor.size && !mtr_str_equal(query->vendor, own->key)) {
        api_problem(call, 403, MTR_FINDING_REQUEST_FORBIDDEN, "this API key sees only the vendor '%.*s'",
                    MTR_STR_ARGS(own->key));
        return false;
    }
    query->vendor = own->key;
    return true;
}

/* Does the query look at the meter? Vendor and meter are of its keys. */
static bool looks_at(const struct mtr_usage_query *query, const struct mtr_meter *meter)
{
    return meter && (!query->meter.size || mtr_meter_has_name(meter, query->meter)) &&
           (!query->vendor.size || mtr_str_equal(meter->service->vendor->key, query->vendor));
}

struct groups {
    const struct mtr_catalog *catalog;
    const struct mtr_usage_query *query;
};

/* All that rows may be grouped by: what every row has, then MTR_METER_GROUP_BY_MAX places for each meter. */
static struct mtr_str group_at(const void *context, unsigned i)
{
    static const char *const of_all[] = {"subscription", "customer", "vendor", "service", "meter"};
    enum { OF_ALL = sizeof(of_all) / sizeof(of_all[0]) };
    const struct groups *groups = context;
    if (i < OF_ALL) return mtr_str_from(of_all[i]);
    const uint32_t number = (i - OF_ALL) / MTR_METER_GROUP_BY_MAX + 1,
                   at = (i - OF_ALL) % MTR_METER_GROUP_BY_MAX;
    if (number > mtr_catalog_count(groups->catalog, MTR_KIND_METER)) return (struct mtr_str){NULL, 0};
    const struct mtr_meter *meter = mtr_catalog_meter(groups->catalog, number);
    return looks_at(groups->query, meter) && at < meter->group_by_count ? meter->group_by[at] : MTR_STR("");
}

/* Rows of a dimension that no meter has would all be of no value. */
static bool check_dimensions(struct api_call *call, const struct mtr_usage_query *query)
{
    const struct groups groups = {call->catalog, query};
    for (uint32_t i = 0; i < query->dimension_count; i++) {
        const struct mtr_str name = query->dimensions[i];
        struct mtr_str known;
        char meant[MTR_MEANT_BYTES];
        unsigned at = 0;
        while ((known = group_at(&groups, at)).data && !mtr_str_equal(known, name))
            at++;
        if (known.data) continue;
        api_problem(call, 400, MTR_FINDING_QUERY_DIMENSION_UNKNOWN,
                    "group_by: no meter has the dimension '%.*s%s'%s", MTR_STR_QUOTED(name),
                    mtr_str_meant(name, group_at, &groups, meant));
        return false;
    }
    return true;
}

/* A short name of several meters would add up what is not the same; a subscription has one of them. */
static bool check_meter(struct api_call *call, const struct mtr_usage_query *query)
{
    char which[MTR_WHICH_OF_TEXT_BYTES];
    uint32_t count = 0;
    for (uint32_t i = 1; query->meter.size && i <= mtr_catalog_count(call->catalog, MTR_KIND_METER); i++)
        count += looks_at(query, mtr_catalog_meter(call->catalog, i));
    if (!query->meter.size || count == 1 || (count > 1 && query->subscription.size)) return true;
    if (count == 0) api_unknown(call, MTR_KIND_METER, query->meter);
    else if (call->credential->vendor ||
             !mtr_catalog_which_of(call->catalog, MTR_KIND_METER, query->meter, which))
        api_problem(call, 400, MTR_FINDING_REQUEST_AMBIGUOUS,
                    "several services have a meter '%.*s': name it SERVICE/KEY", MTR_STR_ARGS(query->meter));
    else api_problem(call, 400, MTR_FINDING_REQUEST_AMBIGUOUS, "%s?", which);
    return false;
}

/* A key that names nothing is an error: an empty answer would look like no usage. */
static bool check_names(struct api_call *call, const struct mtr_usage_query *query)
{
    const struct mtr_vendor *own =
        call->credential->vendor; /* what belongs to another vendor is not there, for its key */
    const struct mtr_subscription *subscription =
        mtr_catalog_find_subscription(call->catalog, query->subscription);
    if (query->subscription.size && (!subscription || (own && subscription->service->vendor != own)))
        api_unknown(call, MTR_KIND_SUBSCRIPTION, query->subscription);
    else if (query->vendor.size && !mtr_catalog_find_vendor(call->catalog, query->vendor))
        api_unknown(call, MTR_KIND_VENDOR, query->vendor);
    else
        return check_meter(call, query) && check_dimensions(call, query);
    return false;
}

/* ---- rows ---- */

struct usage {
    struct mtr_usage_query query;
    struct mtr_usage_position position;
    struct mtr_zone *zone; /* that was asked for, or NULL */
};

struct usage_row {
    struct mtr_str subscription;
    bool has_customer;
    struct mtr_str customer, vendor, service, meter;
    const char *aggregation;
    struct mtr_str unit;
    struct mtr_list dimensions;
    struct mtr_local_time start, end;
    bool has_quantity;
    struct mtr_quantity quantity;
    uint64_t events;
    struct mtr_str problem;
    bool has_resets, has_gaps;
    uint64_t resets, gaps;
};

static const char *aggregation_choice(unsigned index)
{
    return index < MTR_AGGREGATION_COUNT ? mtr_aggregation_name((enum mtr_aggregation)index) : NULL;
}

#define ROW(field) MTR_MEMBER(usage_row, field)
static const struct mtr_json_member members[] = {
    {ROW(subscription), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK,
     .doc = "key, where it is grouped by it"},
    {ROW(customer), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(usage_row, has_customer),
     .doc = "where it is grouped by customer or subscription"},
    {ROW(vendor), .type = MTR_MEMBER_TEXT, .doc = "key of who sells it"},
    {ROW(service), .type = MTR_MEMBER_TEXT, .doc = "key of what is sold"},
    {ROW(meter), .type = MTR_MEMBER_TEXT, .doc = "key"},
    {ROW(aggregation), .type = MTR_MEMBER_WORD, .choice = aggregation_choice,
     .doc = "how the meter's events become one quantity"},
    {ROW(unit), .type = MTR_MEMBER_TEXT, .doc = "of the quantity"},
    {ROW(dimensions), .type = MTR_MEMBER_LABELS, .doc = "those that it is grouped by"},
    {ROW(start), .type = MTR_MEMBER_LOCAL, .doc = "of the window, in the zone"},
    {ROW(end), .type = MTR_MEMBER_LOCAL, .doc = "exclusive"},
    {ROW(quantity), .type = MTR_MEMBER_QUANTITY, .presence = MTR_MAY_BE_NULL,
     MTR_PRESENT(usage_row, has_quantity), .doc = "what was used; null: `problem` says why"},
    {ROW(events), .type = MTR_MEMBER_U64, .doc = "how many count"},
    {ROW(problem), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK,
     .doc = "why there is no quantity: it is out of range"},
    {ROW(resets), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK, MTR_PRESENT(usage_row, has_resets),
     .doc = "of a counter: readings below the one before it"},
    {ROW(gaps), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK, MTR_PRESENT(usage_row, has_gaps),
     .doc = "of a counter: readings that come longer after the one before than the meter's `gap`"},
    {0},
};
static const struct mtr_shape row_shape = {.name = "UsageRow", .members = members};

static int write_row(struct api_rows *rows, const struct usage *usage,
                     const struct mtr_usage_result_row *from)
{
    const struct mtr_usage_query *query = &usage->query;
    struct mtr_label labels[MTR_USAGE_DIMENSIONS_MAX];
    for (uint32_t i = 0; i < query->dimension_count; i++)
        labels[i] = (struct mtr_label){query->dimensions[i], from->dimension_values[i]};
    struct usage_row row = {
        .has_customer = query->by_customer || query->by_subscription,
        .customer = from->customer,
        .vendor = from->service->vendor->key,
        .service = from->service->key,
        .meter = from->meter->key,
        .aggregation = mtr_aggregation_name(from->meter->aggregation),
        .unit = from->meter->unit,
        .dimensions = {labels, query->dimension_count},
        .start = {from->start_us, from->offset_s},
        .end = {from->end_us, from->offset_s},
        .has_quantity = !from->is_out_of_range,
        .quantity = from->quantity,
        .events = from->events,
        .has_resets = from->resets > 0,
        .has_gaps = from->gaps > 0,
        .resets = from->resets,
        .gaps = from->gaps,
    };
    if (from->is_out_of_range)
        row.problem = MTR_STR("the quantity is out of range: more than " MTR_QUANTITY_MAX_TEXT);
    if (from->subscription) row.subscription = from->subscription->key;
    return api_row(rows, &row);
}

/* Rows of the result, as many as there is room for. */
static int write_rows(struct api_rows *rows, struct usage *usage, const struct mtr_usage_result *result)
{
    uint32_t taken = 0;
    int rc = MTR_OK;
    for (bool has_room = true; !rc && has_room && taken < result->row_count; taken++) {
        rc = write_row(rows, usage, &result->rows[taken]);
        has_room = !rc && (!api_rows_full(rows) || api_rows_make_room(rows));
    }
    if (rc) return rc;
    mtr_usage_move_behind(&usage->position, result, taken);
    if (usage->position.is_done) api_rows_end(rows, 0, false);
    return MTR_OK;
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct usage *usage = call->state;
    struct mtr_usage_query *query = &usage->query;
    struct mtr_usage_result result;
    struct mtr_usage_sources sources = {.catalog = call->catalog};
    struct mtr_arena arena;
    query->in_steps = api_rows_have_turn(rows);
    query->table_bytes_max = query->in_steps ? TURN_TABLE_BYTES : TABLE_BYTES;
    mtr_arena_init(&arena, RESULT_CHUNK_BYTES, RESULT_BYTES_MAX);
    result.refusal.text[0] = '\0';
    int rc = mtr_log_reader_attach(call->host->log, &sources.reader);
    if (!rc) rc = mtr_rollups_begin(call->host->rollups, false, &sources.txn);
    if (!rc) rc = mtr_usage_query_next(query, &sources, &usage->position, &arena, &result);
    if (sources.txn) mtr_rollups_abort(sources.txn);
    mtr_log_reader_close(sources.reader);
    if (!rc) rc = write_rows(rows, usage, &result);
    mtr_arena_release(&arena);
    if (rc == MTR_EFULL && !query->in_steps) {
        api_rows_ask_turn(rows);
        return MTR_OK;
    }
    if (result.refusal.text[0])
        api_problem(call, rc == MTR_EAGAIN ? 503 : 400, result.refusal.code, "%s", result.refusal.text);
    else if (rc == MTR_ELIMIT)
        api_problem(call, 400, MTR_FINDING_QUERY_LIMIT,
                    "more than %llu rows: ask for less time, a larger window or fewer groups",
                    (unsigned long long)query->rows_max);
    return rc;
}

/* ---- the query ---- */

static bool read_limit(struct api_call *call, struct mtr_usage_query *query)
{
    const uint64_t rows_max = call->host->query_limits(call->host->context).rows_max;
    const uint64_t limit = api_u64(call, "limit");
    query->rows_max = limit ? limit : rows_max;
    if (limit <= rows_max) return true;
    api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_VALUE,
                "limit: '%llu' is not a whole number from 1 to %llu", (unsigned long long)limit,
                (unsigned long long)rows_max);
    return false;
}

static bool read_zone(struct api_call *call, struct usage *usage)
{
    const struct mtr_str name = api_text(call, "zone");
    char meant[MTR_MEANT_BYTES];
    if (name.size && mtr_zone_open(name, &usage->zone)) {
        api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_VALUE, "zone: there is no time zone '%.*s%s'%s",
                    MTR_STR_QUOTED(name), mtr_zone_meant(name, meant));
        return false;
    }
    usage->query.zone = usage->zone;
    return true;
}

static bool read_query(struct api_call *call, struct usage *usage)
{
    struct mtr_usage_query *query = &usage->query;
    const struct mtr_str window = api_text(call, "window");
    *query = (struct mtr_usage_query){
        .subscription = api_text(call, "subscription"),
        .meter = api_text(call, "meter"),
        .window = MTR_WINDOW_DAY,
    };
    MTR_ASSERT(!window.size || mtr_usage_window_from_name(window, &query->window));
    return read_times(call, query) && read_groups(call, query) && bind_vendor(call, query) &&
           api_customer(call, "customer", &query->customer) && check_names(call, query) &&
           read_limit(call, query) && read_zone(call, usage);
}

static void end(struct api_call *call)
{
    struct usage *usage = call->state;
    mtr_zone_close(usage->zone);
}

static bool begin(struct api_call *call)
{
    struct usage *usage = api_allocate(call, sizeof(*usage));
    if (!usage || !read_query(call, usage)) return false;
    call->state = usage;
    call->labels = usage->query.dimensions;
    call->label_count = usage->query.dimension_count;
    return true;
}

static const struct api_parameter parameters[] = {
    {"subscription", API_TEXT, .doc = "only this subscription (key)"},
    {"customer", API_TEXT, .doc = "only this customer"},
    {"vendor", API_TEXT, .doc = "only this vendor (key); a key bound to a vendor sees only its own"},
    {"meter", API_TEXT, .doc = "only this meter: its key, or SERVICE/KEY where several have it"},
    {"from", API_TIME,
     .doc = "first instant: an RFC 3339 time, or a date (its midnight in the zone); default: 30 days before "
            "`to`. Where it is given, its hour is cut there"},
    {"to", API_TIME,
     .doc = "end, exclusive: an RFC 3339 time or a date; default: now. Where it is given, its hour is cut "
            "there"},
    {"window", API_CHOICE, .choices = "hour|day|month|total", .default_text = "day",
     .doc = "length of a row"},
    {"zone", API_TEXT, .doc = "days and months of this IANA zone; default: each subscription's own"},
    {"group_by", API_TEXT, .repeatable = true,
     .doc = "subscription, customer, vendor, service, meter or a dimension; default: subscription and meter"},
    {"limit", API_INTEGER, .min = 1, .max = UINT64_MAX,
     .doc = "rows at most; default and maximum are the daemon's query.rows_max"},
    {0},
};

static const struct api_list list = {
    .name = "Usage",
    .member = "rows",
    .row = &row_shape,
    .columns =
        "start,end,subscription,customer,vendor,service,meter,aggregation,unit,quantity,events,problem,"
        "resets,gaps,dimensions.*",
    .pages = API_WHOLE,
    .failure = "the usage cannot be added up",
    .begin = begin,
    .fill = fill,
    .end = end,
};

const struct api_route api_get_usage = {
    .method = MTR_HTTP_GET,
    .path = "/v1/usage",
    .scope = MTR_SCOPE_QUERY,
    .operation = "getUsage",
    .summary = "Usage by subscription, meter, time and dimensions",
    .parameters = parameters,
    .list = &list,
    .handle = api_answer_rows,
};
