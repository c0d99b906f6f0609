/*
 * Times as vendors want to read them: a pattern of strftime, or one of the names below, in a zone. The other
 * direction of time_pattern.h.
 *
 *   rfc3339   2026-03-01T10:00:00Z, in another zone than UTC 2026-03-01T15:30:00+05:30
 *   unix, unix_ms
 *   month     2026-03
 *   %d.%m.%Y %H:%M and the like: %Y %y %m %d %e %j %b %B %a %A (English) %H %I %p %M %S %f (6 digits) %z (+0530)
 *             %s %F %T %R %D %%
 *
 * A style is immutable once made: any thread.
 */
#ifndef METERD_SOURCE_TIME_STYLE_H
#define METERD_SOURCE_TIME_STYLE_H

#include <stdint.h>

#include "meterd/core/buffer.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"
#include "meterd/core/zone.h"

enum mtr_time_style_kind {
    MTR_TIME_STYLE_RFC3339,
    MTR_TIME_STYLE_UNIX,
    MTR_TIME_STYLE_UNIX_MS,
    MTR_TIME_STYLE_MONTH,
    MTR_TIME_STYLE_PATTERN
};
enum { MTR_TIME_STYLE_BYTES_MAX = 64, MTR_TIME_STYLE_FAULT_BYTES = 240 };

struct mtr_time_style {
    enum mtr_time_style_kind kind;
    char text[MTR_TIME_STYLE_BYTES_MAX + 1]; /* of PATTERN */
    const struct mtr_zone *zone;              /* borrowed; NULL: UTC */
};

/* A name or a pattern; an empty text is rfc3339. MTR_EINVALID: `fault` is a sentence about it, with the
 * nearest name. */
int mtr_time_style_make(struct mtr_str text, const struct mtr_zone *zone, struct mtr_time_style *out,
                         char fault[MTR_TIME_STYLE_FAULT_BYTES]) MTR_MUST_USE;
/* Appends the instant. Fractions of a second are cut where the format has no room for them. Errors:
 * MTR_EOVERFLOW (before 1970, or of 2200 and later), MTR_ELIMIT, MTR_ENOMEM. */
int mtr_time_style_write(const struct mtr_time_style *style, int64_t time_us,
                          struct mtr_buffer *out) MTR_MUST_USE;

#endif
