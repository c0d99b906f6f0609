/*
 * Limits of an account where an earlier subscription is rated line range by line range: a later one does not close on a part of what that
 * comes to, but waits until it is rated.
 */
#include "meterd/rater/rater.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/two_raters.h"

enum { HOSTS = 90, HOSTS_OF_LATER = 3 };

static void open_account(struct rating_world *world, const char *price, const char *of_version)
{
    char yaml[4096];
    rating_open(world, JANUARY_US);
    world->options.memory_bytes_max = LITTLE_BYTES;
    rating_reopen(world);
    snprintf(yaml, sizeof(yaml),
             HEAD "tariffs: [{key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, group_by: [host], "
                  "per_unit: %s}]%s}]}]\n"
                  "subscriptions:\n"
                  "  - {key: s1, service: compute, customer: c, tariff: t, start: 2026-01-01, end: '2026-02-01'}\n"
                  "  - {key: s2, service: compute, customer: c, tariff: t, start: 2026-01-01, end: '2026-02-01'}\n",
             price, of_version);
    rating_apply(world, yaml);
}

static void use_hosts(struct rating_world *world, const char *subscription, unsigned count, int64_t time_us)
{
    char dimensions[32];
    for (unsigned i = 0; i < count; i++) {
        snprintf(dimensions, sizeof(dimensions), "eu|h%02u|", i);
        rating_use(world, subscription, "calls", time_us, dimensions, "1");
    }
}

struct told {
    unsigned finals[3], corrections[3]; /* by number of the subscription */
};

static int on_charge(void *context, const struct mtr_charge *charge)
{
    struct told *told = context;
    assert_true(charge->subscription < 3);
    told->finals[charge->subscription] += charge->status == MTR_CHARGE_FINAL;
    told->corrections[charge->subscription] += charge->status == MTR_CHARGE_CORRECTION;
    return 0;
}

static struct told told_by(struct rating_world *world)
{
    struct told told = {{0}, {0}};
    struct mtr_charges_txn *txn = NULL;
    assert_int_equal(mtr_charges_begin(world->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk(txn, 0, on_charge, &told), 0);
    mtr_charges_abort(txn);
    return told;
}

/* The later one closes behind all finals of the earlier one, and rightly. */
static void close_both(struct rating_world *world, struct random_source *random)
{
    bool was_between = false;
    for (unsigned steps = 0;; steps++) {
        assert_true(steps < 1000);
        const bool idle = rating_step(world).idle;
        const struct told told = told_by(world);
        if (told.finals[2] && told.finals[1] < HOSTS) fail_msg("it closes on %u of %u lines", told.finals[1], HOSTS);
        was_between = was_between || (told.finals[1] && told.finals[1] < HOSTS);
        if (idle) break;
        if (!random_below(random, 3)) rating_reopen(world);
    }
    assert_true(was_between);
}

static void check_account(const char *of_version)
{
    struct rating_world world;
    struct random_source random = {1};
    open_account(&world, "1", of_version);
    use_hosts(&world, "s1", HOSTS, JANUARY_US);
    use_hosts(&world, "s2", HOSTS_OF_LATER, JANUARY_US);
    rating_advance_to(&world, JANUARY_US + 2 * DAY_US);
    drain(&world, NULL); /* drafts */
    use_hosts(&world, "s1", HOSTS, JANUARY_US + 20 * DAY_US);
    use_hosts(&world, "s2", HOSTS_OF_LATER, JANUARY_US + 30 * DAY_US);
    rating_advance_to(&world, JANUARY_US + 40 * DAY_US);
    close_both(&world, &random);
    struct told told = told_by(&world);
    assert_int_equal(told.finals[1], HOSTS);
    if (told.finals[2] < HOSTS_OF_LATER) { /* a restart while it waited: it is looked at again */
        rating_advance_to(&world, world.now_us + DAY_US);
        drain(&world, NULL);
        told = told_by(&world);
    }
    assert_true(told.finals[2] >= HOSTS_OF_LATER);
    assert_int_equal(told.corrections[1] + told.corrections[2], 0);
    check_clean(&world, 0);
    rating_close(&world);
}

static void a_later_subscription_waits_for_the_earlier(void **state)
{
    (void)state;
    check_account(", account: {cap: 182}");
    check_account(", account: {cap: 31}");
    check_account(", account: {minimum: 199}");
    check_account(", cap: 175, account: {cap: 178, minimum: 177}");
}

/* Who cannot be priced keeps nobody. */
static void what_is_stuck_keeps_nobody(void **state)
{
    struct rating_world world;
    struct mtr_rater_result result = {.idle = false};
    struct mtr_diagnostic diagnostic;
    (void)state;
    open_account(&world, "1000", ", account: {minimum: 1990000}");
    use_hosts(&world, "s1", HOSTS, JANUARY_US);
    use_hosts(&world, "s2", HOSTS_OF_LATER, JANUARY_US);
    for (unsigned i = 0; i < 50; i++) rating_use(&world, "s1", "calls", JANUARY_US + i * HOUR_US, "eu|h77|", "10000000000000000");
    rating_advance_to(&world, JANUARY_US + 40 * DAY_US);
    while (!result.idle) assert_int_equal(mtr_rater_step(world.rater, world.catalog, world.now_us, &result, &diagnostic), 0);
    const struct told told = told_by(&world);
    assert_true(told.finals[1] < HOSTS);
    if (!told.finals[2]) fail_msg("%u and %u finals", told.finals[1], told.finals[2]);
    rating_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_subscription_waits_for_the_earlier),
        cmocka_unit_test(what_is_stuck_keeps_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
