/*
 * Calendar masks: names for times of day, weekdays and dates, as tariffs select by. Whole local hours in the
 * zone of the subscription.
 *
 *   calendar:
 *     night:    {hours: "22:00-06:00"}            # from 22:00 to 06:00 of the clock on the wall
 *     weekend:  {days: [sat, sun]}
 *     holidays: {dates: [2026-12-25, 2026-12-26]}
 *     offpeak:  {any: [night, weekend, holidays]} # holds when one of them does
 *     peak:     {not: [offpeak]}                  # holds when none of them does
 *     workday_morning: {hours: "08:00-12:00", days: [mon, tue, wed, thu, fri]}  # all of it
 *
 * Each local hour is judged by its own clock, weekday and date: hour 02:00 of a Saturday is of Saturday,
 * whatever mask it is in. On the day that has an hour twice both count, on the day that lacks one there is
 * nothing to count. Pure; nothing here knows money.
 */
#ifndef METERD_TARIFF_CALENDAR_H
#define METERD_TARIFF_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/str.h"
#include "meterd/core/zone.h"

/* Masks of one calendar, which are bits of one word, and dates of one mask. */
enum { MTR_CALENDAR_MASKS_MAX = 64, MTR_CALENDAR_DATES_MAX = 1000 };

struct mtr_mask {
    struct mtr_str key;
    uint32_t hours;   /* bit h: the local hour that begins at h:00 */
    uint8_t weekdays; /* bit 0 Monday … bit 6 Sunday */
    bool has_dates;
    int64_t *dates;   /* ascending; local dates in days since 1970-01-01 */
    uint32_t date_count;
    uint64_t any, none; /* bits of other masks: 0, or one of these holds; none of these holds */
};

struct mtr_calendar {
    struct mtr_mask *masks; /* in the order of the document; bit i of a word is masks[i] */
    uint32_t mask_count;
    uint8_t order[MTR_CALENDAR_MASKS_MAX]; /* indices such that a mask comes after those that it is made of */
};

/* Bit i: masks[i] holds in the local hour that time_s is in. It is the same word for all of
 * mtr_zone_hour(zone, time_s). */
uint64_t mtr_calendar_at(const struct mtr_calendar *calendar, const struct mtr_zone *zone, int64_t time_s);

#endif
