/*
 * Which slice holds a moment, the rows that slices become, and the marks of those out of range. Pure.
 */
#include "meterd/catalog/cell.h"
#include "meterd/core/time.h"
#include "rater/measure/slicing_state.h"

static struct mtr_period given_slice_at(const struct mtr_slicing_rule *rule, int64_t time_us)
{
    uint32_t low = 0, high = rule->slice_count;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (rule->slices[middle].start_us <= time_us)
            low = middle;
        else
            high = middle;
    }
    MTR_ASSERT(low < rule->slice_count && rule->slices[low].start_us <= time_us &&
               time_us < rule->slices[low].end_us);
    return rule->slices[low];
}

/* The meter's cell of the clock, or the whole hour: masks look at cells. */
static struct mtr_period clock_cell_at(const struct mtr_slicing_rule *rule, int64_t time_us)
{
    const struct mtr_hour hour = mtr_zone_hour(rule->zone, time_us);
    const bool is_whole = !rule->meter || !mtr_component_has_masks(rule->component);
    const struct mtr_cell_bounds cell =
        mtr_cell_of_length(&hour, is_whole ? MTR_US_PER_HOUR : rule->meter->cell_us, time_us);
    return (struct mtr_period){cell.start_us, cell.end_us};
}

struct mtr_period rater_slice_at(const struct mtr_slicing_rule *rule, int64_t time_us)
{
    if (rule->slices) return given_slice_at(rule, time_us);
    if (rule->component->scope == MTR_CURVE_SCOPE_HOUR || mtr_component_has_masks(rule->component))
        return clock_cell_at(rule, time_us);
    if (rule->component->scope == MTR_CURVE_SCOPE_DAY) {
        const struct mtr_period_rule day = {MTR_PERIOD_DAY, INT64_MIN, rule->zone};
        return mtr_period_at(&day, time_us);
    }
    return (struct mtr_period){rule->from_us, rule->until_us};
}

int rater_add_row(struct mtr_slicing *slicing, uint32_t group, const struct mtr_usage_row *row, uint64_t seq)
{
    int rc = mtr_arena_make_room(slicing->arena, (void **)&slicing->rows, slicing->row_count,
                                 &slicing->row_capacity, sizeof(*slicing->rows));
    if (rc) return rc;
    MTR_ASSERT(group < slicing->dimensions.count && row->time_us <= row->until_us);
    MTR_ASSERT(row->earlier == (row->time_us < slicing->rule.own_us) ||
               slicing->rule.component->scope == MTR_CURVE_SCOPE_EVENT);
    struct rater_slice_row *added = &slicing->rows[slicing->row_count++];
    *added = (struct rater_slice_row){*row, seq};
    added->row.component = slicing->rule.component_index;
    added->row.input = slicing->rule.input;
    added->row.dimensions = slicing->dimensions.keys[group];
    return MTR_OK;
}

const struct mtr_slicing_mark *mtr_slicing_marks(const struct mtr_slicing *slicing, uint32_t *count)
{
    *count = slicing->mark_count;
    return slicing->marks;
}

int rater_mark_range(struct mtr_slicing *slicing, const struct mtr_slicing_mark *mark, int rc)
{
    if (rc != MTR_EOVERFLOW || !slicing->rule.marks_range) return rc;
    rc = mtr_arena_make_room(slicing->arena, (void **)&slicing->marks, slicing->mark_count,
                             &slicing->mark_capacity, sizeof(*mark));
    if (!rc) slicing->marks[slicing->mark_count++] = *mark;
    return rc;
}
