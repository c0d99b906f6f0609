/*
 * The fold's law: the end is the same, to the byte, in whatever order log and catalog came to be known, with
 * failures in between, dates of retirement that move and meters that go where they may, quotas of dimension
 * values that change, and rollups of before there were any; and cells count every event that can count, once
 * in each hour that it touches. What is counted again for a question is what a fold would have given.
 * METERD_SEEDS=N tries more worlds.
 */
#include "tests/support/all_cells.h"
#include "meterd/aggregator/recount.h"
#include "tests/support/fold_model.h"
#include "tests/support/told_cells.h"
#include "tests/unit/aggregator/random_fold.h"

static int64_t other_cuts_us[WORLD_SUBSCRIPTIONS_MAX][CUTS_MAX];

/* Adds to *beyond how many events meters hold. */
static void check_counts(uint64_t *beyond)
{
    struct mtr_rollups_txn *txn;
    struct mtr_beyond_sum sum;
    uint64_t counted = 0, expected_beyond;
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    assert_int_equal(walk_all_cells(txn, on_count, &counted), MTR_OK);
    assert_int_equal(mtr_rollups_sum_beyond(txn, &sum), MTR_OK);
    assert_int_equal(counted, expected_count(txn, &expected_beyond));
    assert_int_equal(sum.events, expected_beyond);
    mtr_rollups_abort(txn);
    *beyond += expected_beyond;
}

/* Changes of a kind that were tried. */
struct changes {
    uint64_t made, refused;
};

static bool is_refused(const struct mtr_catalog *after)
{
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 4);
    assert_int_equal(mtr_aggregator_check_change(aggregator, &catalog, after, &findings), MTR_OK);
    const bool refused = findings.errors > 0;
    mtr_diagnostics_release(&findings);
    return refused;
}

/* A meter goes, where the fold has nothing against it. */
static void delete_a_meter(uint32_t meters, struct changes *deleted)
{
    struct mtr_catalog after = catalog;
    after.gone = 1 + below(meters);
    if (world.is_deleted[after.gone - 1]) return;
    const bool refused = is_refused(&after);
    *(refused ? &deleted->refused : &deleted->made) += 1;
    world.is_deleted[after.gone - 1] = !refused;
    show(catalog.subscription_count, catalog.meter_count);
}

/* Another date for a meter, where the fold has nothing against it. */
static void move_a_date(uint32_t meters, struct changes *moved)
{
    struct mtr_catalog after = catalog;
    struct mtr_meter changed = world.meters[below(meters)];
    char text[MTR_TIME_TEXT_BYTES], *kept = dates[changed.number - 1];
    changed.retired = any_date(text);
    after.changed = &changed;
    if (world.is_deleted[changed.number - 1]) return;
    const bool refused = is_refused(&after);
    *(refused ? &moved->refused : &moved->made) += 1;
    if (refused) return;
    world.meters[changed.number - 1] = changed;
    if (changed.retired.text.data == text)
        world.meters[changed.number - 1].retired.text.data = memcpy(kept, text, sizeof(text));
}

/* All of the log with all of the catalog, in a new store; *before is the one that there was. */
static void fold_at_once(struct world_store *before)
{
    mtr_aggregator_close(aggregator);
    *before = store;
    store_open(&store);
    assert_int_equal(mtr_aggregator_take_over(store.rollups, before->rollups), MTR_OK);
    open_aggregator(100000);
    show(world.subscription_count, world.meter_count);
    fold_until_idle();
}

/* ---- counted again for a question ---- */

enum { ASKED_MAX = 2 * CUTS_MAX };
static int64_t asked_us[WORLD_SUBSCRIPTIONS_MAX][ASKED_MAX];
static uint32_t asked_counts[WORLD_SUBSCRIPTIONS_MAX];

static int compare_instants(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The cuts of the catalog, and others: each once. */
static void ask_cuts(void)
{
    for (uint32_t i = 0; i < world.subscription_count; i++) {
        const struct mtr_subscription *subscription = &world.subscriptions[i];
        int64_t *asked = asked_us[i];
        uint32_t count = make_cuts(starts_us[i], asked), kept = 0;
        for (uint32_t k = 0; k < subscription->cut_count; k++) asked[count++] = subscription->cuts_us[k];
        qsort(asked, count, sizeof(*asked), compare_instants);
        for (uint32_t k = 0; k < count; k++)
            if (!kept || asked[kept - 1] != asked[k]) asked[kept++] = asked[k];
        asked_counts[i] = kept;
    }
}

static struct mtr_recount *open_recount(void)
{
    const struct mtr_recount_options options = {
        .reader = &log_in_memory, .events_max = WORLD_EVENTS_MAX, .bytes_max = 64 << 20};
    struct mtr_recount *recount;
    assert_int_equal(mtr_recount_open(&options, &recount), MTR_OK);
    return recount;
}

static int ask(struct mtr_recount *recount, uint32_t subscription)
{
    const struct mtr_recount_request request = {.subscription = &world.subscriptions[subscription],
                                                .cuts_us = asked_us[subscription],
                                                .cut_count = asked_counts[subscription],
                                                .by_starts = true};
    return mtr_recount_ask(recount, &request);
}

static bool is_any_moving(struct mtr_rollups_txn *txn)
{
    bool any = false, moving;
    for (uint32_t i = 1; i <= world.subscription_count; i++) {
        assert_int_equal(mtr_rollups_is_moving(txn, i, &moving), MTR_OK);
        any |= moving;
    }
    return any;
}

/* Whatever waits to be caught up, released or cut: what counts is what counts in the store. While use changes hands the
 * answer may be to ask in a moment. */
static void recount_in_disorder(uint32_t subscriptions)
{
    struct mtr_recount *recount = open_recount();
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_rollups_txn *txn;
    ask_cuts();
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    mtr_recount_begin(recount, txn, &catalog, &catalog);
    for (uint32_t i = 0; i < subscriptions; i++) assert_int_equal(ask(recount, i), MTR_OK);
    int rc = mtr_recount_count(recount, &diagnostic);
    const bool may_refuse = rc == MTR_EAGAIN && is_any_moving(txn);
    if (rc && !may_refuse) print_error("%s: %s\n", mtr_error_name(rc), diagnostic.text);
    assert_true(!rc || may_refuse);
    mtr_recount_close(recount);
    mtr_rollups_abort(txn);
}

/* As a draft has them: use goes from one subscription of a subject to another. */
static void move_starts(void)
{
    for (uint32_t i = 0; i < world.subscription_count; i++)
        if (below(4) == 0) world.subscriptions[i].start_us = any_start(starts_us[i] - 3 * MTR_US_PER_HOUR, 6 * 3600, i);
    show(world.subscription_count, world.meter_count);
}

/* The store is folded with the catalog's cuts and starts; another is folded with those that are asked for. */
static void check_recount(void)
{
    static struct told counted, folded;
    struct world_store kept;
    struct mtr_recount *recount = open_recount();
    struct mtr_diagnostic diagnostic = {0};
    const int64_t first_us = at("2026-04-04T11:00:00Z");
    counted = (struct told){.recount = recount};
    folded = (struct told){.cells = 0};
    if (below(4)) move_starts();
    ask_cuts();
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &counted.txn), MTR_OK);
    mtr_recount_begin(recount, counted.txn, &catalog, &catalog);
    for (uint32_t i = world.subscription_count; i-- > 0;) assert_int_equal(ask(recount, i), MTR_OK);
    assert_int_equal(mtr_recount_count(recount, &diagnostic), MTR_OK);
    for (uint32_t i = 0; i < world.subscription_count; i++) {
        world.subscriptions[i].cuts_us = asked_us[i];
        world.subscriptions[i].cut_count = asked_counts[i];
    }
    fold_at_once(&kept);
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &folded.txn), MTR_OK);
    for (int i = 0; i < 10; i++) {
        const int64_t from_us = i ? first_us + (int64_t)below(6 * 3600) * MTR_US_PER_SECOND : 0;
        const int64_t to_us = i ? from_us + (int64_t)below(6 * 3600) * MTR_US_PER_SECOND : INT64_MAX;
        const struct mtr_hour time = {from_us, to_us};
        tell(&counted, world.subscription_count, world.meter_count, time);
        tell(&folded, world.subscription_count, world.meter_count, time);
        if (strcmp(counted.text, folded.text) != 0)
            for (size_t k = 0; k < counted.size; k++)
                if (counted.text[k] != folded.text[k]) {
                    print_error("counted %.300s\nfolded %.300s\n", counted.text + (k > 100 ? k - 100 : 0), folded.text + (k > 100 ? k - 100 : 0));
                    break;
                }
        assert_string_equal(counted.text, folded.text);
    }
    assert_true(counted.cells > 0);
    mtr_rollups_abort(folded.txn);
    mtr_rollups_abort(counted.txn);
    mtr_recount_close(recount);
    store_close(&kept);
}

/* Some time one of them goes to what it has in the end, or by some of the way; all: true. Where the fold has
 * something against it, it has in the end what it has. */
static bool change_a_quota(struct changes *lowered)
{
    for (uint32_t i = 0; i < world.meter_count; i++) {
        struct mtr_meter *meter = &world.meters[i];
        if (meter->dimension_values_max == quotas[i]) continue;
        if (i >= catalog.meter_count || below(4)) return false;
        if (meter->dimension_values_max < quotas[i]) {
            meter->dimension_values_max += 1 + below((uint32_t)(quotas[i] - meter->dimension_values_max));
            return false;
        }
        struct mtr_meter lower = *meter;
        struct mtr_catalog after = catalog;
        lower.dimension_values_max = quotas[i];
        after.changed = &lower;
        if (world.is_deleted[i] || !is_refused(&after)) {
            *meter = lower;
            lowered->made++;
        } else {
            quotas[i] = meter->dimension_values_max;
            lowered->refused++;
        }
        return false;
    }
    return true;
}

/* As if rollups of before there were quotas had been folded up to that sequence. */
static void put_uncounted(uint64_t seq)
{
    struct mtr_rollups_txn *txn;
    char value[8];
    for (int i = 0; i < 8; i++) value[i] = (char)(seq >> (56 - 8 * i));
    assert_int_equal(mtr_rollups_begin(store.rollups, true, &txn), MTR_OK);
    assert_int_equal(mtr_rollups_put_fact(txn, MTR_STR(MTR_FACT_UNCOUNTED), (struct mtr_str){value, 8}), MTR_OK);
    assert_int_equal(mtr_rollups_commit(txn), MTR_OK);
}

static void upgrade(void)
{
    put_uncounted(folded_cursor().next_seq);
}

static void begin_in_disorder(void)
{
    log_in_memory.count = 0;
    for (uint32_t i = 0; i < world.meter_count; i++) world.meters[i].dimension_values_max = 1 + below(REGIONS + 1);
    for (uint32_t i = 0; i < world.subscription_count; i++) {
        struct mtr_subscription *subscription = &world.subscriptions[i];
        if (below(3) == 0) continue;
        subscription->cuts_us = other_cuts_us[i];
        subscription->cut_count = make_cuts(starts_us[i], other_cuts_us[i]);
    }
    for (uint32_t i = 0; i < world.subscription_count; i++)
        if (below(3) == 0) world.subscriptions[i].start_us = any_start(starts_us[i] - 2 * MTR_US_PER_HOUR, 4 * 3600, i);
}

struct tries {
    struct changes dates, deletions, quotas;
};

/* The log grows, the catalog learns, dates move, steps are small, some fail, the aggregator starts anew: until
 * nothing is left to do. */
static void fold_in_disorder(uint32_t count, bool is_of_before, struct tries *tries)
{
    struct mtr_aggregator_result result = {0};
    struct mtr_diagnostic diagnostic;
    uint32_t subscriptions = below(3), meters = below(3), moved = 0;
    bool have_quotas = false;
    begin_in_disorder();
    if (is_of_before) put_uncounted(UINT64_MAX);
    show(subscriptions, meters);
    while (!result.idle || log_in_memory.count < count || subscriptions < world.subscription_count ||
           meters < world.meter_count || moved < world.subscription_count || !have_quotas || is_of_before) {
        have_quotas |= change_a_quota(&tries->quotas);
        if (below(2) && moved < world.subscription_count) {
            world.subscriptions[moved].start_us = starts_us[moved];
            world.subscriptions[moved].cuts_us = cuts_us[moved];
            world.subscriptions[moved].cut_count = cut_counts[moved];
            moved++;
        }
        if (below(2)) log_in_memory.count += below(40);
        if (log_in_memory.count > count) log_in_memory.count = count;
        if (below(4) == 0 && subscriptions < world.subscription_count) subscriptions++;
        if (below(4) == 0 && meters < world.meter_count)
            meters += 1 + (below(2) && meters + 1 < world.meter_count);
        show(subscriptions, meters);
        if (meters && below(2)) move_a_date(meters, &tries->dates);
        if (meters && below(8) == 0) delete_a_meter(meters, &tries->deletions);
        log_in_memory.fail_in = below(6) == 0 ? 1 + (int)below(5) : 0;
        if (below(5) == 0) {
            mtr_aggregator_close(aggregator);
            open_aggregator(1 + below(50));
        }
        int rc = mtr_aggregator_step(aggregator, &catalog, 0, &result, &diagnostic);
        if (rc && rc != MTR_EIO) print_error("%s\n", diagnostic.text);
        assert_true(rc == MTR_OK || rc == MTR_EIO);
        if (rc) result.idle = false;
        log_in_memory.fail_in = 0;
        if (!rc && below(8) == 0) recount_in_disorder(subscriptions);
        if (is_of_before && below(30) == 0) upgrade(), is_of_before = false;
    }
}

static void any_order_gives_the_same_bytes(void **state)
{
    const char *seeds_text = getenv("METERD_SEEDS");
    uint64_t seeds = 25, beyond = 0;
    struct tries tries = {.dates = {0}};
    enum { EVENTS = 400 };
    (void)state;
    if (seeds_text) (void)mtr_str_to_u64(mtr_str_from(seeds_text), &seeds);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        source.state = seed * UINT64_C(0x9E3779B97F4A7C15);
        clear_world();
        log_in_memory.count = 0;
        log_in_memory.block_events = 1 + below(32);
        make_world();
        make_events(EVENTS);
        mtr_aggregator_close(aggregator);
        store_close(&store);
        store_open(&store);
        open_aggregator(7);
        struct world_store before;
        fold_in_disorder(EVENTS, below(3) == 0, &tries);
        fold_at_once(&before);
        struct mtr_hash128 in_disorder = store_hash(&before), at_once = store_hash(&store);
        if (at_once.high != in_disorder.high || at_once.low != in_disorder.low)
            print_error("seed %" PRIu64 "\n", seed);
        assert_true(at_once.high == in_disorder.high && at_once.low == in_disorder.low);
        store_close(&before);
        check_counts(&beyond);
        check_recount();
    }
    assert_true(tries.dates.made > seeds && tries.dates.refused > seeds);
    assert_true(tries.deletions.made > seeds / 4 && tries.deletions.refused > seeds);
    assert_true(tries.quotas.made > seeds && tries.quotas.refused > seeds / 8);
    assert_true(beyond > seeds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_order_gives_the_same_bytes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
