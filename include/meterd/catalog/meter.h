/*
 * Meters: how events of one type become one quantity an hour, or a half or a quarter of one.
 *
 *   meters:
 *     - {key: vcpu, service: compute, event_type: cpu.used, value: hours, unit: h, group_by: [region, size]}
 *     - {key: calls, service: compute, event_type: api.call, aggregation: count, filter: {kind: [api, web]}}
 *     - {key: long, service: voice, event_type: call, value: seconds, filter: {seconds: {gt: 15, lte: 3600}}}
 *
 * An event counts for every meter of its type and of the service bought whose filter it passes and whose
 * properties it has: what is taken from it is said in meter_take.h. Its dimensions are the values of the
 * group_by properties, in that order; a missing property counts as empty. `unit` is a word for people; a
 * tariff that names another one is refused. `cell: 30m` or `15m` keeps use more finely than by the hour, for
 * tariffs whose windows begin at such times. All but name, unit and `retired` are fixed once applied: usage
 * was folded with them. A retired meter counts no event whose time is at or after that instant, a level of it
 * ends there, and windows behind it have no rank; the date moves only where no usage was counted under it.
 * Part of a snapshot: see catalog.h for lifetime.
 */
#ifndef METERD_CATALOG_METER_H
#define METERD_CATALOG_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/time.h"
#include "meterd/catalog/vendor.h"
#include "meterd/core/arena.h"
#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/document.h"
#include "meterd/core/time.h"

enum mtr_aggregation {
    MTR_SUM,
    MTR_COUNT,
    MTR_MIN,
    MTR_MAX,
    MTR_LAST,
    MTR_UNIQUE,
    MTR_TIME_WEIGHTED, /* a level × the time for which it held; it goes on from period to period */
    MTR_PERCENTILE,    /* of the sums of windows of equal length */
    MTR_COUNTER_INCREASE /* of readings of a counter that only grows, and begins anew from 0 after a reset */
};
enum { MTR_AGGREGATION_COUNT = 9 };
const char *mtr_aggregation_name(enum mtr_aggregation aggregation);
/* Is what a stretch comes to the sum of what its parts come to? Then cells may be of any length. */
static inline bool mtr_aggregation_adds_up(enum mtr_aggregation aggregation)
{
    return aggregation == MTR_SUM || aggregation == MTR_COUNT || aggregation == MTR_TIME_WEIGHTED ||
           aggregation == MTR_COUNTER_INCREASE;
}

/* Does time without use count in what a stretch comes to? Then it counts until the meter is retired. */
static inline bool mtr_aggregation_measures_time(enum mtr_aggregation aggregation)
{
    return aggregation == MTR_TIME_WEIGHTED || aggregation == MTR_PERCENTILE;
}

/* What a level of 1 that holds for this long comes to: 1. PERIOD: the whole billing period, so that the
 * quantity is the mean level. */
enum mtr_time_unit {
    MTR_TIME_UNIT_SECOND,
    MTR_TIME_UNIT_MINUTE,
    MTR_TIME_UNIT_HOUR,
    MTR_TIME_UNIT_DAY,
    MTR_TIME_UNIT_PERIOD
};

/* The length of the cells that use is kept in: an hour, half of one, or a quarter. */
#define MTR_CELL_US_MAX MTR_US_PER_HOUR
#define MTR_CELL_US_MIN (MTR_US_PER_HOUR / 4)

/* The longest stretch that one event of a meter with spread_over may cover, in seconds. */
enum { MTR_SPREAD_S_MAX = 32 * 86400 };

/* A number that a property is compared with. */
struct mtr_bound {
    bool given;
    bool inclusive;
    struct mtr_decimal at;
};

/* An event counts only when all of it holds of the property. One that is missing holds when nothing but
 * `excluded` is asked of it. Texts are compared as mtr_property_text gives them; above and below compare
 * numbers exactly, also those that came as text, and nothing else is above or below. */
struct mtr_filter {
    struct mtr_str property;
    struct mtr_str *values; /* it equals one of them; none: not asked */
    uint32_t value_count;
    struct mtr_str *excluded; /* it equals none of them */
    uint32_t excluded_count;
    struct mtr_bound above, below;
};

struct mtr_meter {
    uint32_t number;
    struct mtr_str key;
    struct mtr_str name;
    const struct mtr_service *service;
    struct mtr_str event_type;
    enum mtr_aggregation aggregation;
    struct mtr_str value; /* property that holds the quantity (or, for unique, the value); empty for count */
    struct mtr_str unit;  /* of the quantity, for people: "GiB", "requests" */
    struct mtr_str *group_by; /* property names */
    uint32_t group_by_count;
    uint64_t dimension_values_max; /* with group_by: different ones that it counts for a subject; above 0 */
    struct mtr_filter *filters; /* all must hold */
    uint32_t filter_count;
    bool missing_is_invalid;    /* an event that lacks a property is refused; else it is passed over */
    bool has_factor, has_min, has_max;
    struct mtr_quantity factor; /* above 0: the quantity is value × factor, exactly */
    struct mtr_quantity min, max; /* of the quantity of an event; what is outside is refused */
    bool keep_events;           /* sum, count: each event is kept, so that it can be priced by itself */
    struct mtr_str spread_over; /* sum: property that holds a length in seconds, over which the quantity is
                                   spread evenly; empty: none. It may be `value`, too */
    int64_t cell_us; /* how finely use is kept, so that a tariff's windows may begin and end there: an hour,
                        half of one, or a quarter */
    bool reports_changes;       /* time_weighted: events carry changes of the level; else the level itself */
    bool holds_from_day; /* time_weighted: a value holds from the beginning of its local day; else from its
                            own moment */
    enum mtr_time_unit per;     /* time_weighted */
    struct mtr_quantity percentile; /* percentile: above 0, at most 100 */
    int64_t window_us;           /* percentile: length of a window, divides an hour; 0 otherwise */
    int64_t gap_us;              /* counter: a reading that comes longer after the one before is told */
    struct mtr_catalog_time retired; /* a date is midnight in UTC; without a text: never */
};

/* Are its members of one list over all hours (store/rollups.h)? */
static inline bool mtr_meter_has_one_list(const struct mtr_meter *meter)
{
    return meter->aggregation == MTR_TIME_WEIGHTED || meter->aggregation == MTR_COUNTER_INCREASE;
}

/* From when on it counts nothing, in µs since 1970 UTC; INT64_MAX: never. */
static inline int64_t mtr_meter_retired_us(const struct mtr_meter *meter)
{
    return meter->retired.text.size ? meter->retired.time_us : INT64_MAX;
}

/* What a counter grew by from one reading to the next: one that stands lower was reset, and has counted what
 * it stands at since. MTR_EOVERFLOW. */
MTR_MUST_USE static inline int mtr_meter_gain(struct mtr_quantity before, struct mtr_quantity reading,
                                              struct mtr_quantity *out)
{
    *out = reading;
    return mtr_quantity_compare(reading, before) < 0 ? MTR_OK : mtr_quantity_sub(reading, before, out);
}
/* Is it its name, KEY or SERVICE/KEY? */
bool mtr_meter_has_name(const struct mtr_meter *meter, struct mtr_str name);
bool mtr_meter_has_dimension(const struct mtr_meter *meter, struct mtr_str name);
/* The end of a sentence about a dimension that it does not have, as mtr_str_meant makes it. */
const char *mtr_meter_dimension_meant(const struct mtr_meter *meter, struct mtr_str name,
                                      char text[MTR_MEANT_BYTES]);

/* Reads one meter document by itself, outside of any catalog: what `meterd price` finds in a bundle. Fills
 * key, unit, dimensions and everything that says how its values are measured; of its service there is the key
 * only, filters stay empty, and the number is 0. Allocated from the arena. MTR_EINVALID with findings,
 * MTR_ENOMEM. */
int mtr_meter_read(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_meter *out,
                   struct mtr_diagnostics *findings) MTR_MUST_USE;

struct mtr_component;
struct mtr_calendar;
struct mtr_zone;
enum { MTR_CELL_TEXT_BYTES = 400 };

/* Do the windows of the masks that a component of that calendar looks at its meter by begin and end with the
 * meter's cells? If not, a sentence says which does not, and what to do. */
bool mtr_meter_fits_masks(const struct mtr_meter *meter, const struct mtr_component *component,
                          const struct mtr_calendar *calendar, char text[MTR_CELL_TEXT_BYTES]);
/* Where cells are: in a subscription's zone, from its start on. */
struct mtr_cell_place {
    const struct mtr_zone *zone;
    int64_t from_us;
};
/* The same there of masks that look at another clock than the zone's. */
bool mtr_meter_fits_clocks(const struct mtr_meter *meter, const struct mtr_component *component,
                           const struct mtr_calendar *calendar, const struct mtr_cell_place *place,
                           char text[MTR_CELL_TEXT_BYTES]);

#endif
