/*
 * Calendars of tariff versions: rows, reading and findings of masks, and the parts of a component that name
 * them (`when`, `weights`).
 *
 * Masks may name masks that stand below them; they are put in an order in which each comes after those that
 * it is made of, and a ring of them is an error.
 */
#include "lib/tariff/fields.h"

#include <stdlib.h>
#include <string.h>

#include "lib/tariff/report.h"
#include "meterd/core/time.h"

enum { DAYS_PER_WEEK = 7, ALL_DAYS = 0x7F, ALL_MONTHS = 0xFFF };

static const char *const weekdays[DAYS_PER_WEEK + 1] = {"mon", "tue", "wed", "thu",
                                                        "fri", "sat", "sun", NULL};
static const char *const months[MTR_CALENDAR_MONTHS + 1] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                                            "aug", "sep", "oct", "nov", "dec", NULL};
const char *const mtr_tariff_mask_zones[] = {"local", "standard", "UTC", NULL};

const struct mtr_field mtr_tariff_mask_rows[] = {
    {.name = "hours", .type = MTR_FIELD_TEXT, AT(tariff_mask_fields, hours),
     PRESENT(tariff_mask_fields, has_hours),
     .doc = "of the clock, as \"22:00-06:00\" or \"00:30-07:30\"; minutes as the meter's `cell` allows"},
    {.name = "zone", .type = MTR_FIELD_ENUM, AT(tariff_mask_fields, zone),
     PRESENT(tariff_mask_fields, has_zone), .choices = mtr_tariff_mask_zones,
     .doc = "the clock that hours and dates are of: the subscription's, the same without daylight saving, or "
            "UTC; `calendar_zone` unless given"},
    {.name = "days", .type = MTR_FIELD_TEXTS, AT(tariff_mask_fields, days),
     PRESENT(tariff_mask_fields, has_days), .single = true, .min = 1, .max = DAYS_PER_WEEK,
     .doc = "of mon, tue, wed, thu, fri, sat, sun, or ranges of them, as mon-fri"},
    {.name = "months", .type = MTR_FIELD_TEXTS, AT(tariff_mask_fields, months),
     PRESENT(tariff_mask_fields, has_months), .single = true, .min = 1, .max = MTR_CALENDAR_MONTHS,
     .doc = "of jan to dec, or ranges of them, as oct-mar"},
    {.name = "dates", .type = MTR_FIELD_TEXTS, AT(tariff_mask_fields, dates),
     PRESENT(tariff_mask_fields, has_dates), .single = true, .min = 1, .max = MTR_CALENDAR_DATES_MAX,
     .doc = "dates or ranges with both ends, as 2026-12-25 and 2026-06-01..2026-08-31; of every year without "
            "one: 12-25, 12-24..01-06"},
    {.name = "any", .type = MTR_FIELD_TEXTS, AT(tariff_mask_fields, any),
     PRESENT(tariff_mask_fields, has_any), .single = true, .min = 1, .max = MTR_CALENDAR_MASKS_MAX,
     .doc = "other masks: one of them holds"},
    {.name = "not", .type = MTR_FIELD_TEXTS, AT(tariff_mask_fields, none),
     PRESENT(tariff_mask_fields, has_none), .single = true, .min = 1, .max = MTR_CALENDAR_MASKS_MAX,
     .doc = "other masks: none of them holds"},
    {0},
};

const char *mtr_mask_clock_name(enum mtr_mask_clock clock)
{
    return mtr_tariff_mask_zones[clock];
}

/* A list's node, or the text itself where it stands alone. */
static const struct mtr_node *item_at(const struct mtr_node *mask, const char *key, uint32_t index)
{
    const struct mtr_node *list = mtr_node_get(mask, key);
    return list->kind == MTR_NODE_LIST ? &list->children[index] : list;
}

/* Two digits; -1 when they are none. */
static int read_two_digits(const char *text)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') return -1;
    return (text[0] - '0') * 10 + (text[1] - '0');
}

/* "HH:MM" in minutes, 0…1440; -1 when it is none. */
static int read_minute(struct mtr_str text)
{
    enum { CLOCK_BYTES = 5, MINUTES_PER_HOUR = 60 };
    if (text.size != CLOCK_BYTES || text.data[2] != ':') return -1;
    const int hour = read_two_digits(text.data), minute = read_two_digits(text.data + 3);
    if (hour < 0 || minute < 0 || minute >= MINUTES_PER_HOUR) return -1;
    const int all = hour * MINUTES_PER_HOUR + minute;
    return all <= MTR_CALENDAR_DAY_MIN ? all : -1;
}

/* A text and what stands behind the mark in it; false where there is no mark. */
static bool split(struct mtr_str text, struct mtr_str mark, struct mtr_str *before, struct mtr_str *behind)
{
    *before = text;
    *behind = (struct mtr_str){NULL, 0};
    for (size_t i = 0; i + mark.size <= text.size; i++) {
        if (memcmp(text.data + i, mark.data, mark.size) != 0) continue;
        *before = (struct mtr_str){text.data, i};
        *behind = (struct mtr_str){text.data + i + mark.size, text.size - i - mark.size};
        return true;
    }
    return false;
}

static void read_hours(const struct mtr_node *node, struct mtr_str text, struct mtr_mask *out,
                       struct mtr_diagnostics *findings)
{
    struct mtr_str first, last;
    const bool has_dash = split(text, MTR_STR("-"), &first, &last);
    const int from = read_minute(first), until = has_dash ? read_minute(last) : -1;
    if (from < 0 || until < 0 || from == MTR_CALENDAR_DAY_MIN)
        tariff_report(findings, MTR_FINDING_TARIFF_CALENDAR_HOURS, node, "hours",
                      "must be two times of the clock, like \"22:00-06:00\" or \"00:30-07:30\"");
    else if (from == until || until - from == MTR_CALENDAR_DAY_MIN)
        tariff_report(findings, MTR_FINDING_TARIFF_CALENDAR_HOURS, node, "hours",
                      "is no part of the day: leave it out where all hours are meant");
    out->from_min = from;
    out->until_min = until == 0 ? MTR_CALENDAR_DAY_MIN : until; /* "22:00-00:00" ends with the day */
}

static int find_name(struct mtr_str text, const char *const *names)
{
    int index = 0;
    while (names[index] && !mtr_str_equal(text, mtr_str_from(names[index]))) index++;
    return names[index] ? index : -1;
}

/* What the names of a list mean, and their ranges, which may go over the end of the year or week. */
struct name_list {
    const char *key;
    const char *const *names;
    int count;
    const char *expected;
};

/* The nearest is of its first letters: "tuesday" is tue. */
static void fail_name(const struct mtr_node *item, const struct name_list *of, struct mtr_str word,
                      struct mtr_diagnostics *findings)
{
    enum { NAME_BYTES = 3 };
    char sentence[MTR_FINDING_TEXT_BYTES], meant[MTR_MEANT_BYTES];
    const struct mtr_str beginning = {word.data, word.size < NAME_BYTES ? word.size : NAME_BYTES};
    snprintf(sentence, sizeof(sentence), "%s, not `%.*s%s`%s", of->expected, MTR_STR_QUOTED(word),
             mtr_str_meant_of(beginning, of->names, meant));
    tariff_report(findings, MTR_FINDING_TARIFF_CALENDAR_DAYS, item, of->key, sentence);
}

static uint32_t read_names(const struct mtr_node *node, const struct name_list *of,
                           const struct mtr_list *list, struct mtr_diagnostics *findings)
{
    const struct mtr_str *texts = list->items;
    uint32_t bits = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct mtr_str first, last;
        const bool is_range = split(texts[i], MTR_STR("-"), &first, &last);
        const int from = find_name(first, of->names), to = is_range ? find_name(last, of->names) : from;
        if (from < 0 || to < 0) {
            fail_name(item_at(node, of->key, i), of, from < 0 ? first : last, findings);
            continue;
        }
        for (int at = from; at != to; at = (at + 1) % of->count) bits |= (uint32_t)1 << at;
        bits |= (uint32_t)1 << to;
    }
    return bits;
}

/* ---- dates ---- */

/* A day of one year, or of every one: then month and day count from 0. */
struct day {
    bool every_year;
    int64_t days;
    unsigned month, day;
};

static bool read_day(struct mtr_str text, struct day *out)
{
    enum { DATE_BYTES = 10, YEARLESS_BYTES = 5, LEAP_YEAR = 2024 };
    int64_t time_us = 0;
    if (text.size == DATE_BYTES) {
        if (mtr_time_parse_date(text, &time_us)) return false;
        *out = (struct day){.days = time_us / MTR_US_PER_DAY};
        return true;
    }
    if (text.size != YEARLESS_BYTES || text.data[2] != '-') return false;
    const int month = read_two_digits(text.data), day = read_two_digits(text.data + 3);
    if (month < 1 || month > MTR_CALENDAR_MONTHS || day < 1 ||
        day > (int)mtr_days_in_month(LEAP_YEAR, (unsigned)month))
        return false;
    *out = (struct day){.every_year = true, .month = (unsigned)month - 1, .day = (unsigned)day - 1};
    return true;
}

/* From one day of the year to another, over its end where that comes before. */
static void add_every_year(struct mtr_mask *mask, struct day from, struct day to)
{
    enum { DAYS = 31 };
    while (from.month != to.month || from.day != to.day) {
        mask->every_year[from.month] |= (uint32_t)1 << from.day;
        if (++from.day < DAYS) continue;
        from.day = 0;
        from.month = (from.month + 1) % MTR_CALENDAR_MONTHS;
    }
    mask->every_year[to.month] |= (uint32_t)1 << to.day;
}

static void add_dates(const struct mtr_node *place, struct mtr_str text, struct mtr_mask *mask,
                      struct mtr_diagnostics *findings)
{
    struct mtr_str first, last;
    struct day from, to;
    const bool is_range = split(text, MTR_STR(".."), &first, &last);
    bool fits = read_day(first, &from);
    if (fits && is_range) fits = read_day(last, &to);
    else to = from;
    if (!fits || from.every_year != to.every_year) {
        tariff_report(findings, MTR_FINDING_TARIFF_CALENDAR_DATES, place, "dates",
                      "must be a date of the years 1970 to 2199, like 2026-12-25, a range of them, like "
                      "2026-06-01..2026-08-31, or either without the year");
    } else if (from.every_year) {
        add_every_year(mask, from, to);
    } else if (to.days < from.days) {
        tariff_report(findings, MTR_FINDING_TARIFF_CALENDAR_DATES, place, "dates",
                      "the range ends before it begins");
    } else {
        mask->dates[mask->date_count++] = (struct mtr_date_range){from.days, to.days};
    }
}

static int compare_ranges(const void *a, const void *b)
{
    const struct mtr_date_range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Ranges that overlap or touch become one. */
static void join_ranges(struct mtr_mask *mask)
{
    uint32_t count = 0;
    qsort(mask->dates, mask->date_count, sizeof(*mask->dates), compare_ranges);
    for (uint32_t i = 0; i < mask->date_count; i++) {
        struct mtr_date_range *before = count ? &mask->dates[count - 1] : NULL;
        if (!before || mask->dates[i].first > before->last + 1) mask->dates[count++] = mask->dates[i];
        else if (mask->dates[i].last > before->last) before->last = mask->dates[i].last;
    }
    mask->date_count = count;
}

static int read_dates(const struct mtr_node *node, const struct mtr_list *list, struct mtr_arena *arena,
                      struct mtr_mask *out, struct mtr_diagnostics *findings)
{
    const struct mtr_str *texts = list->items;
    out->has_dates = true;
    out->dates = mtr_arena_calloc(arena, list->count, sizeof(*out->dates));
    if (!out->dates) return MTR_ENOMEM;
    for (uint32_t i = 0; i < list->count; i++)
        add_dates(item_at(node, "dates", i), texts[i], out, findings);
    join_ranges(out);
    return MTR_OK;
}

/* ---- masks of masks ---- */

static struct mtr_str mask_name_at(const void *context, unsigned i)
{
    const struct mtr_calendar *calendar = context;
    return i < calendar->mask_count ? calendar->masks[i].key : (struct mtr_str){NULL, 0};
}

/* Index of the mask; MTR_CALENDAR_MASKS_MAX, with a finding, when there is none of that name. */
static uint32_t find_mask(const struct mtr_calendar *calendar, const struct mtr_node *node,
                          struct mtr_str name, struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < calendar->mask_count; i++)
        if (mtr_str_equal(calendar->masks[i].key, name)) return i;
    char meant[MTR_MEANT_BYTES];
    mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_CALENDAR_UNKNOWN, node->line, node->column, "calendar",
                         "there is no mask `%.*s%s` in `calendar` of the version%s", MTR_STR_QUOTED(name),
                         mtr_str_meant(name, mask_name_at, calendar, meant));
    return MTR_CALENDAR_MASKS_MAX;
}

static uint64_t read_others(const struct mtr_calendar *calendar, const struct mtr_node *node, const char *key,
                            const struct mtr_list *list, struct mtr_diagnostics *findings)
{
    const struct mtr_str *names = list->items;
    uint64_t word = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t index = find_mask(calendar, item_at(node, key, i), names[i], findings);
        if (index < MTR_CALENDAR_MASKS_MAX) word |= (uint64_t)1 << index;
    }
    return word;
}

/* Puts masks whose parts are all placed behind them, until nothing more can be placed: what is left is
 * made of itself. */
static void order_masks(const struct mtr_node *node, struct mtr_calendar *calendar,
                        struct mtr_diagnostics *findings)
{
    uint64_t placed = 0;
    uint32_t count = 0, before;
    do {
        before = count;
        for (uint32_t i = 0; i < calendar->mask_count; i++) {
            const struct mtr_mask *mask = &calendar->masks[i];
            if (placed >> i & 1 || ((mask->any | mask->none) & ~placed)) continue;
            calendar->order[count++] = (uint8_t)i;
            placed |= (uint64_t)1 << i;
        }
    } while (count > before);
    for (uint32_t i = 0; i < calendar->mask_count && count < calendar->mask_count; i++) {
        if (placed >> i & 1) continue;
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_CALENDAR_CIRCLE, node->children[i].line,
                             node->children[i].column, "calendar", "mask `%.*s%s` is made of itself",
                             MTR_STR_QUOTED(calendar->masks[i].key));
        return;
    }
}

static void read_clock(const struct mtr_node *node, const struct tariff_mask_fields *fields,
                       struct mtr_mask *out, struct mtr_diagnostics *findings)
{
    static const struct name_list of_week = {"days", weekdays, DAYS_PER_WEEK,
                                             "must be one of mon, tue, wed, thu, fri, sat, sun, or a range "
                                             "of them, like mon-fri"};
    static const struct name_list of_year = {"months", months, MTR_CALENDAR_MONTHS,
                                             "must be one of jan, feb, mar, apr, may, jun, jul, aug, sep, "
                                             "oct, nov, dec, or a range of them, like oct-mar"};
    out->until_min = MTR_CALENDAR_DAY_MIN;
    out->weekdays = ALL_DAYS;
    out->months = ALL_MONTHS;
    if (fields->has_hours) read_hours(mtr_node_get(node, "hours"), fields->hours, out, findings);
    if (fields->has_days) out->weekdays = (uint8_t)read_names(node, &of_week, &fields->days, findings);
    if (fields->has_months) out->months = (uint16_t)read_names(node, &of_year, &fields->months, findings);
}

static int read_mask(const struct mtr_node *node, const struct tariff_mask_fields *fields,
                     struct mtr_arena *arena, const struct mtr_calendar *calendar, struct mtr_mask *out,
                     struct mtr_diagnostics *findings)
{
    const bool has_clock =
        fields->has_hours || fields->has_days || fields->has_months || fields->has_dates;
    read_clock(node, fields, out, findings);
    if (fields->has_any) out->any = read_others(calendar, node, "any", &fields->any, findings);
    if (fields->has_none) out->none = read_others(calendar, node, "not", &fields->none, findings);
    if (!has_clock && !fields->has_any && !fields->has_none)
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_EMPTY, node, "calendar",
                      "says nothing: write `hours`, `days`, `months`, `dates`, `any` or `not`");
    else
        tariff_forbid(findings, MTR_FINDING_TARIFF_CALENDAR_ZONE, node, fields->has_zone && !has_clock,
                      "zone", "is of hours and dates: write it in the masks that have some");
    return fields->has_dates ? read_dates(node, &fields->dates, arena, out, findings) : MTR_OK;
}

int tariff_read_calendar(const struct mtr_node *node, const struct tariff_version_fields *version,
                         struct mtr_arena *arena, struct mtr_calendar *out, struct mtr_diagnostics *findings)
{
    const struct mtr_list *list = &version->calendar;
    const struct tariff_mask_fields *fields = list->items;
    const struct mtr_node *masks = mtr_node_get(node, "calendar");
    size_t errors_before = findings->errors;
    tariff_forbid(findings, MTR_FINDING_TARIFF_CALENDAR_ZONE, node,
                  version->has_calendar_zone && !list->count, "calendar_zone",
                  "there is no calendar whose clock it could be");
    if (!list->count) return MTR_OK;
    MTR_ASSERT(list->count <= MTR_CALENDAR_MASKS_MAX); /* its row says so */
    out->masks = mtr_arena_calloc(arena, list->count, sizeof(*out->masks));
    if (!out->masks) return MTR_ENOMEM;
    out->mask_count = list->count;
    for (uint32_t i = 0; i < list->count; i++) out->masks[i].key = fields[i].name;
    for (uint32_t i = 0; i < list->count; i++) {
        struct mtr_mask *mask = &out->masks[i];
        mask->clock = (enum mtr_mask_clock)(fields[i].has_zone ? fields[i].zone : version->calendar_zone);
        out->has_clock[mask->clock] = true;
        int rc = read_mask(&masks->children[i], &fields[i], arena, out, mask, findings);
        if (rc) return rc;
    }
    if (findings->errors == errors_before) order_masks(masks, out, findings);
    return MTR_OK;
}

static void read_when(const struct mtr_node *node, const struct mtr_calendar *calendar,
                      struct mtr_component *out, struct mtr_diagnostics *findings)
{
    const struct mtr_node *name =
        node->kind == MTR_NODE_MAP && node->child_count == 1 ? mtr_node_get(node, "not") : node;
    if (!name || name->kind != MTR_NODE_STRING) {
        tariff_report(findings, MTR_FINDING_TARIFF_CALENDAR_WHEN, node, "when",
                      "must be the name of a mask in `calendar`, or {not: NAME}");
        return;
    }
    out->has_when = true;
    out->when_not = name != node;
    out->when = find_mask(calendar, name, name->text, findings);
}

static int read_weights(const struct mtr_node *node, const struct mtr_list *list,
                        const struct mtr_calendar *calendar, struct mtr_arena *arena,
                        struct mtr_component *out, struct mtr_diagnostics *findings)
{
    const struct mtr_label *labels = list->items;
    out->weights = mtr_arena_calloc(arena, list->count, sizeof(*out->weights));
    if (!out->weights) return MTR_ENOMEM;
    out->weight_count = list->count;
    for (uint32_t i = 0; i < list->count; i++) {
        struct mtr_weight *weight = &out->weights[i];
        weight->mask = find_mask(calendar, &node->children[i], labels[i].name, findings);
        const int rc = mtr_quantity_parse(labels[i].value, &weight->factor);
        char fault[MTR_NUMBER_FAULT_BYTES];
        if (rc == MTR_EINVALID) {
            mtr_factor_fault(labels[i].value, fault);
            tariff_report(findings, tariff_number_code(rc), &node->children[i], "weights", fault);
        } else if (rc || weight->factor.e12 < 0)
            tariff_number_error(
                findings, &node->children[i], "weights", rc, false,
                "must be a number that is not negative, of at most 12 digits after the point");
    }
    return MTR_OK;
}

int tariff_read_masks(const struct mtr_node *node, const struct tariff_component_fields *fields,
                      const struct mtr_calendar *calendar, struct mtr_arena *arena, struct mtr_component *out,
                      struct mtr_diagnostics *findings)
{
    if (fields->when) read_when(fields->when, calendar, out, findings);
    if (!fields->has_weights) return MTR_OK;
    return read_weights(mtr_node_get(node, "weights"), &fields->weights, calendar, arena, out, findings);
}
