/*
 * Meters that keep more than a cell: levels in one list over all hours, windows of percentiles, kept events,
 * and quantities that are spread over their length.
 */
#include "tests/support/fold_contents.h"

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
static const char *points(int64_t start_us, const char *dimensions, const char *from, const char *until)
{
    struct mtr_rollups_txn *txn;
    const struct mtr_cell_key list = {1, 1, start_us, mtr_str_from(dimensions)};
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
    static const char *const rows[][3] = {{"2026-03-01T10:00:00Z", "5", "eu"},
                                          {"2026-03-01T12:30:00Z", "8", "eu"},
                                          {"2026-03-01T12:10:00Z", "7", "eu"},
                                          {"2026-03-01T12:40:00Z", "1", "us"},
                                          {"2026-04-02T00:00:00Z", "0", "eu"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world_event *row = append(&acme, "cpu", "a", at(rows[i][0]));
        add_number(row, "value", rows[i][1]);
        add_text(row, "region", rows[i][2]);
    }
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(),
                        "1.1 2026-03-01T10:00 eu\x1F= 5 (1, 1-1)\n1.1 2026-03-01T12:00 eu\x1F= 8 (2, 2-3)\n"
                        "1.1 2026-03-01T12:00 us\x1F= 1 (1, 4-4)\n1.1 2026-04-02T00:00 eu\x1F= 0 (1, 5-5)\n");
    assert_string_equal(points(MTR_CELL_ALL_HOURS, "eu\x1F", "2026-03-01T10:00:00Z", "2026-03-01T12:30:00Z"),
                        "2026-03-01T10:00:00 #1 5\n2026-03-01T12:10:00 #3 7\n");
    append_void(2); /* the hour's level falls back to what is left in it */
    append_void(1);
    fold_until_idle();
    assert_string_equal(contents(),
                        "1.1 2026-03-01T10:00 eu\x1F= 0 (0, 1-7)\n1.1 2026-03-01T12:00 eu\x1F= 7 (1, 2-6)\n"
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

static void a_counter_grows_from_reading_to_reading(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_COUNTER_INCREASE);
    append_value("a", "2026-03-31T22:10:00Z", "100");  /* 1: says where it stands, no more */
    append_value("a", "2026-03-31T22:50:00Z", "130");  /* 2 */
    append_value("a", "2026-03-31T23:59:59.999999Z", "130.5");
    append_value("a", "2026-04-01T00:00:00Z", "140");  /* 4: over the border of a month */
    append_value("a", "2026-04-01T05:00:00Z", "7");    /* 5: it was reset since */
    append_value("a", "2026-04-01T05:30:00Z", "9");    /* 6 */
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(),
                        "1.1 2026-03-31T22:00 = 30 (2, 1-2)\n1.1 2026-03-31T23:00 = 0.5 (1, 3-3)\n"
                        "1.1 2026-04-01T00:00 = 9.5 (1, 4-4)\n1.1 2026-04-01T05:00 = 9 (2, 5-6)\n");
    append_value("a", "2026-03-31T23:10:00Z", "130.25"); /* 7: late, between two: nothing is lost or doubled */
    append_value("a", "2026-04-01T04:00:00Z", "150");    /* 8: late, before a reset: more was counted than was seen */
    append_value("a", "2026-03-30T00:00:00Z", "80");     /* 9: earlier than the first */
    fold_until_idle();
    assert_string_equal(contents(),
                        "1.1 2026-03-30T00:00 = 0 (1, 9-9)\n"
                        "1.1 2026-03-31T22:00 = 50 (2, 1-2)\n1.1 2026-03-31T23:00 = 0.5 (2, 3-7)\n"
                        "1.1 2026-04-01T00:00 = 9.5 (1, 4-4)\n1.1 2026-04-01T04:00 = 10 (1, 8-8)\n"
                        "1.1 2026-04-01T05:00 = 9 (2, 5-6)\n");
    append_void(4); /* what it told is told by the next */
    append_void(9);
    append_void(6);
    fold_until_idle();
    assert_string_equal(contents(),
                        "1.1 2026-03-30T00:00 = 0 (0, 9-11)\n"
                        "1.1 2026-03-31T22:00 = 30 (2, 1-2)\n1.1 2026-03-31T23:00 = 0.5 (2, 3-7)\n"
                        "1.1 2026-04-01T00:00 = 0 (0, 4-10)\n1.1 2026-04-01T04:00 = 19.5 (1, 8-8)\n"
                        "1.1 2026-04-01T05:00 = 7 (1, 5-12)\n");
}

/* Each subscription and combination of dimensions has a counter of its own; of equal times the later
 * sequence is the later reading. */
static void counters_are_told_apart(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    add_subscription(&compute, "b", "UTC");
    struct mtr_meter *meter = add_meter(&compute, "cpu", MTR_COUNTER_INCREASE);
    meter->group_by = by_region, meter->group_by_count = 1;
    static const char *const rows[][4] = {{"a", "2026-03-01T10:00:00Z", "5", "eu"}, {"a", "2026-03-01T10:10:00Z", "50", "us"},
                                          {"b", "2026-03-01T10:20:00Z", "500", "eu"}, {"a", "2026-03-01T11:00:00Z", "6", "eu"},
                                          {"a", "2026-03-01T11:00:00Z", "8", "eu"}, {"a", "2026-03-01T11:10:00Z", "70", "us"},
                                          {"b", "2026-03-01T11:20:00Z", "800", "eu"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world_event *row = append(&acme, "cpu", rows[i][0], at(rows[i][1]));
        add_number(row, "value", rows[i][2]);
        add_text(row, "region", rows[i][3]);
    }
    show(2, 1);
    fold_until_idle();
    assert_string_equal(contents(),
                        "1.1 2026-03-01T10:00 eu\x1F= 0 (1, 1-1)\n1.1 2026-03-01T10:00 us\x1F= 0 (1, 2-2)\n"
                        "1.1 2026-03-01T11:00 eu\x1F= 3 (2, 4-5)\n1.1 2026-03-01T11:00 us\x1F= 20 (1, 6-6)\n"
                        "2.1 2026-03-01T10:00 eu\x1F= 0 (1, 3-3)\n2.1 2026-03-01T11:00 eu\x1F= 300 (1, 7-7)\n");
}

/* The first reading grows from what the subscription begins with, whichever is the first. */
static void a_counter_may_begin_with_a_reading(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "UTC");
    struct mtr_meter *meter = add_meter(&compute, "cpu", MTR_COUNTER_INCREASE);
    const struct mtr_opening opening = {.meter = meter, .value = MTR_QUANTITY(90)};
    world.subscriptions[0].openings = &opening;
    world.subscriptions[0].opening_count = 1;
    append_value("a", "2026-03-01T10:00:00Z", "100");
    append_value("a", "2026-03-01T11:00:00Z", "130");
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(),
                        "1.1 2026-03-01T10:00 = 10 (1, 1-1)\n1.1 2026-03-01T11:00 = 30 (1, 2-2)\n");
    append_value("a", "2026-03-01T09:00:00Z", "95");
    append_void(1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T09:00 = 5 (1, 3-3)\n1.1 2026-03-01T10:00 = 0 (0, 1-4)\n"
                                    "1.1 2026-03-01T11:00 = 35 (1, 2-2)\n");
    append_void(3);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T09:00 = 0 (0, 3-5)\n1.1 2026-03-01T10:00 = 0 (0, 1-4)\n"
                                    "1.1 2026-03-01T11:00 = 40 (1, 2-2)\n");
}

/* Windows are counted from the beginning of the local hour, also of one that is short. */
static void percentile_cells_are_windows(void **state)
{
    (void)state;
    add_subscription(&compute, "k", "Asia/Kolkata");
    add_subscription(&compute, "h", "Australia/Lord_Howe");
    add_meter(&compute, "cpu", MTR_PERCENTILE)->window_us = MTR_US_PER_HOUR / 3;
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
    const int64_t start_us = at("2026-03-01T10:00:00Z");
    add_subscription(&compute, "a", "UTC");
    add_meter(&compute, "cpu", MTR_SUM)->keep_events = true;
    append_value("a", "2026-03-01T10:30:00Z", "5");
    append_value("a", "2026-03-01T10:00:00Z", "-1.5");
    append_value("a", "2026-03-01T10:30:00Z", "5");
    append_value("a", "2026-03-01T11:00:00Z", "9");
    append_void(1);
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(),
                        "1.1 2026-03-01T10:00 = 3.5 (2, 1-5)\n1.1 2026-03-01T11:00 = 9 (1, 4-4)\n");
    assert_string_equal(points(start_us, "", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
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
    assert_string_equal(
        contents(),
        "1.1 2026-03-01T10:00 = 4.333333333333 (2, 1-2)\n1.1 2026-03-01T11:00 = 13.666666666667 (2, 1-3)\n"
        "held type cpu 6\ninvalid 4.1\ninvalid 5.1\n");
    append_void(1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 1 (1, 1-7)\n1.1 2026-03-01T11:00 = 7 (1, 1-7)\n"
                                    "held type cpu 6\ninvalid 4.1\ninvalid 5.1\n");
}

/* Parts of the zone's own hours, which a length is cut at, too: 40 over 40 minutes from 10:20 on. */
static void finer_cells_are_parts_of_the_hour(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "Asia/Kolkata");
    struct mtr_meter *meter = add_meter(&compute, "cpu", MTR_SUM);
    meter->cell_us = MTR_CELL_US_MIN;
    meter->spread_over = MTR_STR("length");
    append_stretch("2026-03-01T10:20:00Z", "40", "2400");
    append_stretch("2026-03-01T10:29:59Z", "1", "0");
    append_stretch("2026-03-01T10:30:00Z", "2", "0");
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:15 = 11 (2, 1-2)\n1.1 2026-03-01T10:30 = 17 (2, 1-3)\n"
                                    "1.1 2026-03-01T10:45 = 15 (1, 1-1)\n");
    append_void(1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:15 = 1 (1, 1-4)\n1.1 2026-03-01T10:30 = 2 (1, 1-4)\n"
                                    "1.1 2026-03-01T10:45 = 0 (0, 1-4)\n");
}

/* Each half hour has what the readings within it tell. */
static void a_counter_may_have_finer_cells(void **state)
{
    (void)state;
    add_subscription(&compute, "a", "Asia/Kolkata");
    add_meter(&compute, "cpu", MTR_COUNTER_INCREASE)->cell_us = MTR_CELL_US_MAX / 2;
    append_value("a", "2026-03-01T10:00:00Z", "100");
    append_value("a", "2026-03-01T10:29:59Z", "130");
    append_value("a", "2026-03-01T10:59:59Z", "135");
    append_value("a", "2026-03-01T11:29:59Z", "4"); /* it was reset since */
    show(1, 1);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 30 (2, 1-2)\n1.1 2026-03-01T10:30 = 5 (1, 3-3)\n"
                                    "1.1 2026-03-01T11:00 = 4 (1, 4-4)\n");
    append_void(2);
    fold_until_idle();
    assert_string_equal(contents(), "1.1 2026-03-01T10:00 = 0 (1, 1-5)\n1.1 2026-03-01T10:30 = 35 (1, 3-3)\n"
                                    "1.1 2026-03-01T11:00 = 4 (1, 4-4)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(levels_stand_in_one_list_over_all_hours),
        CASE(changes_of_a_level_add_up_in_their_hour),
        CASE(a_counter_grows_from_reading_to_reading),
        CASE(counters_are_told_apart),
        CASE(a_counter_may_begin_with_a_reading),
        CASE(percentile_cells_are_windows),
        CASE(kept_events_stand_beside_their_cell),
        CASE(a_quantity_is_spread_over_its_length),
        CASE(finer_cells_are_parts_of_the_hour),
        CASE(a_counter_may_have_finer_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
