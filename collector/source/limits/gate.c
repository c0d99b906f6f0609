/*
 * All bounds at once: whoever enters is inside each of them.
 */
#include "collector/source/limits/gate.h"

#include "collector/source/limits/backoff.h"
#include "meterd/core/time.h"

#define DAY_US (INT64_C(86400) * MTR_US_PER_SECOND)
#define CLOSED_FIRST_US (INT64_C(2) * MTR_US_PER_SECOND)
#define CLOSED_MOST_US (INT64_C(600) * MTR_US_PER_SECOND)

void gate_init(struct gate *gate, uint64_t seed)
{
    *gate = (struct gate){.seed = seed};
}

void gate_release(struct gate *gate)
{
    for (int i = 0; i < GATE_SPANS_MAX; i++) span_release(&gate->rates[i].span);
}

void gate_loosen(struct gate *gate)
{
    for (int i = 0; i < GATE_SPANS_MAX; i++) gate->rates[i].count = 0;
    gate->daily = 0;
    gate->concurrency = 0;
}

/* The rate of that span; else one that is free, or the last one, which then stands for both. */
static struct gate_rate *rate_of(struct gate *gate, int64_t per_us)
{
    struct gate_rate *unused = NULL, *last = &gate->rates[GATE_SPANS_MAX - 1];
    for (int i = 0; i < GATE_SPANS_MAX; i++) {
        struct gate_rate *rate = &gate->rates[i];
        if (rate->per_us == per_us && rate->span.count) return rate;
        const bool is_emptier = !unused || (unused->span.count && !rate->span.count);
        if (!rate->count && is_emptier) unused = rate;
    }
    return unused ? unused : last;
}

static int agree_rate(struct gate *gate, uint32_t count, int64_t per_us)
{
    struct gate_rate *rate = rate_of(gate, per_us);
    if (rate->count) {
        if (rate->count < count) count = rate->count;
        per_us = mtr_time_later(per_us, rate->per_us);
    }
    int rc = span_set(&rate->span, count, per_us);
    if (rc) return rc;
    rate->count = count;
    rate->per_us = per_us;
    return MTR_OK;
}

int gate_agree(struct gate *gate, const struct mtr_source_limits *limits)
{
    if (limits->daily && (!gate->daily || limits->daily < gate->daily)) gate->daily = limits->daily;
    if (limits->concurrency && (!gate->concurrency || limits->concurrency < gate->concurrency))
        gate->concurrency = limits->concurrency;
    return limits->rate_count ? agree_rate(gate, limits->rate_count, limits->rate_per_us) : MTR_OK;
}

static void go_on(struct gate *gate, int64_t now_us)
{
    if (now_us > gate->now_us) gate->now_us = now_us;
    if (gate->now_us / DAY_US != gate->day) {
        gate->day = gate->now_us / DAY_US;
        gate->today_count = 0;
    }
    while (gate->slower && gate->now_us - gate->slower_us >= GATE_CALM_US) {
        gate->slower--;
        gate->slower_us += GATE_CALM_US;
    }
}

static uint32_t places(const struct gate *gate)
{
    uint32_t places = gate->concurrency;
    if (!gate->slower) return places ? places : UINT32_MAX;
    places = (places ? places : GATE_SLOW_CONCURRENCY) >> gate->slower;
    return places ? places : 1;
}

/* When the rates let the next one in. */
static int64_t rates_us(const struct gate *gate)
{
    int64_t at_us = 0;
    for (int i = 0; i < GATE_SPANS_MAX; i++)
        if (gate->rates[i].count)
            at_us = mtr_time_later(at_us, span_ready_us(&gate->rates[i].span, gate->slower));
    return at_us;
}

bool gate_is_used_up(const struct gate *gate)
{
    return gate->daily && gate->today_count >= gate->daily;
}

bool gate_is_closed_by_vendor(const struct gate *gate, int64_t until_us)
{
    return gate->closed_by_vendor && gate->closed_until_us >= until_us;
}

bool gate_enter(struct gate *gate, int64_t now_us, int64_t *again_us)
{
    go_on(gate, now_us);
    int64_t at_us = mtr_time_later(gate->closed_until_us, rates_us(gate));
    if (gate_is_used_up(gate))
        at_us = mtr_time_later(at_us, (gate->day + 1) * DAY_US);
    if (at_us > gate->now_us) {
        *again_us = at_us;
        return false;
    }
    if (gate->inside >= places(gate)) {
        *again_us = GATE_WHEN_LEFT;
        return false;
    }
    gate->inside++;
    gate->today_count++;
    for (int i = 0; i < GATE_SPANS_MAX; i++) span_note(&gate->rates[i].span, gate->now_us);
    return true;
}

void gate_leave(struct gate *gate, int64_t entered_us, enum source_failure failure, int64_t wait_us,
                int64_t now_us)
{
    const bool is_said = wait_us > 0;
    go_on(gate, now_us);
    MTR_ASSERT(gate->inside > 0);
    gate->inside--;
    if (failure == SOURCE_SLOW) {
        gate->refusals++;
        /* Those that were under way already tell nothing new. */
        const bool is_new = !gate->slower || entered_us >= gate->slower_us;
        if (is_new && gate->slower < GATE_SLOWER_MAX) gate->slower++;
        if (is_new) gate->slower_us = gate->now_us;
        if (!wait_us) wait_us = backoff_us(gate->seed, gate->refusals, CLOSED_FIRST_US, CLOSED_MOST_US);
    } else if (failure == SOURCE_FINE) {
        gate->refusals = 0;
    }
    if (failure != SOURCE_SLOW && failure != SOURCE_RETRY) wait_us = 0;
    if (!wait_us || gate->now_us + wait_us <= gate->closed_until_us) return;
    gate->closed_until_us = gate->now_us + wait_us;
    gate->closed_by_vendor = is_said;
}
