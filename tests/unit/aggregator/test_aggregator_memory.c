/*
 * Random worlds, folded in small steps of which many are refused an allocation, while catalog and log
 * come to be known: a step says MTR_ENOMEM and stores nothing, and the end is that of a fold with all the memory
 * that it likes. METERD_SEEDS=N tries more worlds.
 */
#include <time.h>

#include "tests/support/memory/refused_memory.h"
#include "tests/unit/aggregator/random_fold.h"

enum { WORLDS = 60, EVENTS = 400, ALLOCATIONS_MAX = 160 };

/* What is known of the catalog, at the same time. */
struct known {
    uint32_t subscriptions, meters;
};

static void know_more(struct known *known)
{
    if (known->subscriptions < world.subscription_count && below(3) == 0) known->subscriptions++;
    if (known->meters < world.meter_count && below(3) == 0) known->meters++;
    show(known->subscriptions, known->meters);
}

/* Adds to *refused the steps that ended by it. */
static void fold_without_memory(uint64_t *refused)
{
    struct known known = {0};
    struct mtr_aggregator_result result = {0};
    const uint64_t all = log_in_memory.count;
    log_in_memory.count = 0;
    while (!result.idle || log_in_memory.count < all || known.subscriptions < world.subscription_count ||
           known.meters < world.meter_count) {
        struct mtr_diagnostic diagnostic = {0};
        log_in_memory.count += log_in_memory.count < all ? below((uint32_t)(all - log_in_memory.count) + 1) % 20 : 0;
        if (all - log_in_memory.count < 20) log_in_memory.count = all;
        know_more(&known);
        memory_refuse(below(2) ? 1 + below(ALLOCATIONS_MAX) : 0); /* a step may never need fewer */
        int rc = mtr_aggregator_step(aggregator, &catalog, at("2026-06-01T00:00:00Z"), &result, &diagnostic);
        const bool was_refused = memory_allow();
        assert_true(rc == MTR_OK || (rc == MTR_ENOMEM && was_refused));
        *refused += rc != MTR_OK;
        result.idle = !rc && result.idle;
    }
}

static void test_any_allocation(void **state)
{
    (void)state;
    const char *given = getenv("METERD_SEED"), *many = getenv("METERD_SEEDS");
    const uint64_t first = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    const uint64_t worlds = many ? strtoull(many, NULL, 10) : WORLDS;
    uint64_t refused = 0;
    for (uint64_t seed = first; seed < first + worlds; seed++) {
        print_message("METERD_SEED=%" PRIu64 "\n", seed);
        assert_int_equal(setup(NULL), 0);
        source.state = seed;
        make_world();
        make_events(EVENTS);
        mtr_aggregator_close(aggregator);
        open_aggregator(1 + below(40));
        fold_without_memory(&refused);
        struct world_store before = store;
        mtr_aggregator_close(aggregator);
        store_open(&store);
        assert_int_equal(mtr_aggregator_take_over(store.rollups, before.rollups), MTR_OK);
        open_aggregator(100000);
        fold_until_idle();
        struct mtr_hash128 one = store_hash(&before), other = store_hash(&store);
        assert_true(one.high == other.high && one.low == other.low);
        store_close(&before);
        assert_int_equal(teardown(NULL), 0);
    }
    print_message("%" PRIu64 " steps found no memory\n", refused);
    assert_true(refused > worlds || !MEMORY_CAN_BE_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
