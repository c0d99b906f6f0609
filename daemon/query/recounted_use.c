/*
 * The rollups with some hours counted again as a source of use. Meters and lists over all hours are the
 * store's: no cut changes them.
 */
#include "daemon/query/recounted_use.h"

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

static int next_list(void *context, const struct mtr_use_stream *stream, const struct mtr_str *after,
                     struct mtr_str *dimensions)
{
    return mtr_use_of_rollups.next_list(rollups_of(context), stream, after, dimensions);
}

static int point_before(void *context, const struct mtr_use_stream *stream, struct mtr_str list,
                        int64_t time_us, struct mtr_point *out)
{
    return mtr_use_of_rollups.point_before(rollups_of(context), stream, list, time_us, out);
}

static int walk_points(void *context, const struct mtr_use_stream *stream,
                       const struct mtr_use_points *wanted, mtr_rollups_on_point on_point, void *hook_context)
{
    return mtr_use_of_rollups.points(rollups_of(context), stream, wanted, on_point, hook_context);
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
