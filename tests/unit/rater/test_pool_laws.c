/*
 * The laws of pools after anything at all: what each period draws of a month's units and of a shared credit
 * is what a model by hand says, whatever came late. The stories of tests/golden/rating tell it by examples.
 */
#include "meterd/rater/rater.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/random.h"
#include "tests/support/rating_use.h"

enum { PERIODS_MAX = 5, SUBSCRIPTIONS_MAX = 3 };
static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
/* January to June 2026 */
static const int64_t STARTS_US[PERIODS_MAX + 1] = {1767225600000000, 1769904000000000, 1772323200000000,
                                                   1775001600000000, 1777593600000000, 1780272000000000};

#define HEAD                                                                                                 \
    "vendors: [{key: acme}]\n"                                                                               \
    "services: [{key: compute, vendor: acme}]\n"                                                             \
    "meters:\n"                                                                                              \
    "  - {key: calls, service: compute, event_type: call, aggregation: sum, value: n}\n"                     \
    "  - {key: disk, service: compute, event_type: disk, aggregation: sum, value: n}\n"

#define TARIFF                                                                                               \
    "tariffs:\n"                                                                                             \
    "  - key: standard\n"                                                                                    \
    "    currency: EUR\n"                                                                                    \
    "    versions:\n"                                                                                        \
    "      - from: 2026-01-01\n"                                                                             \
    "        components: [{key: calls, meter: calls, per_unit: 1}]\n"

#define SUBSCRIPTION(key)                                                                                    \
    "  - {key: " key ", service: compute, customer: c1, tariff: standard, start: 2026-01-01}\n"

static void settle(struct rating_world *world, int64_t now_us)
{
    /* a period rated before the one that it goes on from waits for draft_every: a step forward each time */
    for (int i = 0; i < SUBSCRIPTIONS_MAX * PERIODS_MAX; i++) {
        rating_advance_to(world, now_us + i * HOUR_US);
        rating_drain(world);
        struct mtr_audit_counts counts = rating_audit(world);
        assert_int_equal(counts.findings, 0);
        if (!counts.pending) return;
    }
    fail_msg("corrections do not come to an end");
}

struct model {
    struct rating_world world;
    struct random_source random;
    int64_t use[SUBSCRIPTIONS_MAX][PERIODS_MAX];
    int64_t granted, credit; /* a month's units, of each subscription; shared money */
    int rollover;
};

static void apply_catalog(struct model *model)
{
    static const char format[] = HEAD TARIFF
        "        allowances: [{key: included, components: [calls], quantity: %lld, rollover: %d}]\n"
        "subscriptions:\n" SUBSCRIPTION("s1") SUBSCRIPTION("s2") SUBSCRIPTION("s3")
        "credits: [{key: topup, customer: c1, amount: %lld, currency: EUR, from: 2026-01-01}]\n";
    char yaml[sizeof(format) + 64];
    snprintf(yaml, sizeof(yaml), format, (long long)model->granted, model->rollover,
             (long long)model->credit);
    rating_apply(&model->world, yaml);
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int sum_line(void *context, const struct mtr_charge_line *line)
{
    int64_t *sums = context;
    if (mtr_str_equal(line->kind, MTR_STR("draw"))) sums[0] += (int64_t)(line->quantity.e12 / 1000000000000);
    else if (mtr_str_equal(line->kind, MTR_STR("credit")))
        sums[1] -= (int64_t)(line->emitted.e18 / 1000000000000000000);
    else sums[2] += (int64_t)(line->emitted.e18 / 1000000000000000000);
    return 0;
}

/* The pools as they have to be, by hand: units by month and subscription, oldest grant first, then money in
 * the order of (month, subscription). */
static void check_model(struct model *model)
{
    int64_t left[SUBSCRIPTIONS_MAX][PERIODS_MAX] = {{0}}, money = model->credit;
    struct mtr_charges_txn *txn = NULL;
    assert_int_equal(mtr_charges_begin(model->world.charges, false, &txn), 0);
    for (int period = 0; period < PERIODS_MAX; period++) {
        for (int subscription = 0; subscription < SUBSCRIPTIONS_MAX; subscription++) {
            int64_t rest = model->use[subscription][period], drawn = 0, got[3] = {0};
            left[subscription][period] = model->granted;
            for (int grant = period > model->rollover ? period - model->rollover : 0; grant <= period;
                 grant++) {
                const int64_t taken = lesser(rest, left[subscription][grant]);
                left[subscription][grant] -= taken;
                rest -= taken;
                drawn += taken;
            }
            const int64_t paid = lesser(rest, money);
            money -= paid;
            assert_int_equal(
                mtr_charges_walk_lines(txn, (uint32_t)subscription + 1, STARTS_US[period], sum_line, got), 0);
            if (got[0] != drawn || got[1] != paid || got[2] != rest)
                fail_msg("subscription %d, month %d: drew %lld, paid %lld of %lld; expected %lld, %lld, %lld",
                         subscription + 1, period + 1, (long long)got[0], (long long)got[1],
                         (long long)got[2], (long long)drawn, (long long)paid, (long long)rest);
        }
    }
    mtr_charges_abort(txn);
}

static void use_something(struct model *model, int months)
{
    static const char *const keys[SUBSCRIPTIONS_MAX] = {"s1", "s2", "s3"};
    const int subscription = (int)(random_below(&model->random, SUBSCRIPTIONS_MAX)),
              period = (int)(random_below(&model->random, (uint64_t)months));
    int64_t *use = &model->use[subscription][period];
    int64_t more = (int64_t)(random_below(&model->random, 80)) - 25;
    char text[32];
    if (*use + more < 0) more = -*use;
    *use += more;
    snprintf(text, sizeof(text), "%lld", (long long)more);
    rating_use(&model->world, keys[subscription], "calls",
               STARTS_US[period] + (int64_t)(random_below(&model->random, 27)) * DAY_US, "", text);
}

static void run_seed(uint64_t seed)
{
    struct model model = {.random = {seed}, .granted = 40, .credit = 150, .rollover = (int)(seed % 3)};
    rating_open(&model.world, STARTS_US[0]);
    model.world.options.step_ratings_max = 1 + (uint32_t)(seed % 4); /* chains are cut by steps */
    rating_reopen(&model.world);
    apply_catalog(&model);
    for (int month = 0; month < PERIODS_MAX; month++) {
        for (int day = 1; day <= 25; day += 8) {
            for (uint64_t i = random_below(&model.random, 4); i > 0; i--) use_something(&model, month + 1);
            rating_advance_to(&model.world, STARTS_US[month] + day * DAY_US);
            for (uint64_t i = random_below(&model.random, 6); i > 0; i--) rating_step(&model.world);
        }
        if (random_below(&model.random, 3) == 0) {
            model.credit = 60 + (int64_t)(random_below(&model.random, 200));
            model.granted = 10 + (int64_t)(random_below(&model.random, 60));
            apply_catalog(&model);
        }
        if (random_below(&model.random, 4) == 0) rating_reopen(&model.world);
    }
    settle(&model.world, STARTS_US[PERIODS_MAX] + DAY_US);
    check_model(&model);
    for (int i = 0; i < 5; i++) use_something(&model, PERIODS_MAX);
    settle(&model.world, STARTS_US[PERIODS_MAX] + 10 * DAY_US);
    check_model(&model);
    rating_close(&model.world);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(pools_hold_after_anything)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
