/*
 * Lines that depend on one another: what is charged of them line range by line range is, byte for byte, what much memory gives.
 */
#include "meterd/rater/rater.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/two_raters.h"

/* ---- lines that depend on one another ---- */

static void apply_together(struct rating_world *world, struct random_source *random)
{
    static const char *const of_lines[] = {"", ", cap: '700'", ", cap: '900', minimum: '50'", ", line_minimum: '0.40', cap: '650'"};
    static const char *const of_all[] = {"cap: '1200'", "allowances: [{key: units, components: [calls], quantity: 900, rollover: 1}]",
                                         "term: {every: quarter, cap: '1500'}", "term: {every: quarter, commitment: {amount: '2400', overage: '1.5'}}",
                                         "pricing_currency: {name: CREDITS, price: '0.37'}, cap: '2100', minimum: '900'",
                                         "allowances: [{key: units, components: [calls, peak], quantity: 5000}, {key: money, amount: '33'}], cap: '1100'"};
    const unsigned all = (unsigned)random_below(random, 6);
    const unsigned later = all == 4 || random_below(random, 2) ? all : (unsigned)random_below(random, 2); /* credits in all versions */
    const char *currency = random_below(random, 3) ? "EUR" : "USD", *cost = random_below(random, 2) ? "cost_tariff: cost, " : "";
    const unsigned lines[2] = {(unsigned)random_below(random, 4), (unsigned)random_below(random, 4)};
    char yaml[8192];
    snprintf(yaml, sizeof(yaml),
             HEAD "tariffs:\n"
                  "  - key: t\n"
                  "    currency: EUR\n"
                  "    exchange: {source: ecb, at: order}\n"
                  "    rounding: {place: %s}\n"
                  "    versions:\n"
                  "      - {from: 2026-01-01, %s, components: [{key: base, recurring: {amount: '5'}}, {key: calls, meter: calls, group_by: [host], "
                  "per_unit: '0.13'%s}, {key: peak, meter: peak, group_by: [host], per_unit: '0.07'}]}\n"
                  "      - {from: '2026-01-16T07:30:00Z', %s, components: [{key: peak, meter: peak, group_by: [host], per_unit: '0.03'%s}, {key: calls, "
                  "meter: calls, group_by: [host], per_unit: '0.11'%s}]}\n"
                  "  - {key: cost, currency: EUR, exchange: {source: ecb, at: order}, versions: [{from: 2026-01-01, "
                  "components: [{key: calls, meter: calls, group_by: [host], per_unit: '0.02', "
                  "cap: '99'}]}]}\n"
                  "subscriptions: [{key: s1, service: compute, customer: c, tariff: t, %scurrency: %s, start: 2026-01-01}]\n",
             random_below(random, 2) ? "line" : "total", of_all[all], of_lines[lines[0]], of_all[later], of_lines[lines[1]], of_lines[lines[0]], cost,
             currency);
    rating_rate(world, JANUARY_US, "USD", "1.6");
    rating_apply(world, yaml);
}

/* Odd values stand in another order than their texts do. */
static void use_of_many(struct rating_world *worlds, struct random_source *random, unsigned count, unsigned hosts, bool odd)
{
    static const char *const ends[] = {"", ",", "A", "=", "z"};
    char dimensions[64], quantity[32];
    for (unsigned i = 0; i < count; i++) {
        const int64_t time_us = JANUARY_US + (int64_t)random_below(random, 45) * DAY_US;
        snprintf(dimensions, sizeof(dimensions), "eu|h%u%s|", (unsigned)random_below(random, hosts), odd ? ends[random_below(random, 5)] : "");
        snprintf(quantity, sizeof(quantity), "%s%u.5", random_below(random, 9) ? "" : "-", (unsigned)random_below(random, 40));
        for (unsigned w = 0; w < 2; w++) {
            rating_use(&worlds[w], "s1", "calls", time_us, dimensions, quantity);
            rating_use(&worlds[w], "s1", "peak", time_us, dimensions + 3, quantity);
        }
    }
}

/* The trace beside a charge has its line, and its steps. */
static int check_explained(void *context, const struct mtr_charge *charge)
{
    struct mtr_str trace;
    char line[128];
    const char *host = find_in(charge->body, "\"dimensions\":{\"host\":\"");
    if (!host || !find_in(charge->body, "\"kind\":\"usage\"") || charge->amount.e18 == 0) return 0;
    assert_int_equal(mtr_charges_get_trace(context, charge->trace, &trace), 0);
    host += strlen("\"dimensions\":{\"host\":\"");
    const char *end = memchr(host, '"', (size_t)(charge->body.data + charge->body.size - host));
    char key[32] = "";
    assert_true(end && (size_t)(end - host) < sizeof(key));
    memcpy(key, host, (size_t)(end - host));
    snprintf(line, sizeof(line), "\"dimensions\":{\"host\":\"%s\"}", key);
    if (!memmem(trace.data, trace.size, line, strlen(line))) fail_msg("no %s in the trace of charge %llu", line, (unsigned long long)charge->number);
    assert_non_null(memmem(trace.data, trace.size, "\"part\":\"per_unit\"", 17));
    return 0;
}

static void run_together_seed(uint64_t seed)
{
    enum { BYTES = 12 << 20, USES = 1000, HOSTS = 20000, DAYS = 33, DAYS_AFTER = 62 };
    struct rating_world worlds[2];
    struct random_source random = {seed}, again = random;
    uint32_t steps[2] = {0};
    open_both(worlds, BYTES);
    for (unsigned i = 0; i < 2; i++) {
        again = random;
        apply_together(&worlds[i], &again);
    }
    random = again;
    for (int64_t days = DAYS; days <= DAYS_AFTER; days += DAYS_AFTER - DAYS) {
        use_of_many(worlds, &random, days == DAYS ? USES : 20, HOSTS, seed % 3 == 0); /* late, then */
        rate_both(worlds, &random, JANUARY_US + days * DAY_US, steps);
        compare_charges(&worlds[0], &worlds[1], seed);
    }
    assert_true(steps[1] > steps[0]);
    for (unsigned i = 0; i < 2; i++) {
        rating_walk_charges(&worlds[i], check_explained);
        check_clean(&worlds[i], seed);
        rating_close(&worlds[i]);
    }
}

static void what_is_priced_together_is_told_in_ranges(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) run_together_seed(seed);
}

/* ---- what could not be rated in ranges once ---- */

enum { HOSTS_MANY = 300 };

/* Of every other region the name begins with the name of the others, and every fifth host is told with a sign. A third is used on one day. */
static void use_many_hosts(struct rating_world *world)
{
    char dimensions[32];
    for (unsigned i = 0; i < HOSTS_MANY; i++) {
        snprintf(dimensions, sizeof(dimensions), "%s|h%u%s|", i % 2 ? "eu" : "eu west", i, i % 5 ? "" : ",");
        for (unsigned day = i % 4; day < 5; day += i % 3 == 1 ? 5 : 1 + i % 3) rating_use(world, "s1", "calls", JANUARY_US + day * DAY_US, dimensions, "1");
    }
}

/* What was used and drawn is less in a later part, or nothing. */
static void give_back(struct rating_world *world, unsigned every)
{
    char dimensions[32];
    for (unsigned i = 0; i < HOSTS_MANY; i += every) {
        snprintf(dimensions, sizeof(dimensions), "%s|h%u%s|", i % 2 ? "eu" : "eu west", i, i % 5 ? "" : ",");
        rating_use(world, "s1", "calls", JANUARY_US + 6 * DAY_US, dimensions, every > 1 ? "-0.75" : "-5");
    }
}

/* With much memory and with little the same, and nothing waits. */
static void check_given_back(const char *group_by, const char *of_component, const char *of_version, unsigned every)
{
    struct rating_world worlds[2];
    struct random_source random = {1};
    uint32_t steps[2] = {0};
    char yaml[8192];
    open_both(worlds, 12 * LITTLE_BYTES);
    snprintf(yaml, sizeof(yaml),
             HEAD "tariffs: [{key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, group_by: %s, "
                  "per_unit: 1%s}]%s}]}]\n"
                  "subscriptions: [{key: s1, service: compute, customer: c, tariff: t, start: 2026-01-01, end: '2026-02-01'}]\n",
             group_by, of_component, of_version);
    for (unsigned i = 0; i < 2; i++) {
        rating_apply(&worlds[i], yaml);
        use_many_hosts(&worlds[i]);
    }
    rate_both(worlds, &random, JANUARY_US + 5 * DAY_US, steps);
    for (unsigned i = 0; i < 2; i++) give_back(&worlds[i], every);
    rate_both(worlds, &random, JANUARY_US + 40 * DAY_US, steps);
    compare_charges(&worlds[0], &worlds[1], 0);
    assert_true(steps[1] > steps[0]);
    for (unsigned i = 0; i < 2; i++) {
        check_clean(&worlds[i], 0);
        rating_close(&worlds[i]);
    }
}

static void check_kind(const char *group_by, const char *of_component, const char *of_version)
{
    check_given_back(group_by, of_component, of_version, 3);
}

#define DRAWN(quantity) ", allowances: [{key: some, components: [calls], quantity: " quantity "}]"
#define VERSION_WITH(day, of_component) "}, {from: 2026-01-" day ", components: [{key: calls, meter: calls, group_by: [host], per_unit: 2" of_component "}]"
#define VERSION(day) VERSION_WITH(day, "")
#define SIX_VERSIONS VERSION("02") VERSION("03") VERSION("04") VERSION("05") VERSION("06") VERSION("07")

static void every_kind_of_line_is_rated_in_ranges(void **state)
{
    (void)state;
    check_kind("[region, host]", ", cap: 51.5", "");
    check_kind("[host, region]", ", cap: 251.5", "");
    check_kind("[host]", ", cap: 501, line_minimum: '2.25'", "");
    check_kind("[region, host]", ", line_minimum: '2.25'", ", cap: 601");
    check_kind("[host]", ", line_minimum: '2.25'", ", cap: 601" VERSION("03"));
    check_kind("[host]", "", VERSION("02") VERSION("03") VERSION_WITH("04", ", line_minimum: 7, cap: 1750"));
    check_kind("[host]", "", VERSION("02") VERSION("03") VERSION_WITH("04", ", line_minimum: 7, cap: 1900"));
    check_kind("[host]", "", VERSION("02") VERSION("03") VERSION_WITH("04", ", line_minimum: 7, cap: 2100"));
    check_kind("[host]", "", DRAWN("455.5") SIX_VERSIONS);
    check_kind("[host]", "", DRAWN("100") SIX_VERSIONS);
    check_kind("[region, host]", "", DRAWN("301.5"));
    check_given_back("[host]", "", DRAWN("9") VERSION("04"), 1);
    check_given_back("[host]", "", DRAWN("60") SIX_VERSIONS, 2);
    check_given_back("[host]", "", DRAWN("380") VERSION("07"), 2);
    check_given_back("[region, host]", "", DRAWN("280") VERSION("03") VERSION("07"), 1);
    check_kind("[host]", "", DRAWN("555.5") VERSION("05") ", cap: 111");
}

/* ---- lines that need all memory ---- */

static int check_left_out(void *context, const struct mtr_charge *charge)
{
    struct mtr_str trace;
    assert_int_equal(mtr_charges_get_trace(context, charge->trace, &trace), 0);
    assert_non_null(find_in(trace, "\"price\":null"));
    return 0;
}

/* The least memory in which they are priced has no room to price them once more for their trace. */
static void a_trace_that_has_no_room_keeps_no_money(void **state)
{
    enum { HOURS = 700, COMPONENTS = 12 };
    char components[2048] = "";
    struct rating_world world;
    struct mtr_rater_result result = {.failed = 1};
    struct mtr_diagnostic diagnostic;
    char yaml[8192];
    (void)state;
    rating_open(&world, JANUARY_US);
    world.options.memory_bytes_max = LITTLE_BYTES / 4;
    rating_reopen(&world);
    for (unsigned i = 0; i < COMPONENTS; i++)
        snprintf(components + strlen(components), sizeof(components) - strlen(components), "{key: calls%u, meter: calls, scope: hour, per_unit: 1},", i);
    snprintf(yaml, sizeof(yaml),
             HEAD "tariffs: [{key: t, currency: EUR, versions: [{from: 2026-01-01, components: [%s]}]}]\n"
                  "subscriptions: [{key: s1, service: compute, customer: c, tariff: t, start: 2026-01-01}]\n",
             components);
    rating_apply(&world, yaml);
    for (unsigned i = 0; i < HOURS; i++) rating_use(&world, "s1", "calls", JANUARY_US + i * HOUR_US, "eu|h|", "1");
    rating_advance_to(&world, JANUARY_US + 30 * DAY_US);
    while (result.failed) {
        world.options.memory_bytes_max += world.options.memory_bytes_max / 16;
        rating_reopen(&world);
        rating_advance_to(&world, world.now_us + HOUR_US);
        assert_int_equal(mtr_rater_step(world.rater, world.catalog, world.now_us, &result, &diagnostic), 0);
    }
    uint64_t charges = result.charges;
    for (; !result.idle; charges += result.charges) result = rating_step(&world);
    assert_int_equal(charges, COMPONENTS);
    check_clean(&world, 0);
    rating_walk_charges(&world, check_left_out);
    rating_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_priced_together_is_told_in_ranges),
        cmocka_unit_test(every_kind_of_line_is_rated_in_ranges),
        cmocka_unit_test(a_trace_that_has_no_room_keeps_no_money),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
