/*
 * One row through the mapping: cells to an event. No number passes through binary floating point; what cannot
 * be read exactly is the row's fault.
 */
#include "meterd/collector/import_row.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "collector/rows/import_number.h"
#include "meterd/core/time.h"

/* The row at work. */
struct reading {
    const struct mtr_import_map *map;
    const struct mtr_str *cells;
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

static char hex_digit(uint64_t value)
{
    return "0123456789abcdef"[value & 15];
}

/* 128 bits over the cells with their sizes, so that ("ab", "c") and ("a", "bc") differ. */
static int hash_cells(const struct reading *reading, const struct mtr_import_value *value,
                      struct mtr_str *out)
{
    size_t size = 0, used = 0;
    for (uint32_t i = 0; i < value->part_count; i++)
        size += sizeof(uint64_t) + reading->cells[value->parts[i].column].size;
    char *joined = mtr_arena_alloc(reading->arena, size), *text = mtr_arena_alloc(reading->arena, 32);
    if (!joined || !text) return MTR_ENOMEM;
    for (uint32_t i = 0; i < value->part_count; i++) {
        const struct mtr_str cell = reading->cells[value->parts[i].column];
        const uint64_t cell_size = cell.size;
        memcpy(joined + used, &cell_size, sizeof(cell_size));
        used += sizeof(cell_size);
        if (cell.size) memcpy(joined + used, cell.data, cell.size);
        used += cell.size;
    }
    const XXH128_hash_t hash = XXH3_128bits(joined, used);
    for (unsigned i = 0; i < 16; i++) {
        text[i] = hex_digit(hash.high64 >> (60 - 4 * i));
        text[16 + i] = hex_digit(hash.low64 >> (60 - 4 * i));
    }
    *out = (struct mtr_str){text, 32};
    return MTR_OK;
}

static struct mtr_str part_text(const struct reading *reading, const struct mtr_import_part *part)
{
    return part->column < 0 ? part->literal : reading->cells[part->column];
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
    if (rc || !out->size) return rc;
    if (memchr(out->data, 0, out->size))
        return fault(reading, value, "holds a zero byte: the file is damaged, or no text");
    return mtr_str_is_utf8(*out)
               ? MTR_OK
               : fault(reading, value,
                       "not valid UTF-8: say the file's encoding, as `encoding: windows-1252`");
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

/* What another format would read. */
static const char *other_format(const struct mtr_import_map *map, struct mtr_str text)
{
    const struct mtr_time_pattern offset = {.form = MTR_TIME_RFC3339};
    const char *point = text.size ? memchr(text.data, '.', text.size) : NULL;
    const struct mtr_str whole = {text.data, point ? (size_t)(point - text.data) : text.size};
    int64_t time_us;
    uint64_t number;
    if (map->time_pattern.form != MTR_TIME_RFC3339 && !mtr_time_pattern_read(&offset, text, &time_us))
        return "it says its offset, which rfc3339 reads";
    if (!mtr_str_to_u64(whole, &number)) return NULL;
    switch (whole.size) {
    case 5: return "it looks like a day's number of a spreadsheet: let it write dates";
    case 10: return "it looks like unix_s";
    case 13: return "it looks like unix_ms";
    case 16: return "it looks like unix_us";
    default: return NULL;
    }
}

/* What is known to be written wrongly; NULL: something else. "2026-03-01 24:00:00" of UTC is looked at with
 * the Z that it lacks. */
static const char *time_fault(const struct mtr_import_map *map, struct mtr_str text)
{
    char zulu[MTR_TIME_TEXT_BYTES + 1];
    switch (map->time_pattern.form) {
    case MTR_TIME_UTC:
        if (!text.size || text.size + 1 > sizeof(zulu)) return NULL;
        memcpy(zulu, text.data, text.size);
        zulu[text.size] = 'Z';
        return mtr_time_known_fault((struct mtr_str){zulu, text.size + (text.data[text.size - 1] != 'Z')});
    case MTR_TIME_RFC3339:
    case MTR_TIME_DATE: return mtr_time_known_fault(text);
    default: return NULL;
    }
}

static int set_time(const struct reading *reading, struct mtr_event *event)
{
    const struct mtr_import_value *time = &reading->map->time;
    struct mtr_str text;
    if (time->kind == MTR_IMPORT_ABSENT) return MTR_OK;
    int rc = required(reading, time, 64, &text);
    if (rc) return rc;
    rc = mtr_time_pattern_read(&reading->map->time_pattern, text, &event->time_us);
    if (rc == MTR_EOVERFLOW)
        return fault(reading, time, "`%.*s%s` is outside the years 1970 to 2199%s", MTR_STR_QUOTED(text),
                     reading->map->time_pattern.form == MTR_TIME_UNIX_S ? ": are these seconds?" : "");
    if (rc) {
        char example[MTR_TIME_EXAMPLE_BYTES];
        const char *known = other_format(reading->map, text);
        if (!known) known = time_fault(reading->map, text);
        mtr_time_pattern_example(&reading->map->time_pattern, example);
        return fault(reading, time, "`%.*s%s` is no time in the mapping's format: %s%s%s",
                     MTR_STR_QUOTED(text), example, known ? ": " : "", known ? known : "");
    }
    event->time_given = true;
    return MTR_OK;
}

static int read_number(const struct mtr_import_value *value, struct mtr_str text, struct mtr_decimal *out)
{
    int rc = import_number_read(value, text, out);
    if (!rc && value->has_scale) rc = mtr_decimal_multiply(*out, value->scale, out);
    if (!rc && value->has_round) *out = mtr_decimal_round(*out, value->round_digits, value->round_mode);
    return rc;
}

/* A point, a space or the like before three digits. */
static bool has_groups(struct mtr_str text)
{
    static const char *const separators[] = {".", " ", "'", "\u00a0", "\u202f", "\u2019"};
    for (size_t i = 0; i < sizeof(separators) / sizeof(*separators); i++) {
        const size_t size = strlen(separators[i]);
        const char *found = text.size ? memmem(text.data, text.size, separators[i], size) : NULL;
        if (!found || text.size - (size_t)(found - text.data) < size + 3) continue;
        uint64_t ignored;
        if (mtr_str_to_u64((struct mtr_str){found + size, 3}, &ignored)) return true;
    }
    return false;
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
    rc = value->type == MTR_IMPORT_TEXT ? MTR_EINVALID : read_number(value, text, &property->number);
    property->kind = rc ? MTR_PROPERTY_STRING : MTR_PROPERTY_NUMBER;
    if (!rc && value->type == MTR_IMPORT_NUMBER && property->number.scale > MTR_QUANTITY_DIGITS)
        return fault(reading, value,
                     "`%.*s%s` has more than 12 digits behind the point, and cannot be kept exactly: say "
                     "how to round it, as `round: {digits: 9}`",
                     MTR_STR_QUOTED(text));
    if (!rc) return MTR_OK;
    if (value->type == MTR_IMPORT_NUMBER && rc != MTR_EINVALID)
        return fault(reading, value, "`%.*s%s` cannot be kept exactly: a number has at most 38 digits%s",
                     MTR_STR_QUOTED(text), value->has_scale ? ", also times its scale" : "");
    if (value->type == MTR_IMPORT_NUMBER && value->decimal != '.')
        return fault(reading, value, "`%.*s%s` is no number with the decimal sign `%c`%s",
                     MTR_STR_QUOTED(text), value->decimal,
                     has_groups(text) ? ": separators of thousands are left out" : "");
    if (value->type == MTR_IMPORT_NUMBER) {
        mtr_number_fault(text, sentence);
        return fault(reading, value, "%s", sentence);
    }
    if (text.size > MTR_PROPERTY_TEXT_BYTES_MAX) return fault(reading, value, "longer than 1024 bytes");
    property->text = text;
    return MTR_OK;
}

bool mtr_import_map_skips(const struct mtr_import_map *map, const struct mtr_str *cells)
{
    for (uint32_t i = 0; i < map->skip_count; i++)
        if (mtr_str_equal(cells[map->skips[i].column], map->skips[i].value)) return true;
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

int mtr_import_map_event(const struct mtr_import_map *map, const struct mtr_str *cells,
                         struct mtr_arena *arena, struct mtr_event *event, bool *skipped,
                         struct mtr_diagnostic *diagnostic)
{
    const struct reading reading = {map, cells, arena, diagnostic};
    *skipped = mtr_import_map_skips(map, cells);
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
