/*
 * Held events that an order names, and what use they are. Private to daemon/held/.
 */
#ifndef METERD_DAEMON_HELD_HELD_FOUND_H
#define METERD_DAEMON_HELD_HELD_FOUND_H

#include "daemon/api/held_order.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

struct held_stores {
    struct mtr_rollups *rollups;
    struct mtr_log *log;
};

struct held_found_event {
    uint64_t seq;
    int64_t time_us;
    const char *waits_for;
    struct mtr_str vendor, subject, type;
};

struct held_found {
    struct held_found_event *events; /* ascending, in the arena */
    uint32_t count;
    uint64_t next_after; /* everything up to it was looked at */
    bool has_more;
};

/* Looks at HELD_ORDER_EVENTS_MAX of them at most. What has left the log is passed over. */
int held_find(const struct held_stores *stores, const struct mtr_held_order *order, struct mtr_arena *arena,
              struct held_found *out) MTR_MUST_USE;
int held_sum(const struct held_found *found, struct mtr_arena *arena,
             struct mtr_held_dropped *out) MTR_MUST_USE;

#endif
