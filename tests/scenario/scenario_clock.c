/*
 * The clocks of a run. The wall clock leaps at any step, ahead and back by days to decades, over restarts and boots;
 * what is trusted is the true time all the same.
 */
#include "scenario/scenario_clock.h"

void scenario_clock_begin(struct scenario *scenario)
{
    scenario->machine = machine_begin(scenario->now_us, mtr_intake_identity_window_us(&scenario->stores.intake_options));
    scenario->latest_us = scenario->now_us;
}

/* By less than what is believed between two boots it would be believed after one. */
void scenario_clock_leap(struct scenario *scenario)
{
    static const uint32_t days[] = {1, 40, 500, 20000};
    if (!scenario_chance(scenario, 30)) return;
    const uint32_t kind = scenario_below(scenario, 3);
    const int64_t leap_us = UNSEEN + DAY + (int64_t)scenario_below(scenario, days[scenario_below(scenario, 4)] * 1000) * (DAY / 1000);
    scenario->machine.wrong_us = kind == 0 ? 0 : kind == 1 ? leap_us : -mtr_time_sooner(leap_us, scenario->now_us - DAY);
    scenario_seen[SEEN_CLOCK_LEAP] += kind != 0;
    scenario_trace(scenario, "the wall clock is %s", kind == 0 ? "right" : kind == 1 ? "ahead" : "back");
}

void scenario_clock_set_back(struct scenario *scenario)
{
    scenario->machine.true_us = scenario->now_us;
    scenario->machine.wrong_us = 0;
    machine_accept(&scenario->machine);
}

void scenario_clock_restart(struct scenario *scenario)
{
    (void)scenario_time(scenario);
    if (scenario_chance(scenario, 30)) machine_reboot(&scenario->machine, 0);
    else machine_start_again(&scenario->machine);
}

struct mtr_trusted_time scenario_time(struct scenario *scenario)
{
    struct machine *machine = &scenario->machine;
    if (scenario->is_healthy) machine->wrong_us = 0;
    const struct mtr_trusted_time time = machine_go_on(machine, scenario->now_us - machine->true_us);
    CHECK(scenario, time.now_us == scenario->now_us, "what is trusted is not the time");
    CHECK(scenario, (time.state == MTR_CLOCK_BELIEVED) == (machine->wrong_us == 0), "the wall clock is %s", mtr_clock_state_name(time.state));
    scenario->latest_us = mtr_time_later(scenario->latest_us, scenario->now_us);
    return time;
}
