/*
 * Slices: the rows of a line put together as its scope has it. A slice holds all use of its event, hour, day
 * or period, and how much of that lies before the part that is priced. Memory: one slice lies in the line
 * itself, more in the arena.
 */
#include "lib/tariff/fields.h"
#include "lib/tariff/price/pricer.h"

#include "meterd/core/time.h"

/* The number of the local day, or the start of the local hour. */
static int64_t place_of(const struct mtr_pricer *pricer, enum mtr_curve_scope by, int64_t time_us)
{
    MTR_ASSERT(pricer->input->zone);
    return by == MTR_CURVE_SCOPE_HOUR ? mtr_zone_hour(pricer->input->zone, time_us).start_us
                                      : price_local_day(pricer->input->zone, time_us);
}

static int add_row(struct mtr_price_slice *slice, const struct mtr_usage_row *row)
{
    int rc = mtr_quantity_add(slice->quantity, row->quantity, &slice->quantity);
    if (!rc && row->earlier) rc = mtr_quantity_add(slice->earlier, row->quantity, &slice->earlier);
    slice->is_earlier = slice->is_earlier || row->earlier;
    return rc;
}

/* One slice of all rows. */
static int add_whole(struct mtr_line_work *work)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < work->row_count && work->rows[i]->input == 0; i++)
        rc = add_row(&work->single, work->rows[i]);
    return rc ? rc : mtr_quantity_sub(work->single.quantity, work->single.earlier, &work->line.quantity);
}

/* Rows of one local hour or day join; an event or a level is a slice by itself. */
static int add_apart(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const enum mtr_curve_scope by = work->component->scope;
    const bool joins = by == MTR_CURVE_SCOPE_HOUR || by == MTR_CURVE_SCOPE_DAY;
    int64_t place = 0;
    work->slice_count = 0;
    if (work->row_count > 1)
        work->slices = mtr_arena_calloc(pricer->arena, work->row_count, sizeof(*work->slices));
    if (!work->slices) return MTR_ENOMEM;
    for (uint32_t i = 0; i < work->row_count; i++) {
        const struct mtr_usage_row *row = work->rows[i];
        const int64_t here = joins ? place_of(pricer, by, row->time_us) : 0;
        MTR_ASSERT(row->input == 0);
        if (i == 0 || !joins || here != place) {
            work->slices[work->slice_count].time_us = row->time_us;
            work->slices[work->slice_count++].until_us = row->until_us;
        }
        place = here;
        int rc = add_row(&work->slices[work->slice_count - 1], row);
        if (!rc && !row->earlier)
            rc = mtr_quantity_add(work->line.quantity, row->quantity, &work->line.quantity);
        if (rc) return rc;
    }
    if (work->slice_count == 0) work->slice_count = 1; /* of nothing: a flat may be due at zero use */
    return by == MTR_CURVE_SCOPE_LEVEL ? price_mean_level(pricer, work, &work->line.quantity) : MTR_OK;
}

/* Rows ascend by input, so the last one tells whether there are further meters. */
static int add_inputs(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    if (!work->row_count || work->rows[work->row_count - 1]->input == 0) return MTR_OK;
    struct mtr_price_inputs *inputs = mtr_arena_calloc(pricer->arena, 1, sizeof(*inputs));
    if (!inputs) return MTR_ENOMEM;
    for (uint32_t i = 0; i < work->row_count; i++) {
        const struct mtr_usage_row *row = work->rows[i];
        MTR_ASSERT(row->input < MTR_TARIFF_INPUTS_MAX);
        int rc = mtr_quantity_add(inputs->quantity[row->input], row->quantity, &inputs->quantity[row->input]);
        if (!rc && row->earlier)
            rc = mtr_quantity_add(inputs->earlier[row->input], row->quantity, &inputs->earlier[row->input]);
        if (rc) return rc;
        work->single.is_earlier = work->single.is_earlier || row->earlier;
    }
    work->inputs = inputs;
    return MTR_OK;
}

int price_slices(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    work->slices = &work->single;
    work->slice_count = 1;
    int rc = tariff_is_whole(work->component->scope) ? add_whole(work) : add_apart(pricer, work);
    if (!rc && tariff_is_whole(work->component->scope)) rc = add_inputs(pricer, work);
    if (rc) return rc;
    price_decide_due(pricer, work);
    if (work->is_weighted) work->line.quantity = work->measured;
    return rc;
}
