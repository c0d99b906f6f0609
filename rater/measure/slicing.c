/*
 * Slicing: groups, slices, rows; see slicing.h. Percentiles and levels have files of their own.
 *
 * Invariant: a slice's row of the part is its measure up to the part's end less its measure up to the part's
 * start, so that the rows of a period's parts add up to the measure of the whole period.
 */
#include "rater/measure/slicing_state.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/core/limits.h"
#include "meterd/core/time.h"

int mtr_slicing_begin(const struct mtr_slicing_rule *rule, struct mtr_arena *arena, struct mtr_slicing **out)
{
    MTR_ASSERT(rule->from_us <= rule->own_us && rule->own_us <= rule->until_us);
    struct mtr_slicing *slicing = mtr_arena_calloc(arena, 1, sizeof(*slicing));
    if (!slicing) return MTR_ENOMEM;
    slicing->rule = *rule;
    slicing->arena = arena;
    slicing->dimensions.arena = slicing->members.arena = arena;
    *out = slicing;
    return MTR_OK;
}

int mtr_slicing_group(struct mtr_slicing *slicing, struct mtr_str dimensions, uint32_t *number)
{
    bool is_new = false;
    int rc = mtr_byte_set_add(&slicing->dimensions, dimensions, number, &is_new);
    if (rc || !is_new) return rc;
    return mtr_arena_make_room(slicing->arena, (void **)&slicing->groups, *number, &slicing->group_capacity,
                               sizeof(*slicing->groups));
}

uint32_t mtr_slicing_group_count(const struct mtr_slicing *slicing)
{
    return slicing->dimensions.count;
}

struct mtr_str mtr_slicing_dimensions(const struct mtr_slicing *slicing, uint32_t group)
{
    MTR_ASSERT(group < slicing->dimensions.count);
    return slicing->dimensions.keys[group];
}

static int find_slice(struct mtr_slicing *slicing, uint32_t group, int64_t placed_us,
                      struct rater_slice **out)
{
    struct rater_group_state *state = &slicing->groups[group];
    struct rater_slice *newest = state->newest ? &slicing->slices[state->newest - 1] : NULL;
    const int64_t newest_end_us = newest ? newest->end_us : INT64_MIN;
    MTR_ASSERT(group < slicing->dimensions.count && (!newest || placed_us >= newest->start_us));
    *out = newest;
    if (newest && placed_us < newest->end_us) return MTR_OK;
    int rc = mtr_arena_make_room(slicing->arena, (void **)&slicing->slices, slicing->slice_count,
                                 &slicing->slice_capacity, sizeof(*slicing->slices));
    if (rc) return rc;
    const struct mtr_period bounds = rater_slice_at(&slicing->rule, placed_us);
    MTR_ASSERT(bounds.start_us <= placed_us && placed_us < bounds.end_us &&
               newest_end_us <= bounds.start_us);
    *out = &slicing->slices[slicing->slice_count++];
    **out = (struct rater_slice){.group = group, .start_us = bounds.start_us, .end_us = bounds.end_us};
    slicing->groups[group].newest = slicing->slice_count;
    return MTR_OK;
}

/* From the part's first use on, what was measured until then stands fixed. */
static bool note_use(const struct mtr_slicing *slicing, struct rater_slice *slice, int64_t placed_us)
{
    const bool first = !slice->live && !slice->live_before;
    if (placed_us < slicing->rule.own_us) {
        slice->live_before = true;
    } else if (!slice->live) {
        slice->before = slice->value;
        slice->live = true;
    }
    return first;
}

static int add_to_window(struct mtr_slicing *slicing, struct rater_slice *slice, const struct mtr_use *use)
{
    const int64_t start_us = rater_window_start(&slicing->rule, use->placed_us);
    struct rater_window *last = slice->window_count ? &slice->windows[slice->window_count - 1] : NULL;
    int rc = MTR_OK;
    MTR_ASSERT(!last || last->start_us <= start_us);
    if (!last || last->start_us != start_us) {
        rc = mtr_arena_make_room(slicing->arena, (void **)&slice->windows, slice->window_count,
                                 &slice->window_capacity, sizeof(*slice->windows));
        if (rc) return rc;
        last = &slice->windows[slice->window_count++];
        *last = (struct rater_window){.start_us = start_us};
    }
    rc = mtr_quantity_add(last->sum, use->quantity, &last->sum);
    if (!rc && use->placed_us < slicing->rule.own_us) last->before = last->sum;
    return rc;
}

static bool is_later(const struct mtr_use *use, const struct rater_slice *slice)
{
    return use->time_us != slice->time_us ? use->time_us > slice->time_us : use->seq > slice->seq;
}

static int add_event(struct mtr_slicing *slicing, uint32_t group, const struct mtr_use *use)
{
    const struct mtr_usage_row row = {.time_us = use->time_us,
                                      .until_us = use->time_us,
                                      .quantity = use->quantity,
                                      .earlier = use->placed_us < slicing->rule.own_us};
    return rater_add_row(slicing, group, &row, use->seq);
}

static int add_to_slice(struct mtr_slicing *slicing, struct rater_slice *slice, const struct mtr_use *use)
{
    const enum mtr_aggregation aggregation = slicing->rule.meter ? slicing->rule.meter->aggregation : MTR_SUM;
    const bool first = note_use(slicing, slice, use->placed_us);
    const int order = mtr_quantity_compare(use->quantity, slice->value);
    switch (aggregation) {
    case MTR_SUM:
    case MTR_COUNT:
    case MTR_COUNTER_INCREASE: return mtr_quantity_add(slice->value, use->quantity, &slice->value);
    case MTR_MIN:
        if (first || order < 0) slice->value = use->quantity;
        return MTR_OK;
    case MTR_MAX:
        if (first || order > 0) slice->value = use->quantity;
        return MTR_OK;
    case MTR_LAST:
        if (!first && !is_later(use, slice)) return MTR_OK;
        slice->value = use->quantity;
        slice->time_us = use->time_us;
        slice->seq = use->seq;
        return MTR_OK;
    case MTR_PERCENTILE: return add_to_window(slicing, slice, use);
    case MTR_UNIQUE:
    case MTR_TIME_WEIGHTED: break;
    }
    MTR_ASSERT(!"an aggregation of single uses");
    return MTR_EINVALID;
}

int mtr_slicing_add(struct mtr_slicing *slicing, uint32_t group, const struct mtr_use *use)
{
    struct rater_slice *slice;
    if (slicing->rule.component->scope == MTR_CURVE_SCOPE_EVENT) return add_event(slicing, group, use);
    int rc = find_slice(slicing, group, use->placed_us, &slice);
    if (rc) return rc;
    const struct mtr_slicing_mark mark = {.group = group, .from_us = slice->start_us};
    return rater_mark_range(slicing, &mark, add_to_slice(slicing, slice, use));
}

int mtr_slicing_add_member(struct mtr_slicing *slicing, uint32_t group, int64_t placed_us,
                           struct mtr_str member)
{
    struct rater_slice *slice;
    char key[sizeof(uint32_t) + MTR_LMDB_KEY_BYTES_MAX];
    uint32_t number;
    bool is_new = false;
    int rc = find_slice(slicing, group, placed_us, &slice);
    if (rc) return rc;
    (void)note_use(slicing, slice, placed_us);
    const uint32_t index = slicing->groups[group].newest;
    if (member.size > sizeof(key) - sizeof(index)) return MTR_ECORRUPT;
    memcpy(key, &index, sizeof(index));
    if (member.size) memcpy(key + sizeof(index), member.data, member.size);
    rc = mtr_byte_set_add(&slicing->members, (struct mtr_str){key, sizeof(index) + member.size}, &number,
                          &is_new);
    return rc || !is_new ? rc : mtr_quantity_add(slice->value, MTR_QUANTITY(1), &slice->value);
}

int mtr_slicing_add_change(struct mtr_slicing *slicing, uint32_t group, int64_t time_us,
                           struct mtr_quantity change)
{
    MTR_ASSERT(group < slicing->dimensions.count);
    struct rater_group_state *state = &slicing->groups[group];
    int rc = mtr_arena_make_room(slicing->arena, (void **)&state->changes, state->change_count,
                                 &state->change_capacity, sizeof(*state->changes));
    if (!rc) state->changes[state->change_count++] = (struct rater_change){time_us, change};
    return rc;
}

/* ---- rows ---- */

/* Over the windows of the slice that have a stretch of [from, until), or of what is before the part. */
static int measure_windows(struct mtr_slicing *slicing, const struct rater_slice *slice, int64_t until_us,
                           struct mtr_quantity *out)
{
    const struct mtr_slicing_rule *rule = &slicing->rule;
    const int64_t from_us = mtr_time_later(slice->start_us, rule->from_us);
    uint32_t count = 0;
    while (count < slice->window_count && slice->windows[count].start_us < until_us) count++;
    struct rater_window *sorted = mtr_arena_alloc(slicing->arena, ((size_t)count + 1) * sizeof(*sorted));
    if (!sorted) return MTR_ENOMEM;
    if (count) memcpy(sorted, slice->windows, count * sizeof(*sorted));
    for (uint32_t i = 0; until_us <= rule->own_us && i < count; i++) sorted[i].sum = sorted[i].before;
    *out = rater_percentile(sorted, count, rater_window_count(rule, from_us, until_us),
                            rule->meter->percentile);
    return MTR_OK;
}

static int measure_percentiles(struct mtr_slicing *slicing, struct rater_slice *slice)
{
    const struct mtr_slicing_rule *rule = &slicing->rule;
    const int64_t own_us = mtr_time_sooner(slice->end_us, rule->own_us);
    int rc = MTR_OK;
    slice->before.e12 = 0;
    if (slice->live_before) rc = measure_windows(slicing, slice, own_us, &slice->before);
    slice->value = slice->before;
    if (!rc && rule->own_us < slice->end_us)
        rc = measure_windows(slicing, slice, mtr_time_sooner(slice->end_us, rule->until_us), &slice->value);
    return rc;
}

static int add_slice_rows(struct mtr_slicing *slicing, struct rater_slice *slice)
{
    const struct mtr_slicing_rule *rule = &slicing->rule;
    const bool is_percentile = rule->meter && rule->meter->aggregation == MTR_PERCENTILE;
    int rc = is_percentile ? measure_percentiles(slicing, slice) : MTR_OK;
    if (rc) return rc;
    if (!slice->live && !is_percentile) slice->before = slice->value;
    struct mtr_usage_row row = {
        .time_us = slice->start_us, .quantity = slice->before, .earlier = true};
    row.until_us = row.time_us;
    if (slice->live_before) rc = rater_add_row(slicing, slice->group, &row, 0);
    if (rc) return rc;
    row.earlier = false;
    row.time_us = row.until_us = mtr_time_later(slice->start_us, rule->own_us);
    rc = mtr_quantity_sub(slice->value, slice->before, &row.quantity);
    if (rc || (!slice->live && !row.quantity.e12)) return rc;
    return rater_add_row(slicing, slice->group, &row, 1);
}

static int compare_rows(const void *a, const void *b)
{
    const struct rater_slice_row *x = a, *y = b;
    int order = mtr_str_compare(x->row.dimensions, y->row.dimensions);
    if (order) return order;
    if (x->row.time_us != y->row.time_us) return x->row.time_us < y->row.time_us ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

int mtr_slicing_finish(struct mtr_slicing *slicing, const struct mtr_usage_row **rows, uint32_t *count)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < slicing->slice_count; i++)
        rc = add_slice_rows(slicing, &slicing->slices[i]);
    if (mtr_slicing_is_level(slicing->rule.meter))
        for (uint32_t i = 0; !rc && i < slicing->dimensions.count; i++)
            rc = rater_measure_level(slicing, i);
    if (rc) return rc;
    struct mtr_usage_row *finished =
        mtr_arena_calloc(slicing->arena, (size_t)slicing->row_count + 1, sizeof(*finished));
    if (!finished) return MTR_ENOMEM;
    if (slicing->row_count) qsort(slicing->rows, slicing->row_count, sizeof(*slicing->rows), compare_rows);
    for (uint32_t i = 0; i < slicing->row_count; i++)
        finished[i] = slicing->rows[i].row;
    *rows = finished;
    *count = slicing->row_count;
    return MTR_OK;
}
