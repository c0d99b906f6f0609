/*
 * GET /v1/usage: the query's parameters, and its rows as JSON, NDJSON or CSV.
 */
#include "daemon/api/api.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/csv.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "meterd/query/usage_query.h"

enum {
    DEFAULT_DAYS = 30,
    TABLE_BYTES_MAX = 8 << 20,  /* of rows that grow at the same time */
    ROWS_CHUNK_BYTES = 16 << 10,
    ROWS_BYTES_MAX = 512 << 20, /* one row may have to tell millions of members apart */
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

static void write_json_row(struct mtr_json_writer *json, const struct mtr_usage_query *query,
                           const struct mtr_usage_result_row *row)
{
    char time[MTR_TIME_TEXT_BYTES];
    mtr_json_map(json);
    if (row->subscription) {
        mtr_json_name(json, "subscription");
        mtr_json_text(json, row->subscription->key);
    }
    if (query->by_customer || query->by_subscription) {
        mtr_json_name(json, "customer");
        mtr_json_text(json, row->customer);
    }
    mtr_json_name(json, "vendor");
    mtr_json_text(json, row->service->vendor->key);
    mtr_json_name(json, "service");
    mtr_json_text(json, row->service->key);
    mtr_json_name(json, "meter");
    mtr_json_text(json, row->meter->key);
    mtr_json_name(json, "aggregation");
    mtr_json_cstr(json, mtr_aggregation_name(row->meter->aggregation));
    mtr_json_name(json, "unit");
    mtr_json_text(json, row->meter->unit);
    mtr_json_name(json, "dimensions");
    mtr_json_map(json);
    for (uint32_t i = 0; i < query->dimension_count; i++) {
        char name[MTR_PROPERTY_NAME_BYTES_MAX + 1];
        snprintf(name, sizeof(name), "%.*s", MTR_STR_ARGS(query->dimensions[i]));
        mtr_json_name(json, name);
        mtr_json_text(json, row->dimension_values[i]);
    }
    mtr_json_map_end(json);
    mtr_json_name(json, "start");
    mtr_time_format_offset(row->start_s * MTR_US_PER_SECOND, row->offset_s, time);
    mtr_json_cstr(json, time);
    mtr_json_name(json, "end");
    mtr_time_format_offset(row->end_s * MTR_US_PER_SECOND, row->offset_s, time);
    mtr_json_cstr(json, time);
    mtr_json_name(json, "quantity");
    mtr_json_quantity(json, row->quantity);
    mtr_json_name(json, "events");
    mtr_json_u64(json, row->events);
    mtr_json_map_end(json);
}

static int ndjson_row(struct mtr_buffer *out, const struct mtr_usage_query *query,
                      const struct mtr_usage_result_row *row)
{
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    write_json_row(&json, query, row);
    int rc = mtr_json_finish(&json);
    return rc ? rc : mtr_buffer_append_char(out, '\n');
}

static int csv_cells(struct mtr_buffer *out, const struct mtr_str *cells, size_t count)
{
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < count; i++) {
        if (i) rc = mtr_buffer_append_char(out, ',');
        if (!rc) rc = mtr_csv_write_cell(out, cells[i]);
    }
    return rc;
}

enum { FIXED_CELLS = 11, CELLS_MAX = FIXED_CELLS + MTR_USAGE_DIMENSIONS_MAX };

static int csv_row(struct mtr_buffer *out, const struct mtr_usage_query *query,
                   const struct mtr_usage_result_row *row)
{
    char start[MTR_TIME_TEXT_BYTES], end[MTR_TIME_TEXT_BYTES], quantity[MTR_DECIMAL_TEXT_BYTES], events[24];
    mtr_time_format_offset(row->start_s * MTR_US_PER_SECOND, row->offset_s, start);
    mtr_time_format_offset(row->end_s * MTR_US_PER_SECOND, row->offset_s, end);
    mtr_quantity_format(row->quantity, quantity);
    snprintf(events, sizeof(events), "%llu", (unsigned long long)row->events);
    struct mtr_str cells[CELLS_MAX] = {
        mtr_str_from(start),
        mtr_str_from(end),
        row->subscription ? row->subscription->key : (struct mtr_str){NULL, 0},
        row->customer,
        row->service->vendor->key,
        row->service->key,
        row->meter->key,
        mtr_str_from(mtr_aggregation_name(row->meter->aggregation)),
        row->meter->unit,
        mtr_str_from(quantity),
        mtr_str_from(events),
    };
    for (uint32_t i = 0; i < query->dimension_count; i++) cells[FIXED_CELLS + i] = row->dimension_values[i];
    int rc = csv_cells(out, cells, FIXED_CELLS + query->dimension_count);
    return rc ? rc : mtr_buffer_append(out, "\r\n", 2);
}

static int csv_head(struct mtr_buffer *out, const struct mtr_usage_query *query)
{
    struct mtr_str head[CELLS_MAX] = {MTR_STR("start"),    MTR_STR("end"),         MTR_STR("subscription"),
                                      MTR_STR("customer"), MTR_STR("vendor"),      MTR_STR("service"),
                                      MTR_STR("meter"),    MTR_STR("aggregation"), MTR_STR("unit"),
                                      MTR_STR("quantity"), MTR_STR("events")};
    memcpy(head + FIXED_CELLS, query->dimensions, query->dimension_count * sizeof(head[0]));
    int rc = csv_cells(out, head, FIXED_CELLS + query->dimension_count);
    return rc ? rc : mtr_buffer_append(out, "\r\n", 2);
}

enum { AS_JSON, AS_NDJSON, AS_CSV };

/* The rows of one step. */
static int write_rows(struct api_call *call, int as, const struct mtr_usage_query *query,
                      const struct mtr_usage_result *result, struct mtr_json_writer *json)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < result->row_count; i++) {
        if (as == AS_JSON) write_json_row(json, query, &result->rows[i]);
        else if (as == AS_NDJSON) rc = ndjson_row(&call->answer, query, &result->rows[i]);
        else rc = csv_row(&call->answer, query, &result->rows[i]);
        if (!rc && as != AS_JSON && call->answer.size >= API_PIECE_BYTES) rc = api_pack_answer(call);
    }
    return rc;
}

/* Step by step, in bounded memory but for the answer's text. */
static int write_steps(struct api_call *call, int as, const struct mtr_usage_query *query,
                       struct mtr_json_writer *json)
{
    struct mtr_usage_position position = {.is_begun = false};
    int rc = MTR_OK;
    while (!rc && !position.is_done) {
        struct mtr_usage_result result;
        struct mtr_rollups_txn *txn = NULL;
        struct mtr_arena rows;
        mtr_arena_init(&rows, ROWS_CHUNK_BYTES, ROWS_BYTES_MAX);
        rc = mtr_rollups_begin(call->host->rollups, false, &txn);
        if (!rc) rc = mtr_usage_query_next(query, txn, call->catalog, &position, &rows, &result);
        if (txn) mtr_rollups_abort(txn);
        if (!rc) rc = write_rows(call, as, query, &result, json);
        if (!rc) mtr_usage_move_behind(&position, &result, result.row_count);
        mtr_arena_release(&rows);
    }
    return rc;
}

static void answer(struct api_call *call, int as, const struct mtr_usage_query *query)
{
    struct mtr_json_writer json;
    int rc = MTR_OK;
    call->status = 200;
    if (as == AS_JSON) {
        api_json(call, &json);
        mtr_json_map(&json);
        mtr_json_name(&json, "rows");
        mtr_json_list(&json);
    } else {
        call->answer_type = as == AS_NDJSON ? "application/x-ndjson" : "text/csv; charset=utf-8";
        if (as == AS_CSV) rc = csv_head(&call->answer, query);
    }
    if (!rc) rc = write_steps(call, as, query, &json);
    if (rc == MTR_ELIMIT) {
        api_problem(call, 400, "more than %llu rows: ask for less time, a larger window or fewer groups",
                    (unsigned long long)query->rows_max);
    } else if (rc) {
        api_error(call, rc, "the usage cannot be added up");
    } else if (as == AS_JSON) {
        mtr_json_list_end(&json);
        mtr_json_map_end(&json);
        api_json_end(call, &json);
    }
}

void api_get_usage(struct api_call *call)
{
    struct mtr_usage_query query = {
        .subscription = api_text(call, "subscription"),
        .customer = api_text(call, "customer"),
        .meter = api_text(call, "meter"),
        .window = MTR_WINDOW_DAY,
        .rows_max = call->host->limits.rows_max,
        .table_bytes_max = TABLE_BYTES_MAX,
        .in_steps = true,
    };
    struct mtr_zone *zone = NULL;
    struct mtr_str window = api_text(call, "window"), zone_name = api_text(call, "zone");
    int as = api_negotiate(call);
    if (as < 0 || !read_times(call, &query) || !read_groups(call, &query) || !bind_vendor(call, &query) ||
        !check_names(call, &query))
        return;
    if (!api_u64(call, "limit", 1, query.rows_max, &query.rows_max)) return;
    if (window.size && !mtr_usage_window_from_name(window, &query.window)) {
        api_problem(call, 400, "window: hour, day, month or total, not '%.*s'", MTR_STR_ARGS(window));
        return;
    }
    if (zone_name.size && mtr_zone_open(zone_name, &zone)) {
        api_problem(call, 400, "zone: there is no time zone '%.*s'", MTR_STR_ARGS(zone_name));
        return;
    }
    query.zone = zone;
    answer(call, as, &query);
    mtr_zone_close(zone);
}
