/*
 * The waits of windows; see failing.h.
 */
#include "collector/source/limits/failing.h"

#include <stdlib.h>

#include "collector/source/limits/backoff.h"
#include "meterd/core/time.h"

#define BACKOFF_FIRST_US (INT64_C(10) * MTR_US_PER_SECOND)
#define BACKOFF_MOST_US (INT64_C(3600) * MTR_US_PER_SECOND)

/* Places for windows that failed. */
static struct failing *places_of(struct poller_strand *strand, int *count)
{
    *count = strand->failing ? FAILING_WINDOWS_MAX : 1;
    return strand->failing ? strand->failing : &strand->failed;
}

struct failing *failing_find(struct poller_strand *strand, int64_t from_us)
{
    int count;
    struct failing *places = places_of(strand, &count);
    for (int i = 0; i < count; i++)
        if (places[i].failures && places[i].from_us == from_us) return &places[i];
    return NULL;
}

/* More than one fails. Without memory the one that has the place is forgotten, and tried again at once. */
static void add_places(struct poller_strand *strand)
{
    if (strand->failing || !strand->failed.failures) return;
    strand->failing = calloc(FAILING_WINDOWS_MAX, sizeof(*strand->failing));
    if (strand->failing) strand->failing[0] = strand->failed;
}

/* One that is free, or that whose wait ends first. */
static struct failing *free_failing(struct poller_strand *strand)
{
    int count;
    add_places(strand);
    struct failing *places = places_of(strand, &count), *first = places;
    for (int i = 0; i < count; i++) {
        if (!places[i].failures) return &places[i];
        if (places[i].wait_until_us < first->wait_until_us) first = &places[i];
    }
    return first;
}

/* The place of the window. */
static struct failing *take_failing(struct poller_strand *strand, int64_t from_us)
{
    struct failing *place = failing_find(strand, from_us);
    if (!place) place = free_failing(strand);
    if (place->from_us != from_us) *place = (struct failing){.from_us = from_us};
    return place;
}

void failing_note(struct poller_strand *strand, int64_t from_us, int64_t wait_us, int64_t now_us)
{
    struct failing *failing = take_failing(strand, from_us);
    failing->failures++;
    const uint64_t seed = mtr_schedule_key(strand->strand.source, strand->strand.each) ^ (uint64_t)from_us;
    const int64_t ours_us = backoff_us(seed, failing->failures, BACKOFF_FIRST_US, BACKOFF_MOST_US);
    failing->wait_until_us = now_us + (wait_us > ours_us ? wait_us : ours_us);
    if (wait_us) strand->closed_until_us = now_us + wait_us; /* whatever is asked for */
    strand->job_again_us = failing->wait_until_us;
}

void failing_end(struct poller_strand *strand, int64_t from_us)
{
    struct failing *failing = failing_find(strand, from_us);
    if (failing) failing->failures = 0;
}

void failing_forget_all(struct poller_strand *strand)
{
    free(strand->failing);
    strand->failing = NULL;
    strand->failed.failures = 0;
}
