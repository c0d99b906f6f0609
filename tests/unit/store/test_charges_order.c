/*
 * The order of lines in the charges store, and what of lines and ratings a disk can have lost.
 */
#include "meterd/store/charges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/store/charges/charges_txn.h"
#include "meterd/core/time.h"
#include "tests/support/charges_world.h"
#include "tests/support/random.h"

#define START_US (100 * MTR_US_PER_SECOND)
enum { PLACES = 300, PLACE_BYTES = 40 };

struct placed {
    char place[PLACE_BYTES];
    size_t size;
    uint64_t key;
};

static struct mtr_str placed_at(const struct placed *placed)
{
    return (struct mtr_str){placed->place, placed->size};
}

/* Values that begin one another, are empty, or hold the bytes next to what ends them, and zero. */
static struct placed random_place(struct random_source *random, uint64_t key)
{
    static const char bytes[] = {0, 1, 0x1E, 0x20, 'a', 'b', (char)0xFF};
    struct placed placed = {.key = key};
    for (uint64_t values = random_below(random, 4); values; values--) {
        for (uint64_t size = random_below(random, 4); size; size--)
            placed.place[placed.size++] = bytes[random_below(random, sizeof(bytes))];
        placed.place[placed.size++] = 0x1F;
    }
    return placed;
}

struct place_check {
    const struct placed *all;
    unsigned values, seen, ends_after;
    struct mtr_str from;
    struct placed last;
};

static unsigned values_of(struct mtr_str place)
{
    unsigned count = 0;
    for (size_t i = 0; i < place.size; i++) count += place.data[i] == 0x1F;
    return count;
}

static int check_place(void *context, struct mtr_str place, struct mtr_hash128 line)
{
    struct place_check *check = context;
    assert_true(mtr_str_equal(place, placed_at(&check->all[line.low])));
    assert_int_equal(values_of(place), check->values);
    assert_true(mtr_str_compare(place, check->from) >= 0);
    if (check->seen) assert_true(mtr_str_compare(placed_at(&check->last), place) <= 0);
    check->last = check->all[line.low];
    return ++check->seen == check->ends_after ? 7 : 0;
}

static int walk(struct mtr_charges_txn *txn, struct place_check *check)
{
    const struct mtr_line_places places = {3, START_US, check->values, check->from};
    return mtr_charges_walk_places(txn, &places, check_place, check);
}

static void lines_are_walked_in_the_order_of_their_places(void **state)
{
    struct mtr_charges_txn *txn = begin(*state, true);
    struct random_source random = {20261128};
    struct placed all[PLACES];
    bool ordered = true;
    assert_int_equal(mtr_charges_is_ordered(txn, 3, START_US, &ordered), 0);
    assert_false(ordered);
    for (unsigned i = 0; i < PLACES; i++) {
        all[i] = random_place(&random, i);
        const struct mtr_charge_line line = {.subscription = 3, .period_start_us = START_US, .key = {random_u64(&random), i}};
        const struct mtr_charge_line next = {.subscription = 3, .period_start_us = START_US + MTR_US_PER_SECOND, .key = line.key};
        assert_int_equal(mtr_charges_put_place(txn, &line, placed_at(&all[i])), 0);
        assert_int_equal(mtr_charges_has_place(txn, &line, placed_at(&all[i])), 0);
        assert_int_equal(mtr_charges_has_place(txn, &next, placed_at(&all[i])), MTR_ENOTFOUND);
    }
    assert_int_equal(mtr_charges_is_ordered(txn, 3, START_US, &ordered), 0);
    assert_true(ordered);
    assert_int_equal(mtr_charges_is_ordered(txn, 3, START_US + MTR_US_PER_SECOND, &ordered), 0);
    assert_false(ordered);
    for (unsigned k = 0; k < PLACES; k++)
        for (unsigned values = 0; values <= 3; values++) {
            struct place_check check = {.all = all, .values = values, .from = placed_at(&all[k])};
            unsigned expected = 0;
            for (unsigned i = 0; i < PLACES; i++)
                expected += values_of(placed_at(&all[i])) == values && mtr_str_compare(placed_at(&all[i]), check.from) >= 0;
            assert_int_equal(walk(txn, &check), 0);
            assert_int_equal(check.seen, expected);
        }
    struct place_check check = {.all = all, .values = 2, .from = MTR_STR(""), .ends_after = 2};
    assert_int_equal(walk(txn, &check), 7);
    mtr_charges_abort(txn);
}

/* Rows that no put can have left are reported, whatever they say; nothing aborts. */
static void damaged_ratings_and_lines_are_an_error(void **state)
{
    struct mtr_charges_txn *txn = begin(*state, true);
    char text[MTR_LINE_DIMENSIONS_BYTES_MAX + 1];
    static const struct {
        uint8_t status;
        uint32_t revision;
        size_t size;
    } rows[] = {{3, 1, 4}, {0, 0, 4}, {0, 1, 0}, {0, 1, MTR_DIMENSIONS_BYTES_MAX + 1}};
    const struct mtr_charge_progress whole = {.subscription = 3, .period_start_us = START_US, .revision = 1, .next = MTR_STR("eu\x1F")};
    struct mtr_charge_progress progress;
    unsigned char key[28];
    memset(text, '=', sizeof(text));
    assert_int_equal(mtr_charges_put_progress(txn, &whole), 0);
    assert_int_equal(mtr_charges_get_progress(txn, 3, START_US, &progress), 0);
    lmdb_put_u32(key, 3);
    put_i64(key + 4, 100);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct packer packer = pack_begin(&txn->scratch);
        pack_u8(&packer, rows[i].status);
        pack_u32(&packer, rows[i].revision);
        pack_str(&packer, (struct mtr_str){text, rows[i].size});
        assert_int_equal(charges_put(txn, TABLE_PROGRESS, key, 12, mtr_buffer_str(&txn->scratch), 0), 0);
        assert_int_equal(mtr_charges_get_progress(txn, 3, START_US, &progress), MTR_ECORRUPT);
    }

    /* Places of lines whose dimensions are no longer what they were. */
    struct mtr_charge_line line = {.subscription = 3, .period_start_us = START_US, .part_start_us = 100000000, .part_end_us = 200000000};
    static const char nine[] = "\x1F\x1F\x1F\x1F\x1F\x1F\x1F\x1F\x1F";
    assert_int_equal(mtr_charges_put_place(txn, &line, mtr_str_from(nine)), MTR_ECORRUPT);
    assert_int_equal(mtr_charges_has_place(txn, &line, mtr_str_from(nine)), MTR_ECORRUPT);
    assert_int_equal(mtr_charges_has_place(txn, &line, (struct mtr_str){text, MTR_LINE_PLACE_BYTES_MAX + 1}), MTR_ECORRUPT);
    assert_int_equal(mtr_charges_has_place(txn, &line, mtr_str_from(nine + 1)), MTR_ENOTFOUND);

    line.dimensions = (struct mtr_str){text, MTR_LINE_DIMENSIONS_BYTES_MAX};
    line.last_number = line.count = 1;
    struct mtr_charge_line read;
    assert_int_equal(mtr_charges_put_line(txn, &line), 0);
    assert_int_equal(mtr_charges_get_line_by_key(txn, 3, START_US, line.key, &read), 0);
    put_hash(key + 12, line.key);
    struct mtr_str row;
    char bytes[4096];
    enum { DIMENSIONS_SIZE_AT = 8 + 3 * 4 };
    assert_int_equal(charges_get(txn, TABLE_LINES, key, sizeof(key), &row), 0);
    assert_true(row.size < sizeof(bytes));
    memcpy(bytes, row.data, DIMENSIONS_SIZE_AT + 4);
    memcpy(bytes + DIMENSIONS_SIZE_AT + 4 + 1, row.data + DIMENSIONS_SIZE_AT + 4, row.size - DIMENSIONS_SIZE_AT - 4);
    bytes[DIMENSIONS_SIZE_AT + 4] = '=';
    lmdb_put_u32((unsigned char *)bytes + DIMENSIONS_SIZE_AT, MTR_LINE_DIMENSIONS_BYTES_MAX + 1);
    assert_int_equal(charges_put(txn, TABLE_LINES, key, sizeof(key), (struct mtr_str){bytes, row.size + 1}, 0), 0);
    assert_int_equal(mtr_charges_get_line_by_key(txn, 3, START_US, line.key, &read), MTR_ECORRUPT);
    mtr_charges_abort(txn);
}

static void put_raw_period(struct mtr_charges_txn *txn, const struct mtr_charge_period *period)
{
    unsigned char key[12];
    struct packer packer = pack_begin(&txn->scratch);
    lmdb_put_u32(key, period->subscription);
    put_i64(key + 4, period->start_us / MTR_US_PER_SECOND);
    charges_pack_period(&packer, period);
    assert_int_equal(charges_put(txn, TABLE_PERIODS, key, sizeof(key), mtr_buffer_str(&txn->scratch), 0), 0);
}

/* Nor do these. */
static void damaged_periods_are_an_error(void **state)
{
    struct mtr_charges_txn *txn = begin(*state, true);
    static const struct {
        int64_t start_s, end_us, closed_us;
        enum mtr_charge_period_status status;
        int read;
    } rows[] = {{100, 200000000, 0, MTR_PERIOD_OPEN, 0},
                {100, 200000000, 7, MTR_PERIOD_FINAL, 0},
                {100, 100000001, 0, MTR_PERIOD_OPEN, 0},
                {-50400, 2 * MTR_TIME_US_MAX, 0, MTR_PERIOD_OPEN, 0},
                {100, 100000000, 0, MTR_PERIOD_OPEN, MTR_ECORRUPT},
                {100, INT64_MAX, 0, MTR_PERIOD_OPEN, MTR_ECORRUPT},
                {-90000, 200000000, 0, MTR_PERIOD_OPEN, MTR_ECORRUPT},
                {100, 200000000, 0, MTR_PERIOD_FINAL, MTR_ECORRUPT},
                {100, 200000000, 7, MTR_PERIOD_OPEN, MTR_ECORRUPT}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct mtr_charge_period period = {.subscription = 3,
                                                 .start_us = rows[i].start_s * MTR_US_PER_SECOND,
                                                 .end_us = rows[i].end_us,
                                                 .closed_us = rows[i].closed_us,
                                                 .status = rows[i].status};
        struct mtr_charge_period read;
        put_raw_period(txn, &period);
        assert_int_equal(mtr_charges_get_period(txn, 3, period.start_us, &read), rows[i].read);
    }

    static const int64_t opens_s[] = {INT64_MAX, 100, INT64_MAX - 1, INT64_MIN};
    for (size_t i = 0; i < sizeof(opens_s) / sizeof(*opens_s); i++) {
        unsigned char key[4];
        struct mtr_charge_subscription read;
        struct packer packer = pack_begin(&txn->scratch);
        lmdb_put_u32(key, 3);
        pack_hash(&packer, (struct mtr_hash128){1, 2});
        pack_i64(&packer, opens_s[i]);
        assert_int_equal(charges_put(txn, TABLE_SUBSCRIPTIONS, key, sizeof(key), mtr_buffer_str(&txn->scratch), 0), 0);
        assert_int_equal(mtr_charges_get_subscription(txn, 3, &read), i < 2 ? 0 : MTR_ECORRUPT);
    }

    /* A line that begins before its period. */
    struct mtr_charge_line line = {
        .subscription = 3, .period_start_us = START_US, .part_start_us = 100000000, .part_end_us = 200000000, .last_number = 1, .count = 1};
    unsigned char key[28], bytes[512];
    struct mtr_str row;
    assert_int_equal(mtr_charges_put_line(txn, &line), 0);
    lmdb_put_u32(key, 3);
    put_i64(key + 4, 100);
    put_hash(key + 12, line.key);
    assert_int_equal(charges_get(txn, TABLE_LINES, key, sizeof(key), &row), 0);
    assert_true(row.size <= sizeof(bytes));
    memcpy(bytes, row.data, row.size);
    bytes[7]--;
    assert_int_equal(charges_put(txn, TABLE_LINES, key, sizeof(key), (struct mtr_str){(char *)bytes, row.size}, 0), 0);
    assert_int_equal(mtr_charges_get_line_by_key(txn, 3, START_US, line.key, &line), MTR_ECORRUPT);
    mtr_charges_abort(txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_walked_in_the_order_of_their_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_ratings_and_lines_are_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_periods_are_an_error, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
