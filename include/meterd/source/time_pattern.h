/*
 * Times as vendors write them: a pattern of strftime, or one of the names below, and the zone of what names
 * none.
 *
 *   rfc3339   2026-03-01T10:00:00Z, 2026-03-01 10:00+01:00: seconds may be left out, and the offset where the
 *             mapping names a zone
 *   utc       2026-03-01, 2026-03-01 10:00, 2026-03-01T10:00:00.5Z, 2026-03-01 10:00:00 +0000 UTC: of UTC, whether
 *             it is said or not
 *   date      2026-03-01, or rfc3339
 *   unix_s, unix_ms, unix_us: 1772359200 or 1772359200.123
 *   %d.%m.%Y %H:%M and the like: %Y %y (1969 to 2068) %m %d %e %j %b %B %a %A (English) %H %I %p %M %S %f (1 to
 *             9 digits) %z (Z, +0100, +01:00) %Z (UTC, GMT or Z) %s %F %T %R %D %%; white space stands for any
 *
 * Fractions are cut to microseconds: finer ones decide nothing. A local time that the clock skips is the
 * instant at which it goes on, one that it shows twice the first. Instants are 1970 to 2199. A pattern is
 * immutable once made: any thread.
 */
#ifndef METERD_SOURCE_TIME_PATTERN_H
#define METERD_SOURCE_TIME_PATTERN_H

#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/str.h"
#include "meterd/core/zone.h"

enum mtr_time_form {
    MTR_TIME_RFC3339,
    MTR_TIME_UTC,
    MTR_TIME_DATE,
    MTR_TIME_UNIX_S,
    MTR_TIME_UNIX_MS,
    MTR_TIME_UNIX_US,
    MTR_TIME_PATTERN
};
enum { MTR_TIME_PATTERN_BYTES_MAX = 64 };

struct mtr_time_pattern {
    enum mtr_time_form form;
    char text[MTR_TIME_PATTERN_BYTES_MAX + 1]; /* of PATTERN */
    const struct mtr_zone *zone;               /* of times that name none; borrowed; NULL: UTC */
};

/* A name or a pattern. MTR_EINVALID: *fault says what is wrong with it (static). */
int mtr_time_pattern_make(struct mtr_str text, const struct mtr_zone *zone, struct mtr_time_pattern *out,
                          const char **fault) MTR_MUST_USE;
/* MTR_EINVALID, MTR_EOVERFLOW: outside 1970 to 2199. */
int mtr_time_pattern_read(const struct mtr_time_pattern *pattern, struct mtr_str text,
                          int64_t *out_us) MTR_MUST_USE;
/* "utc, as 2026-03-01 10:00:00": what is expected, for people. */
enum { MTR_TIME_EXAMPLE_BYTES = 160 };
void mtr_time_pattern_example(const struct mtr_time_pattern *pattern, char out[MTR_TIME_EXAMPLE_BYTES]);

#endif
