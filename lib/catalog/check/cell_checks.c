/*
 * Whether the cells that a meter keeps are as fine as the windows of the calendar masks that look at them.
 *
 * A cell is judged as a whole, so no mask may begin or end inside of one. Windows are of the mask's clock,
 * cells of the subscription's: where these are not whole cells apart, windows would fall into cells, too.
 */
#include "meterd/catalog/meter.h"

#include <stdio.h>
#include <stdlib.h>

#include "meterd/core/zone.h"
#include "meterd/tariff/tariff.h"

enum { MINUTES_PER_HOUR = 60 };
#define US_PER_MINUTE (MTR_US_PER_HOUR / MINUTES_PER_HOUR)

/* The masks that the component names, and all those that they are made of; events and levels are judged by
 * their own moments, not by cells. */
static uint64_t masks_of(const struct mtr_component *component, const struct mtr_calendar *calendar)
{
    uint64_t masks = 0;
    if (component->scope == MTR_CURVE_SCOPE_EVENT || component->scope == MTR_CURVE_SCOPE_LEVEL) return 0;
    if (component->has_when) masks |= mtr_calendar_parts(calendar, component->when);
    for (uint32_t i = 0; i < component->weight_count; i++)
        masks |= mtr_calendar_parts(calendar, component->weights[i].mask);
    return masks;
}

static const char *cell_name(int64_t cell_us)
{
    switch (cell_us) {
    case MTR_CELL_US_MAX: return "an hour";
    case MTR_CELL_US_MAX / 2: return "half an hour";
    default: return "a quarter of an hour";
    }
}

/* The longest cell that divides both; NULL: none does. */
static const char *fitting_cell(int64_t first_us, int64_t second_us)
{
    static const char *const names[] = {"hour", "30m", "15m"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const int64_t cell_us = MTR_CELL_US_MAX >> i;
        if (first_us % cell_us == 0 && second_us % cell_us == 0) return names[i];
    }
    return NULL;
}

enum { ADVICE_BYTES = 120 };

/* `cell`: what would do; NULL: nothing but another window does. */
static void advise(const struct mtr_meter *meter, const char *cell, const char *otherwise,
                   char text[ADVICE_BYTES])
{
    if (!mtr_aggregation_adds_up(meter->aggregation))
        snprintf(text, ADVICE_BYTES, "the cells of %s are hours always: %s",
                 mtr_aggregation_name(meter->aggregation), otherwise);
    else if (cell)
        snprintf(text, ADVICE_BYTES, "give a new meter `cell: %s`", cell);
    else
        snprintf(text, ADVICE_BYTES, "no cell is that fine: %s", otherwise);
}

bool mtr_meter_fits_masks(const struct mtr_meter *meter, const struct mtr_component *component,
                          const struct mtr_calendar *calendar, char text[MTR_CELL_TEXT_BYTES])
{
    const uint64_t masks = masks_of(component, calendar);
    const char *otherwise = mtr_aggregation_adds_up(meter->aggregation) ? "let it be at :00, :15, :30 or :45"
                                                                        : "let it be a whole hour";
    char advice[ADVICE_BYTES];
    for (uint32_t i = 0; i < calendar->mask_count; i++) {
        const struct mtr_mask *mask = &calendar->masks[i];
        if (!(masks >> i & 1) || !mtr_mask_cuts(mask, meter->cell_us)) continue;
        const int64_t from_us = mask->from_min * US_PER_MINUTE, until_us = mask->until_min * US_PER_MINUTE;
        const bool begins = from_us % meter->cell_us != 0;
        const int minute = begins ? mask->from_min : mask->until_min;
        advise(meter, fitting_cell(from_us, until_us), otherwise, advice);
        snprintf(text, MTR_CELL_TEXT_BYTES,
                 "mask `%.*s` %s at %02d:%02d, but meter `%.*s` has cells of %s: %s", MTR_STR_ARGS(mask->key),
                 begins ? "begins" : "ends", minute / MINUTES_PER_HOUR, minute % MINUTES_PER_HOUR,
                 MTR_STR_ARGS(meter->key), cell_name(meter->cell_us), advice);
        return false;
    }
    return true;
}

/* How far the zone's clock is from that of the mask where that is no whole number of cells, within two years
 * from then on: later changes of law are not known either. 0: nowhere. */
static int64_t find_odd_offset(const struct mtr_zone *zone, enum mtr_mask_clock clock, int64_t cell_us,
                               int64_t from_us)
{
    const int64_t until_us = from_us + 2 * 366 * MTR_US_PER_DAY;
    while (from_us < until_us) {
        const struct mtr_zone_span span = mtr_zone_at(zone, from_us);
        const int64_t clock_s = clock == MTR_MASK_CLOCK_UTC ? 0 : mtr_zone_standard_offset(zone, from_us);
        const int64_t off_us = (span.offset_s - clock_s) * MTR_US_PER_SECOND;
        if (off_us % cell_us != 0) return off_us;
        from_us = span.end_us;
    }
    return 0;
}

bool mtr_meter_fits_clocks(const struct mtr_meter *meter, const struct mtr_component *component,
                           const struct mtr_calendar *calendar, const struct mtr_cell_place *place,
                           char text[MTR_CELL_TEXT_BYTES])
{
    const uint64_t masks = masks_of(component, calendar);
    char advice[ADVICE_BYTES];
    for (uint32_t i = 0; i < calendar->mask_count; i++) {
        const struct mtr_mask *mask = &calendar->masks[i];
        if (!(masks >> i & 1) || mask->clock == MTR_MASK_CLOCK_LOCAL || !mtr_mask_has_clock(mask)) continue;
        const int64_t off_us = find_odd_offset(place->zone, mask->clock, meter->cell_us, place->from_us);
        if (!off_us) continue;
        const int64_t minutes = llabs(off_us) / US_PER_MINUTE;
        advise(meter, fitting_cell(off_us, mask->from_min * US_PER_MINUTE), "let it be local time", advice);
        snprintf(text, MTR_CELL_TEXT_BYTES,
                 "mask `%.*s` is of %s time, %02d:%02d from the clock of %s, but meter `%.*s` has cells of "
                 "%s: %s",
                 MTR_STR_ARGS(mask->key), mtr_mask_clock_name(mask->clock), (int)(minutes / MINUTES_PER_HOUR),
                 (int)(minutes % MINUTES_PER_HOUR), mtr_zone_name(place->zone), MTR_STR_ARGS(meter->key),
                 cell_name(meter->cell_us), advice);
        return false;
    }
    return true;
}
