/*
 * What holds of the rater's steps, whatever they do: each is one transaction; no change of the rollups is passed
 * over; the watermark alone closes a period; and the same rating says the same under the same ids.
 */
#include "meterd/rater/rater.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/rating_use.h"
#include "tests/support/store/transactions.h"

static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

static const char catalog[] = "vendors: [{key: acme}]\n"
                              "services: [{key: compute, vendor: acme}]\n"
                              "meters: [{key: calls, service: compute, event_type: call, aggregation: count}]\n"
                              "tariffs:\n"
                              "  - key: t\n"
                              "    currency: EUR\n"
                              "    versions:\n"
                              "      - from: 2026-01-01\n"
                              "        components: [{key: calls, meter: calls, per_unit: '0.50'}]\n"
                              "subscriptions:\n"
                              "  - {key: s1, service: compute, customer: c, tariff: t, zone: UTC, start: 2026-01-01}\n";
static const char second[] = "subscriptions:\n"
                             "  - {key: s2, service: compute, customer: c, tariff: t, zone: UTC, start: 2026-01-01}\n";

static void begin(struct rating_world *world)
{
    rating_open(world, JANUARY_US);
    rating_apply(world, catalog);
}

static void advance_and_rate(struct rating_world *world, int64_t by_us)
{
    rating_advance_to(world, world->now_us + by_us);
    rating_drain(world);
}

/* Charges, what is noted of periods and lines, and the cursor in the feed: all of it, or none. */
static void a_step_is_one_transaction(void **state)
{
    struct rating_world world;
    char directory[2 * DIRECTORY_PATH_BYTES];
    uint64_t charges = 0;
    (void)state;
    begin(&world);
    snprintf(directory, sizeof(directory), "%s/charges", world.root);
    for (int hour = 0; hour < 8; hour++) {
        bool is_idle = false;
        rating_use(&world, "s1", "calls", world.now_us, "", "2");
        rating_advance_to(&world, world.now_us + (hour == 5 ? 40 * DAY_US : 2 * HOUR_US));
        while (!is_idle) {
            const uint64_t before = count_transactions(directory);
            const struct mtr_rater_result result = rating_step(&world);
            assert_in_range(count_transactions(directory) - before, result.charges > 0, 1);
            charges += result.charges;
            is_idle = result.idle;
        }
    }
    assert_true(charges >= 8);
    rating_close(&world);
}

/* An older snapshot does not know the subscription of a change: the feed waits for one that does. */
static void a_change_of_a_subscription_not_known_yet_waits(void **state)
{
    struct rating_world world;
    struct mtr_rater_result result = {.idle = false};
    struct mtr_diagnostic diagnostic = {0};
    (void)state;
    begin(&world);
    struct mtr_catalog *older = mtr_catalog_store_snapshot(world.store);
    rating_apply(&world, second);
    advance_and_rate(&world, HOUR_US);
    rating_use(&world, "s2", "calls", JANUARY_US, "", "4");
    rating_use(&world, "s1", "calls", JANUARY_US, "", "2");
    rating_advance_to(&world, world.now_us + 2 * HOUR_US);
    while (!result.idle)
        assert_int_equal(mtr_rater_step(world.rater, older, world.now_us, &result, &diagnostic), 0);
    mtr_catalog_release(older);
    advance_and_rate(&world, 2 * HOUR_US);
    assert_string_equal(rating_history(&world, 1).text, "draft 1");
    assert_string_equal(rating_history(&world, 2).text, "draft 2");
    rating_close(&world);
}

/* Rollups that were folded again number their changes anew: none of them has been seen. */
static void a_feed_that_begins_anew_is_read(void **state)
{
    struct rating_world world;
    char directory[2 * DIRECTORY_PATH_BYTES];
    (void)state;
    begin(&world);
    for (int i = 0; i < 5; i++) rating_use(&world, "s1", "calls", JANUARY_US, "", "2");
    advance_and_rate(&world, 2 * HOUR_US);
    rating_close_stores(&world);
    snprintf(directory, sizeof(directory), "%s/rollups", world.root);
    remove_tree(directory);
    rating_open_stores(&world);
    rating_note_cuts(&world);
    world.change = world.seq = 0;
    rating_use(&world, "s1", "calls", JANUARY_US, "", "12");
    advance_and_rate(&world, 2 * HOUR_US);
    assert_string_equal(rating_history(&world, 1).text, "draft 5; draft 1");
    rating_close(&world);
}

/* However far the clock is ahead of what is folded: what is on its way still belongs to the period. */
static void the_clock_closes_no_period(void **state)
{
    struct rating_world world;
    (void)state;
    begin(&world);
    rating_use(&world, "s1", "calls", JANUARY_US, "", "2");
    advance_and_rate(&world, 30 * DAY_US);
    world.now_us += 5 * DAY_US;
    rating_drain(&world);
    rating_use(&world, "s1", "calls", JANUARY_US + 29 * DAY_US, "", "4");
    rating_drain(&world);
    assert_string_equal(rating_history(&world, 1).text, "draft 1; draft 2");
    advance_and_rate(&world, 0);
    assert_string_equal(rating_history(&world, 1).text, "draft 1; draft 2; final 0");
    rating_close(&world);
}

struct ids {
    struct mtr_hash128 items[8];
    uint32_t count;
};

static int keep_id(void *context, const struct mtr_charge *charge)
{
    struct ids *ids = context;
    assert_true(ids->count < sizeof(ids->items) / sizeof(*ids->items));
    ids->items[ids->count++] = charge->id;
    return 0;
}

static void rate_at(int64_t moment_us, struct ids *ids)
{
    struct rating_world world;
    struct mtr_charges_txn *txn = NULL;
    *ids = (struct ids){.count = 0};
    begin(&world);
    world.now_us += moment_us;
    for (int i = 0; i < 3; i++) {
        rating_use(&world, "s1", "calls", JANUARY_US, "", "2");
        advance_and_rate(&world, 2 * HOUR_US);
    }
    assert_int_equal(mtr_charges_begin(world.charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk(txn, 0, keep_id, ids), 0);
    mtr_charges_abort(txn);
    rating_close(&world);
}

/* Who loses what was rated last, and rates it again, later, says nothing else. */
static void the_same_rating_has_the_same_ids(void **state)
{
    struct ids early, late;
    (void)state;
    rate_at(0, &early);
    rate_at(17 * MTR_US_PER_SECOND, &late);
    assert_int_equal(early.count, 3);
    assert_int_equal(late.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_memory_equal(&early.items[i], &late.items[i], sizeof(early.items[i]));
        for (uint32_t k = 0; k < i; k++) assert_memory_not_equal(&early.items[i], &early.items[k], sizeof(early.items[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_one_transaction),
        cmocka_unit_test(a_change_of_a_subscription_not_known_yet_waits),
        cmocka_unit_test(a_feed_that_begins_anew_is_read),
        cmocka_unit_test(the_clock_closes_no_period),
        cmocka_unit_test(the_same_rating_has_the_same_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
