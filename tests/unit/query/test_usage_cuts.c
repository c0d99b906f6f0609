/*
 * A usage query's from and to, and windows of its own zone, hold to the microsecond: every row is what a count of the events themselves
 * gives, for every aggregation, window and zone. And what cannot be told is refused with a sentence.
 * METERD_SEEDS=N tries more worlds.
 */
#include "meterd/query/usage_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "meterd/aggregator/recount.h"
#include "tests/support/metering.h"

enum { EVENTS = 400, DAYS = 3, QUERIES = 40 };
static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t MAY_US = INT64_C(1777593600) * MTR_US_PER_SECOND; /* 2026-05-01T00:00:00Z: no clock changes near it */
static const int64_t WINDOW_US = 15 * 60 * MTR_US_PER_SECOND;

#define CATALOG                                                                                                      \
    "vendors: [{key: acme}]\n"                                                                                       \
    "services: [{key: compute, vendor: acme}]\n"                                                                     \
    "meters:\n"                                                                                                      \
    "  - {key: calls, service: compute, event_type: call, aggregation: count, group_by: [region]}\n"                 \
    "  - {key: bytes, service: compute, event_type: call, value: n, group_by: [region], keep_events: true}\n"        \
    "  - {key: fine, service: compute, event_type: call, value: n, group_by: [region], cell: 30m}\n"               \
    "  - {key: peak, service: compute, event_type: call, value: n, aggregation: max, group_by: [region]}\n"          \
    "  - {key: least, service: compute, event_type: call, value: n, aggregation: min, group_by: [region]}\n"         \
    "  - {key: latest, service: compute, event_type: call, value: n, aggregation: last, group_by: [region]}\n"       \
    "  - {key: users, service: compute, event_type: call, value: u, aggregation: unique, group_by: [region]}\n"      \
    "  - {key: gib, service: compute, event_type: call, value: n, aggregation: time_weighted, group_by: [region]}\n" \
    "  - {key: seats, service: compute, event_type: call, value: n, aggregation: time_weighted, reports: change, group_by: [region]}\n" \
    "  - {key: grown, service: compute, event_type: call, value: n, aggregation: counter, gap: 1h, group_by: [region]}\n" \
    "  - {key: rank, service: compute, event_type: call, value: n, aggregation: percentile, window: 15m, group_by: [region]}\n" \
    "  - {key: spread, service: compute, event_type: call, value: n, spread_over: length, group_by: [region]}\n"     \
    "tariffs:\n"                                                                                                     \
    "  - {key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: '1'}]}]}\n" \
    "subscriptions:\n"                                                                                               \
    "  - {key: s1, service: compute, customer: c1, tariff: t, zone: UTC, start: 2026-01-01}\n"                       \
    "  - {key: s2, service: compute, customer: c2, tariff: t, zone: Asia/Kolkata, start: 2026-01-01}\n"              \
    "  - {key: s3, service: compute, customer: c1, tariff: t, zone: Asia/Kathmandu, start: '2026-05-01T10:20:30.123456Z'}\n" \
    "  - {key: s4, service: compute, customer: c3, tariff: t, zone: America/New_York, start: 2026-01-01, end: '2026-05-03T07:07:07.7Z'}\n"

struct sent {
    const char *subject, *region, *user;
    int64_t time_us, value;
    int64_t length_s;
    uint64_t seq;
    bool is_voided;
};

static struct metering_world world;
static struct sent sent[EVENTS];
static struct random_source source;

static uint32_t below(uint32_t limit)
{
    return (uint32_t)random_below(&source, limit);
}

static int64_t any_time(void)
{
    const int64_t time_us = MAY_US + (int64_t)random_below(&source, DAYS * (uint64_t)DAY_US);
    /* Many at the very instants at which something begins. */
    return below(3) ? time_us : time_us / (HOUR_US / 4) * (HOUR_US / 4) + (int64_t)below(3) - 1;
}

static void send(struct sent *row)
{
    static const char *const subjects[] = {"s1", "s2", "s3", "s4"}, *const regions[] = {"eu", "us"}, *const users[] = {"a", "b", "c", "d", "e"};
    *row = (struct sent){subjects[below(4)], regions[below(2)], users[below(5)], any_time(), below(100), 0, 0, false};
    if (below(4) == 0) row->length_s = 1 + below(20000);
    const struct mtr_property properties[] = {
        {.name = MTR_STR("region"), .kind = MTR_PROPERTY_STRING, .text = mtr_str_from(row->region)},
        {.name = MTR_STR("u"), .kind = MTR_PROPERTY_STRING, .text = mtr_str_from(row->user)},
        {.name = MTR_STR("n"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = row->value}},
        {.name = MTR_STR("length"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = row->length_s}},
    };
    const struct mtr_event event = {.vendor = MTR_STR("acme"), .type = MTR_STR("call"), .subject = mtr_str_from(row->subject),
                                    .time_us = row->time_us, .properties = properties, .property_count = 4};
    row->seq = metering_append(&world, event);
}

static void take_back(struct sent *row)
{
    const struct mtr_event event = {.vendor = MTR_STR("acme"), .type = mtr_str_from(MTR_EVENT_TYPE_VOID), .time_us = row->time_us,
                                    .disposition = MTR_DISPOSITION_VOID, .target_seq = row->seq};
    if (row->is_voided) return;
    row->is_voided = true;
    metering_append(&world, event);
}

static void open_world(uint64_t seed)
{
    source.state = seed * UINT64_C(0x9E3779B97F4A7C15);
    metering_open(&world, MAY_US + 10 * DAY_US);
    assert_true(rating_store(&world.rating, CATALOG));
    for (int i = 0; i < EVENTS; i++) {
        send(&sent[i]);
        if (below(10) == 0) take_back(&sent[below((uint32_t)i + 1)]);
        if (below(100) == 0) metering_fold(&world);
    }
    metering_fold(&world);
}

/* ---- counted from the events themselves ---- */

/* What one event gives to [from, to) when it is spread; e12. */
static mtr_int128 share_until(const struct sent *row, int64_t until_us)
{
    struct mtr_quantity share;
    const int64_t elapsed_us = until_us - row->time_us;
    if (elapsed_us <= 0) return 0;
    if (elapsed_us >= row->length_s * MTR_US_PER_SECOND) return MTR_QUANTITY(row->value).e12;
    assert_int_equal(mtr_quantity_scale(MTR_QUANTITY(row->value), MTR_QUANTITY_OF_US(elapsed_us), MTR_QUANTITY(row->length_s),
                                        MTR_QUANTITY_DIGITS, MTR_ROUND_HALF_EVEN, &share), 0);
    return share.e12;
}

struct counting {
    const struct mtr_usage_result_row *row;
    const char *subject, *region; /* region NULL: all */
    int64_t from_us, to_us;
};

static bool counts(const struct counting *counting, const struct sent *row)
{
    return !row->is_voided && strcmp(row->subject, counting->subject) == 0 &&
           (!counting->region || strcmp(row->region, counting->region) == 0);
}

static bool is_inside(const struct counting *counting, const struct sent *row)
{
    return counting->from_us <= row->time_us && row->time_us < counting->to_us;
}

static bool is_earlier(const struct sent *a, const struct sent *b)
{
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->seq < b->seq;
}

static int compare_sums(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The nearest rank over the windows of the row's time. */
static int64_t count_rank(const struct counting *counting)
{
    static int64_t sums[DAYS * 96 * 4];
    const int64_t from_us = counting->from_us, to_us = mtr_time_sooner(counting->to_us, world.rating.now_us);
    uint32_t count = 0;
    for (int64_t at_us = from_us / WINDOW_US * WINDOW_US; at_us < to_us; at_us += WINDOW_US) {
        int64_t sum = 0;
        for (int i = 0; i < EVENTS; i++)
            if (counts(counting, &sent[i]) && sent[i].time_us >= mtr_time_later(at_us, from_us) &&
                sent[i].time_us < mtr_time_sooner(at_us + WINDOW_US, to_us))
                sum += sent[i].value;
        assert_true(count < sizeof(sums) / sizeof(sums[0]));
        sums[count++] = sum;
    }
    if (!count) return 0;
    qsort(sums, count, sizeof(sums[0]), compare_sums);
    return sums[(count * 95 + 99) / 100 - 1];
}

/* What the counters of each region grew by up to the readings of the row's time, since the subscription began; how often they were reset, and readings that
 * came late. */
static int64_t count_growth(const struct counting *counting, uint64_t *resets, uint64_t *gaps)
{
    int64_t growth = 0;
    *resets = *gaps = 0;
    for (int i = 0; i < EVENTS; i++) {
        const struct sent *row = &sent[i], *before = NULL;
        if (!counts(counting, row) || !is_inside(counting, row)) continue;
        for (int k = 0; k < EVENTS; k++) {
            const struct sent *other = &sent[k];
            if (!counts(counting, other) || strcmp(other->region, row->region) != 0 || !is_earlier(other, row)) continue;
            if (other->time_us < mtr_subscription_begun_us(counting->row->subscription)) continue;
            if (!before || is_earlier(before, other)) before = other;
        }
        if (!before) continue;
        growth += row->value < before->value ? row->value : row->value - before->value;
        *resets += row->value < before->value;
        *gaps += row->time_us - before->time_us > HOUR_US;
    }
    return growth;
}

/* The row's quantity; false: the aggregation is not counted here. */
static bool count_row(const struct counting *counting, mtr_int128 *out)
{
    const struct mtr_str meter = counting->row->meter->key;
    const struct sent *latest = NULL;
    int64_t sum = 0, most = INT64_MIN, least = INT64_MAX, calls = 0;
    mtr_int128 spread = 0;
    unsigned users = 0;
    for (int i = 0; i < EVENTS; i++) {
        const struct sent *row = &sent[i];
        if (!counts(counting, row)) continue;
        if (row->length_s) spread += share_until(row, counting->to_us) - share_until(row, counting->from_us);
        if (!is_inside(counting, row)) continue;
        if (!row->length_s) spread += MTR_QUANTITY(row->value).e12;
        calls++;
        sum += row->value;
        if (row->value > most) most = row->value;
        if (row->value < least) least = row->value;
        users |= 1U << (row->user[0] - 'a');
        if (!latest || is_earlier(latest, row)) latest = row;
    }
    if (mtr_str_equal(meter, MTR_STR("spread"))) *out = spread;
    else if (mtr_str_equal(meter, MTR_STR("rank"))) *out = MTR_QUANTITY(count_rank(counting)).e12;
    else if (mtr_str_equal(meter, MTR_STR("grown"))) {
        uint64_t resets, gaps;
        *out = MTR_QUANTITY(count_growth(counting, &resets, &gaps)).e12;
        assert_int_equal(counting->row->resets, resets);
        assert_int_equal(counting->row->gaps, gaps);
    } else if (mtr_str_equal(meter, MTR_STR("calls"))) *out = MTR_QUANTITY(calls).e12;
    else if (mtr_str_equal(meter, MTR_STR("bytes")) || mtr_str_equal(meter, MTR_STR("fine"))) *out = MTR_QUANTITY(sum).e12;
    else if (mtr_str_equal(meter, MTR_STR("peak"))) *out = MTR_QUANTITY(most).e12;
    else if (mtr_str_equal(meter, MTR_STR("least"))) *out = MTR_QUANTITY(least).e12;
    else if (mtr_str_equal(meter, MTR_STR("latest"))) *out = latest ? MTR_QUANTITY(latest->value).e12 : 0;
    else if (mtr_str_equal(meter, MTR_STR("users"))) *out = MTR_QUANTITY(__builtin_popcount(users)).e12;
    else return false;
    return true;
}

static uint64_t count_events(const struct counting *counting)
{
    uint64_t count = 0;
    for (int i = 0; i < EVENTS; i++) count += counts(counting, &sent[i]) && is_inside(counting, &sent[i]);
    return count;
}

static uint64_t check_row(const struct mtr_usage_query *query, const struct mtr_usage_result_row *row)
{
    char region[8], counted[MTR_DECIMAL_TEXT_BYTES], told[MTR_DECIMAL_TEXT_BYTES];
    struct counting counting = {row, NULL, NULL, row->start_us, row->end_us};
    struct mtr_quantity expected = {0};
    char subject[8];
    snprintf(subject, sizeof(subject), "%.*s", MTR_STR_ARGS(row->subscription->key));
    snprintf(region, sizeof(region), "%.*s", MTR_STR_ARGS(row->dimension_values[0]));
    counting.subject = subject;
    if (query->dimension_count) counting.region = region;
    counting.from_us = mtr_time_later(counting.from_us, row->subscription->start_us); /* what lies outside the term does not count */
    counting.to_us = mtr_time_sooner(counting.to_us, row->subscription->end_us);
    if (!row->meter->spread_over.size && row->events != count_events(&counting))
        fail_msg("%s %.*s %s from %lld to %lld: %llu events, not %llu", subject, MTR_STR_ARGS(row->meter->key), region, (long long)row->start_us,
                 (long long)row->end_us, (unsigned long long)row->events, (unsigned long long)count_events(&counting));
    if (!count_row(&counting, &expected.e12)) return row->events;
    mtr_quantity_format(expected, counted);
    mtr_quantity_format(row->quantity, told);
    if (strcmp(counted, told) != 0)
        print_error("%s %.*s %s from %lld to %lld\n", subject, MTR_STR_ARGS(row->meter->key), region, (long long)row->start_us, (long long)row->end_us);
    assert_string_equal(told, counted);
    return row->events;
}

/* ---- queries ---- */

static int ask(struct mtr_usage_query *query, struct mtr_log_reader *reader, struct mtr_arena *arena, struct mtr_usage_result *result)
{
    const struct mtr_usage_position position = {.is_begun = false};
    struct mtr_usage_sources sources = {.catalog = world.rating.catalog, .reader = reader};
    assert_int_equal(mtr_rollups_begin(world.rating.rollups, false, &sources.txn), 0);
    int rc = mtr_usage_query_next(query, &sources, &position, arena, result);
    mtr_rollups_abort(sources.txn);
    return rc;
}

static bool is_in_term(const struct sent *row)
{
    const struct mtr_subscription *subscription = mtr_catalog_find_subscription(world.rating.catalog, mtr_str_from(row->subject));
    return subscription->start_us <= row->time_us && row->time_us < subscription->end_us;
}

static void check_query(struct mtr_usage_query *query)
{
    struct mtr_usage_result result;
    struct mtr_arena arena;
    uint64_t events = 0, expected = 0;
    mtr_arena_init(&arena, 1 << 14, 1 << 28);
    assert_int_equal(ask(query, world.reader, &arena, &result), 0);
    assert_true(result.is_last);
    for (uint32_t i = 0; i < result.row_count; i++) {
        const uint64_t in_row = check_row(query, &result.rows[i]);
        if (mtr_str_equal(result.rows[i].meter->key, MTR_STR("calls"))) events += in_row;
    }
    for (int i = 0; i < EVENTS; i++)
        expected += !sent[i].is_voided && is_in_term(&sent[i]) && query->from_us <= sent[i].time_us && sent[i].time_us < query->to_us;
    assert_int_equal(events, expected); /* no row is missing */
    mtr_arena_release(&arena);
}

static void every_row_is_what_its_events_give(void **state)
{
    static const char *const names[] = {"UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Eucla"};
    struct mtr_zone *zones[4];
    const char *seeds_text = getenv("METERD_SEEDS");
    uint64_t seeds = 8;
    (void)state;
    if (seeds_text) (void)mtr_str_to_u64(mtr_str_from(seeds_text), &seeds);
    for (int i = 0; i < 4; i++) assert_int_equal(mtr_zone_open(mtr_str_from(names[i]), &zones[i]), 0);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        open_world(seed);
        for (int i = 0; i < QUERIES; i++) {
            struct mtr_usage_query query = {.from_us = any_time(), .from_is_given = true, .to_is_given = true, .by_subscription = true,
                                            .window = (enum mtr_usage_window)below(4), .zone = below(2) ? zones[below(4)] : NULL,
                                            .rows_max = 100000, .table_bytes_max = 1 << 26, .in_steps = true};
            query.to_us = query.from_us + 1 + (below(3) ? any_time() - MAY_US : (int64_t)below(2 * 3600) * MTR_US_PER_SECOND);
            if (below(2)) query.dimensions[query.dimension_count++] = MTR_STR("region");
            check_query(&query);
        }
        metering_close(&world);
    }
    for (int i = 0; i < 4; i++) mtr_zone_close(zones[i]);
}

/* ---- the case by itself, and what is refused ---- */

static const char *tell(struct mtr_usage_query query, struct mtr_log_reader *reader)
{
    static char text[2048];
    struct mtr_usage_result result;
    struct mtr_arena arena;
    size_t size = 0;
    query.by_subscription = true;
    query.rows_max = 100;
    query.table_bytes_max = 1 << 20;
    query.in_steps = true;
    mtr_arena_init(&arena, 1 << 14, 1 << 26);
    int rc = ask(&query, reader, &arena, &result);
    text[0] = '\0';
    if (rc) size += (size_t)snprintf(text, sizeof(text), "%s: %s", mtr_error_name(rc), result.refusal.text);
    for (uint32_t i = 0; !rc && i < result.row_count; i++) {
        char quantity[MTR_DECIMAL_TEXT_BYTES], start[MTR_TIME_TEXT_BYTES];
        mtr_quantity_format(result.rows[i].quantity, quantity);
        mtr_time_format(result.rows[i].start_us, start);
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s %s (%llu)", size ? "; " : "", start + 11, quantity,
                                 (unsigned long long)result.rows[i].events);
    }
    mtr_arena_release(&arena);
    return text;
}

static void use(const char *subject, int64_t time_us, int64_t value)
{
    const struct mtr_property n = {.name = MTR_STR("n"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = value}};
    const struct mtr_event event = {.vendor = MTR_STR("acme"), .type = MTR_STR("call"), .subject = mtr_str_from(subject),
                                    .time_us = time_us, .properties = &n, .property_count = 1};
    metering_append(&world, event);
}

static void open_hour(void)
{
    metering_open(&world, MAY_US + DAY_US);
    assert_true(rating_store(&world.rating, CATALOG));
    use("s1", MAY_US + 10 * 60 * MTR_US_PER_SECOND, 1);
    use("s1", MAY_US + 50 * 60 * MTR_US_PER_SECOND, 10);
    metering_fold(&world);
}

static void an_hour_is_cut_where_it_was_asked_for(void **state)
{
    const int64_t half_us = MAY_US + HOUR_US / 2;
    struct mtr_usage_query query = {.subscription = MTR_STR("s1"), .meter = MTR_STR("bytes"), .window = MTR_WINDOW_HOUR};
    struct mtr_zone *india;
    (void)state;
    open_hour();
    query.from_is_given = query.to_is_given = true;
    query.from_us = half_us;
    query.to_us = MAY_US + HOUR_US;
    assert_string_equal(tell(query, world.reader), "00:30:00Z 10 (1)");
    query.from_us = MAY_US;
    query.to_us = half_us;
    assert_string_equal(tell(query, world.reader), "00:00:00Z 1 (1)");
    query.to_is_given = false; /* now: all cells so far, and the log is not read */
    assert_string_equal(tell(query, NULL), "00:00:00Z 11 (2)");
    assert_int_equal(mtr_zone_open(MTR_STR("Asia/Kolkata"), &india), 0);
    query.zone = india;
    query.to_us = MAY_US + HOUR_US;
    query.window = MTR_WINDOW_HOUR;
    assert_string_equal(tell(query, world.reader), "00:00:00Z 1 (1); 00:30:00Z 10 (1)");
    query.window = MTR_WINDOW_TOTAL;
    assert_string_equal(tell(query, NULL), "00:00:00Z 11 (2)");
    mtr_zone_close(india);
    /* Cells that wait to be cut are read as they are, where the query does not cut their hour. */
    assert_true(rating_store(&world.rating,
                             "tariffs: [{key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: '1'}]},"
                             " {from: '2026-05-01T00:20:00Z', components: [{key: calls, meter: calls, per_unit: '2'}]}]}]\n"));
    query.zone = NULL;
    query.window = MTR_WINDOW_HOUR;
    assert_string_equal(tell(query, NULL), "00:00:00Z 11 (2)");
    query.from_us = MAY_US + 25 * 60 * MTR_US_PER_SECOND;
    assert_string_equal(tell(query, world.reader), "00:25:00Z 10 (1)");
    metering_close(&world);
}

static void what_the_log_no_longer_has_is_refused(void **state)
{
    struct mtr_usage_query query = {.subscription = MTR_STR("s1"), .meter = MTR_STR("bytes"), .from_is_given = true, .from_us = MAY_US + HOUR_US / 2,
                                    .to_us = MAY_US + DAY_US};
    uint32_t removed = 0;
    (void)state;
    open_hour();
    assert_int_equal(mtr_log_roll(world.log, world.rating.now_us), 0);
    assert_int_equal(mtr_log_seal(world.log, 1, NULL, 0), 0);
    use("s1", MAY_US + 5 * HOUR_US, 100);
    metering_fold(&world);
    mtr_log_reader_close(world.reader);
    mtr_log_reader_close(world.fold_reader);
    mtr_aggregator_close(world.aggregator);
    world.aggregator = NULL;
    assert_int_equal(mtr_log_reader_attach(world.log, &world.reader), 0);
    world.fold_reader = NULL;
    assert_int_equal(mtr_log_retain(world.log, MAY_US + 2 * DAY_US, 100, &removed), 0);
    assert_int_equal(removed, 1);
    assert_string_equal(tell(query, world.reader),
                        "EMISSING: the hour from 2026-05-01T00:00:00+00:00 of subscription 's1' cannot be cut: the log no longer has its "
                        "events. Let times begin and end with full hours of its zone");
    query.from_us = MAY_US + HOUR_US;
    assert_string_equal(tell(query, world.reader), "05:00:00Z 100 (1)");
    query.from_us = MAY_US + 5 * HOUR_US + 1;
    assert_string_equal(tell(query, world.reader), "");
    metering_close(&world);
}

/* Half past the first hour, under these bounds. */
static int count_hour(uint64_t events_max, size_t bytes_max, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_recount_options options = {.reader = world.reader, .events_max = events_max, .bytes_max = bytes_max};
    const int64_t cuts_us[] = {MAY_US + HOUR_US / 2};
    const struct mtr_recount_request request = {
        .subscription = mtr_catalog_find_subscription(world.rating.catalog, MTR_STR("s1")), .cuts_us = cuts_us, .cut_count = 1};
    struct mtr_rollups_txn *txn;
    struct mtr_recount *recount;
    *diagnostic = (struct mtr_diagnostic){.text = ""};
    assert_int_equal(mtr_rollups_begin(world.rating.rollups, false, &txn), 0);
    assert_int_equal(mtr_recount_open(&options, &recount), 0);
    mtr_recount_begin(recount, txn, world.rating.catalog, world.rating.catalog);
    int rc = mtr_recount_ask(recount, &request);
    if (!rc) rc = mtr_recount_count(recount, diagnostic);
    mtr_recount_close(recount);
    mtr_rollups_abort(txn);
    return rc;
}

static void what_is_too_much_to_count_is_refused(void **state)
{
    struct mtr_diagnostic diagnostic;
    (void)state;
    open_hour(); /* of two events */
    assert_int_equal(count_hour(2, 1 << 24, &diagnostic), 0);
    assert_int_equal(count_hour(1, 1 << 24, &diagnostic), MTR_ELIMIT);
    assert_string_equal(diagnostic.text, "to cut hours at these times more than 1 events would be counted again: let times begin and end with full "
                                         "hours, or ask for fewer subscriptions or less time");
    assert_int_equal(count_hour(2, 1, &diagnostic), MTR_ELIMIT);
    assert_string_equal(diagnostic.text, "the hours that would be cut at these times hold more than can be counted again: let times begin and end "
                                         "with full hours, or ask for fewer subscriptions or less time");
    metering_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_what_its_events_give),
        cmocka_unit_test(an_hour_is_cut_where_it_was_asked_for),
        cmocka_unit_test(what_the_log_no_longer_has_is_refused),
        cmocka_unit_test(what_is_too_much_to_count_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
