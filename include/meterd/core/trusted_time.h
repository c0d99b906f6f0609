/*
 * Trusted time: what time it is, for acts that nobody can take back.
 *
 * A wall clock is set by people and by programs, and a wrong one is believed by whoever asks it. Here it is
 * one witness of two. The other is the monotonic clock, which nobody sets: it tells how much time passed, not
 * what time it is. With what was trusted before, that gives an interval in which the present lies; a wall
 * clock inside of it is believed, one outside of it is not, however long it insists.
 *
 *                  step    what passed    step (+ what may have passed unseen)
 *              ├────────┼··············┼────────┤
 *   earliest possible            ▲              latest possible
 *                             the wall clock, if it is right
 *
 * `step_us` is how far a wall clock may be set in one day and still be believed: NTP does that. `unseen_us`
 * is how long the machine may have been off: at a start after a boot no clock of ours has seen what passed,
 * and only the wall clock tells. Within one boot the monotonic clock has seen it, however long the process
 * was gone.
 *
 * What comes of it (struct mtr_trusted_time) is for those who ask:
 *
 *   now_us        the receive time of events, and what waits for a time: goes on with the monotonic clock
 *                 whatever the wall clock does; it is never ahead by more than `step_us` a day
 *   earliest_us   what must not come too early, money and deleting: the earlier of now_us and the wall clock
 *   latest_us     what must not be refused as too far ahead: the later of both
 *   forget_us     what is forgotten by age, identities of events and segments of the log: now_us, but for what
 *                 follows
 *
 * So while the clocks agree all four are one time (but for the rest of a step back, for at most a day); while
 * they do not, events get in as long as either clock would let them, and acts wait until both would do them.
 * mtr_trusted_accept is a person's word that the wall clock is right after all.
 *
 * What is forgotten by age was dated by now_us. When that moves by an accepted step, ages measured across it
 * are not what passed: forget_us stays where it was for as long as an identity is kept.
 *
 * Pure: both clocks are arguments, and nothing fails. A struct belongs to one thread at a time.
 */
#ifndef METERD_CORE_TRUSTED_TIME_H
#define METERD_CORE_TRUSTED_TIME_H

#include <stdbool.h>
#include <stdint.h>

struct mtr_trusted_limits {
    int64_t step_us;   /* a step of the wall clock that is believed; once a day */
    int64_t unseen_us; /* the longest time between two boots that is believed */
    int64_t forget_us; /* how long an identity must be known */
};

/* One look at both clocks. */
struct mtr_clock_look {
    int64_t wall_us;
    int64_t monotonic_us; /* since the machine started, suspended time included */
};

enum mtr_clock_state {
    MTR_CLOCK_BELIEVED, /* the wall clock lies in the interval */
    MTR_CLOCK_AHEAD,    /* it lies behind the interval: no more than now_us can be proved to have passed */
    MTR_CLOCK_BACK,     /* it lies before the interval: more time has passed than it says */
};
enum { MTR_CLOCK_STATE_COUNT = 3 };
const char *mtr_clock_state_name(enum mtr_clock_state state); /* believed ahead back */

enum { MTR_BOOT_BYTES = 16 };

/* What is kept from one look to the next, and from one process to the next (meterd/store/clock_record.h). */
struct mtr_trusted_record {
    int64_t now_us;  /* 0: there is no record */
    int64_t seen_us; /* the monotonic clock at that time */
    /* The interval of the present, as of the monotonic instant anchor_us, without steps and drift. */
    int64_t anchor_us, low_us, high_us;
    bool was_unseen; /* time passed that no clock of ours saw: the wall clock may be set once more */
    int64_t accepted_us, before_us; /* the last accepted step: to what, and where forgetting stays; 0: none */
    uint8_t boot[MTR_BOOT_BYTES];   /* of the monotonic clock; zeros: not known */
};

struct mtr_trusted_time {
    int64_t now_us;
    int64_t earliest_us;
    int64_t latest_us;
    int64_t forget_us;
    enum mtr_clock_state state;
};

/* What the wall clock said at that look. */
static inline int64_t mtr_trusted_wall_us(struct mtr_trusted_time time)
{
    return time.earliest_us + time.latest_us - time.now_us;
}

struct mtr_trusted_clock {
    struct mtr_trusted_limits limits;
    struct mtr_trusted_record record; /* to be kept */
    struct mtr_trusted_time time;
};

/* What a process begins with. */
struct mtr_trusted_past {
    struct mtr_trusted_record record; /* all zeros: there is none */
    uint8_t boot[MTR_BOOT_BYTES];     /* of this process */
    int64_t log_us;                   /* the log's last receive time; 0: none */
};

/* The first look of a process. In the boot of the record it is a look as any other, however long ago the last
 * one was. Without a record the wall clock is believed, as nothing speaks against it, but not before the
 * log's end. */
void mtr_trusted_begin(struct mtr_trusted_clock *clock, const struct mtr_trusted_limits *limits,
                       const struct mtr_trusted_past *past, struct mtr_clock_look look);

/* Another look; the times that follow from it. */
struct mtr_trusted_time mtr_trusted_look(struct mtr_trusted_clock *clock, struct mtr_clock_look look);

/* Somebody said that the wall clock is right: from this look on it is trusted, forward or back. */
struct mtr_trusted_time mtr_trusted_accept(struct mtr_trusted_clock *clock, struct mtr_clock_look look);

/* All are that time, and the wall clock says it too: for what has one clock, and for tests. */
static inline struct mtr_trusted_time mtr_trusted_at(int64_t time_us)
{
    return (struct mtr_trusted_time){time_us, time_us, time_us, time_us, MTR_CLOCK_BELIEVED};
}

#endif
