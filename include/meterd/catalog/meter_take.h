/*
 * What a meter takes from an event: nothing, its quantity and dimensions, or a fault.
 *
 *   filters ─▶ does it have the properties? ─▶ is the meter retired? ─▶ dimensions ─▶ quantity ─▶ length
 *
 * The collector asks it at the door and the aggregator when it folds, so that what was accepted counts. Pure:
 * the same event and meter give the same, in any thread; nothing is allocated.
 *
 * An event counts in each meter of its type that can take it. One that lacks a meter's property is no use of
 * that meter: it is passed over, unless the meter says `missing: invalid`. A property that is there gives a
 * value, and one that cannot be counted is a fault of the event.
 */
#ifndef METERD_CATALOG_METER_TAKE_H
#define METERD_CATALOG_METER_TAKE_H

#include "meterd/catalog/meter.h"
#include "meterd/core/event.h"
#include "meterd/core/limits.h"

enum mtr_take {
    MTR_TAKE_COUNTS,
    MTR_TAKE_IS_FILTERED, /* a filter leaves it out */
    MTR_TAKE_LACKS,       /* it lacks a property of a meter that passes over such events */
    MTR_TAKE_RETIRED,     /* it would be taken, or be a fault, had the meter not been retired by its time */
    MTR_TAKE_FAULT        /* fault and property say what is wrong */
};

enum mtr_take_fault {
    MTR_FAULT_MISSING,         /* the property, of a meter that wants it */
    MTR_FAULT_TIME,            /* the event's own, outside 1970 to 2199; no property */
    MTR_FAULT_DIMENSION_BYTE,  /* a dimension holds the byte 0x1F */
    MTR_FAULT_DIMENSIONS_LONG, /* together longer than MTR_DIMENSIONS_BYTES_MAX */
    MTR_FAULT_NOT_A_NUMBER,
    MTR_FAULT_DIGITS,          /* more than 12 after the point */
    MTR_FAULT_TOO_LARGE,       /* above MTR_EVENT_QUANTITY_MAX in magnitude; with a factor, the product is */
    MTR_FAULT_PRODUCT_DIGITS,  /* times the factor it has more than 12 after the point */
    MTR_FAULT_BELOW_MIN,       /* the quantity, of the meter's */
    MTR_FAULT_ABOVE_MAX,
    MTR_FAULT_LENGTH,          /* not from 0 to MTR_SPREAD_S_MAX */
    MTR_FAULT_LENGTH_BEYOND    /* may lead beyond 2199 */
};

/* What it says of the property, or of the event where there is none: "is missing". */
const char *mtr_take_fault_text(enum mtr_take_fault fault);

/* Ends each value of a cell's dimensions, so no value may hold it. */
enum { MTR_DIMENSION_END = 0x1F };

struct mtr_taken {
    struct mtr_quantity quantity;     /* COUNTS: the value × the factor; count: 1; unique: 0 */
    struct mtr_quantity length_s;     /* COUNTS: of a meter with spread_over, from 0 on; else 0 */
    const struct mtr_property *value; /* COUNTS: the property that holds it; NULL for count */
    struct mtr_str dimensions;        /* COUNTS: the group_by values, each with its end; in dimension_bytes */
    enum mtr_take_fault fault;        /* FAULT */
    struct mtr_str property;          /* FAULT and LACKS: which; the meter's */
    char dimension_bytes[MTR_DIMENSIONS_BYTES_MAX];
};

enum mtr_take mtr_meter_take(const struct mtr_meter *meter, const struct mtr_event *event,
                             struct mtr_taken *out);

/* Only the values of its group_by: COUNTS, or a FAULT of DIMENSION_BYTE or DIMENSIONS_LONG. */
enum mtr_take mtr_meter_take_dimensions(const struct mtr_meter *meter, const struct mtr_event *event,
                                        struct mtr_taken *out);

#endif
