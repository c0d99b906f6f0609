/*
 * Time zones: TZif files (RFC 8536) of the system's tzdata, with the POSIX TZ footer for times after the last
 * transition.
 *
 * A zone is immutable after open and may be read from any thread. Spans are half-open [start, end) and
 * partition all time; a caller that walks events in time order keeps the span it is in and asks again only at
 * its end.
 */
#ifndef METERD_CORE_ZONE_H
#define METERD_CORE_ZONE_H

#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"
#include "meterd/core/time.h"

struct mtr_zone;

/* Constant offset from UTC over [start_us, end_us). */
struct mtr_zone_span {
    int64_t start_us;  /* INT64_MIN at the beginning of time */
    int64_t end_us;    /* INT64_MAX at its end */
    int32_t offset_s; /* local = UTC + offset */
};

/* An hour of a zone's own clock: the longest stretch of one offset within one local clock hour. Usually
 * 3600 s; shorter at a transition that is not on the hour (Lord Howe). Every local midnight starts one, so
 * days and periods are whole numbers of them. */
struct mtr_hour {
    int64_t start_us;
    int64_t end_us;
};

/* `name` is an IANA name ("Asia/Kolkata") or "UTC". The caller owns *out and closes it.
 * Errors: MTR_EINVALID for a name that could leave the directory, MTR_ENOTFOUND, MTR_ECORRUPT for a
 * damaged file, MTR_ENOMEM. */
int mtr_zone_open(struct mtr_str name, struct mtr_zone **out) MTR_MUST_USE;
void mtr_zone_close(struct mtr_zone *zone);
const char *mtr_zone_name(const struct mtr_zone *zone);
/* For a name that no zone has, the end of a sentence as mtr_str_meant makes it: "; did you mean
 * `Europe/Berlin`?" of "Berlin", "europe/berlin" and "Europe/Berln", or "". Reads the system's list. Returns
 * `text`. */
const char *mtr_zone_meant(struct mtr_str name, char text[MTR_MEANT_BYTES]);

struct mtr_zone_span mtr_zone_at(const struct mtr_zone *zone, int64_t time_us);
/* The offset from UTC without daylight saving: the lesser of those between which clocks change within a year
 * (Berlin 3600 s in July too, Dublin 0); where they rest for a year and more, the one in force. */
int32_t mtr_zone_standard_offset(const struct mtr_zone *zone, int64_t time_us);
struct mtr_hour mtr_zone_hour(const struct mtr_zone *zone, int64_t time_us);
struct mtr_civil mtr_zone_to_civil(const struct mtr_zone *zone, int64_t time_us);

/* The instant of a local date and time. In a gap (spring forward) the instant at which the gap ends; when
 * ambiguous (fall back) the first of the two. So a local midnight that does not exist starts its day at
 * the first instant that does. */
int64_t mtr_zone_from_civil(const struct mtr_zone *zone, struct mtr_civil civil);

/* The instant at which a date begins: days since 1970-01-01. */
int64_t mtr_zone_midnight(const struct mtr_zone *zone, int64_t days);
/* The first local midnight after time_us: where the day of time_us ends. */
int64_t mtr_zone_next_midnight(const struct mtr_zone *zone, int64_t time_us);

#endif
