/*
 * What an event waits for, as answers say it.
 */
#ifndef METERD_DAEMON_API_WAITS_H
#define METERD_DAEMON_API_WAITS_H

#include "meterd/store/rollups.h"

/* By the reasons of store/rollups.h, and behind these that a meter holds it beyond its quota. */
enum { API_WAITS_DIMENSIONS = MTR_HELD_METER + 1 };

static inline const char *api_waits_choice(unsigned index)
{
    static const char *const reasons[] = {"subscription", "meter", "dimensions", NULL};
    return reasons[index];
}

#endif
