/*
 * POSIX TZ strings as TZif footers use them: parsing, and the spans they give.
 *
 * A rule's transitions are computed for a year and its neighbours when asked; nothing is stored, nothing is
 * shared.
 */
#include "lib/core/time/tzif.h"

enum { HOURS_MAX = 24, EXTENDED_HOURS_MAX = 167, SECONDS_PER_DAY = 86400 };
enum { YEAR_MIN = -9999, YEAR_MAX = 9999 }; /* beyond these the last span goes on for ever */

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

/* One to three digits, at most `most`. */
static bool take_number(struct reader *reader, unsigned most, unsigned *out)
{
    unsigned value = 0;
    int digits = 0;
    for (; digits < 3 && reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; digits++)
        value = value * 10 + (unsigned)(*reader->at++ - '0');
    if (digits == 0 || value > most) return false;
    *out = value;
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_quotable(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-';
}

/* "EST" or "<+0530>": three characters at least. meterd has no use for it. */
static bool skip_name(struct reader *reader)
{
    bool quoted = take_char(reader, '<');
    const char *start = reader->at;
    while (reader->at < reader->end && (quoted ? is_quotable(*reader->at) : is_letter(*reader->at)))
        reader->at++;
    return reader->at - start >= 3 && (!quoted || take_char(reader, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_time(struct reader *reader, unsigned hours_max, int32_t *out)
{
    unsigned hours, minutes = 0, seconds = 0;
    int sign = take_char(reader, '-') ? -1 : 1;
    if (sign == 1) (void)take_char(reader, '+');
    if (!take_number(reader, hours_max, &hours)) return false;
    if (take_char(reader, ':')) {
        if (!take_number(reader, 59, &minutes)) return false;
        if (take_char(reader, ':') && !take_number(reader, 59, &seconds)) return false;
    }
    *out = sign * (int32_t)(hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool take_day(struct reader *reader, struct mtr_tz_date *out)
{
    if (take_char(reader, 'J')) {
        out->kind = MTR_TZ_JULIAN;
        return take_number(reader, 365, &out->day) && out->day >= 1;
    }
    if (take_char(reader, 'M')) {
        out->kind = MTR_TZ_MONTH_WEEK_DAY;
        if (!take_number(reader, 12, &out->month) || out->month < 1 || !take_char(reader, '.')) return false;
        if (!take_number(reader, 5, &out->week) || out->week < 1 || !take_char(reader, '.')) return false;
        return take_number(reader, 6, &out->day);
    }
    out->kind = MTR_TZ_DAY_OF_YEAR;
    return take_number(reader, 365, &out->day);
}

static bool take_date(struct reader *reader, struct mtr_tz_date *out)
{
    *out = (struct mtr_tz_date){.time_s = 2 * 3600};
    if (!take_char(reader, ',') || !take_day(reader, out)) return false;
    return !take_char(reader, '/') || take_time(reader, EXTENDED_HOURS_MAX, &out->time_s);
}

/* The local instant of a date in a year, as if local time were UTC. */
static int64_t date_in_year(const struct mtr_tz_date *date, int32_t year)
{
    int64_t days = mtr_days_from_civil(year, 1, 1);
    switch (date->kind) {
    case MTR_TZ_JULIAN: days += date->day - 1 + (date->day > 59 && mtr_days_in_month(year, 2) == 29); break;
    case MTR_TZ_DAY_OF_YEAR: days += date->day; break;
    case MTR_TZ_MONTH_WEEK_DAY: {
        int64_t first = mtr_days_from_civil(year, date->month, 1);
        unsigned to_day = (date->day + 7 - mtr_weekday(first) % 7) % 7;
        unsigned offset = to_day + 7 * (date->week - 1);
        if (offset >= mtr_days_in_month(year, date->month)) offset -= 7;
        days = first + offset;
        break;
    }
    }
    return days * SECONDS_PER_DAY + date->time_s;
}

static int64_t daylight_starts(const struct mtr_tz_rule *rule, int32_t year)
{
    return date_in_year(&rule->starts, year) - rule->standard_s;
}

static int64_t daylight_ends(const struct mtr_tz_rule *rule, int32_t year)
{
    return date_in_year(&rule->ends, year) - rule->daylight_s;
}

/* "EST5EDT,0/0,J365/25": each end falls on the next start, so it never ends. The calendar repeats after
 * 400 years. */
static bool never_ends(const struct mtr_tz_rule *rule)
{
    for (int32_t year = 2000; year < 2400; year++) {
        int64_t starts = daylight_starts(rule, year), ends = daylight_ends(rule, year);
        if (starts >= ends || ends < daylight_starts(rule, year + 1)) return false;
    }
    return true;
}

int tz_rule_parse(struct mtr_str text, struct mtr_tz_rule *out)
{
    struct mtr_tz_rule rule = {0};
    struct reader reader = {text.data, text.data ? text.data + text.size : NULL};
    if (!skip_name(&reader) || !take_time(&reader, HOURS_MAX, &rule.standard_s)) return MTR_EINVALID;
    rule.standard_s = -rule.standard_s; /* POSIX counts west of Greenwich */
    if (reader.at != reader.end) {
        if (!skip_name(&reader)) return MTR_EINVALID;
        rule.daylight_s = rule.standard_s + 3600;
        if (reader.at < reader.end && *reader.at != ',') {
            if (!take_time(&reader, HOURS_MAX, &rule.daylight_s)) return MTR_EINVALID;
            rule.daylight_s = -rule.daylight_s;
        }
        if (!take_date(&reader, &rule.starts) || !take_date(&reader, &rule.ends) || reader.at != reader.end)
            return MTR_EINVALID;
        rule.switches = rule.standard_s != rule.daylight_s;
        if (rule.switches && never_ends(&rule)) {
            rule.switches = false;
            rule.standard_s = rule.daylight_s;
        }
    }
    *out = rule;
    return MTR_OK;
}

/* The year around which to look, kept where civil dates are defined. */
static int32_t year_of(int64_t time_s)
{
    const int64_t first = mtr_days_from_civil(YEAR_MIN, 1, 1) * SECONDS_PER_DAY;
    const int64_t last = mtr_days_from_civil(YEAR_MAX, 1, 1) * SECONDS_PER_DAY;
    if (time_s < first) return YEAR_MIN;
    if (time_s > last) return YEAR_MAX;
    return mtr_civil_from_s(time_s).year;
}

struct tz_span tz_rule_at(const struct mtr_tz_rule *rule, int64_t time_s)
{
    enum { YEARS = 5, SWITCHES = 2 * YEARS };
    struct tz_span span = {INT64_MIN, INT64_MAX, rule->standard_s};
    struct mtr_tz_transition switches[SWITCHES];
    if (!rule->switches) return span;
    int32_t year = year_of(time_s);
    int count = 0;
    for (int32_t y = year - YEARS / 2; y <= year + YEARS / 2; y++) {
        struct mtr_tz_transition pair[2] = {{daylight_ends(rule, y), rule->standard_s},
                                            {daylight_starts(rule, y), rule->daylight_s}};
        for (int i = 0; i < 2;
             i++) { /* insertion; of two at one instant the start of daylight saving counts */
            int at = count++;
            for (; at > 0 && switches[at - 1].time_s > pair[i].time_s; at--) switches[at] = switches[at - 1];
            switches[at] = pair[i];
            if (at > 0 && switches[at - 1].time_s == pair[i].time_s && pair[i].offset_s == rule->standard_s) {
                switches[at] = switches[at - 1];
                switches[at - 1] = pair[i];
            }
        }
    }
    for (int i = 0; i < count; i++) {
        if (switches[i].time_s > time_s) {
            if (switches[i].offset_s == span.offset_s) continue; /* changes nothing: the span goes on */
            span.end_s = switches[i].time_s;
            break;
        }
        if (switches[i].offset_s != span.offset_s) span.start_s = switches[i].time_s;
        span.offset_s = switches[i].offset_s;
    }
    return span;
}
