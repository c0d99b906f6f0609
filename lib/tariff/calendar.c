/*
 * Which masks hold at a moment, and for how long.
 */
#include "meterd/tariff/calendar.h"

#include "meterd/core/error.h"
#include "meterd/core/time.h"

static const int64_t US_PER_MINUTE = 60 * MTR_US_PER_SECOND;

/* A moment on one clock. */
struct reading {
    int64_t day;                          /* since 1970-01-01 */
    unsigned weekday, month, day_of_month; /* from 0: Monday, January, the 1st */
    int64_t of_day_us;
};

static int64_t offset_at(enum mtr_mask_clock clock, const struct mtr_zone *zone, int64_t time_us)
{
    switch (clock) {
    case MTR_MASK_CLOCK_LOCAL: return mtr_zone_at(zone, time_us).offset_s;
    case MTR_MASK_CLOCK_STANDARD: return mtr_zone_standard_offset(zone, time_us);
    case MTR_MASK_CLOCK_UTC: return 0;
    }
    MTR_ASSERT(!"known clock");
    return 0;
}

static struct reading read_clock(int64_t local_us)
{
    struct reading at = {.day = local_us / MTR_US_PER_DAY, .of_day_us = local_us % MTR_US_PER_DAY};
    int32_t year;
    if (at.of_day_us < 0) {
        at.of_day_us += MTR_US_PER_DAY;
        at.day--;
    }
    mtr_civil_from_days(at.day, &year, &at.month, &at.day_of_month);
    at.month--;
    at.day_of_month--;
    at.weekday = mtr_weekday(at.day) - 1;
    return at;
}

static bool has_date(const struct mtr_mask *mask, const struct reading *at)
{
    uint32_t low = 0, high = mask->date_count;
    while (low < high) { /* the first range that ends on the day or later */
        uint32_t middle = low + (high - low) / 2;
        if (mask->dates[middle].last < at->day) low = middle + 1;
        else high = middle;
    }
    return (low < mask->date_count && mask->dates[low].first <= at->day) ||
           (mask->every_year[at->month] >> at->day_of_month & 1);
}

static bool has_time(const struct mtr_mask *mask, int64_t of_day_us)
{
    const int64_t from_us = (int64_t)mask->from_min * US_PER_MINUTE,
                  until_us = (int64_t)mask->until_min * US_PER_MINUTE;
    return from_us < until_us ? from_us <= of_day_us && of_day_us < until_us
                              : from_us <= of_day_us || of_day_us < until_us;
}

static bool holds(const struct mtr_mask *mask, const struct reading *at, uint64_t others)
{
    if (!has_time(mask, at->of_day_us) || !(mask->weekdays >> at->weekday & 1) ||
        !(mask->months >> at->month & 1))
        return false;
    if (mask->has_dates && !has_date(mask, at)) return false;
    return (mask->any == 0 || (mask->any & others) != 0) && (mask->none & others) == 0;
}

/* The next moment of the day at which the mask's window, or the day, begins or ends. */
static int64_t next_bound(const struct mtr_mask *mask, int64_t of_day_us)
{
    const int64_t from_us = (int64_t)mask->from_min * US_PER_MINUTE,
                  until_us = (int64_t)mask->until_min * US_PER_MINUTE;
    int64_t bound_us = MTR_US_PER_DAY;
    if (of_day_us < from_us && from_us < bound_us) bound_us = from_us;
    if (of_day_us < until_us && until_us < bound_us) bound_us = until_us;
    return bound_us;
}

uint64_t mtr_calendar_at(const struct mtr_calendar *calendar, const struct mtr_zone *zone, int64_t time_us,
                         int64_t *until_us)
{
    struct reading clocks[MTR_MASK_CLOCK_COUNT] = {0};
    int64_t end_us = mtr_zone_hour(zone, time_us).end_us;
    uint64_t word = 0;
    for (int i = 0; i < MTR_MASK_CLOCK_COUNT; i++)
        if (calendar->has_clock[i])
            clocks[i] = read_clock(
                time_us + offset_at((enum mtr_mask_clock)i, zone, time_us) * MTR_US_PER_SECOND);
    for (uint32_t i = 0; i < calendar->mask_count; i++) {
        const uint8_t index = calendar->order[i];
        MTR_ASSERT(index < calendar->mask_count);
        const struct mtr_mask *mask = &calendar->masks[index];
        const struct reading *at = &clocks[mask->clock];
        MTR_ASSERT(calendar->has_clock[mask->clock]);
        if (holds(mask, at, word)) word |= (uint64_t)1 << index;
        end_us = mtr_time_sooner(end_us, time_us + next_bound(mask, at->of_day_us) - at->of_day_us);
    }
    MTR_ASSERT(time_us < end_us); /* or who asks on from there would never end */
    *until_us = end_us;
    return word;
}

uint64_t mtr_calendar_parts(const struct mtr_calendar *calendar, uint32_t mask)
{
    uint64_t parts = (uint64_t)1 << mask;
    for (uint32_t i = calendar->mask_count; i-- > 0;) { /* what a mask is made of stands before it */
        const uint8_t index = calendar->order[i];
        if (parts >> index & 1) parts |= calendar->masks[index].any | calendar->masks[index].none;
    }
    return parts;
}

bool mtr_mask_has_clock(const struct mtr_mask *mask)
{
    enum { ALL_DAYS = 0x7F, ALL_MONTHS = 0xFFF };
    return mask->from_min != 0 || mask->until_min != MTR_CALENDAR_DAY_MIN || mask->weekdays != ALL_DAYS ||
           mask->months != ALL_MONTHS || mask->has_dates;
}

bool mtr_mask_cuts(const struct mtr_mask *mask, int64_t length_us)
{
    return (int64_t)mask->from_min * US_PER_MINUTE % length_us != 0 ||
           (int64_t)mask->until_min * US_PER_MINUTE % length_us != 0;
}
