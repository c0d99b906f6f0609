/*
 * For tests of what a draft would do: a world of four subscriptions in four zones and meters of every
 * aggregation, with a month of random use that is closed; and drafts of its documents with instants at any
 * microsecond. Many events and instants are in the same few hours.
 */
#ifndef METERD_TESTS_SUPPORT_DRAFTING_H
#define METERD_TESTS_SUPPORT_DRAFTING_H

#include <stdarg.h>
#include <stdlib.h>

#include "tests/support/january.h"
#include "tests/support/metering.h"

enum { EVENTS = 300 };

#define METERS                                                                                                       \
    "vendors: [{key: acme}]\n"                                                                                       \
    "services: [{key: compute, vendor: acme%s}]\n"                                                                   \
    "meters:\n"                                                                                                      \
    "  - {key: calls, service: compute, event_type: call, aggregation: count, group_by: [region]}\n"                 \
    "  - {key: bytes, service: compute, event_type: call, value: n, keep_events: true}\n"                            \
    "  - {key: peak, service: compute, event_type: call, value: n, aggregation: max}\n"                              \
    "  - {key: least, service: compute, event_type: call, value: n, aggregation: min}\n"                             \
    "  - {key: latest, service: compute, event_type: call, value: n, aggregation: last, group_by: [region]}\n"       \
    "  - {key: users, service: compute, event_type: call, value: u, aggregation: unique}\n"                          \
    "  - {key: gib, service: compute, event_type: call, value: n, aggregation: time_weighted, group_by: [region]}\n" \
    "  - {key: seats, service: compute, event_type: call, value: n, aggregation: time_weighted, reports: change}\n"  \
    "  - {key: grown, service: compute, event_type: call, value: n, aggregation: counter}\n"                         \
    "  - {key: rank, service: compute, event_type: call, value: n, aggregation: percentile, window: 15m}\n"          \
    "  - {key: spread, service: compute, event_type: call, value: n, spread_over: length}\n"

static const char *const zones[] = {"UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York"};
static struct metering_world world;
/* Versions have allowances that roll over. */
static bool has_pools;
/* Customers share credits, and in some worlds limits of an account and tiers. All subscriptions are of one customer, or half of them. */
static bool has_sharing, has_one_customer, has_accounts;
/* Events come of a subject that the catalog does not know. */
static bool has_held;
static struct random_source source;

static inline uint32_t below(uint32_t limit)
{
    return (uint32_t)random_below(&source, limit);
}

struct text {
    char data[32768];
    size_t size;
};

static inline void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text->size += (size_t)vsnprintf(text->data + text->size, sizeof(text->data) - text->size, format, args);
    va_end(args);
    assert_true(text->size < sizeof(text->data));
}

/* Of events, and of what begins or ends: many of both are in the same few hours. */
static inline int64_t any_time(void)
{
    static const int64_t busy_us[] = {3 * 24 + 10, 3 * 24 + 11, 12 * 24 + 5, 20 * 24 + 23, 27 * 24};
    const int64_t time_us = JANUARY_US + DAY_US + (int64_t)random_below(&source, 28 * (uint64_t)DAY_US);
    if (below(4)) return JANUARY_US + busy_us[below(5)] * HOUR_US + time_us % HOUR_US;
    return below(2) ? time_us : time_us / (HOUR_US / 4) * (HOUR_US / 4);
}

static inline uint32_t customer_of(uint32_t number)
{
    return has_sharing && has_one_customer ? 0 : number % 2;
}

/* Only billing periods that begin together are of one account. */
static inline const char *zone_of(uint32_t number)
{
    return zones[has_sharing ? customer_of(number) : number % 4];
}

/* Of all the customer's subscriptions of the tariff. */
static inline void add_shared(struct text *text)
{
    if (below(3)) add(text, "        account: {minimum: '%u', cap: '%u'}\n", below(1500), 1500 + below(3000));
    else if (below(2)) add(text, "        account: {cap: '%u'}\n", 1 + below(1200));
}

static inline void add_version(struct text *text, const char *tariff, int64_t from_us)
{
    char from[MTR_TIME_TEXT_BYTES];
    const bool is_cost = strcmp(tariff, "k") == 0; /* draws on nothing, and knows no customer */
    mtr_time_format(from_us, from);
    add(text,
        "      - from: '%s'\n"
        "        components:\n"
        "          - {key: calls, meter: calls, graduated: [{up_to: 20, unit: '1.5'}, {unit: '0.%u'}], group_by: [region]%s}\n"
        "          - {key: bytes, meter: bytes, scope: event, graduated: [{up_to: 50, unit: '0.3'}, {unit: '0.%u'}]}\n"
        "          - {key: peak, meter: peak, per_unit: '0.%u'}\n"
        "          - {key: least, meter: least, scope: hour, per_unit: '0.11'}\n"
        "          - {key: latest, meter: latest, per_unit: '0.%u'}\n"
        "          - {key: users, meter: users, per_unit: '2'}\n"
        "          - {key: gib, meter: gib, per_unit: '0.%u'}\n"
        "          - {key: seats, meter: seats, per_unit: '0.01'}\n"
        "          - {key: grown, meter: grown, per_unit: '0.%u'}\n"
        "          - {key: rank, meter: rank, per_unit: '0.5'}\n"
        "          - {key: spread, meter: spread, scope: hour, per_unit: '0.%u'}\n"
        "          - {key: base, recurring: {amount: '9.99', in: arrears, prorate: second}}\n"
        "        minimum: '%u'\n",
        from, 1 + below(99), is_cost || !has_accounts || below(2) ? "" : ", across: customer", 1 + below(99), 1 + below(99), 1 + below(99),
        1 + below(99), 1 + below(99), 1 + below(99), below(500));
    if (has_accounts && !is_cost) add_shared(text);
    if (has_pools && !is_cost)
        add(text, "        allowances: [{key: bonus, amount: '%u', rollover: %u}]\n", 1 + below(200), below(3));
}

/* A first version for all of the time, and up to two at any microsecond. */
static inline void add_tariff(struct text *text, const char *key)
{
    int64_t times_us[2] = {any_time(), any_time()};
    const uint32_t count = below(3);
    if (times_us[0] > times_us[1]) times_us[1] = times_us[0] + 1 + below(1000);
    if (times_us[0] == times_us[1]) times_us[1]++;
    add(text, "  - key: %s\n    currency: %s\n    versions:\n", key, strcmp(key, "d") == 0 ? "USD" : "EUR");
    add_version(text, key, JANUARY_US - 80 * DAY_US);
    for (uint32_t i = 0; i < count; i++) add_version(text, key, times_us[i]);
}

/* What is charged, also after a change, and what it costs the seller. */
static inline void add_tariffs(struct text *text)
{
    add(text, "tariffs:\n");
    add_tariff(text, "t");
    add_tariff(text, "u");
    add_tariff(text, "k");
    if (has_sharing) add_tariff(text, "d");
}

static inline void add_subscription(struct text *text, uint32_t number, int64_t start_us, int64_t end_us, uint32_t trial_days)
{
    char start[MTR_TIME_TEXT_BYTES], end[MTR_TIME_TEXT_BYTES];
    mtr_time_format(start_us, start);
    mtr_time_format(end_us, end);
    add(text, "  - {key: s%u, service: compute, customer: c%u, tariff: t, zone: %s, start: '%s'%s%s%s", number, customer_of(number), zone_of(number), start,
        end_us < INT64_MAX ? ", end: '" : "", end_us < INT64_MAX ? end : "", end_us < INT64_MAX ? "'" : "");
    if (trial_days) add(text, ", trial: {days: %u}", trial_days);
    add(text, "}\n");
}

static inline void send(int64_t time_us)
{
    static const char *const subjects[] = {"s0", "s1", "s2", "s3", "s4"}, *const regions[] = {"eu", "us"}, *const users[] = {"a", "b", "c", "d", "e"};
    const struct mtr_property properties[] = {
        {.name = MTR_STR("region"), .kind = MTR_PROPERTY_STRING, .text = mtr_str_from(regions[below(2)])},
        {.name = MTR_STR("u"), .kind = MTR_PROPERTY_STRING, .text = mtr_str_from(users[below(5)])},
        {.name = MTR_STR("n"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = below(100)}},
        {.name = MTR_STR("length"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = below(3) ? below(20000) : 0}},
    };
    const struct mtr_event event = {.vendor = MTR_STR("acme"), .type = MTR_STR("call"), .subject = mtr_str_from(subjects[below(has_held ? 5 : 4)]),
                                    .time_us = time_us, .properties = properties, .property_count = 4};
    const uint64_t seq = metering_append(&world, event);
    const struct mtr_event back = {.vendor = MTR_STR("acme"), .type = mtr_str_from(MTR_EVENT_TYPE_VOID), .time_us = event.time_us,
                                   .disposition = MTR_DISPOSITION_VOID, .target_seq = seq};
    if (below(10) == 0) metering_append(&world, back);
}

static inline void store(const struct text *text)
{
    if (!rating_store(&world.rating, text->data)) fail_msg("the catalog does not take this:\n%s", text->data);
}

/* Time goes on; what the catalog has learned is folded and rated. */
static inline void settle(void)
{
    world.rating.now_us += 2 * HOUR_US;
    metering_fold(&world);
    rating_drain(&world.rating);
}

/* Usage outside of the term is noted, and not told here. */
static inline struct mtr_audit_counts  audit(void)
{
    const struct mtr_audit_of of = {world.rating.rollups, world.rating.charges, world.rating.catalog};
    struct mtr_audit_counts counts;
    assert_int_equal(mtr_rater_audit(&of, &world.rating.options, NULL, NULL, &counts), 0);
    return counts;
}

/* January is used and closed. */
static inline void open_world(uint64_t seed)
{
    struct text text = {.size = 0};
    source.state = seed * UINT64_C(0x9E3779B97F4A7C15);
    has_one_customer = has_sharing && below(2);
    has_accounts = has_sharing && below(2);
    metering_open(&world, JANUARY_US + 20 * DAY_US);
    add(&text, METERS, has_sharing ? "" : ", cost_tariff: k"); /* that is in one currency */
    add_tariffs(&text);
    add(&text, "subscriptions:\n");
    for (uint32_t i = 0; i < 4; i++) add_subscription(&text, i, JANUARY_US - 40 * DAY_US, INT64_MAX, 0);
    store(&text);
    for (int i = 0; i < EVENTS; i++) {
        if (i % 4) send(any_time());
        else if (i % 8) send(JANUARY_US - (below(2) ? 40 : 0) * DAY_US + (int64_t)below(1000000)); /* of starts and changes */
        else send(JANUARY_US + 15 * DAY_US - HOUR_US / 2 + (int64_t)below(3600) * MTR_US_PER_SECOND);
    }
    world.rating.now_us = JANUARY_US + 40 * DAY_US;
    settle();
    settle();
}

static inline struct mtr_catalog *draft_of(const struct text *text)
{
    struct mtr_diagnostics findings;
    struct mtr_catalog *draft = NULL;
    const struct mtr_catalog_edit edit = {.text = {text->data, text->size}};
    mtr_diagnostics_init(&findings, 16);
    int rc = mtr_catalog_store_draft(world.rating.store, &edit, &draft, &findings);
    if (rc) fail_msg("%s", findings.count ? findings.items[0].text : mtr_error_text(rc));
    mtr_diagnostics_release(&findings);
    return draft;
}

static inline void assert_money(struct mtr_money a, struct mtr_money b)
{
    char one[MTR_DECIMAL_TEXT_BYTES], other[MTR_DECIMAL_TEXT_BYTES];
    mtr_money_format(a, one);
    mtr_money_format(b, other);
    assert_string_equal(one, other);
}

static inline uint64_t seed_count(void)
{
    const char *text = getenv("METERD_SEEDS");
    uint64_t seeds = 6;
    if (text) (void)mtr_str_to_u64(mtr_str_from(text), &seeds);
    return seeds;
}

#endif
