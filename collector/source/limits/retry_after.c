/*
 * Dates of HTTP:
 *
 *   Sun, 06 Nov 1994 08:49:37 GMT     IMF-fixdate
 *   Sunday, 06-Nov-94 08:49:37 GMT    RFC 850; its year is the one of a century around now, here 1970 … 2069
 *   Sun Nov  6 08:49:37 1994          asctime
 *
 * Names of days are any word: a wrong one changes no instant.
 */
#include "collector/source/limits/retry_after.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/time.h"

enum { INSTANT_S_MIN = 1000000000, NAME_BYTES = 64 };
#define INSTANT_MS_MIN UINT64_C(100000000000)

struct cursor {
    struct mtr_str left;
    bool failed;
};

static void expect(struct cursor *cursor, const char *text)
{
    const struct mtr_str wanted = mtr_str_from(text);
    if (!mtr_str_starts_with(cursor->left, wanted)) {
        cursor->failed = true;
        return;
    }
    cursor->left = (struct mtr_str){cursor->left.data + wanted.size, cursor->left.size - wanted.size};
}

/* So many digits; asctime has a space for the first of a day below ten. */
static unsigned number(struct cursor *cursor, unsigned digits, bool allows_space)
{
    unsigned value = 0;
    if (cursor->left.size < digits) cursor->failed = true;
    for (unsigned i = 0; i < digits && !cursor->failed; i++) {
        const char byte = cursor->left.data[i];
        if (i == 0 && allows_space && byte == ' ') continue;
        if (byte < '0' || byte > '9') cursor->failed = true;
        value = 10 * value + (unsigned)(byte - '0');
    }
    if (cursor->failed) return 0;
    cursor->left = (struct mtr_str){cursor->left.data + digits, cursor->left.size - digits};
    return value;
}

static unsigned month(struct cursor *cursor)
{
    static const char names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (unsigned i = 0; i < 12; i++) {
        if (!mtr_str_starts_with(cursor->left, mtr_str_from(names[i]))) continue;
        cursor->left = (struct mtr_str){cursor->left.data + 3, cursor->left.size - 3};
        return i + 1;
    }
    cursor->failed = true;
    return 1;
}

static void clock_time(struct cursor *cursor, struct mtr_civil *civil)
{
    civil->hour = (uint8_t)number(cursor, 2, false);
    expect(cursor, ":");
    civil->minute = (uint8_t)number(cursor, 2, false);
    expect(cursor, ":");
    civil->second = (uint8_t)number(cursor, 2, false);
}

static void day_and_month(struct cursor *cursor, const char *separator, struct mtr_civil *civil)
{
    civil->day = (uint8_t)number(cursor, 2, false);
    expect(cursor, separator);
    civil->month = (uint8_t)month(cursor);
    expect(cursor, separator);
}

static void asctime_date(struct cursor *cursor, struct mtr_civil *civil)
{
    civil->month = (uint8_t)month(cursor);
    expect(cursor, " ");
    civil->day = (uint8_t)number(cursor, 2, true);
    expect(cursor, " ");
    clock_time(cursor, civil);
    expect(cursor, " ");
    civil->year = (int32_t)number(cursor, 4, false);
}

static void imf_date(struct cursor *cursor, struct mtr_civil *civil)
{
    day_and_month(cursor, " ", civil);
    civil->year = (int32_t)number(cursor, 4, false);
    expect(cursor, " ");
    clock_time(cursor, civil);
    expect(cursor, " GMT");
}

static void rfc850_date(struct cursor *cursor, struct mtr_civil *civil)
{
    day_and_month(cursor, "-", civil);
    const unsigned year = number(cursor, 2, false);
    civil->year = (int32_t)(year < 70 ? 2000 + year : 1900 + year);
    expect(cursor, " ");
    clock_time(cursor, civil);
    expect(cursor, " GMT");
}

static bool is_civil(const struct mtr_civil *civil)
{
    if (civil->year < 1970 || civil->month < 1 || civil->day < 1) return false;
    if (civil->hour > 23 || civil->minute > 59 || civil->second > 60) return false;
    int32_t year;
    unsigned of_month, day; /* the 31st of November is no day */
    mtr_civil_from_days(mtr_days_from_civil(civil->year, civil->month, civil->day), &year, &of_month, &day);
    return year == civil->year && of_month == civil->month && day == civil->day;
}

static bool is_letter(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

bool http_date_parse(struct mtr_str text, int64_t *out_us)
{
    size_t name = 0;
    while (name < text.size && is_letter(text.data[name])) name++;
    if (name < 3 || name > 9 || name == text.size) return false;
    struct cursor cursor = {.left = {text.data + name, text.size - name}};
    struct mtr_civil civil = {0};
    if (text.data[name] != ',') {
        expect(&cursor, " ");
        asctime_date(&cursor, &civil);
    } else {
        expect(&cursor, ", ");
        if (cursor.left.size > 2 && cursor.left.data[2] == '-') rfc850_date(&cursor, &civil);
        else imf_date(&cursor, &civil);
    }
    if (cursor.failed || cursor.left.size || !is_civil(&civil)) return false;
    if (civil.second == 60) civil.second = 59; /* a leap second, which our instants have not */
    *out_us = mtr_civil_to_s(civil) * MTR_US_PER_SECOND;
    return true;
}

static int64_t until(int64_t at_us, int64_t now_us)
{
    if (at_us <= now_us) return 0;
    return at_us - now_us < RETRY_AFTER_US_MAX ? at_us - now_us : RETRY_AFTER_US_MAX;
}

/* Microseconds of the digits behind a point; -1: not digits. */
static int64_t fraction(struct mtr_str text)
{
    int64_t value = 0, place = MTR_US_PER_SECOND;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return -1;
        place /= 10;
        value += (text.data[i] - '0') * place;
    }
    return text.size ? value : -1;
}

bool retry_after_parse(struct mtr_str value, int64_t now_us, int64_t *wait_us)
{
    uint64_t whole;
    int64_t at_us, part = 0;
    const char *point = value.size ? memchr(value.data, '.', value.size) : NULL;
    struct mtr_str digits = {value.data, point ? (size_t)(point - value.data) : value.size};
    if (!mtr_str_to_u64(digits, &whole)) {
        if (!http_date_parse(value, &at_us)) return false;
        *wait_us = until(at_us, now_us);
        return true;
    }
    if (point) part = fraction((struct mtr_str){point + 1, value.size - digits.size - 1});
    if (part < 0) return false;
    if (whole >= INSTANT_MS_MIN) whole /= 1000;
    if (whole >= INSTANT_MS_MIN) whole = INSTANT_MS_MIN; /* neither: far away */
    if (whole >= INSTANT_S_MIN) *wait_us = until((int64_t)whole * MTR_US_PER_SECOND, now_us);
    else *wait_us = until(now_us + (int64_t)whole * MTR_US_PER_SECOND + part, now_us);
    return true;
}

int64_t retry_after_of(const struct mtr_http_answer *answer, const struct mtr_str *names, uint32_t count,
                       int64_t now_us)
{
    static const struct mtr_str usual = {"retry-after", 11};
    int64_t longest = 0;
    if (!count) names = &usual, count = 1;
    for (uint32_t i = 0; i < count; i++) {
        char name[NAME_BYTES];
        struct mtr_str value;
        int64_t wait_us;
        if (snprintf(name, sizeof(name), "%.*s", MTR_STR_ARGS(names[i])) >= NAME_BYTES) continue;
        if (mtr_http_answer_header(answer, name, &value) && retry_after_parse(value, now_us, &wait_us) &&
            wait_us > longest)
            longest = wait_us;
    }
    return longest;
}
