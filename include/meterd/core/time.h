/*
 * Instants and civil dates. An instant is int64 microseconds since 1970-01-01T00:00:00Z, without leap seconds
 * (POSIX).
 *
 * Civil dates are proleptic Gregorian. Nothing here reads a clock: time is an argument everywhere in meterd.
 */
#ifndef METERD_CORE_TIME_H
#define METERD_CORE_TIME_H

#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"

#define MTR_US_PER_SECOND INT64_C(1000000)
#define MTR_US_PER_HOUR (INT64_C(3600) * MTR_US_PER_SECOND)
#define MTR_US_PER_DAY (INT64_C(86400) * MTR_US_PER_SECOND)

/* Range of accepted instants: 1970-01-01T00:00:00Z up to, not including, 2200-01-01T00:00:00Z. */
#define MTR_TIME_S_MAX INT64_C(7258118400)
#define MTR_TIME_US_MAX (MTR_TIME_S_MAX * MTR_US_PER_SECOND)

enum { MTR_TIME_TEXT_BYTES = 40 };

/* Of two instants of one unit. */
static inline int64_t mtr_time_later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t mtr_time_sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Where the second begins that the instant lies in. */
static inline int64_t mtr_time_second(int64_t time_us)
{
    const int64_t into_us = time_us % MTR_US_PER_SECOND;
    return time_us - into_us - (into_us < 0 ? MTR_US_PER_SECOND : 0);
}

struct mtr_civil {
    int32_t year;
    uint8_t month;  /* 1…12 */
    uint8_t day;    /* 1…31 */
    uint8_t hour;   /* 0…23 */
    uint8_t minute; /* 0…59 */
    uint8_t second; /* 0…59 */
};

int64_t mtr_days_from_civil(int32_t year, unsigned month, unsigned day); /* days since 1970-01-01 */
void mtr_civil_from_days(int64_t days, int32_t *year, unsigned *month, unsigned *day);
unsigned mtr_days_in_month(int32_t year, unsigned month);
unsigned mtr_weekday(int64_t days); /* ISO 8601: 1 Monday … 7 Sunday */
int64_t mtr_civil_to_s(struct mtr_civil civil);   /* read as UTC */
struct mtr_civil mtr_civil_from_s(int64_t seconds); /* in UTC; floor for negative */

/* RFC 3339 date-time: 2026-03-29T01:59:59.123456+01:00, 'Z' or offset required, 't', 'z' and ' ' allowed
 * as separators by §5.6. A seventh or later fraction digit must be 0 (else MTR_EPRECISION). 23:59:60 of UTC,
 * the leap second, is the next second; any other second 60, and hour 24, are refused (MTR_EINVALID); outside
 * 1970…2199 MTR_EOVERFLOW. */
int mtr_time_parse(struct mtr_str text, int64_t *out_us) MTR_MUST_USE;
/* The same of a time that a clock has printed: finer digits are cut. */
int mtr_time_parse_fine(struct mtr_str text, int64_t *out_us) MTR_MUST_USE;
/* For a text that mtr_time_parse refused with MTR_EINVALID: a sentence that says what is wrong with it. The
 * second is NULL where there is no more to say than that it is none. */
const char *mtr_time_fault(struct mtr_str text);
const char *mtr_time_known_fault(struct mtr_str text);
/* A date (2026-03-01, midnight UTC) or an RFC 3339 date-time: what command lines and documents take. */
int mtr_time_parse_date(struct mtr_str text, int64_t *out_us) MTR_MUST_USE;
/* For a text that mtr_time_parse_date refused: what is expected, and what stood there. */
enum { MTR_DATE_FAULT_BYTES = 240 };
void mtr_date_fault(struct mtr_str text, char out[MTR_DATE_FAULT_BYTES]);
/* 2026-03-29T00:59:59Z, with a fraction of 3 or 6 digits only when it is not zero. Returns the length. */
int mtr_time_format(int64_t time_us, char text[MTR_TIME_TEXT_BYTES]);
/* The same instant in a zone's offset: 2026-03-29T06:29:59+05:30. */
int mtr_time_format_offset(int64_t time_us, int32_t offset_s, char text[MTR_TIME_TEXT_BYTES]);

/* "90s", "15m", "2h", "35d", "1w", "250ms", "0"; whole numbers, one unit. */
int mtr_duration_parse(struct mtr_str text, int64_t *out_us) MTR_MUST_USE;

#endif
