/*
 * Usage in steps: whatever memory a step has, the rows are those that one step with memory for all of them gives, in the same order, each
 * once; and a query of more rows than it may have is refused before its first row.
 */
#include "meterd/query/usage_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/rating_use.h"

enum { CELLS = 500, ROW_BYTES = 200, ROWS_MAX = 20000, AMPLE_BYTES = 1 << 28 };
static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

#define CATALOG                                                                                             \
    "vendors: [{key: acme}]\n"                                                                              \
    "services: [{key: compute, vendor: acme}]\n"                                                            \
    "meters:\n"                                                                                             \
    "  - {key: calls, service: compute, event_type: call, aggregation: count, group_by: [region, host]}\n"  \
    "  - {key: bytes, service: compute, event_type: call, value: n, group_by: [host]}\n"                    \
    "  - {key: peak, service: compute, event_type: call, value: n, aggregation: max, group_by: [region]}\n" \
    "  - {key: users, service: compute, event_type: call, value: u, aggregation: unique, group_by: [region]}\n" \
    "  - {key: gib, service: compute, event_type: level, value: n, aggregation: time_weighted, group_by: [host]}\n" \
    "  - {key: rank, service: compute, event_type: call, value: n, aggregation: percentile, window: 1h, group_by: [host]}\n" \
    "tariffs:\n"                                                                                            \
    "  - {key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: '1'}]}]}\n" \
    "subscriptions:\n"                                                                                      \
    "  - {key: s1, service: compute, customer: c1, tariff: t, zone: UTC, start: 2026-01-01}\n"              \
    "  - {key: s2, service: compute, customer: c2, tariff: t, zone: Asia/Kolkata, start: 2026-01-01}\n"     \
    "  - {key: s3, service: compute, customer: c1, tariff: t, zone: America/New_York, start: 2026-01-01}\n"

static uint32_t next_random(uint64_t *random, uint32_t below)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*random >> 33) % below;
}

/* Random cells of every kind of meter, in one transaction. */
static void put_cells(struct rating_world *stage)
{
    static const char *const meters[] = {"calls", "bytes", "peak", "users", "rank"}, *const subscriptions[] = {"s1", "s2", "s3"};
    struct mtr_rollups_txn *txn;
    uint64_t random = 7;
    assert_int_equal(mtr_rollups_begin(stage->rollups, true, &txn), 0);
    for (int i = 0; i < CELLS; i++) {
        const struct mtr_subscription *subscription =
            mtr_catalog_find_subscription(stage->catalog, mtr_str_from(subscriptions[next_random(&random, 3)]));
        const struct mtr_meter *meter = mtr_catalog_find_meter(stage->catalog, mtr_str_from(meters[next_random(&random, 5)]));
        char dimensions[64] = "";
        for (uint32_t j = 0, size = 0; j < meter->group_by_count; j++)
            size += (uint32_t)snprintf(dimensions + size, sizeof(dimensions) - size, "v%u\x1F", next_random(&random, 40));
        const int64_t start_us = JANUARY_US + (int64_t)next_random(&random, 5 * 24) * HOUR_US + DAY_US + (subscription->number == 2 ? HOUR_US / 2 : 0);
        const struct mtr_cell_key key = {subscription->number, meter->number, start_us, mtr_str_from(dimensions)};
        struct mtr_cell cell = {.count = 1 + next_random(&random, 5), .value = {INT64_C(1000000000000) * next_random(&random, 1000)}};
        cell.seq_first = cell.seq_last = ++stage->seq;
        cell.change = ++stage->change;
        assert_int_equal(mtr_rollups_put_cell(txn, &key, &cell), 0);
        for (uint32_t j = 0; meter->aggregation == MTR_UNIQUE && j < 4; j++) {
            char member[16];
            uint64_t count;
            snprintf(member, sizeof(member), "u%u", next_random(&random, 30));
            assert_int_equal(mtr_rollups_add_member(txn, &key, mtr_str_from(member), 1, &count), 0);
        }
    }
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

static void open_world(struct rating_world *stage)
{
    rating_open(stage, JANUARY_US);
    rating_apply(stage, CATALOG);
    put_cells(stage);
    for (int i = 0; i < 12; i++) {
        char host[16];
        snprintf(host, sizeof(host), "v%d|", i % 8);
        rating_use(stage, i % 2 ? "s1" : "s3", "gib", JANUARY_US + DAY_US + i * 7 * HOUR_US, host, "3");
    }
    rating_advance_to(stage, JANUARY_US + 6 * DAY_US);
}

static void write_row(const struct mtr_usage_result_row *row, char text[ROW_BYTES])
{
    char quantity[MTR_DECIMAL_TEXT_BYTES];
    if (row->is_out_of_range) snprintf(quantity, sizeof(quantity), "out of range");
    else mtr_quantity_format(row->quantity, quantity);
    snprintf(text, ROW_BYTES, "%lld %lld %u %.*s %.*s %.*s %.*s %s %llu", (long long)row->start_us, (long long)row->end_us,
             row->subscription ? row->subscription->number : 0, MTR_STR_ARGS(row->customer), MTR_STR_ARGS(row->meter->key),
             MTR_STR_ARGS(row->dimension_values[0]), MTR_STR_ARGS(row->dimension_values[1]), quantity, (unsigned long long)row->events);
}

/* All rows, and in how many steps. */
static uint32_t run(struct rating_world *stage, const struct mtr_usage_query *query, char (*rows)[ROW_BYTES], uint32_t *steps)
{
    struct mtr_usage_position position = {.is_begun = false};
    uint32_t count = 0;
    for (*steps = 0; !position.is_done; ++*steps) {
        struct mtr_arena arena;
        struct mtr_rollups_txn *txn;
        struct mtr_usage_result result;
        mtr_arena_init(&arena, 1 << 10, 1 << 28);
        assert_int_equal(mtr_rollups_begin(stage->rollups, false, &txn), 0);
        const struct mtr_usage_sources sources = {.txn = txn, .catalog = stage->catalog};
        assert_int_equal(mtr_usage_query_next(query, &sources, &position, &arena, &result), 0);
        mtr_rollups_abort(txn); /* the rows do not need it */
        /* Not always all of them. */
        const uint32_t taken = result.row_count > 3 && *steps % 3 == 2 ? result.row_count / 2 : result.row_count;
        for (uint32_t i = 0; i < taken; i++, count++) {
            assert_true(count < ROWS_MAX);
            write_row(&result.rows[i], rows[count]);
        }
        mtr_usage_move_behind(&position, &result, taken);
        mtr_arena_release(&arena);
    }
    return count;
}

static void steps_give_the_rows_of_one(void **state)
{
    static char whole[ROWS_MAX][ROW_BYTES], parts[ROWS_MAX][ROW_BYTES];
    static const char *const groupings[][3] = {{NULL}, {"host"}, {"region", "host"}, {"host", "region"}, {"nowhere"}};
    static const size_t bounds[] = {1, 20 << 10, 100 << 10};
    struct rating_world stage;
    uint32_t in_steps = 0;
    (void)state;
    open_world(&stage);
    for (int kind = 0; kind < 4 * 4 * 5; kind++) {
        struct mtr_usage_query query = {.from_us = JANUARY_US + 30 * HOUR_US, .to_us = JANUARY_US + 5 * DAY_US + HOUR_US / 2, .rows_max = ROWS_MAX};
        query.window = (enum mtr_usage_window)(kind % 4);
        query.by_subscription = kind / 4 % 2;
        query.by_customer = kind / 8 % 2;
        for (const char *const *name = groupings[kind / 16]; *name; name++) query.dimensions[query.dimension_count++] = mtr_str_from(*name);
        uint32_t steps;
        query.table_bytes_max = AMPLE_BYTES;
        const uint32_t count = run(&stage, &query, whole, &steps);
        assert_int_equal(steps, 1);
        query.in_steps = true;
        for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
            query.table_bytes_max = bounds[i];
            if (count > bounds[i] / 16 + 200) continue; /* steps of very few rows: enough of them with short answers */
            assert_int_equal(run(&stage, &query, parts, &steps), count);
            for (uint32_t row = 0; row < count; row++) assert_string_equal(parts[row], whole[row]);
            in_steps += steps > 1;
        }
    }
    assert_true(in_steps > 20);
    rating_close(&stage);
}

/* Hours of one subscription and meter that add up out of range are one row's problem: other rows have their quantities, and sums that only
 * leave the range on their way are exact. */
static void a_row_out_of_range_answers_for_itself(void **state)
{
    static const struct {
        const char *subscription, *host;
        int64_t start_us;
        mtr_int128 value;
    } cells[] = {
        {"s1", "a", JANUARY_US, (mtr_int128)1 << 126},
        {"s1", "a", JANUARY_US + HOUR_US, (mtr_int128)1 << 126},
        {"s1", "b", JANUARY_US, ((mtr_int128)1 << 126) - 1 + ((mtr_int128)1 << 126)},
        {"s1", "b", JANUARY_US + HOUR_US, 2},
        {"s1", "b", JANUARY_US + 2 * HOUR_US, -3},
        {"s2", "a", JANUARY_US, INT64_C(5000000000000)},
    };
    struct rating_world world;
    char rows[8][ROW_BYTES];
    uint32_t steps;
    (void)state;
    rating_open(&world, JANUARY_US + 10 * DAY_US);
    rating_apply(&world, CATALOG);
    struct mtr_rollups_txn *txn;
    assert_int_equal(mtr_rollups_begin(world.rollups, true, &txn), 0);
    const struct mtr_meter *meter = mtr_catalog_find_meter(world.catalog, MTR_STR("bytes"));
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        char dimensions[8];
        snprintf(dimensions, sizeof(dimensions), "%s\x1F", cells[i].host);
        const struct mtr_cell_key key = {
            mtr_catalog_find_subscription(world.catalog, mtr_str_from(cells[i].subscription))->number, meter->number, cells[i].start_us,
            mtr_str_from(dimensions)};
        const struct mtr_cell cell = {.count = 1, .value = {cells[i].value}, .seq_first = 1, .seq_last = 1};
        assert_int_equal(mtr_rollups_put_cell(txn, &key, &cell), 0);
    }
    assert_int_equal(mtr_rollups_commit(txn), 0);
    const struct mtr_usage_query query = {.from_us = JANUARY_US - DAY_US,
                                          .to_us = JANUARY_US + DAY_US,
                                          .window = MTR_WINDOW_TOTAL,
                                          .meter = MTR_STR("bytes"),
                                          .by_subscription = true,
                                          .dimensions = {MTR_STR("host")},
                                          .dimension_count = 1,
                                          .rows_max = 100,
                                          .table_bytes_max = AMPLE_BYTES};
    assert_int_equal(run(&world, &query, rows, &steps), 3);
    assert_non_null(strstr(rows[0], "out of range"));
    assert_non_null(strstr(rows[1], "170141183460469231731687303.715884105726"));
    assert_non_null(strstr(rows[2], " 5 "));
    rating_close(&world);
}

static void counts_its_rows_before_the_first(void **state)
{
    static char rows[ROWS_MAX][ROW_BYTES];
    struct rating_world stage;
    uint32_t steps;
    (void)state;
    open_world(&stage);
    struct mtr_usage_query query = {.from_us = JANUARY_US, .to_us = JANUARY_US + 5 * DAY_US, .window = MTR_WINDOW_HOUR, .rows_max = ROWS_MAX,
                                    .table_bytes_max = AMPLE_BYTES, .by_subscription = true};
    query.dimensions[query.dimension_count++] = MTR_STR("host");
    const uint32_t count = run(&stage, &query, rows, &steps);
    assert_true(count > 250);
    for (int i = 0; i < 6; i++) {
        struct mtr_usage_position position = {.is_begun = false};
        struct mtr_rollups_txn *txn;
        struct mtr_arena arena;
        struct mtr_usage_result result;
        query.table_bytes_max = i % 2 ? AMPLE_BYTES : 20 << 10;
        query.rows_max = i < 2 ? count : count - (i < 4 ? 1 : 300);
        query.in_steps = true;
        mtr_arena_init(&arena, 1 << 10, 1 << 28);
        assert_int_equal(mtr_rollups_begin(stage.rollups, false, &txn), 0);
        const struct mtr_usage_sources sources = {.txn = txn, .catalog = stage.catalog};
        assert_int_equal(mtr_usage_query_next(&query, &sources, &position, &arena, &result), i < 2 ? MTR_OK : MTR_ELIMIT);
        mtr_arena_release(&arena);
        query.in_steps = false; /* then too much is told */
        position = (struct mtr_usage_position){.is_begun = false};
        if (i == 0) assert_int_equal(mtr_usage_query_next(&query, &sources, &position, &arena, &result), MTR_EFULL);
        mtr_arena_release(&arena);
        mtr_rollups_abort(txn);
    }
    rating_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_give_the_rows_of_one),
        cmocka_unit_test(a_row_out_of_range_answers_for_itself),
        cmocka_unit_test(counts_its_rows_before_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
