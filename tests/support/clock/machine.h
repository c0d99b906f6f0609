/*
 * A machine for tests of trusted time: its true time, how long it is up, and how far its wall clock is wrong.
 */
#ifndef METERD_TESTS_SUPPORT_CLOCK_MACHINE_H
#define METERD_TESTS_SUPPORT_CLOCK_MACHINE_H

#include <string.h>

#include "meterd/core/time.h"
#include "meterd/core/trusted_time.h"

#define SECOND MTR_US_PER_SECOND
#define MINUTE (60 * SECOND)
#define HOUR MTR_US_PER_HOUR
#define DAY MTR_US_PER_DAY
#define STEP (10 * MINUTE)
#define UNSEEN (3 * DAY)

struct machine {
    struct mtr_trusted_limits limits;
    int64_t true_us, up_us, wrong_us;
    uint8_t boot;
    struct mtr_trusted_clock clock;
};

static inline struct mtr_clock_look machine_look(const struct machine *machine)
{
    return (struct mtr_clock_look){machine->true_us + machine->wrong_us, machine->up_us};
}

static inline void machine_start(struct machine *machine, const struct mtr_trusted_record *record, int64_t log_us)
{
    struct mtr_trusted_past past = {.log_us = log_us};
    memset(past.boot, machine->boot, sizeof(past.boot));
    if (record) past.record = *record;
    mtr_trusted_begin(&machine->clock, &machine->limits, &past, machine_look(machine));
}

/* The process, within one boot. */
static inline void machine_start_again(struct machine *machine)
{
    const struct mtr_trusted_record record = machine->clock.record;
    machine_start(machine, &record, 0);
}

static inline struct machine machine_begin(int64_t true_us, int64_t forget_us)
{
    struct machine machine = {.limits = {STEP, UNSEEN, forget_us}, .true_us = true_us, .up_us = HOUR, .boot = 1};
    machine_start(&machine, NULL, 0);
    return machine;
}

static inline void machine_pass(struct machine *machine, int64_t span_us)
{
    machine->true_us += span_us;
    machine->up_us += span_us;
}

static inline struct mtr_trusted_time machine_go_on(struct machine *machine, int64_t span_us)
{
    machine_pass(machine, span_us);
    return mtr_trusted_look(&machine->clock, machine_look(machine));
}

static inline struct mtr_trusted_time machine_accept(struct machine *machine)
{
    return mtr_trusted_accept(&machine->clock, machine_look(machine));
}

static inline void machine_reboot(struct machine *machine, int64_t off_us)
{
    machine->true_us += off_us;
    machine->up_us = SECOND;
    machine->boot++;
    machine_start_again(machine);
}

#endif
