/*
 * What is assumed of the log is what the fold makes of it, to the byte: the cells, members and lists of a store with events on top of it are
 * those of the store that has folded them. METERD_SEEDS=N tries more worlds.
 */
#include "tests/support/fold_model.h"
#include "tests/support/told_cells.h"
#include "tests/unit/aggregator/random_fold.h"

enum { EVENTS = 300, ASSUMED = 60 };

static struct mtr_assumed_event assumed[ASSUMED];
static struct world_event copies[ASSUMED]; /* of what is assumed */
static uint32_t assumed_count;
static bool is_taken_back[EVENTS + 1]; /* by sequence */

static void note_voids(void)
{
    memset(is_taken_back, 0, sizeof(is_taken_back));
    for (uint64_t i = 0; i < EVENTS; i++) {
        const struct mtr_event *event = &log_in_memory.events[i].event;
        if (event->disposition == MTR_DISPOSITION_VOID && event->target_seq <= EVENTS) is_taken_back[event->target_seq] = true;
    }
}

static void add_assumed(uint64_t seq, uint64_t void_seq)
{
    struct world_event *copy = &copies[assumed_count];
    *copy = log_in_memory.events[seq - 1];
    copy->event.properties = copy->properties;
    assumed[assumed_count++] = (struct mtr_assumed_event){&copy->event, seq, void_seq};
}

/* Further events, and voids of what was folded: also of what is held, was refused, or has been taken back. */
static void make_assumed(void)
{
    assumed_count = 0;
    while (log_in_memory.count < EVENTS + ASSUMED) {
        const uint32_t dice = below(20);
        const uint64_t seq = log_in_memory.count + 1, target = 1 + below(EVENTS);
        if (dice >= 7) {
            make_usage(dice);
            add_assumed(seq, 0);
            continue;
        }
        append_void(target);
        if (!is_taken_back[target]) add_assumed(target, seq); /* the second void of one does nothing */
        is_taken_back[target] = true;
    }
}

static struct mtr_recount *assume(struct mtr_rollups_txn *txn, size_t bytes_max, int expected)
{
    const struct mtr_recount_options options = {.bytes_max = bytes_max};
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_recount *recount;
    assert_int_equal(mtr_recount_open(&options, &recount), MTR_OK);
    mtr_recount_begin(recount, txn, &catalog, &catalog);
    assert_int_equal(mtr_recount_assume(recount, assumed, assumed_count), MTR_OK);
    assert_int_equal(mtr_recount_count(recount, &diagnostic), expected);
    return recount;
}

static struct mtr_hour any_time(int i)
{
    const int64_t first_us = at("2026-04-04T11:00:00Z");
    const int64_t from_us = i ? first_us + (int64_t)below(6 * 3600) * MTR_US_PER_SECOND : 0;
    return (struct mtr_hour){from_us, i ? from_us + (int64_t)below(6 * 3600) * MTR_US_PER_SECOND : INT64_MAX};
}

static void show_difference(const struct told *a, const struct told *b)
{
    size_t at = 0;
    while (a->text[at] && a->text[at] == b->text[at]) at++;
    at = at > 100 ? at - 100 : 0;
    print_error("assumed %.300s\nfolded  %.300s\n", a->text + at, b->text + at);
}

static uint64_t compare_stores(const struct mtr_recount *recount, struct mtr_rollups_txn *before, struct mtr_rollups_txn *after)
{
    static struct told as_assumed, as_folded;
    as_assumed = (struct told){.recount = recount, .txn = before};
    as_folded = (struct told){.txn = after};
    for (int i = 0; i < 8; i++) {
        const struct mtr_hour time = any_time(i);
        tell(&as_assumed, world.subscription_count, world.meter_count, time);
        tell(&as_folded, world.subscription_count, world.meter_count, time);
        if (strcmp(as_assumed.text, as_folded.text) != 0) show_difference(&as_assumed, &as_folded);
        assert_string_equal(as_assumed.text, as_folded.text);
    }
    return as_assumed.cells;
}

static int count_touched(void *context, const struct mtr_subscription *subscription, const struct mtr_meter *meter, struct mtr_hour span)
{
    assert_ptr_equal(subscription->service, meter->service);
    assert_true(span.start_us < span.end_us);
    ++*(uint64_t *)context;
    return 0;
}

static void what_is_assumed_is_what_is_folded(void **state)
{
    const char *seeds_text = getenv("METERD_SEEDS");
    uint64_t seeds = 60, cells = 0, touched = 0;
    (void)state;
    if (seeds_text) (void)mtr_str_to_u64(mtr_str_from(seeds_text), &seeds);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct mtr_rollups_txn *before, *after;
        source.state = seed * UINT64_C(0x9E3779B97F4A7C15);
        clear_world();
        log_in_memory.count = 0;
        log_in_memory.block_events = 1 + below(32);
        make_world();
        make_events(EVENTS);
        note_voids();
        mtr_aggregator_close(aggregator);
        store_close(&store);
        store_open(&store);
        open_aggregator(100000);
        show(world.subscription_count, world.meter_count);
        fold_until_idle();
        make_assumed();
        assert_int_equal(mtr_rollups_begin(store.rollups, false, &before), MTR_OK);
        struct mtr_recount *recount = assume(before, 64 << 20, MTR_OK);
        assert_int_equal(mtr_recount_walk_touched(recount, count_touched, &touched), 0);
        if (mtr_recount_has_work(recount)) mtr_recount_close(assume(before, 1, MTR_ELIMIT));
        fold_until_idle();
        assert_int_equal(mtr_rollups_begin(store.rollups, false, &after), MTR_OK);
        cells += compare_stores(recount, before, after);
        mtr_rollups_abort(after);
        mtr_rollups_abort(before);
        mtr_recount_close(recount);
    }
    assert_true(cells > 100 * seeds && touched > 4 * seeds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_assumed_is_what_is_folded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
