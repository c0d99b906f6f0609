/*
 * Usage of a subscription is what lies inside its term, to the microsecond, in whatever order the term and the use came to be known: for every
 * aggregation it is the quantity of the bill, of each customer for its time.
 * METERD_SEEDS=N tries more worlds.
 */
#include "meterd/query/usage_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "meterd/rater/billing_period.h"
#include "tests/support/metering.h"
#include "tests/support/random.h"

enum { EVENTS = 60, DAYS = 3, TEXT_BYTES = 1 << 18, YAML_BYTES = 1024 };
static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY, MINUTE_US = 60 * MTR_US_PER_SECOND;
static const int64_t MAY_US = INT64_C(1777593600) * MTR_US_PER_SECOND; /* 2026-05-01T00:00:00Z */

#define METER(key, ...) "  - {key: " key ", service: compute, event_type: call, group_by: [region], " __VA_ARGS__ "}\n"
#define VALUE "value: n, "
#define LEVEL VALUE "aggregation: time_weighted"
#define METERS                                                                                                                                 \
    METER("calls", "aggregation: count") METER("bytes", VALUE "aggregation: sum") METER("fine", VALUE "cell: 30m")                             \
    METER("most", VALUE "aggregation: max") METER("least", VALUE "aggregation: min") METER("latest", VALUE "aggregation: last")                \
    METER("users", VALUE "aggregation: unique") METER("gib", LEVEL) METER("mean", LEVEL ", per: period")                                       \
    METER("seats", LEVEL ", reports: change, per: day, holds_from: day") METER("grown", VALUE "aggregation: counter")                          \
    METER("rank", VALUE "aggregation: percentile, percentile: 99, window: 15m") METER("spread", VALUE "spread_over: length")
#define PRICE(key) "{key: " key ", meter: " key ", per_unit: '1'}"
#define PRICES                                                                                                                                 \
    PRICE("calls") ", " PRICE("bytes") ", " PRICE("fine") ", " PRICE("most") ", " PRICE("least") ", " PRICE("latest") ", " PRICE("users") ", "  \
    PRICE("gib") ", " PRICE("mean") ", " PRICE("seats") ", " PRICE("grown") ", " PRICE("rank") ", " PRICE("spread")
#define SERVICE                                                                                                                                \
    "vendors: [{key: acme}]\nservices: [{key: compute, vendor: acme}]\nmeters:\n" METERS                                                       \
    "tariffs: [{key: t, currency: EUR, versions: [{from: 2026-01-01, components: [" PRICES "]}]}]\n"

/* What is known of the subscription; instants of 0 are not. */
struct term {
    const char *zone;
    int64_t start_us, change_us, end_us;
};

static struct metering_world world;
static struct random_source source;

static int64_t below(int64_t limit)
{
    return (int64_t)random_below(&source, (uint64_t)limit);
}

static void apply(const struct term *term)
{
    char yaml[YAML_BYTES], start[MTR_TIME_TEXT_BYTES], change[MTR_TIME_TEXT_BYTES], end[MTR_TIME_TEXT_BYTES];
    mtr_time_format(term->start_us, start);
    mtr_time_format(term->change_us, change);
    mtr_time_format(term->end_us, end);
    size_t size = (size_t)snprintf(yaml, sizeof(yaml), "subscriptions: [{key: a, service: compute, customer: c1, tariff: t, zone: %s, start: '%s'",
                                   term->zone, start);
    if (term->change_us) size += (size_t)snprintf(yaml + size, sizeof(yaml) - size, ", changes: [{from: '%s', customer: c2}]", change);
    if (term->end_us) size += (size_t)snprintf(yaml + size, sizeof(yaml) - size, ", end: '%s'", end);
    snprintf(yaml + size, sizeof(yaml) - size, "}]\n");
    assert_true(rating_store(&world.rating, yaml));
}

static void use(int64_t time_us, int64_t value, int64_t length_s, const char *region)
{
    const struct mtr_property properties[] = {
        {.name = MTR_STR("n"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = value}},
        {.name = MTR_STR("length"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = length_s}},
        {.name = MTR_STR("region"), .kind = MTR_PROPERTY_STRING, .text = mtr_str_from(region)},
    };
    const struct mtr_event event = {.vendor = MTR_STR("acme"), .type = MTR_STR("call"), .subject = MTR_STR("a"), .time_us = time_us,
                                    .properties = properties, .property_count = 3};
    metering_append(&world, event);
}

/* A period that was just rated is rated again after a while. */
static void settle(void)
{
    world.rating.now_us += 2 * world.rating.options.draft_every_us;
    metering_fold(&world);
    rating_drain(&world.rating);
}

/* What lies outside the term is told by notes. */
static void audit(void)
{
    struct mtr_audit_counts counts;
    const struct mtr_audit_of of = {world.rating.rollups, world.rating.charges, world.rating.catalog};
    assert_int_equal(mtr_rater_audit(&of, &world.rating.options, NULL, NULL, &counts), 0);
    assert_int_equal(counts.findings, 0);
    assert_int_equal(counts.pending, 0);
}

/* ---- what the query tells ---- */

struct told {
    char text[TEXT_BYTES];
    size_t size;
};

static void tell_row(struct told *told, const struct mtr_usage_result_row *row)
{
    char start[MTR_TIME_TEXT_BYTES], quantity[MTR_DECIMAL_TEXT_BYTES];
    mtr_time_format(row->start_us, start);
    mtr_quantity_format(row->quantity, quantity);
    told->size += (size_t)snprintf(told->text + told->size, sizeof(told->text) - told->size, "%s %.*s %.*s %.*s %s (%llu)\n", start,
                                   MTR_STR_ARGS(row->customer), MTR_STR_ARGS(row->meter->key), MTR_STR_ARGS(row->dimension_values[0]), quantity,
                                   (unsigned long long)row->events);
    assert_in_range(told->size, 1, sizeof(told->text) - 1);
}

static void ask(struct mtr_usage_query query, struct told *told)
{
    const struct mtr_usage_position position = {.is_begun = false};
    struct mtr_usage_sources sources = {.catalog = world.rating.catalog, .reader = world.reader};
    struct mtr_usage_result result;
    struct mtr_arena arena;
    query.rows_max = 100000;
    query.table_bytes_max = 1 << 26;
    query.in_steps = true;
    mtr_arena_init(&arena, 1 << 14, 1 << 28);
    assert_int_equal(mtr_rollups_begin(world.rating.rollups, false, &sources.txn), 0);
    const int rc = mtr_usage_query_next(&query, &sources, &position, &arena, &result);
    if (rc) fail_msg("%s: %s", mtr_error_name(rc), result.refusal.text);
    mtr_rollups_abort(sources.txn);
    for (uint32_t i = 0; i < result.row_count; i++) tell_row(told, &result.rows[i]);
    mtr_arena_release(&arena);
}

/* ---- what the bill says ---- */

struct billed {
    const char *customer;
    struct mtr_quantity quantities[16]; /* by number of the meter */
};

static int on_line(void *context, const struct mtr_charge_line *line)
{
    struct billed *billed = context;
    const struct mtr_meter *meter = mtr_catalog_find_meter(world.rating.catalog, line->component);
    if (!mtr_str_equal(line->customer, mtr_str_from(billed->customer))) return 0;
    assert_in_range(meter->number, 1, 15);
    return mtr_quantity_add(billed->quantities[meter->number], line->quantity, &billed->quantities[meter->number]);
}

static void read_bill(int64_t start_us, struct billed *billed)
{
    struct mtr_charges_txn *txn;
    assert_int_equal(mtr_charges_begin(world.rating.charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk_lines(txn, 1, mtr_time_second(start_us), on_line, billed), 0);
    mtr_charges_abort(txn);
}

/* The customer's month is what its period was charged. */
static void compare_with_bill(const char *customer, int64_t period_start_us)
{
    const struct mtr_usage_position position = {.is_begun = false};
    const struct mtr_usage_query query = {.customer = mtr_str_from(customer), .from_us = MAY_US, .to_us = MAY_US + 31 * DAY_US,
                                          .from_is_date = true, .to_is_date = true, .from_is_given = true, .to_is_given = true,
                                          .window = MTR_WINDOW_TOTAL, .by_customer = true, .rows_max = 100, .table_bytes_max = 1 << 26};
    struct mtr_usage_sources sources = {.catalog = world.rating.catalog, .reader = world.reader};
    struct billed billed = {.customer = customer};
    struct mtr_usage_result result;
    struct mtr_arena arena;
    read_bill(period_start_us, &billed);
    mtr_arena_init(&arena, 1 << 14, 1 << 28);
    assert_int_equal(mtr_rollups_begin(world.rating.rollups, false, &sources.txn), 0);
    assert_int_equal(mtr_usage_query_next(&query, &sources, &position, &arena, &result), 0);
    mtr_rollups_abort(sources.txn);
    for (uint32_t i = 0; i < result.row_count; i++) {
        const struct mtr_usage_result_row *row = &result.rows[i];
        struct mtr_quantity *quantity = &billed.quantities[row->meter->number];
        if (row->quantity.e12 != quantity->e12)
            fail_msg("%.*s of %s: used %lld, billed %lld", MTR_STR_ARGS(row->meter->key), customer, (long long)row->quantity.e12,
                     (long long)quantity->e12);
        quantity->e12 = 0;
    }
    for (int i = 0; i < 16; i++) assert_true(billed.quantities[i].e12 == 0); /* nothing is billed that the query does not tell */
    mtr_arena_release(&arena);
}

/* ---- worlds ---- */

static int64_t any_instant(int64_t from_us, int64_t until_us)
{
    const int64_t time_us = from_us + below(until_us - from_us);
    switch (below(4)) { /* at the full hour, the full minute, or anywhere */
    case 0: return time_us / HOUR_US * HOUR_US;
    case 1: return time_us / MINUTE_US * MINUTE_US;
    default: return time_us;
    }
}

static struct term any_term(const char *zone)
{
    struct term term = {.zone = zone, .start_us = any_instant(MAY_US + HOUR_US, MAY_US + DAY_US)};
    if (below(2)) term.change_us = any_instant(MAY_US + DAY_US + HOUR_US, MAY_US + 2 * DAY_US);
    if (below(4)) term.end_us = any_instant(MAY_US + 2 * DAY_US + HOUR_US, MAY_US + 3 * DAY_US);
    return term;
}

static void open_world(void)
{
    metering_open(&world, MAY_US + 60 * DAY_US);
    assert_true(rating_store(&world.rating, SERVICE));
}

static void send_some(int count, const struct term *last)
{
    static const char *const regions[] = {"eu", "us"};
    const int64_t edges_us[] = {last->start_us, last->change_us, last->end_us};
    for (int i = 0; i < count; i++) {
        int64_t time_us = any_instant(MAY_US, MAY_US + DAYS * DAY_US);
        if (below(4) == 0 && edges_us[i % 3]) time_us = edges_us[i % 3] + below(3) - 1; /* at the very edge */
        use(time_us, below(100), below(2) ? 1 + below(20000) : 0, regions[below(2)]);
    }
}

/* Windows, cuts and groups of all kinds. */
static void tell_all(struct told *told, const struct mtr_zone *zone, int64_t cut_us)
{
    struct mtr_usage_query query = {.from_us = MAY_US - DAY_US, .to_us = MAY_US + 5 * DAY_US, .by_subscription = true};
    query.dimensions[query.dimension_count++] = MTR_STR("region");
    told->size = 0;
    for (int window = MTR_WINDOW_HOUR; window <= MTR_WINDOW_TOTAL; window++) {
        query.window = (enum mtr_usage_window)window;
        ask(query, told);
    }
    query.window = MTR_WINDOW_DAY;
    query.zone = zone;
    ask(query, told);
    query.zone = NULL;
    query.by_subscription = false;
    query.by_customer = true;
    ask(query, told);
    query.from_is_given = true;
    query.from_us = cut_us;
    ask(query, told);
}

static void the_order_of_knowing_changes_nothing(void **state)
{
    static const char *const names[] = {"UTC", "Asia/Kolkata", "Asia/Kathmandu"};
    static struct told after, first;
    const char *seeds_text = getenv("METERD_SEEDS");
    uint64_t seeds = 6;
    struct mtr_zone *eucla;
    (void)state;
    if (seeds_text) (void)mtr_str_to_u64(mtr_str_from(seeds_text), &seeds);
    assert_int_equal(mtr_zone_open(MTR_STR("Australia/Eucla"), &eucla), 0);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        source.state = seed * UINT64_C(0x9E3779B97F4A7C15);
        const char *zone = names[below(3)];
        const struct term last = any_term(zone), wide = {.zone = zone, .start_us = MAY_US + below(2) * HOUR_US};
        const int64_t cut_us = any_instant(MAY_US, MAY_US + DAYS * DAY_US);
        const uint64_t events = random_u64(&source);

        open_world(); /* the term moves before, between and after the use */
        apply(below(2) ? &wide : &last);
        source.state = events;
        send_some(EVENTS, &last);
        settle();
        for (int i = 0; i < 3; i++) {
            const struct term other = any_term(zone);
            apply(below(2) ? &wide : &other);
            if (below(2)) settle();
        }
        apply(&last);
        settle();
        tell_all(&after, eucla, cut_us);
        audit();
        compare_with_bill("c1", last.start_us);
        if (last.change_us) compare_with_bill("c2", last.change_us);
        metering_close(&world);

        open_world();
        apply(&last);
        source.state = events;
        send_some(EVENTS, &last);
        settle();
        tell_all(&first, eucla, cut_us);
        compare_with_bill("c1", last.start_us);
        metering_close(&world);
        assert_string_equal(after.text, first.text);
    }
    mtr_zone_close(eucla);
}

/* ---- the case by itself ---- */

/* The total of each meter, "meter quantity (events)", and of a customer alone. */
static const char *totals(const char *customer)
{
    static struct told told;
    struct mtr_usage_query query = {.customer = mtr_str_from(customer), .from_us = MAY_US, .to_us = MAY_US + 31 * DAY_US, .window = MTR_WINDOW_TOTAL,
                                    .by_customer = true};
    told.size = 0;
    told.text[0] = '\0';
    ask(query, &told);
    return told.text;
}

#define TOTAL(meter, quantity, events) "2026-05-01T00:00:00Z c1 " meter "  " quantity " (" events ")\n"

static void what_lies_behind_the_end_is_not_told(void **state)
{
    struct term term = {.zone = "UTC", .start_us = MAY_US};
    (void)state;
    open_world();
    apply(&term);
    use(MAY_US + 10 * HOUR_US, 20, 0, "eu");
    use(MAY_US + 10 * HOUR_US + 5 * MINUTE_US, 60, 3600, "eu"); /* a quarter of it comes until 10:20 */
    use(MAY_US + 10 * HOUR_US + 20 * MINUTE_US, 90, 0, "eu");   /* in the moment of the end */
    use(MAY_US + 2 * DAY_US, 5, 0, "us");
    settle();
    term.end_us = MAY_US + 10 * HOUR_US + 20 * MINUTE_US;
    apply(&term);
    settle();
    assert_string_equal(totals(""), TOTAL("calls", "2", "2") TOTAL("bytes", "80", "2") TOTAL("fine", "80", "2") TOTAL("most", "60", "2")
                        TOTAL("least", "20", "2") TOTAL("latest", "60", "2") TOTAL("users", "2", "2") TOTAL("gib", "16.666666666667", "2")
                        TOTAL("mean", "0.022401433692", "2") TOTAL("seats", "34.444444444444", "2") TOTAL("grown", "40", "2")
                        TOTAL("rank", "80", "2") TOTAL("spread", "35", "2"));
    compare_with_bill("c1", MAY_US);
    assert_string_equal(totals("c2"), "");
    audit();
    term.end_us = MAY_US; /* of no time is nothing used */
    term.start_us = MAY_US - HOUR_US;
    apply(&term);
    settle();
    assert_string_equal(totals(""), "");
    metering_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_knowing_changes_nothing),
        cmocka_unit_test(what_lies_behind_the_end_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
