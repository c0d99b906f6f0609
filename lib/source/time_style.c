/*
 * Writing times by a format: the fields of the instant in its zone, then one directive after the other.
 */
#include "meterd/source/time_style.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "meterd/core/time.h"

static const char *const names[] = {"rfc3339", "unix", "unix_ms", "month"};
enum { NAMES = sizeof(names) / sizeof(*names) };

static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday"};
static const char *const known = "YymdejbBaAHIpMSfzsFTRD%";

static struct mtr_str name_at(const void *context, unsigned i)
{
    (void)context;
    return i < NAMES ? mtr_str_from(names[i]) : (struct mtr_str){NULL, 0};
}

static int check_pattern(const char *pattern, char fault[MTR_TIME_STYLE_FAULT_BYTES])
{
    for (const char *p = pattern; (p = strchr(p, '%')) != NULL; p += 2) {
        if (p[1] && strchr(known, p[1])) continue;
        snprintf(fault, MTR_TIME_STYLE_FAULT_BYTES,
                 "`%.4s` is no directive: a format knows %%Y %%y %%m %%d %%e %%j %%b %%B %%a %%A %%H %%I %%p "
                 "%%M %%S %%f %%z %%s %%F %%T %%R %%D and %%%%",
                 p);
        return MTR_EINVALID;
    }
    return MTR_OK;
}

int mtr_time_style_make(struct mtr_str text, const struct mtr_zone *zone, struct mtr_time_style *out,
                         char fault[MTR_TIME_STYLE_FAULT_BYTES])
{
    char meant[MTR_MEANT_BYTES];
    *out = (struct mtr_time_style){.kind = MTR_TIME_STYLE_RFC3339, .zone = zone};
    if (!text.size) return MTR_OK;
    for (unsigned i = 0; i < NAMES; i++)
        if (mtr_str_equal(text, mtr_str_from(names[i]))) {
            out->kind = (enum mtr_time_style_kind)i;
            return MTR_OK;
        }
    if (!memchr(text.data, '%', text.size)) {
        snprintf(fault, MTR_TIME_STYLE_FAULT_BYTES,
                 "`%.*s%s` is no format of a time: rfc3339, unix, unix_ms, month or a pattern such as "
                 "%%Y-%%m-%%d is expected%s",
                 MTR_STR_QUOTED(text), mtr_str_meant(text, name_at, NULL, meant));
        return MTR_EINVALID;
    }
    if (text.size > MTR_TIME_STYLE_BYTES_MAX || memchr(text.data, '\0', text.size)) {
        snprintf(fault, MTR_TIME_STYLE_FAULT_BYTES, "a format has at most %d bytes",
                 (int)MTR_TIME_STYLE_BYTES_MAX);
        return MTR_EINVALID;
    }
    out->kind = MTR_TIME_STYLE_PATTERN;
    memcpy(out->text, text.data, text.size);
    return check_pattern(out->text, fault);
}

/* ---- writing ---- */

struct moment {
    int64_t time_us;
    struct mtr_civil civil;
    int64_t day; /* since 1970-01-01 */
    int32_t offset_s;
};

static int write_pattern(const char *pattern, const struct moment *at, struct mtr_buffer *out);

static int write_number(struct mtr_buffer *out, unsigned value, int digits)
{
    return mtr_buffer_printf(out, "%0*u", digits, value);
}

static int write_name(struct mtr_buffer *out, const char *name, bool is_short)
{
    return mtr_buffer_append(out, name, is_short ? 3 : strlen(name));
}

static unsigned day_of_year(const struct moment *at)
{
    return (unsigned)(at->day - mtr_days_from_civil(at->civil.year, 1, 1)) + 1;
}

static int write_offset(struct mtr_buffer *out, int32_t offset_s)
{
    const unsigned minutes = (unsigned)(offset_s < 0 ? -offset_s : offset_s) / 60;
    return mtr_buffer_printf(out, "%c%02u%02u", offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static int write_directive(char directive, const struct moment *at, struct mtr_buffer *out)
{
    const struct mtr_civil *civil = &at->civil;
    const unsigned half_day = civil->hour % 12u ? civil->hour % 12u : 12;
    switch (directive) {
    case 'Y': return write_number(out, (unsigned)civil->year, 4);
    case 'y': return write_number(out, (unsigned)civil->year % 100, 2);
    case 'm': return write_number(out, civil->month, 2);
    case 'd': return write_number(out, civil->day, 2);
    case 'e': return mtr_buffer_printf(out, "%2u", (unsigned)civil->day);
    case 'j': return write_number(out, day_of_year(at), 3);
    case 'b':
    case 'B': return write_name(out, months[civil->month - 1], directive == 'b');
    case 'a':
    case 'A': return write_name(out, days[mtr_weekday(at->day) - 1], directive == 'a');
    case 'H': return write_number(out, civil->hour, 2);
    case 'I': return write_number(out, half_day, 2);
    case 'p': return write_name(out, civil->hour < 12 ? "AM" : "PM", false);
    case 'M': return write_number(out, civil->minute, 2);
    case 'S': return write_number(out, civil->second, 2);
    case 'f': return write_number(out, (unsigned)(at->time_us % MTR_US_PER_SECOND), 6);
    case 'z': return write_offset(out, at->offset_s);
    case 's': return mtr_buffer_printf(out, "%" PRId64, at->time_us / MTR_US_PER_SECOND);
    case 'F': return write_pattern("%Y-%m-%d", at, out);
    case 'T': return write_pattern("%H:%M:%S", at, out);
    case 'R': return write_pattern("%H:%M", at, out);
    case 'D': return write_pattern("%m/%d/%y", at, out);
    case '%': return mtr_buffer_append_char(out, '%');
    default: break;
    }
    MTR_ASSERT(!"known directive"); /* as the format was made */
    return MTR_EINVALID;
}

static int write_pattern(const char *pattern, const struct moment *at, struct mtr_buffer *out)
{
    int rc = MTR_OK;
    for (const char *p = pattern; *p && !rc; p++)
        rc = *p == '%' ? write_directive(*++p, at, out) : mtr_buffer_append_char(out, *p);
    return rc;
}

static int write_instant(int64_t time_us, int32_t offset_s, struct mtr_buffer *out)
{
    char text[MTR_TIME_TEXT_BYTES];
    const int size =
        offset_s ? mtr_time_format_offset(time_us, offset_s, text) : mtr_time_format(time_us, text);
    return mtr_buffer_append(out, text, (size_t)size);
}

int mtr_time_style_write(const struct mtr_time_style *style, int64_t time_us, struct mtr_buffer *out)
{
    if (time_us < 0 || time_us >= MTR_TIME_US_MAX) return MTR_EOVERFLOW;
    const int32_t offset_s = style->zone ? mtr_zone_at(style->zone, time_us).offset_s : 0;
    const int64_t local_s = time_us / MTR_US_PER_SECOND + offset_s;
    const struct mtr_civil civil = mtr_civil_from_s(local_s);
    const int64_t day = mtr_days_from_civil(civil.year, civil.month, civil.day);
    const struct moment at = {time_us, civil, day, offset_s};
    switch (style->kind) {
    case MTR_TIME_STYLE_RFC3339: return write_instant(time_us, offset_s, out);
    case MTR_TIME_STYLE_UNIX: return write_directive('s', &at, out);
    case MTR_TIME_STYLE_UNIX_MS: return mtr_buffer_printf(out, "%" PRId64, time_us / 1000);
    case MTR_TIME_STYLE_MONTH: return write_pattern("%Y-%m", &at, out);
    case MTR_TIME_STYLE_PATTERN: break;
    }
    return write_pattern(style->text, &at, out);
}
