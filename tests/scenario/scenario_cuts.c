/*
 * Law: a usage query that is cut at any microsecond, at both sides, tells what it told whole; and so do windows of a zone whose hours begin
 * elsewhere. Whatever the run did to the events (voids, holds, late meters, moved terms) is in what is counted again.
 */
#include "scenario/scenario.h"

#include <inttypes.h>

#include "meterd/query/usage_query.h"

enum { ROWS_MAX = 4096, CUTS = 4, ARENA_CHUNK_BYTES = 1 << 16, ARENA_BYTES_MAX = 1 << 28 };

struct told_row {
    const struct mtr_subscription *subscription;
    const struct mtr_meter *meter;
    struct mtr_quantity quantity;
    uint64_t events;
};

/* Rows of several answers, put together. */
struct told {
    struct told_row rows[ROWS_MAX];
    uint32_t count;
};

/* Does the quantity of a time add up of those of its parts, to the last digit? A level is divided anew in each. */
static bool adds_up(const struct mtr_meter *meter)
{
    return meter->aggregation == MTR_SUM || meter->aggregation == MTR_COUNT || meter->aggregation == MTR_COUNTER_INCREASE;
}

static bool is_compared(const struct mtr_meter *meter)
{
    return adds_up(meter) || meter->aggregation == MTR_MIN || meter->aggregation == MTR_MAX;
}

static void put_together(struct scenario *scenario, struct told *told, const struct mtr_usage_result_row *row)
{
    uint32_t i = 0;
    while (i < told->count && (told->rows[i].subscription != row->subscription || told->rows[i].meter != row->meter)) i++;
    CHECK(scenario, i < ROWS_MAX, "too many rows");
    struct told_row *known = &told->rows[i];
    if (i == told->count) {
        told->rows[told->count++] = (struct told_row){row->subscription, row->meter, row->quantity, row->events};
        return;
    }
    const int order = mtr_quantity_compare(row->quantity, known->quantity);
    known->events += row->events;
    if (adds_up(row->meter)) CHECK_OK(scenario, mtr_quantity_add(known->quantity, row->quantity, &known->quantity));
    else if (row->meter->aggregation == MTR_MIN ? order < 0 : order > 0) known->quantity = row->quantity;
}

static void ask(struct scenario *scenario, const struct mtr_usage_query *query, struct told *told)
{
    struct stores *stores = &scenario->stores;
    const struct mtr_usage_position position = {.is_begun = false};
    struct mtr_usage_sources sources = {.catalog = stores->catalog, .reader = stores->reader};
    struct mtr_usage_result result;
    struct mtr_arena arena;
    mtr_arena_init(&arena, ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
    CHECK_OK(scenario, mtr_rollups_begin(stores->rollups, false, &sources.txn));
    const int rc = mtr_usage_query_next(query, &sources, &position, &arena, &result);
    CHECK(scenario, rc == 0 && result.is_last, "%s: %s", mtr_error_name(rc), result.refusal.text);
    mtr_rollups_abort(sources.txn);
    for (uint32_t i = 0; i < result.row_count; i++)
        if (is_compared(result.rows[i].meter) && !result.rows[i].is_out_of_range) put_together(scenario, told, &result.rows[i]);
    mtr_arena_release(&arena);
}

static void compare(struct scenario *scenario, const struct told *whole, const struct told *parts, int64_t cut_us)
{
    for (uint32_t i = 0; i < whole->count; i++) {
        const struct told_row *row = &whole->rows[i], *other = NULL;
        for (uint32_t k = 0; k < parts->count; k++)
            if (parts->rows[k].subscription == row->subscription && parts->rows[k].meter == row->meter) other = &parts->rows[k];
        CHECK(scenario, other && mtr_quantity_compare(other->quantity, row->quantity) == 0, "%.*s of %.*s, cut at %" PRId64,
              MTR_STR_ARGS(row->meter->key), MTR_STR_ARGS(row->subscription->key), cut_us);
        CHECK(scenario, row->meter->spread_over.size || other->events == row->events, "events of %.*s of %.*s, cut at %" PRId64,
              MTR_STR_ARGS(row->meter->key), MTR_STR_ARGS(row->subscription->key), cut_us);
    }
    CHECK(scenario, parts->count == whole->count, "rows of nothing");
}

/* At an event's own time, or a microsecond behind it: it is on one side or the other. */
static int64_t any_cut(struct scenario *scenario)
{
    const uint64_t last_seq = mtr_log_last_seq(scenario->stores.log);
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    const uint64_t seq = 1 + scenario_below(scenario, (uint32_t)last_seq);
    CHECK_OK(scenario, mtr_log_read(scenario->stores.reader, seq, &header, &events, &diagnostic));
    const int64_t time_us = events[seq - header.first_seq].time_us + scenario_below(scenario, 2);
    return time_us < scenario->begin_us ? scenario->begin_us : time_us;
}

void scenario_check_cuts(struct scenario *scenario)
{
    static struct told whole, parts;
    const int64_t begin_us = scenario->begin_us - 400 * MTR_US_PER_DAY, end_us = scenario->now_us + 400 * MTR_US_PER_DAY;
    struct mtr_usage_query query = {.window = MTR_WINDOW_TOTAL, .by_subscription = true, .rows_max = 1 << 20, .table_bytes_max = 1 << 26,
                                    .in_steps = true, .from_us = begin_us, .to_us = end_us};
    struct mtr_zone *nepal;
    if (!mtr_log_last_seq(scenario->stores.log)) return;
    whole.count = 0;
    ask(scenario, &query, &whole);
    for (int i = 0; i < CUTS; i++) {
        const int64_t cut_us = any_cut(scenario);
        parts.count = 0;
        query.to_us = cut_us;
        query.to_is_given = true;
        ask(scenario, &query, &parts);
        query.to_us = end_us;
        query.to_is_given = false;
        query.from_us = cut_us;
        query.from_is_given = true;
        ask(scenario, &query, &parts);
        query.from_us = begin_us;
        query.from_is_given = false;
        compare(scenario, &whole, &parts, cut_us);
    }
    CHECK_OK(scenario, mtr_zone_open(MTR_STR("Asia/Kathmandu"), &nepal));
    parts.count = 0;
    query.window = MTR_WINDOW_HOUR;
    query.zone = nepal;
    ask(scenario, &query, &parts);
    compare(scenario, &whole, &parts, 0);
    mtr_zone_close(nepal);
}
