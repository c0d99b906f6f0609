/*
 * Items to strands: those that are there first, so that a full source asks for them rather than for others.
 */
#include "collector/source/items/poller_items.h"

struct taking {
    struct mtr_poller *poller;
    struct poller_source *state;
    bool all, wants_gone;
};

static int on_item(void *context, const struct mtr_ledger_item *item)
{
    struct taking *taking = context;
    struct poller_source *state = taking->state;
    struct poller_strand *strand;
    const struct mtr_str value = mtr_ledger_item_take(item, state->source->each.take);
    const int64_t until_us = item->gone_us ? item->gone_us : INT64_MAX;
    if (!value.size || value.size > MTR_LEDGER_EACH_BYTES_MAX || (item->gone_us != 0) != taking->wants_gone)
        return MTR_OK;
    strand = strand_index_find(&state->index, value);
    const bool is_old = taking->wants_gone && !taking->all && item->gone_us <= state->items_us;
    if (!strand && is_old) return MTR_OK; /* it was over, or was never asked for */
    if (!strand && state->index.count == POLLER_ITEMS_MAX) {
        state->is_overfull = true;
        return MTR_OK;
    }
    int rc = poller_take_strand(taking->poller, state, value, NULL, &strand);
    if (rc) return rc;
    const int64_t before_us = strand->plan.term_count ? strand->term.until_us : INT64_MAX;
    const bool is_seen = strand->items_pass == state->items_pass; /* another item has the value, too */
    strand->items_pass = state->items_pass;
    return poller_end_strand(taking->poller, strand,
                             is_seen ? mtr_time_later(before_us, until_us) : until_us);
}

int poller_take_items(struct mtr_poller *poller, struct poller_source *state, bool all)
{
    struct mtr_ledger_txn *txn;
    struct taking taking = {.poller = poller, .state = state, .all = all || !state->items_us};
    const struct mtr_strand list = {state->source->vendor, state->source->each.source, MTR_STR("")};
    int rc = mtr_ledger_begin(poller->options.ledger, false, &txn);
    if (rc) return rc;
    state->is_overfull = false;
    state->items_pass++;
    rc = mtr_ledger_walk_items(txn, &list, on_item, &taking);
    taking.wants_gone = true;
    if (!rc) rc = mtr_ledger_walk_items(txn, &list, on_item, &taking);
    mtr_ledger_abort(txn);
    if (!rc) state->items_us = poller->now_us;
    return rc;
}

static bool goes_over(const struct poller_source *state, const struct poller_source *list)
{
    const struct mtr_source *source = state->source;
    return source->each.kind == MTR_EACH_ROW && !source->disabled &&
           mtr_str_equal(source->vendor, list->source->vendor) &&
           mtr_str_equal(source->each.source, list->source->key);
}

int poller_items_changed(struct mtr_poller *poller, const struct poller_source *list)
{
    int rc = MTR_OK;
    if (!mtr_source_is_list(list->source)) return MTR_OK;
    for (uint32_t slot = 0; !rc && slot < POLLER_TABLE_SLOTS; slot++)
        for (struct poller_source *state = poller->sources[slot]; !rc && state; state = state->next)
            if (goes_over(state, list)) rc = poller_take_items(poller, state, false);
    return rc;
}

