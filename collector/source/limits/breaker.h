/*
 * A circuit breaker for each host and port: when what answers there fails again and again, it is left alone,
 * and one request tries whether it is back.
 *
 *   closed ─ BREAKER_FAILURES_MAX failures in a row ─▶ open ─ a while ─▶ half open: one probe
 *     ▲                                                 ▲                     │
 *     └───────────────────── it answers ────────────────┼─────────────────────┤
 *                                                       └──── it fails: longer┘
 *
 * What counts is failure.h's: no connection, broken off, timed out, 408, 425, 5xx, a certificate. Any other
 * answer, a 404 or 429 as well, shows that it is there. Time is passed in. One thread. Private to the
 * collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_LIMITS_BREAKER_H
#define METERD_COLLECTOR_SOURCE_LIMITS_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/source/failure.h"

enum { BREAKER_FAILURES_MAX = 5 };
#define BREAKER_FIRST_US (INT64_C(30) * 1000000)
#define BREAKER_MOST_US (INT64_C(900) * 1000000)

struct breaker {
    uint64_t seed;        /* of the host */
    uint32_t failures;    /* in a row */
    uint32_t openings;    /* in a row */
    int64_t open_until_us;
    bool is_probing;
};

void breaker_init(struct breaker *breaker, uint64_t seed);
/* True: go, and tell breaker_leave what came of it. False: not before again_us; INT64_MAX: when the probe is
 * back. */
bool breaker_enter(struct breaker *breaker, int64_t now_us, int64_t *again_us);
void breaker_leave(struct breaker *breaker, enum source_failure failure, int64_t now_us);

#endif
