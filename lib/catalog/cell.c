/*
 * Where cells begin and end; see cell.h.
 */
#include "meterd/catalog/cell.h"

/* The cuts ascend: the cell begins at the last one that is not behind time_us, and ends at the next. */
static void cut(const struct mtr_subscription *subscription, int64_t time_us, struct mtr_cell_bounds *cell)
{
    uint32_t low = 0, high = subscription->cut_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (subscription->cuts_us[middle] <= time_us) low = middle + 1;
        else high = middle;
    }
    if (low > 0) cell->start_us = mtr_time_later(cell->start_us, subscription->cuts_us[low - 1]);
    if (low < subscription->cut_count)
        cell->end_us = mtr_time_sooner(cell->end_us, subscription->cuts_us[low]);
}

/* Of a percentile the window, which is what its measure looks at. */
static int64_t length_of(const struct mtr_meter *meter)
{
    if (!meter) return MTR_US_PER_HOUR;
    return meter->window_us ? meter->window_us : meter->cell_us;
}

struct mtr_cell_bounds mtr_cell_of_length(const struct mtr_hour *hour, int64_t length_us, int64_t time_us)
{
    struct mtr_cell_bounds cell = {hour->start_us, hour->end_us};
    MTR_ASSERT(hour->start_us <= time_us && time_us < hour->end_us && length_us > 0);
    if (length_us < MTR_US_PER_HOUR) {
        cell.start_us += (time_us - cell.start_us) / length_us * length_us;
        cell.end_us = mtr_time_sooner(cell.end_us, cell.start_us + length_us);
    }
    return cell;
}

struct mtr_cell_bounds mtr_cell_within(const struct mtr_hour *hour,
                                       const struct mtr_subscription *subscription,
                                       const struct mtr_meter *meter, int64_t time_us)
{
    struct mtr_cell_bounds cell = mtr_cell_of_length(hour, length_of(meter), time_us);
    if (subscription->cut_count) cut(subscription, time_us, &cell);
    MTR_ASSERT(cell.start_us <= time_us && time_us < cell.end_us);
    return cell;
}

struct mtr_cell_bounds mtr_cell_at(const struct mtr_subscription *subscription, const struct mtr_meter *meter,
                                   int64_t time_us)
{
    const struct mtr_hour hour = mtr_zone_hour(subscription->zone, time_us);
    return mtr_cell_within(&hour, subscription, meter, time_us);
}
