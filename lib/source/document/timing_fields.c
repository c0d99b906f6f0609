/*
 * `schedule` and `window`. What has no meaning for a kind of window is refused: it would be waited for in
 * vain.
 */
#include "lib/source/document/fields.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/time.h"

#define DAYS UINT64_C(86400000000)

const struct mtr_field source_schedule_rows[] = {
    {.name = "every", MTR_ROW_AT(source_schedule_fields, every_us), .type = MTR_FIELD_DURATION,
     .default_text = "1h", .min = 1000000, .max = 366 * DAYS, .doc = "from one look to the next"},
    {MTR_ROW(source_schedule_fields, at), .type = MTR_FIELD_TEXT, .max = 8,
     .doc = "a time of the clock at which it looks, as \"00:10\""},
    {MTR_ROW(source_schedule_fields, zone), .type = MTR_FIELD_TEXT, .max = 64, .default_text = "UTC",
     .doc = "of that clock"},
    {.name = "jitter", MTR_ROW_AT(source_schedule_fields, jitter_us), .type = MTR_FIELD_DURATION,
     .default_text = "0", .max = 1 * DAYS,
     .doc = "looks are later by up to this, always the same for a source and window"},
    {0},
};

const struct mtr_field source_window_rows[] = {
    {MTR_ROW(source_window_fields, length), .type = MTR_FIELD_TEXT, .max = 64,
     MTR_ROW_GIVEN(source_window_fields, has_length),
     .doc = "hour, day, month, a duration as 6h; cursor: no windows; current, last: named periods"},
    {MTR_ROW(source_window_fields, periods), .type = MTR_FIELD_TEXTS, .min = 1, .max = 2,
     MTR_ROW_GIVEN(source_window_fields, has_periods), .doc = "in the place of length: [current, last]"},
    {MTR_ROW(source_window_fields, zone), .type = MTR_FIELD_TEXT, .max = 64, .default_text = "UTC",
     .doc = "of the vendor's days and months"},
    {MTR_ROW(source_window_fields, start), .type = MTR_FIELD_TEXT, .max = 40,
     .doc = "a date or an instant, which the first window holds; unless given, when it was first applied"},
    {.name = "lateness", MTR_ROW_AT(source_window_fields, lateness_us), .type = MTR_FIELD_DURATION,
     .default_text = "0", .max = 366 * DAYS, MTR_ROW_GIVEN(source_window_fields, has_lateness),
     .doc = "a window is first read so long after its end"},
    {MTR_ROW(source_window_fields, rereads), .type = MTR_FIELD_TEXTS, .max = MTR_SOURCE_REREADS_MAX,
     .doc = "when closed windows are read again, as [6h, 10d, month_end+6d]; then they are settled"},
    {.name = "overlap", MTR_ROW_AT(source_window_fields, overlap_us), .type = MTR_FIELD_DURATION,
     .default_text = "0", .max = 366 * DAYS, .doc = "of a cursor: so much is asked again each time"},
    {.name = "open", MTR_ROW_AT(source_window_fields, open_us), .type = MTR_FIELD_DURATION,
     .default_text = "0", .max = 366 * DAYS, .doc = "the unfinished window is read this often; 0: it is not"},
    {.name = "split", MTR_ROW_AT(source_window_fields, split_us), .type = MTR_FIELD_DURATION,
     .default_text = "0", .max = 366 * DAYS,
     .doc = "windows whose answer meets a limit are halved down to this; 0: they are not"},
    {.name = "vendor_keeps", MTR_ROW_AT(source_window_fields, vendor_keeps_us), .type = MTR_FIELD_DURATION,
     .default_text = "0", .max = 3660 * DAYS, .doc = "so long the vendor knows its usage; 0: for ever"},
    {0},
};

/* "00:10", "00:10:30" */
static bool read_clock(struct mtr_str text, uint32_t *out_s)
{
    uint64_t parts[3] = {0};
    unsigned count = 0;
    size_t from = 0;
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != ':') continue;
        const struct mtr_str part = {text.data + from, i - from};
        if (count == 3 || part.size != 2 || !mtr_str_to_u64(part, &parts[count++])) return false;
        from = i + 1;
    }
    *out_s = (uint32_t)(parts[0] * 3600 + parts[1] * 60 + parts[2]);
    return count >= 2 && parts[0] < 24 && parts[1] < 60 && parts[2] < 60;
}

void source_read_schedule(struct source_reading *reading, const struct source_schedule_fields *fields,
                          struct mtr_source_schedule *out)
{
    *out = (struct mtr_source_schedule){
        .every_us = fields->every_us,
        .has_at = fields->at.size > 0,
        .zone = source_zone(reading, "schedule.zone", fields->zone),
        .jitter_us = fields->jitter_us,
    };
    if (out->has_at && !read_clock(fields->at, &out->at_s))
        source_fault(reading, MTR_FINDING_SOURCE_TIME, "schedule.at",
                     "`%.*s%s` is no time of the clock, as \"00:10\"", MTR_STR_QUOTED(fields->at));
    if (out->jitter_us >= out->every_us)
        source_fault(reading, MTR_FINDING_SOURCE_TIME, "schedule.jitter",
                     "must be less than `every`: a look would be put off behind the next one");
}

static void read_length(struct source_reading *reading, struct mtr_str text, struct mtr_source_window *out)
{
    static const char *const words[] = {"hour", "day", "month", "cursor", "current", "last", NULL};
    static const enum mtr_source_length lengths[] = {MTR_LENGTH_HOUR,    MTR_LENGTH_DAY,
                                                     MTR_LENGTH_MONTH,   MTR_LENGTH_CURSOR,
                                                     MTR_LENGTH_PERIODS, MTR_LENGTH_PERIODS};
    char meant[MTR_MEANT_BYTES];
    for (unsigned i = 0; words[i]; i++)
        if (mtr_str_equal(text, mtr_str_from(words[i]))) {
            out->length = lengths[i];
            out->has_current = i == 4;
            out->has_last = i == 5;
            return;
        }
    out->length = MTR_LENGTH_DURATION;
    const bool is_duration = !mtr_duration_parse(text, &out->length_us);
    const bool is_good =
        is_duration && out->length_us >= MTR_US_PER_SECOND && out->length_us % MTR_US_PER_SECOND == 0;
    reading->is_unknown.length = !is_good;
    if (!is_duration)
        source_fault(reading, MTR_FINDING_SOURCE_WINDOW, "window.length",
                     "`%.*s%s` is none of hour, day, month, cursor, current and last, and no duration%s",
                     MTR_STR_QUOTED(text), mtr_str_meant_of(text, words, meant));
    else if (!is_good)
        source_fault(reading, MTR_FINDING_SOURCE_WINDOW, "window.length",
                     "a window is a whole number of seconds, and at least one");
}

static void read_periods(struct source_reading *reading, struct mtr_list list, struct mtr_source_window *out)
{
    static const char *const words[] = {"current", "last", NULL};
    const struct mtr_str *texts = list.items;
    out->length = MTR_LENGTH_PERIODS;
    for (uint32_t i = 0; i < list.count; i++) {
        char path[MTR_FINDING_FIELD_BYTES], meant[MTR_MEANT_BYTES];
        snprintf(path, sizeof(path), "window.periods[%u]", i);
        if (mtr_str_equal(texts[i], mtr_str_from(words[0]))) out->has_current = true;
        else if (mtr_str_equal(texts[i], mtr_str_from(words[1]))) out->has_last = true;
        else
            source_fault(reading, MTR_FINDING_SOURCE_WINDOW, path, "`%.*s%s` is neither current nor last%s",
                         MTR_STR_QUOTED(texts[i]), mtr_str_meant_of(texts[i], words, meant));
    }
}

static void read_start(struct source_reading *reading, struct mtr_str text, struct mtr_source_window *out)
{
    enum { DATE_BYTES = 10 };
    char fault[MTR_DATE_FAULT_BYTES];
    if (!text.size) return;
    out->has_start = true;
    if (mtr_time_parse_date(text, &out->start_us)) {
        mtr_date_fault(text, fault);
        source_fault(reading, MTR_FINDING_SOURCE_TIME, "window.start", "%s", fault);
    } else if (text.size == DATE_BYTES && out->zone) {
        out->start_us = mtr_zone_midnight(out->zone, out->start_us / MTR_US_PER_DAY);
    }
}

/* "10d", "month_end+6d" */
static bool read_reread(struct mtr_str text, struct mtr_source_reread *out)
{
    const struct mtr_str month_end = MTR_STR("month_end");
    out->is_of_month = mtr_str_starts_with(text, month_end);
    if (out->is_of_month) {
        text = (struct mtr_str){text.data + month_end.size, text.size - month_end.size};
        if (!text.size) return true;
        if (*text.data != '+') return false;
        text = (struct mtr_str){text.data + 1, text.size - 1};
    }
    return mtr_duration_parse(text, &out->after_us) == MTR_OK && out->after_us >= 0 &&
           out->after_us <= (int64_t)(3660 * DAYS);
}

static void read_rereads(struct source_reading *reading, const struct source_window_fields *fields,
                         struct mtr_source_window *out)
{
    const struct mtr_str *texts = fields->rereads.items;
    struct mtr_source_reread *rereads =
        mtr_arena_calloc(reading->arena, (size_t)fields->rereads.count + 1, sizeof(*rereads));
    int64_t before_us[2] = {fields->lateness_us - 1, -1}; /* of windows, of months */
    if (!rereads) {
        reading->error = MTR_ENOMEM;
        return;
    }
    for (uint32_t i = 0; i < fields->rereads.count; i++) {
        char path[MTR_FINDING_FIELD_BYTES];
        snprintf(path, sizeof(path), "window.rereads[%u]", i);
        if (!read_reread(texts[i], &rereads[i])) {
            source_fault(reading, MTR_FINDING_SOURCE_REREADS, path,
                         "`%.*s%s` is neither a duration, as 10d, nor one behind the month's end, as "
                         "month_end+6d",
                         MTR_STR_QUOTED(texts[i]));
            continue;
        }
        int64_t *before = &before_us[rereads[i].is_of_month];
        if (rereads[i].after_us <= *before)
            source_fault(reading, MTR_FINDING_SOURCE_REREADS, path,
                         "comes before the reading that stands before it: write them ascending, none before "
                         "`lateness`");
        *before = rereads[i].after_us;
    }
    out->rereads = rereads;
    out->reread_count = fields->rereads.count;
}

static void forbid(struct source_reading *reading, bool is_given, const char *path, const char *reason)
{
    if (is_given) source_fault(reading, MTR_FINDING_SOURCE_KEY_CONFLICT, path, "%s", reason);
}

static int64_t length_us(const struct mtr_source_window *window)
{
    switch (window->length) {
    case MTR_LENGTH_HOUR: return INT64_C(3600) * MTR_US_PER_SECOND;
    case MTR_LENGTH_DAY: return MTR_US_PER_DAY;
    case MTR_LENGTH_MONTH: return 28 * MTR_US_PER_DAY;
    case MTR_LENGTH_DURATION: return window->length_us;
    case MTR_LENGTH_CURSOR:
    case MTR_LENGTH_PERIODS: break;
    }
    return INT64_MAX;
}

static void check_window(struct source_reading *reading, const struct mtr_source_window *window)
{
    const bool is_cursor = window->length == MTR_LENGTH_CURSOR;
    const bool is_named = window->length == MTR_LENGTH_PERIODS;
    const char *of_windows = is_cursor ? "a cursor has no windows: it goes on where it was"
                                       : "named periods are read as they stand, each time";
    if (is_cursor || is_named) {
        forbid(reading, window->reread_count > 0, "window.rereads", of_windows);
        forbid(reading, window->open_us > 0, "window.open", of_windows);
        forbid(reading, window->split_us > 0, "window.split", of_windows);
        forbid(reading, is_named && window->has_start, "window.start", of_windows);
        forbid(reading, window->lateness_us > 0, "window.lateness", of_windows);
    } else {
        forbid(reading, window->split_us >= length_us(window), "window.split",
               "must be shorter than the window");
        forbid(reading, window->open_us >= length_us(window), "window.open",
               "must be shorter than the window, which is read when it is over");
    }
    if (!is_cursor && window->overlap_us > 0)
        source_fault(reading, MTR_FINDING_SOURCE_KEY_IDLE, "window.overlap",
                     "is of `length: cursor`, and changes nothing here: windows are read again by `rereads`");
}

/* Faults are not told of all that is wrong, so what was read is looked at, too. */
static bool are_limits_read(const struct source_reading *reading, const struct source_window_fields *fields,
                            const struct mtr_source_window *window)
{
    const struct mtr_str zone = fields->zone;
    const bool is_utc = !zone.size || mtr_str_equal(zone, MTR_STR("UTC"));
    const bool has_period = window->has_current || window->has_last;
    return !reading->is_unknown.length && (window->zone || is_utc) &&
           (window->length != MTR_LENGTH_PERIODS || has_period) &&
           !source_is_told(reading, "window.length") && !source_is_told(reading, "window.periods") &&
           !source_is_told(reading, "window.zone");
}

bool source_read_window(struct source_reading *reading, const struct source_window_fields *fields,
                        struct mtr_source_window *out)
{
    static const char *const names[] = {"length", "periods", NULL};
    const bool given[] = {fields->has_length, fields->has_periods};
    *out = (struct mtr_source_window){
        .zone = source_zone(reading, "window.zone", fields->zone),
        .lateness_us = fields->lateness_us,
        .overlap_us = fields->overlap_us,
        .open_us = fields->open_us,
        .split_us = fields->split_us,
        .vendor_keeps_us = fields->vendor_keeps_us,
    };
    const int which = source_one_of(reading, "window", names, given, ", as `length: day`");
    if (which < 0) return false;
    if (which == 0) read_length(reading, fields->length, out);
    else read_periods(reading, fields->periods, out);
    read_start(reading, fields->start, out);
    read_rereads(reading, fields, out);
    if (!reading->is_unknown.length) check_window(reading, out);
    return are_limits_read(reading, fields, out);
}
