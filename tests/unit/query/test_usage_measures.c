/*
 * The usage query over meters that keep more than sums: levels that go on from month to month, and
 * percentiles over windows. It must say what the bill does (tests/golden/rating/levels.story).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meterd/query/usage_query.h"
#include "tests/support/rating_use.h"

static const int64_t DAY_US = MTR_US_PER_DAY;
#define JANUARY_US (INT64_C(1767225600) * MTR_US_PER_SECOND)
#define FEBRUARY_US (JANUARY_US + 31 * (int64_t)DAY_US)
#define MARCH_US (FEBRUARY_US + 28 * (int64_t)DAY_US)
#define APRIL_US (MARCH_US + 31 * (int64_t)DAY_US)

#define SERVICE "vendors: [{key: acme}]\nservices: [{key: store, vendor: acme}]\n"
#define SUBSCRIPTION                                                                                         \
    "subscriptions:\n  - {key: s1, service: store, customer: c1, tariff: t, start: 2026-01-01}\n"
#define TARIFF(components)                                                                                   \
    "tariffs:\n  - key: t\n    currency: EUR\n    versions:\n      - from: 2026-01-01\n        "             \
    "components:\n          - " components "\n"

static void open_with(struct rating_world *world, const char *yaml)
{
    rating_open(world, JANUARY_US);
    rating_apply(world, yaml);
}

static void rate_until(struct rating_world *world, int64_t time_us)
{
    rating_advance_to(world, time_us);
    rating_drain(world);
    assert_int_equal(rating_audit(world).findings, 0);
}

static const char *query(struct rating_world *world, const char *meter, enum mtr_usage_window window,
                         int64_t from_us, int64_t to_us, const char *dimension)
{
    static char text[1024];
    struct mtr_usage_query usage = {
        .meter = mtr_str_from(meter), .from_us = from_us, .to_us = to_us, .window = window, .rows_max = 100};
    const struct mtr_usage_position position = {.is_begun = false};
    struct mtr_usage_result result;
    struct mtr_rollups_txn *txn;
    struct mtr_arena arena;
    size_t size = 0;
    usage.table_bytes_max = 1 << 24;
    if (dimension) usage.dimensions[usage.dimension_count++] = mtr_str_from(dimension);
    mtr_arena_init(&arena, 1 << 14, 1 << 26);
    assert_int_equal(mtr_rollups_begin(world->rollups, false, &txn), 0);
    const struct mtr_usage_sources sources = {.txn = txn, .catalog = world->catalog};
    assert_int_equal(mtr_usage_query_next(&usage, &sources, &position, &arena, &result), 0);
    mtr_rollups_abort(txn);
    text[0] = '\0';
    for (uint32_t i = 0; i < result.row_count; i++) {
        char start[MTR_TIME_TEXT_BYTES], quantity[MTR_DECIMAL_TEXT_BYTES];
        const struct mtr_usage_result_row *row = &result.rows[i];
        mtr_time_format(row->start_us, start);
        mtr_quantity_format(row->quantity, quantity);
        if (row->is_out_of_range) snprintf(quantity, sizeof(quantity), "out of range");
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%.8s%.*s %s (%u); ", start + 5,
                                 MTR_STR_ARGS(row->dimension_values[0]), quantity, (unsigned)row->events);
        assert_true(size < sizeof(text));
    }
    mtr_arena_release(&arena);
    return text;
}

static void queries_hold_levels_up_to_the_watermark(void **state)
{
    struct rating_world world;
    (void)state;
    open_with(&world,
              SERVICE "meters:\n"
                      "  - {key: gib, service: store, event_type: v, value: g, aggregation: time_weighted, "
                      "group_by: [region]}\n"
                      "  - {key: mean, service: store, event_type: v, value: g, aggregation: time_weighted, "
                      "per: period}\n" TARIFF("{key: gib, meter: gib, per_unit: '0.01'}") SUBSCRIPTION);
    rating_use(&world, "s1", "gib", JANUARY_US + 10 * DAY_US, "eu|", "10");
    rating_use(&world, "s1", "gib", JANUARY_US + 12 * DAY_US, "us|", "1");
    rating_use(&world, "s1", "mean", JANUARY_US + 30 * DAY_US, "", "31");
    rating_advance_to(&world, FEBRUARY_US + MTR_US_PER_HOUR);
    assert_string_equal(query(&world, "gib", MTR_WINDOW_MONTH, JANUARY_US, APRIL_US, NULL),
                        "01-01T00 5496 (2); 02-01T00 11 (0); ");
    assert_string_equal(query(&world, "gib", MTR_WINDOW_TOTAL, JANUARY_US, APRIL_US, "region"),
                        "01-01T00eu 5050 (1); 01-01T00us 457 (1); ");
    assert_string_equal(
        query(&world, "gib", MTR_WINDOW_DAY, JANUARY_US + 9 * DAY_US, JANUARY_US + 13 * DAY_US, NULL),
        "01-11T00 240 (1); 01-12T00 240 (0); 01-13T00 264 (1); ");
    assert_string_equal(query(&world, "gib", MTR_WINDOW_HOUR, FEBRUARY_US - MTR_US_PER_HOUR, APRIL_US, NULL),
                        "01-31T23 11 (0); 02-01T00 11 (0); ");
    assert_string_equal(query(&world, "mean", MTR_WINDOW_MONTH, JANUARY_US, APRIL_US, NULL),
                        "01-01T00 1 (1); 02-01T00 31 (0); ");
    assert_string_equal(
        query(&world, "mean", MTR_WINDOW_TOTAL, JANUARY_US + 29 * DAY_US, JANUARY_US + 31 * DAY_US, NULL),
        "01-30T00 15.5 (1); ");
    rating_apply(&world, "subscriptions:\n  - {key: s1, service: store, customer: c1, tariff: t, start: "
                         "2026-01-01, end: 2026-01-31}\n");
    assert_string_equal(query(&world, "gib", MTR_WINDOW_TOTAL, JANUARY_US, APRIL_US, NULL),
                        "01-01T00 5232 (2); ");
    rating_close(&world);
}

/* Windows before are what they are, also where their sum is out of range; a level out of range goes on, a window's sum does not. Others answer
 * for themselves. */
static void a_level_out_of_range_marks_its_own_windows(void **state)
{
    struct rating_world world;
    (void)state;
    open_with(&world,
              SERVICE "meters:\n"
                      "  - {key: gib, service: store, event_type: v, value: g, aggregation: time_weighted, per: day, group_by: [region]}\n"
                      "  - {key: diff, service: store, event_type: v, value: g, aggregation: time_weighted, per: day, reports: change, group_by: [region]}\n"
                      "  - {key: hours, service: store, event_type: v, value: g, aggregation: time_weighted}\n"
                      "  - {key: mean, service: store, event_type: v, value: g, aggregation: time_weighted, per: period}\n"
                      "  - {key: peak, service: store, event_type: v, value: g, aggregation: percentile, window: 1h, percentile: 100, group_by: [port]}\n"
                  TARIFF("{key: gib, meter: gib, per_unit: '0.01'}") SUBSCRIPTION);
    for (int i = 0; i < 2; i++) {
        const char *meter = i ? "diff" : "gib";
        rating_use(&world, "s1", meter, JANUARY_US + 10 * DAY_US, "eu|", "100000000000000000000000000");
        rating_use(&world, "s1", meter, JANUARY_US + 12 * DAY_US, "us|", "100000000000000000000000000");
    }
    for (int i = 0; i < 2; i++) {
        const char *meter = i ? "mean" : "hours";
        rating_use(&world, "s1", meter, JANUARY_US + 9 * DAY_US, "", "3");
        rating_use(&world, "s1", meter, JANUARY_US + 10 * DAY_US, "", "100000000000000000000000000");
        rating_use(&world, "s1", meter, JANUARY_US + 12 * DAY_US, "", "2");
    }
    rating_use(&world, "s1", "peak", JANUARY_US + 10 * DAY_US, "a|", "3");
    for (int i = 0; i < 2; i++) rating_use(&world, "s1", "peak", JANUARY_US + 11 * DAY_US, i ? "a|" : "b|", "100000000000000000000000000");
    rating_use(&world, "s1", "peak", JANUARY_US + 12 * DAY_US, "a|", "4");
    rating_advance_to(&world, FEBRUARY_US);
    const int64_t from_us = JANUARY_US + 9 * DAY_US, to_us = JANUARY_US + 14 * DAY_US;
    static const char big[] = "01-11T00 100000000000000000000000000 (1); 01-12T00 100000000000000000000000000 (0); "
                              "01-13T00 out of range (1); 01-14T00 out of range (0); ";
    assert_string_equal(query(&world, "gib", MTR_WINDOW_DAY, from_us, to_us, NULL), big);
    assert_string_equal(query(&world, "diff", MTR_WINDOW_DAY, from_us, to_us, NULL), big);
    assert_string_equal(query(&world, "gib", MTR_WINDOW_DAY, JANUARY_US + 12 * DAY_US, JANUARY_US + 13 * DAY_US, "region"),
                        "01-13T00eu 100000000000000000000000000 (0); 01-13T00us 100000000000000000000000000 (1); ");
    assert_string_equal(query(&world, "hours", MTR_WINDOW_DAY, from_us, to_us, NULL),
                        "01-10T00 72 (1); 01-11T00 out of range (1); 01-12T00 out of range (0); 01-13T00 48 (1); 01-14T00 48 (0); ");
    assert_string_equal(query(&world, "mean", MTR_WINDOW_DAY, JANUARY_US + 11 * DAY_US, to_us, NULL),
                        "01-12T00 100000000000000000000000000 (0); 01-13T00 2 (1); 01-14T00 2 (0); ");
    assert_string_equal(query(&world, "peak", MTR_WINDOW_DAY, JANUARY_US + 10 * DAY_US, to_us, NULL),
                        "01-11T00 3 (1); 01-12T00 out of range (2); 01-13T00 4 (1); ");
    rating_close(&world);
}

/* Of the 24 windows of a day the 95th percentile is the 23rd: of two busy hours the lesser. */
static void queries_rank_the_windows_of_a_row(void **state)
{
    struct rating_world world;
    (void)state;
    open_with(&world, SERVICE "meters: [{key: peak, service: store, event_type: v, value: g, aggregation: "
                              "percentile, window: 1h, group_by: [port]}]\n" TARIFF(
                                  "{key: peak, meter: peak, scope: day, per_unit: '1', group_by: [port]}")
                                  SUBSCRIPTION);
    rating_use(&world, "s1", "peak", JANUARY_US + MTR_US_PER_HOUR, "a|", "7");
    rating_use(&world, "s1", "peak", JANUARY_US + 2 * MTR_US_PER_HOUR, "a|", "5");
    rating_use(&world, "s1", "peak", JANUARY_US + 2 * MTR_US_PER_HOUR, "b|", "3");
    rating_use(&world, "s1", "peak", JANUARY_US + 2 * MTR_US_PER_HOUR, "b|", "1");
    rate_until(&world, FEBRUARY_US + DAY_US);
    assert_string_equal(query(&world, "peak", MTR_WINDOW_DAY, JANUARY_US, FEBRUARY_US, "port"),
                        "01-01T00a 5 (2); 01-01T00b 0 (2); ");
    assert_string_equal(query(&world, "peak", MTR_WINDOW_DAY, JANUARY_US, FEBRUARY_US, NULL),
                        "01-01T00 7 (4); "); /* both ports: 7 and 9 */
    assert_string_equal(query(&world, "peak", MTR_WINDOW_HOUR, JANUARY_US, FEBRUARY_US, NULL),
                        "01-01T01 7 (1); 01-01T02 9 (3); ");
    assert_string_equal(query(&world, "peak", MTR_WINDOW_MONTH, JANUARY_US, FEBRUARY_US, NULL),
                        "01-01T00 0 (4); ");
    rating_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_hold_levels_up_to_the_watermark),
        cmocka_unit_test(a_level_out_of_range_marks_its_own_windows),
        cmocka_unit_test(queries_rank_the_windows_of_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
