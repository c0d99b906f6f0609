/*
 * The fold: each aggregation with voids, events that wait for the catalog, meters that come late, zones, feed and watermark.
 */
#include "support/fold_world.h"

/* The whole store as text: what golden tests compare. */
static char seen[16384];
static size_t seen_size;

static void note(const char *format, ...) MTR_PRINTF(1, 2);

static void note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(seen + seen_size, sizeof(seen) - seen_size, format, args);
    va_end(args);
    assert_true(size >= 0 && (size_t)size < sizeof(seen) - seen_size);
    seen_size += (size_t)size;
}

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    char time[MTR_TIME_TEXT_BYTES], value[MTR_DECIMAL_TEXT_BYTES];
    (void)context;
    mtr_time_format(key->hour_s * MTR_US_PER_SECOND, time);
    mtr_quantity_format(cell->value, value);
    note("%" PRIu32 ".%" PRIu32 " %.16s %.*s= %s (%" PRIu64 ", %" PRIu64 "-%" PRIu64 ")\n", key->subscription, key->meter, time,
         MTR_STR_ARGS(key->dimensions), value, cell->count, cell->seq_first, cell->seq_last);
    return MTR_OK;
}

static int on_held(void *context, const struct mtr_held_event *held)
{
    (void)context;
    note("held %s %.*s %" PRIu64 "%s\n", held->reason == MTR_HELD_METER ? "type" : "subject", MTR_STR_ARGS(held->name), held->seq,
         held->voided ? " voided" : "");
    return MTR_OK;
}

static int on_quarantined(void *context, const struct mtr_quarantined_event *event)
{
    (void)context;
    note("%.*s %" PRIu64 ".%" PRIu32 "\n", MTR_STR_ARGS(event->reason), event->seq, event->meter);
    return MTR_OK;
}

static int on_fact(void *context, struct mtr_str name, struct mtr_str value)
{
    (void)context;
    (void)value;
    note("fact %.*s\n", MTR_STR_ARGS(name));
    return MTR_OK;
}

static const char *contents(void)
{
    struct mtr_rollups_txn *txn;
    seen_size = 0;
    seen[0] = '\0';
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    assert_int_equal(mtr_rollups_walk_all_cells(txn, on_cell, NULL), MTR_OK);
    assert_int_equal(mtr_rollups_walk_held(txn, &(struct mtr_held_event){.reason = MTR_HELD_SUBSCRIPTION}, on_held, NULL), MTR_OK);
    assert_int_equal(mtr_rollups_walk_held(txn, &(struct mtr_held_event){.reason = MTR_HELD_METER}, on_held, NULL), MTR_OK);
    assert_int_equal(mtr_rollups_walk_quarantined(txn, 0, on_quarantined, NULL), MTR_OK);
    assert_int_equal(mtr_rollups_walk_facts(txn, MTR_STR("release/"), on_fact, NULL), MTR_OK);
    assert_int_equal(mtr_rollups_walk_facts(txn, MTR_STR("catch_up/"), on_fact, NULL), MTR_OK);
    mtr_rollups_abort(txn);
    return seen;
}

static void every_aggregation(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    for (int aggregation = MTR_SUM; aggregation <= MTR_UNIQUE; aggregation++) add_meter(&compute, "cpu", (enum mtr_aggregation)aggregation);
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

static int on_point(void *context, const struct mtr_point *point)
{
    char time[MTR_TIME_TEXT_BYTES], quantity[MTR_DECIMAL_TEXT_BYTES];
    (void)context;
    mtr_time_format(point->time_us, time);
    mtr_quantity_format(point->quantity, quantity);
    note("%.19s #%" PRIu64 " %s\n", time, point->seq, quantity);
    return MTR_OK;
}

/* The points of meter 1 and subscription 1 in one list. */
static const char *points(int64_t hour_s, const char *dimensions, const char *from, const char *until)
{
    struct mtr_rollups_txn *txn;
    const struct mtr_cell_key list = {1, 1, hour_s, mtr_str_from(dimensions)};
    seen_size = 0;
    seen[0] = '\0';
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    assert_int_equal(mtr_rollups_walk_points(txn, &list, at(from), at(until), on_point, NULL), MTR_OK);
    mtr_rollups_abort(txn);
    return seen;
}

static void levels_stand_in_one_list_over_all_hours(void **state)
{
    (void)state;
    struct mtr_rollups_txn *txn;
    struct mtr_point point;
    struct mtr_str dimensions, next;
    const struct mtr_cell_key list = {1, 1, MTR_CELL_ALL_HOURS, MTR_STR("eu\x1F")};
    add_subscription(&compute, "a", "UTC");
    struct mtr_meter *meter = add_meter(&compute, "cpu", MTR_TIME_WEIGHTED);
    meter->group_by = by_region, meter->group_by_count = 1;
    static const char *const rows[][3] = {{"2026-03-01T10:00:00Z", "5", "eu"}, {"2026-03-01T12:30:00Z", "8", "eu"},
                                          {"2026-03-01T12:10:00Z", "7", "eu"}, {"2026-03-01T12:40:00Z", "1", "us"},
                                          {"2026-04-02T00:00:00Z", "0", "eu"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world_event *row = append(&acme, "cpu", "a", at(rows[i][0]));
        add_number(row, "value", rows[i][1]);
        add_text(row, "region", rows[i][2]);
    }
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 eu\x1F= 5 (1, 1-1)\n1.1 2026-03-01T12:00 eu\x1F= 8 (2, 2-3)\n"
                                    "1.1 2026-03-01T12:00 us\x1F= 1 (1, 4-4)\n1.1 2026-04-02T00:00 eu\x1F= 0 (1, 5-5)\n");
    assert_string_equal(points(MTR_CELL_ALL_HOURS, "eu\x1F", "2026-03-01T10:00:00Z", "2026-03-01T12:30:00Z"),
                        "2026-03-01T10:00:00 #1 5\n2026-03-01T12:10:00 #3 7\n");
    append_void(2); /* the hour's level falls back to what is left in it */
    append_void(1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 eu\x1F= 0 (0, 1-7)\n1.1 2026-03-01T12:00 eu\x1F= 7 (1, 2-6)\n"
                                    "1.1 2026-03-01T12:00 us\x1F= 1 (1, 4-4)\n1.1 2026-04-02T00:00 eu\x1F= 0 (1, 5-5)\n");
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    assert_int_equal(mtr_rollups_point_before(txn, &list, at("2026-04-01T00:00:00Z"), &point), MTR_OK);
    assert_true(point.seq == 3 && point.time_us == at("2026-03-01T12:10:00Z"));
    assert_int_equal(mtr_rollups_point_before(txn, &list, at("2026-03-01T12:10:00Z"), &point), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_next_list(txn, 1, 1, MTR_CELL_ALL_HOURS, NULL, &dimensions), MTR_OK);
    assert_true(mtr_str_equal(dimensions, MTR_STR("eu\x1F")));
    assert_int_equal(mtr_rollups_next_list(txn, 1, 1, MTR_CELL_ALL_HOURS, &dimensions, &next), MTR_OK);
    assert_true(mtr_str_equal(next, MTR_STR("us\x1F")));
    assert_int_equal(mtr_rollups_next_list(txn, 1, 1, MTR_CELL_ALL_HOURS, &next, &dimensions), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_next_list(txn, 1, 2, MTR_CELL_ALL_HOURS, NULL, &dimensions), MTR_ENOTFOUND);
    mtr_rollups_abort(txn);
}

static void changes_of_a_level_add_up_in_their_hour(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_TIME_WEIGHTED)->reports_changes = true;
    append_value("a", "2026-03-01T10:00:00Z", "5");
    append_value("a", "2026-03-01T10:30:00Z", "-2");
    append_value("a", "2026-03-01T10:40:00Z", "4");
    append_void(1);
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 2 (2, 1-4)\n");
    assert_string_equal(points(MTR_CELL_ALL_HOURS, "", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
                        "2026-03-01T10:30:00 #2 -2\n2026-03-01T10:40:00 #3 4\n");
}

/* Windows are counted from the beginning of the local hour, also of one that is short. */
static void percentile_cells_are_windows(void **state)
{
    (void)state;
    add_subscription(&compute, "k", "Asia/Kolkata");
    add_subscription(&compute, "h", "Australia/Lord_Howe");
    add_meter(&compute, "cpu", MTR_PERCENTILE)->window_s = 1200;
    append_value("k", "2026-03-29T10:49:59Z", "1");
    append_value("k", "2026-03-29T10:30:00Z", "2");
    append_value("k", "2026-03-29T10:50:00Z", "4");
    append_value("h", "2026-04-04T15:29:59Z", "8"); /* the second window of half an hour: ten minutes */
    append_value("h", "2026-04-04T15:30:00Z", "16");
    append_void(1);
    show(2, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-29T10:30 = 2 (1, 1-6)\n1.1 2026-03-29T10:50 = 4 (1, 3-3)\n"
                                    "2.1 2026-04-04T15:20 = 8 (1, 4-4)\n2.1 2026-04-04T15:30 = 16 (1, 5-5)\n");
}

static void kept_events_stand_beside_their_cell(void **state)
{
    (void)state;
    const int64_t hour_s = at("2026-03-01T10:00:00Z") / MTR_US_PER_SECOND;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_SUM)->keep_events = true;
    append_value("a", "2026-03-01T10:30:00Z", "5");
    append_value("a", "2026-03-01T10:00:00Z", "-1.5");
    append_value("a", "2026-03-01T10:30:00Z", "5");
    append_value("a", "2026-03-01T11:00:00Z", "9");
    append_void(1);
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 3.5 (2, 1-5)\n1.1 2026-03-01T11:00 = 9 (1, 4-4)\n");
    assert_string_equal(points(hour_s, "", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
                        "2026-03-01T10:00:00 #2 -1.5\n2026-03-01T10:30:00 #3 5\n");
}

static void append_stretch(const char *time, const char *value, const char *length)
{
    struct world_event *row = append(&acme, "cpu", "a", at(time));
    add_number(row, "value", value);
    add_number(row, "length", length);
}

static void a_quantity_is_spread_over_its_length(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_SUM)->spread_over = MTR_STR("length");
    append_stretch("2026-03-01T10:30:00Z", "10", "5400");   /* 30 and 60 of 90 minutes */
    append_stretch("2026-03-01T10:59:59Z", "1", "1");       /* up to the border, not into the next hour */
    append_stretch("2026-03-01T11:00:00Z", "7", "0");       /* a moment */
    append_stretch("2026-03-01T09:00:00Z", "1", "-1");
    append_stretch("2026-03-01T09:00:00Z", "1", "2764800.1");
    append_value("a", "2026-03-01T09:00:00Z", "1");
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 4.333333333333 (2, 1-2)\n1.1 2026-03-01T11:00 = 13.666666666667 (2, 1-3)\n"
                                    "invalid 4.1\ninvalid 5.1\ninvalid 6.1\n");
    append_void(1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 1 (1, 1-7)\n1.1 2026-03-01T11:00 = 7 (1, 1-7)\n"
                                    "invalid 4.1\ninvalid 5.1\ninvalid 6.1\n");
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
    struct mtr_meter *grouped = add_meter(&compute, "cpu", MTR_SUM), *filtered = add_meter(&compute, "cpu", MTR_COUNT);
    grouped->group_by = by_region;
    grouped->group_by_count = 1;
    filtered->filters = only_eu;
    filtered->filter_count = 1;
    const char *const regions[] = {"eu", "us", NULL, "eu", "a\x1f"};
    for (int i = 0; i < 5; i++) {
        append_value("a", "2026-03-01T10:00:00Z", "1");
        if (regions[i]) add_text(&log_in_memory.events[log_in_memory.count - 1], "region", regions[i]);
    }
    append_value("a", "2026-03-01T10:00:00Z", "1");
    add_number(&log_in_memory.events[5], "region", "1.0"); /* a number is its canonical text */
    show(1, 2);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 \x1f= 1 (1, 3-3)\n1.1 2026-03-01T10:00 1\x1f= 1 (1, 6-6)\n"
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
    add_text(append(&acme, "cpu", "a", time), "value", "12.5");                   /* 2: text of a decimal is a number */
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
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = -9999999999999987.5 (2, 2-6)\n1.2 2026-03-01T10:00 = 5 (5, 1-10)\n"
                                    "invalid 1.1\ninvalid 3.1\ninvalid 4.1\noverflow 5.1\nconflict 7.0\nexpired 8.0\nfuture 9.0\n"
                                    "void_twice 11.0\nvoid_unknown 14.0\nvoid_unknown 15.0\n");
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
    assert_string_equal(contents(), "held subject a 1\nheld subject a 3 voided\nheld subject b 2\nheld subject nobody 4\n");
    show(2, 0); /* subjects known, no meter */
    fold_until_idle();
    assert_string_equal(contents(), "held subject nobody 4\nheld type cpu 1\nheld type cpu 2\nheld type cpu 3 voided\n");
    show(2, 1); /* compute's meter says nothing about storage */
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 1 (1, 1-5)\nheld subject nobody 4\nheld type cpu 2\n");
    show(2, 2);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 1 (1, 1-5)\n2.2 2026-03-01T10:00 = 2 (1, 2-2)\nheld subject nobody 4\n");
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

static void a_gap_in_the_log_is_never_skipped(void **state)
{
    (void)state;
    struct mtr_aggregator_result result;
    struct mtr_diagnostic diagnostic;
    for (int i = 0; i < 10; i++) append_value("a", "2026-03-01T10:00:00Z", "1");
    log_in_memory.first_retained = 9;
    show(0, 0);
    assert_int_equal(mtr_aggregator_step(aggregator, &catalog, 0, &result, &diagnostic), MTR_ECORRUPT);
    assert_non_null(strstr(diagnostic.text, "begins at sequence 9"));
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

static int64_t watermark(void)
{
    struct mtr_rollups_txn *txn;
    uint64_t next_seq, change;
    int64_t watermark_us;
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    assert_int_equal(mtr_rollups_get_cursor(txn, &next_seq, &watermark_us, &change), MTR_OK);
    mtr_rollups_abort(txn);
    return watermark_us;
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
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_aggregation),
        CASE(of_equal_times_the_later_sequence_is_last),
        CASE(levels_stand_in_one_list_over_all_hours),
        CASE(changes_of_a_level_add_up_in_their_hour),
        CASE(percentile_cells_are_windows),
        CASE(kept_events_stand_beside_their_cell),
        CASE(a_quantity_is_spread_over_its_length),
        CASE(cells_are_hours_of_the_subscriptions_zone),
        CASE(dimensions_and_filters),
        CASE(what_cannot_count_is_quarantined_with_its_reason),
        CASE(held_events_flow_when_the_catalog_learns),
        CASE(a_late_meter_catches_up_from_the_log),
        CASE(a_gap_in_the_log_is_never_skipped),
        CASE(an_older_catalog_is_refused),
        CASE(the_feed_names_changed_days_once),
        CASE(the_watermark_moves_only_when_all_is_folded),
        CASE(a_failed_step_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
