/*
 * What a draft begins or ends inside an hour holds from its own microsecond before it is in force, too: a what-if says what will be charged
 * and what it costs, and the preview of closed periods what they become, whatever aggregation, scope and zone; also while cells wait to be folded again.
 * METERD_SEEDS=N tries more worlds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "meterd/query/closed_periods.h"
#include "meterd/query/what_if.h"
#include "meterd/rater/billing_period.h"
#include "tests/support/metering.h"

enum { EVENTS = 300, PERIODS_MAX = 256, DRAFTS = 4 };
static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

#define METERS                                                                                                       \
    "vendors: [{key: acme}]\n"                                                                                       \
    "services: [{key: compute, vendor: acme, cost_tariff: k}]\n"                                                     \
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
static struct random_source source;

static uint32_t below(uint32_t limit)
{
    return (uint32_t)random_below(&source, limit);
}

struct text {
    char data[16384];
    size_t size;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text->size += (size_t)vsnprintf(text->data + text->size, sizeof(text->data) - text->size, format, args);
    va_end(args);
    assert_true(text->size < sizeof(text->data));
}

/* Of events, and of what begins or ends: many of both are in the same few hours. */
static int64_t any_time(void)
{
    static const int64_t busy_us[] = {3 * 24 + 10, 3 * 24 + 11, 12 * 24 + 5, 20 * 24 + 23, 27 * 24};
    const int64_t time_us = JANUARY_US + DAY_US + (int64_t)random_below(&source, 28 * (uint64_t)DAY_US);
    if (below(4)) return JANUARY_US + busy_us[below(5)] * HOUR_US + time_us % HOUR_US;
    return below(2) ? time_us : time_us / (HOUR_US / 4) * (HOUR_US / 4);
}

static void add_version(struct text *text, int64_t from_us)
{
    char from[MTR_TIME_TEXT_BYTES];
    mtr_time_format(from_us, from);
    add(text,
        "      - from: '%s'\n"
        "        components:\n"
        "          - {key: calls, meter: calls, per_unit: '0.%u', group_by: [region]}\n"
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
        from, 1 + below(99), 1 + below(99), 1 + below(99), 1 + below(99), 1 + below(99), 1 + below(99), 1 + below(99),
        below(500));
}

/* A first version for all of the time, and up to two at any microsecond. */
static void add_tariff(struct text *text, const char *key)
{
    int64_t times_us[2] = {any_time(), any_time()};
    const uint32_t count = below(3);
    if (times_us[0] > times_us[1]) times_us[1] = times_us[0] + 1 + below(1000);
    if (times_us[0] == times_us[1]) times_us[1]++;
    add(text, "  - key: %s\n    currency: EUR\n    versions:\n", key);
    add_version(text, JANUARY_US - 80 * DAY_US);
    for (uint32_t i = 0; i < count; i++) add_version(text, times_us[i]);
}

/* What is charged, also after a change, and what it costs the seller. */
static void add_tariffs(struct text *text)
{
    add(text, "tariffs:\n");
    add_tariff(text, "t");
    add_tariff(text, "u");
    add_tariff(text, "k");
}

static void add_subscription(struct text *text, uint32_t number, int64_t start_us, int64_t end_us, uint32_t trial_days)
{
    char start[MTR_TIME_TEXT_BYTES], end[MTR_TIME_TEXT_BYTES];
    mtr_time_format(start_us, start);
    mtr_time_format(end_us, end);
    add(text, "  - {key: s%u, service: compute, customer: c%u, tariff: t, zone: %s, start: '%s'%s%s%s", number, number % 2, zones[number], start,
        end_us < INT64_MAX ? ", end: '" : "", end_us < INT64_MAX ? end : "", end_us < INT64_MAX ? "'" : "");
    if (trial_days) add(text, ", trial: {days: %u}", trial_days);
    add(text, "}\n");
}

static void send(int64_t time_us)
{
    static const char *const subjects[] = {"s0", "s1", "s2", "s3"}, *const regions[] = {"eu", "us"}, *const users[] = {"a", "b", "c", "d", "e"};
    const struct mtr_property properties[] = {
        {.name = MTR_STR("region"), .kind = MTR_PROPERTY_STRING, .text = mtr_str_from(regions[below(2)])},
        {.name = MTR_STR("u"), .kind = MTR_PROPERTY_STRING, .text = mtr_str_from(users[below(5)])},
        {.name = MTR_STR("n"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = below(100)}},
        {.name = MTR_STR("length"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = below(3) ? below(20000) : 0}},
    };
    const struct mtr_event event = {.vendor = MTR_STR("acme"), .type = MTR_STR("call"), .subject = mtr_str_from(subjects[below(4)]),
                                    .time_us = time_us, .properties = properties, .property_count = 4};
    const uint64_t seq = metering_append(&world, event);
    const struct mtr_event back = {.vendor = MTR_STR("acme"), .type = mtr_str_from(MTR_EVENT_TYPE_VOID), .time_us = event.time_us,
                                   .disposition = MTR_DISPOSITION_VOID, .target_seq = seq};
    if (below(10) == 0) metering_append(&world, back);
}

static void store(const struct text *text)
{
    if (!rating_store(&world.rating, text->data)) fail_msg("the catalog does not take this:\n%s", text->data);
}

/* Time goes on; what the catalog has learned is folded and rated. */
static void settle(void)
{
    world.rating.now_us += 2 * HOUR_US;
    metering_fold(&world);
    rating_drain(&world.rating);
}

/* Usage outside of the term is noted, and not told here. */
static struct mtr_audit_counts audit(void)
{
    const struct mtr_audit_of of = {world.rating.rollups, world.rating.charges, world.rating.catalog};
    struct mtr_audit_counts counts;
    assert_int_equal(mtr_rater_audit(&of, &world.rating.options, NULL, NULL, &counts), 0);
    return counts;
}

/* January is used and closed. */
static void open_world(uint64_t seed)
{
    struct text text = {.size = 0};
    source.state = seed * UINT64_C(0x9E3779B97F4A7C15);
    metering_open(&world, JANUARY_US + 20 * DAY_US);
    add(&text, METERS);
    add_tariffs(&text);
    add(&text, "subscriptions:\n");
    for (uint32_t i = 0; i < 4; i++) add_subscription(&text, i, JANUARY_US - 40 * DAY_US, INT64_MAX, 0);
    store(&text);
    for (int i = 0; i < EVENTS; i++) send(i % 4 ? any_time() : JANUARY_US + 15 * DAY_US - HOUR_US / 2 + (int64_t)below(3600) * MTR_US_PER_SECOND);
    world.rating.now_us = JANUARY_US + 40 * DAY_US;
    settle();
    settle();
}

static struct mtr_catalog *draft_of(const struct text *text)
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

static int ignore_subscription(void *context, const struct mtr_subscription *subscription, uint32_t done, uint32_t total)
{
    (void)context;
    (void)subscription;
    return done > total;
}

static struct amounts amounts_of(const struct mtr_catalog *draft)
{
    struct amounts amounts = {.count = 0};
    const struct mtr_what_if_hooks hooks = {keep_amounts, ignore_subscription, &amounts};
    const struct mtr_what_if_options options = {.stored = world.rating.catalog,
                                                .draft = draft,
                                                .tariff = MTR_STR("t"),
                                                .to.time_us = JANUARY_US + 35 * DAY_US,
                                                .grace_us = world.rating.options.grace_us,
                                                .memory_bytes_max = 64 << 20,
                                                .reader = world.reader};
    struct mtr_diagnostic diagnostic = {.text = ""};
    int rc = mtr_what_if(world.rating.rollups, world.rating.charges, &options, &hooks, &diagnostic);
    if (rc) fail_msg("%s: %s", mtr_error_name(rc), diagnostic.text);
    return amounts;
}

static void assert_money(struct mtr_money a, struct mtr_money b)
{
    char one[MTR_DECIMAL_TEXT_BYTES], other[MTR_DECIMAL_TEXT_BYTES];
    mtr_money_format(a, one);
    mtr_money_format(b, other);
    assert_string_equal(one, other);
}

static uint64_t seed_count(void)
{
    const char *text = getenv("METERD_SEEDS");
    uint64_t seeds = 6;
    if (text) (void)mtr_str_to_u64(mtr_str_from(text), &seeds);
    return seeds;
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

/* ---- closed periods ---- */

struct told {
    struct {
        uint32_t subscription;
        int64_t start_us;
        struct mtr_money before, after;
    } periods[PERIODS_MAX];
    uint32_t count;
};

static int keep_told(void *context, const struct mtr_closed_period *period)
{
    struct told *told = context;
    assert_in_range(told->count, 0, PERIODS_MAX - 1);
    assert_int_equal(period->problem, 0);
    told->periods[told->count].subscription = period->subscription->number;
    told->periods[told->count].start_us = period->start_us;
    told->periods[told->count].before = period->before;
    told->periods[told->count++].after = period->after;
    return 0;
}

static struct told told_of(const struct mtr_catalog *draft, struct mtr_log_reader *reader, bool *complete)
{
    struct told told = {.count = 0};
    const struct mtr_closed_periods_options options = {.stored = world.rating.catalog,
                                                       .draft = draft,
                                                       .memory_bytes_max = 64 << 20,
                                                       .looked_at_max = 1000,
                                                       .priced_max = 1000,
                                                       .reader = reader,
                                                       .recounted_max = 100000};
    assert_int_equal(mtr_closed_periods_walk(world.rating.rollups, world.rating.charges, &options, keep_told, &told, complete), 0);
    return told;
}

static int add_emitted(void *context, const struct mtr_charge_line *line)
{
    struct mtr_money *sum = context;
    return mtr_money_add(*sum, line->emitted, sum);
}

static struct mtr_money emitted_of(uint32_t subscription, int64_t start_us)
{
    struct mtr_charges_txn *txn;
    struct mtr_money sum = {0};
    assert_int_equal(mtr_charges_begin(world.rating.charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk_lines(txn, subscription, mtr_billing_period_name_s(start_us), add_emitted, &sum), 0);
    mtr_charges_abort(txn);
    return sum;
}

/* ---- what a draft may change ---- */

/* From a time on another tariff, customer or billing. */
static void add_changes(struct text *text, int64_t start_us)
{
    static const char *const whats[] = {"tariff: u", "customer: c7", "tariff: t, customer: c1", "billing: {every: week}",
                                        "billing: {every: month, anchor: anniversary}", "tariff: u, customer: c0"};
    int64_t from_us = any_time();
    if (below(2) || from_us <= start_us) return;
    add(text, ", changes: [");
    for (uint32_t i = 0; i < 2; i++, from_us += 1 + (int64_t)random_below(&source, 8 * (uint64_t)DAY_US)) {
        char from[MTR_TIME_TEXT_BYTES];
        mtr_time_format(from_us, from);
        add(text, "%s{from: '%s', %s}", i ? ", " : "", from, whats[below(6)]);
    }
    add(text, "]");
}

/* One that ends in what is closed, in what runs, or not at all. */
static void add_changed_subscription(struct text *text, uint32_t number)
{
    const int64_t start_us = below(3) ? JANUARY_US - 40 * DAY_US : any_time() - 30 * DAY_US;
    const int64_t ends_us[] = {any_time(), any_time(), JANUARY_US + 31 * DAY_US + (int64_t)random_below(&source, 15 * (uint64_t)DAY_US), INT64_MAX};
    add_subscription(text, number, start_us, ends_us[below(4)], below(3) ? 0 : 25 + below(40));
    text->size -= strlen("}\n");
    add_changes(text, start_us);
    add(text, "}\n");
}

/* No event is behind it. */
static void add_retired_meter(struct text *text)
{
    static const char *const meters[] = {
        "gib, service: compute, event_type: call, value: n, aggregation: time_weighted, group_by: [region]",
        "seats, service: compute, event_type: call, value: n, aggregation: time_weighted, reports: change",
        "rank, service: compute, event_type: call, value: n, aggregation: percentile, window: 15m"};
    char from[MTR_TIME_TEXT_BYTES];
    mtr_time_format(JANUARY_US + 29 * DAY_US + (int64_t)random_below(&source, 3 * (uint64_t)DAY_US), from);
    add(text, "meters:\n  - {key: %s", meters[below(3)]);
    if (below(3)) add(text, ", retired: '%s'", from);
    add(text, "}\n");
}

static void write_draft(struct text *text)
{
    text->size = 0;
    if (below(2)) add_retired_meter(text);
    if (below(3) == 0) add_tariffs(text);
    add(text, "subscriptions:\n");
    add_changed_subscription(text, below(4));
}

/* ---- what became of it ---- */

struct rated {
    struct {
        uint32_t subscription;
        int64_t start_s;
        bool is_closed;
        struct mtr_money sum;
    } periods[PERIODS_MAX];
    uint32_t count;
};

static int keep_rated(void *context, const struct mtr_charge_period *period)
{
    struct rated *rated = context;
    assert_in_range(rated->count, 0, PERIODS_MAX - 1);
    rated->periods[rated->count].subscription = period->subscription;
    rated->periods[rated->count].is_closed = period->status == MTR_PERIOD_FINAL && period->close_due_us == INT64_MAX;
    rated->periods[rated->count++].start_s = period->start_s;
    return 0;
}

static struct rated rated_now(void)
{
    struct rated rated = {.count = 0};
    struct mtr_charges_txn *txn;
    assert_int_equal(mtr_charges_begin(world.rating.charges, false, &txn), 0);
    for (uint32_t i = 1; i <= 4; i++) assert_int_equal(mtr_charges_walk_periods(txn, i, INT64_MIN, keep_rated, &rated), 0);
    mtr_charges_abort(txn);
    for (uint32_t i = 0; i < rated.count; i++)
        rated.periods[i].sum = emitted_of(rated.periods[i].subscription, rated.periods[i].start_s * MTR_US_PER_SECOND);
    return rated;
}

static bool is_told(const struct told *told, uint32_t subscription, int64_t start_s)
{
    for (uint32_t i = 0; i < told->count; i++)
        if (told->periods[i].subscription == subscription && mtr_billing_period_name_s(told->periods[i].start_us) == start_s) return true;
    return false;
}

/* Was it closed, or is it one that there was none of and is over? Then another sum of it was told. */
static void assert_nothing_else_happened(const struct told *told, const struct rated *before, const struct rated *after)
{
    for (uint32_t i = 0; i < after->count; i++) {
        const uint32_t subscription = after->periods[i].subscription;
        const int64_t start_s = after->periods[i].start_s;
        bool was_closed = after->periods[i].is_closed;
        struct mtr_money sum = {0};
        for (uint32_t j = 0; j < before->count; j++) {
            if (before->periods[j].subscription != subscription || before->periods[j].start_s != start_s) continue;
            was_closed = before->periods[j].is_closed;
            sum = before->periods[j].sum;
        }
        if (!was_closed || is_told(told, subscription, start_s)) continue;
        assert_money(after->periods[i].sum, sum);
    }
}

static void what_is_told_of_closed_periods_comes_true(void **state)
{
    uint32_t told_count = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= seed_count(); seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        open_world(seed);
        for (int i = 0; i < DRAFTS; i++) {
            static struct text text;
            bool complete;
            write_draft(&text);
            struct mtr_catalog *draft = draft_of(&text);
            const struct rated before = rated_now();
            const struct told told = told_of(draft, world.reader, &complete);
            assert_true(complete);
            for (uint32_t j = 0; j < told.count; j++)
                assert_money(emitted_of(told.periods[j].subscription, told.periods[j].start_us), told.periods[j].before);
            store(&text);
            settle();
            for (uint32_t j = 0; j < told.count; j++)
                assert_money(emitted_of(told.periods[j].subscription, told.periods[j].start_us), told.periods[j].after);
            const struct rated after = rated_now();
            assert_nothing_else_happened(&told, &before, &after);
            told_count += told.count;
            mtr_catalog_release(draft);
        }
        assert_int_equal(audit().findings, 0);
        metering_close(&world);
    }
    assert_true(told_count > 2 * seed_count());
}

/* Without the log nothing is told of an hour that the draft cuts, and that there is more is said. */
static void what_cannot_be_counted_is_not_told(void **state)
{
    static struct text text;
    bool complete;
    (void)state;
    open_world(1);
    for (uint32_t i = 0; i < 2; i++) { /* midnight of UTC is inside an hour of Kolkata */
        text.size = 0;
        add(&text, "subscriptions:\n");
        add_subscription(&text, i, JANUARY_US - 40 * DAY_US, JANUARY_US + 15 * DAY_US, 0);
        struct mtr_catalog *draft = draft_of(&text);
        assert_true(told_of(draft, world.reader, &complete).count > 0);
        assert_true(complete);
        const uint32_t count = told_of(draft, NULL, &complete).count;
        assert_int_equal(complete, i == 0);
        assert_int_equal(count > 0, i == 0);
        mtr_catalog_release(draft);
    }
    metering_close(&world);
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
        cmocka_unit_test(what_is_told_of_closed_periods_comes_true),
        cmocka_unit_test(what_cannot_be_counted_is_not_told),
        cmocka_unit_test(what_waits_to_be_folded_again_is_pending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
