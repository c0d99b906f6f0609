/*
 * The clocks of a run: wall clocks that leap at any step, and what is trusted of them.
 */
#ifndef METERD_TESTS_SCENARIO_SCENARIO_CLOCK_H
#define METERD_TESTS_SCENARIO_SCENARIO_CLOCK_H

#include "scenario/scenario.h"

void scenario_clock_begin(struct scenario *scenario);
/* Leaps, now and then: from here on the wall clock says something else. */
void scenario_clock_leap(struct scenario *scenario);
/* The true time was set back, and somebody said so. */
void scenario_clock_set_back(struct scenario *scenario);
/* Another process, maybe after another boot. */
void scenario_clock_restart(struct scenario *scenario);
struct mtr_trusted_time scenario_time(struct scenario *scenario);

#endif
