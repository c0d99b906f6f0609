/*
 * What a draft begins or ends inside an hour holds from its own microsecond before it is in force, too: a what-if says what will be charged
 * and what it costs, whatever aggregation, scope and zone; also while cells wait to be folded again.
 * METERD_SEEDS=N tries more worlds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/drafted_what_if.h"

enum { PERIODS_MAX = 32, DRAFTS = 4 };

/* ---- what if ---- */

struct amounts {
    struct mtr_money emitted[PERIODS_MAX], stored[PERIODS_MAX], draft[PERIODS_MAX];
    struct mtr_money stored_cost[PERIODS_MAX], draft_cost[PERIODS_MAX];
    uint32_t count;
};

static int keep_amounts(void *context, const struct mtr_what_if_period *period)
{
    struct amounts *amounts = context;
    assert_in_range(amounts->count, 0, PERIODS_MAX - 1);
    assert_false(period->stored_problem || period->draft_problem || period->uncovered);
    amounts->emitted[amounts->count] = period->emitted;
    amounts->stored[amounts->count] = period->stored;
    amounts->stored_cost[amounts->count] = period->stored_cost;
    amounts->draft_cost[amounts->count] = period->draft_cost;
    amounts->draft[amounts->count++] = period->draft;
    return 0;
}

static struct amounts amounts_of(const struct mtr_catalog *draft)
{
    struct amounts amounts = {.count = 0};
    struct mtr_what_if_options options = what_if_options(draft);
    options.tariff = MTR_STR("t");
    options.to.time_us = JANUARY_US + 35 * DAY_US;
    ask_what_if(&options, keep_amounts, &amounts);
    return amounts;
}

static void what_it_says_is_what_is_charged(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seed_count(); seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        open_world(seed);
        for (int i = 0; i < DRAFTS; i++) {
            static struct text text;
            text.size = 0;
            add_tariffs(&text);
            struct mtr_catalog *draft = draft_of(&text);
            const struct amounts said = amounts_of(draft);
            assert_true(said.count >= 8);
            store(&text);
            const struct amounts waiting = amounts_of(world.rating.catalog); /* its cells wait to be folded again */
            assert_int_equal(audit().findings, 0);
            settle();
            const struct amounts charged = amounts_of(world.rating.catalog);
            assert_int_equal(waiting.count, said.count);
            assert_int_equal(charged.count, said.count);
            for (uint32_t j = 0; j < said.count; j++) {
                assert_money(waiting.stored[j], said.draft[j]);
                assert_money(waiting.emitted[j], said.stored[j]);
                assert_money(charged.emitted[j], said.draft[j]);
                assert_money(charged.stored[j], said.draft[j]);
                assert_money(charged.stored_cost[j], said.draft_cost[j]);
                assert_money(waiting.stored_cost[j], said.draft_cost[j]);
            }
            mtr_catalog_release(draft);
        }
        assert_int_equal(audit().findings, 0);
        metering_close(&world);
    }
}

/* ---- the audit ---- */

static void put_cuts(uint32_t subscription, const int64_t *cuts_us, uint32_t count)
{
    struct mtr_rollups_txn *txn;
    assert_int_equal(mtr_rollups_begin(world.rating.rollups, true, &txn), 0);
    assert_int_equal(mtr_rollups_put_cuts(txn, subscription, cuts_us, count), 0);
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

static int grow_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct mtr_cell *out = context;
    *out = *cell;
    out->value.e12 += 1000 * MTR_QUANTITY(1).e12;
    (void)key;
    return 0;
}

/* What cells come to that wait to be folded again says nothing of what was charged. */
static void what_waits_to_be_folded_again_is_pending(void **state)
{
    const int64_t cuts_us[] = {JANUARY_US + 3 * DAY_US + 10 * HOUR_US + 1};
    const struct mtr_subscription *subscription;
    struct mtr_cell_range range = {.from_us = JANUARY_US, .to_us = JANUARY_US + 30 * DAY_US};
    struct mtr_rollups_txn *txn;
    struct mtr_cell cell = {0};
    (void)state;
    open_world(1);
    assert_int_equal(audit().findings, 0);
    assert_int_equal(audit().pending, 0);
    subscription = mtr_catalog_find_subscription(world.rating.catalog, MTR_STR("s0"));
    put_cuts(subscription->number, cuts_us, 1);
    const uint64_t periods = audit().pending;
    assert_true(periods >= 2 && periods < audit().periods);
    /* A cell is another than it was charged by, and no feed says so. */
    range.subscription = subscription->number;
    range.meter = mtr_catalog_find_meter(world.rating.catalog, MTR_STR("spread"))->number;
    const struct mtr_cell_key key = {.subscription = range.subscription, .meter = range.meter, .start_us = JANUARY_US + 15 * DAY_US};
    assert_int_equal(mtr_rollups_begin(world.rating.rollups, true, &txn), 0);
    assert_int_equal(mtr_rollups_walk_cells(txn, &range, grow_cell, &cell), 0);
    assert_int_equal(mtr_rollups_put_cell(txn, &key, &cell), 0);
    assert_int_equal(mtr_rollups_commit(txn), 0);
    assert_int_equal(audit().findings, 0);
    assert_int_equal(audit().pending, periods);
    put_cuts(subscription->number, subscription->cuts_us, subscription->cut_count);
    assert_true(audit().findings > 0);
    metering_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_is_what_is_charged),
        cmocka_unit_test(what_waits_to_be_folded_again_is_pending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
