/*
 * GET /v1/usage: the query's parameters, and its rows.
 *
 * A fill asks for the rows behind the last one that was written. Few rows are added up by any call at any
 * time; what needs more memory has its turn, and then makes as many rows as its table holds, which wait
 * packed (rows.h).
 */
#include "daemon/api/rows.h"

#include <string.h>

#include "meterd/core/time.h"
#include "meterd/query/usage_query.h"

enum {
    DEFAULT_DAYS = 30,
    TABLE_BYTES = 1 << 20,         /* of rows that grow at the same time, without a turn */
    TURN_TABLE_BYTES = 8 << 20,    /* and with it */
    RESULT_CHUNK_BYTES = 16 << 10,
    RESULT_BYTES_MAX = 512 << 20, /* one row may have to tell millions of members apart */
};

struct usage {
    struct mtr_usage_query query;
    struct mtr_usage_position position;
    struct mtr_zone *zone; /* that was asked for, or NULL */
};

static bool add_group(struct api_call *call, struct mtr_str name, struct mtr_usage_query *query)
{
    if (mtr_str_equal(name, MTR_STR("subscription"))) query->by_subscription = true;
    else if (mtr_str_equal(name, MTR_STR("customer"))) query->by_customer = true;
    else if (mtr_str_equal(name, MTR_STR("meter")) || mtr_str_equal(name, MTR_STR("service")) ||
             mtr_str_equal(name, MTR_STR("vendor")))
        return true;
    else if (query->dimension_count < MTR_USAGE_DIMENSIONS_MAX)
        query->dimensions[query->dimension_count++] = name;
    else {
        api_problem(call, 400, "group_by: at most %d dimensions", MTR_USAGE_DIMENSIONS_MAX);
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

static int64_t ceil_s(int64_t us)
{
    return us / MTR_US_PER_SECOND + (us % MTR_US_PER_SECOND > 0);
}

static bool read_times(struct api_call *call, struct mtr_usage_query *query)
{
    int64_t to_us = call->now_us, from_us = INT64_MIN;
    if (!api_time(call, "to", &to_us) || !api_time(call, "from", &from_us)) return false;
    if (from_us == INT64_MIN) from_us = to_us - DEFAULT_DAYS * MTR_US_PER_DAY;
    enum { DATE_BYTES = 10 }; /* 2026-03-01; a time is longer */
    query->from_is_date = api_text(call, "from").size == DATE_BYTES;
    query->to_is_date = api_text(call, "to").size == DATE_BYTES;
    query->from_s = ceil_s(from_us);
    query->to_s = ceil_s(to_us);
    if (query->from_s < query->to_s) return true;
    api_problem(call, 400, "from must be before to");
    return false;
}

/* A credential that is bound to a vendor sees only that vendor's usage. */
static bool bind_vendor(struct api_call *call, struct mtr_usage_query *query)
{
    const struct mtr_vendor *own = call->credential->vendor;
    query->vendor = api_text(call, "vendor");
    if (!own) return true;
    if (query->vendor.size && !mtr_str_equal(query->vendor, own->key)) {
        api_problem(call, 403, "this API key sees only the vendor '%.*s'", MTR_STR_ARGS(own->key));
        return false;
    }
    query->vendor = own->key;
    return true;
}

/* A key that names nothing is an error: an empty answer would look like no usage. */
static bool check_names(struct api_call *call, const struct mtr_usage_query *query)
{
    const struct mtr_vendor *own =
        call->credential->vendor; /* what belongs to another vendor is not there, for its key */
    const struct mtr_subscription *subscription =
        mtr_catalog_find_subscription(call->catalog, query->subscription);
    const struct mtr_meter *meter = mtr_catalog_find_meter(call->catalog, query->meter);
    if (query->subscription.size && (!subscription || (own && subscription->service->vendor != own)))
        api_problem(call, 404, "there is no subscription '%.*s'", MTR_STR_ARGS(query->subscription));
    else if (query->vendor.size && !mtr_catalog_find_vendor(call->catalog, query->vendor))
        api_problem(call, 404, "there is no vendor '%.*s'", MTR_STR_ARGS(query->vendor));
    else if (query->meter.size && (!meter || (own && meter->service->vendor != own)))
        api_problem(call, 404, "there is no meter '%.*s'", MTR_STR_ARGS(query->meter));
    else return true;
    return false;
}

/* ---- the row ---- */

struct usage_row {
    struct mtr_str subscription, customer, vendor, service, meter;
    const char *aggregation;
    struct mtr_str unit;
    struct mtr_list dimensions;
    struct mtr_local_time start, end;
    struct mtr_quantity quantity;
    uint64_t events;
};

static const char *aggregation_choice(unsigned index)
{
    return index < MTR_AGGREGATION_COUNT ? mtr_aggregation_name((enum mtr_aggregation)index) : NULL;
}

#define ROW(field) MTR_MEMBER(usage_row, field)
static const struct mtr_json_member members[] = {
    {ROW(subscription), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, .doc = "key, where rows are by it"},
    {ROW(customer), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK,
     .doc = "where rows are by customer or subscription"},
    {ROW(vendor), .type = MTR_MEMBER_TEXT, .doc = "key of the service's vendor"},
    {ROW(service), .type = MTR_MEMBER_TEXT, .doc = "key of the meter's service"},
    {ROW(meter), .type = MTR_MEMBER_TEXT, .doc = "key; meters are never added up"},
    {ROW(aggregation), .type = MTR_MEMBER_WORD, .choice = aggregation_choice, .doc = "of the meter"},
    {ROW(unit), .type = MTR_MEMBER_TEXT, .doc = "of the quantity, for people"},
    {ROW(dimensions), .type = MTR_MEMBER_LABELS,
     .doc = "those asked for; empty where the meter has none of that name"},
    {ROW(start), .type = MTR_MEMBER_LOCAL, .doc = "of the window, cut at `from`"},
    {ROW(end), .type = MTR_MEMBER_LOCAL, .doc = "exclusive, cut at `to`"},
    {ROW(quantity), .type = MTR_MEMBER_QUANTITY, .doc = "of all usage in the window"},
    {ROW(events), .type = MTR_MEMBER_U64, .doc = "that made it"},
    {0},
};
static const struct mtr_shape usage_shape = {.name = "UsageRow", .members = members};

static int write_row(struct api_rows *rows, const struct mtr_usage_query *query,
                     const struct mtr_usage_result_row *result)
{
    struct mtr_label labels[MTR_USAGE_DIMENSIONS_MAX];
    for (uint32_t i = 0; i < query->dimension_count; i++)
        labels[i] = (struct mtr_label){query->dimensions[i], result->dimension_values[i]};
    const struct usage_row row = {
        .subscription = result->subscription ? result->subscription->key : (struct mtr_str){NULL, 0},
        .customer = result->customer,
        .vendor = result->service->vendor->key,
        .service = result->service->key,
        .meter = result->meter->key,
        .aggregation = mtr_aggregation_name(result->meter->aggregation),
        .unit = result->meter->unit,
        .dimensions = {labels, query->dimension_count},
        .start = {result->start_s, result->offset_s},
        .end = {result->end_s, result->offset_s},
        .quantity = result->quantity,
        .events = result->events,
    };
    return api_row(rows, &row);
}

/* ---- the list ---- */

static bool read_window(struct api_call *call, struct usage *usage)
{
    const struct mtr_str window = api_text(call, "window"), zone = api_text(call, "zone");
    if (window.size && !mtr_usage_window_from_name(window, &usage->query.window)) {
        api_problem(call, 400, "window: hour, day, month or total, not '%.*s'", MTR_STR_ARGS(window));
        return false;
    }
    if (zone.size && mtr_zone_open(zone, &usage->zone)) {
        api_problem(call, 400, "zone: there is no time zone '%.*s'", MTR_STR_ARGS(zone));
        return false;
    }
    usage->query.zone = usage->zone;
    return true;
}

static const char failure[] = "the usage cannot be added up";

static bool begin(struct api_call *call)
{
    struct usage *usage = mtr_arena_calloc(&call->arena, 1, sizeof(*usage));
    if (!usage) {
        api_error(call, MTR_ENOMEM, failure);
        return false;
    }
    struct mtr_usage_query *query = &usage->query;
    call->state = usage;
    query->subscription = api_text(call, "subscription");
    query->customer = api_text(call, "customer");
    query->meter = api_text(call, "meter");
    query->window = MTR_WINDOW_DAY;
    query->rows_max = call->host->limits.rows_max;
    if (!read_times(call, query) || !read_groups(call, query) || !bind_vendor(call, query) ||
        !check_names(call, query) || !api_u64(call, "limit", 1, query->rows_max, &query->rows_max) ||
        !read_window(call, usage))
        return false;
    call->labels = query->dimensions;
    call->label_count = query->dimension_count;
    return true;
}

/* Rows of the result, as many as there is room for. */
static int write_rows(struct api_rows *rows, struct usage *usage, const struct mtr_usage_result *result)
{
    uint32_t taken = 0;
    int rc = MTR_OK;
    for (bool has_room = true; !rc && has_room && taken < result->row_count; taken++) {
        rc = write_row(rows, &usage->query, &result->rows[taken]);
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
    struct mtr_rollups_txn *txn = NULL;
    struct mtr_arena arena;
    query->in_steps = api_rows_have_turn(rows);
    query->table_bytes_max = query->in_steps ? TURN_TABLE_BYTES : TABLE_BYTES;
    mtr_arena_init(&arena, RESULT_CHUNK_BYTES, RESULT_BYTES_MAX);
    int rc = mtr_rollups_begin(call->host->rollups, false, &txn);
    if (!rc) rc = mtr_usage_query_next(query, txn, call->catalog, &usage->position, &arena, &result);
    if (txn) mtr_rollups_abort(txn);
    if (!rc) rc = write_rows(rows, usage, &result);
    mtr_arena_release(&arena);
    if (rc == MTR_EFULL && !query->in_steps) {
        api_rows_ask_turn(rows);
        return MTR_OK;
    }
    if (rc == MTR_ELIMIT)
        api_problem(call, 400, "more than %llu rows: ask for less time, a larger window or fewer groups",
                    (unsigned long long)query->rows_max);
    return rc;
}

static void end(struct api_call *call)
{
    struct usage *usage = call->state;
    mtr_zone_close(usage->zone);
}

const struct api_list api_usage_list = {
    .name = "Usage",
    .member = "rows",
    .row = &usage_shape,
    .columns = "start,end,subscription,customer,vendor,service,meter,aggregation,unit,quantity,events,dimensions.*",
    .is_whole = true,
    .failure = failure,
    .begin = begin,
    .fill = fill,
    .end = end,
};
