/*
 * Which masks hold in a local hour.
 */
#include "meterd/tariff/calendar.h"

#include "meterd/core/error.h"

enum { HOURS_PER_DAY = 24, SECONDS_PER_HOUR = 3600 };

/* A local hour as masks see it. */
struct local_hour {
    int64_t day;            /* since 1970-01-01 */
    unsigned weekday, hour; /* weekday 0: Monday */
};

static struct local_hour local_hour_at(const struct mtr_zone *zone, int64_t time_s)
{
    const int64_t seconds_per_day = HOURS_PER_DAY * SECONDS_PER_HOUR;
    int64_t local_s = time_s + mtr_zone_at(zone, time_s).offset_s;
    int64_t day = local_s / seconds_per_day, second = local_s % seconds_per_day;
    if (second < 0) {
        second += seconds_per_day;
        day--;
    }
    return (struct local_hour){day, mtr_weekday(day) - 1, (unsigned)(second / SECONDS_PER_HOUR)};
}

static bool has_date(const struct mtr_mask *mask, int64_t day)
{
    uint32_t low = 0, high = mask->date_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mask->dates[middle] < day) low = middle + 1;
        else high = middle;
    }
    return low < mask->date_count && mask->dates[low] == day;
}

static bool holds(const struct mtr_mask *mask, struct local_hour at, uint64_t others)
{
    if (!(mask->hours >> at.hour & 1) || !(mask->weekdays >> at.weekday & 1)) return false;
    if (mask->has_dates && !has_date(mask, at.day)) return false;
    return (mask->any == 0 || (mask->any & others) != 0) && (mask->none & others) == 0;
}

uint64_t mtr_calendar_at(const struct mtr_calendar *calendar, const struct mtr_zone *zone, int64_t time_s)
{
    struct local_hour at = local_hour_at(zone, time_s);
    uint64_t word = 0;
    for (uint32_t i = 0; i < calendar->mask_count; i++) {
        uint8_t index = calendar->order[i];
        MTR_ASSERT(index < calendar->mask_count);
        if (holds(&calendar->masks[index], at, word)) word |= (uint64_t)1 << index;
    }
    return word;
}
