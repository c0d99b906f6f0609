/*
 * Billing periods: half-open [start, end), partitioning all time from the anchor on completely, in the
 * subscription's zone.
 *
 * Calendar periods start at local midnight of the 1st (month, quarter, year), of Monday (week, ISO 8601) or
 * of each day. Anniversary periods start at local midnight of the anchor's date plus n units, counted from
 * the anchor, never from the previous period: an anchor on the 31st gives 28 or 29 February and 31 March
 * again.
 */
#ifndef METERD_CORE_PERIOD_H
#define METERD_CORE_PERIOD_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"
#include "meterd/core/zone.h"

enum mtr_period_unit {
    MTR_PERIOD_DAY,
    MTR_PERIOD_WEEK,
    MTR_PERIOD_MONTH,
    MTR_PERIOD_QUARTER,
    MTR_PERIOD_YEAR
};
enum { MTR_PERIOD_UNIT_COUNT = 5 };

struct mtr_period_rule {
    enum mtr_period_unit unit;
    int64_t anchor_days;         /* local date, days since 1970-01-01; INT64_MIN for calendar periods */
    const struct mtr_zone *zone; /* borrowed; lives as long as the rule */
};

struct mtr_period {
    int64_t start_us;
    int64_t end_us;
};

const char *mtr_period_unit_name(enum mtr_period_unit unit);

/* So many of them in a row: {MTR_PERIOD_MONTH, 6} is half a year. */
struct mtr_period_length {
    enum mtr_period_unit unit;
    uint32_t count; /* 1 or more */
};
enum { MTR_PERIOD_LENGTH_TEXT_BYTES = 32 };

/* "a year", "3 years". Returns `text`. */
const char *mtr_period_length_text(struct mtr_period_length length,
                                   char text[MTR_PERIOD_LENGTH_TEXT_BYTES]);
/* Is it longer than any period of that unit can be? */
bool mtr_period_length_exceeds(struct mtr_period_length length, enum mtr_period_unit unit);
/* Is it shorter than the other, months counted as 30 days? */
bool mtr_period_length_is_shorter(struct mtr_period_length length, struct mtr_period_length other);
/* Do some of them in a row, or one, make a year? Then the calendar has them, from 1 January on. A single week
 * it has, too. */
bool mtr_period_length_is_of_calendar(struct mtr_period_length length);

/* The period that holds time_us. Works before the anchor too (counting backwards). */
struct mtr_period mtr_period_at(const struct mtr_period_rule *rule, int64_t time_us);
/* Of `count` periods in a row, counted from the anchor, those that hold time_us. */
struct mtr_period mtr_period_of_several(const struct mtr_period_rule *rule, uint32_t count,
                                        int64_t time_us);

#endif
