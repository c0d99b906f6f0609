/*
 * The pipeline simulation: intake, aggregator, rater and outbox in one thread on a simulated clock, driven by
 * one seeded scheduler.
 *
 *   vendors ──▶ JSON ──▶ intake ──▶ log ──▶ aggregator ──▶ rollups ──▶ rater ──▶ charges ──▶ outbox ──▶ a receiver that does anything
 *                  ▲                  ▲ catalog changes in between ▲              ▲ crashes between any two commits
 *
 * Each seed makes up a catalog, two to three months of usage (late, repeated, in conflict, taken back, from
 * the future, of others' subscriptions, around clock changes) and an order in which everything happens.
 * Crashes drop all that is in memory; some go on in a copy of the directories. At any step the wall clock may
 * leap, ahead or back, by days to decades, and stages are handed what is trusted of it; now and then the true
 * time is set back. Requests whose answer was not heard are sent again. Then faults end, the pipeline must drain, and the
 * laws must hold:
 *
 *   1  each event that was answered is in the log once, byte by byte as it was sent, and nothing else is
 *   2  each cell of the rollups is what the events of the log add up to, computed again without the aggregator
 *   3  the sum of the charges of each line is mtr_price of that usage, and the audit finds nothing but usage that no period can charge
 *   4  the log folded anew gives the same bytes, and rated anew no further charge
 *   5  the receiver has each charge once, and the same sum
 *   6  as many results as events
 *   7  the same seed runs the same way again (every fourth seed, and one that is run by itself)
 *   8  a quote of what a period used is what was emitted of it: of the kernel for every period, of a price
 *      request for the months that it can say
 *
 * METERD_SEEDS=N runs the seeds 1 to N (default 200). METERD_SEED=S runs one and prints its trace.
 */
#include "scenario/scenario_clock.h"

#include <inttypes.h>
#include <malloc.h>
#include <unistd.h>

enum { SEEDS_DEFAULT = 200, ACTIONS = 700, DRAIN_ROUNDS_MAX = 100000 };
/* Read by the address sanitizer: little freed memory is kept, which recovery's forks would copy. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=8";
}

enum { SCENARIO_ARENA_CHUNK = 1 << 20 };
#define SCENARIO_ARENA_BYTES_MAX ((size_t)1 << 30)

/* ---- one action each ---- */

static void step_intake(struct scenario *scenario)
{
    uint32_t committed = 0;
    int rc = mtr_intake_step(scenario->stores.intake, scenario->stores.catalog, scenario_time(scenario), &committed);
    CHECK(scenario, !rc, "%s", mtr_error_text(rc));
    scenario_trace(scenario, "intake: %u stored", committed);
}

static bool housekeep(struct scenario *scenario)
{
    struct stores *stores = &scenario->stores;
    struct slow_work slow = stores->slow;
    bool more = false;
    stores->slow = (struct slow_work){0};
    if (slow.run) slow.run(slow.context); /* begun by an earlier call, on another thread as it were */
    int rc = mtr_intake_housekeep(stores->intake, scenario_time(scenario), 0, scenario_run_slow, scenario, &more);
    CHECK(scenario, !rc, "%s", mtr_error_text(rc));
    scenario_trace(scenario, "housekeeping%s", stores->slow.run ? ", slow work begins" : "");
    return more || stores->slow.run;
}

/* Periods open and close by it: it never comes before its time. */
static void check_watermark(struct scenario *scenario)
{
    struct mtr_rollups_txn *txn;
    uint64_t next_seq, change;
    int64_t watermark_us;
    CHECK_OK(scenario, mtr_rollups_begin(scenario->stores.rollups, false, &txn));
    CHECK_OK(scenario, mtr_rollups_get_cursor(txn, &next_seq, &watermark_us, &change));
    mtr_rollups_abort(txn);
    CHECK(scenario, watermark_us <= scenario->latest_us, "usage is complete before its time");
}

static bool step_aggregator(struct scenario *scenario)
{
    struct mtr_aggregator_result result = {0};
    struct mtr_diagnostic diagnostic = {0};
    int rc = mtr_aggregator_step(scenario->stores.aggregator, scenario->stores.catalog,
                                 scenario_time(scenario).earliest_us, &result, &diagnostic);
    CHECK(scenario, !rc, "%s: %s", mtr_error_text(rc), diagnostic.text);
    check_watermark(scenario);
    scenario_trace(scenario, "aggregator: %" PRIu64 " events, next %" PRIu64 "%s", result.events,
                   result.next_seq, result.idle ? ", idle" : "");
    return !result.idle;
}

static bool step_rater(struct scenario *scenario, int64_t *next_due_us)
{
    struct mtr_rater_result result = {0};
    struct mtr_diagnostic diagnostic = {0};
    int rc = mtr_rater_step(scenario->stores.rater, scenario->stores.catalog, scenario_time(scenario).now_us,
                            &result, &diagnostic);
    CHECK(scenario, !rc, "%s: %s", mtr_error_text(rc), diagnostic.text);
    CHECK(scenario, !result.failed, "%s", diagnostic.text);
    scenario_trace(scenario, "rater: %u rated, %u closed, %" PRIu64 " charges%s", result.rated, result.closed,
                   result.charges, result.idle ? ", idle" : "");
    *next_due_us = result.next_due_us;
    return !result.idle;
}

static bool step_outbox(struct scenario *scenario, int64_t *next_due_us)
{
    struct mtr_outbox_step_result result = {0};
    struct mtr_diagnostic diagnostic = {0};
    int rc = mtr_outbox_step(scenario->stores.outbox, scenario->stores.catalog,
                             scenario_time(scenario).now_us, &result, &diagnostic);
    CHECK(scenario, !rc, "%s: %s", mtr_error_text(rc), diagnostic.text);
    scenario_trace(scenario, "outbox: %u sent, %u delivered, %u again, %u rejected, %u unknown%s",
                   result.sent, result.delivered, result.retried, result.rejected, result.unknown,
                   result.idle ? ", idle" : "");
    *next_due_us = result.next_due_us;
    return !result.idle;
}

/* By an hour that was wrong, or by days. */
static void set_clock_back(struct scenario *scenario)
{
    const uint32_t span_s = scenario_chance(scenario, 80) ? 3 * 3600 : 4 * 86400;
    scenario->now_us -= (int64_t)scenario_below(scenario, span_s) * MTR_US_PER_SECOND;
    scenario_seen[SEEN_CLOCK_SET_BACK]++;
    scenario_clock_set_back(scenario);
    scenario_trace(scenario, "the clock is set back");
}

/* Mostly minutes, at times days, but never away from a request that waits for its answer. */
static void advance(struct scenario *scenario)
{
    if (scenario_chance(scenario, 4)) {
        set_clock_back(scenario);
        return;
    }
    if (scenario_client_waits(scenario, scenario->now_us - 10 * MTR_US_PER_DAY)) return;
    uint32_t kind = scenario_below(scenario, 100);
    int64_t span_s = kind < 45 ? 600 : kind < 75 ? 6 * 3600 : 6 * 86400;
    scenario->now_us += (int64_t)scenario_below(scenario, (uint32_t)span_s) * MTR_US_PER_SECOND +
                        scenario_below(scenario, 1000000);
    scenario_trace(scenario, "time goes on");
}

static void act(struct scenario *scenario)
{
    int64_t due_us;
    scenario_clock_leap(scenario);
    uint32_t kind = scenario_below(scenario, 100);
    if (scenario_below(scenario, 1000) < scenario->crash_permille) scenario_stores_crash(scenario);
    else if (kind < 9) scenario_client_create(scenario);
    else if (kind < 24) scenario_client_submit(scenario);
    else if (kind < 37) step_intake(scenario);
    else if (kind < 42) housekeep(scenario);
    else if (kind < 57) step_aggregator(scenario);
    else if (kind < 67) step_rater(scenario, &due_us);
    else if (kind < 76) step_outbox(scenario, &due_us);
    else if (kind < 84) scenario_receiver_answer(scenario);
    else if (kind < 86) scenario_operator(scenario);
    else if (kind < 91) scenario_catalog_change(scenario);
    else advance(scenario);
}

/* ---- the phase without faults ---- */

static void drain_collector(struct scenario *scenario)
{
    for (int i = 0; scenario_client_waits(scenario, INT64_MAX); i++) {
        CHECK(scenario, i < DRAIN_ROUNDS_MAX, "requests are not answered");
        scenario_client_submit(scenario);
        step_intake(scenario);
        housekeep(scenario);
    }
    while (housekeep(scenario)) continue;
}

/* Until nothing is left that time at its own pace would not bring. */
static void drain_stages(struct scenario *scenario)
{
    int64_t rate_due_us = INT64_MAX, send_due_us = INT64_MAX;
    for (int i = 0;; i++) {
        CHECK(scenario, i < DRAIN_ROUNDS_MAX, "the pipeline does not drain");
        while (step_aggregator(scenario))
            CHECK(scenario, i++ < DRAIN_ROUNDS_MAX, "the aggregator does not become idle");
        while (step_rater(scenario, &rate_due_us))
            CHECK(scenario, i++ < DRAIN_ROUNDS_MAX, "the rater does not become idle");
        while (scenario->pending_count) scenario_receiver_answer(scenario);
        while (step_outbox(scenario, &send_due_us))
            CHECK(scenario, i++ < DRAIN_ROUNDS_MAX, "the outbox does not become idle");
        scenario_operator(scenario);
        if (scenario->pending_count) continue;
        int64_t due_us = rate_due_us < send_due_us ? rate_due_us : send_due_us;
        if (due_us == INT64_MAX) return;
        if (due_us > scenario->now_us) scenario->now_us = due_us;
    }
}

static void drain(struct scenario *scenario)
{
    scenario->is_healthy = true;
    drain_collector(scenario);
    scenario_catalog_apply_rest(scenario);
    drain_stages(scenario);
    scenario->now_us += 45 * MTR_US_PER_DAY; /* past the periods that have usage, and their grace */
    drain_stages(scenario);
    /* the operator's requeued messages, and a last mark of the watermark */
    scenario->now_us += MTR_US_PER_HOUR;
    drain_stages(scenario);
}

/* ---- one seed ---- */

static void choose_options(struct scenario *scenario)
{
    static const uint32_t small[] = {1, 2, 3, 7, 50, 1000};
    static const int64_t draft_every_us[] = {1, MTR_US_PER_HOUR, 24 * MTR_US_PER_HOUR};
    struct stores *stores = &scenario->stores;
    enum { SMALL = sizeof(small) / sizeof(*small) };
    int64_t grace_us = (int64_t)scenario_below(scenario, 49) * MTR_US_PER_HOUR;
    stores->log_options =
        (struct mtr_log_options){.segment_bytes = 1 << (16 + scenario_below(scenario, 2)),
                                 .segment_events_max = 40 + scenario_below(scenario, 200),
                                 .segment_age_us = (5 + scenario_below(scenario, 20)) * MTR_US_PER_DAY,
                                 .verify_all = scenario_chance(scenario, 30)};
    stores->intake_options =
        (struct mtr_intake_options){.queue_bytes_max = 1 << 20,
                                    .queue_requests_max = 1 + scenario_below(scenario, 6),
                                    .commit_events_max = 1 + scenario_below(scenario, 40),
                                    .commit_bytes_max = 1 << 20,
                                    .dedup_window_us = 45 * MTR_US_PER_DAY,
                                    .lateness_us = 40 * MTR_US_PER_DAY,
                                    .future_us = 300 * MTR_US_PER_SECOND,
                                    .retention_us = 1000 * MTR_US_PER_DAY,
                                    .grace_us = grace_us,
                                    .on_answer = scenario_on_answer,
                                    .context = scenario};
    stores->aggregator_options.step_events_max = small[scenario_below(scenario, SMALL)];
    stores->rater_options = mtr_rater_options_default();
    stores->rater_options.grace_us = grace_us;
    stores->rater_options.draft_every_us = draft_every_us[scenario_below(scenario, 3)];
    stores->rater_options.step_rows_max = small[scenario_below(scenario, SMALL)];
    stores->rater_options.step_ratings_max = small[scenario_below(scenario, SMALL)];
    stores->outbox_options = mtr_outbox_options_default();
    stores->outbox_options.scan_charges_max = small[scenario_below(scenario, SMALL)];
    stores->outbox_options.seed = scenario->seed;
}

static struct scenario *begin_run(uint64_t seed, bool is_loud)
{
    static const char *const beginnings[] = {"2026-02-20T00:00:00Z", "2018-09-25T07:00:00Z",
                                             "2019-01-25T22:30:00Z", "2026-09-01T00:00:00Z",
                                             "2027-12-15T12:00:00Z"};
    struct scenario *scenario = calloc(1, sizeof(*scenario));
    assert_non_null(scenario);
    scenario->seed = seed;
    scenario->is_loud = is_loud;
    scenario->random.state = seed * UINT64_C(0x2545f4914f6cdd1d);
    scenario->trace_hash = 1;
    mtr_arena_init(&scenario->arena, SCENARIO_ARENA_CHUNK, SCENARIO_ARENA_BYTES_MAX);
    CHECK_OK(scenario,
             mtr_time_parse(mtr_str_from(beginnings[scenario_below(scenario, 5)]), &scenario->begin_us));
    scenario->now_us = scenario->begin_us;
    scenario->crash_permille = scenario_chance(scenario, 20) ? 0 : 4 + scenario_below(scenario, 12);
    scenario->crashes_by_copy = scenario_chance(scenario, 40);
    scenario->all_end = scenario_chance(scenario, 50);
    scenario->client.answers = scenario_alloc(scenario, ANSWERS_MAX, sizeof(*scenario->client.answers));
    snprintf(scenario->stores.root, sizeof(scenario->stores.root), "%s/meterd-scenario-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    CHECK(scenario, mkdtemp(scenario->stores.root), "no directory");
    choose_options(scenario);
    scenario_clock_begin(scenario);
    scenario_stores_open(scenario);
    scenario_catalog_plan(scenario);
    scenario_catalog_apply_first(scenario);
    return scenario;
}

static uint64_t result_counts[MTR_RESULT_COUNT];

static uint64_t run(uint64_t seed, bool is_loud, bool with_laws)
{
    struct scenario *scenario = begin_run(seed, is_loud);
    for (int i = 0; i < ACTIONS; i++) act(scenario);
    drain(scenario);
    if (with_laws) scenario_laws(scenario);
    for (int code = 0; code < MTR_RESULT_COUNT; code++) result_counts[code] += scenario->client.counts[code];
    uint64_t hash = scenario->trace_hash;
    scenario_stores_close(scenario, false);
    scenario_stores_remove(scenario);
    mtr_arena_release(&scenario->arena);
    free(scenario);
    return hash;
}

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
    uint64_t number;
    const char *text = getenv(name);
    if (!text) return otherwise;
    if (!mtr_str_to_u64(mtr_str_from(text), &number)) fail_msg("%s=%s is no number", name, text);
    return number;
}

static void every_seed_keeps_the_laws(void **state)
{
    uint64_t one = number_from_environment("METERD_SEED", 0),
             last = number_from_environment("METERD_SEEDS", SEEDS_DEFAULT);
    (void)state;
    for (uint64_t seed = one ? one : 1; seed <= (one ? one : last); seed++) {
        uint64_t first = run(seed, one != 0, true);
        bool is_repeated = one || seed % 4 == 0;
        if (is_repeated && run(seed, false, false) != first)
            fail_msg("seed %" PRIu64 " runs another way the second time", seed);
    }
    print_message("%" PRIu64 " seeds\n", one ? 1 : last);
}

/* Runs that meet nothing prove nothing. */
static void every_kind_of_trouble_was_met(void **state)
{
    bool is_enough =
        !getenv("METERD_SEED") && number_from_environment("METERD_SEEDS", SEEDS_DEFAULT) >= SEEDS_DEFAULT;
    (void)state;
    for (int i = 0; i < MTR_RESULT_COUNT; i++) {
        print_message("%s %" PRIu64 ", ", mtr_result_name((enum mtr_result_code)i), result_counts[i]);
        if (is_enough && i != MTR_RESULT_UNPROCESSED && !result_counts[i])
            fail_msg("no result is %s", mtr_result_name((enum mtr_result_code)i));
    }
    for (int i = 0; i < SEEN_COUNT; i++) {
        print_message("%s %" PRIu64 "%s", scenario_seen_names[i], scenario_seen[i],
                      i + 1 < SEEN_COUNT ? ", " : "\n");
        if (is_enough && !scenario_seen[i]) fail_msg("%s never happened", scenario_seen_names[i]);
    }
    const uint64_t closed = scenario_seen[SEEN_CLOSED_PERIOD], asked = scenario_seen[SEEN_ANSWERED_PERIOD];
    if (is_enough && (asked * 4 < closed || asked < SEEDS_DEFAULT))
        fail_msg("of %" PRIu64 " closed periods %" PRIu64 " were asked about", closed, asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_seed_keeps_the_laws),
                                       cmocka_unit_test(every_kind_of_trouble_was_met)};
    /* Every environment of LMDB asks for megabytes that it hardly touches. Mapped, they stay untouched,
     * and recovery's fork is cheap. */
    mallopt(M_MMAP_THRESHOLD, 1 << 17);
    return cmocka_run_group_tests_name("scenario", tests, NULL, NULL);
}
