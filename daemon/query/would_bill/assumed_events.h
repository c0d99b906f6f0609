/*
 * Events that the log has not, and voids, as a recount assumes them: of a void it wants what is taken back,
 * which the log has. Private to daemon/query/.
 */
#ifndef METERD_DAEMON_QUERY_WOULD_BILL_ASSUMED_EVENTS_H
#define METERD_DAEMON_QUERY_WOULD_BILL_ASSUMED_EVENTS_H

#include "meterd/aggregator/recount.h"
#include "meterd/query/would_bill.h"

struct assumed_events {
    struct mtr_assumed_event *rows;
    uint32_t count;
};

/* In the arena. next_seq: of the fold. What has left the log is left out, as the fold would leave it.
 * MTR_EAGAIN: an event that is taken back waits to be folded; MTR_ENOMEM: the arena is full; those of the
 * log. */
int assumed_events_read(const struct mtr_would_bill_options *options, uint64_t next_seq,
                        struct mtr_arena *arena, struct assumed_events *out,
                        struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
