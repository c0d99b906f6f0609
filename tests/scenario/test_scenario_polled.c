/*
 * The pipeline behind the poller: a vendor who restates, takes away and brings back rows and whose answers are false now and then, polled
 * by window, in pieces, for each item of a list, as reports, as files, as a feed and as counters; aggregator and rater behind the log;
 * crashes after any commit, and between any two steps of the stages, now and then with the ledger of windows lost.
 *
 *   a vendor ──▶ poller ──▶ intake ──▶ log ──▶ aggregator ──▶ rollups ──▶ rater ──▶ charges
 *
 * All the time:
 *
 *   1  each false answer has raised its alarm when its reading is over, and each alarm has a reason (polled_alarms.h)
 *
 * After the vendor is well, and has nothing new to say:
 *
 *   2  what counts in the log is what it published last, row for row
 *   3  what was charged is the price of that, to the last digit, and the audit finds nothing
 *   4  the ledger of windows is the same when it is folded again
 *   5  the same seed runs the same way again: what was asked, answered, told and written
 *
 * METERD_SEEDS=N runs the seeds 1 to N (default 6). METERD_SEED=S runs one.
 */
#include "support/source/polled_pipeline.h"

enum { SEEDS_DEFAULT = 6, ACTIONS = 140 };

static bool crashes(void *context)
{
    struct run *run = context;
    return !run->is_healthy && chance(run, 12);
}

static void crash(struct run *run)
{
    run->crashes++;
    note(run, "crash", strlen("crash"));
    close_stages(run);
    poller_world_crash(run->poller, chance(run, 4));
    watch_crash(&run->watch);
    open_stages(run);
}

/* ---- a run ---- */

static void go_on(struct run *run, int64_t now_us)
{
    poller_world_at(run->poller, now_us);
    if (run->poller->is_dead) crash(run);
}

static void act(struct run *run)
{
    int64_t due_us;
    switch (random_below(&run->random, 8)) {
    case 0:
    case 1: restate(run); break;
    case 2:
    case 3:
        go_on(run, run->poller->world->now_us + (int64_t)(1 + random_below(&run->random, 400)) * 60 * MTR_US_PER_SECOND);
        break;
    case 4:
    case 5: (void)step_aggregator(run); break;
    case 6: (void)step_rater(run, &due_us); break;
    default:
        if (chance(run, 4)) crash(run);
    }
}

/* Until every window is settled, and the month is closed; days by days, since pages are read in their time. */
static void drain(struct run *run)
{
    run->is_healthy = true;
    for (int day = 0; day < 14; day++) {
        go_on(run, run->poller->world->now_us + MTR_US_PER_DAY);
        drain_stages(run);
    }
    go_on(run, mtr_time_later(run->poller->world->now_us, instant("2026-04-01T12:00:00Z")));
    drain_stages(run);
}

/* What people were told, and what stands in the log: each event's number, identity, kind and time. */
static void note_all(struct run *run)
{
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    note(run, run->poller->told, strlen(run->poller->told));
    for (uint64_t seq = 1; seq <= mtr_log_last_seq(run->poller->world->log); seq = header.first_seq + header.count) {
        assert_int_equal(mtr_log_read(run->reader, seq, &header, &events, &diagnostic), 0);
        for (uint32_t i = 0; i < header.count; i++) {
            note(run, (const char *)&events[i].disposition, sizeof(events[i].disposition));
            note(run, events[i].source.data, events[i].source.size);
            note(run, events[i].id.data, events[i].id.size);
            note(run, (const char *)&events[i].time_us, sizeof(events[i].time_us));
        }
    }
}

/* Over all seeds. */
struct met {
    uint32_t crashes, faults, left_out, held[FAULTS];
};

/* The trace. */
static uint64_t run_seed(uint64_t seed, struct met *met)
{
    struct run *run = new_run(seed, DOCUMENTS);
    for (int i = 0; i < 40; i++) restate(run);
    run->poller->crashes = crashes;
    for (int i = 0; i < ACTIONS; i++) act(run);
    drain(run);
    note_all(run);
    check_laws(run);
    met->crashes += run->crashes;
    met->faults += run->faults;
    met->left_out += run->watch.left_out;
    for (int i = 0; i < FAULTS; i++) met->held[i] += run->watch.held[i];
    const uint64_t trace = run->trace;
    free_run(run);
    return trace;
}

/* Runs that meet nothing prove nothing. */
static void check_met(const struct met *met)
{
    assert_true(met->crashes > 20 && met->faults > 20);
    for (int i = 0; i < FAULTS; i++)
        if (FAULT_KINDS[i].must && !met->held[i]) fail_msg("no answer was false as `%s`, and seen to the end", FAULT_KINDS[i].name);
}

static void every_seed_keeps_the_laws(void **state)
{
    const char *given = getenv("METERD_SEED"), *many = getenv("METERD_SEEDS");
    const uint64_t first = given ? strtoull(given, NULL, 10) : 1, seeds = given ? 1 : many ? strtoull(many, NULL, 10) : SEEDS_DEFAULT;
    struct met met = {0};
    (void)state;
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        const uint64_t trace = run_seed(seed, &met);
        if (run_seed(seed, &met) != trace) fail_msg("seed %llu went another way", (unsigned long long)seed);
    }
    print_message("%u crashes, %u false answers, %u of them cut off by a crash; seen to the end:", met.crashes, met.faults, met.left_out);
    for (int i = 0; i < FAULTS; i++)
        if (met.held[i]) print_message(" %s %u", FAULT_KINDS[i].name, met.held[i]);
    print_message("\n");
    if (seeds >= SEEDS_DEFAULT) check_met(&met);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_seed_keeps_the_laws)};
    return cmocka_run_group_tests_name("scenario_polled", tests, NULL, NULL);
}
