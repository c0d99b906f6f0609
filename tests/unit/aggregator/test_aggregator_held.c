/*
 * Held events that are dropped, and those that leave the log: what is said of them, and that nothing of it
 * depends on when the catalog learned of them.
 */
#include "tests/support/fold_contents.h"

/* As the daemon does it. */
static void append_drop(uint64_t target_seq, const char *why)
{
    struct world_event *row = append(&acme, MTR_EVENT_TYPE_DROP, "a", at("2026-04-01T00:00:00Z"));
    add_text(row, MTR_EVENT_PROPERTY_WHY, why);
    add_text(row, MTR_EVENT_PROPERTY_REASON, "a typo of theirs");
    row->event.disposition = MTR_DISPOSITION_VOID;
    row->event.target_seq = target_seq;
}

static void add_two_of_a(void)
{
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    append_value("a", "2026-03-01T10:00:00Z", "1");
    append_value("a", "2026-03-01T10:00:00Z", "2");
}

static void what_is_dropped_is_in_quarantine_and_never_counts(void **state)
{
    (void)state;
    add_two_of_a();
    append_drop(1, MTR_QUARANTINE_DROPPED);
    show(0, 0);
    fold_until_idle();
    assert_string_equal(contents(), "held subject a 1 voided\nheld subject a 2\ndropped 1.0\n");
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 2 (1, 1-3)\ndropped 1.0\n");
}

static void it_says_what_dropped_it(void **state)
{
    (void)state;
    add_two_of_a();
    append_drop(1, MTR_QUARANTINE_HELD_TOO_LONG);
    append_drop(2, "some other word");
    append_drop(1, MTR_QUARANTINE_DROPPED); /* once */
    show(0, 0);
    fold_until_idle();
    assert_string_equal(contents(), "held subject a 1 voided\nheld subject a 2 voided\nheld_too_long 1.0\n"
                                    "dropped 2.0\nvoid_twice 5.0\n");
}

static struct mtr_hash128 folded_anew(void)
{
    mtr_aggregator_close(aggregator);
    store_close(&store);
    store_open(&store);
    open_aggregator(1000);
    fold_until_idle();
    return store_hash(&store);
}

/* Dropped first and known later, or known from the start. */
static void a_rebuild_gives_the_same(void **state)
{
    (void)state;
    add_two_of_a();
    append_drop(2, MTR_QUARANTINE_DROPPED);
    append_value("a", "2026-03-01T11:00:00Z", "4");
    show(0, 0);
    fold_until_idle();
    show(1, 0);
    fold_until_idle();
    show(1, 1);
    fold_until_idle();
    const struct mtr_hash128 live = store_hash(&store), again = folded_anew();
    assert_true(live.high == again.high && live.low == again.low);
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 1 (1, 1-3)\n1.1 2026-03-01T11:00 = 4 (1, 4-4)\n"
                                    "dropped 2.0\n");
}

/* It is no loss, and nobody is told of one. */
static void what_was_dropped_leaves_the_log_in_silence(void **state)
{
    (void)state;
    add_two_of_a();
    append_drop(1, MTR_QUARANTINE_DROPPED);
    show(0, 0);
    fold_until_idle();
    log_in_memory.first_retained = 3;
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(), "dropped 1.0\nexpired 2.0\n");
}

/* The same of one that a meter held beyond its quota, and that was taken back. */
static void nor_is_anybody_told_of_one_beyond_a_quota(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    struct mtr_meter *meter = add_meter(&compute, "cpu", MTR_SUM);
    meter->group_by = by_region;
    meter->group_by_count = 1;
    meter->dimension_values_max = 1;
    for (int i = 0; i < 3; i++) {
        append_value("a", "2026-03-01T10:00:00Z", "1");
        add_text(&log_in_memory.events[i], "region", i ? i == 1 ? "us" : "eu" : "in");
    }
    append_void(2);
    show(1, 1);
    fold_until_idle();
    assert_non_null(strstr(contents(), "beyond 1.1 2\nbeyond 1.1 3\n"));
    log_in_memory.first_retained = 4;
    meter->dimension_values_max = 3;
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 in\x1f= 1 (1, 1-1)\nexpired 3.1\n");
}

/* Of four that are held the log has the last, and a copy of the second. */
static void add_carried(void)
{
    add_two_of_a();
    for (int i = 0; i < 5; i++) append_value(i < 2 ? "a" : "b", "2026-03-01T10:00:00Z", i ? "8" : "4");
    show(0, 0);
    fold_until_idle();
    log_in_memory.first_retained = 4;
    log_in_memory.is_carried[1] = true;
}

static void what_was_carried_flows(void **state)
{
    (void)state;
    add_carried();
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 10 (2, 2-4)\nheld subject b 5\nheld subject b 6\n"
                                    "held subject b 7\nexpired 1.0\nexpired 3.0\n");
}

static void what_was_carried_is_taken_back(void **state)
{
    (void)state;
    add_carried();
    append_void(2);
    fold_until_idle();
    assert_non_null(strstr(contents(), "held subject a 2 voided\n"));
    show(1, 1);
    fold_until_idle();
    assert_non_null(strstr(contents(), "1.1 2026-03-01T10:00 = 8 (1, 2-8)\n"));
}

/* A meter that comes late reads the log again, and the copies of what is no longer in it: once each. */
static void a_late_meter_finds_what_was_carried(void **state)
{
    (void)state;
    for (uint32_t step = 1; step <= 3; step++) {
        add_carried();
        add_subscription(&compute, "b", "UTC");
        add_meter(&compute, "cpu", MTR_SUM);
        mtr_aggregator_close(aggregator);
        open_aggregator(step);
        show(2, 1);
        fold_until_idle();
        show(2, 2);
        fold_until_idle();
        assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 10 (2, 2-4)\n1.2 2026-03-01T10:00 = 10 (2, 2-4)\n"
                                        "2.1 2026-03-01T10:00 = 24 (3, 5-7)\n2.2 2026-03-01T10:00 = 24 (3, 5-7)\n"
                                        "expired 1.0\nexpired 3.0\n");
        assert_int_equal(teardown(state) + setup(state), 0);
    }
}

/* Both at once: what is released waits for the meter that has still to come there. */
static void a_meter_and_a_subject_that_come_late_together(void **state)
{
    (void)state;
    for (uint32_t step = 1; step <= 3; step++) {
        add_carried();
        add_subscription(&compute, "b", "UTC");
        add_meter(&compute, "cpu", MTR_SUM);
        world.subscriptions[0].subject = MTR_STR("b");
        world.subscriptions[1].subject = MTR_STR("a");
        mtr_aggregator_close(aggregator);
        open_aggregator(step);
        show(1, 1);
        fold_until_idle();
        show(2, 2);
        fold_until_idle();
        assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 24 (3, 5-7)\n1.2 2026-03-01T10:00 = 24 (3, 5-7)\n"
                                        "2.1 2026-03-01T10:00 = 10 (2, 2-4)\n2.2 2026-03-01T10:00 = 10 (2, 2-4)\n"
                                        "expired 1.0\nexpired 3.0\n");
        assert_int_equal(teardown(state) + setup(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_dropped_is_in_quarantine_and_never_counts),
        CASE(it_says_what_dropped_it),
        CASE(a_rebuild_gives_the_same),
        CASE(what_was_dropped_leaves_the_log_in_silence),
        CASE(nor_is_anybody_told_of_one_beyond_a_quota),
        CASE(what_was_carried_flows),
        CASE(what_was_carried_is_taken_back),
        CASE(a_late_meter_finds_what_was_carried),
        CASE(a_meter_and_a_subject_that_come_late_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
