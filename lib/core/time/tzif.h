/*
 * The data of a time zone, as read from a TZif file (RFC 8536, versions 1 to 4) and its POSIX TZ footer.
 * Private to lib/core.
 *
 * transitions are strictly ascending and each changes the offset (those that only rename it are left out), so
 * spans are maximal.
 */
#ifndef METERD_LIB_CORE_TIME_TZIF_H
#define METERD_LIB_CORE_TIME_TZIF_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"
#include "meterd/core/zone.h"

enum { MTR_TZIF_BYTES_MAX = 1 << 18 };

/* When in a year a footer's rule switches: Jn, n or Mm.w.d, and the local time of that day, −167…167
 * hours. */
enum mtr_tz_date_kind { MTR_TZ_JULIAN, MTR_TZ_DAY_OF_YEAR, MTR_TZ_MONTH_WEEK_DAY };

struct mtr_tz_date {
    enum mtr_tz_date_kind kind;
    /* JULIAN 1…365 without 29 February, DAY_OF_YEAR 0…365, MONTH_WEEK_DAY 0 Sunday … 6 Saturday. */
    unsigned day;
    unsigned month;
    unsigned week; /* 1…5, 5 is the last */
    int32_t time_s;
};

/* "EST5EDT,M3.2.0,M11.1.0". Without daylight saving, or when it never ends, only standard_s is used. */
struct mtr_tz_rule {
    bool switches;
    int32_t standard_s; /* local = UTC + offset */
    int32_t daylight_s;
    struct mtr_tz_date starts; /* of daylight saving, in standard time */
    struct mtr_tz_date ends;   /* in daylight time */
};

struct mtr_tz_transition {
    int64_t time_s;
    int32_t offset_s; /* from here on */
};

/* One offset over [start_s, end_s): the whole seconds of a file. */
struct tz_span {
    int64_t start_s; /* INT64_MIN at the beginning of time */
    int64_t end_s;   /* INT64_MAX at its end */
    int32_t offset_s;
};

struct mtr_tz_data {
    int32_t first_offset_s; /* before the first transition */
    uint32_t count;
    struct mtr_tz_transition *transitions; /* owned */
    bool has_rule;
    int64_t rule_from_s; /* the footer holds from here on */
    struct mtr_tz_rule rule;
};

/* Untrusted bytes. MTR_ECORRUPT, MTR_ENOMEM; MTR_EINVALID for a file with leap seconds, which POSIX
 * instants do not have. */
int tzif_parse(struct mtr_str bytes, struct mtr_tz_data *out) MTR_MUST_USE;
void tzif_release(struct mtr_tz_data *data);

/* The footer without its newlines. MTR_EINVALID. */
int tz_rule_parse(struct mtr_str text, struct mtr_tz_rule *out) MTR_MUST_USE;
/* The span of a rule that is taken to hold for all time. */
struct tz_span tz_rule_at(const struct mtr_tz_rule *rule, int64_t time_s);

/* Zone over data: takes what *data owns. For zone.c and for tests and fuzzing of bytes that are no file. */
int zone_from_data(struct mtr_str name, struct mtr_tz_data *data, struct mtr_zone **out) MTR_MUST_USE;

#endif
