/*
 * Ticks of a schedule, jitter, and out of them what is due: all of it functions of instants and
 * hashes.
 */
#include "meterd/source/schedule.h"

#include "lib/source/clock.h"
#include "meterd/core/time.h"

/* ---- ticks ---- */

/* Neither within a day nor whole days: counted from 1970-01-01, whatever clocks do. */
static int64_t elapsed_tick(const struct mtr_source_schedule *schedule, int64_t time_us)
{
    const int64_t first_us = clock_at(schedule->zone, 0, schedule->at_s), every_us = schedule->every_us;
    return first_us - clock_floor_div(first_us - time_us, every_us) * every_us;
}

int64_t mtr_schedule_tick(const struct mtr_source_schedule *schedule, int64_t time_us)
{
    const int64_t every_us = schedule->every_us;
    if (!every_us) return time_us;
    if (every_us > MTR_US_PER_DAY && every_us % MTR_US_PER_DAY) return elapsed_tick(schedule, time_us);
    const int64_t count = mtr_time_later(every_us / MTR_US_PER_DAY, 1);
    const struct clock_days days = clock_days_at(schedule->zone, time_us, count, schedule->at_s);
    const int64_t first_us = clock_at(schedule->zone, days.first, schedule->at_s);
    const int64_t next_us = clock_at(schedule->zone, days.end, schedule->at_s);
    if (every_us >= MTR_US_PER_DAY) return first_us == time_us ? first_us : next_us;
    const int64_t ticks = (time_us - first_us + every_us - 1) / every_us;
    return mtr_time_sooner(first_us + ticks * every_us, next_us);
}

/* ---- hashes ---- */

uint64_t mtr_schedule_key(struct mtr_str source, struct mtr_str each)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a, a NUL between the two */
    for (size_t i = 0; i <= source.size + each.size; i++) {
        const struct mtr_str of = i <= source.size ? source : each;
        const size_t at = i <= source.size ? i : i - source.size - 1;
        const char byte = at < of.size ? of.data[at] : '\0';
        hash = (hash ^ (unsigned char)byte) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* splitmix64: every bit of the word moves half of those that come out. */
static uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* ---- windows ---- */

static int64_t jitter_of(const struct mtr_reading_plan *plan, int64_t salt)
{
    const int64_t jitter_us = plan->schedule->jitter_us;
    return jitter_us ? (int64_t)(mix(mix(plan->key) ^ (uint64_t)salt) % (uint64_t)jitter_us) : 0;
}

static int64_t month_end_of(const struct mtr_reading_plan *plan, const struct mtr_window *window)
{
    const struct mtr_source_window months = {.length = MTR_LENGTH_MONTH, .zone = plan->window->zone};
    return mtr_window_at(&months, window->to_us - 1).to_us;
}

/* What is planned, in order. */
struct planned {
    int64_t at_us[MTR_SOURCE_REREADS_MAX + 1]; /* P0 … Pn */
    uint32_t count;
};

static void insert(struct planned *planned, int64_t at_us)
{
    uint32_t i = planned->count++;
    for (; i > 1 && planned->at_us[i - 1] > at_us; i--) planned->at_us[i] = planned->at_us[i - 1];
    planned->at_us[i] = at_us;
}

static struct planned planned_of(const struct mtr_reading_plan *plan, const struct mtr_window *window,
                                 int64_t forgotten_us)
{
    struct planned planned = {.count = 0};
    const int64_t first_us = window->to_us + plan->window->lateness_us;
    if (first_us >= forgotten_us) return planned;
    insert(&planned, first_us);
    for (uint32_t i = 0; i < plan->window->reread_count; i++) {
        const struct mtr_source_reread *reread = &plan->window->rereads[i];
        const int64_t from_us = reread->is_of_month ? month_end_of(plan, window) : window->to_us;
        const int64_t at_us = from_us + reread->after_us;
        if (at_us > first_us && at_us < forgotten_us) insert(&planned, at_us);
    }
    return planned;
}

/* What a clock that was ahead has written down is not believed. */
static int64_t believed(int64_t time_us, int64_t now_us)
{
    return time_us > now_us + MTR_CLOCK_SLACK_US ? 0 : time_us;
}

/* The next draft of an open window; 0: there is none. */
static int64_t draft_of(const struct mtr_reading_plan *plan, const struct mtr_window *window, int64_t read_us,
                        int64_t now_us)
{
    if (!plan->window->open_us || now_us >= window->to_us) return 0;
    const int64_t open_us = plan->window->open_us;
    const int64_t begun_us = mtr_time_later(read_us - window->from_us, 0);
    const int64_t jitter_us = jitter_of(plan, window->from_us) % open_us;
    const int64_t at_us = window->from_us + (begun_us / open_us + 1) * open_us + jitter_us;
    return at_us < window->to_us ? at_us : 0;
}

/* Waits for a tick, unless the vendor forgets before it. */
static int64_t tick_of(const struct mtr_reading_plan *plan, int64_t planned_us, int64_t salt,
                       int64_t forgotten_us)
{
    const int64_t due_us = mtr_schedule_tick(plan->schedule, planned_us) + jitter_of(plan, salt);
    return due_us < forgotten_us ? due_us : planned_us;
}

/* Nobody waits for longer than a day: what is further off, a clock that was ahead has written down. */
static int64_t wait_of(const struct mtr_window_history *history, int64_t now_us)
{
    return believed(history->wait_until_us, now_us + MTR_US_PER_DAY);
}

/* A newer one is over and planned, too. */
static bool is_old(const struct mtr_reading_plan *plan, const struct mtr_window *window, int64_t now_us)
{
    return mtr_plan_window_at(plan, window->to_us).to_us + plan->window->lateness_us <= now_us;
}

static struct mtr_due planned_due(const struct mtr_reading_plan *plan, const struct mtr_window *window,
                                  int64_t read_us, int64_t now_us)
{
    const int64_t forgotten_us = mtr_window_forgotten_us(plan->window, window);
    const struct planned planned = planned_of(plan, window, forgotten_us);
    const int64_t draft_us = draft_of(plan, window, read_us, now_us);
    uint32_t next = 0;
    while (next < planned.count && planned.at_us[next] <= read_us) next++;
    if (planned.count && next == planned.count) return (struct mtr_due){.kind = MTR_DUE_SETTLED};
    if (now_us >= forgotten_us) return (struct mtr_due){.kind = MTR_DUE_FORGOTTEN, .due_us = forgotten_us};
    if (draft_us) return (struct mtr_due){.order = MTR_DUE_DRAFT, .due_us = draft_us, .is_draft = true};
    if (!planned.count) return (struct mtr_due){.kind = MTR_DUE_FORGOTTEN, .due_us = forgotten_us};
    const int64_t due_us = tick_of(plan, planned.at_us[next], window->from_us, forgotten_us);
    const enum mtr_due_order first = is_old(plan, window, now_us) ? MTR_DUE_BACKFILL : MTR_DUE_FRESH;
    return (struct mtr_due){.order = next ? MTR_DUE_REREAD : first,
                            .due_us = due_us,
                            .is_last = mtr_time_later(due_us, now_us) >= planned.at_us[planned.count - 1]};
}

/* At each tick as long as it has a name. */
static struct mtr_due named_due(const struct mtr_reading_plan *plan, const struct mtr_window *window,
                                int64_t read_us, int64_t now_us)
{
    const int64_t forgotten_us = mtr_window_forgotten_us(plan->window, window);
    const int64_t begin_us = plan->window->has_current ? window->from_us : window->to_us;
    const int64_t tick_us = mtr_schedule_tick(plan->schedule, mtr_time_later(read_us + 1, begin_us));
    const bool is_late = tick_us >= forgotten_us && plan->window->has_last && read_us < window->to_us;
    const int64_t due_us = is_late ? window->to_us : tick_us + jitter_of(plan, window->from_us);
    if (now_us >= forgotten_us || due_us >= forgotten_us)
        return (struct mtr_due){.kind = read_us >= window->to_us ? MTR_DUE_SETTLED : MTR_DUE_FORGOTTEN,
                                .due_us = forgotten_us};
    const bool is_draft = mtr_time_later(due_us, now_us) < window->to_us;
    return (struct mtr_due){.order = is_draft                  ? MTR_DUE_DRAFT
                                     : read_us < window->to_us ? MTR_DUE_FRESH
                                                               : MTR_DUE_REREAD,
                            .due_us = due_us,
                            .is_draft = is_draft};
}

struct mtr_due mtr_window_due(const struct mtr_reading_plan *plan, const struct mtr_window *window,
                              const struct mtr_window_history *history, int64_t now_us)
{
    const int64_t read_us = believed(history->read_us, now_us);
    const bool is_named = plan->window->length == MTR_LENGTH_PERIODS;
    struct mtr_due due = is_named ? named_due(plan, window, read_us, now_us)
                                  : planned_due(plan, window, read_us, now_us);
    if (due.kind == MTR_DUE_READ)
        due.due_us = mtr_time_later(due.due_us, wait_of(history, now_us));
    return due;
}

/* No window of it begins before the one of the era before it has ended. */
static struct mtr_window cut(struct mtr_window window, int64_t begin_us)
{
    return (struct mtr_window){mtr_time_later(window.from_us, begin_us), window.to_us};
}

struct mtr_window mtr_plan_window_at(const struct mtr_reading_plan *plan, int64_t time_us)
{
    int64_t begin_us = INT64_MIN;
    for (uint32_t i = 0; i < plan->era_count; i++) {
        const struct mtr_source_era *era = &plan->eras[i];
        const bool is_feed = era->window.length == MTR_LENGTH_CURSOR;
        if (era->until_us < begin_us || is_feed) continue; /* over before a window of it could begin */
        const int64_t end_us = mtr_window_at(&era->window, era->until_us).to_us;
        if (time_us < end_us) return cut(mtr_window_at(&era->window, time_us), begin_us);
        begin_us = end_us;
    }
    return cut(mtr_window_at(plan->window, time_us), begin_us);
}

int64_t mtr_plan_asked_from(const struct mtr_reading_plan *plan, int64_t time_us)
{
    if (!plan->term_count) return time_us;
    for (uint32_t i = 0; i < plan->term_count; i++)
        if (time_us < plan->terms[i].until_us) return mtr_time_later(time_us, plan->terms[i].from_us);
    return INT64_MAX;
}

/* Those in which something may have been read. A feed has no windows. */
static void take_eras(const struct mtr_source *source, int64_t first_us, struct mtr_reading_plan *plan)
{
    if (!first_us || source->window.length == MTR_LENGTH_CURSOR) return;
    plan->eras = source->eras;
    plan->era_count = source->era_count;
    for (; plan->era_count && plan->eras->until_us <= first_us; plan->era_count--) plan->eras++;
}

struct mtr_reading_plan mtr_reading_plan_of(const struct mtr_source *source, struct mtr_str each,
                                            int64_t first_us)
{
    const struct mtr_source_window *window = &source->window;
    int64_t start_us = window->has_start ? window->start_us : source->created_us;
    if (window->length == MTR_LENGTH_PERIODS && window->has_last)
        start_us = mtr_window_at(window, start_us).from_us - 1;
    struct mtr_reading_plan plan = {.schedule = &source->schedule,
                                    .window = window,
                                    .start_us = start_us,
                                    .key = mtr_schedule_key(source->key, each)};
    take_eras(source, first_us, &plan);
    return plan;
}

struct mtr_due mtr_feed_due(const struct mtr_reading_plan *plan, const struct mtr_window_history *history,
                            int64_t now_us)
{
    const int64_t read_us = believed(history->read_us, now_us);
    const int64_t after_us = read_us ? read_us + 1 : plan->start_us;
    const int64_t from_us = mtr_plan_asked_from(plan, after_us);
    if (from_us == INT64_MAX) return (struct mtr_due){.kind = MTR_DUE_SETTLED};
    const int64_t tick_us = read_us ? mtr_schedule_tick(plan->schedule, from_us) : from_us;
    const int64_t due_us = tick_us + jitter_of(plan, 0);
    return (struct mtr_due){.order = MTR_DUE_FRESH,
                            .due_us = mtr_time_later(due_us, wait_of(history, now_us))};
}

int64_t mtr_window_expected_us(const struct mtr_reading_plan *plan, const struct mtr_window *window)
{
    const int64_t planned_us = window->to_us + plan->window->lateness_us;
    return mtr_schedule_tick(plan->schedule, planned_us) + plan->schedule->jitter_us;
}

/* ---- many windows ---- */

static int64_t longest_window_us(const struct mtr_source_window *window)
{
    switch (window->length) {
    case MTR_LENGTH_DURATION: return window->length_us + MTR_US_PER_DAY;
    case MTR_LENGTH_MONTH: return 32 * MTR_US_PER_DAY;
    default: return 2 * MTR_US_PER_DAY;
    }
}

int64_t mtr_window_reread_most_us(const struct mtr_source_window *window)
{
    int64_t most_us =
        window->length == MTR_LENGTH_CURSOR ? window->overlap_us : window->lateness_us;
    for (uint32_t i = 0; i < window->reread_count; i++) {
        const struct mtr_source_reread *reread = &window->rereads[i];
        const int64_t month_us = reread->is_of_month ? 32 * MTR_US_PER_DAY : 0;
        most_us = mtr_time_later(most_us, reread->after_us + month_us);
    }
    return most_us;
}

/* From a window's end to the last that its plan may ask for, and until the window behind it is planned, too.
 * */
static int64_t longest_plan_us(const struct mtr_reading_plan *plan)
{
    const int64_t longest_us = mtr_window_reread_most_us(plan->window) + plan->schedule->every_us +
                               plan->schedule->jitter_us;
    int64_t window_us = longest_window_us(plan->window);
    for (uint32_t i = 0; i < plan->era_count; i++)
        window_us = mtr_time_later(window_us, longest_window_us(&plan->eras[i].window));
    return longest_us + window_us;
}

static void note_next(struct mtr_due_scan *scan, int64_t due_us)
{
    scan->next_us = scan->has_next ? mtr_time_sooner(scan->next_us, due_us) : due_us;
    scan->has_next = true;
}

/* From the window that is next to the first that is read. */
static void pass_over(struct mtr_due_scan *scan, const struct mtr_reading_plan *plan)
{
    const int64_t before_us = scan->at_us, asked_us = mtr_plan_asked_from(plan, before_us);
    if (asked_us == before_us) return;
    scan->at_us = asked_us == INT64_MAX ? INT64_MAX : mtr_plan_window_at(plan, asked_us).from_us;
    if (scan->at_us == before_us) return;
    if (scan->at_us > scan->now_us && scan->at_us < INT64_MAX) note_next(scan, scan->at_us);
    if (scan->has_unsettled) return;
    const int64_t most_us = mtr_plan_window_at(plan, scan->now_us).from_us; /* the next scan begins there */
    scan->unsettled_us = mtr_time_sooner(scan->at_us, mtr_time_later(scan->unsettled_us, most_us));
}

void mtr_due_scan_begin(struct mtr_due_scan *scan, const struct mtr_reading_plan *plan, int64_t unsettled_us,
                        int64_t now_us)
{
    const int64_t start_us = plan->start_us;
    const bool is_ahead = unsettled_us > now_us || unsettled_us < start_us;
    const struct mtr_window window = mtr_plan_window_at(plan, is_ahead ? start_us : unsettled_us);
    *scan = (struct mtr_due_scan){.now_us = now_us, .at_us = window.from_us, .unsettled_us = window.from_us};
    scan->old_us = plan->window->length == MTR_LENGTH_PERIODS ? 0 : now_us - longest_plan_us(plan);
    if (window.from_us > now_us) note_next(scan, window.from_us);
    pass_over(scan, plan);
}

/* A draft stands before what is read again or of long ago, or behind all. */
static unsigned rank_of(const struct mtr_due_scan *scan, const struct mtr_due *due)
{
    if (!due->is_draft) return 2 * due->order;
    return scan->was_draft ? 2 * MTR_DUE_BACKFILL + 1 : 2 * MTR_DUE_REREAD - 1;
}

static bool goes_before(const struct mtr_due_scan *scan, const struct mtr_due *due)
{
    const unsigned rank = rank_of(scan, due), first = rank_of(scan, &scan->due);
    return rank != first ? rank < first : due->due_us < scan->due.due_us;
}

static void take(struct mtr_due_scan *scan, const struct mtr_window *window, const struct mtr_due *due)
{
    if (due->due_us > scan->now_us) {
        note_next(scan, due->due_us);
    } else if (!scan->has_due || goes_before(scan, due)) {
        scan->has_due = true;
        scan->window = *window;
        scan->due = *due;
    }
}

/* The window's part in the scan. */
static void look_at(struct mtr_due_scan *scan, const struct mtr_window *window, struct mtr_due due,
                    bool is_free)
{
    const bool is_over = due.kind == MTR_DUE_SETTLED ||
                         (due.kind == MTR_DUE_FORGOTTEN && scan->now_us >= due.due_us);
    const bool is_old = window->to_us <= scan->old_us;
    if (is_over && !scan->has_unsettled) scan->unsettled_us = window->to_us;
    scan->has_unsettled = scan->has_unsettled || !is_over;
    if (is_old) due.order = MTR_DUE_BACKFILL;
    if (due.kind == MTR_DUE_READ && is_free) take(scan, window, &due);
    scan->at_us = window->to_us;
}

bool mtr_due_scan_step(struct mtr_due_scan *scan, const struct mtr_reading_plan *plan,
                       bool (*history_of)(void *context, const struct mtr_window *window,
                                        struct mtr_window_history *out),
                       void *context, uint32_t windows_max)
{
    for (uint32_t i = 0; i < windows_max && scan->at_us <= scan->now_us; i++) {
        const struct mtr_window window = mtr_plan_window_at(plan, scan->at_us);
        struct mtr_window_history history = {0};
        const bool is_free = history_of(context, &window, &history);
        look_at(scan, &window, mtr_window_due(plan, &window, &history, scan->now_us), is_free);
        if (scan->has_due && scan->at_us <= scan->old_us) {
            const struct mtr_window edge = mtr_plan_window_at(plan, scan->old_us);
            scan->at_us = mtr_time_later(scan->at_us, edge.from_us); /* other old ones have time */
        }
        pass_over(scan, plan);
    }
    if (scan->at_us <= scan->now_us) return false;
    /* The last tick of `current` was: its next month comes. */
    if (!scan->has_due && !scan->has_next && scan->at_us < INT64_MAX) note_next(scan, scan->at_us);
    return true;
}
