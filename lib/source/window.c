/*
 * Limits of windows, by a zone's clock and calendar.
 *
 * Invariants: 1 from ≤ time < to, for each window that holds a time; 2 the next window begins where this one
 * ends.
 */
#include "meterd/source/window.h"

#include "meterd/core/period.h"

enum { DAYS_MAX = 366, FIRST_MONDAY = 4 /* 1970-01-05 */ };

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int mtr_window_length_parse(struct mtr_str text, struct mtr_window_rule *rule, const char **fault)
{
    int64_t us = 0;
    *fault = "a length is hour, day, month, cursor, or a duration that divides a day, as 15m, or whole days";
    rule->length = MTR_WINDOW_PIECES;
    if (mtr_str_equal(text, MTR_STR("hour"))) us = MTR_US_PER_HOUR;
    else if (mtr_str_equal(text, MTR_STR("day"))) us = MTR_US_PER_DAY;
    else if (mtr_str_equal(text, MTR_STR("month"))) rule->length = MTR_WINDOW_MONTH;
    else if (mtr_str_equal(text, MTR_STR("cursor"))) rule->length = MTR_WINDOW_CURSOR;
    else if (mtr_duration_parse(text, &us)) return MTR_EINVALID;
    if (rule->length != MTR_WINDOW_PIECES) return MTR_OK;
    if (us < MTR_US_PER_SECOND || us % MTR_US_PER_SECOND) return MTR_EINVALID;
    if (us < MTR_US_PER_DAY) {
        rule->piece_us = us;
        return MTR_US_PER_DAY % us ? MTR_EINVALID : MTR_OK;
    }
    rule->length = MTR_WINDOW_DAYS;
    rule->days = (int32_t)mtr_time_sooner(us / MTR_US_PER_DAY, DAYS_MAX + 1);
    return us % MTR_US_PER_DAY || rule->days > DAYS_MAX ? MTR_EINVALID : MTR_OK;
}

/* ---- limits ---- */

/* Which piece of local time a span's clock shows. */
static int64_t piece_of(const struct mtr_window_rule *rule, int64_t time_us, const struct mtr_zone_span *span)
{
    return floor_div(time_us + span->offset_s * MTR_US_PER_SECOND, rule->piece_us);
}

/* Back over changes of the clock, as long as it showed the same piece before them. */
static int64_t piece_begin(const struct mtr_window_rule *rule, struct mtr_zone_span span, int64_t piece)
{
    for (;;) {
        const int64_t begin_us = piece * rule->piece_us - span.offset_s * MTR_US_PER_SECOND;
        if (begin_us > span.start_us) return begin_us;
        const struct mtr_zone_span before = mtr_zone_at(rule->zone, span.start_us - 1);
        if (piece_of(rule, span.start_us - 1, &before) != piece) return span.start_us;
        span = before;
    }
}

static int64_t piece_end(const struct mtr_window_rule *rule, struct mtr_zone_span span, int64_t piece)
{
    for (;;) {
        const int64_t end_us = (piece + 1) * rule->piece_us - span.offset_s * MTR_US_PER_SECOND;
        if (end_us < span.end_us) return end_us;
        const struct mtr_zone_span after = mtr_zone_at(rule->zone, span.end_us);
        if (piece_of(rule, span.end_us, &after) != piece) return span.end_us;
        span = after;
    }
}

static struct mtr_window piece_at(const struct mtr_window_rule *rule, int64_t time_us)
{
    const struct mtr_zone_span span = mtr_zone_at(rule->zone, time_us);
    const int64_t piece = piece_of(rule, time_us, &span);
    return (struct mtr_window){piece_begin(rule, span, piece), piece_end(rule, span, piece)};
}

static int64_t local_day(const struct mtr_zone *zone, int64_t time_us)
{
    const struct mtr_civil civil = mtr_zone_to_civil(zone, time_us);
    return mtr_days_from_civil(civil.year, civil.month, civil.day);
}

/* The date's group of days, corrected by the instants: a zone may repeat or skip a midnight. */
static struct mtr_window days_at(const struct mtr_window_rule *rule, int64_t time_us)
{
    const int64_t days = rule->days, origin = days % 7 ? 0 : FIRST_MONDAY;
    int64_t first = origin + floor_div(local_day(rule->zone, time_us) - origin, days) * days;
    while (mtr_zone_midnight(rule->zone, first) > time_us) first -= days;
    while (mtr_zone_midnight(rule->zone, first + days) <= time_us) first += days;
    return (struct mtr_window){mtr_zone_midnight(rule->zone, first),
                               mtr_zone_midnight(rule->zone, first + days)};
}

static struct mtr_window month_at(const struct mtr_window_rule *rule, int64_t time_us)
{
    const struct mtr_period_rule months = {MTR_PERIOD_MONTH, INT64_MIN, rule->zone};
    const struct mtr_period month = mtr_period_at(&months, time_us);
    return (struct mtr_window){month.start_us, month.end_us};
}

struct mtr_window mtr_window_at(const struct mtr_window_rule *rule, int64_t time_us)
{
    struct mtr_window window = {0, 0};
    MTR_ASSERT(rule->zone);
    switch (rule->length) {
    case MTR_WINDOW_PIECES: window = piece_at(rule, time_us); break;
    case MTR_WINDOW_DAYS: window = days_at(rule, time_us); break;
    case MTR_WINDOW_MONTH: window = month_at(rule, time_us); break;
    case MTR_WINDOW_CURSOR: break;
    }
    MTR_ASSERT(window.from_us <= time_us && time_us < window.to_us);
    return window;
}

struct mtr_window mtr_window_first(const struct mtr_window_rule *rule)
{
    return mtr_window_at(rule, rule->start_us);
}

struct mtr_window mtr_window_next(const struct mtr_window_rule *rule, const struct mtr_window *window)
{
    return mtr_window_at(rule, window->to_us);
}

bool mtr_window_is_of(const struct mtr_window_rule *rule, const struct mtr_window *window)
{
    const struct mtr_window at = mtr_window_at(rule, window->from_us);
    return at.from_us == window->from_us && at.to_us == window->to_us && at.to_us > rule->start_us;
}

/* ---- what a vendor gives ---- */

int64_t mtr_window_forgotten_us(const struct mtr_window_rule *rule, const struct mtr_window *window)
{
    int64_t forgotten_us = rule->vendor_keeps_us ? window->from_us + rule->vendor_keeps_us : INT64_MAX;
    if (rule->has_current || rule->has_last) {
        const int64_t named_us = rule->has_last ? mtr_window_next(rule, window).to_us : window->to_us;
        forgotten_us = mtr_time_sooner(forgotten_us, named_us);
    }
    return forgotten_us;
}

const char *mtr_window_name(const struct mtr_window_rule *rule, const struct mtr_window *window,
                            int64_t now_us)
{
    const struct mtr_window current = mtr_window_at(rule, now_us);
    if (rule->has_current && window->from_us == current.from_us) return "current";
    return rule->has_last && window->to_us == current.from_us ? "last" : NULL;
}

int64_t mtr_window_last_us(const struct mtr_window_rule *rule, const struct mtr_window *window,
                           int64_t unit_us)
{
    int64_t last_us = window->to_us - unit_us;
    if (unit_us > 0 && unit_us % MTR_US_PER_DAY == 0) {
        struct mtr_civil civil = mtr_zone_to_civil(rule->zone, window->to_us);
        const int64_t day = local_day(rule->zone, window->to_us) - unit_us / MTR_US_PER_DAY;
        unsigned month, of_month;
        mtr_civil_from_days(day, &civil.year, &month, &of_month);
        civil.month = (uint8_t)month;
        civil.day = (uint8_t)of_month;
        last_us = mtr_zone_from_civil(rule->zone, civil);
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
static int64_t middle_of(const struct mtr_window_rule *rule, const struct mtr_window *piece, int64_t least_us)
{
    const int64_t first = local_day(rule->zone, piece->from_us), last = local_day(rule->zone, piece->to_us);
    const int64_t step = mtr_time_later(least_us / MTR_US_PER_DAY, 1), steps = (last - first) / step;
    if (steps >= 2) return mtr_zone_midnight(rule->zone, first + steps / 2 * step);
    const int64_t pieces = (piece->to_us - piece->from_us) / least_us;
    return piece->from_us + mtr_time_later(pieces / 2, 1) * least_us;
}

bool mtr_split_shrink(struct mtr_split *split, const struct mtr_window_rule *rule, int64_t least_us)
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
