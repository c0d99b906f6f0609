/*
 * Instants and civil dates: conversion (days of 400-year eras, so that no loop and no table is needed), RFC
 * 3339, durations.
 *
 * Pure functions, any thread. Time zones are in zone.c; nothing here reads a clock or a locale.
 */
#include "meterd/core/time.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { DAYS_PER_ERA = 146097, SECONDS_PER_DAY = 86400 };

/* 0000-03-01, where eras start, to 1970-01-01. */
enum { ERA_TO_EPOCH_DAYS = 719468 };

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

/* Years start in March, so that the leap day is a year's last day. */
int64_t mtr_days_from_civil(int32_t year, unsigned month, unsigned day)
{
    int64_t march_year = (int64_t)year - (month <= 2);
    int64_t era = floor_div(march_year, 400);
    int64_t year_of_era = march_year - era * 400;
    int64_t march_month = (month + 9) % 12;
    int64_t day_of_year = (153 * march_month + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - ERA_TO_EPOCH_DAYS;
}

void mtr_civil_from_days(int64_t days, int32_t *year, unsigned *month, unsigned *day)
{
    days += ERA_TO_EPOCH_DAYS;
    int64_t era = floor_div(days, DAYS_PER_ERA);
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * march_month + 2) / 5 + 1);
    *month = (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9);
    *year = (int32_t)(era * 400 + year_of_era + (*month <= 2));
}

unsigned mtr_days_in_month(int32_t year, unsigned month)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    MTR_ASSERT(month >= 1 && month <= 12);
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

unsigned mtr_weekday(int64_t days)
{
    int64_t from_monday = days + 3; /* 1970-01-01 was a Thursday */
    return (unsigned)(from_monday - floor_div(from_monday, 7) * 7) + 1;
}

int64_t mtr_civil_to_s(struct mtr_civil civil)
{
    int64_t days = mtr_days_from_civil(civil.year, civil.month, civil.day);
    return days * SECONDS_PER_DAY + civil.hour * 3600 + civil.minute * 60 + civil.second;
}

struct mtr_civil mtr_civil_from_s(int64_t seconds)
{
    struct mtr_civil civil;
    unsigned month, day;
    int64_t days = floor_div(seconds, SECONDS_PER_DAY);
    int64_t second_of_day = seconds - days * SECONDS_PER_DAY;
    mtr_civil_from_days(days, &civil.year, &month, &day);
    civil.month = (uint8_t)month;
    civil.day = (uint8_t)day;
    civil.hour = (uint8_t)(second_of_day / 3600);
    civil.minute = (uint8_t)(second_of_day / 60 % 60);
    civil.second = (uint8_t)(second_of_day % 60);
    return civil;
}

/* Reading position in a text; every take_ function moves it only when it succeeds. */
struct reader {
    const char *at;
    const char *end;
};

static bool take_char(struct reader *reader, char character)
{
    if (reader->at == reader->end || *reader->at != character) return false;
    reader->at++;
    return true;
}

/* Exactly `digits` decimal digits with a value from `least` to `most`. */
static bool take_number(struct reader *reader, int digits, unsigned least, unsigned most, unsigned *out)
{
    unsigned value = 0;
    if (reader->end - reader->at < digits) return false;
    for (int i = 0; i < digits; i++) {
        unsigned digit = (unsigned)(unsigned char)reader->at[i] - '0';
        if (digit > 9) return false;
        value = value * 10 + digit;
    }
    if (value < least || value > most) return false;
    reader->at += digits;
    *out = value;
    return true;
}

static bool take_date(struct reader *reader, int64_t *days)
{
    unsigned year, month, day;
    if (!take_number(reader, 4, 0, 9999, &year) || !take_char(reader, '-')) return false;
    if (!take_number(reader, 2, 1, 12, &month) || !take_char(reader, '-')) return false;
    if (!take_number(reader, 2, 1, mtr_days_in_month((int32_t)year, month), &day)) return false;
    *days = mtr_days_from_civil((int32_t)year, month, day);
    return true;
}

static bool take_clock(struct reader *reader, int64_t *second_of_day)
{
    unsigned hour, minute, second;
    if (!take_number(reader, 2, 0, 23, &hour) || !take_char(reader, ':')) return false;
    if (!take_number(reader, 2, 0, 59, &minute) || !take_char(reader, ':')) return false;
    if (!take_number(reader, 2, 0, 60, &second)) return false;
    *second_of_day = hour * 3600 + minute * 60 + second;
    return true;
}

/* ".123" and the like; nothing at all is 0. */
static int take_fraction(struct reader *reader, int64_t *microseconds)
{
    int64_t value = 0;
    int digits = 0;
    bool exact = true;
    *microseconds = 0;
    if (!take_char(reader, '.')) return MTR_OK;
    for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++, digits++) {
        if (digits < 6) value = value * 10 + (*reader->at - '0');
        else if (*reader->at != '0') exact = false;
    }
    if (digits == 0) return MTR_EINVALID;
    for (; digits < 6; digits++) value *= 10;
    *microseconds = value;
    return exact ? MTR_OK : MTR_EPRECISION;
}

static bool take_offset(struct reader *reader, int64_t *offset_s)
{
    unsigned hours, minutes;
    *offset_s = 0;
    if (take_char(reader, 'Z') || take_char(reader, 'z')) return true;
    int sign = take_char(reader, '+') ? 1 : take_char(reader, '-') ? -1 : 0;
    if (sign == 0 || !take_number(reader, 2, 0, 23, &hours) || !take_char(reader, ':')) return false;
    if (!take_number(reader, 2, 0, 59, &minutes)) return false;
    *offset_s = sign * (int64_t)(hours * 3600 + minutes * 60);
    return true;
}

/* RFC 3339 §5.7: second 60 is only the leap second, which is the last of a day of UTC. POSIX time has no
 * place for it: it is the first second of the next day. */
static bool is_second_60(struct mtr_str text)
{
    enum { SECONDS_AT = 17 };
    return text.size >= SECONDS_AT + 2 && text.data[SECONDS_AT] == '6' && text.data[SECONDS_AT + 1] == '0';
}

static int check_range(int64_t seconds)
{
    return seconds < 0 || seconds >= MTR_TIME_S_MAX ? MTR_EOVERFLOW : MTR_OK;
}

static int parse(struct mtr_str text, bool is_cut, int64_t *out_us)
{
    if (text.size == 0) return MTR_EINVALID;
    struct reader reader = {text.data, text.data + text.size};
    int64_t days, second_of_day, microseconds, offset_s;
    if (!take_date(&reader, &days)) return MTR_EINVALID;
    if (!take_char(&reader, 'T') && !take_char(&reader, 't') && !take_char(&reader, ' ')) return MTR_EINVALID;
    if (!take_clock(&reader, &second_of_day)) return MTR_EINVALID;
    int fraction = take_fraction(&reader, &microseconds);
    if (fraction == MTR_EINVALID) return fraction;
    if (is_cut) fraction = MTR_OK;
    if (!take_offset(&reader, &offset_s) || reader.at != reader.end) return MTR_EINVALID;
    if (fraction) return fraction; /* reported only for text that is well formed otherwise */
    int64_t seconds = days * SECONDS_PER_DAY + second_of_day - offset_s;
    if (is_second_60(text) && seconds % SECONDS_PER_DAY != 0) return MTR_EINVALID;
    int rc = check_range(seconds);
    if (rc) return rc;
    *out_us = seconds * MTR_US_PER_SECOND + microseconds;
    return MTR_OK;
}

int mtr_time_parse(struct mtr_str text, int64_t *out_us)
{
    return parse(text, false, out_us);
}

int mtr_time_parse_fine(struct mtr_str text, int64_t *out_us)
{
    return parse(text, true, out_us);
}

/* What people get wrong behind a date; NULL: something else. */
static const char *fault_behind_date(struct mtr_str text)
{
    enum { HOUR_AT = 11 };
    if (text.size >= HOUR_AT + 2 && text.data[HOUR_AT] == '2' && text.data[HOUR_AT + 1] == '4')
        return "RFC 3339 has no hour 24: write 00:00:00 of the next day";
    if (is_second_60(text)) return "second 60 is a leap second, which only 23:59:60 of UTC can be";
    const char last = text.data[text.size - 1];
    const bool has_offset = last == 'Z' || last == 'z' ||
                            (text.size > 6 && strchr("+-", text.data[text.size - 6]));
    return has_offset ? NULL : "an RFC 3339 date-time ends with Z or an offset such as +02:00";
}

/* What people write instead of a date; NULL: something else. */
static const char *fault_of_date(struct mtr_str text)
{
    enum { DATE_BYTES = 10 };
    size_t digits = 0;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9') digits++;
    if (digits == text.size && digits >= 9) return "it counts from 1970: write the date and the time of day";
    if (text.size < DATE_BYTES || digits != 4 || text.data[4] != '-' || text.data[7] != '-') return NULL;
    for (size_t i = 5; i < DATE_BYTES; i++)
        if (i != 7 && (text.data[i] < '0' || text.data[i] > '9')) return NULL;
    return "there is no such day";
}

const char *mtr_time_known_fault(struct mtr_str text)
{
    struct reader reader = {text.data, text.data + text.size};
    int64_t days;
    if (!text.size || !take_date(&reader, &days)) return fault_of_date(text);
    if (reader.at == reader.end)
        return "a date without a time: write an RFC 3339 date-time such as 2026-03-29T01:59:59Z";
    return fault_behind_date(text);
}

const char *mtr_time_fault(struct mtr_str text)
{
    const char *known = mtr_time_known_fault(text);
    return known ? known : "not an RFC 3339 date-time such as 2026-03-29T01:59:59Z";
}

int mtr_time_parse_date(struct mtr_str text, int64_t *out_us)
{
    enum { DATE_BYTES = 10 };
    if (text.size != DATE_BYTES) return mtr_time_parse(text, out_us);
    struct reader reader = {text.data, text.data + text.size};
    int64_t days;
    if (!take_date(&reader, &days)) return MTR_EINVALID;
    int rc = check_range(days * SECONDS_PER_DAY);
    if (rc) return rc;
    *out_us = days * MTR_US_PER_DAY;
    return MTR_OK;
}

void mtr_date_fault(struct mtr_str text, char out[MTR_DATE_FAULT_BYTES])
{
    enum { SHOWN_BYTES = 40 };
    int64_t ignored;
    struct reader reader = {text.data, text.data + text.size};
    const struct mtr_str quoted = mtr_str_quoted(text, SHOWN_BYTES);
    const char *rest = quoted.size < text.size ? "…" : "", *known = NULL;
    const int rc = mtr_time_parse_date(text, &ignored);
    if (rc == MTR_EOVERFLOW) {
        snprintf(out, MTR_DATE_FAULT_BYTES, "`%.*s%s` is not between 1970 and 2199", MTR_STR_ARGS(quoted),
                 rest);
        return;
    }
    if (!text.size || !take_date(&reader, &ignored)) known = fault_of_date(text);
    else if (reader.at < reader.end)
        known = rc == MTR_EPRECISION ? "a second has at most 6 digits after the point"
                                     : fault_behind_date(text);
    snprintf(out, MTR_DATE_FAULT_BYTES,
             "a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z, not `%.*s%s`%s%s",
             MTR_STR_ARGS(quoted), rest, known ? ": " : "", known ? known : "");
}

/* The number in so many digits, behind a mark; where the text goes on. Every charge has four times: no
 * printf. */
static char *put_digits(char *at, char mark, unsigned value, int digits)
{
    *at++ = mark;
    for (int i = digits - 1; i >= 0; i--, value /= 10) at[i] = (char)('0' + value % 10);
    MTR_ASSERT(value == 0);
    return at + digits;
}

/* Date, clock and fraction without an offset. */
static int format_local(int64_t time_us, char text[MTR_TIME_TEXT_BYTES])
{
    const int64_t seconds = floor_div(time_us, MTR_US_PER_SECOND);
    const unsigned microseconds = (unsigned)(time_us - seconds * MTR_US_PER_SECOND);
    const struct mtr_civil civil = mtr_civil_from_s(seconds);
    int size = snprintf(text, MTR_TIME_TEXT_BYTES, "%04d", (int)civil.year);
    char *at = put_digits(text + size, '-', civil.month, 2);
    at = put_digits(at, '-', civil.day, 2);
    at = put_digits(at, 'T', civil.hour, 2);
    at = put_digits(at, ':', civil.minute, 2);
    at = put_digits(at, ':', civil.second, 2);
    if (microseconds % 1000) at = put_digits(at, '.', microseconds, 6);
    else if (microseconds) at = put_digits(at, '.', microseconds / 1000, 3);
    *at = '\0';
    size = (int)(at - text);
    MTR_ASSERT(size + 6 < MTR_TIME_TEXT_BYTES); /* room for an offset */
    return size;
}

int mtr_time_format(int64_t time_us, char text[MTR_TIME_TEXT_BYTES])
{
    int size = format_local(time_us, text);
    MTR_ASSERT(size + 1 < MTR_TIME_TEXT_BYTES);
    text[size++] = 'Z';
    text[size] = '\0';
    return size;
}

/* RFC 3339 has no seconds in an offset: where a zone has (before 1972), the text is moved to the whole
 * minute below, so that it still names the same instant. */
int mtr_time_format_offset(int64_t time_us, int32_t offset_s, char text[MTR_TIME_TEXT_BYTES])
{
    int64_t minutes = floor_div(offset_s, 60);
    int64_t magnitude = minutes < 0 ? -minutes : minutes;
    int size = format_local(time_us + minutes * 60 * MTR_US_PER_SECOND, text);
    char *at = put_digits(text + size, minutes < 0 ? '-' : '+', (unsigned)(magnitude / 60), 2);
    at = put_digits(at, ':', (unsigned)(magnitude % 60), 2);
    *at = '\0';
    return (int)(at - text);
}

int mtr_duration_parse(struct mtr_str text, int64_t *out_us)
{
    static const struct {
        struct mtr_str name;
        int64_t us;
    } units[] = {
        {{"ms", 2}, 1000},           {{"s", 1}, MTR_US_PER_SECOND}, {{"m", 1}, 60 * MTR_US_PER_SECOND},
        {{"h", 1}, MTR_US_PER_HOUR}, {{"d", 1}, MTR_US_PER_DAY},    {{"w", 1}, 7 * MTR_US_PER_DAY},
    };
    size_t digits = 0;
    uint64_t count;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9') digits++;
    if (digits == 0) return MTR_EINVALID;
    struct mtr_str unit = {text.data + digits, text.size - digits};
    if (!mtr_str_to_u64((struct mtr_str){text.data, digits}, &count)) return MTR_EOVERFLOW;
    if (unit.size == 0 && count == 0) {
        *out_us = 0;
        return MTR_OK;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (!mtr_str_equal(unit, units[i].name)) continue;
        int64_t us;
        if (__builtin_mul_overflow(count, units[i].us, &us)) return MTR_EOVERFLOW;
        *out_us = us;
        return MTR_OK;
    }
    return MTR_EINVALID;
}
