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

/* Each range prices all lines, and tells its own. */
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

/* ---- lines that are priced together ---- */

enum { HOSTS_TOGETHER = 300 };

/* Of every other region the name begins with the name of the others. */
static void open_together(struct rating_world *world, const char *group_by, const char *of_component, const char *of_version)
{
    char yaml[4096], dimensions[32];
    rating_open(world, JANUARY_US);
    world->options.memory_bytes_max = LITTLE_BYTES;
    rating_reopen(world);
    snprintf(yaml, sizeof(yaml),
             HEAD "tariffs: [{key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, group_by: %s, "
                  "per_unit: 1%s}]%s}]}]\n"
                  "subscriptions: [{key: s1, service: compute, customer: c, tariff: t, start: 2026-01-01}]\n",
             group_by, of_component, of_version);
    rating_apply(world, yaml);
    for (unsigned i = 0; i < HOSTS_TOGETHER; i++) {
        snprintf(dimensions, sizeof(dimensions), "%s|h%u|", i % 2 ? "eu" : "eu west", i);
        rating_use(world, "s1", "calls", JANUARY_US, dimensions, "1");
    }
    rating_advance_to(world, JANUARY_US + DAY_US);
}

static void check_together(const char *group_by, const char *of_component, const char *of_version, const char *word)
{
    struct rating_world world;
    char said[128];
    struct mtr_rater_result result = {.idle = false};
    struct mtr_diagnostic diagnostic = {0};
    open_together(&world, group_by, of_component, of_version);
    rating_use(&world, "s1", "calls", JANUARY_US + 6 * DAY_US, "eu west|h0|", "-0.5"); /* in the last of the versions, where there are some */
    rating_advance_to(&world, JANUARY_US + 7 * DAY_US);
    while (!result.failed && !result.idle) /* sums may be made before it is seen that they do not tell enough */
        assert_int_equal(mtr_rater_step(world.rater, world.catalog, world.now_us, &result, &diagnostic), 0);
    assert_int_equal(result.failed, 1);
    snprintf(said, sizeof(said), "its lines are priced together (%s), and need more than", word);
    if (!strstr(diagnostic.text, said)) fail_msg("%s: %s", word, diagnostic.text);
    rating_close(&world);
}

#define DRAWN ", allowances: [{key: some, components: [calls], quantity: 1000}]"
#define VERSION(day) "}, {from: 2026-01-" day ", components: [{key: calls, meter: calls, group_by: [host], per_unit: 2}]"

static void what_is_priced_together_says_so(void **state)
{
    (void)state;
    check_together("[region, host]", ", cap: 5", "", "cap, over values with spaces or signs");
    check_together("[host]", ", cap: 5, line_minimum: 2", "", "cap beside line_minimum");
    check_together("[host]", ", line_minimum: 2", ", cap: 5", "cap beside line_minimum");
    check_together("[host]", "", DRAWN VERSION("02") VERSION("03") VERSION("04") VERSION("05"), "allowances and credits of units in many versions or days");
    check_together("[region, host]", "", DRAWN, "allowances and credits of units, over values with spaces or signs");
    check_together("[host]", "", DRAWN VERSION("02"), "allowances and credits of units, which are given back");
}

static int check_left_out(void *context, const struct mtr_charge *charge)
{
    struct mtr_str trace;
    assert_int_equal(mtr_charges_get_trace(context, charge->trace, &trace), 0);
    assert_non_null(find_in(trace, "\"price\":null"));
    return 0;
}

/* The least memory in which the lines are priced has no room to price them once more for their trace. */
static void a_trace_that_has_no_room_keeps_no_money(void **state)
{
    struct rating_world world;
    struct mtr_rater_result result = {.failed = 1};
    struct mtr_diagnostic diagnostic;
    (void)state;
    open_together(&world, "[host]", ", line_minimum: '0.5', cap: 100000", "");
    while (result.failed) {
        world.options.memory_bytes_max += world.options.memory_bytes_max / 16;
        rating_reopen(&world);
        rating_advance_to(&world, world.now_us + 2 * HOUR_US);
        assert_int_equal(mtr_rater_step(world.rater, world.catalog, world.now_us, &result, &diagnostic), 0);
    }
    uint64_t charges = result.charges;
    for (; !result.idle; charges += result.charges) result = rating_step(&world);
    assert_int_equal(charges, HOSTS_TOGETHER);
    check_clean(&world, 0);
    rating_walk_charges(&world, check_left_out);
    rating_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_priced_together_is_told_in_ranges),
        cmocka_unit_test(what_is_priced_together_says_so),
        cmocka_unit_test(a_trace_that_has_no_room_keeps_no_money),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
