/*
 * The rollups with some hours counted again as a source of use. Meters are the store's.
 */
#include "daemon/query/recounted_use.h"

#include <stdlib.h>
#include <string.h>

enum { SCRATCH_CHUNK_BYTES = 1 << 16 };

static const struct mtr_recount *recount_of(void *context)
{
    return ((struct query_recounted_use *)context)->recount;
}

static void *rollups_of(void *context)
{
    return &((struct query_recounted_use *)context)->rollups;
}

static const struct mtr_meter *find_meter(void *context, const struct mtr_component *component,
                                          uint32_t input)
{
    return mtr_use_of_rollups.meter(rollups_of(context), component, input);
}

static int walk_cells(void *context, const struct mtr_use_stream *stream, struct mtr_period range,
                      mtr_rollups_on_cell on_cell, void *hook_context)
{
    const struct mtr_cell_range cells = {stream->subscription->number, stream->meter->number, range.start_us,
                                         range.end_us};
    return mtr_recount_walk_cells(recount_of(context), &cells, on_cell, hook_context);
}

static int find_last(void *context, const struct mtr_cell_key *key, struct mtr_point *out)
{
    struct mtr_member member;
    int rc = mtr_recount_last_member(recount_of(context), key, &member);
    return rc ? rc : mtr_point_decode(member.member, out);
}

static int walk_members(void *context, const struct mtr_cell_key *key, mtr_rollups_on_member on_member,
                        void *hook_context)
{
    return mtr_recount_walk_members(recount_of(context), key, on_member, hook_context);
}

static int walk_events(void *context, const struct mtr_cell_key *key, mtr_rollups_on_point on_point,
                       void *hook_context)
{
    return mtr_recount_walk_points(recount_of(context), key, on_point, hook_context);
}

static struct mtr_cell_key key_of(const struct mtr_use_stream *stream, struct mtr_str list)
{
    return (struct mtr_cell_key){stream->subscription->number, stream->meter->number, MTR_CELL_ALL_HOURS,
                                 list};
}

static int next_list(void *context, const struct mtr_use_stream *stream, const struct mtr_str *after,
                     struct mtr_str *dimensions)
{
    return mtr_recount_next_list(recount_of(context), stream->subscription->number, stream->meter->number,
                                 after, dimensions);
}

static int point_before(void *context, const struct mtr_use_stream *stream, struct mtr_str list,
                        int64_t time_us, struct mtr_point *out)
{
    const struct mtr_cell_key key = key_of(stream, list);
    return mtr_recount_point_before(recount_of(context), &key, time_us, out);
}

static int walk_points(void *context, const struct mtr_use_stream *stream,
                       const struct mtr_use_points *wanted, mtr_rollups_on_point on_point, void *hook_context)
{
    const struct mtr_cell_key key = key_of(stream, wanted->list);
    const struct mtr_hour within = {wanted->from_us, wanted->until_us};
    return mtr_recount_walk_list(recount_of(context), &key, within, on_point, hook_context);
}

const struct mtr_use_source query_use_of_recount = {
    .meter = find_meter,
    .cells = walk_cells,
    .last = find_last,
    .members = walk_members,
    .events = walk_events,
    .next_list = next_list,
    .point_before = point_before,
    .points = walk_points,
};

/* ---- views ---- */

static size_t asked_bytes(const struct query_view *view)
{
    return mtr_catalog_count(view->catalog, MTR_KIND_SUBSCRIPTION) / 8 + 1;
}

int query_view_open(struct query_view *view, const struct mtr_catalog *catalog,
                    const struct mtr_recount_options *options)
{
    *view = (struct query_view){.catalog = catalog};
    mtr_arena_init(&view->scratch, SCRATCH_CHUNK_BYTES, SIZE_MAX);
    view->asked = malloc(asked_bytes(view));
    return view->asked ? mtr_recount_open(options, &view->recount) : MTR_ENOMEM;
}

void query_view_close(struct query_view *view)
{
    mtr_recount_close(view->recount);
    free(view->asked);
    mtr_arena_release(&view->scratch);
    *view = (struct query_view){.catalog = NULL};
}

void query_view_begin(struct query_view *view, struct mtr_rollups_txn *txn,
                      const struct mtr_catalog *in_force)
{
    memset(view->asked, 0, asked_bytes(view));
    view->peers = NULL;
    view->use = (struct query_recounted_use){{txn, view->catalog}, view->recount};
    mtr_recount_begin(view->recount, txn, in_force, view->catalog);
}

static int ask_one(struct query_view *view, const struct mtr_subscription *subscription)
{
    const struct mtr_recount_request request = {.subscription = subscription,
                                                .cuts_us = subscription->cuts_us,
                                                .cut_count = subscription->cut_count,
                                                .by_starts = true};
    uint8_t *bits = &view->asked[subscription->number / 8];
    const uint8_t bit = (uint8_t)(1U << subscription->number % 8);
    if (*bits & bit) return MTR_OK;
    *bits |= bit;
    return mtr_recount_ask(view->recount, &request);
}

/* With those that use of its subject may go to, or come from. */
static int ask_subject(struct query_view *view, const struct mtr_subscription *subscription)
{
    int rc = ask_one(view, subscription);
    for (uint32_t i = 0; !rc && i < subscription->same_subject_count; i++)
        if (subscription->same_subject[i]->service == subscription->service)
            rc = ask_one(view, subscription->same_subject[i]);
    return rc;
}

/* Those before it; one after the other asks for the same ones. */
static int ask_peers(struct query_view *view, const struct mtr_subscription *phase)
{
    const bool goes_on = view->peers == phase->peers && view->peers_asked <= phase->peer_index;
    int rc = MTR_OK;
    for (uint32_t k = goes_on ? view->peers_asked : 0; !rc && k < phase->peer_index; k++)
        rc = ask_subject(view, phase->peers[k]);
    view->peers = phase->peers;
    view->peers_asked = phase->peer_index;
    return rc;
}

int query_view_ask(struct query_view *view, const struct mtr_subscription *subscription)
{
    int rc = ask_subject(view, subscription);
    for (uint32_t i = 0; !rc && i < mtr_subscription_phase_count(subscription); i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(subscription, i);
        if (!rc) rc = ask_peers(view, phase);
    }
    return rc;
}

int query_view_count(struct query_view *view, struct mtr_diagnostic *diagnostic)
{
    return mtr_recount_count(view->recount, diagnostic);
}

struct mtr_rating query_view_rating(struct query_view *view, struct mtr_charges_txn *charges,
                                    struct mtr_arena *arena)
{
    struct mtr_rating rating = mtr_rating_of_stores(&view->use.rollups, charges, arena);
    rating.scratch = &view->scratch;
    rating.source = &query_use_of_recount;
    rating.source_context = &view->use;
    return rating;
}
