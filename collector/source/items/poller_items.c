/*
 * Items to strands: those that are there first, so that a full source asks for them rather than for others.
 * A list may have a hundred thousand, and the ledger all that it ever had: a pass takes some at a time.
 */
#include "collector/source/items/poller_items.h"

#include <xxhash.h>

enum { ITEMS_A_STEP = 2000, STOP = 1 };

struct taking {
    struct mtr_poller *poller;
    struct poller_source *state;
    uint32_t *left; /* items of this step */
};

/* Whether an item that is gone means anything: it was over, or never asked for, before the last pass. */
static bool matters(const struct poller_source *state, struct mtr_str value,
                    const struct mtr_ledger_item *item)
{
    return state->pass.is_all || item->gone_us > state->items_us || strand_index_find(&state->index, value);
}

static int take_value(struct mtr_poller *poller, struct poller_source *state, struct mtr_str value,
                      int64_t until_us)
{
    struct poller_strand *strand = strand_index_find(&state->index, value);
    if (!strand && state->index.count == POLLER_ITEMS_MAX) {
        state->pass.is_overfull = true;
        return MTR_OK;
    }
    int rc = poller_take_strand(poller, state, value, NULL, &strand);
    if (rc) return rc;
    const int64_t before_us = strand->plan.term_count ? strand->term.until_us : INT64_MAX;
    const bool is_seen = strand->items_pass == state->items_pass; /* another item has the value, too */
    strand->items_pass = state->items_pass;
    return poller_end_strand(poller, strand, is_seen ? mtr_time_later(before_us, until_us) : until_us);
}

static int on_item(void *context, const struct mtr_ledger_item *item)
{
    struct taking *taking = context;
    struct poller_source *state = taking->state;
    struct items_pass *pass = &state->pass;
    const struct mtr_str value = mtr_ledger_item_take(item, state->source->each.take);
    const bool is_gone = item->gone_us != 0;
    if (!*taking->left) return STOP;
    --*taking->left;
    pass->row = item->row;
    pass->has_row = true;
    if (!value.size || value.size > MTR_LEDGER_EACH_BYTES_MAX) return MTR_OK;
    if (is_gone && !matters(state, value, item)) return MTR_OK;
    pass->has_gone = pass->has_gone || is_gone;
    if (is_gone != pass->wants_gone) return MTR_OK;
    return take_value(taking->poller, state, value, is_gone ? item->gone_us : INT64_MAX);
}

/* ---- passes ---- */

static void begin_pass(struct mtr_poller *poller, struct poller_source *state, bool all)
{
    state->pass = (struct items_pass){
        .is_on = true, .is_all = all || !state->items_us, .began_us = poller->now_us};
    state->items_pass++;
    poller->has_items_pass = true;
}

/* The list has nothing of them any more, and never had. */
static void drop_others(struct mtr_poller *poller, struct poller_source *state)
{
    struct poller_strand *next;
    for (struct poller_strand *strand = state->strands; strand; strand = next) {
        next = strand->next;
        if (strand->items_pass != state->items_pass) poller_let_go(poller, strand);
    }
}

static void end_pass(struct mtr_poller *poller, struct poller_source *state)
{
    const struct items_pass ended = state->pass;
    if (ended.is_all) drop_others(poller, state);
    state->is_overfull = ended.is_overfull;
    state->items_us = ended.began_us;
    state->pass.is_on = false;
    if (ended.is_again) begin_pass(poller, state, false);
}

static int go_on(struct mtr_poller *poller, struct poller_source *state, uint32_t *left)
{
    struct taking taking = {poller, state, left};
    struct items_pass *pass = &state->pass;
    const struct mtr_strand list = {state->source->vendor, state->source->each.source, MTR_STR("")};
    struct mtr_ledger_txn *txn;
    int rc = mtr_ledger_begin(poller->options.ledger, false, &txn);
    if (rc) return rc;
    rc = mtr_ledger_walk_items(txn, &list, pass->has_row ? &pass->row : NULL, on_item, &taking);
    mtr_ledger_abort(txn);
    if (rc) return rc == STOP ? MTR_OK : rc;
    if (pass->has_gone && !pass->wants_gone) {
        pass->wants_gone = true;
        pass->has_row = false;
        return MTR_OK;
    }
    end_pass(poller, state);
    return MTR_OK;
}

int poller_go_on_items(struct mtr_poller *poller, int64_t now_us, int64_t *next_us)
{
    uint32_t left = ITEMS_A_STEP;
    int rc = MTR_OK;
    if (!poller->has_items_pass) return MTR_OK;
    poller->has_items_pass = false;
    for (uint32_t slot = 0; !rc && slot < POLLER_TABLE_SLOTS; slot++)
        for (struct poller_source *state = poller->sources[slot]; !rc && state; state = state->next) {
            const bool is_there = state->generation == poller->generation && !state->source->disabled;
            state->pass.is_on = state->pass.is_on && is_there;
            if (state->pass.is_on && left) rc = go_on(poller, state, &left);
            poller->has_items_pass = poller->has_items_pass || state->pass.is_on;
        }
    if (poller->has_items_pass) *next_us = now_us;
    return rc;
}

/* ---- what begins them ---- */

int poller_take_items(struct mtr_poller *poller, struct poller_source *state)
{
    const struct mtr_source_each *each = &state->source->each;
    const uint64_t hash = XXH3_64bits_withSeed(each->take.data, each->take.size,
                                               XXH3_64bits(each->source.data, each->source.size));
    int rc = MTR_OK;
    for (struct poller_strand *strand = state->strands; !rc && strand && hash == state->items_hash;
         strand = strand->next)
        rc = poller_take_strand(poller, state, strand->strand.each, NULL, &strand);
    state->items_hash = hash;
    begin_pass(poller, state, true);
    return rc;
}

static bool goes_over(const struct poller_source *state, const struct poller_source *list)
{
    const struct mtr_source *source = state->source;
    return source->each.kind == MTR_EACH_ROW && !source->disabled &&
           mtr_str_equal(source->vendor, list->source->vendor) &&
           mtr_str_equal(source->each.source, list->source->key);
}

void poller_items_changed(struct mtr_poller *poller, const struct poller_source *list)
{
    if (!mtr_source_is_list(list->source)) return;
    for (uint32_t slot = 0; slot < POLLER_TABLE_SLOTS; slot++)
        for (struct poller_source *state = poller->sources[slot]; state; state = state->next) {
            if (!goes_over(state, list)) continue;
            if (state->pass.is_on)
                state->pass.is_again = true;
            else
                begin_pass(poller, state, false);
        }
}
