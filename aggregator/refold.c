/*
 * Cells that the catalog cuts anew: the scan of the log for their events, and the switch; see recut.h.
 */
#include <stdlib.h>

#include "aggregator/recut.h"

static int scan_event(struct mtr_aggregator *aggregator, const struct mtr_event *event, uint64_t seq)
{
    if (event->disposition != MTR_DISPOSITION_NORMAL) return MTR_OK;
    const struct mtr_subscription *subscription = fold_find_subscription(aggregator, event);
    return subscription ? fold_note_event(aggregator->recut, subscription->number, event->time_us, seq)
                        : MTR_OK;
}

int fold_recut_scan(struct mtr_aggregator *aggregator)
{
    struct fold_recut *recut = aggregator->recut;
    if (!fold_recut_is_waiting(aggregator)) return MTR_OK;
    int rc = MTR_OK;
    while (!rc && recut->next_seq < recut->end_seq && aggregator->budget > 0) {
        rc = fold_read_block(aggregator, recut->next_seq);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
        const struct mtr_block_header *block = &aggregator->block;
        uint64_t seq = recut->next_seq, end = block->first_seq + block->count;
        if (seq < block->first_seq) seq = block->first_seq; /* the switch looks at what is gone */
        if (end > recut->end_seq) end = recut->end_seq;
        for (; !rc && seq < end && aggregator->budget > 0; seq++) {
            rc = scan_event(aggregator, &aggregator->block_events[seq - block->first_seq], seq);
            aggregator->budget--;
            aggregator->events++;
        }
        recut->next_seq = seq < end || seq > recut->next_seq ? seq : end;
    }
    return rc;
}

/* ---- switch ---- */

static int compare_seqs(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Each once, in order. */
static void sort_seqs(struct fold_waiting *waiting)
{
    uint32_t kept = 0;
    if (waiting->seq_count > 1)
        qsort(waiting->seqs, waiting->seq_count, sizeof(*waiting->seqs), compare_seqs);
    for (uint32_t i = 0; i < waiting->seq_count; i++)
        if (!kept || waiting->seqs[kept - 1] != waiting->seqs[i]) waiting->seqs[kept++] = waiting->seqs[i];
    waiting->seq_count = kept;
}

static int delete_cells(struct mtr_aggregator *aggregator, const struct fold_waiting *waiting)
{
    const uint32_t meter_count = mtr_catalog_count(aggregator->catalog, MTR_KIND_METER);
    int rc = MTR_OK;
    for (uint32_t number = 1; !rc && number <= meter_count; number++) {
        const struct mtr_meter *meter = mtr_catalog_meter(aggregator->catalog, number);
        if (!meter || meter->service != waiting->known.service) continue;
        for (uint32_t i = 0; !rc && i < waiting->hour_count; i++) {
            const struct mtr_cell_range range = fold_waiting_range(waiting, number, &waiting->hours[i]);
            rc = mtr_rollups_delete_cells(aggregator->txn, &range);
        }
    }
    return rc;
}

static int fold_again(struct mtr_aggregator *aggregator, const struct fold_waiting *waiting,
                      const struct mtr_subscription *subscription, uint64_t seq)
{
    const struct mtr_event *event;
    const struct mtr_meter *const *meters;
    struct fold_standing standing = {.is_known = false};
    int rc = fold_read(aggregator, seq, &event);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc; /* it was read when it was noted */
    const struct mtr_subscription *phase = fold_find_subscription(aggregator, event);
    if (!phase || phase->number != subscription->number) return MTR_OK; /* another has it by now */
    const uint32_t count =
        mtr_catalog_find_meters(aggregator->catalog, subscription->service, event->type, &meters);
    for (uint32_t i = 0; !rc && i < count; i++) {
        const struct mtr_effect effect = {.subscription = subscription,
                                          .meter = meters[i],
                                          .hours = waiting->hours,
                                          .hour_count = waiting->hour_count,
                                          .only_cells = true};
        rc = fold_count_again(aggregator, &effect, event, seq, &standing);
    }
    return rc;
}

/* A switch is done whole: it pays with what is left of the step, and no more. */
static void pay(struct mtr_aggregator *aggregator, uint32_t events)
{
    const uint32_t paid = events < aggregator->budget ? events : aggregator->budget;
    aggregator->budget -= paid;
    aggregator->events += paid;
}

/* Where its part of the log is gone: a change that would need it is refused when it is applied
 * (cut_check.c), so only cells that an older program folded come here. They stay as they are; but what it
 * counted of the hour of the start was all behind the start, and begins there from now on. */
static int keep_cells(struct mtr_aggregator *aggregator, const struct fold_waiting *waiting,
                      const struct mtr_subscription *subscription)
{
    const int64_t start_us = subscription->start_us;
    const uint32_t meter_count = mtr_catalog_count(aggregator->catalog, MTR_KIND_METER);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < waiting->hour_count; i++) {
        const struct mtr_hour hour = {waiting->hours[i].start_us, start_us};
        if (start_us <= hour.start_us || start_us >= waiting->hours[i].end_us) continue;
        for (uint32_t number = 1; !rc && number <= meter_count; number++) {
            const struct mtr_meter *meter = mtr_catalog_meter(aggregator->catalog, number);
            if (!meter || meter->service != subscription->service) continue;
            const struct mtr_cell_range range = fold_waiting_range(waiting, number, &hour);
            rc = mtr_rollups_move_cells(aggregator->txn, &range, start_us);
        }
    }
    return rc ? rc : fold_note_cuts(aggregator, subscription);
}

static int switch_one(struct mtr_aggregator *aggregator, struct fold_waiting *waiting, uint64_t log_first_seq)
{
    const struct mtr_subscription *subscription =
        mtr_catalog_subscription(aggregator->catalog, waiting->known.number);
    if (waiting->seq_first < log_first_seq) return keep_cells(aggregator, waiting, subscription);
    sort_seqs(waiting);
    int rc = delete_cells(aggregator, waiting);
    for (uint32_t i = 0; !rc && i < waiting->seq_count; i++)
        rc = fold_again(aggregator, waiting, subscription, waiting->seqs[i]);
    pay(aggregator, waiting->seq_count);
    return rc ? rc : fold_note_cuts(aggregator, subscription);
}

int fold_recut_switch(struct mtr_aggregator *aggregator)
{
    struct fold_recut *recut = aggregator->recut;
    if (!recut->left || recut->next_seq < recut->end_seq) return MTR_OK;
    if (aggregator->cells.count) return MTR_OK; /* what is deleted may have no gain that waits */
    int rc = fold_read_block(aggregator, 1);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    const uint64_t log_first_seq = rc ? UINT64_MAX : aggregator->block.first_seq;
    bool is_over = true;
    for (uint32_t i = 0; i < recut->count; i++) {
        struct fold_waiting *waiting = &recut->items[i];
        if (waiting->is_switched || !waiting->in_round) continue;
        is_over = aggregator->budget > 0 && aggregator->cells.count < MTR_CELL_TABLE_COUNT_SOFT_MAX;
        if (!is_over) break;
        waiting->is_switched = true; /* from here on it is folded as the snapshot has it */
        recut->left--;
        rc = switch_one(aggregator, waiting, log_first_seq);
        if (rc) return rc;
    }
    return is_over && recut->left ? fold_begin_round(aggregator) : MTR_OK;
}
