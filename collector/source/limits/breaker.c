/*
 * Three states in two members: failures below the bound is closed; above it, open until a time, then half
 * open.
 */
#include "collector/source/limits/breaker.h"

#include "collector/source/limits/backoff.h"

void breaker_init(struct breaker *breaker, uint64_t seed)
{
    *breaker = (struct breaker){.seed = seed};
}

bool breaker_enter(struct breaker *breaker, int64_t now_us, int64_t *again_us)
{
    if (breaker->failures < BREAKER_FAILURES_MAX) return true;
    *again_us = breaker->is_probing ? INT64_MAX : breaker->open_until_us;
    if (breaker->is_probing || now_us < breaker->open_until_us) return false;
    breaker->is_probing = true;
    return true;
}

void breaker_leave(struct breaker *breaker, enum source_failure failure, int64_t now_us)
{
    if (failure == SOURCE_STOPPED) { /* tells nothing; another one may probe */
        breaker->is_probing = false;
        return;
    }
    if (!source_failure_is_of_host(failure)) {
        *breaker = (struct breaker){.seed = breaker->seed};
        return;
    }
    const bool was_open = breaker->failures >= BREAKER_FAILURES_MAX;
    if (!was_open) breaker->failures++;
    if (breaker->failures < BREAKER_FAILURES_MAX || (was_open && !breaker->is_probing)) return;
    breaker->is_probing = false; /* the others that were under way when it opened end above */
    breaker->openings++;
    breaker->open_until_us =
        now_us + backoff_us(breaker->seed, breaker->openings, BREAKER_FIRST_US, BREAKER_MOST_US);
}
