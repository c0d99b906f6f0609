/*
 * A ring of starts.
 */
#include "collector/source/limits/span.h"

#include <stdlib.h>

void span_release(struct span *span)
{
    free(span->starts);
    *span = (struct span){0};
}

int span_set(struct span *span, uint32_t count, int64_t per_us)
{
    MTR_ASSERT(count > 0 && per_us > 0);
    const uint32_t parts = (count - 1) / SPAN_STARTS_MAX + 1;
    count /= parts; /* so many in each part are never more in all of them */
    per_us = (per_us + parts - 1) / parts;
    if (count == span->count) {
        span->per_us = per_us;
        return MTR_OK;
    }
    int64_t *starts = calloc(count, sizeof(*starts));
    if (!starts) return MTR_ENOMEM;
    const uint32_t kept = span->known < count ? span->known : count;
    for (uint32_t i = 0; i < kept; i++) /* the newest ones, oldest first */
        starts[i] = span->starts[(span->next + span->count - kept + i) % span->count];
    free(span->starts);
    *span = (struct span){count, per_us, starts, kept % count, kept};
    return MTR_OK;
}

int64_t span_ready_us(const struct span *span, uint32_t halvings)
{
    int64_t per_us = span->per_us;
    uint32_t count = span->count;
    for (uint32_t i = 0; i < halvings; i++) { /* half as many, and below one in twice the time */
        if (count > 1) count /= 2;
        else per_us *= 2;
    }
    if (!count || span->known < count) return 0;
    return span->starts[(span->next + span->count - count) % span->count] + per_us;
}

void span_note(struct span *span, int64_t start_us)
{
    if (!span->count) return;
    span->starts[span->next] = start_us;
    span->next = (span->next + 1) % span->count;
    if (span->known < span->count) span->known++;
}
