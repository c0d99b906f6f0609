/*
 * Limits of windows, by a zone's clock and calendar.
 *
 * Invariants: 1 from ≤ time < to, for each window that holds a time; 2 the next window begins where this one
 * ends.
 */
#include "meterd/source/window.h"

#include "lib/source/clock.h"
#include "meterd/core/time.h"

/* ---- limits ---- */

/* Which piece of local time a span's clock shows. */
static int64_t piece_of(int64_t piece_us, int64_t time_us, const struct mtr_zone_span *span)
{
    return clock_floor_div(time_us + span->offset_s * MTR_US_PER_SECOND, piece_us);
}

/* Back over changes of the clock, as long as it showed the same piece before them. */
static int64_t piece_begin(const struct mtr_zone *zone, struct mtr_zone_span span, int64_t piece_us,
                           int64_t piece)
{
    for (;;) {
        const int64_t begin_us = piece * piece_us - span.offset_s * MTR_US_PER_SECOND;
        if (begin_us > span.start_us) return begin_us;
        const struct mtr_zone_span before = clock_span(zone, span.start_us - 1);
        if (piece_of(piece_us, span.start_us - 1, &before) != piece) return span.start_us;
        span = before;
    }
}

static int64_t piece_end(const struct mtr_zone *zone, struct mtr_zone_span span, int64_t piece_us,
                         int64_t piece)
{
    for (;;) {
        const int64_t end_us = (piece + 1) * piece_us - span.offset_s * MTR_US_PER_SECOND;
        if (end_us < span.end_us) return end_us;
        const struct mtr_zone_span after = clock_span(zone, span.end_us);
        if (piece_of(piece_us, span.end_us, &after) != piece) return span.end_us;
        span = after;
    }
}

/* The stretch in which the clock shows one piece of the day. */
static struct mtr_window piece_at(const struct mtr_zone *zone, int64_t piece_us, int64_t time_us)
{
    const struct mtr_zone_span span = clock_span(zone, time_us);
    const int64_t piece = piece_of(piece_us, time_us, &span);
    return (struct mtr_window){piece_begin(zone, span, piece_us, piece),
                               piece_end(zone, span, piece_us, piece)};
}

static struct mtr_window days_at(const struct mtr_zone *zone, int64_t count, int64_t time_us)
{
    const struct clock_days days = clock_days_at(zone, time_us, count, 0);
    return (struct mtr_window){clock_at(zone, days.first, 0), clock_at(zone, days.end, 0)};
}

/* Months since year 0. */
static int64_t month_begin(const struct mtr_zone *zone, int64_t month)
{
    return clock_at(zone, mtr_days_from_civil((int32_t)(month / 12), (unsigned)(month % 12) + 1, 1), 0);
}

static struct mtr_window month_at(const struct mtr_zone *zone, int64_t time_us)
{
    int32_t year;
    unsigned of_year, day;
    mtr_civil_from_days(clock_day(zone, time_us), &year, &of_year, &day);
    int64_t month = (int64_t)year * 12 + of_year - 1;
    while (month_begin(zone, month) > time_us) month--;
    while (month_begin(zone, month + 1) <= time_us) month++;
    return (struct mtr_window){month_begin(zone, month), month_begin(zone, month + 1)};
}

static struct mtr_window duration_at(const struct mtr_source_window *rule, int64_t time_us)
{
    const int64_t length_us = rule->length_us;
    MTR_ASSERT(length_us >= MTR_US_PER_SECOND);
    if (length_us % MTR_US_PER_DAY == 0) return days_at(rule->zone, length_us / MTR_US_PER_DAY, time_us);
    if (MTR_US_PER_DAY % length_us == 0) return piece_at(rule->zone, length_us, time_us);
    const int64_t from_us = clock_floor_div(time_us, length_us) * length_us;
    return (struct mtr_window){from_us, from_us + length_us};
}

struct mtr_window mtr_window_at(const struct mtr_source_window *rule, int64_t time_us)
{
    struct mtr_window window = {0, 0};
    switch (rule->length) {
    case MTR_LENGTH_HOUR: window = piece_at(rule->zone, MTR_US_PER_HOUR, time_us); break;
    case MTR_LENGTH_DAY: window = days_at(rule->zone, 1, time_us); break;
    case MTR_LENGTH_DURATION: window = duration_at(rule, time_us); break;
    case MTR_LENGTH_MONTH:
    case MTR_LENGTH_PERIODS: window = month_at(rule->zone, time_us); break;
    case MTR_LENGTH_CURSOR: break;
    }
    MTR_ASSERT(window.from_us <= time_us && time_us < window.to_us);
    return window;
}

struct mtr_window mtr_window_next(const struct mtr_source_window *rule, const struct mtr_window *window)
{
    return mtr_window_at(rule, window->to_us);
}

bool mtr_window_is_of(const struct mtr_source_window *rule, const struct mtr_window *window)
{
    const struct mtr_window at = mtr_window_at(rule, window->from_us);
    return at.from_us == window->from_us && at.to_us == window->to_us;
}

bool mtr_window_is_alike(const struct mtr_source_window *a, const struct mtr_source_window *b)
{
    const bool is_duration = a->length == MTR_LENGTH_DURATION;
    return a->length == b->length && a->zone == b->zone && (!is_duration || a->length_us == b->length_us);
}

/* ---- what a vendor gives ---- */

int64_t mtr_window_forgotten_us(const struct mtr_source_window *rule, const struct mtr_window *window)
{
    int64_t forgotten_us = rule->vendor_keeps_us ? window->from_us + rule->vendor_keeps_us : INT64_MAX;
    if (rule->has_current || rule->has_last) {
        const int64_t named_us = rule->has_last ? mtr_window_next(rule, window).to_us : window->to_us;
        forgotten_us = mtr_time_sooner(forgotten_us, named_us);
    }
    return forgotten_us;
}

const char *mtr_window_name(const struct mtr_source_window *rule, const struct mtr_window *window,
                            int64_t now_us)
{
    const struct mtr_window current = mtr_window_at(rule, now_us);
    if (rule->has_current && window->from_us == current.from_us) return "current";
    return rule->has_last && window->to_us == current.from_us ? "last" : NULL;
}

int64_t mtr_window_last_us(const struct mtr_source_window *rule, const struct mtr_window *window,
                           int64_t unit_us)
{
    int64_t last_us = window->to_us - unit_us;
    if (unit_us > 0 && unit_us % MTR_US_PER_DAY == 0) {
        const struct mtr_zone_span span = clock_span(rule->zone, window->to_us);
        const int64_t local_us = window->to_us + span.offset_s * MTR_US_PER_SECOND - unit_us;
        const int64_t day = clock_floor_div(local_us, MTR_US_PER_DAY);
        last_us = clock_at(rule->zone, day, (local_us - day * MTR_US_PER_DAY) / MTR_US_PER_SECOND);
    }
    return mtr_time_later(last_us, window->from_us);
}

/* ---- pieces ---- */

void mtr_split_begin(struct mtr_split *split, const struct mtr_window *window)
{
    *split = (struct mtr_split){.from_us = window->from_us, .ends_us = {window->to_us}, .count = 1};
}

struct mtr_window mtr_split_piece(const struct mtr_split *split)
{
    MTR_ASSERT(split->count);
    return (struct mtr_window){split->from_us, split->ends_us[split->count - 1]};
}

/* Where it is cut: at the midnight in the middle, or after half of the steps of `least`. */
static int64_t middle_of(const struct mtr_source_window *rule, const struct mtr_window *piece,
                         int64_t least_us)
{
    const int64_t first = clock_day(rule->zone, piece->from_us), last = clock_day(rule->zone, piece->to_us);
    const int64_t step = mtr_time_later(least_us / MTR_US_PER_DAY, 1), steps = (last - first) / step;
    if (steps >= 2) return clock_at(rule->zone, first + steps / 2 * step, 0);
    const int64_t pieces = (piece->to_us - piece->from_us) / least_us;
    return piece->from_us + mtr_time_later(pieces / 2, 1) * least_us;
}

bool mtr_split_shrink(struct mtr_split *split, const struct mtr_source_window *rule, int64_t least_us)
{
    const struct mtr_window piece = mtr_split_piece(split);
    if (least_us <= 0 || piece.to_us - piece.from_us <= least_us || split->count == MTR_SPLIT_DEPTH_MAX)
        return false;
    const int64_t middle_us = middle_of(rule, &piece, least_us);
    if (middle_us <= piece.from_us || middle_us >= piece.to_us) return false;
    split->ends_us[split->count++] = middle_us;
    return true;
}

bool mtr_split_next(struct mtr_split *split)
{
    MTR_ASSERT(split->count);
    split->from_us = split->ends_us[--split->count];
    return split->count > 0;
}
