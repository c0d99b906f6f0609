/*
 * Parts: what stands around the curve and changes a quantity before it, or an amount behind it. Each is one
 * file with the row of its key, its reading, its findings and what it does at its place in the order. Private
 * to lib/tariff.
 *
 * To add a part, write part/<part>.c:
 *   1. a struct for what stands under its key, and `row`, which decodes it (`.own_size` is its size);
 *   2. where it is applied in another shape, `read`, which makes that in the arena;
 *   3. `lint`: what the row cannot know, a sentence for each finding, at its node;
 *   4. what it does: one of the `apply_…`, which finds its own by TARIFF_PART_OF(component, <part>), does
 *      nothing without it, and traces what it changed where pricer->with_trace;
 * then a row at its place in part/table.h, and its place in the order of docs/pricing.md.
 */
#ifndef METERD_LIB_TARIFF_PART_PART_H
#define METERD_LIB_TARIFF_PART_PART_H

#include "lib/tariff/fields.h"

struct mtr_pricer;
struct mtr_line_work;

struct tariff_part {
    struct mtr_field row; /* of its key in a component; none of a STEP */
    /* Makes component->parts[…] of what `row` decoded; NULL: it is that. MTR_ENOMEM. */
    int (*read)(struct mtr_arena *arena, const void *fields, void **out);
    /* `node` is the component. May finish the model where that needs a finding. */
    void (*lint)(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                 struct mtr_component *component, struct mtr_diagnostics *findings);

    /* Of a slice: changes work->billed, or makes work->line.exact of it (the curve). */
    int (*apply_to_slice)(struct mtr_pricer *pricer, struct mtr_line_work *work);
    /* The other way, for borders: the quantity before it that comes to that one behind it. */
    int (*take_back)(const void *own, struct mtr_quantity *quantity);
    bool has_border; /* where what is billed begins the price changes its course */

    /* Of a line, all its slices together: changes work->line.exact. */
    int (*apply_to_line)(struct mtr_pricer *pricer, struct mtr_line_work *work);

    /* Of the lines of a component, from first_line on, and then of all lines: may cut them and add some. */
    int (*apply_to_component)(struct mtr_pricer *pricer, const struct mtr_component *component,
                              uint32_t first_line);
    bool adds_lines; /* apply_to_component adds lines by what the others come to, and leaves these as they
                        are: they may be priced apart, with a sum for the others (price.h: rest) */
    bool cuts_lines; /* apply_to_component takes amounts off lines, the last first: they may be priced apart,
                        with sums for those before and behind them */
    int (*apply_to_tariff)(struct mtr_pricer *pricer);
    bool of_single_lines; /* apply_to_component looks at each line by itself: they may be priced apart. It is
                             one of these three */
};

#define TARIFF_PART_DECLARED(part) extern const struct tariff_part tariff_part_##part;
#define TARIFF_KEYED_PART_DECLARED(part, key) TARIFF_PART_DECLARED(part)
TARIFF_COMPONENT_KEYS(TARIFF_KEYED_PART_DECLARED, TARIFF_PART_DECLARED)
TARIFF_WHOLE_PARTS(TARIFF_PART_DECLARED)

/* The orders; each ends with NULL. */
extern const struct tariff_part *const tariff_slice_parts[], *const tariff_line_parts[],
    *const tariff_component_parts[], *const tariff_whole_parts[];
/* By index: those with a key. */
extern const struct tariff_part *const tariff_keyed_parts[TARIFF_PART_COUNT];

/* What was decoded of each becomes the component's, which has its curve; with findings. MTR_ENOMEM. */
int tariff_read_parts(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                      struct mtr_arena *arena, struct mtr_component *component,
                      struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
