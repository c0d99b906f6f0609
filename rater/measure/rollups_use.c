/*
 * The rollups as a source of use: each hook is one call of the store.
 */
#include "meterd/rater/use_source.h"

static struct mtr_rollups_txn *txn_of(void *context)
{
    return ((struct mtr_rollups_use *)context)->txn;
}

static const struct mtr_meter *find_meter(void *context, const struct mtr_component *component,
                                          uint32_t input)
{
    const struct mtr_rollups_use *use = context;
    return mtr_catalog_find_meter(use->catalog, component->inputs[input]);
}

static int walk_cells(void *context, const struct mtr_use_stream *stream, struct mtr_period range,
                      mtr_rollups_on_cell on_cell, void *hook_context)
{
    const struct mtr_cell_range cells = {stream->subscription->number, stream->meter->number, range.start_us,
                                         range.end_us};
    if (stream->within.range)
        return mtr_rollups_walk_cells_within(txn_of(context), &cells, &stream->within, on_cell, hook_context);
    return mtr_rollups_walk_cells(txn_of(context), &cells, on_cell, hook_context);
}

static int find_last(void *context, const struct mtr_cell_key *key, struct mtr_point *out)
{
    struct mtr_member member;
    int rc = mtr_rollups_last_member(txn_of(context), key, &member);
    return rc ? rc : mtr_point_decode(member.member, out);
}

static int walk_members(void *context, const struct mtr_cell_key *key, mtr_rollups_on_member on_member,
                        void *hook_context)
{
    return mtr_rollups_walk_members(txn_of(context), key, on_member, hook_context);
}

static int walk_events(void *context, const struct mtr_cell_key *key, mtr_rollups_on_point on_point,
                       void *hook_context)
{
    return mtr_rollups_walk_points(txn_of(context), key, INT64_MIN, INT64_MAX, on_point, hook_context);
}

static struct mtr_cell_key key_of(const struct mtr_use_stream *stream, struct mtr_str list)
{
    return (struct mtr_cell_key){stream->subscription->number, stream->meter->number, MTR_CELL_ALL_HOURS,
                                 list};
}

static int next_list(void *context, const struct mtr_use_stream *stream, const struct mtr_str *after,
                     struct mtr_str *dimensions)
{
    const struct mtr_cell_key of = key_of(stream, MTR_STR(""));
    if (stream->within.range)
        return mtr_rollups_next_list_within(txn_of(context), &of, &stream->within, after, dimensions);
    return mtr_rollups_next_list(txn_of(context), stream->subscription->number, stream->meter->number,
                                 MTR_CELL_ALL_HOURS, after, dimensions);
}

static int point_before(void *context, const struct mtr_use_stream *stream, struct mtr_str list,
                        int64_t time_us, struct mtr_point *out)
{
    const struct mtr_cell_key key = key_of(stream, list);
    return mtr_rollups_point_before(txn_of(context), &key, time_us, out);
}

static int walk_points(void *context, const struct mtr_use_stream *stream,
                       const struct mtr_use_points *wanted, mtr_rollups_on_point on_point, void *hook_context)
{
    const struct mtr_cell_key key = key_of(stream, wanted->list);
    return mtr_rollups_walk_points(txn_of(context), &key, wanted->from_us, wanted->until_us, on_point,
                                   hook_context);
}

const struct mtr_use_source mtr_use_of_rollups = {
    .meter = find_meter,
    .cells = walk_cells,
    .last = find_last,
    .members = walk_members,
    .events = walk_events,
    .next_list = next_list,
    .point_before = point_before,
    .points = walk_points,
};
