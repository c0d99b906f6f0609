/*
 * Use of a month changes hands: in steps that are each as short as any, with a crash between every two of them,
 * while events come, are taken back and are released; and what there is in the end is what a fold at once gives.
 * test_aggregator_order.c has what holds in any order.
 */
#include "tests/support/fold_world.h"
#include "tests/support/random.h"

enum { STEP_EVENTS = 50, EVENTS = 3000, MORE = 600, BLOCK_EVENTS = 4, DAYS = 30 };

static struct random_source source;

static uint64_t below(uint32_t bound)
{
    return random_below(&source, bound);
}

/* Sums, unique values, levels, readings of counters, and what is spread over a length. */
static void make_meters(void)
{
    static const enum mtr_aggregation kinds[] = {MTR_SUM, MTR_UNIQUE, MTR_TIME_WEIGHTED, MTR_COUNTER_INCREASE, MTR_SUM};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct mtr_meter *meter = add_meter(&compute, "cpu", kinds[i]);
        meter->group_by = by_region;
        meter->group_by_count = 1;
    }
    world.meters[4].spread_over = MTR_STR("length");
}

static void append_at(const char *subject, int64_t time_us)
{
    static const char *const regions[] = {"eu", "us", "ap"}, *const values[] = {"1", "2.5", "7", "40"},
                             *const lengths[] = {"0", "1800", "200000"};
    struct world_event *row = append(&acme, "cpu", subject, time_us);
    add_number(row, "value", values[below(4)]);
    add_text(row, "region", regions[below(3)]);
    add_number(row, "length", lengths[below(3)]);
}

static void append_any(int64_t from_us, int64_t to_us)
{
    static const char *const subjects[] = {"a", "a", "a", "b", "later"};
    const int64_t time_us = from_us + (int64_t)below((uint32_t)((to_us - from_us) / MTR_US_PER_SECOND)) * MTR_US_PER_SECOND;
    if (log_in_memory.count > 10 && below(12) == 0) {
        append_void(1 + below((uint32_t)log_in_memory.count));
        return;
    }
    append_at(subjects[below(5)], time_us);
}

static void add_term(const char *subject, const char *zone, const char *start)
{
    add_subscription(&compute, subject, zone);
    world.subscriptions[world.subscription_count - 1].start_us = at(start);
}

/* An empty log, and a store of nothing. */
static void begin_anew(void)
{
    mtr_aggregator_close(aggregator);
    store_close(&store);
    store_open(&store);
    open_aggregator(1000);
    log_in_memory.count = 0;
}

static void assert_as_folded_at_once(void)
{
    struct mtr_hash128 piecemeal = store_hash(&store), at_once;
    mtr_aggregator_close(aggregator);
    store_close(&store);
    store_open(&store);
    open_aggregator(100000);
    fold_until_idle();
    at_once = store_hash(&store);
    assert_true(piecemeal.high == at_once.high && piecemeal.low == at_once.low);
}

static bool is_moving(void)
{
    struct mtr_rollups_txn *txn;
    bool moving;
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    assert_int_equal(mtr_rollups_is_moving(txn, 1, &moving), MTR_OK);
    mtr_rollups_abort(txn);
    return moving;
}

/* One step; how many reads of the log it takes is bounded, whatever is behind. */
static struct mtr_aggregator_result step(void)
{
    struct mtr_aggregator_result result = {0};
    struct mtr_diagnostic diagnostic;
    log_in_memory.reads = 0;
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, at("2026-06-01T00:00:00Z"), &result, &diagnostic), MTR_OK);
    assert_true(result.events <= STEP_EVENTS);
    assert_in_range(log_in_memory.reads, 0, 5 * STEP_EVENTS); /* each event, and each that is taken back, in a block of its own */
    return result;
}

/* A crash comes every so many steps, or a few more; 0: none. A round that is being scanned is begun again then, so they
 * may not come always. */
static void move_with(uint32_t crash_steps, uint64_t seed)
{
    const int64_t first_us = at("2026-03-01T00:00:00Z"), last_us = first_us + DAYS * MTR_US_PER_DAY;
    uint32_t moving_steps = 0, folded_meanwhile = 0;
    source.state = seed;
    add_term("a", "Asia/Kolkata", "2026-02-01T00:00:00Z");
    add_term("b", "UTC", "2026-02-01T00:00:00Z");
    add_term("a", "UTC", "2026-03-02T10:20:30Z");
    add_term("later", "UTC", "2026-02-01T00:00:00Z");
    make_meters();
    log_in_memory.block_events = BLOCK_EVENTS;
    for (int i = 0; i < EVENTS; i++)
        append_any(first_us + i * (DAYS - 1) * MTR_US_PER_DAY / EVENTS, first_us + i * (DAYS - 1) * MTR_US_PER_DAY / EVENTS + MTR_US_PER_DAY);
    show(2, 5);
    fold_until_idle();
    mtr_aggregator_close(aggregator);
    open_aggregator(STEP_EVENTS);
    show(3, 5); /* all but the first day and a half is of another one */
    for (struct mtr_aggregator_result result = {0}; !result.idle;) {
        const uint64_t before_seq = folded_cursor().next_seq;
        if (log_in_memory.count < EVENTS + MORE && below(2)) append_any(first_us, last_us);
        if (moving_steps == 40) show(4, 5); /* a release of what waited for its subject */
        result = step();
        moving_steps += is_moving();
        folded_meanwhile += is_moving() && folded_cursor().next_seq > before_seq;
        if (!crash_steps || below(crash_steps)) continue;
        mtr_aggregator_close(aggregator);
        open_aggregator(STEP_EVENTS);
    }
    print_message("%u steps, %u of them folded what came\n", moving_steps, folded_meanwhile);
    assert_in_range(moving_steps, EVENTS / STEP_EVENTS, 100000);
    assert_true(folded_meanwhile > MORE / 3); /* the log goes on while use moves */
    assert_as_folded_at_once();
}

static void it_goes_in_short_steps(void **state)
{
    (void)state;
    move_with(0, 1);
}

static void it_goes_on_after_crashes(void **state)
{
    (void)state;
    move_with(60, 2);
}

/* The start moves once more, back and forth, before the first move is done. */
static void a_start_moves_while_use_moves(void **state)
{
    static const char *const starts[] = {"2026-03-20T00:00:00Z", "2026-03-05T07:30:00Z", "2026-03-25T23:59:59Z", "2026-03-11T00:00:00Z"};
    const int64_t first_us = at("2026-03-01T00:00:00Z");
    (void)state;
    source.state = 3;
    add_term("a", "America/St_Johns", "2026-02-01T00:00:00Z");
    add_term("b", "UTC", "2026-02-01T00:00:00Z");
    add_term("a", "Asia/Kolkata", "2026-03-02T10:20:30Z");
    make_meters();
    log_in_memory.block_events = BLOCK_EVENTS;
    for (int i = 0; i < EVENTS / 3; i++) append_any(first_us, first_us + DAYS * MTR_US_PER_DAY);
    show(3, 5);
    fold_until_idle();
    mtr_aggregator_close(aggregator);
    open_aggregator(STEP_EVENTS);
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
        world.subscriptions[2].start_us = at(starts[i]);
        show(3, 5);
        for (int k = 0; k < 45; k++) (void)step();
        assert_true(is_moving());
        if (i % 2 == 0) continue;
        mtr_aggregator_close(aggregator);
        open_aggregator(STEP_EVENTS);
    }
    while (!step().idle) continue;
    assert_false(is_moving());
    assert_as_folded_at_once();
}

/* In the order of time, so that each hour names only its own part of the log; every event is in another hour of one
 * zone than of the other; and pieces are an hour each. The starts lie inside hours, which are cut there. */
static void move_in_zones(const char *const zones[3], uint32_t meters)
{
    static const char *const starts[][2] = {{"2026-03-04T00:00:00Z", "2026-03-07T00:00:00Z"},
                                            {"2026-03-02T10:20:30Z", "2026-03-03T17:00:00.5Z"},
                                            {"2026-03-06T00:40:00Z", "2026-03-08T09:59:59Z"}};
    static int64_t cuts_us[2];
    const int64_t first_us = at("2026-03-01T00:00:00Z");
    clear_world();
    begin_anew();
    log_in_memory.block_events = 1;
    add_term("a", zones[0], "2026-02-01T00:00:00Z");
    for (int i = 0; i < 2; i++) add_term("a", zones[1 + i], starts[0][i]);
    make_meters();
    for (int k = 0; k < 1200; k++) append_at("a", first_us + k * 10 * 60 * MTR_US_PER_SECOND);
    show(3, meters);
    fold_until_idle();
    for (int to = 1; to < 3; to++) {
        mtr_aggregator_close(aggregator);
        open_aggregator(2);
        for (int k = 0; k < 2; k++) cuts_us[k] = world.subscriptions[1 + k].start_us = at(starts[to][k]);
        for (int k = 0; k < 3; k++) world.subscriptions[k].cuts_us = cuts_us, world.subscriptions[k].cut_count = 2;
        show(3, meters);
        fold_until_idle();
        assert_as_folded_at_once();
    }
}

static void zones_cut_the_time_elsewhere(void **state)
{
    static const char *const zones[][3] = {{"Asia/Kolkata", "UTC", "Asia/Kathmandu"},
                                           {"UTC", "Asia/Kathmandu", "Asia/Kolkata"},
                                           {"Asia/Kathmandu", "Asia/Kolkata", "UTC"}};
    (void)state;
    for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
        move_in_zones(zones[i], 1);
        move_in_zones(zones[i], 5); /* use that is spread names more of the log */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_goes_in_short_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(it_goes_on_after_crashes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_start_moves_while_use_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(zones_cut_the_time_elsewhere, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
