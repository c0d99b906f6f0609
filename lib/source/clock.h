/*
 * A zone's clock and calendar, where NULL is UTC. Days are counted from 1970-01-01. Private to lib/source.
 */
#ifndef METERD_LIB_SOURCE_CLOCK_H
#define METERD_LIB_SOURCE_CLOCK_H

#include "meterd/core/zone.h"

struct mtr_zone_span clock_span(const struct mtr_zone *zone, int64_t time_us);
/* The date that it shows, and the instant at which it shows that time of a date; where it skips it, the one
 * at which it goes on. */
int64_t clock_day(const struct mtr_zone *zone, int64_t time_us);
int64_t clock_at(const struct mtr_zone *zone, int64_t day, int64_t second);
/* Where the days begin of which `count` at a time are one group, the one that holds the instant: weeks on
 * Monday, others from 1970-01-01. */
struct clock_days {
    int64_t first, end; /* days */
};
struct clock_days clock_days_at(const struct mtr_zone *zone, int64_t time_us, int64_t count, int64_t second);

int64_t clock_floor_div(int64_t a, int64_t b);

#endif
