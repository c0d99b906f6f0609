/*
 * Parts of the log: which one cells name, where the events are that they can be folded from again, and going
 * through one.
 */
#include "aggregator/fold.h"

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    (void)key;
    fold_widen(context, cell->seq_first, cell->seq_last);
    return MTR_OK;
}

int fold_find_log_range(struct mtr_aggregator *aggregator, const struct mtr_cell_range *cells,
                        struct fold_log_range *range)
{
    return mtr_rollups_walk_cells(aggregator->txn, cells, on_cell, range);
}

int fold_walk_log(struct mtr_aggregator *aggregator, const struct fold_log_range *range,
                  fold_on_event on_event, void *context)
{
    int rc = MTR_OK;
    for (uint64_t seq = range->seq_first; !rc && seq <= range->seq_last;) {
        rc = fold_read_block(aggregator, seq);
        const struct mtr_block_header *block = &aggregator->block;
        if (rc == MTR_ENOTFOUND || (!rc && block->first_seq > seq)) return MTR_EMISSING;
        if (rc) return rc;
        const uint64_t end = block->first_seq + block->count;
        if (seq >= end) return MTR_ECORRUPT;
        for (; !rc && seq < end && seq <= range->seq_last; seq++)
            rc = on_event(context, &aggregator->block_events[seq - block->first_seq], seq);
    }
    return rc;
}
