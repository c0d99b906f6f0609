/*
 * A strand of a source: made, or found, and given what the catalog says.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "collector/source/poll/poller_state.h"
#include "meterd/core/time.h"

uint64_t poller_hash_plan(const struct mtr_source *source)
{
    const struct mtr_source_schedule *s = &source->schedule;
    const struct mtr_source_window *w = &source->window;
    const int64_t numbers[] = {s->every_us,    s->has_at,      s->at_s,     s->jitter_us, (int64_t)w->length,
                               w->length_us,   w->has_current, w->has_last, w->has_start, w->start_us,
                               w->lateness_us, w->overlap_us,  w->open_us,  w->split_us,  w->vendor_keeps_us,
                               (int64_t)source->era_count,     (int64_t)(intptr_t)w->zone};
    uint64_t hash = XXH3_64bits(numbers, sizeof(numbers));
    for (uint32_t i = 0; i < w->reread_count; i++) {
        const int64_t reread[] = {w->rereads[i].is_of_month, w->rereads[i].after_us};
        hash = XXH3_64bits_withSeed(reread, sizeof(reread), hash);
    }
    return hash;
}

static int add_strand(struct mtr_poller *poller, struct poller_source *state, struct mtr_str each,
                      struct poller_strand **out)
{
    *out = strand_index_find(&state->index, each);
    if (*out) return MTR_OK;
    struct poller_strand *strand = calloc(1, sizeof(*strand));
    if (!strand) return MTR_ENOMEM;
    strand->strand = (struct mtr_strand){mtr_str_from(state->vendor), mtr_str_from(state->key), each};
    char *copy = strndup(each.size ? each.data : "", each.size);
    int rc = copy ? due_heap_set(&poller->heap, &strand->due, poller->now_us) : MTR_ENOMEM;
    strand->strand.each.data = copy;
    if (!rc) rc = strand_index_add(&state->index, strand);
    if (rc) {
        due_heap_remove(&poller->heap, &strand->due);
        free(copy);
        free(strand);
        return rc;
    }
    strand->until_us = INT64_MAX;
    strand->source = state;
    strand->next = state->strands;
    strand->link = &state->strands;
    if (strand->next) strand->next->link = &strand->next;
    state->strands = strand;
    *out = strand;
    return MTR_OK;
}

int poller_take_strand(struct mtr_poller *poller, struct poller_source *state, struct mtr_str each,
                       const struct mtr_subscription *subscription, struct poller_strand **out)
{
    int rc = add_strand(poller, state, each, out);
    if (rc) return rc;
    struct poller_strand *strand = *out;
    strand->generation = poller->generation;
    strand->is_gone = false;
    strand->subscription = subscription;
    strand->plan = mtr_reading_plan_of(state->source, strand->strand.each, state->first_us);
    if (strand->plan_hash == state->plan_hash) return MTR_OK;
    strand->plan_hash = state->plan_hash;
    strand->unsettled_us = 0;
    return due_heap_set(&poller->heap, &strand->due, poller->now_us);
}
