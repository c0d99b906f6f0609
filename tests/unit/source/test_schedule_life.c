/*
 * The life of a source whose clock pauses and jumps, and whose start and terms move: each scan is held against one by hand, and each
 * window ends settled by a reading that its plan asks for last, and none is asked for without need.
 */
#include "tests/support/source/plans.h"

#include "tests/support/random.h"

enum { WINDOWS_MAX = 8192, TERMS_MAX = 3 };

struct life {
    struct plan made;
    struct random_source random;
    struct {
        struct mtr_window window;
        struct mtr_window_history history;
        unsigned readings, drafts;
        bool is_kept_back;
    } ledger[WINDOWS_MAX];
    unsigned count, times_back;
    struct mtr_plan_term terms[TERMS_MAX]; /* of the plan, where it has some */
    unsigned slots[2 * WINDOWS_MAX]; /* row + 1 by the window's begin */
    int64_t now_us, unsettled_us;
    bool was_draft; /* the reading before */
};

static struct mtr_window first_of(const struct life *life)
{
    return mtr_window_at(&life->made.window, life->made.plan.start_us);
}

static unsigned row_of(struct life *life, const struct mtr_window *window)
{
    uint64_t slot = (uint64_t)window->from_us * UINT64_C(0x9e3779b97f4a7c15) >> 50;
    for (; life->slots[slot]; slot = (slot + 1) % (2 * WINDOWS_MAX))
        if (life->ledger[life->slots[slot] - 1].window.from_us == window->from_us) return life->slots[slot] - 1;
    assert_true(life->count < WINDOWS_MAX);
    life->ledger[life->count].window = *window;
    life->slots[slot] = life->count + 1;
    return life->count++;
}

static bool history_of(void *context, const struct mtr_window *window, struct mtr_window_history *out)
{
    struct life *life = context;
    const unsigned row = row_of(life, window);
    *out = life->ledger[row].history;
    return !life->ledger[row].is_kept_back;
}

static bool is_asked(const struct life *life, const struct mtr_window *window)
{
    bool overlaps = !life->made.plan.term_count;
    for (unsigned i = 0; i < life->made.plan.term_count; i++)
        overlaps = overlaps || (life->terms[i].from_us < window->to_us && window->from_us < life->terms[i].until_us);
    return overlaps;
}

/* Where the first window begins that a later term makes. */
static int64_t next_begin(const struct life *life)
{
    int64_t begin_us = INT64_MAX;
    for (unsigned i = 0; i < life->made.plan.term_count; i++) {
        const int64_t from_us = mtr_time_later(life->terms[i].from_us, life->made.plan.start_us);
        const struct mtr_window window = mtr_window_at(&life->made.window, from_us);
        if (life->terms[i].until_us > window.from_us && window.from_us > life->now_us) begin_us = mtr_time_sooner(begin_us, window.from_us);
    }
    return begin_us;
}

/* Others than before, and what was passed over is looked at once more. */
static void change_terms(struct life *life)
{
    int64_t at_us = instant("2026-02-10");
    life->made.plan.terms = life->terms;
    life->made.plan.term_count = 1 + (uint32_t)random_below(&life->random, TERMS_MAX);
    for (unsigned i = 0; i < life->made.plan.term_count; i++) {
        const bool is_last = i + 1 == life->made.plan.term_count;
        life->terms[i].from_us = at_us += (int64_t)random_below(&life->random, 60 * 24) * MTR_US_PER_HOUR;
        at_us += 1 + (int64_t)random_below(&life->random, 40 * 24) * MTR_US_PER_HOUR;
        life->terms[i].until_us = is_last && random_below(&life->random, 2) ? INT64_MAX : at_us;
        at_us++;
    }
    life->unsettled_us = 0;
}

/* Fresh ones first; drafts and all others by turns. */
static int place_of(const struct life *life, const struct mtr_due *due)
{
    static const int places[] = {[MTR_DUE_FRESH] = 0, [MTR_DUE_REREAD] = 2, [MTR_DUE_BACKFILL] = 3};
    return due->order != MTR_DUE_DRAFT ? places[due->order] : life->was_draft ? 4 : 1;
}

/* By hand: all windows up to now, one after the other. */
static void check_scan(struct life *life, const struct mtr_due_scan *scan)
{
    bool has_due = false;
    struct mtr_due best = {0};
    int64_t next_us = INT64_MAX;
    for (struct mtr_window window = first_of(life); window.from_us <= life->now_us; window = mtr_window_next(&life->made.window, &window)) {
        struct mtr_window_history known = {0};
        if (!is_asked(life, &window)) continue;
        const bool is_free = history_of(life, &window, &known);
        struct mtr_due due = mtr_window_due(&life->made.plan, &window, &known, life->now_us);
        if (due.kind != MTR_DUE_READ || !is_free) continue;
        const bool is_old = window.to_us <= scan->old_us;
        if (is_old) due.order = MTR_DUE_BACKFILL;
        if (is_old && has_due) continue; /* the oldest is enough */
        assert_true(!is_old || due.due_us <= life->now_us || known.wait_until_us > life->now_us); /* its whole plan is over */
        if (due.due_us > life->now_us) next_us = mtr_time_sooner(next_us, due.due_us);
        else if (!has_due || place_of(life, &due) < place_of(life, &best) || (due.order == best.order && due.due_us < best.due_us)) {
            has_due = true;
            best = due;
        }
    }
    assert_int_equal(scan->has_due, has_due);
    if (has_due) assert_true(scan->due.order == best.order && scan->due.due_us == best.due_us);
    else if (life->made.plan.term_count) {
        const struct mtr_window here = mtr_window_at(&life->made.window, life->now_us);
        const int64_t begin_us = mtr_time_sooner(next_us, next_begin(life));
        assert_true((scan->has_next ? scan->next_us : INT64_MAX) == begin_us || (is_asked(life, &here) && scan->next_us == next_us));
    } else if (next_us != INT64_MAX) assert_true(scan->has_next && scan->next_us == next_us);
}

static void look(struct life *life, struct mtr_due_scan *scan)
{
    mtr_due_scan_begin(scan, &life->made.plan, life->unsettled_us, life->now_us);
    scan->was_draft = life->was_draft;
    for (unsigned steps = 0; !mtr_due_scan_step(scan, &life->made.plan, history_of, life, 1 + (uint32_t)random_below(&life->random, 40)); steps++)
        assert_true(steps < WINDOWS_MAX);
    life->unsettled_us = scan->unsettled_us;
}

static void read_due(struct life *life, const struct mtr_due_scan *scan)
{
    const unsigned row = row_of(life, &scan->window);
    struct mtr_window_history *known = &life->ledger[row].history;
    assert_true(is_asked(life, &scan->window));
    if (random_below(&life->random, 5) == 0) {
        known->wait_until_us = life->now_us + 1 + (int64_t)random_below(&life->random, 600) * MTR_US_PER_SECOND;
        return;
    }
    *known = (struct mtr_window_history){.read_us = life->now_us};
    life->ledger[row].readings += !scan->due.is_draft;
    life->ledger[row].drafts += scan->due.is_draft;
    life->was_draft = scan->due.is_draft;
}

/* A few thousand moments: mostly to the next due time, now and then a pause, a jump ahead or back, a moved start. */
static void live(struct life *life, int64_t end_us)
{
    for (unsigned step = 0; step < 6000 && life->now_us < end_us; step++) {
        struct mtr_due_scan scan;
        look(life, &scan);
        if (random_below(&life->random, 20) == 0) check_scan(life, &scan);
        const struct mtr_window here = mtr_window_at(&life->made.window, life->now_us);
        if (!scan.has_due && !is_asked(life, &here)) assert_true((scan.has_next ? scan.next_us : INT64_MAX) <= next_begin(life)); /* it wakes */
        if (scan.has_due) read_due(life, &scan);
        else life->now_us = scan.has_next ? mtr_time_later(scan.next_us, life->now_us + 1) : life->now_us + MTR_US_PER_HOUR;
        const uint64_t fate = random_below(&life->random, 300);
        if (fate == 0) life->now_us += (int64_t)random_below(&life->random, 20) * MTR_US_PER_DAY;
        if (fate == 1) life->now_us = mtr_time_later(life->now_us - (int64_t)random_below(&life->random, 72) * MTR_US_PER_HOUR, life->made.window.start_us);
        if (fate == 2) life->made.window.start_us = mtr_time_later(life->made.window.start_us - (int64_t)random_below(&life->random, 5) * MTR_US_PER_DAY, 0);
        life->times_back += fate == 1;
        if (fate == 3 && life->made.plan.term_count) change_terms(life);
        if (fate == 1 || fate == 2) life->unsettled_us = 0; /* as schedule.h says */
    }
}

/* No fault more, and a clock that only goes on: everything comes to rest. */
static void drain(struct life *life)
{
    const int64_t end_us = life->now_us + 60 * MTR_US_PER_DAY;
    life->unsettled_us = 0;
    for (unsigned step = 0; life->now_us < end_us; step++) {
        struct mtr_due_scan scan;
        assert_true(step < 20000);
        look(life, &scan);
        if (!scan.has_due) {
            assert_true(scan.has_next || life->made.plan.term_count);
            life->now_us = scan.has_next ? mtr_time_later(scan.next_us, life->now_us + 1) : end_us;
            continue;
        }
        const unsigned row = row_of(life, &scan.window);
        life->ledger[row].history = (struct mtr_window_history){.read_us = life->now_us};
        life->ledger[row].readings += !scan.due.is_draft;
    }
}

static void check_rest(struct life *life)
{
    const struct mtr_reading_plan *plan = &life->made.plan;
    const int64_t end_us = life->now_us - 45 * MTR_US_PER_DAY;
    for (struct mtr_window window = first_of(life); window.to_us < end_us; window = mtr_window_next(plan->window, &window)) {
        if (!is_asked(life, &window)) continue;
        const unsigned row = row_of(life, &window);
        const struct mtr_due due = mtr_window_due(plan, &window, &life->ledger[row].history, life->now_us);
        if (plan->window->vendor_keeps_us && due.kind == MTR_DUE_FORGOTTEN) continue;
        assert_int_equal(due.kind, MTR_DUE_SETTLED);
        assert_true(life->ledger[row].history.read_us >= window.to_us + plan->window->lateness_us);
    }
    for (unsigned i = 0; i < life->count; i++) { /* each time the clock goes back, all may be asked for once more */
        const struct mtr_window *window = &life->ledger[i].window;
        const int64_t drafts = plan->window->open_us ? (window->to_us - window->from_us) / plan->window->open_us + 1 : 0;
        assert_true(life->ledger[i].readings <= (plan->window->reread_count + 1) * (life->times_back + 1));
        assert_true(life->ledger[i].drafts <= drafts * (life->times_back + 1));
    }
}

static void test_life(void **state)
{
    (void)state;
    static const char *const lengths[] = {"hour", "day", "7d", "month", "6h"};
    static const char *const zones[] = {"Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"};
    static const char *const everies[] = {"1m", "15m", "1h", "1d"};
    const char *seed_text = getenv("METERD_SEED"), *seeds_text = getenv("METERD_SEEDS");
    const uint64_t first = seed_text ? strtoull(seed_text, NULL, 10) : 1, seeds = seed_text ? 1 : seeds_text ? strtoull(seeds_text, NULL, 10) : 9;
    static struct life life;
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct mtr_zone *zone;
        printf("METERD_SEED=%" PRIu64 "\n", seed);
        memset(&life, 0, sizeof(life));
        life.random.state = seed;
        assert_int_equal(mtr_zone_open(mtr_str_from(zones[random_below(&life.random, 5)]), &zone), MTR_OK);
        make_plan(&life.made, lengths[random_below(&life.random, 5)]);
        life.made.schedule.zone = life.made.window.zone = zone;
        life.made.schedule.every_us = duration(everies[random_below(&life.random, 4)]);
        life.made.schedule.jitter_us = random_below(&life.random, 2) ? duration("5m") : 0;
        life.made.window.open_us = random_below(&life.random, 2) ? duration("3h") : 0;
        life.made.window.vendor_keeps_us = random_below(&life.random, 3) ? 0 : duration("90d");
        life.made.plan.start_us = instant("2026-02-20");
        life.now_us = life.made.plan.start_us + (int64_t)random_below(&life.random, 30) * MTR_US_PER_DAY; /* created late */
        if (random_below(&life.random, 2)) change_terms(&life);
        live(&life, instant("2026-05-01"));
        drain(&life);
        check_rest(&life);
        mtr_zone_close(zone);
    }
}

/* A source that begins in the future sleeps until then. */
/* A vendor who takes longer for a report than the schedule waits: last month is due again each time, and this month has its turn. */
static void test_a_slow_vendor_is_asked_for_both_periods(void **state)
{
    (void)state;
    struct life *life = calloc(1, sizeof(*life));
    struct mtr_due_scan scan;
    make_plan(&life->made, "periods");
    life->made.schedule.every_us = duration("1h");
    life->made.window.has_current = life->made.window.has_last = true;
    life->now_us = instant("2026-03-10");
    unsigned of_last = 0, of_current = 0;
    for (int i = 0; i < 20; i++) {
        look(life, &scan);
        assert_true(scan.has_due);
        life->now_us += duration("90m");
        life->was_draft = scan.due.is_draft;
        life->ledger[row_of(life, &scan.window)].history.read_us = life->now_us - duration("90m"); /* as of when it was asked for */
        of_current += scan.due.is_draft;
        of_last += !scan.due.is_draft;
    }
    assert_true(of_current >= 9 && of_last >= 9);
    free(life);
}

static void test_scan_before_the_start(void **state)
{
    (void)state;
    static struct life life;
    struct mtr_due_scan scan;
    make_plan(&life.made, "day");
    life.now_us = instant("2025-12-01");
    look(&life, &scan);
    assert_true(!scan.has_due && scan.has_next && scan.next_us == instant("2026-01-01"));
    life.now_us = instant("2026-01-10"); /* what was settled up to next year, a clock that was ahead has said */
    mtr_due_scan_begin(&scan, &life.made.plan, instant("2027-01-01"), life.now_us);
    assert_true(scan.at_us == instant("2026-01-01") && !scan.has_next);
    assert_int_equal(mtr_window_expected_us(&life.made.plan, &(struct mtr_window){0, instant("2026-01-02")}), instant("2026-01-02T06:00:00Z"));
}

/* A backfill of years: each look takes the oldest window, and does not see those behind it. */
static void test_backfill_is_cheap(void **state)
{
    (void)state;
    static struct life life;
    memset(&life, 0, sizeof(life));
    make_plan(&life.made, "hour");
    life.made.plan.start_us = instant("2016-01-01");
    life.now_us = instant("2026-03-20");
    for (unsigned i = 0; i < 50; i++) {
        struct mtr_due_scan scan;
        mtr_due_scan_begin(&scan, &life.made.plan, life.unsettled_us, life.now_us);
        assert_true(mtr_due_scan_step(&scan, &life.made.plan, history_of, &life, 2000)); /* of 89,000 */
        assert_true(scan.has_due);
        if (scan.due.order == MTR_DUE_BACKFILL) assert_int_equal(scan.window.from_us, life.made.plan.start_us + (int64_t)(i - 1) * MTR_US_PER_HOUR);
        else assert_int_equal(i, 0); /* the newest hour goes first */
        life.ledger[row_of(&life, &scan.window)].history.read_us = life.now_us;
        life.unsettled_us = scan.unsettled_us;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_scan_before_the_start),
        cmocka_unit_test(test_a_slow_vendor_is_asked_for_both_periods),
        cmocka_unit_test(test_backfill_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
