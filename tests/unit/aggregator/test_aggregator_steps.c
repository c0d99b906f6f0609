/*
 * Steps of the fold: each is one transaction, or none; and the watermark moves when all is done, and never back.
 */
#include "tests/support/fold_contents.h"
#include "tests/support/store/transactions.h"

static int64_t watermark(void)
{
    return folded_cursor().watermark_us;
}

static void the_watermark_moves_only_when_all_is_folded(void **state)
{
    (void)state;
    struct mtr_aggregator_result result;
    struct mtr_diagnostic diagnostic;
    const int64_t now = at("2026-06-01T00:00:00Z");
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    show(1, 1);
    mtr_aggregator_close(aggregator);
    open_aggregator(3);
    for (int i = 0; i < 4; i++) append_value("a", "2026-03-01T10:00:00Z", "1");
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, now, &result, &diagnostic), MTR_OK);
    assert_true(!result.idle && result.events == 3 && result.next_seq == 4);
    assert_int_equal(watermark(), 0);
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, now, &result, &diagnostic), MTR_OK);
    assert_true(result.idle && result.events == 1 && result.next_seq == 5);
    assert_int_equal(watermark(), now);
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, now + 9999999, &result, &diagnostic), MTR_OK);
    assert_int_equal(watermark(), now); /* not worth a commit yet */
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, now + 10000000, &result, &diagnostic), MTR_OK);
    assert_int_equal(watermark(), now + 10000000);
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, now, &result, &diagnostic), MTR_OK);
    assert_int_equal(watermark(), now + 10000000); /* a clock that jumps back moves nothing */
    append_value("a", "2026-03-01T10:00:00Z", "1");
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, now, &result, &diagnostic), MTR_OK);
    assert_int_equal(watermark(), now + 10000000); /* nor where there is something to commit */
    add_meter(&compute, "cpu", MTR_COUNT);
    show(1, 2); /* which has five events to catch up with */
    for (int steps = 0; steps == 0 || !result.idle; steps++) {
        assert_int_equal(mtr_aggregator_step(aggregator, &catalog, now + 20000000, &result, &diagnostic), MTR_OK);
        assert_int_equal(watermark(), now + (result.idle ? 20000000 : 10000000));
        assert_true(steps || !result.idle);
    }
}

/* It is the main fold's: what takes it back does so at once. */
static void what_comes_behind_a_catch_up_is_taken_back(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    add_meter(&compute, "cpu", MTR_SUM);
    mtr_aggregator_close(aggregator);
    open_aggregator(2); /* one event of the catch-up a step */
    for (int i = 0; i < 4; i++) append_value("a", "2026-03-01T10:00:00Z", "1");
    show(1, 1);
    fold_until_idle();
    append_value("a", "2026-03-01T10:00:00Z", "8");
    append_void(5);
    show(1, 2);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 4 (4, 1-6)\n1.2 2026-03-01T10:00 = 4 (4, 1-6)\n");
}

/* Cells, what was noted beside them, and the cursor: whoever dies between two commits has all of it or none. */
static void a_step_is_one_transaction(void **state)
{
    (void)state;
    struct mtr_aggregator_result result = {.idle = false};
    struct mtr_diagnostic diagnostic;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    struct mtr_meter *grouped = add_meter(&compute, "cpu", MTR_UNIQUE);
    grouped->group_by = by_region;
    grouped->group_by_count = 1;
    mtr_aggregator_close(aggregator);
    open_aggregator(3);
    append_value("a", "2026-03-01T10:00:00Z", "1");
    append_value("nobody", "2026-03-01T10:00:00Z", "2");
    append_value("a", "2026-03-02T10:00:00Z", "4");
    append_void(1);
    append_value("a", "2026-03-01T10:00:00Z", "8");
    show(1, 1);
    for (int steps = 0; steps < 8; steps++) {
        const uint64_t before = count_transactions(store.directory);
        if (steps == 2) show(1, 2); /* which has to catch up */
        assert_int_equal(mtr_aggregator_step(aggregator, &catalog, at("2026-06-01T00:00:00Z"), &result, &diagnostic), MTR_OK);
        assert_in_range(count_transactions(store.directory) - before, result.events > 0, 1);
    }
    assert_true(result.idle);
}

static void a_failed_step_leaves_nothing(void **state)
{
    (void)state;
    struct mtr_aggregator_result result;
    struct mtr_diagnostic diagnostic;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_LAST);
    show(1, 1);
    for (int i = 0; i < 9; i++) append_value("a", "2026-03-01T10:00:00Z", "1");
    log_in_memory.fail_in = 3;
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, 0, &result, &diagnostic), MTR_EIO);
    assert_string_equal(contents(), "");
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 1 (9, 1-9)\n");
    add_meter(&compute, "cpu", MTR_COUNT);
    show(1, 2); /* that there is something to catch up with was noted */
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 1 (9, 1-9)\n1.2 2026-03-01T10:00 = 9 (9, 1-9)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_watermark_moves_only_when_all_is_folded),
        CASE(what_comes_behind_a_catch_up_is_taken_back),
        CASE(a_step_is_one_transaction),
        CASE(a_failed_step_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
