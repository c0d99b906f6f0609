/*
 * Readings at the same time, by whom they ask. Those of one gate (limits.key, or a host) are twice as many as
 * it lets in at a time, so that one that leaves finds the next ready; more would wait at the gate in places
 * that others could use: a slow vendor's hundred sources would be all that is read.
 *
 *   due ─▶ crowded? ─▶ the gate's queue ─▶ due again, when a reading of the gate ends
 *
 * A vendor that lets nobody in for long must not keep the places of readings that could go on: such a reading
 * gives way, and is begun again later. One that has pages would begin with the first again, and meet the same
 * limit: it is parked, and waits outside of the places.
 *
 * Invariants: a strand stands in at most one queue, that of `crowded`; gate->running counts the strands whose
 * `entered` it is.
 */
#include <stdio.h>

#include "collector/source/poll/poller_alarms.h"
#include "collector/source/poll/poller_state.h"
#include "meterd/core/time.h"

#define PLACE_HELD_US (INT64_C(90) * MTR_US_PER_SECOND) /* longer than between two tries of a request */
#define PARKED_US (INT64_C(3600) * MTR_US_PER_SECOND)

static bool is_full(const struct poller_gate *gate)
{
    const uint32_t most = gate->gate.concurrency;
    return most && gate->running >= 2 * most;
}

bool poller_crowd_waits(struct poller_strand *strand)
{
    struct poller_gate *gate = strand->source->gate;
    const bool waits = is_full(gate);
    if (strand->crowded && (!waits || strand->crowded != gate)) poller_crowd_drop(strand);
    if (!waits || strand->crowded) return waits;
    strand->crowded = gate;
    strand->crowded_next = NULL;
    strand->crowded_before = gate->crowd_last;
    if (gate->crowd_last)
        gate->crowd_last->crowded_next = strand;
    else
        gate->crowd = strand;
    gate->crowd_last = strand;
    return true;
}

int poller_crowd_next(struct mtr_poller *poller, const struct poller_gate *gate, int64_t now_us)
{
    return gate->crowd && !is_full(gate) ? due_heap_set(&poller->heap, &gate->crowd->due, now_us) : MTR_OK;
}

void poller_crowd_enter(struct poller_strand *strand)
{
    MTR_ASSERT(!strand->entered && !strand->crowded);
    strand->entered = strand->source->gate;
    strand->entered->running++;
}

int poller_crowd_leave(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    struct poller_gate *gate = strand->entered;
    MTR_ASSERT(gate && gate->running);
    gate->running--;
    strand->entered = NULL;
    return poller_crowd_next(poller, gate, now_us);
}

void poller_crowd_drop(struct poller_strand *strand)
{
    struct poller_gate *gate = strand->crowded;
    struct poller_strand *before = strand->crowded_before, *next = strand->crowded_next;
    if (!gate) return;
    if (before)
        before->crowded_next = next;
    else
        gate->crowd = next;
    if (next)
        next->crowded_before = before;
    else
        gate->crowd_last = before;
    strand->crowded = NULL;
    strand->crowded_next = strand->crowded_before = NULL;
}

/* ---- places ---- */

static int64_t waits_us(const struct mtr_poll *poll, int64_t now_us)
{
    const bool is_until = poll_state(poll) == POLL_WAITING && poll_again_us(poll) != INT64_MAX;
    return is_until ? poll_again_us(poll) - now_us : 0;
}

static void park(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    char again[MTR_TIME_TEXT_BYTES], text[POLL_TEXT_BYTES];
    if (strand->is_parked) return;
    strand->is_parked = true;
    poller->parked_count++;
    mtr_time_format(poll_again_us(strand->poll), again);
    snprintf(text, sizeof(text), "%s %s: the reading goes on then", poll_pause(strand->poll), again);
    poller_set_reading_alarm(poller, strand, poll_task(strand->poll)->window.from_us, MTR_ALARM_FAILING, text,
                             now_us);
}

void poller_unpark(struct mtr_poller *poller, struct poller_strand *strand)
{
    poller->parked_count -= strand->is_parked;
    strand->is_parked = false;
}

void poller_make_room(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us)
{
    const int64_t wait_us = waits_us(strand->poll, now_us);
    const bool may_park = poll_has_pages(strand->poll) && wait_us <= PARKED_US &&
                          (strand->is_parked || poller->parked_count < poller->options.polls_max);
    if (wait_us > PLACE_HELD_US && may_park)
        park(poller, strand, now_us);
    else if (wait_us > PLACE_HELD_US)
        poll_give_way(strand->poll, now_us);
}

bool poller_has_place(const struct mtr_poller *poller)
{
    return poller->running_count - poller->parked_count < poller->options.polls_max;
}
