/*
 * Names of periods in the charges store: several of a subscription may lie in one second. Whatever instants they
 * are, what is stored of each is found again, in the order of time, and beside no other's; whole seconds are
 * stored as they always were. METERD_SEED=n repeats a run.
 */
#include "meterd/store/charges.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/store/charges/charges_txn.h"
#include "meterd/core/time.h"
#include "tests/support/store/bare_rows.h"
#include "tests/support/charges_world.h"
#include "tests/support/random.h"

enum { NAMES = 200, ROUNDS = 20000 };

static uint64_t seed(void)
{
    const char *given = getenv("METERD_SEED");
    const uint64_t number = given ? strtoull(given, NULL, 10) : 20261130;
    print_message("METERD_SEED=%llu\n", (unsigned long long)number);
    return number;
}

/* Of few seconds, some before 1970, so that many fall into one. */
static int64_t random_name(struct random_source *random)
{
    const int64_t second = (int64_t)random_below(random, 12) - 5;
    const int64_t into[] = {0, 1, 500000, 999999, (int64_t)random_below(random, 1000000)};
    const int64_t far = random_below(random, 4) ? 0 : MTR_TIME_S_MAX - 10;
    return (far + second) * MTR_US_PER_SECOND + into[random_below(random, 5)];
}

static int order_of(const unsigned char *a, size_t a_size, const unsigned char *b, size_t b_size)
{
    const int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

/* ---- bytes ---- */

static void keys_stand_in_the_order_of_time(void **state)
{
    struct random_source random = {seed()};
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        const int64_t a_us = random_name(&random), b_us = random_name(&random);
        unsigned char a[START_BYTES_MAX + 4], b[START_BYTES_MAX + 4];
        int64_t read_us = 0;
        size_t a_size = put_start(a, a_us), b_size = put_start(b, b_us);
        assert_int_equal(get_start(a, a_size, &read_us), 0);
        assert_int_equal(read_us, a_us);
        assert_int_equal(a_size == SECOND_BYTES, a_us % MTR_US_PER_SECOND == 0);
        assert_true((order_of(a, a_size, b, b_size) < 0) == (a_us < b_us));
        /* Also with a subscription behind each: the instant decides, then that. */
        const uint32_t x = (uint32_t)random_below(&random, 3) + 1, y = UINT32_MAX - (uint32_t)random_below(&random, 3) - 1;
        lmdb_put_u32(a + a_size, x);
        lmdb_put_u32(b + b_size, y);
        a_size += 4;
        b_size += 4;
        assert_true((order_of(a, a_size, b, b_size) < 0) == (a_us < b_us || (a_us == b_us && x < y)));
    }
}

static void whole_seconds_are_stored_as_they_always_were(void **state)
{
    static const int64_t seconds[] = {0, 1, -1, -50400, 1767225600, MTR_TIME_S_MAX};
    struct mtr_buffer buffer;
    (void)state;
    mtr_buffer_init(&buffer, 64);
    for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
        unsigned char key[PERIOD_BYTES_MAX], before[12], value[8];
        lmdb_put_u32(before, 7);
        put_i64(before + 4, seconds[i]);
        lmdb_put_u64(value, (uint64_t)seconds[i]);
        assert_int_equal(put_period(key, 7, seconds[i] * MTR_US_PER_SECOND), sizeof(before));
        assert_memory_equal(key, before, sizeof(before));
        struct packer packer = pack_begin(&buffer);
        pack_instant(&packer, seconds[i] * MTR_US_PER_SECOND);
        assert_int_equal(buffer.size, sizeof(value));
        assert_memory_equal(buffer.data, value, sizeof(value));
    }
    unsigned char key[START_BYTES_MAX];
    static const unsigned char inside[] = {0x80, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x07, 0xA1, 0x20};
    assert_int_equal(put_start(key, 1500000), sizeof(inside));
    assert_memory_equal(key, inside, sizeof(inside));
    static const unsigned char before_1970[] = {0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                                0xFF, 0xFF, 0xFF, 0xFF, 0, 0x07, 0xA1, 0x20};
    assert_int_equal(put_start(key, -500000), sizeof(before_1970));
    assert_memory_equal(key, before_1970, sizeof(before_1970));
    mtr_buffer_release(&buffer);
}

static void instants_in_records_are_read_as_they_were_written(void **state)
{
    struct random_source random = {seed()};
    struct mtr_buffer buffer;
    (void)state;
    mtr_buffer_init(&buffer, 64);
    for (int i = 0; i < ROUNDS; i++) {
        static const int64_t kept[] = {INT64_MIN, INT64_MAX, -1, 1, 0, 2 * MTR_TIME_US_MAX, 1 - MTR_US_PER_DAY};
        const size_t count = sizeof(kept) / sizeof(*kept);
        const int64_t time_us = (size_t)i < count ? kept[i] : random_name(&random);
        struct packer packer = pack_begin(&buffer);
        pack_instant(&packer, time_us);
        assert_int_equal(packer.error, 0);
        struct unpacker unpacker = unpack_begin(mtr_buffer_str(&buffer));
        assert_int_equal(unpack_instant(&unpacker), time_us);
        assert_int_equal(unpack_end(&unpacker), 0);
    }
    /* A number that no instant has: seconds out of range, µs that are whole seconds. */
    static const int64_t bad[] = {INT64_MAX - 1, INT64_MIN / 2, 2 * MTR_TIME_S_MAX + 1, -86400, INT64_MIN + 5000000,
                                  INT64_MIN + 2 * MTR_TIME_US_MAX + 1};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct packer packer = pack_begin(&buffer);
        pack_i64(&packer, bad[i]);
        struct unpacker unpacker = unpack_begin(mtr_buffer_str(&buffer));
        assert_int_equal(unpack_instant(&unpacker), 0);
        assert_int_equal(unpack_end(&unpacker), MTR_ECORRUPT);
    }
    mtr_buffer_release(&buffer);
}

static void a_damaged_name_is_an_error(void **state)
{
    static const unsigned char rows[][START_BYTES_MAX] = {
        {0x80, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFE, 0, 0, 0, 1}, /* not the mark */
        {0x80, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0}, /* a whole second */
        {0x80, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x0F, 0x42, 0x40},
        {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1},
        {0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1}};
    int64_t start_us;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(get_start(rows[i], START_BYTES_MAX, &start_us), MTR_ECORRUPT);
    for (size_t size = 0; size < START_BYTES_MAX; size++)
        assert_int_equal(get_start(rows[0], size, &start_us), size == SECOND_BYTES ? 0 : MTR_ECORRUPT);
}

/* ---- tables ---- */

/* Names of one subscription, ascending. */
struct names {
    int64_t items[NAMES];
    uint32_t count;
};

static int compare_names(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static struct names random_names(struct random_source *random)
{
    struct names names = {.count = 0};
    for (uint32_t i = 0; i < NAMES; i++) names.items[i] = random_name(random);
    qsort(names.items, NAMES, sizeof(*names.items), compare_names);
    for (uint32_t i = 0; i < NAMES; i++)
        if (!names.count || names.items[names.count - 1] != names.items[i]) names.items[names.count++] = names.items[i];
    return names;
}

struct seen {
    int64_t starts[NAMES];
    uint32_t count;
};

static int see_period(void *context, const struct mtr_charge_period *period)
{
    struct seen *seen = context;
    seen->starts[seen->count++] = period->start_us;
    return 0;
}

static int see_waiting(void *context, const struct mtr_charge_waiting *waiting)
{
    struct seen *seen = context;
    seen->starts[seen->count++] = waiting->period_start_us;
    return 0;
}

static void periods_are_walked_in_the_order_of_time(void **state)
{
    struct random_source random = {seed()};
    const struct names names = random_names(&random);
    struct mtr_charges_txn *txn = begin(*state, true);
    for (uint32_t i = 0; i < names.count; i++) {
        const uint32_t k = (uint32_t)(i * UINT64_C(7919) % names.count); /* in no order */
        const struct mtr_charge_period period = {.subscription = 3, .start_us = names.items[k], .end_us = names.items[k] + 1, .revision = k,
                                                 .rate_due_us = names.items[k], .close_due_us = INT64_MAX};
        const struct mtr_charge_waiting waiting = {.subscription = 3, .period_start_us = names.items[k], .text = MTR_STR("why")};
        const struct mtr_charge_progress progress = {.subscription = 3, .period_start_us = names.items[k], .revision = k + 1, .next = MTR_STR("x")};
        assert_int_equal(mtr_charges_put_period(txn, &period), 0);
        assert_int_equal(mtr_charges_put_waiting(txn, &waiting), 0);
        assert_int_equal(mtr_charges_put_progress(txn, &progress), 0);
    }
    for (uint32_t i = 0; i < names.count; i++) {
        struct mtr_charge_period period;
        struct mtr_charge_progress progress;
        struct mtr_charge_timer timer;
        struct seen seen = {.count = 0};
        assert_int_equal(mtr_charges_get_period(txn, 3, names.items[i], &period), 0);
        assert_int_equal(period.start_us, names.items[i]);
        assert_int_equal(mtr_charges_get_progress(txn, 3, names.items[i], &progress), 0);
        assert_int_equal(progress.revision, period.revision + 1);
        /* From each on, and from right behind it. */
        assert_int_equal(mtr_charges_walk_periods(txn, 3, names.items[i], see_period, &seen), 0);
        assert_int_equal(seen.count, names.count - i);
        assert_memory_equal(seen.starts, names.items + i, seen.count * sizeof(*seen.starts));
        seen.count = 0;
        assert_int_equal(mtr_charges_walk_periods(txn, 3, names.items[i] + 1, see_period, &seen), 0);
        assert_int_equal(seen.count, names.count - i - 1);
        assert_int_equal(mtr_charges_first_timer(txn, MTR_TIMER_RATE, &timer), 0);
        assert_int_equal(timer.period_start_us, names.items[i]);
        period.rate_due_us = INT64_MAX;
        assert_int_equal(mtr_charges_put_period(txn, &period), 0);
        assert_int_equal(mtr_charges_end_progress(txn, 3, names.items[i]), 0);
        assert_int_equal(mtr_charges_get_progress(txn, 3, names.items[i], &progress), MTR_ENOTFOUND);
    }
    struct seen seen = {.count = 0};
    assert_int_equal(mtr_charges_walk_periods(txn, 3, INT64_MIN, see_period, &seen), 0);
    assert_int_equal(seen.count, names.count);
    seen.count = 0;
    assert_int_equal(mtr_charges_walk_waiting(txn, 0, see_waiting, &seen), 0);
    assert_int_equal(seen.count, names.count);
    assert_memory_equal(seen.starts, names.items, seen.count * sizeof(*seen.starts));
    mtr_charges_abort(txn);
}

struct own {
    int64_t name_us;
    uint32_t count;
};

static int own_line(void *context, const struct mtr_charge_line *line)
{
    struct own *own = context;
    assert_int_equal(line->period_start_us, own->name_us);
    own->count++;
    return 0;
}

static int own_place(void *context, struct mtr_str place, struct mtr_hash128 line)
{
    (void)place;
    struct own *own = context;
    assert_int_equal((int64_t)line.low, own->name_us);
    own->count++;
    return 0;
}

static int own_grant(void *context, struct mtr_hash128 grant)
{
    struct own *own = context;
    assert_int_equal((int64_t)grant.low, own->name_us);
    own->count++;
    return 0;
}

/* Hashes among them that look like what stands behind a second in a name. */
static struct mtr_hash128 hash_for(uint32_t index, int64_t name_us)
{
    const uint64_t high = UINT64_C(0xFFFFFFFF00000000);
    return (struct mtr_hash128){index % 3 ? high + index % 1000 : index * UINT64_C(0x9e3779b97f4a7c15), (uint64_t)name_us};
}

static void what_is_of_a_period_is_of_no_other(void **state)
{
    enum { EACH = 3 };
    struct random_source random = {seed()};
    const struct names names = random_names(&random);
    struct mtr_charges_txn *txn = begin(*state, true);
    for (uint32_t i = 0; i < names.count; i++)
        for (uint32_t k = 0; k < EACH; k++) {
            const int64_t name_us = names.items[i];
            struct mtr_charge_line line = {.subscription = 3, .period_start_us = name_us, .part_start_us = name_us,
                                           .part_end_us = name_us + 7, .key = hash_for(k + 1, name_us)};
            const struct mtr_charge_draw draw = {.grant = hash_for(k + 1, name_us), .period_start_us = name_us, .subscription = 3};
            assert_int_equal(mtr_charges_put_line(txn, &line), 0);
            assert_int_equal(mtr_charges_put_draw(txn, &draw), 0);
            if (i % 2) assert_int_equal(mtr_charges_put_place(txn, &line, MTR_STR("a\x1F")), 0);
        }
    for (uint32_t i = 0; i < names.count; i++) {
        const struct mtr_line_places places = {3, names.items[i], 1, MTR_STR("")};
        struct own lines = {.name_us = names.items[i]}, placed = lines, drawn = lines;
        bool ordered = true;
        assert_int_equal(mtr_charges_walk_lines(txn, 3, names.items[i], own_line, &lines), 0);
        assert_int_equal(mtr_charges_walk_places(txn, &places, own_place, &placed), 0);
        assert_int_equal(mtr_charges_walk_drawn(txn, 3, names.items[i], own_grant, &drawn), 0);
        assert_int_equal(mtr_charges_is_ordered(txn, 3, names.items[i], &ordered), 0);
        assert_int_equal(lines.count, EACH);
        assert_int_equal(drawn.count, EACH);
        assert_int_equal(placed.count, i % 2 ? EACH : 0);
        assert_int_equal(ordered, i % 2);
    }
    mtr_charges_abort(txn);
}

static void draws_of_a_grant_stand_in_the_order_of_time(void **state)
{
    struct random_source random = {seed()};
    const struct names names = random_names(&random);
    struct mtr_charges_txn *txn = begin(*state, true);
    struct mtr_charge_draw draw = {.grant = {9, 9}}, last = {.grant = {9, 9}, .period_start_us = INT64_MAX, .subscription = UINT32_MAX};
    for (uint32_t i = 0; i < names.count; i++)
        for (draw.subscription = 1; draw.subscription <= 2; draw.subscription++) {
            draw.period_start_us = names.items[i];
            draw.drawn = 2 * i + draw.subscription;
            assert_int_equal(mtr_charges_put_draw(txn, &draw), 0);
        }
    assert_int_equal(mtr_charges_draw_before(txn, &last), 0);
    assert_int_equal((int)last.drawn, 2 * names.count);
    for (uint32_t i = 0; i < names.count; i++)
        for (uint32_t subscription = 1; subscription <= 2; subscription++) {
            const uint32_t place = 2 * i + subscription;
            struct mtr_charge_draw before = {.grant = {9, 9}, .period_start_us = names.items[i], .subscription = subscription};
            struct mtr_charge_draw after = before;
            assert_int_equal(mtr_charges_draw_before(txn, &before), place == 1 ? MTR_ENOTFOUND : 0);
            if (place > 1) assert_int_equal((int)before.drawn, place - 1);
            assert_int_equal(mtr_charges_draw_after(txn, &after), place == 2 * names.count ? MTR_ENOTFOUND : 0);
            if (place < 2 * names.count) assert_int_equal((int)after.drawn, place + 1);
        }
    mtr_charges_abort(txn);
}

/* ---- versions ---- */

static void put_version(struct fixture *fixture, uint32_t version)
{
    struct mtr_charges_txn *txn = begin(fixture, true);
    char bytes[4];
    lmdb_put_u32((unsigned char *)bytes, version);
    assert_int_equal(charges_put(txn, TABLE_META, "format_version", 14, (struct mtr_str){bytes, 4}, 0), 0);
    assert_int_equal(mtr_charges_commit(txn), 0);
    mtr_charges_close(fixture->charges);
    fixture->charges = NULL;
}

static int reopen(struct fixture *fixture, bool read_only)
{
    struct mtr_diagnostic diagnostic;
    return mtr_charges_open(fixture->directory, read_only, &fixture->charges, &diagnostic);
}

static void put_rows(struct fixture *fixture)
{
    struct mtr_charges_txn *txn = begin(fixture, true);
    assert_int_equal(mtr_charges_put_cursor(txn, &(struct mtr_charges_cursor){.change = 77, .scan_period_us = INT64_MIN}), 0);
    for (uint64_t i = 1; i <= 400; i++) { /* of several pages */
        char json[32];
        snprintf(json, sizeof(json), "{\"number\":%" PRIu64 "}", i);
        assert_int_equal(mtr_charges_put_trace(txn, i, mtr_str_from(json)), 0);
    }
    assert_int_equal(mtr_charges_commit(txn), 0);
}

static void assert_rows(struct fixture *fixture)
{
    struct mtr_charges_txn *txn = begin(fixture, false);
    struct mtr_charges_cursor cursor;
    struct mtr_str trace;
    assert_int_equal(mtr_charges_get_cursor(txn, &cursor), 0);
    assert_int_equal(cursor.change, 77);
    for (uint64_t i = 1; i <= 400; i++) {
        char json[32];
        snprintf(json, sizeof(json), "{\"number\":%" PRIu64 "}", i);
        assert_int_equal(mtr_charges_get_trace(txn, i, &trace), 0);
        assert_true(mtr_str_equal(trace, mtr_str_from(json)));
    }
    assert_int_equal(mtr_charges_get_trace(txn, 401, &trace), MTR_ENOTFOUND);
    mtr_charges_abort(txn);
}

/* A store of before rows were sealed is read as it is, and its rows get seals when it is opened for writing. */
static void an_older_store_is_opened(void **state)
{
    struct fixture *fixture = *state;
    put_rows(fixture);
    for (char version = 1; version <= 5; version++) {
        const char bytes[4] = {0, 0, 0, version};
        mtr_charges_close(fixture->charges);
        make_bare(fixture->directory, "format_version", bytes);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(reopen(fixture, true), 0);
            assert_rows(fixture);
            mtr_charges_close(fixture->charges);
        }
        assert_int_equal(reopen(fixture, false), 0);
        assert_rows(fixture);
        mtr_charges_close(fixture->charges);
        assert_int_equal(reopen(fixture, true), 0);
        assert_rows(fixture);
        for (int i = 0; i < TABLE_COUNT; i++) assert_false(fixture->charges->tables[i].is_bare);
    }
}

static void assert_not_opened(struct fixture *fixture, int error)
{
    assert_int_equal(reopen(fixture, true), error);
    assert_int_equal(reopen(fixture, false), error);
    fixture->charges = NULL;
}

static void a_newer_store_is_not_opened(void **state)
{
    put_version(*state, 7);
    assert_not_opened(*state, MTR_EVERSION);
}

/* A number that does not go with whether its row is sealed is damage, not an old store. */
static void a_format_is_sealed_as_its_rows(void **state)
{
    put_version(*state, 5);
    assert_not_opened(*state, MTR_ECORRUPT);
}

static void rows_are_sealed_as_their_format(void **state)
{
    struct fixture *fixture = *state;
    put_rows(fixture);
    mtr_charges_close(fixture->charges);
    make_bare(fixture->directory, "format_version", "\0\0\0\6");
    assert_not_opened(fixture, MTR_ECORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_stand_in_the_order_of_time),
        cmocka_unit_test(whole_seconds_are_stored_as_they_always_were),
        cmocka_unit_test(instants_in_records_are_read_as_they_were_written),
        cmocka_unit_test(a_damaged_name_is_an_error),
        cmocka_unit_test_setup_teardown(periods_are_walked_in_the_order_of_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_of_a_period_is_of_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(draws_of_a_grant_stand_in_the_order_of_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_store_is_opened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_store_is_not_opened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_format_is_sealed_as_its_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_sealed_as_their_format, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
