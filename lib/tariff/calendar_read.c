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

enum { HOURS_PER_DAY = 24, DAYS_PER_WEEK = 7, ALL_HOURS = 0xFFFFFF, ALL_DAYS = 0x7F };

static const char *const weekdays[DAYS_PER_WEEK + 1] = {"mon", "tue", "wed", "thu",
                                                        "fri", "sat", "sun", NULL};

const struct mtr_field mtr_tariff_mask_rows[] = {
    {.name = "hours", .type = MTR_FIELD_TEXT, AT(tariff_mask_fields, hours),
     PRESENT(tariff_mask_fields, has_hours), .doc = "whole hours of the local clock, as \"22:00-06:00\""},
    {.name = "days", .type = MTR_FIELD_TEXTS, AT(tariff_mask_fields, days),
     PRESENT(tariff_mask_fields, has_days), .single = true, .min = 1, .max = DAYS_PER_WEEK,
     .doc = "of mon, tue, wed, thu, fri, sat, sun"},
    {.name = "dates", .type = MTR_FIELD_TEXTS, AT(tariff_mask_fields, dates),
     PRESENT(tariff_mask_fields, has_dates), .single = true, .min = 1, .max = MTR_CALENDAR_DATES_MAX,
     .doc = "local dates, as 2026-12-25"},
    {.name = "any", .type = MTR_FIELD_TEXTS, AT(tariff_mask_fields, any),
     PRESENT(tariff_mask_fields, has_any), .single = true, .min = 1, .max = MTR_CALENDAR_MASKS_MAX,
     .doc = "other masks: one of them holds"},
    {.name = "not", .type = MTR_FIELD_TEXTS, AT(tariff_mask_fields, none),
     PRESENT(tariff_mask_fields, has_none), .single = true, .min = 1, .max = MTR_CALENDAR_MASKS_MAX,
     .doc = "other masks: none of them holds"},
    {0},
};

/* A list's node, or the text itself where it stands alone. */
static const struct mtr_node *item_at(const struct mtr_node *mask, const char *key, uint32_t index)
{
    const struct mtr_node *list = mtr_node_get(mask, key);
    return list->kind == MTR_NODE_LIST ? &list->children[index] : list;
}

/* "HH:00" at the beginning of the text, 0…24; -1 when it is none. */
static int read_hour(struct mtr_str text)
{
    enum { CLOCK_BYTES = 5 };
    if (text.size != CLOCK_BYTES || memcmp(text.data + 2, ":00", 3) != 0) return -1;
    if (text.data[0] < '0' || text.data[0] > '9' || text.data[1] < '0' || text.data[1] > '9') return -1;
    int hour = (text.data[0] - '0') * 10 + (text.data[1] - '0');
    return hour <= HOURS_PER_DAY ? hour : -1;
}

static uint32_t read_hours(const struct mtr_node *node, struct mtr_str text, struct mtr_diagnostics *findings)
{
    const char *dash = memchr(text.data, '-', text.size);
    size_t before = dash ? (size_t)(dash - text.data) : 0;
    int from = dash ? read_hour((struct mtr_str){text.data, before}) : -1;
    int to = dash ? read_hour((struct mtr_str){dash + 1, text.size - before - 1}) : -1;
    uint32_t hours = 0;
    if (from < 0 || to < 0 || from == HOURS_PER_DAY) {
        tariff_error(findings, node, "hours", "must be two whole hours of the clock, like \"22:00-06:00\"");
        return ALL_HOURS;
    }
    if (from == to || to - from == HOURS_PER_DAY) {
        tariff_error(findings, node, "hours",
                     "is no part of the day: leave it out where all hours are meant");
        return ALL_HOURS;
    }
    for (int hour = from; hour != to % HOURS_PER_DAY; hour = (hour + 1) % HOURS_PER_DAY)
        hours |= (uint32_t)1 << hour;
    return hours;
}

static uint8_t read_days(const struct mtr_node *node, const struct mtr_list *list,
                         struct mtr_diagnostics *findings)
{
    const struct mtr_str *names = list->items;
    uint8_t days = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        int day = 0;
        while (weekdays[day] && !mtr_str_equal(names[i], mtr_str_from(weekdays[day]))) day++;
        if (!weekdays[day])
            tariff_error(findings, item_at(node, "days", i), "days",
                         "must be one of mon, tue, wed, thu, fri, sat, sun");
        else days |= (uint8_t)(1 << day);
    }
    return days;
}

static int compare_dates(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int read_dates(const struct mtr_node *node, const struct mtr_list *list, struct mtr_arena *arena,
                      struct mtr_mask *out, struct mtr_diagnostics *findings)
{
    enum { DATE_BYTES = 10 };
    const struct mtr_str *texts = list->items;
    out->has_dates = true;
    out->date_count = list->count;
    out->dates = mtr_arena_calloc(arena, list->count, sizeof(*out->dates));
    if (!out->dates) return MTR_ENOMEM;
    for (uint32_t i = 0; i < list->count; i++) {
        int64_t time_us = 0;
        if (texts[i].size != DATE_BYTES || mtr_time_parse_date(texts[i], &time_us))
            tariff_error(findings, item_at(node, "dates", i), "dates",
                         "must be a date of the years 1970 to 2199, like 2026-12-25");
        out->dates[i] = time_us / MTR_US_PER_DAY;
    }
    qsort(out->dates, out->date_count, sizeof(*out->dates), compare_dates);
    return MTR_OK;
}

static const char *mask_name_at(const void *context, unsigned i)
{
    const struct mtr_calendar *calendar = context;
    return i < calendar->mask_count ? calendar->masks[i].key.data : NULL;
}

/* Index of the mask; MTR_CALENDAR_MASKS_MAX, with a finding, when there is none of that name. */
static uint32_t find_mask(const struct mtr_calendar *calendar, const struct mtr_node *node,
                          struct mtr_str name, struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < calendar->mask_count; i++)
        if (mtr_str_equal(calendar->masks[i].key, name)) return i;
    const char *meant = mtr_schema_nearest(name, mask_name_at, calendar);
    mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, node->line, node->column, "calendar",
                         "there is no mask `%.*s` in `calendar` of the version%s%s%s", MTR_STR_ARGS(name),
                         meant ? "; did you mean `" : "", meant ? meant : "", meant ? "`?" : "");
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
        mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, node->children[i].line, node->children[i].column,
                             "calendar", "mask `%.*s` is made of itself",
                             MTR_STR_ARGS(calendar->masks[i].key));
        return;
    }
}

static int read_mask(const struct mtr_node *node, const struct tariff_mask_fields *fields,
                     struct mtr_arena *arena, const struct mtr_calendar *calendar, struct mtr_mask *out,
                     struct mtr_diagnostics *findings)
{
    out->hours =
        fields->has_hours ? read_hours(mtr_node_get(node, "hours"), fields->hours, findings) : ALL_HOURS;
    out->weekdays = fields->has_days ? read_days(node, &fields->days, findings) : ALL_DAYS;
    if (fields->has_any) out->any = read_others(calendar, node, "any", &fields->any, findings);
    if (fields->has_none) out->none = read_others(calendar, node, "not", &fields->none, findings);
    if (!fields->has_hours && !fields->has_days && !fields->has_dates && !fields->has_any &&
        !fields->has_none)
        tariff_error(findings, node, "calendar",
                     "says nothing: write `hours`, `days`, `dates`, `any` or `not`");
    return fields->has_dates ? read_dates(node, &fields->dates, arena, out, findings) : MTR_OK;
}

int tariff_read_calendar(const struct mtr_node *node, const struct mtr_list *list, struct mtr_arena *arena,
                         struct mtr_calendar *out, struct mtr_diagnostics *findings)
{
    const struct tariff_mask_fields *fields = list->items;
    size_t errors_before = findings->errors;
    if (!list->count) return MTR_OK;
    MTR_ASSERT(list->count <= MTR_CALENDAR_MASKS_MAX); /* its row says so */
    out->masks = mtr_arena_calloc(arena, list->count, sizeof(*out->masks));
    if (!out->masks) return MTR_ENOMEM;
    out->mask_count = list->count;
    for (uint32_t i = 0; i < list->count; i++) out->masks[i].key = fields[i].name;
    for (uint32_t i = 0; i < list->count; i++) {
        int rc = read_mask(&node->children[i], &fields[i], arena, out, &out->masks[i], findings);
        if (rc) return rc;
    }
    if (findings->errors == errors_before) order_masks(node, out, findings);
    return MTR_OK;
}

static void read_when(const struct mtr_node *node, const struct mtr_calendar *calendar,
                      struct mtr_component *out, struct mtr_diagnostics *findings)
{
    const struct mtr_node *name =
        node->kind == MTR_NODE_MAP && node->child_count == 1 ? mtr_node_get(node, "not") : node;
    if (!name || name->kind != MTR_NODE_STRING) {
        tariff_error(findings, node, "when", "must be the name of a mask in `calendar`, or {not: NAME}");
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
        if (mtr_quantity_parse(labels[i].value, &weight->factor) || weight->factor.e12 < 0)
            tariff_error(findings, &node->children[i], "weights",
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
