/*
 * What one event gives to one meter: nothing, a quantity or a member of a cell, or a reason why it cannot
 * count. Pure: the same event and meter give the same quantity, so a void subtracts exactly what its target
 * added.
 *
 * Members are bytes whose order is the aggregation's:
 *   min, max        quantity                     16 bytes, big-endian, sign bit flipped
 *   last            time | sequence | quantity   a point of rollups.h; of equal times the later sequence is
 *                                                the last
 *   time_weighted   the same, in one list over all hours
 *   counter         the same
 *   kept events     the same: of sum and count with keep_events
 *   unique          0x00 | canonical text        up to 64 bytes of text
 *                   0x01 | XXH3-128 of the text  longer ones
 */
#ifndef METERD_AGGREGATOR_EVENT_QUANTITY_H
#define METERD_AGGREGATOR_EVENT_QUANTITY_H

#include <stdint.h>

#include "meterd/catalog/meter_take.h"

enum event_counts {
    EVENT_COUNTS,         /* at its moment */
    EVENT_COUNTS_SPREAD,  /* the quantity is spread over length_s, which is above 0 */
    EVENT_IS_FILTERED,    /* the meter's filter leaves it out: not an error */
    EVENT_IS_PASSED_OVER, /* it lacks a property of the meter: another may count it */
    EVENT_IS_TOO_LATE,    /* the meter was retired by its time, or it would count or be refused */
    EVENT_IS_REFUSED,     /* reason and text are set */
    EVENT_IS_BEYOND       /* of fold_offer alone: the meter holds it, its values are beyond the quota */
};

enum { MTR_UNIQUE_TEXT_BYTES_MAX = 64, MTR_MEMBER_BYTES_MAX = MTR_UNIQUE_TEXT_BYTES_MAX + 1 };

struct event_quantity {
    struct mtr_str member; /* empty, or in member_bytes */
    const char *reason;    /* one word, static */
    struct mtr_taken taken; /* quantity, length and dimensions */
    char member_bytes[MTR_MEMBER_BYTES_MAX];
    char text[160]; /* a sentence */
};

/* seq is the event's own sequence. Text in *out is borrowed from *out itself. */
enum event_counts event_quantity(const struct mtr_meter *meter, const struct mtr_event *event, uint64_t seq,
                                 struct event_quantity *out);

/* What of a spread quantity falls before elapsed_us of its length: rounded once, so that the differences
 * of ascending times add up to all of it. elapsed_us from 0 on; from the length on it is the whole. */
int event_quantity_spread(const struct event_quantity *counted, int64_t elapsed_us,
                          struct mtr_quantity *out) MTR_MUST_USE;

/* The quantity in a member of min, max or last. */
struct mtr_quantity event_quantity_of_member(struct mtr_str member);

#endif
