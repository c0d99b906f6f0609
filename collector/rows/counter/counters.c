/*
 * Open addressing with linear probing, at most half full; see counters.h.
 */
#include "collector/rows/counter/counters.h"

#include <stdlib.h>

enum { SLOTS_MIN = 1 << 6 };

struct counter {
    struct mtr_hash128 series;
    bool is_used;
    int64_t time_us;
    struct mtr_decimal value;
};

void counters_release(struct counters *counters)
{
    free(counters->slots);
    *counters = (struct counters){0};
}

/* Where it stands, or would. */
static struct counter *find(const struct counters *counters, struct mtr_hash128 series)
{
    uint32_t at = (uint32_t)series.high & (counters->slot_count - 1);
    while (counters->slots[at].is_used &&
           (counters->slots[at].series.high != series.high || counters->slots[at].series.low != series.low))
        at = (at + 1) & (counters->slot_count - 1);
    return &counters->slots[at];
}

static int grow(struct counters *counters)
{
    struct counters larger = {.slot_count = counters->slot_count ? counters->slot_count * 2 : SLOTS_MIN};
    larger.slots = calloc(larger.slot_count, sizeof(*larger.slots));
    if (!larger.slots) return MTR_ENOMEM;
    for (uint32_t i = 0; i < counters->slot_count; i++)
        if (counters->slots[i].is_used) *find(&larger, counters->slots[i].series) = counters->slots[i];
    larger.count = counters->count;
    free(counters->slots);
    *counters = larger;
    return MTR_OK;
}

static int open(struct counters *counters, struct counter *counter, const struct counter_sample *sample)
{
    if (counters->count == COUNTERS_MAX) return MTR_ELIMIT;
    counters->count++;
    *counter = (struct counter){sample->series, true, sample->time_us, sample->value};
    return MTR_OK;
}

int counters_take(struct counters *counters, const struct counter_sample *sample, struct counter_use *out)
{
    int rc = counters->count >= counters->slot_count / 2 ? grow(counters) : MTR_OK;
    if (rc) return rc;
    struct counter *counter = find(counters, sample->series);
    *out = (struct counter_use){.step = COUNTER_OPENS};
    if (!counter->is_used) return open(counters, counter, sample);
    out->before_us = counter->time_us;
    const int order = mtr_decimal_compare(sample->value, counter->value);
    if (sample->time_us <= counter->time_us) {
        out->step = sample->time_us == counter->time_us && !order ? COUNTER_AGAIN : COUNTER_BACK;
        return MTR_OK;
    }
    const struct mtr_decimal before = counter->value;
    out->step = order < 0 ? COUNTER_RESET : COUNTER_GREW;
    out->difference = sample->value;
    counter->time_us = sample->time_us;
    counter->value = sample->value;
    if (order < 0) return MTR_OK;
    const struct mtr_decimal less = {.mantissa = -before.mantissa, .scale = before.scale};
    return mtr_decimal_add(sample->value, less, &out->difference);
}
