/*
 * What is told that events would bill is what is charged once they are in the log, of every period, closed or running, and of nobody else:
 * whatever is added or taken back, by meters of every aggregation, with tiers and accounts across subscriptions, and pools that roll over.
 * METERD_SEEDS=N tries more worlds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meterd/query/would_bill.h"
#include "meterd/rater/billing_period.h"
#include "tests/support/drafted_terms.h"

enum { PERIODS_MAX = 256, ROUNDS = 4, NEWS_MAX = 24, PROPERTIES = 4 };

struct period {
    uint32_t subscription;
    int64_t name_us;
    bool is_closed;
    struct mtr_money before, after;
};

struct periods {
    struct period items[PERIODS_MAX];
    uint32_t count;
};

/* ---- what is told ---- */

static int keep_told(void *context, const struct mtr_would_bill_period *told)
{
    struct periods *periods = context;
    assert_in_range(periods->count, 0, PERIODS_MAX - 1);
    if (told->problem) print_message("%s\n", told->why);
    assert_int_equal(told->problem, 0);
    periods->items[periods->count++] = (struct period){told->subscription->number,
                                                       mtr_billing_period_name(told->subscription, told->start_us),
                                                       told->is_closed, told->before, told->after};
    return 0;
}

/* ---- news ---- */

static struct {
    struct mtr_event events[NEWS_MAX];
    struct mtr_property properties[NEWS_MAX][PROPERTIES];
    const struct mtr_event *list[NEWS_MAX];
    uint32_t count;
} news;

static void add_usage(int64_t time_us)
{
    static const char *const subjects[] = {"s0", "s1", "s2", "s3", "s4", "s9"}, *const regions[] = {"eu", "us", "ap"},
                            *const users[] = {"a", "b", "c", "d", "e", "f"};
    struct mtr_property *properties = news.properties[news.count];
    properties[0] = (struct mtr_property){.name = MTR_STR("region"), .kind = MTR_PROPERTY_STRING, .text = mtr_str_from(regions[below(3)])};
    properties[1] = (struct mtr_property){.name = MTR_STR("u"), .kind = MTR_PROPERTY_STRING, .text = mtr_str_from(users[below(6)])};
    properties[2] = (struct mtr_property){.name = MTR_STR("n"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = below(100)}};
    properties[3] = (struct mtr_property){.name = MTR_STR("length"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = below(3) ? below(20000) : 0}};
    news.events[news.count] = (struct mtr_event){.vendor = MTR_STR("acme"), .type = MTR_STR("call"), .subject = mtr_str_from(subjects[below(6)]),
                                                 .time_us = time_us, .properties = properties, .property_count = PROPERTIES};
}

static void add_void(void)
{
    news.events[news.count] = (struct mtr_event){.vendor = MTR_STR("acme"), .type = mtr_str_from(MTR_EVENT_TYPE_VOID),
                                                 .disposition = MTR_DISPOSITION_VOID, .time_us = JANUARY_US, .target_seq = 1 + below((uint32_t)world.sent)};
}

/* Of January, which is closed, or of what runs. */
static void make_news(void)
{
    const uint32_t count = 1 + below(NEWS_MAX);
    for (news.count = 0; news.count < count; news.count++) {
        if (below(3) == 0) add_void();
        else add_usage(below(3) ? any_time() : JANUARY_US + 31 * DAY_US + (int64_t)random_below(&source, 9 * (uint64_t)DAY_US));
        news.list[news.count] = &news.events[news.count];
    }
}

static void append_news(void)
{
    for (uint32_t i = 0; i < news.count; i++) metering_append(&world, news.events[i]);
}

/* ---- what becomes of it ---- */

static int add_emitted(void *context, const struct mtr_charge_line *line)
{
    struct mtr_money *sum = context;
    return mtr_money_add(*sum, line->emitted, sum);
}

static int keep_rated(void *context, const struct mtr_charge_period *period)
{
    struct periods *rated = context;
    assert_in_range(rated->count, 0, PERIODS_MAX - 1);
    rated->items[rated->count++] = (struct period){.subscription = period->subscription,
                                                   .name_us = period->start_us,
                                                   .is_closed = period->status == MTR_PERIOD_FINAL && period->close_due_us == INT64_MAX};
    return 0;
}

static struct periods rated_now(void)
{
    struct periods rated = {.count = 0};
    struct mtr_charges_txn *txn;
    assert_int_equal(mtr_charges_begin(world.rating.charges, false, &txn), 0);
    for (uint32_t i = 1; i <= mtr_catalog_count(world.rating.catalog, MTR_KIND_SUBSCRIPTION); i++)
        assert_int_equal(mtr_charges_walk_periods(txn, i, INT64_MIN, keep_rated, &rated), 0);
    for (uint32_t i = 0; i < rated.count; i++)
        assert_int_equal(mtr_charges_walk_lines(txn, rated.items[i].subscription, rated.items[i].name_us, add_emitted, &rated.items[i].after), 0);
    mtr_charges_abort(txn);
    return rated;
}

static const struct period *find(const struct periods *periods, const struct period *wanted)
{
    for (uint32_t i = 0; i < periods->count; i++)
        if (periods->items[i].subscription == wanted->subscription && periods->items[i].name_us == wanted->name_us) return &periods->items[i];
    return NULL;
}

/* Time stands, and all is rated at once. */
static void settle_now(void)
{
    int links = 0;
    do {
        metering_fold(&world);
        rating_drain(&world.rating);
    } while (audit().pending && ++links < 40);
    assert_int_equal(audit().pending, 0);
}

static void rate_at_once(void)
{
    mtr_rater_close(world.rating.rater);
    world.rating.options.draft_every_us = 0;
    assert_int_equal(mtr_rater_open(world.rating.rollups, world.rating.charges, &world.rating.options, &world.rating.rater), 0);
}

static struct mtr_would_bill_options options_now(void)
{
    return (struct mtr_would_bill_options){.catalog = world.rating.catalog,
                                           .reader = world.reader,
                                           .events = news.list,
                                           .event_count = news.count,
                                           .grace_us = world.rating.options.grace_us,
                                           .memory_bytes_max = 64 << 20,
                                           .events_bytes_max = 64 << 20,
                                           .looked_at_max = 1000,
                                           .priced_max = 1000};
}

static struct periods told_now(const struct mtr_would_bill_options *options, struct mtr_would_bill_extent *extent)
{
    struct periods told = {.count = 0};
    assert_int_equal(mtr_would_bill(world.rating.rollups, world.rating.charges, options, keep_told, &told, extent), 0);
    return told;
}

/* What was told has come, and nothing else has. */
static void check_told(const struct periods *told, const struct periods *before, const struct periods *after)
{
    for (uint32_t i = 0; i < after->count; i++) {
        const struct period *now = &after->items[i], *was = find(before, now), *of = find(told, now);
        const struct mtr_money none = {0};
        assert_money(of ? of->after : was ? was->after : none, now->after);
        if (of && was) assert_money(of->before, was->after);
        if (of && was) assert_int_equal(of->is_closed, was->is_closed);
    }
    for (uint32_t i = 0; i < told->count; i++) assert_non_null(find(after, &told->items[i]));
}

static void try_worlds(void)
{
    uint32_t told_count = 0, closed = 0;
    has_pools = has_held = true;
    for (uint64_t seed = 1; seed <= seed_count(); seed++) {
        static struct text text;
        open_terms(seed);
        for (uint32_t i = below(3); i; i--) {
            write_draft(&text);
            store(&text);
            settle_draws();
        }
        rate_at_once();
        settle_now();
        for (int i = 0; i < ROUNDS; i++) {
            struct mtr_would_bill_extent extent;
            make_news();
            const struct mtr_would_bill_options options = options_now();
            const struct periods before = rated_now(), told = told_now(&options, &extent);
            if (!extent.is_complete) print_message("%s\n", extent.why.text);
            assert_true(extent.is_complete && extent.looked_at <= extent.priced + 1000);
            append_news();
            settle_now();
            const struct periods after = rated_now();
            check_told(&told, &before, &after);
            told_count += told.count;
            for (uint32_t k = 0; k < told.count; k++) closed += told.items[k].is_closed;
        }
        assert_int_equal(audit().findings, 0);
        metering_close(&world);
    }
    has_pools = has_held = false;
    assert_true(told_count > 4 * seed_count() && closed > seed_count() && closed < told_count);
}

static void what_is_told_is_what_is_charged(void **state)
{
    (void)state;
    try_worlds();
}

static void what_is_told_of_all_that_share_is_what_is_charged(void **state)
{
    (void)state;
    has_sharing = true;
    try_worlds();
    has_sharing = false;
}

/* A bound that ends it is said, and what was told before it stands. */
static void bounds_are_said(void **state)
{
    struct mtr_would_bill_extent extent;
    (void)state;
    open_world(1);
    for (news.count = 0; news.count < NEWS_MAX; news.count++) {
        add_usage(JANUARY_US + (int64_t)news.count * DAY_US);
        news.list[news.count] = &news.events[news.count];
    }
    struct mtr_would_bill_options options = options_now();
    const struct periods all = told_now(&options, &extent);
    assert_true(extent.is_complete && extent.looked_at >= all.count && extent.priced >= all.count && all.count > 3);
    options.priced_max = 2;
    assert_true(told_now(&options, &extent).count <= 2);
    assert_true(!extent.is_complete && strstr(extent.why.text, "there may be others"));
    options = options_now();
    options.looked_at_max = 1;
    const struct periods one = told_now(&options, &extent);
    assert_true(!extent.is_complete && extent.looked_at == 1 && one.count <= 1);
    if (one.count) assert_money(one.items[0].after, all.items[0].after);
    options = options_now();
    options.events_bytes_max = 1000;
    assert_int_equal(told_now(&options, &extent).count, 0);
    assert_true(!extent.is_complete && strstr(extent.why.text, "ask for fewer windows"));
    metering_close(&world);
}

/* What waits to be folded cannot be taken off, and cells that the catalog cuts elsewhere are not priced. */
static void what_is_about_to_change_is_not_told(void **state)
{
    static struct text text;
    struct mtr_would_bill_extent extent;
    (void)state;
    open_world(1);
    news.count = 0;
    const int64_t time_us = JANUARY_US + 12 * DAY_US + HOUR_US / 2;
    add_usage(time_us);
    news.events[0].subject = MTR_STR("s0");
    const uint64_t seq = metering_append(&world, news.events[0]);
    news.events[0] = (struct mtr_event){.vendor = MTR_STR("acme"), .disposition = MTR_DISPOSITION_VOID, .target_seq = seq};
    news.list[0] = &news.events[0];
    news.count = 1;
    const struct mtr_would_bill_options options = options_now();
    assert_int_equal(told_now(&options, &extent).count, 0);
    assert_true(!extent.is_complete && strstr(extent.why.text, "is not folded yet: ask in a moment"));
    settle();
    (void)told_now(&options, &extent);
    assert_true(extent.is_complete);
    text.size = 0;
    add(&text, "subscriptions:\n");
    add_subscription(&text, 0, JANUARY_US - 40 * DAY_US, time_us + 1, 0);
    store(&text);
    const struct mtr_would_bill_options after = options_now();
    (void)told_now(&after, &extent);
    assert_true(!extent.is_complete && strstr(extent.why.text, "after a change of the catalog: ask in a moment"));
    metering_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_is_what_is_charged),
        cmocka_unit_test(what_is_told_of_all_that_share_is_what_is_charged),
        cmocka_unit_test(bounds_are_said),
        cmocka_unit_test(what_is_about_to_change_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
