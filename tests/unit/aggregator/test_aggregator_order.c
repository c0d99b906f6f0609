/*
 * The fold's law: the end is the same, to the byte, in whatever order log and catalog came to be known, with
 * failures in between, dates of retirement that move and meters that go where they may; and cells count every
 * event that can count, once in each hour that it touches. What is counted again for a question is what a fold
 * would have given.
 * METERD_SEEDS=N tries more worlds.
 */
#include "tests/support/all_cells.h"
#include "meterd/aggregator/recount.h"
#include "meterd/catalog/cell.h"
#include "tests/support/fold_world.h"
#include "tests/support/random.h"
#include "tests/support/told_cells.h"

static struct random_source source;
static int64_t starts_us[WORLD_SUBSCRIPTIONS_MAX]; /* that the subscriptions have in the end */
enum { CUTS_MAX = 3 };
static int64_t cuts_us[WORLD_SUBSCRIPTIONS_MAX][CUTS_MAX], other_cuts_us[WORLD_SUBSCRIPTIONS_MAX][CUTS_MAX];
static uint32_t cut_counts[WORLD_SUBSCRIPTIONS_MAX];

static uint32_t below(uint32_t limit)
{
    return (uint32_t)random_below(&source, limit);
}

/* What belongs to its aggregation. */
static void make_kind(struct mtr_meter *meter)
{
    static const int64_t windows[] = {MTR_US_PER_HOUR / 60, MTR_US_PER_HOUR / 12, MTR_US_PER_HOUR / 4, MTR_US_PER_HOUR};
    if (meter->aggregation == MTR_SUM && below(3) == 0) meter->spread_over = MTR_STR("length");
    else if (meter->aggregation == MTR_SUM || meter->aggregation == MTR_COUNT) meter->keep_events = below(2);
    if (meter->aggregation == MTR_TIME_WEIGHTED) meter->reports_changes = below(2);
    if (meter->aggregation == MTR_PERCENTILE) meter->window_us = windows[below(4)];
    if (mtr_aggregation_adds_up(meter->aggregation)) meter->cell_us = MTR_CELL_US_MAX >> below(3);
}

/* Any number of instants, at any microsecond, in order. */
static uint32_t make_cuts(int64_t first_us, int64_t cuts[CUTS_MAX])
{
    const uint32_t count = below(CUTS_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        cuts[i] = first_us + below(3600) * MTR_US_PER_SECOND + below(1000000);
        first_us = cuts[i] + below(7200) * MTR_US_PER_SECOND;
    }
    return count;
}

static char dates[WORLD_METERS_MAX][MTR_TIME_TEXT_BYTES]; /* texts of the world's meters */

/* In or beside the time of the events, or never. */
static struct mtr_catalog_time any_date(char text[MTR_TIME_TEXT_BYTES])
{
    const int64_t time_us = at("2026-04-04T11:00:00Z") + (int64_t)below(8 * 3600) * MTR_US_PER_SECOND;
    if (below(3) == 0) return (struct mtr_catalog_time){0};
    mtr_time_format(time_us, text);
    return (struct mtr_catalog_time){.text = mtr_str_from(text), .time_us = time_us};
}

/* Within so many seconds; no two of a subject start at the same one, as the catalog has them. */
static int64_t any_start(int64_t from_us, uint32_t seconds, uint32_t subscription)
{
    _Static_assert(WORLD_SUBSCRIPTIONS_MAX == 16, "each has its own remainder");
    return (from_us + below(seconds) * MTR_US_PER_SECOND) / 16 * 16 + subscription;
}

enum { OPENINGS = 4 };
static struct mtr_opening openings[WORLD_SUBSCRIPTIONS_MAX][OPENINGS];

/* What some counters stand at before their first reading. */
static void make_openings(struct mtr_subscription *subscription, struct mtr_opening room[OPENINGS])
{
    static const char *const dimensions[] = {"", "eu\x1F", "us\x1F", "\x1F"};
    for (uint32_t i = 0; i < OPENINGS; i++)
        room[i] = (struct mtr_opening){.meter = &world.meters[below(world.meter_count)],
                                       .dimensions = mtr_str_from(dimensions[below(4)]),
                                       .value = MTR_QUANTITY(below(5))};
    subscription->openings = room;
    subscription->opening_count = below(OPENINGS + 1);
}

static void make_world(void)
{
    static const char *const zones[] = {"UTC", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"};
    static const char *const subjects[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"};
    static const char *const types[] = {"cpu", "disk", "net", "idle"};
    const struct mtr_service *const services[] = {&compute, &storage, &mail};
    const int64_t first_us = at("2026-04-04T11:00:00Z");
    for (int i = 0; i < 8; i++) add_subscription(services[below(3)], subjects[i], zones[below(4)]);
    /* Subjects that come again, in any order of their numbers, and at any second. */
    for (uint32_t i = 8; i < WORLD_SUBSCRIPTIONS_MAX; i++) {
        const uint32_t of = below(4);
        add_subscription(world.subscriptions[of].service, subjects[of], zones[below(4)]);
    }
    for (uint32_t i = 0; i < world.subscription_count; i++)
        starts_us[i] = world.subscriptions[i].start_us = any_start(first_us, 8 * 3600, i);
    for (uint32_t i = 0; i < world.subscription_count; i++) {
        cut_counts[i] = make_cuts(first_us + 2 * MTR_US_PER_HOUR, cuts_us[i]);
        world.subscriptions[i].cuts_us = cuts_us[i];
        world.subscriptions[i].cut_count = cut_counts[i];
    }
    for (int i = 0; i < 14; i++) {
        struct mtr_meter *meter = add_meter(services[below(3)], types[below(4)],
                                            (enum mtr_aggregation)below(MTR_AGGREGATION_COUNT));
        make_kind(meter);
        meter->missing_is_invalid = below(3) == 0;
        if (below(2)) meter->group_by = by_region, meter->group_by_count = 1;
        if (below(3) == 0) filter_regions(meter);
        if (below(3) == 0) meter->retired = any_date(dates[i]);
    }
    for (uint32_t i = 0; i < world.subscription_count; i++) make_openings(&world.subscriptions[i], openings[i]);
}

static void make_events(uint32_t count)
{
    static const char *const subjects[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "unknown"};
    static const char *const types[] = {"cpu", "disk", "net", "gpu"};
    static const char *const values[] = {"1", "2.5", "-3", "1000000000000", "0.000000000001", "7"};
    static const char *const texts[] = {"4.25", "x", "4.250",
                                        "a text of more than sixty-four bytes is kept as a hash, and this one surely is so long"};
    static const char *const regions[] = {"eu", "us", "ap"};
    static const char *const lengths[] = {"0", "0.5", "5400", "-1", "20000.000001", "300000"};
    const int64_t start = at("2026-04-04T12:00:00Z"); /* Lord Howe's clocks go back at 15:00 */
    while (log_in_memory.count < count) {
        uint32_t dice = below(20);
        if (dice < 4 && log_in_memory.count > 0) {
            append_void(1 + below((uint32_t)log_in_memory.count));
            continue;
        }
        struct world_event *row = append(below(2) ? &acme : &zeta, types[below(4)], subjects[below(9)],
                                         start + below(6 * 60) * 60 * MTR_US_PER_SECOND);
        if (dice == 19) row->event.disposition = (enum mtr_disposition)(MTR_DISPOSITION_CONFLICT + below(3));
        if (below(4)) add_text(row, "region", regions[below(3)]);
        if (dice < 15) add_number(row, "value", values[below(6)]);
        else if (dice < 18) add_text(row, "value", texts[below(4)]);
        if (below(8)) add_number(row, "length", lengths[below(6)]);
    }
}

/* Σ of cells' counts = events that match a meter and can count, less the voided ones: found without the
 * fold's help but for event_quantity's refusals, which the golden cases cover. */
static int on_count(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    (void)key;
    *(uint64_t *)context += cell->count;
    return MTR_OK;
}

static bool is_voided(uint64_t seq)
{
    for (uint64_t v = seq; v < log_in_memory.count; v++)
        if (log_in_memory.events[v].event.disposition == MTR_DISPOSITION_VOID &&
            log_in_memory.events[v].event.target_seq == seq)
            return true;
    return false;
}

static const struct mtr_property *property_of(const struct world_event *row, const char *name)
{
    for (uint32_t i = 0; i < row->event.property_count; i++)
        if (mtr_str_equal(row->properties[i].name, mtr_str_from(name))) return &row->properties[i];
    return NULL;
}

/* Cells that an event over a length touches. */
static uint64_t cells_of(const struct mtr_subscription *subscription, const struct world_event *row,
                         const struct mtr_meter *meter)
{
    struct mtr_quantity length;
    const struct mtr_property *property = property_of(row, "length");
    uint64_t cells = 1;
    if (!property || mtr_quantity_from_decimal(property->number, &length) || length.e12 < 0) return 0;
    const int64_t end_us = row->event.time_us + (int64_t)(length.e12 / 1000000);
    struct mtr_cell_bounds cell = mtr_cell_at(subscription, meter, row->event.time_us);
    for (; cell.end_us < end_us; cells++) cell = mtr_cell_at(subscription, meter, cell.end_us);
    return cells;
}

/* In how many cells. */
static uint64_t counts_for(const struct mtr_subscription *subscription, const struct world_event *row,
                           const struct mtr_meter *meter)
{
    const struct mtr_property *value = property_of(row, "value"), *region = property_of(row, "region");
    if (meter->filter_count && (!region || !mtr_str_equal(region->text, MTR_STR("eu")))) return 0;
    if (meter->aggregation == MTR_COUNT) return 1;
    if (!value) return 0;
    /* of the texts, those that are numbers */
    const bool is_number = value->kind == MTR_PROPERTY_NUMBER || value->text.data[0] == '4';
    if (meter->aggregation != MTR_UNIQUE && !is_number) return 0;
    return meter->spread_over.size ? cells_of(subscription, row, meter) : 1;
}

/* Is it the last of its subject that has begun by then, or the first of all before that? */
static bool has_use_at(const struct mtr_subscription *subscription, int64_t time_us)
{
    const bool has_begun = subscription->start_us <= time_us;
    for (uint32_t i = 0; i < world.subscription_count; i++) {
        const struct mtr_subscription *other = &world.subscriptions[i];
        if (other == subscription || other->service != subscription->service ||
            !mtr_str_equal(other->subject, subscription->subject))
            continue;
        const bool other_has_begun = other->start_us <= time_us;
        if (has_begun ? other_has_begun && other->start_us > subscription->start_us
                      : other_has_begun || other->start_us < subscription->start_us)
            return false;
    }
    return true;
}

static uint64_t expected_count(void)
{
    uint64_t count = 0;
    for (uint64_t seq = 1; seq <= log_in_memory.count; seq++) {
        const struct world_event *row = &log_in_memory.events[seq - 1];
        if (row->event.disposition != MTR_DISPOSITION_NORMAL || is_voided(seq)) continue;
        for (uint32_t s = 0; s < world.subscription_count; s++) {
            const struct mtr_subscription *subscription = &world.subscriptions[s];
            if (!mtr_str_equal(subscription->subject, row->event.subject)) continue;
            if (!mtr_str_equal(subscription->service->vendor->key, row->event.vendor)) continue;
            if (!has_use_at(subscription, row->event.time_us)) continue;
            for (uint32_t m = 0; m < world.meter_count; m++) {
                const struct mtr_meter *meter = &world.meters[m];
                if (!world.is_deleted[m] && meter->service == subscription->service &&
                    mtr_str_equal(meter->event_type, row->event.type) &&
                    row->event.time_us < mtr_meter_retired_us(meter))
                    count += counts_for(subscription, row, meter);
            }
        }
    }
    return count;
}

static void check_counts(void)
{
    struct mtr_rollups_txn *txn;
    uint64_t counted = 0;
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    assert_int_equal(walk_all_cells(txn, on_count, &counted), MTR_OK);
    mtr_rollups_abort(txn);
    assert_int_equal(counted, expected_count());
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
                                                .cut_count = asked_counts[subscription]};
    return mtr_recount_ask(recount, &request);
}

/* Whatever waits to be caught up, released or cut: what counts is what counts in the store. */
static void recount_in_disorder(uint32_t subscriptions)
{
    struct mtr_recount *recount = open_recount();
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_rollups_txn *txn;
    ask_cuts();
    assert_int_equal(mtr_rollups_begin(store.rollups, false, &txn), MTR_OK);
    mtr_recount_begin(recount, txn, &catalog);
    for (uint32_t i = 0; i < subscriptions; i++) assert_int_equal(ask(recount, i), MTR_OK);
    int rc = mtr_recount_count(recount, &diagnostic);
    if (rc) print_error("%s: %s\n", mtr_error_name(rc), diagnostic.text);
    assert_int_equal(rc, MTR_OK);
    mtr_recount_close(recount);
    mtr_rollups_abort(txn);
}

/* The store is folded with the catalog's cuts; another is folded with those that are asked for. */
static void check_recount(void)
{
    static struct told counted, folded;
    const struct world_store kept = store;
    struct mtr_recount *recount = open_recount();
    struct mtr_diagnostic diagnostic = {0};
    const int64_t first_us = at("2026-04-04T11:00:00Z");
    counted = (struct told){.recount = recount};
    folded = (struct told){.cells = 0};
    ask_cuts();
    assert_int_equal(mtr_rollups_begin(kept.rollups, false, &counted.txn), MTR_OK);
    mtr_recount_begin(recount, counted.txn, &catalog);
    for (uint32_t i = world.subscription_count; i-- > 0;) assert_int_equal(ask(recount, i), MTR_OK);
    assert_int_equal(mtr_recount_count(recount, &diagnostic), MTR_OK);
    for (uint32_t i = 0; i < world.subscription_count; i++) {
        world.subscriptions[i].cuts_us = asked_us[i];
        world.subscriptions[i].cut_count = asked_counts[i];
    }
    mtr_aggregator_close(aggregator);
    store_open(&store);
    open_aggregator(100000);
    show(world.subscription_count, world.meter_count);
    fold_until_idle();
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
    struct world_store old = kept;
    store_close(&old);
}

/* The log grows, the catalog learns, dates move, steps are small, some fail, the aggregator starts anew: until
 * nothing is left to do. */
static void fold_in_disorder(uint32_t count, struct changes *moved_dates, struct changes *deletions)
{
    struct mtr_aggregator_result result = {0};
    struct mtr_diagnostic diagnostic;
    uint32_t subscriptions = below(3), meters = below(3), moved = 0;
    log_in_memory.count = 0;
    for (uint32_t i = 0; i < world.subscription_count; i++) {
        struct mtr_subscription *subscription = &world.subscriptions[i];
        if (below(3) == 0) continue;
        subscription->cuts_us = other_cuts_us[i];
        subscription->cut_count = make_cuts(starts_us[i], other_cuts_us[i]);
    }
    for (uint32_t i = 0; i < world.subscription_count; i++)
        if (below(3) == 0) world.subscriptions[i].start_us = any_start(starts_us[i] - 2 * MTR_US_PER_HOUR, 4 * 3600, i);
    show(subscriptions, meters);
    while (!result.idle || log_in_memory.count < count || subscriptions < world.subscription_count ||
           meters < world.meter_count || moved < world.subscription_count) {
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
        if (meters && below(2)) move_a_date(meters, moved_dates);
        if (meters && below(8) == 0) delete_a_meter(meters, deletions);
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
    }
}

static void any_order_gives_the_same_bytes(void **state)
{
    const char *seeds_text = getenv("METERD_SEEDS");
    uint64_t seeds = 25;
    struct changes moved_dates = {0}, deletions = {0};
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
        fold_in_disorder(EVENTS, &moved_dates, &deletions);
        struct mtr_hash128 in_disorder = store_hash(&store);
        mtr_aggregator_close(aggregator);
        store_close(&store);
        store_open(&store);
        open_aggregator(100000);
        show(world.subscription_count, world.meter_count);
        fold_until_idle();
        check_counts();
        struct mtr_hash128 at_once = store_hash(&store);
        if (at_once.high != in_disorder.high || at_once.low != in_disorder.low)
            print_error("seed %" PRIu64 "\n", seed);
        assert_true(at_once.high == in_disorder.high && at_once.low == in_disorder.low);
        check_recount();
    }
    assert_true(moved_dates.made > seeds && moved_dates.refused > seeds);
    assert_true(deletions.made > seeds / 4 && deletions.refused > seeds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_order_gives_the_same_bytes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
