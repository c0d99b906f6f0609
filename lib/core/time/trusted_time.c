/*
 * Trusted time: the interval of the present, and where the wall clock lies in it.
 *
 * Invariants: earliest <= now <= latest of what is told; now_us grows by what the monotonic clock says, or up
 * to a wall clock that is believed, and falls only when an interval begins, by no more than the one before
 * was wide.
 */
#include "meterd/core/trusted_time.h"

#include <string.h>

#include "meterd/core/error.h"
#include "meterd/core/time.h"

/* A wall clock that NTP slews, and the monotonic clock beside it, differ by less: 500 ppm and crystals. */
enum { DRIFT_PER = 1000 };
#define ANCHOR_EVERY_US MTR_US_PER_DAY
/* After a boot NTP sets the clock of the board right within this time, or nobody does. */
#define SETTLES_US MTR_US_PER_HOUR

const char *mtr_clock_state_name(enum mtr_clock_state state)
{
    static const char *const names[MTR_CLOCK_STATE_COUNT] = {"believed", "ahead", "back"};
    MTR_ASSERT((unsigned)state < MTR_CLOCK_STATE_COUNT);
    return names[state];
}

static void anchor(struct mtr_trusted_record *record, int64_t low_us, int64_t high_us)
{
    record->anchor_us = record->seen_us;
    record->low_us = low_us;
    record->high_us = high_us;
    record->was_unseen = false;
}

static int64_t passed(const struct mtr_trusted_record *record)
{
    return record->seen_us - record->anchor_us;
}

static int64_t forget_us(const struct mtr_trusted_clock *clock)
{
    const struct mtr_trusted_record *record = &clock->record;
    if (!record->accepted_us || record->now_us >= record->accepted_us + clock->limits.forget_us)
        return record->now_us;
    return mtr_time_sooner(record->before_us, record->now_us);
}

static struct mtr_trusted_time tell(struct mtr_trusted_clock *clock, enum mtr_clock_state state,
                                    int64_t wall_us)
{
    const int64_t now_us = clock->record.now_us;
    clock->time = (struct mtr_trusted_time){.now_us = now_us,
                                            .earliest_us = mtr_time_sooner(now_us, wall_us),
                                            .latest_us = mtr_time_later(now_us, wall_us),
                                            .forget_us = forget_us(clock),
                                            .state = state};
    return clock->time;
}

static enum mtr_clock_state find_state(const struct mtr_trusted_clock *clock, int64_t wall_us)
{
    const struct mtr_trusted_record *record = &clock->record;
    const int64_t passed_us = passed(record), slack_us = clock->limits.step_us + passed_us / DRIFT_PER;
    if (wall_us > record->high_us + passed_us + slack_us) return MTR_CLOCK_AHEAD;
    return wall_us < record->low_us + passed_us - slack_us ? MTR_CLOCK_BACK : MTR_CLOCK_BELIEVED;
}

/* The wall clock is believed: it is at least that time, and what else is possible gets narrower. */
static void believe(struct mtr_trusted_record *record, int64_t wall_us)
{
    record->now_us = mtr_time_later(record->now_us, wall_us);
    if (passed(record) < (record->was_unseen ? SETTLES_US : ANCHOR_EVERY_US)) return;
    record->now_us = wall_us;
    anchor(record, wall_us, wall_us);
}

struct mtr_trusted_time mtr_trusted_look(struct mtr_trusted_clock *clock, struct mtr_clock_look look)
{
    struct mtr_trusted_record *record = &clock->record;
    const int64_t since_us = mtr_time_later(look.monotonic_us - record->seen_us, 0);
    record->now_us += since_us;
    record->seen_us += since_us;
    const enum mtr_clock_state state = find_state(clock, look.wall_us);
    if (state == MTR_CLOCK_BELIEVED) believe(record, look.wall_us);
    return tell(clock, state, look.wall_us);
}

static bool is_same_boot(const struct mtr_trusted_past *past, int64_t monotonic_us)
{
    static const uint8_t unknown[MTR_BOOT_BYTES];
    return memcmp(past->boot, unknown, MTR_BOOT_BYTES) != 0 &&
           memcmp(past->boot, past->record.boot, MTR_BOOT_BYTES) == 0 &&
           monotonic_us >= past->record.seen_us;
}

/* Nothing is known of before, but for the times in the log. Who told them, and how, is not known: what was
 * received until now is forgotten no sooner than if it were received now. */
static void begin_anew(struct mtr_trusted_record *record, int64_t log_us, int64_t wall_us)
{
    record->now_us = mtr_time_later(wall_us, log_us);
    anchor(record, record->now_us, record->now_us);
    record->accepted_us = log_us ? record->now_us : 0;
    record->before_us = log_us ? mtr_time_sooner(wall_us, log_us) : 0;
}

void mtr_trusted_begin(struct mtr_trusted_clock *clock, const struct mtr_trusted_limits *limits,
                       const struct mtr_trusted_past *past, struct mtr_clock_look look)
{
    struct mtr_trusted_record *record = &clock->record;
    *clock = (struct mtr_trusted_clock){.limits = *limits, .record = past->record};
    if (!record->now_us || !is_same_boot(past, look.monotonic_us)) {
        record->seen_us = look.monotonic_us;
        memcpy(record->boot, past->boot, MTR_BOOT_BYTES);
        if (record->now_us) {
            record->now_us = mtr_time_later(record->now_us, past->log_us);
            anchor(record, record->now_us, record->now_us + limits->unseen_us);
            record->was_unseen = true;
        } else {
            begin_anew(record, past->log_us, look.wall_us);
        }
    }
    (void)mtr_trusted_look(clock, look);
}

struct mtr_trusted_time mtr_trusted_accept(struct mtr_trusted_clock *clock, struct mtr_clock_look look)
{
    struct mtr_trusted_record *record = &clock->record;
    (void)mtr_trusted_look(clock, look);
    const int64_t before_us = clock->time.forget_us;
    if (look.wall_us > record->now_us || look.wall_us < record->accepted_us) {
        record->before_us = mtr_time_sooner(before_us, look.wall_us);
        record->accepted_us = look.wall_us;
    }
    record->now_us = look.wall_us;
    anchor(record, look.wall_us, look.wall_us);
    return tell(clock, MTR_CLOCK_BELIEVED, look.wall_us);
}
