/*
 * The intake under clocks that are wrong: nothing counts twice, nothing is lost, and no event is refused for it.
 */
#include "tests/support/intake_world.h"

#include <inttypes.h>

#include "tests/support/clock/machine.h"
#include "tests/support/random.h"

enum { SEEDS = 25, ROUNDS = 220, KNOWN_MAX = ROUNDS * 3, SEGMENT_EVENTS = 8 };

/* A world whose intake is given the trusted time of a machine. */
struct clocked {
    struct world *world;
    struct machine machine;
};

static struct clocked begin(void)
{
    struct clocked clocked = {.world = new_world()};
    struct world *world = clocked.world;
    close_log(world);
    world->options.dedup_window_us = 35 * DAY;
    world->options.lateness_us = 30 * DAY;
    world->options.retention_us = 40 * DAY;
    world->log_options.segment_events_max = SEGMENT_EVENTS;
    open_log(world);
    clocked.machine = machine_begin(world->now_us, mtr_intake_identity_window_us(&world->options));
    return clocked;
}

static void restart(struct clocked *clocked)
{
    close_log(clocked->world);
    machine_start_again(&clocked->machine);
    clocked->world->now_us = clocked->machine.clock.time.forget_us;
    open_log(clocked->world);
}

static void housekeep(struct clocked *clocked)
{
    struct world *world = clocked->world;
    for (bool more = true; more;)
        assert_int_equal(mtr_intake_housekeep(world->intake, clocked->machine.clock.time, UINT64_MAX, NULL, NULL, &more), 0);
}

static void go_on(struct clocked *clocked, int64_t span_us)
{
    (void)machine_go_on(&clocked->machine, span_us);
    housekeep(clocked);
}

static enum mtr_result_code send_event(struct clocked *clocked, const char *id, int64_t time_us)
{
    struct world *world = clocked->world;
    char time[MTR_TIME_TEXT_BYTES];
    uint32_t committed;
    struct row row = plain;
    mtr_time_format(time_us, time);
    row.id = id;
    row.time = time;
    struct mtr_request *request = new_request(1);
    add_event(request, &row, 0);
    assert_int_equal(mtr_intake_submit(world->intake, request), 0);
    assert_int_equal(mtr_intake_step(world->intake, world->catalog, clocked->machine.clock.time, &committed), 0);
    assert_int_equal(request->error, 0);
    const enum mtr_result_code code = request->results[0].code;
    free_answers(world);
    return code;
}

static bool counts(enum mtr_result_code code)
{
    return code == MTR_RESULT_ACCEPTED || code == MTR_RESULT_LATE;
}

static void send_many(struct clocked *clocked, char what, int count, int64_t time_us, enum mtr_result_code code)
{
    for (int i = 0; i < count; i++) {
        char id[24];
        snprintf(id, sizeof(id), "%c%d", what, i);
        assert_int_equal(send_event(clocked, id, time_us), code);
    }
}

/* Three seconds of a clock 36 days ahead, and identities are still known; so is the log. */
static void a_clock_that_was_ahead_has_forgotten_nothing(void **state)
{
    (void)state;
    struct clocked clocked = begin();
    const int64_t time_us = clocked.machine.true_us - HOUR;
    send_many(&clocked, 'a', 50, time_us, MTR_RESULT_ACCEPTED);
    go_on(&clocked, MINUTE);
    const uint32_t segments = mtr_log_segments(clocked.world->log, NULL, 0);
    clocked.machine.wrong_us = 500 * DAY;
    for (int i = 0; i < 3; i++) go_on(&clocked, 2 * SECOND);
    restart(&clocked);
    go_on(&clocked, 2 * SECOND);
    clocked.machine.wrong_us = 0;
    go_on(&clocked, 2 * SECOND);
    assert_int_equal(mtr_log_segments(clocked.world->log, NULL, 0), segments);
    send_many(&clocked, 'a', 50, time_us, MTR_RESULT_DUPLICATE);
    free_world(clocked.world);
}

/* What is stored while the clock is a year ahead or back does not make later events too old, nor too early. */
static void an_event_under_a_wrong_clock_leaves_no_trace(void **state)
{
    (void)state;
    struct clocked clocked = begin();
    const int64_t wrongs_us[] = {366 * DAY, -366 * DAY, 2 * HOUR, -2 * HOUR, 0};
    for (int i = 0; i < 5; i++) {
        clocked.machine.wrong_us = wrongs_us[i];
        go_on(&clocked, HOUR);
        const char what = (char)('a' + i);
        send_many(&clocked, what, 3, clocked.machine.true_us, MTR_RESULT_ACCEPTED);
        assert_int_equal(mtr_log_last_received_us(clocked.world->log), clocked.machine.true_us);
    }
    free_world(clocked.world);
}

/* The clock is right and we are not, after a long time off: events get in, and count once when that is said. */
static void after_a_long_time_off_events_get_in_before_anybody_looks(void **state)
{
    (void)state;
    struct clocked clocked = begin();
    send_many(&clocked, 'a', 20, clocked.machine.true_us, MTR_RESULT_ACCEPTED);
    machine_reboot(&clocked.machine, 100 * DAY);
    assert_int_equal(clocked.machine.clock.time.state, MTR_CLOCK_AHEAD);
    const int64_t time_us = clocked.machine.true_us;
    send_many(&clocked, 'b', 20, time_us, MTR_RESULT_ACCEPTED);
    machine_accept(&clocked.machine);
    housekeep(&clocked);
    restart(&clocked);
    send_many(&clocked, 'b', 20, time_us, MTR_RESULT_DUPLICATE);
    go_on(&clocked, 29 * DAY);
    send_many(&clocked, 'b', 20, time_us, MTR_RESULT_DUPLICATE);
    free_world(clocked.world);
}

/* Somebody accepted a wrong clock, and took it back: what was received meanwhile does not make new events too old. */
static void a_wrong_word_can_be_taken_back(void **state)
{
    (void)state;
    struct clocked clocked = begin();
    const int64_t time_us = clocked.machine.true_us;
    send_many(&clocked, 'a', 20, time_us, MTR_RESULT_ACCEPTED);
    clocked.machine.wrong_us = 400 * DAY;
    machine_accept(&clocked.machine);
    housekeep(&clocked);
    send_many(&clocked, 'a', 20, time_us, MTR_RESULT_DUPLICATE);
    send_many(&clocked, 'w', 3, time_us, MTR_RESULT_EXPIRED); /* a year old, by both clocks */
    restart(&clocked);
    clocked.machine.wrong_us = 0;
    machine_accept(&clocked.machine);
    housekeep(&clocked);
    send_many(&clocked, 'a', 20, time_us, MTR_RESULT_DUPLICATE);
    send_many(&clocked, 'b', 20, clocked.machine.true_us, MTR_RESULT_LATE); /* its period was closed */
    free_world(clocked.world);
}

/* A clock that is set back makes old events young. What was forgotten before does not count again, not after a
 * restart either, when retention has removed it. */
static void what_was_forgotten_does_not_come_again(void **state)
{
    (void)state;
    struct clocked clocked = begin();
    const int64_t time_us = clocked.machine.true_us;
    send_many(&clocked, 'a', 16, time_us, MTR_RESULT_ACCEPTED);
    send_many(&clocked, 'o', 1, time_us, MTR_RESULT_ACCEPTED); /* the segment that stays open */
    go_on(&clocked, 36 * DAY);
    assert_true(mtr_dedup_forgotten_us(clocked.world->dedup) >= time_us);
    clocked.machine.wrong_us = -20 * DAY;
    go_on(&clocked, SECOND);
    send_many(&clocked, 'a', 16, time_us, MTR_RESULT_EXPIRED);
    send_many(&clocked, 'n', 1, time_us + DAY, MTR_RESULT_LATE); /* just as young, and nobody has seen it before */
    restart(&clocked);
    send_many(&clocked, 'a', 16, time_us, MTR_RESULT_EXPIRED);
    clocked.machine.wrong_us = 0;
    go_on(&clocked, 10 * DAY); /* behind retention */
    housekeep(&clocked);
    restart(&clocked);
    struct mtr_log_segment first;
    (void)mtr_log_segments(clocked.world->log, &first, 1);
    assert_true(first.first_seq > 1);
    clocked.machine.wrong_us = -30 * DAY;
    go_on(&clocked, SECOND);
    send_many(&clocked, 'a', 16, time_us, MTR_RESULT_EXPIRED);
    free_world(clocked.world);
}

/* ---- whatever the clock does ---- */

struct known {
    int64_t time_us, counted_us;
    unsigned counted;
};

struct run {
    struct clocked clocked;
    struct random_source random;
    struct known known[KNOWN_MAX];
    uint32_t known_count;
    uint64_t seed;
    unsigned wrong_rounds;
    bool errs; /* whoever accepts clocks accepts wrong ones, too */
    bool has_erred;
};

static void send_known(struct run *run, uint32_t number)
{
    struct known *known = &run->known[number];
    const struct machine *machine = &run->clocked.machine;
    char id[24];
    snprintf(id, sizeof(id), "e%u", number);
    const enum mtr_result_code code = send_event(&run->clocked, id, known->time_us);
    if (counts(code) && !known->counted++) known->counted_us = machine->true_us;
    /* The promise is for retries within the window. Behind it one that came in while time was behind by more than
     * the clocks may differ is forgotten by a receive time of long before its own, and a clock that is set back
     * then makes it young. */
    const bool is_promised = machine->true_us - known->counted_us < 35 * DAY;
    if (known->counted > 1 && is_promised)
        fail_msg("seed %" PRIu64 ": event %u of %" PRIi64 " s ago counts twice", run->seed, number,
                 (machine->true_us - known->time_us) / SECOND);
    if (run->has_erred || machine->true_us - known->time_us > 28 * DAY) return;
    if (!known->counted)
        fail_msg("seed %" PRIu64 ": event %u of %" PRIi64 " s ago is %s, with time %" PRIi64 " s behind and clocks %s", run->seed, number,
                 (machine->true_us - known->time_us) / SECOND, mtr_result_name(code), (machine->true_us - machine->clock.time.now_us) / SECOND,
                 mtr_clock_state_name(machine->clock.time.state));
}

/* Either right, or so wrong that it is not believed: one that is wrong by minutes is, and judges by them. */
static int64_t any_wrong(struct random_source *random)
{
    static const int64_t most_us[] = {HOUR, DAY, 40 * DAY, 500 * DAY, 20000 * DAY};
    if (random_below(random, 3)) return 0;
    const int64_t wrong_us = 2 * HOUR + (int64_t)random_below(random, (uint64_t)most_us[random_below(random, 5)]);
    return random_below(random, 2) ? wrong_us : -wrong_us;
}

/* A machine that was off for long has nobody but the wall clock, and so it is right, until somebody says so. */
static void reboot(struct run *run)
{
    struct machine *machine = &run->clocked.machine;
    machine->wrong_us = 0;
    close_log(run->clocked.world);
    machine_reboot(machine, (int64_t)random_below(&run->random, 50) * DAY);
    run->clocked.world->now_us = machine->clock.time.forget_us;
    open_log(run->clocked.world);
    if (machine->clock.time.state == MTR_CLOCK_BELIEVED) {
        go_on(&run->clocked, HOUR); /* until then the boot is not over */
        return;
    }
    for (int i = 0; i < 3; i++) {
        run->known[run->known_count] = (struct known){.time_us = machine->true_us - (int64_t)random_below(&run->random, 20 * 86400) * SECOND};
        send_known(run, run->known_count++);
        go_on(&run->clocked, HOUR);
    }
    machine_accept(machine);
}

static void round_of(struct run *run)
{
    struct clocked *clocked = &run->clocked;
    const int64_t span_us = (int64_t)random_below(&run->random, 3) ? (int64_t)random_below(&run->random, 7200) * SECOND
                                                                  : (int64_t)random_below(&run->random, 4 * 86400) * SECOND;
    clocked->machine.wrong_us = any_wrong(&run->random);
    run->wrong_rounds += clocked->machine.wrong_us != 0;
    go_on(clocked, span_us);
    if (!random_below(&run->random, 12)) restart(clocked);
    if (!random_below(&run->random, 40)) reboot(run);
    if (run->errs && !random_below(&run->random, 20)) {
        run->has_erred = true;
        machine_accept(&clocked->machine);
        housekeep(clocked);
    }
    if (run->known_count + 4 < KNOWN_MAX) {
        const int64_t age_us = random_below(&run->random, 2) ? 0 : (int64_t)random_below(&run->random, 27 * 86400) * SECOND;
        run->known[run->known_count] = (struct known){.time_us = clocked->machine.true_us - age_us};
        send_known(run, run->known_count++);
    }
    for (int i = 0; i < 4 && run->known_count; i++) send_known(run, (uint32_t)random_below(&run->random, run->known_count));
}

static void run_seeds(bool errs)
{
    unsigned wrong_rounds = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct run *run = calloc(1, sizeof(*run));
        assert_non_null(run);
        *run = (struct run){.clocked = begin(), .random = {seed}, .seed = seed, .errs = errs};
        for (int i = 0; i < ROUNDS; i++) round_of(run);
        wrong_rounds += run->wrong_rounds;
        free_world(run->clocked.world);
        free(run);
    }
    assert_true(wrong_rounds > SEEDS * ROUNDS / 5);
}

static void nothing_counts_twice_and_nothing_is_refused(void **state)
{
    (void)state;
    run_seeds(false);
}

static void nothing_counts_twice_whoever_errs(void **state)
{
    (void)state;
    run_seeds(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_was_ahead_has_forgotten_nothing),
        cmocka_unit_test(an_event_under_a_wrong_clock_leaves_no_trace),
        cmocka_unit_test(after_a_long_time_off_events_get_in_before_anybody_looks),
        cmocka_unit_test(a_wrong_word_can_be_taken_back),
        cmocka_unit_test(what_was_forgotten_does_not_come_again),
        cmocka_unit_test(nothing_counts_twice_and_nothing_is_refused),
        cmocka_unit_test(nothing_counts_twice_whoever_errs),
    };
    return cmocka_run_group_tests_name("intake clock", tests, NULL, NULL);
}
