/*
 * One row through the mapping: cells to an event. No number passes through binary floating point; what cannot
 * be read exactly is the row's fault.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "meterd/collector/import_map.h"
#include "meterd/core/time.h"

/* The row at work. */
struct reading {
    const struct mtr_import_map *map;
    const struct mtr_import_row *row;
    struct mtr_arena *arena; /* of what is joined and hashed */
    struct mtr_diagnostic *diagnostic;
};

static bool is_null(const struct mtr_import_map *map, struct mtr_str cell)
{
    if (cell.size == 0) return true;
    for (uint32_t i = 0; i < map->null_count; i++)
        if (mtr_str_equal(map->nulls[i], cell)) return true;
    return false;
}

static int fault(const struct reading *reading, const struct mtr_import_value *value, const char *format, ...)
    MTR_PRINTF(3, 4);

static int fault(const struct reading *reading, const struct mtr_import_value *value, const char *format, ...)
{
    char field[96], what[MTR_NUMBER_FAULT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    snprintf(field, sizeof(field), "%.*s", value->field.size < 90 ? (int)value->field.size : 90,
             value->field.size ? value->field.data : "");
    mtr_diagnostic_set(reading->diagnostic, MTR_FINDING_IMPORT_VALUE, 0, 0, field, "%s", what);
    return MTR_EINVALID;
}

/* 128 bits over the cells with their sizes, so that ("ab", "c") and ("a", "bc") differ. */
static int hash_cells(const struct reading *reading, const struct mtr_import_value *value,
                      struct mtr_str *out)
{
    XXH3_state_t *state = XXH3_createState();
    char *text = mtr_arena_alloc(reading->arena, 33);
    if (!state || !text) {
        XXH3_freeState(state);
        return MTR_ENOMEM;
    }
    XXH3_128bits_reset(state);
    for (uint32_t i = 0; i < value->part_count; i++) {
        struct mtr_str cell = reading->row->cells[value->parts[i].column];
        uint64_t size = cell.size;
        XXH3_128bits_update(state, &size, sizeof(size));
        if (cell.size) XXH3_128bits_update(state, cell.data, cell.size);
    }
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    snprintf(text, 33, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    *out = (struct mtr_str){text, 32};
    return MTR_OK;
}

static struct mtr_str part_text(const struct reading *reading, const struct mtr_import_part *part)
{
    return part->column < 0 ? part->literal : reading->row->cells[part->column];
}

/* Joined parts. Empty when a column has no value: half an id is none. */
static int join(const struct reading *reading, const struct mtr_import_value *value, struct mtr_str *out)
{
    size_t size = 0;
    *out = (struct mtr_str){NULL, 0};
    for (uint32_t i = 0; i < value->part_count; i++) {
        struct mtr_str text = part_text(reading, &value->parts[i]);
        if (value->parts[i].column >= 0 && is_null(reading->map, text)) return MTR_OK;
        if (value->part_count == 1) {
            *out = text;
            return MTR_OK;
        }
        size += text.size;
    }
    char *joined = mtr_arena_alloc(reading->arena, size + 1);
    if (!joined) return MTR_ENOMEM;
    size_t used = 0;
    for (uint32_t i = 0; i < value->part_count; i++) {
        struct mtr_str text = part_text(reading, &value->parts[i]);
        if (text.size) memcpy(joined + used, text.data, text.size);
        used += text.size;
    }
    *out = (struct mtr_str){joined, used};
    return MTR_OK;
}

static int evaluate(const struct reading *reading, const struct mtr_import_value *value, struct mtr_str *out)
{
    int rc = MTR_OK;
    *out = (struct mtr_str){NULL, 0};
    if (value->kind == MTR_IMPORT_HASH) rc = hash_cells(reading, value, out);
    if (value->kind == MTR_IMPORT_PARTS) rc = join(reading, value, out);
    if (!rc && !mtr_str_is_utf8(*out)) return fault(reading, value, "not valid UTF-8");
    return rc;
}

static int required(const struct reading *reading, const struct mtr_import_value *value, size_t bytes_max,
                    struct mtr_str *out)
{
    int rc = evaluate(reading, value, out);
    if (rc) return rc;
    if (out->size == 0) return fault(reading, value, "the row has no value for it");
    return out->size > bytes_max
               ? fault(reading, value, "is longer than %zu bytes: `%.*s%s`", bytes_max, MTR_STR_QUOTED(*out))
               : MTR_OK;
}

static int parse_unix(struct mtr_str text, int64_t unit_us, int64_t *out_us)
{
    uint64_t value;
    if (!mtr_str_to_u64(text, &value)) return MTR_EINVALID;
    if (value >= (uint64_t)(MTR_TIME_S_MAX * (MTR_US_PER_SECOND / unit_us))) return MTR_EOVERFLOW;
    *out_us = (int64_t)value * unit_us;
    return MTR_OK;
}

/* "2026-03-01 10:00:00" is read as UTC by putting the Z behind it. Empty: it is too long for that. */
enum { ZULU_BYTES = MTR_TIME_TEXT_BYTES + 1 };
static struct mtr_str zulu_of(struct mtr_str text, char zulu[ZULU_BYTES])
{
    if (text.size + 1 > ZULU_BYTES) return (struct mtr_str){NULL, 0};
    memcpy(zulu, text.data, text.size);
    zulu[text.size] = 'Z';
    return (struct mtr_str){zulu, text.size + 1};
}

static int parse_utc(struct mtr_str text, int64_t *out_us)
{
    char zulu[ZULU_BYTES];
    return mtr_time_parse(zulu_of(text, zulu), out_us);
}

static int parse_time(const struct mtr_import_map *map, struct mtr_str text, int64_t *out_us)
{
    switch (map->time_format) {
    case MTR_IMPORT_UTC: return parse_utc(text, out_us);
    case MTR_IMPORT_DATE: return mtr_time_parse_date(text, out_us);
    case MTR_IMPORT_UNIX_S: return parse_unix(text, MTR_US_PER_SECOND, out_us);
    case MTR_IMPORT_UNIX_MS: return parse_unix(text, 1000, out_us);
    case MTR_IMPORT_UNIX_US: return parse_unix(text, 1, out_us);
    case MTR_IMPORT_RFC3339: break;
    }
    return mtr_time_parse(text, out_us);
}

/* What is known to be written wrongly; NULL: something else. */
static const char *time_fault(const struct mtr_import_map *map, struct mtr_str text)
{
    char zulu[ZULU_BYTES];
    switch (map->time_format) {
    case MTR_IMPORT_RFC3339:
    case MTR_IMPORT_DATE: return mtr_time_known_fault(text);
    case MTR_IMPORT_UTC: return mtr_time_known_fault(zulu_of(text, zulu));
    case MTR_IMPORT_UNIX_S:
    case MTR_IMPORT_UNIX_MS:
    case MTR_IMPORT_UNIX_US: break;
    }
    return NULL;
}

static int set_time(const struct reading *reading, struct mtr_event *event)
{
    const struct mtr_import_value *time = &reading->map->time;
    struct mtr_str text;
    if (time->kind == MTR_IMPORT_ABSENT) return MTR_OK;
    int rc = required(reading, time, 64, &text);
    if (rc) return rc;
    rc = parse_time(reading->map, text, &event->time_us);
    const char *known = rc == MTR_EINVALID ? time_fault(reading->map, text) : NULL;
    if (rc)
        return fault(reading, time, "`%.*s%s` is no time in the mapping's time_format: %s%s%s",
                     MTR_STR_QUOTED(text), mtr_import_time_example(reading->map->time_format),
                     known ? ": " : "", known ? known : "");
    event->time_given = true;
    return MTR_OK;
}

/* *present is false for a cell without a value. */
static int set_property(const struct reading *reading, const struct mtr_import_value *value,
                        struct mtr_property *property, bool *present)
{
    struct mtr_str text;
    int rc = evaluate(reading, value, &text);
    *present = !rc && text.size > 0;
    if (!*present) return rc;
    size_t prefix = sizeof("data.") - 1;
    property->name = (struct mtr_str){value->field.data + prefix, value->field.size - prefix};
    char sentence[MTR_NUMBER_FAULT_BYTES];
    rc = value->type == MTR_IMPORT_TEXT ? MTR_EINVALID : mtr_decimal_parse(text, &property->number);
    property->kind = rc ? MTR_PROPERTY_STRING : MTR_PROPERTY_NUMBER;
    if (!rc) return MTR_OK;
    if (value->type == MTR_IMPORT_NUMBER && rc != MTR_EINVALID)
        return fault(reading, value, "`%.*s%s` cannot be kept exactly: a number has at most 38 digits",
                     MTR_STR_QUOTED(text));
    if (value->type == MTR_IMPORT_NUMBER) {
        mtr_number_fault(text, sentence);
        return fault(reading, value, "%s", sentence);
    }
    if (text.size > MTR_PROPERTY_TEXT_BYTES_MAX) return fault(reading, value, "longer than 1024 bytes");
    property->text = text;
    return MTR_OK;
}

static bool is_skipped(const struct mtr_import_map *map, const struct mtr_import_row *row)
{
    for (uint32_t i = 0; i < map->skip_count; i++)
        if (mtr_str_equal(row->cells[map->skips[i].column], map->skips[i].value)) return true;
    return false;
}

static int set_data(const struct reading *reading, struct mtr_event *event)
{
    const struct mtr_import_map *map = reading->map;
    struct mtr_property *properties =
        mtr_arena_calloc(reading->arena, map->data_count + 1, sizeof(*properties));
    if (!properties) return MTR_ENOMEM;
    event->properties = properties;
    for (uint32_t i = 0; i < map->data_count; i++) {
        bool present;
        int rc = set_property(reading, &map->data[i], &properties[event->property_count], &present);
        if (rc) return rc;
        event->property_count += present;
    }
    return MTR_OK;
}

int mtr_import_map_event(const struct mtr_import_map *map, const struct mtr_import_row *row,
                         struct mtr_arena *arena, struct mtr_event *event, bool *skipped,
                         struct mtr_diagnostic *diagnostic)
{
    const struct reading reading = {map, row, arena, diagnostic};
    *skipped = is_skipped(map, row);
    if (*skipped) return MTR_OK;
    *event = (struct mtr_event){.time_us = 0};
    int rc = required(&reading, &map->id, MTR_EVENT_ID_BYTES_MAX, &event->id);
    if (!rc) rc = required(&reading, &map->type, MTR_EVENT_TYPE_BYTES_MAX, &event->type);
    if (!rc) rc = required(&reading, &map->subject, MTR_EVENT_SUBJECT_BYTES_MAX, &event->subject);
    if (!rc) rc = evaluate(&reading, &map->source, &event->source);
    if (!rc) rc = set_time(&reading, event);
    if (!rc) rc = set_data(&reading, event);
    return rc;
}
