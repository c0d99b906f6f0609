/*
 * Windows of a strand that could not be read the last time: each waits by itself, longer with each failure.
 * When no more are remembered, the strand waits for one that fails.
 *
 * Private to poller*.c.
 */
#ifndef METERD_COLLECTOR_SOURCE_LIMITS_FAILING_H
#define METERD_COLLECTOR_SOURCE_LIMITS_FAILING_H

#include "collector/source/poll/poller_state.h"

struct failing *failing_find(struct poller_strand *strand, int64_t from_us); /* NULL: it does not wait */
/* wait_us: as the vendor asked, for whatever of the strand; 0: it did not. */
void failing_note(struct poller_strand *strand, int64_t from_us, int64_t wait_us, int64_t now_us);
void failing_end(struct poller_strand *strand, int64_t from_us);
void failing_forget_all(struct poller_strand *strand); /* none waits any more */

#endif
