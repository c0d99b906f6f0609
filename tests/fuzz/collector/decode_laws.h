/*
 * What must hold of a decoded request, whatever the bytes were. For the fuzz targets of the decoders.
 */
#ifndef METERD_TESTS_FUZZ_COLLECTOR_DECODE_LAWS_H
#define METERD_TESTS_FUZZ_COLLECTOR_DECODE_LAWS_H

#include <stdlib.h>
#include <string.h>

#include "meterd/collector/decode.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum { LAW_EVENTS_MAX = 200, LAW_BODY_MAX = 256 << 10 };

static inline void check_text(struct mtr_str text, size_t size_min, size_t size_max)
{
    MTR_ASSERT(text.size >= size_min && text.size <= size_max);
    MTR_ASSERT(mtr_str_is_utf8(text));
}

static inline void check_event(const struct mtr_event *event)
{
    check_text(event->id, 1, MTR_EVENT_ID_BYTES_MAX);
    check_text(event->source, 1, MTR_EVENT_SOURCE_BYTES_MAX);
    check_text(event->type, 1, MTR_EVENT_TYPE_BYTES_MAX);
    check_text(event->subject, 1, MTR_EVENT_SUBJECT_BYTES_MAX);
    MTR_ASSERT(event->time_us >= 0 && event->time_us < MTR_TIME_S_MAX * MTR_US_PER_SECOND);
    MTR_ASSERT(event->property_count <= MTR_EVENT_PROPERTIES_MAX);
    for (uint32_t i = 0; i < event->property_count; i++) {
        const struct mtr_property *property = &event->properties[i];
        check_text(property->name, 1, MTR_PROPERTY_NAME_BYTES_MAX);
        if (property->kind == MTR_PROPERTY_STRING) check_text(property->text, 0, MTR_PROPERTY_TEXT_BYTES_MAX);
        if (property->kind == MTR_PROPERTY_NUMBER)
            MTR_ASSERT(property->number.scale <= MTR_DECIMAL_DIGITS_MAX);
        for (uint32_t j = 0; j < i; j++)
            MTR_ASSERT(!mtr_str_equal(property->name, event->properties[j].name));
    }
}

/* Decodes an exact heap copy of the body, so that the sanitizer sees every byte read beyond it. */
static inline void check_decode(struct mtr_decode_input input)
{
    struct mtr_request request = {.vendor = MTR_STR("acme")};
    struct mtr_diagnostic diagnostic = {.offset = 0};
    size_t size = input.body.size;
    char *copy = malloc(size ? size : 1);
    MTR_ASSERT(copy);
    if (size) memcpy(copy, input.body.data, size);
    input.body.data = copy;
    input.body_bytes_max = LAW_BODY_MAX;
    input.events_max = LAW_EVENTS_MAX;
    mtr_arena_init(&request.arena, 4096, 8 << 20);
    int rc = mtr_decode(&input, &request, &diagnostic);
    free(copy); /* events borrow from the arena only */
    MTR_ASSERT(rc == MTR_OK || (request.count == 0 && diagnostic.text[0]));
    MTR_ASSERT(request.count <= LAW_EVENTS_MAX);
    for (uint32_t i = 0; i < request.count; i++) {
        const struct mtr_event_result *result = &request.results[i];
        if (result->code == MTR_RESULT_ACCEPTED) {
            MTR_ASSERT(!result->field && !result->reason && !result->finding);
            check_event(&request.events[i]);
        } else {
            MTR_ASSERT(result->code == MTR_RESULT_INVALID && result->reason && strlen(result->reason) < 300 && result->finding);
            MTR_ASSERT(!result->field || strlen(result->field) < 100);
        }
    }
    mtr_arena_release(&request.arena);
}

#endif
