/*
 * The waits of windows; see failing.h.
 */
#include "collector/source/limits/failing.h"

#include <stdlib.h>
#include <string.h>

#include "collector/source/limits/backoff.h"
#include "meterd/core/time.h"

#define BACKOFF_FIRST_US (INT64_C(10) * MTR_US_PER_SECOND)
#define BACKOFF_MOST_US (INT64_C(3600) * MTR_US_PER_SECOND)

/* Of the first that begins then or later: the plan looks each window up that it goes over. */
static uint32_t index_of(const struct poller_strand *strand, int64_t from_us)
{
    uint32_t low = 0, high = strand->failing_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (strand->failing[middle].from_us < from_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct failing *failing_find(struct poller_strand *strand, int64_t from_us)
{
    const uint32_t i = index_of(strand, from_us);
    const bool is_there = i < strand->failing_count && strand->failing[i].from_us == from_us;
    return is_there ? &strand->failing[i] : NULL;
}

static bool make_room(struct poller_strand *strand)
{
    if (strand->failing_count < strand->failing_capacity) return true;
    if (strand->failing_count == FAILING_WINDOWS_MAX) return false;
    uint32_t capacity = strand->failing_capacity ? 2 * strand->failing_capacity : 1;
    if (capacity > FAILING_WINDOWS_MAX) capacity = FAILING_WINDOWS_MAX;
    void *grown = realloc(strand->failing, capacity * sizeof(*strand->failing));
    if (!grown) return false;
    strand->failing = grown;
    strand->failing_capacity = capacity;
    return true;
}

/* The place of the window, new or not. NULL: there is no room for it. */
static struct failing *take_failing(struct poller_strand *strand, int64_t from_us)
{
    struct failing *known = failing_find(strand, from_us);
    if (known || !make_room(strand)) return known;
    const uint32_t i = index_of(strand, from_us);
    struct failing *place = strand->failing + i;
    memmove(place + 1, place, (strand->failing_count++ - i) * sizeof(*place));
    *place = (struct failing){.from_us = from_us};
    return place;
}

void failing_note(struct poller_strand *strand, int64_t from_us, int64_t wait_us, int64_t now_us)
{
    struct failing unknown = {.from_us = from_us}, *failing = take_failing(strand, from_us);
    const bool is_full = !failing;
    if (is_full) failing = &unknown;
    failing->failures++;
    const uint64_t seed = mtr_schedule_key(strand->strand.source, strand->strand.each) ^ (uint64_t)from_us;
    const int64_t ours_us = backoff_us(seed, failing->failures, BACKOFF_FIRST_US, BACKOFF_MOST_US);
    failing->wait_until_us = now_us + (wait_us > ours_us ? wait_us : ours_us);
    if (wait_us) strand->closed_until_us = now_us + wait_us; /* whatever is asked for */
    if (is_full) strand->closed_until_us = failing->wait_until_us; /* else it would be tried again at once */
    strand->job_again_us = failing->wait_until_us;
}

void failing_end(struct poller_strand *strand, int64_t from_us)
{
    struct failing *known = failing_find(strand, from_us);
    if (!known) return;
    const uint32_t behind = --strand->failing_count - (uint32_t)(known - strand->failing);
    memmove(known, known + 1, behind * sizeof(*known));
    if (!strand->failing_count) failing_forget_all(strand);
}

void failing_forget_all(struct poller_strand *strand)
{
    free(strand->failing);
    strand->failing = NULL;
    strand->failing_count = strand->failing_capacity = 0;
}
