/*
 * Billing periods. Calendar periods are anniversaries of a Monday or a 1 January, so there is one kind of
 * arithmetic.
 *
 * Period n starts at local midnight of the anchor's date plus n units. A zone may repeat or skip a midnight,
 * so the index that the civil date suggests is corrected by the instants themselves: start(n) <= time <
 * start(n + 1) always holds.
 */
#include "meterd/core/period.h"

#include <stdio.h>

static const struct {
    struct mtr_str name;
    int64_t days;           /* 0 for units of months */
    int64_t months;
    int64_t calendar_days;  /* anchor of the calendar's own periods */
} units[] = {
    [MTR_PERIOD_DAY] = {{"day", 3}, 1, 0, 0},
    [MTR_PERIOD_WEEK] = {{"week", 4}, 7, 0, 4}, /* 1970-01-05 was a Monday */
    [MTR_PERIOD_MONTH] = {{"month", 5}, 0, 1, 0},
    [MTR_PERIOD_QUARTER] = {{"quarter", 7}, 0, 3, 0},
    [MTR_PERIOD_YEAR] = {{"year", 4}, 0, 12, 0},
};
_Static_assert(sizeof(units) / sizeof(*units) == MTR_PERIOD_UNIT_COUNT, "each unit has its row");

const char *mtr_period_unit_name(enum mtr_period_unit unit)
{
    MTR_ASSERT((int)unit >= 0 && (int)unit < MTR_PERIOD_UNIT_COUNT);
    return units[unit].name.data;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t anchor_of(const struct mtr_period_rule *rule)
{
    return rule->anchor_days == INT64_MIN ? units[rule->unit].calendar_days : rule->anchor_days;
}

/* Months since year 0. */
static int64_t month_number(int32_t year, unsigned month)
{
    return (int64_t)year * 12 + month - 1;
}

static int64_t start_of(const struct mtr_period_rule *rule, int64_t index)
{
    struct mtr_civil date = {0};
    int32_t year;
    unsigned month, day;
    int64_t anchor = anchor_of(rule);
    if (units[rule->unit].days) anchor += index * units[rule->unit].days;
    mtr_civil_from_days(anchor, &year, &month, &day);
    if (units[rule->unit].months) {
        int64_t number = month_number(year, month) + index * units[rule->unit].months;
        year = (int32_t)floor_div(number, 12);
        month = (unsigned)(number - (int64_t)year * 12) + 1;
        unsigned last = mtr_days_in_month(year, month);
        if (day > last) day = last;
    }
    date.year = year;
    date.month = (uint8_t)month;
    date.day = (uint8_t)day;
    return mtr_zone_from_civil(rule->zone, date);
}

static int64_t index_near(const struct mtr_period_rule *rule, int64_t time_us)
{
    struct mtr_civil now = mtr_zone_to_civil(rule->zone, time_us);
    int64_t anchor = anchor_of(rule);
    if (units[rule->unit].days)
        return floor_div(mtr_days_from_civil(now.year, now.month, now.day) - anchor, units[rule->unit].days);
    int32_t year;
    unsigned month, day;
    mtr_civil_from_days(anchor, &year, &month, &day);
    return floor_div(month_number(now.year, now.month) - month_number(year, month), units[rule->unit].months);
}

struct mtr_period mtr_period_of_several(const struct mtr_period_rule *rule, uint32_t count,
                                        int64_t time_us)
{
    MTR_ASSERT(count > 0);
    int64_t index = floor_div(index_near(rule, time_us), count);
    int64_t start_us = start_of(rule, index * count);
    while (start_us > time_us) start_us = start_of(rule, --index * count);
    int64_t end_us = start_of(rule, (index + 1) * count);
    while (end_us <= time_us) {
        start_us = end_us;
        end_us = start_of(rule, (++index + 1) * count);
    }
    return (struct mtr_period){start_us, end_us};
}

struct mtr_period mtr_period_at(const struct mtr_period_rule *rule, int64_t time_us)
{
    return mtr_period_of_several(rule, 1, time_us);
}

/* ---- lengths ---- */

const char *mtr_period_length_text(struct mtr_period_length length,
                                   char text[MTR_PERIOD_LENGTH_TEXT_BYTES])
{
    const char *name = mtr_period_unit_name(length.unit);
    if (length.count == 1) snprintf(text, MTR_PERIOD_LENGTH_TEXT_BYTES, "a %s", name);
    else snprintf(text, MTR_PERIOD_LENGTH_TEXT_BYTES, "%u %ss", length.count, name);
    return text;
}

bool mtr_period_length_exceeds(struct mtr_period_length length, enum mtr_period_unit unit)
{
    static const int64_t days_max[] = {[MTR_PERIOD_DAY] = 1,
                                       [MTR_PERIOD_WEEK] = 7,
                                       [MTR_PERIOD_MONTH] = 31,
                                       [MTR_PERIOD_QUARTER] = 92,
                                       [MTR_PERIOD_YEAR] = 366};
    if (units[length.unit].days) return units[length.unit].days * length.count > days_max[unit];
    /* a month has more days than a week */
    return units[length.unit].months * length.count > units[unit].months;
}

bool mtr_period_length_is_shorter(struct mtr_period_length length, struct mtr_period_length other)
{
    enum { DAYS_PER_MONTH = 30 };
    const int64_t days = units[length.unit].days + units[length.unit].months * DAYS_PER_MONTH,
                  others = units[other.unit].days + units[other.unit].months * DAYS_PER_MONTH;
    return days * length.count < others * other.count;
}

bool mtr_period_length_is_of_calendar(struct mtr_period_length length)
{
    enum { MONTHS_PER_YEAR = 12 };
    if (units[length.unit].days) return length.count == 1;
    const int64_t months = units[length.unit].months * length.count;
    return months <= MONTHS_PER_YEAR && MONTHS_PER_YEAR % months == 0;
}
