/*
 * A zone's clock and calendar, where NULL is UTC.
 */
#include "lib/source/clock.h"

enum { FIRST_MONDAY = 4 /* 1970-01-05 */ };

int64_t clock_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct mtr_zone_span clock_span(const struct mtr_zone *zone, int64_t time_us)
{
    return zone ? mtr_zone_at(zone, time_us) : (struct mtr_zone_span){INT64_MIN, INT64_MAX, 0};
}

int64_t clock_day(const struct mtr_zone *zone, int64_t time_us)
{
    return clock_floor_div(time_us + clock_span(zone, time_us).offset_s * MTR_US_PER_SECOND, MTR_US_PER_DAY);
}

int64_t clock_at(const struct mtr_zone *zone, int64_t day, int64_t second)
{
    if (!zone) return day * MTR_US_PER_DAY + second * MTR_US_PER_SECOND;
    return mtr_zone_from_civil(zone, mtr_civil_from_s(day * (MTR_US_PER_DAY / MTR_US_PER_SECOND) + second));
}

struct clock_days clock_days_at(const struct mtr_zone *zone, int64_t time_us, int64_t count, int64_t second)
{
    const int64_t origin = count % 7 ? 0 : FIRST_MONDAY;
    int64_t first = origin + clock_floor_div(clock_day(zone, time_us) - origin, count) * count;
    while (clock_at(zone, first, second) > time_us) first -= count; /* a zone may repeat or skip a midnight */
    while (clock_at(zone, first + count, second) <= time_us) first += count;
    return (struct clock_days){first, first + count};
}
