/*
 * Reading times by a pattern: one pass over pattern and text, then the fields become an instant.
 */
#include "meterd/source/time_pattern.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "meterd/core/decimal.h"
#include "meterd/core/time.h"

static const char *const names[] = {"rfc3339", "utc", "date", "unix_s", "unix_ms", "unix_us"};
enum { NAMES = sizeof(names) / sizeof(*names), INSTANT_TEXT_BYTES = 64, DATE_BYTES = 10 };

static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday"};

/* ---- a pattern ---- */

static const char *const known = "YymdejbBaAHIpMSfzZsFTRD%";

int mtr_time_pattern_make(struct mtr_str text, const struct mtr_zone *zone, struct mtr_time_pattern *out,
                          const char **fault)
{
    *out = (struct mtr_time_pattern){.form = MTR_TIME_PATTERN, .zone = zone};
    *fault = "rfc3339, utc, date, unix_s, unix_ms, unix_us or a pattern such as %d.%m.%Y %H:%M is expected";
    for (unsigned i = 0; i < NAMES; i++)
        if (mtr_str_equal(text, mtr_str_from(names[i]))) {
            out->form = (enum mtr_time_form)i;
            return MTR_OK;
        }
    if (!text.size || text.size > MTR_TIME_PATTERN_BYTES_MAX || !memchr(text.data, '%', text.size))
        return MTR_EINVALID;
    memcpy(out->text, text.data, text.size);
    bool has_day = false;
    for (const char *p = out->text; (p = strchr(p, '%')) != NULL; p += 2) {
        *fault = "a pattern knows %Y %y %m %d %e %j %b %B %a %A %H %I %p %M %S %f %z %Z %s %F %T %R %D "
                 "and %%";
        if (!p[1] || !strchr(known, p[1])) return MTR_EINVALID;
        has_day = has_day || strchr("dejsFD", p[1]);
    }
    *fault = "the pattern names no day: %d, %j, %F, %D or %s is needed";
    return has_day ? MTR_OK : MTR_EINVALID;
}

void mtr_time_pattern_example(const struct mtr_time_pattern *pattern, char out[MTR_TIME_EXAMPLE_BYTES])
{
    static const char *const examples[] = {
        "2026-03-01T10:00:00Z", "2026-03-01 10:00:00", "2026-03-01", "1772359200", "1772359200000",
        "1772359200000000"};
    if (pattern->form == MTR_TIME_PATTERN) snprintf(out, MTR_TIME_EXAMPLE_BYTES, "%s", pattern->text);
    else snprintf(out, MTR_TIME_EXAMPLE_BYTES, "%s, as %s", names[pattern->form], examples[pattern->form]);
}

/* ---- by a pattern ---- */

struct reader {
    const char *at, *end;
};

struct fields {
    int32_t year;
    unsigned month, day, day_of_year; /* 0: not given */
    unsigned hour, minute, second;
    bool is_twelve, is_afternoon;
    int64_t fraction_us;
    bool has_offset;
    int64_t offset_s;
    bool has_epoch;
    int64_t epoch_s;
};

static bool take_char(struct reader *reader, char wanted)
{
    if (reader->at == reader->end || *reader->at != wanted) return false;
    reader->at++;
    return true;
}

static bool is_digit(const struct reader *reader)
{
    return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

/* 1 to digits_max digits; how many in *taken. */
static bool take_digits(struct reader *reader, int digits_max, int64_t *value, int *taken)
{
    *value = 0;
    for (*taken = 0; *taken < digits_max && is_digit(reader); ++*taken)
        *value = *value * 10 + (*reader->at++ - '0');
    return *taken > 0;
}

static bool take_number(struct reader *reader, int digits_max, unsigned least, unsigned most, unsigned *out)
{
    int64_t value;
    int taken;
    if (!take_digits(reader, digits_max, &value, &taken) || value < least || value > most) return false;
    *out = (unsigned)value;
    return true;
}

static void take_space(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t')) reader->at++;
}

/* A whole name or its first three letters; its number from 1 on. */
static bool take_name(struct reader *reader, const char *const *list, unsigned count, unsigned *out)
{
    const size_t left = (size_t)(reader->end - reader->at);
    for (unsigned i = 0; i < count; i++) {
        const size_t size = strlen(list[i]);
        const bool is_whole = left >= size && strncasecmp(reader->at, list[i], size) == 0;
        if (!is_whole && (left < 3 || strncasecmp(reader->at, list[i], 3) != 0)) continue;
        reader->at += is_whole ? size : 3;
        *out = i + 1;
        return true;
    }
    return false;
}

static bool take_year(struct reader *reader, struct fields *fields)
{
    int64_t value;
    int taken;
    if (!take_digits(reader, 4, &value, &taken) || taken < 4) return false;
    fields->year = (int32_t)value;
    return true;
}

/* As POSIX has it: 69 to 99 are of the last century. */
static bool take_short_year(struct reader *reader, struct fields *fields)
{
    int64_t value;
    int taken;
    if (!take_digits(reader, 2, &value, &taken) || taken < 2) return false;
    fields->year = (int32_t)(value < 69 ? 2000 + value : 1900 + value);
    return true;
}

static bool take_half(struct reader *reader, struct fields *fields)
{
    const bool is_half = reader->end - reader->at >= 2 && strncasecmp(reader->at + 1, "M", 1) == 0;
    if (!is_half || !memchr("APap", *reader->at, 4)) return false;
    fields->is_afternoon = *reader->at == 'P' || *reader->at == 'p';
    fields->is_twelve = true;
    reader->at += 2;
    return true;
}

static bool take_fraction(struct reader *reader, struct fields *fields)
{
    int digits = 0;
    for (fields->fraction_us = 0; digits < 9 && is_digit(reader); digits++, reader->at++)
        if (digits < 6) fields->fraction_us = fields->fraction_us * 10 + (*reader->at - '0');
    for (int i = digits; i < 6; i++) fields->fraction_us *= 10;
    return digits > 0;
}

static bool take_offset(struct reader *reader, struct fields *fields)
{
    unsigned hours, minutes = 0;
    fields->has_offset = true;
    fields->offset_s = 0;
    if (take_char(reader, 'Z') || take_char(reader, 'z')) return true;
    const int sign = take_char(reader, '+') ? 1 : take_char(reader, '-') ? -1 : 0;
    if (!sign || !take_number(reader, 2, 0, 23, &hours)) return false;
    const bool has_colon = take_char(reader, ':');
    if ((has_colon || is_digit(reader)) && !take_number(reader, 2, 0, 59, &minutes)) return false;
    fields->offset_s = sign * (int64_t)(hours * 3600 + minutes * 60);
    return true;
}

static bool take_zone_name(struct reader *reader, struct fields *fields)
{
    static const char *const utc[] = {"UTC", "GMT", "Z"};
    for (unsigned i = 0; i < 3; i++) {
        const size_t size = strlen(utc[i]);
        if ((size_t)(reader->end - reader->at) < size || strncasecmp(reader->at, utc[i], size) != 0) continue;
        reader->at += size;
        if (!fields->has_offset) fields->offset_s = 0;
        fields->has_offset = true;
        return true;
    }
    return false;
}

static bool take_epoch(struct reader *reader, struct fields *fields)
{
    int taken;
    fields->has_epoch = true;
    return take_digits(reader, 11, &fields->epoch_s, &taken) && !is_digit(reader);
}

static bool take_all(struct reader *reader, const char *pattern, struct fields *fields);

static bool take_directive(struct reader *reader, char directive, struct fields *fields)
{
    unsigned unused_day;
    switch (directive) {
    case 'Y': return take_year(reader, fields);
    case 'y': return take_short_year(reader, fields);
    case 'm': return take_number(reader, 2, 1, 12, &fields->month);
    case 'e': take_space(reader); return take_number(reader, 2, 1, 31, &fields->day);
    case 'd': return take_number(reader, 2, 1, 31, &fields->day);
    case 'j': return take_number(reader, 3, 1, 366, &fields->day_of_year);
    case 'b':
    case 'B': return take_name(reader, months, 12, &fields->month);
    case 'a':
    case 'A': return take_name(reader, days, 7, &unused_day);
    case 'H': return take_number(reader, 2, 0, 23, &fields->hour);
    case 'I': return take_number(reader, 2, 1, 12, &fields->hour);
    case 'p': return take_half(reader, fields);
    case 'M': return take_number(reader, 2, 0, 59, &fields->minute);
    case 'S': return take_number(reader, 2, 0, 59, &fields->second);
    case 'f': return take_fraction(reader, fields);
    case 'z': return take_offset(reader, fields);
    case 'Z': return take_zone_name(reader, fields);
    case 's': return take_epoch(reader, fields);
    case 'F': return take_all(reader, "%Y-%m-%d", fields);
    case 'T': return take_all(reader, "%H:%M:%S", fields);
    case 'R': return take_all(reader, "%H:%M", fields);
    case 'D': return take_all(reader, "%m/%d/%y", fields);
    case '%': return take_char(reader, '%');
    default: break;
    }
    MTR_ASSERT(!"known directive"); /* as the pattern was made */
    return false;
}

static bool take_all(struct reader *reader, const char *pattern, struct fields *fields)
{
    for (const char *p = pattern; *p; p++) {
        if (*p == ' ' || *p == '\t') {
            take_space(reader);
        } else if (*p == '%') {
            if (!take_directive(reader, *++p, fields)) return false;
        } else if (!take_char(reader, *p)) {
            return false;
        }
    }
    return true;
}

/* The date that a day of the year is. */
static bool find_date(struct fields *fields)
{
    if (!fields->day_of_year) return fields->day <= mtr_days_in_month(fields->year, fields->month);
    int32_t year;
    mtr_civil_from_days(mtr_days_from_civil(fields->year, 1, 1) + fields->day_of_year - 1, &year,
                        &fields->month, &fields->day);
    return year == fields->year;
}

static int conclude(const struct mtr_time_pattern *pattern, struct fields *fields, int64_t *out_us)
{
    int64_t time_us = fields->epoch_s * MTR_US_PER_SECOND;
    if (!fields->has_epoch) {
        if (fields->month == 0) fields->month = 1;
        if (!find_date(fields)) return MTR_EINVALID;
        if (fields->is_twelve && (fields->hour == 0 || fields->hour > 12)) return MTR_EINVALID;
        if (fields->is_twelve) fields->hour = fields->hour % 12 + (fields->is_afternoon ? 12 : 0);
        const struct mtr_civil civil = {fields->year,           (uint8_t)fields->month,
                                        (uint8_t)fields->day,   (uint8_t)fields->hour,
                                        (uint8_t)fields->minute, (uint8_t)fields->second};
        time_us = fields->has_offset || !pattern->zone
                      ? (mtr_civil_to_s(civil) - fields->offset_s) * MTR_US_PER_SECOND
                      : mtr_zone_from_civil(pattern->zone, civil);
    }
    time_us += fields->fraction_us;
    if (time_us < 0 || time_us >= MTR_TIME_US_MAX) return MTR_EOVERFLOW;
    *out_us = time_us;
    return MTR_OK;
}

static int read_pattern(const struct mtr_time_pattern *pattern, const char *by, struct mtr_str text,
                        int64_t *out_us)
{
    struct reader reader = {text.data, text.data + text.size};
    struct fields fields = {.year = 1970};
    if (!take_all(&reader, by, &fields) || reader.at != reader.end) return MTR_EINVALID;
    return conclude(pattern, &fields, out_us);
}

/* ---- by a name ---- */

static bool cut_suffix(struct mtr_str *text, const char *suffix)
{
    const size_t size = strlen(suffix);
    if (text->size <= size || strncasecmp(text->data + text->size - size, suffix, size) != 0) return false;
    text->size -= size;
    return true;
}

/* RFC 3339 as mtr_time_parse takes it, where seconds may be left out, and the offset be +0100; with a zone of
 * the mapping's also without an offset. */
static int read_instant(const struct mtr_time_pattern *pattern, struct mtr_str text, int64_t *out_us)
{
    static const char *const clocks[] = {"%R%z", "%T%z", "%T.%f%z", "%R", "%T", "%T.%f"};
    const unsigned clock_count = pattern->zone ? 6 : 3;
    char by[INSTANT_TEXT_BYTES];
    int parsed = mtr_time_parse_fine(text, out_us);
    if (parsed != MTR_EINVALID) return parsed;
    if (text.size <= DATE_BYTES || !memchr("Tt ", text.data[DATE_BYTES], 3)) return MTR_EINVALID;
    for (unsigned i = 0; i < clock_count; i++) {
        snprintf(by, sizeof(by), "%%F%c%s", text.data[DATE_BYTES], clocks[i]);
        int rc = read_pattern(pattern, by, text, out_us);
        if (rc != MTR_EINVALID) return rc;
    }
    return MTR_EINVALID;
}

/* The same, of UTC: what says so is cut off first, and each is read with a Z behind it. */
static int read_utc(struct mtr_str text, int64_t *out_us)
{
    const struct mtr_time_pattern utc = {.form = MTR_TIME_UTC};
    char zulu[INSTANT_TEXT_BYTES];
    (void)cut_suffix(&text, " UTC");
    if (!cut_suffix(&text, " +0000") && !cut_suffix(&text, "+00:00")) (void)cut_suffix(&text, "Z");
    if (text.size == DATE_BYTES) return read_pattern(&utc, "%F", text, out_us);
    if (text.size + 1 > sizeof(zulu)) return MTR_EINVALID;
    snprintf(zulu, sizeof(zulu), "%.*sZ", MTR_STR_ARGS(text));
    return read_instant(&utc, mtr_str_from(zulu), out_us);
}

static int read_unix(struct mtr_str text, int64_t unit_us, int64_t *out_us)
{
    const struct mtr_decimal unit = {unit_us, 0};
    struct mtr_decimal value;
    int rc = mtr_decimal_parse(text, &value);
    if (!rc) rc = mtr_decimal_multiply(value, unit, &value);
    if (rc) return rc == MTR_EOVERFLOW ? rc : MTR_EINVALID;
    value = mtr_decimal_round(value, 0, MTR_ROUND_DOWN);
    if (value.mantissa < 0 || value.mantissa >= MTR_TIME_US_MAX) return MTR_EOVERFLOW;
    *out_us = (int64_t)value.mantissa;
    return MTR_OK;
}

int mtr_time_pattern_read(const struct mtr_time_pattern *pattern, struct mtr_str text, int64_t *out_us)
{
    switch (pattern->form) {
    case MTR_TIME_UTC: return read_utc(text, out_us);
    case MTR_TIME_UNIX_S: return read_unix(text, MTR_US_PER_SECOND, out_us);
    case MTR_TIME_UNIX_MS: return read_unix(text, 1000, out_us);
    case MTR_TIME_UNIX_US: return read_unix(text, 1, out_us);
    case MTR_TIME_PATTERN: return read_pattern(pattern, pattern->text, text, out_us);
    case MTR_TIME_DATE:
        if (text.size == DATE_BYTES) return read_pattern(pattern, "%F", text, out_us);
        break;
    case MTR_TIME_RFC3339: break;
    }
    return read_instant(pattern, text, out_us);
}
