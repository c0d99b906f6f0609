/*
 * Calendar masks: names for times of day, weekdays, months and dates, as tariffs select by.
 *
 *   calendar:
 *     night:    {hours: "22:00-06:00"}            # from 22:00 to 06:00 of the clock on the wall
 *     economy7: {hours: "00:30-07:30", zone: UTC} # the same hours of the sun all year round
 *     weekend:  {days: [sat, sun]}
 *     summer:   {months: apr-sep}
 *     school:   {dates: 2026-07-22..2026-08-31}   # both ends included
 *     holidays: {dates: [12-25, 12-26, 2026-04-03]} # without a year: of every year
 *     offpeak:  {any: [night, weekend, holidays]} # holds when one of them does
 *     peak:     {not: [offpeak]}                  # holds when none of them does
 *     workday_morning: {hours: "08:00-12:00", days: mon-fri}  # all of it
 *
 * A mask looks at a clock: that of the subscription's zone, the same without daylight saving, or UTC. Each
 * moment is judged by that clock's own time, weekday and date: 02:00 of a Saturday is of Saturday, whatever
 * mask it is in. On the day that has an hour twice both count, on the day that lacks one there is nothing to
 * count.
 *
 * Windows begin and end at minutes. Use is kept in cells (meterd/catalog/meter.h), which are judged where
 * they begin; a mask that would cut one is refused where meter and tariff meet. Pure; nothing here knows
 * money.
 */
#ifndef METERD_TARIFF_CALENDAR_H
#define METERD_TARIFF_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/str.h"
#include "meterd/core/zone.h"

/* Masks of one calendar, which are bits of one word, and dates or ranges of one mask. */
enum { MTR_CALENDAR_MASKS_MAX = 64, MTR_CALENDAR_DATES_MAX = 1000 };
enum { MTR_CALENDAR_DAY_MIN = 24 * 60, MTR_CALENDAR_MONTHS = 12 };

enum mtr_mask_clock {
    MTR_MASK_CLOCK_LOCAL,    /* the subscription's zone */
    MTR_MASK_CLOCK_STANDARD, /* that zone without daylight saving (mtr_zone_standard_offset) */
    MTR_MASK_CLOCK_UTC
};
enum { MTR_MASK_CLOCK_COUNT = 3 };
/* "local", "standard", "UTC", as `zone:` has it. */
const char *mtr_mask_clock_name(enum mtr_mask_clock clock);

/* Dates of a clock in days since 1970-01-01, both included. */
struct mtr_date_range {
    int64_t first, last;
};

struct mtr_mask {
    struct mtr_str key;
    enum mtr_mask_clock clock;
    int from_min, until_min; /* of the day, [from, until): past midnight where until <= from; 0 and 1440: all
                                of it */
    uint8_t weekdays;        /* bit 0 Monday … bit 6 Sunday */
    uint16_t months;         /* bit 0 January … bit 11 December */
    bool has_dates;          /* then one of these: */
    struct mtr_date_range *dates; /* ascending, none overlaps another */
    uint32_t date_count;
    uint32_t every_year[MTR_CALENDAR_MONTHS]; /* by month from January: bit 0 the 1st … bit 30 the 31st */
    uint64_t any, none; /* bits of other masks: 0, or one of these holds; none of these holds */
};

struct mtr_calendar {
    struct mtr_mask *masks; /* in the order of the document; bit i of a word is masks[i] */
    uint32_t mask_count;
    uint8_t order[MTR_CALENDAR_MASKS_MAX]; /* indices such that a mask comes after those that it is made of */
    bool has_clock[MTR_MASK_CLOCK_COUNT];  /* some mask looks at it */
};

/* Bit i: masks[i] holds at time_us. It is the same word up to *until_us, which is after time_us and never
 * beyond mtr_zone_hour(zone, time_us). */
uint64_t mtr_calendar_at(const struct mtr_calendar *calendar, const struct mtr_zone *zone, int64_t time_us,
                         int64_t *until_us);

/* Bits: the mask, and all those that it is made of. */
uint64_t mtr_calendar_parts(const struct mtr_calendar *calendar, uint32_t mask);

/* Does the mask look at its clock at all? One that is made of others does not. */
bool mtr_mask_has_clock(const struct mtr_mask *mask);

/* Does the mask's window begin or end between multiples of that length, a divisor of a day, from midnight
 * on? */
bool mtr_mask_cuts(const struct mtr_mask *mask, int64_t length_us);

#endif
