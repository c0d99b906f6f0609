/*
 * The fold: each aggregation with voids, events that wait for the catalog, meters that come late, zones and
 * feed. Its steps are in test_aggregator_steps.c.
 */
#include "tests/support/fold_contents.h"

static void every_aggregation(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    for (int aggregation = MTR_SUM; aggregation <= MTR_UNIQUE; aggregation++)
        add_meter(&compute, "cpu", (enum mtr_aggregation)aggregation);
    append_value("a", "2026-03-01T10:00:00Z", "5");
    append_value("a", "2026-03-01T10:59:59.999999Z", "-1.5");
    append_value("a", "2026-03-01T10:30:00Z", "5.0");
    append_value("a", "2026-03-01T11:00:00Z", "2");
    show(1, 6);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 8.5 (3, 1-3)\n1.1 2026-03-01T11:00 = 2 (1, 4-4)\n"
                                    "1.2 2026-03-01T10:00 = 3 (3, 1-3)\n1.2 2026-03-01T11:00 = 1 (1, 4-4)\n"
                                    "1.3 2026-03-01T10:00 = -1.5 (3, 1-3)\n1.3 2026-03-01T11:00 = 2 (1, 4-4)\n"
                                    "1.4 2026-03-01T10:00 = 5 (3, 1-3)\n1.4 2026-03-01T11:00 = 2 (1, 4-4)\n"
                                    "1.5 2026-03-01T10:00 = -1.5 (3, 1-3)\n1.5 2026-03-01T11:00 = 2 (1, 4-4)\n"
                                    "1.6 2026-03-01T10:00 = 2 (3, 1-3)\n1.6 2026-03-01T11:00 = 1 (1, 4-4)\n");
    append_void(2); /* min and last fall back; of the cell at 11 nothing is left but its trace */
    append_void(4);
    append_void(1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 5 (1, 1-7)\n1.1 2026-03-01T11:00 = 0 (0, 4-6)\n"
                                    "1.2 2026-03-01T10:00 = 1 (1, 1-7)\n1.2 2026-03-01T11:00 = 0 (0, 4-6)\n"
                                    "1.3 2026-03-01T10:00 = 5 (1, 1-7)\n1.3 2026-03-01T11:00 = 0 (0, 4-6)\n"
                                    "1.4 2026-03-01T10:00 = 5 (1, 1-7)\n1.4 2026-03-01T11:00 = 0 (0, 4-6)\n"
                                    "1.5 2026-03-01T10:00 = 5 (1, 1-7)\n1.5 2026-03-01T11:00 = 0 (0, 4-6)\n"
                                    "1.6 2026-03-01T10:00 = 1 (1, 1-7)\n1.6 2026-03-01T11:00 = 0 (0, 4-6)\n");
}

static void of_equal_times_the_later_sequence_is_last(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_LAST);
    append_value("a", "2026-03-01T10:00:00Z", "9");
    append_value("a", "2026-03-01T10:00:00Z", "-3");
    append_value("a", "2026-03-01T10:00:00Z", "4");
    append_void(3);
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = -3 (2, 1-4)\n");
}

static void cells_are_hours_of_the_subscriptions_zone(void **state)
{
    (void)state;
    add_subscription(&compute, "k", "Asia/Kolkata");
    add_subscription(&compute, "h", "Australia/Lord_Howe");
    add_meter(&compute, "cpu", MTR_SUM);
    append_value("k", "2026-03-29T10:29:59Z", "1");
    append_value("k", "2026-03-29T10:30:00Z", "2");
    append_value("h", "2026-04-04T14:59:59Z", "4"); /* 01:59:59 +11; then clocks go back to 01:30 +10:30 */
    append_value("h", "2026-04-04T15:00:00Z", "8");
    append_value("h", "2026-04-04T15:30:00Z", "16");
    show(2, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-29T09:30 = 1 (1, 1-1)\n1.1 2026-03-29T10:30 = 2 (1, 2-2)\n"
                                    "2.1 2026-04-04T14:00 = 4 (1, 3-3)\n2.1 2026-04-04T15:00 = 8 (1, 4-4)\n"
                                    "2.1 2026-04-04T15:30 = 16 (1, 5-5)\n");
}

static void dimensions_and_filters(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    struct mtr_meter *grouped = add_meter(&compute, "cpu", MTR_SUM),
                     *filtered = add_meter(&compute, "cpu", MTR_COUNT);
    grouped->group_by = by_region;
    grouped->group_by_count = 1;
    filter_regions(filtered);
    const char *const regions[] = {"eu", "us", NULL, "eu", "a\x1f"};
    for (int i = 0; i < 5; i++) {
        append_value("a", "2026-03-01T10:00:00Z", "1");
        if (regions[i]) add_text(&log_in_memory.events[log_in_memory.count - 1], "region", regions[i]);
    }
    append_value("a", "2026-03-01T10:00:00Z", "1");
    add_number(&log_in_memory.events[5], "region", "1.0"); /* a number is its canonical text */
    show(1, 2);
    fold_until_idle();
    assert_string_equal(contents(),
                        "1.1 2026-03-01T10:00 \x1f= 1 (1, 3-3)\n1.1 2026-03-01T10:00 1\x1f= 1 (1, 6-6)\n"
                        "1.1 2026-03-01T10:00 eu\x1f= 2 (2, 1-4)\n1.1 2026-03-01T10:00 us\x1f= 1 (1, 2-2)\n"
                        "1.2 2026-03-01T10:00 = 3 (3, 1-6)\ndimensions 5.1\n");
}

static void what_cannot_count_is_quarantined_with_its_reason(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    add_meter(&compute, "cpu", MTR_COUNT);
    int64_t time = at("2026-03-01T10:00:00Z");
    append(&acme, "cpu", "a", time);                                              /* 1: no value */
    /* 2: text of a decimal is a number */
    add_text(append(&acme, "cpu", "a", time), "value", "12.5");
    add_text(append(&acme, "cpu", "a", time), "value", "12,5");                   /* 3 */
    add_text(append(&acme, "cpu", "a", time), "value", "0.0000000000001");        /* 4: 13 digits */
    add_text(append(&acme, "cpu", "a", time), "value", "10000000000000001");      /* 5 */
    add_text(append(&acme, "cpu", "a", time), "value", "-10000000000000000");     /* 6: the largest allowed */
    for (int d = MTR_DISPOSITION_CONFLICT; d <= MTR_DISPOSITION_FUTURE; d++)      /* 7 8 9 */
        append(&acme, "cpu", "a", time)->event.disposition = (enum mtr_disposition)d;
    append_void(3);  /* 10: takes it from the counter only */
    append_void(3);  /* 11 */
    append_void(7);  /* 12: a conflict never counted */
    append_void(10); /* 13: a void cannot be taken back */
    append_void(14); /* 14: itself */
    append_void(0);  /* 15 */
    show(1, 2);
    fold_until_idle();
    assert_string_equal(
        contents(),
        "1.1 2026-03-01T10:00 = -9999999999999987.5 (2, 2-6)\n1.2 2026-03-01T10:00 = 5 (5, 1-10)\n"
        "invalid 3.1\ninvalid 4.1\noverflow 5.1\nconflict 7.0\nexpired 8.0\nfuture 9.0\n"
        "void_twice 11.0\nvoid_unknown 14.0\nvoid_unknown 15.0\n");
}

static void what_lacks_a_property_counts_elsewhere(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    struct mtr_meter *sized = add_meter(&compute, "cpu", MTR_SUM);
    sized->value = MTR_STR("size");
    struct mtr_meter *strict = add_meter(&compute, "cpu", MTR_MAX);
    strict->value = MTR_STR("size");
    strict->missing_is_invalid = true;
    const int64_t time = at("2026-03-01T10:00:00Z");
    append_value("a", "2026-03-01T10:00:00Z", "5");                      /* 1: the first alone counts it */
    add_number(append(&acme, "cpu", "a", time), "size", "7");            /* 2: the others alone */
    append(&acme, "cpu", "a", time);                                     /* 3: the strict one says so */
    show(1, 2);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 5 (1, 1-1)\n1.2 2026-03-01T10:00 = 7 (1, 2-2)\n"
                                    "held type cpu 3\n");
    show(1, 3);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 5 (1, 1-1)\n1.2 2026-03-01T10:00 = 7 (1, 2-2)\n"
                                    "1.3 2026-03-01T10:00 = 7 (1, 2-2)\ninvalid 1.3\ninvalid 3.3\n");
}

static void what_every_meter_lacks_waits_for_one_that_can_take_it(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    struct mtr_meter *filtered = add_meter(&compute, "cpu", MTR_COUNT);
    filter_regions(filtered);
    add_meter(&compute, "cpu", MTR_COUNT);
    const int64_t time = at("2026-03-01T10:00:00Z");
    append(&acme, "cpu", "a", time);
    append(&acme, "cpu", "a", time);
    append_void(2);
    show(0, 1); /* the subject first, then the property */
    fold_until_idle();
    assert_string_equal(contents(), "held subject a 1\nheld subject a 2 voided\n");
    show(1, 2);
    fold_until_idle();
    assert_string_equal(contents(), "held type cpu 1\nheld type cpu 2 voided\n");
    append_void(1);
    append(&acme, "cpu", "a", time);
    show(1, 3); /* a late meter: it catches up, and finds nothing held */
    fold_until_idle();
    assert_string_equal(contents(), "1.3 2026-03-01T10:00 = 1 (1, 1-5)\n");
}

static void held_events_flow_when_the_catalog_learns(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_subscription(&storage, "b", "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    add_meter(&storage, "cpu", MTR_SUM);
    append_value("a", "2026-03-01T10:00:00Z", "1");
    append_value("b", "2026-03-01T10:00:00Z", "2");
    append_value("a", "2026-03-01T10:00:00Z", "4");
    append_value("nobody", "2026-03-01T10:00:00Z", "8");
    append_void(3);
    show(0, 0);
    fold_until_idle();
    assert_string_equal(
        contents(), "held subject a 1\nheld subject a 3 voided\nheld subject b 2\nheld subject nobody 4\n");
    show(2, 0); /* subjects known, no meter */
    fold_until_idle();
    assert_string_equal(contents(),
                        "held subject nobody 4\nheld type cpu 1\nheld type cpu 2\nheld type cpu 3 voided\n");
    show(2, 1); /* compute's meter says nothing about storage */
    fold_until_idle();
    assert_string_equal(contents(),
                        "1.1 2026-03-01T10:00 = 1 (1, 1-5)\nheld subject nobody 4\nheld type cpu 2\n");
    show(2, 2);
    fold_until_idle();
    assert_string_equal(
        contents(),
        "1.1 2026-03-01T10:00 = 1 (1, 1-5)\n2.2 2026-03-01T10:00 = 2 (1, 2-2)\nheld subject nobody 4\n");
}

static void a_late_meter_catches_up_from_the_log(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_subscription(&compute, "b", "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    add_meter(&compute, "cpu", MTR_MAX);
    mtr_aggregator_close(aggregator);
    open_aggregator(2); /* one event of the catch-up a step */
    append_value("a", "2026-03-01T10:00:00Z", "1");
    append_value("b", "2026-03-01T10:00:00Z", "64");
    append_value("a", "2026-03-01T10:00:00Z", "9");
    append_value("a", "2026-03-01T10:00:00Z", "2");
    append_void(3);
    show(1, 1);
    fold_until_idle();
    struct mtr_aggregator_result result;
    struct mtr_diagnostic diagnostic;
    show(1, 2);
    append_value("a", "2026-03-01T10:00:00Z", "3");
    append_void(4); /* not caught up yet: must not be subtracted from the late meter twice */
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, 0, &result, &diagnostic), MTR_OK);
    assert_false(result.idle);
    show(2, 2); /* b's event is held while the catch-up passes it */
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 4 (2, 1-7)\n1.2 2026-03-01T10:00 = 3 (2, 1-7)\n"
                                    "2.1 2026-03-01T10:00 = 64 (1, 2-2)\n2.2 2026-03-01T10:00 = 64 (1, 2-2)\n");
}

/* What a change to a subscription with that one cut is refused with; empty: it is not. */
static struct mtr_str refused_cut(struct mtr_diagnostics *findings, const char *time)
{
    int64_t cut_us = at(time);
    struct mtr_subscription changed = world.subscriptions[0];
    struct mtr_catalog after = catalog;
    changed.cuts_us = &cut_us;
    changed.cut_count = 1;
    changed.end_us = cut_us;
    after.changed_subscription = &changed;
    mtr_diagnostics_init(findings, 4);
    assert_int_equal(mtr_aggregator_check_change(aggregator, &catalog, &after, findings), MTR_OK);
    return findings->errors ? mtr_str_from(findings->items[0].text) : (struct mtr_str){0};
}

static void a_cell_is_not_cut_where_the_log_is_gone(void **state)
{
    static const struct {
        const char *time;
        bool refused;
    } cases[] = {{"2026-03-01T10:20:00Z", true},  {"2026-03-01T10:59:59.999999Z", true},
                 {"2026-03-01T11:30:00Z", false}, /* no use of that hour */
                 {"2026-03-01T12:05:00Z", false}}; /* the log still has it */
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    append_value("a", "2026-03-01T10:00:00Z", "1");
    append_value("a", "2026-03-01T10:40:00Z", "2");
    append_value("a", "2026-03-01T12:10:00Z", "4");
    show(1, 1);
    fold_until_idle();
    log_in_memory.first_retained = 3;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mtr_diagnostics findings;
        const struct mtr_str text = refused_cut(&findings, cases[i].time);
        assert_int_equal(text.size > 0, cases[i].refused);
        if (text.size) assert_non_null(strstr(findings.items[0].text, "the log no longer has its events"));
        mtr_diagnostics_release(&findings);
    }
}

/* Subscriptions whose events lie between one another's: each block is read for all of them, not for each. */
static void cells_are_cut_anew_with_few_reads_of_the_log(void **state)
{
    static const char subjects[WORLD_SUBSCRIPTIONS_MAX][2] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                                              "i", "j", "k", "l", "m", "n", "o", "p"};
    enum { ROUNDS = 32, BLOCKS = ROUNDS * WORLD_SUBSCRIPTIONS_MAX / 4 };
    const int64_t cut_us = at("2026-03-01T10:30:00Z");
    (void)state;
    for (int i = 0; i < WORLD_SUBSCRIPTIONS_MAX; i++) add_subscription(&compute, subjects[i], "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    for (int i = 0; i < ROUNDS; i++)
        for (int k = 0; k < WORLD_SUBSCRIPTIONS_MAX; k++)
            append_value(subjects[k], i % 2 ? "2026-03-01T10:10:00Z" : "2026-03-01T10:40:00Z", "1");
    show(WORLD_SUBSCRIPTIONS_MAX, 1);
    fold_until_idle();
    for (int k = 0; k < WORLD_SUBSCRIPTIONS_MAX; k++) {
        world.subscriptions[k].start_us = at("2026-03-01T00:00:00Z");
        world.subscriptions[k].end_us = at("2027-03-01T00:00:00Z");
        world.subscriptions[k].cuts_us = &cut_us;
        world.subscriptions[k].cut_count = 1;
    }
    show(WORLD_SUBSCRIPTIONS_MAX, 1);
    log_in_memory.reads = 0;
    fold_until_idle();
    assert_non_null(strstr(contents(), "1.1 2026-03-01T10:00 = 16 (16, 17-497)\n"
                                       "1.1 2026-03-01T10:30 = 16 (16, 1-481)\n"));
    assert_in_range(log_in_memory.reads, 2 * BLOCKS, 3 * BLOCKS); /* scan, and a switch or two */
}

/* A second subscription of a subject takes over what was counted for the first, or is refused. */
static void use_changes_hands_where_the_log_has_it(void **state)
{
    struct mtr_diagnostics findings;
    struct mtr_catalog after;
    (void)state;
    for (int i = 0; i < 2; i++) add_subscription(&compute, "a", "UTC");
    world.subscriptions[1].start_us = at("2026-03-01T11:00:00Z");
    add_meter(&compute, "cpu", MTR_SUM);
    append_value("a", "2026-03-01T10:00:00Z", "1");
    append_value("a", "2026-03-01T11:30:00Z", "2");
    append_value("a", "2026-03-01T12:10:00Z", "4");
    show(1, 1);
    fold_until_idle();
    world_show(&after, 2, 1);
    for (uint64_t first = 3; first >= 2; first--) {
        log_in_memory.first_retained = first;
        mtr_diagnostics_init(&findings, 4);
        assert_int_equal(mtr_aggregator_check_change(aggregator, &catalog, &after, &findings), MTR_OK);
        assert_int_equal(findings.errors, first == 3);
        if (findings.errors) assert_non_null(strstr(findings.items[0].text, "can change hands no more"));
        mtr_diagnostics_release(&findings);
    }
    show(2, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 1 (1, 1-1)\n"
                                    "2.1 2026-03-01T11:00 = 2 (1, 2-2)\n"
                                    "2.1 2026-03-01T12:00 = 4 (1, 3-3)\n");
}

static void a_gap_in_the_log_is_never_skipped(void **state)
{
    (void)state;
    struct mtr_aggregator_result result;
    struct mtr_diagnostic diagnostic;
    for (int i = 0; i < 10; i++) append_value("a", "2026-03-01T10:00:00Z", "1");
    log_in_memory.first_retained = 9;
    show(0, 0);
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, 0, &result, &diagnostic), MTR_ENOTFOUND);
    assert_non_null(strstr(diagnostic.text, "the log begins at event 9: those before it were removed after log.retention"));
    assert_int_equal(diagnostic.code, MTR_FINDING_STORE_LOG_REMOVED);
    assert_string_equal(contents(), "");
}

static void an_older_catalog_is_refused(void **state)
{
    (void)state;
    struct mtr_aggregator_result result;
    struct mtr_diagnostic diagnostic;
    add_subscription(&compute, "a", "UTC");
    show(1, 0);
    fold_until_idle();
    show(0, 0);
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, 0, &result, &diagnostic), MTR_ECORRUPT);
}

static int on_feed(void *context, const struct mtr_feed_row *row)
{
    (void)context;
    note("%" PRIu64 ": %" PRIu32 " %" PRIu32 "\n", row->change, row->subscription, row->day);
    return MTR_OK;
}

static const char *feed(uint64_t after)
{
    struct mtr_rollups_txn *txn;
    seen_size = 0;
    seen[0] = '\0';
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    assert_int_equal(mtr_rollups_walk_feed(txn, after, on_feed, NULL), MTR_OK);
    mtr_rollups_abort(txn);
    return seen;
}

static void the_feed_names_changed_days_once(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_subscription(&compute, "b", "UTC");
    add_meter(&compute, "cpu", MTR_SUM);
    add_meter(&compute, "cpu", MTR_COUNT);
    append_value("a", "1970-01-02T10:00:00Z", "1");
    append_value("a", "1970-01-03T10:00:00Z", "1");
    append_value("b", "1970-01-02T10:00:00Z", "1");
    append_value("a", "1970-01-02T11:00:00Z", "1");
    show(2, 2);
    fold_until_idle();
    assert_string_equal(feed(0), "3: 1 1\n4: 1 2\n5: 2 1\n"); /* each row a number of its own */
    append_value("a", "1970-01-02T23:00:00Z", "1"); /* late usage: its own day changes */
    fold_until_idle();
    assert_string_equal(feed(0), "4: 1 2\n5: 2 1\n6: 1 1\n");
    append_value("nobody", "1970-01-02T23:00:00Z", "1"); /* no cell, no change */
    fold_until_idle();
    assert_string_equal(feed(5), "6: 1 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_aggregation),
        CASE(of_equal_times_the_later_sequence_is_last),
        CASE(cells_are_hours_of_the_subscriptions_zone),
        CASE(dimensions_and_filters),
        CASE(what_cannot_count_is_quarantined_with_its_reason),
        CASE(what_lacks_a_property_counts_elsewhere),
        CASE(what_every_meter_lacks_waits_for_one_that_can_take_it),
        CASE(held_events_flow_when_the_catalog_learns),
        CASE(a_late_meter_catches_up_from_the_log),
        CASE(a_cell_is_not_cut_where_the_log_is_gone),
        CASE(cells_are_cut_anew_with_few_reads_of_the_log),
        CASE(use_changes_hands_where_the_log_has_it),
        CASE(a_gap_in_the_log_is_never_skipped),
        CASE(an_older_catalog_is_refused),
        CASE(the_feed_names_changed_days_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
