/*
 * Release of held events: when the catalog has learned a subject or a type, the events that waited for it
 * flow, in sequence order.
 *
 *   attach (catch_up.c) writes a fact release/… ──▶ release_some, a chunk at a time ──▶ no row left: it goes
 *
 * A row may stay: a meter of one service says nothing about another service of the vendor with the same type,
 * and a meter may lack a property of the event.
 */
#include "aggregator/fold.h"

#include <string.h>

#define RELEASE_PREFIX "release/"

struct task {
    bool found;
    enum mtr_held_reason reason;
    uint32_t number; /* of the new subscription or meter */
    uint64_t after_seq;
    struct mtr_fact_name fact;
};

enum { STOP = 1 };

static int on_task(void *context, struct mtr_str name, struct mtr_str value)
{
    struct task *task = context;
    const size_t prefix = sizeof(RELEASE_PREFIX) - 1;
    if (name.size != prefix + 5 || value.size != 8) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)name.data + prefix;
    task->found = true;
    task->reason = p[0] == 'm' ? MTR_HELD_METER : MTR_HELD_SUBSCRIPTION;
    task->number = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    task->after_seq = fact_read_u64(value.data);
    memcpy(task->fact.data, name.data, name.size);
    task->fact.size = name.size;
    return STOP;
}

struct chunk {
    struct mtr_held_row *rows;
    uint32_t count;
    uint32_t count_max;
};

static int on_held(void *context, const struct mtr_held_event *held)
{
    struct chunk *chunk = context;
    if (chunk->count == chunk->count_max) return STOP;
    chunk->rows[chunk->count++] = (struct mtr_held_row){held->seq, held->voided};
    return MTR_OK;
}

static int count_released(struct mtr_aggregator *aggregator, const struct task *task,
                          const struct mtr_resolved *resolved, const struct mtr_event *event,
                          const struct mtr_held_row *row)
{
    uint64_t void_seq = 0;
    int rc = row->voided ? mtr_rollups_get_voided(aggregator->txn, row->seq, &void_seq) : MTR_OK;
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    for (uint32_t i = 0; !rc && i < resolved->meter_count; i++) {
        const struct mtr_meter *meter = resolved->meters[i];
        if (!fold_covers(aggregator, meter->number, row->seq))
            continue; /* the catch-up counts it when it comes there */
        const struct mtr_effect effect = {
            .subscription = resolved->subscription,
            .meter = meter,
            .sign = 1,
            .way = task->reason == MTR_HELD_METER ? FOLD_RELEASED_BY_TYPE : FOLD_RELEASED_BY_SUBJECT,
            .released_for = task->number,
            .by_seq = row->seq,
        };
        const struct mtr_effect back = {
            .subscription = resolved->subscription, .meter = meter, .sign = -1, .by_seq = void_seq};
        enum event_counts counts;
        rc = fold_offer(aggregator, &effect, event, row->seq, &counts);
        if (!rc && row->voided && counts != EVENT_IS_BEYOND)
            rc = fold_apply(aggregator, &back, event, row->seq);
    }
    return rc;
}

static int release_one(struct mtr_aggregator *aggregator, const struct task *task,
                       struct mtr_held_event *held, const struct mtr_held_row *row)
{
    const struct mtr_event *event;
    held->seq = row->seq;
    int rc = fold_read(aggregator, row->seq, &event);
    if (rc == MTR_ENOTFOUND) { /* retention: it can be seen, but no longer counted */
        aggregator->state_changed = true;
        rc = mtr_rollups_delete_held(aggregator->txn, held);
        if (rc || row->voided) return rc; /* it would have come to nothing */
        return fold_quarantine(aggregator, row->seq, 0, "expired",
                               "it left the log before the catalog knew its place");
    }
    if (rc) return rc;
    struct mtr_resolved resolved = fold_resolve(aggregator, event);
    if (!resolved.held) rc = fold_waits(aggregator, &resolved, event, row->seq, &resolved.held);
    if (rc) return rc;
    if (resolved.held && resolved.reason == held->reason) return MTR_OK;
    aggregator->state_changed = true;
    rc = mtr_rollups_delete_held(aggregator->txn, held);
    if (rc) return rc;
    MTR_ASSERT(!resolved.held || resolved.reason != held->reason); /* it flows, or waits for another thing */
    if (!resolved.held) return count_released(aggregator, task, &resolved, event, row);
    return fold_hold(aggregator, event, resolved.reason, row->seq, row->voided);
}

/* One chunk of one task. */
static int release_some(struct mtr_aggregator *aggregator, struct task *task)
{
    struct mtr_held_event held = {.reason = task->reason};
    struct chunk chunk = {.rows = aggregator->held_rows, .count_max = MTR_RELEASE_CHUNK};
    if (chunk.count_max > aggregator->budget) chunk.count_max = aggregator->budget;
    if (task->reason == MTR_HELD_METER) {
        const struct mtr_meter *meter = mtr_catalog_meter(aggregator->catalog, task->number);
        if (!meter) return MTR_ECORRUPT;
        held.vendor = meter->service->vendor->key;
        held.name = meter->event_type;
    } else {
        const struct mtr_subscription *subscription =
            mtr_catalog_subscription(aggregator->catalog, task->number);
        if (!subscription) return MTR_ECORRUPT;
        held.vendor = subscription->service->vendor->key;
        held.name = subscription->subject;
    }
    held.seq = task->after_seq;
    int rc = mtr_rollups_walk_held(aggregator->txn, &held, on_held, &chunk);
    if (rc < 0) return rc;
    bool finished = rc != STOP;
    for (uint32_t i = 0; i < chunk.count; i++) {
        rc = release_one(aggregator, task, &held, &chunk.rows[i]);
        if (rc < 0) return rc;
    }
    MTR_ASSERT(chunk.count <= aggregator->budget);
    MTR_ASSERT(finished || chunk.count > 0); /* what goes on has a sequence to go on from */
    aggregator->budget -= chunk.count;
    aggregator->events += chunk.count;
    if (finished) return fact_delete(aggregator, &task->fact);
    return fact_put_u64(aggregator, &task->fact, chunk.rows[chunk.count - 1].seq, NULL);
}

int fold_release(struct mtr_aggregator *aggregator)
{
    while (aggregator->releasing && aggregator->budget > 0) {
        struct task task = {.found = false};
        int rc = mtr_rollups_walk_facts(aggregator->txn, MTR_STR(RELEASE_PREFIX), on_task, &task);
        if (rc < 0) return rc;
        aggregator->releasing = task.found;
        if (!task.found) break;
        rc = release_some(aggregator, &task);
        if (rc) return rc;
        if (aggregator->cells.count >= MTR_CELL_TABLE_COUNT_SOFT_MAX) break;
    }
    return MTR_OK;
}
