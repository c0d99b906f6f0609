/*
 * Seeded random events for the tests of block, log and what stands on them. Text lives in the caller's arena.
 */
#ifndef METERD_TESTS_SUPPORT_RANDOM_EVENTS_H
#define METERD_TESTS_SUPPORT_RANDOM_EVENTS_H

#include <string.h>

#include "meterd/core/arena.h"
#include "meterd/core/event.h"
#include "meterd/core/limits.h"
#include "tests/support/random.h"

/* Text of `size` bytes; sometimes of two- to four-byte characters, cut to whole ones. */
static inline struct mtr_str random_text(struct random_source *random, struct mtr_arena *arena, size_t size)
{
    static const char *const letters[] = {"a", "b", "-", "é", "Ж", "क", "文", "😀", "\x01", "\"", "0", "z"};
    char *text = mtr_arena_alloc(arena, size + 1);
    MTR_ASSERT(text);
    size_t used = 0;
    while (used < size) {
        const char *letter = letters[random_below(random, sizeof(letters) / sizeof(*letters))];
        size_t width = strlen(letter);
        if (used + width > size) {
            letter = "x";
            width = 1;
        }
        memcpy(text + used, letter, width);
        used += width;
    }
    return (struct mtr_str){text, size};
}

/* One of a few texts, so that dictionaries have something to do; sometimes an empty, a fresh or a longest
 * one. */
static inline struct mtr_str random_field(struct random_source *random, struct mtr_arena *arena,
                                          size_t size_max)
{
    static const char *const common[] = {"acme",  "globex", "storage.bytes", "vm.seconds",
                                         "sub-1", "sub-2",  "eu-west-1",     "a"};
    switch (random_below(random, 16)) {
    case 0: return (struct mtr_str){NULL, 0};
    case 1: return random_text(random, arena, size_max);
    case 2:
    case 3: return random_text(random, arena, random_below(random, size_max + 1));
    default: return mtr_str_from(common[random_below(random, sizeof(common) / sizeof(*common))]);
    }
}

static inline struct mtr_decimal random_number(struct random_source *random)
{
    static const uint64_t edges[] = {0, 1, 63, 64, 127, 128, INT64_MAX, UINT64_MAX};
    mtr_int128 limit =
        (mtr_int128)UINT64_C(10000000000000000000) * (mtr_int128)UINT64_C(10000000000000000000);
    mtr_int128 mantissa;
    switch (random_below(random, 4)) {
    case 0: mantissa = (mtr_int128)edges[random_below(random, sizeof(edges) / sizeof(*edges))]; break;
    case 1: mantissa = (mtr_int128)random_below(random, 1000); break;
    case 2: mantissa = (mtr_int128)random_u64(random) * (mtr_int128)random_below(random, 1u << 30); break;
    default: mantissa = limit - 1 - (mtr_int128)random_below(random, 3); break; /* 38 digits */
    }
    if (random_below(random, 2)) mantissa = -mantissa;
    return (struct mtr_decimal){.mantissa = mantissa,
                                .scale = (uint8_t)random_below(random, MTR_DECIMAL_DIGITS_MAX + 1)};
}

static inline struct mtr_event random_event(struct random_source *random, struct mtr_arena *arena)
{
    static const char *const names[] = {"bytes", "region", "ok", "sku", "count", "size", "tier", "zone"};
    enum { NAMES = sizeof(names) / sizeof(*names) };
    struct mtr_event event = {
        .vendor = random_field(random, arena, MTR_KEY_BYTES_MAX),
        .source = random_field(random, arena, MTR_EVENT_SOURCE_BYTES_MAX),
        .id = random_text(random, arena, 1 + random_below(random, MTR_EVENT_ID_BYTES_MAX)),
        .type = random_field(random, arena, MTR_EVENT_TYPE_BYTES_MAX),
        .subject = random_field(random, arena, MTR_EVENT_SUBJECT_BYTES_MAX),
        .time_us = random_below(random, 50)
                       ? INT64_C(1700000000000000) + (int64_t)random_below(random, 1000000000)
                       : (int64_t)random_u64(random),
        .time_given = random_below(random, 4) != 0,
        .disposition = random_below(random, 8)
                           ? MTR_DISPOSITION_NORMAL
                           : (enum mtr_disposition)random_below(random, MTR_DISPOSITION_COUNT),
    };
    if (event.disposition == MTR_DISPOSITION_VOID || event.disposition == MTR_DISPOSITION_CONFLICT)
        event.target_seq = random_below(random, 8) ? 1 + random_below(random, 1u << 20) : UINT64_MAX;
    event.property_count =
        random_below(random, 16) ? (uint32_t)random_below(random, NAMES + 1) : MTR_EVENT_PROPERTIES_MAX;
    struct mtr_property *properties = mtr_arena_calloc(arena, event.property_count + 1, sizeof(*properties));
    MTR_ASSERT(properties);
    uint32_t first = (uint32_t)random_below(random, NAMES);
    for (uint32_t i = 0; i < event.property_count; i++) {
        struct mtr_property *property = &properties[i];
        if (i < NAMES) {
            property->name = mtr_str_from(names[(first + i) % NAMES]);
        } else {
            char *name = mtr_arena_alloc(arena, MTR_PROPERTY_NAME_BYTES_MAX);
            MTR_ASSERT(name);
            memset(name, 'n', MTR_PROPERTY_NAME_BYTES_MAX);
            name[0] = (char)('0' + i);
            property->name = (struct mtr_str){name, 1 + random_below(random, MTR_PROPERTY_NAME_BYTES_MAX)};
        }
        property->kind = (enum mtr_property_kind)random_below(random, 4);
        if (property->kind == MTR_PROPERTY_NUMBER) property->number = random_number(random);
        if (property->kind == MTR_PROPERTY_STRING)
            property->text = random_field(random, arena, MTR_PROPERTY_TEXT_BYTES_MAX);
    }
    event.properties = properties;
    return event;
}

static inline struct mtr_event *random_events(struct random_source *random, struct mtr_arena *arena,
                                              uint32_t count)
{
    struct mtr_event *events = mtr_arena_calloc(arena, count, sizeof(*events));
    MTR_ASSERT(events);
    for (uint32_t i = 0; i < count; i++) events[i] = random_event(random, arena);
    return events;
}

static inline bool properties_equal(const struct mtr_property *a, const struct mtr_property *b)
{
    if (a->kind != b->kind || !mtr_str_equal(a->name, b->name)) return false;
    if (a->kind == MTR_PROPERTY_STRING) return mtr_str_equal(a->text, b->text);
    if (a->kind == MTR_PROPERTY_NUMBER)
        return a->number.mantissa == b->number.mantissa && a->number.scale == b->number.scale;
    return true;
}

static inline bool events_equal(const struct mtr_event *a, const struct mtr_event *b)
{
    if (!mtr_str_equal(a->vendor, b->vendor) || !mtr_str_equal(a->source, b->source) ||
        !mtr_str_equal(a->id, b->id))
        return false;
    if (!mtr_str_equal(a->type, b->type) || !mtr_str_equal(a->subject, b->subject)) return false;
    if (a->time_us != b->time_us || a->time_given != b->time_given || a->disposition != b->disposition)
        return false;
    if (a->target_seq != b->target_seq || a->property_count != b->property_count) return false;
    for (uint32_t i = 0; i < a->property_count; i++)
        if (!properties_equal(&a->properties[i], &b->properties[i])) return false;
    return true;
}

#endif
