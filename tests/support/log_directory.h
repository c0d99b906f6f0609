/*
 * A log in a temporary directory, and events to fill it with.
 */
#ifndef METERD_TESTS_SUPPORT_LOG_DIRECTORY_H
#define METERD_TESTS_SUPPORT_LOG_DIRECTORY_H

#include <string.h>

#include "meterd/store/log.h"
#include "tests/support/directory.h"
#include "tests/support/random_events.h"

static inline struct mtr_log_options small_options(void)
{
    return (struct mtr_log_options){
        .segment_bytes = 1 << 20, .segment_events_max = 1000, .segment_age_us = INT64_C(86400000000)};
}

/* `count` small events whose ids tell the sequence they will get. */
static inline struct mtr_event *numbered_events(struct mtr_arena *arena, uint64_t first_seq, uint32_t count)
{
    struct mtr_event *events = mtr_arena_calloc(arena, count, sizeof(*events));
    struct mtr_property *property = mtr_arena_calloc(arena, count, sizeof(*property));
    MTR_ASSERT(events && property);
    for (uint32_t i = 0; i < count; i++) {
        char *id = mtr_arena_alloc(arena, 24);
        MTR_ASSERT(id);
        int size = snprintf(id, 24, "e-%llu", (unsigned long long)(first_seq + i));
        property[i] = (struct mtr_property){.name = MTR_STR("bytes"),
                                            .kind = MTR_PROPERTY_NUMBER,
                                            .number = {.mantissa = (mtr_int128)(first_seq + i)}};
        events[i] = (struct mtr_event){.vendor = MTR_STR("acme"),
                                       .source = MTR_STR("/host"),
                                       .id = {id, (size_t)size},
                                       .type = MTR_STR("usage"),
                                       .subject = MTR_STR("sub-1"),
                                       .time_us = (int64_t)(first_seq + i),
                                       .time_given = true,
                                       .properties = &property[i],
                                       .property_count = 1};
    }
    return events;
}

/* Appends `count` numbered events as one block. */
static inline int append_numbered(struct mtr_log *log, uint32_t count, int64_t now_us, uint64_t *first_seq)
{
    struct mtr_arena arena;
    mtr_arena_init(&arena, 1 << 16, 1 << 28);
    int rc = mtr_log_append(log, numbered_events(&arena, mtr_log_last_seq(log) + 1, count), count, now_us,
                            first_seq);
    mtr_arena_release(&arena);
    return rc;
}

#endif
