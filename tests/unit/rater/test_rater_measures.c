/*
 * Rating by meters that keep more than sums: levels that go on from month to month, kept events, percentiles over windows; and the usage
 * query, which must say what the bill does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meterd/query/usage_query.h"
#include "support/rating.h"

enum { DAY_S = 86400 };
#define JANUARY_S INT64_C(1767225600)
#define FEBRUARY_S (JANUARY_S + 31 * (int64_t)DAY_S)
#define MARCH_S (FEBRUARY_S + 28 * (int64_t)DAY_S)
#define APRIL_S (MARCH_S + 31 * (int64_t)DAY_S)

#define SERVICE "vendors: [{key: acme}]\nservices: [{key: store, vendor: acme}]\n"
#define SUBSCRIPTION "subscriptions:\n  - {key: s1, service: store, customer: c1, tariff: t, start: 2026-01-01}\n"
#define TARIFF(components)                                                                                                     \
    "tariffs:\n  - key: t\n    currency: EUR\n    versions:\n      - from: 2026-01-01\n        components:\n          - " components "\n"

static void open_with(struct rating_world *stage, const char *yaml)
{
    rating_open(stage, JANUARY_S);
    rating_apply(stage, yaml);
}

static void rate_until(struct rating_world *stage, int64_t time_s)
{
    rating_advance_to(stage, time_s);
    rating_drain(stage);
    assert_int_equal(rating_audit(stage).findings, 0);
}

/* The charges made since the last call. */
static const char *news(struct rating_world *stage)
{
    static struct rating_history history;
    static size_t told;
    if (!stage) {
        told = 0;
        return NULL;
    }
    history = rating_history(stage, 0);
    const char *text = history.text + told;
    told = history.size;
    return text[0] == ';' ? text + 2 : text;
}

/* 0.01 for a GiB-hour: 10 GiB from 11 January on are 10 × 21 × 24 = 5040 GiB-hours in January and 6720 in each February. */
static void a_level_goes_on_from_month_to_month(void **state)
{
    struct rating_world stage;
    (void)state;
    news(NULL);
    open_with(&stage, SERVICE "meters: [{key: gib, service: store, event_type: v, value: g, aggregation: time_weighted, group_by: [region]}]\n" TARIFF(
                                  "{key: gib, meter: gib, per_unit: '0.01', group_by: [region]}") SUBSCRIPTION);
    rating_point(&stage, "s1", "gib", JANUARY_S + 10 * DAY_S, "eu|", "10", 0);
    const uint64_t first_seq = stage.seq;
    rate_until(&stage, MARCH_S + DAY_S); /* March is open: a draft of what it comes to when the level holds */
    assert_string_equal(news(&stage), "final 50.4; final 67.2; draft 74.4");
    rating_point(&stage, "s1", "gib", FEBRUARY_S - DAY_S, "eu|", "20", 0); /* late: one more day at 20 in January, and all that comes after */
    rate_until(&stage, MARCH_S + 2 * DAY_S);
    assert_string_equal(news(&stage), "correction 2.4; correction 67.2; draft 74.4");
    rating_point(&stage, "s1", "gib", FEBRUARY_S + 14 * DAY_S, "eu|", "0", 0);
    rate_until(&stage, MARCH_S + 3 * DAY_S);
    assert_string_equal(news(&stage), "correction -67.2; draft -148.8");
    rating_point(&stage, "s1", "gib", JANUARY_S + 10 * DAY_S, "eu|", "10", first_seq); /* taken back: one day at 20 is left in January */
    rate_until(&stage, MARCH_S + 4 * DAY_S);
    assert_string_equal(news(&stage), "correction -48");
    rating_close(&stage);
}

/* Changes from before the term do not count, and the level that stands at its start is that of its first hour. */
static void a_level_begins_with_the_term(void **state)
{
    struct rating_world stage;
    (void)state;
    news(NULL);
    open_with(&stage, SERVICE "meters: [{key: seats, service: store, event_type: v, value: n, aggregation: time_weighted, reports: change, per: day}]\n"
                      TARIFF("{key: seats, meter: seats, per_unit: '1'}")
                      "subscriptions:\n  - {key: s1, service: store, customer: c1, tariff: t, start: '2026-01-11T00:30:00Z', end: 2026-01-21}\n");
    rating_point(&stage, "s1", "seats", JANUARY_S + 2 * DAY_S, "", "100", 0);        /* before it */
    rating_point(&stage, "s1", "seats", JANUARY_S + 10 * DAY_S + 60, "", "2", 0);    /* in its first hour: from 00:30 on */
    rating_point(&stage, "s1", "seats", JANUARY_S + 15 * DAY_S, "", "3", 0);
    rating_point(&stage, "s1", "seats", JANUARY_S + 20 * DAY_S + 60, "", "1000", 0); /* behind it */
    rating_advance_to(&stage, FEBRUARY_S + DAY_S);
    rating_drain(&stage);
    assert_string_equal(news(&stage), "final 34.96"); /* 2 × (10 days − 1800 s) + 3 × 5 days = 34.958333 */
    rating_apply(&stage, "subscriptions:\n  - {key: s1, service: store, customer: c1, tariff: t, start: 2026-01-11, end: 2026-01-21}\n");
    rating_advance_to(&stage, FEBRUARY_S + 2 * DAY_S);
    rating_drain(&stage);
    assert_string_equal(news(&stage), "final 35; correction -34.96"); /* another start, another period */
    rating_close(&stage);
}

/* Of a part on each side of 16 January the second goes on in the tiers: 8 GiB in the mean of the month, 5 of them at 1, the others at 0.5. */
static void parts_of_a_mean_add_up(void **state)
{
    struct rating_world stage;
    (void)state;
    news(NULL);
    open_with(&stage, SERVICE
              "meters: [{key: gib, service: store, event_type: v, value: g, aggregation: time_weighted, per: period, holds_from: day}]\n"
              "tariffs:\n  - key: t\n    currency: EUR\n    versions:\n"
              "      - {from: 2026-01-01, components: [{key: gib, meter: gib, graduated: [{up_to: 5, unit: 1}, {unit: '0.5'}]}]}\n"
              "      - {from: 2026-01-16, components: [{key: gib, meter: gib, graduated: [{up_to: 5, unit: 1}, {unit: '0.5'}]}]}\n" SUBSCRIPTION);
    rating_point(&stage, "s1", "gib", JANUARY_S + 23 * 3600, "", "8", 0); /* from midnight on */
    rate_until(&stage, FEBRUARY_S + DAY_S);
    assert_string_equal(news(&stage), "final 3.87; final 2.63; draft 6.5"); /* 15 of 31 days: 3.870968; to 6.50 in all; February goes on */
    rating_close(&stage);
}

/* 1 % of each payment, at least 0.50 and at most 2.00; the first is free. */
static void events_are_priced_one_by_one(void **state)
{
    struct rating_world stage;
    (void)state;
    news(NULL);
    open_with(&stage, SERVICE "meters: [{key: paid, service: store, event_type: p, value: amount, keep_events: true}]\n" TARIFF(
                                  "{key: fees, meter: paid, scope: event, percentage: {rate: 1, minimum: '0.50', maximum: '2', free_events: 1}}")
                                  SUBSCRIPTION);
    rating_point(&stage, "s1", "paid", JANUARY_S + DAY_S, "", "100", 0);
    rating_point(&stage, "s1", "paid", JANUARY_S + 2 * DAY_S, "", "10", 0);
    rating_point(&stage, "s1", "paid", JANUARY_S + 2 * DAY_S, "", "1000", 0);
    rate_until(&stage, FEBRUARY_S + DAY_S);
    assert_string_equal(news(&stage), "final 2.5"); /* free; 0.50; 2.00 */
    rating_point(&stage, "s1", "paid", JANUARY_S, "", "5", 0); /* an earlier one is the free one now: 1.00 more */
    rate_until(&stage, FEBRUARY_S + 2 * DAY_S);
    assert_string_equal(news(&stage), "correction 1");
    rating_close(&stage);
}

/* ---- queries ---- */

static const char *query(struct rating_world *stage, const char *meter, enum mtr_usage_window window, int64_t from_s, int64_t to_s, const char *dimension)
{
    static char text[1024];
    struct mtr_usage_query usage = {.meter = mtr_str_from(meter), .from_s = from_s, .to_s = to_s, .window = window, .rows_max = 100};
    struct mtr_usage_result result;
    struct mtr_rollups_txn *txn;
    struct mtr_arena arena;
    size_t size = 0;
    if (dimension) usage.dimensions[usage.dimension_count++] = mtr_str_from(dimension);
    mtr_arena_init(&arena, 1 << 14, 1 << 26);
    assert_int_equal(mtr_rollups_begin(stage->rollups, false, &txn), 0);
    assert_int_equal(mtr_usage_query_run(&usage, txn, stage->catalog, &arena, &result), 0);
    mtr_rollups_abort(txn);
    text[0] = '\0';
    for (uint32_t i = 0; i < result.row_count; i++) {
        char start[MTR_TIME_TEXT_BYTES], quantity[MTR_DECIMAL_TEXT_BYTES];
        const struct mtr_usage_result_row *row = &result.rows[i];
        mtr_time_format(row->start_s * MTR_US_PER_SECOND, start);
        mtr_quantity_format(row->quantity, quantity);
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%.8s%.*s %s (%u); ", start + 5, MTR_STR_ARGS(row->dimension_values[0]), quantity,
                                 (unsigned)row->events);
        assert_true(size < sizeof(text));
    }
    mtr_arena_release(&arena);
    return text;
}

static void queries_hold_levels_up_to_the_watermark(void **state)
{
    struct rating_world stage;
    (void)state;
    open_with(&stage, SERVICE "meters:\n"
                              "  - {key: gib, service: store, event_type: v, value: g, aggregation: time_weighted, group_by: [region]}\n"
                              "  - {key: mean, service: store, event_type: v, value: g, aggregation: time_weighted, per: period}\n" TARIFF(
                                  "{key: gib, meter: gib, per_unit: '0.01'}") SUBSCRIPTION);
    rating_point(&stage, "s1", "gib", JANUARY_S + 10 * DAY_S, "eu|", "10", 0);
    rating_point(&stage, "s1", "gib", JANUARY_S + 12 * DAY_S, "us|", "1", 0);
    rating_point(&stage, "s1", "mean", JANUARY_S + 30 * DAY_S, "", "31", 0);
    rating_advance_to(&stage, FEBRUARY_S + 3600);
    assert_string_equal(query(&stage, "gib", MTR_WINDOW_MONTH, JANUARY_S, APRIL_S, NULL), "01-01T00 5496 (2); 02-01T00 11 (0); ");
    assert_string_equal(query(&stage, "gib", MTR_WINDOW_TOTAL, JANUARY_S, APRIL_S, "region"), "01-01T00eu 5050 (1); 01-01T00us 457 (1); ");
    assert_string_equal(query(&stage, "gib", MTR_WINDOW_DAY, JANUARY_S + 9 * DAY_S, JANUARY_S + 13 * DAY_S, NULL),
                        "01-11T00 240 (1); 01-12T00 240 (0); 01-13T00 264 (1); ");
    assert_string_equal(query(&stage, "gib", MTR_WINDOW_HOUR, FEBRUARY_S - 3600, APRIL_S, NULL), "01-31T23 11 (0); 02-01T00 11 (0); ");
    assert_string_equal(query(&stage, "mean", MTR_WINDOW_MONTH, JANUARY_S, APRIL_S, NULL), "01-01T00 1 (1); 02-01T00 31 (0); ");
    assert_string_equal(query(&stage, "mean", MTR_WINDOW_TOTAL, JANUARY_S + 29 * DAY_S, JANUARY_S + 31 * DAY_S, NULL), "01-30T00 15.5 (1); ");
    rating_apply(&stage, "subscriptions:\n  - {key: s1, service: store, customer: c1, tariff: t, start: 2026-01-01, end: 2026-01-31}\n");
    assert_string_equal(query(&stage, "gib", MTR_WINDOW_TOTAL, JANUARY_S, APRIL_S, NULL), "01-01T00 5232 (2); ");
    rating_close(&stage);
}

/* Of the 24 windows of a day the 95th percentile is the 23rd: of two busy hours the lesser. */
static void queries_rank_the_windows_of_a_row(void **state)
{
    struct rating_world stage;
    (void)state;
    news(NULL);
    open_with(&stage, SERVICE "meters: [{key: peak, service: store, event_type: v, value: g, aggregation: percentile, window: 1h, group_by: [port]}]\n"
                      TARIFF("{key: peak, meter: peak, scope: day, per_unit: '1', group_by: [port]}") SUBSCRIPTION);
    rating_use(&stage, "s1", "peak", JANUARY_S + 3600, "a|", "7", 1);
    rating_use(&stage, "s1", "peak", JANUARY_S + 7200, "a|", "5", 1);
    rating_use(&stage, "s1", "peak", JANUARY_S + 7200, "b|", "4", 2);
    rate_until(&stage, FEBRUARY_S + DAY_S);
    assert_string_equal(query(&stage, "peak", MTR_WINDOW_DAY, JANUARY_S, FEBRUARY_S, "port"), "01-01T00a 5 (2); 01-01T00b 0 (2); ");
    assert_string_equal(query(&stage, "peak", MTR_WINDOW_DAY, JANUARY_S, FEBRUARY_S, NULL), "01-01T00 7 (4); "); /* both ports: 7 and 9 */
    assert_string_equal(query(&stage, "peak", MTR_WINDOW_HOUR, JANUARY_S, FEBRUARY_S, NULL), "01-01T01 7 (1); 01-01T02 9 (3); ");
    assert_string_equal(query(&stage, "peak", MTR_WINDOW_MONTH, JANUARY_S, FEBRUARY_S, NULL), "01-01T00 0 (4); ");
    assert_string_equal(news(&stage), "final 5");
    rating_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_goes_on_from_month_to_month),
        cmocka_unit_test(a_level_begins_with_the_term),
        cmocka_unit_test(parts_of_a_mean_add_up),
        cmocka_unit_test(events_are_priced_one_by_one),
        cmocka_unit_test(queries_hold_levels_up_to_the_watermark),
        cmocka_unit_test(queries_rank_the_windows_of_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
