/*
 * At most so many starts in any span of a length, wherever it begins: the ring holds when the last `count`
 * began, and the one that long ago must be out of the span before another begins. (A token bucket would let
 * twice the count through in one span.) Private to limits/.
 */
#ifndef METERD_COLLECTOR_SOURCE_LIMITS_SPAN_H
#define METERD_COLLECTOR_SOURCE_LIMITS_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"

enum { SPAN_STARTS_MAX = 1024 };

struct span {
    uint32_t count; /* 0: no bound */
    int64_t per_us;
    int64_t *starts;
    uint32_t next, known;
};

void span_release(struct span *span);
/* A rate of more than SPAN_STARTS_MAX is kept as so many in a fraction of its time, which is never more. What
 * began is kept as far as it fits. MTR_ENOMEM leaves it as it was. */
int span_set(struct span *span, uint32_t count, int64_t per_us) MTR_MUST_USE;
/* When the next one may begin, with the rate halved so often. */
int64_t span_ready_us(const struct span *span, uint32_t halvings);
void span_note(struct span *span, int64_t start_us);

#endif
