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

#include "tests/support/random.h"
#include "tests/support/rating_use.h"

enum { CHARGES_MAX = 20000, LITTLE_BYTES = 192 << 10 };
static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

#define HEAD                                                                                                          \
    "vendors: [{key: acme}]\n"                                                                                        \
    "services: [{key: compute, vendor: acme}]\n"                                                                      \
    "meters:\n"                                                                                                       \
    "  - {key: calls, service: compute, event_type: call, value: n, group_by: [region, host]}\n"                      \
    "  - {key: peak, service: compute, event_type: call, value: n, aggregation: max, group_by: [host]}\n"             \
    "  - {key: users, service: compute, event_type: user, value: u, aggregation: unique, group_by: [host]}\n"         \
    "  - {key: disk, service: compute, event_type: disk, value: n, aggregation: time_weighted, group_by: [host]}\n"

/* Components whose lines may be priced apart, and beside them some without group_by, which may be bound by anything. */
static void write_version(struct random_source *random, const char *from, char *text, size_t size)
{
    static const char *const groups[] = {"[region, host]", "[host]", "[host, region]"};
    static const char *const sums[] = {"", ", minimum: '1000'", ", minimum: '5', minimum_prorate: second", ", commitment: {amount: '3', overage: '1.2'}",
                                       ", commitment: {amount: '300', prorate: second}", ", line_minimum: '0.5'"};
    static const char *const of_all[] = {"", "        minimum: '100'\n", "        commitment: {amount: '7', overage: '0.9'}\n",
                                         "        allowances: [{key: bonus, amount: '2.5', rollover: 1}]\n",
                                         "        allowances: [{key: some, amount: '4', components: [calls, disk]}]\n"};
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
             of_all[random_below(random, 5)]);
}

static void apply_catalog(struct rating_world *world, struct random_source *random, bool first)
{
    char yaml[8192], before[2048], after[2048] = "";
    write_version(random, "2026-01-01", before, sizeof(before));
    if (random_below(random, 2)) write_version(random, "'2026-01-03T07:30:00Z'", after, sizeof(after));
    snprintf(yaml, sizeof(yaml),
             "%stariffs:\n  - key: t\n    currency: EUR\n    rounding: {mode: half_even, place: %s}\n    versions:\n%s%s"
             "  - {key: cost, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, group_by: [host], per_unit: '0.002'%s}]}]}\n"
             "subscriptions:\n"
             "  - {key: s1, service: compute, customer: c, tariff: t, %sbilling: {every: week}, start: 2026-01-01}\n"
             "  - {key: s2, service: compute, customer: c, tariff: t, zone: Asia/Kolkata, start: 2026-01-01}\n",
             first ? HEAD : "", random_below(random, 3) ? "line" : "total", before, after, random_below(random, 2) ? "" : ", minimum: 3",
             random_below(random, 2) ? "cost_tariff: cost, " : "");
    rating_apply(world, yaml);
    if (first && random_below(random, 2)) rating_apply(world, "credits: [{key: topup, customer: c, amount: '30', currency: EUR, from: 2026-01-01}]\n");
}

static void use_at_random(struct rating_world *worlds, unsigned count, struct random_source *random, int64_t until_us)
{
    static const char *const meters[] = {"calls", "calls", "peak", "users", "disk"}, *const odd[] = {"a,b", "a=b", "a\\b", "", "a b", "ä"};
    const char *meter = meters[random_below(random, 5)], *key = random_below(random, 4) ? "s1" : "s2";
    const int64_t time_us = JANUARY_US + (int64_t)random_below(random, (uint64_t)(until_us - JANUARY_US));
    char host[16], dimensions[64], quantity[32];
    if (random_below(random, 8)) snprintf(host, sizeof(host), "h%u", (unsigned)random_below(random, 40));
    else snprintf(host, sizeof(host), "%s", odd[random_below(random, 6)]);
    if (meter == meters[0]) snprintf(dimensions, sizeof(dimensions), "%s|%s|", random_below(random, 3) ? "eu" : "us", host);
    else snprintf(dimensions, sizeof(dimensions), "%s|", host);
    if (strcmp(meter, "users") == 0) snprintf(quantity, sizeof(quantity), "u%u", (unsigned)random_below(random, 5));
    else snprintf(quantity, sizeof(quantity), "%s%u.5", random_below(random, 6) ? "" : "-", (unsigned)random_below(random, 20));
    for (unsigned i = 0; i < count; i++) rating_use(&worlds[i], key, meter, time_us, dimensions, quantity);
}

/* ---- what was charged ---- */

struct charged {
    char *bodies[CHARGES_MAX];
    unsigned count;
};

/* Bodies are in the store's pages: nothing ends them. */
static const char *find_in(struct mtr_str body, const char *word)
{
    return memmem(body.data, body.size, word, strlen(word));
}

/* The body without its number: lines come in another order. */
static int keep_body(void *context, const struct mtr_charge *charge)
{
    struct charged *charged = context;
    const char *id = find_in(charge->body, "\"id\":");
    assert_true(charged->count < CHARGES_MAX && id);
    const size_t size = (size_t)(charge->body.data + charge->body.size - id);
    char *copy = calloc(size + 1, 1); /* not by strndup, which may look for the end that a body has not */
    assert_non_null(copy);
    memcpy(copy, id, size);
    charged->bodies[charged->count++] = copy;
    return 0;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_charges(struct rating_world *world, struct charged *charged)
{
    struct mtr_charges_txn *txn = NULL;
    charged->count = 0;
    assert_int_equal(mtr_charges_begin(world->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk(txn, 0, keep_body, charged), 0);
    mtr_charges_abort(txn);
    qsort(charged->bodies, charged->count, sizeof(charged->bodies[0]), compare_texts);
}

static void compare_charges(struct rating_world *much, struct rating_world *little, uint64_t seed)
{
    static struct charged a, b;
    read_charges(much, &a);
    read_charges(little, &b);
    for (unsigned i = 0; i < a.count || i < b.count; i++)
        if (i >= a.count || i >= b.count || strcmp(a.bodies[i], b.bodies[i]) != 0)
            fail_msg("seed %llu: charge %u of %u and %u:\n%s\n%s", (unsigned long long)seed, i, a.count, b.count,
                     i < a.count ? a.bodies[i] : "none", i < b.count ? b.bodies[i] : "none");
    for (unsigned i = 0; i < a.count; i++) free(a.bodies[i]);
    for (unsigned i = 0; i < b.count; i++) free(b.bodies[i]);
}

static void check_clean(struct rating_world *world, uint64_t seed)
{
    const struct mtr_audit_counts counts = rating_audit(world);
    if (counts.findings || counts.pending)
        fail_msg("seed %llu: %llu findings, %llu pending", (unsigned long long)seed, (unsigned long long)counts.findings,
                 (unsigned long long)counts.pending);
}

/* ---- as with much memory ---- */

static uint32_t drain(struct rating_world *world, struct random_source *random)
{
    uint32_t steps = 1;
    for (; !rating_step(world).idle; steps++) {
        assert_true(steps < 10000);
        if (random && !random_below(random, 4)) rating_reopen(world);
    }
    return steps;
}

/* One with much memory, and one with so much. */
static void open_both(struct rating_world worlds[2], uint64_t bytes)
{
    for (unsigned i = 0; i < 2; i++) {
        rating_open(&worlds[i], JANUARY_US);
        if (i) worlds[i].options.memory_bytes_max = bytes;
        rating_reopen(&worlds[i]);
    }
}

/* What is due at that time, and hours later. */
static void rate_both(struct rating_world worlds[2], struct random_source *random, int64_t time_us, uint32_t steps[2])
{
    struct random_source again = *random;
    for (unsigned i = 0; i < 2; i++) {
        again = *random;
        rating_advance_to(&worlds[i], time_us);
        steps[i] += drain(&worlds[i], i ? &again : NULL);
        rating_advance_to(&worlds[i], time_us + 3 * HOUR_US);
        steps[i] += drain(&worlds[i], i ? &again : NULL);
    }
    *random = again;
}

static void run_seed(uint64_t seed)
{
    struct rating_world worlds[2];
    struct random_source random = {seed}, again;
    uint32_t steps[2] = {0};
    open_both(worlds, LITTLE_BYTES);
    for (unsigned i = 0; i < 2; i++) {
        again = random;
        apply_catalog(&worlds[i], &again, true);
    }
    random = again;
    for (int64_t days = 2; days <= 10; days += 2) {
        for (unsigned i = 0; i < 60; i++) use_at_random(worlds, 2, &random, JANUARY_US + days * DAY_US);
        const bool changes = !random_below(&random, 3);
        for (unsigned i = 0; i < 2; i++) {
            again = random;
            if (changes) apply_catalog(&worlds[i], &again, false);
        }
        random = again;
        rate_both(worlds, &random, JANUARY_US + days * DAY_US, steps);
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

static void use_of_many(struct rating_world *worlds, struct random_source *random, unsigned count, unsigned hosts)
{
    char dimensions[64], quantity[32];
    for (unsigned i = 0; i < count; i++) {
        const int64_t time_us = JANUARY_US + (int64_t)random_below(random, 45) * DAY_US;
        snprintf(dimensions, sizeof(dimensions), "eu|h%u|", (unsigned)random_below(random, hosts));
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
    snprintf(line, sizeof(line), "\"dimensions\":\"host=%s\"", key);
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
        use_of_many(worlds, &random, days == DAYS ? USES : 20, HOSTS); /* late, then */
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
    world.options.memory_bytes_max = LITTLE_BYTES;
    world.options.draft_every_us = 0;
    rating_reopen(&world);
    apply_catalog(&world, &random, true);
    for (int64_t hours = 12; hours <= 15 * 24; hours += 12) {
        for (unsigned i = 0; i < 15; i++) {
            use_at_random(&world, 1, &random, JANUARY_US + hours * HOUR_US);
            if (!random_below(&random, 12)) apply_catalog(&world, &random, false);
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
    for (uint64_t seed = 1; seed <= 5; seed++) run_busy_seed(seed);
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

/* ---- lines that are priced together ---- */

enum { HOSTS_TOGETHER = 300 };

static void open_together(struct rating_world *world, const char *of_component, const char *of_version)
{
    char yaml[4096], dimensions[32];
    rating_open(world, JANUARY_US);
    world->options.memory_bytes_max = LITTLE_BYTES;
    rating_reopen(world);
    snprintf(yaml, sizeof(yaml),
             HEAD "tariffs: [{key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, group_by: [host], "
                  "per_unit: 1%s}]%s}]}]\n"
                  "subscriptions: [{key: s1, service: compute, customer: c, tariff: t, start: 2026-01-01}]\n",
             of_component, of_version);
    rating_apply(world, yaml);
    for (unsigned i = 0; i < HOSTS_TOGETHER; i++) {
        snprintf(dimensions, sizeof(dimensions), "eu|h%u|", i);
        rating_use(world, "s1", "calls", JANUARY_US, dimensions, "1");
    }
    rating_advance_to(world, JANUARY_US + DAY_US);
}

static void check_together(const char *of_component, const char *of_version, const char *word)
{
    struct rating_world world;
    char said[128];
    struct mtr_rater_result result;
    struct mtr_diagnostic diagnostic = {0};
    open_together(&world, of_component, of_version);
    assert_int_equal(mtr_rater_step(world.rater, world.catalog, world.now_us, &result, &diagnostic), 0);
    assert_int_equal(result.failed, 1);
    snprintf(said, sizeof(said), "its lines are priced together (%s), and need more than", word);
    if (!strstr(diagnostic.text, said)) fail_msg("%s: %s", word, diagnostic.text);
    rating_close(&world);
}

static void what_is_priced_together_says_so(void **state)
{
    (void)state;
    check_together(", cap: 5", "", "cap");
    check_together("", ", cap: 5", "cap");
    check_together("", ", allowances: [{key: some, components: [calls], quantity: 10}]", "allowances and credits of units");
    check_together("", ", term: {every: year, commitment: {amount: 1200}}", "term");
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
    open_together(&world, ", cap: 100000", "");
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
        cmocka_unit_test(little_memory_charges_as_much_does),
        cmocka_unit_test(what_is_priced_together_is_told_in_ranges),
        cmocka_unit_test(what_comes_meanwhile_is_charged_behind_it),
        cmocka_unit_test(what_waits_in_the_middle_is_final_once),
        cmocka_unit_test(what_is_priced_together_says_so),
        cmocka_unit_test(a_trace_that_has_no_room_keeps_no_money),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
