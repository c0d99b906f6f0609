/*
 * What every piece of the fold asks: events of the log, block by block, and what each is of by the catalog in
 * force; and the row for one that cannot count.
 */
#include "aggregator/fold.h"
#include "meterd/store/log_carried.h"

static void forget_block(struct mtr_aggregator *aggregator)
{
    aggregator->last_type = (struct mtr_str){NULL, 0};
    aggregator->last_vendor = (struct mtr_str){NULL, 0};
    aggregator->block_events = NULL;
}

int fold_read_block(struct mtr_aggregator *aggregator, uint64_t seq)
{
    forget_block(aggregator);
    int rc = mtr_log_read(aggregator->reader, seq, &aggregator->block, &aggregator->block_events,
                          aggregator->diagnostic);
    if (rc) aggregator->block_events = NULL;
    return rc;
}

int fold_read_kept(struct mtr_aggregator *aggregator, uint64_t seq)
{
    forget_block(aggregator);
    int rc = mtr_log_read_kept(aggregator->reader, seq, &aggregator->block, &aggregator->block_events,
                               aggregator->diagnostic);
    if (rc) aggregator->block_events = NULL;
    return rc;
}

int fold_read(struct mtr_aggregator *aggregator, uint64_t seq, const struct mtr_event **out)
{
    const struct mtr_block_header *block = &aggregator->block;
    bool here = aggregator->block_events && seq >= block->first_seq && seq - block->first_seq < block->count;
    int rc = here ? MTR_OK : fold_read_kept(aggregator, seq);
    if (rc) return rc;
    if (seq < block->first_seq || seq - block->first_seq >= block->count) return MTR_ENOTFOUND;
    *out = &aggregator->block_events[seq - block->first_seq];
    return MTR_OK;
}

const struct mtr_subscription *fold_find_subscription(const struct mtr_aggregator *aggregator,
                                                      const struct mtr_event *event)
{
    const struct mtr_event_address address = {event->vendor, event->subject, event->type, event->time_us};
    const struct mtr_subscription *found = mtr_catalog_find_subject(aggregator->catalog, &address);
    return found && fold_recut_is_waiting(aggregator) ? fold_recut_known(aggregator, found) : found;
}

struct mtr_resolved fold_resolve(const struct mtr_aggregator *aggregator, const struct mtr_event *event)
{
    struct mtr_resolved resolved = {.held = true, .reason = MTR_HELD_SUBSCRIPTION, .name = event->subject};
    resolved.subscription = fold_find_subscription(aggregator, event);
    if (!resolved.subscription) return resolved;
    resolved.meter_count = mtr_catalog_find_meters(aggregator->catalog, resolved.subscription->service,
                                                   event->type, &resolved.meters);
    resolved.held = resolved.meter_count == 0;
    resolved.reason = MTR_HELD_METER;
    resolved.name = event->type;
    return resolved;
}

bool fold_covers(const struct mtr_aggregator *aggregator, uint32_t meter, uint64_t seq)
{
    for (uint32_t i = 0; i < aggregator->catch_up_count; i++) {
        const struct mtr_catch_up *catch_up = &aggregator->catch_ups[i];
        if (catch_up->meter == meter) return seq < catch_up->next_seq || seq >= catch_up->end_seq;
    }
    return true;
}
