/*
 * Pools over billing periods: what a period leaves, what rolls over and what expires, credits that subscriptions share, late use that flows
 * forward; and the laws of pools after anything at all.
 */
#include "meterd/rater/rater.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/rating.h"

enum { HOUR_S = 3600, DAY_S = 86400, PERIODS_MAX = 5, SUBSCRIPTIONS_MAX = 3 };
static const int64_t STARTS_S[PERIODS_MAX + 1] = {1767225600, 1769904000, 1772323200, 1775001600, 1777593600, 1780272000}; /* January to June 2026 */

#define HEAD                                                                                   \
    "vendors: [{key: acme}]\n"                                                                 \
    "services: [{key: compute, vendor: acme}]\n"                                               \
    "meters:\n"                                                                                \
    "  - {key: calls, service: compute, event_type: call, aggregation: sum, value: n}\n"       \
    "  - {key: disk, service: compute, event_type: disk, aggregation: sum, value: n}\n"

#define TARIFF(allowances)                                                                     \
    "tariffs:\n"                                                                               \
    "  - key: standard\n"                                                                      \
    "    currency: EUR\n"                                                                      \
    "    versions:\n"                                                                          \
    "      - from: 2026-01-01\n"                                                               \
    "        components: [{key: calls, meter: calls, per_unit: 1}, {key: disk, meter: disk, per_unit: 2}]\n" allowances

#define SUBSCRIPTION(key) "  - {key: " key ", service: compute, customer: c1, tariff: standard, start: 2026-01-01}\n"

/* "component dimensions kind quantity amount" of a period's lines with something in them, sorted. */
struct lines {
    char items[32][512];
    size_t count;
};

static int on_line(void *context, const struct mtr_charge_line *line)
{
    struct lines *lines = context;
    char amount[MTR_DECIMAL_TEXT_BYTES], quantity[MTR_DECIMAL_TEXT_BYTES];
    if (!line->emitted.e18 && !line->quantity.e12) return 0;
    mtr_money_format(line->emitted, amount);
    mtr_quantity_format(line->quantity, quantity);
    assert_true(lines->count < sizeof(lines->items) / sizeof(lines->items[0]));
    snprintf(lines->items[lines->count++], sizeof(lines->items[0]), "%.*s%s%.*s %.*s %s %s", MTR_STR_ARGS(line->component),
             line->dimensions.size ? " " : "", MTR_STR_ARGS(line->dimensions), MTR_STR_ARGS(line->kind), quantity, amount);
    return 0;
}

static int compare_items(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void expect_lines(struct rating_world *stage, uint32_t subscription, int period, const char *expected)
{
    struct lines lines = {0};
    struct mtr_charges_txn *txn = NULL;
    char got[4096] = "";
    size_t size = 0;
    assert_int_equal(mtr_charges_begin(stage->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk_lines(txn, subscription, STARTS_S[period], on_line, &lines), 0);
    mtr_charges_abort(txn);
    qsort(lines.items, lines.count, sizeof(lines.items[0]), compare_items);
    for (size_t i = 0; i < lines.count; i++) size += (size_t)snprintf(got + size, sizeof(got) - size, "%s%s", i ? "; " : "", lines.items[i]);
    assert_string_equal(got, expected);
}

static void settle(struct rating_world *stage, int64_t now_s)
{
    /* a period that was rated before the one that it goes on from waits for draft_every: a step forward each time */
    for (int i = 0; i < SUBSCRIPTIONS_MAX * PERIODS_MAX; i++) {
        rating_advance_to(stage, now_s + i * HOUR_S);
        rating_drain(stage);
        struct mtr_audit_counts counts = rating_audit(stage);
        assert_int_equal(counts.findings, 0);
        if (!counts.pending) return;
    }
    fail_msg("corrections do not come to an end");
}

static void what_is_left_rolls_over_and_expires(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, STARTS_S[0]);
    rating_apply(&stage, HEAD TARIFF("        allowances: [{key: included, components: [calls], quantity: 100, rollover: 1}]\n")
                         "subscriptions:\n" SUBSCRIPTION("s1"));
    rating_use(&stage, "s1", "calls", STARTS_S[0], "", "30", 1);
    rating_use(&stage, "s1", "calls", STARTS_S[1], "", "120", 1);
    rating_use(&stage, "s1", "calls", STARTS_S[2], "", "190", 1);
    settle(&stage, STARTS_S[3] + DAY_S);
    expect_lines(&stage, 1, 0, "calls usage 30 0; included grant=2026-01-01 draw 30 0");
    expect_lines(&stage, 1, 1, "calls usage 120 0; included grant=2026-01-01 draw 70 0; included grant=2026-02-01 draw 50 0");
    expect_lines(&stage, 1, 2, "calls usage 190 40; included grant=2026-02-01 draw 50 0; included grant=2026-03-01 draw 100 0");
    /* forty of January came late: February has less to take over, and leaves less to March */
    rating_use(&stage, "s1", "calls", STARTS_S[0] + DAY_S, "", "40", 1);
    settle(&stage, STARTS_S[3] + 5 * DAY_S);
    expect_lines(&stage, 1, 0, "calls usage 30 0; included grant=2026-01-01 draw 70 0");
    expect_lines(&stage, 1, 1, "calls usage 120 0; included grant=2026-01-01 draw 30 0; included grant=2026-02-01 draw 90 0");
    expect_lines(&stage, 1, 2, "calls usage 190 80; included grant=2026-02-01 draw 10 0; included grant=2026-03-01 draw 100 0");
    /* all of January is taken back: its hundred go to February as far as they are needed there, the rest expires */
    rating_use(&stage, "s1", "calls", STARTS_S[0] + DAY_S, "", "-40", -1);
    rating_use(&stage, "s1", "calls", STARTS_S[0], "", "-30", -1);
    settle(&stage, STARTS_S[3] + 9 * DAY_S);
    expect_lines(&stage, 1, 0, "calls usage 30 0"); /* an amount that stays tells no other quantity */
    expect_lines(&stage, 1, 1, "calls usage 120 0; included grant=2026-01-01 draw 100 0; included grant=2026-02-01 draw 20 0");
    expect_lines(&stage, 1, 2, "calls usage 190 10; included grant=2026-02-01 draw 80 0; included grant=2026-03-01 draw 100 0");
    rating_close(&stage);
}

static void a_prepaid_credit_is_shared_by_a_customer(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, STARTS_S[0]);
    rating_apply(&stage, HEAD TARIFF("") "subscriptions:\n" SUBSCRIPTION("s1") SUBSCRIPTION("s2")
                         "credits: [{key: topup, customer: c1, amount: 100, currency: EUR, from: 2026-01-01, expires: 2026-03-01}]\n");
    rating_use(&stage, "s2", "calls", STARTS_S[0], "", "50", 1);
    rating_use(&stage, "s1", "calls", STARTS_S[1], "", "70", 1);
    rating_use(&stage, "s2", "calls", STARTS_S[1], "", "9", 1);
    rating_use(&stage, "s1", "calls", STARTS_S[2], "", "5", 1);
    settle(&stage, STARTS_S[3] + DAY_S);
    expect_lines(&stage, 2, 0, "calls usage 50 50; topup credit=2026-01-01 credit 1 -50");
    expect_lines(&stage, 1, 1, "calls usage 70 70; topup credit=2026-01-01 credit 1 -50");
    expect_lines(&stage, 2, 1, "calls usage 9 9");
    expect_lines(&stage, 1, 2, "calls usage 5 5"); /* expired */
    /* late use of the first subscription in January comes before all of these */
    rating_use(&stage, "s1", "calls", STARTS_S[0], "", "30", 1);
    settle(&stage, STARTS_S[3] + 5 * DAY_S);
    expect_lines(&stage, 1, 0, "calls usage 30 30; topup credit=2026-01-01 credit 1 -30");
    expect_lines(&stage, 1, 1, "calls usage 70 70; topup credit=2026-01-01 credit 1 -20");
    expect_lines(&stage, 2, 1, "calls usage 9 9");
    /* a larger credit reaches everybody; a later expiry, March */
    rating_apply(&stage, "credits: [{key: topup, customer: c1, amount: 162, currency: EUR, from: 2026-01-01, expires: 2026-04-01}]\n");
    settle(&stage, STARTS_S[3] + 9 * DAY_S);
    expect_lines(&stage, 1, 1, "calls usage 70 70; topup credit=2026-01-01 credit 1 -70");
    expect_lines(&stage, 2, 1, "calls usage 9 9; topup credit=2026-01-01 credit 1 -9");
    expect_lines(&stage, 1, 2, "calls usage 5 5; topup credit=2026-01-01 credit 1 -3");
    /* and a smaller one is taken back from the last */
    rating_apply(&stage, "credits: [{key: topup, customer: c1, amount: 60, currency: EUR, from: 2026-01-01, expires: 2026-04-01}]\n");
    settle(&stage, STARTS_S[3] + 13 * DAY_S);
    expect_lines(&stage, 1, 0, "calls usage 30 30; topup credit=2026-01-01 credit 1 -30");
    expect_lines(&stage, 2, 0, "calls usage 50 50; topup credit=2026-01-01 credit 1 -30");
    expect_lines(&stage, 1, 1, "calls usage 70 70");
    rating_close(&stage);
}

static void units_of_a_subscription_are_drawn_by_priority(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, STARTS_S[0]);
    rating_apply(&stage, HEAD TARIFF("        allowances: [{key: included, components: [calls], quantity: 10}, {key: bonus, amount: 3}]\n")
                         "subscriptions:\n" SUBSCRIPTION("s1")
                         "credits: [{key: pack, subscription: s1, quantity: 25, meter: calls, from: 2026-01-15, priority: 50}]\n");
    rating_use(&stage, "s1", "calls", STARTS_S[0], "", "20", 1);
    rating_use(&stage, "s1", "disk", STARTS_S[0], "", "1", 1);
    rating_use(&stage, "s1", "calls", STARTS_S[1], "", "20", 1);
    settle(&stage, STARTS_S[2] + DAY_S);
    expect_lines(&stage, 1, 0, "bonus grant=2026-01-01 credit 1 -2; calls usage 20 0; disk usage 1 2; pack credit=2026-01-15 draw 20 0");
    expect_lines(&stage, 1, 1, "bonus grant=2026-02-01 credit 1 -3; calls usage 20 5; included grant=2026-02-01 draw 10 0; "
                               "pack credit=2026-01-15 draw 5 0");
    rating_close(&stage);
}

static void a_version_inside_a_period_goes_on_with_the_pool(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, STARTS_S[0]);
    rating_apply(&stage, HEAD TARIFF("        allowances: [{key: included, components: [calls], quantity: 100}]\n")
                         "      - from: 2026-01-16\n"
                         "        components: [{key: calls, meter: calls, per_unit: 3}]\n"
                         "        allowances: [{key: included, components: [calls], quantity: 500}]\n"
                         "subscriptions:\n" SUBSCRIPTION("s1"));
    rating_use(&stage, "s1", "calls", STARTS_S[0], "", "60", 1);
    rating_use(&stage, "s1", "calls", STARTS_S[0] + 20 * DAY_S, "", "60", 1);
    rating_use(&stage, "s1", "calls", STARTS_S[1], "", "60", 1);
    settle(&stage, STARTS_S[2] + DAY_S);
    expect_lines(&stage, 1, 0, "calls usage 60 0; calls usage 60 60; included grant=2026-01-01 draw 40 0; included grant=2026-01-01 draw 60 0");
    expect_lines(&stage, 1, 1, "calls usage 60 0; included grant=2026-02-01 draw 60 0"); /* of five hundred */
    rating_close(&stage);
}

/* ---- after anything ---- */

struct world {
    struct rating_world stage;
    uint64_t state;
    int64_t use[SUBSCRIPTIONS_MAX][PERIODS_MAX];
    int64_t granted, credit; /* a month's units, of each subscription; shared money */
    int rollover;
};

static uint64_t next_random(struct world *world)
{
    world->state = world->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return world->state >> 33;
}

static void apply_catalog(struct world *world)
{
    static const char format[] = HEAD TARIFF("        allowances: [{key: included, components: [calls], quantity: %lld, rollover: %d}]\n")
        "subscriptions:\n" SUBSCRIPTION("s1") SUBSCRIPTION("s2") SUBSCRIPTION("s3")
        "credits: [{key: topup, customer: c1, amount: %lld, currency: EUR, from: 2026-01-01}]\n";
    char yaml[sizeof(format) + 64];
    snprintf(yaml, sizeof(yaml), format, (long long)world->granted, world->rollover, (long long)world->credit);
    rating_apply(&world->stage, yaml);
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int sum_line(void *context, const struct mtr_charge_line *line)
{
    int64_t *sums = context;
    if (mtr_str_equal(line->kind, MTR_STR("draw"))) sums[0] += (int64_t)(line->quantity.e12 / 1000000000000);
    else if (mtr_str_equal(line->kind, MTR_STR("credit"))) sums[1] -= (int64_t)(line->emitted.e18 / 1000000000000000000);
    else sums[2] += (int64_t)(line->emitted.e18 / 1000000000000000000);
    return 0;
}

/* The pools as they have to be, by hand: units by month and subscription, oldest grant first, then money in the order of (month, subscription). */
static void check_world(struct world *world)
{
    int64_t left[SUBSCRIPTIONS_MAX][PERIODS_MAX] = {{0}}, money = world->credit;
    struct mtr_charges_txn *txn = NULL;
    assert_int_equal(mtr_charges_begin(world->stage.charges, false, &txn), 0);
    for (int period = 0; period < PERIODS_MAX; period++) {
        for (int subscription = 0; subscription < SUBSCRIPTIONS_MAX; subscription++) {
            int64_t rest = world->use[subscription][period], drawn = 0, got[3] = {0};
            left[subscription][period] = world->granted;
            for (int grant = period > world->rollover ? period - world->rollover : 0; grant <= period; grant++) {
                const int64_t taken = lesser(rest, left[subscription][grant]);
                left[subscription][grant] -= taken;
                rest -= taken;
                drawn += taken;
            }
            const int64_t paid = lesser(rest, money);
            money -= paid;
            assert_int_equal(mtr_charges_walk_lines(txn, (uint32_t)subscription + 1, STARTS_S[period], sum_line, got), 0);
            if (got[0] != drawn || got[1] != paid || got[2] != rest)
                fail_msg("subscription %d, month %d: drew %lld, paid %lld of %lld; expected %lld, %lld, %lld", subscription + 1, period + 1,
                         (long long)got[0], (long long)got[1], (long long)got[2], (long long)drawn, (long long)paid, (long long)rest);
        }
    }
    mtr_charges_abort(txn);
}

static void use_something(struct world *world, int months)
{
    static const char *const keys[SUBSCRIPTIONS_MAX] = {"s1", "s2", "s3"};
    const int subscription = (int)(next_random(world) % SUBSCRIPTIONS_MAX), period = (int)(next_random(world) % (uint64_t)months);
    int64_t *use = &world->use[subscription][period];
    int64_t more = (int64_t)(next_random(world) % 80) - 25;
    char text[32];
    if (*use + more < 0) more = -*use;
    *use += more;
    snprintf(text, sizeof(text), "%lld", (long long)more);
    rating_use(&world->stage, keys[subscription], "calls", STARTS_S[period] + (int64_t)(next_random(world) % 27) * DAY_S, "", text, 1);
}

static void run_seed(uint64_t seed)
{
    struct world world = {.state = seed, .granted = 40, .credit = 150, .rollover = (int)(seed % 3)};
    rating_open(&world.stage, STARTS_S[0]);
    world.stage.options.step_ratings_max = 1 + (uint32_t)(seed % 4); /* chains are cut by steps */
    rating_reopen(&world.stage);
    apply_catalog(&world);
    for (int month = 0; month < PERIODS_MAX; month++) {
        for (int day = 1; day <= 25; day += 8) {
            for (uint64_t i = next_random(&world) % 4; i > 0; i--) use_something(&world, month + 1);
            rating_advance_to(&world.stage, STARTS_S[month] + day * DAY_S);
            for (uint64_t i = next_random(&world) % 6; i > 0; i--) rating_step(&world.stage);
        }
        if (next_random(&world) % 3 == 0) {
            world.credit = 60 + (int64_t)(next_random(&world) % 200);
            world.granted = 10 + (int64_t)(next_random(&world) % 60);
            apply_catalog(&world);
        }
        if (next_random(&world) % 4 == 0) rating_reopen(&world.stage);
    }
    settle(&world.stage, STARTS_S[PERIODS_MAX] + DAY_S);
    check_world(&world);
    for (int i = 0; i < 5; i++) use_something(&world, PERIODS_MAX);
    settle(&world.stage, STARTS_S[PERIODS_MAX] + 10 * DAY_S);
    check_world(&world);
    rating_close(&world.stage);
}

static void pools_hold_after_anything(void **state)
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_rolls_over_and_expires),
        cmocka_unit_test(a_prepaid_credit_is_shared_by_a_customer),
        cmocka_unit_test(units_of_a_subscription_are_drawn_by_priority),
        cmocka_unit_test(a_version_inside_a_period_goes_on_with_the_pool),
        cmocka_unit_test(pools_hold_after_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
