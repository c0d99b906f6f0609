/*
 * A quota of dimension values: the first of the log count, what is beyond is held by the meter alone, and flows
 * when the quota is raised. test_aggregator_order.c has what holds in any order.
 */
#include "lib/store/rollups/rollups_txn.h"
#include "tests/support/fold_contents.h"

static struct mtr_meter *grouped; /* sums up, by region */

/* A meter with a quota, and beside it one that counts the same events. */
static void make_world(uint64_t values_max)
{
    add_subscription(&compute, "a", "UTC");
    add_subscription(&compute, "b", "UTC");
    grouped = add_meter(&compute, "cpu", MTR_SUM);
    grouped->group_by = by_region;
    grouped->group_by_count = 1;
    grouped->dimension_values_max = values_max;
    add_meter(&compute, "cpu", MTR_COUNT);
}

static void append_in(const char *subject, const char *region, const char *value)
{
    struct world_event *row = append(&acme, "cpu", subject, at("2026-03-01T10:00:00Z"));
    add_number(row, "value", value);
    if (region) add_text(row, "region", region);
}

static void raise(uint64_t values_max)
{
    grouped->dimension_values_max = values_max;
    show(catalog.subscription_count, catalog.meter_count);
    fold_until_idle();
}

static void what_is_beyond_waits_at_its_meter(void **state)
{
    (void)state;
    make_world(2);
    static const char *const regions[] = {"eu", "us", "ap", "eu", NULL, "ap"};
    for (int i = 0; i < 6; i++) append_in("a", regions[i], "1");
    append_in("b", "ap", "1"); /* each subject has a quota of its own */
    show(2, 2);
    fold_until_idle();
    assert_string_equal(contents(),
                        "1.1 2026-03-01T10:00 eu\x1f= 2 (2, 1-4)\n1.1 2026-03-01T10:00 us\x1f= 1 (1, 2-2)\n"
                        "1.2 2026-03-01T10:00 = 6 (6, 1-6)\n2.1 2026-03-01T10:00 ap\x1f= 1 (1, 7-7)\n"
                        "2.2 2026-03-01T10:00 = 1 (1, 7-7)\n"
                        "beyond 1.1 3\nbeyond 1.1 5\nbeyond 1.1 6\n");
    raise(3); /* by one: the one that came first flows, with all of its events */
    assert_string_equal(contents(),
                        "1.1 2026-03-01T10:00 ap\x1f= 2 (2, 3-6)\n1.1 2026-03-01T10:00 eu\x1f= 2 (2, 1-4)\n"
                        "1.1 2026-03-01T10:00 us\x1f= 1 (1, 2-2)\n1.2 2026-03-01T10:00 = 6 (6, 1-6)\n"
                        "2.1 2026-03-01T10:00 ap\x1f= 1 (1, 7-7)\n2.2 2026-03-01T10:00 = 1 (1, 7-7)\n"
                        "beyond 1.1 5\n");
    raise(4);
    assert_non_null(strstr(contents(), "10:00 \x1f= 1 (1, 5-5)\n"));
    assert_null(strstr(contents(), "beyond"));
}

static void what_is_taken_back_keeps_its_place(void **state)
{
    (void)state;
    make_world(1);
    append_in("a", "eu", "1");
    append_in("a", "us", "2");
    append_in("a", "us", "4");
    append_void(1); /* the value was the first all the same */
    append_void(2);
    show(2, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 eu\x1f= 0 (0, 1-4)\nbeyond 1.1 2\nbeyond 1.1 3\n");
    raise(2);
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 eu\x1f= 0 (0, 1-4)\n"
                                    "1.1 2026-03-01T10:00 us\x1f= 4 (1, 2-5)\n");
}

/* What cannot be read by the meter is in quarantine, and takes no place. */
static void only_what_counts_takes_a_place(void **state)
{
    (void)state;
    make_world(1);
    filter_regions(grouped);
    append_in("a", "us", "1"); /* filtered */
    add_text(append(&acme, "cpu", "a", at("2026-03-01T10:00:00Z")), "region", "eu"); /* lacks the value */
    append_in("a", "1", "1");
    append_in("a", "eu", "1");
    show(2, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 1\x1f= 1 (1, 3-3)\nheld type cpu 2\nbeyond 1.1 4\n");
}

static void what_left_the_log_is_told(void **state)
{
    (void)state;
    make_world(1);
    append_in("a", "eu", "1");
    append_in("a", "us", "1");
    append_in("a", "ap", "1");
    show(2, 1);
    fold_until_idle();
    log_in_memory.first_retained = 3;
    raise(3);
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 ap\x1f= 1 (1, 3-3)\n"
                                    "1.1 2026-03-01T10:00 eu\x1f= 1 (1, 1-1)\nexpired 2.1\n");
}

static bool is_refused(const struct mtr_meter *changed, struct mtr_diagnostics *findings)
{
    struct mtr_catalog after = catalog;
    after.changed = changed;
    mtr_diagnostics_init(findings, 4);
    assert_int_equal(mtr_aggregator_check_change(aggregator, &catalog, &after, findings), MTR_OK);
    return findings->errors > 0;
}

static void it_is_lowered_to_what_counts(void **state)
{
    struct mtr_diagnostics findings;
    struct mtr_meter lower;
    (void)state;
    make_world(5);
    append_in("a", "eu", "1");
    append_in("b", "eu", "1");
    append_in("b", "us", "1");
    show(2, 2);
    fold_until_idle();
    lower = *grouped;
    lower.dimension_values_max = 1;
    assert_true(is_refused(&lower, &findings));
    assert_string_equal(findings.items[0].text, "the meter counts 2 different values for `b` already: it can be "
                                                "lowered to that, and not below");
    assert_string_equal(findings.items[0].field, "dimension_values_max");
    mtr_diagnostics_release(&findings);
    lower.dimension_values_max = 2;
    assert_false(is_refused(&lower, &findings));
    mtr_diagnostics_release(&findings);
}

/* A meter that holds events has taken them. */
static void a_meter_that_holds_is_not_deleted(void **state)
{
    struct mtr_catalog after;
    struct mtr_diagnostics findings;
    (void)state;
    make_world(1);
    append_in("a", "eu", "1");
    append_in("a", "us", "1");
    show(2, 2);
    fold_until_idle();
    struct mtr_meter retired = *grouped; /* before the one that it holds, and behind no cell's hour */
    retired.retired.text = MTR_STR("2026-03-01T09:30:00Z");
    retired.retired.time_us = at("2026-03-01T09:30:00Z");
    assert_true(is_refused(&retired, &findings));
    mtr_diagnostics_release(&findings);
    after = catalog;
    after.gone = 1;
    mtr_diagnostics_init(&findings, 4);
    assert_int_equal(mtr_aggregator_check_change(aggregator, &catalog, &after, &findings), MTR_OK);
    assert_int_equal(findings.errors, 1);
    mtr_diagnostics_release(&findings);
}

/* Subscriptions of one subject share a quota: use may change hands between them. */
static void a_subject_that_comes_again_has_one_quota(void **state)
{
    (void)state;
    make_world(2);
    append_in("a", "eu", "1");
    append_in("a", "us", "1");
    append_in("a", "ap", "1");
    show(2, 1);
    fold_until_idle();
    add_subscription(&compute, "a", "UTC");
    world.subscriptions[2].start_us = at("2026-03-01T00:00:00Z");
    show(3, 1);
    fold_until_idle();
    append_in("a", "sa", "1");
    append_in("a", "us", "1");
    fold_until_idle();
    assert_string_equal(contents(), "3.1 2026-03-01T10:00 eu\x1f= 1 (1, 1-1)\n"
                                    "3.1 2026-03-01T10:00 us\x1f= 2 (2, 2-5)\n"
                                    "beyond 1.1 3\nbeyond 1.1 4\n");
}

/* ---- rollups of before there were quotas ---- */

static void put_uncounted(uint64_t seq)
{
    struct mtr_rollups_txn *txn;
    const char value[8] = {[7] = (char)seq};
    assert_int_equal(mtr_rollups_begin(store.rollups, true, &txn), MTR_OK);
    assert_int_equal(mtr_rollups_put_fact(txn, MTR_STR(MTR_FACT_UNCOUNTED), (struct mtr_str){value, 8}), MTR_OK);
    assert_int_equal(mtr_rollups_commit(txn), MTR_OK);
}

/* What was counted stays, and new values wait until the quota is above that; a rebuild says the same. */
static void what_was_counted_stays(void **state)
{
    struct world_store live;
    (void)state;
    make_world(1);
    append_in("a", "eu", "1");
    append_in("a", "us", "1");
    append_in("a", "ap", "1");
    append_in("b", "eu", "1");
    put_uncounted(5);
    append_in("a", "sa", "1");
    append_in("a", "ap", "1");
    append_in("b", "sa", "1");
    show(2, 1);
    fold_until_idle();
    static const char counted[] =
        "1.1 2026-03-01T10:00 ap\x1f= 2 (2, 3-6)\n1.1 2026-03-01T10:00 eu\x1f= 1 (1, 1-1)\n"
        "1.1 2026-03-01T10:00 us\x1f= 1 (1, 2-2)\n2.1 2026-03-01T10:00 eu\x1f= 1 (1, 4-4)\n"
        "beyond 1.1 5\nbeyond 2.1 7\n";
    assert_string_equal(contents(), counted);
    raise(2);
    assert_non_null(strstr(contents(), "beyond 1.1 5\n"));
    assert_null(strstr(contents(), "beyond 2.1"));
    const struct mtr_hash128 live_hash = store_hash(&store);
    mtr_aggregator_close(aggregator);
    live = store;
    store_open(&store);
    assert_int_equal(mtr_aggregator_take_over(store.rollups, live.rollups), MTR_OK);
    store_close(&live);
    open_aggregator(2);
    fold_until_idle();
    const struct mtr_hash128 again_hash = store_hash(&store);
    assert_true(live_hash.high == again_hash.high && live_hash.low == again_hash.low);
    raise(4);
    assert_null(strstr(contents(), "beyond"));
}

/* One that waits for the count is in none of its cells, also where an older one of the step is in the first. */
static void a_spread_event_counts_or_waits(void **state)
{
    (void)state;
    make_world(1);
    grouped->spread_over = MTR_STR("length");
    append_in("a", "eu", "1");
    add_number(&log_in_memory.events[0], "length", "0");
    append_in("a", "eu", "4");
    log_in_memory.events[1].event.time_us = at("2026-03-01T10:30:00Z");
    add_number(&log_in_memory.events[1], "length", "3600");
    put_uncounted(2);
    show(2, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 eu\x1f= 3 (2, 1-2)\n"
                                    "1.1 2026-03-01T11:00 eu\x1f= 2 (1, 2-2)\n");
}

/* ---- what a disk has lost ---- */

static void put_row(enum mtr_rollups_table table, const char *key, size_t key_size, const char *value,
                    size_t value_size)
{
    struct mtr_rollups_txn *txn;
    assert_int_equal(mtr_rollups_begin(store.rollups, true, &txn), MTR_OK);
    assert_int_equal(rollups_put(txn, table, (struct mtr_str){key, key_size},
                                 (struct mtr_str){value, value_size}),
                     MTR_OK);
    assert_int_equal(mtr_rollups_commit(txn), MTR_OK);
}

static void assert_step_is_corrupt(void)
{
    struct mtr_aggregator_result result;
    struct mtr_diagnostic diagnostic;
    show(2, 1);
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, 0, &result, &diagnostic), MTR_ECORRUPT);
}

static void a_damaged_flow_is_an_error(void **state)
{
    static const char none[8] = {0}, flow[] = "flow/\0\0\0\0\0\0\0\1";
    (void)state;
    make_world(1);
    append_in("a", "eu", "1");
    show(2, 1);
    fold_until_idle();
    put_row(MTR_TABLE_FACTS, flow, sizeof(flow) - 1, none, sizeof(none));
    assert_step_is_corrupt();
}

static void a_damaged_count_is_an_error(void **state)
{
    static const char of[] = "\0\0\0\1\0\0\0\1", counts[16] = {[7] = 1, [15] = 2}, none[8] = {0},
                      flow[] = "flow/\0\0\0\1\0\0\0\1";
    (void)state;
    make_world(2);
    append_in("a", "eu", "1");
    show(2, 1);
    fold_until_idle();
    put_row(MTR_TABLE_VALUES, of, sizeof(of) - 1, counts, sizeof(counts));
    put_row(MTR_TABLE_FACTS, flow, sizeof(flow) - 1, none, sizeof(none));
    assert_step_is_corrupt();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_beyond_waits_at_its_meter),
        CASE(what_is_taken_back_keeps_its_place),
        CASE(only_what_counts_takes_a_place),
        CASE(what_left_the_log_is_told),
        CASE(it_is_lowered_to_what_counts),
        CASE(a_meter_that_holds_is_not_deleted),
        CASE(a_subject_that_comes_again_has_one_quota),
        CASE(what_was_counted_stays),
        CASE(a_spread_event_counts_or_waits),
        CASE(a_damaged_flow_is_an_error),
        CASE(a_damaged_count_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
