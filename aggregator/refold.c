/*
 * Cells that the catalog cuts anew: the scan of the log for their events, and the switch; see recut.h.
 */
#include <stdlib.h>

#include "aggregator/recut.h"

enum { BATCHES_OF_A_ROUND = 16, BATCH_EVENTS_MAX = 1 << 18 };

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
    if (!fold_recut_is_waiting(aggregator) || fold_reassign_is_waiting(aggregator)) return MTR_OK;
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

static int compare_noted(const void *a, const void *b)
{
    const struct fold_noted *x = a, *y = b;
    if (x->seq != y->seq) return x->seq < y->seq ? -1 : 1;
    return (x->waiting > y->waiting) - (x->waiting < y->waiting);
}

/* Each once for its subscription, in the order of the log. */
static void sort_batch(struct fold_recut *recut)
{
    size_t kept = 0;
    if (recut->batch_count > 1)
        qsort(recut->batch, recut->batch_count, sizeof(*recut->batch), compare_noted);
    for (size_t i = 0; i < recut->batch_count; i++)
        if (!kept || compare_noted(&recut->batch[kept - 1], &recut->batch[i]) != 0)
            recut->batch[kept++] = recut->batch[i];
    recut->batch_count = kept;
}

static int add_to_batch(struct fold_recut *recut, struct fold_waiting *waiting)
{
    const size_t count = recut->batch_count + waiting->seq_count;
    if (count > recut->batch_capacity) {
        struct fold_noted *batch = realloc(recut->batch, count * 2 * sizeof(*batch));
        if (!batch) return MTR_ENOMEM;
        recut->batch = batch;
        recut->batch_capacity = count * 2;
    }
    for (uint32_t i = 0; i < waiting->seq_count; i++)
        recut->batch[recut->batch_count++] = (struct fold_noted){waiting->seqs[i], waiting};
    return MTR_OK;
}

static int delete_cells(struct mtr_aggregator *aggregator, const struct fold_waiting *waiting)
{
    const struct mtr_service *service = waiting->known.service;
    const struct mtr_meter *meter;
    int rc = MTR_OK;
    for (uint32_t position = 0;
         !rc && (meter = mtr_catalog_next_meter(aggregator->catalog, service, &position)) != NULL;)
        for (uint32_t i = 0; !rc && i < waiting->hour_count; i++) {
            const struct mtr_cell_range range =
                fold_waiting_range(waiting, meter->number, &waiting->hours[i]);
            rc = mtr_rollups_delete_cells(aggregator->txn, &range);
        }
    return rc;
}

static int fold_again(struct mtr_aggregator *aggregator, const struct fold_noted *noted)
{
    const struct fold_waiting *waiting = noted->waiting;
    const struct mtr_subscription *subscription =
        mtr_catalog_subscription(aggregator->catalog, waiting->known.number);
    const uint64_t seq = noted->seq;
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

/* Where its part of the log is gone: a change that would need it is refused when it is applied
 * (cut_check.c), so only cells that an older program folded come here. They stay as they are; but what it
 * counted of the hour of the start was all behind the start, and begins there from now on. */
static int keep_cells(struct mtr_aggregator *aggregator, const struct fold_waiting *waiting,
                      const struct mtr_subscription *subscription)
{
    const int64_t start_us = subscription->start_us;
    const struct mtr_meter *meter;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < waiting->hour_count; i++) {
        const struct mtr_hour hour = {waiting->hours[i].start_us, start_us};
        if (start_us <= hour.start_us || start_us >= waiting->hours[i].end_us) continue;
        for (uint32_t position = 0;
             !rc && (meter = mtr_catalog_next_meter(aggregator->catalog, subscription->service,
                                                    &position)) != NULL;) {
            const struct mtr_cell_range range = fold_waiting_range(waiting, meter->number, &hour);
            rc = mtr_rollups_move_cells(aggregator->txn, &range, start_us);
        }
    }
    return rc ? rc : fold_note_cuts(aggregator, subscription);
}

/* From here on it is folded as the snapshot has it. */
static int begin_switch(struct mtr_aggregator *aggregator, struct fold_waiting *waiting,
                        uint64_t log_first_seq)
{
    const struct mtr_subscription *subscription =
        mtr_catalog_subscription(aggregator->catalog, waiting->known.number);
    waiting->is_switched = true;
    aggregator->recut->left--;
    if (waiting->log.seq_first < log_first_seq) return keep_cells(aggregator, waiting, subscription);
    int rc = add_to_batch(aggregator->recut, waiting);
    if (!rc) rc = delete_cells(aggregator, waiting);
    return rc ? rc : fold_note_cuts(aggregator, subscription);
}

/* A batch is done whole: it pays with what is left of the step, and no more. */
static int fold_batch(struct mtr_aggregator *aggregator)
{
    struct fold_recut *recut = aggregator->recut;
    int rc = MTR_OK;
    sort_batch(recut);
    for (size_t i = 0; !rc && i < recut->batch_count; i++) rc = fold_again(aggregator, &recut->batch[i]);
    const uint32_t paid =
        recut->batch_count < aggregator->budget ? (uint32_t)recut->batch_count : aggregator->budget;
    aggregator->budget -= paid;
    aggregator->events += paid;
    return rc;
}

/* Each batch may read the whole range of the round, so a large round has few of them. */
static uint64_t batch_max(const struct mtr_aggregator *aggregator)
{
    const uint64_t share = aggregator->recut->round_events / BATCHES_OF_A_ROUND;
    const uint64_t bounded = share < BATCH_EVENTS_MAX ? share : BATCH_EVENTS_MAX;
    return bounded > aggregator->budget ? bounded : aggregator->budget;
}

int fold_recut_switch(struct mtr_aggregator *aggregator)
{
    struct fold_recut *recut = aggregator->recut;
    if (!recut->left || recut->next_seq < recut->end_seq) return MTR_OK;
    if (aggregator->cells.count) return MTR_OK; /* what is deleted may have no gain that waits */
    if (fold_reassign_is_waiting(aggregator)) return MTR_OK; /* first everything is whose it is */
    int rc = fold_read_block(aggregator, 1);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    const uint64_t log_first_seq = rc ? UINT64_MAX : aggregator->block.first_seq;
    const uint64_t events_max = batch_max(aggregator);
    bool is_over = true;
    rc = MTR_OK;
    recut->batch_count = 0;
    for (uint32_t i = 0; !rc && i < recut->count; i++) {
        struct fold_waiting *waiting = &recut->items[i];
        if (waiting->is_switched || !waiting->in_round) continue;
        is_over = recut->batch_count < events_max;
        if (!is_over) break;
        rc = begin_switch(aggregator, waiting, log_first_seq);
    }
    if (!rc) rc = fold_batch(aggregator);
    if (rc) return rc;
    return is_over && recut->left ? fold_begin_round(aggregator) : MTR_OK;
}
