/*
 * Random worlds of the fold: subscriptions whose subjects come again, meters of every kind with quotas and dates, and a log of
 * events that count, wait, are refused or taken back. All of it comes from `source`.
 */
#ifndef METERD_TESTS_UNIT_AGGREGATOR_RANDOM_FOLD_H
#define METERD_TESTS_UNIT_AGGREGATOR_RANDOM_FOLD_H

#include "tests/support/fold_world.h"
#include "tests/support/random.h"

static struct random_source source;
static int64_t starts_us[WORLD_SUBSCRIPTIONS_MAX]; /* that the subscriptions have in the end */
enum { CUTS_MAX = 3 };
static int64_t cuts_us[WORLD_SUBSCRIPTIONS_MAX][CUTS_MAX];
static uint32_t cut_counts[WORLD_SUBSCRIPTIONS_MAX];

static inline uint32_t below(uint32_t limit)
{
    return (uint32_t)random_below(&source, limit);
}

/* What belongs to its aggregation. */
static inline void make_kind(struct mtr_meter *meter)
{
    static const int64_t windows[] = {MTR_US_PER_HOUR / 60, MTR_US_PER_HOUR / 12, MTR_US_PER_HOUR / 4, MTR_US_PER_HOUR};
    if (meter->aggregation == MTR_SUM && below(3) == 0) meter->spread_over = MTR_STR("length");
    else if (meter->aggregation == MTR_SUM || meter->aggregation == MTR_COUNT) meter->keep_events = below(2);
    if (meter->aggregation == MTR_TIME_WEIGHTED) meter->reports_changes = below(2);
    if (meter->aggregation == MTR_PERCENTILE) meter->window_us = windows[below(4)];
    if (mtr_aggregation_adds_up(meter->aggregation)) meter->cell_us = MTR_CELL_US_MAX >> below(3);
}

/* Any number of instants, at any microsecond, in order. */
static inline uint32_t make_cuts(int64_t first_us, int64_t cuts[CUTS_MAX])
{
    const uint32_t count = below(CUTS_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        cuts[i] = first_us + below(3600) * MTR_US_PER_SECOND + below(1000000);
        first_us = cuts[i] + below(7200) * MTR_US_PER_SECOND;
    }
    return count;
}

enum { REGIONS = 6 }; /* with none */
static uint64_t quotas[WORLD_METERS_MAX]; /* that the meters have in the end */

static char dates[WORLD_METERS_MAX][MTR_TIME_TEXT_BYTES]; /* texts of the world's meters */

/* In or beside the time of the events, or never. */
static inline struct mtr_catalog_time any_date(char text[MTR_TIME_TEXT_BYTES])
{
    const int64_t time_us = at("2026-04-04T11:00:00Z") + (int64_t)below(8 * 3600) * MTR_US_PER_SECOND;
    if (below(3) == 0) return (struct mtr_catalog_time){0};
    mtr_time_format(time_us, text);
    return (struct mtr_catalog_time){.text = mtr_str_from(text), .time_us = time_us};
}

/* Within so many seconds; no two of a subject start at the same one, as the catalog has them. */
static inline int64_t any_start(int64_t from_us, uint32_t seconds, uint32_t subscription)
{
    _Static_assert(WORLD_SUBSCRIPTIONS_MAX == 16, "each has its own remainder");
    return (from_us + below(seconds) * MTR_US_PER_SECOND) / 16 * 16 + subscription;
}

enum { OPENINGS = 4 };
static struct mtr_opening openings[WORLD_SUBSCRIPTIONS_MAX][OPENINGS];

/* What some counters stand at before their first reading. */
static inline void make_openings(struct mtr_subscription *subscription, struct mtr_opening room[OPENINGS])
{
    static const char *const dimensions[] = {"", "eu\x1F", "us\x1F", "\x1F"};
    for (uint32_t i = 0; i < OPENINGS; i++)
        room[i] = (struct mtr_opening){.meter = &world.meters[below(world.meter_count)],
                                       .dimensions = mtr_str_from(dimensions[below(4)]),
                                       .value = MTR_QUANTITY(below(5))};
    subscription->openings = room;
    subscription->opening_count = below(OPENINGS + 1);
}

static inline void make_world(void)
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
        quotas[i] = meter->dimension_values_max = 1 + below(REGIONS + 1);
        if (below(3) == 0) filter_regions(meter);
        if (below(3) == 0) meter->retired = any_date(dates[i]);
    }
    for (uint32_t i = 0; i < world.subscription_count; i++) make_openings(&world.subscriptions[i], openings[i]);
}

/* Of anybody, known or not, within six hours. */
static inline void make_usage(uint32_t dice)
{
    static const char *const subjects[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "unknown"};
    static const char *const types[] = {"cpu", "disk", "net", "gpu"};
    static const char *const values[] = {"1", "2.5", "-3", "1000000000000", "0.000000000001", "7"};
    static const char *const texts[] = {"4.25", "x", "4.250",
                                        "a text of more than sixty-four bytes is kept as a hash, and this one surely is so long"};
    static const char *const regions[REGIONS - 1] = {"eu", "us", "ap", "sa", "f"};
    static const char *const lengths[] = {"0", "0.5", "5400", "-1", "20000.000001", "300000"};
    const int64_t start = at("2026-04-04T12:00:00Z"); /* Lord Howe's clocks go back at 15:00 */
    struct world_event *row = append(below(2) ? &acme : &zeta, types[below(4)], subjects[below(9)],
                                     start + below(6 * 60) * 60 * MTR_US_PER_SECOND);
    if (dice == 19) row->event.disposition = (enum mtr_disposition)(MTR_DISPOSITION_CONFLICT + below(3));
    if (below(4)) add_text(row, "region", regions[below(REGIONS - 1)]);
    if (dice < 15) add_number(row, "value", values[below(6)]);
    else if (dice < 18) add_text(row, "value", texts[below(4)]);
    if (below(8)) add_number(row, "length", lengths[below(6)]);
}

static inline void make_events(uint32_t count)
{
    while (log_in_memory.count < count) {
        const uint32_t dice = below(20);
        if (dice < 4 && log_in_memory.count > 0) append_void(1 + below((uint32_t)log_in_memory.count));
        else make_usage(dice);
    }
}

#endif
