/*
 * From uses to slices: what a component's price is made of. A use is a value at a moment (an event, an hour's
 * cell, a window's sum, a change of a level); a slice is a usage row of price.h. Pure: no store, no clock.
 * The rater's gathering and usage queries share it.
 *
 *   begin ──▶ group, add … ──▶ finish
 *
 * A group is a combination of the component's group_by: a line. The component's scope says what a slice is:
 * an event, a local hour or day, all of the part, or a level while it holds. The meter's aggregation says how
 * uses become the quantity of a slice:
 *   sum, count, unique   add up
 *   min, max             compare
 *   last                 the latest
 *   percentile           nearest rank over all windows of the slice; one without use is 0 until the meter is retired
 *   time_weighted        level × seconds ÷ per, divided once; slices are differences of the running quotient,
 *                        so that they add up to the whole
 * What comes before the part gives the position: rows marked `earlier`. What the part brings is the measure
 * up to its end less the measure up to its start, for every aggregation.
 *
 * Uses of a group come in ascending order of `placed_us`; changes of a level in any order. Everything is
 * allocated from the caller's arena.
 */
#ifndef METERD_RATER_SLICING_H
#define METERD_RATER_SLICING_H

#include "meterd/catalog/catalog.h"
#include "meterd/core/arena.h"
#include "meterd/core/zone.h"
#include "meterd/tariff/price.h"

struct mtr_slicing_rule {
    const struct mtr_component *component;
    uint32_t component_index;
    uint32_t input;
    const struct mtr_meter *meter;  /* NULL: values add up */
    const struct mtr_zone *zone;    /* of hours and days */
    struct mtr_period whole;        /* the billing period: what `per: period` divides by */
    /* Instead of the scope's: these, ascending and without gaps, from at or before from_us to until_us or
     * after. Each is then what `per: period` divides by. NULL: the scope's. */
    const struct mtr_period *slices;
    uint32_t slice_count;
    bool marks_range; /* a slice that is out of range is marked, and the others are measured; else an error */
    int64_t from_us;                 /* uses from here on count; before own_us they give the position */
    int64_t own_us;                  /* from here on they are billed */
    int64_t until_us;                /* up to here, not included */
};

struct mtr_use {
    int64_t placed_us; /* decides slice and part: the start of its cell (catalog/cell.h) */
    int64_t time_us;  /* of the event; of equal times the greater seq is the later */
    uint64_t seq;
    struct mtr_quantity quantity;
};

struct mtr_slicing;

int mtr_slicing_begin(const struct mtr_slicing_rule *rule, struct mtr_arena *arena,
                      struct mtr_slicing **out) MTR_MUST_USE;
/* The number of the group of that dimensions text, counted from 0 in order of first appearance. */
int mtr_slicing_group(struct mtr_slicing *slicing, struct mtr_str dimensions, uint32_t *number) MTR_MUST_USE;
uint32_t mtr_slicing_group_count(const struct mtr_slicing *slicing);
struct mtr_str mtr_slicing_dimensions(const struct mtr_slicing *slicing, uint32_t group);

int mtr_slicing_add(struct mtr_slicing *slicing, uint32_t group, const struct mtr_use *use) MTR_MUST_USE;
/* unique: one of the values, which counts once in each slice. */
int mtr_slicing_add_member(struct mtr_slicing *slicing, uint32_t group, int64_t placed_us,
                           struct mtr_str member) MTR_MUST_USE;
/* time_weighted: what the level of the group changes by, at that moment (the caller has turned levels into
 * changes). */
int mtr_slicing_add_change(struct mtr_slicing *slicing, uint32_t group, int64_t time_us,
                           struct mtr_quantity change) MTR_MUST_USE;

/* The rows, by (dimensions, time, sequence). Errors of all: MTR_EOVERFLOW, MTR_ENOMEM, MTR_ELIMIT. */
int mtr_slicing_finish(struct mtr_slicing *slicing, const struct mtr_usage_row **rows,
                       uint32_t *count) MTR_MUST_USE;

/* Slices of a rule that marks them, in any order: their rows have no meaning, or are missing. */
struct mtr_slicing_mark {
    uint32_t group;
    int64_t from_us; /* where the slice begins */
    bool goes_on;    /* so are all of the group behind it: its level is out of range */
};
const struct mtr_slicing_mark *mtr_slicing_marks(const struct mtr_slicing *slicing, uint32_t *count);

/* Does the component's quantity come from levels over time? Then a change goes on into the periods after
 * it. */
bool mtr_slicing_is_level(const struct mtr_meter *meter);

#endif
