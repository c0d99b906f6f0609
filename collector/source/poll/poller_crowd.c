/*
 * Readings at the same time, by whom they ask. Those of one gate (limits.key, or a host) are twice as many as
 * it lets in at a time, so that one that leaves finds the next ready; more would wait at the gate in places
 * that others could use: a slow vendor's hundred sources would be all that is read.
 *
 *   due ─▶ crowded? ─▶ the gate's queue ─▶ due again, when a reading of the gate ends
 *
 * Invariants: a strand stands in at most one queue, that of `crowded`; gate->running counts the strands whose
 * `entered` it is.
 */
#include "collector/source/poll/poller_state.h"

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
