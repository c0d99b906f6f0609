/*
 * How often and how many at a time a vendor is asked: one gate for each key of `limits`, shared by all
 * sources that name it (the host, unless a source says otherwise).
 *
 *   limits: {key: acme-account, rate: 10/1s, daily: 5000, concurrency: 2}
 *
 *   gate_enter ─┬─ true: ask now ─▶ gate_leave, once, with what came of it
 *               └─ false: not before again_us (GATE_WHEN_LEFT: when one of those inside leaves)
 *
 * The law: in no span of `per`, wherever it begins, are there more than `count` requests; in no day of UTC
 * more than `daily`; never more than `concurrency` inside. After a 429 nobody enters until the vendor's
 * Retry-After, or for a while of our own, and from then on half as many do; each GATE_CALM_US without
 * another one doubles that again.
 *
 * What sources of one key say holds together: each rate, the least daily and concurrency. When the catalog
 * changes, gate_loosen and a gate_agree by each source make it anew; what was asked is not forgotten.
 * Counts are of this run of the program: a restart forgets the day's. Time is passed in, and where it goes
 * back it is taken as standing still. One thread. Private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_LIMITS_GATE_H
#define METERD_COLLECTOR_SOURCE_LIMITS_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/source/failure.h"
#include "collector/source/limits/span.h"
#include "meterd/source/source.h"

#define GATE_WHEN_LEFT INT64_MAX
#define GATE_CALM_US (INT64_C(60) * 1000000)

enum { GATE_SPANS_MAX = 4, GATE_SLOWER_MAX = 10, GATE_SLOW_CONCURRENCY = 8 };

struct gate_rate {
    uint32_t count; /* as agreed; 0: by nobody any more */
    int64_t per_us;
    struct span span;
};

struct gate {
    struct gate_rate rates[GATE_SPANS_MAX];
    uint64_t daily;       /* 0: no bound */
    uint32_t concurrency; /* the same */
    int64_t day;           /* since 1970, of today_count */
    uint64_t today_count;
    uint32_t inside;
    int64_t closed_until_us;
    bool closed_by_vendor; /* it has said until when */
    uint32_t slower;       /* halvings in force */
    int64_t slower_us;     /* the last change of it */
    uint32_t refusals;     /* 429 without one that was let in between */
    int64_t now_us;        /* the latest that was seen */
    uint64_t seed;
};

/* seed: of the key, for waits after a 429. */
void gate_init(struct gate *gate, uint64_t seed);
void gate_release(struct gate *gate);
void gate_loosen(struct gate *gate);
/* What a source that goes through it says. Of more than GATE_SPANS_MAX different spans the last ones are
 * taken as one: the least count in the longest. MTR_ENOMEM. */
int gate_agree(struct gate *gate, const struct mtr_source_limits *limits) MTR_MUST_USE;

/* Nobody enters any more today, by `daily`. */
bool gate_is_used_up(const struct gate *gate);
/* Until then nobody enters because the vendor says so; else the wait is one of our own. */
bool gate_is_closed_by_vendor(const struct gate *gate, int64_t until_us);
bool gate_enter(struct gate *gate, int64_t now_us, int64_t *again_us);
/* entered_us: when this one did; wait_us: what the vendor said (retry_after.h), 0: nothing. It closes the
 * gate where the vendor refused or failed: of a job that runs it is about that job. */
void gate_leave(struct gate *gate, int64_t entered_us, enum source_failure failure, int64_t wait_us,
                int64_t now_us);

#endif
