/*
 * Trusted time: what is believed of a wall clock, and that what follows from it comes neither too early nor not at
 * all, whatever the wall clock says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include "support/clock/machine.h"
#include "support/random.h"

#define FORGET (35 * DAY)
#define T0 (20000 * DAY)

enum { SEEDS = 400, LOOKS = 600 };

static struct machine begin(void)
{
    return machine_begin(T0, FORGET);
}

static void is_all(const struct machine *machine, int64_t time_us)
{
    const struct mtr_trusted_time *time = &machine->clock.time;
    assert_int_equal(time->state, MTR_CLOCK_BELIEVED);
    assert_int_equal(time->now_us - time_us, 0);
    assert_int_equal(time->earliest_us - time_us, 0);
    assert_int_equal(time->latest_us - time_us, 0);
}

static void is_the_wall_clock_while_that_is_right(void **state)
{
    (void)state;
    struct machine machine = begin();
    is_all(&machine, T0);
    for (int i = 0; i < 400; i++) {
        machine_go_on(&machine, i % 7 * HOUR + SECOND);
        is_all(&machine, machine.true_us);
    }
    assert_int_equal(machine.clock.time.forget_us, machine.true_us);
}

static void a_jump_ahead_moves_nothing_and_heals_when_it_is_over(void **state)
{
    (void)state;
    struct machine machine = begin();
    for (int i = 0; i < 3; i++) {
        machine.wrong_us = (int64_t[]){STEP + SECOND, 36 * DAY, 366 * DAY}[i];
        const struct mtr_trusted_time time = machine_go_on(&machine, 3 * SECOND);
        assert_int_equal(time.state, MTR_CLOCK_AHEAD);
        assert_int_equal(time.now_us, machine.true_us);
        assert_int_equal(time.earliest_us, machine.true_us);
        assert_int_equal(time.latest_us, machine.true_us + machine.wrong_us);
        assert_int_equal(machine.clock.time.forget_us, machine.true_us);
        machine.wrong_us = 0;
        machine_go_on(&machine, SECOND);
        is_all(&machine, machine.true_us);
    }
}

static void a_step_back_stops_what_must_not_come_early_and_nothing_else(void **state)
{
    (void)state;
    struct machine machine = begin();
    machine.wrong_us = -2 * HOUR;
    const struct mtr_trusted_time time = machine_go_on(&machine, MINUTE);
    assert_int_equal(time.state, MTR_CLOCK_BACK);
    assert_int_equal(time.now_us, machine.true_us);
    assert_int_equal(time.earliest_us, machine.true_us - 2 * HOUR);
    assert_int_equal(time.latest_us, machine.true_us);
    machine.wrong_us = 0;
    machine_go_on(&machine, MINUTE);
    is_all(&machine, machine.true_us);
}

static void a_small_step_is_followed_but_no_second_one_of_the_day(void **state)
{
    (void)state;
    struct machine machine = begin();
    machine.wrong_us = STEP;
    machine_go_on(&machine, SECOND);
    is_all(&machine, machine.true_us + STEP);
    machine.wrong_us = 2 * STEP;
    assert_int_equal(machine_go_on(&machine, SECOND).state, MTR_CLOCK_AHEAD);
    machine.wrong_us = STEP;
    machine_go_on(&machine, DAY); /* a day's interval ends: this is what it is now */
    is_all(&machine, machine.true_us + STEP);
    machine.wrong_us = 2 * STEP;
    machine_go_on(&machine, SECOND);
    is_all(&machine, machine.true_us + 2 * STEP);
}

static void a_step_back_of_a_wrong_step_is_followed_within_a_day(void **state)
{
    (void)state;
    struct machine machine = begin();
    machine.wrong_us = STEP;
    machine_go_on(&machine, SECOND);
    machine.wrong_us = 0;
    const struct mtr_trusted_time time = machine_go_on(&machine, SECOND);
    assert_int_equal(time.state, MTR_CLOCK_BELIEVED);
    assert_int_equal(time.now_us, machine.true_us + STEP + 0);
    assert_int_equal(time.earliest_us, machine.true_us);
    machine_go_on(&machine, DAY);
    is_all(&machine, machine.true_us);
}

static void restarts_do_not_help_a_wrong_clock(void **state)
{
    (void)state;
    struct machine machine = begin();
    for (int64_t i = 1; i <= 20; i++) {
        machine.wrong_us = i * STEP;
        machine_go_on(&machine, SECOND);
        machine_start_again(&machine);
        assert_true(machine.clock.time.now_us <= machine.true_us + STEP + SECOND);
    }
    machine.wrong_us = 366 * DAY;
    machine_start_again(&machine);
    assert_int_equal(machine.clock.time.state, MTR_CLOCK_AHEAD);
    assert_true(machine.clock.time.now_us <= machine.true_us + STEP + SECOND);
}

/* The machine was up all the time: its monotonic clock saw a year pass. */
static void a_year_without_the_process_heals_within_one_boot(void **state)
{
    (void)state;
    struct machine machine = begin();
    machine_pass(&machine, 365 * DAY);
    machine_start_again(&machine);
    is_all(&machine, machine.true_us);
}

static void a_boot_after_a_weekend_heals_one_after_a_year_waits(void **state)
{
    (void)state;
    struct machine machine = begin();
    machine_reboot(&machine, 2 * DAY);
    is_all(&machine, machine.true_us);
    machine_go_on(&machine, 2 * HOUR);
    machine.wrong_us = STEP + MINUTE; /* the boot is over: no second leap of days */
    assert_int_equal(machine_go_on(&machine, SECOND).state, MTR_CLOCK_AHEAD);
    machine.wrong_us = 0;
    const int64_t before_us = machine_go_on(&machine, SECOND).now_us;
    machine_reboot(&machine, 365 * DAY);
    assert_int_equal(machine.clock.time.state, MTR_CLOCK_AHEAD);
    assert_int_equal(machine.clock.time.now_us, before_us);
    machine_accept(&machine);
    is_all(&machine, machine.true_us);
}

/* The clock of the board is of another zone, or its battery is empty; NTP comes a minute later. */
static void a_boot_with_a_wrong_board_heals_when_ntp_comes(void **state)
{
    (void)state;
    const int64_t wrongs_us[] = {8 * HOUR, -8 * HOUR, -T0 + 1};
    for (int i = 0; i < 3; i++) {
        struct machine machine = begin();
        machine.wrong_us = wrongs_us[i];
        machine_reboot(&machine, HOUR);
        assert_int_equal(machine.clock.time.state, i ? MTR_CLOCK_BACK : MTR_CLOCK_BELIEVED);
        machine_go_on(&machine, MINUTE);
        machine.wrong_us = 0;
        const struct mtr_trusted_time time = machine_go_on(&machine, SECOND);
        assert_int_equal(time.state, MTR_CLOCK_BELIEVED);
        assert_int_equal(time.earliest_us, machine.true_us);
        machine_go_on(&machine, DAY);
        is_all(&machine, machine.true_us);
    }
}

static void nothing_is_forgotten_across_a_step_that_was_accepted(void **state)
{
    (void)state;
    struct machine machine = begin();
    const int64_t before_us = machine.clock.time.now_us;
    machine.wrong_us = 400 * DAY;
    machine_accept(&machine);
    is_all(&machine, T0 + 400 * DAY);
    assert_int_equal(machine.clock.time.forget_us, before_us);
    machine_start_again(&machine);
    machine_go_on(&machine, FORGET - SECOND);
    assert_int_equal(machine.clock.time.forget_us, before_us);
    machine_go_on(&machine, SECOND);
    assert_int_equal(machine.clock.time.forget_us, machine.clock.time.now_us);
}

static void a_wrong_acceptance_can_be_taken_back(void **state)
{
    (void)state;
    struct machine machine = begin();
    machine.wrong_us = 400 * DAY;
    machine_accept(&machine);
    machine.wrong_us = 0;
    assert_int_equal(machine_go_on(&machine, MINUTE).state, MTR_CLOCK_BACK);
    assert_int_equal(machine.clock.time.earliest_us, machine.true_us);
    machine_accept(&machine);
    is_all(&machine, machine.true_us);
    assert_true(machine.clock.time.forget_us <= T0);
    machine_go_on(&machine, FORGET);
    assert_int_equal(machine.clock.time.forget_us, machine.true_us);
}

static void without_a_record_the_wall_clock_is_believed_but_not_before_the_log(void **state)
{
    (void)state;
    struct machine machine = begin();
    machine_start(&machine, NULL, T0 - 100 * DAY);
    is_all(&machine, T0);
    assert_int_equal(machine.clock.time.forget_us, T0 - 100 * DAY);
    machine_start(&machine, NULL, T0 + 366 * DAY);
    assert_int_equal(machine.clock.time.state, MTR_CLOCK_BACK);
    assert_int_equal(machine.clock.time.now_us, T0 + 366 * DAY);
    assert_int_equal(machine.clock.time.earliest_us, T0);
    assert_int_equal(machine.clock.time.forget_us, T0);
}

static void a_monotonic_clock_that_goes_back_has_seen_nothing(void **state)
{
    (void)state;
    struct machine machine = begin();
    machine.up_us -= MINUTE;
    const struct mtr_trusted_time time = mtr_trusted_look(&machine.clock, machine_look(&machine));
    assert_int_equal(time.now_us, T0);
    machine.up_us = SECOND; /* the same boot cannot be: it is none */
    machine.true_us += DAY;
    machine_start_again(&machine);
    is_all(&machine, machine.true_us);
}

/* ---- whatever the wall clock does ---- */

static int64_t any_wrong(struct random_source *random)
{
    static const int64_t most_us[] = {SECOND, STEP, HOUR, DAY, 40 * DAY, 500 * DAY, 80000 * DAY};
    const uint64_t kind = random_below(random, 10);
    if (kind < 4) return 0;
    const int64_t wrong_us = (int64_t)random_below(random, (uint64_t)most_us[random_below(random, 7)]);
    return kind < 8 ? wrong_us : -mtr_time_sooner(wrong_us, T0 / 2);
}

static void check(const struct machine *machine, const struct mtr_trusted_time *before, int64_t passed_us, uint64_t seed)
{
    const struct mtr_trusted_time *time = &machine->clock.time;
    const int64_t wall_us = machine->true_us + machine->wrong_us, up_us = machine->true_us - T0;
    const int64_t days = up_us / DAY + 1, may_be_ahead_us = days * STEP + up_us / 1000;
    if (time->earliest_us > time->now_us || time->now_us > time->latest_us || time->earliest_us > wall_us || time->latest_us < wall_us)
        fail_msg("seed %" PRIu64 ": the three times are out of order", seed);
    /* What must not come early: it never comes earlier than so, whatever was tried. */
    if (time->now_us > machine->true_us + may_be_ahead_us) fail_msg("seed %" PRIu64 ": it is ahead by too much", seed);
    if (time->now_us < machine->true_us - may_be_ahead_us) fail_msg("seed %" PRIu64 ": it is behind by too much", seed);
    /* Since the anchor, which was set when the wall clock was last believed for a day. */
    const int64_t step_us = 2 * STEP + 2 * up_us / 1000;
    if (time->now_us > before->now_us + passed_us + step_us) fail_msg("seed %" PRIu64 ": it leaps", seed);
    if (time->now_us < before->now_us - step_us) fail_msg("seed %" PRIu64 ": it falls", seed);
    if (time->forget_us > time->now_us) fail_msg("seed %" PRIu64 ": it forgets what is to come", seed);
}

static void no_wall_clock_moves_it_by_more_than_a_step_a_day(void **state)
{
    (void)state;
    unsigned healed = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct random_source random = {seed};
        struct machine machine = begin();
        uint64_t unbelieved = 0;
        for (int i = 0; i < LOOKS; i++) {
            const struct mtr_trusted_time before = machine.clock.time;
            const int64_t span_us = (int64_t)random_below(&random, random_below(&random, 20) ? (uint64_t)(5 * MINUTE) : (uint64_t)(9 * DAY));
            machine.wrong_us = any_wrong(&random);
            const bool is_start = random_below(&random, 12) == 0;
            if (is_start) {
                machine_pass(&machine, span_us);
                machine_start_again(&machine);
            } else {
                machine_go_on(&machine, span_us);
            }
            unbelieved += machine.clock.time.state != MTR_CLOCK_BELIEVED;
            check(&machine, &before, span_us, seed);
        }
        assert_true(unbelieved > LOOKS / 10);
        /* And it is right again once the wall clock is, in a day. */
        machine.wrong_us = 0;
        machine_go_on(&machine, SECOND);
        if (machine.clock.time.state != MTR_CLOCK_BELIEVED) continue; /* many steps that were believed: a person looks */
        assert_true(machine.clock.time.earliest_us <= machine.true_us);
        machine_go_on(&machine, DAY);
        is_all(&machine, machine.true_us);
        healed++;
    }
    print_message("of %u, %u heal by themselves\n", SEEDS, healed);
    assert_true(healed > SEEDS / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_wall_clock_while_that_is_right),
        cmocka_unit_test(a_jump_ahead_moves_nothing_and_heals_when_it_is_over),
        cmocka_unit_test(a_step_back_stops_what_must_not_come_early_and_nothing_else),
        cmocka_unit_test(a_small_step_is_followed_but_no_second_one_of_the_day),
        cmocka_unit_test(a_step_back_of_a_wrong_step_is_followed_within_a_day),
        cmocka_unit_test(restarts_do_not_help_a_wrong_clock),
        cmocka_unit_test(a_year_without_the_process_heals_within_one_boot),
        cmocka_unit_test(a_boot_after_a_weekend_heals_one_after_a_year_waits),
        cmocka_unit_test(a_boot_with_a_wrong_board_heals_when_ntp_comes),
        cmocka_unit_test(nothing_is_forgotten_across_a_step_that_was_accepted),
        cmocka_unit_test(a_wrong_acceptance_can_be_taken_back),
        cmocka_unit_test(without_a_record_the_wall_clock_is_believed_but_not_before_the_log),
        cmocka_unit_test(a_monotonic_clock_that_goes_back_has_seen_nothing),
        cmocka_unit_test(no_wall_clock_moves_it_by_more_than_a_step_a_day),
    };
    return cmocka_run_group_tests_name("trusted time", tests, NULL, NULL);
}
