/*
 * A strand of a source: made, or found, given what the catalog says, and let go.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "collector/source/limits/failing.h"
#include "collector/source/poll/poller_alarms.h"
#include "collector/source/poll/poller_state.h"
#include "meterd/collector/source_terms.h"
#include "meterd/core/time.h"

uint64_t poller_hash_plan(const struct mtr_source *source)
{
    const struct mtr_source_schedule *s = &source->schedule;
    const struct mtr_source_window *w = &source->window;
    const int64_t numbers[] = {s->every_us,    s->has_at,      s->at_s,     s->jitter_us, (int64_t)w->length,
                               w->length_us,   w->has_current, w->has_last, w->has_start, w->start_us,
                               w->lateness_us, w->overlap_us,  w->open_us,  w->split_us,  w->vendor_keeps_us,
                               source->era_count, source->guard.every_us, (int64_t)(intptr_t)w->zone};
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
    char *copy = mtr_str_copy(each);
    int rc = copy ? due_heap_set(&poller->heap, &strand->due, poller->now_us) : MTR_ENOMEM;
    strand->strand.each.data = copy;
    if (!rc) rc = strand_index_add(&state->index, strand);
    if (rc) {
        due_heap_remove(&poller->heap, &strand->due);
        free(copy);
        free(strand);
        return rc;
    }
    strand->source = state;
    strand->next = state->strands;
    strand->link = &state->strands;
    if (strand->next) strand->next->link = &strand->next;
    state->strands = strand;
    *out = strand;
    return MTR_OK;
}

/* ---- terms ---- */

static bool are_terms(const struct poller_strand *strand, const struct mtr_plan_term *terms, uint32_t count)
{
    if (strand->plan.term_count != count) return false;
    for (uint32_t i = 0; i < count; i++)
        if (strand->plan.terms[i].from_us != terms[i].from_us ||
            strand->plan.terms[i].until_us != terms[i].until_us)
            return false;
    return true;
}

/* Windows that were passed over, or will be, are looked at once more. */
static int set_terms(struct mtr_poller *poller, struct poller_strand *strand,
                     const struct mtr_plan_term *terms, uint32_t count)
{
    struct mtr_plan_term *copy = NULL;
    if (are_terms(strand, terms, count)) return MTR_OK;
    if (count > 1) {
        copy = malloc(count * sizeof(*copy));
        if (!copy) return MTR_ENOMEM;
        memcpy(copy, terms, count * sizeof(*copy));
    }
    free(strand->terms);
    strand->terms = copy;
    if (count) strand->term = terms[0];
    strand->plan.terms = copy ? copy : &strand->term;
    strand->plan.term_count = count;
    strand->unsettled_us = 0;
    return due_heap_set(&poller->heap, &strand->due, poller->now_us);
}

int poller_end_strand(struct mtr_poller *poller, struct poller_strand *strand, int64_t until_us)
{
    const struct mtr_plan_term term = {INT64_MIN, until_us};
    return set_terms(poller, strand, &term, until_us < INT64_MAX);
}

/* What is asked for may be the same, and belong to others: windows have more of a term, or less. */
static int take_terms(struct mtr_poller *poller, struct poller_strand *strand)
{
    struct mtr_plan_term terms[MTR_SOURCE_TERMS_MAX];
    const int64_t behind_us = mtr_window_reread_most_us(&strand->source->source->window);
    uint32_t count = mtr_source_terms(strand->subscription, 0, terms);
    const uint64_t hash = XXH3_64bits(terms, count * sizeof(terms[0]));
    count = mtr_source_terms(strand->subscription, behind_us, terms);
    int rc = set_terms(poller, strand, terms, count);
    if (rc || hash == strand->terms_hash) return rc;
    strand->terms_hash = hash;
    strand->unsettled_us = 0;
    return due_heap_set(&poller->heap, &strand->due, poller->now_us);
}

/* ---- strands ---- */

static void make_plan(struct poller_strand *strand)
{
    const struct poller_source *state = strand->source;
    const struct mtr_reading_plan before = strand->plan;
    strand->plan = mtr_reading_plan_of(state->source, strand->strand.each, state->first_us);
    strand->closed_until_us = 0; /* it may lead elsewhere, or have other credentials */
    strand->plan.terms = before.terms;
    strand->plan.term_count = before.term_count;
}

int poller_take_strand(struct mtr_poller *poller, struct poller_source *state, struct mtr_str each,
                       const struct mtr_subscription *subscription, struct poller_strand **out)
{
    int rc = add_strand(poller, state, each, out);
    if (rc) return rc;
    struct poller_strand *strand = *out;
    const bool is_taken = strand->generation == poller->generation; /* by another of its subscriptions */
    if (strand->generation < state->plan_generation) make_plan(strand);
    strand->generation = poller->generation;
    strand->is_gone = false;
    strand->subscription = subscription;
    if (subscription && !is_taken) rc = take_terms(poller, strand);
    if (rc || strand->plan_hash == state->plan_hash) return rc;
    strand->plan_hash = state->plan_hash;
    strand->unsettled_us = 0;
    return due_heap_set(&poller->heap, &strand->due, poller->now_us);
}

void poller_drop_strand(struct mtr_poller *poller, struct poller_strand *strand)
{
    MTR_ASSERT(!strand->poll);
    poller_crowd_drop(strand);
    *strand->link = strand->next;
    if (strand->next) strand->next->link = strand->link;
    strand_index_remove(&strand->source->index, strand);
    due_heap_remove(&poller->heap, &strand->due);
    poller_drop_alarms(poller, strand);
    union {
        const char *text;
        void *memory;
    } each = {strand->strand.each.data};
    free(each.memory);
    free(strand->terms);
    failing_forget_all(strand);
    free(strand);
}

void poller_let_go(struct mtr_poller *poller, struct poller_strand *strand)
{
    strand->is_gone = true;
    if (strand->poll)
        poll_stop(strand->poll);
    else
        poller_drop_strand(poller, strand);
}
