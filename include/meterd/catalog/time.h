/*
 * Instants as documents say them: a date, or an instant.
 *
 *   {from: 2026-03-01}    {retired: 2026-12-01T12:00:00Z}
 *
 * A date is local midnight of whichever subscription asks, so that one document serves those of every zone.
 * Texts are borrowed from the document that they stand in.
 */
#ifndef METERD_CATALOG_TIME_H
#define METERD_CATALOG_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/zone.h"
#include "meterd/core/str.h"

struct mtr_catalog_time {
    struct mtr_str text; /* empty: none */
    bool is_date;        /* then days count since 1970-01-01 in the zone */
    int64_t days;
    int64_t time_us; /* of a date: its midnight in UTC */
};

/* µs since 1970 UTC in that zone; INT64_MAX where none was written. */
static inline int64_t mtr_catalog_time_in(const struct mtr_catalog_time *time, const struct mtr_zone *zone)
{
    if (!time->text.size) return INT64_MAX;
    return time->is_date ? mtr_zone_midnight(zone, time->days) : time->time_us;
}

#endif
