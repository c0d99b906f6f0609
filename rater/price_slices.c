/*
 * Slices: the rows of a line put together as its scope has it. A slice holds all use of its event, hour, day or period, and how much of that
 * lies before the part that is priced. Memory: one slice lies in the line itself, more in the arena.
 */
#include "rater/price_parts.h"

#include "meterd/core/time.h"

static int64_t slice_start(const struct mtr_pricer *pricer, enum mtr_slice_by by, int64_t time_us)
{
    const int64_t time_s = time_us / MTR_US_PER_SECOND;
    if (by == MTR_SLICE_BY_HOUR) return mtr_zone_hour(pricer->input->zone, time_s).start_s;
    return mtr_price_local_day(pricer->input->zone, time_s);
}

static bool joins(const struct mtr_pricer *pricer, enum mtr_slice_by by, const struct mtr_price_slice *slice, const struct mtr_usage_row *row)
{
    switch (by) {
    case MTR_SLICE_BY_PERIOD:
    case MTR_SLICE_BY_TERM: return true;
    case MTR_SLICE_BY_HOUR:
    case MTR_SLICE_BY_DAY: return slice_start(pricer, by, slice->time_us) == slice_start(pricer, by, row->time_us);
    case MTR_SLICE_BY_EVENT:
    case MTR_SLICE_BY_LEVEL: return false;
    }
    MTR_ASSERT(!"known scope");
    return false;
}

static int add_row(struct mtr_price_slice *slice, const struct mtr_usage_row *row)
{
    int rc = mtr_quantity_add(slice->quantity, row->quantity, &slice->quantity);
    if (!rc && row->earlier) rc = mtr_quantity_add(slice->earlier, row->quantity, &slice->earlier);
    slice->is_earlier = slice->is_earlier || row->earlier;
    return rc;
}

/* What a row adds to the quantity of the line: a level counts by its share of the period. */
static int own_quantity(const struct mtr_pricer *pricer, const struct mtr_line_work *work, const struct mtr_usage_row *row,
                        struct mtr_quantity *out)
{
    const struct mtr_period *period = &pricer->input->period;
    *out = row->quantity;
    if (work->component->scope != MTR_SLICE_BY_LEVEL) return MTR_OK;
    const struct mtr_quantity held = {row->until_us - row->time_us}, whole = {(period->end_s - period->start_s) * MTR_US_PER_SECOND};
    return mtr_quantity_scale(row->quantity, held, whole, MTR_QUANTITY_DIGITS, MTR_ROUND_HALF_EVEN, out);
}

/* The flat at zero use is due once: was it, in an earlier part? */
static bool was_due_earlier(const struct mtr_pricer *pricer, const struct mtr_component *component)
{
    const struct mtr_price_input *input = pricer->input;
    for (uint32_t i = 0; i < input->earlier_count && !input->version->reset; i++)
        for (uint32_t j = 0; j < input->earlier[i]->line_count; j++)
            if (mtr_str_equal(input->earlier[i]->lines[j].component, component->key)) return true;
    return false;
}

static void decide_due(const struct mtr_pricer *pricer, struct mtr_line_work *work, bool any_use)
{
    const struct mtr_component *component = work->component;
    const bool sliced = component->scope != MTR_SLICE_BY_PERIOD && component->scope != MTR_SLICE_BY_TERM;
    work->due = work->line.quantity.e12 != 0 || (sliced && any_use);
    if (!component->flat_at_zero || component->group_by_count) return;
    const bool was_due = was_due_earlier(pricer, component);
    work->due = work->due || !was_due;
    work->slices[0].is_earlier = work->slices[0].is_earlier || was_due;
}

int mtr_price_slices(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const enum mtr_slice_by by = work->component->scope;
    bool any_use = false;
    int rc = MTR_OK;
    work->slices = &work->single;
    work->single = (struct mtr_price_slice){0};
    work->slice_count = 1;
    if (work->row_count > 1 && by != MTR_SLICE_BY_PERIOD && by != MTR_SLICE_BY_TERM) {
        work->slices = mtr_arena_calloc(pricer->arena, work->row_count, sizeof(*work->slices));
        if (!work->slices) return MTR_ENOMEM;
    }
    for (uint32_t i = 0; !rc && i < work->row_count && work->rows[i]->input == 0; i++) {
        const struct mtr_usage_row *row = work->rows[i];
        struct mtr_price_slice *slice = &work->slices[work->slice_count - 1];
        if (i > 0 && !joins(pricer, by, slice, row)) slice = &work->slices[work->slice_count++];
        if (i == 0 || slice->time_us == 0) {
            slice->time_us = row->time_us;
            slice->until_us = row->until_us;
        }
        rc = add_row(slice, row);
        if (rc || row->earlier) continue;
        struct mtr_quantity own;
        any_use = any_use || row->quantity.e12 != 0;
        rc = own_quantity(pricer, work, row, &own);
        if (!rc) rc = mtr_quantity_add(work->line.quantity, own, &work->line.quantity);
    }
    if (!rc) decide_due(pricer, work, any_use);
    return rc;
}
