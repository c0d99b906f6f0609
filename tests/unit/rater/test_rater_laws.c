/*
 * The law of the rater, Σ emitted == price(usage now), after anything at all: use that comes late or is
 * taken back, tariffs and terms that change, ends that move away and back, crashes, steps of any size. And the
 * bill is the one of a rater that knew all of it from the start. The stories of tests/golden/rating tell it by
 * examples.
 */
#include "meterd/rater/rater.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/random.h"
#include "tests/support/rating_use.h"

static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

#define HEAD                                                                                                 \
    "vendors: [{key: acme}]\n"                                                                               \
    "services: [{key: compute, vendor: acme}]\n"                                                             \
    "meters:\n"                                                                                              \
    "  - {key: calls, service: compute, event_type: call, aggregation: count}\n"                             \
    "  - {key: disk, service: compute, event_type: disk, value: gib, group_by: [region, class]}\n"           \
    "  - {key: peak, service: compute, event_type: disk, value: gib, aggregation: max}\n"

/* Within ten days of now; it goes and comes with each catalog. */
static const char *random_end(const struct rating_world *world, struct random_source *random)
{
    static char text[64];
    char time[MTR_TIME_TEXT_BYTES];
    const int64_t end_us = world->now_us - 10 * DAY_US + (int64_t)random_below(random, 20 * DAY_US);
    mtr_time_format(mtr_time_later(end_us, JANUARY_US + 5 * DAY_US), time);
    snprintf(text, sizeof(text), ", end: '%s'", time);
    return text;
}

/* At instants of few seconds, most of them such in which a day begins in one of the zones. */
static const char *random_changes(struct random_source *random)
{
    static const char *const seconds[] = {"2026-01-04T05:30:00", "2026-01-08T00:00:00", "2026-01-08T18:30:00", "2026-01-10T13:00:00",
                                          "2026-02-01T00:00:00", "2026-02-01T03:00:00"};
    static const char *const into[] = {"", ".000001", ".5", ".500001", ".999999"};
    static const char *const whats[] = {"customer: c", "customer: c1", "customer: c2", "billing: {every: day}", "billing: {every: month}"};
    static char text[1024];
    size_t size = 0;
    text[0] = '\0';
    if (random_below(random, 3) == 0) return text;
    for (size_t i = 0; i < 6; i++)
        for (size_t k = random_below(random, 2) ? random_below(random, 5) : 5; k < 5; k += 1 + random_below(random, 4))
            size += (size_t)snprintf(text + size, sizeof(text) - size, "%s{from: '%s%sZ', %s}", size ? ", " : ", changes: [", seconds[i], into[k],
                                     whats[random_below(random, 5)]);
    if (size) size += (size_t)snprintf(text + size, sizeof(text) - size, "]");
    assert_true(size < sizeof(text));
    return text;
}

static void apply_random_catalog(struct rating_world *world, struct random_source *random, bool first)
{
    static const char *const zones[] = {"UTC", "Asia/Kolkata", "America/Sao_Paulo", "Australia/Lord_Howe"};
    static const char *const periods[] = {"{every: month}", "{every: week}", "{every: day}",
                                          "{every: month, anchor: anniversary}"};
    char yaml[16384];
    size_t size = 0;
    if (first) size = (size_t)snprintf(yaml, sizeof(yaml), "%s", HEAD);
    size += (size_t)snprintf(yaml + size, sizeof(yaml) - size,
                             "tariffs:\n  - key: t\n    currency: EUR\n    rounding: {mode: half_even, "
                             "place: %s}\n    versions:\n",
                             random_below(random, 2) ? "line" : "total");
    const unsigned versions = 1 + (unsigned)random_below(random, 3);
    for (unsigned i = 0; i < versions; i++) {
        size += (size_t)snprintf(
            yaml + size, sizeof(yaml) - size,
            "      - from: 2026-0%u-%02u\n"
            "        components:\n"
            "          - {key: calls, meter: calls, graduated: [{up_to: 10, unit: '0.0%u'}, "
            "{unit: '0.0%u', flat: '1.5'}]}\n"
            "          - {key: disk, meter: disk, volume: [{up_to: 50, unit: '0.013'}, "
            "{unit: '0.0129'}], group_by: [%s], free_units: %u}\n"
            "          - {key: peak, meter: peak, package: {size: 7, price: '1.10', "
            "rounding: up}, cap: '20'}\n"
            "          - {key: base, recurring: {amount: '9.99', in: %s, prorate: %s}}\n"
            "        minimum: '%u'\n",
            1 + i, 1 + (i ? (unsigned)random_below(random, 27) : 0), 1 + (unsigned)random_below(random, 9),
            1 + (unsigned)random_below(random, 9), random_below(random, 2) ? "region" : "class, region",
            (unsigned)random_below(random, 4), random_below(random, 2) ? "advance" : "arrears",
            random_below(random, 2) ? "second" : "day", (unsigned)random_below(random, 20));
        if (random_below(random, 3)) continue;
        size += (size_t)snprintf(yaml + size, sizeof(yaml) - size,
                                 "        term: {every: quarter, anchor: %s, cap: 300,\n"
                                 "               commitment: {amount: %u, overage: '1.2', prorate: %s}}\n",
                                 random_below(random, 2) ? "anniversary" : "calendar",
                                 20 + (unsigned)random_below(random, 200),
                                 random_below(random, 2) ? "none" : "second");
    }
    size += (size_t)snprintf(yaml + size, sizeof(yaml) - size, "subscriptions:\n");
    for (unsigned i = 0; i < 4; i++) {
        size += (size_t)snprintf(
            yaml + size, sizeof(yaml) - size,
            "  - {key: s%u, service: compute, customer: c, tariff: t, zone: %s, billing: %s,\n"
            "     start: '2026-01-%02uT05:30:00Z'%s%s%s}\n",
            i, zones[i], periods[i], 1 + (first || random_below(random, 4) ? 0 : (unsigned)random_below(random, 3)),
            random_below(random, 3) ? "" : ", trial_end: '2026-01-09T00:00:00Z'",
            first || random_below(random, 2) ? "" : random_end(world, random), random_changes(random));
    }
    assert_true(size < sizeof(yaml));
    rating_apply(world, yaml);
}

static void use_at_random(struct rating_world *world, struct random_source *random)
{
    static const char *const keys[] = {"s0", "s1", "s2", "s3"};
    static const char *const dimensions[] = {"eu|ssd|", "eu|hdd|", "us|ssd|", "||"};
    const char *key = keys[random_below(random, 4)];
    const int64_t start_us = mtr_catalog_find_subscription(world->catalog, mtr_str_from(key))->start_us;
    int64_t back_us = (int64_t)random_below(random, random_below(random, 4) ? 2 * DAY_US : 40 * DAY_US);
    int64_t time_us = world->now_us - back_us;
    if (time_us < start_us) time_us = start_us;
    char quantity[32];
    switch (random_below(random, 3)) {
    case 0:
        snprintf(quantity, sizeof(quantity), "%u", 1 + (unsigned)random_below(random, 5));
        rating_use(world, key, "calls", time_us, "", quantity);
        break;
    case 1:
        snprintf(quantity, sizeof(quantity), "%s%u.%03u", random_below(random, 5) ? "" : "-",
                 (unsigned)random_below(random, 90), (unsigned)random_below(random, 1000));
        rating_use(world, key, "disk", time_us, dimensions[random_below(random, 4)], quantity);
        break;
    default:
        snprintf(quantity, sizeof(quantity), "%u.5", (unsigned)random_below(random, 30));
        rating_use(world, key, "peak", time_us, "", quantity);
        break;
    }
}

/* The start moves in these seeds: usage outside the term is to be expected and is reported, anything else is
 * not. */
static int count_wrong(void *context, const struct mtr_audit_finding *finding)
{
    if (finding->code == MTR_FINDING_AUDIT_OUTSIDE_TERM) return 0;
    ++*(unsigned *)context;
    return rating_print_finding(NULL, finding);
}

struct statuses {
    struct mtr_charges_txn *txn;
    uint64_t charges;
};

/* Along a line: drafts, at most one final, corrections. */
static int check_order(void *context, const struct mtr_charge *charge)
{
    struct statuses *statuses = context;
    struct mtr_charge previous;
    statuses->charges++;
    assert_int_equal(charge->number, statuses->charges);
    if (!charge->previous) return 0;
    assert_int_equal(mtr_charges_get(statuses->txn, charge->previous, &previous), 0);
    assert_true(previous.status <= charge->status);
    assert_false(charge->status == MTR_CHARGE_FINAL && previous.status == MTR_CHARGE_FINAL);
    return 0;
}

/* What a term came to is told from period to period: a correction goes one further with each rating. */
static struct mtr_audit_counts settle(struct rating_world *world)
{
    enum { LINKS_MAX = 120 };
    struct mtr_audit_counts counts;
    for (int i = 0; i < LINKS_MAX; i++) {
        const struct mtr_audit_of of = {world->rollups, world->charges, world->catalog};
        unsigned wrong = 0;
        rating_drain(world);
        rating_advance_to(world, world->now_us + 2 * HOUR_US);
        rating_drain(world);
        assert_int_equal(mtr_rater_audit(&of, &world->options, count_wrong, &wrong, &counts), 0);
        assert_int_equal(wrong, 0);
        if (!counts.pending) return counts;
    }
    fail_msg("corrections do not come to an end: %llu pending", (unsigned long long)counts.pending);
    return counts;
}

/* ---- the same bill as if all had been known from the start ---- */

enum { LINES_MAX = 4096, LINE_TEXT_BYTES = 256 };

struct bill {
    char (*lines)[LINE_TEXT_BYTES];
    uint32_t count;
    struct mtr_charges_txn *txn;
};

static int write_line(void *context, const struct mtr_charge_line *line)
{
    struct bill *bill = context;
    char amount[MTR_DECIMAL_TEXT_BYTES], quantity[MTR_DECIMAL_TEXT_BYTES];
    if (!line->emitted.e18 && !line->quantity.e12) return 0;
    mtr_money_format(line->emitted, amount);
    mtr_quantity_format(line->quantity, quantity);
    assert_in_range(bill->count, 0, LINES_MAX - 1);
    int size = snprintf(bill->lines[bill->count++], LINE_TEXT_BYTES, "%u %lld %lld %.*s %.*s %.*s: %s (%s)",
                        line->subscription, (long long)line->period_start_us, (long long)line->part_start_us,
                        MTR_STR_ARGS(line->component), MTR_STR_ARGS(line->kind), MTR_STR_ARGS(line->dimensions),
                        amount, quantity);
    assert_in_range(size, 1, LINE_TEXT_BYTES - 1);
    return 0;
}

static int write_period(void *context, const struct mtr_charge_period *period)
{
    struct bill *bill = context;
    return mtr_charges_walk_lines(bill->txn, period->subscription, period->start_us, write_line, bill);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* What all charges come to, line by line. */
static struct bill bill_of(const struct rating_world *world)
{
    struct bill bill = {.lines = calloc(LINES_MAX, LINE_TEXT_BYTES)};
    assert_non_null(bill.lines);
    assert_int_equal(mtr_charges_begin(world->charges, false, &bill.txn), 0);
    for (uint32_t i = 1; i <= 4; i++)
        assert_int_equal(mtr_charges_walk_periods(bill.txn, i, INT64_MIN, write_period, &bill), 0);
    mtr_charges_abort(bill.txn);
    if (bill.count) qsort(bill.lines, bill.count, LINE_TEXT_BYTES, compare_lines);
    return bill;
}

/* Rated by itself from nothing: what is used and the catalog as they are now. */
static void rate_anew(const struct rating_world *world, struct rating_world *anew)
{
    struct mtr_diagnostic diagnostic;
    char path[2 * DIRECTORY_PATH_BYTES];
    *anew = *world;
    snprintf(path, sizeof(path), "%s/charges-anew", world->root);
    if (mtr_charges_open(path, false, &anew->charges, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(mtr_rater_open(anew->rollups, anew->charges, &anew->options, &anew->rater), 0);
}

static bool is_settled(struct rating_world *world)
{
    const struct mtr_audit_of of = {world->rollups, world->charges, world->catalog};
    struct mtr_audit_counts counts;
    unsigned wrong = 0;
    rating_drain(world);
    assert_int_equal(mtr_rater_audit(&of, &world->options, count_wrong, &wrong, &counts), 0);
    assert_int_equal(wrong, 0);
    return !counts.pending;
}

static void check_bill(struct rating_world *world)
{
    enum { LINKS_MAX = 120 };
    struct rating_world anew;
    int links = 0;
    bool settled;
    rate_anew(world, &anew);
    do {
        rating_advance_to(world, world->now_us + 2 * HOUR_US);
        anew.now_us = world->now_us;
        settled = is_settled(world);
        settled = is_settled(&anew) && settled;
        assert_in_range(links++, 0, LINKS_MAX);
    } while (!settled);
    const struct bill bill = bill_of(world), expected = bill_of(&anew);
    for (uint32_t i = 0; i < bill.count && i < expected.count; i++)
        assert_string_equal(bill.lines[i], expected.lines[i]);
    assert_int_equal(bill.count, expected.count);
    free(bill.lines);
    free(expected.lines);
    mtr_rater_close(anew.rater);
    mtr_charges_close(anew.charges);
}

static void run_seed(uint64_t seed)
{
    struct rating_world world;
    struct random_source random = {seed};
    rating_open(&world, JANUARY_US + 4 * DAY_US);
    world.options.step_rows_max = 1 + (uint32_t)random_below(&random, 8);
    world.options.step_ratings_max = 1 + (uint32_t)random_below(&random, 4);
    rating_reopen(&world);
    apply_random_catalog(&world, &random, true);
    for (int i = 0; i < 150; i++) {
        uint64_t choice = random_below(&random, 44);
        if (choice < 24) use_at_random(&world, &random);
        else if (choice < 32) (void)rating_step(&world);
        else if (choice < 37)
            rating_advance_to(&world,
                              world.now_us + (int64_t)random_below(&random, 2 * DAY_US));
        else if (choice == 37) rating_reopen(&world);
        else if (choice == 38) rating_advance_to(&world, world.now_us + 5 * DAY_US);
        else apply_random_catalog(&world, &random, false);
    }
    struct mtr_audit_counts counts = settle(&world);
    check_bill(&world);
    counts = settle(&world);
    struct statuses statuses = {0};
    assert_int_equal(mtr_charges_begin(world.charges, false, &statuses.txn), 0);
    assert_int_equal(mtr_charges_walk(statuses.txn, 0, check_order, &statuses), 0);
    mtr_charges_abort(statuses.txn);
    assert_int_equal(counts.charges, statuses.charges);
    rating_close(&world);
}

static void the_law_holds_after_anything(void **state)
{
    const char *text = getenv("METERD_SEEDS");
    uint64_t seeds = 30;
    (void)state;
    if (text && !mtr_str_to_u64(mtr_str_from(text), &seeds)) fail_msg("METERD_SEEDS is no number");
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run_seed(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_law_holds_after_anything)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
