/*
 * Data of notes: properties by name.
 */
#include "collector/source/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "meterd/core/time.h"

int note_begin(struct note_writing *writing)
{
    writing->properties =
        mtr_arena_calloc(writing->arena, NOTE_PROPERTIES_MAX, sizeof(*writing->properties));
    return writing->properties ? MTR_OK : MTR_ENOMEM;
}

struct mtr_property *note_add(struct note_writing *writing, const char *name, enum mtr_property_kind kind)
{
    MTR_ASSERT(writing->count < NOTE_PROPERTIES_MAX);
    struct mtr_property *property = &writing->properties[writing->count++];
    *property = (struct mtr_property){.name = mtr_str_from(name), .kind = kind};
    return property;
}

void note_add_text(struct note_writing *writing, const char *name, struct mtr_str text)
{
    if (!text.size) return;
    int rc = mtr_arena_copy(writing->arena, text, &note_add(writing, name, MTR_PROPERTY_STRING)->text);
    if (rc) writing->rc = rc;
}

void note_add_number(struct note_writing *writing, const char *name, uint64_t number)
{
    note_add(writing, name, MTR_PROPERTY_NUMBER)->number =
        (struct mtr_decimal){.mantissa = (mtr_int128)number};
}

void note_add_flag(struct note_writing *writing, const char *name, bool flag)
{
    if (flag) (void)note_add(writing, name, MTR_PROPERTY_TRUE);
}

void note_add_time(struct note_writing *writing, const char *name, int64_t time_us)
{
    char text[MTR_TIME_TEXT_BYTES];
    mtr_time_format(time_us, text);
    note_add_text(writing, name, mtr_str_from(text));
}

void note_add_hash(struct note_writing *writing, const char *name, struct mtr_hash128 hash)
{
    char text[NOTE_HASH_BYTES];
    note_write_hash(hash, text);
    note_add_text(writing, name, mtr_str_from(text));
}

void note_write_hash(struct mtr_hash128 hash, char text[NOTE_HASH_BYTES])
{
    snprintf(text, NOTE_HASH_BYTES, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
}

void note_add_window(struct note_writing *writing, int64_t start_us, int64_t end_us)
{
    if (end_us <= start_us) return;
    note_add_time(writing, "window_start", start_us);
    note_add_time(writing, "window_end", end_us);
}

int note_source(struct mtr_str key, struct mtr_arena *arena, struct mtr_str *out)
{
    const struct mtr_str prefix = MTR_STR(MTR_EVENT_SOURCE_OWN);
    char *text = mtr_arena_alloc(arena, prefix.size + key.size);
    if (!text) return MTR_ENOMEM;
    memcpy(text, prefix.data, prefix.size);
    memcpy(text + prefix.size, key.data, key.size);
    *out = (struct mtr_str){text, prefix.size + key.size};
    return MTR_OK;
}

int note_end(const struct note_writing *writing, const struct note_head *head, struct mtr_event *out)
{
    *out = (struct mtr_event){.vendor = head->vendor,
                              .type = mtr_str_from(head->type),
                              .time_us = head->time_us,
                              .time_given = true,
                              .disposition = MTR_DISPOSITION_NOTE,
                              .properties = writing->properties,
                              .property_count = writing->count};
    int rc = writing->rc;
    if (!rc) rc = mtr_arena_copy(writing->arena, mtr_str_from(head->id), &out->id);
    if (!rc) rc = mtr_arena_copy(writing->arena, head->key, &out->subject);
    return rc ? rc : note_source(head->key, writing->arena, &out->source);
}

struct mtr_str note_text_of(const struct mtr_event *event, const char *name)
{
    const struct mtr_property *property = mtr_event_property(event, mtr_str_from(name));
    if (!property || property->kind != MTR_PROPERTY_STRING) return (struct mtr_str){NULL, 0};
    return property->text;
}

bool note_number_of(const struct mtr_event *event, const char *name, uint64_t *out)
{
    const struct mtr_property *property = mtr_event_property(event, mtr_str_from(name));
    *out = 0;
    if (!property) return true;
    const bool is_one = property->kind == MTR_PROPERTY_NUMBER && !property->number.scale &&
                        property->number.mantissa >= 0 && property->number.mantissa <= INT64_MAX;
    if (is_one) *out = (uint64_t)property->number.mantissa;
    return is_one;
}

bool note_flag_of(const struct mtr_event *event, const char *name)
{
    const struct mtr_property *property = mtr_event_property(event, mtr_str_from(name));
    return property && property->kind == MTR_PROPERTY_TRUE;
}

bool note_read_window(const struct mtr_event *event, int64_t *start_us, int64_t *end_us)
{
    const struct mtr_str start = note_text_of(event, "window_start"), end = note_text_of(event, "window_end");
    if (!start.size && !end.size) return true;
    return !mtr_time_parse(start, start_us) && !mtr_time_parse(end, end_us) && *start_us < *end_us;
}
