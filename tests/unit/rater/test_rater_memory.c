/*
 * Each allocation of a rater's step, refused once: the step says so and stores nothing, and the next one does the
 * work. No period waits for it, and nothing is charged twice or left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/rating_use.h"
#include "tests/support/memory/refused_memory.h"

static const int64_t DAY_US = MTR_US_PER_DAY;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

static const char catalog[] =
    "vendors: [{key: acme}]\n"
    "services: [{key: svc, vendor: acme}]\n"
    "meters:\n"
    "  - {key: use, service: svc, event_type: use, value: amount, group_by: [region]}\n"
    "  - {key: calls, service: svc, event_type: call, aggregation: count}\n"
    "tariffs:\n"
    "  - key: t\n"
    "    currency: EUR\n"
    "    versions:\n"
    "      - from: 2020-01-01\n"
    "        calendar: {night: {hours: '22:00-06:00'}}\n"
    "        components:\n"
    "          - {key: use, meter: use, group_by: [region], graduated: [{up_to: 10, unit: '1'}, {unit: '0.5'}]}\n"
    "          - {key: night, meter: calls, when: night, per_unit: '0.1'}\n"
    "          - {key: base, recurring: {amount: '20'}}\n"
    "        allowances: [{key: pool, components: [use], quantity: 5, rollover: 1}]\n"
    "        minimum: '10'\n"
    "        cap: '100000'\n"
    "subscriptions:\n"
    "  - {key: s1, service: svc, customer: c1, tariff: t, start: 2026-01-01}\n"
    "  - {key: s2, service: svc, customer: c1, tariff: t, start: 2026-01-01, billing: {every: day}}\n"
    "credits: [{key: top, customer: c1, amount: 30, currency: EUR, from: 2026-01-01}]\n";

static void no_period_waits(struct rating_world *world)
{
    struct mtr_charges_txn *txn = NULL;
    uint64_t counts[MTR_WAITING_REASON_COUNT];
    assert_int_equal(mtr_charges_begin(world->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_count_waiting(txn, counts), 0);
    mtr_charges_abort(txn);
    for (int reason = 0; reason < MTR_WAITING_REASON_COUNT; reason++) assert_int_equal(counts[reason], 0);
}

/* False: the step asked for less. */
static bool step_without(struct rating_world *world, uint64_t number)
{
    struct mtr_rater_result result;
    struct mtr_diagnostic diagnostic = {0};
    memory_refuse(number);
    int rc = mtr_rater_step(world->rater, world->catalog, world->now_us, &result, &diagnostic);
    const bool was_refused = memory_allow();
    assert_true(rc == MTR_OK || (rc == MTR_ENOMEM && was_refused));
    return was_refused;
}

/* Time goes on from the third day to February, so that drafts, finals and corrections are made, with an allocation of each step refused. */
static void test_each_allocation(void **state)
{
    (void)state;
    struct rating_world world;
    int64_t hours = 0;
    rating_open(&world, JANUARY_US + 3 * DAY_US);
    world.options.draft_every_us = 0;
    rating_reopen(&world);
    rating_apply(&world, catalog);
    for (uint64_t number = 1, beyond = 0; number < 40 || beyond < 3; number++, hours = (hours + 5) % (30 * 24)) {
        const int64_t time_us = JANUARY_US + hours * MTR_US_PER_HOUR;
        rating_use(&world, "s1", "use", time_us, hours % 2 ? "eu|" : "us|", "1");
        rating_use(&world, "s2", hours % 3 ? "calls" : "use", time_us, hours % 3 ? "" : "eu|", "1");
        rating_advance_to(&world, world.now_us + 8 * MTR_US_PER_HOUR);
        beyond = step_without(&world, number) ? 0 : beyond + 1;
        no_period_waits(&world);
    }
    rating_drain(&world);
    no_period_waits(&world);
    const struct mtr_audit_counts counts = rating_audit(&world);
    assert_int_equal(counts.findings, 0);
    assert_in_range(counts.lines, 10, 100000);
    rating_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

