/*
 * Held events that are to be dropped: what an order names, and what came of it. A bounded number at a time:
 * who wants all asks again behind `next_after`.
 */
#ifndef METERD_DAEMON_API_HELD_ORDER_H
#define METERD_DAEMON_API_HELD_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/str.h"

/* Held events that one call looks at, and the longest reason: quarantine says it whole. */
enum { HELD_ORDER_EVENTS_MAX = 4096, HELD_REASON_BYTES_MAX = 240 };

struct mtr_held_order {
    struct mtr_str vendor, subject, type; /* empty: any */
    int64_t before_us;                    /* received before; INT64_MAX: whenever */
    uint64_t after;                       /* with a greater sequence number */
    struct mtr_str who, reason;
    const char *why; /* MTR_QUARANTINE_DROPPED or …_HELD_TOO_LONG */
    bool is_dry_run; /* only looked at */
};

/* Those of one vendor, subject and type. */
struct mtr_held_use {
    struct mtr_str vendor, subject, type;
    const char *waits_for; /* waits.h */
    uint64_t events, first_seq, last_seq;
    int64_t from, to; /* their times, the first and the last */
};

struct mtr_held_dropped {
    uint64_t events;
    uint64_t next_after; /* everything up to it was looked at */
    bool has_more;
    struct mtr_held_use *uses; /* in the arena that was given */
    uint32_t use_count;
};

#endif
