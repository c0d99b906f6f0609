/*
 * A period of more lines than there is memory for is rated line range by line range: what is charged is, byte for byte, what much memory
 * gives, whatever is used, priced and taken back; crashes between the transactions change nothing. What comes while such a rating is under
 * way is charged behind it, and each line is final once.
 */
#include "meterd/rater/rater.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/two_raters.h"

/* Components whose lines may be priced apart, and beside them some without group_by, which may be bound by anything. */
static void write_version(struct random_source *random, bool has_account, const char *from, char *text, size_t size)
{
    static const char *const groups[] = {"[region, host]", "[host]", "[host, region]"};
    static const char *const sums[] = {"", ", minimum: '1000'", ", minimum: '5', minimum_prorate: second", ", commitment: {amount: '3', overage: '1.2'}",
                                       ", commitment: {amount: '300', prorate: second}", ", line_minimum: '0.5'"};
    static const char *const of_all[] = {"", "        minimum: '100'\n", "        commitment: {amount: '7', overage: '0.9'}\n",
                                         "        allowances: [{key: bonus, amount: '2.5', rollover: 1}]\n",
                                         "        allowances: [{key: some, amount: '4', components: [calls, disk]}]\n",
                                         "        term: {every: quarter, minimum: '700', cap: '900'}\n",
                                         "        term: {every: quarter, commitment: {amount: '60', overage: '1.3'}, components: [calls, users]}\n",
                                         "        account: {minimum: '170'}\n"};
    snprintf(text, size,
             "      - from: %s\n"
             "        reset: %s\n"
             "        components:\n"
             "          - {key: base, recurring: {amount: '9.99', prorate: second}}\n"
             "          - {key: calls, meter: calls, group_by: %s, graduated: [{up_to: 10, unit: '0.0%u'}, {unit: '0.003', flat: '1.5'}], free_units: %u%s}\n"
             "          - {key: peak, meter: peak, group_by: [host], package: {size: 7, price: '1.10'}}\n"
             "          - {key: all, meter: calls, per_unit: '0.1', cap: '20', minimum: '3'}\n"
             "          - {key: users, meter: users, group_by: [host], per_unit: '0.3', discount: {percent: 3}, line_minimum: 1%s}\n"
             "          - {key: disk, meter: disk, group_by: [host], per_unit: '0.00001', line_minimum: '0.%02u'}\n%s",
             from, random_below(random, 3) ? "false" : "true", groups[random_below(random, 3)], 1 + (unsigned)random_below(random, 9),
             (unsigned)random_below(random, 4), sums[random_below(random, 6)], sums[random_below(random, 5)], (unsigned)random_below(random, 90),
             of_all[random_below(random, has_account ? 8 : 7)]);
}

/* Caps, which cut the last lines and before them their minimums, under and over one another and beside what else is made of all lines. */
static void write_capped_version(struct random_source *random, bool has_account, const char *from, char *text, size_t size)
{
    static const char *const groups[] = {"[region, host]", "[host]", "[host, region]"};
    static const char *const of_lines[] = {"", ", cap: '2.50'", ", cap: '12', minimum: '11'", ", cap: '9', commitment: {amount: '4', overage: '1.2'}",
                                           ", commitment: {amount: '3', overage: '0.7', true_up: false}, cap: '33'", ", cap: '0'",
                                           ", line_minimum: '0.4', cap: '6.5'", ", line_minimum: '1.1'",
                                           ", line_minimum: '0.33', cap: '25', minimum: '7', commitment: {amount: '8', overage: '1.3', true_up: false}"};
    static const char *const of_all[] = {"", "        cap: '40'\n", "        cap: '17.5'\n        minimum: '17'\n",
                                         "        cap: '60'\n        commitment: {amount: '25', overage: '1.4'}\n",
                                         "        cap: '50'\n        allowances: [{key: bonus, amount: '12.5', rollover: 1}]\n",
                                         "        cap: '21'\n        term: {every: quarter, minimum: '70', cap: '90'}\n",
                                         "        cap: '45'\n        account: {cap: '55', minimum: '50'}\n", "        account: {cap: '30'}\n"};
    snprintf(text, size,
             "      - from: %s\n"
             "        reset: %s\n"
             "        components:\n"
             "          - {key: calls, meter: calls, group_by: %s, graduated: [{up_to: 10, unit: '0.0%u'}, {unit: '0.003', flat: '1.5'}], free_units: %u%s}\n"
             "          - {key: base, recurring: {amount: '9.99', prorate: second}}\n"
             "          - {key: peak, meter: peak, group_by: [host], package: {size: 7, price: '1.10'}%s}\n"
             "          - {key: all, meter: calls, per_unit: '0.1', cap: '20', minimum: '3'}\n"
             "          - {key: users, meter: users, group_by: [host], per_unit: '0.3', discount: {percent: 3.7}%s}\n"
             "          - {key: disk, meter: disk, group_by: [host], per_unit: '0.00001'%s}\n%s",
             from, random_below(random, 3) ? "false" : "true", groups[random_below(random, 3)], 1 + (unsigned)random_below(random, 9),
             (unsigned)random_below(random, 4), of_lines[random_below(random, 9)], of_lines[random_below(random, 9)], of_lines[random_below(random, 9)],
             of_lines[random_below(random, 9)], of_all[random_below(random, has_account ? 8 : 6)]);
}

/* Units that lines draw one after the other, of pools with and without a limit of components, under caps and without. */
static void write_drawing_version(struct random_source *random, bool has_account, const char *from, char *text, size_t size)
{
    static const char *const groups[] = {"[region, host]", "[host]", "[host, region]"};
    static const char *const of_lines[] = {"", ", cap: '2.50'", ", minimum: '11'"};
    static const char *const pools[] = {"{key: some, components: [calls], quantity: 37}", "{key: any, quantity: 90.25, components: [users, peak, all, calls]}",
                                        "{key: b, components: [calls, peak], quantity: 55, rollover: 1}, {key: a, components: [peak, all], quantity: 3.5}",
                                        "{key: money, amount: '3'}, {key: much, quantity: 100000, components: [peak, calls]}"};
    static const char *const of_all[] = {"", "        cap: '17'\n", "        minimum: '60'\n", "        term: {every: quarter, cap: '30'}\n"};
    (void)has_account;
    snprintf(text, size,
             "      - from: %s\n"
             "        reset: %s\n"
             "        allowances: [%s]\n"
             "        components:\n"
             "          - {key: calls, meter: calls, group_by: %s, graduated: [{up_to: 10, unit: '0.0%u'}, {unit: '0.003', flat: 2}], free_units: 1%s}\n"
             "          - {key: all, meter: calls, per_unit: '0.1'}\n"
             "          - {key: peak, meter: peak, group_by: [host], package: {size: 7, price: '1.10'}%s}\n"
             "          - {key: users, meter: users, group_by: [host], per_unit: '0.3', discount: {percent: 3.7}%s}\n%s",
             from, random_below(random, 3) ? "false" : "true", pools[random_below(random, 4)], groups[random_below(random, 3)],
             1 + (unsigned)random_below(random, 9), of_lines[random_below(random, 3)], of_lines[random_below(random, 3)],
             of_lines[random_below(random, 3)], of_all[random_below(random, 4)]);
}

/* What the worlds of a seed are about. */
typedef void (*version_writer)(struct random_source *random, bool has_account, const char *from, char *text, size_t size);
static version_writer writer_of(uint64_t seed)
{
    static const version_writer writers[] = {write_version, write_capped_version, write_drawing_version};
    return writers[seed % 3];
}

static bool has_account(uint64_t seed)
{
    return seed % 4 == 0;
}

/* So many parts of a billing period, by its versions or its days. */
static bool has_many_parts(uint64_t seed)
{
    struct random_source random = {seed * 7919};
    return random_below(&random, 3) == 0;
}

static uint64_t little_memory(uint64_t seed)
{
    return has_many_parts(seed) ? 12 * LITTLE_BYTES : LITTLE_BYTES;
}

static void write_later_versions(struct random_source *random, uint64_t seed, char *text, size_t size)
{
    static const char *const from[] = {"'2026-01-01T22:00:00Z'", "'2026-01-02T12:00:00Z'", "'2026-01-03T07:30:00Z'", "'2026-01-04T11:00:00Z'",
                                       "'2026-01-06T01:00:00Z'", "'2026-01-07T05:15:00Z'", "'2026-01-08T20:00:00Z'"};
    const bool has_one = random_below(random, 2);
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < 7; i++) {
        if (!has_many_parts(seed) && !(has_one && i == 2)) continue;
        writer_of(seed)(random, has_account(seed), from[i], text + used, size - used);
        used += strlen(text + used);
    }
}

/* The seed decides what stays: the currency, and whether the customer's subscriptions have one account. */
static void apply_catalog(struct rating_world *world, struct random_source *random, uint64_t seed, bool first)
{
    const bool exchanges = seed % 5 > 2 && !has_account(seed); /* accounts are of one currency */
    const char *currency = exchanges ? "currency: USD, " : "";
    char yaml[32768], before[2048], after[16384];
    const version_writer write = writer_of(seed);
    rating_rate(world, JANUARY_US, "USD", "1.6");
    rating_rate(world, JANUARY_US + 4 * DAY_US, "USD", "1.7");
    rating_rate(world, JANUARY_US + 5 * DAY_US, "USD", "1.5");
    write(random, has_account(seed), "2026-01-01", before, sizeof(before));
    write_later_versions(random, seed, after, sizeof(after));
    snprintf(yaml, sizeof(yaml),
             "%stariffs:\n  - key: t\n    currency: EUR\n%s    rounding: {mode: half_even, place: %s}\n    versions:\n%s%s"
             "  - {key: cost, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, group_by: [host], "
             "per_unit: '0.002'%s%s}]}]}\n"
             "subscriptions:\n"
             "  - {key: s1, service: compute, customer: c, tariff: t, %s%sbilling: {every: week}, start: 2026-01-01}\n"
             "  - {key: s2, service: compute, customer: c, tariff: t, %s%sstart: 2026-01-01}\n",
             first ? HEAD : "",
             !exchanges ? "" : has_many_parts(seed) ? "    exchange: {source: ecb, at: usage_day}\n" : "    exchange: {source: ecb, at: order}\n",
             random_below(random, 3) ? "line" : "total", before, after,
             random_below(random, 2) ? "" : ", minimum: 3", write == write_capped_version ? ", cap: '3.1'" : "",
             random_below(random, 2) && !exchanges ? "cost_tariff: cost, " : "", currency, currency,
             has_account(seed) ? "billing: {every: week}, " : "zone: Asia/Kolkata, ");
    rating_apply(world, yaml);
    if (first && random_below(random, 2) && write == write_drawing_version)
        rating_apply(world, "credits: [{key: prepaid, customer: c, quantity: 25, meter: calls, from: 2026-01-01}]\n");
    else if (first && random_below(random, 2)) rating_apply(world, "credits: [{key: topup, customer: c, amount: '30', currency: EUR, from: 2026-01-01}]\n");
}

static void use_at_random(struct rating_world *worlds, unsigned count, struct random_source *random, uint64_t seed, int64_t until_us)
{
    static const char *const meters[] = {"calls", "calls", "peak", "users", "disk"}, *const odd[] = {"a,b", "a=b", "a\\b", "", "a b", "h1 ", "h\t", "ä"};
    const char *meter = meters[random_below(random, 5)], *key = random_below(random, 4) ? "s1" : "s2";
    const int64_t time_us = JANUARY_US + (int64_t)random_below(random, (uint64_t)(until_us - JANUARY_US));
    char host[16], dimensions[64], quantity[32];
    static const char *const regions[] = {"eu", "eu", "us", "eu west", "eu,a", "e"};
    const bool is_plain = seed % 2; /* else values and texts stand in other orders */
    const bool gives_back = !random_below(random, 6);
    if (is_plain || random_below(random, 8)) snprintf(host, sizeof(host), "h%u", (unsigned)random_below(random, has_many_parts(seed) ? 400 : 40));
    else snprintf(host, sizeof(host), "%s", odd[random_below(random, 8)]);
    if (meter == meters[0]) snprintf(dimensions, sizeof(dimensions), "%s|%s|", regions[random_below(random, is_plain ? 3 : 6)], host);
    else snprintf(dimensions, sizeof(dimensions), "%s|", host);
    if (strcmp(meter, "users") == 0) snprintf(quantity, sizeof(quantity), "u%u", (unsigned)random_below(random, 5));
    else snprintf(quantity, sizeof(quantity), "%s%u.5", gives_back ? "-" : "", (unsigned)random_below(random, 20));
    for (unsigned i = 0; i < count; i++) rating_use(&worlds[i], key, meter, time_us, dimensions, quantity);
}

static void run_seed(uint64_t seed)
{
    struct rating_world worlds[2];
    struct random_source random = {seed}, again;
    uint32_t steps[2] = {0};
    open_both(worlds, little_memory(seed));
    for (unsigned i = 0; i < 2; i++) {
        again = random;
        apply_catalog(&worlds[i], &again, seed, true);
    }
    random = again;
    for (int64_t days = 2; days <= 10; days += 2) {
        for (unsigned i = 0; i < (has_many_parts(seed) ? 200 : 60); i++) use_at_random(worlds, 2, &random, seed, JANUARY_US + days * DAY_US);
        const bool changes = !random_below(&random, 3);
        for (unsigned i = 0; i < 2; i++) {
            again = random;
            if (changes) apply_catalog(&worlds[i], &again, seed, false);
        }
        random = again;
        rate_both(worlds, &random, JANUARY_US + days * DAY_US, steps);
        if (has_account(seed)) rate_both(worlds, &random, JANUARY_US + days * DAY_US + 6 * HOUR_US, steps); /* what it made of it */
        compare_charges(&worlds[0], &worlds[1], seed);
    }
    assert_true(steps[1] > steps[0]); /* it was rated in ranges */
    for (unsigned i = 0; i < 2; i++) {
        check_clean(&worlds[i], seed);
        rating_close(&worlds[i]);
    }
}

static void little_memory_charges_as_much_does(void **state)
{
    const char *text = getenv("METERD_SEEDS");
    uint64_t seeds = 10;
    (void)state;
    if (text && !mtr_str_to_u64(mtr_str_from(text), &seeds)) fail_msg("METERD_SEEDS is no number");
    for (uint64_t seed = 1; seed <= seeds; seed++) run_seed(seed);
}

/* ---- what comes meanwhile ---- */

/* Along a line: drafts, at most one final, corrections. */
static int check_order(void *context, const struct mtr_charge *charge)
{
    struct mtr_charge previous;
    if (!charge->previous) return 0;
    assert_int_equal(mtr_charges_get(context, charge->previous, &previous), 0);
    assert_true(previous.status <= charge->status);
    assert_false(charge->status == MTR_CHARGE_FINAL && previous.status == MTR_CHARGE_FINAL);
    return 0;
}

static void run_busy_seed(uint64_t seed)
{
    struct rating_world world;
    struct random_source random = {seed};
    rating_open(&world, JANUARY_US);
    world.options.memory_bytes_max = little_memory(seed);
    world.options.draft_every_us = 0;
    rating_reopen(&world);
    apply_catalog(&world, &random, seed, true);
    for (int64_t hours = 12; hours <= 15 * 24; hours += 12) {
        for (unsigned i = 0; i < 15; i++) {
            use_at_random(&world, 1, &random, seed, JANUARY_US + hours * HOUR_US);
            if (!random_below(&random, 12)) apply_catalog(&world, &random, seed, false);
            if (!random_below(&random, 8)) rating_reopen(&world);
            (void)rating_step(&world);
        }
        rating_advance_to(&world, JANUARY_US + hours * HOUR_US);
    }
    drain(&world, NULL);
    rating_advance_to(&world, JANUARY_US + 16 * DAY_US);
    drain(&world, NULL);
    check_clean(&world, seed);
    rating_walk_charges(&world, check_order);
    rating_close(&world);
}

static void what_comes_meanwhile_is_charged_behind_it(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) run_busy_seed(seed);
}

/* ---- a line that cannot be priced ---- */

struct finals {
    struct mtr_charges_txn *txn;
    unsigned lines, finals;
};

static int count_finals(void *context, const struct mtr_charge *charge)
{
    struct finals *finals = context;
    finals->lines += !charge->previous;
    finals->finals += charge->status == MTR_CHARGE_FINAL;
    return check_order(finals->txn, charge);
}

/* Its period waits while the lines before it are final, and those behind it are drafts that say the same: once it can be priced they are
 * final, too. */
static void what_waits_in_the_middle_is_final_once(void **state)
{
    enum { HOSTS = 60 };
    struct rating_world world;
    struct finals finals = {NULL, 0, 0};
    struct mtr_rater_result result = {.idle = false};
    struct mtr_diagnostic diagnostic;
    char dimensions[32];
    bool has_waited = false;
    (void)state;
    rating_open(&world, JANUARY_US);
    world.options.memory_bytes_max = LITTLE_BYTES;
    rating_reopen(&world);
    rating_apply(&world, HEAD "tariffs: [{key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, group_by: [host], "
                              "per_unit: 10000000}]}]}]\n"
                              "subscriptions: [{key: s1, service: compute, customer: c, tariff: t, start: 2026-01-01, end: 2026-02-01}]\n");
    for (unsigned i = 0; i < HOSTS; i++) {
        snprintf(dimensions, sizeof(dimensions), "eu|h%02u|", i);
        rating_use(&world, "s1", "calls", JANUARY_US, dimensions, "1");
    }
    rating_advance_to(&world, JANUARY_US + 20 * DAY_US);
    drain(&world, NULL);
    rating_use(&world, "s1", "calls", JANUARY_US + 30 * DAY_US, "eu|h30|", "9000000000000000");
    rating_advance_to(&world, JANUARY_US + 40 * DAY_US);
    while (!result.idle) {
        assert_int_equal(mtr_rater_step(world.rater, world.catalog, world.now_us, &result, &diagnostic), 0);
        has_waited = has_waited || result.failed;
    }
    assert_true(has_waited);
    rating_reopen(&world);
    rating_use(&world, "s1", "calls", JANUARY_US + 30 * DAY_US, "eu|h30|", "-9000000000000000");
    for (unsigned i = 1; i <= 3; i++) {
        rating_advance_to(&world, JANUARY_US + 40 * DAY_US + i * 2 * HOUR_US);
        drain(&world, NULL);
    }
    check_clean(&world, 0);
    assert_int_equal(mtr_charges_begin(world.charges, false, &finals.txn), 0);
    assert_int_equal(mtr_charges_walk(finals.txn, 0, count_finals, &finals), 0);
    mtr_charges_abort(finals.txn);
    assert_int_equal(finals.lines, HOSTS);
    assert_int_equal(finals.finals, HOSTS);
    rating_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(little_memory_charges_as_much_does),
        cmocka_unit_test(what_comes_meanwhile_is_charged_behind_it),
        cmocka_unit_test(what_waits_in_the_middle_is_final_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
