/*
 * Curves: what a quantity costs. Each is one file that holds all of it: the row of the schema, its reading,
 * its findings, its price, its borders. Nothing else in the tariff language or in the price function knows
 * which curves there are: it asks the flags and hooks below. Private to lib/tariff.
 *
 * To add a curve, write curve/<key>.c:
 *   1. a struct for what stands under the key, and `row`, which decodes it: `.name` is the key, `.own_size`
 *      the size of that struct; rows of maps and lists below it follow by `.fields`. It becomes
 *      component->curve_data, as long-lived as the tariff;
 *   2. where the price needs it in another shape, `read`, which makes that in the arena;
 *   3. `lint`: what the rows cannot know, a sentence for each finding, at its node;
 *   4. `price`: adds what work->billed costs to work->line.exact, which is zero before; traces its steps
 *      where pricer->with_trace; sets has_unit_price and unit_price when one price applied to all of it.
 *      Nothing is allocated but by the trace;
 *   5. `borders`, where the price changes its course, for plots;
 *   6. the flags, and the hooks for what else it touches;
 * then a row in curve/table.h: among the curves of lines when it prices the use of one meter. Tests ask for
 * an example in config/tariffs; docs/pricing.md explains the curve to people.
 *
 * What several curves are made of has a file of its own, and is no curve: tiers (tiers.h), rates in percent
 * (rate.h), products and blocks (price/pricer.h).
 */
#ifndef METERD_LIB_TARIFF_CURVE_CURVE_H
#define METERD_LIB_TARIFF_CURVE_CURVE_H

#include "lib/tariff/curve/table.h"
#include "lib/tariff/fields.h"

struct mtr_pricer;
struct mtr_line_work;
struct tariff_borders;

struct tariff_curve {
    struct mtr_field row;
    bool without_use;    /* a fee: no meter and none of the parts that need use */
    bool names_meters;   /* in itself, instead of `meter` */
    bool has_flats;      /* takes flat_at_zero */
    bool takes_tier_by;  /* another meter may choose the tier */
    bool weighs_by_time; /* a rate, and flats that are due once: goes with scope level */
    bool has_units;      /* that a pool can give: no fee, no share of money, one meter */

    /* Makes component->curve_data of what `row` decoded; NULL: it is that. MTR_ENOMEM. */
    int (*read)(struct mtr_arena *arena, const void *fields, struct mtr_component *out);
    /* `node` is what stands under the key. May finish the model where that needs a finding (a rate that
     * cannot be divided exactly). */
    void (*lint)(const struct mtr_node *node, struct mtr_component *component,
                 struct mtr_diagnostics *findings);
    /* Prices one slice's work->billed; NULL of a fee, and of a matrix, whose rows are asked. */
    int (*price)(struct mtr_pricer *pricer, struct mtr_line_work *work);

    /* The rest may be NULL. */

    /* Bounds of what is billed, ascending, each by price_add_border. */
    void (*borders)(const struct mtr_component *component, struct tariff_borders *borders);
    /* Keys of the component that do not go with the curve; `node` is the component. */
    void (*lint_beside)(const struct mtr_node *node, const struct tariff_component_fields *fields,
                        struct mtr_diagnostics *findings);
    /* The component's scope with this curve; `node` is the component, or the row of a matrix. */
    void (*lint_scope)(const struct mtr_node *node, const struct mtr_component *component,
                       struct mtr_diagnostics *findings);
    /* A meter that is named in the curve beside `meter`, as input 1; empty: none. Not asked in a matrix. */
    struct mtr_str (*side_meter)(const void *fields);
    /* The whole line of a fee, instead of slicing and pricing use; sets work->due. */
    int (*price_fee)(struct mtr_pricer *pricer, struct mtr_line_work *work);

    /* Of a curve that is made of curves (a matrix): when everything around it is read, its rows; the
     * component of row `index`, or NULL; and the row for work's line into work->priced, traced. */
    int (*read_rows)(const struct mtr_node *node, const void *fields, struct mtr_arena *arena,
                     struct mtr_component *component, struct mtr_diagnostics *findings);
    const struct mtr_component *(*row_at)(const struct mtr_component *component, uint32_t index);
    int (*select)(struct mtr_pricer *pricer, struct mtr_line_work *work);
};

#define TARIFF_CURVE_DECLARED(key) extern const struct tariff_curve tariff_curve_##key;
TARIFF_CURVES(TARIFF_CURVE_DECLARED)

/* By index; the first TARIFF_CURVE_OF_LINES_COUNT may stand in a row of a matrix. */
extern const struct tariff_curve *const tariff_curves[TARIFF_CURVE_COUNT];

/* The curves that may stand in one place. */
struct tariff_curve_set {
    const struct tariff_curve *const *curves;
    uint32_t count;
    const char *holder; /* the list of such places, for findings */
};
extern const struct tariff_curve_set tariff_curves_of_components; /* all of them */
extern const struct tariff_curve_set tariff_curves_of_lines;      /* in a row of a matrix */

/* The one curve of the set that is given, with what was decoded of it: `fields` has a pointer for each curve
 * of the set. curve is NULL, with a finding at `node`, when there is none or more than one. */
struct tariff_given_curve {
    const struct tariff_curve *curve;
    void *fields;
};
struct tariff_given_curve tariff_one_curve(const struct mtr_node *node, const struct tariff_curve_set *set,
                                           void *const *fields, struct mtr_diagnostics *findings);
/* What was decoded becomes the component's curve, with its findings; `node` has the curve's key.
 * MTR_ENOMEM. */
int tariff_read_curve(const struct mtr_node *node, struct tariff_given_curve given, struct mtr_arena *arena,
                      struct mtr_component *out, struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
