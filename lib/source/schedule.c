/*
 * Ticks of a schedule, jitter and backoff, all of them functions of instants and hashes.
 */
#include "meterd/source/schedule.h"

#include <string.h>

#include "meterd/core/time.h"

#define MINUTE_US (INT64_C(60) * MTR_US_PER_SECOND)
#define BACKOFF_LEAST_US MTR_US_PER_SECOND
#define BACKOFF_BASE_US (10 * MTR_US_PER_SECOND)
#define BACKOFF_MOST_US MTR_US_PER_HOUR
enum { DAYS_MAX = 366, FIRST_MONDAY = 4 /* 1970-01-05 */ };

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- what documents say ---- */

int mtr_schedule_at_parse(struct mtr_str text, int64_t *out_us)
{
    uint64_t hour, minute;
    if (text.size != 5 || text.data[2] != ':') return MTR_EINVALID;
    if (!mtr_str_to_u64((struct mtr_str){text.data, 2}, &hour) || hour > 23) return MTR_EINVALID;
    if (!mtr_str_to_u64((struct mtr_str){text.data + 3, 2}, &minute) || minute > 59) return MTR_EINVALID;
    *out_us = (int64_t)hour * MTR_US_PER_HOUR + (int64_t)minute * MINUTE_US;
    return MTR_OK;
}

const char *mtr_schedule_fault(const struct mtr_schedule *schedule)
{
    const int64_t every_us = schedule->every_us;
    if (every_us && every_us < MINUTE_US) return "`every` is at least 1m";
    if (every_us > MTR_US_PER_DAY && every_us % MTR_US_PER_DAY) return "`every` is up to 1d, or whole days";
    if (every_us / MTR_US_PER_DAY > DAYS_MAX) return "`every` is at most 366d";
    if (every_us && schedule->jitter_us > every_us) return "`jitter` is at most `every`";
    return NULL;
}

int mtr_reread_parse(struct mtr_str text, struct mtr_reread *out, const char **fault)
{
    const struct mtr_str month_end = MTR_STR("month_end");
    *out = (struct mtr_reread){0, mtr_str_starts_with(text, month_end)};
    *fault = "a reread is a duration, as 6h, or one behind the month's end, as month_end+6d";
    if (out->is_of_month_end) {
        if (text.size == month_end.size) return MTR_OK;
        if (text.data[month_end.size] != '+') return MTR_EINVALID;
        text = (struct mtr_str){text.data + month_end.size + 1, text.size - month_end.size - 1};
    }
    return mtr_duration_parse(text, &out->after_us) ? MTR_EINVALID : MTR_OK;
}

/* ---- ticks ---- */

/* `at` of a date; where the clock skips it, when the clock goes on. */
static int64_t at_of_day(const struct mtr_schedule *schedule, int64_t day)
{
    const int64_t minutes = schedule->at_us / MINUTE_US;
    struct mtr_civil civil = {.hour = (uint8_t)(minutes / 60), .minute = (uint8_t)(minutes % 60)};
    unsigned month, of_month;
    mtr_civil_from_days(day, &civil.year, &month, &of_month);
    civil.month = (uint8_t)month;
    civil.day = (uint8_t)of_month;
    return mtr_zone_from_civil(schedule->zone, civil);
}

int64_t mtr_schedule_tick(const struct mtr_schedule *schedule, int64_t time_us)
{
    if (!schedule->every_us) return time_us;
    MTR_ASSERT(schedule->zone && !mtr_schedule_fault(schedule));
    const int64_t days = mtr_time_later(schedule->every_us / MTR_US_PER_DAY, 1);
    const int64_t origin = days % 7 ? 0 : FIRST_MONDAY;
    const struct mtr_civil civil = mtr_zone_to_civil(schedule->zone, time_us);
    const int64_t today = mtr_days_from_civil(civil.year, civil.month, civil.day);
    int64_t day = origin + floor_div(today - origin, days) * days;
    while (at_of_day(schedule, day) > time_us) day -= days;
    while (at_of_day(schedule, day + days) <= time_us) day += days;
    const int64_t first_us = at_of_day(schedule, day), next_us = at_of_day(schedule, day + days);
    if (schedule->every_us >= MTR_US_PER_DAY) return first_us == time_us ? first_us : next_us;
    const int64_t count = (time_us - first_us + schedule->every_us - 1) / schedule->every_us;
    return mtr_time_sooner(first_us + count * schedule->every_us, next_us);
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

/* splitmix64: every bit of key, salt and count moves half of those that come out. */
static uint64_t mix(uint64_t key, uint64_t salt, uint64_t count)
{
    const uint64_t words[3] = {key, salt, count};
    uint64_t z = 0;
    for (unsigned i = 0; i < 3; i++) {
        z = (z ^ words[i]) + UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
    }
    return z;
}

int64_t mtr_backoff_us(uint64_t key, uint64_t salt, uint32_t failures)
{
    MTR_ASSERT(failures);
    int64_t most_us = BACKOFF_BASE_US;
    for (uint32_t i = 1; i < failures && most_us < BACKOFF_MOST_US; i++) most_us *= 2;
    most_us = mtr_time_sooner(most_us, BACKOFF_MOST_US) - BACKOFF_LEAST_US;
    return BACKOFF_LEAST_US + (int64_t)(mix(key, salt, failures) % (uint64_t)most_us);
}

/* ---- windows ---- */

static int64_t jitter_of(const struct mtr_reading_plan *plan, int64_t salt)
{
    const int64_t jitter_us = plan->schedule.jitter_us;
    return jitter_us ? (int64_t)(mix(plan->key, (uint64_t)salt, 0) % (uint64_t)jitter_us) : 0;
}

static int64_t month_end_of(const struct mtr_reading_plan *plan, const struct mtr_window *window)
{
    const struct mtr_window_rule months = {.length = MTR_WINDOW_MONTH, .zone = plan->rule.zone};
    return mtr_window_at(&months, window->to_us - 1).to_us;
}

/* What is planned, in order. */
struct planned {
    int64_t at_us[MTR_REREADS_MAX + 1]; /* P0 … Pn */
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
    const int64_t first_us = window->to_us + plan->lateness_us;
    if (first_us >= forgotten_us) return planned;
    insert(&planned, first_us);
    for (uint32_t i = 0; i < plan->reread_count; i++) {
        const struct mtr_reread *reread = &plan->rereads[i];
        const int64_t from_us = reread->is_of_month_end ? month_end_of(plan, window) : first_us;
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
    const bool is_named = plan->rule.has_last && !plan->rule.has_current; /* only once it is over */
    if (!plan->open_us || now_us >= window->to_us || is_named) return 0;
    const int64_t begun_us = mtr_time_later(read_us - window->from_us, 0);
    const int64_t jitter_us = jitter_of(plan, window->from_us) % plan->open_us;
    const int64_t at_us = window->from_us + (begun_us / plan->open_us + 1) * plan->open_us + jitter_us;
    return at_us < window->to_us ? at_us : 0;
}

/* Waits for a tick, unless the vendor forgets before it. */
static int64_t tick_of(const struct mtr_reading_plan *plan, int64_t planned_us, int64_t salt,
                       int64_t forgotten_us)
{
    const int64_t due_us = mtr_schedule_tick(&plan->schedule, planned_us) + jitter_of(plan, salt);
    return due_us < forgotten_us ? due_us : planned_us;
}

static int64_t after_failures(const struct mtr_reading_plan *plan, int64_t salt,
                              const struct mtr_window_state *state, int64_t now_us)
{
    const int64_t tried_us = believed(state->tried_us, now_us);
    if (!state->failures || !tried_us) return 0;
    const int64_t wait_us = mtr_backoff_us(plan->key, (uint64_t)salt, state->failures);
    const int64_t asked_us = mtr_time_sooner(state->wait_until_us, tried_us + MTR_US_PER_DAY);
    return mtr_time_later(tried_us + wait_us, asked_us);
}

/* A newer one is over and planned, too. */
static bool is_old(const struct mtr_reading_plan *plan, const struct mtr_window *window, int64_t now_us)
{
    return mtr_window_next(&plan->rule, window).to_us + plan->lateness_us <= now_us;
}

static struct mtr_due due_of(const struct mtr_reading_plan *plan, const struct mtr_window *window,
                             int64_t read_us, int64_t now_us)
{
    const int64_t forgotten_us = mtr_window_forgotten_us(&plan->rule, window);
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

struct mtr_due mtr_window_due(const struct mtr_reading_plan *plan, const struct mtr_window *window,
                              const struct mtr_window_state *state, int64_t now_us)
{
    struct mtr_due due = due_of(plan, window, believed(state->read_us, now_us), now_us);
    if (due.kind == MTR_DUE_READ)
        due.due_us = mtr_time_later(due.due_us, after_failures(plan, window->from_us, state, now_us));
    return due;
}

struct mtr_due mtr_feed_due(const struct mtr_reading_plan *plan, const struct mtr_window_state *state,
                            int64_t now_us)
{
    const int64_t read_us = believed(state->read_us, now_us);
    const int64_t after_us = read_us ? read_us + 1 : plan->rule.start_us;
    const int64_t tick_us = read_us ? mtr_schedule_tick(&plan->schedule, after_us) : after_us;
    const int64_t due_us = tick_us + jitter_of(plan, 0);
    return (struct mtr_due){.order = MTR_DUE_FRESH,
                            .due_us = mtr_time_later(due_us, after_failures(plan, 0, state, now_us))};
}

int64_t mtr_window_expected_us(const struct mtr_reading_plan *plan, const struct mtr_window *window)
{
    return mtr_schedule_tick(&plan->schedule, window->to_us + plan->lateness_us) + plan->schedule.jitter_us;
}

/* ---- many windows ---- */

void mtr_due_scan_begin(struct mtr_due_scan *scan, const struct mtr_reading_plan *plan, int64_t unsettled_us,
                        int64_t now_us)
{
    const int64_t start_us = plan->rule.start_us;
    const bool is_ahead = unsettled_us > now_us || unsettled_us < start_us;
    const struct mtr_window window = mtr_window_at(&plan->rule, is_ahead ? start_us : unsettled_us);
    *scan = (struct mtr_due_scan){.now_us = now_us, .at_us = window.from_us, .unsettled_us = window.from_us};
    scan->has_next = window.from_us > now_us;
    scan->next_us = window.from_us;
}

static bool goes_before(const struct mtr_due *a, const struct mtr_due *b)
{
    return a->order != b->order ? a->order < b->order : a->due_us < b->due_us;
}

static void take(struct mtr_due_scan *scan, const struct mtr_window *window, const struct mtr_due *due)
{
    if (due->due_us > scan->now_us) {
        scan->next_us = scan->has_next ? mtr_time_sooner(scan->next_us, due->due_us) : due->due_us;
        scan->has_next = true;
    } else if (!scan->has_due || goes_before(due, &scan->due)) {
        scan->has_due = true;
        scan->window = *window;
        scan->due = *due;
    }
}

bool mtr_due_scan_step(struct mtr_due_scan *scan, const struct mtr_reading_plan *plan,
                       bool (*state_of)(void *context, const struct mtr_window *window,
                                        struct mtr_window_state *out),
                       void *context, uint32_t windows_max)
{
    for (uint32_t i = 0; i < windows_max && scan->at_us <= scan->now_us; i++) {
        const struct mtr_window window = mtr_window_at(&plan->rule, scan->at_us);
        struct mtr_window_state state = {0};
        const bool is_free = state_of(context, &window, &state);
        const struct mtr_due due = mtr_window_due(plan, &window, &state, scan->now_us);
        const bool is_over = due.kind == MTR_DUE_SETTLED ||
                             (due.kind == MTR_DUE_FORGOTTEN && scan->now_us >= due.due_us);
        if (is_over && !scan->has_unsettled) scan->unsettled_us = window.to_us;
        scan->has_unsettled = scan->has_unsettled || !is_over;
        if (due.kind == MTR_DUE_READ && is_free) take(scan, &window, &due);
        scan->at_us = window.to_us;
    }
    return scan->at_us > scan->now_us;
}
