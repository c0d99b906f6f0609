/*
 * Readings of a counter within the term; see meterd/rater/readings.h.
 */
#include "meterd/rater/readings.h"

enum { STOP = 1 };

static int64_t begun_us(const struct mtr_readings_question *question)
{
    return mtr_subscription_begun_us(question->stream.subscription);
}

static int on_earlier_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    (void)context;
    (void)key;
    return cell->count ? STOP : MTR_OK;
}

int mtr_readings_begin(struct mtr_readings_question *question)
{
    const struct mtr_period before = {MTR_CELL_ALL_HOURS + 1, begun_us(question)};
    question->has_earlier = false;
    if (question->stream.meter->aggregation != MTR_COUNTER_INCREASE) return MTR_OK;
    int rc = question->source->cells(question->source_context, &question->stream, before, on_earlier_cell,
                                     NULL);
    question->has_earlier = rc == STOP;
    return rc == STOP ? MTR_OK : rc;
}

static int on_first(void *context, const struct mtr_point *point)
{
    *(struct mtr_point *)context = *point;
    return STOP;
}

int mtr_readings_in_term(const struct mtr_readings_question *question, const struct mtr_cell_key *key,
                         struct mtr_quantity *value)
{
    const struct mtr_use_source *source = question->source;
    const struct mtr_use_stream *stream = &question->stream;
    const struct mtr_use_points from_there = {key->dimensions, key->start_us, INT64_MAX};
    struct mtr_point before, first;
    struct mtr_quantity gain, own = {0};
    if (!question->has_earlier) return MTR_OK;
    MTR_ASSERT(key->start_us >= begun_us(question));
    int rc = source->point_before(question->source_context, stream, key->dimensions, key->start_us, &before);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (before.time_us >= begun_us(question)) return MTR_OK;
    rc = source->points(question->source_context, stream, &from_there, on_first, &first);
    if (rc != STOP) return rc ? rc : MTR_ECORRUPT; /* the cell has a reading */
    const struct mtr_opening *opening =
        mtr_subscription_opening(stream->subscription, stream->meter->number, key->dimensions);
    rc = mtr_meter_gain(before.quantity, first.quantity, &gain);
    if (!rc && opening) rc = mtr_meter_gain(opening->value, first.quantity, &own);
    if (!rc) rc = mtr_quantity_sub(*value, gain, value);
    return rc ? rc : mtr_quantity_add(*value, own, value);
}
